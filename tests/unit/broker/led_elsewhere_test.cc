// What a node says of partitions that another one leads.
#include <gtest/gtest.h>

#include "broker_harness.h"
#include "model/batch_builder.h"

namespace forebay::broker {
namespace {

std::string batch() {
  model::BatchBuilder builder;
  model::NewRecord record;
  record.value = as_bytes("v");
  record.timestamp = model::Timestamp(1);
  EXPECT_TRUE(builder.append(record));
  return std::string(as_text(*builder.build(model::Codec::kNone)));
}

class LedElsewhereTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto topic = broker_.start_beside_another("events");
    ASSERT_TRUE(topic) << topic.error().to_string();
    id_.topic = *topic;
    const auto description = describe();
    for (const PartitionDescription& partition : description.partitions) {
      if (partition.replicas == std::vector<model::NodeId>{model::NodeId(2)})
        id_.partition = partition.partition;
    }
    ASSERT_TRUE(std::any_of(description.partitions.begin(), description.partitions.end(),
                            [&](const auto& one) { return one.replicas.front() == model::NodeId(2); }));
  }
  [[nodiscard]] TopicDescription describe() {
    auto topic = broker_.call<TopicDescription>(
        [&](auto done) { broker_.broker_->describe_topic("events", std::move(done)); });
    EXPECT_TRUE(topic);
    return topic.value_or(TopicDescription{});
  }
  [[nodiscard]] PartitionDescription description() {
    return describe().partitions.at(static_cast<std::size_t>(id_.partition.value()));
  }
  [[nodiscard]] Result<std::vector<TrimResult>> trim() {
    return broker_.call<std::vector<TrimResult>>([&](auto done) {
      broker_.broker_->trim_topic("events", {{id_.partition, model::Offset(0)}}, std::move(done));
    });
  }

  BrokerHarness broker_;
  model::TopicPartition id_;
};

TEST_F(LedElsewhereTest, PartitionThatIsNotHereIsRetriedUntilSomebodyIsKnownToLeadIt) {
  const auto ack = broker_.produce("events", id_.partition.value(), batch());
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kNotYet);
  EXPECT_GT(ack.error().retry_after_ms, 0U);
  EXPECT_EQ(broker_.broker_->led_elsewhere("events", id_.partition), "");
  EXPECT_FALSE(description().leader);
}

TEST_F(LedElsewhereTest, EveryRefusalNamesTheLeader) {
  broker_.broker_->on_leads(id_, model::Term(4), model::NodeId(2));
  EXPECT_EQ(broker_.broker_->led_elsewhere("events", id_.partition), kOtherApi);

  const auto ack = broker_.produce("events", id_.partition.value(), batch());
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(ack.error().leader, kOtherApi);

  const auto fetched = broker_.fetch("events", id_.partition.value(), 0);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(fetched.error().leader, kOtherApi);

  const auto trimmed = trim();
  ASSERT_TRUE(trimmed);
  ASSERT_TRUE(trimmed->front().error);
  EXPECT_EQ(trimmed->front().error->leader, kOtherApi);

  const auto offsets = broker_.offsets("events", OffsetPoint::kEnd);
  ASSERT_TRUE(offsets);
  for (const PartitionOffset& offset : *offsets) {
    if (offset.partition != id_.partition) continue;
    ASSERT_TRUE(offset.error);
    EXPECT_EQ(offset.error->code, ErrorCode::kNotLeader);
    EXPECT_EQ(offset.error->leader, kOtherApi);
  }
}

TEST_F(LedElsewhereTest, DescriptionShowsTheLeaderAndItsTerm) {
  broker_.broker_->on_leads(id_, model::Term(4), model::NodeId(2));
  const PartitionDescription partition = description();
  EXPECT_EQ(partition.leader, model::NodeId(2));
  EXPECT_EQ(partition.term, model::Term(4));
  EXPECT_EQ(partition.leader_address, kOtherApi);
}

TEST_F(LedElsewhereTest, LeaderWithoutAKnownAddressIsRefusedWithADelay) {
  broker_.broker_->on_leads(id_, model::Term(4), model::NodeId(7));
  const auto ack = broker_.produce("events", id_.partition.value(), batch());
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(ack.error().leader, "");
  EXPECT_GT(ack.error().retry_after_ms, 0U);
}

TEST_F(LedElsewhereTest, WhatThisNodeLeadsIsLedNowhereElse) {
  for (std::int32_t index = 0; index < 4; ++index) {
    const model::PartitionIndex partition(index);
    broker_.broker_->on_leads({id_.topic, partition}, model::Term(1), model::NodeId(1));
    EXPECT_EQ(broker_.broker_->led_elsewhere("events", partition), "");
  }
  EXPECT_EQ(broker_.broker_->led_elsewhere("nothing", id_.partition), "");
}

}  // namespace
}  // namespace forebay::broker
