#include "partition/core/traffic.h"

namespace forebay::partition {

void TrafficMeter::measure(std::chrono::nanoseconds now) {
  if (measured_at_) {
    const double seconds = std::chrono::duration<double>(now - *measured_at_).count();
    if (seconds <= 0) return;
    rates_ = TrafficRates{static_cast<double>(sum_.in_records - measured_.in_records) / seconds,
                          static_cast<double>(sum_.in_bytes - measured_.in_bytes) / seconds,
                          static_cast<double>(sum_.out_bytes - measured_.out_bytes) / seconds};
  }
  measured_ = sum_;
  measured_at_ = now;
}

}  // namespace forebay::partition
