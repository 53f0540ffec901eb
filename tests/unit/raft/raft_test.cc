// The Raft core with one voter: terms, the order of effects, and what counts as committed.
#include "raft/core/raft.h"

#include <gtest/gtest.h>

namespace forebay::raft {
namespace {

using log::HardState;
using log::Membership;
using log::TermStart;
using log::Voter;
using model::LogPosition;
using model::NodeId;
using model::Offset;
using model::Term;

const Voter kSelf{NodeId(1), model::Uuid{{1}}};
const Voter kOther{NodeId(2), model::Uuid{{2}}};

Raft opened(const Restored& restored = {}) {
  auto raft = Raft::open(kSelf, restored);
  EXPECT_TRUE(raft);
  return std::move(*raft);
}

// Wins the election and appends the frames that come with it; nothing is flushed.
LogPosition lead(Raft& raft, LogPosition end) {
  raft.campaign();
  const auto vote = raft.take_ready();
  raft.hard_state_durable(*vote.hard_state);
  const std::size_t frames = raft.take_ready().controls.size();
  for (std::size_t i = 0; i < frames; ++i) {
    end = end.after_control();
    raft.appended(end);
  }
  return end;
}

TEST(Raft, CampaignAsksForADurableVoteOfTheNextTermBeforeAnythingElse) {
  Raft raft = opened({.hard_state = {Term(4), NodeId(1)}});
  raft.campaign();
  const Ready ready = raft.take_ready();
  ASSERT_TRUE(ready.hard_state);
  EXPECT_EQ(*ready.hard_state, (HardState{Term(5), NodeId(1)}));
  EXPECT_TRUE(ready.controls.empty());
  EXPECT_EQ(raft.role(), Role::kCandidate);
}

TEST(Raft, LeaderBeginsItsTermWithATermStartAndANewGroupWithItsMembership) {
  Raft raft = opened();
  raft.campaign();
  raft.hard_state_durable(*raft.take_ready().hard_state);
  const Ready ready = raft.take_ready();
  ASSERT_EQ(ready.controls.size(), 2U);
  EXPECT_EQ(std::get<TermStart>(ready.controls[0]).leader, NodeId(1));
  EXPECT_EQ(std::get<Membership>(ready.controls[1]).voters, std::vector{kSelf});
  EXPECT_EQ(raft.role(), Role::kLeader);
}

TEST(Raft, MembershipThatStandsInTheLogIsNotWrittenAgain) {
  Raft raft = opened({.memberships = {{{}, Membership{{kSelf}, {}, {}}}}});
  raft.campaign();
  raft.hard_state_durable(*raft.take_ready().hard_state);
  EXPECT_EQ(raft.take_ready().controls.size(), 1U);
}

TEST(Raft, TermKnownOnlyFromFramesCountsAsVotedIn) {
  Raft raft =
      opened({.hard_state = {Term(2), std::nullopt}, .end = {Offset(5), 0}, .terms = {{Term(7), {}}}});
  raft.campaign();
  EXPECT_EQ(raft.take_ready().hard_state->term, Term(8));
}

// The begin of the log that it is being filled with says that it votes alone.
TEST(Raft, ReplicaThatRenewsNeitherStandsNorVotesBeforeItHasRegained) {
  Raft raft = opened({.hard_state = {Term(3), std::nullopt},
                      .end = {Offset(0), 2},
                      .terms = {{Term(1), {}}},
                      .memberships = {{{Offset(0), 1}, Membership{{kSelf}, {}, {}}}},
                      .founders = Membership{},
                      .renews = true});
  raft.campaign();
  EXPECT_EQ(raft.role(), Role::kFollower);
  EXPECT_FALSE(raft.has_ready());
  raft.receive(NodeId(2), VoteRequest{false, Term(4), {Offset(9), 0}, Term(3)});
  const auto ready = raft.take_ready();
  for (const Outgoing& out : ready.messages) EXPECT_FALSE(std::get<VoteResponse>(out.message).granted);
  raft.tail_regained();
  raft.campaign();
  EXPECT_EQ(raft.role(), Role::kCandidate);
}

// Its disk was emptied: a membership of the one before is none of its own.
TEST(Raft, NodeDoesNotStandForTheDiskThatItHadBefore) {
  const Voter before{NodeId(1), model::Uuid{{9}}};
  Raft raft = opened({.founders = Membership{}});
  const AppendHead head{.term = Term(1)};
  const FrameMark frame{{}, {Offset(0), 1}, Term(1), Membership{{before, kOther}, {}, {}}};
  EXPECT_TRUE(raft.receive(NodeId(2), head, {frame}).accepted);
  raft.leader_unreachable();
  raft.campaign();
  EXPECT_EQ(raft.role(), Role::kFollower);
}

TEST(Raft, NothingOfEarlierTermsCommitsBeforeTheTermStart) {
  const LogPosition before{Offset(10), 0};
  Raft raft = opened({.end = before, .terms = {{Term(1), {}}}, .log_start = {Offset(3), 0}});
  const LogPosition end = lead(raft, before);
  EXPECT_EQ(raft.commit(), (LogPosition{Offset(3), 0}));
  raft.flushed(before);
  EXPECT_EQ(raft.commit(), (LogPosition{Offset(3), 0}));
  EXPECT_FALSE(raft.has_committed_in_term());
  raft.flushed(end);
  EXPECT_EQ(raft.commit(), end);
  EXPECT_TRUE(raft.has_committed_in_term());
}

TEST(Raft, CommitFollowsWhatIsFlushedAndNeverFalls) {
  Raft raft = opened();
  const LogPosition start = lead(raft, {});
  raft.flushed(start);
  const LogPosition records{Offset(5), 0};
  raft.appended(records);
  EXPECT_EQ(raft.commit(), start);
  raft.flushed(records);
  EXPECT_EQ(raft.commit(), records);
  raft.flushed(start);  // a late completion
  EXPECT_EQ(raft.commit(), records);
}

TEST(Raft, VoteOfAnEarlierTermThatCompletesLateIsIgnored) {
  Raft raft = opened();
  raft.campaign();
  (void)raft.take_ready();
  raft.hard_state_durable({Term(0), NodeId(1)});
  EXPECT_EQ(raft.role(), Role::kCandidate);
}

TEST(Raft, SteppingDownEndsLeadershipAndDropsWhatWasAsked) {
  Raft raft = opened();
  lead(raft, {});
  raft.step_down();
  EXPECT_EQ(raft.role(), Role::kFollower);
  EXPECT_FALSE(raft.has_ready());
  EXPECT_FALSE(raft.has_committed_in_term());
}

TEST(Raft, LogWhoseTermsDoNotAscendIsRefused) {
  const auto raft =
      Raft::open(kSelf, {.end = {Offset(9), 0}, .terms = {{Term(7), {}}, {Term(3), {Offset(5), 0}}}});
  ASSERT_FALSE(raft);
  EXPECT_EQ(raft.error().code, ErrorCode::kDataLoss);
}

// A log that is being filled again may end where the members were those of before.
TEST(Raft, DiskThatTheNodeHadBeforeIsAnotherVoter) {
  const Voter before{kSelf.node, kOther.disk};
  for (const Membership& members : {Membership{{kOther, before}, {}, {}}, Membership{{before}, {}, {}},
                                    Membership{{kOther}, {kOther, before}, {}}}) {
    Raft raft = opened({.memberships = {{{}, members}}});
    EXPECT_FALSE(raft.is_member(kSelf));
    raft.leader_unreachable();
    raft.campaign();
    EXPECT_FALSE(raft.has_ready());
    EXPECT_EQ(raft.role(), Role::kFollower);
  }
}

TEST(Raft, WhoIsNoMemberNeverStands) {
  Raft raft = opened({.memberships = {{{}, Membership{{kOther}, {}, {}}}}});
  raft.leader_unreachable();
  raft.campaign();
  EXPECT_FALSE(raft.has_ready());
  Raft waiting = opened({.founders = Membership{}});
  waiting.campaign();
  EXPECT_FALSE(waiting.has_ready());
}

}  // namespace
}  // namespace forebay::raft
