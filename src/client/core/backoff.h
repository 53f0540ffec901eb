// How long to wait before trying again: doubled with each failure, with jitter so that many clients do not
// come back at the same instant. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace forebay::client {

// A small generator for jitter and starting points; the seed comes from outside. Not for secrets.
class JitterRng {
 public:
  explicit JitterRng(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

struct BackoffRange {
  std::chrono::milliseconds first;
  std::chrono::milliseconds max;
};

// The wait after `failures` failures in a row (1 = the first), between 3/4 and all of min(first * 2^(failures
// - 1), max); the first one is exact.
[[nodiscard]] inline std::chrono::nanoseconds backoff_delay(const BackoffRange& range, std::uint32_t failures,
                                                            JitterRng& rng) {
  constexpr std::uint32_t kDoublingsMax = 20;
  const std::uint32_t doublings = std::min(failures == 0 ? 0 : failures - 1, kDoublingsMax);
  const auto full =
      std::min<std::chrono::nanoseconds>(range.first * (std::int64_t{1} << doublings), range.max);
  if (doublings == 0) return full;
  const auto quarter = full.count() / 4;
  return full -
         std::chrono::nanoseconds(
             quarter == 0 ? 0 : static_cast<std::int64_t>(rng.next() % static_cast<std::uint64_t>(quarter)));
}

}  // namespace forebay::client
