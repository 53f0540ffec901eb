// How long this directory's disk takes for a durable 4 KiB write. Leaves nothing behind.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace forebay::cli {

struct SyncSpeed {
  std::chrono::nanoseconds p50{0};
  std::chrono::nanoseconds p99{0};
};

// Takes about a hundred durable writes, a second at most. Errors: kNotFound (no such directory),
// kStorageFailed (it cannot be written; the context says why).
[[nodiscard]] Result<SyncSpeed> probe_sync_speed(const std::string& directory);

}  // namespace forebay::cli
