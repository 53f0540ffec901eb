// Calls about the whole cluster: the asked node asks the others.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace forebay::test {
namespace {

using model::NodeId;

class ClusterCallsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    other_broker_.make_topic("events", 4);
    auto started = api::ApiServer::start(options(), other_broker_, clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    other_server_ = std::move(*started);
    broker_.cluster = seen_by(1);
    other_broker_.cluster = seen_by(2);
    for (MemoryBroker* one : {&broker_, &other_broker_}) {
      broker::PartitionReplicas partition;
      partition.topic = "events";
      partition.partition = model::PartitionIndex(0);
      partition.leader = NodeId(2);
      partition.term = model::Term(3);
      partition.replicas = {{.node = NodeId(1)}, {.node = NodeId(2)}};
      if (one == &other_broker_) {
        for (auto& replica : partition.replicas) replica.state = broker::ReplicaState::kInSync;
      }
      one->partition_replicas = {partition};
    }
  }
  void TearDown() override {
    ApiTest::TearDown();
    if (other_server_ != nullptr) other_server_->shutdown(std::chrono::seconds(10));
  }
  [[nodiscard]] broker::ClusterDescription seen_by(std::uint32_t self) const {
    broker::ClusterDescription cluster;
    cluster.cluster_id = "cluster";
    cluster.answered_by = NodeId(self);
    for (std::uint32_t id = 1; id <= 3; ++id) {
      broker::ClusterNode& node = cluster.nodes.emplace_back();
      node.id = NodeId(id);
      node.registered = true;
      node.alive = id < 3;
      node.api_address = id == 1 ? address_ : "127.0.0.1:" + std::to_string(other_server_->port());
      if (id == 3) node.away_since = model::Timestamp(100 * self);
    }
    return cluster;
  }
  [[nodiscard]] v1::DescribeClusterResponse describe() {
    grpc::ClientContext context;
    v1::DescribeClusterResponse response;
    EXPECT_TRUE(admin_->DescribeCluster(&context, v1::DescribeClusterRequest(), &response).ok());
    return response;
  }
  grpc::Status list(const std::vector<std::string>& topics, v1::ListPartitionsResponse* response) {
    grpc::ClientContext context;
    v1::ListPartitionsRequest request;
    request.mutable_topics()->Add(topics.begin(), topics.end());
    return admin_->ListPartitions(&context, request, response);
  }

  grpc::Status check_stop(std::uint32_t node, v1::CheckNodeStopResponse* response) {
    grpc::ClientContext context;
    v1::CheckNodeStopRequest request;
    request.set_node(node);
    return admin_->CheckNodeStop(&context, request, response);
  }

  grpc::Status rebuild(std::uint32_t node, v1::MoveResponse* response) {
    grpc::ClientContext context;
    v1::RebuildReplicaRequest request;
    request.set_topic("events");
    request.set_node(node);
    return admin_->RebuildReplica(&context, request, response);
  }

  MemoryBroker other_broker_;
  std::unique_ptr<api::ApiServer> other_server_;
};

TEST_F(ClusterCallsTest, DescriptionHoldsWhatEachNodeSaysOfItself) {
  const auto cluster = describe();
  EXPECT_EQ(cluster.cluster_id(), "cluster");
  EXPECT_EQ(cluster.answered_by(), 1U);
  ASSERT_EQ(cluster.nodes_size(), 3);
  EXPECT_TRUE(cluster.nodes(0).has_details());
  EXPECT_TRUE(cluster.nodes(1).has_details());
  EXPECT_FALSE(cluster.nodes(2).alive());
  EXPECT_EQ(cluster.nodes(2).away_since_ms(), 200);  // the other one heard it later
}

TEST_F(ClusterCallsTest, NodeThatCannotBeAskedIsAliveWithoutDetails) {
  other_server_->shutdown(std::chrono::milliseconds(0));
  const auto cluster = describe();
  ASSERT_EQ(cluster.nodes_size(), 3);
  EXPECT_TRUE(cluster.nodes(1).alive());
  EXPECT_FALSE(cluster.nodes(1).has_details());
  EXPECT_EQ(cluster.nodes(2).away_since_ms(), 100);
}

TEST_F(ClusterCallsTest, PartitionsAreAsTheirLeaderSeesThem) {
  v1::ListPartitionsResponse response;
  ASSERT_TRUE(list({}, &response).ok());
  ASSERT_EQ(response.partitions_size(), 1);
  EXPECT_EQ(response.partitions(0).leader(), 2U);
  ASSERT_EQ(response.partitions(0).replicas_size(), 2);
  EXPECT_EQ(response.partitions(0).replicas(0).state(), "in sync");
  EXPECT_EQ(response.partitions(0).replicas(1).role(), "leader");
}

TEST_F(ClusterCallsTest, WithoutItsLeaderAPartitionIsListedWithWhatIsKnown) {
  other_server_->shutdown(std::chrono::milliseconds(0));
  v1::ListPartitionsResponse response;
  ASSERT_TRUE(list({"events"}, &response).ok());
  ASSERT_EQ(response.partitions_size(), 1);
  EXPECT_EQ(response.partitions(0).replicas(0).state(), "unknown");
}

TEST_F(ClusterCallsTest, UnknownTopicIsNamed) {
  v1::ListPartitionsResponse response;
  const grpc::Status status = list({"nothing"}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(detail_of(status).topic(), "nothing");
}

TEST_F(ClusterCallsTest, StopOfALeaderIsAdvisedAgainst) {
  v1::CheckNodeStopResponse response;
  ASSERT_TRUE(check_stop(2, &response).ok());
  EXPECT_TRUE(response.alive());
  ASSERT_EQ(response.obstacles_size(), 1);
  EXPECT_EQ(response.obstacles(0).topic(), "events");
  EXPECT_TRUE(response.obstacles(0).leads());
  EXPECT_FALSE(response.obstacles(0).reason().empty());
}

TEST_F(ClusterCallsTest, StopOfANodeWithoutReplicasIsFine) {
  v1::CheckNodeStopResponse response;
  ASSERT_TRUE(check_stop(3, &response).ok());
  EXPECT_FALSE(response.alive());
  EXPECT_EQ(response.obstacles_size(), 0);
}

TEST_F(ClusterCallsTest, StopOfAnUnknownNodeIsRefused) {
  v1::CheckNodeStopResponse response;
  EXPECT_EQ(check_stop(9, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ClusterCallsTest, DrainedNodeIsShown) {
  grpc::ClientContext context;
  v1::SetNodeDrainedRequest request;
  request.set_node(3);
  request.set_drained(true);
  v1::SetNodeDrainedResponse response;
  ASSERT_TRUE(admin_->SetNodeDrained(&context, request, &response).ok());
  EXPECT_TRUE(describe().nodes(2).drained());
}

TEST_F(ClusterCallsTest, DecommissionIsAnsweredWithWhatWouldMoveAndShown) {
  v1::DecommissionNodeRequest request;
  request.set_node(3);
  request.set_validate_only(true);
  const auto decommission = [&] {
    grpc::ClientContext context;
    v1::DecommissionNodeResponse response;
    EXPECT_TRUE(admin_->DecommissionNode(&context, request, &response).ok());
    return response;
  };
  const v1::DecommissionNodeResponse plan = decommission();
  EXPECT_EQ(plan.replicas(), 3U);
  ASSERT_EQ(plan.gains_size(), 2);
  EXPECT_EQ(plan.gains(0).node(), 1U);
  EXPECT_EQ(plan.gains(0).replicas(), 2U);
  EXPECT_EQ(describe().nodes(2).decommission(), "");
  request.set_validate_only(false);
  decommission();
  EXPECT_EQ(describe().nodes(2).decommission(), "moving replicas");
  request.set_cancel(true);
  EXPECT_EQ(decommission().gains_size(), 0);
  EXPECT_EQ(describe().nodes(2).decommission(), "");
}

TEST_F(ClusterCallsTest, MoveRateIsThatOfTheNodeThatIsAsked) {
  for (const std::uint64_t before : {64ULL << 20, 5ULL}) {
    grpc::ClientContext context;
    v1::SetMoveRateRequest request;
    request.set_bytes_per_second(5);
    v1::SetMoveRateResponse response;
    ASSERT_TRUE(admin_->SetMoveRate(&context, request, &response).ok());
    EXPECT_EQ(response.previous(), before);
  }
}

TEST_F(ClusterCallsTest, RecoveryCarriesTheDecisionAndAnswersWhatIsLost) {
  grpc::ClientContext context;
  v1::RecoverPartitionRequest request;
  request.set_topic("events");
  request.set_partition(2);
  request.set_node(1);
  request.add_lost(2);
  request.add_lost(3);
  request.set_by("ann on host");
  v1::RecoverPartitionResponse response;
  ASSERT_TRUE(admin_->RecoverPartition(&context, request, &response).ok());
  ASSERT_EQ(broker_.recoveries.size(), 1U);
  EXPECT_EQ(broker_.recoveries[0].lost, (std::vector{NodeId(2), NodeId(3)}));
  EXPECT_EQ(broker_.recoveries[0].by, "ann on host");
  ASSERT_EQ(response.lost_size(), 2);
  EXPECT_EQ(response.lost(1).node(), 3U);
  EXPECT_EQ(response.left(0), 1U);
  EXPECT_EQ(response.end_offset(), 70);
  EXPECT_EQ(response.committed_offset(), 60);
}

// Whatever a client has checked before: the leader says who has everything.
TEST_F(ClusterCallsTest, RebuildIsRefusedWhileTheOthersLackSomething) {
  other_broker_.partition_replicas[0].replicas[1].state = broker::ReplicaState::kDamaged;
  v1::MoveResponse response;
  const grpc::Status refused = rebuild(1, &response);
  EXPECT_EQ(detail_of(refused).reason(), v1::FAILED_PRECONDITION);
  EXPECT_NE(refused.error_message().find("the copy on node 1 is needed"), std::string::npos)
      << refused.error_message();
  EXPECT_NE(refused.error_message().find("node 2 is damaged"), std::string::npos);
  ASSERT_EQ(broker_.moves.size(), 1U);
  EXPECT_TRUE(broker_.moves[0].validate_only);
}

TEST_F(ClusterCallsTest, RebuildIsOfTheTargetThatWasJudged) {
  v1::MoveResponse response;
  const grpc::Status taken = rebuild(1, &response);
  ASSERT_TRUE(taken.ok()) << taken.error_message();
  EXPECT_EQ(response.targets(0).rebuild(), 1U);
  ASSERT_EQ(broker_.moves.size(), 2U);
  EXPECT_FALSE(broker_.moves[1].validate_only);
  EXPECT_EQ(broker_.moves[1].epoch, 0U);
}

TEST_F(ClusterCallsTest, RebuildThatWasSentOnIsJudgedByWhatAllSay) {
  broker_.lead_elsewhere(-1, "127.0.0.1:" + std::to_string(other_server_->port()));
  for (auto* one : {&broker_, &other_broker_}) one->partition_replicas[0].leader = NodeId(1);
  for (auto& replica : other_broker_.partition_replicas[0].replicas)
    replica.state = broker::ReplicaState::kUnknown;
  broker_.partition_replicas[0].replicas[0].state = broker::ReplicaState::kInSync;
  v1::MoveResponse response;
  const grpc::Status taken = rebuild(2, &response);
  ASSERT_TRUE(taken.ok()) << taken.error_message();
  EXPECT_EQ(response.targets(0).rebuild(), 2U);
  EXPECT_TRUE(broker_.moves.empty());
  EXPECT_EQ(other_broker_.moves.size(), 2U);
}

}  // namespace
}  // namespace forebay::test
