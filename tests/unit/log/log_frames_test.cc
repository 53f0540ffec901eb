// Frames read by position, for another replica.
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

WorldOptions without_cache() {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.log.segment_bytes = 32U << 10;
  return options;
}

void append_mixed(LogWorld& world, int count, std::uint64_t seed) {
  sim::SimRng rng(seed);
  for (int i = 0; i < count; ++i) {
    if (rng.one_in(4)) world.append_control(0, TermStart{model::NodeId(1)});
    world.append(
        0, {.records = static_cast<std::int64_t>(rng.between(1, 5)), .value_bytes = rng.between(10, 900)});
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
}

// From the frame with this number on: what the log has, no more than was asked for, at least one.
void check_from(LogWorld& world, std::size_t first, LogPosition upto, std::size_t bytes_max) {
  const std::vector<FramePtr>& all = world.model(0).frames;
  const auto got = world.read_frames(0, {all[first]->header.begin, upto, bytes_max});
  ASSERT_TRUE(got) << got.error().to_string();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < got->size(); ++i) {
    ASSERT_LT(first + i, all.size());
    ASSERT_TRUE(same_bytes(*(*got)[i], *all[first + i])) << "frame " << first + i;
    ASSERT_LE((*got)[i]->header.end, upto);
    bytes += (*got)[i]->encoded_bytes();
  }
  ASSERT_TRUE(got->size() == 1 || bytes <= bytes_max);
  ASSERT_EQ(got->empty(), all[first]->header.end > upto);
}

TEST(LogFrames, MemoryGivesAllKindsAtOnceAlsoWhatIsNotFlushed) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.append_control(0, TermStart{model::NodeId(1)});
  world.append(0, {.records = 3});
  world.append_control(0, Membership{});
  world.append_control(0, LogStart{});
  world.append(0, {.records = 2});
  EXPECT_EQ(world.log(0).flushed(), LogPosition{});
  EXPECT_TRUE(world.log(0).is_in_memory(LogPosition{}));
  std::optional<Result<std::vector<FramePtr>>> got;
  world.log(0).read_frames({LogPosition{}, world.log(0).end()},
                           [&](auto result) { got = std::move(result); });
  ASSERT_TRUE(got) << "it is in memory";
  ASSERT_TRUE(*got);
  ASSERT_EQ((*got)->size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(same_bytes(*(**got)[i], *world.model(0).frames[i]));
  for (std::size_t i = 0; i < 5; ++i) {
    for (const FramePtr& upto : world.model(0).frames) {
      check_from(world, i, upto->header.end, 1);
      check_from(world, i, upto->header.end, 1 << 20);
    }
  }
  EXPECT_TRUE(world.read_frames(0, {world.log(0).end(), {Offset(100), 0}})->empty());
}

TEST(LogFrames, SegmentsGiveWhatMemoryGave) {
  std::uint64_t disk_reads = 0;
  for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
    SCOPED_TRACE(seed);
    WorldOptions options = without_cache();
    options.seed = seed;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    append_mixed(world, 150, seed);
    ASSERT_TRUE(seed % 2 == 0 ? world.flush_all() : world.settle());
    if (seed % 3 == 0) world.restart();
    sim::SimRng rng(seed);
    const std::vector<FramePtr>& all = world.model(0).frames;
    for (int i = 0; i < 100; ++i) {
      const std::size_t first = rng.below(all.size());
      check_from(world, first, all[rng.between(first, all.size() - 1)]->header.end, rng.between(1, 20'000));
    }
    // And all of it, as a follower that catches up reads.
    std::size_t at = 0;
    while (at < all.size()) {
      const auto got = world.read_frames(0, {all[at]->header.begin, world.log(0).end(), 6000});
      ASSERT_TRUE(got) << got.error().to_string();
      ASSERT_FALSE(got->empty());
      for (const FramePtr& frame : *got) ASSERT_TRUE(same_bytes(*frame, *all[at++]));
    }
    disk_reads += world.logs().stats().disk_reads;
  }
  EXPECT_GT(disk_reads, 100U);
}

TEST(LogFrames, WhereNoFrameBeginsNoneIsFound) {
  LogWorld world(without_cache());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_mixed(world, 100, 1);
  ASSERT_TRUE(world.flush_all());
  EXPECT_FALSE(world.log(0).is_in_memory(LogPosition{}));
  const auto code_at = [&](LogPosition from) {
    const auto got = world.read_frames(0, {from, world.log(0).end()});
    return got ? ErrorCode{} : got.error().code;
  };
  int inside = 0;
  for (const FramePtr& frame : world.model(0).frames) {
    if (frame->header.kind == FrameKind::kControl || frame->header.end.next_offset.value() % 7 != 0) continue;
    const LogPosition begin = frame->header.begin;
    if (begin.after_records(1) < frame->header.end) {
      EXPECT_EQ(code_at(begin.after_records(1)), ErrorCode::kNotFound);
      ++inside;
    }
    EXPECT_EQ(code_at({begin.next_offset, begin.control_count + 5}), ErrorCode::kNotFound);
  }
  EXPECT_GT(inside, 0);
  EXPECT_EQ(code_at(world.log(0).end().after_records(1)), ErrorCode::kNotFound);
  world.set_log_start(0, world.model(0).frames[20]->header.begin);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(code_at(LogPosition{}), ErrorCode::kNotFound);
  EXPECT_EQ(code_at(world.model(0).frames[19]->header.begin), ErrorCode::kNotFound);
  check_from(world, 20, world.log(0).end(), 5000);
}

TEST(LogFrames, DamagedRangeIsToldAndWhatIsGoodBeforeItIsGiven) {
  LogWorld world(without_cache());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 12; ++i) world.append(0, {.records = 1, .value_bytes = 1000});
  ASSERT_TRUE(world.flush_all());
  // In the payload of the sixth frame or so.
  world.disk().flip_bit(world.segment_files(0).at(0), 8 * 6000);
  std::optional<std::size_t> lost;
  std::size_t at = 0;
  const std::vector<FramePtr>& all = world.model(0).frames;
  while (at < all.size()) {
    const auto got = world.read_frames(0, {all[at]->header.begin, world.log(0).end()});
    if (!got) {
      ASSERT_EQ(got.error().code, ErrorCode::kDataLoss) << got.error().to_string();
      ASSERT_FALSE(lost) << "exactly one frame is lost";
      lost = at++;
      continue;
    }
    ASSERT_FALSE(got->empty());
    for (const FramePtr& frame : *got) ASSERT_TRUE(same_bytes(*frame, *all[at++]));
  }
  ASSERT_TRUE(lost);
  EXPECT_GT(*lost, 0U);
  ASSERT_EQ(world.log(0).status().damage.size(), 1U);
  EXPECT_EQ(world.log(0).status().damage[0].begin, all[*lost]->header.begin);
}

TEST(LogFrames, PendingReadIsCancelledWhenTheLogGoes) {
  LogWorld world(without_cache());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_mixed(world, 50, 1);
  ASSERT_TRUE(world.flush_all());
  std::optional<ErrorCode> code;
  world.log(0).read_frames({LogPosition{}, world.log(0).end()},
                           [&](const auto& result) { code = result.error().code; });
  EXPECT_FALSE(code) << "from disk";
  world.model(0).log = nullptr;
  bool removed = false;
  world.logs().remove(LogWorld::partition_id(0),
                      [&](const Result<void>& result) { removed = result.has_value(); });
  ASSERT_TRUE(world.run_until([&] { return removed; }));
  EXPECT_EQ(code, ErrorCode::kCancelled);
}

// For decisions about a stopped node: who else has its partitions.
TEST(LogFrames, LastMembersAreFoundInSegmentsAndInTheJournal) {
  const auto members = [](std::uint32_t count) {
    Membership of_nodes;
    for (std::uint32_t node = 1; node <= count; ++node) of_nodes.voters.push_back({model::NodeId(node), {}});
    return of_nodes;
  };
  LogWorld world;
  ASSERT_TRUE(world.start());
  for (const std::int32_t partition : {0, 1, 2}) {
    ASSERT_TRUE(world.create(partition));
    world.append(partition, {});
  }
  world.append_control(0, members(1));
  world.append_control(1, members(2));
  world.append(0, {});
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.stop_clean());
  ASSERT_TRUE(world.start());
  world.append_control(0, members(3));
  ASSERT_TRUE(world.settle());
  world.crash(sim::Landing::kKeep);
  RecoveryOptions options;
  options.data_dir = world.options().shard.data_dir;
  options.journal = world.options().shard.journal;
  const auto found = find_memberships(world.machine().file_system(), options);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(*found,
            (Memberships{{LogWorld::partition_id(0), members(3)}, {LogWorld::partition_id(1), members(2)}}));
}

}  // namespace
}  // namespace forebay::log::testing
