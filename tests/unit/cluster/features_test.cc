#include "cluster/core/features.h"

#include <gtest/gtest.h>

#include "images.h"

namespace forebay::cluster {
namespace {

const ClusterRecord kMove{TargetsChanged{}};

ClusterImage mixed_image() {
  ClusterImage image = image_of(2);
  BrokerRegistration old = registration_of(3);
  old.version = "1.0.0";
  old.features.clear();
  EXPECT_TRUE(apply(image, BrokerRegistered{old}));
  return image;
}

void expect_held_back(const Result<std::vector<ClusterRecord>>& refused) {
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().context.find("node 3 (version 1.0.0)"), std::string::npos)
      << refused.error().context;
  EXPECT_NE(refused.error().context.find("upgrade it first"), std::string::npos);
}

TEST(Features, FirstRecordThatNeedsALevelRaisesTheClusterToIt) {
  ClusterImage image = image_of(3);
  const auto first = with_level(image, kMove);
  ASSERT_TRUE(first) << first.error().to_string();
  ASSERT_EQ(first->size(), 2U);
  EXPECT_EQ((*first)[0], ClusterRecord(FeatureLevelSet{kMetadataFeature, 1}));
  EXPECT_EQ((*first)[1], kMove);
  ASSERT_TRUE(apply(image, (*first)[0]));
  EXPECT_EQ(with_level(image, kMove)->size(), 1U);
}

TEST(Features, NamedProducersNeedMoreThanMovesDo) {
  ClusterImage image = image_of(1);
  BrokerRegistration moves = registration_of(2);
  moves.version = "1.1.0";
  moves.features = {{kMetadataFeature, 1}};
  ASSERT_TRUE(apply(image, BrokerRegistered{moves}));
  EXPECT_TRUE(with_level(image, kMove));
  for (const ClusterRecord& record :
       {ClusterRecord(ProducerNamed{"a", model::ProducerId(0), model::ProducerEpoch(0)}),
        ClusterRecord(ProducerNameRemoved{"a"})}) {
    const auto refused = with_level(image, record);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(refused.error().context.find("node 2 (version 1.1.0)"), std::string::npos);
    EXPECT_NE(refused.error().context.find("this needs level 2"), std::string::npos);
  }
}

// Who does not know of dead letters would show them to everybody who reads the topic.
TEST(Features, TopicsThatQuarantineNeedAVersionThatKnowsOfDeadLetters) {
  TopicCreated plain;
  plain.topic.name = "a";
  TopicCreated quarantines = plain;
  quarantines.topic.config = {{"on.violation", "quarantine"}};
  EXPECT_EQ(level_of(plain), 0U);
  EXPECT_EQ(level_of(quarantines), 5U);
  EXPECT_EQ(level_of(TopicConfigSet{{}, quarantines.topic.config}), 5U);
  EXPECT_EQ(level_of(TopicConfigSet{{}, {{"on.violation", "reject"}}}), 0U);
  expect_held_back(with_level(mixed_image(), quarantines));
}

TEST(Features, RecordsOfEveryVersionRaiseNothing) {
  const auto records = with_level(mixed_image(), BrokerDrained{model::NodeId(1), true});
  ASSERT_TRUE(records);
  EXPECT_EQ(records->size(), 1U);
}

TEST(Features, RecordThatABrokerCannotReadIsRefusedAndNamesIt) {
  for (const ClusterRecord& record :
       {ClusterRecord(TargetsChanged{}), ClusterRecord(TargetReached{}), ClusterRecord(ReplicaGone{})})
    expect_held_back(with_level(mixed_image(), record, {{model::NodeId(1), disk_of(1)}}));
}

TEST(Features, BrokerWhoseDiskWasGivenUpHoldsNothingBack) {
  ClusterImage image = mixed_image();
  ASSERT_TRUE(apply(image, DiskRetired{{model::NodeId(3), disk_of(3)}}));
  EXPECT_TRUE(with_level(image, kMove));
}

// Who recovers without a majority has no majority to wait for.
TEST(Features, LostBrokersDoNotHoldBackThatTheirDisksAreGivenUp) {
  const ClusterImage image = mixed_image();
  const DiskRetired lost{{model::NodeId(2), disk_of(2)}};
  EXPECT_TRUE(with_level(image, lost, {{model::NodeId(1), disk_of(1)}}));
  expect_held_back(with_level(image, lost, {{model::NodeId(3), disk_of(3)}}));
}

// It is replaced because it does not come back; one of that version that is there would have to read it.
TEST(Features, BrokerThatIsGoneDoesNotHoldBackItsOwnDecommission) {
  const ClusterImage image = mixed_image();
  const BrokerDecommission record{model::NodeId(3), Decommission::kEmptying};
  EXPECT_TRUE(with_level(image, record, {{model::NodeId(1), disk_of(1)}}));
  expect_held_back(with_level(image, record, {{model::NodeId(3), disk_of(3)}}));
  const BrokerDecommission of_another{model::NodeId(2), Decommission::kEmptying};
  expect_held_back(with_level(image, of_another, {{model::NodeId(1), disk_of(1)}}));
}

TEST(Features, ClusterThatUsesMoreThanThisVersionReadsIsRefused) {
  EXPECT_TRUE(check_readable({}, "1.0.0"));
  EXPECT_TRUE(check_readable(spoken_features(), "1.0.0"));
  for (const Features& in_use : {Features{{kMetadataFeature, 99}}, Features{{"compression", 1}}}) {
    const auto refused = check_readable(in_use, "1.0.0");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNewerFormat);
    EXPECT_NE(refused.error().context.find("version 1.0.0 reads it up to level"), std::string::npos)
        << refused.error().context;
  }
}

}  // namespace
}  // namespace forebay::cluster
