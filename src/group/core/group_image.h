// The groups of one partition of `__groups`: the fold of its records. Pure: applying reads nothing but the
// record, so every replica that has applied the same records holds the same groups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "group/core/records.h"

namespace forebay::group {

struct Member {
  MemberSettings settings;
  AssignmentNumber assignment;  // the last one
  friend bool operator==(const Member&, const Member&) = default;
};

// Of one partition. `owner` != `target`: it is moving, and the target waits until the owner has confirmed.
struct Ownership {
  MemberNumber target;
  MemberNumber owner;
  AssignmentNumber give_up;  // the assignment by which the owner was told to give it up; 0: it was not
  MemberNumber avoided;      // who gave it back, for it was too slow there
  [[nodiscard]] bool is_given_up() const { return give_up != AssignmentNumber{}; }
  friend bool operator==(const Ownership&, const Ownership&) = default;
};

struct GroupTopic {
  std::string name;
  std::uint32_t first_partitions = 0;  // see TopicSeen
  std::vector<Ownership> partitions;
  friend bool operator==(const GroupTopic&, const GroupTopic&) = default;
};

// Who is there and who has what. Copied by a turn that changes it: a few hundred allocations for a hundred
// members.
struct Roster {
  Assignor assignor = Assignor::kUniformSticky;
  GroupEpoch epoch;
  MemberNumber last_number;  // the highest one given
  std::map<MemberNumber, Member> members;
  std::map<std::string, MemberNumber, std::less<>> by_id;        // the same
  std::map<std::string, MemberNumber, std::less<>> by_instance;  // the static ones
  std::map<model::TopicId, GroupTopic> topics;
  model::Offset topics_version;  // no topic here is younger than this version of the metadata

  // Nothing: there is no such one.
  [[nodiscard]] const Member* member(MemberNumber number) const;
  [[nodiscard]] MemberNumber number_of(std::string_view member_id) const;
  [[nodiscard]] const Ownership* ownership(const model::TopicPartition& partition) const;
  friend bool operator==(const Roster&, const Roster&) = default;
};

struct Position {
  std::optional<model::Offset> committed;
  std::optional<model::Offset> start;  // where the start rule led; kept, for people
  std::string metadata;
  model::Timestamp at = model::kNoTimestamp;  // of the commit
  MemberNumber by;
  // Where to go on; nothing: by the start rule.
  [[nodiscard]] std::optional<model::Offset> next() const { return committed ? committed : start; }
  friend bool operator==(const Position&, const Position&) = default;
};
using Positions = std::map<model::TopicPartition, Position>;

struct Group {
  StartRule start;
  Roster roster;
  Positions positions;
  friend bool operator==(const Group&, const Group&) = default;
};

struct GroupImage {
  std::map<std::string, Group, std::less<>> groups;
  [[nodiscard]] const Group* find(std::string_view name) const;
  friend bool operator==(const GroupImage&, const GroupImage&) = default;
};

// Folds one record. Errors: kInternal when the record cannot follow this image (a bug or a damaged log): the
// image is unchanged.
[[nodiscard]] Result<void> apply(GroupImage& image, const GroupRecord& record);

// The parts of `apply`, for decisions that are taken against a working copy. A record that changes neither is
// a success of both.
[[nodiscard]] Result<void> apply_to_roster(Roster& roster, const GroupRecord& record);
void apply_to_positions(Positions& positions, const GroupRecord& record);

}  // namespace forebay::group
