// Whether a broker may be taken out for good: what is refused, and with which words.
#include "cluster/core/decommission.h"

#include <gtest/gtest.h>

#include "cluster/core/moves.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3), kFour(4);

void create(ClusterImage& image, const std::string& name, std::uint8_t id, std::uint32_t partitions,
            std::uint32_t copies) {
  const auto created = decide_create(image,
                                     {.name = name,
                                      .partitions = partitions,
                                      .replication_factor = copies,
                                      .config = {},
                                      .allow_single_copy = true},
                                     uuid_of(id), {});
  ASSERT_TRUE(created) << created.error().context;
  ASSERT_TRUE(apply(image, *created));
}

std::set<log::Voter> alive_of(std::initializer_list<std::uint32_t> nodes) {
  std::set<log::Voter> alive;
  for (const std::uint32_t node : nodes) alive.insert({model::NodeId(node), disk_of(node)});
  return alive;
}
const std::set<log::Voter> kAll = alive_of({1, 2, 3, 4, 5});

void expect_refused(const Result<DecommissionDecision>& decided, ErrorCode code,
                    std::initializer_list<const char*> words) {
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().code, code) << decided.error().context;
  for (const char* word : words)
    EXPECT_NE(decided.error().context.find(word), std::string::npos)
        << word << ": " << decided.error().context;
}

TEST(DecideDecommission, SaysWhoWouldGetWhat) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 8, 3);
  const auto decided = decide_decommission(image, {kFour}, {}, kAll);
  ASSERT_TRUE(decided) << decided.error().context;
  ASSERT_TRUE(decided->record);
  EXPECT_EQ(decided->record->stage, Decommission::kEmptying);
  EXPECT_EQ(decided->replicas, 6U);
  std::size_t gained = 0;
  for (const auto& [node, count] : decided->gains) {
    EXPECT_NE(node, kFour);
    gained += count;
  }
  EXPECT_EQ(gained, 6U);
}

TEST(DecideDecommission, OnceDecidedItIsSoAlready) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 8, 3);
  ASSERT_TRUE(apply(image, *decide_decommission(image, {kFour}, {}, kAll)->record));
  const auto again = decide_decommission(image, {kFour}, {}, kAll);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->record);
  EXPECT_FALSE(image.is_usable(*image.broker(kFour)));
}

TEST(DecideDecommission, BrokerThatIsGoneIsGoneAlready) {
  ClusterImage image = image_of(4);
  ASSERT_TRUE(apply(image, BrokerRemoved{kFour}));
  const auto decided = decide_decommission(image, {kFour}, {}, kAll);
  ASSERT_TRUE(decided);
  EXPECT_FALSE(decided->record);
  expect_refused(decide_decommission(image, {model::NodeId(9)}, {}, kAll), ErrorCode::kInvalidArgument,
                 {"no broker 9"});
}

TEST(DecideDecommission, TooFewBrokersAreRefusedWithTheTopics) {
  ClusterImage image = image_of(3);
  create(image, "orders", 1, 2, 3);
  create(image, "small", 2, 1, 1);
  expect_refused(decide_decommission(image, {kThree}, {}, kAll), ErrorCode::kFailedPrecondition,
                 {"topic 'orders'", "too few brokers", "--replication"});
  EXPECT_TRUE(decide_replication(image, {"orders", 2, false}, {}));
}

TEST(DecideDecommission, DrainedBrokersTakeNothing) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 1, 3);  // on nodes 1, 2, 3
  ASSERT_TRUE(apply(image, BrokerDrained{kFour, true}));
  expect_refused(decide_decommission(image, {kOne}, {}, kAll), ErrorCode::kFailedPrecondition,
                 {"too few brokers"});
  // What is on a drained one stays there.
  ASSERT_TRUE(apply(image, BrokerDrained{kFour, false}));
  ASSERT_TRUE(apply(image, BrokerDrained{kTwo, true}));
  EXPECT_TRUE(decide_decommission(image, {kOne}, {}, kAll));
}

TEST(DecideDecommission, LastBrokerStays) {
  ClusterImage image = image_of(2);
  expect_refused(decide_decommission(image_of(1), {kOne}, {}, kAll), ErrorCode::kFailedPrecondition,
                 {"last broker"});
  ASSERT_TRUE(apply(image, *decide_decommission(image, {kOne}, {}, kAll)->record));
  expect_refused(decide_decommission(image, {kTwo}, {}, kAll), ErrorCode::kFailedPrecondition,
                 {"last broker"});
}

TEST(DecideDecommission, FewerRacksAreRefusedUnlessAccepted) {
  ClusterImage image = image_of({"a", "b", "c", "a"});
  create(image, "orders", 1, 1, 3);
  expect_refused(decide_decommission(image, {kTwo}, {}, kAll), ErrorCode::kFailedPrecondition,
                 {"topic 'orders'", "racks", "--allow-fewer-racks"});
  EXPECT_TRUE(decide_decommission(image, {kTwo, true}, {}, kAll));
  EXPECT_TRUE(decide_decommission(image, {kOne}, {}, kAll));
}

TEST(DecideDecommission, FewerCopiesThanRacksAreNoFewerRacks) {
  ClusterImage image = image_of({"a", "b", "a"});
  create(image, "orders", 1, 1, 2);
  EXPECT_TRUE(decide_decommission(image, {kOne}, {}, kAll));
}

TEST(DecideDecommission, MemoryBudgetOfWhoGetsTheReplicasCounts) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 8, 3);
  expect_refused(decide_decommission(image, {kFour}, {.partitions_max = 7}, kAll), ErrorCode::kMemoryBudget,
                 {"would have 8 partitions"});
  EXPECT_TRUE(decide_decommission(image, {kFour}, {.partitions_max = 8}, kAll));
}

TEST(DecideDecommission, DeadBrokerGoesWhileTheOthersAreAMajority) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 4, 3);
  EXPECT_TRUE(decide_decommission(image, {kFour}, {}, alive_of({1, 2, 3})));
  expect_refused(decide_decommission(image, {kFour}, {}, alive_of({1, 2})), ErrorCode::kFailedPrecondition,
                 {"topic 'orders'", "no majority", "partition recover"});
}

TEST(DecideDecommission, BrokersWhoseDisksAreLostForEverAreNoPartOfAMajority) {
  ClusterImage image = image_of(5);
  create(image, "orders", 1, 10, 3);
  const auto alive = alive_of({1, 2, 3});
  expect_refused(decide_decommission(image, {kFour}, {}, alive), ErrorCode::kFailedPrecondition,
                 {"topic 'orders'", "no majority", "forebay partition recover-without-majority"});
  for (const std::uint32_t lost : {4U, 5U})
    image.retired.emplace(disk_of(lost), model::NodeId(lost));  // an operator's word
  const auto decided = decide_decommission(image, {kFour}, {}, alive);
  EXPECT_TRUE(decided) << decided.error().context;
}

TEST(DecideDecommission, OnlyCopyOnADeadBrokerIsNotGivenUp) {
  ClusterImage image = image_of(4);
  for (std::uint8_t i = 1; i <= 7; ++i) create(image, "t" + std::to_string(i), i, 4, 1);
  expect_refused(decide_decommission(image, {kFour}, {}, alive_of({1, 2, 3})), ErrorCode::kFailedPrecondition,
                 {"topics 't1', 't2', 't3', 't4', 't5' and 2 more"});
}

TEST(KeepBroker, EndsIt) {
  ClusterImage image = image_of(4);
  ASSERT_TRUE(apply(image, BrokerDrained{kFour, true}));
  EXPECT_FALSE(*decide_keep_broker(image, kFour));
  ASSERT_TRUE(apply(image, BrokerDecommission{kFour, Decommission::kEmptied}));
  const auto kept = decide_keep_broker(image, kFour);
  ASSERT_TRUE(kept && *kept);
  ASSERT_TRUE(apply(image, **kept));
  EXPECT_FALSE(image.broker(kFour)->is_going());
  EXPECT_TRUE(image.broker(kFour)->drained) << "it is drained as it was before";
  ASSERT_TRUE(apply(image, BrokerRemoved{kFour}));
  const auto late = decide_keep_broker(image, kFour);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().context.find("empty data directory"), std::string::npos) << late.error().context;
}

TEST(KeepBroker, UndrainIsNoWayBack) {
  ClusterImage image = image_of(4);
  ASSERT_TRUE(apply(image, BrokerDecommission{kFour, Decommission::kEmptying}));
  const auto undrained = decide_drain(image, kFour, false);
  ASSERT_FALSE(undrained);
  EXPECT_NE(undrained.error().context.find("--cancel"), std::string::npos) << undrained.error().context;
  EXPECT_TRUE(decide_drain(image, kFour, true));
}

TEST(RemoveBroker, WhoMayStillBeAMemberStays) {
  ClusterImage image = image_of(4);
  create(image, "orders", 1, 1, 3);
  const MoveSubject subject{"orders", model::PartitionIndex(0), std::nullopt};
  ASSERT_TRUE(apply(image, *decide_move(image, subject, {kOne, kTwo, kFour}, {})->record));
  EXPECT_FALSE(decide_remove_broker(image, kThree)) << "a cancellation goes back there";
  ASSERT_TRUE(apply(image, *decide_cancel(image, subject)->record));
  EXPECT_FALSE(decide_remove_broker(image, kFour)) << "nobody has said that it is no member any more";
  ASSERT_TRUE(apply(image, TargetReached{uuid_of(1), model::PartitionIndex(0), 2}));
  EXPECT_TRUE(decide_remove_broker(image, kFour));
}

}  // namespace
}  // namespace forebay::cluster
