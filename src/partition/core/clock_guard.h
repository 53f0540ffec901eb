// May the wall clock be believed? Retention and compaction by time delete data, so a jump of the clock must
// not drive them. Pure: fed with pairs of wall and steady time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "model/ids.h"

namespace forebay::partition {

class ClockGuard {
 public:
  using Steady = std::chrono::nanoseconds;  // since an arbitrary zero
  // Wall time may depart from steady time by this much before time-based decisions stop.
  static constexpr std::int64_t kDriftMaxMs = 60'000;
  // A larger gap between the last wall time before a start and the first after it is suspicious ...
  static constexpr std::int64_t kStartJumpMaxMs = 24LL * 3600 * 1000;
  // ... and must be followed by this much agreement with steady time.
  static constexpr std::int64_t kAgreementMs = 3'600'000;

  // `last_wall`: newest wall time known from before this start; none on a first start.
  ClockGuard(model::Timestamp wall, Steady steady, std::optional<model::Timestamp> last_wall);

  // Feeds one sample. Call every few seconds.
  void observe(model::Timestamp wall, Steady steady);

  [[nodiscard]] bool trusted() const { return !reason_.has_value(); }
  // Why not, for the alarm: what was seen and what ends it.
  [[nodiscard]] const std::optional<std::string>& reason() const { return reason_; }
  // An operator says that the present time is right.
  void accept(model::Timestamp wall, Steady steady);

 private:
  void restart_agreement(model::Timestamp wall, Steady steady, std::string reason);
  model::Timestamp base_wall_;
  Steady base_steady_;
  std::optional<std::string> reason_;
};

}  // namespace forebay::partition
