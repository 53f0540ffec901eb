// Decisions about topics and brokers.
#include "cluster/core/decisions.h"

#include <gtest/gtest.h>

#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3);

CreateTopic topic(std::uint32_t partitions, std::uint32_t replication_factor = 0) {
  return {.name = "orders", .partitions = partitions, .replication_factor = replication_factor, .config = {}};
}

ClusterImage with_topic(ClusterImage image, const CreateTopic& request, std::uint8_t id = 1) {
  const auto created = decide_create(image, request, uuid_of(id), {});
  EXPECT_TRUE(created) << created.error().context;
  EXPECT_TRUE(apply(image, *created));
  return image;
}

template <typename T>
void expect_refused(const Result<T>& decided, ErrorCode code, std::initializer_list<const char*> words) {
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().code, code);
  for (const char* word : words)
    EXPECT_NE(decided.error().context.find(word), std::string::npos)
        << word << ": " << decided.error().context;
}

TEST(DecideCreate, SecondTopicOfANameIsRefused) {
  const ClusterImage image = with_topic(image_of(1), topic(1));
  expect_refused(decide_create(image, topic(1), uuid_of(2), {}), ErrorCode::kTopicExists,
                 {"describe orders"});
}

TEST(DecideCreate, NoBrokerIsAMatterOfTime) {
  expect_refused(decide_create({}, topic(1), uuid_of(1), {}), ErrorCode::kNotYet, {"retry"});
}

TEST(DecideCreate, DefaultReplicationIsThreeOrAllBrokers) {
  struct Case {
    std::size_t brokers;
    std::uint32_t configured, want;
  };
  for (const Case& c :
       {Case{1, 0, 1}, Case{2, 0, 2}, Case{3, 0, 3}, Case{7, 0, 3}, Case{5, 5, 5}, Case{2, 1, 1}}) {
    const auto created = decide_create(image_of(c.brokers), topic(1), uuid_of(1),
                                       {.replication_factor_default = c.configured});
    ASSERT_TRUE(created) << created.error().context;
    EXPECT_EQ(created->topic.replication_factor, c.want) << c.brokers;
    EXPECT_EQ(created->topic.partitions[0].replicas.size(), c.want);
  }
}

TEST(DecideCreate, ReplicationBeyondTheBrokersNamesTheirNumber) {
  expect_refused(decide_create(image_of(2), topic(1, 3), uuid_of(1), {}), ErrorCode::kInvalidArgument,
                 {"replication factor 3", "2 brokers", "--replication 2"});
  expect_refused(decide_create(image_of(1), topic(1, 3), uuid_of(1), {}), ErrorCode::kInvalidArgument,
                 {"1 broker;"});
  expect_refused(decide_create(image_of(2), topic(1), uuid_of(1), {.replication_factor_default = 3}),
                 ErrorCode::kInvalidArgument, {"replication factor 3", "2 brokers"});
}

TEST(DecideCreate, DrainedBrokerTakesNothingAndLowersNoDefault) {
  ClusterImage image = image_of(4);
  ASSERT_TRUE(apply(image, BrokerDrained{kTwo, true}));
  const auto created = decide_create(image, topic(12), uuid_of(1), {});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->topic.replication_factor, 3U);
  EXPECT_EQ(created->topic.replicas_on(kTwo), 0U);
  EXPECT_EQ(created->topic.replicas_on(kOne), 12U);
  ASSERT_TRUE(apply(image, BrokerDrained{kThree, true}));
  expect_refused(decide_create(image, topic(1), uuid_of(1), {}), ErrorCode::kInvalidArgument,
                 {"4 brokers, of which 2 are drained, decommissioned or lost", "--replication 2"});
}

TEST(DecideCreate, SingleCopyInAClusterOfThreeIsAskedForByName) {
  expect_refused(decide_create(image_of(3), topic(1, 1), uuid_of(1), {}), ErrorCode::kInvalidArgument,
                 {"--allow-single-copy"});
  CreateTopic single = topic(1, 1);
  single.allow_single_copy = true;
  EXPECT_TRUE(decide_create(image_of(3), single, uuid_of(1), {}));
  EXPECT_TRUE(decide_create(image_of(2), topic(1, 1), uuid_of(1), {}));
}

TEST(DecideCreate, FoundersAreTheReplicasWithTheDisksThatAreRegisteredNow) {
  ClusterImage image = image_of(3);
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(2, "", 4)}));
  const auto created = decide_create(image, topic(3, 2), uuid_of(1), {});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->topic.partitions[2].replicas, (Replicas{kThree, kOne}));
  EXPECT_EQ(created->topic.partitions[2].founders, (Founders{{kOne, disk_of(1)}, {kThree, disk_of(3)}}));
  EXPECT_EQ(created->topic.partitions[1].founders, (Founders{{kTwo, disk_of(2, 4)}, {kThree, disk_of(3)}}));
}

// --- limits

TEST(DecideCreate, PartitionsBeyondTheLastAreRefusedWithTheNumber) {
  const ClusterImage image = with_topic(image_of(1), topic(10));
  CreateTopic more = topic(3);
  more.name = "more";
  expect_refused(decide_create(image, more, uuid_of(2), {.partitions_max = 12}), ErrorCode::kMemoryBudget,
                 {"node 1", "13"});
  // Nothing that would not help.
  EXPECT_EQ(
      decide_create(image, more, uuid_of(2), {.partitions_max = 12}).error().context.find("memory.limit"),
      std::string::npos);
  more.partitions = 10'001;
  expect_refused(decide_create(image, more, uuid_of(2), {}), ErrorCode::kInvalidArgument, {"10000", "10001"});
}

TEST(DecideCreate, PartitionsBeyondTheMemoryBudgetAreRefusedWithTheMemoryNeeded) {
  const ClusterImage image = with_topic(image_of(1), topic(10));
  const Limits limits{.memory = MemoryLimit{102U << 20, 90U << 20, 1U << 20}};
  CreateTopic more = topic(2);
  more.name = "more";
  EXPECT_TRUE(decide_create(image, more, uuid_of(2), limits));
  more.partitions = 3;
  expect_refused(decide_create(image, more, uuid_of(2), limits), ErrorCode::kMemoryBudget,
                 {"allows 12;", "at least 103MiB"});
}

TEST(DecideCreate, LimitsAreOfEachBroker) {
  // 12 partitions of one copy are 4 on each of three brokers; of three copies, 12 on each.
  CreateTopic request = topic(12, 1);
  request.allow_single_copy = true;
  EXPECT_TRUE(decide_create(image_of(3), request, uuid_of(1), {.partitions_max = 4}));
  request.replication_factor = 3;
  EXPECT_TRUE(decide_create(image_of(3), request, uuid_of(1), {.partitions_max = 12}));
  expect_refused(decide_create(image_of(3), request, uuid_of(1), {.partitions_max = 11}),
                 ErrorCode::kMemoryBudget, {"node 1 would have 12"});
  const ClusterImage image = with_topic(image_of(3), request);
  expect_refused(decide_add_partitions(image, "orders", 13, {.partitions_max = 12}), ErrorCode::kMemoryBudget,
                 {"13"});
}

// --- other decisions about topics

TEST(DecideAddPartitions, PartitionsOnlyGrow) {
  ClusterImage image = with_topic(image_of(1), topic(2));
  EXPECT_FALSE(decide_add_partitions(image, "orders", 2, {}));
  const auto added = decide_add_partitions(image, "orders", 5, {});
  ASSERT_TRUE(added);
  ASSERT_TRUE(apply(image, *added));
  EXPECT_EQ(image.find("orders")->partitions.size(), 5U);
  EXPECT_EQ(image.by_id.at(uuid_of(1))->partitions.size(), 5U);
}

TEST(DecideAddPartitions, NewOnesHaveTheReplicationOfTheTopicAndFounders) {
  const ClusterImage image = with_topic(image_of(3), topic(2, 2));
  const auto added = decide_add_partitions(image, "orders", 4, {});
  ASSERT_TRUE(added);
  // Leadership goes on round the brokers where it was.
  EXPECT_EQ(added->added[0].replicas.front(), kThree);
  EXPECT_EQ(added->added[1].replicas.front(), kOne);
  for (const Placement& placement : added->added) EXPECT_EQ(placement.founders.size(), 2U);
  ClusterImage fewer = image;
  ASSERT_TRUE(apply(fewer, BrokerDrained{kOne, true}));
  ASSERT_TRUE(apply(fewer, BrokerDrained{kTwo, true}));
  expect_refused(decide_add_partitions(fewer, "orders", 4, {}), ErrorCode::kInvalidArgument, {"drained"});
}

TEST(DecideDelete, UnknownTopicNamesTheCommandThatMakesIt) {
  expect_refused(decide_delete({}, "orders"), ErrorCode::kUnknownTopic, {"forebay topic create orders"});
}

// --- brokers

TEST(DecideDrain, SaysNothingWhenItIsSoAlready) {
  ClusterImage image = image_of(2);
  const auto drained = decide_drain(image, kOne, true);
  ASSERT_TRUE(drained);
  ASSERT_EQ(*drained, (BrokerDrained{kOne, true}));
  ASSERT_TRUE(apply(image, **drained));
  EXPECT_FALSE(decide_drain(image, kOne, true)->has_value());
  EXPECT_TRUE(decide_drain(image, kOne, false)->has_value());
  expect_refused(decide_drain(image, kThree, true), ErrorCode::kInvalidArgument,
                 {"no broker 3; it has 1, 2"});
}

TEST(DecideRemoveBroker, OneThatHoldsPartitionsSaysHowMany) {
  const ClusterImage image = with_topic(image_of(3), topic(4, 2));
  expect_refused(decide_remove_broker(image, kOne), ErrorCode::kFailedPrecondition,
                 {"3 partitions of 1 topic"});
  EXPECT_TRUE(decide_remove_broker(image_of(3), kThree));
  expect_refused(decide_remove_broker(image_of(1), kOne), ErrorCode::kFailedPrecondition, {"last broker"});
  expect_refused(decide_remove_broker(image_of(1), kTwo), ErrorCode::kInvalidArgument,
                 {"no broker 2; it has 1"});
}

TEST(DecideFeatureLevel, WaitsUntilEveryBrokerSpeaksIt) {
  ClusterImage image = image_of(2);
  auto speaks = registration_of(1);
  speaks.features["txn"] = 3;
  ASSERT_TRUE(apply(image, BrokerRegistered{speaks}));
  expect_refused(decide_feature_level(image, "txn", 2), ErrorCode::kFailedPrecondition,
                 {"broker 2 (version 1.2.3)", "up to level 0"});
  auto other = registration_of(2);
  other.features["txn"] = 2;
  ASSERT_TRUE(apply(image, BrokerRegistered{other}));
  const auto set = decide_feature_level(image, "txn", 2);
  ASSERT_TRUE(set && *set);
  ASSERT_TRUE(apply(image, **set));
  EXPECT_FALSE(decide_feature_level(image, "txn", 2)->has_value());
  expect_refused(decide_feature_level(image, "txn", 1), ErrorCode::kInvalidArgument, {"is at level 2"});
  expect_refused(decide_feature_level(image, "txn", 3), ErrorCode::kFailedPrecondition, {"broker 2"});
}

TEST(DecideCreate, BrokerWhoseDiskIsLostTakesNothing) {
  ClusterImage image = image_of(4);
  ASSERT_TRUE(apply(image, DiskRetired{{kTwo, disk_of(2)}}));
  const auto created = decide_create(image, topic(12), uuid_of(1), {});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->topic.replicas_on(kTwo), 0U);
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(2, "", 1)}));
  EXPECT_GT(decide_create(image, topic(12), uuid_of(1), {})->topic.replicas_on(kTwo), 0U);
}

}  // namespace
}  // namespace forebay::cluster
