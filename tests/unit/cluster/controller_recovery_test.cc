// Most nodes of __cluster are lost, and what is left goes on by an operator's word (docs/adr/0013).
#include <gtest/gtest.h>

#include "metadata_cluster.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

// Nodes 1 to 3 of a cluster in which a fourth may take the place of one that is lost.
class MajorityLostTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).start();
    ASSERT_TRUE(cluster_.run_until([&] { return settled(3); })) << cluster_.state();
  }
  // Somebody leads so many voters.
  [[nodiscard]] bool settled(std::size_t voters) {
    MetadataNode* leader = cluster_.leader();
    return leader != nullptr && leader->log()->group().membership_settled() &&
           leader->log()->group().membership().voters.size() == voters;
  }
  [[nodiscard]] Result<std::monostate> recover(MetadataNode& on, const std::vector<log::Voter>& lost) {
    std::optional<Result<std::monostate>> answer;
    on.log()->recover_without(lost, seconds(5),
                              [&](Result<std::monostate> done) { answer = std::move(done); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    return answer.value_or(Error{});
  }
  [[nodiscard]] Result<void> retire(MetadataNode& on, const log::Voter& voter) {
    std::optional<Result<void>> answer;
    on.proposer().propose(RetireDisk{voter}, seconds(20),
                          [&](Result<void> done) { answer = std::move(done); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    return answer.value_or(Error{});
  }
  MetadataCluster cluster_{11, 4};
};

TEST_F(MajorityLostTest, IsRefusedWhileAMajorityIsThereOrHasJustGone) {
  const log::Voter two = cluster_.node(1).voter(), three = cluster_.node(2).voter();
  MetadataNode& one = cluster_.node(0);
  EXPECT_EQ(one.log()->majority_loss().error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(recover(one, {two, three}));
  cluster_.node(2).die(MetadataNode::End::kKill);
  cluster_.scheduler().run_for(seconds(30));
  EXPECT_FALSE(recover(one, {three}));
  cluster_.node(1).die(MetadataNode::End::kKill);
  cluster_.scheduler().run_for(seconds(5));
  EXPECT_FALSE(recover(one, {two, three})) << "they may just be restarted";
  EXPECT_TRUE(settled(3) || cluster_.leader() == nullptr);
}

TEST_F(MajorityLostTest, LastNodeGoesOnAndOthersJoinIt) {
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "before"));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.node(0).image()->find("before") != nullptr; }));
  MetadataNode& one = cluster_.node(0);
  const log::Voter two = cluster_.node(1).voter(), three = cluster_.node(2).voter();
  const model::Term term = one.log()->term();
  for (const std::size_t lost : {1U, 2U}) cluster_.node(lost).die(MetadataNode::End::kPower);
  // Also after a restart of the one that is left.
  one.die(MetadataNode::End::kKill);
  one.start();
  cluster_.scheduler().run_for(seconds(20));
  ASSERT_EQ(cluster_.leader(), nullptr);
  const auto loss = one.log()->majority_loss();
  ASSERT_TRUE(loss) << loss.error().to_string();
  EXPECT_EQ(loss->lost, (std::vector{two, three}));
  ASSERT_TRUE(recover(one, loss->lost));
  EXPECT_GE(one.log()->term(), model::Term(term.value() + raft::kForcedTerms));
  for (const log::Voter& lost : loss->lost) ASSERT_TRUE(retire(one, lost));
  EXPECT_NE(one.image()->find("before"), nullptr);
  ASSERT_TRUE(cluster_.create(one, "after", 1));

  cluster_.node(3).start();
  ASSERT_TRUE(cluster_.run_until([&] { return settled(2); })) << cluster_.state();
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.node(3).image() != nullptr; }));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.node(3).image()->find("after") != nullptr; }));
}

// Both have what the first did not have, and elect one of them: they stay among themselves.
TEST_F(MajorityLostTest, LostOnesThatComeBackAfterAllAreNotListenedTo) {
  MetadataNode& one = cluster_.node(0);
  const log::Voter two = cluster_.node(1).voter(), three = cluster_.node(2).voter();
  cluster_.isolate(one);
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr && cluster_.leader() != &one; }));
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "only-theirs"));
  cluster_.scheduler().run_for(seconds(20));
  ASSERT_TRUE(recover(one, {two, three}));
  for (const log::Voter& lost : {two, three}) ASSERT_TRUE(retire(one, lost));
  ASSERT_TRUE(cluster_.create(one, "only-ours", 1));
  cluster_.network().heal_all();
  cluster_.scheduler().run_for(seconds(30));
  EXPECT_TRUE(one.leads());
  EXPECT_EQ(one.image()->find("only-theirs"), nullptr);
  EXPECT_EQ(one.log()->group().membership().voters, (std::vector{one.voter()}));
  EXPECT_EQ(cluster_.node(1).image()->find("only-ours"), nullptr) << "two histories in one log";
  EXPECT_EQ(one.failure(), "");

  // Started anew they register, and are told.
  cluster_.node(1).die(MetadataNode::End::kKill);
  cluster_.node(2).die(MetadataNode::End::kKill);
  cluster_.node(1).start();
  std::optional<Result<void>> answer;
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.node(1).log() != nullptr; }));
  cluster_.node(1).proposer().propose(RegisterBroker{cluster_.node(1).registration()}, seconds(20),
                                      [&](Result<void> done) { answer = std::move(done); });
  ASSERT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(answer->error().context.find("declared lost"), std::string::npos) << answer->error().context;
}

}  // namespace
}  // namespace forebay::cluster
