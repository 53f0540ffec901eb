// The seeds that a test of drawn worlds runs, and the proof that they came to what it is about.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

namespace forebay::sim {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
// Sanitizers look for what any world shows, at many times the price: a share of the worlds is enough for
// them.
[[nodiscard]] constexpr std::uint64_t worlds(std::uint64_t usual) { return kSanitized ? usual / 10 : usual; }

// FOREBAY_SEED is the only one; else from FOREBAY_FIRST_SEED (1) to FOREBAY_SEEDS (`usual_last`).
struct SeedRange {
  explicit SeedRange(std::uint64_t usual_last)
      : first(number("FOREBAY_SEED", number("FOREBAY_FIRST_SEED", 1))),
        last(number("FOREBAY_SEED", number("FOREBAY_SEEDS", usual_last))) {}
  std::uint64_t first, last;
  [[nodiscard]] bool covers(std::uint64_t worlds) const { return last + 1 >= first + worlds; }

 private:
  static std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  }
};

// Fails for each place that no world came to, when there were `enough` worlds; prints the counts of runs by
// hand.
inline void expect_reached(const SeedRange& seeds, std::uint64_t enough,
                           std::span<const std::pair<const char*, std::uint64_t>> places) {
  const bool demanded = seeds.covers(enough);
  for (const auto& [what, count] : places) {
    if (!demanded || seeds.last > 1000)
      std::printf("%s: %llu\n", what, static_cast<unsigned long long>(count));
    EXPECT_TRUE(!demanded || count > 0) << "no world came to: " << what;
  }
}

}  // namespace forebay::sim
