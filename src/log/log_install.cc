// The part of LogReplica that begins anew, behind what the leader has trimmed (docs/adr/0011).
//
// As with a cut (log_truncation.cc) the new log is there at once for whatever is appended next, and on the
// disk when the journal has its record: a crash before that finds the old log, whole. So until then
// checkpoints say what was, no file goes, and nothing of either log is told as flushed but what lies below
// the old log start.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/damage.h"
#include "log/log_replica.h"

namespace forebay::log {

void LogReplica::install(const LogBase& base) {
  if (failed_ || closed_) return;  // the listener has been told: nothing becomes durable any more
  FOREBAY_ASSERT(base.begin > log_start_);
  cuts_.push_back({.to = base.begin, .before = checkpoint_of_memory(), .whole = true});
  ++installs_;
  log_epoch_ = log_epoch_.next();
  lowest_truncation_ = model::LogPosition{};
  memory_.drop_from(memory_.begin());
  durable_before_ = std::min(durable_before_, memory_.end());
  writer_.start_over();
  begin_at(base);
  CutFiles files;
  for (const ReplicaSegment& segment : segments_) {
    files.stale.push_back(segment.ref.serial);
    files.gone.push_back(segment.ref);
  }
  segments_.clear();
  parts_.journal->drop_frames(slot_, {});
  parts_.journal->add_record(slot_, InstallBase{base, log_epoch_},
                             lifetime_.guard([this, files](const Result<void>& result) {
                               if (result) installed(files);
                             }));
  const Error gone{ErrorCode::kCancelled,
                   "log " + id_.to_string() + " begins anew at " + base.begin.to_string()};
  reads_.cancel_all(gone);
  frame_reads_.cancel_all(gone);
  for (const std::uint64_t serial : files.stale) {
    parts_.store.forget(serial);
    parts_.extents.forget(serial);
  }
  states_.drop_waiting_writes();
}

void LogReplica::begin_at(const LogBase& base) {
  end_ = segment_end_ = wanted_log_start_ = base.begin;
  flushed_ = log_start_;
  max_append_time_ = segment_append_time_ = model::kNoTimestamp;
  terms_.clear();
  if (base.before.term > model::Term()) terms_.push_back(base.before);
  memberships_ = base.memberships;
  log_start_frames_.clear();
  // What was promised of a tail that is lost is not regained by this.
  damage_ = kept_by_install(damage_, base.begin);
  scrub_ = {};
}

void LogReplica::installed(const CutFiles& files) {
  const model::LogPosition begin = cuts_.front().to;
  cuts_.pop_front();
  for (const SegmentRef& segment : files.gone) remove_files(segment);
  if (is_installing()) return;  // another one waits: what this one brought is void already
  parts_.journal->segment_flushed(slot_, segment_end_);
  log_start_ = std::max(log_start_, begin);
  flushed_ = std::max(flushed_, begin);
  damage_changed();  // what was lost is void
  tell_flushed();
}

bool LogReplica::is_installing() const {
  return std::any_of(cuts_.begin(), cuts_.end(), [](const LogCut& cut) { return cut.whole; });
}

// Once everything that waits is durable.
model::LogPosition LogReplica::coming_log_start() const {
  const auto last = std::find_if(cuts_.rbegin(), cuts_.rend(), [](const LogCut& cut) { return cut.whole; });
  return last == cuts_.rend() ? log_start_ : last->to;
}

}  // namespace forebay::log
