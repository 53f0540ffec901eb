#include "log_world.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

TEST(ShardLogs, AppendedFramesAreDurableAndRead) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 20; ++i) world.append(0, {.records = 3});
  EXPECT_EQ(world.log(0).flushed(), LogPosition{});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.log(0).flushed(), (LogPosition{Offset(60), 0}));
  world.check_reads(0);
}

TEST(ShardLogs, ReadsComeFromSegmentsWhenMemoryIsGone) {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 300; ++i) {
    world.append(0, {.records = 2, .value_bytes = 700});
    ASSERT_TRUE(world.settle());
  }
  ASSERT_TRUE(world.flush_all());
  EXPECT_EQ(world.logs().stats().cached_bytes, 0U);
  EXPECT_GT(world.log(0).status().segments.size(), 4U);
  world.check_reads(0);
  EXPECT_GT(world.logs().stats().disk_reads, 0U);
}

TEST(ShardLogs, CleanStopKeepsEverything) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  ASSERT_TRUE(world.create(1));
  for (int i = 0; i < 100; ++i) {
    world.append(i % 2, {.records = 5, .value_bytes = 300});
    if (i % 10 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.settle());
  ASSERT_TRUE(world.stop_clean());
  ASSERT_TRUE(world.start());
  EXPECT_TRUE(world.report().clean);
  world.check_all_reads();
}

TEST(ShardLogs, PowerCutKeepsWhatWasReported) {
  for (std::uint64_t seed = 1; seed <= seeds(5); ++seed) {
    SCOPED_TRACE(seed);
    WorldOptions options;
    options.seed = seed;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    for (int life = 0; life < 4; ++life) {
      for (int i = 0; i < 60; ++i) {
        world.append(0, {.records = 2, .value_bytes = 400});
        if (i % 7 == 0) {
          ASSERT_TRUE(world.settle());
        }
      }
      world.restart();
      world.check_reads(0);
    }
  }
}

}  // namespace
}  // namespace forebay::log::testing
