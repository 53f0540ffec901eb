// What nodes propose: idempotent, and refused where it would hurt.
#include "cluster/core/proposals.h"

#include <gtest/gtest.h>

#include "cluster/core/decisions.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2);

log::Voter voter(std::uint32_t node, std::uint8_t life = 0) {
  return {model::NodeId(node), disk_of(node, life)};
}

// Decides, applies, and decides the same once more: that must be a success without a record.
void accept(ClusterImage& image, const NodeProposal& proposal) {
  const auto decided = decide(image, proposal);
  ASSERT_TRUE(decided) << decided.error().context;
  ASSERT_TRUE(decided->has_value());
  ASSERT_TRUE(cluster::apply(image, **decided));
  const auto again = decide(image, proposal);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_FALSE(again->has_value());
}

void expect_refused(const Result<std::optional<ClusterRecord>>& decided, ErrorCode code,
                    std::initializer_list<const char*> words) {
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().code, code);
  for (const char* word : words)
    EXPECT_NE(decided.error().context.find(word), std::string::npos)
        << word << ": " << decided.error().context;
}

ClusterImage with_topic(std::size_t brokers, std::uint32_t partitions) {
  ClusterImage image = image_of(brokers);
  EXPECT_TRUE(apply(image, *decide_create(image, {.name = "orders", .partitions = partitions, .config = {}},
                                          uuid_of(1), {})));
  return image;
}

TEST(RegisterBroker, NewChangedAndWipedBrokersAreTaken) {
  ClusterImage image;
  accept(image, RegisterBroker{registration_of(1)});
  accept(image, RegisterBroker{registration_of(2, "rack")});
  auto moved = registration_of(1);
  moved.api_address = "elsewhere:1";
  accept(image, RegisterBroker{moved});
  accept(image, RegisterBroker{registration_of(2, "rack", 1)});
  EXPECT_EQ(image.retired.size(), 1U);
}

TEST(RegisterBroker, OldLifeOfADiskStaysOut) {
  ClusterImage image = image_of(3);
  accept(image, RegisterBroker{registration_of(1, "", 1)});
  expect_refused(decide(image, RegisterBroker{registration_of(1)}), ErrorCode::kFailedPrecondition,
                 {"earlier life of node 1", "empty data directory"});
  ASSERT_TRUE(apply(image, BrokerRemoved{kTwo}));
  expect_refused(decide(image, RegisterBroker{registration_of(2)}), ErrorCode::kFailedPrecondition,
                 {"removed"});
  accept(image, RegisterBroker{registration_of(2, "", 1)});
}

TEST(RegisterBroker, DiskOfAnotherNodeIsRefused) {
  const ClusterImage image = image_of(2);
  auto copied = registration_of(3);
  copied.disk = disk_of(2);
  expect_refused(decide(image, RegisterBroker{copied}), ErrorCode::kFailedPrecondition,
                 {"node 3", "data directory of node 2"});
}

// A typing error in node.id must not cost a broker that lives its disk.
TEST(RegisterBroker, NodeThatLivesIsNotReplacedByANamesake) {
  ClusterImage image = image_of(2);
  auto namesake = registration_of(1, "", 1);
  namesake.peer_address = "wrong:7401";
  expect_refused(decide(image, RegisterBroker{namesake}, {voter(1), voter(2)}),
                 ErrorCode::kFailedPrecondition, {"two nodes have the id 1", "node-1:7401", "wrong:7401"});
  EXPECT_TRUE(decide(image, RegisterBroker{namesake}, {voter(2)}));
  // What it is itself connected with does not count.
  EXPECT_TRUE(decide(image, RegisterBroker{namesake}, {voter(2), {kOne, namesake.disk}}));
}

TEST(RegisterBroker, MustSpeakWhatTheClusterUses) {
  ClusterImage image;
  auto speaks = registration_of(1);
  speaks.features["txn"] = 2;
  accept(image, RegisterBroker{speaks});
  ASSERT_TRUE(apply(image, FeatureLevelSet{"txn", 2}));
  expect_refused(decide(image, RegisterBroker{registration_of(2)}), ErrorCode::kFailedPrecondition,
                 {"node 2 (version 1.2.3)", "'txn' at level 2"});
  speaks.features["txn"] = 1;  // a downgrade
  expect_refused(decide(image, RegisterBroker{speaks}), ErrorCode::kFailedPrecondition, {"upgrade it"});
}

TEST(RegisterBroker, WhatCannotBeRightIsRefused) {
  const auto refused = [](auto change) {
    auto broker = registration_of(1);
    change(broker);
    const auto decided = decide({}, RegisterBroker{broker});
    return !decided && decided.error().code == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](auto& b) { b.node = model::NodeId(0); }));
  EXPECT_TRUE(refused([](auto& b) { b.disk = {}; }));
  EXPECT_TRUE(refused([](auto& b) { b.shard_count = 0; }));
  EXPECT_TRUE(refused([](auto& b) { b.rack = std::string(kBrokerTextBytesMax + 1, 'x'); }));
  EXPECT_TRUE(refused([](auto& b) { b.rack = std::string("a\0b", 3); }));
  EXPECT_TRUE(refused([](auto& b) { b.features[""] = 1; }));
  EXPECT_TRUE(refused([](auto& b) {
    for (std::size_t i = 0; i <= kBrokerFeaturesMax; ++i) b.features["f" + std::to_string(i)] = 1;
  }));
  EXPECT_FALSE(refused([](auto&) {}));
}

TEST(RegisterBroker, BrokersAndReplacedDisksAreBounded) {
  ClusterImage image = image_of(1);
  for (std::uint32_t i = 0; i < kRetiredDisksMax; ++i) {
    model::Uuid disk;
    std::memcpy(disk.bytes.data(), &i, sizeof i);
    disk.bytes[8] = 1;
    image.retired.emplace(disk, kOne);
  }
  expect_refused(decide(image, RegisterBroker{registration_of(1, "", 1)}), ErrorCode::kFailedPrecondition,
                 {"10000"});
  EXPECT_TRUE(decide(image, RegisterBroker{registration_of(2)}));
  for (std::uint32_t node = 2; node <= kBrokersMax; ++node)
    image.brokers.emplace(model::NodeId(node), Broker{registration_of(node), false});
  auto one_more = registration_of(kBrokersMax + 1);
  one_more.disk = uuid_of(77);
  expect_refused(decide(image, RegisterBroker{one_more}), ErrorCode::kFailedPrecondition, {"1000 brokers"});
}

TEST(ConfirmPartitions, OncePerNodeAndOnlyOfTheLifeThatIsRegistered) {
  ClusterImage image = with_topic(2, 3);
  accept(image, ConfirmPartitions{uuid_of(1), voter(1), 2});
  accept(image, ConfirmPartitions{uuid_of(1), voter(1), 3});
  EXPECT_FALSE(decide(image, ConfirmPartitions{uuid_of(1), voter(1), 1})->has_value());
  accept(image, ConfirmPartitions{uuid_of(1), voter(2), 1});
  expect_refused(decide(image, ConfirmPartitions{uuid_of(1), voter(1), 4}), ErrorCode::kInvalidArgument,
                 {"3 partitions"});
  expect_refused(decide(image, ConfirmPartitions{uuid_of(9), voter(1), 1}), ErrorCode::kUnknownTopic, {});
  expect_refused(decide(image, ConfirmPartitions{uuid_of(1), voter(3), 1}), ErrorCode::kFailedPrecondition,
                 {"not registered"});
  // A message of before the wipe that comes after it.
  accept(image, RegisterBroker{registration_of(1, "", 1)});
  expect_refused(decide(image, ConfirmPartitions{uuid_of(1), voter(1), 3}), ErrorCode::kFailedPrecondition,
                 {"speaks for the disk"});
}

TEST(ConfirmDeletion, OncePerBrokerThatIsWaitedFor) {
  ClusterImage image = with_topic(2, 1);
  expect_refused(decide(image, ConfirmDeletion{uuid_of(1), voter(1)}), ErrorCode::kInvalidArgument,
                 {"not deleted"});
  ASSERT_TRUE(apply(image, TopicDeleted{uuid_of(1)}));
  accept(image, ConfirmDeletion{uuid_of(1), voter(1)});
  accept(image, ConfirmDeletion{uuid_of(1), voter(2)});
  EXPECT_TRUE(image.deleting.empty());
  EXPECT_FALSE(decide(image, ConfirmDeletion{uuid_of(9), voter(1)})->has_value());
}

TEST(GrantProducerIds, BlocksFollowEachOtherAndARetryGetsNoSecondOne) {
  ClusterImage image = image_of(2);
  accept(image, GrantProducerIds{kOne, std::nullopt, 1000});
  accept(image, GrantProducerIds{kTwo, std::nullopt, 1000});
  EXPECT_EQ(image.producer_ids.at(kTwo).first, model::ProducerId(1000));
  accept(image, GrantProducerIds{kOne, model::ProducerId(0), 1000});
  EXPECT_EQ(image.producer_ids.at(kOne), (ProducerIds{model::ProducerId(2000), 1000}));
  expect_refused(decide(image, GrantProducerIds{kOne, std::nullopt, 0}), ErrorCode::kInvalidArgument, {});
  expect_refused(decide(image, GrantProducerIds{kOne, std::nullopt, kProducerIdsPerGrantMax + 1}),
                 ErrorCode::kInvalidArgument, {});
  expect_refused(decide(image, GrantProducerIds{model::NodeId(9), std::nullopt, 1}),
                 ErrorCode::kFailedPrecondition, {"not registered"});
  image.next_producer_id = model::ProducerId(std::numeric_limits<std::int64_t>::max() - 5);
  expect_refused(decide(image, GrantProducerIds{kOne, model::ProducerId(2000), 6}), ErrorCode::kInternal, {});
}

TEST(RetireDisk, LostDiskNeverComesBackAndItsNodeMayComeWithAnother) {
  ClusterImage image = with_topic(3, 4);
  accept(image, ConfirmPartitions{uuid_of(1), voter(2), 4});
  accept(image, RetireDisk{voter(2)});
  EXPECT_EQ(image.find("orders")->confirmed_on(kTwo), 0U);
  ASSERT_NE(image.broker(kTwo), nullptr);
  expect_refused(decide(image, RegisterBroker{registration_of(2)}), ErrorCode::kFailedPrecondition,
                 {"declared lost", "empty data directory"});
  accept(image, RegisterBroker{registration_of(2, "", 1)});
  accept(image, ConfirmPartitions{uuid_of(1), voter(2, 1), 4});
  EXPECT_EQ(image.retired.size(), 1U);
}

// Of a node that came with another disk since.
TEST(RetireDisk, EarlierDiskLeavesTheNewOneAlone) {
  ClusterImage image = with_topic(3, 4);
  accept(image, ConfirmPartitions{uuid_of(1), voter(2), 4});
  accept(image, RetireDisk{voter(2, 7)});
  EXPECT_EQ(image.find("orders")->confirmed_on(kTwo), 4U);
  EXPECT_TRUE(image.retired.contains(disk_of(2, 7)));
}

TEST(RetireDisk, DiskThatIsThereIsNotLost) {
  const ClusterImage image = image_of(3);
  expect_refused(decide(image, RetireDisk{voter(2)}, {voter(2)}), ErrorCode::kFailedPrecondition,
                 {"node 2 is there"});
  EXPECT_TRUE(decide(image, RetireDisk{voter(2)}, {voter(1), voter(2, 1)}));
  expect_refused(decide(image, RetireDisk{{kTwo, {}}}), ErrorCode::kInvalidArgument, {});
}

}  // namespace
}  // namespace forebay::cluster
