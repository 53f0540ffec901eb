// The controllers of several nodes over one log: one decides, all follow, and leadership moves between them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cluster/core/moves.h"
#include "metadata_cluster.h"
#include "sim/seed_range.h"

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
  EXPECT_EQ((*moved)->features, spoken_features());
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

// --- growth

// One node with a topic becomes three. `crash_at`: the event of the growth at which `victim` loses power.
// Returns: false when the growth was over before.
bool grow(std::uint64_t crash_at, std::size_t victim) {
  MetadataCluster cluster(3, 3);
  MetadataNode& first = cluster.node(0);
  first.start();
  EXPECT_TRUE(cluster.run_until(
      [&] { return first.leads() && first.image() && first.image()->broker(first.id()) != nullptr; }));
  const auto before = cluster.create(first, "before");
  EXPECT_TRUE(before) << before.error().to_string();
  cluster.node(1).start();
  cluster.node(2).start();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || cluster.converged(); }))
      << cluster.state();
  const bool grew = cluster.converged();
  cluster.node(victim).die(MetadataNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(50));
  cluster.node(victim).start();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
      << cluster.state();
  cluster.expect_agreement();
  EXPECT_NE(cluster.node(2).image()->find("before"), nullptr);
  const auto created = cluster.create(*cluster.leader(), "after");
  EXPECT_TRUE(created) << created.error().to_string();
  return !grew;
}

TEST(ClusterGrowth, SurvivesAPowerCutOfAnyNodeAtEachStep) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 41;
#else
  constexpr std::uint64_t kStride = 3;
#endif
  for (std::size_t victim = 0; victim < 3; ++victim) {
    std::uint64_t at = victim;  // other steps for each
    while (!testing::Test::HasFailure() && grow(at, victim)) at += kStride;
    EXPECT_GT(at, 100U) << "the growth has more steps";
    EXPECT_FALSE(testing::Test::HasFailure()) << "power cut of node " << victim + 1 << " at step " << at;
  }
}

// A node that comes back with an empty disk gets the log from its beginning, and with it memberships that
// name the disk it had before. It loses power at the event `crash_at` of that. Returns: false when it was
// taken back before.
bool readmit(std::uint64_t crash_at, std::size_t wiped) {
  MetadataCluster cluster(5, 3);
  cluster.start_all();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.converged(); })) << cluster.state();
  for (int i = 0; i < 6; ++i) {  // so much that it comes in several rounds
    std::optional<Result<ImagePtr>> created;
    cluster.leader()->controller()->submit(
        [i](const ClusterImage& image) -> Result<ClusterRecord> {
          FOREBAY_TRY(auto record, decide_create(image,
                                                 {.name = "t" + std::to_string(i),
                                                  .config = {{"filler", std::string(60U << 10, 'x')}}},
                                                 model::TopicId{{static_cast<std::uint8_t>(i + 1)}}, {}));
          return ClusterRecord(std::move(record));
        },
        [&created](Result<ImagePtr> image) { created = std::move(image); });
    EXPECT_TRUE(cluster.run_until([&] { return created.has_value() && cluster.converged(); }));
    EXPECT_TRUE(*created) << created->error().to_string();
  }
  MetadataNode& node = cluster.node(wiped);
  const auto is_back = [&] {
    if (!cluster.converged()) return false;
    const auto& voters = cluster.leader()->log()->group().committed_membership().voters;
    return std::find(voters.begin(), voters.end(), node.voter()) != voters.end();
  };
  node.die(MetadataNode::End::kPower);
  node.lose_disk();
  cluster.scheduler().run_for(seconds(5));  // it is known to be gone
  node.start();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || is_back(); })) << cluster.state();
  const bool was_back = is_back();
  node.die(MetadataNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(50));
  node.start();
  EXPECT_TRUE(cluster.run_until(is_back, std::chrono::minutes(2))) << cluster.state();
  cluster.expect_agreement();
  const auto created = cluster.create(*cluster.leader(), "after");
  EXPECT_TRUE(created) << created.error().to_string();
  return !was_back;
}

TEST(ClusterGrowth, EmptiedNodeIsTakenBackThoughItLosesPowerAtAnyStepOfThat) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 41;
#else
  constexpr std::uint64_t kStride = 3;
#endif
  for (std::size_t wiped = 0; wiped < 3; ++wiped) {
    std::uint64_t at = wiped;
    while (!testing::Test::HasFailure() && readmit(at, wiped)) at += kStride;
    EXPECT_GT(at, 50U) << "the way back has more steps";
    EXPECT_FALSE(testing::Test::HasFailure()) << "power cut of node " << wiped + 1 << " at step " << at;
  }
}

// --- most nodes are lost

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

// --- drawn schedules

struct World {
  explicit World(std::uint64_t seed, sim::SimNetwork::Options network)
      : rng(seed), cluster(seed, seed % 5 == 0 ? 7 : 3, network), trims(seed % 2 == 0) {
    if (trims) cluster.set_trimming({8, 2});
  }
  std::mt19937_64 rng;
  MetadataCluster cluster;
  bool trims;
  std::uint64_t states_taken = 0;
  std::map<model::TopicId, std::string> acked, unknown, refused;
  // Not answered yet, by the node that was asked: when it dies nobody will.
  std::map<model::NodeId, std::map<model::TopicId, std::string>> waiting;

  std::uint64_t draw(std::uint64_t below) { return rng() % below; }
  [[nodiscard]] bool all_answered() const {
    return std::all_of(waiting.begin(), waiting.end(), [](const auto& one) { return one.second.empty(); });
  }

  // Somebody asks whoever leads, or believes that it does.
  void ask() {
    MetadataNode& one = cluster.node(draw(cluster.size()));
    if (!one.is_up() || one.controller() == nullptr) return;
    const std::string name = "t" + std::to_string(draw(40));
    const auto id = one.controller()->new_id();
    waiting[one.id()][id] = name;
    const auto answered = [this, id, name, node = one.id()](const Result<ImagePtr>& image) {
      waiting[node].erase(id);
      if (image) {
        acked[id] = name;
        EXPECT_EQ((*image)->find(name)->id, id);
      } else if (image.error().code == ErrorCode::kOutcomeUnknown ||
                 image.error().code == ErrorCode::kTimedOut ||
                 image.error().code == ErrorCode::kShuttingDown) {
        unknown[id] = name;
      } else {
        refused[id] = name;
      }
    };
    one.controller()->submit(creating(name, id), answered);
  }
  void fault() {
    MetadataNode& one = cluster.node(draw(cluster.size()));
    switch (draw(8)) {
      case 0:
      case 1:
        if (one.is_up()) {
          count_states(one);
          one.die(draw(2) == 0 ? MetadataNode::End::kKill : MetadataNode::End::kPower);
          unknown.merge(waiting[one.id()]);
          waiting[one.id()].clear();
        }
        break;
      case 2:
      case 3:
        if (!one.is_up()) one.start();
        break;
      case 4:
        cluster.isolate(one);
        break;
      case 5: {
        const model::NodeId from(static_cast<std::uint32_t>(1 + draw(cluster.size())));
        if (from != one.id()) cluster.network().cut(from, one.id());
        break;
      }
      case 6:
        cluster.network().heal_all();
        break;
      default:
        // Where the log is trimmed, the stores of a majority are all there is.
        if (!one.is_up() && draw(3) == 0 && (!trims || one.id() == model::NodeId(3))) one.lose_store();
    }
  }
  void count_states(MetadataNode& one) {
    if (one.controller() != nullptr) states_taken += one.controller()->states_taken();
  }
};

// Whatever happens to nodes and network: what was answered is in every image for ever, what was refused is in
// none, and no image ever meets a record that cannot follow.
TEST(ControllerSim, AnsweredDecisionsHoldAndRefusedOnesDoNot) {
  const sim::SeedRange seeds(sim::worlds(150));
  std::uint64_t acked = 0, unknown = 0, refused = 0, took_effect_unknown = 0, moves = 0, states_taken = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::SimRng draws(seed);
    World world(seed, sim::SimNetwork::draw(draws));
    MetadataCluster& cluster = world.cluster;
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
        << cluster.state();
    MetadataNode* leader = cluster.leader();
    for (int step = 0; step < 150; ++step) {
      if (world.draw(4) == 0) world.fault();
      for (std::uint64_t i = world.draw(3); i > 0; --i) world.ask();
      cluster.scheduler().run_for(std::chrono::microseconds(1 << world.draw(20)));
      if (cluster.leader() != nullptr && cluster.leader() != leader) ++moves;
      if (cluster.leader() != nullptr) leader = cluster.leader();
    }
    cluster.network().heal_all();
    cluster.network().set_options({});
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged() && world.all_answered(); },
                                  std::chrono::minutes(2)))
        << cluster.state();
    cluster.expect_agreement();
    const ImagePtr image = cluster.node(0).image();
    for (const auto& [id, name] : world.acked) EXPECT_TRUE(image->by_id.contains(id)) << name;
    for (const auto& [id, name] : world.refused) EXPECT_FALSE(image->by_id.contains(id)) << name;
    for (const auto& [id, topic] : image->by_id) {
      EXPECT_TRUE(world.acked.contains(id) || world.unknown.contains(id)) << topic->name;
      took_effect_unknown += world.unknown.contains(id) ? 1 : 0;
    }
    acked += world.acked.size();
    unknown += world.unknown.size();
    refused += world.refused.size();
    for (std::size_t i = 0; i < cluster.size(); ++i) world.count_states(cluster.node(i));
    states_taken += world.states_taken;
  }
  const std::pair<const char*, std::uint64_t> places[] = {
      {"decisions answered", acked},  {"decisions refused", refused},
      {"unknown outcomes", unknown},  {"unknown outcomes that took effect", took_effect_unknown},
      {"moves of leadership", moves}, {"states taken from a leader", states_taken}};
  sim::expect_reached(seeds, 150, places);
}

// One node is cut off and recovered without the others, which go on without it: whatever the schedule,
// neither history ever gets anything of the other's, and each keeps what it answered.
TEST(ControllerSim, RecoveredAndLostHistoriesNeverMix) {
  const sim::SeedRange seeds(sim::worlds(60));
  std::uint64_t ours = 0, theirs = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::SimRng draws(seed);
    std::mt19937_64 rng(seed);
    MetadataCluster cluster(seed, 3, sim::SimNetwork::draw(draws));
    if (seed % 2 == 0) cluster.set_trimming({3, 1});
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
        << cluster.state();
    MetadataNode& one = cluster.node(rng() % 3);
    // It votes by what its leader knows; it has to know it as well.
    ASSERT_TRUE(cluster.run_until([&] { return one.log()->group().membership().voters.size() == 3; }));
    // Sometimes what it has last is known to nobody else, or to be committed to nobody at all.
    if (MetadataNode* leader = cluster.leader(); rng() % 2 == 0 && leader != nullptr)
      leader->controller()->submit(creating("open", leader->controller()->new_id()),
                                   [](const Result<ImagePtr>&) {});
    cluster.scheduler().run_for(std::chrono::microseconds(1 << (rng() % 18)));
    cluster.isolate(one);
    const auto others_lead = [&] { return cluster.leader() != nullptr && cluster.leader() != &one; };
    ASSERT_TRUE(cluster.run_until(others_lead, std::chrono::minutes(1)));
    for (std::uint64_t i = rng() % 4; i > 0; --i) {
      ASSERT_TRUE(cluster.run_until(others_lead, std::chrono::minutes(1)));
      theirs += cluster.create(*cluster.leader(), "theirs" + std::to_string(i)) ? 1 : 0;
    }
    cluster.scheduler().run_for(seconds(15));
    std::vector<log::Voter> lost;
    for (std::size_t i = 0; i < 3; ++i) {
      if (&cluster.node(i) != &one) lost.push_back(cluster.node(i).voter());
    }
    std::optional<Result<std::monostate>> recovered;
    one.log()->recover_without(lost, seconds(10),
                               [&](Result<std::monostate> done) { recovered = std::move(done); });
    ASSERT_TRUE(cluster.run_until([&] { return recovered.has_value(); }));
    ASSERT_TRUE(*recovered) << recovered->error().to_string();
    std::size_t retired = 0;
    for (const log::Voter& voter : lost) {
      one.proposer().propose(RetireDisk{voter}, std::chrono::minutes(1),
                             [&](const Result<void>& done) { retired += done ? 1 : 0; });
    }
    ASSERT_TRUE(cluster.run_until([&] { return retired == 2; })) << cluster.state();
    for (std::uint64_t i = rng() % 4; i > 0; --i)
      ours += cluster.create(one, "ours" + std::to_string(i), 1) ? 1 : 0;
    cluster.network().heal_all();
    cluster.network().set_options({});
    cluster.scheduler().run_for(seconds(20));
    ASSERT_TRUE(one.leads()) << cluster.state();
    EXPECT_EQ(one.failure(), "");
    for (std::size_t i = 0; i < 3; ++i) {
      for (const auto& [name, topic] : cluster.node(i).image()->topics)
        EXPECT_FALSE(name.starts_with(&cluster.node(i) == &one ? "theirs" : "ours")) << name;
    }
  }
  EXPECT_GT(ours, 0U);
  EXPECT_GT(theirs, 0U);
}

}  // namespace
}  // namespace forebay::cluster
