// The store of the daemon. Its only source file is the only one that includes rocksdb/.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "kv/key_value_store.h"

namespace forebay::kv {

// Makes the directory when missing (its parent must exist). Sized for state of a few MiB: about 12 MiB of
// memory at most. Errors: kLocked (open elsewhere), kDataLoss (damaged: move the directory to quarantine and
// rebuild from the log), kUnsupported (written by a newer RocksDB), kDiskFull, kStorageFailed.
[[nodiscard]] Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const std::string& directory);

}  // namespace forebay::kv
