// Puts good frames of another replica in the place of a damaged range: what of a segment stays, what is to be
// asked for, and in which order all of it goes into the new file. Pure; the shell reads, asks and writes
// (log/segment_repair.h).
//
// Two logs that hold the same may be cut into frames differently: each replica compacts for itself, and a
// compacted frame covers what went beside it. So the new file must change from one log to the other where
// both have a border; where they have none, the range is widened to the next one, and all begins anew.
#pragma once

#include <optional>
#include <vector>

#include "log/core/frame.h"
#include "log/core/journal_record.h"

namespace forebay::log {

struct LogRange {
  model::LogPosition begin, end;
  friend bool operator==(const LogRange&, const LogRange&) = default;
};

class Splice {
 public:
  struct Plan {
    LogRange file;                 // what the new file covers
    LogRange replaced;             // local frames that reach into it are not used, also good ones
    std::vector<Damage> accepted;  // nobody is asked for those ranges
    bool first = false;            // nothing of the log lies before the file
    model::LogPosition log_start;  // what lies below is not missed
  };
  explicit Splice(Plan plan);

  enum class Verdict {
    kUse,     // goes next into the file, once there is no gap before it: report with put()
    kSkip,    // covered, or replaced
    kNarrow,  // as kUse, with begin moved to at(): what it covers before lies below the log's first segment
    kWiden,   // no common border: begin anew with wider()
    kWrong,   // does not fit: not what was asked for
  };
  // Of the local log, checked whole, in order.
  [[nodiscard]] Verdict judge_local(const FrameHeader& frame);
  // Of the other replica, checked whole, in the order that it sent them.
  [[nodiscard]] Verdict judge_fetched(const FrameHeader& frame);
  // What has to be asked for before a local frame that begins at `upto`, or the end of the file. What is
  // accepted as lost is left out.
  [[nodiscard]] std::optional<LogRange> gap_before(model::LogPosition upto);
  void put_local(const FrameHeader& frame);
  void put_fetched(const FrameHeader& frame);

  [[nodiscard]] model::LogPosition at() const { return at_; }
  [[nodiscard]] const LogRange& wider() const { return wider_; }
  // What came from the other replica, in order, neighbours joined.
  [[nodiscard]] const std::vector<LogRange>& filled() const { return filled_; }

 private:
  [[nodiscard]] Verdict widen(model::LogPosition begin, model::LogPosition end);

  Plan plan_;
  model::LogPosition at_;  // the file has what lies before
  model::Term last_term_;
  LogRange wider_;
  std::vector<LogRange> filled_;
};

}  // namespace forebay::log
