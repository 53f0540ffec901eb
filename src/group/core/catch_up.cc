#include "group/core/catch_up.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace forebay::group {
namespace {

std::optional<Milliseconds> time_for(double records, double records_per_ms) {
  if (records_per_ms <= 0) return std::nullopt;
  const double time = records / records_per_ms;
  if (time > static_cast<double>(CatchUp::kLongest.count())) return std::nullopt;
  // Zero is for who has all.
  return std::max(Milliseconds{1}, Milliseconds(std::llround(time)));
}

}  // namespace

void CatchUp::see(const std::string& group, const std::vector<PartitionSight>& partitions, Time now) {
  Partitions before = std::exchange(groups_[group], {});
  Partitions& after = groups_[group];
  for (const PartitionSight& one : partitions) {
    const auto known = before.find(one.partition);
    Seen& seen = after[one.partition];
    if (known == before.end()) {
      seen = {one.next, one.end, now, one.owner, one.lag_records, {}};
    } else {
      seen = known->second;
      follow(seen, one, now);
    }
  }
  if (after.empty()) groups_.erase(group);
}

void CatchUp::follow(Seen& seen, const PartitionSight& sight, Time now) {
  seen.lag_records = sight.lag_records;
  const Time step = now - seen.at;
  const bool same_owner = sight.owner == seen.owner;
  if (same_owner && step < kStepMin) return;
  // Of what nobody owns a reset may move the offset, which is no reading; so may one between two owners. And
  // one that went back says that there was one.
  const bool was_reset = sight.next < seen.next || sight.end < seen.end;
  if (sight.owner == kNobody || was_reset) {
    seen.pace = {};
  } else if (same_owner) {
    const double faded = std::exp(-static_cast<double>(step.count()) / static_cast<double>(kMemory.count()));
    Pace& pace = seen.pace;
    pace.read = pace.read * faded + static_cast<double>(sight.next.value() - seen.next.value());
    pace.written = pace.written * faded + static_cast<double>(sight.end.value() - seen.end.value());
    pace.span_ms = pace.span_ms * faded + static_cast<double>(step.count());
    pace.seen += step;
  }
  seen.next = sight.next;
  seen.end = sight.end;
  seen.at = now;
  seen.owner = sight.owner;
}

std::optional<Milliseconds> CatchUp::of(const std::string& group,
                                        const model::TopicPartition& partition) const {
  const auto known = groups_.find(group);
  if (known == groups_.end()) return std::nullopt;
  const auto at = known->second.find(partition);
  if (at == known->second.end()) return std::nullopt;
  const auto& [next, end, time, owner, lag_records, pace] = at->second;
  if (lag_records == 0) return Milliseconds{0};
  if (pace.seen < kSpanMin) return std::nullopt;
  return time_for(static_cast<double>(lag_records), (pace.read - pace.written) / pace.span_ms);
}

std::optional<Milliseconds> CatchUp::of(const std::string& group) const {
  const auto known = groups_.find(group);
  if (known == groups_.end()) return std::nullopt;
  double records = 0, per_ms = 0;
  for (const auto& [partition, seen] : known->second) {
    if (seen.lag_records == 0) continue;
    if (seen.pace.seen < kSpanMin) return std::nullopt;
    records += static_cast<double>(seen.lag_records);
    per_ms += (seen.pace.read - seen.pace.written) / seen.pace.span_ms;
  }
  if (records == 0) return Milliseconds{0};
  return time_for(records, per_ms);
}

}  // namespace forebay::group
