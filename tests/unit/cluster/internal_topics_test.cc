// The topics that the cluster makes for itself: once, for nobody to change, with as many replicas as there
// are brokers for.
#include "cluster/core/internal_topics.h"

#include <gtest/gtest.h>

#include "cluster/core/decisions.h"
#include "cluster/core/decommission.h"
#include "cluster/core/proposals.h"
#include "cluster/core/upkeep.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const std::string kGroups(kGroupsTopicName);
const std::string kSchemas(kSchemasTopicName);
const model::NodeId kOne(1), kTwo(2), kThree(3);

std::set<log::Voter> alive_of(std::initializer_list<std::uint32_t> nodes) {
  std::set<log::Voter> alive;
  for (const std::uint32_t node : nodes) alive.insert({model::NodeId(node), disk_of(node)});
  return alive;
}
void propose_schemas(ClusterImage& image, const std::set<log::Voter>& alive) {
  const auto decided = decide(image, MakeInternalTopic{InternalTopic::kSchemas, uuid_of(9)}, alive);
  ASSERT_TRUE(decided && *decided) << decided.error().context;
  ASSERT_TRUE(apply(image, **decided));
}
std::set<model::NodeId> schemas_nodes(const ClusterImage& image) {
  const Replicas& replicas = image.find(kSchemas)->partitions.front().replicas;
  return {replicas.begin(), replicas.end()};
}

void propose(ClusterImage& image, std::uint8_t id) {
  const auto decided = decide(image, MakeInternalTopic{InternalTopic::kGroups, uuid_of(id)});
  ASSERT_TRUE(decided) << decided.error().context;
  if (*decided) {
    ASSERT_TRUE(apply(image, **decided));
  }
}
// All that upkeep does by itself, with leaders that follow at once.
void settle(ClusterImage& image) {
  for (int i = 0; i < 200; ++i) {
    const UpkeepStep step = next_upkeep(image, {.moves_max = 4}, {});
    if (step.record) {
      ASSERT_TRUE(apply(image, *step.record));
      continue;
    }
    bool moved = false;
    for (const auto& [id, topic] : std::map(image.by_id)) {
      for (std::size_t p = 0; p < topic->partitions.size(); ++p) {
        const Placement now = topic->partitions[p];
        const model::PartitionIndex index(static_cast<std::int32_t>(p));
        if (now.reached != now.epoch) {
          ASSERT_TRUE(apply(image, TargetReached{id, index, now.epoch}));
          moved = true;
        }
        for (const model::NodeId node : now.leaving) {
          ASSERT_TRUE(apply(image, ReplicaGone{id, index, node}));
          moved = true;
        }
      }
    }
    if (!moved) return;
  }
  FAIL() << "it never ends";
}
void expect_replicas(const ClusterImage& image, std::size_t count) {
  const TopicPtr topic = image.find(kGroups);
  ASSERT_NE(topic, nullptr);
  ASSERT_EQ(topic->partitions.size(), kGroupsPartitions);
  for (const Placement& one : topic->partitions) EXPECT_EQ(one.replicas.size(), count);
}

TEST(InternalTopics, MadeOnceWithAReplicaOnEachOfUpToThreeBrokers) {
  for (const std::size_t brokers : {1U, 2U, 3U, 5U}) {
    ClusterImage image = image_of(brokers);
    propose(image, 1);
    propose(image, 2);
    expect_replicas(image, std::min<std::size_t>(brokers, 3));
    EXPECT_EQ(image.find(kGroups)->id, uuid_of(1));
    EXPECT_EQ(image.topics.size(), 1U);
  }
}

TEST(InternalTopics, NotMadeWithoutBrokersOrAnId) {
  EXPECT_EQ(
      decide(image_of(std::size_t{0}), MakeInternalTopic{InternalTopic::kGroups, uuid_of(1)}).error().code,
      ErrorCode::kNotYet);
  EXPECT_EQ(decide(image_of(1), MakeInternalTopic{}).error().code, ErrorCode::kInvalidArgument);
}

TEST(InternalTopics, NobodyDeletesOrConfiguresOrExtendsThem) {
  ClusterImage image = image_of(3);
  propose(image, 1);
  EXPECT_EQ(decide_delete(image, kGroups).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decide_set_config(image, kGroups, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decide_add_partitions(image, kGroups, 32, {}).error().code, ErrorCode::kInvalidArgument);
}

TEST(InternalTopics, BrokerThatDoesNotKnowThemHoldsThemBack) {
  ClusterImage image = image_of(1);
  BrokerRegistration old = registration_of(2);
  old.features = {{kMetadataFeature, 1}};
  ASSERT_TRUE(apply(image, BrokerRegistered{old}));
  const auto decided = decide(image, MakeInternalTopic{InternalTopic::kGroups, uuid_of(1)});
  ASSERT_TRUE(decided && *decided);
  EXPECT_EQ(with_level(image, **decided).error().code, ErrorCode::kFailedPrecondition);
  const auto own = decide_create(image, {.name = "mine", .config = {}}, uuid_of(2), {});
  ASSERT_TRUE(own);
  EXPECT_TRUE(with_level(image, *own)) << "a user's topic needs nothing new";
}

TEST(InternalTopics, GrowWithTheCluster) {
  ClusterImage image = image_of(1);
  propose(image, 1);
  for (const std::uint32_t node : {2U, 3U, 4U}) {
    ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(node)}));
    EXPECT_EQ(has_upkeep(image), node <= 3);
    settle(image);
    expect_replicas(image, std::min(node, 3U));
  }
}

TEST(InternalTopics, BrokerThatIsAwayOrDrainedGetsNoCopyUnasked) {
  ClusterImage image = image_of(2);
  propose(image, 1);
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(3)}));
  EXPECT_FALSE(next_upkeep(image, {}, {.away = {model::NodeId(3)}, .metadata_members = {}}).record);
  ASSERT_TRUE(apply(image, BrokerDrained{model::NodeId(3), true}));
  EXPECT_FALSE(next_upkeep(image, {}, {}).record);
  ASSERT_TRUE(apply(image, BrokerDrained{model::NodeId(3), false}));
  EXPECT_TRUE(next_upkeep(image, {}, {}).record);
}

TEST(InternalTopics, DrainedBrokerKeepsItsCopies) {
  ClusterImage image = image_of(3);
  propose(image, 1);
  ASSERT_TRUE(apply(image, BrokerDrained{model::NodeId(2), true}));
  EXPECT_FALSE(has_upkeep(image));
}

TEST(InternalTopics, DoNotHoldADecommissionUp) {
  ClusterImage image = image_of(3);
  propose(image, 1);
  const std::set<log::Voter> alive{
      {model::NodeId(1), disk_of(1)}, {model::NodeId(2), disk_of(2)}, {model::NodeId(3), disk_of(3)}};
  const auto decided = decide_decommission(image, {.node = model::NodeId(2)}, {}, alive);
  ASSERT_TRUE(decided) << decided.error().context;
  ASSERT_TRUE(apply(image, *decided->record));
  settle(image);
  expect_replicas(image, 2);
  EXPECT_EQ(image.broker(model::NodeId(2)), nullptr);
}

TEST(InternalTopics, SchemasAreOnDrainedBrokersThatAreAlive) {
  ClusterImage image = image_of(3);
  ASSERT_TRUE(apply(image, BrokerDrained{kOne, true}));
  propose_schemas(image, alive_of({1, 2, 3}));
  EXPECT_EQ(image.find(kSchemas)->partitions.front().replicas, (Replicas{kTwo, kThree, kOne}))
      << "who is drained leads last";
  propose(image, 1);
  expect_replicas(image, 2);
}

TEST(InternalTopics, SchemasComeToDrainedBrokersOnceTheyAreThere) {
  ClusterImage image = image_of(3);
  ASSERT_TRUE(apply(image, BrokerDrained{kThree, true}));
  propose_schemas(image, alive_of({1, 2}));
  EXPECT_EQ(schemas_nodes(image), (std::set{kOne, kTwo}));
  const UpkeepStep meanwhile = next_upkeep(image, {}, {.away = {kThree}, .metadata_members = {}});
  EXPECT_FALSE(meanwhile.record);
  EXPECT_TRUE(meanwhile.unfinished) << "it is looked for";
  settle(image);
  EXPECT_EQ(schemas_nodes(image), (std::set{kOne, kTwo, kThree}));
  EXPECT_FALSE(has_upkeep(image));
}

TEST(InternalTopics, SchemasAreOnEveryBrokerOfAGrowingClusterUpToTheMost) {
  ClusterImage image = image_of(14);
  propose_schemas(image, {});
  for (const std::uint32_t node : {15U, 16U}) {
    ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(node)}));
    settle(image);
  }
  EXPECT_EQ(schemas_nodes(image).size(), kSchemasReplicationMax);
}

// By the word of a drained broker that is there: it takes what it has to take.
TEST(InternalTopics, SchemasLetABrokerGoThoughTheOtherOneIsDrained) {
  ClusterImage image = image_of(2);
  propose_schemas(image, {});
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(3)}));
  ASSERT_TRUE(apply(image, BrokerDrained{kThree, true}));
  const auto decided = decide_decommission(image, {.node = kTwo}, {}, alive_of({1, 2, 3}));
  ASSERT_TRUE(decided) << decided.error().context;
  ASSERT_TRUE(apply(image, *decided->record));
  settle(image);
  EXPECT_EQ(schemas_nodes(image), (std::set{kOne, kThree}));
  EXPECT_EQ(image.broker(kTwo), nullptr);
}

// Also one that has no copy: somebody registers the first schema while it is emptied.
TEST(InternalTopics, SchemasAreMadeWhereABrokerThatGoesMayStillLead) {
  ClusterImage image = image_of(3);
  const auto created = decide_create(
      image, {.name = "orders", .partitions = 3, .replication_factor = 2, .config = {}}, uuid_of(1), {});
  ASSERT_TRUE(created && apply(image, *created));
  ASSERT_TRUE(apply(image, BrokerDecommission{kThree, Decommission::kEmptying}));
  ClusterImage dead = image;
  propose_schemas(image, alive_of({1, 2, 3}));
  EXPECT_EQ(schemas_nodes(image), (std::set{kOne, kTwo, kThree}));
  propose_schemas(dead, alive_of({1, 2}));
  EXPECT_EQ(schemas_nodes(dead), (std::set{kOne, kTwo}));
  for (ClusterImage* one : {&image, &dead}) {
    settle(*one);
    EXPECT_EQ(schemas_nodes(*one), (std::set{kOne, kTwo}));
    EXPECT_EQ(one->broker(kThree), nullptr);
  }
}

// What a node without a copy leads would take nothing.
TEST(InternalTopics, NoTopicBeginsToValidateWhereSomeBrokersHaveNoSchemas) {
  ClusterImage image = image_of(kSchemasReplicationMax);
  const Overrides by_id{{"schema.validation", "id"}}, not_at_all{{"schema.validation", "none"}};
  const auto create = [&](const std::string& name, std::uint8_t id, const Overrides& config) {
    return decide_create(image, {.name = name, .partitions = 1, .replication_factor = 3, .config = config},
                         uuid_of(id), {});
  };
  const auto validated = create("validated", 1, by_id);
  ASSERT_TRUE(validated && apply(image, *validated));
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(kSchemasReplicationMax + 1)}));
  const auto refused = create("late", 2, by_id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().context.find("at most 15 nodes have one, and the cluster has 16 brokers"),
            std::string::npos)
      << refused.error().context;
  const auto plain = create("plain", 3, not_at_all);
  ASSERT_TRUE(plain && apply(image, *plain));
  EXPECT_EQ(decide_set_config(image, "plain", by_id).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(decide_set_config(image, "plain", {{"retention.ms", "1"}}));
  EXPECT_TRUE(decide_set_config(image, "validated", {{"schema.validation", "payload"}})) << "as it was";
  EXPECT_TRUE(decide_set_config(image, "validated", not_at_all));
}

}  // namespace
}  // namespace forebay::cluster
