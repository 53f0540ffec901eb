// A shard that is stopped, or loses its power, at a moment that matters.
#include <gtest/gtest.h>

#include "shard_harness.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;

// The stop comes at any moment of the opening: between the record that creates the log, the new term and the
// frame that begins it.
TEST(ShardStop, AtEveryStepOfAnOpeningEndsInOrder) {
  for (std::uint64_t steps = 0; steps < 24; ++steps) {
    SCOPED_TRACE(steps);
    ShardHarness shard(steps + 1);
    ASSERT_TRUE(shard.start());
    std::optional<Result<std::monostate>> ready;
    shard.set_->open(topic_partition(1), "topic", {}, Expected::kMayBeNew,
                     [&ready](Result<std::monostate> result) { ready = std::move(result); });
    for (std::uint64_t i = 0; i < steps; ++i) shard.machine_.scheduler().run_one();
    auto [stopped, done] = ShardHarness::slot<std::monostate>();
    shard.set_->stop([done = std::move(done)](Result<void> result) mutable {
      if (result) return done(std::monostate{});
      done(std::move(result).error());
    });
    const auto result = shard.wait(stopped);
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result) << result->error().to_string();
    shard.machine_.scheduler().run_for(1s);
    EXPECT_TRUE(ready.has_value()) << "the opening is never answered";
    shard.tear_down();
    shard.machine_.kill_and_restart(sim::Landing::kKeep);
    ASSERT_TRUE(shard.start());
    static_cast<void>(shard.open(topic_partition(1)));
  }
}

// The same is asked for once more while the first is on its way to the disk. What is told, by an answer or by
// the watermarks, is there after a power cut in the same instant.
TEST(ShardTrim, IsToldOnlyWhenItIsDurable) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    ShardHarness shard(seed);
    ASSERT_TRUE(shard.start());
    Partition& partition = shard.open(topic_partition(1));
    ASSERT_TRUE(*shard.produce(partition, {"a", "b", "c"}));
    std::optional<Result<Offset>> first;
    std::optional<Result<Offset>> again;
    partition.trim(Offset(2), [&first](Result<Offset> result) { first = std::move(result); });
    partition.trim(Offset(2), [&again](Result<Offset> result) { again = std::move(result); });
    ASSERT_TRUE(shard.machine_.scheduler().run_until([&] {
      return partition.watermarks().log_start == Offset(2) || first.has_value() || again.has_value();
    }));
    shard.tear_down();
    shard.machine_.reboot(sim::Landing::kDrop);
    ASSERT_TRUE(shard.start());
    EXPECT_EQ(shard.open(topic_partition(1)).watermarks().log_start, Offset(2));
  }
}

}  // namespace
}  // namespace forebay::partition
