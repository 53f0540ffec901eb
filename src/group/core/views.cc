#include "group/core/views.h"

#include <algorithm>

namespace forebay::group {
namespace {

template <typename Visit>
void for_each_partition(const Roster& roster, Visit visit) {
  for (const auto& [id, topic] : roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      visit(model::TopicPartition{id, model::PartitionIndex(static_cast<std::int32_t>(i))}, topic,
            topic.partitions[i]);
    }
  }
}

const Position* find(const Positions& positions, const model::TopicPartition& partition) {
  const auto at = positions.find(partition);
  return at == positions.end() ? nullptr : &at->second;
}

}  // namespace

std::optional<StartRule> rule_to_resolve(const StartRule& start, const GroupTopic& topic,
                                         const model::TopicPartition& partition) {
  switch (start.point) {
    case StartPoint::kEarliest:
    case StartPoint::kFail:
      return std::nullopt;
    case StartPoint::kAtTime:
      return start;
    case StartPoint::kLatest:
      // What was made later than the wish for it is all new.
      if (static_cast<std::uint32_t>(partition.partition.value()) >= topic.first_partitions)
        return StartRule{};
      return start;
  }
  return std::nullopt;
}

std::vector<WantedStart> starts_wanted(const StartRule& start, const Roster& roster,
                                       const FindPosition& position_of) {
  std::vector<WantedStart> wanted;
  if (start.point == StartPoint::kEarliest || start.point == StartPoint::kFail) return wanted;
  for_each_partition(roster, [&](const auto& partition, const GroupTopic& topic, const Ownership& one) {
    if (one.owner == kNobody) return;
    const Position* position = position_of(partition);
    if (position != nullptr && position->next()) return;
    if (const auto rule = rule_to_resolve(start, topic, partition)) wanted.push_back({partition, *rule});
  });
  return wanted;
}

std::vector<WantedStart> starts_wanted(const Group& group) {
  return starts_wanted(group.start, group.roster, [&group](const model::TopicPartition& partition) {
    return find(group.positions, partition);
  });
}

Assignment assignment_of(const Group& group, MemberNumber number) {
  Assignment told{group.roster.members.at(number).assignment, group.roster.epoch, {}, {}};
  for_each_partition(group.roster, [&](const auto& partition, const GroupTopic& topic, const Ownership& one) {
    if (one.owner != number) return;
    if (one.is_given_up()) {
      told.give_up.push_back(partition);
      return;
    }
    const Position* position = find(group.positions, partition);
    const auto next = position != nullptr ? position->next() : std::nullopt;
    if (!next && rule_to_resolve(group.start, topic, partition)) return;  // once its start is known
    told.owned.push_back({partition, next});
  });
  return told;
}

std::map<MemberNumber, AssignmentNumber> unconfirmed(const Group& group) {
  std::map<MemberNumber, AssignmentNumber> oldest;
  for_each_partition(group.roster, [&](const auto&, const GroupTopic&, const Ownership& one) {
    if (!one.is_given_up()) return;
    const auto [at, is_new] = oldest.try_emplace(one.owner, one.give_up);
    at->second = std::min(at->second, one.give_up);
  });
  return oldest;
}

bool has_to_follow(const Group& group, const TopicsSnapshot& topics) {
  if (!group.roster.members.empty()) return true;
  return std::any_of(group.roster.topics.begin(), group.roster.topics.end(), [&](const auto& known) {
    const TopicView* view = topics.find(known.second.name, known.first);
    return view == nullptr || view->leader_racks.size() > known.second.partitions.size();
  });
}

Partitions waited_for(const Group& group, MemberNumber number) {
  Partitions waited;
  for_each_partition(group.roster, [&](const auto& partition, const GroupTopic&, const Ownership& one) {
    if (one.target == number && one.owner != number) waited.push_back(partition);
  });
  return waited;
}

GroupState state_of(const Group& group) {
  if (group.roster.members.empty()) return GroupState::kEmpty;
  bool stable = starts_wanted(group).empty();
  for_each_partition(group.roster, [&](const auto&, const GroupTopic&, const Ownership& one) {
    stable = stable && one.owner == one.target && !one.is_given_up();
  });
  return stable ? GroupState::kStable : GroupState::kAssigning;
}

std::string_view state_name(GroupState state) {
  switch (state) {
    case GroupState::kEmpty:
      return "empty";
    case GroupState::kAssigning:
      return "assigning";
    case GroupState::kStable:
      return "stable";
  }
  return "?";
}

}  // namespace forebay::group
