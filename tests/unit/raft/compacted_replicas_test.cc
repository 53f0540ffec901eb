#include "raft/core/compacted_replicas.h"

#include <gtest/gtest.h>

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

TEST(CompactedReplicas, NothingIsKnownWhenALeadershipBegins) {
  CompactedReplicas replicas;
  replicas.said(replica(1), at(30));
  replicas.begin();
  EXPECT_FALSE(replicas.everywhere({.voters = {replica(1)}, .next_voters = {}, .learners = {}}));
}

}  // namespace
}  // namespace forebay::raft
