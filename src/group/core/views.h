// What people and members are told of a group: pure functions of its applied state.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "group/core/group_image.h"
#include "group/core/topics.h"

namespace forebay::group {

// The owner is not told of the partition before the shell has found its start (Turn::resolve_starts).
struct WantedStart {
  model::TopicPartition partition;
  StartRule rule;  // earliest, latest or a time
  friend bool operator==(const WantedStart&, const WantedStart&) = default;
};
// What has to be asked of the partition's leader to know where the group begins, as long as it has no
// position. Nothing: it begins at the begin of the log, or (fail) where somebody will say.
[[nodiscard]] std::optional<StartRule> rule_to_resolve(const StartRule& start, const GroupTopic& topic,
                                                       const model::TopicPartition& partition);
// Of all that is owned. A new coordinator asks for them again.
[[nodiscard]] std::vector<WantedStart> starts_wanted(const Group& group);
using FindPosition = std::function<const Position*(const model::TopicPartition&)>;
[[nodiscard]] std::vector<WantedStart> starts_wanted(const StartRule& start, const Roster& roster,
                                                     const FindPosition& position_of);

struct OwnedPartition {
  model::TopicPartition partition;
  std::optional<model::Offset> next;  // nothing: by the start rule, which is earliest or fail
  friend bool operator==(const OwnedPartition&, const OwnedPartition&) = default;
};
struct Assignment {
  AssignmentNumber number;
  GroupEpoch epoch;
  std::vector<OwnedPartition> owned;  // all that it may read now
  Partitions give_up;                 // stop, commit, confirm `number`
  friend bool operator==(const Assignment&, const Assignment&) = default;
};
// Requires: the member is there.
[[nodiscard]] Assignment assignment_of(const Group& group, MemberNumber member);

// By member: the oldest assignment that has something to give up and is not confirmed. The revoke deadline is
// that of this one. Who is not here has nothing to give up.
[[nodiscard]] std::map<MemberNumber, AssignmentNumber> unconfirmed(const Group& group);

// Whether a turn has to follow the topics (Turn::follow_topics): the group has members, or knows a topic that
// is deleted, or has more partitions now.
[[nodiscard]] bool has_to_follow(const Group& group, const TopicsSnapshot& topics);

// Its by plan, still with somebody else.
[[nodiscard]] Partitions waited_for(const Group& group, MemberNumber member);

enum class GroupState : std::uint8_t { kEmpty, kAssigning, kStable };
// Empty: no members. Stable: everybody owns what he is to own, and has been told.
[[nodiscard]] GroupState state_of(const Group& group);
[[nodiscard]] std::string_view state_name(GroupState state);

}  // namespace forebay::group
