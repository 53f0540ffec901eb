#include "telemetry/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace forebay::telemetry {

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) {
  if (nanoseconds < kSteps) return static_cast<std::size_t>(nanoseconds);
  const auto octave = static_cast<unsigned>(std::bit_width(nanoseconds)) - kStepBits;  // from 1
  const std::uint64_t step = (nanoseconds >> (octave - 1)) - kSteps;
  return octave * kSteps + static_cast<std::size_t>(step);
}

std::uint64_t LatencyHistogram::middle_of(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::size_t octave = bucket / kSteps;
  const std::uint64_t width = std::uint64_t{1} << (octave - 1);
  return (kSteps + bucket % kSteps) * width + width / 2;
}

void LatencyHistogram::record(Duration duration, std::uint64_t times) {
  if (times == 0) return;
  duration = std::max(duration, Duration{});
  buckets_.at(bucket_of(static_cast<std::uint64_t>(std::min(duration, kLongest).count()))) += times;
  count_ += times;
  sum_ += duration * static_cast<std::int64_t>(times);
  min_ = std::min(min_, duration);
  max_ = std::max(max_, duration);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_.at(i) += other.buckets_.at(i);
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

LatencyHistogram::Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration{} : sum_ / static_cast<std::int64_t>(count_);
}

LatencyHistogram::Duration LatencyHistogram::quantile(double quantile) const {
  FOREBAY_ASSERT(quantile >= 0 && quantile <= 1);
  if (count_ == 0) return {};
  const auto wanted =
      std::clamp(static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))),
                 std::uint64_t{1}, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_.at(i);
    if (seen >= wanted) {
      return std::clamp(Duration(static_cast<std::int64_t>(middle_of(i))), min_, max_);
    }
  }
  return max_;
}

}  // namespace forebay::telemetry
