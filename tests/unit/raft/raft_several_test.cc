// One core among several voters, told what the others say: what it answers and when.
#include <gtest/gtest.h>

#include "raft/core/raft.h"

namespace forebay::raft {
namespace {

using log::HardState;
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
  restored.memberships = {{{}, kThreeVoters}};
  auto raft = Raft::open(kOne, restored);
  EXPECT_TRUE(raft);
  return std::move(*raft);
}

template <typename M>
std::vector<std::pair<NodeId, M>> messages(const Ready& ready) {
  std::vector<std::pair<NodeId, M>> found;
  for (const Outgoing& outgoing : ready.messages) {
    if (const auto* message = std::get_if<M>(&outgoing.message)) found.emplace_back(outgoing.to, *message);
  }
  return found;
}

// Leads the next term, with the term-start frame appended and not flushed.
LogPosition lead(Raft& raft) {
  raft.campaign();
  (void)raft.take_ready();
  raft.receive(NodeId(2), VoteResponse{true, raft.term().next(), true});
  raft.hard_state_durable(*raft.take_ready().hard_state);
  raft.receive(NodeId(2), VoteResponse{false, raft.term(), true});
  EXPECT_EQ(raft.role(), Role::kLeader);
  EXPECT_EQ(raft.take_ready().controls.size(), 1U);
  const LogPosition end = raft.end().after_control();
  raft.appended(end);
  return end;
}

AppendResponse flushed_upto(Term term, LogPosition position) {
  AppendResponse response;
  response.term = term;
  response.accepted = true;
  response.matched = response.flushed = position;
  return response;
}

TEST(RaftOfSeveral, AsksBeforeItTakesATerm) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  raft.campaign();
  Ready ready = raft.take_ready();
  EXPECT_FALSE(ready.hard_state);
  const auto asked = messages<VoteRequest>(ready);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[0].second.pre);
  EXPECT_EQ(asked[0].second.term, Term(5));
  EXPECT_EQ(raft.term(), Term(4));

  raft.receive(NodeId(3), VoteResponse{true, Term(5), true});
  ready = raft.take_ready();
  EXPECT_EQ(ready.hard_state, (HardState{Term(5), NodeId(1)}));
  EXPECT_TRUE(ready.messages.empty()) << "the own vote is not durable yet";
  raft.hard_state_durable(*ready.hard_state);
  EXPECT_EQ(messages<VoteRequest>(raft.take_ready()).size(), 2U);
}

TEST(RaftOfSeveral, VoteLeavesWhenItIsDurable) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  raft.receive(NodeId(2), VoteRequest{false, Term(5), at(0), Term(0)});
  Ready ready = raft.take_ready();
  ASSERT_EQ(ready.hard_state, (HardState{Term(5), NodeId(2)}));
  EXPECT_TRUE(ready.messages.empty());
  raft.receive(NodeId(3), VoteRequest{false, Term(5), at(0), Term(0)});
  raft.hard_state_durable(*ready.hard_state);
  const auto votes = messages<VoteResponse>(raft.take_ready());
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_EQ(votes[0], (std::pair{NodeId(2), VoteResponse{false, Term(5), true}}));
  EXPECT_EQ(votes[1], (std::pair{NodeId(3), VoteResponse{false, Term(5), false}}));
}

TEST(RaftOfSeveral, ShorterLogGetsNoVoteWhateverItsTerm) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}, .end = at(9), .terms = {{Term(3), at(0)}}});
  raft.receive(NodeId(2), VoteRequest{true, Term(6), at(8), Term(3)});
  raft.receive(NodeId(3), VoteRequest{true, Term(6), at(50), Term(2)});
  for (const auto& [to, vote] : messages<VoteResponse>(raft.take_ready())) EXPECT_FALSE(vote.granted);
  raft.receive(NodeId(3), VoteRequest{true, Term(6), at(1), Term(4)});
  EXPECT_TRUE(messages<VoteResponse>(raft.take_ready()).at(0).second.granted);
}

TEST(RaftOfSeveral, WhoHearsALeaderDoesNotHelpToUnseatIt) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  ASSERT_TRUE(raft.receive(NodeId(2), AppendHead{Term(4), at(0), Term(0), at(0)}, {}).accepted);
  (void)raft.take_ready();
  raft.receive(NodeId(3), VoteRequest{true, Term(9), at(7), Term(4)});
  raft.receive(NodeId(3), VoteRequest{false, Term(9), at(7), Term(4)});
  const Ready ready = raft.take_ready();
  for (const auto& [to, vote] : messages<VoteResponse>(ready)) EXPECT_FALSE(vote.granted);
  EXPECT_FALSE(ready.hard_state) << "who was cut off must not raise the term";
  EXPECT_EQ(raft.leader(), NodeId(2));

  raft.leader_unreachable();
  raft.receive(NodeId(3), VoteRequest{true, Term(9), at(7), Term(4)});
  EXPECT_TRUE(messages<VoteResponse>(raft.take_ready()).at(0).second.granted);
}

// Else it would be believed in for ever, where nobody else leads who could say so.
TEST(RaftOfSeveral, LeaderThatAsksForVotesLeadsNoMore) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  ASSERT_TRUE(raft.receive(NodeId(2), AppendHead{Term(4), at(0), Term(0), at(0)}, {}).accepted);
  (void)raft.take_ready();
  raft.receive(NodeId(2), VoteRequest{true, Term(6), at(7), Term(4)});
  EXPECT_TRUE(messages<VoteResponse>(raft.take_ready()).at(0).second.granted);
  raft.receive(NodeId(2), VoteRequest{false, Term(6), at(7), Term(4)});
  const auto voted = raft.take_ready().hard_state;
  EXPECT_EQ(voted, (HardState{Term(6), NodeId(2)}));
}

// A majority has it, and yet a log that lacks it may still win: only a frame of the own term makes it safe.
TEST(RaftOfSeveral, MajorityOfAnOlderTermIsNotCommitted) {
  const LogPosition old_end = LogPosition{}.after_control();
  Raft raft =
      opened({.hard_state = {Term(3), std::nullopt}, .end = old_end, .terms = {{Term(2), LogPosition{}}}});
  const LogPosition end = lead(raft);
  raft.flushed(end);
  raft.receive(NodeId(2), flushed_upto(raft.term(), old_end));
  EXPECT_EQ(raft.commit(), LogPosition{});
  raft.receive(NodeId(2), flushed_upto(raft.term(), end));
  EXPECT_EQ(raft.commit(), end);
}

TEST(RaftOfSeveral, LeaderCountsItselfOnlyForWhatItHasFlushed) {
  Raft raft = opened({});
  const LogPosition end = lead(raft);
  raft.receive(NodeId(2), flushed_upto(raft.term(), end));
  EXPECT_EQ(raft.commit(), LogPosition{});
  raft.receive(NodeId(3), flushed_upto(raft.term(), end));
  EXPECT_EQ(raft.commit(), end) << "two others are a majority without it";
}

TEST(RaftOfSeveral, FollowerAnswersWhenItHasFlushedAndOnReceiptWhenAsked) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  AppendHead head{Term(4), at(0), Term(0), at(0)};
  head.wants_receipt = true;
  const auto plan = raft.receive(NodeId(2), head, {{at(0), at(5), Term(4), {}}});
  ASSERT_TRUE(plan.accepted);
  EXPECT_EQ(plan.first_new, 0U);
  auto answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].second.matched, at(5));
  EXPECT_EQ(answers[0].second.flushed, at(0));
  raft.flushed(at(5));
  answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].second.flushed, at(5));

  (void)raft.receive(NodeId(2), AppendHead{Term(4), at(5), Term(4), at(5)}, {{at(5), at(7), Term(4), {}}});
  EXPECT_TRUE(messages<AppendResponse>(raft.take_ready()).empty());
  raft.flushed(at(7));
  EXPECT_EQ(messages<AppendResponse>(raft.take_ready()).size(), 1U);
  // What is committed is no news that wants an answer; a barrier is.
  (void)raft.receive(NodeId(2), AppendHead{Term(4), at(7), Term(4), at(7)}, {});
  EXPECT_TRUE(messages<AppendResponse>(raft.take_ready()).empty());
  (void)raft.receive(NodeId(2), AppendHead{Term(4), at(7), Term(4), at(7), 3}, {});
  answers = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].second.barrier, 3U);
}

TEST(RaftOfSeveral, LogIsCutOnlyWhereAnotherTermStands) {
  Raft raft = opened(
      {.hard_state = {Term(4), std::nullopt}, .end = at(9), .terms = {{Term(2), at(0)}, {Term(3), at(6)}}});
  // What it has already, late and twice.
  auto plan =
      raft.receive(NodeId(2), AppendHead{Term(4), at(0), Term(0), at(0)}, {{at(0), at(6), Term(2), {}}});
  EXPECT_FALSE(plan.truncate_to);
  EXPECT_EQ(plan.first_new, 1U);
  EXPECT_EQ(raft.end(), at(9));
  plan = raft.receive(NodeId(2), AppendHead{Term(4), at(6), Term(2), at(0)}, {{at(6), at(7), Term(4), {}}});
  EXPECT_EQ(plan.truncate_to, at(6));
  EXPECT_EQ(raft.end(), at(7));
}

TEST(RaftOfSeveral, LeaderFindsWhereTheLogsAgreeTermByTerm) {
  // The leader: terms 1, 2 and 6; the follower: 1, 2, 3 and 4.
  Raft raft = opened({.hard_state = {Term(6), std::nullopt},
                      .end = at(30),
                      .terms = {{Term(1), at(0)}, {Term(2), at(10)}, {Term(6), at(20)}}});
  const LogPosition end = lead(raft);
  ASSERT_EQ(raft.next_append(NodeId(2))->prev, at(30));
  raft.sent(NodeId(2), end);
  EXPECT_FALSE(raft.next_append(NodeId(2))) << "one append until it is known where the logs agree";
  AppendResponse refusal;
  refusal.term = raft.term();
  refusal.prev = at(30);
  refusal.hint = at(25);
  refusal.hint_term = Term(4);
  raft.receive(NodeId(2), refusal);
  EXPECT_EQ(raft.next_append(NodeId(2))->prev, at(20));
  EXPECT_EQ(raft.next_append(NodeId(2))->prev_term, Term(2));
  raft.receive(NodeId(2), refusal);  // late and twice
  EXPECT_EQ(raft.next_append(NodeId(2))->prev, at(20));
}

// A long term that ends otherwise than the leader's is not sent again from its beginning, which the leader
// may have trimmed.
TEST(RaftOfSeveral, FollowerRefusesNoMoreThanWhatMayDiffer) {
  Raft raft = opened(
      {.hard_state = {Term(4), std::nullopt}, .end = at(90), .terms = {{Term(2), at(0)}, {Term(3), at(80)}}});
  const auto refusal = [&raft](std::int64_t prev, std::uint64_t prev_term) {
    EXPECT_FALSE(raft.receive(NodeId(2), AppendHead{Term(4), at(prev), Term(prev_term), at(0)}, {}).accepted);
    const auto answer = messages<AppendResponse>(raft.take_ready()).at(0).second;
    return std::pair(answer.hint, answer.hint_term);
  };
  EXPECT_EQ(refusal(95, 4), std::pair(at(90), Term(3)));
  EXPECT_EQ(refusal(95, 2),
            std::pair(at(80), Term(2)));  // it has no term 3, and perhaps no frame that ends at 90
  EXPECT_EQ(refusal(85, 4), std::pair(at(85), Term(3)));  // the leader may have some of term 3
  EXPECT_EQ(refusal(70, 3), std::pair(at(70), Term(2)));
  EXPECT_EQ(refusal(85, 2), std::pair(at(80), Term(2)));  // and none of it here
}

TEST(RaftOfSeveral, LeaderThatHearsNoMajorityLeadsNoLonger) {
  Raft raft = opened({});
  lead(raft);
  raft.quorum_lost();
  EXPECT_EQ(raft.role(), Role::kFollower);
  EXPECT_FALSE(raft.leader());
}

TEST(RaftOfSeveral, MembershipCountsFromItsFrameOnAndNotWhenItIsCut) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  const Membership two{{kOne, kTwo}, {}, {}};
  const LogPosition end = LogPosition{}.after_control();
  (void)raft.receive(NodeId(2), AppendHead{Term(4), {}, Term(0), {}}, {{LogPosition{}, end, Term(4), two}});
  EXPECT_EQ(raft.membership(), two);
  (void)raft.receive(NodeId(3), AppendHead{Term(5), {}, Term(0), {}},
                     {{LogPosition{}, end, Term(5), std::nullopt}});
  EXPECT_EQ(raft.membership(), kThreeVoters);
}

TEST(RaftOfSeveral, LostTailNeitherVotesNorCountsUntilItIsThereAgain) {
  Restored restored{.hard_state = {Term(4), std::nullopt}, .end = at(6), .terms = {{Term(3), at(0)}}};
  restored.tail_damaged = true;
  Raft raft = opened(restored);
  raft.leader_unreachable();
  raft.campaign();
  EXPECT_FALSE(raft.has_ready());
  raft.receive(NodeId(3), VoteRequest{true, Term(9), at(50), Term(4)});
  raft.receive(NodeId(3), VoteRequest{false, Term(9), at(50), Term(4)});
  for (const auto& [to, vote] : messages<VoteResponse>(raft.take_ready())) EXPECT_FALSE(vote.granted);
  raft.hard_state_durable({Term(9), std::nullopt});
  (void)raft.take_ready();

  const FrameMark lost{at(6), at(10), Term(3), std::nullopt};
  ASSERT_TRUE(raft.receive(NodeId(2), AppendHead{Term(9), at(6), Term(3), at(0)}, {lost}).accepted);
  raft.flushed(at(10));
  Ready ready = raft.take_ready();
  EXPECT_FALSE(ready.regained) << "the leader has not been told, and may have more";
  for (const auto& [to, answer] : messages<AppendResponse>(ready)) {
    EXPECT_TRUE(answer.tail_damaged);
  }
  AppendHead told{Term(9), at(10), Term(3), at(0)};
  told.regain = at(12);
  const FrameMark rest{at(10), at(12), Term(9), std::nullopt};
  ASSERT_TRUE(raft.receive(NodeId(2), told, {rest}).accepted);
  EXPECT_FALSE(raft.take_ready().regained) << "not flushed yet";
  raft.flushed(at(12));
  EXPECT_TRUE(raft.take_ready().regained);
  raft.tail_regained();
  const auto counts = messages<AppendResponse>(raft.take_ready());
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].second.flushed, at(12));
}

TEST(RaftOfSeveral, LeaderTellsWhatMustBeRegainedOnceItIsConfirmed) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  const LogPosition end = lead(raft);
  AppendResponse damaged = flushed_upto(raft.term(), end);
  damaged.tail_damaged = true;
  raft.flushed(end);
  raft.receive(NodeId(2), damaged);
  EXPECT_EQ(raft.progress(NodeId(2))->stored, end);
  EXPECT_FALSE(raft.has_committed_in_term()) << "one whose tail is lost does not count";
  raft.receive(NodeId(3), flushed_upto(raft.term(), end));
  ASSERT_TRUE(raft.has_committed_in_term());
  EXPECT_EQ(raft.next_append(NodeId(2))->regain, end);
}

// The node of a voter comes back with an empty disk: what the voter had flushed says nothing of it.
TEST(RaftOfSeveral, ProgressOfAWipedNodeBeginsAnew) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  const LogPosition end = lead(raft);
  raft.flushed(end);
  for (const NodeId node : {NodeId(2), NodeId(3)}) {
    raft.sent(node, end);
    raft.receive(node, flushed_upto(raft.term(), end));
  }
  ASSERT_EQ(raft.progress(NodeId(3))->flushed, end);
  raft.reconnected(NodeId(3));
  raft.sent(NodeId(3), end);  // asked, and whoever answers is not the member that was
  ASSERT_FALSE(raft.next_append(NodeId(3)));

  const Voter wiped{NodeId(3), model::Uuid{{33}}};
  ASSERT_TRUE(raft.change_membership({{kOne, kTwo}, {}, {wiped}}));
  LogPosition at_end = end;
  for (int step = 0; step < 2; ++step) {
    for (const log::Control& control : raft.take_ready().controls) {
      at_end = at_end.after_control();
      raft.appended(at_end, std::get<Membership>(control));
    }
    raft.flushed(at_end);
    raft.receive(NodeId(2), flushed_upto(raft.term(), at_end));
  }
  EXPECT_EQ(raft.membership(), (Membership{{kOne, kTwo}, {}, {wiped}}));
  EXPECT_EQ(raft.progress(NodeId(3))->flushed, at(0));
  EXPECT_TRUE(raft.next_append(NodeId(3)));
}

// --- without a majority, by an operator's word

const Voter kFour{NodeId(4), model::Uuid{{4}}};
const Voter kFive{NodeId(5), model::Uuid{{5}}};

void expect_refused(const Result<void>& result, const char* why) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(result.error().context.find(why), std::string::npos) << result.error().context;
}

TEST(RaftWithoutMajority, LastOneLeadsAloneInATermThatNobodyHad) {
  Raft raft = opened({.hard_state = {Term(4), NodeId(3)}, .end = at(10), .terms = {{Term(4), at(0)}}});
  ASSERT_TRUE(raft.stand_without({kTwo, kThree}));
  Ready ready = raft.take_ready();
  EXPECT_EQ(ready.hard_state, (HardState{Term(4 + kForcedTerms), NodeId(1)}));
  EXPECT_EQ(raft.role(), Role::kCandidate) << "its vote is not durable yet";
  raft.hard_state_durable(*ready.hard_state);
  ASSERT_EQ(raft.role(), Role::kLeader);
  ready = raft.take_ready();
  ASSERT_EQ(ready.controls.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<log::TermStart>(ready.controls[0]));
  const Membership alone{{kOne}, {}, {}};
  EXPECT_EQ(std::get<Membership>(ready.controls[1]), alone);

  const LogPosition start = raft.end().after_control();
  raft.appended(start);
  EXPECT_FALSE(raft.has_committed_in_term());
  raft.appended(start.after_control(), alone);
  raft.flushed(raft.end());
  EXPECT_TRUE(raft.has_committed_in_term());
  EXPECT_TRUE(raft.membership_settled());
  EXPECT_EQ(raft.committed_membership(), alone);
  EXPECT_TRUE(raft.peers().empty());
}

TEST(RaftWithoutMajority, AllThatAreLeftHaveToAgree) {
  Restored restored{.hard_state = {Term(4), std::nullopt}, .end = at(10), .terms = {{Term(4), at(0)}}};
  restored.memberships = {{{}, {{kOne, kTwo, kThree, kFour, kFive}, {}, {}}}};
  auto opened_raft = Raft::open(kOne, restored);
  ASSERT_TRUE(opened_raft);
  Raft& raft = *opened_raft;
  ASSERT_TRUE(raft.stand_without({kThree, kFour, kFive}));
  raft.hard_state_durable(*raft.take_ready().hard_state);
  EXPECT_EQ(raft.role(), Role::kCandidate);
  // Those that were declared lost do not count, whatever they say.
  for (const Voter& lost : {kThree, kFour, kFive})
    raft.receive(lost.node, VoteResponse{false, raft.term(), true});
  EXPECT_EQ(raft.role(), Role::kCandidate);
  raft.receive(NodeId(2), VoteResponse{false, raft.term(), true});
  EXPECT_EQ(raft.role(), Role::kLeader);
  EXPECT_EQ(std::get<Membership>(raft.take_ready().controls[1]), (Membership{{kOne, kTwo}, {}, {}}));
}

TEST(RaftWithoutMajority, IsRefusedWhereItWouldBeWrong) {
  const Restored restored{.hard_state = {Term(4), std::nullopt}};
  expect_refused(opened(restored).stand_without({}), "a majority of the voters is left");
  expect_refused(opened(restored).stand_without({kTwo}), "a majority of the voters is left");
  expect_refused(opened(restored).stand_without({kOne, kTwo}), "none of the voters that are left");
  Restored damaged = restored;
  damaged.tail_damaged = true;
  expect_refused(opened(damaged).stand_without({kTwo, kThree}), "the end of the log");
  Raft leader = opened(restored);
  lead(leader);
  expect_refused(leader.stand_without({kTwo, kThree}), "leads");
}

// Standing the usual way afterwards takes the usual majority.
TEST(RaftWithoutMajority, WhatWasForcedOnceIsForgottenWithTheCandidacy) {
  Raft raft = opened({.hard_state = {Term(4), std::nullopt}});
  ASSERT_TRUE(raft.stand_without({kTwo, kThree}));
  const HardState forced = *raft.take_ready().hard_state;
  AppendHead head;
  head.term = forced.term.next();
  (void)raft.receive(NodeId(2), head, {});
  raft.hard_state_durable(forced);
  EXPECT_EQ(raft.role(), Role::kFollower);
  EXPECT_EQ(raft.membership(), kThreeVoters);
}

}  // namespace
}  // namespace forebay::raft
