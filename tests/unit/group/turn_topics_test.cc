// Topics that come, grow and go while a group reads them.
#include <gtest/gtest.h>

#include "test_coordinator.h"

namespace forebay::group::testing {
namespace {

using Indexes = std::vector<std::int32_t>;

class TurnTopics : public ::testing::Test {
 protected:
  MemberNumber join(const JoinInput& input) {
    Result<Joined> joined;
    coordinator.turn("g", [&](Turn& turn) { joined = turn.join(input); });
    EXPECT_TRUE(joined) << joined.error().context;
    return joined->number;
  }
  void follow() {
    last = coordinator.turn("g", [](Turn& turn) { turn.follow_topics(); });
  }
  Indexes owned(MemberNumber member) const { return indexes(coordinator.assignment("g", member).owned); }

  TestCoordinator coordinator;
  Decision last;
};

TEST_F(TurnTopics, ATopicThatIsMadeLaterIsAssigned) {
  const MemberNumber a = join(new_member("a", {"t"}));
  EXPECT_TRUE(owned(a).empty());
  coordinator.set_topic("t", 2);
  follow();
  EXPECT_EQ(owned(a), (Indexes{0, 1}));
}

TEST_F(TurnTopics, AnotherTopicChangesNothing) {
  coordinator.set_topic("t", 1);
  join(new_member("a", {"t"}));
  coordinator.set_topic("u", 1);
  follow();
  EXPECT_TRUE(last.records.empty());
}

TEST_F(TurnTopics, NewPartitionsGoToThoseWithLeast) {
  coordinator.set_topic("t", 2);
  const MemberNumber a = join(new_member("a", {"t"}));
  const MemberNumber b = join(new_member("b", {"t"}));
  const AssignmentNumber number = coordinator.assignment("g", a).number;
  coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.confirm({"a", MemberEpoch(1)}, number)); });
  coordinator.set_topic("t", 4);
  follow();
  EXPECT_EQ(owned(a), (Indexes{0, 2}));
  EXPECT_EQ(owned(b), (Indexes{1, 3}));
}

TEST_F(TurnTopics, ADeletedTopicIsForgottenWithItsOffsets) {
  coordinator.set_topic("t", 1);
  coordinator.set_topic("u", 1);
  const MemberNumber a = join(new_member("a", {"t", "u"}));
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(
        turn.commit(MemberRef{"a", MemberEpoch(1)}, model::Timestamp(1), {coordinator.entry("t", 0, 5)})
            ->at(0));
  });
  coordinator.delete_topic("t");
  follow();
  EXPECT_EQ(last.assigned, (std::vector<MemberNumber>{a}));
  EXPECT_EQ(coordinator.assignment("g", a).owned.at(0).partition, coordinator.partition("u", 0));
  EXPECT_TRUE(coordinator.assignment("g", a).give_up.empty());
  EXPECT_TRUE(coordinator.group("g").positions.empty());
}

TEST_F(TurnTopics, ATopicOfTheSameNameIsAnotherOne) {
  coordinator.set_topic("t", 1);
  const MemberNumber a = join(new_member("a", {"t"}));
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(
        turn.commit(MemberRef{"a", MemberEpoch(1)}, model::Timestamp(1), {coordinator.entry("t", 0, 5)})
            ->at(0));
  });
  coordinator.delete_topic("t");
  coordinator.set_topic("t", 1);
  follow();
  EXPECT_EQ(coordinator.assignment("g", a).owned,
            (std::vector<OwnedPartition>{{coordinator.partition("t", 0), std::nullopt}}));
}

TEST_F(TurnTopics, TheOffsetsOfADeletedTopicGoFromAGroupWithoutMembersToo) {
  coordinator.set_topic("t", 1);
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.create({}, {}));
    ASSERT_TRUE(turn.commit({}, model::Timestamp(1), {coordinator.entry("t", 0, 5)})->at(0));
  });
  coordinator.delete_topic("t");
  follow();
  EXPECT_TRUE(coordinator.group("g").positions.empty());
}

// A coordinator begins on a node that is behind with the metadata.
TEST_F(TurnTopics, AnOldSnapshotForgetsNothing) {
  const TopicsSnapshot old = coordinator.topics;
  coordinator.set_topic("t", 2);
  const MemberNumber a = join(new_member("a", {"t"}));
  coordinator.topics = old;
  follow();
  EXPECT_TRUE(last.records.empty());
  const MemberNumber b = join(new_member("b", {"t"}));
  EXPECT_EQ(owned(a), (Indexes{0}));
  EXPECT_EQ(indexes(waited_for(coordinator.group("g"), b)), (Indexes{1}));
}

TEST_F(TurnTopics, AnOldSnapshotBringsNoDeletedTopicBack) {
  coordinator.set_topic("t", 1);
  const TopicsSnapshot old = coordinator.topics;
  const MemberNumber a = join(new_member("a", {"t"}));
  coordinator.delete_topic("t");
  coordinator.set_topic("t", 1);
  follow();
  const auto before = coordinator.assignment("g", a);
  coordinator.topics = old;
  follow();
  EXPECT_EQ(coordinator.assignment("g", a), before);
}

TEST_F(TurnTopics, APatternTakesWhatItMatchesNowAndLater) {
  coordinator.set_topic("orders.eu", 1);
  coordinator.topics.matches["orders\\..*"] = {"orders.eu"};
  JoinInput input = new_member("a", {});
  input.subscription.pattern = "orders\\..*";
  const MemberNumber a = join(input);
  EXPECT_EQ(coordinator.assignment("g", a).owned.size(), 1U);
  coordinator.set_topic("orders.us", 1);
  coordinator.topics.matches["orders\\..*"] = {"orders.eu", "orders.us"};
  follow();
  EXPECT_EQ(coordinator.assignment("g", a).owned.size(), 2U);
}

TEST_F(TurnTopics, MetadataThatChangesNothingDoesNotBalanceAnew) {
  coordinator.set_topic("t", 4);
  const MemberNumber a = join(new_member("a", {"t"}));
  const MemberNumber b = join(new_member("b", {"t"}));
  const auto confirm = [&] {
    const AssignmentNumber number = coordinator.assignment("g", a).number;
    coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.confirm({"a", MemberEpoch(1)}, number)); });
  };
  confirm();
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.release({"a", MemberEpoch(1)}, {coordinator.partition("t", 0)}));
  });
  confirm();
  coordinator.set_topic("u", 1);
  follow();
  EXPECT_TRUE(last.records.empty());
  EXPECT_EQ(owned(b).size(), 3U);
}

// --- a group without members
class TurnTopicsOfNobody : public TurnTopics {
 protected:
  TurnTopicsOfNobody() {
    coordinator.set_topic("t", 1);
    coordinator.turn("g", [&](Turn& turn) {
      EXPECT_TRUE(turn.create({}, {}));
      EXPECT_TRUE(turn.commit({}, model::Timestamp(1), {coordinator.entry("t", 0, 5)})->at(0));
    });
  }
  bool has_to_follow() const { return group::has_to_follow(coordinator.group("g"), coordinator.topics); }
};

TEST_F(TurnTopicsOfNobody, ADeletedTopicIsForgottenWithItsOffsets) {
  EXPECT_FALSE(has_to_follow());
  coordinator.delete_topic("t");
  ASSERT_TRUE(has_to_follow());
  follow();
  EXPECT_TRUE(coordinator.group("g").roster.topics.empty());
  EXPECT_TRUE(coordinator.group("g").positions.empty());
}

TEST_F(TurnTopicsOfNobody, NewPartitionsCountToo) {
  coordinator.set_topic("t", 3);
  ASSERT_TRUE(has_to_follow());
  follow();
  EXPECT_EQ(coordinator.group("g").roster.topics.at(coordinator.partition("t", 0).topic).partitions.size(),
            3U);
  EXPECT_FALSE(has_to_follow());
}

TEST_F(TurnTopicsOfNobody, OldMetadataTakesNothingAway) {
  coordinator.topics.by_name.clear();
  coordinator.topics.version = model::Offset(0);
  follow();
  EXPECT_TRUE(last.records.empty());
}

// --- the bound on partitions
class TurnPartitions : public TurnTopics {
 protected:
  TurnPartitions() {
    coordinator.partitions_max = 5;
    coordinator.set_topic("t", 3);
    coordinator.set_topic("u", 3);
  }
  ErrorCode refusal(const JoinInput& input) {
    Result<Joined> joined;
    last = coordinator.turn("g", [&](Turn& turn) { joined = turn.join(input); });
    EXPECT_TRUE(last.records.empty());
    return joined ? ErrorCode::kInternal : joined.error().code;
  }
};

TEST_F(TurnPartitions, ASubscriptionToMoreIsRefusedAndMakesNoGroup) {
  EXPECT_EQ(refusal(new_member("a", {"t", "u"})), ErrorCode::kResourceExhausted);
  EXPECT_EQ(coordinator.image.find("g"), nullptr);
}

TEST_F(TurnPartitions, AllMembersCountTogether) {
  join(new_member("a", {"t"}));
  EXPECT_EQ(refusal(new_member("b", {"u"})), ErrorCode::kResourceExhausted);
  EXPECT_EQ(owned(join(new_member("c", {"t"}))), (Indexes{})) << "what is there already is no more";
  Result<void> subscribed;
  last = coordinator.turn("g", [&](Turn& turn) {
    subscribed = turn.subscribe({"a", MemberEpoch(1)}, {{"t", "u"}, ""});
  });
  EXPECT_EQ(subscribed.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(last.records.empty());
}

TEST_F(TurnPartitions, WhatGrowsBeyondItIsLeftOutAndSaidToBe) {
  const MemberNumber a = join(new_member("a", {"t", "later"}));
  coordinator.set_topic("t", 6);
  coordinator.set_topic("later", 2);
  follow();
  EXPECT_EQ(last.left_out, 1U) << "the three more of t";
  EXPECT_EQ(owned(a).size(), 5U);
  coordinator.turn("g", [&](Turn& turn) { EXPECT_TRUE(turn.join(new_member("b", {"t", "later"}))); });
}

// Topics of the longest names, which together are more than a batch takes.
TEST_F(TurnTopics, ManyTopicsAreLearntOfInSeveralTurns) {
  constexpr std::size_t kTopics = 2'000;
  JoinInput input = new_member("a", {});
  input.subscription.pattern = ".*";
  for (std::size_t i = 0; i < kTopics; ++i) {
    const std::string number = std::to_string(10'000 + i);
    TopicView view;
    view.id.bytes[0] = static_cast<std::uint8_t>(i);
    view.id.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    view.id.bytes[2] = 1;
    view.leader_racks.resize(1);
    const std::string name = number + std::string(kGroupNameBytesMax - number.size(), 'x');
    coordinator.topics.by_name[name] = view;
    coordinator.topics.matches[".*"].push_back(name);
  }
  Result<Joined> joined;
  last = coordinator.turn("g", [&](Turn& turn) { joined = turn.join(input); });
  ASSERT_TRUE(joined);
  int turns = 1;
  for (; last.topics_left; ++turns) {
    std::size_t seen_bytes = 0;
    for (const GroupRecord& record : last.records) {
      if (const auto* seen = std::get_if<TopicSeen>(&record)) seen_bytes += seen->name.size();
    }
    ASSERT_LE(seen_bytes, kTurnBytesMax);
    ASSERT_LT(turns, 100);
    follow();
  }
  EXPECT_GT(turns, 3);
  EXPECT_EQ(owned(joined->number).size(), kTopics);
}

}  // namespace
}  // namespace forebay::group::testing
