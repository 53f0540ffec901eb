// More nodes than vote in __cluster: all follow the metadata, five vote, and a learner takes the place of a
// voter that does not come back.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "metadata_cluster.h"
#include "sim/seed_range.h"

namespace forebay::cluster {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class ClusterVotersTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.start_all();
    converge();
  }
  void converge() {
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.converged(); }, minutes(1))) << cluster_.state();
    cluster_.expect_agreement();
  }
  [[nodiscard]] const log::Membership& members() { return cluster_.leader()->log()->group().membership(); }
  [[nodiscard]] bool votes(const MetadataNode& node) {
    return std::find(members().voters.begin(), members().voters.end(), node.voter()) !=
           members().voters.end();
  }
  [[nodiscard]] bool learns(const MetadataNode& node) {
    return std::find(members().learners.begin(), members().learners.end(), node.voter()) !=
           members().learners.end();
  }
  // Of those that are up.
  MetadataNode& one_that(bool votes_wanted, bool leads = false) {
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      MetadataNode& node = cluster_.node(i);
      if (node.is_up() && votes(node) == votes_wanted && node.leads() == leads) return node;
    }
    std::abort();
  }
  [[nodiscard]] bool led_and_settled() {
    return cluster_.leader() != nullptr && cluster_.leader()->log()->group().membership_settled();
  }
  MetadataCluster cluster_{13, 7};
};

TEST_F(ClusterVotersTest, LearnersFollowAndProposeAndDoNotVote) {
  EXPECT_EQ(members().voters.size(), 5U);
  EXPECT_EQ(members().learners.size(), 2U);
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
  converge();
  MetadataNode& learner = one_that(false);
  EXPECT_NE(learner.image()->find("orders"), nullptr);
  std::optional<Result<void>> answer;
  learner.proposer().propose(GrantProducerIds{learner.id(), std::nullopt, 100}, seconds(5),
                             [&](Result<void> done) { answer = std::move(done); });
  ASSERT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
  EXPECT_TRUE(*answer) << answer->error().to_string();
  // What it says of itself, and what its leader says of it.
  for (partition::Partition* log : {learner.log(), cluster_.leader()->log()}) {
    const auto replicas = log->replication().replicas;
    const auto self = std::find_if(replicas.begin(), replicas.end(),
                                   [&](const auto& one) { return one.node == learner.id(); });
    ASSERT_NE(self, replicas.end());
    EXPECT_EQ(self->role, partition::ReplicaRole::kLearner);
    EXPECT_EQ(self->state,
              log == learner.log() ? partition::ReplicaState::kUnknown : partition::ReplicaState::kInSync);
  }
  EXPECT_FALSE(cluster_.leader()->log()->is_under_replicated());
  EXPECT_EQ(cluster_.leader()->log()->membership_waits_for(), "");
}

TEST_F(ClusterVotersTest, NobodyIsReplacedForARestart) {
  const auto before = members();
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    MetadataNode& node = cluster_.node(i);
    node.die(i % 2 == 0 ? MetadataNode::End::kKill : MetadataNode::End::kPower);
    cluster_.scheduler().run_for(seconds(60));
    node.start();
    converge();
  }
  EXPECT_EQ(members(), before);
  for (std::size_t i = 0; i < cluster_.size(); ++i) cluster_.node(i).die(MetadataNode::End::kPower);
  cluster_.start_all();
  converge();
  EXPECT_EQ(members(), before);
}

TEST_F(ClusterVotersTest, LearnerTakesThePlaceOfAVoterThatIsAwayForLong) {
  MetadataNode& dead = one_that(true);
  MetadataNode& learner = one_that(false);
  dead.die(MetadataNode::End::kPower);
  cluster_.scheduler().run_for(kVoterAbsenceMax - seconds(10));
  EXPECT_TRUE(votes(dead));
  ASSERT_TRUE(
      cluster_.run_until([&] { return led_and_settled() && votes(learner) && !votes(dead); }, minutes(1)))
      << cluster_.state();
  EXPECT_EQ(members().voters.size(), 5U);
  EXPECT_TRUE(learns(dead));
  // Two more may go now, and the learner has a vote that counts.
  one_that(true).die(MetadataNode::End::kKill);
  cluster_.leader()->die(MetadataNode::End::kKill);
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; })) << cluster_.state();
  EXPECT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
  // It comes back to learn, and is not voted back.
  dead.start();
  cluster_.start_all();
  converge();
  EXPECT_FALSE(votes(dead));
  EXPECT_NE(dead.image()->find("orders"), nullptr);
}

TEST_F(ClusterVotersTest, OneByOneAllFiveAreReplacedAsFarAsThereAreOthers) {
  for (int i = 0; i < 2; ++i) {
    MetadataNode& dead = one_that(true, i == 1);  // also the leader
    dead.die(MetadataNode::End::kKill);
    ASSERT_TRUE(cluster_.run_until([&] { return led_and_settled() && !votes(dead); }, minutes(10)))
        << cluster_.state();
  }
  const auto before = members();
  EXPECT_EQ(before.voters.size(), 5U);
  MetadataNode& third = one_that(true);
  third.die(MetadataNode::End::kKill);
  cluster_.scheduler().run_for(minutes(30));
  EXPECT_TRUE(votes(third)) << "nobody could take its place";
  EXPECT_EQ(members(), before);
  EXPECT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
}

TEST_F(ClusterVotersTest, WithoutAMajorityAnOperatorGoesOnWithWhoIsLeft) {
  std::vector<log::Voter> lost;
  MetadataNode& one = one_that(true, true);
  while (lost.size() < 3) {
    MetadataNode& dead = one_that(true);
    lost.push_back(dead.voter());
    dead.die(MetadataNode::End::kKill);
  }
  std::sort(lost.begin(), lost.end());
  cluster_.scheduler().run_for(seconds(30));
  EXPECT_EQ(cluster_.leader(), nullptr);
  std::optional<Result<std::monostate>> recovered;
  one.log()->recover_without(lost, seconds(5),
                             [&](Result<std::monostate> done) { recovered = std::move(done); });
  ASSERT_TRUE(cluster_.run_until([&] { return recovered.has_value(); }));
  ASSERT_TRUE(*recovered) << recovered->error().to_string();
  std::size_t retired = 0;
  for (const log::Voter& voter : lost) {
    one.proposer().propose(RetireDisk{voter}, minutes(1),
                           [&](const Result<void>& done) { retired += done ? 1 : 0; });
  }
  ASSERT_TRUE(cluster_.run_until([&] { return retired == 3; }, minutes(1))) << cluster_.state();
  // Four are left: all of them vote.
  ASSERT_TRUE(cluster_.run_until(
      [&] { return led_and_settled() && members().voters.size() == 4 && members().learners.empty(); },
      minutes(1)))
      << cluster_.state();
  EXPECT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
}

// Voters and learners die, are cut off, and come back, for shorter and longer than a vote waits.
TEST(ClusterVotersSim, FiveVoteAndNothingAnsweredIsLost) {
  const sim::SeedRange seeds(sim::worlds(25));
  std::uint64_t replaced = 0, answered = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 rng(seed);
    MetadataCluster cluster(seed, 7);
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, minutes(2))) << cluster.state();
    auto voters = cluster.leader()->log()->group().membership().voters;
    std::vector<std::string> created;
    for (int step = 0; step < 12; ++step) {
      MetadataNode& one = cluster.node(rng() % cluster.size());
      switch (rng() % 5) {
        case 0:
          cluster.isolate(one);
          break;
        case 1:
          cluster.network().heal_all();
          cluster.start_all();
          break;
        default:
          if (one.is_up()) {
            one.die(rng() % 2 == 0 ? MetadataNode::End::kKill : MetadataNode::End::kPower);
          } else {
            one.start();
          }
      }
      cluster.scheduler().run_for(seconds(rng() % (rng() % 2 == 0 ? 20 : 400)));
      MetadataNode* leader = cluster.leader();
      if (leader == nullptr) continue;
      const log::Membership& now = leader->log()->group().membership();
      EXPECT_LE(now.voters.size(), kMetadataVotersMax + 1) << cluster.state();
      if (now.voters != voters) ++replaced;
      voters = now.voters;
      const std::string name = "t" + std::to_string(step);
      if (cluster.create(*leader, name)) created.push_back(name);
    }
    cluster.network().heal_all();
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, minutes(2))) << cluster.state();
    cluster.expect_agreement();
    for (const std::string& name : created) EXPECT_NE(cluster.node(0).image()->find(name), nullptr) << name;
    answered += created.size();
  }
  const std::pair<const char*, std::uint64_t> places[] = {{"voters replaced", replaced},
                                                          {"decisions answered", answered}};
  sim::expect_reached(seeds, 25, places);
}

}  // namespace
}  // namespace forebay::cluster
