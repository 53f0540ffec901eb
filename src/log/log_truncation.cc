// The part of LogReplica that cuts the log.
//
// For readers and for whatever is appended next the cut is there at once. On the disk it is there when the
// journal has its record: until then a crash may find the log uncut, so checkpoints say what was, and no file
// goes. A segment is never written to below its end: one that the cut runs through ends there from now on,
// and what follows in its file is void.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/log_replica.h"
#include "log/segment_io.h"

namespace forebay::log {

void LogReplica::truncate(model::LogPosition to) {
  if (failed_ || closed_) return;  // the listener has been told: nothing becomes durable any more
  FOREBAY_ASSERT(wanted_log_start_ <= to && to <= end_);
  if (to == end_) return;
  const LogMemory::Number kept = memory_.find_begin(to);
  const bool some_kept = kept > memory_.begin();
  FOREBAY_ASSERT(!some_kept || memory_.frame(kept - 1)->header.end <= to);
  cuts_.push_back({to, checkpoint_of_memory()});
  log_epoch_ = log_epoch_.next();
  lowest_truncation_ = std::min(lowest_truncation_.value_or(to), to);

  // Of the last frame that is left, or of one behind it.
  model::Timestamp append_time = max_append_time_;
  if (to == model::LogPosition{}) {
    append_time = model::kNoTimestamp;
  } else if (some_kept) {
    append_time = memory_.frame(kept - 1)->header.append_time;
  } else if (kept < memory_.end()) {
    append_time = memory_.frame(kept)->header.append_time;
  }
  max_append_time_ = std::min(max_append_time_, append_time);
  memory_.drop_from(kept);
  durable_before_ = std::min(durable_before_, memory_.end());
  end_ = to;
  flushed_ = std::min(flushed_, to);
  while (!terms_.empty() && terms_.back().begin >= to) terms_.pop_back();
  while (!memberships_.empty() && memberships_.back().first >= to) memberships_.pop_back();
  while (!log_start_frames_.empty() && log_start_frames_.back().end > to) log_start_frames_.pop_back();
  cut_damage(damage_, to);
  scrub_.upto = std::min(scrub_.upto, to);
  if (segment_end_ > to) {
    segment_end_ = to;
    segment_append_time_ = std::min(segment_append_time_, append_time);
  }
  // Now, and not when the cut is durable: a state that is written from here on is of what comes instead, and
  // the log's older part may be trimmed because it is there.
  states_.cut(to);
  CutFiles files;
  cut_segments(to, files);
  parts_.journal->drop_frames(slot_, to);
  parts_.journal->add_record(slot_, Truncate{to, log_epoch_},
                             lifetime_.guard([this, files](const Result<void>& result) {
                               if (result) truncation_durable(files);
                             }));
  // Readers are told last: they may ask for more.
  reads_.cut(to);
  frame_reads_.cut(to);
  for (const std::uint64_t serial : files.stale) {
    parts_.store.forget(serial);
    parts_.extents.forget(serial);
  }
}

void LogReplica::cut_segments(model::LogPosition to, CutFiles& files) {
  const std::optional<std::uint64_t> active = writer_.active_serial();
  writer_.cut(to);
  // What the writer goes on with holds nothing behind the cut, and so does what lies before it.
  while (!segments_.empty() && sealed(segments_.back())) {
    ReplicaSegment& last = segments_.back();
    SegmentMeta& meta = last.ref.meta;
    const bool was_active = last.ref.serial == active;
    if (meta.begin < std::min(meta.end, to)) {
      if (meta.end > to) {
        // Another segment for whatever is under way or kept of the longer one: its index, reads, the scrub.
        files.stale.push_back(std::exchange(last.ref.serial, parts_.env.next_serial++));
        meta.end = to;
        last.times.reset();
      }
      if (was_active) files.ended = last.ref;
      return;
    }
    files.stale.push_back(last.ref.serial);
    files.gone.push_back(last.ref);
    segments_.pop_back();
  }
}

void LogReplica::truncation_durable(const CutFiles& files) {
  cuts_.pop_front();
  for (const SegmentRef& segment : files.gone) remove_files(segment);
  if (files.ended) give_back_space(*files.ended);
  drop_segments_below(log_start_);
  // The ring may have waited for frames that were cut. What an install brings says nothing of them yet.
  if (!is_installing()) parts_.journal->segment_flushed(slot_, segment_end_);
}

// What was reserved for more than the file will have.
void LogReplica::give_back_space(const SegmentRef& segment) {
  parts_.env.run_blocking(
      lifetime_,
      [&fs = parts_.env.fs, path = segment_path(parts_.env.config.data_dir, segment.id, segment.meta),
       size = segment.meta.size_bytes]() -> Result<void> {
        FOREBAY_TRY(const auto file, fs.open(path, io::OpenMode::kReadWrite, io::Caching::kDirect));
        return file->truncate(size);
      },
      [this, segment](const Result<void>& cut) {  // else the next start does it
        if (cut) on_segment_disk_bytes(segment.serial, segment.meta.size_bytes);
      });
}

}  // namespace forebay::log
