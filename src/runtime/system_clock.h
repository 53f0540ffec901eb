// The wall clock and the randomness of the machine. Any thread may use them.
#pragma once

#include "runtime/executor.h"

namespace forebay::runtime {

class SystemWallClock final : public WallClock {
 public:
  [[nodiscard]] model::Timestamp now() const override;
};

// Straight from the kernel (getrandom): for identities, boot epochs and jitter, not for bulk.
class SystemRng final : public Rng {
 public:
  [[nodiscard]] std::uint64_t next() override;
};

}  // namespace forebay::runtime
