#include "cli/cluster_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

using testing::HasSubstr;

class ClusterHealthTest : public testing::Test {
 protected:
  ClusterHealthTest() {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      ClusterNode node;
      node.id = id;
      node.api_address = "10.0.0." + std::to_string(id) + ":7400";
      node.peer_address = "10.0.0." + std::to_string(id) + ":7401";
      node.registered = node.alive = true;
      node.details = NodeDescription{};
      node.version = node.details->version = "1.0";
      node.details->disk_available_bytes = 100ULL << 30;
      node.details->disk_reserve_bytes = 1ULL << 30;
      node.clock_apart_ms = 0;
      cluster_.nodes.push_back(std::move(node));
    }
    for (std::int32_t number = 0; number < 3; ++number) {
      PartitionReplicas partition;
      partition.topic = "orders";
      partition.partition = number;
      partition.leader = 1;
      for (std::uint32_t id = 1; id <= 3; ++id)
        partition.replicas.push_back({id, id == 1 ? "leader" : "follower", "in sync", 5, 0, {}, {}});
      partitions_.push_back(std::move(partition));
    }
  }
  std::vector<ClusterProblem> problems() { return cluster_problems(cluster_, partitions_); }
  ClusterProblem only() {
    const auto found = problems();
    EXPECT_EQ(found.size(), 1U);
    for (const auto& one : found) EXPECT_FALSE(one.fix.empty()) << one.what;
    return found.empty() ? ClusterProblem{} : found.front();
  }
  ClusterNode& node(std::uint32_t id) { return cluster_.nodes[id - 1]; }
  ReplicaStatus& replica(std::int32_t partition, std::uint32_t id) {
    return partitions_[static_cast<std::size_t>(partition)].replicas[id - 1];
  }

  ClusterDescription cluster_;
  std::vector<PartitionReplicas> partitions_;
};

TEST_F(ClusterHealthTest, NothingIsWrong) { EXPECT_TRUE(problems().empty()); }

TEST_F(ClusterHealthTest, NodeDownSinceItWasHeardLast) {
  node(3).alive = false;
  node(3).away_since_ms = 1'000;
  node(3).details.reset();
  EXPECT_THAT(only().what, HasSubstr("node down"));
  EXPECT_EQ(only().where, "node 3");
  EXPECT_EQ(only().since_ms, 1'000);
  EXPECT_THAT(only().fix, HasSubstr("start it again"));
  EXPECT_THAT(only().fix, HasSubstr("forebay node decommission 3"));
}

TEST_F(ClusterHealthTest, NodeThatIsDecommissionedMayBeDown) {
  node(3).decommission = "moving replicas";
  EXPECT_TRUE(problems().empty());
  node(3).alive = false;
  node(3).details.reset();
  EXPECT_TRUE(problems().empty());
}

TEST_F(ClusterHealthTest, RemovedNodeIsAProblemOnlyWhileItRuns) {
  node(3).registered = false;
  node(3).decommission = "removed";
  EXPECT_THAT(only().what, HasSubstr("removed from the cluster, and still runs"));
  node(3).alive = false;
  node(3).details.reset();
  EXPECT_TRUE(problems().empty());
}

TEST_F(ClusterHealthTest, NodeWhoseDiskIsGivenUpIsToComeBackEmpty) {
  node(3).disk_given_up = true;
  node(3).alive = false;
  node(3).details.reset();
  EXPECT_EQ(only().what, "node down, and its disk is given up");
  EXPECT_THAT(only().fix, HasSubstr("with an empty data directory"));
  EXPECT_THAT(only().fix, HasSubstr("forebay node decommission 3"));
}

TEST_F(ClusterHealthTest, CopiesOfADeadNodeThatLeavesAreNotWaitedFor) {
  node(3).decommission = "moving replicas";
  node(3).alive = false;
  node(3).details.reset();
  replica(1, 3).state = "unreachable";
  EXPECT_EQ(only().where, "orders/1");
  EXPECT_EQ(only().fix, "none is needed while its copies are made elsewhere: forebay node decommission 3");
}

TEST_F(ClusterHealthTest, PartitionsThatLackTheSameReplicaAreOneProblemSinceTheFirst) {
  for (std::int32_t number = 0; number < 3; ++number) {
    replica(number, 2).state = "unreachable";
    replica(number, 2).since_ms = 500 - number;
  }
  EXPECT_EQ(only().what, "under-replicated: 2 of 3 replicas in sync (node 2 unreachable)");
  EXPECT_EQ(only().where, "orders/0-2");
  EXPECT_EQ(only().since_ms, 498);
}

TEST_F(ClusterHealthTest, CatchingUpIsUnderReplicated) {
  replica(1, 3).state = "catching up";
  EXPECT_EQ(only().where, "orders/1");
  EXPECT_THAT(only().what, HasSubstr("node 3 catching up"));
}

TEST_F(ClusterHealthTest, CopyThatIsToBeAndIsNotIsMissing) {
  partitions_[1].move.target = {1, 2, 3};
  partitions_[1].replicas.resize(1);
  EXPECT_EQ(only().what, "under-replicated: 1 of 3 replicas in sync (node 2 has none, node 3 has none)");
  EXPECT_EQ(only().where, "orders/1");
  EXPECT_THAT(only().fix, HasSubstr("empty data directory"));
  partitions_[1].move.moving = true;  // they are made now, and are not there yet
  EXPECT_EQ(only().what, "under-replicated: 1 of 3 replicas in sync (node 2 has none, node 3 has none)");
  EXPECT_THAT(only().fix, HasSubstr("none is needed"));
}

TEST_F(ClusterHealthTest, MoveThatHasAllItsCopiesLacksNothing) {
  partitions_[1].move.target = {1, 2, 4};
  partitions_[1].move.moving = true;
  EXPECT_TRUE(problems().empty());
}

TEST_F(ClusterHealthTest, SingleCopyIsOneThatIsToBeAlone) {
  for (auto& partition : partitions_) {
    partition.move.target = {1};
    partition.replicas.resize(1);
  }
  EXPECT_THAT(only().what, HasSubstr("single copy"));
  EXPECT_EQ(only().fix, "forebay topic alter orders --replication 3, or accept it");
}

TEST_F(ClusterHealthTest, FailedAndDamagedReplicasAreNamed) {
  replica(0, 2).state = "failed";
  replica(0, 2).problem = "write: I/O error";
  auto found = problems();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].what, "the replica on node 2 failed: write: I/O error");
  EXPECT_THAT(found[1].what, HasSubstr("under-replicated"));
  replica(0, 2).state = "damaged";
  found = problems();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[0].what, HasSubstr("damaged"));
}

TEST_F(ClusterHealthTest, WithoutLeaderAndWithoutMajorityAreToldApart) {
  partitions_[1].leader = 0;
  partitions_[1].leaderless_since_ms = 77;
  EXPECT_THAT(only().what, HasSubstr("no leader: "));
  EXPECT_EQ(only().since_ms, 77);
  replica(1, 2).state = replica(1, 3).state = "unreachable";
  EXPECT_THAT(only().what,
              HasSubstr("no majority to choose one: 2 of 3 replicas cannot be reached (nodes 2, 3)"));
}

TEST_F(ClusterHealthTest, AMoveIsNoProblemAndAReplacementIs) {
  partitions_[0].replicas.push_back({4, "learner", "being added", 1, 4, {}, {}});
  replica(0, 3).state = "being removed";
  EXPECT_TRUE(problems().empty());
  replica(0, 3).state = "in sync";
  EXPECT_THAT(only().what, HasSubstr("3 of 4 replicas in sync (node 4 being added)"));
}

TEST_F(ClusterHealthTest, NodesSayWhatIsWrongWithThem) {
  struct Case {
    const char* name;
    void (*change)(ClusterNode&);
    const char* want;
  };
  const Case cases[] = {
      {"disk", [](ClusterNode& n) { n.details->disk_available_bytes = 3ULL << 29; }, "disk low"},
      {"full", [](ClusterNode& n) { n.details->disk_available_bytes = 1; }, "produce is refused"},
      {"clock", [](ClusterNode& n) { n.clock_apart_ms = -6'000; }, "clock apart: 6000 ms behind"},
      {"not registered", [](ClusterNode& n) { n.registered = n.alive = false; }, "not registered"},
      {"link",
       [](ClusterNode& n) {
         n.not_reached_by = {1, 3};
       },
       "no link to it from nodes 1, 3"},
      {"api", [](ClusterNode& n) { n.details.reset(); }, "its API does not answer at 10.0.0.2:7400"},
  };
  const ClusterNode well = node(2);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    node(2) = well;
    c.change(node(2));
    EXPECT_THAT(only().what, HasSubstr(c.want));
    EXPECT_EQ(only().where, "node 2");
  }
}

TEST_F(ClusterHealthTest, LowDiskIsToldWithItsTime) {
  node(2).details->disk_available_bytes = 1;
  EXPECT_FALSE(only().since_ms) << "it was so when the node started";
  node(2).details->disk_low_since_ms = 1'234;
  EXPECT_EQ(only().since_ms, 1'234);
}

TEST_F(ClusterHealthTest, VersionsDiffer) {
  node(2).details->version = "1.1";
  EXPECT_EQ(only().what, "versions differ: 1.0 on nodes 1, 3, 1.1 on node 2");
  EXPECT_EQ(only().where, "cluster");
}

TEST_F(ClusterHealthTest, SingleCopyOfATopicOnACluster) {
  partitions_[0].topic = "alone";
  partitions_[0].replicas.resize(1);
  EXPECT_EQ(only().where, "topic alone");
  cluster_.nodes.resize(1);
  EXPECT_TRUE(problems().empty());
}

TEST(NumberRanges, Joins) {
  EXPECT_EQ(number_ranges({}), "");
  EXPECT_EQ(number_ranges({4}), "4");
  EXPECT_EQ(number_ranges({0, 1}), "0,1");
  EXPECT_EQ(number_ranges({0, 1, 2, 5, 7, 8, 9}), "0-2,5,7-9");
}

}  // namespace
}  // namespace forebay::cli
