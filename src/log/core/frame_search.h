// What is looked for in a log, frame by frame: in the segments by way of their indexes, in memory by looking.
// Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/shared_bytes.h"
#include "log/core/frame.h"
#include "log/core/index.h"
#include "model/ids.h"

namespace forebay::log {

enum class TimeKind { kEvent, kAppend };

class FrameSearch {
 public:
  // The first batch with a max event time / append time at or after `time`.
  [[nodiscard]] static FrameSearch by_time(TimeKind kind, model::Timestamp time) {
    return {kind == TimeKind::kEvent ? What::kEventTime : What::kAppendTime, time};
  }
  // The first batch with dead letters.
  [[nodiscard]] static FrameSearch for_dead_letters() { return {What::kDeadLetters, {}}; }

  // Requires: a records frame.
  [[nodiscard]] bool finds(const FrameHeader& header, ByteSpan payload) const;
  // False: no frame of a segment with these times is found.
  [[nodiscard]] bool may_be_in(const SegmentTimes& times) const;
  // Where to look for frames that cover `from` or lie above; nothing when the segment has none.
  struct Stretch {
    IndexEntry begin;
    std::optional<std::uint64_t> end;  // file position; behind it ask again. None: to the segment's end.
  };
  [[nodiscard]] std::optional<Stretch> stretch_in(const SegmentIndex& index, model::Offset from) const;

 private:
  enum class What : std::uint8_t { kEventTime, kAppendTime, kDeadLetters };
  FrameSearch(What what, model::Timestamp time) : what_(what), time_(time) {}

  What what_;
  model::Timestamp time_;
};

}  // namespace forebay::log
