// Lives of a simulated cluster, one for each seed.
//
// FOREBAY_SEED=N replays one, with everything that happens, in this process; FOREBAY_SEEDS=N tries the first
// N; FOREBAY_FIRST_SEED=N begins there. A seed that fails is shrunk: the faults that it needs are printed.
#include "sim/sim_cluster.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>

#include "sim/isolated_run.h"
#include "sim/seed_range.h"
#include "telemetry/log.h"

namespace forebay::sim {
namespace {

constexpr std::uint32_t kShrinkRunsMax = 300;
constexpr std::size_t kTraceLinesShown = 120;

// So many come to every place that is counted.
constexpr std::uint64_t kEnough = 1'000;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeedsInATest = 40;
#else
constexpr std::uint64_t kSeedsInATest = 1'500;
#endif

void prepare_process() {
  telemetry::set_log_level(telemetry::Level::kError);
  // As in the soak of one node: without this the buffers of every file would be given back and cleared again.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

// Counts of rare events, by name: a test that never gets somewhere proves nothing of that place.
using Places = std::map<std::string, std::uint64_t>;

void add(Places& places, const ClusterCounts& counts) {
  places["acknowledged records"] += counts.clients.acked;
  places["records acknowledged early"] += counts.clients.acked_early;
  places["refused records"] += counts.clients.refused;
  places["records of unknown outcome"] += counts.clients.unknown;
  places["records read"] += counts.clients.records_read;
  places["batches sent again"] += counts.clients.sent_again;
  places["copies of stored batches"] += counts.clients.copies;
  places["gaps of a producer refused"] += counts.clients.gaps_refused;
  places["batches of fenced sessions refused"] += counts.clients.fenced;
  places["sessions that were forgotten"] += counts.clients.sessions_forgotten;
  places["named producers started again"] += counts.clients.lives;
  places["sources resumed"] += counts.clients.resumed;
  places["sources resumed behind what was not acknowledged"] += counts.clients.resumed_behind_unknown;
  places["fences"] += counts.producers.fences;
  places["fences of a session that had written"] += counts.producers.sessions_fenced;
  places["sequences that wrapped"] += counts.producers.wraps;
  places["producers forgotten"] += counts.producers.producers_forgotten;
  places["batches of producers forgotten"] += counts.producers.batches_forgotten;
  places["states of producers compared"] += counts.producers.states_compared;
  places["states of producers loaded"] += counts.producer_states.loads;
  places["states of producers read from a snapshot"] += counts.producer_states.from_snapshot;
  places["states of producers taken by an install"] += counts.producer_states.from_leader;
  places["truncations that took back what was known of producers"] += counts.producer_states.rolled_back;
  places["producers that went from memory"] += counts.producer_lookups.let_go;
  places["producers looked up on the disk"] += counts.producer_lookups.looked_up;
  places["trims"] += counts.clients.trims;
  places["latest offsets asked for"] += counts.clients.listings;
  places["new leaders"] += counts.checks.leaders;
  places["logs cut"] += counts.checks.truncations;
  places["logs that lost their end in a crash"] += counts.checks.lost_on_crash;
  places["frames committed in a later term"] += counts.checks.older_terms;
  places["log starts moved"] += counts.checks.log_starts;
  places["logs begun anew where the leader's begins"] += counts.installs;
  places["replicas removed"] += counts.checks.removed;
  places["replicas made anew where one was removed"] += counts.checks.second_lives;
  places["moves"] += counts.moves.moves;
  places["moves cancelled"] += counts.moves.cancelled;
  places["copies rebuilt"] += counts.moves.rebuilds;
  places["changes of the replication factor"] += counts.moves.replication_changes;
  places["targets reached"] += counts.moves.reached;
  places["removals confirmed"] += counts.moves.gone;
  places["nodes decommissioned"] += counts.moves.decommissioned;
  places["replicas taken away from a node that goes"] += counts.moves.taken_away;
  places["nodes removed"] += counts.moves.removed;
  places["tombstones sent"] += counts.clients.tombstones_sent;
  places["compacted replicas read whole"] += counts.compaction.scans;
  places["records compacted away"] += counts.compaction.records_gone;
  places["tombstones gone"] += counts.compaction.tombstones_gone;
  places["partitions that go on without their majority"] += counts.checks.recoveries;
  places["committed frames given up with a majority"] += counts.checks.frames_given_up;
  places["verbs that had to be used once more"] += counts.recoveries_again;
  places["tombstones that wait for a copy that is named"] += counts.tombstones_wait;
  places["waits for an absent replica to be compacted"] += counts.compaction.waits_for_the_absent;
  places["compacted replicas that got frames of others"] += counts.compaction.repaired;
  places["torn tails"] += counts.checks.torn_tails;
  places["restarts"] += counts.restarts;
  places["crashes of a recovery"] += counts.crashes_in_recovery;
  places["late writes of a dead process"] += counts.late_writes;
  places["replicas stopped by their disk"] += counts.failed_replicas;
  places["leaderships that left a disk that is low or hangs"] += counts.hardship.handed_over;
  places["damaged ranges found"] += counts.ranges_damaged;
  places["damaged ranges repaired"] += counts.ranges_repaired;
  places["sessions reset"] += counts.network.resets;
  places["sessions given up"] += counts.network.gave_up;
  places["sessions replaced"] += counts.network.replaced;
  places["half-open sessions"] += counts.network.half_open;
  places["messages held by a cut"] += counts.network.held_messages;
  places["messages of the dead"] += counts.network.messages_of_dead;
  places["messages lost once"] += counts.network.late_messages;
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind)
    places[std::string("fault: ") + name_of(static_cast<FaultKind>(kind))] += 0;
  for (const auto& [name, count] : counts.faults) places["fault: " + name] += count;
  places["events"] += counts.events;
}

std::string run_one(const ClusterOptions& options, Places& places, const Say& trace = nullptr) {
  SimCluster cluster(options);
  if (trace) cluster.keep_trace(trace);
  std::string failure = cluster.run();
  add(places, cluster.counts());
  return failure;
}

bool fails(const ClusterOptions& options) {
  const IsolatedRun run = run_isolated(
      [&options](const Say& say) {
        Places places;
        if (const std::string failure = run_one(options, places); !failure.empty()) say(failure);
      },
      true);
  return run.died || !run.lines.empty();
}

// The shortest plan that fails, and the end of its story.
std::string explain(std::uint64_t seed) {
  ClusterOptions options = ClusterOptions::draw(seed);
  options.plan = shrink(
      options.plan,
      [&options](const NemesisPlan& plan) {
        ClusterOptions tried = options;
        tried.plan = plan;
        return fails(tried);
      },
      kShrinkRunsMax);
  IsolatedRun run = run_isolated(
      [&options](const Say& say) {
        Places places;
        if (const std::string failure = run_one(options, places, say); !failure.empty()) say(failure);
      },
      false);
  std::string text = "seed " + std::to_string(seed) + " fails with these faults:\n" +
                     to_string(options.plan) + "and ends so:\n";
  std::erase_if(run.lines,
                [](const std::string& line) { return line.find(" acked at ") != std::string::npos; });
  const std::size_t shown = std::min(run.lines.size(), kTraceLinesShown);
  for (std::size_t i = run.lines.size() - shown; i < run.lines.size(); ++i)
    text += "  " + run.lines[i] + "\n";
  return text + "replay it whole with FOREBAY_SEED=" + std::to_string(seed);
}

TEST(SimCluster, KeepsItsPromises) {
  const SeedRange seeds(kSeedsInATest);
  prepare_process();
  if (std::getenv("FOREBAY_SEED") != nullptr) {
    const ClusterOptions options = ClusterOptions::draw(seeds.first);
    Places places;
    std::printf("%s", to_string(options.plan).c_str());
    EXPECT_EQ(run_one(options, places, [](const std::string& line) { std::printf("%s\n", line.c_str()); }),
              "");
    return;
  }
  const IsolatedRun all = run_isolated(
      [&seeds](const Say& say) {
        Places places;
        for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
          say(std::to_string(seed));
          if (const std::string failure = run_one(ClusterOptions::draw(seed), places); !failure.empty())
            return say("failed: " + failure);
        }
        for (const auto& [name, count] : places) say(std::to_string(count) + " " + name);
        say("done");
      },
      false);
  ASSERT_FALSE(all.lines.empty());
  if (all.died || all.lines.back() != "done") {
    std::uint64_t seed = 0;
    std::string what;
    for (const std::string& line : all.lines) {
      if (!line.empty() && line.find_first_not_of("0123456789") == std::string::npos) {
        seed = std::strtoull(line.c_str(), nullptr, 10);
      } else {
        what += line + "\n";
      }
    }
    FAIL() << (what.empty() ? "it aborted\n" : what) << explain(seed);
  }
  Places places;
  for (const std::string& line : all.lines) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) places[line.substr(space + 1)] = std::strtoull(line.c_str(), nullptr, 10);
  }
  std::vector<std::pair<const char*, std::uint64_t>> reached;
  for (const auto& [name, count] : places) reached.emplace_back(name.c_str(), count);
  expect_reached(seeds, kEnough, reached);
}

// Of a leader, in a world where nothing else goes wrong.
ClusterOptions one_fault(std::uint64_t seed, FaultKind kind, Duration length) {
  ClusterOptions options = ClusterOptions::draw(seed);
  options.network = {};
  // Half a minute of records makes more tiny segments than a checkpoint in a tiny journal can list.
  options.setup.logs.journal.file_bytes = 1U << 20;
  options.setup.partition.log.segment_bytes = 1U << 20;
  options.plan = {
      Fault{.at = std::chrono::seconds(1), .kind = kind, .leader = true, .length = length, .seed = seed}};
  // A write that begins just before the end hangs as long again.
  options.duration = 2 * length + std::chrono::seconds(4);
  options.steps_max = 50'000'000;  // time ends it
  return options;
}

// Each takes a second or more: half a minute of records.
constexpr std::uint64_t kSeedsOfOneFault = 3;

// The watch of the cluster sees to it that somebody else leads within seconds (LivenessWatch).
TEST(SimCluster, LeaderWithALowDiskHandsOver) {
  prepare_process();
  for (std::uint64_t seed = 1; seed <= kSeedsOfOneFault; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(one_fault(seed, FaultKind::kDiskLow, std::chrono::seconds(6)));
    EXPECT_EQ(cluster.run(), "");
    EXPECT_GT(cluster.counts().hardship.handed_over, 0U);
  }
}

TEST(SimCluster, LeaderWhoseDiskHangsHandsOverAndComesBackUnharmed) {
  prepare_process();
  for (std::uint64_t seed = 1; seed <= kSeedsOfOneFault; ++seed) {
    SCOPED_TRACE(seed);
    SimCluster cluster(one_fault(seed, FaultKind::kStalledWrites, std::chrono::seconds(30)));
    EXPECT_EQ(cluster.run(), "");
    EXPECT_GT(cluster.counts().hardship.handed_over + cluster.counts().hardship.resigned, 0U);
  }
}

TEST(SimCluster, SeedIsReplayedExactly) {
  prepare_process();
  std::set<std::uint64_t> hashes;
  constexpr std::uint64_t kSeeds = 8;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimCluster first(ClusterOptions::draw(seed)), second(ClusterOptions::draw(seed));
    EXPECT_EQ(first.run(), "");
    EXPECT_EQ(second.run(), "");
    EXPECT_EQ(first.trace_hash(), second.trace_hash()) << seed;
    hashes.insert(first.trace_hash());
  }
  EXPECT_EQ(hashes.size(), kSeeds);
}

TEST(IsolatedRun, TellsWhatWasSaidBeforeItDied) {
  const IsolatedRun good = run_isolated([](const Say& say) { say("all is well"); }, true);
  EXPECT_FALSE(good.died);
  EXPECT_EQ(good.lines, std::vector<std::string>{"all is well"});
  const IsolatedRun bad = run_isolated(
      [](const Say& say) {
        say("one");
        FOREBAY_ASSERT(say == nullptr);
      },
      true);
  EXPECT_TRUE(bad.died);
  EXPECT_EQ(bad.lines, std::vector<std::string>{"one"});
}

}  // namespace
}  // namespace forebay::sim
