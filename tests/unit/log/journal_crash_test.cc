// Power cuts: at every step of a journal's life, of a recovery, and of both again.
#include <gtest/gtest.h>

#include "journal_harness.h"

namespace forebay::log::testing {
namespace {

// A life: random operations in bursts, until the power goes or they are done.
void live(JournalHarness& node, int bursts) {
  for (int burst = 0; burst < bursts && !node.disk().power_is_off() && !node.failure(); ++burst) {
    for (int i = 0; i < 5; ++i) node.random_op();
    node.run_for(std::chrono::microseconds(300));
  }
}

// A life of frames that come faster than rounds are written, on a file and then on the next.
void live_fast(JournalHarness& node, int bursts) {
  for (std::size_t i = 0; i < node.partition_count() && !node.disk().power_is_off(); ++i) node.create(i);
  for (int burst = 0; burst < bursts && !node.disk().power_is_off() && !node.failure(); ++burst) {
    for (std::size_t i = 0; i < 5; ++i) node.append(i % node.partition_count(), 1, 200 + 300 * i);
    node.run_for(std::chrono::microseconds(50));
  }
}

bool start_again(JournalHarness& node, sim::Landing landing) {
  for (int i = 0; i < 5; ++i) {
    node.reboot(landing);
    if (node.start()) return true;
  }
  return false;
}

class JournalCrash : public ::testing::TestWithParam<sim::Engine> {};

TEST_P(JournalCrash, EveryStepOfALife) {
  std::uint64_t steps_seen = 0;
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    HarnessOptions options;
    options.seed = 11;
    options.engine = GetParam();
    JournalHarness node(options);
    node.disk().crash_at_step(step);
    if (node.start()) live(node, 60);
    const bool crashed = node.disk().power_is_off();
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    live(node, 3);
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    ASSERT_FALSE(HasFailure());
    ++steps_seen;
    if (!crashed) break;
  }
  EXPECT_GT(steps_seen, 60U);
}

TEST_P(JournalCrash, EveryStepOfALifeOfGatheredRounds) {
  std::uint64_t rounds = 0;
  std::uint64_t gathered = 0;
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    HarnessOptions options;
    options.seed = 12;
    options.engine = GetParam();
    options.journal.file_bytes = 128U << 10;  // a round at a file's end is never gathered
    options.journal.round_bytes_max = 8U << 10;
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    node.disk().crash_at_step(step);
    live_fast(node, 60);
    static_cast<void>(node.settle());
    rounds += node.journal().stats().rounds;
    gathered += node.journal().stats().rounds_gathered;
    const bool crashed = node.disk().power_is_off();
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    live(node, 3);
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    ASSERT_FALSE(HasFailure());
    if (!crashed) break;
  }
  EXPECT_GT(gathered, rounds / 3);
}

TEST_P(JournalCrash, RandomLives) {
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    SCOPED_TRACE(seed);
    HarnessOptions options;
    options.seed = seed;
    options.engine = GetParam();
    options.partitions = 1 + static_cast<std::uint32_t>(seed % 9);
    JournalHarness node(options);
    sim::SimRng rng(seed);
    ASSERT_TRUE(node.start());
    for (int life = 0; life < 6; ++life) {
      if (!rng.one_in(4)) node.disk().crash_at_step(1 + rng.below(150));
      live(node, 40);
      if (rng.one_in(4) && !node.disk().power_is_off()) {
        node.stop_objects();
        node.machine().kill_and_restart(sim::Landing::kSeeded);
        ASSERT_TRUE(node.start());
      } else {
        ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
      }
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(JournalCrash, EveryStepOfARecoveryAgainAndAgain) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    HarnessOptions options;
    options.seed = 23;
    options.engine = GetParam();
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    live(node, 40);
    bool crashed = false;
    for (int again = 0; again < 3; ++again) {
      node.reboot(sim::Landing::kSeeded);
      node.disk().crash_at_step(step);
      crashed = !node.start() || crashed;
    }
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    ASSERT_FALSE(HasFailure());
    if (!crashed) break;
  }
}

TEST_P(JournalCrash, LateWriteOfADeadProcessChangesNothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    HarnessOptions options;
    options.seed = seed;
    options.engine = GetParam();
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    live(node, 10);
    for (std::size_t i = 0; i < node.partition_count(); ++i) {
      if (node.partition(i).latest.exists) node.append(i, 1, 200);
    }
    node.run_for(std::chrono::microseconds(1));
    node.stop_objects();
    node.machine().kill_and_restart_with_late_writes();
    ASSERT_TRUE(node.start());
    node.disk().land_late_writes();
    live(node, 10);
    ASSERT_TRUE(start_again(node, sim::Landing::kSeeded));
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(JournalCrash, ShardCountChangesBetweenStarts) {
  HarnessOptions options;
  options.partitions = 9;
  options.engine = GetParam();
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  live(node, 60);
  ASSERT_TRUE(node.settle());
  for (const std::uint32_t count : {3U, 2U, 5U, 1U}) {
    node.reboot(sim::Landing::kSeeded);
    node.options().shard_count = count;
    const auto recovered = node.recover_only();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
    ASSERT_EQ(recovered->shards.size(), count);
    node.check_and_adopt(*recovered);
    for (std::uint32_t shard = 0; shard < count; ++shard) {
      for (const RecoveredPartition& p : recovered->shards[shard].partitions) {
        EXPECT_EQ(shard_of(p.state.id, count), shard);
      }
    }
    ASSERT_FALSE(HasFailure());
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, JournalCrash,
                         ::testing::Values(sim::Engine::kDirect, sim::Engine::kPageCache),
                         [](const auto& engine) {
                           return engine.param == sim::Engine::kDirect ? "Direct" : "PageCache";
                         });

}  // namespace
}  // namespace forebay::log::testing
