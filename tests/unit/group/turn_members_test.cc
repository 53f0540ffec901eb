// Who comes, goes, gives up and gets: one danger a test.
#include <gtest/gtest.h>

#include "test_coordinator.h"

namespace forebay::group::testing {
namespace {

using Indexes = std::vector<std::int32_t>;

// A group "g" on topic "t" with four partitions.
class TurnMembers : public ::testing::Test {
 protected:
  TurnMembers() { coordinator.set_topic("t", 4); }

  Joined join(const JoinInput& input) {
    const auto joined = try_join(input);
    EXPECT_TRUE(joined) << joined.error().context;
    return joined.value_or(Joined{});
  }
  Result<Joined> try_join(const JoinInput& input) {
    Result<Joined> joined;
    last = coordinator.turn("g", [&](Turn& turn) { joined = turn.join(input); });
    return joined;
  }
  Joined join(const std::string& id) { return join(new_member(id, {"t"})); }
  JoinInput again(const Joined& member) const {
    JoinInput input = new_member("unused", {"t"});
    input.member_id = member.id;
    input.epoch = member.epoch;
    for (const auto& one : told(member).owned) input.owned.push_back(one.partition);
    for (const auto& one : told(member).give_up) input.owned.push_back(one);
    return input;
  }
  Result<void> confirm(const Joined& member) {
    Result<void> result;
    const AssignmentNumber number = told(member).number;
    last = coordinator.turn("g", [&](Turn& turn) {
      result = turn.confirm({member.id, member.epoch}, number);
    });
    return result;
  }
  Result<Leaving> leave(const Joined& member) {
    Result<Leaving> result;
    last = coordinator.turn("g", [&](Turn& turn) { result = turn.leave({member.id, member.epoch}); });
    return result;
  }
  Assignment told(const Joined& member) const { return coordinator.assignment("g", member.number); }
  Indexes owned(const Joined& member) const { return indexes(told(member).owned); }
  Indexes give_up(const Joined& member) const { return indexes(told(member).give_up); }
  // Whom the member is now, after its first join in this test.
  MemberRef ref(const Joined& member) const { return {member.id, member.epoch}; }
  ErrorCode ended_with() const { return last.ended.at(0).error.code; }

  TestCoordinator coordinator;
  Decision last;
};

TEST_F(TurnMembers, AFirstMemberMakesTheGroupAndOwnsEverything) {
  const Joined a = join("a");
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(owned(a), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(state_of(coordinator.group("g")), GroupState::kStable);
}

TEST_F(TurnMembers, AMemberWithoutPartitionsIsToldSo) {
  for (const char* id : {"a", "b", "c", "d"}) join(id);
  const Joined e = join("e");
  EXPECT_EQ(last.assigned, (std::vector<MemberNumber>{e.number}));
  EXPECT_TRUE(owned(e).empty());
}

TEST_F(TurnMembers, ThePartitionsThatMoveArePausedAndNoOthers) {
  const Joined a = join("a");
  const Joined b = join("b");
  EXPECT_EQ(owned(a), (Indexes{0, 1}));
  EXPECT_EQ(give_up(a), (Indexes{2, 3}));
  EXPECT_TRUE(owned(b).empty());
  EXPECT_EQ(indexes(waited_for(coordinator.group("g"), b.number)), (Indexes{2, 3}));
  EXPECT_EQ(state_of(coordinator.group("g")), GroupState::kAssigning);
}

TEST_F(TurnMembers, AConfirmedPartitionGoesToItsNewOwner) {
  const Joined a = join("a");
  const Joined b = join("b");
  ASSERT_TRUE(confirm(a));
  EXPECT_EQ(owned(a), (Indexes{0, 1}));
  EXPECT_EQ(owned(b), (Indexes{2, 3}));
  EXPECT_EQ(last.assigned, (std::vector<MemberNumber>{b.number}));
  EXPECT_EQ(state_of(coordinator.group("g")), GroupState::kStable);
}

TEST_F(TurnMembers, AnEarlierConfirmationGivesUpNothingLater) {
  const Joined a = join("a");
  const AssignmentNumber before = told(a).number;
  join("b");
  Result<void> result;
  coordinator.turn("g", [&](Turn& turn) { result = turn.confirm(ref(a), before); });
  EXPECT_TRUE(result);
  EXPECT_EQ(give_up(a), (Indexes{2, 3}));
}

TEST_F(TurnMembers, AnAssignmentThatWasNeverMadeCannotBeConfirmed) {
  const Joined a = join("a");
  Result<void> result;
  coordinator.turn("g", [&](Turn& turn) { result = turn.confirm(ref(a), told(a).number.next()); });
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TurnMembers, WhatIsBeingGivenUpIsGrantedAgainOnlyAfterTheConfirmation) {
  const Joined a = join("a");
  const Joined b = join("b");
  ASSERT_TRUE(leave(b));
  EXPECT_EQ(owned(a), (Indexes{0, 1}));
  EXPECT_EQ(give_up(a), (Indexes{2, 3}));
  ASSERT_TRUE(confirm(a));
  EXPECT_EQ(owned(a), (Indexes{0, 1, 2, 3}));
}

TEST_F(TurnMembers, WhoLeavesHandsOverAtOnce) {
  const Joined a = join("a");
  const Joined b = join("b");
  ASSERT_TRUE(confirm(a));
  EXPECT_EQ(*leave(a), Leaving::kGone);
  EXPECT_EQ(owned(b), (Indexes{0, 1, 2, 3}));
}

TEST_F(TurnMembers, SeveralInputsOfOneTurnSeeOneAnother) {
  Result<Joined> a, b;
  coordinator.turn("g", [&](Turn& turn) {
    a = turn.join(new_member("a", {"t"}));
    b = turn.join(new_member("b", {"t"}));
  });
  EXPECT_EQ(owned(*a), (Indexes{0, 2}));  // at once: nobody had anything to give up
  EXPECT_EQ(owned(*b), (Indexes{1, 3}));
}

TEST_F(TurnMembers, WhoJoinsAndLeavesInOneTurnLeavesNothingBehind) {
  const Joined a = join("a");
  coordinator.turn("g", [&](Turn& turn) {
    const auto b = turn.join(new_member("b", {"t"}));
    ASSERT_TRUE(turn.leave(ref(*b)));
  });
  EXPECT_EQ(owned(a), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(coordinator.group("g").roster.members.size(), 1U);
}

TEST_F(TurnMembers, WhoComesBackKeepsWhatItHad) {
  const Joined a = join("a");
  const AssignmentNumber number = told(a).number;
  const Joined back = join(again(a));
  EXPECT_EQ(back.number, a.number);
  EXPECT_GT(back.epoch, a.epoch);
  EXPECT_EQ(owned(back), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(told(back).number, number);
  EXPECT_EQ(last.records.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<MemberResumed>(last.records[0]));
  EXPECT_EQ(ended_with(), ErrorCode::kMemberFenced);  // the stream before
}

TEST_F(TurnMembers, WhoMissedItsOwnReturnComesBackWithTheEpochBefore) {
  const Joined a = join("a");
  join(again(a));
  EXPECT_EQ(join(again(a)).number, a.number);
}

TEST_F(TurnMembers, AnEpochThatWasNeverGivenIsFenced) {
  const Joined a = join("a");
  JoinInput input = again(a);
  input.epoch = a.epoch.next();
  EXPECT_EQ(try_join(input).error().code, ErrorCode::kMemberFenced);
}

TEST_F(TurnMembers, AnEarlierEpochIsFenced) {
  const Joined a = join("a");
  join(again(a));
  EXPECT_EQ(confirm(a).error().code, ErrorCode::kMemberFenced);
}

TEST_F(TurnMembers, WhoComesBackWithoutWhatItWasToGiveUpHasGivenItUp) {
  const Joined a = join("a");
  const Joined b = join("b");
  JoinInput input = again(a);
  std::erase(input.owned, coordinator.partition("t", 3));
  const Joined back = join(input);
  EXPECT_EQ(give_up(back), (Indexes{2}));
  EXPECT_EQ(owned(b), (Indexes{3}));
}

TEST_F(TurnMembers, WhoIsNotThereHasToJoinAnew) {
  const Joined a = join("a");
  const JoinInput input = again(a);
  ASSERT_TRUE(leave(a));
  EXPECT_EQ(try_join(input).error().code, ErrorCode::kUnknownMember);
}

TEST_F(TurnMembers, AMemberCannotComeBackToAGroupThatIsNotThere) {
  JoinInput input = new_member("unused", {"t"});
  input.member_id = "a";
  EXPECT_EQ(try_join(input).error().code, ErrorCode::kUnknownMember);
  EXPECT_EQ(coordinator.image.find("g"), nullptr);
}

TEST_F(TurnMembers, ASessionThatEndsFreesWhatTheMemberHad) {
  const Joined a = join("a");
  const Joined b = join("b");
  ASSERT_TRUE(confirm(a));
  last = coordinator.turn("g", [&](Turn& turn) { turn.end_session(a.number, a.epoch); });
  EXPECT_EQ(owned(b), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(ended_with(), ErrorCode::kUnknownMember);
}

TEST_F(TurnMembers, ASessionThatEndsTooLateEndsNothing) {
  const Joined a = join("a");
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.join(again(a)));
    turn.end_session(a.number, a.epoch);
  });
  EXPECT_EQ(coordinator.group("g").roster.members.size(), 1U);
}

TEST_F(TurnMembers, WhoDoesNotConfirmInTimeIsFenced) {
  const Joined a = join("a");
  const Joined b = join("b");
  const AssignmentNumber number = told(a).number;
  last = coordinator.turn("g", [&](Turn& turn) { turn.end_revoke(a.number, a.epoch, number); });
  EXPECT_EQ(ended_with(), ErrorCode::kMemberFenced);
  EXPECT_EQ(owned(b), (Indexes{0, 1, 2, 3}));
}

TEST_F(TurnMembers, WhoConfirmsInTheSameTurnIsNotFenced) {
  const Joined a = join("a");
  join("b");
  const AssignmentNumber number = told(a).number;
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.confirm(ref(a), number));
    turn.end_revoke(a.number, a.epoch, number);
  });
  EXPECT_EQ(coordinator.group("g").roster.members.size(), 2U);
}

TEST_F(TurnMembers, AStaticMembersNextInstanceTakesItsPartitions) {
  JoinInput input = new_member("a1", {"t"});
  input.instance = "i";
  const Joined a = join(input);
  join("b");
  input.new_id = "a2";
  const Joined next = join(input);
  EXPECT_EQ(next.number, a.number);
  EXPECT_EQ(next.id, "a2");
  EXPECT_EQ(owned(next), (Indexes{0, 1}));
  EXPECT_TRUE(give_up(next).empty());  // it never had them
  EXPECT_EQ(ended_with(), ErrorCode::kMemberFenced);
}

TEST_F(TurnMembers, AJoinWhoseAnswerWasLostMakesNoSecondMember) {
  for (const std::string instance : {"", "i"}) {
    JoinInput input = new_member("a1" + instance, {"t"});
    input.instance = instance;
    const Joined first = join(input);
    const Joined second = join(input);
    EXPECT_EQ(second.number, first.number);
    EXPECT_EQ(second.id, first.id);
    EXPECT_EQ(second.epoch, first.epoch.next());
    input.instance = "other";
    EXPECT_EQ(try_join(input).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(coordinator.group("g").roster.members.size(), 2U);
}

TEST_F(TurnMembers, AReplacedInstanceIsFenced) {
  JoinInput input = new_member("a1", {"t"});
  input.instance = "i";
  const Joined a = join(input);
  input.new_id = "a2";
  join(input);
  EXPECT_EQ(confirm(a).error().code, ErrorCode::kMemberFenced);
  JoinInput back = again(a);
  back.instance = "i";
  EXPECT_EQ(try_join(back).error().code, ErrorCode::kMemberFenced);
}

TEST_F(TurnMembers, AStaticMemberDoesNotLeave) {
  JoinInput input = new_member("a1", {"t"});
  input.instance = "i";
  const Joined a = join(input);
  EXPECT_EQ(*leave(a), Leaving::kWaitsForSession);
  EXPECT_TRUE(last.records.empty());
}

TEST_F(TurnMembers, AnInstanceIdIsForLife) {
  const Joined a = join("a");
  JoinInput input = again(a);
  input.instance = "i";
  EXPECT_EQ(try_join(input).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TurnMembers, ASlowPartitionMovesAndTheMemberStays) {
  const Joined a = join("a");
  const Joined b = join("b");
  ASSERT_TRUE(confirm(a));
  Result<ReleaseOutcome> outcome;
  coordinator.turn("g", [&](Turn& turn) { outcome = turn.release(ref(a), {coordinator.partition("t", 1)}); });
  EXPECT_EQ(indexes(outcome->move), (Indexes{1}));
  EXPECT_EQ(give_up(a), (Indexes{1}));
  ASSERT_TRUE(confirm(a));
  EXPECT_EQ(owned(a), (Indexes{0}));
  EXPECT_EQ(owned(b), (Indexes{1, 2, 3}));
}

TEST_F(TurnMembers, ASlowPartitionOfASingleMemberStaysUntilAnotherComes) {
  const Joined a = join("a");
  Result<ReleaseOutcome> outcome;
  coordinator.turn("g", [&](Turn& turn) { outcome = turn.release(ref(a), {coordinator.partition("t", 0)}); });
  EXPECT_EQ(indexes(outcome->stay), (Indexes{0}));
  EXPECT_EQ(owned(a), (Indexes{0, 1, 2, 3}));
  const Joined b = join("b");
  ASSERT_TRUE(confirm(a));
  EXPECT_EQ(owned(b), (Indexes{0, 3}));
}

TEST_F(TurnMembers, OnlyTheOwnerGivesBack) {
  const Joined a = join("a");
  const Joined b = join("b");
  Result<ReleaseOutcome> outcome;
  coordinator.turn("g", [&](Turn& turn) { outcome = turn.release(ref(b), {coordinator.partition("t", 0)}); });
  EXPECT_EQ(outcome.error().code, ErrorCode::kNotOwner);
  EXPECT_EQ(owned(a), (Indexes{0, 1}));
}

TEST_F(TurnMembers, AnotherSubscriptionGivesUpTheOldTopics) {
  coordinator.set_topic("u", 1);
  const Joined a = join("a");
  Result<void> result;
  coordinator.turn("g", [&](Turn& turn) { result = turn.subscribe(ref(a), {{"u"}, ""}); });
  ASSERT_TRUE(result);
  EXPECT_EQ(give_up(a).size(), 4U);
  EXPECT_EQ(told(a).owned.at(0).partition, coordinator.partition("u", 0));
}

TEST_F(TurnMembers, EachTopicOfAMixedGroupHasItsOwner) {
  coordinator.set_topic("u", 2);
  const Joined a = join(new_member("a", {"t"}));
  const Joined b = join(new_member("b", {"u"}));
  EXPECT_EQ(owned(a), (Indexes{0, 1, 2, 3}));
  EXPECT_EQ(owned(b), (Indexes{0, 1}));
}

TEST_F(TurnMembers, ALaterMemberCannotChangeTheStartRule) {
  JoinInput input = new_member("a", {"t"});
  input.start = StartRule{StartPoint::kEarliest};
  join(input);
  input.new_id = "b";
  input.start = StartRule{StartPoint::kLatest};
  const auto refused = try_join(input);
  ASSERT_EQ(refused.error().code, ErrorCode::kStartRuleConflict);
  EXPECT_NE(refused.error().context.find("'earliest'"), std::string::npos);
  EXPECT_NE(refused.error().context.find("'latest'"), std::string::npos);
  input.start.reset();
  EXPECT_TRUE(try_join(input));
}

TEST_F(TurnMembers, TheAssignorChangesOnlyWithoutMembers) {
  const Joined a = join("a");
  JoinInput input = new_member("b", {"t"});
  input.assignor = Assignor::kRange;
  EXPECT_EQ(try_join(input).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(leave(a));
  EXPECT_EQ(join(input).assignor, Assignor::kRange);
}

struct BadJoin {
  const char* name;
  std::function<void(JoinInput&)> spoil;
};
class TurnBadJoin : public ::testing::TestWithParam<BadJoin> {};

TEST_P(TurnBadJoin, IsRefusedAndMakesNothing) {
  TestCoordinator coordinator;
  JoinInput input = new_member("a", {"t"});
  GetParam().spoil(input);
  Result<Joined> joined;
  const Decision decision = coordinator.turn("g", [&](Turn& turn) { joined = turn.join(input); });
  EXPECT_EQ(joined.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(decision.records.empty());
}

INSTANTIATE_TEST_SUITE_P(
    , TurnBadJoin,
    ::testing::Values(
        BadJoin{"NoTopics", [](JoinInput& join) { join.subscription = {}; }},
        BadJoin{"InternalTopic", [](JoinInput& join) { join.subscription.topics = {"__x"}; }},
        BadJoin{"NamelessTopic", [](JoinInput& join) { join.subscription.topics = {""}; }},
        BadJoin{"ManyTopics",
                [](JoinInput& join) {
                  for (std::size_t i = 0; i < kTopicsPerSubscriptionMax; ++i)
                    join.subscription.topics.push_back(std::to_string(i));
                }},
        BadJoin{"LongTopics",
                [](JoinInput& join) {
                  for (std::size_t i = 0; i < 300; ++i)
                    join.subscription.topics.push_back(std::string(240, 'x') + std::to_string(i));
                }},
        BadJoin{"LongPattern",
                [](JoinInput& join) { join.subscription.pattern = std::string(kPatternBytesMax + 1, 'x'); }},
        BadJoin{"LongInstance", [](JoinInput& join) { join.instance = std::string(kNameBytesMax + 1, 'x'); }},
        BadJoin{"ShortSession", [](JoinInput& join) { join.session = Milliseconds(999); }},
        BadJoin{"LongRevoke", [](JoinInput& join) { join.revoke = kRevokeMax * 2; }}),
    [](const auto& one) { return one.param.name; });

TEST(TurnLimits, AGroupHasAMostOfMembers) {
  TestCoordinator coordinator;
  coordinator.set_topic("t", 1);
  coordinator.turn("g", [&](Turn& turn) {
    for (std::size_t i = 0; i < kMembersPerGroupMax; ++i)
      ASSERT_TRUE(turn.join(new_member("m" + std::to_string(i), {"t"})));
    EXPECT_EQ(turn.join(new_member("n", {"t"})).error().code, ErrorCode::kResourceExhausted);
  });
}

TEST(TurnLimits, ACoordinatorHasAMostOfGroups) {
  const TopicsSnapshot topics;
  Turn turn("g", nullptr, {topics, kGroupsPerCoordinatorMax});
  EXPECT_EQ(turn.join(new_member("a", {"t"})).error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace forebay::group::testing
