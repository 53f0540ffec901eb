// Views of several nodes, put together.
#include "api/cluster_view.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace forebay::api {
namespace {

using model::NodeId;
using model::Timestamp;

// What node `self` sees of three nodes.
broker::ClusterDescription seen_by(std::uint32_t self) {
  broker::ClusterDescription cluster;
  cluster.answered_by = NodeId(self);
  for (std::uint32_t id = 1; id <= 3; ++id) {
    broker::ClusterNode& node = cluster.nodes.emplace_back();
    node.id = NodeId(id);
    node.registered = node.alive = true;
    node.leaders = 10 * self + id;
  }
  return cluster;
}
v1::DescribeClusterResponse view(const broker::ClusterDescription& cluster, std::int64_t wall = 1'000) {
  broker::NodeDescription self;
  self.id = cluster.answered_by;
  self.wall_time = Timestamp(wall);
  v1::DescribeClusterResponse response;
  fill_cluster(cluster, self, &response);
  return response;
}
constexpr AskedAt kAsked{Timestamp(1'000), Timestamp(1'050)};

TEST(MergeCluster, EachNodeSpeaksForItself) {
  auto merged = view(seen_by(1));
  EXPECT_FALSE(merged.nodes(1).has_details());
  merge_cluster(merged, view(seen_by(2), 1'020), kAsked);
  finish_cluster(merged);
  ASSERT_EQ(merged.nodes_size(), 3);
  EXPECT_EQ(merged.answered_by(), 1U);
  EXPECT_TRUE(merged.nodes(0).has_details());
  EXPECT_TRUE(merged.nodes(1).has_details());
  EXPECT_FALSE(merged.nodes(2).has_details());
  EXPECT_EQ(merged.nodes(1).leaders(), 22U);
}

TEST(MergeCluster, WhatADecommissionWaitsForTheControllerKnows) {
  auto mine = seen_by(1), theirs = seen_by(2);
  mine.nodes[2].decommission = theirs.nodes[2].decommission = broker::kDecommissionMoving;
  mine.nodes[2].waits_for = "old news";
  theirs.nodes[2].waits_for = "room";
  auto merged = view(mine);
  merge_cluster(merged, view(theirs), kAsked);
  EXPECT_EQ(merged.nodes(2).waits_for(), "old news");
  theirs.nodes[1].controller = true;
  merge_cluster(merged, view(theirs), kAsked);
  EXPECT_EQ(merged.nodes(2).waits_for(), "room");
  EXPECT_EQ(merged.nodes(2).decommission(), "moving replicas");
}

TEST(MergeCluster, OfANodeThatOnlyTheOtherKnowsTheOtherSaysWhatItIs) {
  auto theirs = seen_by(2);
  broker::ClusterNode& gone = theirs.nodes.emplace_back();
  gone.id = NodeId(4);
  gone.peer_address = "fourth.example:7401";
  gone.decommission = broker::kDecommissionRemoved;
  auto merged = view(seen_by(1));
  merge_cluster(merged, view(theirs), kAsked);
  finish_cluster(merged);
  ASSERT_EQ(merged.nodes_size(), 4);
  EXPECT_EQ(merged.nodes(3).decommission(), "removed");
  EXPECT_EQ(merged.nodes(3).peer_address(), "fourth.example:7401");
  EXPECT_FALSE(merged.nodes(3).registered());
  EXPECT_FALSE(merged.nodes(3).alive());
}

TEST(MergeCluster, ClocksAreApartByWhatTheWayCannotExplain) {
  for (const auto& [wall, want] :
       {std::pair{1'020, 0}, std::pair{1'050, 0}, std::pair{9'050, 8'000}, std::pair{400, -600}}) {
    auto merged = view(seen_by(1));
    merge_cluster(merged, view(seen_by(2), wall), kAsked);
    EXPECT_EQ(merged.nodes(1).clock_apart_ms(), want) << wall;
  }
}

TEST(MergeCluster, NodeThatNobodyReachesWasHeardLastByTheLastOfThem) {
  auto mine = seen_by(1);
  mine.nodes[2].alive = false;
  mine.nodes[2].away_since = Timestamp(300);
  auto theirs = seen_by(2);
  theirs.nodes[2].alive = false;
  theirs.nodes[2].away_since = Timestamp(500);
  auto merged = view(mine);
  merge_cluster(merged, view(theirs), kAsked);
  finish_cluster(merged);
  EXPECT_FALSE(merged.nodes(2).alive());
  EXPECT_EQ(merged.nodes(2).away_since_ms(), 500);
  EXPECT_EQ(merged.nodes(2).not_reached_by_size(), 0);
  EXPECT_EQ(merged.nodes(2).leaders(), 0U);
}

TEST(MergeCluster, NodeThatOneReachesIsAliveAndTheBrokenLinkIsNamed) {
  auto mine = seen_by(1);
  mine.nodes[2].alive = false;
  mine.nodes[2].away_since = Timestamp(300);
  auto merged = view(mine);
  merge_cluster(merged, view(seen_by(2)), kAsked);
  finish_cluster(merged);
  EXPECT_TRUE(merged.nodes(2).alive());
  EXPECT_FALSE(merged.nodes(2).has_away_since_ms());
  ASSERT_EQ(merged.nodes(2).not_reached_by_size(), 1);
  EXPECT_EQ(merged.nodes(2).not_reached_by(0), 1U);
}

// --- partitions

broker::PartitionReplicas replicas(std::optional<std::uint32_t> leader, std::uint64_t term) {
  broker::PartitionReplicas partition;
  partition.topic = "events";
  partition.partition = model::PartitionIndex(0);
  if (leader) partition.leader = NodeId(*leader);
  partition.term = model::Term(term);
  for (std::uint32_t id = 1; id <= 3; ++id) partition.replicas.push_back({.node = NodeId(id)});
  return partition;
}
v1::ListPartitionsResponse view(const broker::PartitionReplicas& partition) {
  v1::ListPartitionsResponse response;
  fill_partitions({partition}, &response);
  return response;
}
broker::PartitionReplicas leaders_view(std::uint32_t leader, std::uint64_t term) {
  auto partition = replicas(leader, term);
  for (auto& replica : partition.replicas) {
    replica.role =
        replica.node == NodeId(leader) ? broker::ReplicaRole::kLeader : broker::ReplicaRole::kFollower;
    replica.state = broker::ReplicaState::kInSync;
    replica.flushed = model::Offset(50);
    replica.lag_records = 0;
  }
  return partition;
}

TEST(MergePartitions, TheLeaderIsBelieved) {
  auto merged = view(replicas(std::nullopt, 3));
  merge_partitions(merged, view(leaders_view(2, 4)), 2);
  finish_partitions(merged);
  const v1::PartitionReplicas& partition = merged.partitions(0);
  EXPECT_EQ(partition.leader(), 2U);
  EXPECT_EQ(partition.term(), 4U);
  ASSERT_EQ(partition.replicas_size(), 3);
  EXPECT_EQ(partition.replicas(1).role(), "leader");
  for (const auto& replica : partition.replicas()) EXPECT_EQ(replica.state(), "in sync");
}

TEST(MergePartitions, RatesAreTheLeaders) {
  auto leading = leaders_view(2, 4);
  leading.rates = partition::TrafficRates{10, 2'000, 4'000};
  auto merged = view(replicas(std::nullopt, 3));
  EXPECT_FALSE(merged.partitions(0).has_rates());
  merge_partitions(merged, view(leading), 2);
  EXPECT_EQ(merged.partitions(0).rates().in_records(), 10);
  EXPECT_EQ(merged.partitions(0).rates().in_bytes(), 2'000);
  EXPECT_EQ(merged.partitions(0).rates().out_bytes(), 4'000);
}

TEST(MergePartitions, AnEarlierLeaderIsNot) {
  auto merged = view(leaders_view(1, 5));
  auto old = leaders_view(2, 4);
  old.replicas[0].state = broker::ReplicaState::kUnreachable;
  merge_partitions(merged, view(old), 2);
  finish_partitions(merged);
  EXPECT_EQ(merged.partitions(0).leader(), 1U);
  EXPECT_EQ(merged.partitions(0).replicas(0).state(), "in sync");
}

TEST(MergePartitions, WhatOnlyTheReplicaItselfKnowsStaysInEitherOrder) {
  auto failed = replicas(std::nullopt, 4);
  failed.replicas[2].state = broker::ReplicaState::kFailed;
  failed.replicas[2].problem = "I/O error";
  failed.replicas[2].since = Timestamp(9);
  const auto check = [](const v1::ListPartitionsResponse& merged) {
    const v1::ReplicaStatus& replica = merged.partitions(0).replicas(2);
    EXPECT_EQ(replica.state(), "failed");
    EXPECT_EQ(replica.problem(), "I/O error");
    EXPECT_EQ(replica.since_ms(), 9);
    EXPECT_EQ(replica.flushed(), 50);
    EXPECT_EQ(merged.partitions(0).leader(), 2U);
  };
  auto merged = view(replicas(2, 4));
  merge_partitions(merged, view(failed), 3);
  merge_partitions(merged, view(leaders_view(2, 4)), 2);
  check(merged);
  merged = view(leaders_view(2, 4));
  merge_partitions(merged, view(failed), 3);
  check(merged);
}

TEST(MergePartitions, WithoutLeaderEachReplicaSaysHowFarItIsAndTheFirstSinceWhen) {
  auto mine = replicas(std::nullopt, 4);
  mine.replicas[0].flushed = model::Offset(7);
  mine.replicas[2].state = broker::ReplicaState::kUnreachable;
  mine.leaderless_since = Timestamp(20);
  auto theirs = replicas(std::nullopt, 5);
  theirs.replicas[1].flushed = model::Offset(9);
  theirs.leaderless_since = Timestamp(10);
  auto merged = view(mine);
  merge_partitions(merged, view(theirs), 2);
  finish_partitions(merged);
  const v1::PartitionReplicas& partition = merged.partitions(0);
  EXPECT_EQ(partition.leader(), 0U);
  EXPECT_EQ(partition.term(), 5U);
  EXPECT_EQ(partition.leaderless_since_ms(), 10);
  EXPECT_EQ(partition.replicas(0).flushed(), 7);
  EXPECT_EQ(partition.replicas(1).flushed(), 9);
  EXPECT_EQ(partition.replicas(2).state(), "unreachable");
}

TEST(MergePartitions, EveryStateAndRoleIsReadBack) {
  broker::PartitionReplicas partition;
  partition.topic = "t";
  for (int state = 0; state <= static_cast<int>(broker::ReplicaState::kUnknown); ++state) {
    partition.replicas.push_back({.node = NodeId(1), .state = static_cast<broker::ReplicaState>(state)});
  }
  for (const auto role :
       {broker::ReplicaRole::kLeader, broker::ReplicaRole::kFollower, broker::ReplicaRole::kLearner})
    partition.replicas.push_back({.node = NodeId(1), .role = role});
  v1::ListPartitionsResponse response;
  fill_partitions({partition}, &response);
  const auto read = read_partitions(response);
  ASSERT_EQ(read.front().replicas.size(), partition.replicas.size());
  for (std::size_t i = 0; i < partition.replicas.size(); ++i) {
    EXPECT_EQ(read.front().replicas[i].state, partition.replicas[i].state) << i;
    EXPECT_EQ(read.front().replicas[i].role, partition.replicas[i].role) << i;
  }
}

TEST(MergePartitions, PartitionThatIsNotKnownHereIsPassedOver) {
  auto merged = view(replicas(1, 1));
  auto other = leaders_view(2, 9);
  other.topic = "new";
  merge_partitions(merged, view(other), 2);
  ASSERT_EQ(merged.partitions_size(), 1);
  EXPECT_EQ(merged.partitions(0).leader(), 1U);
}

}  // namespace
}  // namespace forebay::api
