// The part of LogReplica that knows what is lost.
#include <algorithm>

#include "log/log_replica.h"
#include "log/segment_io.h"

namespace forebay::log {

void LogReplica::report_damage(const SegmentRef& segment, const SegmentCursor::Damaged& damage) {
  ReplicaSegment* known = find_segment(segment.serial);
  if (known == nullptr) return;  // gone meanwhile
  copy_to_quarantine(*known);
  if (damage.begin == damage.end) {  // padding: no frame is lost
    ++scrub_errors_;
    ++parts_.env.stats.scrub_errors;
    return;
  }
  add_damage(damage.begin, damage.end);
}

void LogReplica::report_missing(const SegmentRef& segment) {
  const ReplicaSegment* known = find_segment(segment.serial);
  if (known == nullptr || known->ref.meta.end == known->ref.meta.begin) return;
  add_damage(known->ref.meta.begin, known->ref.meta.end);
}

void LogReplica::folder_seen(const FolderReport& report) {
  states_.seen(report.states);
  // What was cut in earlier lives is gone from the folder.
  if (log_epoch_ == recovered_log_epoch_) lowest_truncation_.reset();
  const auto matching = [this](const SegmentMeta& meta) {
    return std::find_if(segments_.begin(), segments_.end(),
                        [&meta](const ReplicaSegment& s) { return s.ref.meta == meta; });
  };
  for (const auto& [meta, bytes] : report.disk_bytes) {
    if (const auto it = matching(meta); it != segments_.end()) it->disk_bytes = bytes;
  }
  for (const SegmentMeta& meta : report.missing) {
    const auto it = matching(meta);
    if (it == segments_.end()) continue;
    it->disk_bytes = 0;
    report_missing(SegmentRef(it->ref));
  }
}

void LogReplica::add_damage(model::LogPosition begin, model::LogPosition end) {
  if (!add_lost_range(damage_, std::max(begin, log_start_), end)) return;
  damage_changed();
  ++scrub_errors_;
  ++parts_.env.stats.scrub_errors;
  // Nobody waits for it: should it be lost, the next reader finds the damage again.
  parts_.journal->add_record(slot_, SetDamage{damage_}, [](const Result<void>&) {});
}

void LogReplica::report_lost_tail(Done durable) {
  add_lost_tail(damage_, end_);
  parts_.journal->add_record(slot_, SetDamage{damage_}, lifetime_.guard(std::move(durable)));
}

void LogReplica::tail_regained(Done durable) {
  forget_lost_tail(damage_);
  parts_.journal->add_record(slot_, SetDamage{damage_}, lifetime_.guard(std::move(durable)));
}

// A good copy of [begin, end) is there, in the journal: what was damaged in a segment is written again from
// it.
void LogReplica::heal(model::LogPosition begin, model::LogPosition end) {
  std::vector<Damage> left;
  for (const Damage& damage : damage_) {
    if (damage.kind != DamageKind::kMiddle || end <= damage.begin || damage.end <= begin) {
      left.push_back(damage);
      continue;
    }
    if (damage.begin < begin) left.push_back({DamageKind::kMiddle, damage.begin, begin});
    if (end < damage.end) left.push_back({DamageKind::kMiddle, end, damage.end});
  }
  damage_ = std::move(left);
}

void LogReplica::segment_verified(const SegmentRef& segment) {
  const ReplicaSegment* known = find_segment(segment.serial);
  if (known == nullptr || known->ref.meta != segment.meta) return;
  const std::vector<Damage> before = damage_;
  heal(segment.meta.begin, segment.meta.end);
  if (damage_ == before) return;
  parts_.journal->add_record(slot_, SetDamage{damage_}, [](const Result<void>&) {});
  damage_changed();
}

void LogReplica::copy_to_quarantine(ReplicaSegment& segment) {
  if (segment.copied_to_quarantine) return;
  segment.copied_to_quarantine = true;
  parts_.env.run_blocking(
      lifetime_,
      [&fs = parts_.env.fs, data_dir = parts_.env.config.data_dir, ref = segment.ref] {
        return quarantine_copy(fs, data_dir, ref.id, segment_path(data_dir, ref.id, ref.meta));
      },
      [](const Result<void>&) {});
}

}  // namespace forebay::log
