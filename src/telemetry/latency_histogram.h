// Durations of one measurement, mergeable, in fixed memory (18 KiB), with quantiles that are off by less than
// 1 %. For `forebay perf` and benchmarks; the exported metrics are in telemetry/metrics.h. Thread rules: none
// of its own; every thread fills one, and they are merged at the end. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace forebay::telemetry {

class LatencyHistogram {
 public:
  using Duration = std::chrono::nanoseconds;
  // Longer ones count as this long in the quantiles (in `max` and `sum` they are exact); about 73 minutes.
  static constexpr Duration kLongest{(std::int64_t{1} << 42) - 1};

  void record(Duration duration, std::uint64_t times = 1);  // negative counts as 0
  void merge(const LatencyHistogram& other);
  void clear() { *this = LatencyHistogram(); }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration sum() const { return sum_; }
  // Zero when empty.
  [[nodiscard]] Duration min() const { return count_ == 0 ? Duration{} : min_; }
  [[nodiscard]] Duration max() const { return max_; }
  [[nodiscard]] Duration mean() const;
  // The duration that `quantile` of the recorded ones do not exceed. Requires: 0 <= quantile <= 1. Zero when
  // empty.
  [[nodiscard]] Duration quantile(double quantile) const;

 private:
  // Every power of two is split into 64 equal steps; below 64 ns every value has its own.
  static constexpr unsigned kStepBits = 6;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  static constexpr unsigned kLongestBits = 42;
  static constexpr std::size_t kBuckets = kSteps * (kLongestBits - kStepBits + 1);
  static std::size_t bucket_of(std::uint64_t nanoseconds);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  Duration sum_{};
  Duration min_ = Duration::max();
  Duration max_{};
};

}  // namespace forebay::telemetry
