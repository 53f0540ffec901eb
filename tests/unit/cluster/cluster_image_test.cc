// The image as the fold of its records.
#include "cluster/core/cluster_image.h"

#include <gtest/gtest.h>

#include <random>

#include "cluster/core/decisions.h"
#include "cluster/core/producer_sessions.h"
#include "cluster/core/proposals.h"
#include "drawn_moves.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3);

ClusterImage with_topic(const std::string& name, std::uint32_t partitions, std::size_t brokers = 1) {
  ClusterImage image = image_of(brokers);
  const auto created =
      decide_create(image, {.name = name, .partitions = partitions, .config = {}}, uuid_of(1), {});
  EXPECT_TRUE(created);
  EXPECT_TRUE(apply(image, *created));
  return image;
}

TEST(ClusterImage, CreatedTopicIsFoundByNameAndId) {
  const ClusterImage image = with_topic("orders", 3);
  ASSERT_NE(image.find("orders"), nullptr);
  EXPECT_EQ(image.find("orders")->partitions.size(), 3U);
  EXPECT_EQ(image.by_id.at(uuid_of(1)), image.find("orders"));
  EXPECT_EQ(image.partition_count(), 3U);
}

TEST(ClusterImage, PartitionsAreConfirmedPerNodeAndOnlyMoreOfThem) {
  ClusterImage image = with_topic("orders", 3);
  EXPECT_EQ(image.find("orders")->confirmed_on(kOne), 0U);
  ASSERT_TRUE(apply(image, PartitionsConfirmed{uuid_of(1), kOne, 2}));
  EXPECT_EQ(image.find("orders")->confirmed_on(kOne), 2U);
  EXPECT_EQ(image.by_id.at(uuid_of(1))->confirmed_on(kOne), 2U);
  EXPECT_EQ(image.find("orders")->confirmed_on(kTwo), 0U);
  EXPECT_FALSE(apply(image, PartitionsConfirmed{uuid_of(1), kOne, 1}));
  EXPECT_FALSE(apply(image, PartitionsConfirmed{uuid_of(1), kOne, 4}));
  // Those that are added later are not confirmed by that, whatever else changes.
  ASSERT_TRUE(apply(image, *decide_add_partitions(image, "orders", 5, {})));
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"segment.ms", "5"}})));
  EXPECT_EQ(image.find("orders")->confirmed_on(kOne), 2U);
}

TEST(ClusterImage, ConfigurationIsReplacedAsAWhole) {
  ClusterImage image = with_topic("orders", 1);
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"retention.ms", "1000"}})));
  ASSERT_TRUE(apply(image, *decide_set_config(image, "orders", {{"segment.ms", "5"}})));
  EXPECT_EQ(image.find("orders")->config, (Overrides{{"segment.ms", "5"}}));
}

TEST(ClusterImage, DeletedTopicIsKeptUntilEveryBrokerThatHeldItHasConfirmed) {
  ClusterImage image = with_topic("orders", 1, 4);
  ASSERT_EQ(image.find("orders")->partitions[0].replicas, (Replicas{kOne, kTwo, kThree}));
  ASSERT_TRUE(apply(image, *decide_delete(image, "orders")));
  EXPECT_EQ(image.find("orders"), nullptr);
  EXPECT_EQ(image.deleting.at(uuid_of(1)).waiting, (std::set{kOne, kTwo, kThree}));
  // The name is free again at once; the id is not.
  const auto again = decide_create(image, {.name = "orders", .config = {}}, uuid_of(2), {});
  ASSERT_TRUE(again);
  ASSERT_TRUE(apply(image, *again));
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{uuid_of(1), kTwo}));
  EXPECT_FALSE(apply(image, TopicDeletionConfirmed{uuid_of(1), kTwo}));
  EXPECT_FALSE(apply(image, TopicDeletionConfirmed{uuid_of(1), model::NodeId(4)}));
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{uuid_of(1), kOne}));
  EXPECT_EQ(image.deleting.at(uuid_of(1)).waiting, std::set{kThree});
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{uuid_of(1), kThree}));
  EXPECT_TRUE(image.deleting.empty());
  EXPECT_NE(image.find("orders"), nullptr);
}

TEST(ClusterImage, DeletionWaitsForWhoConfirmedPartitionsToo) {
  ClusterImage image = with_topic("orders", 1, 4);
  ASSERT_TRUE(apply(image, PartitionsConfirmed{uuid_of(1), model::NodeId(4), 1}));
  ASSERT_TRUE(apply(image, *decide_delete(image, "orders")));
  EXPECT_TRUE(image.deleting.at(uuid_of(1)).waiting.contains(model::NodeId(4)));
}

// As a single node logged it before there were registrations.
TEST(ClusterImage, RecordsOfTheFirstVersionFold) {
  ClusterImage image;
  ASSERT_TRUE(apply(image, ClusterFormed{uuid_of(9)}));
  Topic topic;
  topic.id = uuid_of(1);
  topic.name = "orders";
  topic.partitions = {{{kOne}, {}}, {{kOne}, {}}};
  ASSERT_TRUE(apply(image, TopicCreated{topic}));
  ASSERT_TRUE(apply(image, PartitionsAdded{topic.id, {{{kOne}, {}}}}));
  ASSERT_TRUE(apply(image, PartitionsConfirmed{topic.id, kOne, 3}));
  ASSERT_TRUE(apply(image, TopicDeleted{topic.id}));
  EXPECT_EQ(image.deleting.size(), 1U);
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{topic.id, std::nullopt}));
  EXPECT_TRUE(image.deleting.empty());
}

// --- brokers

TEST(ClusterImage, RegistrationChangesWhatTheBrokerSaysOfItself) {
  ClusterImage image = image_of(2);
  ASSERT_TRUE(apply(image, BrokerDrained{kOne, true}));
  BrokerRegistration moved = registration_of(1, "r2");
  moved.peer_address = "elsewhere:7401";
  ASSERT_TRUE(apply(image, BrokerRegistered{moved}));
  EXPECT_EQ(image.broker(kOne)->registration, moved);
  EXPECT_TRUE(image.broker(kOne)->drained);
  EXPECT_TRUE(image.retired.empty());
}

TEST(ClusterImage, WipedBrokerKeepsItsPlaceAndNothingIsExpectedOnItsNewDisk) {
  ClusterImage image = with_topic("orders", 3, 3);
  ASSERT_TRUE(apply(image, PartitionsConfirmed{uuid_of(1), kOne, 3}));
  ASSERT_TRUE(apply(image, PartitionsConfirmed{uuid_of(1), kTwo, 3}));
  const auto gone = decide_create(image, {.name = "gone", .config = {}}, uuid_of(2), {});
  ASSERT_TRUE(apply(image, *gone));
  ASSERT_TRUE(apply(image, TopicDeleted{uuid_of(2)}));
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{uuid_of(2), kTwo}));
  ASSERT_TRUE(apply(image, TopicDeletionConfirmed{uuid_of(2), kThree}));
  ASSERT_EQ(image.deleting.size(), 1U);

  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(1, "", 1)}));
  EXPECT_EQ(image.brokers.size(), 3U);
  EXPECT_EQ(image.retired, (std::map<model::Uuid, model::NodeId>{{disk_of(1), kOne}}));
  EXPECT_EQ(image.find("orders")->confirmed_on(kOne), 0U);
  EXPECT_EQ(image.find("orders"), image.by_id.at(uuid_of(1)));
  EXPECT_EQ(image.find("orders")->confirmed_on(kTwo), 3U);
  EXPECT_EQ(image.find("orders")->replicas_on(kOne), 3U);
  EXPECT_TRUE(image.deleting.empty());  // its data went with the disk
  // The founders stay what they were: replicas that open late must not differ from the others.
  EXPECT_EQ(image.find("orders")->partitions[0].founders,
            (Founders{{kOne, disk_of(1)}, {kTwo, disk_of(2)}, {kThree, disk_of(3)}}));
  // The old disk must not come back.
  EXPECT_FALSE(apply(image, BrokerRegistered{registration_of(1)}));
  EXPECT_FALSE(apply(image, BrokerRegistered{registration_of(1, "", 0)}));
}

TEST(ClusterImage, RemovedBrokerIsWaitedForNoLonger) {
  ClusterImage image = with_topic("orders", 1, 3);
  ASSERT_TRUE(apply(image, ProducerIdsGranted{kThree, model::ProducerId(0), 100}));
  ASSERT_TRUE(apply(image, *decide_delete(image, "orders")));
  ASSERT_TRUE(apply(image, BrokerRemoved{kThree}));
  EXPECT_EQ(image.broker(kThree), nullptr);
  EXPECT_TRUE(image.retired.contains(disk_of(3)));
  EXPECT_TRUE(image.producer_ids.empty());
  EXPECT_EQ(image.next_producer_id, model::ProducerId(100));
  EXPECT_EQ(image.deleting.at(uuid_of(1)).waiting, (std::set{kOne, kTwo}));
}

TEST(ClusterImage, ProducerIdsAreNeverGrantedTwice) {
  ClusterImage image = image_of(2);
  ASSERT_TRUE(apply(image, ProducerIdsGranted{kOne, model::ProducerId(0), 1000}));
  EXPECT_FALSE(apply(image, ProducerIdsGranted{kTwo, model::ProducerId(999), 10}));
  EXPECT_FALSE(apply(image, ProducerIdsGranted{kTwo, model::ProducerId(1000), 0}));
  EXPECT_FALSE(
      apply(image, ProducerIdsGranted{kTwo, model::ProducerId(std::numeric_limits<std::int64_t>::max()), 1}));
  // A record between them was lost, and that was accepted.
  ASSERT_TRUE(apply(image, ProducerIdsGranted{kTwo, model::ProducerId(5000), 10}));
  EXPECT_EQ(image.next_producer_id, model::ProducerId(5010));
  EXPECT_EQ(image.producer_ids.at(kOne), (ProducerIds{model::ProducerId(0), 1000}));
}

TEST(ClusterImage, RecordOutOfPlaceChangesNothing) {
  ClusterImage image = with_topic("orders", 1);
  ASSERT_TRUE(apply(image, FeatureLevelSet{"compression", 2}));
  const ClusterImage before = image;
  EXPECT_FALSE(apply(image, ClusterFormed{uuid_of(3)}));
  EXPECT_FALSE(apply(image, BrokerDrained{kThree, true}));
  EXPECT_FALSE(apply(image, BrokerRemoved{kThree}));
  EXPECT_FALSE(apply(image, FeatureLevelSet{"compression", 2}));
  EXPECT_FALSE(apply(image, FeatureLevelSet{"", 3}));
  EXPECT_FALSE(apply(image, TopicConfigSet{uuid_of(9), {}}));
  EXPECT_FALSE(apply(image, PartitionsAdded{uuid_of(9), {{}}}));
  EXPECT_FALSE(apply(image, PartitionsConfirmed{uuid_of(9), kOne, 1}));
  EXPECT_FALSE(apply(image, TopicDeleted{uuid_of(9)}));
  EXPECT_FALSE(apply(image, TopicDeletionConfirmed{uuid_of(1), kOne}));
  EXPECT_FALSE(apply(image, TopicCreated{*image.find("orders")}));
  EXPECT_EQ(image.cluster_id, before.cluster_id);
  EXPECT_EQ(image.brokers, before.brokers);
  EXPECT_EQ(image.features, before.features);
  EXPECT_EQ(image.topics, before.topics);
  EXPECT_EQ(image.by_id, before.by_id);
  EXPECT_TRUE(image.deleting.empty());
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

// Replaying the emitted records rebuilds equal state, whatever was decided.
TEST(ClusterImage, ReplayOfAllRecordsRebuildsTheImage) {
  std::mt19937_64 rng(8);
  ClusterImage image;
  std::vector<ClusterRecord> records;
  std::map<std::size_t, int> kinds;
  std::uint8_t next_id = 1;
  std::map<std::uint32_t, std::uint8_t> lives;
  const auto keep = [&](ClusterRecord record) {
    ASSERT_TRUE(cluster::apply(image, record));
    ++kinds[record.index()];
    records.push_back(std::move(record));
  };
  const auto keep_decided = [&](auto decided) {
    if (decided) keep(std::move(*decided));
  };
  const auto keep_proposed = [&](const NodeProposal& proposal) {
    if (auto decided = decide(image, proposal); decided && *decided) keep(std::move(**decided));
  };
  keep(ClusterFormed{uuid_of(0xcc)});
  for (int step = 0; step < 1'500; ++step) {
    const std::string name = "t" + std::to_string(rng() % 5);
    const auto node = static_cast<std::uint32_t>(1 + rng() % 5);
    const log::Voter voter{model::NodeId(node), disk_of(node, lives[node])};
    if (rng() % 40 == 0) keep_proposed(RetireDisk{voter});
    if (rng() % 10 == 0) keep_decided(decide_producer_session(image, name, {}));
    if (rng() % 40 == 0) keep_decided(decide_remove_producer_name(image, name));
    switch (rng() % 14) {
      case 0:
      case 1:
        if (next_id < 250)
          keep_decided(
              decide_create(image, {.name = name, .partitions = 2, .config = {}}, uuid_of(next_id++), {}));
        break;
      case 2:
        keep_decided(decide_add_partitions(image, name, static_cast<std::uint32_t>(rng() % 8), {}));
        break;
      case 3:
        keep_decided(decide_set_config(image, name, {{"segment.ms", std::to_string(rng() % 100)}}));
        break;
      case 4:
        keep_decided(decide_delete(image, name));
        break;
      case 5:
        if (const auto topic = image.find(name)) {
          keep_proposed(ConfirmPartitions{topic->id, voter,
                                          static_cast<std::uint32_t>(1 + rng() % topic->partitions.size())});
        }
        break;
      case 6:
        keep_proposed(GrantProducerIds{voter.node, image.next_producer_id, 10});
        break;
      case 7:
        if (rng() % 4 == 0) ++lives[node];
        {
          auto broker = registration_of(node, "r" + std::to_string(rng() % 3), lives[node]);
          broker.features["f"] = 100;
          keep_proposed(RegisterBroker{std::move(broker)});
        }
        break;
      case 8:
        if (const auto drained = decide_drain(image, voter.node, rng() % 3 == 0); drained && *drained)
          keep(**drained);
        if (image.broker(voter.node) != nullptr && rng() % 3 == 0)
          keep(
              BrokerDecommission{voter.node, rng() % 2 == 0 ? Decommission::kEmptying : Decommission::kNone});
        break;
      case 9:
        if (const auto removed = decide_remove_broker(image, voter.node)) {
          keep(*removed);
          ++lives[node];
        }
        break;
      case 10:
        if (const auto set = decide_feature_level(image, "f", static_cast<std::uint32_t>(rng() % 100));
            set && *set)
          keep(**set);
        break;
      case 11:
      case 12:
        if (auto move = drawn_move(image, name, voter, rng)) keep(std::move(*move));
        break;
      default:
        if (!image.deleting.empty()) keep_proposed(ConfirmDeletion{image.deleting.begin()->first, voter});
    }
  }
  for (std::size_t kind = 0; kind < std::variant_size_v<ClusterRecord>; ++kind)
    EXPECT_TRUE(kinds.contains(kind)) << "no record of kind " << kind;
  ClusterImage replayed;
  for (const auto& record : records) ASSERT_TRUE(cluster::apply(replayed, record));
  EXPECT_EQ(replayed.brokers, image.brokers);
  EXPECT_EQ(replayed.retired, image.retired);
  EXPECT_EQ(replayed.features, image.features);
  EXPECT_EQ(replayed.producer_ids, image.producer_ids);
  EXPECT_EQ(replayed.next_producer_id, image.next_producer_id);
  EXPECT_EQ(replayed.producer_names.all(), image.producer_names.all());
  ASSERT_EQ(replayed.topics.size(), image.topics.size());
  for (const auto& [name, topic] : image.topics) EXPECT_EQ(*replayed.topics.at(name), *topic);
  ASSERT_EQ(replayed.deleting.size(), image.deleting.size());
  for (const auto& [id, deletion] : image.deleting)
    EXPECT_EQ(replayed.deleting.at(id).waiting, deletion.waiting);
}

}  // namespace
}  // namespace forebay::cluster
