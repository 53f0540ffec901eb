#include "client/core/member_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "group/core/limits.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using TimePoint = MemberSession::TimePoint;

const TopicPartition kFirst{"t", 0};
const TopicPartition kSecond{"t", 1};

RpcError said(ErrorCode code, const std::string& leader = "") {
  Error error{code, "no"};
  error.leader = leader;
  return {error, true, std::nullopt, std::nullopt};
}

// A session of 9 s (lease 6 s, heartbeats each 1.5 s) that commits once in a second.
class MemberSessionTest : public testing::Test {
 protected:
  MemberSessionTest() { make({}); }

  void make(const std::function<void(MemberSession::Settings&)>& change) {
    MemberSession::Settings settings;
    settings.join.group = "g";
    settings.join.topics = {"t"};
    settings.marked_ranges_max = 100;
    settings.reconnect = {milliseconds(20), milliseconds(1'000)};
    if (change) change(settings);
    session.emplace(settings, std::vector<std::string>{"a:1", "b:1"}, 1);
  }
  void pass(int ms) { now += milliseconds(ms); }
  std::optional<MemberSession::OpenStream> opened() {
    const auto action = session->next_action(now);
    if (!action || !std::holds_alternative<MemberSession::OpenStream>(*action)) return std::nullopt;
    stream = std::get<MemberSession::OpenStream>(*action).stream;
    return std::get<MemberSession::OpenStream>(*action);
  }
  template <typename Words>
  std::optional<Words> said_next() {
    const auto action = session->next_action(now);
    const auto* say = action ? std::get_if<MemberSession::Say>(&*action) : nullptr;
    if (say == nullptr || !std::holds_alternative<Words>(say->words)) return std::nullopt;
    return std::get<Words>(say->words);
  }
  bool silent() { return !session->next_action(now).has_value(); }
  void hear(const CoordinatorWords& words) { session->heard(stream, words, now); }
  void be_joined() {
    ASSERT_TRUE(opened());
    hear(JoinedWords{"m1", 1, milliseconds(9'000), milliseconds(1'500), {}});
  }
  void assign(std::vector<AssignmentWords::Owned> owned, Partitions give_up = {}) {
    hear(AssignmentWords{++assignment, std::move(owned), std::move(give_up), milliseconds(30'000)});
  }
  // Owns both, from 10 on, told.
  void own_both() {
    be_joined();
    assign({{kFirst, 10}, {kSecond, 10}});
    ASSERT_TRUE(session->next_tiding());
    ASSERT_TRUE(silent());
  }
  bool deliver(const TopicPartition& partition, std::int64_t begin, std::int64_t end) {
    for (const auto& reading : session->reading()) {
      if (reading.partition == partition)
        return session->delivered(partition, reading.grant, begin, end, now);
    }
    return false;
  }
  void acknowledge(const CommitWords& commit, std::optional<Error> error = std::nullopt) {
    CommitAckWords ack{commit.correlation, {}};
    for (const auto& one : commit.offsets) ack.partitions.push_back({one.partition, error});
    hear(ack);
  }
  Partitions read_now() {
    Partitions all;
    for (const auto& reading : session->reading()) all.push_back(reading.partition);
    return all;
  }

  std::optional<MemberSession> session;
  TimePoint now{milliseconds(1'000'000)};
  MemberSession::StreamId stream = 0;
  std::uint64_t assignment = 0;
};

TEST(MemberTimes, AreThoseOfTheCoordinator) {
  for (const milliseconds time : {milliseconds(1'000), milliseconds(10'000), milliseconds(1'800'000)}) {
    EXPECT_EQ(member_lease_of(time), group::lease_of(time));
    EXPECT_EQ(member_gives_up_within(time), group::give_up_within(time));
  }
}

TEST_F(MemberSessionTest, ReadsWhatItIsToldOnceTheApplicationKnows) {
  be_joined();
  assign({{kFirst, 10}});
  EXPECT_THAT(read_now(), ElementsAre());
  const auto tiding = session->next_tiding();
  ASSERT_TRUE(tiding);
  EXPECT_EQ(tiding->kind, MemberSession::Tiding::Kind::kAssigned);
  EXPECT_THAT(read_now(), ElementsAre(kFirst));
  EXPECT_EQ(session->reading()[0].from, 10);
}

TEST_F(MemberSessionTest, CommitsWhatIsMarkedInARowOnceInTheInterval) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 20));
  ASSERT_TRUE(session->mark(kFirst, 10, 12));
  ASSERT_TRUE(session->mark(kFirst, 15, 16));
  EXPECT_TRUE(silent()) << "the last commit was less than a second ago";
  pass(1'000);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  ASSERT_EQ(commit->offsets.size(), 1U);
  EXPECT_EQ(commit->offsets[0].offset, 12);
  ASSERT_TRUE(session->mark(kFirst, 12, 15));
  const auto wanted = session->commit_soon();
  EXPECT_TRUE(silent()) << "one at a time";
  acknowledge(*commit);
  const auto next = said_next<CommitWords>();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->offsets[0].offset, 16);
  ASSERT_EQ(wanted.size(), 1U);
  EXPECT_FALSE(*session->is_committed(wanted[0].first, wanted[0].second));
  acknowledge(*next);
  EXPECT_TRUE(*session->is_committed(wanted[0].first, wanted[0].second));
}

TEST_F(MemberSessionTest, GivesUpAfterTheLastCommitIsAnswered) {
  make([](auto& settings) { settings.asks_before_giving_up = true; });
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  assign({{kSecond, 10}}, {kFirst});
  EXPECT_FALSE(deliver(kFirst, 12, 13));
  const auto tiding = session->next_tiding();
  ASSERT_TRUE(tiding);
  EXPECT_EQ(tiding->kind, MemberSession::Tiding::Kind::kRevoked);
  EXPECT_EQ(tiding->until, now + milliseconds(27'000));
  EXPECT_TRUE(session->mark(kFirst, 10, 12)) << "the application finishes";
  EXPECT_TRUE(silent());
  session->gave_up({kFirst});
  EXPECT_EQ(session->mark(kFirst, 10, 11).error().code, ErrorCode::kNotOwner);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->offsets[0].offset, 12);
  EXPECT_TRUE(silent());
  acknowledge(*commit);
  const auto confirm = said_next<ConfirmWords>();
  ASSERT_TRUE(confirm);
  EXPECT_EQ(confirm->assignment, assignment);
  EXPECT_THAT(read_now(), ElementsAre(kSecond));
}

// Found by the random test: the coordinator fenced a member whose confirmation was lost, and gave the rest of
// its partitions away while its lease ran on.
TEST_F(MemberSessionTest, ConfirmationThatMayBeLostDoesNotEndTheTimeToGiveUp) {
  own_both();
  const TimePoint until = now + milliseconds(27'000);
  std::uint64_t last = 0;
  const auto live = [&](bool answer) {
    pass(500);
    while (const auto heartbeat = said_next<HeartbeatWords>()) {
      last = heartbeat->number;
      if (answer) hear(HeartbeatAckWords{last});
    }
  };
  ASSERT_TRUE(deliver(kFirst, 10, 11));
  assign({{kSecond, 10}}, {kFirst});
  while (now < until - milliseconds(1'000)) live(true);
  session->gave_up({kFirst});
  ASSERT_TRUE(said_next<ConfirmWords>());
  for (int i = 0; i < 2; ++i) live(false);
  EXPECT_EQ(now, until);
  EXPECT_FALSE(session->owns(kSecond));
}

// World 716 of the groups' simulator: a coordinator that had been down for long before was avoided until the
// member's session was over.
TEST_F(MemberSessionTest, NamedCoordinatorIsAskedHoweverOftenItFailedBefore) {
  const RpcError gone{{ErrorCode::kUnavailable, "nobody there"}, false, std::nullopt, std::nullopt};
  const auto ask = [&] {
    while (true) {
      if (auto open = opened()) return open->address;
      now = *session->next_deadline();
    }
  };
  for (int turn = 0; turn < 40; ++turn)  // the other one names nobody
    session->ended(stream, ask() == "b:1" ? gone : said(ErrorCode::kNotLeader), now);
  int turns = 0;
  while (ask() != "a:1" && ++turns < 5) session->ended(stream, gone, now);
  const TimePoint told = now;
  session->ended(stream, said(ErrorCode::kNotLeader, "b:1"), now);
  EXPECT_EQ(ask(), "b:1");
  EXPECT_LE(now - told, milliseconds(1'000));
}

// World 3033 of the groups' simulator.
TEST_F(MemberSessionTest, SilentNodeDoesNotCostTheSession) {
  own_both();
  session->ended(stream, said(ErrorCode::kNotLeader, "b:1"), now);
  const TimePoint lost = now;
  auto open = opened();
  ASSERT_TRUE(open);
  ASSERT_EQ(open->address, "b:1");
  while (open->address == "b:1") {
    ASSERT_LE(now - lost, milliseconds(5'000)) << "of 9'000";
    now = *session->next_deadline();
    if (auto next = opened()) open = next;
  }
}

TEST_F(MemberSessionTest, NamesItselfUntilItIsKnownAndNumbersItsStreams) {
  const auto first = opened();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->join.new_member_id.size(), 36U);
  EXPECT_EQ(first->join.member_id, "");
  const auto come_again = [&] {
    session->ended(stream, said(ErrorCode::kNotYet), now);
    pass(5'000);
    return *opened();
  };
  const auto second = come_again();
  EXPECT_EQ(second.join.new_member_id, first->join.new_member_id);
  EXPECT_GT(second.join.number, first->join.number);
  hear(JoinedWords{second.join.new_member_id, 1, milliseconds(9'000), milliseconds(1'500), {}});
  const auto third = come_again();
  EXPECT_EQ(third.join.member_id, first->join.new_member_id);
  EXPECT_EQ(third.join.new_member_id, "");
  EXPECT_GT(third.join.number, second.join.number);
  session->ended(stream, said(ErrorCode::kUnknownMember), now);
  pass(5'000);
  const auto fourth = opened();
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->join.member_id, "");
  EXPECT_NE(fourth->join.new_member_id, first->join.new_member_id);
}

// World 462 of the groups' simulator: its thread would have been busy with nothing until it was back.
TEST_F(MemberSessionTest, MemberThatGaveUpEverythingAndIsAwayDoesNotSpin) {
  own_both();
  assign({}, {kFirst, kSecond});
  ASSERT_TRUE(said_next<ConfirmWords>());
  for (const TimePoint end = now + milliseconds(60'000); now < end;) {
    session->ended(stream, said(ErrorCode::kNotYet), now);
    while (!opened()) {
      ASSERT_GT(*session->next_deadline(), now);
      now = *session->next_deadline();
    }
  }
  hear(JoinedWords{"m1", 1, milliseconds(9'000), milliseconds(1'500), {}});
  EXPECT_FALSE(session->next_loss());
}

TEST_F(MemberSessionTest, AnsweredHeartbeatProvesTheConfirmationBeforeIt) {
  own_both();
  assign({{kSecond, 10}}, {kFirst});
  ASSERT_TRUE(said_next<ConfirmWords>());
  for (int i = 0; i < 60; ++i) {
    while (const auto heartbeat = said_next<HeartbeatWords>()) hear(HeartbeatAckWords{heartbeat->number});
    pass(500);
  }
  EXPECT_TRUE(session->owns(kSecond));
}

TEST_F(MemberSessionTest, WhatTheApplicationHasNothingOfGoesAtOnce) {
  own_both();
  assign({{kSecond, 10}}, {kFirst});
  EXPECT_FALSE(session->next_tiding());
  EXPECT_TRUE(said_next<ConfirmWords>());
}

TEST_F(MemberSessionTest, LosesEverythingWhenItIsNotDoneInTime) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  assign({{kSecond, 10}}, {kFirst});
  for (int second = 0; second < 27; ++second) {
    EXPECT_TRUE(session->owns(kFirst));
    pass(1'000);
    while (const auto heartbeat = said_next<HeartbeatWords>()) hear(HeartbeatAckWords{heartbeat->number});
  }
  EXPECT_FALSE(session->owns(kFirst));
  EXPECT_FALSE(session->owns(kSecond)) << "the coordinator takes the member for fenced";
  const auto loss = session->next_loss();
  ASSERT_TRUE(loss);
  EXPECT_THAT(loss->why.context, HasSubstr("revoke timeout"));
}

TEST_F(MemberSessionTest, LeaseCountsFromTheSendingOfWhatWasAcknowledged) {
  own_both();
  pass(1'500);
  const auto first = said_next<HeartbeatWords>();
  ASSERT_TRUE(first);
  pass(1'400);
  hear(HeartbeatAckWords{first->number});  // sent 1.4 s ago
  pass(4'599);
  while (!silent()) continue;
  EXPECT_TRUE(session->owns(kFirst));
  pass(1);
  (void)session->next_action(now);
  EXPECT_FALSE(session->owns(kFirst));
  EXPECT_EQ(session->mark(kFirst, 10, 11).error().code, ErrorCode::kNotOwner);
  ASSERT_TRUE(session->next_loss());
  // It comes back as itself, with nothing, to another node.
  std::optional<MemberSession::OpenStream> again;
  for (int i = 0; i < 100 && !(again = opened()); ++i) pass(100);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->join.member_id, "m1");
  EXPECT_THAT(again->join.owned, ElementsAre());
  EXPECT_EQ(again->address, "b:1");
}

TEST_F(MemberSessionTest, ComesBackWithWhatItHasWhenTheStreamBreaks) {
  own_both();
  session->ended(stream, said(ErrorCode::kNotLeader, "c:1"), now);
  const auto again = opened();
  ASSERT_TRUE(again) << "at once";
  EXPECT_EQ(again->address, "c:1");
  EXPECT_EQ(again->join.member_id, "m1");
  EXPECT_EQ(again->join.member_epoch, 1U);
  EXPECT_THAT(again->join.owned, ElementsAre(kFirst, kSecond));
  EXPECT_TRUE(deliver(kFirst, 10, 11)) << "the lease runs";
  hear(JoinedWords{"m1", 2, milliseconds(9'000), milliseconds(1'500), {}});
  assign({{kFirst, 10}, {kSecond, 10}});
  EXPECT_FALSE(session->next_tiding()) << "nothing has changed";
}

TEST_F(MemberSessionTest, HintsAreNotFollowedForEver) {
  ASSERT_TRUE(opened());
  int opens = 1;
  for (int i = 0; i < 1'000; ++i) {
    session->ended(stream, said(ErrorCode::kNotLeader, i % 2 == 0 ? "c:1" : "d:1"), now);
    if (opened()) ++opens;
    pass(1);
  }
  EXPECT_LT(opens, 60);
}

TEST_F(MemberSessionTest, WhoIsRemovedJoinsAnew) {
  own_both();
  session->ended(stream, said(ErrorCode::kUnknownMember), now);
  EXPECT_THAT(read_now(), ElementsAre());
  ASSERT_TRUE(session->next_loss());
  const auto again = opened();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->join.member_id, "");
}

TEST_F(MemberSessionTest, ReplacedStaticMemberStops) {
  make([](auto& settings) { settings.join.instance_id = "i"; });
  own_both();
  session->ended(stream, said(ErrorCode::kMemberFenced), now);
  const auto again = opened();
  ASSERT_TRUE(again) << "fenced may also mean: too slow to give up";
  EXPECT_EQ(again->join.member_id, "m1");
  session->ended(stream, said(ErrorCode::kMemberFenced), now);
  EXPECT_TRUE(session->is_over());
  ASSERT_TRUE(session->error());
  EXPECT_EQ(session->error()->code, ErrorCode::kMemberFenced);
}

TEST_F(MemberSessionTest, WhatWaitingDoesNotMendEndsIt) {
  ASSERT_TRUE(opened());
  session->ended(stream, said(ErrorCode::kStartRuleConflict), now);
  EXPECT_TRUE(session->is_over());
  EXPECT_TRUE(silent());
}

TEST_F(MemberSessionTest, SlowPartitionGoesAndTheMemberStays) {
  make([](auto& settings) {
    settings.processing_deadline = milliseconds(500);
    settings.asks_before_giving_up = true;
  });
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  pass(500);
  const auto release = said_next<ReleaseWords>();
  ASSERT_TRUE(release);
  EXPECT_THAT(release->partitions, ElementsAre(kFirst));
  EXPECT_TRUE(session->reading()[0].held_back);
  EXPECT_TRUE(silent()) << "said once";
  ASSERT_TRUE(session->mark(kFirst, 10, 11));
  assign({{kSecond, 10}}, {kFirst});
  EXPECT_FALSE(session->next_tiding()) << "it is not asked";
  const auto loss = session->next_loss();
  ASSERT_TRUE(loss);
  EXPECT_THAT(loss->partitions, ElementsAre(kFirst));
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->offsets[0].offset, 11);
  acknowledge(*commit);
  EXPECT_TRUE(said_next<ConfirmWords>());
  EXPECT_THAT(read_now(), ElementsAre(kSecond));
}

TEST_F(MemberSessionTest, SlowPartitionThatNobodyTakesGoesOnWhenItIsDone) {
  make([](auto& settings) { settings.processing_deadline = milliseconds(500); });
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  pass(500);
  ASSERT_TRUE(said_next<ReleaseWords>());
  ASSERT_TRUE(session->mark(kFirst, 10, 12));
  (void)session->next_action(now);
  EXPECT_FALSE(session->reading()[0].held_back);
}

TEST_F(MemberSessionTest, SlowPartitionThatNobodyElseCanHaveIsReadOn) {
  make([](auto& settings) { settings.processing_deadline = milliseconds(500); });
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  pass(500);
  ASSERT_TRUE(said_next<ReleaseWords>());
  ASSERT_TRUE(session->reading()[0].held_back) << "it may go";
  hear(ReleasedWords{{kFirst}});
  EXPECT_FALSE(session->reading()[0].held_back);
  pass(100);
  EXPECT_TRUE(silent()) << "it is not said again and again";
  EXPECT_FALSE(session->reading()[0].held_back);
  // Somebody has come who can: it is asked back after all.
  assign({{kSecond, 10, {}}}, {kFirst});
  const auto loss = session->next_loss();
  ASSERT_TRUE(loss);
  EXPECT_THAT(loss->partitions, ElementsAre(kFirst));
}

TEST_F(MemberSessionTest, WhatIsSlowOnANewStreamMayGoAgain) {
  make([](auto& settings) { settings.processing_deadline = milliseconds(500); });
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  pass(500);
  ASSERT_TRUE(said_next<ReleaseWords>());
  hear(ReleasedWords{{kFirst}});
  session->ended(stream, said(ErrorCode::kNotLeader), now);
  pass(1'000);
  be_joined();
  assign({{kFirst, 10, {}}, {kSecond, 10, {}}});
  ASSERT_TRUE(said_next<ReleaseWords>());
  EXPECT_TRUE(session->reading()[0].held_back);
}

TEST_F(MemberSessionTest, TopicThatIsMadeAnewUnderItsNameIsAnotherOne) {
  be_joined();
  assign({{kFirst, 10, "old"}});
  ASSERT_TRUE(session->next_tiding());
  ASSERT_TRUE(deliver(kFirst, 10, 20));
  ASSERT_TRUE(session->mark(kFirst, 10, 20));
  const auto grant = session->reading()[0].grant;
  assign({{kFirst, std::nullopt, "new"}});
  const auto loss = session->next_loss();
  ASSERT_TRUE(loss);
  EXPECT_THAT(loss->partitions, ElementsAre(kFirst));
  ASSERT_TRUE(session->next_tiding());
  ASSERT_EQ(session->reading().size(), 1U);
  EXPECT_EQ(session->reading()[0].from, std::nullopt) << "from its first record";
  EXPECT_FALSE(session->delivered(kFirst, grant, 20, 30, now)) << "what was fetched of the old one";
  pass(1'000);
  EXPECT_FALSE(said_next<CommitWords>()) << "nothing that was done in the old one counts";
}

TEST_F(MemberSessionTest, AnswerToACommitOfAFormerTopicSaysNothingOfTheNewOne) {
  be_joined();
  assign({{kFirst, 10, "old"}});
  ASSERT_TRUE(session->next_tiding());
  ASSERT_TRUE(deliver(kFirst, 10, 20));
  ASSERT_TRUE(session->mark(kFirst, 10, 20));
  pass(1'000);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->offsets[0].topic_id, "old");
  assign({{kFirst, std::nullopt, "new"}});
  ASSERT_TRUE(session->next_tiding());
  acknowledge(*commit, Error{ErrorCode::kNotOwner, "no"});
  EXPECT_THAT(read_now(), ElementsAre(kFirst)) << "it is not lost by that";
}

TEST_F(MemberSessionTest, RefusedCommitIsToldAndTriedAgain) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  ASSERT_TRUE(session->mark(kFirst, 10, 12));
  pass(1'000);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  acknowledge(*commit, Error{ErrorCode::kOffsetOutOfRange, "past the end"});
  const auto refusal = session->next_refusal();
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->context, HasSubstr("t/0"));
  EXPECT_TRUE(silent());
  pass(1'000);
  ASSERT_TRUE(said_next<HeartbeatWords>());
  EXPECT_TRUE(said_next<CommitWords>());
}

TEST_F(MemberSessionTest, CommitOfWhatAnotherHasIsALoss) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  ASSERT_TRUE(session->mark(kFirst, 10, 12));
  pass(1'000);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  acknowledge(*commit, Error{ErrorCode::kNotOwner, "no"});
  EXPECT_THAT(read_now(), ElementsAre(kSecond));
  EXPECT_TRUE(session->next_loss());
}

TEST_F(MemberSessionTest, LeavesWhenTheLastCommitIsAnswered) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  ASSERT_TRUE(session->mark(kFirst, 10, 11));
  session->leave();
  EXPECT_THAT(read_now(), ElementsAre());
  const auto tiding = session->next_tiding();
  ASSERT_TRUE(tiding) << "a record is in hand";
  EXPECT_THAT(tiding->partitions, ElementsAre(kFirst));
  session->gave_up(tiding->partitions);
  const auto commit = said_next<CommitWords>();
  ASSERT_TRUE(commit);
  EXPECT_TRUE(silent());
  acknowledge(*commit);
  EXPECT_TRUE(said_next<LeaveWords>());
  session->ended(stream, std::nullopt, now);
  EXPECT_TRUE(session->is_over());
  EXPECT_FALSE(session->error());
  EXPECT_FALSE(session->unfinished());
}

TEST_F(MemberSessionTest, WhatItHadMarkedAndGivenUpIsLostWhenItIsNotCommitted) {
  for (const bool refused : {false, true}) {
    SCOPED_TRACE(refused);
    make({});
    own_both();
    ASSERT_TRUE(deliver(kFirst, 10, 12));
    ASSERT_TRUE(session->mark(kFirst, 10, 12));
    assign({{kSecond, 10}}, {kFirst, kSecond});
    const auto commit = said_next<CommitWords>();
    ASSERT_TRUE(commit);
    if (refused) {
      acknowledge(*commit, Error{ErrorCode::kNotOwner, "no"});
    } else {
      pass(6'001);  // the lease
      (void)session->next_action(now);
    }
    const auto loss = session->next_loss();
    ASSERT_TRUE(loss);
    EXPECT_THAT(loss->partitions, ElementsAre(kFirst)) << "of the other one nothing was done";
    EXPECT_FALSE(session->next_loss());
  }
}

TEST_F(MemberSessionTest, LeavingWithoutTheLastCommitSaysSo) {
  own_both();
  ASSERT_TRUE(deliver(kFirst, 10, 12));
  ASSERT_TRUE(session->mark(kFirst, 10, 12));
  session->leave();
  ASSERT_TRUE(said_next<CommitWords>());
  session->ended(stream, said(ErrorCode::kUnknownMember), now);
  EXPECT_TRUE(session->is_over());
  ASSERT_TRUE(session->unfinished());
  EXPECT_EQ(session->unfinished()->code, ErrorCode::kUnknownMember);
}

TEST_F(MemberSessionTest, NothingIsDueWhileItsLeavingIsNotAnswered) {
  be_joined();
  session->leave();
  ASSERT_TRUE(said_next<LeaveWords>());
  pass(2'000);  // a heartbeat and a commit would have been
  EXPECT_TRUE(silent());
  EXPECT_GT(session->next_deadline(), now) << "asked for ever";
}

TEST_F(MemberSessionTest, LeavingBeforeItHasEverJoinedIsOverAtOnce) {
  ASSERT_TRUE(opened());
  session->ended(stream, RpcError{{ErrorCode::kUnavailable, "gone"}, false, std::nullopt, std::nullopt}, now);
  session->leave();
  EXPECT_TRUE(silent());
  EXPECT_TRUE(session->is_over());
}

}  // namespace
}  // namespace forebay::client
