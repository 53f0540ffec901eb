#include "partition/core/clock_guard.h"

#include <cstdlib>
#include <utility>

namespace forebay::partition {
namespace {
std::int64_t to_ms(ClockGuard::Steady steady) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady).count();
}
}  // namespace

ClockGuard::ClockGuard(model::Timestamp wall, Steady steady, std::optional<model::Timestamp> last_wall)
    : base_wall_(wall), base_steady_(steady) {
  if (!last_wall) return;
  const std::int64_t jump = wall.value() - last_wall->value();
  if (jump > kStartJumpMaxMs || jump < -kDriftMaxMs) {
    restart_agreement(
        wall, steady,
        "wall clock moved by " + std::to_string(jump / 1000) +
            " s across the restart; time-based deletion waits for an hour of agreement with steady time");
  }
}

void ClockGuard::restart_agreement(model::Timestamp wall, Steady steady, std::string reason) {
  base_wall_ = wall;
  base_steady_ = steady;
  reason_ = std::move(reason);
}

void ClockGuard::observe(model::Timestamp wall, Steady steady) {
  const std::int64_t steady_ms = to_ms(steady - base_steady_);
  const std::int64_t drift = (wall.value() - base_wall_.value()) - steady_ms;
  if (std::llabs(drift) > kDriftMaxMs) {
    restart_agreement(wall, steady,
                      "wall clock departed from steady time by " + std::to_string(drift / 1000) +
                          " s; time-based deletion waits for an hour of agreement");
    return;
  }
  if (steady_ms < kAgreementMs) return;
  // An hour of agreement: trust again, and move the base on so that slow drift (NTP slewing) never adds up to
  // a jump.
  base_wall_ = wall;
  base_steady_ = steady;
  reason_.reset();
}

void ClockGuard::accept(model::Timestamp wall, Steady steady) {
  base_wall_ = wall;
  base_steady_ = steady;
  reason_.reset();
}

}  // namespace forebay::partition
