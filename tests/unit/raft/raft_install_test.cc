// One core that lacks what its leader has trimmed, or that has trimmed what others lack.
#include <gtest/gtest.h>

#include "raft/core/raft.h"

namespace forebay::raft {
namespace {

using log::HardState;
using log::LogBase;
using log::Membership;
using log::Voter;
using model::LogPosition;
using model::NodeId;
using model::Offset;
using model::Term;

const Voter kOne{NodeId(1), model::Uuid{{1}}};
const Voter kTwo{NodeId(2), model::Uuid{{2}}};
const Voter kThree{NodeId(3), model::Uuid{{3}}};
const Membership kThreeVoters{{kOne, kTwo, kThree}, {}, {}};

LogPosition at(std::int64_t offset) { return {Offset(offset), 0}; }

Raft opened(Restored restored) {
  if (restored.memberships.empty()) restored.memberships = {{{}, kThreeVoters}};
  auto raft = Raft::open(kOne, restored);
  EXPECT_TRUE(raft);
  return std::move(*raft);
}

template <typename M>
std::vector<M> messages(const Ready& ready) {
  std::vector<M> found;
  for (const Outgoing& outgoing : ready.messages) {
    if (const auto* message = std::get_if<M>(&outgoing.message)) found.push_back(*message);
  }
  return found;
}

// --- the follower

// Of terms 2 and 3, committed as far as log start.
Restored behind() {
  return {.hard_state = {Term(5), std::nullopt},
          .end = at(9),
          .terms = {{Term(2), at(0)}, {Term(3), at(6)}},
          .log_start = at(4)};
}

Install install_at(std::int64_t begin, std::uint64_t term_before = 4) {
  Install install;
  install.head = {Term(5), at(begin), Term(term_before), at(begin + 10), 7, {}, true};
  install.base = {at(begin), {Term(term_before), at(begin - 3)}, {{at(begin - 2), {{kOne, kTwo}, {}, {}}}}};
  return install;
}

TEST(RaftInstall, FollowerBeginsWhereItsLeaderDoes) {
  Raft raft = opened(behind());
  raft.receive(NodeId(2), install_at(20));
  Ready ready = raft.take_ready();
  EXPECT_EQ(ready.install, install_at(20).base);
  EXPECT_EQ(raft.end(), at(20));
  EXPECT_EQ(raft.leader(), NodeId(2));
  EXPECT_EQ(raft.membership(), (Membership{{kOne, kTwo}, {}, {}}));
  const auto answers = messages<AppendResponse>(ready);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].accepted);
  EXPECT_EQ(answers[0].prev, at(20));
  EXPECT_EQ(answers[0].matched, at(20));
  EXPECT_EQ(answers[0].barrier, 7U);
  // What follows is taken as by any other.
  const auto plan =
      raft.receive(NodeId(2), AppendHead{Term(5), at(20), Term(4), at(30)}, {{at(20), at(22), Term(5), {}}});
  EXPECT_TRUE(plan.accepted);
  EXPECT_FALSE(plan.truncate_to);
  EXPECT_EQ(plan.first_new, 0U);
  EXPECT_EQ(raft.end(), at(22));
}

// Else a crash could leave it in an earlier term with a log that no leader of that term has.
TEST(RaftInstall, TermComesBeforeIt) {
  Raft raft = opened(behind());
  Install install = install_at(20);
  install.head.term = Term(8);
  raft.receive(NodeId(2), install);
  const Ready ready = raft.take_ready();
  EXPECT_EQ(ready.hard_state, (HardState{Term(8), std::nullopt}));
  EXPECT_TRUE(ready.install);
  EXPECT_TRUE(ready.messages.empty()) << "the answer waits for the term";
}

TEST(RaftInstall, NothingIsPromisedBeforeItIsDurable) {
  Raft raft = opened(behind());
  raft.receive(NodeId(2), install_at(20));
  (void)raft.receive(NodeId(2), AppendHead{Term(5), at(20), Term(4), at(30)},
                     {{at(20), at(22), Term(5), {}}});
  for (const AppendResponse& answer : messages<AppendResponse>(raft.take_ready())) {
    EXPECT_LE(answer.flushed, at(4)) << "a crash finds the old log";
  }
  EXPECT_EQ(raft.commit(), at(4));
  raft.flushed(at(20));
  EXPECT_EQ(raft.commit(), at(22));
  auto answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].flushed, at(20));
  raft.flushed(at(22));
  answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].flushed, at(22));
}

// It had more, of another branch: what of that was flushed says nothing of what comes in its place.
TEST(RaftInstall, WhatWasFlushedOfTheOldLogDoesNotCount) {
  Restored restored = behind();
  restored.end = at(90);
  Raft raft = opened(restored);
  raft.receive(NodeId(2), install_at(20));
  (void)raft.receive(NodeId(2), AppendHead{Term(5), at(20), Term(4), at(30)},
                     {{at(20), at(25), Term(5), {}}});
  raft.flushed(at(20));
  for (const AppendResponse& answer : messages<AppendResponse>(raft.take_ready()))
    EXPECT_LE(answer.flushed, at(20));
}

TEST(RaftInstall, LogThatAgreesIsKept) {
  Raft raft = opened(behind());
  // It ends behind there, in that term; and where it is committed here nothing need be known of the term.
  raft.receive(NodeId(2), install_at(8, 3));
  raft.receive(NodeId(2), install_at(4, 1));
  EXPECT_EQ(raft.end(), at(9));
  const Ready ready = raft.take_ready();
  EXPECT_FALSE(ready.install);
  const auto answers = messages<AppendResponse>(ready);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_TRUE(answers[0].accepted);
  EXPECT_EQ(answers[0].matched, at(8));
}

TEST(RaftInstall, SaysBeforehandWhetherTheLogWouldGo) {
  Raft raft = opened(behind());
  EXPECT_TRUE(raft.begins_anew_by(install_at(20)));
  EXPECT_FALSE(raft.begins_anew_by(install_at(8, 3))) << "it agrees there";
  Install earlier = install_at(20);
  earlier.head.term = Term(4);
  EXPECT_FALSE(raft.begins_anew_by(earlier)) << "not from a leader that is followed";
  raft.hear_only(NodeId(2), install_at(20));
  EXPECT_EQ(raft.leader(), NodeId(2));
  EXPECT_EQ(raft.end(), at(9));
  EXPECT_FALSE(raft.take_ready().install);
}

// Of what is committed more is known than its log has: neither a vote nor a copy before it has that.
TEST(RaftInstall, TailThatIsLostInTheMiddleOfALifeIsRegained) {
  Raft raft = opened(behind());
  raft.hear_only(NodeId(2), install_at(20));
  raft.tail_lost(Offset(26));
  auto answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].tail_damaged) << "its leader is told at once";
  raft.receive(NodeId(3), VoteRequest{false, Term(6), at(100), Term(5), true});
  const auto votes = messages<VoteResponse>(raft.take_ready());
  for (const VoteResponse& vote : votes) EXPECT_FALSE(vote.granted);
  Raft again = opened(behind());
  again.hear_only(NodeId(2), install_at(20));
  again.tail_lost(Offset(26));
  again.receive(NodeId(2), install_at(20));
  // As it was told after an earlier loss: not yet.
  AppendHead head{Term(5), at(20), Term(4), at(30)};
  head.regain = at(21);
  (void)again.receive(NodeId(2), head, {{at(20), at(24), Term(5), {}}});
  again.flushed(at(24));
  EXPECT_FALSE(again.take_ready().regained) << "the state goes further";
  head.prev = at(24);
  head.prev_term = Term(5);
  (void)again.receive(NodeId(2), head, {{at(24), at(27), Term(5), {}}});
  again.flushed(at(27));
  EXPECT_TRUE(again.take_ready().regained);
}

TEST(RaftInstall, LeaderOfAnEarlierTermInstallsNothing) {
  Raft raft = opened(behind());
  Install late = install_at(20);
  late.head.term = Term(4);
  raft.receive(NodeId(2), late);
  EXPECT_EQ(raft.end(), at(9));
  const auto answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_FALSE(answers[0].accepted);
  EXPECT_EQ(answers[0].term, Term(5));
}

// It may have promised what lies behind the base, and nobody knows.
TEST(RaftInstall, LostTailIsLostAllTheSame) {
  Restored restored = behind();
  restored.tail_damaged = true;
  Raft raft = opened(restored);
  raft.receive(NodeId(2), install_at(20));
  raft.flushed(at(20));
  Ready ready = raft.take_ready();
  EXPECT_FALSE(ready.regained);
  for (const AppendResponse& answer : messages<AppendResponse>(ready)) EXPECT_TRUE(answer.tail_damaged);
  raft.leader_unreachable();
  raft.receive(NodeId(3), VoteRequest{false, Term(6), at(90), Term(5)});
  raft.hard_state_durable(raft.take_ready().hard_state.value());
  const auto votes = messages<VoteResponse>(raft.take_ready());
  ASSERT_EQ(votes.size(), 1U);
  EXPECT_FALSE(votes[0].granted);

  Install told = install_at(20);
  told.head.term = Term(6);
  told.head.regain = at(22);
  raft.receive(NodeId(3), told);
  EXPECT_FALSE(raft.take_ready().install) << "it is there already";
  (void)raft.receive(NodeId(3), AppendHead{Term(6), at(20), Term(4), at(22), 0, at(22)},
                     {{at(20), at(22), Term(6), {}}});
  EXPECT_FALSE(raft.take_ready().regained);
  raft.flushed(at(22));
  EXPECT_TRUE(raft.take_ready().regained);
}

TEST(RaftInstall, VotesAreJudgedByTheNewLog) {
  Raft raft = opened(behind());
  raft.receive(NodeId(2), install_at(20));
  (void)raft.take_ready();
  raft.leader_unreachable();
  const auto granted = [&raft](VoteRequest request) {
    raft.receive(NodeId(3), request);
    return messages<VoteResponse>(raft.take_ready()).at(0).granted;
  };
  EXPECT_FALSE(granted({true, Term(6), at(19), Term(4)}));
  EXPECT_FALSE(granted({true, Term(6), at(50), Term(3)}));
  EXPECT_TRUE(granted({true, Term(6), at(20), Term(4)}));
}

TEST(RaftInstall, FrameThatCompactionWidenedOverTheEndIsTakenFromThereOn) {
  Raft raft = opened(behind());
  const auto plan = raft.receive(NodeId(2), AppendHead{Term(5), at(7), Term(3), at(4)},
                                 {{at(7), at(12), Term(3), {}}, {at(12), at(14), Term(4), {}}});
  ASSERT_TRUE(plan.accepted);
  EXPECT_FALSE(plan.truncate_to) << "what is here may have been promised";
  EXPECT_EQ(plan.rest_from, at(9));
  EXPECT_EQ(plan.first_new, 0U);
  EXPECT_EQ(raft.end(), at(14));
}

TEST(RaftInstall, FrameOfAnotherTermOverTheEndReplacesWhatIsThere) {
  Raft raft = opened(behind());
  const auto plan =
      raft.receive(NodeId(2), AppendHead{Term(5), at(6), Term(2), at(4)}, {{at(6), at(12), Term(4), {}}});
  ASSERT_TRUE(plan.accepted);
  EXPECT_EQ(plan.truncate_to, at(6));
  EXPECT_FALSE(plan.rest_from);
}

// --- the leader

// Leads term 6 over a log that begins at 20, behind a frame of term 4, and ends at 30.
Raft leader_of_a_trimmed_log() {
  Raft raft = opened({.hard_state = {Term(5), std::nullopt},
                      .end = at(30),
                      .terms = {{Term(4), at(15)}, {Term(5), at(25)}},
                      .log_start = at(20)});
  raft.campaign();
  (void)raft.take_ready();
  raft.receive(NodeId(2), VoteResponse{true, Term(6), true});
  raft.hard_state_durable(*raft.take_ready().hard_state);
  raft.receive(NodeId(2), VoteResponse{false, Term(6), true});
  EXPECT_EQ(raft.role(), Role::kLeader);
  (void)raft.take_ready();
  raft.appended(raft.end().after_control());
  return raft;
}

AppendResponse refusal(const Raft& raft, LogPosition prev, LogPosition hint, Term hint_term) {
  AppendResponse response;
  response.term = raft.term();
  response.prev = prev;
  response.hint = hint;
  response.hint_term = hint_term;
  return response;
}

AppendResponse stored(const Raft& raft, LogPosition matched, LogPosition flushed) {
  AppendResponse response;
  response.term = raft.term();
  response.prev = response.matched = matched;
  response.accepted = true;
  response.flushed = flushed;
  return response;
}

const LogBase kBase{at(20), {Term(4), at(15)}, {}};

// Asks once, and is told that the replica ends at 7.
AppendHead find_it_behind(Raft& raft) {
  raft.sent(NodeId(3), at(30));
  raft.receive(NodeId(3), refusal(raft, at(30), at(7), Term(3)));
  const auto head = raft.next_append(NodeId(3));
  EXPECT_TRUE(head);
  EXPECT_EQ(head->prev, at(7));
  return *head;
}

TEST(RaftInstall, LeaderTellsWhereItsLogBeginsAndGoesOnFromThere) {
  Raft raft = leader_of_a_trimmed_log();
  const Install install = raft.install_instead(find_it_behind(raft), kBase);
  EXPECT_EQ(install.head.prev, at(20));
  EXPECT_EQ(install.head.prev_term, Term(4));
  EXPECT_EQ(install.head.commit, at(20));
  EXPECT_EQ(install.base, kBase);
  raft.install_sent(NodeId(3), at(20));
  EXPECT_FALSE(raft.next_append(NodeId(3))) << "its answer comes first";
  EXPECT_TRUE(raft.progress(NodeId(3))->installing);

  raft.receive(NodeId(3), stored(raft, at(20), at(4)));
  ASSERT_TRUE(raft.next_append(NodeId(3)));
  EXPECT_EQ(raft.next_append(NodeId(3))->prev, at(20));
  EXPECT_EQ(raft.next_append(NodeId(3))->prev_term, Term(4));
  raft.sent(NodeId(3), raft.end());
  raft.receive(NodeId(3), stored(raft, raft.end(), at(30)));
  EXPECT_TRUE(raft.progress(NodeId(3))->installing) << "it has not stored all that was there";
  raft.receive(NodeId(3), stored(raft, raft.end(), raft.end()));
  EXPECT_FALSE(raft.progress(NodeId(3))->installing);
}

TEST(RaftInstall, LostInstallIsToldAgain) {
  Raft raft = leader_of_a_trimmed_log();
  (void)raft.install_instead(find_it_behind(raft), kBase);
  raft.install_sent(NodeId(3), at(20));
  raft.reconnected(NodeId(3));
  // Whether it got there, it says itself.
  ASSERT_EQ(raft.next_append(NodeId(3))->prev, at(20));
  raft.sent(NodeId(3), at(20));
  raft.receive(NodeId(3), refusal(raft, at(20), at(7), Term(3)));
  EXPECT_EQ(raft.next_append(NodeId(3))->prev, at(7));
}

TEST(RaftInstall, ReplicaThatEndsAtTheLogStartIsMatchedByTheTermBeforeIt) {
  Raft raft = leader_of_a_trimmed_log();
  raft.sent(NodeId(3), at(30));
  raft.receive(NodeId(3), refusal(raft, at(30), at(20), Term(4)));
  const auto head = raft.next_append(NodeId(3));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->prev, at(20));
  EXPECT_EQ(head->prev_term, Term(4));
}

}  // namespace
}  // namespace forebay::raft
