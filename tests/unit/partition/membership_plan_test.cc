#include "partition/core/membership_plan.h"

#include <gtest/gtest.h>

#include <map>

namespace forebay::partition {
namespace {

using log::Membership;
using log::Voter;
using model::LogPosition;
using model::NodeId;
using model::Offset;

Voter voter(std::uint32_t node, std::uint8_t life = 1) {
  return {NodeId(node), model::Uuid{{static_cast<std::uint8_t>(node), life}}};
}
LogPosition at(std::int64_t offset) { return {Offset(offset), 0}; }

const std::vector<Voter> kThree{voter(1), voter(2), voter(3)};

struct Case {
  Membership now;
  std::map<std::uint32_t, MemberProgress> progress;
  Voter self = voter(1);
  bool settled = true;

  [[nodiscard]] MembershipStep plan(const std::vector<Voter>& wanted,
                                    const std::vector<Voter>& learners = {}) const {
    return plan_membership({.now = now,
                            .settled = settled,
                            .self = self,
                            .commit = at(100),
                            .progress =
                                [this](NodeId node) {
                                  const auto found = progress.find(node.value());
                                  return found == progress.end() ? MemberProgress{} : found->second;
                                }},
                           {wanted, learners});
  }
};

const MemberProgress kThere{true, at(100)};
const MemberProgress kBehind{true, at(40)};

TEST(MembershipPlan, NothingToDo) {
  EXPECT_TRUE((Case{.now = {kThree, {}, {}}}).plan({voter(3), voter(1), voter(2)}).done());
}

TEST(MembershipPlan, OneStepAtATime) {
  const Case one{.now = {{voter(1)}, {}, {}}, .settled = false};
  EXPECT_EQ(one.plan(kThree).waits_for, "a change of the members to be committed");
}

TEST(MembershipPlan, NewMembersLearnBeforeTheyVote) {
  Case one{.now = {{voter(1)}, {}, {}}};
  EXPECT_EQ(one.plan(kThree).change, (Membership{{voter(1)}, {}, {voter(2), voter(3)}}));
  one.now.learners = {voter(2), voter(3)};
  EXPECT_EQ(one.plan(kThree).waits_for, "node 2 to be reachable");
  one.progress = {{2, kThere}, {3, kBehind}};
  EXPECT_EQ(one.plan(kThree).change, (Membership{{voter(1), voter(2)}, {}, {voter(3)}}));
  one.now = {{voter(1), voter(2)}, {}, {voter(3)}};
  EXPECT_EQ(one.plan(kThree).waits_for, "node 3 to catch up");
  one.progress[3] = kThere;
  EXPECT_EQ(one.plan(kThree).change, (Membership{kThree, {}, {}}));
}

TEST(MembershipPlan, WipedNodeIsAnotherVoter) {
  Case one{.now = {kThree, {}, {}}};
  const std::vector<Voter> wanted{voter(1), voter(2, 2), voter(3)};
  EXPECT_EQ(one.plan(wanted).change, (Membership{{voter(1), voter(3)}, {}, {voter(2, 2)}}));
  one.now = {{voter(1), voter(3)}, {}, {voter(2, 2)}};
  one.progress = {{2, kThere}, {3, kThere}};
  EXPECT_EQ(one.plan(wanted).change, (Membership{wanted, {}, {}}));
}

TEST(MembershipPlan, WhoLeavesGoesWhenThoseWhoStayVote) {
  Case one{.now = {kThree, {}, {voter(4)}}};
  const std::vector<Voter> wanted{voter(1), voter(2), voter(4)};
  one.progress = {{2, kThere}, {3, kThere}, {4, kBehind}};
  EXPECT_EQ(one.plan(wanted).waits_for, "node 4 to catch up");
  one.progress[4] = kThere;
  EXPECT_EQ(one.plan(wanted).change, (Membership{wanted, {}, {}}));
}

TEST(MembershipPlan, LeaderThatLeavesHandsOverFirst) {
  Case one{.now = {kThree, {}, {}}};
  one.progress = {{2, kThere}, {3, {true, at(120)}}};
  EXPECT_EQ(one.plan({voter(2), voter(3)}).transfer_to, NodeId(3));
  // All go: the new ones vote beside it before one of them takes over.
  one.now = {{voter(1)}, {}, {voter(2)}};
  one.progress = {{2, kThere}};
  EXPECT_EQ(one.plan({voter(2)}).change, (Membership{{voter(1), voter(2)}, {}, {}}));
  one.now = {{voter(1), voter(2)}, {}, {}};
  EXPECT_EQ(one.plan({voter(2)}).transfer_to, NodeId(2));
}

TEST(MembershipPlan, LeaderHandsOverToOneThatHasEverything) {
  Case one{.now = {kThree, {}, {}}};
  one.progress = {{2, kBehind}, {3, {false, at(100)}}};
  EXPECT_EQ(one.plan({voter(2), voter(3)}).waits_for,
            "nodes 2, 3 to be reachable and caught up, before others leave");
}

TEST(MembershipPlan, CopyGoesOnlyWhenAMajorityOfThoseWhoStayHasEverything) {
  Case one{.now = {kThree, {}, {}}};
  one.progress = {{2, kBehind}, {3, kThere}};
  const std::vector<Voter> wanted{voter(1), voter(2)};
  EXPECT_EQ(one.plan(wanted).waits_for, "node 2 to be reachable and caught up, before others leave");
  one.progress[2] = kThere;
  EXPECT_EQ(one.plan(wanted).change, (Membership{wanted, {}, {}}));
}

TEST(MembershipPlan, DeadNodeIsReplaced) {
  Case one{.now = {kThree, {}, {}}};
  one.progress = {{2, kThere}};
  const std::vector<Voter> wanted{voter(1), voter(2), voter(4)};
  EXPECT_EQ(one.plan(wanted).change, (Membership{kThree, {}, {voter(4)}}));
  one.now.learners = {voter(4)};
  one.progress[4] = kThere;
  EXPECT_EQ(one.plan(wanted).change, (Membership{wanted, {}, {}}));
}

TEST(MembershipPlan, LearnersThatAreToStayNeverVoteAndAreNotWaitedFor) {
  Case one{.now = {kThree, {}, {}}};
  one.progress = {{2, kThere}, {3, kThere}};
  EXPECT_EQ(one.plan(kThree, {voter(5), voter(4)}).change, (Membership{kThree, {}, {voter(4), voter(5)}}));
  one.now.learners = {voter(4), voter(5)};
  one.progress[4] = kThere;  // and 5 cannot be reached
  EXPECT_TRUE(one.plan(kThree, {voter(5), voter(4)}).done());
  EXPECT_EQ(one.plan(kThree, {voter(4)}).change, (Membership{kThree, {}, {voter(4)}}));
}

TEST(MembershipPlan, VoterAndLearnerChangePlacesInOneStep) {
  Case one{.now = {kThree, {}, {voter(4), voter(5)}}};
  const std::vector<Voter> wanted{voter(1), voter(2), voter(4)};
  const std::vector<Voter> learners{voter(3), voter(5)};
  one.progress = {{2, kThere}, {4, kBehind}};
  EXPECT_EQ(one.plan(wanted, learners).waits_for, "node 4 to catch up");
  one.progress[4] = kThere;
  EXPECT_EQ(one.plan(wanted, learners).change, (Membership{wanted, {}, learners}));
}

TEST(MembershipPlan, WipedVoterGoesAlsoWhereItIsToLearn) {
  Case one{.now = {kThree, {}, {voter(4)}}};
  one.progress = {{2, kThere}, {4, kThere}};
  EXPECT_EQ(one.plan({voter(1), voter(2), voter(4)}, {voter(3, 2)}).change,
            (Membership{{voter(1), voter(2)}, {}, {voter(3, 2), voter(4)}}));
}

}  // namespace
}  // namespace forebay::partition
