// Logs that are cut: in memory, through a segment, whole segments; with a round or a segment write under way;
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

// All that is there is in segments, the last of which is written on.
void fill_segments(LogWorld& world, int frames) {
  for (int i = 0; i < frames; ++i) {
    append_some(world, 1);
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.settle());
  // Not a roll: the file stays open.
  world.run_for(std::chrono::seconds(70));
  ASSERT_TRUE(world.run_until([&] { return world.logs().stats().pinned_bytes == 0; }));
}

void expect_equal(LogWorld& world) {
  world.check_reads(0);
  world.check_frames(0);
  EXPECT_TRUE(world.log(0).status().damage.empty());
  EXPECT_TRUE(world.files_with("/quarantine/").empty());
  EXPECT_EQ(world.logs().stats().segment_write_errors, 0U);
}

// The journal has all that was asked of it, truncations too.
void settle_cut(LogWorld& world) {
  ASSERT_TRUE(world.settle());
  bool durable = false;
  world.log(0).set_hard_state({world.log(0).hard_state().term.next(), {}},
                              [&](const Result<void>& result) { durable = result.has_value(); });
  ASSERT_TRUE(world.run_until([&] { return durable; }));
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

TEST(LogTruncation, CutInMemoryIsThereAtOnceAndForGood) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_some(world, 5);
  world.append_control(0, Membership{{{model::NodeId(1), {}}}, {}, {}});
  append_some(world, 4);
  ASSERT_TRUE(world.settle());
  world.append_control(0, Membership{{{model::NodeId(2), {}}}, {}, {}});
  append_some(world, 3);
  const LogPosition to = world.model(0).frames[8]->header.begin;
  world.truncate(0, 8);
  EXPECT_EQ(world.log(0).end(), to);
  EXPECT_EQ(world.log(0).flushed(), to);
  EXPECT_EQ(world.log(0).max_append_time(), world.model(0).frames[7]->header.append_time);
  EXPECT_TRUE(world.read_frames(0, {to, {Offset(100), 0}})->empty());
  EXPECT_EQ(world.read(0, {Offset(to.next_offset.value() + 1), Offset(100)}).error().code,
            ErrorCode::kOffsetOutOfRange);
  expect_equal(world);
  append_some(world, 2);
  settle_cut(world);
  expect_equal_for_good(world);
}

TEST(LogTruncation, FlushedStaysWhereItIsWhenTheCutIsAboveIt) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  append_some(world, 4);
  ASSERT_TRUE(world.settle());
  const LogPosition flushed = world.log(0).flushed();
  append_some(world, 4);
  world.truncate(0, 6);
  EXPECT_EQ(world.log(0).flushed(), flushed);
  // Nothing is appended behind it, and yet what is left becomes durable, and that is told.
  ASSERT_TRUE(world.run_until([&] { return world.model(0).durable == world.log(0).end(); }));
  EXPECT_EQ(world.log(0).flushed(), world.log(0).end());
  settle_cut(world);
  expect_equal_for_good(world);
}

TEST(LogTruncation, CutThroughTheFileThatIsWrittenEndsItThere) {
  for (const bool with_cache : {false, true}) {
    WorldOptions options = disk_only();
    if (with_cache) options.shard.cache_bytes_max = 1 << 20;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill_segments(world, 30);
    const LogStatus before = world.log(0).status();
    ASSERT_TRUE(before.segments.back().active);
    const SegmentMeta cut = before.segments.back().meta;
    const std::string path = world.segment_files(0).back();
    const std::vector<std::byte> bytes = *world.disk().content(path);
    const std::size_t keep = world.model(0).frames.size() - 2;
    const LogPosition to = world.model(0).frames[keep]->header.begin;
    ASSERT_LT(cut.begin, to);
    world.truncate(0, keep);
    const LogStatus after = world.log(0).status();
    EXPECT_EQ(after.segment_end, to);
    ASSERT_EQ(after.segments.size(), before.segments.size());
    EXPECT_FALSE(after.segments.back().active);
    EXPECT_EQ(after.segments.back().meta.end, to);
    expect_equal(world);
    append_some(world, 8);
    settle_cut(world);
    ASSERT_TRUE(world.flush_all());
    EXPECT_GT(world.log(0).status().segments.size(), before.segments.size());
    const std::vector<std::byte> left = *world.disk().content(path);
    ASSERT_GE(left.size(), cut.size_bytes);
    EXPECT_TRUE(
        std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(cut.size_bytes), bytes.begin()))
        << "no block below a segment end is rewritten";
    expect_equal_for_good(world);
  }
}

TEST(LogTruncation, WholeSegmentsGoOnceTheJournalHasTheCut) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 100);
  const std::vector<std::string> files = world.segment_files(0);
  ASSERT_GT(files.size(), 4U);
  const PartitionCheckpoint before = replica(world).checkpoint();
  sim::DiskFault slow;
  slow.effect = sim::DiskEffect::kStall;
  slow.path = sim::path_contains(".journal");
  slow.stall = std::chrono::seconds(2);
  world.disk().inject(slow);
  world.truncate(0, 30);
  const LogPosition to = world.log(0).end();
  append_some(world, 3);
  world.run_for(std::chrono::seconds(1));
  // A crash now finds the log uncut: so does whatever is checkpointed now, and the files are there.
  EXPECT_EQ(world.segment_files(0), files);
  const PartitionCheckpoint waiting = replica(world).checkpoint();
  EXPECT_EQ(waiting.segment_end, before.segment_end);
  EXPECT_EQ(waiting.segments, before.segments);
  EXPECT_EQ(waiting.terms, before.terms);
  EXPECT_EQ(waiting.log_epoch, before.log_epoch);
  EXPECT_EQ(waiting.max_append_time, before.max_append_time);
  EXPECT_EQ(world.log(0).status().segment_end, to);
  expect_equal(world);
  ASSERT_TRUE(world.settle());
  world.run_for(std::chrono::seconds(1));
  EXPECT_LT(world.segment_files(0).size(), files.size() - 1);
  EXPECT_EQ(world.segment_files(0).size(), world.log(0).status().segments.size());
  const PartitionCheckpoint cut = replica(world).checkpoint();
  EXPECT_EQ(cut.segment_end, to);
  EXPECT_EQ(cut.segments.back().end, to);
  EXPECT_EQ(cut.log_epoch, before.log_epoch.next());
  EXPECT_EQ(cut.lowest_truncation, to);
  expect_equal_for_good(world);
}

// A place is taken once more while the file that was there before is still there.
TEST(LogTruncation, NextFileHasANameThatNoOtherHad) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 100);
  const LogPosition begin = world.log(0).status().segments.at(1).meta.begin;
  std::size_t keep = 0;
  while (world.model(0).frames[keep]->header.begin < begin) ++keep;
  sim::DiskFault stays;
  stays.op = sim::DiskOp::kRemove;
  stays.path = sim::path_contains("/topics/");
  stays.times = sim::DiskFault::kForever;
  world.disk().inject(stays);
  for (int i = 0; i < 3; ++i) {
    world.truncate(0, keep);
    append_some(world, 30);
    ASSERT_TRUE(world.flush_all());
    EXPECT_EQ(world.log(0).status().segments.at(1).meta.begin, begin);
    expect_equal(world);
  }
  world.disk().clear_faults();
  expect_equal_for_good(world);
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.segment_files(0).size(), world.log(0).status().segments.size()) << "what was cut is gone";
}

TEST(LogTruncation, AllOfTheLogCanGo) {
  for (const bool trimmed : {false, true}) {
    LogWorld world(disk_only());
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill_segments(world, 60);
    std::size_t keep = 0;
    if (trimmed) {
      keep = 25;
      world.set_log_start(0, world.model(0).frames[keep]->header.begin);
      ASSERT_TRUE(world.settle());
    }
    world.truncate(0, keep);
    EXPECT_EQ(world.log(0).end(), world.log(0).log_start());
    EXPECT_EQ(world.log(0).flushed(), world.log(0).log_start());
    EXPECT_TRUE(world.log(0).status().segments.empty() || trimmed);
    settle_cut(world);
    world.run_for(std::chrono::seconds(1));
    EXPECT_TRUE(world.segment_files(0).empty());
    append_some(world, 20);
    ASSERT_TRUE(world.flush_all());
    expect_equal_for_good(world);
  }
}

TEST(LogTruncation, RoundFromBeforeTheCutCountsForWhatIsLeftOnly) {
  for (std::uint64_t seed = 1; seed <= seeds(30); ++seed) {
    SCOPED_TRACE(seed);
    WorldOptions options;
    options.seed = seed;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    append_some(world, 4);
    ASSERT_TRUE(world.settle());
    append_some(world, 6, 100);
    sim::DiskFault slow;
    slow.effect = sim::DiskEffect::kStall;
    slow.path = sim::path_contains(".journal");
    slow.stall = std::chrono::milliseconds(1);
    world.disk().inject(slow);
    const std::uint64_t rounds = world.logs().stats().journal.rounds;
    world.run_for(std::chrono::microseconds(seed % 5));  // it is written
    append_some(world, 4, 100);                          // and the next one gathered
    world.run_for(std::chrono::microseconds(seed % 3));
    ASSERT_EQ(world.logs().stats().journal.rounds, rounds);
    world.truncate(0, seed % 2 == 0 ? 6 : 2);
    const LogPosition to = world.log(0).end();
    append_some(world, 1, 50);  // ends below what the round held
    bool told = false;
    ASSERT_TRUE(world.run_until([&] {
      told = world.log(0).flushed() > to;
      return told || world.logs().stats().journal.rounds > rounds;
    }));
    EXPECT_FALSE(told) << "the new frame is in no round yet";
    EXPECT_LE(world.log(0).flushed(), to);
    if (seed % 3 == 0) {
      ASSERT_TRUE(world.settle());
    }
    world.restart();
    expect_equal(world);
  }
}

TEST(LogTruncation, SegmentWriteUnderWayBringsNothingBack) {
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    WorldOptions options = disk_only(seed);
    if (rng.one_in(3)) options.shard.cache_bytes_max = 1 << 20;
    options.log.segment_bytes = rng.one_in(2) ? 32U << 10 : 1U << 20;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    append_some(world, static_cast<int>(rng.below(40)));
    ASSERT_TRUE(world.settle());
    append_some(world, 20);
    ASSERT_TRUE(world.settle());
    if (rng.one_in(2)) world.log(0).roll();
    // Anywhere between making the file and having synced it.
    const ShardLogsStats before = world.logs().stats();
    const std::uint64_t kind = rng.below(3);
    static_cast<void>(world.run_until([&] {
      const ShardLogsStats now = world.logs().stats();
      return now.pinned_bytes == 0 || (kind == 0 && !world.segment_files(0).empty()) ||
             (kind == 1 && now.segment_bytes_written > before.segment_bytes_written) ||
             (kind == 2 && now.segment_syncs > before.segment_syncs);
    }));
    if (rng.one_in(2)) world.run_for(std::chrono::microseconds(rng.below(500)));
    world.truncate(0, rng.below(world.model(0).frames.size()));
    for (std::uint64_t n = rng.below(30); n > 0; --n) append_some(world, 1);
    if (rng.one_in(2)) {
      ASSERT_TRUE(rng.one_in(2) ? world.flush_all() : world.settle());
      expect_equal(world);
    }
    world.restart();
    expect_equal(world);
    append_some(world, 20);
    ASSERT_TRUE(world.flush_all());
    expect_equal_for_good(world);
  }
}

TEST(LogTruncation, TwoCutsInOneRound) {
  for (const bool second_is_lower : {false, true}) {
    LogWorld world(disk_only());
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill_segments(world, 60);
    const PartitionCheckpoint before = replica(world).checkpoint();
    world.truncate(0, 40);
    append_some(world, 6);
    world.append_control(0, Membership{{{model::NodeId(5), {}}}, {}, {}});
    world.truncate(0, second_is_lower ? 20 : 43);
    append_some(world, 2);
    EXPECT_EQ(replica(world).checkpoint().segments, before.segments);
    EXPECT_EQ(replica(world).checkpoint().segment_end, before.segment_end);
    expect_equal(world);
    settle_cut(world);
    EXPECT_EQ(replica(world).checkpoint().log_epoch, before.log_epoch.next().next());
    expect_equal_for_good(world);
  }
}

// The power goes at each step of: cut, other frames at the same positions, the journal's ring once round.
TEST(LogTruncation, PowerCutAtEveryStepFindsTheLogCutOrNot) {
  int cut_found = 0, uncut_found = 0;
  for (std::uint64_t step = 1; step <= 120; ++step) {
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
    world.truncate(0, step % 2 == 0 ? 20 : 47);
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
    ++(world.model(0).epoch_at_start > 0 ? cut_found : uncut_found);
    expect_equal(world);
    append_some(world, 20);
    ASSERT_TRUE(world.flush_all());
    expect_equal_for_good(world);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(cut_found, 20);
  EXPECT_GT(uncut_found, 0);
}

TEST(LogTruncation, CheckpointsBehindTheCutKeepIt) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  ASSERT_TRUE(world.create(1));
  fill_segments(world, 50);
  world.append_control(0, Membership{{{model::NodeId(5), {}}}, {}, {}});
  ASSERT_TRUE(world.settle());
  world.truncate(0, 31);
  append_some(world, 3);
  settle_cut(world);
  const std::uint64_t before = world.logs().stats().journal.checkpoints;
  while (world.logs().stats().journal.checkpoints < before + 6) {
    world.append(1, {.records = 1, .value_bytes = 4000});
    ASSERT_TRUE(world.settle());
  }
  EXPECT_TRUE(world.log(0).memberships().empty());
  expect_equal_for_good(world);
}

// What the ring keeps was for frames that are gone; nobody will flush them.
TEST(LogTruncation, RingGoesRoundWhenWhatItKeptWasCut) {
  for (const std::size_t keep : {50U, 30U}) {
    LogWorld world(disk_only());
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    ASSERT_TRUE(world.create(1));
    fill_segments(world, 50);
    append_some(world, 4);
    ASSERT_TRUE(world.settle());
    world.truncate(0, keep);
    settle_cut(world);
    for (int i = 0; i < 400; ++i) {
      world.append(1, {.records = 1, .value_bytes = 4000});
      ASSERT_TRUE(world.settle()) << "the ring is stuck after " << i;
    }
    EXPECT_GT(world.logs().stats().journal.checkpoints, 8U);
    expect_equal_for_good(world);
  }
}

// Record frames may not use the ring's last file; a truncation must not wait behind those that it cuts.
TEST(LogTruncation, FullRingLetsTheCutThrough) {
  for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
    SCOPED_TRACE(seed);
    WorldOptions options = disk_only(seed);
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    sim::DiskFault full;
    full.op = sim::DiskOp::kCreate;
    full.effect = sim::DiskEffect::kNoSpace;
    full.path = sim::path_contains("/topics/");
    full.times = sim::DiskFault::kForever;
    world.disk().inject(full);
    append_some(world, 500);
    world.run_for(std::chrono::seconds(5));
    const LogPosition flushed = world.log(0).flushed();
    ASSERT_LT(flushed, world.log(0).end()) << "the ring is full";
    ASSERT_GT(flushed, (LogPosition{Offset(20), 0}));
    world.log(0).set_hard_state({model::Term(2), {}}, [](const Result<void>&) {});
    std::size_t keep = 0;
    while (world.model(0).frames[keep]->header.begin < flushed) ++keep;
    world.truncate(0, keep - seed % 5);
    world.append_control(0, TermStart{model::NodeId(2)});
    ASSERT_TRUE(world.settle());
    if (seed % 2 == 0) {
      world.disk().clear_faults();
      append_some(world, 50);
      ASSERT_TRUE(world.flush_all());
    }
    expect_equal_for_good(world);
  }
}

TEST(LogTruncation, ReadsUnderWayEndAtTheCut) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 60);
  const std::vector<FramePtr> all = world.model(0).frames;
  const LogPosition end = world.log(0).end();
  const std::size_t keep = 30;
  const LogPosition to = all[keep]->header.begin;
  int answered = 0, asked = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const LogPosition from = all[i]->header.begin;
    asked += 3;
    world.log(0).read({from.next_offset, end.next_offset, 4U << 10},
                      [&, from](const Result<ReadResult>& got) {
                        ++answered;
                        if (from > to) {
                          ASSERT_FALSE(got);
                          EXPECT_EQ(got.error().code, ErrorCode::kOffsetOutOfRange);
                          return;
                        }
                        ASSERT_TRUE(got) << got.error().to_string();
                        EXPECT_LE(got->next, to.next_offset);
                        EXPECT_EQ(got->frames.empty(), from == to);
                      });
    world.log(0).read_frames({from, end, 4U << 10}, [&, from, i](const Result<std::vector<FramePtr>>& got) {
      ++answered;
      if (from > to) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
        return;
      }
      ASSERT_TRUE(got) << got.error().to_string();
      EXPECT_EQ(got->empty(), from == to);
      for (std::size_t n = 0; n < got->size(); ++n) {
        EXPECT_LE((*got)[n]->header.end, to);
        EXPECT_TRUE(same_bytes(*(*got)[n], *all[i + n]));
      }
    });
    world.log(0).find_by_time(TimeKind::kAppend, all[i]->header.append_time, end.next_offset,
                              [&](const Result<std::optional<Offset>>& got) {
                                ++answered;
                                ASSERT_TRUE(got) << got.error().to_string();
                                EXPECT_TRUE(!*got || **got < to.next_offset);
                              });
  }
  EXPECT_LT(answered, asked) << "from disk";
  world.truncate(0, keep);
  append_some(world, 10);
  ASSERT_TRUE(world.run_until([&] { return answered == asked; }));
  settle_cut(world);
  expect_equal_for_good(world);
}

TEST(LogTruncation, ScrubTakesWhatWasCutForVoidNotForDamage) {
  WorldOptions options = disk_only();
  options.shard.scrub_bytes_per_second = 8U << 20;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill_segments(world, 60);
  const std::size_t counts[] = {58, 41, 22};
  for (const std::size_t keep : counts) {
    world.truncate(0, keep);
    append_some(world, 1);
    settle_cut(world);
    world.run_for(std::chrono::hours(25));
    EXPECT_TRUE(world.log(0).status().last_full_scrub);
    EXPECT_EQ(world.log(0).status().scrub_errors, 0U);
    expect_equal(world);
  }
  EXPECT_TRUE(world.files_with("/quarantine/").empty());
  expect_equal_for_good(world);
}

}  // namespace
}  // namespace forebay::log::testing
