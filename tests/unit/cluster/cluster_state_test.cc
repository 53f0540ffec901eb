// The log of __cluster is trimmed, and who lacks what it began with takes the state of the leader: after an
// absence, with an empty disk, without its store, and whatever is cut off while it does so.
#include <gtest/gtest.h>

#include <algorithm>

#include "metadata_cluster.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Trimming kSoon{20, 5};

// Nodes 1 to 3, and a fourth that may come later.
struct World {
  void begin() {
    cluster_.set_trimming(kSoon);
    for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).start();
    ASSERT_TRUE(cluster_.run_until([&] { return settled(3); }, minutes(1))) << cluster_.state();
  }
  // Somebody leads so many voters, and all that are up know as much as it does and could vote.
  [[nodiscard]] bool settled(std::size_t voters) {
    MetadataNode* leader = cluster_.leader();
    if (leader == nullptr || leader->log()->group().committed_membership().voters.size() != voters)
      return false;
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      MetadataNode& node = cluster_.node(i);
      if (!node.is_up()) continue;
      if (!node.image() || node.image()->applied != leader->log()->watermarks().high_watermark) return false;
      if (node.log()->end_is_lost() || !node.failure().empty()) return false;
    }
    return true;
  }
  void decide(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = "t" + std::to_string(made_++);
      // Leadership may be lost in the middle of it: then it is there, or is asked for again.
      for (;;) {
        ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; })) << cluster_.state();
        const auto created = cluster_.create(*cluster_.leader(), name, 2);
        if (created || created.error().code == ErrorCode::kTopicExists) break;
        const ErrorCode code = created.error().code;
        ASSERT_TRUE(code == ErrorCode::kOutcomeUnknown || code == ErrorCode::kNotLeader ||
                    code == ErrorCode::kNotYet)
            << created.error().to_string() << "\n"
            << cluster_.state();
        cluster_.scheduler().run_for(milliseconds(20));
      }
    }
  }
  [[nodiscard]] std::int64_t log_start() { return cluster_.leader()->log()->watermarks().log_start.value(); }
  void expect_everything(std::size_t voters) {
    ASSERT_TRUE(cluster_.run_until([&] { return settled(voters); }, minutes(2))) << cluster_.state();
    const ImagePtr first = cluster_.leader()->image();
    EXPECT_EQ(first->topics.size(), static_cast<std::size_t>(made_));
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      if (!cluster_.node(i).is_up()) continue;
      const ImagePtr image = cluster_.node(i).image();
      EXPECT_EQ(image->cluster_id, first->cluster_id);
      EXPECT_EQ(image->brokers, first->brokers);
      EXPECT_EQ(image->retired, first->retired);
      ASSERT_EQ(image->topics.size(), first->topics.size()) << "node " << i + 1;
      for (const auto& [name, topic] : first->topics) EXPECT_EQ(*image->topics.at(name), *topic);
    }
  }
  MetadataCluster cluster_{17, 4};
  int made_ = 0;
};

class ClusterStateTest : public testing::Test, protected World {
 protected:
  void SetUp() override { begin(); }
};

TEST_F(ClusterStateTest, LogStaysShortOnEveryNode) {
  decide(100);
  expect_everything(3);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_GT(cluster_.node(i).log()->watermarks().log_start.value(), 70) << "node " << i + 1;
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MetadataNode::End::kPower);
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).start();
  expect_everything(3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster_.node(i).controller()->states_taken(), 0U);
}

TEST_F(ClusterStateTest, NodeThatWasAwayForTooLongTakesTheStateAndVotesAgain) {
  MetadataNode& away = cluster_.node(2);
  away.die(MetadataNode::End::kPower);
  decide(60);
  ASSERT_GT(log_start(), 30);
  away.start();
  expect_everything(3);
  EXPECT_EQ(away.controller()->states_taken(), 1U);
  EXPECT_GT(away.log()->watermarks().log_start.value(), 30);
  // Its vote counts.
  cluster_.node(1).die(MetadataNode::End::kKill);
  decide(3);
  cluster_.node(1).start();
  expect_everything(3);
  away.die(MetadataNode::End::kPower);
  away.start();
  expect_everything(3);
  EXPECT_EQ(away.controller()->states_taken(), 0U) << "it was durable";
}

TEST_F(ClusterStateTest, NewNodeAndWipedNodeComeIn) {
  decide(60);
  cluster_.node(3).start();
  expect_everything(4);
  EXPECT_EQ(cluster_.node(3).controller()->states_taken(), 1U);
  MetadataNode& wiped = cluster_.node(2);
  wiped.die(MetadataNode::End::kPower);
  wiped.lose_disk();
  decide(30);
  wiped.start();
  expect_everything(4);
  EXPECT_EQ(wiped.controller()->states_taken(), 1U);
}

TEST_F(ClusterStateTest, NodeWithoutItsStoreTakesTheStateThoughItsLogIsWhole) {
  decide(60);
  MetadataNode& hurt = cluster_.node(2);
  hurt.die(MetadataNode::End::kPower);
  hurt.lose_store();
  hurt.start();
  expect_everything(3);
  EXPECT_EQ(hurt.controller()->states_taken(), 1U);
}

// Also the one that would form a cluster if there were none.
TEST_F(ClusterStateTest, LeaderWithoutItsStoreDecidesNothingAndHandsOver) {
  decide(60);
  const model::Uuid id = cluster_.leader()->image()->cluster_id;
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MetadataNode::End::kPower);
  MetadataNode& hurt = cluster_.node(0);
  hurt.lose_store();
  hurt.start();
  cluster_.node(1).start();
  ASSERT_TRUE(
      cluster_.run_until([&] { return cluster_.node(1).leads() && hurt.image() != nullptr; }, minutes(1)))
      << cluster_.state();
  cluster_.node(2).start();
  decide(1);
  expect_everything(3);
  EXPECT_EQ(hurt.image()->cluster_id, id);
}

TEST_F(ClusterStateTest, StateComesFromWhoeverLeadsThen) {
  MetadataNode& away = cluster_.node(2);
  away.die(MetadataNode::End::kPower);
  decide(60);
  away.start();
  ASSERT_TRUE(cluster_.run_until([&] { return away.log() != nullptr && away.log()->end_is_lost(); }))
      << "its log knows that the state goes further, before the store has it";
  // Nobody but the two others could lead now, and it helps neither.
  cluster_.leader()->die(MetadataNode::End::kKill);
  cluster_.scheduler().run_for(seconds(30));
  EXPECT_EQ(cluster_.leader(), nullptr);
  EXPECT_FALSE(away.log()->majority_loss());
  for (std::size_t i = 0; i < 2; ++i) {
    if (!cluster_.node(i).is_up()) cluster_.node(i).start();
  }
  expect_everything(3);
}

// A node that takes the state, or the leader that sends it, loses power at one step of it. Returns whether
// that was before it had everything.
bool cut(std::uint64_t crash_at, std::size_t victim) {
  World world;
  MetadataCluster& cluster = world.cluster_;
  world.begin();
  cluster.node(2).die(MetadataNode::End::kPower);
  world.decide(45);
  cluster.node(2).start();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || world.settled(3); }, minutes(1)))
      << cluster.state();
  const bool was_there = world.settled(3);
  cluster.node(victim).die(MetadataNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(30));
  cluster.node(victim).start();
  world.decide(2);
  world.expect_everything(3);
  return !was_there;
}

class ClusterStateCut : public testing::TestWithParam<std::size_t> {};

TEST_P(ClusterStateCut, SurvivesAPowerCutAtEachStep) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 29;
#else
  constexpr std::uint64_t kStride = 2;
#endif
  std::uint64_t at = GetParam() % kStride;
  while (!HasFailure() && cut(at, GetParam())) at += kStride;
  EXPECT_GT(at, 50U) << "it has more steps";
  EXPECT_FALSE(HasFailure()) << "power cut of node " << GetParam() + 1 << " at step " << at;
}

INSTANTIATE_TEST_SUITE_P(Nodes, ClusterStateCut, testing::Values(0, 2));

}  // namespace
}  // namespace forebay::cluster
