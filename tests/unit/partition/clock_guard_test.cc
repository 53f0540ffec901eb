#include "partition/core/clock_guard.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Timestamp;

constexpr Timestamp kStart{1'000'000'000};
constexpr std::int64_t kHourMs = 3'600'000;

TEST(ClockGuard, SteadyClockIsTrusted) {
  ClockGuard guard(kStart, 0s, std::nullopt);
  for (int i = 1; i < 1000; ++i) guard.observe(kStart.plus(i * 10'000), 10s * i);
  EXPECT_TRUE(guard.trusted());
}

TEST(ClockGuard, JumpStopsTimeBasedDecisionsUntilAnHourOfAgreement) {
  for (const std::int64_t jump : {61'000L, -61'000L, 86'400'000L}) {
    ClockGuard guard(kStart, 0s, std::nullopt);
    guard.observe(kStart.plus(10'000 + jump), 10s);
    EXPECT_FALSE(guard.trusted());
    EXPECT_TRUE(guard.reason().has_value());
    guard.observe(kStart.plus(10'000 + jump + kHourMs - 1), 10s + 1h - 1ms);
    EXPECT_FALSE(guard.trusted());
    guard.observe(kStart.plus(10'000 + jump + kHourMs), 10s + 1h);
    EXPECT_TRUE(guard.trusted());
  }
}

TEST(ClockGuard, SmallCorrectionIsTolerated) {
  ClockGuard guard(kStart, 0s, std::nullopt);
  guard.observe(kStart.plus(10'000 + 59'000), 10s);
  EXPECT_TRUE(guard.trusted());
}

// A clock that runs 1 % fast departs by 36 s an hour: slow drift never adds up to a jump.
TEST(ClockGuard, SlowDriftIsTolerated) {
  ClockGuard guard(kStart, 0s, std::nullopt);
  for (std::int64_t s = 10; s < 24 * 3600; s += 10)
    guard.observe(kStart.plus(s * 1010), std::chrono::seconds(s));
  EXPECT_TRUE(guard.trusted());
}

TEST(ClockGuard, LongGapAcrossAStartWaitsForAnHour) {
  ClockGuard guard(kStart.plus(25 * kHourMs), 0s, kStart);
  EXPECT_FALSE(guard.trusted());
  guard.observe(kStart.plus(26 * kHourMs), 1h);
  EXPECT_TRUE(guard.trusted());
}

TEST(ClockGuard, ShortGapAcrossAStartIsTrusted) {
  EXPECT_TRUE(ClockGuard(kStart.plus(23 * kHourMs), 0s, kStart).trusted());
}

TEST(ClockGuard, ClockThatWentBackAcrossAStartIsNotTrusted) {
  EXPECT_FALSE(ClockGuard(kStart.plus(-2 * 60'000), 0s, kStart).trusted());
}

TEST(ClockGuard, OperatorMayAccept) {
  ClockGuard guard(kStart.plus(48 * kHourMs), 0s, kStart);
  guard.accept(kStart.plus(48 * kHourMs), 0s);
  EXPECT_TRUE(guard.trusted());
}

}  // namespace
}  // namespace forebay::partition
