// A node is decommissioned while controllers come and go: the metadata and its group are real, what the
// leaders of partitions would say is said at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cluster/core/decommission.h"
#include "cluster/core/internal_topics.h"
#include "cluster/core/moves.h"
#include "metadata_cluster.h"
#include "sim/seed_range.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Limits kLimits{.moves_max = 2};
constexpr auto kProposalTimeout = seconds(20);
constexpr const char* kAfter = "after";  // made when all is over

struct Decommissioning {
  explicit Decommissioning(std::uint64_t seed, std::uint32_t count,
                           const Trimming& trimming = kTrimmingAmongOthers)
      : cluster(seed, count) {
    cluster.set_trimming(trimming);
    for (std::size_t i = 0; i < cluster.size(); ++i) cluster.node(i).keep_up_with(kLimits);
    cluster.start_all();
  }

  void create_topics(std::size_t count, std::uint32_t copies) {
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); })) << cluster.state();
    for (std::size_t i = 0; i < count; ++i) {
      const auto created = cluster.create(*cluster.leader(), "t" + std::to_string(i), copies);
      ASSERT_TRUE(created) << created.error().to_string();
    }
  }

  // With a copy on every node.
  void make_schemas() {
    MetadataNode& leader = *cluster.leader();
    std::optional<Result<void>> answer;
    leader.proposer().propose(MakeInternalTopic{InternalTopic::kSchemas, leader.controller()->new_id()},
                              kProposalTimeout, [&](Result<void> done) { answer = std::move(done); });
    ASSERT_TRUE(cluster.run_until([&] { return answer.has_value(); }));
    ASSERT_TRUE(*answer) << answer->error().to_string();
  }
  [[nodiscard]] static bool has_schemas(const ClusterImage& image, model::NodeId node) {
    return image.find(std::string(kSchemasTopicName))->replicas_on(node) == 1;
  }
  // Whoever may lead something checks records by its own copy.
  static void expect_schemas(const ClusterImage& image) {
    if (!image.find(std::string(kSchemasTopicName))) return;
    for (const auto& [name, topic] : image.topics) {
      if (name == kSchemasTopicName) continue;
      for (const auto& [node, broker] : image.brokers) {
        if (!topic->partitions.front().counts_on(node)) continue;
        EXPECT_TRUE(has_schemas(image, node)) << node.value();
      }
    }
  }

  // Asks until somebody has decided it.
  void decommission(model::NodeId node) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      ASSERT_TRUE(cluster.run_until([&] { return cluster.leader() != nullptr; })) << cluster.state();
      Controller& controller = *cluster.leader()->controller();
      auto answer = std::make_shared<std::optional<Result<ImagePtr>>>();
      controller.submit_change(
          [node, &controller](const ClusterImage& image) -> Result<std::optional<ClusterRecord>> {
            FOREBAY_TRY(const auto decision, decide_decommission(image, {node}, kLimits, controller.alive()));
            if (!decision.record) return std::optional<ClusterRecord>();
            return std::optional<ClusterRecord>(*decision.record);
          },
          [answer](Result<ImagePtr> image) { *answer = std::move(image); });
      ASSERT_TRUE(cluster.run_until([&] { return answer->has_value(); }));
      if (**answer) return;
      ASSERT_NE((*answer)->error().code, ErrorCode::kFailedPrecondition) << (*answer)->error().to_string();
      cluster.scheduler().run_for(milliseconds(200));
    }
    FAIL() << "nobody decides";
  }

  // What leaders and leaving nodes say, of the image that is the newest.
  void speak() {
    MetadataNode* leader = cluster.leader();
    if (leader == nullptr || !leader->image()) return;
    const ImagePtr image = leader->image();
    expect_schemas(*image);
    for (const auto& [name, topic] : image->topics) {
      const Placement& now = topic->partitions.front();
      const model::PartitionIndex partition(0);
      if (now.is_moving()) say(*leader, ConfirmTarget{topic->id, leader->voter(), partition, now.epoch});
      for (std::size_t i = 0; i < cluster.size(); ++i) {
        MetadataNode& node = cluster.node(i);
        const auto& leaving = now.leaving;
        if (!node.is_up() || std::find(leaving.begin(), leaving.end(), node.id()) == leaving.end()) continue;
        if (!now.is_moving()) say(node, ConfirmGone{topic->id, node.voter(), partition});
      }
    }
  }
  void say(MetadataNode& node, NodeProposal proposal) {
    node.proposer().propose(std::move(proposal), kProposalTimeout, [](const Result<void>&) {});
  }

  [[nodiscard]] bool is_removed(model::NodeId node) {
    MetadataNode* leader = cluster.leader();
    return leader != nullptr && leader->image() && leader->image()->broker(node) == nullptr;
  }
  template <typename Predicate>
  [[nodiscard]] bool speak_until(Predicate done, seconds limit = seconds(120)) {
    const auto end = cluster.scheduler().now() + limit;
    while (!done()) {
      if (cluster.scheduler().now() > end) return false;
      speak();
      cluster.scheduler().run_for(milliseconds(100));
    }
    return true;
  }

  // Every topic has its copies on others, the group goes on without the node, and decides.
  void expect_gone(model::NodeId node, std::uint32_t copies) {
    MetadataNode* leader = cluster.leader();
    ASSERT_NE(leader, nullptr);
    for (const auto& [name, topic] : leader->image()->topics) {
      const Placement& now = topic->partitions.front();
      const std::size_t wanted = is_internal(name) ? leader->image()->brokers.size() : copies;
      EXPECT_EQ(now.replicas.size(), name == kAfter ? 1 : wanted) << name;
      EXPECT_FALSE(now.is_member(node)) << name;
      EXPECT_EQ(std::count(now.leaving.begin(), now.leaving.end(), node), 0) << name;
    }
    for (const log::Voter& voter : leader->log()->group().committed_membership().voters)
      EXPECT_NE(voter.node, node);
    expect_decides();
  }
  // The controller, of those that are up.
  [[nodiscard]] bool sees_all_but(const std::vector<MetadataNode*>& others) {
    MetadataNode* leader = cluster.leader();
    if (leader == nullptr) return false;
    const std::set<log::Voter> alive = leader->controller()->alive();
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      MetadataNode& node = cluster.node(i);
      const bool counts = node.is_up() && std::find(others.begin(), others.end(), &node) == others.end();
      if (counts && !alive.contains(node.voter())) return false;
    }
    return true;
  }
  // Soon, whatever leadership does just now.
  void expect_decides() {
    Result<ImagePtr> created = Error{};
    for (int attempt = 0; attempt < 50 && !created; ++attempt) {
      ASSERT_TRUE(cluster.run_until([&] { return cluster.leader() != nullptr; })) << cluster.state();
      created = cluster.create(*cluster.leader(), kAfter, 1);
      if (!created && created.error().code == ErrorCode::kTopicExists) return;
      if (!created) cluster.scheduler().run_for(milliseconds(200));
    }
    EXPECT_TRUE(created) << created.error().to_string();
  }

  MetadataCluster cluster;
};

TEST(ControllerDecommission, LiveNodeLeavesAndIsNotLetInAgain) {
  Decommissioning world(5, 4);
  world.create_topics(5, 3);
  MetadataNode& four = world.cluster.node(3);
  world.decommission(four.id());
  ASSERT_TRUE(world.speak_until([&] { return world.is_removed(four.id()); })) << world.cluster.state();
  world.expect_gone(four.id(), 3);
  std::optional<Result<void>> answer;
  four.proposer().propose(RegisterBroker{four.registration()}, kProposalTimeout,
                          [&](Result<void> done) { answer = std::move(done); });
  ASSERT_TRUE(world.cluster.run_until([&] { return answer.has_value(); }));
  ASSERT_FALSE(*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(answer->error().context.find("removed"), std::string::npos) << answer->error().context;
}

TEST(ControllerDecommission, LiveNodeIsWaitedForUntilItsDataIsGone) {
  Decommissioning world(5, 4);
  world.create_topics(4, 3);
  MetadataNode& one = *world.cluster.leader();
  world.decommission(model::NodeId(4));
  world.cluster.scheduler().run_for(seconds(1));
  EXPECT_EQ(moves_under_way(*one.image()), kLimits.moves_max);
  // The leaders have led the members there, the node has not said that its copies are gone.
  const auto end = world.cluster.scheduler().now() + seconds(30);
  while (world.cluster.scheduler().now() < end) {
    for (const auto& [name, topic] : one.image()->topics) {
      const Placement& now = topic->partitions.front();
      if (now.is_moving())
        world.say(one, ConfirmTarget{topic->id, one.voter(), model::PartitionIndex(0), now.epoch});
    }
    world.cluster.scheduler().run_for(milliseconds(200));
  }
  ASSERT_NE(one.image()->broker(model::NodeId(4)), nullptr);
  EXPECT_EQ(one.image()->broker(model::NodeId(4))->decommission, Decommission::kEmptying);
  const auto waits = one.controller()->upkeep().waits_for;
  EXPECT_NE(waits.at(model::NodeId(4)).find("its data"), std::string::npos);
  ASSERT_TRUE(world.speak_until([&] { return world.is_removed(model::NodeId(4)); }));
}

// As long as its other partitions are on their way, it takes records for them.
TEST(ControllerDecommission, SchemasAreTheLastThatLeaves) {
  Decommissioning world(10, 4);
  world.create_topics(4, 3);
  world.make_schemas();
  const model::NodeId four(4);
  world.decommission(four);
  world.cluster.scheduler().run_for(seconds(30));
  EXPECT_TRUE(world.has_schemas(*world.cluster.leader()->image(), four));
  ASSERT_TRUE(world.speak_until([&] { return world.is_removed(four); })) << world.cluster.state();
  world.expect_gone(four, 3);
}

// Also when the metadata's group is about to leave it out.
TEST(ControllerDecommission, NodeThatIsToStayAfterAllIsAMemberAgain) {
  Decommissioning world(9, 4);
  world.create_topics(2, 1);
  const model::NodeId four(4);
  world.decommission(four);
  const auto stage = [&] {
    const Broker* broker =
        world.cluster.leader() == nullptr ? nullptr : world.cluster.leader()->image()->broker(four);
    return broker == nullptr ? Decommission::kNone : broker->decommission;
  };
  for (int step = 0; step < 20'000 && stage() != Decommission::kEmptied; ++step) {
    if (step % 100 == 0) world.speak();
    std::uint64_t events = 0;
    (void)world.cluster.run_until([&] { return ++events > 5 || stage() == Decommission::kEmptied; });
  }
  ASSERT_EQ(stage(), Decommission::kEmptied);
  std::optional<Result<ImagePtr>> answer;
  world.cluster.leader()->controller()->submit_change(
      [four](const ClusterImage& image) -> Result<std::optional<ClusterRecord>> {
        FOREBAY_TRY(const auto kept, decide_keep_broker(image, four));
        return std::optional<ClusterRecord>(*kept);
      },
      [&](Result<ImagePtr> image) { answer = std::move(image); });
  ASSERT_TRUE(world.cluster.run_until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().to_string();
  ASSERT_TRUE(world.cluster.run_until([&] { return world.cluster.converged(); })) << world.cluster.state();
  world.cluster.expect_agreement();
}

TEST(ControllerDecommission, DeadNodeIsReplacedByTheOthers) {
  Decommissioning world(6, 4);
  world.create_topics(5, 3);
  MetadataNode& four = world.cluster.node(3);
  four.die(MetadataNode::End::kPower);
  world.cluster.scheduler().run_for(seconds(3));
  world.decommission(four.id());
  ASSERT_TRUE(world.speak_until([&] { return world.is_removed(four.id()); })) << world.cluster.state();
  world.expect_gone(four.id(), 3);
  // It comes back with what it had: nobody listens to it.
  four.start();
  world.cluster.scheduler().run_for(seconds(20));
  ASSERT_NE(world.cluster.leader(), nullptr);
  EXPECT_NE(world.cluster.leader(), &four);
  EXPECT_TRUE(world.is_removed(four.id()));
}

TEST(ControllerDecommission, ControllerItselfHandsOverAndLeaves) {
  for (const std::uint32_t count : {2U, 3U, 4U}) {
    Decommissioning world(7, count);
    world.create_topics(3, 1);
    const model::NodeId leader = world.cluster.leader()->id();
    world.decommission(leader);
    ASSERT_TRUE(world.speak_until([&] { return world.is_removed(leader); })) << world.cluster.state();
    world.expect_gone(leader, 1);
  }
}

// Of four one is dead, and one that lives leaves: without it two of the three that stay are a majority.
TEST(ControllerDecommission, LiveNodeLeavesWhileAnotherOneIsDead) {
  Decommissioning world(8, 4);
  world.create_topics(3, 1);
  world.cluster.node(2).die(MetadataNode::End::kKill);
  ASSERT_TRUE(world.cluster.run_until([&] { return world.cluster.leader() != nullptr; }));
  // What stands on the dead one alone does not concern the other.
  world.decommission(model::NodeId(4));
  ASSERT_TRUE(world.speak_until([&] { return world.is_removed(model::NodeId(4)); })) << world.cluster.state();
  world.expect_decides();
}

// Any node loses power at any time, the leader among them; the one that leaves perhaps for ever.
TEST(ControllerDecommission, SurvivesPowerCutsOfAnyNodeAtAnyStep) {
  const sim::SeedRange seeds(sim::worlds(150));
  std::uint64_t leaders = 0, dead = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 rng(seed);
    Decommissioning world(seed, 4);
    world.create_topics(1 + rng() % 4, 3);
    if (testing::Test::HasFatalFailure()) return;
    world.make_schemas();
    if (testing::Test::HasFatalFailure()) return;
    MetadataNode& leaves = world.cluster.node(rng() % 4);
    const bool for_ever = rng() % 2 == 0;
    if (for_ever && rng() % 2 == 0) leaves.die(MetadataNode::End::kPower);
    world.decommission(leaves.id());
    if (testing::Test::HasFatalFailure()) return;
    for (std::size_t cuts = rng() % 4; cuts > 0 && !world.is_removed(leaves.id()); --cuts) {
      const auto steps = rng() % 2'000;
      std::uint64_t events = 0;
      world.speak();
      (void)world.cluster.run_until([&] { return events++ == steps; }, seconds(5));
      MetadataNode* leader = world.cluster.leader();
      MetadataNode& victim = rng() % 2 == 0 && leader != nullptr ? *leader : world.cluster.node(rng() % 4);
      if (!victim.is_up()) continue;
      leaders += &victim == leader ? 1 : 0;
      victim.die(rng() % 2 == 0 ? MetadataNode::End::kPower : MetadataNode::End::kKill);
      world.cluster.scheduler().run_for(milliseconds(rng() % 1'500));
      if (&victim != &leaves || !for_ever) victim.start();
    }
    dead += leaves.is_up() ? 0 : 1;
    ASSERT_TRUE(world.speak_until([&] { return world.is_removed(leaves.id()); })) << world.cluster.state();
    world.expect_gone(leaves.id(), 3);
  }
  const std::pair<const char*, std::uint64_t> places[] = {{"leader lost power", leaders},
                                                          {"the node was dead", dead}};
  sim::expect_reached(seeds, 50, places);
}

// What a broker cannot read waits until it can, is said, and is not asked for again and again.
TEST(ControllerDecommission, WhatAnOlderBrokerCannotReadWaitsForItsUpgrade) {
  Decommissioning world(11, 4);
  world.create_topics(1, 1);
  MetadataNode& older = world.cluster.node(3);
  const auto restart_as = [&](const std::string& version, Features features) {
    older.die(MetadataNode::End::kPower);
    older.set_version(version, std::move(features));
    older.start();
    ASSERT_TRUE(world.cluster.run_until([&] {
      return world.cluster.converged() && older.image()->broker(older.id())->registration.version == version;
    })) << world.cluster.state();
  };
  restart_as("1.0.0", {});
  MetadataNode& leader = *world.cluster.leader();
  std::optional<Result<ImagePtr>> answer;
  // Too few copies, as a broker of a later version might leave it.
  leader.controller()->submit(
      [&](const ClusterImage& image) -> Result<ClusterRecord> {
        FOREBAY_TRY(
            auto created,
            decide_create(image,
                          {.name = "few", .replication_factor = 1, .config = {}, .allow_single_copy = true},
                          leader.controller()->new_id(), kLimits));
        created.topic.replication_factor = 2;
        return ClusterRecord(std::move(created));
      },
      [&](Result<ImagePtr> image) { answer = std::move(image); });
  ASSERT_TRUE(world.cluster.run_until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().to_string();
  const auto end = leader.log()->log().end();
  world.cluster.scheduler().run_for(seconds(10));
  EXPECT_EQ(leader.log()->log().end(), end);
  const UpkeepStep step = leader.controller()->upkeep();
  EXPECT_FALSE(step.record);
  EXPECT_TRUE(step.unfinished);
  EXPECT_NE(step.refusal.find("node 4 (version 1.0.0)"), std::string::npos) << step.refusal;
  ASSERT_TRUE(world.cluster.create(leader, "others", 1)) << "decides all the same";
  restart_as("2.0.0", spoken_features());
  ASSERT_TRUE(world.cluster.run_until([&] {
    MetadataNode* now = world.cluster.leader();
    return now != nullptr && now->image()->find("few")->partitions.front().replicas.size() == 2;
  })) << world.cluster.state();
  EXPECT_EQ(world.cluster.leader()->controller()->upkeep().refusal, "");
}

// Of seven five vote, and the log is trimmed all the time: two leave, voters, learners or the controller,
// dead or alive, while others lose power. Who lives and is out can ask, and is told.
TEST(ControllerDecommission, TwoOfSevenLeaveWhileTheLogIsTrimmed) {
  const sim::SeedRange seeds(sim::worlds(40));
  std::uint64_t voters = 0, learners = 0, controllers = 0, dead = 0, states = 0, told = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 rng(seed);
    Decommissioning world(seed, 7, {6, 2});
    world.create_topics(1 + rng() % 6, 3);
    if (testing::Test::HasFatalFailure()) return;
    world.make_schemas();
    if (testing::Test::HasFatalFailure()) return;
    std::vector<MetadataNode*> gone;
    for (int turn = 0; turn < 2; ++turn) {
      ASSERT_TRUE(world.cluster.run_until([&] { return world.cluster.leader() != nullptr; }))
          << world.cluster.state();
      MetadataNode* leader = world.cluster.leader();
      MetadataNode* leaves = rng() % 4 == 0 ? leader : &world.cluster.node(rng() % 7);
      if (std::find(gone.begin(), gone.end(), leaves) != gone.end()) continue;
      const auto& now = leader->log()->group().membership().voters;
      const bool votes = std::find(now.begin(), now.end(), leaves->voter()) != now.end();
      (leaves == leader ? controllers : votes ? voters : learners) += 1;
      gone.push_back(leaves);
      if (rng() % 2 == 0) leaves->die(rng() % 2 == 0 ? MetadataNode::End::kPower : MetadataNode::End::kKill);
      // Whoever was just elected does not see all of them yet, and would refuse.
      ASSERT_TRUE(world.cluster.run_until([&] { return world.sees_all_but(gone); })) << world.cluster.state();
      world.decommission(leaves->id());
      if (testing::Test::HasFatalFailure()) return;
      MetadataNode* away = nullptr;
      for (std::size_t cuts = rng() % 3; cuts > 0 && away == nullptr; --cuts) {
        world.speak();
        world.cluster.scheduler().run_for(milliseconds(rng() % 3'000));
        MetadataNode& victim = world.cluster.node(rng() % 7);
        if (!victim.is_up()) continue;
        victim.die(MetadataNode::End::kPower);
        if (std::find(gone.begin(), gone.end(), &victim) == gone.end()) away = &victim;
      }
      ASSERT_TRUE(world.speak_until([&] { return world.is_removed(leaves->id()); })) << world.cluster.state();
      dead += leaves->is_up() ? 0 : 1;
      if (away == nullptr) continue;
      away->start();
      ASSERT_TRUE(world.cluster.run_until([&] {
        MetadataNode* leads = world.cluster.leader();
        return leads != nullptr && away->image() && away->image()->applied >= leads->image()->applied;
      })) << world.cluster.state();
      states += away->controller()->states_taken();
    }
    for (MetadataNode* one : gone) {
      world.expect_gone(one->id(), 3);
      if (testing::Test::HasFatalFailure()) return;
      if (!one->is_up()) continue;
      std::optional<Result<void>> answer;
      one->proposer().propose(RegisterBroker{one->registration()}, kProposalTimeout,
                              [&](Result<void> done) { answer = std::move(done); });
      ASSERT_TRUE(world.cluster.run_until([&] { return answer.has_value(); }));
      ASSERT_FALSE(*answer);
      EXPECT_EQ(answer->error().code, ErrorCode::kFailedPrecondition) << answer->error().to_string();
      ++told;
    }
    const auto settled = [&] {
      MetadataNode* leader = world.cluster.leader();
      if (leader == nullptr) return false;
      const log::Membership& now = leader->log()->group().committed_membership();
      return now.next_voters.empty() && now.voters.size() == 5 && now.learners.size() == 2 - gone.size();
    };
    ASSERT_TRUE(world.cluster.run_until(settled)) << world.cluster.state();
  }
  const std::pair<const char*, std::uint64_t> places[] = {
      {"a voter left", voters}, {"a learner left", learners},  {"the controller left", controllers},
      {"it was dead", dead},    {"a state was taken", states}, {"who is out was told", told}};
  sim::expect_reached(seeds, 40, places);
}

}  // namespace
}  // namespace forebay::cluster
