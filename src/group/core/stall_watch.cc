#include "group/core/stall_watch.h"

#include <utility>

namespace forebay::group {
namespace {

StallCause cause_of(bool has_members, const PartitionSight& one) {
  if (!has_members) return StallCause::kNoMembers;
  if (one.owner == kNobody) return one.target == kNobody ? StallCause::kNotSubscribed : StallCause::kNotTaken;
  // Before all that the owner could do about it: it can do nothing.
  if (!one.start_is_known) return StallCause::kStartUnknown;
  if (!one.owner_is_attached) return StallCause::kOwnerGone;
  return one.is_given_up ? StallCause::kOwnerHolds : StallCause::kOwnerIsSilent;
}

}  // namespace

std::string_view stall_cause_name(StallCause cause) {
  switch (cause) {
    case StallCause::kNoMembers:
      return "no members";
    case StallCause::kNotSubscribed:
      return "no member is subscribed to the topic";
    case StallCause::kNotTaken:
      return "no owner yet";
    case StallCause::kStartUnknown:
      return "nobody has said where to begin";
    case StallCause::kOwnerGone:
      return "the owner is not connected";
    case StallCause::kOwnerHolds:
      return "the owner has not given it up";
    case StallCause::kOwnerIsSilent:
      return "the owner does not commit";
  }
  return "?";
}

void StallWatch::see(const std::string& group, bool has_members,
                     const std::vector<PartitionSight>& partitions, Time now) {
  const Partitions before = std::exchange(groups_[group], {});
  Partitions& seen = groups_[group];
  for (const PartitionSight& one : partitions) {
    if (one.lag_records == 0) continue;  // it has all: whatever comes next begins to wait then
    const auto known = before.find(one.partition);
    // Also back, by a reset: somebody takes care of it.
    const bool stands = known != before.end() && known->second.next == one.next;
    Seen& now_seen = seen[one.partition];
    now_seen = {one.next, stands ? known->second.since : now, std::nullopt};
    if (now - now_seen.since >= kStillMax) now_seen.stalled = cause_of(has_members, one);
  }
  if (seen.empty()) groups_.erase(group);
}

std::optional<Stall> StallWatch::stall(const std::string& group,
                                       const model::TopicPartition& partition) const {
  const auto known = groups_.find(group);
  if (known == groups_.end()) return std::nullopt;
  const auto at = known->second.find(partition);
  if (at == known->second.end() || !at->second.stalled) return std::nullopt;
  return Stall{*at->second.stalled, at->second.since};
}

std::map<model::TopicPartition, Stall> StallWatch::stalls(const std::string& group) const {
  std::map<model::TopicPartition, Stall> all;
  const auto known = groups_.find(group);
  if (known == groups_.end()) return all;
  for (const auto& [partition, seen] : known->second) {
    if (seen.stalled) all[partition] = {*seen.stalled, seen.since};
  }
  return all;
}

}  // namespace forebay::group
