// What stands against stopping a node.
#include "broker/stop_check.h"

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
  one.topic = "orders";
  one.partition = model::PartitionIndex(4);
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
  std::string want;  // of node 2; empty: nothing stands against it
};

std::vector<Case> cases() {
  using enum ReplicaState;
  return {
      {"FollowerOfThree", partition(1, {{1}, {2}, {3}}), ""},
      {"NotAMember", partition(1, {{1}, {3}}), ""},
      {"Learner", partition(1, {{1}, {2, kBeingAdded, ReplicaRole::kLearner}}), ""},
      {"DownAlready", partition(1, {{1}, {2, kUnreachable}, {3}}), ""},
      {"FollowerOfFiveWithOneAway", partition(1, {{1}, {2}, {3}, {4}, {5, kUnreachable}}), ""},
      {"Leader", partition(2, {{1}, {2}, {3}}), "it leads the partition"},
      {"OnlyCopy", partition(2, {{2}}), "it holds the only copy"},
      {"OneOfTwo", partition(1, {{1}, {2}}), "without it 1 of 2 voters are in sync, which is no majority"},
      {"OtherCatchesUp", partition(1, {{1}, {2}, {3, kCatchingUp}}),
       "without it 1 of 3 voters are in sync, which is no majority: node 3 is catching up"},
      {"LeaderWithOneAway", partition(2, {{1}, {2}, {3, kUnreachable}}),
       "it leads the partition, and without it 1 of 3 voters are in sync, which is no majority: "
       "node 3 is unreachable"},
      {"LeaderDoesNotAnswer", partition(1, {{1, kUnknown}, {2, kUnknown}, {3, kUnknown}}),
       "without it 0 of 3 voters are in sync, which is no majority: node 1 is in an unknown state, "
       "node 3 is in an unknown state"},
      {"NoLeader", partition(std::nullopt, {{1}, {2}, {3}}), "the partition has no leader at the moment"},
  };
}

TEST(StopCheck, SaysWhatStandsAgainstStoppingANode) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const auto obstacles = stop_obstacles({one.in}, NodeId(2));
    ASSERT_EQ(obstacles.size(), one.want.empty() ? 0U : 1U);
    if (!one.want.empty()) {
      EXPECT_EQ(obstacles[0].reason, one.want);
    }
  }
}

TEST(StopCheck, TellsWhatTheNodeLeads) {
  const auto obstacles = stop_obstacles({partition(2, {{1}, {2}, {3}}), partition(1, {{1}, {2}})}, NodeId(2));
  ASSERT_EQ(obstacles.size(), 2U);
  EXPECT_TRUE(obstacles[0].leads);
  EXPECT_FALSE(obstacles[1].leads);
  EXPECT_EQ(obstacles[0].topic, "orders");
  EXPECT_EQ(obstacles[0].partition, model::PartitionIndex(4));
}

}  // namespace
}  // namespace forebay::broker
