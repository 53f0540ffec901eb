// Who is to own which partition: the target. Pure functions of who is there, what each may have, and who was
// to have it before; the same question gives the same answer on every node.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "group/core/records.h"

namespace forebay::group {

// An index into AssignProblem::members.
using MemberIndex = std::uint32_t;
inline constexpr MemberIndex kNoMember = ~MemberIndex{};

struct AssignMember {
  std::string order;  // range: the order of the members; the instance of a static one, else the id
  std::string rack;
};
struct AssignPartition {
  MemberIndex previous = kNoMember;  // of the last target
  MemberIndex avoided = kNoMember;   // not this one, if another one may have it
  std::string rack;                  // of its leader; empty: not known
};
struct AssignTopic {
  std::vector<MemberIndex> members;  // that are subscribed to it; ascending
  std::vector<AssignPartition> partitions;
};
struct AssignProblem {
  std::vector<AssignMember> members;
  std::vector<AssignTopic> topics;
  // False: who has a partition keeps it, if it may; only what nobody has, or may not be where it is, is
  // placed.
  bool balance = true;
};
// By topic and partition. kNoMember: nobody is subscribed to it.
using AssignTarget = std::vector<std::vector<MemberIndex>>;

// Every partition that anybody may have has one owner. Balanced: no chain of moves, each to a member that is
// subscribed, would take a partition from one member to another that has two less; so with equal
// subscriptions no two members differ by more than one. Sticky: a partition moves only to mend that. Racks:
// of equal choices, a member in the rack of the leader.
[[nodiscard]] AssignTarget assign_uniform_sticky(const AssignProblem& problem);

// Kafka's: topic by topic, the members in their order get consecutive partitions, the first ones one more
// when it does not divide. So partitions of equal number of several topics are together.
[[nodiscard]] AssignTarget assign_range(const AssignProblem& problem);

}  // namespace forebay::group
