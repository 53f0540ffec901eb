// Where replicas are to be: what is decided, refused, and remembered of it.
#include "cluster/core/moves.h"

#include <gtest/gtest.h>

#include "cluster/core/placement.h"
#include "cluster/core/proposals.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3), kFour(4), kFive(5);
const MoveSubject kFirst{"orders", model::PartitionIndex(0), std::nullopt};

// Topic `orders`, replicas of its first partition on nodes 1, 2, 3.
ClusterImage with_topic(ClusterImage image, std::uint32_t partitions = 1,
                        std::uint32_t replication_factor = 3) {
  const auto created = decide_create(image,
                                     {.name = "orders",
                                      .partitions = partitions,
                                      .replication_factor = replication_factor,
                                      .config = {},
                                      .allow_single_copy = true},
                                     uuid_of(1), {});
  EXPECT_TRUE(created) << created.error().context;
  EXPECT_TRUE(apply(image, *created));
  return image;
}

const Placement& first(const ClusterImage& image) { return image.find("orders")->partitions.front(); }

template <typename T>
void expect_refused(const Result<T>& decided, ErrorCode code, std::initializer_list<const char*> words) {
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().code, code) << decided.error().context;
  for (const char* word : words)
    EXPECT_NE(decided.error().context.find(word), std::string::npos)
        << word << ": " << decided.error().context;
}

void carry_out(ClusterImage& image, const Result<MoveDecision>& decision) {
  ASSERT_TRUE(decision) << decision.error().context;
  ASSERT_TRUE(decision->record);
  ASSERT_TRUE(apply(image, *decision->record));
}

void propose(ClusterImage& image, const NodeProposal& proposal) {
  const auto decided = decide(image, proposal);
  ASSERT_TRUE(decided) << decided.error().context;
  ASSERT_TRUE(decided->has_value());
  ASSERT_TRUE(apply(image, **decided));
  const auto again = decide(image, proposal);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_FALSE(again->has_value());
}

void reach(ClusterImage& image) {
  propose(image, ConfirmTarget{uuid_of(1), {kOne, disk_of(1)}, model::PartitionIndex(0), first(image).epoch});
}
void go(ClusterImage& image, std::uint32_t node) {
  propose(image, ConfirmGone{uuid_of(1), {model::NodeId(node), disk_of(node)}, model::PartitionIndex(0)});
}

TEST(DecideMove, TargetIsRememberedUntilItIsReachedAndTheDataIsGone) {
  ClusterImage image = with_topic(image_of(4));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  EXPECT_EQ(first(image).replicas, (Replicas{kOne, kTwo, kFour}));
  EXPECT_EQ(first(image).previous, (Replicas{kOne, kTwo, kThree}));
  EXPECT_EQ(first(image).joining, (Replicas{kFour}));
  EXPECT_EQ(first(image).leaving, (Replicas{kThree}));
  EXPECT_EQ(first(image).departed, (Replicas{kThree}));
  EXPECT_TRUE(first(image).is_moving());
  reach(image);
  EXPECT_FALSE(first(image).is_moving());
  EXPECT_TRUE(first(image).previous.empty());
  EXPECT_TRUE(first(image).joining.empty());
  EXPECT_EQ(first(image).leaving, (Replicas{kThree}));
  go(image, 3);
  EXPECT_TRUE(first(image).leaving.empty());
}

TEST(DecideMove, WhatCannotBeIsRefused) {
  ClusterImage image = with_topic(image_of(5));
  ASSERT_TRUE(apply(image, BrokerDrained{kFive, true}));
  struct Case {
    MoveSubject subject;
    Replicas to;
    ErrorCode code;
    std::initializer_list<const char*> words;
  };
  for (const Case& c :
       {Case{{"orders", model::PartitionIndex(7), {}},
             {kOne, kTwo, kFour},
             ErrorCode::kUnknownPartition,
             {"partitions 0 to 0"}},
        Case{{"none", model::PartitionIndex(0), {}}, {kOne}, ErrorCode::kUnknownTopic, {"none"}},
        Case{kFirst, {kOne, kTwo, model::NodeId(9)}, ErrorCode::kInvalidArgument, {"no broker 9", "1, 2, 3"}},
        Case{kFirst, {kOne, kTwo, kTwo}, ErrorCode::kInvalidArgument, {"node 2 is named twice"}},
        Case{kFirst, {kOne, kTwo}, ErrorCode::kInvalidArgument, {"3 replicas", "--replication 2"}},
        Case{kFirst, {kOne, kTwo, kFive}, ErrorCode::kFailedPrecondition, {"node 5 is drained"}},
        Case{{"orders", model::PartitionIndex(0), 3},
             {kOne, kTwo, kFour},
             ErrorCode::kFailedPrecondition,
             {"change 0, not 3", "1,2,3"}}}) {
    expect_refused(decide_move(image, c.subject, c.to, {}), c.code, c.words);
  }
}

TEST(DecideMove, SecondMoveWaitsForTheFirst) {
  ClusterImage image = with_topic(image_of(5));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  expect_refused(decide_move(image, kFirst, {kOne, kTwo, kFive}, {}), ErrorCode::kFailedPrecondition,
                 {"on its way to nodes 1,2,4", "cancel"});
  // The same once more is no second one.
  const auto again = decide_move(image, kFirst, {kOne, kTwo, kFour}, {});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->record);
}

TEST(DecideMove, DrainedNodeKeepsWhatItHas) {
  ClusterImage image = with_topic(image_of(4));
  ASSERT_TRUE(apply(image, BrokerDrained{kOne, true}));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
}

TEST(DecideMove, NodeWithoutRoomIsRefused) {
  const ClusterImage image = with_topic(image_of(4));
  expect_refused(decide_move(image, kFirst, {kOne, kTwo, kFour}, {.partitions_max = 0}),
                 ErrorCode::kMemoryBudget, {"node 4"});
}

TEST(DecideMove, CrowdedRackIsWarnedOf) {
  const ClusterImage image = with_topic(image_of({"a", "b", "c", "a"}));
  const auto crowded = decide_move(image, kFirst, {kOne, kTwo, kFour}, {});
  ASSERT_TRUE(crowded);
  ASSERT_EQ(crowded->warnings.size(), 1U);
  EXPECT_NE(crowded->warnings.front().find("2 of the 3 copies"), std::string::npos);
  EXPECT_TRUE(decide_move(image, kFirst, {kTwo, kThree, kFour}, {})->warnings.empty());
}

TEST(DecideCancel, GoesBackAndKnowsWhoMayHaveLostHisCopy) {
  ClusterImage image = with_topic(image_of(4));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  carry_out(image, decide_cancel(image, kFirst));
  EXPECT_EQ(first(image).replicas, (Replicas{kOne, kTwo, kThree}));
  EXPECT_EQ(first(image).joining, (Replicas{kThree}));
  EXPECT_EQ(first(image).leaving, (Replicas{kFour}));
  expect_refused(decide_cancel(image, kFirst), ErrorCode::kFailedPrecondition, {"goes back"});
  reach(image);
  go(image, 4);
  EXPECT_EQ(first(image).departed, (Replicas{kThree}));
}

TEST(DecideCancel, NothingUnderWayOrAnotherMoveIsRefused) {
  ClusterImage image = with_topic(image_of(4));
  expect_refused(decide_cancel(image, kFirst), ErrorCode::kFailedPrecondition, {"nothing to cancel"});
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  expect_refused(decide_cancel(image, {"orders", model::PartitionIndex(0), 0}),
                 ErrorCode::kFailedPrecondition, {"change 1, not 0"});
  reach(image);
  expect_refused(decide_cancel(image, kFirst), ErrorCode::kFailedPrecondition, {"nothing to cancel"});
}

TEST(DecideRebuild, CopyLeavesAndComesBack) {
  ClusterImage image = with_topic(image_of(3));
  carry_out(image, decide_rebuild(image, kFirst, kTwo));
  EXPECT_EQ(first(image).members(), (Replicas{kOne, kThree}));
  EXPECT_EQ(first(image).leaving, (Replicas{kTwo}));
  reach(image);
  EXPECT_TRUE(first(image).is_moving());
  expect_refused(decide_rebuild(image, kFirst, kThree), ErrorCode::kFailedPrecondition, {"on its way"});
  go(image, 2);
  EXPECT_EQ(first(image).members(), (Replicas{kOne, kTwo, kThree}));
  EXPECT_EQ(first(image).joining, (Replicas{kTwo}));
  reach(image);
  EXPECT_FALSE(first(image).is_moving());
}

TEST(DecideRebuild, OnlyCopyAndNoCopyAreRefused) {
  const ClusterImage single = with_topic(image_of(3), 1, 1);
  expect_refused(decide_rebuild(single, kFirst, kOne), ErrorCode::kFailedPrecondition, {"the only one"});
  expect_refused(decide_rebuild(single, kFirst, kTwo), ErrorCode::kInvalidArgument, {"no copy on node 2"});
}

TEST(DecideReplication, GrowsByRackAndLoadAndShrinksFromTheEnd) {
  ClusterImage image = with_topic(image_of({"a", "a", "b", "b"}), 4, 1);
  carry_out(image, decide_replication(image, {"orders", 2, false}, {}));
  EXPECT_EQ(image.find("orders")->replication_factor, 2U);
  std::map<model::NodeId, std::size_t> load = load_of(image);
  for (const auto& [node, count] : load) EXPECT_EQ(count, 2U) << node.value();
  for (const Placement& placement : image.find("orders")->partitions)
    EXPECT_EQ(copies_on_a_crowded_rack(image, placement.replicas), 0U);
  // On the way it may be changed again, also back; not while a move of one partition is under way.
  EXPECT_TRUE(decide_replication(image, {"orders", 3, false}, {})->record);
  carry_out(image, decide_replication(image, {"orders", 1, true}, {}));
  for (const Placement& placement : image.find("orders")->partitions)
    EXPECT_EQ(placement.replicas.size(), 1U);
  const model::NodeId other = first(image).replicas.front() == kFour ? kThree : kFour;
  carry_out(image, decide_move(image, kFirst, {other}, {}));
  expect_refused(decide_replication(image, {"orders", 3, false}, {}), ErrorCode::kFailedPrecondition,
                 {"on its way"});
}

TEST(DecideReplication, ChangeOfOnePartitionAloneIsNotCancelled) {
  ClusterImage image = with_topic(image_of(3), 2, 1);
  carry_out(image, decide_replication(image, {"orders", 2, false}, {}));
  expect_refused(decide_cancel(image, kFirst), ErrorCode::kFailedPrecondition, {"number of replicas"});
}

TEST(DecideReplication, WhoLeadsStaysWhenCopiesGo) {
  ClusterImage image = with_topic(image_of(3), 2, 3);
  carry_out(image, decide_replication(image, {"orders", 1, true}, {}));
  EXPECT_EQ(first(image).replicas, (Replicas{kOne}));
  EXPECT_EQ(image.find("orders")->partitions[1].replicas, (Replicas{kTwo}));
}

TEST(DecideReplication, WhatCannotBeIsRefused) {
  const ClusterImage image = with_topic(image_of(3));
  expect_refused(decide_replication(image, {"orders", 4, false}, {}), ErrorCode::kInvalidArgument,
                 {"3 brokers"});
  expect_refused(decide_replication(image, {"orders", 1, false}, {}), ErrorCode::kInvalidArgument,
                 {"--allow-single-copy"});
  const auto same = decide_replication(image, {"orders", 3, false}, {});
  ASSERT_TRUE(same);
  EXPECT_FALSE(same->record);
}

TEST(Moves, LostDiskHasNothingToRemove) {
  ClusterImage image = with_topic(image_of(4));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  ASSERT_TRUE(apply(image, BrokerRegistered{registration_of(3, "", 1)}));
  EXPECT_TRUE(first(image).leaving.empty());
}

TEST(Moves, DeletionWaitsForThoseWhoLeave) {
  ClusterImage image = with_topic(image_of(4));
  carry_out(image, decide_move(image, kFirst, {kOne, kTwo, kFour}, {}));
  EXPECT_EQ(holders(*image.find("orders")), (std::set<model::NodeId>{kOne, kTwo, kThree, kFour}));
}

TEST(Moves, RecordOfAnotherEpochDoesNotFollow) {
  ClusterImage image = with_topic(image_of(4));
  const auto decision = decide_move(image, kFirst, {kOne, kTwo, kFour}, {});
  ASSERT_TRUE(apply(image, *decision->record));
  const ClusterImage before = image;
  EXPECT_FALSE(apply(image, *decision->record));
  EXPECT_EQ(*image.find("orders"), *before.find("orders"));
}

}  // namespace
}  // namespace forebay::cluster
