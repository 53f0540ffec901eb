// The part of LogReplica that puts good frames in the place of damaged ones.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/log_replica.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

// Each time the range grows by a frame at least; more is not compaction, but a log that is another one.
constexpr std::uint32_t kWidenedMax = 16;

Error not_yet(const model::TopicPartition& id, const std::string& why) {
  return {ErrorCode::kNotYet, "partition " + id.to_string() + " cannot be repaired yet: " + why};
}

}  // namespace

void LogReplica::repair(const LogRange& range, RepairSource source, Done done) {
  if (repairing_) return done(not_yet(id_, "another repair is under way"));
  repairing_ = true;
  auto end = lifetime_.guard([this, done = std::move(done)](Result<void> result) mutable {
    repairing_ = false;
    done(std::move(result));
  });
  begin_repair({range, 0, std::make_shared<RepairSource>(std::move(source)), std::move(end)});
}

void LogReplica::begin_repair(RepairTask task) {
  if (closed_ || failed_)
    return task.done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  auto plan = plan_repair(task.range);
  if (!plan) return task.done(std::move(plan).error());
  const std::vector<SegmentMeta> replaced = plan->segments;
  repair_ = std::make_unique<SegmentRepair>(parts_.env, id_, *std::move(plan), task.source);
  repair_->start([this, replaced, epoch = log_epoch_,
                  task = std::move(task)](Result<SegmentRepair::Outcome> outcome) mutable {
    repair_.reset();
    if (!outcome) return task.done(std::move(outcome).error());
    if (auto* repaired = std::get_if<SegmentRepair::Repaired>(&*outcome)) {
      const bool stands = epoch == log_epoch_ && cuts_.empty() && !closed_ && !failed_ &&
                          replacements_in_flight_ == 0 && still_there(replaced);
      if (stands) return put_in_place(replaced, std::move(*repaired), std::move(task.done));
      remove_files({0, id_, repaired->file.meta});
      return task.done(not_yet(id_, "it has changed under the repair"));
    }
    if (++task.widened > kWidenedMax) {
      return task.done(Error{ErrorCode::kCorruptBatch,
                             "the frames of another replica and those of partition " + id_.to_string() +
                                 " have no common border near " + task.range.begin.to_string()});
    }
    task.range = std::get<LogRange>(*outcome);
    begin_repair(std::move(task));
  });
}

// Whole files are replaced, so all that the range touches has to be in files that nobody adds to.
Result<SegmentRepair::Plan> LogReplica::plan_repair(const LogRange& range) {
  if (!cuts_.empty()) return not_yet(id_, "a cut is not durable");
  SegmentRepair::Plan plan;
  plan.index_interval_bytes = config_.index_interval_bytes;
  LogRange file = range;
  bool open = false;
  for (const ReplicaSegment& segment : segments_) {
    const SegmentMeta& meta = segment.ref.meta;
    // Right before a hole at the log's end, the writer would go on in it.
    const bool goes_on_before = !sealed(segment) && meta.end <= range.begin && meta.end == segment_end_;
    const bool touches = meta.begin < range.end && range.begin < meta.end;
    open = open || goes_on_before || (touches && !sealed(segment));
    if (!touches) continue;
    plan.segments.push_back(meta);
    file = {std::min(file.begin, meta.begin), std::max(file.end, meta.end)};
  }
  const bool at_the_end = file.end <= end_ && memory_.pinned_begin() == memory_.end();
  if (open || (file.end > segment_end_ && !at_the_end)) {
    writer_.roll(open ? std::min(segment_end_, end_) : end_);
    demand_flush();
    return not_yet(id_, "what lies beside the damage is being written");
  }
  plan.splice = {.file = file,
                 .replaced = range,
                 .accepted = damage_,
                 .first = segments_.empty() || file.begin <= segments_.front().ref.meta.begin,
                 .log_start = log_start_};
  return plan;
}

void LogReplica::put_in_place(std::vector<SegmentMeta> replaced, SegmentRepair::Repaired repaired,
                              Done done) {
  ReplaceSegments record{replaced, {repaired.file.meta}};
  parts_.journal->add_record(
      slot_, std::move(record),
      lifetime_.guard([this, replaced = std::move(replaced), repaired = std::move(repaired),
                       installs = installs_, epoch = log_epoch_,
                       done = std::move(done)](Result<void> durable) mutable {
        if (!durable) return done(std::move(durable));
        // Cut or begun anew while the record was on its way. A crash may still find the new file in the
        // journal; else the next start removes it.
        if (installs != installs_ || epoch != log_epoch_)
          return done(not_yet(id_, "it has changed under the repair"));
        for (const SegmentRef& old : segments_replaced(replaced, repaired.file)) retire_damaged(old);
        learn(repaired);
        for (const LogRange& range : repaired.filled) heal(range.begin, range.end);
        const SegmentMeta& meta = repaired.file.meta;
        if (meta.begin <= segment_end_ && segment_end_ < meta.end) {
          segment_append_time_ = std::max(segment_append_time_, repaired.file.times.last_append);
          segment_end_moved(meta.end);
        }
        // What was learnt is in the checkpoint alone: until the journal has that, a recovery finds the damage
        // again.
        parts_.journal->want_checkpoint();
        parts_.journal->add_record(slot_, SetDamage{damage_}, [](const Result<void>&) {});
        ++parts_.env.stats.repairs;
        damage_changed();
        done({});
      }));
}

// What was lost from the journal was never folded: terms that begin in it, members, log starts.
void LogReplica::learn(const SegmentRepair::Repaired& repaired) {
  for (const TermBegin& term : repaired.terms) {
    const auto at = std::partition_point(terms_.begin(), terms_.end(),
                                         [&](const TermBegin& known) { return known.term < term.term; });
    if (at != terms_.end() && at->term == term.term) {
      at->begin = std::min(at->begin, term.begin);
    } else {
      terms_.insert(at, term);
    }
  }
  for (const FramePtr& frame : repaired.controls) {
    const auto control = decode_control(frame->payload.span());
    if (!control) continue;
    if (const auto* members = std::get_if<Membership>(&*control)) {
      learn_members(frame->header.begin, *members);
    } else if (const auto* start = std::get_if<LogStart>(&*control)) {
      const LogStartFrame learnt{frame->header.end, std::min(start->begin, frame->header.begin)};
      const auto at =
          std::partition_point(log_start_frames_.begin(), log_start_frames_.end(),
                               [&](const LogStartFrame& known) { return known.end < learnt.end; });
      const bool known = at != log_start_frames_.end() && at->end == learnt.end;
      if (learnt.begin > log_start_ && !known) log_start_frames_.insert(at, learnt);
    }
  }
}

// What lies before the first that is known was superseded long ago.
void LogReplica::learn_members(model::LogPosition begin, const Membership& members) {
  const auto at = std::partition_point(memberships_.begin(), memberships_.end(),
                                       [&](const auto& known) { return known.first < begin; });
  if (at == memberships_.begin() && !memberships_.empty()) return;
  if (at == memberships_.end() || at->first != begin) memberships_.insert(at, {begin, members});
}

void LogReplica::retire_damaged(const SegmentRef& segment) {
  parts_.env.run_blocking(
      lifetime_,
      [&fs = parts_.env.fs, data_dir = parts_.env.config.data_dir, segment] {
        static_cast<void>(fs.remove_file(index_path(data_dir, segment.id, segment.meta)));
        // What cannot be moved now is found at the next start.
        return quarantine_damaged(fs, data_dir, segment.id, segment_path(data_dir, segment.id, segment.meta));
      },
      [](const Result<void>&) {});
}

void LogReplica::damage_changed() {
  if (on_damage_) on_damage_();
}

}  // namespace forebay::log
