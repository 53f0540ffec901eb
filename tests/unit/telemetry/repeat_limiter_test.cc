#include "telemetry/repeat_limiter.h"

#include <gtest/gtest.h>

namespace forebay::telemetry {
namespace {

using std::chrono::seconds;

RepeatLimiter::TimePoint at(int s) { return RepeatLimiter::TimePoint(seconds(s)); }

TEST(RepeatLimiter, RepeatsWithinTheIntervalAreQuietAndCounted) {
  RepeatLimiter limiter(seconds(10));
  EXPECT_EQ(limiter.admit("a", at(0)), 0U);
  EXPECT_EQ(limiter.admit("a", at(1)), std::nullopt);
  EXPECT_EQ(limiter.admit("a", at(9)), std::nullopt);
  EXPECT_EQ(limiter.admit("a", at(10)), 2U);
  EXPECT_EQ(limiter.admit("a", at(20)), 0U);
}

TEST(RepeatLimiter, KeysAreIndependent) {
  RepeatLimiter limiter(seconds(10));
  EXPECT_EQ(limiter.admit("a", at(0)), 0U);
  EXPECT_EQ(limiter.admit("b", at(1)), 0U);
  EXPECT_EQ(limiter.admit("a", at(2)), std::nullopt);
}

TEST(RepeatLimiter, MemoryIsBoundedAndTheOldestKeyIsForgotten) {
  RepeatLimiter limiter(seconds(1'000'000));
  for (int i = 0; i <= static_cast<int>(RepeatLimiter::kKeysMax); ++i) {
    ASSERT_EQ(limiter.admit(std::to_string(i), at(i)), 0U);
  }
  EXPECT_EQ(limiter.admit("1", at(1000)), std::nullopt);
  EXPECT_EQ(limiter.admit("0", at(1000)), 0U);
}

}  // namespace
}  // namespace forebay::telemetry
