// Drawn schedules of kills, cuts and decisions, and of lost majorities.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "metadata_cluster.h"
#include "sim/seed_range.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

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
