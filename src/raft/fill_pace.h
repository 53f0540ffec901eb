// The pace at which new replicas are filled from the disk: what was read above the rate is waited for
// afterwards. Decides nothing but when; the time is an argument.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "runtime/executor.h"

namespace forebay::raft {

class FillPace {
 public:
  // 0: as fast as it goes.
  explicit FillPace(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // How long nothing may be read from `now` on; zero: it may.
  [[nodiscard]] runtime::Duration wait(runtime::TimePoint now) const {
    return bytes_per_second_ == 0 || now >= free_at_
               ? runtime::Duration(0)
               : std::chrono::duration_cast<runtime::Duration>(free_at_ - now);
  }
  void filled(std::size_t bytes, runtime::TimePoint now) {
    if (bytes_per_second_ == 0) return;
    const auto took =
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
    free_at_ = std::max(free_at_, now) + std::chrono::duration_cast<runtime::Duration>(took);
  }
  // What was read already is paid for: a low rate must not hold up a high one that follows.
  void set_rate(std::uint64_t bytes_per_second, runtime::TimePoint now) {
    bytes_per_second_ = bytes_per_second;
    free_at_ = std::min(free_at_, now);
  }

 private:
  std::uint64_t bytes_per_second_;
  runtime::TimePoint free_at_{};
};

}  // namespace forebay::raft
