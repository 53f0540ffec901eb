// What a node says of its cluster and of the replicas on it.
#include <gtest/gtest.h>

#include "broker_harness.h"

namespace forebay::broker {
namespace {

NodeBrokerConfig config() {
  NodeBrokerConfig config;
  config.self.peer_address = "self.example:7401";
  config.listed = {{model::NodeId(1), "self.example:7401"}, {model::NodeId(3), "third.example:7401"}};
  return config;
}

class ClusterHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto topic = broker_.start_beside_another("events");
    ASSERT_TRUE(topic) << topic.error().to_string();
    topic_ = *topic;
    broker_.broker_->use_peers([this] { return peers_; });
  }
  [[nodiscard]] ClusterDescription describe() {
    auto cluster = broker_.call<ClusterDescription>(
        [&](auto done) { broker_.broker_->describe_cluster(std::move(done)); });
    EXPECT_TRUE(cluster);
    return cluster.value_or(ClusterDescription{});
  }
  [[nodiscard]] std::vector<PartitionReplicas> list(ListPartitionsRequest request = {}) {
    auto partitions = broker_.call<std::vector<PartitionReplicas>>(
        [&](auto done) { broker_.broker_->list_partitions(std::move(request), std::move(done)); });
    EXPECT_TRUE(partitions);
    return partitions.value_or(std::vector<PartitionReplicas>{});
  }
  // Those placed on the other node, which is not there.
  [[nodiscard]] static std::vector<PartitionReplicas> of_other(const std::vector<PartitionReplicas>& all) {
    std::vector<PartitionReplicas> found;
    for (const auto& one : all) {
      if (one.replicas.size() == 1 && one.replicas[0].node == model::NodeId(2)) found.push_back(one);
    }
    return found;
  }

  PeersSeen peers_;
  BrokerHarness broker_{1, config()};
  model::TopicId topic_;
};

TEST_F(ClusterHandlersTest, NodesAreRegisteredOrListedAndAliveOrNot) {
  peers_[model::NodeId(2)] = {.linked = false, .away_since = model::Timestamp(5)};
  const auto cluster = describe();
  EXPECT_EQ(cluster.answered_by, model::NodeId(1));
  ASSERT_EQ(cluster.nodes.size(), 3U);
  EXPECT_TRUE(cluster.nodes[0].alive);
  EXPECT_TRUE(cluster.nodes[0].registered);
  EXPECT_TRUE(cluster.nodes[0].controller);
  EXPECT_TRUE(cluster.nodes[1].registered);
  EXPECT_FALSE(cluster.nodes[1].alive);
  EXPECT_EQ(cluster.nodes[1].away_since, model::Timestamp(5));
  EXPECT_EQ(cluster.nodes[1].api_address, kOtherApi);
  EXPECT_FALSE(cluster.nodes[2].registered);
  EXPECT_FALSE(cluster.nodes[2].alive);
  EXPECT_EQ(cluster.nodes[2].peer_address, "third.example:7401");
  EXPECT_EQ(cluster.nodes[0].replicas + cluster.nodes[1].replicas, 4U);
}

TEST_F(ClusterHandlersTest, WhoIsGoneLeadsNothing) {
  broker_.broker_->on_leads({topic_, model::PartitionIndex(1)}, model::Term(7), model::NodeId(2));
  EXPECT_EQ(describe().nodes[1].leaders, 0U);
  peers_[model::NodeId(2)].linked = true;
  EXPECT_EQ(describe().nodes[1].leaders, 1U);
}

TEST_F(ClusterHandlersTest, PartitionLedHereIsDescribedInFull) {
  const auto all = list();
  ASSERT_EQ(all.size(), 4U);
  std::size_t led = 0;
  for (const auto& partition : all) {
    EXPECT_EQ(partition.topic, "events");
    if (partition.leader != model::NodeId(1)) continue;
    ++led;
    ASSERT_EQ(partition.replicas.size(), 1U);
    EXPECT_EQ(partition.replicas[0].role, ReplicaRole::kLeader);
    EXPECT_EQ(partition.replicas[0].state, ReplicaState::kInSync);
    EXPECT_EQ(partition.replicas[0].lag_records, 0U);
    EXPECT_FALSE(partition.leaderless_since);
  }
  EXPECT_GT(led, 0U);
  EXPECT_EQ(led + of_other(all).size(), 4U);
}

TEST_F(ClusterHandlersTest, PartitionOfANodeThatIsGoneHasNoLeader) {
  const auto before = of_other(list());
  ASSERT_FALSE(before.empty());
  const model::TopicPartition id{topic_, before.front().partition};
  broker_.broker_->on_leads(id, model::Term(7), model::NodeId(2));
  peers_[model::NodeId(2)] = {.linked = true, .away_since = {}};
  EXPECT_EQ(of_other(list()).front().leader, model::NodeId(2));
  peers_[model::NodeId(2)] = {.linked = false, .away_since = model::Timestamp(5)};
  const auto gone = of_other(list()).front();
  EXPECT_FALSE(gone.leader);
  EXPECT_EQ(gone.term, model::Term(7));
  EXPECT_EQ(gone.replicas[0].state, ReplicaState::kUnreachable);
  EXPECT_EQ(gone.replicas[0].since, model::Timestamp(5));
}

TEST_F(ClusterHandlersTest, AnotherNodeIsToldOnlyOfWhatIsHere) {
  const auto here = list({.topics = {}, .include_internal = false, .hosted_only = true});
  EXPECT_EQ(here.size(), 4U - of_other(list()).size());
  EXPECT_TRUE(of_other(here).empty());
}

TEST_F(ClusterHandlersTest, TopicsAreChosenByNameAndInternalOnesOnRequest) {
  EXPECT_EQ(list({.topics = {"events"}}).size(), 4U);
  EXPECT_EQ(list({.topics = {}, .include_internal = true}).size(), 5U);
  const auto unknown = broker_.call<std::vector<PartitionReplicas>>(
      [&](auto done) { broker_.broker_->list_partitions({.topics = {"nothing"}}, std::move(done)); });
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnknownTopic);
}

}  // namespace
}  // namespace forebay::broker
