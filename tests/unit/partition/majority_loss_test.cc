// When a partition may go on without its majority, and when that is refused.
#include "partition/core/majority_loss.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

log::Voter voter(std::uint8_t node) { return {model::NodeId(node), model::Uuid{{node}}}; }

constexpr Steady kNow = std::chrono::seconds(100);

// Node 1 of three, alone for a long time.
MajorityLossFacts alone() {
  MajorityLossFacts facts;
  facts.members.voters = {voter(1), voter(2), voter(3)};
  facts.self = voter(1);
  facts.out_of_reach = {voter(2), voter(3)};
  facts.leaderless_since = kNow - kMajorityGoneAtLeast;
  facts.end = {model::Offset(70), 0};
  facts.commit = {model::Offset(60), 2};
  return facts;
}

void expect_refused(const MajorityLossFacts& facts, const std::string& why) {
  const auto judged = judge_majority_loss(facts, kNow);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(judged.error().context.find(why), std::string::npos) << judged.error().context;
}

TEST(MajorityLoss, SaysWhoIsLostAndWhatIsHere) {
  const auto judged = judge_majority_loss(alone(), kNow);
  ASSERT_TRUE(judged) << judged.error().to_string();
  EXPECT_EQ(*judged, (MajorityLoss{{voter(2), voter(3)}, {voter(1)}, model::Offset(70), model::Offset(60)}));
}

TEST(MajorityLoss, OthersThatAreLeftGoOnToo) {
  auto facts = alone();
  facts.members.voters = {voter(1), voter(2), voter(3), voter(4), voter(5)};
  facts.out_of_reach = {voter(2), voter(3), voter(5)};
  const auto judged = judge_majority_loss(facts, kNow);
  ASSERT_TRUE(judged);
  EXPECT_EQ(judged->left, (std::vector{voter(1), voter(4)}));
}

TEST(MajorityLoss, IsRefusedWhileAMajorityIsThere) {
  auto facts = alone();
  facts.out_of_reach = {voter(3)};
  expect_refused(facts, "a majority of the voters can be reached");
}

TEST(MajorityLoss, IsRefusedWhileALeaderIsKnown) {
  auto facts = alone();
  facts.leader = model::NodeId(2);
  expect_refused(facts, "node 2 leads the partition");
}

TEST(MajorityLoss, IsRefusedUntilTheOthersHaveHadTheirTime) {
  auto facts = alone();
  facts.leaderless_since = kNow - std::chrono::seconds(4);
  expect_refused(facts, "for 4 s only; ask again when it has for 10 s");
  facts.leaderless_since.reset();
  expect_refused(facts, "for 0 s only");
}

TEST(MajorityLoss, IsRefusedWhereThisReplicaCannotLead) {
  auto facts = alone();
  facts.tail_lost = true;
  expect_refused(facts, "the end of the log on node 1 is lost as well");
  facts = alone();
  facts.failure = "no space";
  expect_refused(facts, "has stopped: no space");
  facts = alone();
  facts.self = voter(7);
  expect_refused(facts, "node 7 is no voter");
}

// Both the old and the new voters have to be there for a change that is under way.
TEST(MajorityLoss, CountsBothSidesOfAChange) {
  auto facts = alone();
  facts.members.voters = {voter(1), voter(2), voter(3)};
  facts.members.next_voters = {voter(1), voter(4), voter(5)};
  facts.out_of_reach = {voter(4), voter(5)};
  const auto judged = judge_majority_loss(facts, kNow);
  ASSERT_TRUE(judged) << judged.error().to_string();
  EXPECT_EQ(judged->left, (std::vector{voter(1), voter(2), voter(3)}));
}

}  // namespace
}  // namespace forebay::partition
