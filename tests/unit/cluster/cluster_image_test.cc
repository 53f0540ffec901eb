// Decisions about topics, and the image as the fold of their records.
#include "cluster/core/cluster_image.h"

#include <gtest/gtest.h>

#include <random>

namespace forebay::cluster {
namespace {

const std::vector<model::NodeId> kOneNode{model::NodeId(1)};
const std::vector<model::NodeId> kThreeNodes{model::NodeId(1), model::NodeId(2), model::NodeId(3)};

model::TopicId id_of(std::uint8_t n) {
  model::TopicId id;
  id.bytes[0] = n;
  return id;
}

ClusterImage with_topic(const std::string& name, std::uint32_t partitions, std::uint8_t id = 1) {
  ClusterImage image;
  const auto created =
      decide_create(image, {.name = name, .partitions = partitions}, id_of(id), kOneNode, {});
  EXPECT_TRUE(created);
  EXPECT_TRUE(apply(image, *created));
  return image;
}

TEST(ClusterImage, CreatedTopicIsFoundByNameAndId) {
  const ClusterImage image = with_topic("orders", 3);
  ASSERT_NE(image.find("orders"), nullptr);
  EXPECT_EQ(image.find("orders")->partitions.size(), 3U);
  EXPECT_EQ(image.by_id.at(id_of(1)), image.find("orders"));
  EXPECT_EQ(image.partition_count(), 3U);
}

TEST(ClusterImage, SecondTopicOfANameIsRefused) {
  const ClusterImage image = with_topic("orders", 1);
  const auto again = decide_create(image, {.name = "orders"}, id_of(2), kOneNode, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kTopicExists);
}

TEST(ClusterImage, ReplicationBeyondTheNodesIsRefused) {
  const auto created = decide_create({}, {.name = "a", .replication_factor = 3}, id_of(1), kOneNode, {});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kInvalidArgument);
}

TEST(ClusterImage, LeadershipGoesRoundTheNodes) {
  const auto created =
      decide_create({}, {.name = "a", .partitions = 3, .replication_factor = 2}, id_of(1), kThreeNodes, {});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->topic.partitions[0], (Replicas{model::NodeId(1), model::NodeId(2)}));
  EXPECT_EQ(created->topic.partitions[1], (Replicas{model::NodeId(2), model::NodeId(3)}));
  EXPECT_EQ(created->topic.partitions[2], (Replicas{model::NodeId(3), model::NodeId(1)}));
}

TEST(ClusterImage, PartitionsBeyondTheLastAreRefusedWithTheNumber) {
  const ClusterImage image = with_topic("orders", 10);
  const auto created =
      decide_create(image, {.name = "more", .partitions = 3}, id_of(2), kOneNode, {.partitions_max = 12});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kMemoryBudget);
  EXPECT_NE(created.error().context.find("13"), std::string::npos);
  EXPECT_EQ(created.error().context.find("memory.limit"), std::string::npos);  // would not help
}

TEST(ClusterImage, PartitionsBeyondTheMemoryBudgetAreRefusedWithTheMemoryNeeded) {
  const ClusterImage image = with_topic("orders", 10);
  const Limits limits{.memory = MemoryLimit{102U << 20, 90U << 20, 1U << 20}};
  EXPECT_TRUE(decide_create(image, {.name = "more", .partitions = 2}, id_of(2), kOneNode, limits));
  const auto created = decide_create(image, {.name = "more", .partitions = 3}, id_of(2), kOneNode, limits);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kMemoryBudget);
  EXPECT_NE(created.error().context.find("allows 12;"), std::string::npos);
  EXPECT_NE(created.error().context.find("at least 103MiB"), std::string::npos);
}

TEST(ClusterImage, PartitionsOnlyGrow) {
  ClusterImage image = with_topic("orders", 2);
  EXPECT_FALSE(decide_add_partitions(image, "orders", 2, kOneNode, {}));
  const auto added = decide_add_partitions(image, "orders", 5, kOneNode, {});
  ASSERT_TRUE(added);
  ASSERT_TRUE(apply(image, *added));
  EXPECT_EQ(image.find("orders")->partitions.size(), 5U);
  EXPECT_EQ(image.by_id.at(id_of(1))->partitions.size(), 5U);
}

TEST(ClusterImage, PartitionsAreConfirmedPerNodeAndOnlyMoreOfThem) {
  const model::NodeId one(1), two(2);
  ClusterImage image = with_topic("orders", 3);
  EXPECT_EQ(image.find("orders")->confirmed_on(one), 0U);
  ASSERT_TRUE(apply(image, *decide_confirm(image, id_of(1), one, 2)));
  EXPECT_EQ(image.find("orders")->confirmed_on(one), 2U);
  EXPECT_EQ(image.by_id.at(id_of(1))->confirmed_on(one), 2U);
  EXPECT_EQ(image.find("orders")->confirmed_on(two), 0U);
  EXPECT_EQ(decide_confirm(image, id_of(1), one, 2).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(decide_confirm(image, id_of(9), one, 1).error().code, ErrorCode::kUnknownTopic);
  EXPECT_FALSE(apply(image, PartitionsConfirmed{id_of(1), one, 1}));
  EXPECT_FALSE(apply(image, PartitionsConfirmed{id_of(1), one, 4}));
  // Those that are added later are not confirmed by that, whatever else changes.
  ASSERT_TRUE(apply(image, *decide_add_partitions(image, "orders", 5, kOneNode, {})));
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"segment.ms", "5"}})));
  EXPECT_EQ(image.find("orders")->confirmed_on(one), 2U);
}

TEST(ClusterImage, ConfigurationIsReplacedAsAWhole) {
  ClusterImage image = with_topic("orders", 1);
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"retention.ms", "1000"}})));
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"segment.ms", "5"}})));
  EXPECT_EQ(image.find("orders")->config, (Overrides{{"segment.ms", "5"}}));
}

TEST(ClusterImage, DeletedTopicIsKeptUntilItsDataIsGone) {
  ClusterImage image = with_topic("orders", 1);
  ASSERT_TRUE(apply(image, *decide_delete(image, "orders")));
  EXPECT_EQ(image.find("orders"), nullptr);
  EXPECT_TRUE(image.deleting.contains(id_of(1)));
  // The name is free again at once; the id is not.
  const auto again = decide_create(image, {.name = "orders"}, id_of(2), kOneNode, {});
  ASSERT_TRUE(again);
  ASSERT_TRUE(apply(image, *again));
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{id_of(1)}));
  EXPECT_TRUE(image.deleting.empty());
  EXPECT_NE(image.find("orders"), nullptr);
}

TEST(ClusterImage, RecordOutOfPlaceChangesNothing) {
  ClusterImage image = with_topic("orders", 1);
  const ClusterImage before = image;
  EXPECT_FALSE(apply(image, TopicConfigSet{id_of(9), {}}));
  EXPECT_FALSE(apply(image, PartitionsAdded{id_of(9), {{}}}));
  EXPECT_FALSE(apply(image, PartitionsConfirmed{id_of(9), model::NodeId(1), 1}));
  EXPECT_FALSE(apply(image, TopicDeleted{id_of(9)}));
  EXPECT_FALSE(apply(image, TopicDeletionConfirmed{id_of(1)}));
  EXPECT_FALSE(apply(image, TopicCreated{*image.find("orders")}));
  EXPECT_EQ(image.topics, before.topics);
  EXPECT_EQ(image.by_id, before.by_id);
  EXPECT_EQ(image.deleting, before.deleting);
}

TEST(ClusterImage, NobodyIsToldToCreateWhatCannotBeCreated) {
  for (const char* name : {"__cluster", "__mine", "bad name", "", ".."}) {
    const Error error = unknown_topic(name);
    EXPECT_EQ(error.code, ErrorCode::kUnknownTopic) << name;
    EXPECT_EQ(error.context.find("forebay topic create"), std::string::npos) << error.context;
  }
  EXPECT_NE(unknown_topic("__cluster").context.find("internal"), std::string::npos);
  EXPECT_NE(unknown_topic("bad name").context.find("a character that is not allowed"), std::string::npos);
}

TEST(ClusterImage, UnknownTopicNamesTheCommandThatMakesIt) {
  const auto deleted = decide_delete({}, "orders");
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, ErrorCode::kUnknownTopic);
  EXPECT_NE(deleted.error().context.find("forebay topic create orders"), std::string::npos);
}

// Replaying the emitted records rebuilds equal state, whatever was decided.
TEST(ClusterImage, ReplayOfAllRecordsRebuildsTheImage) {
  std::mt19937_64 rng(7);
  ClusterImage image;
  std::vector<ClusterRecord> records;
  std::uint8_t next_id = 1;
  const auto keep = [&](auto decided) {
    if (!decided) return;
    ASSERT_TRUE(apply(image, *decided));
    records.emplace_back(*decided);
  };
  for (int step = 0; step < 400; ++step) {
    const std::string name = "t" + std::to_string(rng() % 5);
    switch (rng() % 6) {
      case 0:
        if (next_id < 250)
          keep(decide_create(image, {.name = name, .partitions = 1}, id_of(next_id++), kThreeNodes, {}));
        break;
      case 1:
        keep(decide_add_partitions(image, name, static_cast<std::uint32_t>(rng() % 8), kThreeNodes, {}));
        break;
      case 2:
        keep(decide_set_config(image, name, {{"segment.ms", std::to_string(rng() % 100)}}));
        break;
      case 3:
        keep(decide_delete(image, name));
        break;
      case 4:
        if (const auto topic = image.find(name)) {
          keep(decide_confirm(image, topic->id, kThreeNodes[rng() % 3],
                              static_cast<std::uint32_t>(1 + rng() % topic->partitions.size())));
        }
        break;
      default:
        if (!image.deleting.empty())
          keep(Result<TopicDeletionConfirmed>(TopicDeletionConfirmed{image.deleting.begin()->first}));
    }
  }
  ClusterImage replayed;
  for (const auto& record : records) ASSERT_TRUE(apply(replayed, record));
  ASSERT_EQ(replayed.topics.size(), image.topics.size());
  for (const auto& [name, topic] : image.topics) EXPECT_EQ(*replayed.topics.at(name), *topic);
  EXPECT_EQ(replayed.deleting.size(), image.deleting.size());
}

}  // namespace
}  // namespace forebay::cluster
