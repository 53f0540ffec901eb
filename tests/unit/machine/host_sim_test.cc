// Drawn schedules of kills, cuts, lost stores and proposals.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "machine_cluster.h"
#include "sim/seed_range.h"

namespace forebay::machine {
namespace {

struct World {
  explicit World(std::uint64_t seed, const sim::SimNetwork::Options& network)
      : rng(seed), cluster(seed, 3, network) {
    const bool trims = seed % 2 == 0;
    for (std::size_t i = 0; i < 3; ++i) {
      cluster.node(i).config_ = {.trimming = trims ? Trimming{8, 2} : Trimming{1'000'000, 1},
                                 .write_after = std::chrono::milliseconds(trims ? 20 : 400),
                                 .write_after_records = trims ? 4 : 30};
    }
  }
  std::mt19937_64 rng;
  MachineCluster cluster;
  std::uint64_t states_taken = 0, moves = 0;
  std::uint64_t next = 0;
  std::set<std::string> acked, unknown, refused;
  // Not answered yet, by the node that was asked: when it dies nobody will.
  std::map<model::NodeId, std::set<std::string>> waiting;
  std::map<model::NodeId, std::uint64_t> last_answered;  // in this life: proposals are answered in order

  std::uint64_t draw(std::uint64_t below) { return rng() % below; }
  [[nodiscard]] bool all_answered() const {
    return std::all_of(waiting.begin(), waiting.end(), [](const auto& one) { return one.second.empty(); });
  }
  // Several under way, on whoever leads or believes that it does.
  void ask() {
    MachineNode& one = cluster.node(draw(3));
    if (!one.is_up() || one.host() == nullptr) return;
    const std::uint64_t number = ++next;
    // Batches of several: a log start lies within one of them now and then.
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i <= number % 3; ++i)
      names.push_back("n" + std::to_string(number) + "-" + std::to_string(i));
    waiting[one.id()].insert(names.begin(), names.end());
    const auto proposed =
        one.host()->propose(names, [this, names, number, node = &one](const Result<model::Offset>& done) {
          for (const std::string& name : names) waiting[node->id()].erase(name);
          EXPECT_GT(number, last_answered[node->id()]) << "out of order";
          last_answered[node->id()] = number;
          if (done) {
            for (const std::string& name : names) EXPECT_EQ(node->machine().registers().at(name), 1);
            acked.insert(names.begin(), names.end());
          } else {
            EXPECT_EQ(done.error().code, ErrorCode::kOutcomeUnknown);
            unknown.insert(names.begin(), names.end());
          }
        });
    if (proposed) return;
    for (const std::string& name : names) waiting[one.id()].erase(name);
    refused.insert(names.begin(), names.end());
  }
  void fault() {
    MachineNode& one = cluster.node(draw(3));
    switch (draw(8)) {
      case 0:
      case 1:
        if (one.is_up()) {
          if (one.host() != nullptr) states_taken += one.host()->states_taken();
          one.die(draw(2) == 0 ? MachineNode::End::kKill : MachineNode::End::kPower);
          unknown.merge(waiting[one.id()]);
          waiting[one.id()].clear();
        }
        break;
      case 2:
      case 3:
        if (!one.is_up()) cluster.start(one);
        break;
      case 4:
        cluster.isolate(one);
        break;
      case 5: {
        const model::NodeId from(static_cast<std::uint32_t>(1 + draw(3)));
        if (from != one.id()) cluster.network().cut(from, one.id());
        break;
      }
      case 6:
        cluster.network().heal_all();
        break;
      default:
        // Where the log is trimmed, the stores of a majority are all there is.
        if (!one.is_up() && draw(3) == 0 && one.id() == model::NodeId(3)) one.lose_store();
    }
  }
};

// Whatever happens to nodes and network: what was answered is in every state, once and for ever, what was
// refused is in none, and all states are the same.
TEST(HostSim, AnsweredProposalsHoldOnceAndRefusedOnesDoNot) {
  const sim::SeedRange seeds(sim::worlds(150));
  std::uint64_t acked = 0, unknown = 0, refused = 0, took_effect_unknown = 0, moves = 0, states_taken = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::SimRng draws(seed);
    World world(seed, sim::SimNetwork::draw(draws));
    MachineCluster& cluster = world.cluster;
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.settled(); }, std::chrono::minutes(2)))
        << cluster.state();
    MachineNode* leader = cluster.leader();
    for (int step = 0; step < 150; ++step) {
      if (world.draw(4) == 0) world.fault();
      for (std::uint64_t i = world.draw(4); i > 0; --i) world.ask();
      cluster.scheduler().run_for(std::chrono::microseconds(1 << world.draw(20)));
      if (cluster.leader() != nullptr && cluster.leader() != leader) ++world.moves;
      if (cluster.leader() != nullptr) leader = cluster.leader();
    }
    cluster.network().heal_all();
    cluster.network().set_options({});
    cluster.start_all();
    ASSERT_TRUE(
        cluster.run_until([&] { return cluster.settled() && world.all_answered(); }, std::chrono::minutes(2)))
        << cluster.state();
    const auto& registers = cluster.leader()->machine().registers();
    for (const std::string& name : world.acked) EXPECT_TRUE(registers.contains(name)) << name;
    for (const std::string& name : world.refused) EXPECT_FALSE(registers.contains(name)) << name;
    for (const auto& [name, count] : registers) {
      EXPECT_EQ(count, 1) << name;
      EXPECT_TRUE(world.acked.contains(name) || world.unknown.contains(name)) << name;
      took_effect_unknown += world.unknown.contains(name) ? 1U : 0U;
    }
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(cluster.node(i).machine().registers(), registers) << "node " << i + 1;
      states_taken += cluster.node(i).host()->states_taken();
    }
    acked += world.acked.size();
    unknown += world.unknown.size();
    refused += world.refused.size();
    moves += world.moves;
    states_taken += world.states_taken;
  }
  const std::pair<const char*, std::uint64_t> places[] = {
      {"proposals answered", acked},  {"proposals refused", refused},
      {"unknown outcomes", unknown},  {"unknown outcomes that took effect", took_effect_unknown},
      {"moves of leadership", moves}, {"states taken from a leader", states_taken}};
  sim::expect_reached(seeds, 150, places);
}

}  // namespace
}  // namespace forebay::machine
