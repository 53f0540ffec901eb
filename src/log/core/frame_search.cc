#include "log/core/frame_search.h"

#include "log/core/segment_layout.h"

namespace forebay::log {

bool FrameSearch::finds(const FrameHeader& header, ByteSpan payload) const {
  switch (what_) {
    case What::kEventTime:
      return frame_facts(header, payload).event_time >= time_;
    case What::kAppendTime:
      return header.append_time >= time_;
    case What::kDeadLetters:
      return frame_facts(header, payload).has_dead_letters;
  }
  return false;
}

bool FrameSearch::may_be_in(const SegmentTimes& times) const {
  if (!times.has_records) return false;
  switch (what_) {
    case What::kEventTime:
      return times.max_event >= time_;
    case What::kAppendTime:
      return times.last_append >= time_;
    case What::kDeadLetters:
      return times.has_dead_letters;
  }
  return false;
}

std::optional<FrameSearch::Stretch> FrameSearch::stretch_in(const SegmentIndex& index,
                                                            model::Offset from) const {
  if (what_ == What::kDeadLetters) {
    const auto begin = index.find_dead_letters(from);
    if (!begin) return std::nullopt;
    return Stretch{*begin, index.end_of_dead_letters(*begin)};
  }
  const auto by_time =
      what_ == What::kEventTime ? index.find_event_time(time_) : index.find_append_time(time_);
  if (!by_time) return std::nullopt;
  const auto by_offset = index.find_offset(from);
  const bool further = by_offset && by_offset->file_position > by_time->file_position;
  return Stretch{further ? *by_offset : *by_time, std::nullopt};
}

}  // namespace forebay::log
