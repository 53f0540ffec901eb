#include "log/log_replica.h"

#include <algorithm>

#include "base/assert.h"
#include "base/endian.h"
#include "log/core/control.h"
#include "log/core/retention.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

constexpr runtime::Duration kIdleFlush =
    std::chrono::seconds(60);  // memory of an idle log goes to its segment

}  // namespace

LogReplica::LogReplica(ShardParts& parts, RecoveredPartition recovered, const LogConfig& config, LogSlot slot)
    : parts_(parts),
      slot_(slot),
      id_(recovered.state.id),
      config_(config),
      hard_state_(recovered.state.hard_state),
      durable_hard_state_(recovered.state.hard_state),
      log_epoch_(recovered.state.log_epoch),
      log_start_(recovered.state.log_start),
      wanted_log_start_(recovered.state.log_start),
      segment_end_(recovered.state.segment_end),
      lowest_truncation_(recovered.state.lowest_truncation),
      recovered_log_epoch_(recovered.state.log_epoch),
      max_append_time_(recovered.state.max_append_time),
      segment_append_time_(recovered.state.max_append_time),
      terms_(recovered.state.terms.begin(), recovered.state.terms.end()),
      memberships_(std::move(recovered.state.memberships)),
      damage_(std::move(recovered.state.damage)),
      scrub_(recovered.state.scrub),
      memory_(parts.memory, this),
      writer_(parts.env, parts.slots, *this, id_, memory_),
      reads_(parts.env, parts.store, parts.extents, *this, id_),
      frame_reads_(parts.env, parts.store, parts.extents, *this, id_),
      states_(parts.env, id_) {
  take_segments(recovered.state);
  end_ = segment_end_;
  for (FramePtr& frame : recovered.tail) {
    fold(*frame);
    if (frame->header.end <= segment_end_) continue;
    end_ = frame->header.end;
    heal(frame->header.begin, frame->header.end);
    memory_.push(std::move(frame));
  }
  end_ = std::max(end_, recovered.end);
  flushed_ = end_;
  if (segment_end_ > recovered.state.segment_end) parts_.journal->segment_flushed(slot_, segment_end_);
  durable_before_ = memory_.end();
  last_append_ = parts.env.executor.now();
}

// A compaction may have replaced segments that no checkpoint listed before the crash: that moves the segment
// end.
void LogReplica::take_segments(const PartitionCheckpoint& state) {
  for (const SegmentMeta& meta : state.segments) {
    if (meta.end <= log_start_) continue;  // its file may be gone already
    segments_.push_back({{parts_.env.next_serial++, id_, meta}, meta.size_bytes, std::nullopt, false});
    segment_end_ = std::max(segment_end_, meta.end);
  }
}

LogReplica::~LogReplica() { close({ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"}); }

void LogReplica::close(const Error& reason) {
  closed_ = true;
  reads_.cancel_all(reason);
  frame_reads_.cancel_all(reason);
  parts_.compactor.cancel(*this);
  repair_.reset();
  states_.close(reason);
}

void LogReplica::adopt(const LogConfig& config) {
  adopted_ = true;
  config_ = config;
}

void LogReplica::set_config(const LogConfig& config) { config_ = config; }

std::optional<model::Term> LogReplica::term_before(const model::LogPosition& position) const {
  if (position > end_) return std::nullopt;
  const auto behind = std::partition_point(
      terms_.begin(), terms_.end(), [&position](const TermBegin& term) { return term.begin < position; });
  if (behind != terms_.begin()) return std::prev(behind)->term;
  return position == model::LogPosition{} ? std::optional(model::Term()) : std::nullopt;
}

void LogReplica::fold(const Frame& frame) {
  const FrameHeader& header = frame.header;
  if (terms_.empty() || terms_.back().term != header.term) {
    // A frame that recovery folded into the state already is not folded again.
    if (terms_.empty() || terms_.back().begin < header.begin) terms_.push_back({header.term, header.begin});
  }
  max_append_time_ = std::max(max_append_time_, header.append_time);
  if (header.kind != FrameKind::kControl) return;
  const auto control = decode_control(frame.payload.span());
  if (!control) return;
  if (const auto* membership = std::get_if<Membership>(&*control)) {
    if (memberships_.empty() || memberships_.back().first < header.begin) {
      memberships_.emplace_back(header.begin, *membership);
    }
  } else if (const auto* start = std::get_if<LogStart>(&*control)) {
    // Only what lies before the frame was committed when its leader wrote it.
    const model::LogPosition begin = std::min(start->begin, header.begin);
    if (begin > log_start_) log_start_frames_.push_back({header.end, begin});
  }
}

// --- appending
// ------------------------------------------------------------------------------------------------------

void LogReplica::append(FramePtr frame) {
  if (failed_ || closed_) return;  // the listener has been told: nothing becomes durable any more
  FOREBAY_ASSERT(frame->header.begin == end_);
  FOREBAY_ASSERT(frame->header.partition == id_);
  frame = memory_.push(std::move(frame));
  fold(*frame);
  end_ = frame->header.end;
  last_append_ = parts_.env.executor.now();
  parts_.journal->add_frame(slot_, log_epoch_, std::move(frame));
}

bool LogReplica::frames_durable(model::LogEpoch log_epoch, model::LogPosition end) {
  // Of a round from before a cut only what lies below it counts.
  for (const LogCut& cut : cuts_) {
    if (log_epoch > cut.before.log_epoch) continue;
    if (cut.whole) return false;
    end = std::min(end, cut.to);
  }
  if (end <= flushed_) return false;
  FOREBAY_ASSERT(end <= end_);
  flushed_ = end;
  durable_before_ = std::max(durable_before_, memory_.begin());
  while (durable_before_ < memory_.end() && memory_.frame(durable_before_)->header.end <= end)
    ++durable_before_;
  writer_.durable_before(durable_before_);
  return true;
}

void LogReplica::tell_flushed() {
  if (on_flushed_) on_flushed_(flushed_);
}

void LogReplica::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  failure_ = error;
  if (on_failed_) on_failed_(error);
}

// A partition that is opened after the shard's journal has failed must not take the log for a sound one.
void LogReplica::on_failed(UniqueFunction<void(const Error&)> listener) {
  on_failed_ = std::move(listener);
  if (!failed_ || !on_failed_) return;
  parts_.env.executor.post(lifetime_.guard([this] {
    if (on_failed_) on_failed_(failure_);
  }));
}

void LogReplica::set_hard_state(HardState state, Done durable) {
  hard_state_ = state;
  parts_.journal->add_record(
      slot_, SetHardState{state},
      lifetime_.guard([this, state, durable = std::move(durable)](Result<void> result) mutable {
        if (result) durable_hard_state_ = state;
        durable(std::move(result));
      }));
}

void LogReplica::demand_flush() { demand_flush(flushed_); }

void LogReplica::demand_flush(model::LogPosition upto) {
  writer_.durable_before(durable_before_);
  writer_.demand(upto);
}

void LogReplica::roll() { writer_.roll(end_); }

bool LogReplica::has_pinned_records() const {
  for (LogMemory::Number n = memory_.pinned_begin(); n < memory_.end(); ++n) {
    if (memory_.frame(n)->header.kind == FrameKind::kRecords) return true;
  }
  return false;
}

void LogReplica::tidy(runtime::TimePoint now) {
  // Control frames alone (a term start per start) are not worth a file.
  if (now - last_append_ > kIdleFlush && has_pinned_records()) demand_flush();
  writer_.close_if_idle();
}

// --- log start
// ------------------------------------------------------------------------------------------------------

model::LogPosition LogReplica::log_start_upto(model::LogPosition committed) const {
  model::LogPosition begin = log_start_;
  for (const LogStartFrame& frame : log_start_frames_) {
    if (frame.end > committed) break;
    begin = std::max(begin, frame.begin);
  }
  return begin;
}

void LogReplica::set_log_start(model::LogPosition begin, Done durable) {
  wanted_log_start_ = std::max(wanted_log_start_, std::min(begin, end_));
  parts_.journal->add_record(slot_, SetLogStart{wanted_log_start_},
                             lifetime_.guard([this, at = wanted_log_start_,
                                              durable = std::move(durable)](Result<void> result) mutable {
                               if (result) log_start_durable(at);
                               durable(std::move(result));
                             }));
}

// Readers hear of it, and memory goes, only now: until the journal has the new start, a restart would show
// the old one, with the frames below it.
void LogReplica::log_start_durable(model::LogPosition begin) {
  if (begin <= log_start_) return;
  log_start_ = begin;
  for (LogCut& cut : cuts_) cut.before.log_start = std::max(cut.before.log_start, begin);
  std::erase_if(log_start_frames_, [begin](const LogStartFrame& frame) { return frame.begin <= begin; });
  while (!memory_.empty() && memory_.frame(memory_.begin())->header.end <= begin) {
    segment_append_time_ = std::max(segment_append_time_, memory_.frame(memory_.begin())->header.append_time);
    memory_.drop_before(memory_.begin() + 1);
  }
  drop_segments_below(begin);
  durable_before_ = std::max(durable_before_, memory_.begin());
  // Below the first frame that is left nothing needs a segment any more.
  const model::LogPosition needed =
      memory_.empty() ? begin : std::min(begin, memory_.frame(memory_.begin())->header.begin);
  if (needed > segment_end_) segment_end_moved(needed);
  writer_.on_trimmed();
  // A replica that ends right there must be told of which term the frame was that did.
  while (terms_.size() > 1 && terms_[1].begin < begin) terms_.pop_front();
  while (memberships_.size() > 1 && memberships_[1].first < begin) memberships_.erase(memberships_.begin());
  drop_damage_below(damage_, begin);
}

void LogReplica::drop_segments_below(model::LogPosition begin) {
  if (!cuts_.empty()) return;  // a crash now may find the log uncut: its last segments must be there
  while (!segments_.empty() && segments_.front().ref.meta.end <= begin) {
    const SegmentRef segment = segments_.front().ref;
    const bool active = writer_.active_serial() == segment.serial;
    // What is in the active file but not flushed yet may lie above.
    if (active && (memory_.pinned_begin() < memory_.end() || segment.meta.end == segment.meta.begin)) break;
    if (active) writer_.drop_active();
    segments_.pop_front();
    parts_.store.forget(segment.serial);
    parts_.extents.forget(segment.serial);
    remove_files(segment);
  }
}

void LogReplica::remove_files(const SegmentRef& segment) {
  parts_.env.run_blocking(
      lifetime_,
      [&fs = parts_.env.fs, data_dir = parts_.env.config.data_dir, segment] {
        // What cannot be removed now is found, and removed, at the next start.
        static_cast<void>(fs.remove_file(index_path(data_dir, segment.id, segment.meta)));
        return fs.remove_file(segment_path(data_dir, segment.id, segment.meta));
      },
      [](const Result<void>&) {});
}

// --- segments
// -------------------------------------------------------------------------------------------------------

ReplicaSegment* LogReplica::find_segment(std::uint64_t serial) {
  const auto it = std::find_if(segments_.rbegin(), segments_.rend(),
                               [serial](const ReplicaSegment& s) { return s.ref.serial == serial; });
  return it == segments_.rend() ? nullptr : &*it;
}

void LogReplica::on_segment_opened(const SegmentRef& segment, std::uint64_t disk_bytes) {
  segments_.push_back({segment, disk_bytes, std::nullopt, false});
}

void LogReplica::on_segment_disk_bytes(std::uint64_t serial, std::uint64_t disk_bytes) {
  if (ReplicaSegment* segment = find_segment(serial)) segment->disk_bytes = disk_bytes;
}

void LogReplica::on_segment_flushed(const SegmentRef& segment) {
  ReplicaSegment* known = find_segment(segment.serial);
  if (known == nullptr) return;
  known->ref.meta = segment.meta;
  LogMemory::Number flushed = memory_.pinned_begin();
  while (flushed < memory_.end() && memory_.frame(flushed)->header.end <= segment.meta.end) {
    segment_append_time_ = std::max(segment_append_time_, memory_.frame(flushed)->header.append_time);
    ++flushed;
  }
  memory_.unpin_before(flushed);
  if (segment.meta.end > segment_end_) segment_end_moved(segment.meta.end);
}

void LogReplica::segment_end_moved(model::LogPosition end) {
  segment_end_ = end;
  parts_.journal->segment_flushed(slot_, end);
}

void LogReplica::on_segment_sealed(std::uint64_t serial, std::shared_ptr<const SegmentIndex> index) {
  ReplicaSegment* segment = find_segment(serial);
  if (segment == nullptr || index == nullptr) return;
  segment->times = index->times();
  parts_.store.put_index(serial, std::move(index));
  drop_segments_below(log_start_);
  if (on_sealed_) on_sealed_();
}

void LogReplica::on_segment_abandoned(std::uint64_t serial) {
  const ReplicaSegment* segment = find_segment(serial);
  if (segment == nullptr) return;
  const SegmentRef ref = segment->ref;
  std::erase_if(segments_, [serial](const ReplicaSegment& s) { return s.ref.serial == serial; });
  parts_.store.forget(serial);
  parts_.extents.forget(serial);
  remove_files(ref);
}

void LogReplica::on_segment_writes_failed(const Error& error) {
  fail(
      {ErrorCode::kStorageFailed, "segments of " + id_.to_string() + " cannot be written: " + error.context});
}

bool LogReplica::lists(const SegmentRef& segment) const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [&segment](const ReplicaSegment& s) { return s.ref.serial == segment.serial; });
}

void LogReplica::on_times(std::uint64_t serial, const SegmentTimes& times) {
  if (ReplicaSegment* segment = find_segment(serial)) segment->times = times;
}

bool LogReplica::holds_sealed_segments() const {
  return segments_.size() > 1 || (segments_.size() == 1 && sealed(segments_.front()));
}

// --- the rest
// -------------------------------------------------------------------------------------------------------

SegmentTimes LogReplica::unsealed_times() const {
  SegmentTimes times = writer_.active_times();
  for (LogMemory::Number n = memory_.pinned_begin(); !times.has_records && n < memory_.end(); ++n) {
    const FrameHeader& header = memory_.frame(n)->header;
    if (header.kind != FrameKind::kRecords) continue;
    times.has_records = true;
    times.first_append = header.append_time;
  }
  times.last_append = max_append_time_;
  return times;
}

void LogReplica::plan_retention(model::Timestamp now, model::LogPosition committed,
                                UniqueFunction<void(std::optional<model::LogPosition>)> done) {
  if (closed_) return done(std::nullopt);
  if (is_due(config_, unsealed_times(), now)) roll();
  plan_retention_from(0, now, committed, std::move(done));
}

// Times of sealed segments are looked up from the oldest on, as far as they are due.
void LogReplica::plan_retention_from(std::size_t known, model::Timestamp now, model::LogPosition committed,
                                     UniqueFunction<void(std::optional<model::LogPosition>)> done) {
  std::vector<RetentionPiece> pieces;
  std::uint64_t active_bytes = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const ReplicaSegment& segment = segments_[i];
    if (!sealed(segment)) {
      active_bytes = segment.ref.meta.size_bytes;
      continue;
    }
    const bool wanted = config_.retention_ms && config_.cleanup != CleanupPolicy::kCompact && i >= known;
    if (wanted && !segment.times) {
      parts_.store.index(
          segment.ref, config_.index_interval_bytes,
          lifetime_.guard([this, i, serial = segment.ref.serial, now, committed,
                           done = std::move(done)](const Result<SegmentStore::LoadedIndex>& loaded) mutable {
            if (closed_) return done(std::nullopt);
            if (loaded) on_times(serial, loaded->index->times());
            // Unreadable: it never goes by time, and nothing behind it either.
            plan_retention_from(i + 1, now, committed, std::move(done));
          }));
      return;
    }
    std::optional<model::Timestamp> last;
    // A segment of which no frame can be read has times that say nothing.
    if (segment.times && segment.times->last_append.value() >= 0) last = segment.times->last_append;
    const bool lost = !last && is_accepted_range(damage_, segment.ref.meta.begin, segment.ref.meta.end);
    pieces.push_back({segment.ref.meta.begin, segment.ref.meta.end, segment.ref.meta.size_bytes, last, lost});
    if (wanted && (!last || now.value() - last->value() <= *config_.retention_ms)) known = segments_.size();
  }
  const model::LogPosition rest = pieces.empty() ? log_start_ : pieces.back().end;
  if (rest < end_) pieces.push_back({rest, end_, active_bytes + memory_.pinned_bytes(), max_append_time_});
  auto begin = plan_log_start(config_, pieces, wanted_log_start_, committed, now);
  // Past control frames alone only when a file goes: else every pass would add the next one to be trimmed.
  if (begin && begin->next_offset == wanted_log_start_.next_offset &&
      (pieces.size() < 2 || pieces.front().end > *begin)) {
    begin.reset();
  }
  done(begin);
}

PartitionCheckpoint LogReplica::checkpoint() const {
  PartitionCheckpoint out = checkpoint_of_memory();
  std::for_each(cuts_.rbegin(), cuts_.rend(), [&out](const LogCut& cut) { undo_cut(out, cut); });
  return out;
}

// As it will be once the truncations that wait are durable.
PartitionCheckpoint LogReplica::checkpoint_of_memory() const {
  PartitionCheckpoint out;
  out.id = id_;
  out.hard_state = durable_hard_state_;
  out.log_epoch = log_epoch_;
  out.log_start = coming_log_start();
  out.segment_end = segment_end_;
  for (const ReplicaSegment& segment : segments_) {
    const SegmentMeta& meta = segment.ref.meta;
    if (meta.begin < meta.end && meta.end > log_start_) out.segments.push_back(meta);
  }
  for (const TermBegin& term : terms_) {
    if (term.begin < segment_end_) out.terms.push_back(term);
  }
  out.lowest_truncation = lowest_truncation_;
  out.damage = damage_;
  for (const auto& membership : memberships_) {
    if (membership.first < flushed_) out.memberships.push_back(membership);
  }
  out.max_append_time = segment_append_time_;
  out.scrub = scrub_;
  return out;
}

LogStatus LogReplica::status() const {
  LogStatus out;
  out.log_start = log_start_;
  out.end = end_;
  out.flushed = flushed_;
  out.segment_end = segment_end_;
  out.pinned_bytes = memory_.pinned_bytes();
  out.cached_bytes = memory_.cached_bytes();
  for (const ReplicaSegment& segment : segments_) {
    out.disk_bytes += segment.disk_bytes;
    SegmentStatus& status = out.segments.emplace_back();
    status.meta = segment.ref.meta;
    status.active = !sealed(segment);
    const auto times = status.active ? std::optional(writer_.active_times()) : segment.times;
    if (!times) continue;
    status.max_append_time = times->last_append;
    status.max_event_time = times->max_event;
  }
  out.disk_bytes += states_.disk_bytes();
  out.damage = damage_;
  out.last_full_scrub = last_full_scrub();
  out.scrub_errors = scrub_errors_;
  return out;
}

}  // namespace forebay::log
