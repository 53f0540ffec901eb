// Calls about where replicas are to be: what is asked reaches the broker, and its decision the client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace forebay::test {
namespace {

using testing::ElementsAre;

class MoveCallsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    broker_.make_topic("events", 4);
  }
  template <typename Request>
  static Request about(std::int32_t partition) {
    Request request;
    request.set_topic("events");
    request.set_partition(partition);
    return request;
  }
};

TEST_F(MoveCallsTest, MoveNamesTheNodesInTheirOrderAndWhatItWasBefore) {
  auto request = about<v1::MovePartitionRequest>(3);
  for (const std::uint32_t node : {4, 1}) request.add_to(node);
  request.set_epoch(6);
  grpc::ClientContext context;
  v1::MoveResponse response;
  ASSERT_TRUE(admin_->MovePartition(&context, request, &response).ok());
  ASSERT_EQ(response.targets_size(), 1);
  const v1::PartitionTarget& target = response.targets(0);
  EXPECT_EQ(target.partition(), 3);
  EXPECT_EQ(target.epoch(), 7U);
  EXPECT_THAT(target.from(), ElementsAre(1, 2));
  EXPECT_THAT(target.to(), ElementsAre(4, 1));
  EXPECT_EQ(target.rebuild(), 0U);
  EXPECT_THAT(response.warnings(), ElementsAre("done"));
}

TEST_F(MoveCallsTest, ValidationIsAskedFor) {
  auto request = about<v1::CancelMoveRequest>(0);
  request.set_validate_only(true);
  grpc::ClientContext context;
  v1::MoveResponse response;
  ASSERT_TRUE(admin_->CancelMove(&context, request, &response).ok());
  EXPECT_THAT(response.warnings(), ElementsAre("not done"));
}

TEST_F(MoveCallsTest, RebuildNamesTheNode) {
  broker::PartitionReplicas& partition = broker_.partition_replicas.emplace_back();
  partition.topic = "events";
  partition.partition = model::PartitionIndex(1);
  partition.leader = model::NodeId(1);
  for (const std::uint32_t node : {1, 2})
    partition.replicas.push_back({.node = model::NodeId(node), .state = broker::ReplicaState::kInSync});
  auto request = about<v1::RebuildReplicaRequest>(1);
  request.set_node(2);
  grpc::ClientContext context;
  v1::MoveResponse response;
  ASSERT_TRUE(admin_->RebuildReplica(&context, request, &response).ok());
  EXPECT_EQ(response.targets(0).rebuild(), 2U);
}

TEST_F(MoveCallsTest, ChangeOfReplicationTellsEachTarget) {
  v1::ChangeReplicationRequest request;
  request.set_topic("events");
  request.set_replication_factor(3);
  grpc::ClientContext context;
  v1::MoveResponse response;
  ASSERT_TRUE(admin_->ChangeReplication(&context, request, &response).ok());
  EXPECT_THAT(response.targets(0).to(), ElementsAre(1, 2, 3));
}

TEST_F(MoveCallsTest, PartitionThatIsNotThereIsATypedError) {
  grpc::ClientContext context;
  v1::MoveResponse response;
  const grpc::Status moved = admin_->MovePartition(&context, about<v1::MovePartitionRequest>(9), &response);
  EXPECT_EQ(detail_of(moved).reason(), v1::UNKNOWN_PARTITION) << moved.error_message();
  grpc::ClientContext more;
  v1::TransferLeaderResponse none;
  auto transfer = about<v1::TransferLeaderRequest>(9);
  transfer.set_to(2);
  const grpc::Status transferred = admin_->TransferLeader(&more, transfer, &none);
  EXPECT_EQ(detail_of(transferred).reason(), v1::UNKNOWN_PARTITION) << transferred.error_message();
}

}  // namespace
}  // namespace forebay::test
