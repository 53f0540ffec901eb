#include "raft/core/catch_up_pace.h"

#include <algorithm>

namespace forebay::raft {

void CatchUpPace::turn_window(Steady now) {
  if (now < window_begin_ + kWindow) return;
  in_window_before_ = now < window_begin_ + 2 * kWindow ? in_window_ : 0;
  in_window_ = 0;
  window_begin_ = now;
}

void CatchUpPace::written(std::size_t bytes, Steady now) {
  turn_window(now);
  in_window_ += bytes;
}

double CatchUpPace::rate(Steady now) const {
  if (bytes_per_second_ == 0 || now >= window_begin_ + 2 * kWindow) return 0;
  // The higher one of two windows: the present one has only begun.
  const auto written = static_cast<double>(std::max(in_window_, in_window_before_));
  if (written == 0) return 0;
  return std::max(static_cast<double>(bytes_per_second_),
                  2 * written / std::chrono::duration<double>(kWindow).count());
}

void CatchUpPace::took(model::NodeId member, std::size_t bytes, Steady now) {
  const double bound = rate(now);
  Steady& from = from_[member];
  from = std::max(from, now);
  if (bound > 0)
    from +=
        std::chrono::duration_cast<Steady>(std::chrono::duration<double>(static_cast<double>(bytes) / bound));
}

CatchUpPace::Steady CatchUpPace::ready_at(model::NodeId member, Steady now) const {
  const auto at = from_.find(member);
  if (at == from_.end() || rate(now) == 0) return now;
  return at->second;
}

}  // namespace forebay::raft
