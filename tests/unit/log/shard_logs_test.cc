#include <utility>

#include "log_world.h"
#include "model/batch_builder.h"
#include "model/dead_letters.h"
#include "sim/sim_rng.h"

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

TEST(ShardLogs, CreatingTwiceAndAdoptingTheUnknownAreRefused) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  std::optional<ErrorCode> code;
  world.logs().create(LogWorld::partition_id(0), "events", {},
                      [&](Result<Log*> log) { code = log.error().code; });
  EXPECT_EQ(code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(world.logs().adopt(LogWorld::partition_id(9), {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(world.logs().find(LogWorld::partition_id(9)), nullptr);
  EXPECT_EQ(world.logs().find(LogWorld::partition_id(0)), &world.log(0));
  ASSERT_TRUE(world.run_until([&] { return !world.files_with("/NAME").empty(); }));
  const auto name = world.disk().content(world.files_with("/NAME").front());
  EXPECT_EQ(as_text(*name), "events\n");
}

TEST(ShardLogs, RemovedLogGoesToTheTrashAndItsVoteStays) {
  for (const bool crash : {false, true}) {
    LogWorld world;
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    ASSERT_TRUE(world.create(1));
    const HardState voted{model::Term(7), model::NodeId(3)};
    world.set_hard_state(0, voted);
    for (int i = 0; i < 50; ++i) world.append(0, {.records = 2, .value_bytes = 900});
    ASSERT_TRUE(world.flush_all());
    ASSERT_FALSE(world.segment_files(0).empty());
    std::optional<Result<void>> removed;
    std::optional<Result<ReadResult>> read;
    world.log(0).on_flushed({});
    world.log(0).read({Offset(0), Offset(10), 1000},
                      [&](Result<ReadResult> result) { read = std::move(result); });
    world.model(0).log = nullptr;
    world.logs().remove(LogWorld::partition_id(0), [&](Result<void> result) { removed = std::move(result); });
    EXPECT_EQ(world.logs().find(LogWorld::partition_id(0)), nullptr);
    ASSERT_TRUE(world.run_until([&] { return removed && read; }));
    EXPECT_TRUE(*removed);
    EXPECT_TRUE(world.segment_files(0).empty());
    EXPECT_FALSE(world.files_with("/trash/" + LogWorld::partition_id(0).topic.to_string() + "-0-").empty());
    if (crash) {
      world.model(0).durable = {};
      world.crash(sim::Landing::kSeeded);
      ASSERT_TRUE(world.start());
      EXPECT_TRUE(world.logs().recovered().empty());
    }
    // The next life of the same partition: empty, but it has not forgotten its vote, nor that more was
    // promised here.
    EXPECT_TRUE(world.logs().was_removed(LogWorld::partition_id(0)));
    ASSERT_TRUE(world.create(0));
    EXPECT_FALSE(world.logs().was_removed(LogWorld::partition_id(0)));
    EXPECT_EQ(world.log(0).hard_state(), voted);
    EXPECT_EQ(world.log(0).end(), LogPosition{});
    EXPECT_TRUE(world.log(0).is_renewed());
    EXPECT_EQ(world.log(0).lost_tail(), LogPosition{});
    world.append(0, {.records = 1});
    ASSERT_TRUE(world.settle());
    world.restart();
    EXPECT_EQ(world.log(0).end(), (LogPosition{Offset(1), 0}));
    EXPECT_EQ(world.log(0).hard_state(), voted);
    EXPECT_TRUE(world.log(0).is_renewed());
    world.check_all_reads();
    std::optional<Result<void>> regained;
    world.log(0).tail_regained([&](Result<void> result) { regained = std::move(result); });
    ASSERT_TRUE(world.run_until([&] { return regained.has_value(); }));
    world.restart();
    EXPECT_FALSE(world.log(0).is_renewed());
    EXPECT_FALSE(world.log(0).lost_tail());
  }
}

TEST(ShardLogs, PowerCutAtEveryStepOfARemovalLeavesItThereOrGone) {
  for (std::uint64_t step = 1; step <= 14; ++step) {
    SCOPED_TRACE(step);
    WorldOptions options;
    options.seed = step;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    for (int i = 0; i < 50; ++i) world.append(0, {.records = 2, .value_bytes = 900});
    ASSERT_TRUE(world.flush_all());
    world.disk().crash_at_step(step);
    bool gone = false;
    world.logs().remove(LogWorld::partition_id(0),
                        [&](const Result<void>& result) { gone = result.has_value(); });
    static_cast<void>(world.run_until([&] { return gone || world.disk().power_is_off(); }));
    const LogPosition durable = std::exchange(world.model(0).durable, LogPosition{});
    world.crash(sim::Landing::kSeeded);
    ASSERT_TRUE(world.start());
    EXPECT_TRUE(world.files_with("/quarantine/").empty());
    if (world.model(0).log != nullptr) {
      EXPECT_FALSE(gone);
      EXPECT_EQ(world.log(0).end(), durable);
      world.check_reads(0);
    } else {
      world.run_for(std::chrono::seconds(1));
      EXPECT_TRUE(world.segment_files(0).empty()) << "its files wait in the trash";
    }
  }
}

TEST(ShardLogs, FindByTimeEqualsTheModel) {
  for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    WorldOptions options;
    options.seed = seed;
    options.shard.cache_bytes_max = rng.one_in(2) ? 0 : 1 << 20;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    std::int64_t append_time = 1000;
    for (int i = 0; i < 150; ++i) {
      append_time += static_cast<std::int64_t>(rng.below(10));
      if (rng.one_in(10)) world.append_control(0, TermStart{});
      append_time = std::max(append_time, world.log(0).max_append_time().value());
      world.append(0, {.records = static_cast<std::int64_t>(rng.between(1, 4)),
                       .value_bytes = rng.between(10, 900),
                       .event_time = model::Timestamp(static_cast<std::int64_t>(rng.between(1, 2000))),
                       .append_time = model::Timestamp(append_time)});
      if (rng.one_in(20)) {
        ASSERT_TRUE(world.settle());
      }
    }
    ASSERT_TRUE(world.settle());
    if (rng.one_in(2)) {
      ASSERT_TRUE(world.flush_all());
    }
    if (rng.one_in(2)) world.restart();
    LogModel& model = world.model(0);
    world.set_log_start(0, model.frames[rng.below(30)]->header.begin);
    ASSERT_TRUE(world.settle());
    for (int i = 0; i < 60; ++i) {
      const TimeKind kind = rng.one_in(2) ? TimeKind::kEvent : TimeKind::kAppend;
      const std::int64_t base = kind == TimeKind::kEvent ? 0 : append_time - 1200;
      const model::Timestamp time(base + static_cast<std::int64_t>(rng.below(2200)));
      std::optional<Offset> want;
      for (const FramePtr& frame : model.frames) {
        if (frame->header.kind == FrameKind::kControl || frame->header.begin < model.log_start) continue;
        const auto view = model::RecordBatchView::parse(frame->payload.span());
        const auto has = kind == TimeKind::kEvent ? view->max_timestamp() : frame->header.append_time;
        if (has < time) continue;
        want = frame->header.begin.next_offset;
        break;
      }
      const auto found = world.find(0, kind, time);
      ASSERT_TRUE(found) << found.error().to_string();
      ASSERT_EQ(*found, want) << "time " << time.value() << " kind " << static_cast<int>(kind);
    }
  }
}

TEST(ShardLogs, DeadLettersAreFoundInSegmentsAndInMemory) {
  for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    WorldOptions options;
    options.seed = seed;
    options.shard.cache_bytes_max = rng.one_in(2) ? 0 : 1 << 20;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    const auto rarity = rng.between(3, 60);
    for (int i = 0; i < 250; ++i) {
      if (rng.one_in(10)) world.append_control(0, TermStart{});
      model::BatchBuilder builder;
      const std::string value(rng.between(10, 900), 'v');
      for (std::uint64_t n = rng.between(1, 3); n > 0; --n)
        ASSERT_TRUE(builder.append(model::NewRecord{.value = as_bytes(value)}));
      auto batch = builder.build(model::Codec::kNone).value();
      if (rng.one_in(rarity)) {
        const std::vector<model::DeadLetter> letters{{0, 1, "why"}};
        const auto view = model::RecordBatchView::parse(batch);
        batch = model::mark_dead_letters(*view, view->stored_records(), letters).value();
      }
      world.append_frame(0, make_frame_of(LogWorld::partition_id(0), world.log(0).end(), world.model(0).term,
                                          std::move(batch), world.log(0).max_append_time()));
      if (rng.one_in(20)) {
        ASSERT_TRUE(world.settle());
      }
    }
    ASSERT_TRUE(world.settle());
    if (rng.one_in(2)) {
      ASSERT_TRUE(world.flush_all());
    }
    if (rng.one_in(2)) world.restart();
    const LogModel& model = world.model(0);
    const std::int64_t end = world.log(0).end().next_offset.value();
    for (int i = 0; i < 60; ++i) {
      const Offset from(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(end))));
      const Offset upto(static_cast<std::int64_t>(
          rng.between(static_cast<std::uint64_t>(from.value()), static_cast<std::uint64_t>(end))));
      std::optional<Offset> want;
      for (const FramePtr& frame : model.frames) {
        if (frame->header.kind == FrameKind::kControl || frame->header.end.next_offset <= from ||
            !model::has_dead_letters(frame->payload.span()))
          continue;
        want = std::max(from, frame->header.begin.next_offset);
        if (*want >= upto) want.reset();
        break;
      }
      const auto found = world.find_dead_letters(0, from, upto);
      ASSERT_TRUE(found) << found.error().to_string();
      ASSERT_EQ(*found, want) << "from " << from.value() << " to " << upto.value();
    }
  }
}

TEST(ShardLogs, ManySmallLogsDoNotHoldTheRingOrMemory) {
  WorldOptions options;
  options.shard.cache_bytes_max = 16 << 10;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  for (int p = 0; p < 30; ++p) ASSERT_TRUE(world.create(p));
  const std::uint64_t bound = options.shard.journal.file_bytes * options.shard.journal.files_max / 4;
  for (int round = 0; round < 120; ++round) {
    for (int p = 0; p < 30; ++p) world.append(p, {.records = 1, .value_bytes = 100});
    for (int i = 0; i < 5; ++i) world.append(0, {.records = 1, .value_bytes = 1000});
    ASSERT_TRUE(world.run_until([&] { return world.logs().accepts_appends(); }));
    ASSERT_TRUE(world.settle());
    const ShardLogsStats stats = world.logs().stats();
    ASSERT_LE(stats.pinned_bytes, bound);
    ASSERT_LE(stats.cached_bytes, options.shard.cache_bytes_max);
  }
  world.check_all_reads();
  world.restart();
  world.check_all_reads();
}

TEST(ShardLogs, ReadsInFlightAreBounded) {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.shard.read_bytes_in_flight_max = 256 << 10;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 300; ++i) {
    world.append(0, {.records = 1, .value_bytes = 1500});
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.flush_all());
  int answered = 0;
  for (int i = 0; i < 60; ++i) {
    world.log(0).read({Offset(i * 5), Offset(300), 32 << 10}, [&](const Result<ReadResult>& result) {
      EXPECT_TRUE(result);
      ++answered;
    });
  }
  ASSERT_TRUE(world.run_until([&] {
    EXPECT_LE(world.logs().stats().read_bytes_in_flight, options.shard.read_bytes_in_flight_max);
    return answered == 60;
  }));
}

TEST(ShardLogs, SequentialReaderFindsTheNextPieceReadAlready) {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.log.segment_bytes = 8U << 20;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 600; ++i) {
    world.append(0, {.records = 1, .value_bytes = 1500});
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.flush_all());
  const std::uint64_t bytes = world.log(0).status().segments.at(0).meta.size_bytes;
  world.check_reads(0, 48 << 10);
  const ShardLogsStats stats = world.logs().stats();
  EXPECT_LT(stats.disk_read_bytes, bytes * 14 / 10) << "next to nothing is read twice";
}

TEST(ShardLogs, LateWritesOfADeadProcessChangeNothing) {
  for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
    SCOPED_TRACE(seed);
    WorldOptions options;
    options.seed = seed;
    options.shard.cache_bytes_max = 0;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    for (int i = 0; i < 60; ++i) world.append(0, {.records = 2, .value_bytes = 900});
    world.run_for(std::chrono::microseconds(500 * seed));
    world.kill_with_late_writes();
    ASSERT_TRUE(world.start());
    for (int i = 0; i < 30; ++i) world.append(0, {.records = 2, .value_bytes = 900});
    ASSERT_TRUE(world.settle());
    world.disk().land_late_writes();
    ASSERT_TRUE(world.flush_all());
    world.check_reads(0);
    world.restart();
    world.check_reads(0);
    EXPECT_TRUE(world.log(0).status().damage.empty());
  }
}

TEST(ShardLogs, OneHugeFrameIsReadWhateverIsAskedFor) {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.shard.journal.frame_bytes_max = 400 << 10;
  options.shard.journal.file_bytes = 1U << 20;
  options.log.segment_bytes = 64 << 10;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.append(0, {.records = 1, .value_bytes = 100});
  world.append(0, {.records = 1, .value_bytes = 300 << 10});
  world.append(0, {.records = 1, .value_bytes = 100});
  ASSERT_TRUE(world.flush_all());
  const auto result = world.read(0, {Offset(1), Offset(3), 1});
  ASSERT_TRUE(result) << result.error().to_string();
  ASSERT_EQ(result->frames.size(), 1U);
  EXPECT_TRUE(same_bytes(*result->frames[0], *world.model(0).frames[1]));
  world.check_reads(0, 1);
}

}  // namespace
}  // namespace forebay::log::testing
