// What logs keep on the disk: retention, rolling, and what an idle log gives back.
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::Offset;

TEST(ShardLogs, RetentionByTimeTakesSealedSegmentsThenEverything) {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.log.retention_ms = 10'000;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 500; ++i) {
    world.append(0, {.records = 1, .value_bytes = 900});
    world.run_for(std::chrono::milliseconds(40));
  }
  world.restart();  // times of sealed segments must be looked up again
  const auto plan = world.plan_retention(0, world.now());
  ASSERT_TRUE(plan);
  // Everything below was appended before the bound, and most of what was is below.
  std::int64_t old_frames = 0, kept_old_frames = 0;
  for (const FramePtr& frame : world.model(0).frames) {
    const bool old = world.now().value() - frame->header.append_time.value() > 10'000;
    if (frame->header.begin < *plan) {
      EXPECT_TRUE(old);
    }
    old_frames += old ? 1 : 0;
    kept_old_frames += old && frame->header.begin >= *plan ? 1 : 0;
  }
  EXPECT_GT(old_frames, 30);
  EXPECT_LE(kept_old_frames, 75) << "a segment is at most a quarter of the retention time long";
  const std::size_t before = world.segment_files(0).size();
  world.set_log_start(0, *plan);
  world.run_for(std::chrono::seconds(1));
  EXPECT_LT(world.segment_files(0).size(), before);
  world.check_reads(0);
  EXPECT_EQ(world.read(0, {Offset(0), world.log(0).end().next_offset, 100}).error().code,
            ErrorCode::kOffsetOutOfRange);

  // An idle log: the active segment's data go too, when they are due.
  world.run_for(std::chrono::seconds(30));
  const auto all = world.plan_retention(0, world.now());
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, world.log(0).end());
  world.set_log_start(0, *all);
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(world.segment_files(0).empty());
  EXPECT_EQ(world.log(0).status().disk_bytes, 0U);
  EXPECT_FALSE(world.plan_retention(0, world.now())) << "nothing is left to trim";
  world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  world.restart();
  world.check_reads(0);
  EXPECT_EQ(world.log(0).log_start(), *all);
}

TEST(ShardLogs, RetentionBySizeKeepsTheBound) {
  WorldOptions options;
  options.log.retention_ms = std::nullopt;
  options.log.retention_bytes = 100'000;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 400; ++i) {
    world.append(0, {.records = 1, .value_bytes = 900});
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
    if (i % 50 != 0) continue;
    if (const auto plan = world.plan_retention(0, world.now())) world.set_log_start(0, *plan);
  }
  world.run_for(std::chrono::seconds(1));
  const LogStatus status = world.log(0).status();
  EXPECT_GE(status.disk_bytes + status.pinned_bytes, 100'000U);
  EXPECT_LE(status.disk_bytes, 300'000U);
  world.check_reads(0);
}

TEST(ShardLogs, RollsByAgeEvenWhenNothingMoreIsAppended) {
  WorldOptions options;
  options.log.segment_ms = 5000;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  EXPECT_FALSE(world.plan_retention(0, world.now()));
  EXPECT_TRUE(world.log(0).status().segments.empty()) << "not due yet";
  world.run_for(std::chrono::seconds(6));
  static_cast<void>(world.plan_retention(0, world.now()));
  world.run_for(std::chrono::seconds(1));
  ASSERT_EQ(world.log(0).status().segments.size(), 1U);
  EXPECT_FALSE(world.log(0).status().segments[0].active);
}

TEST(ShardLogs, ControlFramesAloneTakeNoFileAndNeverRoll) {
  WorldOptions options;
  options.log.segment_ms = 1000;
  LogWorld world(options);
  for (int life = 0; life < 5; ++life) {
    ASSERT_TRUE(world.start());
    if (life == 0) {
      ASSERT_TRUE(world.create(0));
    }
    world.append_control(0, TermStart{model::NodeId(1)});
    ASSERT_TRUE(world.settle());
    world.run_for(std::chrono::minutes(5));
    static_cast<void>(world.plan_retention(0, world.now()));
    world.run_for(std::chrono::seconds(1));
    EXPECT_TRUE(world.segment_files(0).empty());
    ASSERT_TRUE(world.stop_clean());
  }
}

TEST(ShardLogs, IdleLogKeepsNoFileAndNothingPinned) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 30; ++i) world.append(0, {.records = 1, .value_bytes = 700});
  ASSERT_TRUE(world.settle());
  world.check_reads(0, 1000);
  world.run_for(std::chrono::minutes(5));
  const ShardLogsStats stats = world.logs().stats();
  EXPECT_EQ(stats.open_files, 0U);
  EXPECT_EQ(stats.pinned_bytes, 0U);
  EXPECT_EQ(stats.read_bytes_in_flight, 0U);
  ASSERT_EQ(world.segment_files(0).size(), 1U);
  const SegmentMeta meta = world.log(0).status().segments.at(0).meta;
  EXPECT_EQ(world.disk().content(world.segment_files(0)[0])->size(), meta.size_bytes)
      << "reserved space is given back";
  EXPECT_EQ(world.log(0).status().disk_bytes, meta.size_bytes);
  // It wakes up in the same file.
  for (int i = 0; i < 30; ++i) world.append(0, {.records = 1, .value_bytes = 700});
  ASSERT_TRUE(world.flush_all());
  EXPECT_EQ(world.segment_files(0).size(), 1U);
  world.check_reads(0);
  world.restart();
  world.check_reads(0);
}

TEST(ShardLogs, DiskBytesAddUpToTheFileSystems) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  for (int p = 0; p < 3; ++p) ASSERT_TRUE(world.create(p));
  sim::SimRng rng(4);
  const auto compare = [&] {
    std::uint64_t reported = 0, real = 0;
    for (int p = 0; p < 3; ++p) reported += world.log(p).status().disk_bytes;
    for (const std::string& path : world.files_with("/topics/")) {
      if (!path.ends_with("/NAME")) real += world.disk().content(path)->size();
    }
    EXPECT_LE(std::max(real, reported) - std::min(real, reported), real / 100) << reported << " of " << real;
  };
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 60; ++i) {
      world.append(static_cast<int>(rng.below(3)), {.records = 2, .value_bytes = rng.between(10, 1500)});
      if (i % 5 == 0) {
        ASSERT_TRUE(world.settle());
      }
    }
    if (rng.one_in(3)) world.set_log_start(0, world.log(0).status().segments.at(0).meta.end);
    world.run_for(std::chrono::seconds(1));
    compare();
    if (round == 5) {
      world.restart();
      world.run_for(std::chrono::seconds(2));
      compare();
    }
  }
}

}  // namespace
}  // namespace forebay::log::testing
