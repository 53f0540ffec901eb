#include "partition/core/replica_report.h"

#include <gtest/gtest.h>

#include <map>

namespace forebay::partition {
namespace {

using log::Voter;
using model::NodeId;
using std::chrono::seconds;

Voter voter(std::uint32_t node, std::uint8_t life = 1) {
  return {NodeId(node), model::Uuid{{static_cast<std::uint8_t>(node), life}}};
}
model::LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }

constexpr Steady kNow = seconds(1'000);

class ReplicaReportTest : public testing::Test {
 protected:
  ReplicaReportTest() {
    facts_.members.voters = {voter(1), voter(2), voter(3)};
    facts_.wanted = facts_.members.voters;
    facts_.self = voter(1);
    facts_.leads = true;
    facts_.leader = NodeId(1);
    facts_.end = facts_.flushed = at(100);
    for (const std::uint32_t node : {2U, 3U, 4U})
      followers_[NodeId(node)] = {
          .reachable = true, .away_since = {}, .flushed = at(100), .behind_since = {}};
    facts_.follower = [this](NodeId node) { return followers_.at(node); };
  }
  ReplicaReport of(std::uint32_t node) {
    for (const ReplicaReport& report : report_replicas(facts_, kNow)) {
      if (report.node == NodeId(node)) return report;
    }
    ADD_FAILURE() << "no report of node " << node;
    return {};
  }
  FollowerFacts& follower(std::uint32_t node) { return followers_[NodeId(node)]; }

  ReplicaFacts facts_;
  std::map<NodeId, FollowerFacts> followers_;
};

TEST_F(ReplicaReportTest, LeaderKnowsWhoIsInSync) {
  const auto reports = report_replicas(facts_, kNow);
  ASSERT_EQ(reports.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reports[i].node, NodeId(i + 1));
    EXPECT_EQ(reports[i].role, i == 0 ? ReplicaRole::kLeader : ReplicaRole::kFollower);
    EXPECT_EQ(reports[i].state, ReplicaState::kInSync);
    EXPECT_EQ(reports[i].flushed, model::Offset(100));
    EXPECT_EQ(reports[i].lag_records, 0U);
    EXPECT_FALSE(reports[i].since);
  }
}

TEST_F(ReplicaReportTest, LagIsShownAtOnceAndCatchingUpAfterAWhile) {
  follower(2).flushed = at(40);
  follower(2).behind_since = kNow - seconds(1);
  EXPECT_EQ(of(2).lag_records, 60U);
  EXPECT_EQ(of(2).state, ReplicaState::kInSync);
  follower(2).behind_since = kNow - seconds(10);
  EXPECT_EQ(of(2).state, ReplicaState::kCatchingUp);
  EXPECT_EQ(of(2).since, kNow - seconds(10));
}

TEST_F(ReplicaReportTest, WhoComesBackCatchesUpAtOnce) {
  follower(2).flushed = at(40);
  follower(2).behind_since = kNow - seconds(2);
  follower(2).away_since = kNow - seconds(2);
  EXPECT_EQ(of(2).state, ReplicaState::kCatchingUp);
}

TEST_F(ReplicaReportTest, WhoBeginsAnewIsShownAtOnce) {
  follower(2).flushed = at(4);
  follower(2).behind_since = kNow - seconds(1);
  follower(2).installing = true;
  EXPECT_EQ(of(2).state, ReplicaState::kInstalling);
  EXPECT_EQ(of(2).since, kNow - seconds(1));
  EXPECT_EQ(of(2).lag_records, 96U);
  follower(2).reachable = false;
  EXPECT_EQ(of(2).state, ReplicaState::kUnreachable);
}

TEST_F(ReplicaReportTest, UnreachableSinceItWentAway) {
  follower(3).reachable = false;
  follower(3).away_since = kNow - seconds(30);
  EXPECT_EQ(of(3).state, ReplicaState::kUnreachable);
  EXPECT_EQ(of(3).since, kNow - seconds(30));
}

TEST_F(ReplicaReportTest, FollowerKnowsOnlyItself) {
  facts_.leads = false;
  facts_.leader = NodeId(2);
  facts_.flushed = at(70);
  EXPECT_EQ(of(1).role, ReplicaRole::kFollower);
  EXPECT_EQ(of(1).flushed, model::Offset(70));
  EXPECT_FALSE(of(1).lag_records);
  EXPECT_EQ(of(1).state, ReplicaState::kUnknown);
  EXPECT_EQ(of(2).role, ReplicaRole::kLeader);
  EXPECT_EQ(of(2).state, ReplicaState::kUnknown);
  EXPECT_FALSE(of(2).flushed);
}

TEST_F(ReplicaReportTest, FailedAndDamagedAreToldAlsoByAFollower) {
  facts_.leads = false;
  facts_.damaged = true;
  EXPECT_EQ(of(1).state, ReplicaState::kDamaged);
  EXPECT_FALSE(of(1).since);  // it was there at the start
  facts_.damaged_since = seconds(3);
  EXPECT_EQ(of(1).since, seconds(3));
  facts_.failed_since = seconds(5);
  EXPECT_EQ(of(1).state, ReplicaState::kFailed);
  EXPECT_EQ(of(1).since, seconds(5));
}

TEST_F(ReplicaReportTest, MoveNamesWhoComesAndWhoGoes) {
  facts_.wanted = {voter(1), voter(2), voter(4)};
  EXPECT_EQ(of(3).state, ReplicaState::kBeingRemoved);
  EXPECT_EQ(of(4).state, ReplicaState::kBeingAdded);  // before it is a member
  EXPECT_EQ(of(4).role, ReplicaRole::kLearner);
  facts_.members.learners = {voter(4)};
  follower(4).behind_since = kNow - seconds(20);
  follower(4).flushed = at(10);
  EXPECT_EQ(of(4).state, ReplicaState::kBeingAdded);
  EXPECT_EQ(of(4).lag_records, 90U);
}

// Until the last step is committed, the loss of a voter of the step before it may stop the partition.
TEST_F(ReplicaReportTest, WhoIsNotInTheCommittedVotersIsStillBeingAdded) {
  facts_.members = {.voters = {voter(1)}, .next_voters = {voter(1), voter(2), voter(3)}, .learners = {}};
  facts_.committed_voters = {voter(1)};
  EXPECT_EQ(of(1).state, ReplicaState::kInSync);
  EXPECT_EQ(of(2).state, ReplicaState::kBeingAdded);
  facts_.members = {.voters = {voter(1), voter(2), voter(3)}, .next_voters = {}, .learners = {}};
  EXPECT_EQ(of(2).state, ReplicaState::kBeingAdded);
  facts_.committed_voters = facts_.members.voters;
  EXPECT_EQ(of(2).state, ReplicaState::kInSync);
  facts_.committed_voters = {voter(1), voter(2, 9), voter(3)};  // the same node, on the disk that it lost
  EXPECT_EQ(of(2).state, ReplicaState::kBeingAdded);
}

TEST_F(ReplicaReportTest, LearnerThatIsToStayIsInSyncAndNotOnItsWay) {
  facts_.wanted_learners = {voter(4)};
  EXPECT_EQ(of(4).state, ReplicaState::kBeingAdded);  // before it is a member
  facts_.members.learners = {voter(4)};
  EXPECT_EQ(of(4).state, ReplicaState::kInSync);
  EXPECT_EQ(of(4).role, ReplicaRole::kLearner);
  follower(4).behind_since = kNow - seconds(20);
  EXPECT_EQ(of(4).state, ReplicaState::kCatchingUp);
  facts_.leads = false;
  EXPECT_EQ(of(4).state, ReplicaState::kUnknown);
}

TEST_F(ReplicaReportTest, AloneItIsInSync) {
  facts_.members.voters = {voter(1)};
  facts_.wanted = {};
  const auto reports = report_replicas(facts_, kNow);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].state, ReplicaState::kInSync);
  EXPECT_EQ(reports[0].role, ReplicaRole::kLeader);
}

}  // namespace
}  // namespace forebay::partition
