// The controllers of several nodes over one log: one decides, all follow, and leadership moves between them.
#include <gtest/gtest.h>

#include "cluster/core/moves.h"
#include "metadata_cluster.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ControllerClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.start_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.converged(); }));
  }
  MetadataNode& follower() {
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      if (&cluster_.node(i) != cluster_.leader()) return cluster_.node(i);
    }
    std::abort();
  }
  void converge() {
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.converged(); }));
    cluster_.expect_agreement();
  }
  MetadataCluster cluster_{7, 3};
};

TEST_F(ControllerClusterTest, OneFormsTheOthersGrowIntoIt) {
  cluster_.expect_agreement();
  EXPECT_EQ(cluster_.leader(), &cluster_.node(0));
  EXPECT_EQ(cluster_.node(2).image()->brokers.size(), 3U);
  EXPECT_FALSE(cluster_.node(2).image()->cluster_id.is_nil());
}

TEST_F(ControllerClusterTest, DecisionReachesEveryImage) {
  const auto created = cluster_.create(*cluster_.leader(), "orders");
  ASSERT_TRUE(created) << created.error().to_string();
  EXPECT_EQ((*created)->find("orders")->replication_factor, 3U);
  converge();
  EXPECT_EQ(follower().image()->find("orders")->partitions[0].founders.size(), 3U);
}

TEST_F(ControllerClusterTest, FollowerRefusesAtOnceAndNamesTheLeader) {
  const auto refused = cluster_.create(follower(), "orders");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotLeader);
  EXPECT_NE(refused.error().context.find("node 1 leads"), std::string::npos) << refused.error().context;
  EXPECT_EQ(follower().controller()->leader(), model::NodeId(1));
  EXPECT_FALSE(follower().controller()->decides());
  EXPECT_TRUE(follower().controller()->check_changeable());
}

TEST_F(ControllerClusterTest, LeadershipMovesWithEverythingThatWasDecided) {
  for (int round = 0; round < 6; ++round) {
    const std::string name = "t" + std::to_string(round);
    MetadataNode* leader = cluster_.leader();
    ASSERT_NE(leader, nullptr);
    const auto created = cluster_.create(*leader, name);
    ASSERT_TRUE(created) << round << ": " << created.error().to_string();
    leader->die(round % 2 == 0 ? MetadataNode::End::kKill : MetadataNode::End::kPower);
    // At once, with what may not be in the new leader's image yet: it must have applied it before it decides.
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; }));
    EXPECT_EQ(cluster_.create(*cluster_.leader(), name).error().code, ErrorCode::kTopicExists);
    leader->start();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.converged(); })) << round;
  }
  converge();
  EXPECT_EQ(cluster_.node(0).image()->topics.size(), 6U);
}

TEST_F(ControllerClusterTest, WhatIsInFlightWhenLeadershipIsLostHasAnUnknownOutcomeAndWhatWaitsHasNone) {
  MetadataNode& old = *cluster_.leader();
  cluster_.isolate(old);
  std::vector<Result<ImagePtr>> answers;
  for (int i = 0; i < 3; ++i) {
    old.controller()->submit(creating("t" + std::to_string(i), old.controller()->new_id()),
                             [&answers](Result<ImagePtr> image) { answers.push_back(std::move(image)); });
  }
  ASSERT_TRUE(cluster_.run_until([&] { return answers.size() == 3; }, seconds(10)));
  EXPECT_EQ(answers[0].error().code, ErrorCode::kOutcomeUnknown) << answers[0].error().to_string();
  for (const int i : {1, 2}) {
    const ErrorCode code = answers[static_cast<std::size_t>(i)].error().code;
    EXPECT_TRUE(code == ErrorCode::kNotLeader || code == ErrorCode::kNotYet) << i;
  }
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr && cluster_.leader() != &old; }));
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "t1"));
  cluster_.network().heal_all();
  converge();
  EXPECT_EQ(old.image()->find("t0"), nullptr);  // it was alone with it
  EXPECT_NE(old.image()->find("t1"), nullptr);
  EXPECT_EQ(old.image()->find("t2"), nullptr);
}

TEST_F(ControllerClusterTest, LeaderThatIsToStopHandsOverBeforeAnybodyMissesIt) {
  MetadataNode& old = *cluster_.leader();
  const auto begun = cluster_.scheduler().now();
  bool done = false;
  old.partitions().hand_over_all(seconds(5), [&done] { done = true; });
  ASSERT_TRUE(cluster_.run_until([&] { return done; }, seconds(10)));
  EXPECT_FALSE(old.leads());
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; }));
  // Sooner than anybody would have taken it for gone.
  EXPECT_LT(cluster_.scheduler().now() - begun, milliseconds(500));
  old.die(MetadataNode::End::kKill);
  EXPECT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
}

TEST_F(ControllerClusterTest, LeaderThatNobodyCanFollowStopsAfterItsTime) {
  MetadataNode& old = *cluster_.leader();
  cluster_.isolate(old);  // the others count as there until their heartbeats have been missed
  const auto begun = cluster_.scheduler().now();
  bool done = false;
  old.partitions().hand_over_all(milliseconds(300), [&done] { done = true; });
  ASSERT_TRUE(cluster_.run_until([&] { return done; }, seconds(10)));
  EXPECT_LT(cluster_.scheduler().now() - begun, milliseconds(400));
}

// What its store did not have when it was elected it must not decide again.
TEST_F(ControllerClusterTest, NewLeaderWhoseStoreIsBehindKnowsWhatWasCommitted) {
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "early"));
  converge();
  cluster_.scheduler().run_for(seconds(1));
  MetadataNode& behind = cluster_.node(1);
  const auto store = behind.copy_store();
  cluster_.isolate(cluster_.node(2));  // so that only the other two have what follows
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "late"));
  cluster_.scheduler().run_for(seconds(1));
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MetadataNode::End::kPower);
  cluster_.network().heal_all();
  behind.set_store(store);
  behind.start();
  cluster_.node(2).start();
  ASSERT_TRUE(cluster_.run_until([&] { return behind.leads(); }));
  ASSERT_NE(behind.image(), nullptr);
  ASSERT_EQ(behind.image()->find("late"), nullptr);
  EXPECT_EQ(cluster_.create(behind, "late").error().code, ErrorCode::kTopicExists);
  cluster_.start_all();
  converge();
}

TEST_F(ControllerClusterTest, FollowerWithoutItsStoreHasEverythingFromTheLog) {
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
  converge();
  MetadataNode& one = follower();
  one.die(MetadataNode::End::kPower);
  one.lose_store();
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "more"));
  one.start();
  converge();
  EXPECT_EQ(one.image()->topics.size(), 2U);
}

// It serves what it knew, and does not take its short knowledge of the log for a loss.
TEST_F(ControllerClusterTest, NodeThatStartsAloneHasTheImageOfItsStore) {
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
  converge();
  cluster_.scheduler().run_for(seconds(1));  // the stores have it
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MetadataNode::End::kPower);
  MetadataNode& one = cluster_.node(1);
  one.start();
  ASSERT_TRUE(cluster_.run_until([&] { return one.image() != nullptr; }));
  cluster_.scheduler().run_for(seconds(20));
  EXPECT_NE(one.image()->find("orders"), nullptr);
  EXPECT_EQ(one.failure(), "");
  EXPECT_FALSE(one.controller()->decides());
  const auto refused = cluster_.create(one, "more");
  EXPECT_EQ(refused.error().code, ErrorCode::kNotYet) << refused.error().to_string();
  cluster_.start_all();
  converge();
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "more"));
}

// A node of an older version is upgraded last: nobody writes what it cannot read before.
TEST_F(ControllerClusterTest, OlderVersionHoldsBackWhatItCannotRead) {
  MetadataNode& older = follower();
  const auto restart_as = [&](const std::string& version, Features features) {
    older.die(MetadataNode::End::kPower);
    older.set_version(version, std::move(features));
    older.start();
  };
  const auto is_known_as = [&](const std::string& version) {
    return cluster_.run_until([&] {
      return cluster_.converged() && older.image()->broker(older.id())->registration.version == version;
    });
  };
  restart_as("1.0.0", {});
  ASSERT_TRUE(is_known_as("1.0.0"));
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "orders", 2));
  const auto move = [&] {
    std::optional<Result<ImagePtr>> moved;
    cluster_.leader()->controller()->submit(
        [](const ClusterImage& image) -> Result<ClusterRecord> {
          Replicas to = image.find("orders")->partitions[0].replicas;
          std::swap(to[0], to[1]);
          FOREBAY_TRY(auto decision, decide_move(image, {"orders", model::PartitionIndex(0), {}}, to, {}));
          return ClusterRecord(std::move(*decision.record));
        },
        [&moved](Result<ImagePtr> image) { moved = std::move(image); });
    EXPECT_TRUE(cluster_.run_until([&] { return moved.has_value(); }));
    return *moved;
  };
  const auto end = cluster_.leader()->log()->log().end();
  const auto refused = move();
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition) << refused.error().to_string();
  EXPECT_NE(refused.error().context.find("node " + std::to_string(older.id().value()) + " (version 1.0.0)"),
            std::string::npos)
      << refused.error().context;
  EXPECT_EQ(cluster_.leader()->log()->log().end(), end);

  restart_as("2.0.0", spoken_features());
  ASSERT_TRUE(is_known_as("2.0.0"));
  const auto moved = move();
  ASSERT_TRUE(moved) << moved.error().to_string();
  EXPECT_EQ((*moved)->features, (Features{{kMetadataFeature, 1}}));
  converge();

  restart_as("1.0.0", {});  // what is used cannot be unlearnt
  cluster_.scheduler().run_for(seconds(5));
  EXPECT_EQ(cluster_.leader()->image()->broker(older.id())->registration.version, "2.0.0");
}

TEST_F(ControllerClusterTest, ProposalsFindTheControllerWhereverItIs) {
  ASSERT_TRUE(cluster_.create(*cluster_.leader(), "orders"));
  converge();
  std::optional<Result<void>> confirmed;
  MetadataNode& one = follower();
  one.proposer().propose(ConfirmPartitions{one.image()->find("orders")->id, one.voter(), 1}, seconds(20),
                         [&](Result<void> done) { confirmed = std::move(done); });
  cluster_.leader()->die(MetadataNode::End::kKill);
  ASSERT_TRUE(cluster_.run_until([&] { return confirmed.has_value(); }));
  EXPECT_TRUE(*confirmed) << confirmed->error().to_string();
  cluster_.start_all();
  converge();
  EXPECT_EQ(cluster_.node(0).image()->find("orders")->confirmed_on(one.id()), 1U);
}

// A namesake of a node that lives is refused; when that one is gone, it takes its place.
TEST_F(ControllerClusterTest, NodeThatLivesIsNotReplaced) {
  MetadataNode& one = follower();
  auto namesake = one.registration();
  namesake.disk.bytes[3] ^= 1;
  const auto propose = [&] {
    std::optional<Result<ImagePtr>> answer;
    cluster_.leader()->controller()->propose(RegisterBroker{namesake},
                                             [&](Result<ImagePtr> image) { answer = std::move(image); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    return *answer;
  };
  EXPECT_EQ(propose().error().code, ErrorCode::kFailedPrecondition);
  one.die(MetadataNode::End::kKill);
  cluster_.scheduler().run_for(seconds(5));
  EXPECT_TRUE(propose());
}

}  // namespace
}  // namespace forebay::cluster
