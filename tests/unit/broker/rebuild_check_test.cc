// What stands against dropping a copy.
#include "broker/rebuild_check.h"

#include <gtest/gtest.h>

namespace forebay::broker {
namespace {

using model::NodeId;

struct Member {
  std::uint32_t node;
  ReplicaState state = ReplicaState::kInSync;
  ReplicaRole role = ReplicaRole::kFollower;
};

PartitionReplicas partition(std::optional<std::uint32_t> leader, const std::vector<Member>& members) {
  PartitionReplicas one;
  if (leader) one.leader = NodeId(*leader);
  for (const Member& member : members) {
    ReplicaDescription& replica = one.replicas.emplace_back();
    replica.node = NodeId(member.node);
    replica.state = member.state;
    replica.role = leader == member.node ? ReplicaRole::kLeader : member.role;
  }
  return one;
}

struct Case {
  const char* name;
  PartitionReplicas in;
  std::string want;  // of node 2; empty: it may be dropped
};

std::vector<Case> cases() {
  using enum ReplicaState;
  return {
      {"OneOfThree", partition(1, {{1}, {2}, {3}}), ""},
      {"Leader", partition(2, {{1}, {2}, {3}}), ""},
      {"OneOfTwo", partition(1, {{1}, {2}}), ""},
      {"DamagedItself", partition(1, {{1}, {2, kDamaged}, {3}}), ""},
      {"OneOfFiveWithOneAway", partition(1, {{1}, {2}, {3}, {4}, {5, kUnreachable}}), ""},
      {"OnlyCopy", partition(2, {{2}}), "it is the only one"},
      {"OnlyCopyBesideALearner", partition(2, {{2}, {3, kInSync, ReplicaRole::kLearner}}),
       "it is the only one"},
      {"OtherCatchesUp", partition(1, {{1}, {2}, {3, kCatchingUp}}),
       "1 of the 2 others are in sync, which is no majority: node 3 is catching up"},
      {"OtherIsDamaged", partition(1, {{1, kDamaged}, {2}}),
       "0 of the 1 others are in sync, which is no majority: node 1 is damaged"},
      {"LeaderDoesNotAnswer", partition(1, {{1, kUnknown}, {2}, {3, kUnknown}}),
       "0 of the 2 others are in sync, which is no majority: node 1 is in an unknown state, node 3 is in an "
       "unknown state"},
      {"NoLeader", partition(std::nullopt, {{1}, {2}, {3}}),
       "the partition has no leader that can be reached"},
  };
}

TEST(RebuildCheck, SaysWhatTheOthersLack) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const auto checked = check_rebuild(one.in, NodeId(2));
    ASSERT_EQ(checked.has_value(), one.want.empty());
    if (checked) continue;
    EXPECT_EQ(checked.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(checked.error().context, "the copy on node 2 is needed: " + one.want + "; repair that first");
  }
}

}  // namespace
}  // namespace forebay::broker
