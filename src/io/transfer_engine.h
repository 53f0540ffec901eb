// How asynchronous transfers reach the kernel. Internal to the module. Belongs to one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>

#include "io/descriptor.h"
#include "io/file_system.h"
#include "io/real_file_system.h"

namespace forebay::runtime {
class Shard;
}

namespace forebay::io {

struct Transfer {
  enum class Kind : std::uint8_t { kWrite, kDurableWrite, kRead, kSync };
  Kind kind = Kind::kSync;
  std::shared_ptr<Descriptor> descriptor;
  std::uint64_t offset = 0;
  std::byte* memory = nullptr;  // not written to unless it is a read
  std::size_t size = 0;
  WriteDone write_done;
  ReadDone read_done;
};

class TransferEngine {
 public:
  virtual ~TransferEngine() = default;  // after stop()
  // Waits for what the kernel has in hand; completions no longer run, and what is started later never is. Not
  // left to the destructor: completions hold files, and files the engine.
  virtual void stop() = 0;
  // On the shard's thread. The completion runs there, later.
  virtual void start(Transfer transfer) = 0;
};

[[nodiscard]] Result<std::unique_ptr<TransferEngine>> make_uring_engine(runtime::Shard& shard,
                                                                        const IoLimits& limits);
[[nodiscard]] std::unique_ptr<TransferEngine> make_thread_engine(runtime::Shard& shard,
                                                                 const IoLimits& limits);

// Nothing when a ring can be had and does a durable write to `descriptor`; else what stood in the way.
// Blocks.
[[nodiscard]] std::optional<std::string> why_no_uring(const Descriptor& descriptor);

}  // namespace forebay::io
