// What goes into a partition and comes out of it: sums since it was opened, and how fast. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace forebay::partition {

struct Traffic {
  std::uint64_t in_records = 0, in_bytes = 0, out_bytes = 0;
};
// A second, over the time between two measurements.
struct TrafficRates {
  double in_records = 0, in_bytes = 0, out_bytes = 0;
  friend bool operator==(const TrafficRates&, const TrafficRates&) = default;
};

class TrafficMeter {
 public:
  void appended(std::uint64_t records, std::uint64_t bytes) {
    sum_.in_records += records;
    sum_.in_bytes += bytes;
  }
  void read(std::uint64_t bytes) { sum_.out_bytes += bytes; }

  // `now`: since an arbitrary zero, and later than at the last call.
  void measure(std::chrono::nanoseconds now);
  // Nothing before the second measurement.
  [[nodiscard]] const std::optional<TrafficRates>& rates() const { return rates_; }

 private:
  Traffic sum_, measured_;
  std::optional<std::chrono::nanoseconds> measured_at_;
  std::optional<TrafficRates> rates_;
};

}  // namespace forebay::partition
