#include "log/core/splice.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::log {

Splice::Splice(Plan plan) : plan_(std::move(plan)), at_(plan_.file.begin), wider_(plan_.replaced) {}

Splice::Verdict Splice::widen(model::LogPosition begin, model::LogPosition end) {
  wider_ = {std::min(plan_.replaced.begin, begin), std::max(plan_.replaced.end, end)};
  return Verdict::kWiden;
}

Splice::Verdict Splice::judge_local(const FrameHeader& frame) {
  if (frame.end <= at_) return Verdict::kSkip;
  if (frame.begin < plan_.replaced.end && plan_.replaced.begin < frame.end) return Verdict::kSkip;
  // The other replica's last frame ends inside of it.
  return frame.begin < at_ ? widen(frame.begin, frame.end) : Verdict::kUse;
}

Splice::Verdict Splice::judge_fetched(const FrameHeader& frame) {
  if (frame.end <= at_) return Verdict::kSkip;
  if (frame.begin > std::max(at_, plan_.log_start) || frame.term < last_term_) return Verdict::kWrong;
  if (frame.end > plan_.file.end) return widen(at_, frame.end);
  if (frame.begin >= at_) return Verdict::kUse;
  const bool below_all = plan_.first && at_ == plan_.file.begin;
  return below_all ? Verdict::kNarrow : widen(frame.begin, frame.end);
}

std::optional<LogRange> Splice::gap_before(model::LogPosition upto) {
  while (std::max(at_, plan_.log_start) < upto) {
    const auto holds = [this](const Damage& one) {
      return one.kind == DamageKind::kAcceptedMiddle && one.begin <= at_ && at_ < one.end;
    };
    const auto accepted = std::find_if(plan_.accepted.begin(), plan_.accepted.end(), holds);
    if (accepted != plan_.accepted.end()) {
      at_ = std::min(accepted->end, upto);
      continue;
    }
    for (const Damage& one : plan_.accepted) {
      if (one.kind == DamageKind::kAcceptedMiddle && one.begin > at_) upto = std::min(upto, one.begin);
    }
    return LogRange{std::max(at_, plan_.log_start), upto};
  }
  at_ = std::max(at_, upto);
  return std::nullopt;
}

void Splice::put_local(const FrameHeader& frame) {
  FOREBAY_ASSERT(frame.begin >= at_);
  at_ = frame.end;
  last_term_ = frame.term;
}

void Splice::put_fetched(const FrameHeader& frame) {
  if (!filled_.empty() && filled_.back().end == frame.begin) {
    filled_.back().end = frame.end;
  } else {
    filled_.push_back({frame.begin, frame.end});
  }
  put_local(frame);
}

}  // namespace forebay::log
