// The disk of the machine: io_uring and O_DIRECT where the system grants them, helper threads and the page
// cache where not.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace forebay::runtime {
class Shard;
}

namespace forebay::io {

enum class EngineChoice {
  kAuto,   // io_uring if it works here
  kUring,  // or an error
  kPosix,  // blocking calls on helper threads
};

enum class DirectChoice {
  kAuto,   // O_DIRECT if the file system takes it
  kNever,  // everything through the page cache
};

// What the probe found: for one line in the log, and for `doctor`.
struct IoEngine {
  bool uring = false;
  bool direct = false;
  std::string why;                              // what was refused and by what; empty when nothing was
  [[nodiscard]] std::string to_string() const;  // "io_uring, direct"
};

// Tries both with a file of its own in `directory`, which must exist, and takes the file away again. Blocks.
// Errors: kFailedPrecondition when kUring was asked for and is refused; the errors of the directory.
[[nodiscard]] Result<IoEngine> probe_io_engine(const std::string& directory, EngineChoice engine,
                                               DirectChoice direct);

struct IoLimits {
  std::size_t ring_entries = 256;  // operations in the kernel's hands; the others wait
  std::size_t helper_threads = 4;  // without io_uring
  std::size_t transfer_bytes_max = std::size_t{1}
                                   << 30;  // of one call; whole blocks; longer transfers take several
};

// One for each shard: asynchronous calls are made, and complete, on it. It, and the files it opened, may be
// made on any thread before the shard's start, later by tasks of the shard or its blocking pool; it is
// destroyed on the shard or after its stop, and then waits for the operations in flight, whose completions
// never run. Errors: kStorageFailed when the kernel has no ring to give (limits); probe first.
[[nodiscard]] Result<std::unique_ptr<FileSystem>> make_real_file_system(runtime::Shard& shard,
                                                                        const IoEngine& engine,
                                                                        const IoLimits& limits = {});

}  // namespace forebay::io
