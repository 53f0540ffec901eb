// The part of LogReplica that compaction uses.
#include <algorithm>

#include "base/assert.h"
#include "log/log_replica.h"

namespace forebay::log {

void LogReplica::compact(model::Timestamp now, const CompactionBounds& bounds,
                         UniqueFunction<void(Result<std::uint64_t>)> done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  parts_.compactor.start(*this, id_, now, bounds, std::move(done));
}

// A cut that is not durable yet may turn out not to have been: then more is there than what is seen here.
model::LogPosition LogReplica::compacted_to() const {
  model::LogPosition upto = log_start_;
  if (!cuts_.empty() || segments_.empty()) return upto;
  for (const ReplicaSegment& segment : segments_) {
    const SegmentMeta& meta = segment.ref.meta;
    if (meta.begin > upto || meta.compactions() == 0) break;
    upto = std::max(upto, meta.end);
  }
  for (const Damage& one : damage_) {
    if (one.kind != DamageKind::kAcceptedTail) upto = std::min(upto, std::max(one.begin, log_start_));
  }
  return upto;
}

std::vector<CompactionSegment> LogReplica::compactable() const {
  std::vector<CompactionSegment> out;
  for (const ReplicaSegment& segment : segments_) {
    if (!sealed(segment) || segment.ref.meta.begin == segment.ref.meta.end) break;
    out.push_back(
        {segment.ref.meta, segment.times ? std::optional(segment.times->last_append) : std::nullopt});
  }
  return out;
}

void LogReplica::load_times(UniqueFunction<void()> then) {
  for (const ReplicaSegment& segment : segments_) {
    if (!sealed(segment) || segment.times) continue;
    parts_.store.index(segment.ref, config_.index_interval_bytes,
                       lifetime_.guard([this, serial = segment.ref.serial, then = std::move(then)](
                                           const Result<SegmentStore::LoadedIndex>& loaded) mutable {
                         if (!loaded) return then();  // what is missing now counts as too young
                         on_times(serial, loaded->index->times());
                         load_times(std::move(then));
                       }));
    return;
  }
  then();
}

bool LogReplica::still_there(const std::vector<SegmentMeta>& segments) const {
  return std::all_of(segments.begin(), segments.end(), [this](const SegmentMeta& meta) {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const ReplicaSegment& s) { return s.ref.meta == meta; });
  });
}

void LogReplica::replace_segments(std::vector<SegmentMeta> removed, SealedSegment added,
                                  UniqueFunction<void(Result<void>)> done) {
  ReplaceSegments record{removed, {added.meta}};
  ++replacements_in_flight_;
  parts_.journal->add_record(
      slot_, std::move(record),
      lifetime_.guard([this, removed = std::move(removed), added = std::move(added), installs = installs_,
                       done = std::move(done)](Result<void> result) mutable {
        --replacements_in_flight_;
        if (result && installs != installs_) {
          compacted_in_vain(added.meta);
        } else if (result) {
          for (const SegmentRef& old : segments_replaced(removed, added)) remove_files(old);
        }
        done(std::move(result));
      }));
}

// The log began anew meanwhile. Until that is durable a crash may find the old one, with this file: then the
// next start removes it.
void LogReplica::compacted_in_vain(const SegmentMeta& added) {
  if (cuts_.empty()) remove_files({0, id_, added});
}

std::vector<SegmentRef> LogReplica::segments_replaced(const std::vector<SegmentMeta>& removed,
                                                      const SealedSegment& added) {
  FOREBAY_ASSERT(added.meta.end <= end_);  // committed: never cut
  std::vector<SegmentRef> old;
  std::erase_if(segments_, [&](const ReplicaSegment& segment) {
    if (std::find(removed.begin(), removed.end(), segment.ref.meta) == removed.end()) return false;
    old.push_back(segment.ref);
    return true;
  });
  const auto place =
      std::partition_point(segments_.begin(), segments_.end(),
                           [&added](const ReplicaSegment& s) { return s.ref.meta.begin < added.meta.begin; });
  segments_.insert(place,
                   {{parts_.env.next_serial++, id_, added.meta}, added.disk_bytes, added.times, false});
  for (const SegmentRef& segment : old) {
    parts_.store.forget(segment.serial);
    parts_.extents.forget(segment.serial);
  }
  // From now on nobody is given what is compacted away, for it must not outlast what supersedes it.
  memory_.drop_before(std::min(memory_.pinned_begin(), memory_.find_begin(added.meta.end)));
  drop_segments_below(log_start_);  // log start may have moved past it meanwhile
  return old;
}

}  // namespace forebay::log
