// Going on without a majority, as the broker is asked for it: who has to do it, and when nothing is done.
#include <gtest/gtest.h>

#include "broker_harness.h"

namespace forebay::broker {
namespace {

class RecoveryHandlersTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto topic = broker_.start_beside_another("events");
    ASSERT_TRUE(topic) << topic.error().to_string();
    broker_.broker_->use_audit([this](std::string line, Done<std::monostate> done) {
      audit_ += line;
      done(std::monostate{});
    });
  }
  Result<partition::MajorityLoss> recover(RecoverPartitionRequest request) {
    return broker_.call<partition::MajorityLoss>(
        [&](auto done) { broker_.broker_->recover_partition(std::move(request), std::move(done)); });
  }
  [[nodiscard]] static RecoverPartitionRequest request(const std::string& topic, std::uint32_t node) {
    RecoverPartitionRequest request;
    request.topic = topic;
    request.node = model::NodeId(node);
    request.lost = {model::NodeId(2)};
    request.by = "ann";
    return request;
  }

  BrokerHarness broker_;
  std::string audit_;
};

TEST_F(RecoveryHandlersTest, AnotherNodeIsAskedAtItsAddress) {
  const auto answer = recover(request("events", 2));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(answer.error().leader, kOtherApi);
}

TEST_F(RecoveryHandlersTest, NodeThatNobodyKnowsIsNoNode) {
  const auto answer = recover(request("events", 7));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(answer.error().context.find("no node 7"), std::string::npos) << answer.error().context;
}

TEST_F(RecoveryHandlersTest, NodeWithoutACopyIsNoNodeToGoOnFrom) {
  const auto topic = broker_.controller_->image()->find("events");
  std::int32_t partition = 0;
  while (topic->partitions[static_cast<std::size_t>(partition)].is_member(model::NodeId(1))) ++partition;
  auto wanted = request("events", 1);
  wanted.partition = model::PartitionIndex(partition);
  const auto answer = recover(wanted);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(answer.error().context.find("no copy of events/"), std::string::npos) << answer.error().context;
}

TEST_F(RecoveryHandlersTest, WhatIsWellIsRefusedAndNotWrittenDown) {
  for (const char* topic : {"events", cluster::kClusterTopicName}) {
    for (const bool dry_run : {true, false}) {
      auto wanted = request(topic, 1);
      wanted.dry_run = dry_run;
      const auto answer = recover(wanted);
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, ErrorCode::kFailedPrecondition) << answer.error().to_string();
    }
  }
  EXPECT_EQ(audit_, "");
}

TEST_F(RecoveryHandlersTest, UnknownTopicsAndPartitionsAreErrors) {
  EXPECT_EQ(recover(request("nothing", 1)).error().code, ErrorCode::kUnknownTopic);
  auto beyond = request("events", 1);
  beyond.partition = model::PartitionIndex(4);
  EXPECT_EQ(recover(beyond).error().code, ErrorCode::kUnknownPartition);
}

}  // namespace
}  // namespace forebay::broker
