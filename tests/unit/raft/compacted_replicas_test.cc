#include "raft/core/compacted_replicas.h"

#include <gtest/gtest.h>

#include "raft/core/tombstone_wait.h"

namespace forebay::raft {
namespace {

model::LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }
log::Voter replica(std::uint32_t node, std::uint8_t disk = 1) {
  return {model::NodeId(node), model::Uuid{{disk}}};
}

TEST(CompactedReplicas, TheLeastOfAllMembersCounts) {
  CompactedReplicas replicas;
  const log::Membership members{
      .voters = {replica(1), replica(2)}, .next_voters = {}, .learners = {replica(3)}};
  replicas.said(replica(1), at(30));
  replicas.said(replica(2), at(20));
  EXPECT_FALSE(replicas.everywhere(members)) << "a learner has not been heard";
  replicas.said(replica(3), at(10));
  EXPECT_EQ(replicas.everywhere(members), at(10));
  replicas.said(replica(3), at(40));
  EXPECT_EQ(replicas.everywhere(members), at(20));
  replicas.said(replica(2), at(5));
  EXPECT_EQ(replicas.everywhere(members), at(5)) << "frames of another replica came into its log";
}

TEST(CompactedReplicas, AnotherDiskIsAnotherReplica) {
  CompactedReplicas replicas;
  replicas.said(replica(1), at(30));
  replicas.said(replica(2, 1), at(30));
  EXPECT_FALSE(
      replicas.everywhere({.voters = {replica(1), replica(2, 2)}, .next_voters = {}, .learners = {}}));
}

TEST(CompactedReplicas, WhoIsToVoteNextCountsToo) {
  CompactedReplicas replicas;
  replicas.said(replica(1), at(30));
  EXPECT_FALSE(replicas.everywhere({.voters = {replica(1)}, .next_voters = {replica(2)}, .learners = {}}));
}

TEST(CompactedReplicas, WhoHoldsTombstonesBackIsNamed) {
  CompactedReplicas replicas;
  const log::Membership members{
      .voters = {replica(1), replica(4)}, .next_voters = {replica(2, 2)}, .learners = {replica(3)}};
  replicas.said(replica(1), at(30));
  replicas.said(replica(2, 1), at(30));
  replicas.said(replica(4), at(20));
  const std::vector<model::NodeId> unheard{model::NodeId(2), model::NodeId(3)};
  EXPECT_EQ(replicas.behind(members, at(20)), unheard);
  const std::vector<model::NodeId> late{model::NodeId(2), model::NodeId(3), model::NodeId(4)};
  EXPECT_EQ(replicas.behind(members, at(21)), late);
}

TEST(TombstoneWait, LastsAsLongAsTheFirstOfThemWaits) {
  using std::chrono::seconds;
  TombstoneWait wait;
  wait.look({}, at(0), seconds(1));
  EXPECT_FALSE(wait.since()) << "there are none";
  wait.look(at(10), at(0), seconds(2));
  wait.look(at(10), at(9), seconds(5));
  EXPECT_EQ(wait.since(), seconds(2));
  // It was superseded; later ones wait for the same copy.
  wait.look(at(15), at(9), seconds(6));
  EXPECT_EQ(wait.since(), seconds(2));
  EXPECT_EQ(wait.upto(), at(10));
  wait.look(at(15), at(12), seconds(7));
  EXPECT_EQ(wait.since(), seconds(7)) << "the copy has moved on past the first";
  EXPECT_EQ(wait.upto(), at(15));
  wait.look(at(15), at(15), seconds(9));
  EXPECT_FALSE(wait.since()) << "all are compacted; that their time is not over is no wait";
  wait.look(at(20), at(15), seconds(10));
  wait.begin();
  EXPECT_FALSE(wait.since()) << "another leadership knows nothing";
}

TEST(CompactedReplicas, NothingIsKnownWhenALeadershipBegins) {
  CompactedReplicas replicas;
  replicas.said(replica(1), at(30));
  replicas.begin();
  EXPECT_FALSE(replicas.everywhere({.voters = {replica(1)}, .next_voters = {}, .learners = {}}));
}

}  // namespace
}  // namespace forebay::raft
