// Logs that begin anew behind what a leader has trimmed: over memory, segments, rounds and writes under way;
// and the power goes at every step of it.
#include "log/log_replica.h"
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

WorldOptions disk_only(std::uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.shard.cache_bytes_max = 0;
  options.log.segment_bytes = 32U << 10;
  return options;
}

void append_some(LogWorld& world, int count, std::size_t value_bytes = 700) {
  for (int i = 0; i < count; ++i) world.append(0, {.records = 2, .value_bytes = value_bytes});
}

void fill_segments(LogWorld& world, int frames) {
  for (int i = 0; i < frames; ++i) {
    append_some(world, 1);
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.settle());
  world.run_for(std::chrono::seconds(70));
  ASSERT_TRUE(world.run_until([&] { return world.logs().stats().pinned_bytes == 0; }));
}

Membership members(std::uint32_t node) { return {{{model::NodeId(node), {}}}, {}, {}}; }

LogBase base_at(std::int64_t offset) {
  const LogPosition begin{Offset(offset), 0};
  return {begin,
          {model::Term(40), {Offset(offset - 3), 1}},
          {{{Offset(offset - 3), 2}, members(static_cast<std::uint32_t>(offset))}}};
}

void expect_equal(LogWorld& world) {
  world.check_reads(0);
  world.check_frames(0);
  EXPECT_TRUE(world.log(0).status().damage.empty());
  EXPECT_TRUE(world.files_with("/quarantine/").empty());
  EXPECT_EQ(world.logs().stats().segment_write_errors, 0U);
}

// Now, and after the power went, and after it went once more.
void expect_equal_for_good(LogWorld& world) {
  const LogPosition end = world.log(0).end();
  expect_equal(world);
  for (int i = 0; i < 2; ++i) {
    world.restart();
    EXPECT_EQ(world.log(0).end(), end);
    expect_equal(world);
  }
}

LogReplica& replica(LogWorld& world) { return dynamic_cast<LogReplica&>(world.log(0)); }

sim::DiskFault slow_journal() {
  sim::DiskFault slow;
  slow.effect = sim::DiskEffect::kStall;
  slow.path = sim::path_contains(".journal");
  slow.stall = std::chrono::seconds(2);
  return slow;
}

TEST(LogInstall, OldLogIsWhatACrashFindsUntilTheJournalHasTheNewOne) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 100);
  const LogPosition trimmed = world.model(0).frames[10]->header.begin;
  world.set_log_start(0, trimmed);
  ASSERT_TRUE(world.settle());
  append_some(world, 3);
  ASSERT_TRUE(world.settle());
  const std::vector<std::string> files = world.segment_files(0);
  const PartitionCheckpoint before = replica(world).checkpoint();
  world.disk().inject(slow_journal());

  const LogBase base = base_at(1'000);
  world.install(0, base);
  append_some(world, 2);
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.log(0).log_start(), trimmed);
  EXPECT_EQ(world.log(0).flushed(), trimmed) << "a crash now finds nothing of the new log";
  EXPECT_EQ(world.log(0).last_term(), world.model(0).term);
  EXPECT_EQ(world.segment_files(0), files);
  const PartitionCheckpoint waiting = replica(world).checkpoint();
  EXPECT_EQ(waiting.segments, before.segments);
  EXPECT_EQ(waiting.segment_end, before.segment_end);
  EXPECT_EQ(waiting.log_start, before.log_start);
  EXPECT_EQ(waiting.terms, before.terms);
  EXPECT_EQ(waiting.log_epoch, before.log_epoch);

  ASSERT_TRUE(world.settle());
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.log(0).log_start(), base.begin);
  EXPECT_TRUE(world.segment_files(0).empty());
  const PartitionCheckpoint after = replica(world).checkpoint();
  EXPECT_EQ(after.log_start, base.begin);
  EXPECT_EQ(after.segment_end, base.begin);
  EXPECT_EQ(after.terms, std::vector{base.before});
  EXPECT_EQ(after.memberships, base.memberships);
  EXPECT_EQ(after.log_epoch, before.log_epoch.next());
  expect_equal_for_good(world);
  EXPECT_EQ(world.log(0).terms().front(), base.before);
  EXPECT_EQ(world.log(0).memberships(), base.memberships);
}

TEST(LogInstall, DurabilityIsToldAlsoWhenNothingFollows) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_some(world, 5);
  ASSERT_TRUE(world.settle());
  world.set_hard_state(0, {model::Term(41), model::NodeId(3)});
  world.install(0, base_at(50));
  ASSERT_TRUE(world.run_until([&] { return world.model(0).durable == world.log(0).end(); }));
  expect_equal_for_good(world);
  EXPECT_EQ(world.log(0).hard_state(), (HardState{model::Term(41), model::NodeId(3)}));
}

// The old log went further, and some of it is still on its way to the disk.
TEST(LogInstall, RoundsOfTheOldLogDoNotCount) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 40);
  world.disk().inject(slow_journal());
  append_some(world, 4);
  world.run_for(std::chrono::milliseconds(100));
  append_some(world, 4);
  world.install(0, base_at(30));
  append_some(world, 3);
  const LogPosition end = world.log(0).end();
  ASSERT_LT(end, (LogPosition{Offset(80), 0}));
  while (world.log(0).flushed() < end) {
    ASSERT_TRUE(
        world.run_until([&, known = world.log(0).flushed()] { return world.log(0).flushed() != known; }));
    EXPECT_LE(world.log(0).flushed(), end);
  }
  expect_equal_for_good(world);
}

TEST(LogInstall, TwoOfThemAndACutInOneRound) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 60);
  const PartitionCheckpoint before = replica(world).checkpoint();
  world.truncate(0, 50);
  append_some(world, 2);
  world.install(0, base_at(500));
  append_some(world, 6);
  world.truncate(0, 3);
  append_some(world, 2);
  world.install(0, base_at(700));
  append_some(world, 4);
  world.truncate(0, 2);
  append_some(world, 1);
  EXPECT_EQ(replica(world).checkpoint().segments, before.segments);
  EXPECT_EQ(replica(world).checkpoint().segment_end, before.segment_end);
  ASSERT_TRUE(world.settle());
  expect_equal_for_good(world);
}

TEST(LogInstall, LostTailIsNotRegainedByIt) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_some(world, 5);
  ASSERT_TRUE(world.settle());
  world.log(0).report_lost_tail([](const Result<void>&) {});
  world.install(0, base_at(50));
  EXPECT_EQ(world.log(0).lost_tail(), world.log(0).end());
  ASSERT_TRUE(world.settle());
  world.restart();
  EXPECT_EQ(world.log(0).lost_tail(), (LogPosition{Offset(50), 0}));
}

TEST(LogInstall, ReadsUnderWayAreCancelled) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 60);
  const LogPosition end = world.log(0).end();
  int answered = 0, asked = 0;
  for (const FramePtr& frame : world.model(0).frames) {
    const LogPosition from = frame->header.begin;
    const auto expect_cancelled = [&answered](const auto& got) {
      ++answered;
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, ErrorCode::kCancelled);
    };
    asked += 3;
    world.log(0).read({from.next_offset, end.next_offset}, expect_cancelled);
    world.log(0).read_frames({from, end}, expect_cancelled);
    world.log(0).find_by_time(TimeKind::kAppend, frame->header.append_time, end.next_offset,
                              expect_cancelled);
  }
  ASSERT_EQ(answered, 0) << "from disk";
  world.install(0, base_at(500));
  append_some(world, 4);
  ASSERT_TRUE(world.run_until([&] { return answered == asked; }));
  ASSERT_TRUE(world.settle());
  expect_equal_for_good(world);
}

// What the ring keeps was for frames that are gone; nobody will flush them.
TEST(LogInstall, RingGoesRound) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  ASSERT_TRUE(world.create(1));
  fill_segments(world, 50);
  append_some(world, 4);
  ASSERT_TRUE(world.settle());
  world.install(0, base_at(60));
  for (int i = 0; i < 400; ++i) {
    world.append(1, {.records = 1, .value_bytes = 4000});
    ASSERT_TRUE(world.settle()) << "the ring is stuck after " << i;
  }
  EXPECT_GT(world.logs().stats().journal.checkpoints, 8U);
  expect_equal_for_good(world);
}

// Installs at any moment of appends, rounds, segment writes, rolls and compactions; then once more.
TEST(LogInstall, AnyMomentWillDo) {
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    WorldOptions options = disk_only(seed);
    if (rng.one_in(2)) options.shard.cache_bytes_max = 64U << 10;
    if (rng.one_in(2)) options.log.cleanup = CleanupPolicy::kCompact;
    options.log.min_cleanable_dirty_ratio = 0;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    std::int64_t offset = 0;
    for (int life = 0; life < 3; ++life) {
      for (std::uint64_t n = rng.below(60); n > 0; --n) {
        append_some(world, 1);
        if (rng.one_in(5)) world.run_for(std::chrono::microseconds(rng.below(2'000)));
        if (rng.one_in(12)) world.log(0).roll();
      }
      if (rng.one_in(2)) {
        ASSERT_TRUE(world.settle());
        world.log(0).roll();
      }
      if (rng.one_in(2)) world.log(0).compact(world.now(), {world.log(0).flushed(), {}}, [](const auto&) {});
      world.run_for(std::chrono::microseconds(rng.below(20'000)));
      offset = world.log(0).log_start().next_offset.value() + 10 + static_cast<std::int64_t>(rng.below(100));
      world.install(0, base_at(offset));
      if (rng.one_in(2)) append_some(world, static_cast<int>(rng.below(20)));
      if (rng.one_in(3)) {
        ASSERT_TRUE(world.settle());
        expect_equal(world);
      }
    }
    append_some(world, 20);
    ASSERT_TRUE(world.flush_all());
    EXPECT_EQ(world.log(0).log_start().next_offset, Offset(offset));
    expect_equal_for_good(world);
    world.run_for(std::chrono::seconds(1));
    EXPECT_EQ(world.segment_files(0).size(), world.log(0).status().segments.size());
    if (::testing::Test::HasFailure()) return;
  }
}

// The power goes at each step of: install, the frames that follow, the journal's ring once round.
TEST(LogInstall, PowerCutAtEveryStepFindsTheOldLogOrTheNewOne) {
  int old_found = 0, new_found = 0;
  for (std::uint64_t step = 1; step <= 160; ++step) {
    SCOPED_TRACE(step);
    LogWorld world(disk_only(step));
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    ASSERT_TRUE(world.create(1));
    fill_segments(world, 50);
    append_some(world, static_cast<int>(step % 4));
    if (step % 3 == 0) {
      ASSERT_TRUE(world.settle());
    }
    world.disk().crash_at_step(step);
    // Within what it has, or beyond.
    world.install(0, base_at(step % 2 == 0 ? 40 : 400));
    append_some(world, 2, 100);
    for (int i = 0; i < 100 && !world.disk().power_is_off(); ++i) {
      world.append(1, {.records = 1, .value_bytes = 4000});
      if (i % 4 == 0) append_some(world, 1, 100);
      static_cast<void>(world.settle());
    }
    world.crash(sim::Landing::kSeeded);
    bool up = world.start();
    for (int tries = 0; !up && tries < 5; ++tries) {
      world.crash(sim::Landing::kSeeded);
      up = world.start();
    }
    ASSERT_TRUE(up);
    ++(world.model(0).base.begin > LogPosition{} ? new_found : old_found);
    expect_equal(world);
    append_some(world, 20);
    ASSERT_TRUE(world.flush_all());
    expect_equal_for_good(world);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(new_found, 20);
  EXPECT_GT(old_found, 0);
}

// --- what a log knows of what lies below its start

TEST(LogStart, TermOfTheFrameThatEndedThereIsKeptForGood) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  std::vector<LogPosition> begins;
  for (std::uint64_t term = 1; term <= 6; ++term) {
    world.model(0).term = model::Term(term);
    begins.push_back(world.log(0).end());
    append_some(world, 12);
    ASSERT_TRUE(world.settle());
  }
  ASSERT_TRUE(world.flush_all());
  world.set_log_start(0, begins[4]);
  ASSERT_TRUE(world.settle());
  const std::vector<TermBegin> kept{
      {model::Term(4), begins[3]}, {model::Term(5), begins[4]}, {model::Term(6), begins[5]}};
  EXPECT_EQ(world.log(0).terms(), kept);
  for (int i = 0; i < 2; ++i) {
    // Of what the journal still has more may be known.
    world.restart();
    std::vector<TermBegin> known = world.log(0).terms();
    while (known.size() > kept.size()) known.erase(known.begin());
    EXPECT_EQ(known, kept);
  }
}

// A replica that is behind is sent the frame that covers log start, whole; and nothing that lies below.
TEST(LogStart, FrameThatCoversItIsTheFirstThatReplicasGet) {
  for (const bool with_cache : {false, true}) {
    WorldOptions options = disk_only();
    if (with_cache) options.shard.cache_bytes_max = 1U << 20;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill_segments(world, 20);
    const std::vector<FramePtr> frames = world.model(0).frames;
    const FrameHeader& covering = frames[9]->header;
    ASSERT_EQ(covering.begin.after_records(2), covering.end);
    world.set_log_start(0, covering.begin.after_records(1));
    ASSERT_TRUE(world.settle());
    const LogPosition end = world.log(0).end();
    const auto got = world.read_frames(0, {covering.begin, end});
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_TRUE(same_bytes(*got->front(), *frames[9]));
    const FramesRequest below{frames[8]->header.begin, end};
    EXPECT_EQ(world.read_frames(0, below).error().code, ErrorCode::kNotFound);
    const FramesRequest short_of_it{frames[2]->header.begin, covering.begin};
    EXPECT_EQ(world.read_frames(0, short_of_it).error().code, ErrorCode::kNotFound);
    FramesRequest skipping = below;
    skipping.first = FirstFrame::kAfterTrimmed;
    const auto skipped = world.read_frames(0, skipping);
    ASSERT_TRUE(skipped) << skipped.error().to_string();
    EXPECT_TRUE(same_bytes(*skipped->front(), *frames[9]));
    // One that knows no more than that it lies within a batch.
    FramesRequest within{covering.begin.after_records(1), end, 1U << 20, FirstFrame::kAfterTrimmed};
    EXPECT_EQ(world.read_frames(0, within).error().code, ErrorCode::kNotFound);
    within.first = FirstFrame::kCovering;
    const auto whole = world.read_frames(0, within);
    ASSERT_TRUE(whole) << whole.error().to_string();
    EXPECT_TRUE(same_bytes(*whole->front(), *frames[9]));
  }
}

}  // namespace
}  // namespace forebay::log::testing
