// The store of the simulator and of unit tests: deterministic, and with a disk that forgets what was not made
// durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kv/key_value_store.h"

namespace forebay::kv {

// What outlives a process: give the same one to the next open_memory_store. One store at a time.
class MemoryDisk {
 public:
  // Power cut: of the batches that were written and not made durable, the first `kept` survive. The store
  // that is open on this disk is dead after it (kFailedPrecondition).
  void crash(std::size_t kept = 0);
  [[nodiscard]] std::size_t buffered_batches() const;
  // Every write from now on fails with this, until cleared. A store that has failed once stays failed.
  void fail_writes(std::optional<Error> error);

 private:
  friend class MemoryStore;
  using Entries = std::map<std::string, std::string, std::less<>>;
  static void apply(Entries& entries, const WriteBatch& batch);

  mutable std::mutex mutex_;  // guards everything below
  Entries durable_;
  std::vector<WriteBatch> buffered_;
  std::optional<Error> write_error_;
  std::uint64_t session_ = 0;  // of the store that is open, or 0
  std::uint64_t last_session_ = 0;
};

// Errors: kLocked while another store is open on this disk.
[[nodiscard]] Result<std::unique_ptr<KeyValueStore>> open_memory_store(std::shared_ptr<MemoryDisk> disk);

}  // namespace forebay::kv
