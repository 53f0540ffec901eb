#include "telemetry/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace forebay::telemetry {
namespace {

using std::chrono::nanoseconds;

nanoseconds exact_quantile(std::vector<std::int64_t> sorted, double q) {
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return nanoseconds(sorted.at(rank == 0 ? 0 : rank - 1));
}

TEST(LatencyHistogram, EmptyIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile(0.99), nanoseconds(0));
  EXPECT_EQ(histogram.min(), nanoseconds(0));
  EXPECT_EQ(histogram.mean(), nanoseconds(0));
}

TEST(LatencyHistogram, OneValueIsEveryQuantile) {
  LatencyHistogram histogram;
  histogram.record(nanoseconds(1'234'567));
  for (const double q : {0.0, 0.5, 1.0}) EXPECT_EQ(histogram.quantile(q), nanoseconds(1'234'567));
}

TEST(LatencyHistogram, QuantilesOfRandomValuesAreWithinOnePercent) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latencies(13, 2.5);  // median 0.44 ms, a long tail
  LatencyHistogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(
        std::min(static_cast<std::int64_t>(latencies(random)), LatencyHistogram::kLongest.count()));
    histogram.record(nanoseconds(values.back()));
  }
  for (const double q : {0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto want = static_cast<double>(exact_quantile(values, q).count());
    EXPECT_NEAR(static_cast<double>(histogram.quantile(q).count()), want, want * 0.01 + 1) << q;
  }
}

TEST(LatencyHistogram, EveryPowerOfTwoAndItsNeighboursAreWithinOnePercent) {
  for (int bit = 0; bit < 42; ++bit) {
    for (const std::int64_t delta : {-1, 0, 1}) {
      const std::int64_t value = std::max<std::int64_t>((std::int64_t{1} << bit) + delta, 0);
      LatencyHistogram histogram;
      histogram.record(nanoseconds(0));
      histogram.record(nanoseconds(value));
      histogram.record(LatencyHistogram::kLongest);  // neither end may clamp the answer
      EXPECT_NEAR(static_cast<double>(histogram.quantile(0.5).count()), static_cast<double>(value),
                  static_cast<double>(value) * 0.01);
    }
  }
}

TEST(LatencyHistogram, MergedEqualsRecordedTogether) {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<std::int64_t> latencies(0, 5'000'000'000);
  LatencyHistogram one;
  LatencyHistogram two;
  LatencyHistogram all;
  for (int i = 0; i < 10'000; ++i) {
    const nanoseconds value(latencies(random));
    (i % 3 == 0 ? one : two).record(value);
    all.record(value);
  }
  one.merge(two);
  EXPECT_EQ(one.count(), all.count());
  EXPECT_EQ(one.sum(), all.sum());
  EXPECT_EQ(one.min(), all.min());
  EXPECT_EQ(one.max(), all.max());
  for (const double q : {0.5, 0.99, 0.999}) EXPECT_EQ(one.quantile(q), all.quantile(q));
}

TEST(LatencyHistogram, OutOfRangeValuesAreHeldAtTheEnds) {
  LatencyHistogram histogram;
  histogram.record(nanoseconds(-5));
  histogram.record(std::chrono::hours(1000), 2);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.min(), nanoseconds(0));
  EXPECT_EQ(histogram.max(), nanoseconds(std::chrono::hours(1000)));
  EXPECT_GT(histogram.quantile(0.9), std::chrono::hours(1));
}

TEST(LatencyHistogram, ClearForgetsEverything) {
  LatencyHistogram histogram;
  histogram.record(nanoseconds(5));
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), nanoseconds(0));
}

}  // namespace
}  // namespace forebay::telemetry
