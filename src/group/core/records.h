// What `__groups` holds: groups, their members, who is to own which partition and who does, and the offsets
// that they have committed. Plain values; the log is their fold (group_image.h). Each record names its group
// and says one thing: a commit rewrites no member, a change of members no offset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "group/core/limits.h"
#include "model/ids.h"

namespace forebay::group {

// Names a member within its group, in the order of joining; never given twice. A static member keeps it when
// another instance takes its place. 0: nobody.
using MemberNumber = StrongId<struct MemberNumberTag, std::uint32_t>;
inline constexpr MemberNumber kNobody{};
// Counts how often a member has attached: each stream is another epoch, and who speaks with an earlier one is
// refused.
using MemberEpoch = StrongId<struct MemberEpochTag, std::uint32_t>;
// Counts the targets of a group.
using GroupEpoch = StrongId<struct GroupEpochTag, std::uint64_t>;
// Counts the assignments of a member. 0: none.
using AssignmentNumber = StrongId<struct AssignmentNumberTag, std::uint64_t>;

// Where a group begins to read a partition for which it has committed nothing. One meaning for ever: what
// depends on the time of asking is resolved once, and logged (StartsResolved).
enum class StartPoint : std::uint8_t {
  kEarliest = 1,  // the first record that there is
  kLatest = 2,  // the end at the time when the group first owned the partition; of partitions and topics that
                // were made later than the group's wish for them: the first record
  kAtTime = 3,  // the first record with an event time of `time` or later
  kFail = 4,    // nowhere: somebody has to say it by a reset
};
struct StartRule {
  StartPoint point = StartPoint::kEarliest;
  model::Timestamp time{0};  // with kAtTime
  friend bool operator==(const StartRule&, const StartRule&) = default;
};

enum class Assignor : std::uint8_t {
  kUniformSticky = 1,
  kRange = 2,
};

struct Subscription {
  std::vector<std::string> topics;  // sorted, each once; also such as are not there yet
  std::string pattern;  // empty: none. Of the whole name; matched by the shell (TopicsSnapshot::matches)
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

// What a member says of itself, and its names.
struct MemberSettings {
  std::string id;  // made by the coordinator, for nobody else to guess
  MemberEpoch epoch;
  std::string instance;     // of a static member; empty: none
  std::string replaced_id;  // of the instance whose place this one took; empty: none
  std::string client_id, host, rack;
  Subscription subscription;
  Milliseconds session = kSessionDefault;
  Milliseconds revoke = kRevokeDefault;
  friend bool operator==(const MemberSettings&, const MemberSettings&) = default;
};

using Partitions = std::vector<model::TopicPartition>;

// --- records
// ------------------------------------------------------------------------------------------------
struct GroupCreated {
  std::string group;
  StartRule start;
  Assignor assignor = Assignor::kUniformSticky;
  friend bool operator==(const GroupCreated&, const GroupCreated&) = default;
};
// With all its offsets. Only while it has no members.
struct GroupDeleted {
  std::string group;
  friend bool operator==(const GroupDeleted&, const GroupDeleted&) = default;
};
// Only while it has no members.
struct AssignorSet {
  std::string group;
  Assignor assignor = Assignor::kUniformSticky;
  friend bool operator==(const AssignorSet&, const AssignorSet&) = default;
};
// A new member, another instance in the place of one, or other words of one. What it owns stays.
struct MemberSet {
  std::string group;
  MemberNumber number;
  MemberSettings settings;
  friend bool operator==(const MemberSet&, const MemberSet&) = default;
};
// It came back, and says of itself what it said before.
struct MemberResumed {
  std::string group;
  MemberNumber number;
  MemberEpoch epoch;
  friend bool operator==(const MemberResumed&, const MemberResumed&) = default;
};
enum class Removal : std::uint8_t {
  kLeft = 1,
  kSessionEnded = 2,
  kRevokeTimedOut = 3,  // it did not confirm in time what it was to give up
};
// Nobody owns what it owned.
struct MemberRemoved {
  std::string group;
  MemberNumber number;
  Removal why = Removal::kLeft;
  friend bool operator==(const MemberRemoved&, const MemberRemoved&) = default;
};
// A topic that the group has to do with, or partitions more of one.
struct TopicSeen {
  std::string group;
  model::TopicId topic;
  std::string name;
  std::uint32_t partitions = 0;
  // When it is seen first: partitions from this one on were made later than the wish for them.
  std::uint32_t first_partitions = 0;
  model::Offset version;  // of the metadata in which it stands so
  friend bool operator==(const TopicSeen&, const TopicSeen&) = default;
};
// The topic is deleted: nobody owns it, and its offsets are gone.
struct TopicForgotten {
  std::string group;
  model::TopicId topic;
  model::Offset version;  // of the metadata in which it is missing: an older one must not bring it back
  friend bool operator==(const TopicForgotten&, const TopicForgotten&) = default;
};
struct TargetChange {
  model::TopicPartition partition;
  MemberNumber member;  // kNobody: nobody is subscribed to it
  friend bool operator==(const TargetChange&, const TargetChange&) = default;
};
// Who is to own what, where that is another one than before.
struct TargetSet {
  std::string group;
  GroupEpoch epoch;
  std::vector<TargetChange> changes;
  friend bool operator==(const TargetSet&, const TargetSet&) = default;
};
// The next assignment of a member: what it owns from now on, and what it has to give up.
struct OwnershipChanged {
  std::string group;
  MemberNumber member;
  AssignmentNumber assignment;
  Partitions granted;    // nobody owned them
  Partitions giving_up;  // it owns them until it has confirmed this assignment
  friend bool operator==(const OwnershipChanged&, const OwnershipChanged&) = default;
};
// It has stopped with them, and committed what was done.
struct PartitionsReleased {
  std::string group;
  MemberNumber member;
  Partitions partitions;
  friend bool operator==(const PartitionsReleased&, const PartitionsReleased&) = default;
};
// They are too slow there: they are to be somewhere else if that is possible.
struct PartitionsAvoided {
  std::string group;
  MemberNumber member;
  Partitions partitions;
  friend bool operator==(const PartitionsAvoided&, const PartitionsAvoided&) = default;
};
struct OffsetEntry {
  model::TopicPartition partition;
  model::Offset offset;  // of the next record to process
  std::string metadata;
  friend bool operator==(const OffsetEntry&, const OffsetEntry&) = default;
};
struct OffsetsCommitted {
  std::string group;
  MemberNumber by;  // kNobody: while the group had no members
  model::Timestamp at;
  std::vector<OffsetEntry> offsets;
  friend bool operator==(const OffsetsCommitted&, const OffsetsCommitted&) = default;
};
// The one way back. Of partitions that nobody owned.
struct OffsetsReset {
  std::string group;
  model::Timestamp at;
  std::vector<OffsetEntry> offsets;
  friend bool operator==(const OffsetsReset&, const OffsetsReset&) = default;
};
// Where the group's start rule leads, of partitions without a committed offset.
struct StartsResolved {
  std::string group;
  std::vector<std::pair<model::TopicPartition, model::Offset>> starts;
  friend bool operator==(const StartsResolved&, const StartsResolved&) = default;
};
using GroupRecord =
    std::variant<GroupCreated, GroupDeleted, AssignorSet, MemberSet, MemberResumed, MemberRemoved, TopicSeen,
                 TopicForgotten, TargetSet, OwnershipChanged, PartitionsReleased, PartitionsAvoided,
                 OffsetsCommitted, OffsetsReset, StartsResolved>;

[[nodiscard]] inline const std::string& group_of(const GroupRecord& record) {
  return std::visit([](const auto& one) -> const std::string& { return one.group; }, record);
}

}  // namespace forebay::group
