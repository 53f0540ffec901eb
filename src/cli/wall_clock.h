// The wall clock, for people's times ("1h ago"). Durations are measured with std::chrono::steady_clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace forebay::cli {

[[nodiscard]] inline std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace forebay::cli
