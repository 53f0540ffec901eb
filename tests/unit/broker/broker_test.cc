// What a node answers, through the broker's own interface, over the real layers below and a simulated disk.
#include <gtest/gtest.h>

#include "broker_harness.h"
#include "model/batch_builder.h"
#include "model/record_batch.h"

namespace forebay::broker {
namespace {

using model::Offset;
using partition::batch_of;

class BrokerTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto started = node_.start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  BrokerHarness node_;
};

TEST_F(BrokerTest, TopicIsWritableWhenItsCreationIsAnswered) {
  const auto created = node_.create("orders", 3);
  ASSERT_TRUE(created) << created.error().to_string();
  EXPECT_EQ(created->partitions, 3U);
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    const auto ack = node_.produce("orders", partition, batch_of({"a"}));
    ASSERT_TRUE(ack) << ack.error().to_string();
    EXPECT_EQ(ack->base_offset, Offset(0));
    EXPECT_TRUE(ack->flushed);
    EXPECT_EQ(ack->replicas_flushed, 1U);
    EXPECT_EQ(ack->replicas_total, 1U);
  }
}

// "Does not exist" is final for a client: it gives up.
TEST(BrokerStart, NoTopicIsUnknownBeforeTheMetadataIsRead) {
  BrokerHarness node;
  ASSERT_TRUE(node.make());
  for (const Error& error :
       {node.produce("orders", 0, batch_of({"a"})).error(), node.fetch("orders", 0, 0).error(),
        node.offsets("orders", OffsetPoint::kEnd).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kNotYet) << error.to_string();
    EXPECT_GT(error.retry_after_ms, 0U);
  }
  BrokerHarness started;
  ASSERT_TRUE(started.start());
  EXPECT_EQ(started.fetch("orders", 0, 0).error().code, ErrorCode::kUnknownTopic);
}

TEST_F(BrokerTest, WhatWasProducedIsFetched) {
  ASSERT_TRUE(node_.create("orders"));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"a", "b"})));
  const auto fetched = node_.fetch("orders", 0, 0);
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(fetched->frames.size(), 1U);
  EXPECT_EQ(fetched->next_offset, Offset(2));
  EXPECT_EQ(fetched->high_watermark, Offset(2));
}

TEST_F(BrokerTest, RegistersItselfAndItsAddressesOnce) {
  const auto registration = [&] {
    return node_.controller_->image()->broker(model::NodeId(1))->registration;
  };
  EXPECT_EQ(registration().disk, node_.shard_.directory_->identity.disk);
  node_.broker_->register_addresses("a:1", "b:2", "c:3");
  node_.run_until([&] { return registration().http_address == "c:3"; });
  EXPECT_EQ(registration().api_address, "a:1");
  EXPECT_EQ(registration().peer_address, "b:2");
  const auto applied = node_.controller_->image()->applied;
  node_.broker_->register_addresses("a:1", "b:2", "c:3");
  ASSERT_TRUE(node_.create("orders"));  // behind it; confirmed, so two records
  EXPECT_EQ(node_.controller_->image()->applied, applied.plus(2));
}

TEST_F(BrokerTest, DataDirectoryOfAnEarlierLifeDoesNotStart) {
  auto other = node_.config_.self;
  other.disk.bytes[0] ^= 1;
  ASSERT_TRUE(node_.call<cluster::ImagePtr>(
      [&](auto done) { node_.controller_->propose(cluster::RegisterBroker{other}, std::move(done)); }));
  node_.power_cut();
  const auto started = node_.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(started.error().context.find("earlier life of node 1"), std::string::npos);
}

TEST_F(BrokerTest, ProducingNeverMakesATopic) {
  const auto ack = node_.produce("nowhere", 0, batch_of({"a"}));
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kUnknownTopic);
  EXPECT_NE(ack.error().context.find("forebay topic create nowhere"), std::string::npos);
}

TEST_F(BrokerTest, BadRequestsAreNamed) {
  ASSERT_TRUE(node_.create("orders"));
  EXPECT_EQ(node_.produce("orders", 1, batch_of({"a"})).error().code, ErrorCode::kUnknownPartition);
  EXPECT_EQ(node_.produce("orders", -1, batch_of({"a"})).error().code, ErrorCode::kUnknownPartition);
  EXPECT_EQ(node_.fetch("orders", 0, 1).error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(node_.fetch("orders", 7, 0).error().code, ErrorCode::kUnknownPartition);
  EXPECT_EQ(node_.create("orders").error().code, ErrorCode::kTopicExists);
  EXPECT_EQ(node_.create("..").error().code, ErrorCode::kInvalidTopicName);
  EXPECT_EQ(node_.create("__mine").error().code, ErrorCode::kInvalidTopicName);
  EXPECT_EQ(node_.create("x", 1, {{"retention.mss", "5"}}).error().code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(node_.create("x", 1, {{"segment.bytes", "-5"}}).error().code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(node_.create("x", 0).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(BrokerTest, InternalTopicsTakeNoRecordsFromClients) {
  EXPECT_EQ(node_.produce("__cluster", 0, batch_of({"a"})).error().code, ErrorCode::kInvalidArgument);
}

std::string batch_from(std::int64_t id, std::int16_t epoch, std::int32_t sequence) {
  model::BatchBuilder builder({.producer_id = model::ProducerId(id),
                               .producer_epoch = model::ProducerEpoch(epoch),
                               .base_sequence = sequence});
  EXPECT_TRUE(builder.append(model::NewRecord{
      .key = {}, .value = as_bytes("v"), .headers = {}, .timestamp = model::Timestamp(1'000)}));
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
}

TEST_F(BrokerTest, CopyOfAnIdempotentProducersBatchIsStoredOnce) {
  ASSERT_TRUE(node_.create("orders"));
  EXPECT_FALSE(node_.produce("orders", 0, batch_from(7, 0, 0))->duplicate);
  EXPECT_TRUE(node_.produce("orders", 0, batch_from(7, 0, 0))->duplicate);
  EXPECT_EQ(node_.produce("orders", 0, batch_from(7, 0, 2)).error().last_sequence, 0);
  EXPECT_EQ((*node_.offsets("orders", OffsetPoint::kEnd))[0].offset, Offset(1));
}

TEST_F(BrokerTest, FenceHoldsInEveryPartitionAndTellsOfEach) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.produce("orders", 1, batch_from(7, 0, 0)));
  const auto fence = [&](std::vector<model::PartitionIndex> partitions) {
    return node_.call<FenceProducerResult>([&](auto done) {
      node_.broker_->fence_producer({.topic = "orders",
                                     .partitions = std::move(partitions),
                                     .producer = model::ProducerId(7),
                                     .epoch = model::ProducerEpoch(1)},
                                    std::move(done));
    });
  };
  // Who reads no fences must not find one in a log: the first session of a name asks every node.
  EXPECT_EQ(fence({}).error().code, ErrorCode::kNotYet);
  ASSERT_TRUE(node_.call<ProducerSession>(
      [&](auto done) { node_.broker_->init_producer({.name = "meter"}, std::move(done)); }));
  const auto fenced = fence({});
  ASSERT_TRUE(fenced) << fenced.error().to_string();
  EXPECT_EQ(fenced->topic_partitions, 2U);
  ASSERT_EQ(fenced->partitions.size(), 2U);
  EXPECT_FALSE(fenced->partitions[0].before);
  EXPECT_EQ(fenced->partitions[1].before,
            (partition::SessionEnd{model::ProducerEpoch(0), 0, Offset(0), std::nullopt}));
  EXPECT_EQ(node_.produce("orders", 0, batch_from(7, 0, 0)).error().code, ErrorCode::kProducerFenced);
  const auto unknown = fence({model::PartitionIndex(5)});
  ASSERT_TRUE(unknown && unknown->partitions[0].error);
  EXPECT_EQ(unknown->partitions[0].error->code, ErrorCode::kUnknownPartition);
}

TEST_F(BrokerTest, DamagedBatchesAreRefusedAndNothingIsStored) {
  ASSERT_TRUE(node_.create("orders"));
  std::string flipped = batch_of({"some value"});
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  EXPECT_EQ(node_.produce("orders", 0, flipped).error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ(node_.produce("orders", 0, batch_of({"a"}).substr(0, 40)).error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ(node_.produce("orders", 0, "").error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ((*node_.offsets("orders", OffsetPoint::kEnd))[0].offset, Offset(0));
}

TEST_F(BrokerTest, BatchBuiltForAnotherPlaceIsRefusedAndNothingIsStored) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.create("payments", 2));
  const std::string batch = batch_of({"a"});
  const auto built_for = [&batch](std::string_view topic, std::int32_t partition) {
    return model::destination_crc(topic, model::PartitionIndex(partition), as_bytes(batch));
  };
  EXPECT_EQ(node_.produce("orders", 0, batch, built_for("payments", 0)).error().code,
            ErrorCode::kCorruptBatch);
  EXPECT_EQ(node_.produce("orders", 0, batch, built_for("orders", 1)).error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ(node_.produce("orders", 0, batch_of({"b"}), built_for("orders", 0)).error().code,
            ErrorCode::kCorruptBatch);
  EXPECT_EQ((*node_.offsets("orders", OffsetPoint::kEnd))[0].offset, Offset(0));
  EXPECT_EQ(node_.broker_->counters().misdirected_batches, 3U);
  EXPECT_TRUE(node_.produce("orders", 0, batch, built_for("orders", 0)));
  EXPECT_TRUE(node_.produce("orders", 0, batch)) << "a client that does not say is not checked";
}

TEST_F(BrokerTest, BatchAboveTheTopicsLimitIsRefused) {
  ASSERT_TRUE(node_.create("small", 1, {{"max.message.bytes", "1024"}}));
  EXPECT_EQ(node_.produce("small", 0, batch_of({std::string(2000, 'x')})).error().code,
            ErrorCode::kRecordTooLarge);
  EXPECT_TRUE(node_.produce("small", 0, batch_of({std::string(500, 'x')})));
}

TEST_F(BrokerTest, CompactedTopicDemandsKeys) {
  ASSERT_TRUE(node_.create("state", 1, {{"cleanup.policy", "compact"}}));
  EXPECT_EQ(node_.produce("state", 0, batch_of({"a"})).error().code, ErrorCode::kInvalidRecord);
  EXPECT_TRUE(node_.produce("state", 0, batch_of({"a"}, "key")));
}

TEST_F(BrokerTest, OffsetsOfEveryPartition) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.produce("orders", 1, batch_of({"a", "b"})));
  const auto ends = node_.offsets("orders", OffsetPoint::kEnd);
  ASSERT_TRUE(ends);
  ASSERT_EQ(ends->size(), 2U);
  EXPECT_EQ((*ends)[0].batch_bytes_max, 1U << 20);  // max.message.bytes
  EXPECT_EQ((*ends)[0].offset, Offset(0));
  EXPECT_EQ((*ends)[1].offset, Offset(2));
  EXPECT_EQ((*node_.offsets("orders", OffsetPoint::kStart))[1].offset, Offset(0));
}

TEST_F(BrokerTest, TrimMovesTheStartOfEachPartitionThatWasNamed) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"a", "b"})));
  const auto trimmed = node_.call<std::vector<TrimResult>>([&](auto done) {
    node_.broker_->trim_topic("orders",
                              {{model::PartitionIndex(0), Offset(1)},
                               {model::PartitionIndex(1), Offset(9)},
                               {model::PartitionIndex(5), {}}},
                              std::move(done));
  });
  ASSERT_TRUE(trimmed);
  EXPECT_EQ((*trimmed)[0].log_start, Offset(1));
  EXPECT_EQ((*trimmed)[1].error->code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ((*trimmed)[2].error->code, ErrorCode::kUnknownPartition);
}

TEST_F(BrokerTest, AlteredConfigurationIsEffectiveAndShown) {
  ASSERT_TRUE(node_.create("orders"));
  const auto entries = node_.call<std::vector<ConfigEntry>>([&](auto done) {
    node_.broker_->alter_topic({.name = "orders", .set = {{"max.message.bytes", "1KiB"}}}, std::move(done));
  });
  ASSERT_TRUE(entries) << entries.error().to_string();
  const auto at = std::find_if(entries->begin(), entries->end(),
                               [](const auto& entry) { return entry.name == "max.message.bytes"; });
  ASSERT_NE(at, entries->end());
  EXPECT_EQ(at->value, "1024");
  EXPECT_FALSE(at->is_default);
  EXPECT_EQ(node_.produce("orders", 0, batch_of({std::string(2000, 'x')})).error().code,
            ErrorCode::kRecordTooLarge);
  ASSERT_TRUE(node_.call<std::vector<ConfigEntry>>([&](auto done) {
    node_.broker_->alter_topic({.name = "orders", .set = {}, .unset = {"max.message.bytes"}},
                               std::move(done));
  }));
  EXPECT_TRUE(node_.produce("orders", 0, batch_of({std::string(2000, 'x')})));
}

// Shorter retention and deletion are what the refusal advises.
TEST_F(BrokerTest, FullDiskStillTakesWhatFreesIt) {
  ASSERT_TRUE(node_.create("orders"));
  ASSERT_TRUE(node_.create("others"));
  node_.shard_.disk_full_ = true;
  ASSERT_EQ(node_.produce("orders", 0, batch_of({"a"})).error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(node_.call<std::vector<ConfigEntry>>([&](auto done) {
    node_.broker_->alter_topic({.name = "orders", .set = {{"retention.ms", "1000"}}}, std::move(done));
  }));
  EXPECT_TRUE(
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("others", std::move(done)); }));
  EXPECT_EQ(node_.produce("orders", 0, batch_of({"a"})).error().code, ErrorCode::kDiskFull);
}

TEST_F(BrokerTest, ValidateOnlyChangesNothing) {
  const auto created = node_.call<CreateTopicResult>([&](auto done) {
    node_.broker_->create_topic({.name = "dry", .validate_only = true}, std::move(done));
  });
  ASSERT_TRUE(created);
  EXPECT_FALSE(node_.broker_->topic_head("dry"));
}

TEST_F(BrokerTest, AddedPartitionsAreWritableAndWarnAboutKeys) {
  ASSERT_TRUE(node_.create("orders", 1));
  const auto added = node_.call<AddPartitionsResult>(
      [&](auto done) { node_.broker_->add_partitions("orders", 3, false, std::move(done)); });
  ASSERT_TRUE(added) << added.error().to_string();
  EXPECT_FALSE(added->warning.empty());
  EXPECT_TRUE(node_.produce("orders", 2, batch_of({"a"})));
}

TEST_F(BrokerTest, DeletedTopicIsGoneAndItsDataIsInTheTrash) {
  ASSERT_TRUE(node_.create("orders"));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({std::string(5000, 'x')})));
  ASSERT_TRUE(
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("orders", std::move(done)); }));
  EXPECT_EQ(node_.produce("orders", 0, batch_of({"a"})).error().code, ErrorCode::kUnknownTopic);
  // The same name again is another topic: empty, with another id.
  ASSERT_TRUE(node_.create("orders"));
  EXPECT_EQ(node_.produce("orders", 0, batch_of({"a"}))->base_offset, Offset(0));
}

TEST_F(BrokerTest, EverythingIsThereAfterAPowerCut) {
  ASSERT_TRUE(node_.create("kept", 2, {{"max.message.bytes", "4096"}}));
  ASSERT_TRUE(node_.create("gone"));
  ASSERT_TRUE(node_.produce("kept", 1, batch_of({"a", "b", "c"})));
  ASSERT_TRUE(
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("gone", std::move(done)); }));
  node_.power_cut();
  ASSERT_TRUE(node_.start());
  node_.run_until([&] {
    const auto ends = node_.offsets("kept", OffsetPoint::kEnd);
    return ends && !(*ends)[0].error && !(*ends)[1].error;
  });
  EXPECT_EQ((*node_.offsets("kept", OffsetPoint::kEnd))[1].offset, Offset(3));
  EXPECT_EQ(node_.broker_->topic_head("kept")->max_message_bytes, 4096U);
  EXPECT_FALSE(node_.broker_->topic_head("gone"));
  EXPECT_TRUE(node_
                  .call<std::vector<UnreadyPartition>>(
                      [&](auto done) { node_.broker_->unready_partitions(std::move(done)); })
                  ->empty());
}

TEST_F(BrokerTest, DescriptionNamesLeaderStateAndSize) {
  ASSERT_TRUE(node_.create("orders", 1));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"a"})));
  const auto topic = node_.call<TopicDescription>(
      [&](auto done) { node_.broker_->describe_topic("orders", std::move(done)); });
  ASSERT_TRUE(topic);
  ASSERT_EQ(topic->partitions.size(), 1U);
  EXPECT_EQ(topic->partitions[0].leader, model::NodeId(1));
  EXPECT_EQ(topic->partitions[0].state, "ready");
  EXPECT_EQ(topic->partitions[0].high_watermark, Offset(1));
  ASSERT_TRUE(topic->partitions[0].oldest_append_time.has_value());
  // Also of a record that is in no segment yet.
  EXPECT_EQ(topic->partitions[0].segments, 0U);
  ASSERT_TRUE(topic->partitions[0].oldest_leaves_at.has_value());
  EXPECT_EQ(*topic->partitions[0].oldest_leaves_at,
            topic->partitions[0].oldest_append_time->plus(
                std::chrono::milliseconds(std::chrono::hours(7 * 24)).count()));
}

// Metadata that is lost in part stops no node: what it knows is served, and nothing is changed on its
// strength.
TEST_F(BrokerTest, LostMetadataIsReadOnlyAndTheRestIsServed) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"a"})));
  kv::WriteBatch batch;
  batch.put("cluster/applied", "1000");  // of a longer log
  node_.shard_.machine_.scheduler().run_for(std::chrono::seconds(1));
  ASSERT_TRUE(node_.store_->write(batch, kv::Durability::kDurable));
  node_.power_cut();
  ASSERT_TRUE(node_.start());
  node_.shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // the partitions open
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"b"})));
  ASSERT_TRUE(node_.produce("orders", 1, batch_of({"c"})));
  EXPECT_EQ(node_.fetch("orders", 0, 0)->next_offset, Offset(2));

  EXPECT_EQ(node_.create("new").error().code, ErrorCode::kDataLoss);
  for (const bool validate_only : {false, true}) {
    const auto created = node_.call<CreateTopicResult>([&](auto done) {
      node_.broker_->create_topic({.name = "new", .validate_only = validate_only}, std::move(done));
    });
    EXPECT_EQ(created.error().code, ErrorCode::kDataLoss);
    const auto altered = node_.call<std::vector<ConfigEntry>>([&](auto done) {
      node_.broker_->alter_topic(
          {.name = "orders", .set = {{"retention.ms", "1000"}}, .validate_only = validate_only},
          std::move(done));
    });
    EXPECT_EQ(altered.error().code, ErrorCode::kDataLoss);
    const auto added = node_.call<AddPartitionsResult>(
        [&](auto done) { node_.broker_->add_partitions("orders", 5, validate_only, std::move(done)); });
    EXPECT_EQ(added.error().code, ErrorCode::kDataLoss);
  }
  const auto deleted =
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("orders", std::move(done)); });
  EXPECT_EQ(deleted.error().code, ErrorCode::kDataLoss);

  const auto unready = node_.call<std::vector<UnreadyPartition>>(
      [&](auto done) { node_.broker_->unready_partitions(std::move(done)); });
  ASSERT_TRUE(unready);
  ASSERT_EQ(unready->size(), 1U);
  EXPECT_EQ(unready->front().topic, "__cluster");
  EXPECT_NE(unready->front().reason.find("accept-loss"), std::string::npos);
  const auto node =
      node_.call<NodeDescription>([&](auto done) { node_.broker_->describe_node(std::move(done)); });
  ASSERT_EQ(node->warnings.size(), 1U);
  EXPECT_NE(node->warnings[0].find("metadata is lost"), std::string::npos);
}

TEST_F(BrokerTest, LostEndOfAPartitionIsShown) {
  ASSERT_TRUE(node_.create("orders", 2));
  ASSERT_TRUE(node_.produce("orders", 1, batch_of({"a"})));
  const auto topic = node_.broker_->topic_head("orders");
  auto* partition = node_.shard_.set_->find({topic->id, model::PartitionIndex(1)});
  ASSERT_NE(partition, nullptr);
  bool marked = false;
  partition->log().report_lost_tail([&](const Result<void>& durable) { marked = durable.has_value(); });
  node_.run_until([&] { return marked; });
  EXPECT_EQ(node_.produce("orders", 1, batch_of({"b"})).error().code, ErrorCode::kDataLoss);
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"b"})));
  const auto ends = node_.offsets("orders", OffsetPoint::kEnd);
  ASSERT_TRUE(ends);
  EXPECT_FALSE((*ends)[0].end_lost);
  EXPECT_TRUE((*ends)[1].end_lost);
  EXPECT_EQ((*ends)[1].high_watermark, Offset(1));
  const auto description = node_.call<TopicDescription>(
      [&](auto done) { node_.broker_->describe_topic("orders", std::move(done)); });
  const PartitionDescription& lost = description->partitions[1];
  EXPECT_NE(lost.state.find("its end is lost, from offset 1 on"), std::string::npos) << lost.state;
  ASSERT_EQ(lost.damage.size(), 1U);
  EXPECT_EQ(lost.damage[0].begin, Offset(1));
  EXPECT_FALSE(lost.damage[0].end.has_value());
  EXPECT_FALSE(lost.damage[0].accepted);
  const auto unready = node_.call<std::vector<UnreadyPartition>>(
      [&](auto done) { node_.broker_->unready_partitions(std::move(done)); });
  ASSERT_EQ(unready->size(), 1U);
  EXPECT_EQ(unready->front().topic, "orders");
  EXPECT_EQ(unready->front().partition, model::PartitionIndex(1));
  EXPECT_NE(unready->front().reason.find("--topic orders --partition 1"), std::string::npos);
}

TEST_F(BrokerTest, StoppingBrokerRefusesWithARetryDelay) {
  ASSERT_TRUE(node_.create("orders"));
  node_.broker_->stop_intake();
  const auto ack = node_.produce("orders", 0, batch_of({"a"}));
  EXPECT_EQ(ack.error().code, ErrorCode::kShuttingDown);
  EXPECT_GT(ack.error().retry_after_ms, 0U);
}

TEST(BrokerBounds, RequestsAboveTheByteBoundAreRefusedWithADelayAndNothingIsLost) {
  NodeBrokerConfig config;
  config.produce_bytes_max = 10'000;
  BrokerHarness node(1, config);
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.create("orders"));
  int acked = 0, refused = 0;
  for (int i = 0; i < 10; ++i) {
    node.broker_->produce({.topic = "orders",
                           .partition = model::PartitionIndex(0),
                           .batch = batch_of({std::string(4000, 'x')})},
                          [&](const Result<ProduceAck>& ack) {
                            if (ack) {
                              ++acked;
                            } else {
                              EXPECT_EQ(ack.error().code, ErrorCode::kResourceExhausted);
                              EXPECT_GT(ack.error().retry_after_ms, 0U);
                              ++refused;
                            }
                          });
  }
  node.run_until([&] { return acked + refused == 10; });
  EXPECT_EQ(acked, 2);
  EXPECT_EQ(refused, 8);
  EXPECT_EQ(node.broker_->produce_bytes_held(), 0U);
  EXPECT_EQ((*node.offsets("orders", OffsetPoint::kEnd))[0].offset, Offset(2));
}

TEST(BrokerBounds, RequestsBehindARefusedOneDoNotOvertakeIt) {
  NodeBrokerConfig config;
  config.produce_bytes_max = 10'000;
  BrokerHarness node(1, config);
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.create("orders"));
  const auto order = std::make_shared<ProduceOrder>();
  std::string outcome;
  int answered = 0;
  const auto send = [&](std::size_t size, std::uint32_t round) {
    node.broker_->produce({.topic = "orders",
                           .partition = model::PartitionIndex(0),
                           .batch = batch_of({std::string(size, 'x')}),
                           .order = order,
                           .retry_round = round},
                          [&, size](const Result<ProduceAck>& ack) {
                            outcome += std::to_string(size) + (ack ? " " : "! ");
                            ++answered;
                          });
  };
  send(9'000, 0);
  send(5'000, 0);  // no room
  send(100, 0);    // there would be room for it
  node.run_until([&] { return answered == 3; });
  send(101, 0);
  send(5'001, 1);
  send(102, 1);
  node.run_until([&] { return answered == 6; });
  EXPECT_EQ(outcome, "5000! 100! 9000 101! 5001 102 ");
}

TEST(BrokerBounds, PartitionsAboveTheMemoryBudgetAreRefusedWithTheNumber) {
  NodeBrokerConfig config;
  config.limits.partitions_max = 5;
  BrokerHarness node(1, config);
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.create("a", 3));
  const auto refused = node.create("b", 3);
  EXPECT_EQ(refused.error().code, ErrorCode::kMemoryBudget);
  EXPECT_NE(refused.error().context.find("6"), std::string::npos);
}

}  // namespace
}  // namespace forebay::broker
