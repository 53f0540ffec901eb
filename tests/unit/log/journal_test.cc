// The journal in fair weather: order, fairness, sharing of rounds, reuse of files, clean stop.
#include <gtest/gtest.h>

#include "journal_harness.h"

namespace forebay::log::testing {
namespace {

TEST(Journal, FirstStartAppendAndCleanStopAreFoundAgain) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.recovered().report.first_start);
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    node.create(i);
    node.set_term(i, 1, 1);
    node.append_control(i);
    node.append(i, 3, 500);
  }
  ASSERT_TRUE(node.settle());
  ASSERT_TRUE(node.stop_clean());
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.recovered().report.clean);
  EXPECT_FALSE(node.recovered().report.first_start);
  EXPECT_TRUE(node.recovered().report.notes.empty());
}

TEST(Journal, FramesOfOneBurstShareOneRound) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.append(i, 1, 100);
  ASSERT_TRUE(node.settle());
  EXPECT_EQ(node.rounds_reported(), 1U);
}

TEST(Journal, BusyLogDoesNotKeepOthersWaiting) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  node.create(0);
  node.create(1);
  for (int i = 0; i < 100; ++i) node.append(0, 1, 1000);
  node.append(1, 1, 100);
  const auto second_is_durable = [&] { return node.partition(1).durable_ops == 2; };
  ASSERT_TRUE(node.machine().scheduler().run_until(second_is_durable));
  EXPECT_EQ(node.rounds_reported(), 1U);
  ASSERT_TRUE(node.settle());
}

TEST(Journal, LargestFrameIsOneRound) {
  HarnessOptions options;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  node.create(0);
  node.append(0, 1, options.journal.frame_bytes_max);
  ASSERT_TRUE(node.settle());
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
}

TEST(Journal, FilesAreReusedManyTimesOver) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int i = 0; i < 400; ++i) {
    node.append(static_cast<std::size_t>(i) % node.partition_count(), 1, 5000);
    if (i % 10 == 0) {
      ASSERT_TRUE(node.settle()) << i;
    }
  }
  ASSERT_TRUE(node.settle());
  EXPECT_LE(node.journal().stats().files, 4U);
  EXPECT_GT(node.journal().stats().bytes, 1'500'000U);
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.recovered().report.notes.empty()) << node.recovered().report.notes.front();
}

TEST(Journal, RecordFramesWaitWhenTheRingIsFullAndControlGoesOn) {
  HarnessOptions options;
  options.flush_on_space_wanted = false;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  node.create(0);
  node.create(1);
  for (int i = 0; i < 100; ++i) node.append(0, 1, 5000);
  node.run_for(std::chrono::seconds(2));
  EXPECT_LT(node.partition(0).durable_ops, node.partition(0).ops.size());
  EXPECT_GT(node.space_requests(), 0U);
  // Another log's control frame and vote still become durable.
  node.append_control(1);
  node.set_term(1, 5, 2);
  node.run_for(std::chrono::seconds(1));
  EXPECT_EQ(node.partition(1).durable_ops, node.partition(1).ops.size());
  // Also when those take the ring's last file; no record gets into it.
  const std::size_t waiting = node.partition(0).durable_ops;
  const auto in_the_last = [&] {
    return node.journal().stats().files == node.journal().stats().files_in_use;
  };
  for (int i = 0, more = 5; i < 25 && more > 0; ++i) {
    if (in_the_last()) --more;
    node.append_control(1);
    node.run_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(in_the_last());
  EXPECT_EQ(node.partition(1).durable_ops, node.partition(1).ops.size());
  EXPECT_EQ(node.partition(0).durable_ops, waiting);
  // Segments catch up: the rest goes on.
  node.options().flush_on_space_wanted = true;
  EXPECT_TRUE(node.settle());
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
}

TEST(Journal, IdleShardWritesOneEmptyRound) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  node.create(0);
  node.append(0, 1, 100);
  ASSERT_TRUE(node.settle());
  const std::uint64_t before = node.journal().stats().rounds;
  node.run_for(std::chrono::seconds(10));
  EXPECT_EQ(node.journal().stats().rounds, before + 1);
}

// Rounds that 100 ms see of a journal whose last rounds held `partitions` each, when `value_bytes` go to
// every one of them each millisecond.
std::uint64_t rounds_in_100_ms(std::size_t partitions, std::size_t value_bytes) {
  HarnessOptions options;
  options.partitions = 64;
  options.journal.file_bytes = 512U << 10;
  options.journal.round_bytes_max = 128U << 10;
  options.journal.busy_round_spacing = std::chrono::milliseconds(5);
  JournalHarness node(options);
  EXPECT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int round = 0; round < 140; ++round) {
    for (std::size_t i = 0; i < partitions; ++i) node.append(i, 1, 40);
    EXPECT_TRUE(node.settle());
  }
  const std::uint64_t before = node.journal().stats().rounds;
  for (int step = 0; step < 100; ++step) {
    for (std::size_t i = 0; i < partitions; ++i) node.append(i, 1, value_bytes);
    node.run_for(std::chrono::milliseconds(1));
  }
  return node.journal().stats().rounds - before;
}

TEST(Journal, ManyPartitionsInTheLastRoundsSpaceThem) { EXPECT_LE(rounds_in_100_ms(20, 40), 25U); }

TEST(Journal, FewPartitionsAreNeverHeldBack) {
  EXPECT_GE(rounds_in_100_ms(1, 40), 95U);
  EXPECT_GE(rounds_in_100_ms(8, 40), 95U);
}

TEST(Journal, WhatIsWorthARoundIsNotHeldBack) { EXPECT_GE(rounds_in_100_ms(20, 4'000), 95U); }

TEST(Journal, ClosedLogDropsWhatWaitsAndItsSlotServesAnother) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  const TopicPartition id = partition_id(9, 0);
  const LogSlot slot = node.journal().open(id);
  std::optional<Result<void>> told;
  node.journal().add_record(slot, CreateReplica{}, [&](Result<void> result) { told = std::move(result); });
  node.journal().close(slot);
  node.run_for(std::chrono::seconds(1));
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(node.journal().open(partition_id(9, 1)), slot);
}

TEST(Journal, ClosedLogHoldsBackTheRingNoLonger) {
  HarnessOptions options;
  options.flush_on_space_wanted = false;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  const TopicPartition id = partition_id(9, 0);
  const LogSlot slot = node.journal().open(id);
  LogPosition at;
  for (int i = 0; i < 60; ++i) {
    const FramePtr frame = records_frame(id, at, 1, model::Term(1), 5000, 1);
    node.journal().add_frame(slot, {}, frame);
    at = frame->header.end;
  }
  node.create(0);
  node.run_for(std::chrono::seconds(1));
  EXPECT_GT(node.journal().stats().pending_bytes, 0U);
  node.journal().close(slot);
  node.options().flush_on_space_wanted = true;
  for (int i = 0; i < 60; ++i) node.append(0, 1, 5000);
  EXPECT_TRUE(node.settle());
  EXPECT_EQ(node.journal().stats().pending_bytes, 0U);
}

// A round in flight that takes long, and what the others ask for meanwhile.
class JournalGathers : public ::testing::Test {
 protected:
  // Tells how many steps the disk has been told to do when the first frame is reported.
  class Node : public JournalHarness {
   public:
    using JournalHarness::JournalHarness;
    void on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, LogPosition end) override {
      if (!steps_at_report) steps_at_report = disk().steps();
      JournalHarness::on_frames_durable(slot, log_epoch, end);
    }
    std::optional<std::uint64_t> steps_at_report;
  };

  void start() {
    ASSERT_TRUE(node_.start());
    for (std::size_t i = 0; i < node_.partition_count(); ++i) node_.create(i);
    ASSERT_TRUE(node_.settle());
    node_.run_for(std::chrono::seconds(1));  // the ring has grown, the idle round is written
  }
  void put_a_round_in_flight(sim::DiskEffect effect) {
    node_.disk().inject({.op = sim::DiskOp::kWrite,
                         .effect = effect,
                         .path = sim::path_contains(".journal"),
                         .stall = std::chrono::milliseconds(3)});
    node_.append(0, 1, 100);
    node_.run_for(std::chrono::microseconds(1));
    steps_ = node_.disk().steps();
  }
  void everything_is_found_after_a_crash() {
    ASSERT_TRUE(node_.settle());
    node_.reboot(sim::Landing::kDrop);
    ASSERT_TRUE(node_.start());
    EXPECT_EQ(node_.recovered().report.rotten_rounds, 0U);
  }

  Node node_{HarnessOptions{}};
  std::uint64_t steps_ = 0;
};

TEST_F(JournalGathers, NextRoundIsUnderWayBeforeTheLastIsReported) {
  ASSERT_NO_FATAL_FAILURE(start());
  put_a_round_in_flight(sim::DiskEffect::kStall);
  node_.append(1, 1, 100);
  node_.append(2, 1, 100);
  node_.run_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(node_.steps_at_report.has_value());
  ASSERT_TRUE(node_.settle());
  EXPECT_EQ(node_.steps_at_report, steps_ + 1);
  everything_is_found_after_a_crash();
}

TEST_F(JournalGathers, WhatDoesNotFitGoesIntoTheRoundAfter) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::uint64_t before = node_.journal().stats().rounds;
  put_a_round_in_flight(sim::DiskEffect::kStall);
  for (int i = 0; i < 3; ++i) {
    for (std::size_t p = 1; p < 4; ++p) node_.append(p, 1, 2'500);
  }
  everything_is_found_after_a_crash();
  EXPECT_GE(node_.recovered().report.rounds_read, before + 3);
}

TEST_F(JournalGathers, RecordsStayBehindTheFramesBeforeThem) {
  ASSERT_NO_FATAL_FAILURE(start());
  put_a_round_in_flight(sim::DiskEffect::kStall);
  for (int i = 0; i < 3; ++i) node_.append(1, 1, 100);
  node_.run_for(std::chrono::microseconds(10));
  node_.truncate(1, 1);
  node_.set_term(2, 5, 1);
  node_.append(1, 1, 200);
  node_.run_for(std::chrono::microseconds(10));
  everything_is_found_after_a_crash();
}

TEST_F(JournalGathers, FailedWriteTakesAlongWhatWasGathered) {
  ASSERT_NO_FATAL_FAILURE(start());
  put_a_round_in_flight(sim::DiskEffect::kIoError);
  node_.append(1, 1, 100);
  node_.append(0, 1, 100);
  ASSERT_TRUE(node_.settle());
  EXPECT_EQ(node_.journal().stats().write_errors, 1U);
  everything_is_found_after_a_crash();
}

TEST_F(JournalGathers, ClosedLogLeavesTheOthersInTheGatheredRound) {
  ASSERT_NO_FATAL_FAILURE(start());
  const TopicPartition id = partition_id(9, 0);
  const LogSlot slot = node_.journal().open(id);
  put_a_round_in_flight(sim::DiskEffect::kStall);
  node_.journal().add_frame(slot, {}, records_frame(id, {}, 1, model::Term(1), 100, 1));
  node_.append(1, 1, 100);
  node_.run_for(std::chrono::microseconds(10));
  node_.journal().close(slot);
  EXPECT_EQ(node_.journal().open(partition_id(9, 1)), slot);
  node_.append(2, 1, 100);
  ASSERT_TRUE(node_.settle());
  node_.append(3, 1, 100);
  ASSERT_TRUE(node_.settle());
}

TEST(Journal, FailedWriteContinuesInANewFile) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  node.create(0);
  node.append(0, 1, 100);
  ASSERT_TRUE(node.settle());
  node.disk().inject({.op = sim::DiskOp::kWrite, .path = sim::path_contains(".journal")});
  for (int i = 0; i < 10; ++i) node.append(0, 1, 300);
  ASSERT_TRUE(node.settle());
  EXPECT_EQ(node.journal().stats().write_errors, 1U);
  for (int i = 0; i < 60; ++i) {
    node.append(0, 1, 5000);
    if (i % 5 == 0) {
      ASSERT_TRUE(node.settle());
    }
  }
  ASSERT_TRUE(node.settle());
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node.recovered().report.rotten_rounds, 0U);
}

TEST(Journal, FailedWriteThenCrashAtOnceLosesNothingReported) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    HarnessOptions options;
    options.seed = seed;
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
    node.disk().inject(
        {.op = sim::DiskOp::kWrite, .path = sim::path_contains(".journal"), .skip = seed % 7, .times = 1});
    for (int i = 0; i < 40; ++i) {
      node.random_op();
      node.run_for(std::chrono::microseconds(200));
    }
    node.reboot(sim::Landing::kSeeded);
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.recovered().report.rotten_rounds, 0U);
    if (HasFailure()) return;
  }
}

// Through the page cache: the bytes of the failed round stay visible, or the old ones come back, and a second
// sync of the file would say that all is well.
TEST(Journal, FailedSyncContinuesInANewFile) {
  for (const auto mode : {sim::FailedSync::kNewBytesVisible, sim::FailedSync::kOldBytesBack}) {
    std::uint64_t errors = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      SCOPED_TRACE(::testing::Message() << "mode " << static_cast<int>(mode) << " seed " << seed);
      HarnessOptions options;
      options.seed = seed;
      options.engine = sim::Engine::kPageCache;
      JournalHarness node(options);
      ASSERT_TRUE(node.start());
      for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
      node.disk().inject({.op = sim::DiskOp::kSync,
                          .path = sim::path_contains(".journal"),
                          .skip = seed % 7,
                          .failed_sync = mode});
      for (int i = 0; i < 40; ++i) {
        node.random_op();
        node.run_for(std::chrono::microseconds(500));
      }
      if (seed % 3 != 0) {
        ASSERT_TRUE(node.settle());
      }
      errors += node.journal().stats().write_errors;
      if (seed % 2 == 0) {
        node.stop_objects();
        node.machine().kill_and_restart(sim::Landing::kSeeded);
        ASSERT_TRUE(node.start());
        EXPECT_EQ(node.recovered().report.rotten_rounds, 0U);
      }
      node.reboot(sim::Landing::kDrop);
      ASSERT_TRUE(node.start());
      EXPECT_EQ(node.recovered().report.rotten_rounds, 0U);
      if (HasFailure()) return;
    }
    EXPECT_GE(errors, 10U) << "the fault often hits the making of a file instead";
  }
}

// What a start finds in the page cache alone is on the disk before anything relies on it.
TEST(Journal, RoundsThatOnlyThePageCacheHasAreWrittenAgainByTheNextStart) {
  for (const auto mode : {sim::FailedSync::kNewBytesVisible, sim::FailedSync::kOldBytesBack}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(seed);
      HarnessOptions options;
      options.seed = seed;
      options.engine = sim::Engine::kPageCache;
      JournalHarness node(options);
      ASSERT_TRUE(node.start());
      node.create(0);
      node.append(0, 1, 100);
      ASSERT_TRUE(node.settle());
      node.disk().inject({.op = sim::DiskOp::kSync,
                          .path = sim::path_contains(".journal"),
                          .times = sim::DiskFault::kForever,
                          .failed_sync = mode});
      node.append(0, 1, 5000);
      EXPECT_FALSE(node.settle());
      ASSERT_TRUE(node.failure().has_value());
      EXPECT_EQ(node.partition(0).durable_ops, 2U);
      node.disk().clear_faults();
      node.stop_objects();
      node.machine().kill_and_restart(sim::Landing::kSeeded);
      ASSERT_TRUE(node.start());
      node.reboot(sim::Landing::kDrop);
      ASSERT_TRUE(node.start()) << "what the life before served is gone";
    }
  }
}

TEST(Journal, SecondFailedWriteEndsItAndPromisesNothing) {
  JournalHarness node(HarnessOptions{});
  ASSERT_TRUE(node.start());
  node.create(0);
  ASSERT_TRUE(node.settle());
  node.disk().inject({.op = sim::DiskOp::kWrite, .path = sim::path_contains(".journal"), .times = 1'000});
  node.append(0, 1, 100);
  EXPECT_FALSE(node.settle());
  ASSERT_TRUE(node.failure().has_value());
  EXPECT_EQ(node.partition(0).durable_ops, 1U);
  node.disk().clear_faults();
  node.reboot(sim::Landing::kDrop);
  ASSERT_TRUE(node.start());
}

// More partitions than a file of the journal has room to tell of: said as an error that names the way out,
// and nothing is lost by it.
TEST(Journal, FilesTooSmallForAllPartitionsAreRefusedAtTheStart) {
  HarnessOptions options;
  options.partitions = 400;
  options.journal.file_bytes = 1U << 20;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    node.create(i);
    node.append(i, 1, 600);
  }
  ASSERT_TRUE(node.settle());
  node.reboot(sim::Landing::kKeep);
  node.options().journal.file_bytes = 64U << 10;
  const auto refused = node.recover_only();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidConfig);
  EXPECT_NE(refused.error().context.find("storage.journal_file_bytes"), std::string::npos);
  node.options().journal.file_bytes = 1U << 20;
  EXPECT_TRUE(node.start());
}

}  // namespace
}  // namespace forebay::log::testing
