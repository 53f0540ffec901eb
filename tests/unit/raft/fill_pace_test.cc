// New replicas are filled at the rate that holds at the moment.
#include "raft/fill_pace.h"

#include <gtest/gtest.h>

namespace forebay::raft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMiB = 1U << 20;

// Reads of a MiB, each as soon as it may be; how many begin within `time`.
std::size_t reads_within(FillPace& pace, runtime::TimePoint begin, runtime::Duration time) {
  std::size_t reads = 0;
  for (runtime::TimePoint now = begin; now < begin + time; now += milliseconds(1)) {
    while (pace.wait(now) == runtime::Duration(0) && reads < 1'000'000) {
      pace.filled(kMiB, now);
      if (++reads == 1'000'000) return reads;
    }
  }
  return reads;
}

TEST(FillPace, RateIsKept) {
  FillPace pace(10 * kMiB);
  EXPECT_EQ(reads_within(pace, runtime::TimePoint(seconds(100)), seconds(10)), 100U);
}

TEST(FillPace, WhatWasNotUsedIsNotCaughtUpWith) {
  FillPace pace(10 * kMiB);
  EXPECT_EQ(reads_within(pace, runtime::TimePoint(seconds(100)), seconds(1)), 10U);
  EXPECT_EQ(reads_within(pace, runtime::TimePoint(seconds(200)), seconds(1)), 10U);
}

TEST(FillPace, WithoutABoundNothingWaits) {
  FillPace pace(0);
  pace.filled(1'000 * kMiB, runtime::TimePoint(seconds(1)));
  EXPECT_EQ(pace.wait(runtime::TimePoint(seconds(1))), runtime::Duration(0));
}

TEST(FillPace, AnotherRateHoldsAtOnce) {
  const runtime::TimePoint now(seconds(100));
  FillPace pace(1);
  pace.filled(kMiB, now);
  EXPECT_GT(pace.wait(now), std::chrono::hours(1));
  pace.set_rate(10 * kMiB, now);
  EXPECT_EQ(reads_within(pace, now, seconds(1)), 10U);
  pace.set_rate(2 * kMiB, now + seconds(1));
  EXPECT_EQ(reads_within(pace, now + seconds(1), seconds(2)), 4U);
  pace.set_rate(0, now + seconds(3));
  EXPECT_EQ(pace.wait(now + seconds(3)), runtime::Duration(0));
}

}  // namespace
}  // namespace forebay::raft
