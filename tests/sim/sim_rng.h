// Seeded randomness for the simulator: xoshiro256**, seeded by splitmix64. The same seed gives the same
// numbers anywhere.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/assert.h"
#include "runtime/executor.h"

namespace forebay::sim {

// One step of splitmix64: also a good way to mix two numbers into a seed.
[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class SimRng final : public runtime::Rng {
 public:
  explicit SimRng(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = splitmix64(seed);
  }
  [[nodiscard]] std::uint64_t next() override {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // In [0, bound). Requires: bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    FOREBAY_ASSERT(bound > 0);
    return next() % bound;  // the bias of the modulus does not matter here
  }
  // In [low, high].
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  // True once in `n` draws on average.
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }
  [[nodiscard]] bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }
  // A generator of its own for another part, so that draws of one do not move those of the other.
  [[nodiscard]] SimRng fork() { return SimRng(next()); }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace forebay::sim
