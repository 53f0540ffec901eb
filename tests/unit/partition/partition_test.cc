// The partition actor over the real log, journal and recovery, on the simulated disk.
#include "partition/partition.h"

#include <gtest/gtest.h>

#include <limits>

#include "shard_harness.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;

class PartitionTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto started = shard_.start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  ShardHarness shard_;
};

TEST_F(PartitionTest, AcknowledgementSaysWhereAndHowSafe) {
  Partition& partition = shard_.open(topic_partition(1));
  const auto first = shard_.produce(partition, {"a", "b"});
  ASSERT_TRUE(first && *first) << first->error().to_string();
  EXPECT_EQ((*first)->base_offset, Offset(0));
  EXPECT_EQ((*first)->last_offset, Offset(1));
  EXPECT_EQ((*first)->term, model::Term(1));
  EXPECT_TRUE((*first)->flushed);
  const auto second = shard_.produce(partition, {"c"});
  EXPECT_EQ((*second)->base_offset, Offset(2));
  EXPECT_GE((*second)->append_time, (*first)->append_time);
}

// Alone there is nobody who would take it back.
TEST_F(PartitionTest, MemberWithAnotherDiskIsRefusedByANodeThatIsAlone) {
  raft::Founding founding;
  founding.members.voters = {{model::NodeId(1), model::Uuid{{9}}}};
  auto [opened, done] = ShardHarness::slot<std::monostate>();
  shard_.set_->open(topic_partition(1), "topic", {}, founding, Expected::kMayBeNew, std::move(done));
  const auto result = shard_.wait(opened);
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(result->error().context.find("a member of the partition with another disk"), std::string::npos)
      << result->error().context;
}

TEST_F(PartitionTest, ReadersSeeWhatWasCommittedInOrder) {
  Partition& partition = shard_.open(topic_partition(1));
  ASSERT_TRUE(*shard_.produce(partition, {"a", "b"}));
  ASSERT_TRUE(*shard_.produce(partition, {"c"}));
  const std::vector<std::pair<std::int64_t, std::string>> want{{0, "a"}, {1, "b"}, {2, "c"}};
  EXPECT_EQ(shard_.read_all(partition), want);
}

TEST_F(PartitionTest, NothingIsVisibleBeforeItIsDurable) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [result, done] = ShardHarness::slot<ProduceAck>();
  partition.produce(batch_of({"a"}), 1, Acks::kAll, 30s, std::move(done));
  EXPECT_FALSE(result->has_value());
  EXPECT_EQ(partition.watermarks().high_watermark, Offset(0));
  ASSERT_TRUE(shard_.wait(result));
  EXPECT_EQ(partition.watermarks().high_watermark, Offset(1));
}

TEST_F(PartitionTest, AcksNoneAndReplicatedDurabilityAnswerAtOnceAndSayNotFlushed) {
  PartitionConfig replicated;
  replicated.durability = Durability::kReplicated;
  Partition& early = shard_.open(topic_partition(1), replicated);
  Partition& flushed = shard_.open(topic_partition(2));
  for (auto [partition, acks] : {std::pair{&early, Acks::kAll}, std::pair{&flushed, Acks::kNone}}) {
    auto [result, done] = ShardHarness::slot<ProduceAck>();
    partition->produce(batch_of({"a"}), 1, acks, 30s, std::move(done));
    ASSERT_TRUE(result->has_value());
    EXPECT_FALSE((**result)->flushed);
    // Acknowledged early, never committed early.
    EXPECT_EQ(partition->watermarks().high_watermark, Offset(0));
  }
  const auto leader = shard_.produce(early, {"b"}, Acks::kLeader);
  EXPECT_TRUE((**leader).flushed);
}

TEST_F(PartitionTest, LeaderTellsWhatGoesThroughIt) {
  Partition& partition = shard_.open(topic_partition(1));
  partition.measure_traffic();
  EXPECT_FALSE(partition.replication().rates);
  ASSERT_TRUE(*shard_.produce(partition, {"a", "b", "c", "d"}));
  EXPECT_EQ(shard_.read_all(partition).size(), 4U);
  shard_.machine_.scheduler().run_for(2s);
  partition.measure_traffic();
  const auto rates = partition.replication().rates;
  ASSERT_TRUE(rates);
  EXPECT_NEAR(rates->in_records, 2, 0.1);  // in the two seconds, and what the produce took
  EXPECT_GT(rates->in_bytes, rates->in_records);
  EXPECT_NEAR(rates->out_bytes, rates->in_bytes, 0.01);
}

TEST_F(PartitionTest, FetchAtTheEndWaitsForTheNextRecord) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [fetched, on_fetched] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .wait_max = 60s}, std::move(on_fetched));
  shard_.machine_.scheduler().run_for(1s);
  EXPECT_FALSE(fetched->has_value());
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  ASSERT_TRUE(shard_.wait(fetched));
  EXPECT_EQ((**fetched)->frames.size(), 1U);
  EXPECT_EQ((**fetched)->next, Offset(1));
}

TEST_F(PartitionTest, FetchAnswersEmptyWhenItsTimeIsOver) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [fetched, on_fetched] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .wait_max = 5s}, std::move(on_fetched));
  shard_.machine_.scheduler().run_for(4s);
  EXPECT_FALSE(fetched->has_value());
  shard_.machine_.scheduler().run_for(2s);
  ASSERT_TRUE(fetched->has_value());
  EXPECT_TRUE((**fetched)->frames.empty());
  EXPECT_EQ((**fetched)->next, Offset(0));
}

TEST_F(PartitionTest, FetchWaitsForTheBytesItAskedFor) {
  Partition& partition = shard_.open(topic_partition(1));
  const std::size_t one = batch_of({"a"}).size();
  auto [fetched, on_fetched] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .bytes_min = 2 * one, .wait_max = 60s}, std::move(on_fetched));
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  EXPECT_FALSE(fetched->has_value());
  ASSERT_TRUE(*shard_.produce(partition, {"b"}));
  ASSERT_TRUE(shard_.wait(fetched));
  EXPECT_EQ((**fetched)->frames.size(), 2U);
}

TEST_F(PartitionTest, CancelledFetchIsAnsweredOnce) {
  Partition& partition = shard_.open(topic_partition(1));
  int answers = 0;
  const auto id =
      partition.fetch({.from = Offset(0), .wait_max = 60s}, [&answers](const Result<FetchOutput>& output) {
        ++answers;
        EXPECT_EQ(output.error().code, ErrorCode::kCancelled);
      });
  partition.cancel_fetch(id);
  partition.cancel_fetch(id);
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  EXPECT_EQ(answers, 1);
}

TEST_F(PartitionTest, TrimMovesTheLogStartDurably) {
  Partition& partition = shard_.open(topic_partition(1));
  for (const char* value : {"a", "b", "c"}) ASSERT_TRUE(*shard_.produce(partition, {value}));
  auto [trimmed, on_trimmed] = ShardHarness::slot<Offset>();
  partition.trim(Offset(2), std::move(on_trimmed));
  ASSERT_TRUE(shard_.wait(trimmed));
  EXPECT_EQ(***trimmed, Offset(2));
  EXPECT_EQ((*shard_.fetch(partition, {.from = Offset(1)})).error().code, ErrorCode::kOffsetOutOfRange);
  shard_.power_cut();
  ASSERT_TRUE(shard_.start());
  Partition& again = shard_.open(topic_partition(1));
  EXPECT_EQ(again.watermarks().log_start, Offset(2));
  const std::vector<std::pair<std::int64_t, std::string>> want{{2, "c"}};
  EXPECT_EQ(shard_.read_all(again), want);
}

TEST_F(PartitionTest, BacklogIsWhatLiesBetweenAReaderAndTheEnd) {
  Partition& partition = shard_.open(topic_partition(1));
  const auto backlog = [&](std::int64_t next) {
    auto [told, done] = ShardHarness::slot<Partition::Backlog>();
    partition.backlog(Offset(next), model::Reading::kRecords, std::move(done));
    return **shard_.wait(told);
  };
  EXPECT_EQ(backlog(0).records, 0U);
  for (const char* value : {"a", "b", "c", "d"}) {
    const auto ack = shard_.produce(partition, {value});
    ASSERT_TRUE(ack && *ack);
  }
  std::uint64_t bytes_before = std::numeric_limits<std::uint64_t>::max();
  for (std::int64_t next = 0; next <= 4; ++next) {
    const auto told = backlog(next);
    EXPECT_EQ(told.records, static_cast<std::uint64_t>(4 - next));
    EXPECT_LT(told.bytes, bytes_before) << next;
    bytes_before = told.bytes;
    // Of the event, as the harness makes them, and not of the append.
    EXPECT_EQ(told.oldest, next < 4 ? std::optional(model::Timestamp(1'000)) : std::nullopt);
  }
  EXPECT_EQ(bytes_before, 0U) << "all is read";
  EXPECT_EQ(backlog(9).records, 0U) << "never negative";
  auto [trimmed, on_trimmed] = ShardHarness::slot<Offset>();
  partition.trim(Offset(3), std::move(on_trimmed));
  ASSERT_TRUE(shard_.wait(trimmed));
  EXPECT_EQ(backlog(1).records, 1U) << "what is trimmed cannot be read";
  EXPECT_EQ(backlog(1).next, Offset(3));
}

TEST_F(PartitionTest, TrimBeyondTheEndIsRefusedAndBelowTheStartChangesNothing) {
  Partition& partition = shard_.open(topic_partition(1));
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  auto [beyond, on_beyond] = ShardHarness::slot<Offset>();
  partition.trim(Offset(2), std::move(on_beyond));
  EXPECT_EQ((**beyond).error().code, ErrorCode::kOffsetOutOfRange);
  auto [below, on_below] = ShardHarness::slot<Offset>();
  partition.trim(Offset(0), std::move(on_below));
  EXPECT_EQ(***below, Offset(0));
}

TEST_F(PartitionTest, FullDiskRefusesProduceAndStillTrims) {
  Partition& partition = shard_.open(topic_partition(1));
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  shard_.disk_full_ = true;
  const auto refused = shard_.produce(partition, {"b"});
  EXPECT_EQ(refused->error().code, ErrorCode::kDiskFull);
  EXPECT_GT(refused->error().retry_after_ms, 0U);
  auto [trimmed, on_trimmed] = ShardHarness::slot<Offset>();
  partition.trim(std::nullopt, std::move(on_trimmed));
  ASSERT_TRUE(shard_.wait(trimmed));
  EXPECT_EQ(***trimmed, Offset(1));
}

TEST_F(PartitionTest, LogThatCannotBeWrittenAnyMoreIsStillRead) {
  Partition& partition = shard_.open(topic_partition(1));
  ASSERT_TRUE(*shard_.produce(partition, {"a"}));
  shard_.machine_.disk().inject(
      {.op = sim::DiskOp::kWrite,
       .path = [](std::string_view path) { return path.find("/journal/") != std::string_view::npos; },
       .times = sim::DiskFault::kForever});
  const auto lost = shard_.produce(partition, {"b"});
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->error().code, ErrorCode::kOutcomeUnknown);
  const auto refused = shard_.produce(partition, {"c"});
  EXPECT_EQ(refused->error().code, ErrorCode::kStorageFailed);
  const std::vector<std::pair<std::int64_t, std::string>> want{{0, "a"}};
  EXPECT_EQ(shard_.read_all(partition), want);
  ASSERT_EQ(shard_.set_->not_serving().size(), 1U);
}

TEST_F(PartitionTest, EveryLeadershipBeginsANewDurableTerm) {
  for (std::uint64_t term = 1; term <= 3; ++term) {
    EXPECT_EQ(shard_.open(topic_partition(1)).term(), model::Term(term));
    shard_.power_cut();
    ASSERT_TRUE(shard_.start());
  }
}

TEST_F(PartitionTest, StopAnswersEverythingThatWaits) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [produced, on_produced] = ShardHarness::slot<ProduceAck>();
  auto [fetched, on_fetched] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .wait_max = 60s}, std::move(on_fetched));
  partition.produce(batch_of({"a"}), 1, Acks::kAll, 30s, std::move(on_produced));
  partition.stop();
  EXPECT_EQ((**produced).error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ((**fetched).error().code, ErrorCode::kShuttingDown);
}

TEST_F(PartitionTest, FindsOffsetsByEventTime) {
  Partition& partition = shard_.open(topic_partition(1));
  ASSERT_TRUE(*shard_.produce(partition, {"a", "b"}));  // event time 1000
  auto [early, on_early] = ShardHarness::slot<Partition::TimeLookup>();
  partition.find_by_time(log::TimeKind::kEvent, model::Timestamp(900), model::Reading::kRecords,
                         std::move(on_early));
  ASSERT_TRUE(shard_.wait(early));
  EXPECT_EQ((**early)->offset, Offset(0));
  auto [late, on_late] = ShardHarness::slot<Partition::TimeLookup>();
  partition.find_by_time(log::TimeKind::kEvent, model::Timestamp(1001), model::Reading::kRecords,
                         std::move(on_late));
  ASSERT_TRUE(shard_.wait(late));
  EXPECT_EQ((**late)->offset, std::nullopt);
}

// Inside the callback of its own commit; address sanitizer sees a use of the partition afterwards.
TEST_F(PartitionTest, MayBeRemovedInsideItsOwnCommit) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [removed, on_removed] = ShardHarness::slot<std::monostate>();
  auto [second, on_second] = ShardHarness::slot<ProduceAck>();
  auto [fetched, on_fetched] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .bytes_min = 1U << 20, .wait_max = 60s}, std::move(on_fetched));
  partition.produce(batch_of({"a"}), 1, Acks::kAll, 30s,
                    [this, on_removed = std::move(on_removed)](const Result<ProduceAck>& ack) mutable {
                      EXPECT_TRUE(ack);
                      shard_.set_->remove(topic_partition(1), std::move(on_removed));
                    });
  partition.produce(batch_of({"b"}), 1, Acks::kAll, 30s, std::move(on_second));
  ASSERT_TRUE(shard_.wait(removed));
  EXPECT_TRUE(**removed);
  EXPECT_EQ((**second).error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ((**fetched).error().code, ErrorCode::kShuttingDown);
  EXPECT_EQ(shard_.set_->find(topic_partition(1)), nullptr);
  EXPECT_EQ(shard_.set_->logs().find(topic_partition(1)), nullptr);
}

TEST_F(PartitionTest, MayBeRemovedInsideTheAnswerToItsFetch) {
  Partition& partition = shard_.open(topic_partition(1));
  auto [removed, on_removed] = ShardHarness::slot<std::monostate>();
  partition.fetch({.from = Offset(0), .wait_max = 60s},
                  [this, on_removed = std::move(on_removed)](const Result<FetchOutput>&) mutable {
                    shard_.set_->remove(topic_partition(1), std::move(on_removed));
                  });
  auto [cut, on_cut] = ShardHarness::slot<FetchOutput>();
  partition.fetch({.from = Offset(0), .wait_max = 60s}, std::move(on_cut));
  ASSERT_TRUE(shard_.produce(partition, {"a"}));
  ASSERT_TRUE(shard_.wait(removed));
  EXPECT_TRUE(**removed);
  EXPECT_EQ((**cut).error().code, ErrorCode::kShuttingDown);
}

// I1, I3, I4, I12: the power goes at any step; what was acknowledged stays where it was, in order, once.
TEST(PartitionPowerCut, AcknowledgedRecordsStayAtTheirOffsets) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    ShardHarness shard(seed);
    ASSERT_TRUE(shard.start());
    std::map<std::int64_t, std::string> acked;
    shard.open(topic_partition(1));
    shard.machine_.disk().crash_at_step(3 + seed * 2);
    for (int i = 0; i < 200 && !shard.machine_.disk().power_is_off(); ++i) {
      const std::string value = "v" + std::to_string(i) + std::string(seed * 37 % 3000, 'x');
      const auto ack = shard.produce(*shard.set_->find(topic_partition(1)), {value});
      if (ack && *ack) acked[(*ack)->base_offset.value()] = value;
    }
    shard.power_cut();
    const auto started = shard.start();
    ASSERT_TRUE(started) << started.error().to_string();
    const auto values = shard.read_all(shard.open(topic_partition(1)));
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i].first, static_cast<std::int64_t>(i));
    for (const auto& [offset, value] : acked) {
      ASSERT_LT(static_cast<std::size_t>(offset), values.size());
      EXPECT_EQ(values[static_cast<std::size_t>(offset)].second, value);
    }
    EXPECT_LE(values.size(), acked.size() + 1);
  }
}

// I8, I14: the power goes at any step around a trim. What a reader saw of the log start never goes back; what
// lies between is served or refused as below the log start; a trim whose frame is in the log takes effect.
TEST(PartitionPowerCut, LogStartThatAReaderSawNeverGoesBack) {
  const Offset target(20);
  int unseen_but_logged = 0;
  bool whole = false;
  for (std::uint64_t step = 1; !whole; ++step) {
    SCOPED_TRACE(step);
    ASSERT_LT(step, 500U);
    ShardHarness shard(step);
    shard.config_.segment_write_bytes = 4096;
    PartitionConfig config;
    config.log.segment_bytes = 16U << 10;
    ASSERT_TRUE(shard.start());
    Partition& partition = shard.open(topic_partition(1), config);
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(*shard.produce(partition, {std::string(2000, 'x')}));
    shard.machine_.scheduler().run_for(1s);
    shard.machine_.disk().crash_at_step(step);
    std::optional<Result<Offset>> trimmed;
    partition.trim(target, [&trimmed](Result<Offset> result) { trimmed = std::move(result); });
    Offset seen(0);
    const auto watch = [&] {
      seen = std::max(seen, partition.watermarks().log_start);
      return shard.machine_.disk().power_is_off();
    };
    whole = !shard.machine_.scheduler().run_until(watch, {.steps_max = 100'000, .duration_max = 2s});
    if (trimmed && *trimmed) {
      EXPECT_EQ(seen, target);
    }
    shard.power_cut();
    const auto started = shard.start();
    ASSERT_TRUE(started) << started.error().to_string();
    Partition& again = shard.open(topic_partition(1), config);
    EXPECT_GE(again.watermarks().log_start, seen);
    const auto between = shard.fetch(again, {.from = Offset(10)});
    ASSERT_TRUE(between);
    if (!*between) {
      EXPECT_EQ(between->error().code, ErrorCode::kOffsetOutOfRange);
    }
    shard.machine_.scheduler().run_for(1s);
    const Offset settled = again.watermarks().log_start;
    EXPECT_TRUE(settled == Offset(0) || settled == target) << settled.value();
    if (seen == Offset(0) && settled == target) ++unseen_but_logged;
    EXPECT_EQ(static_cast<std::int64_t>(shard.read_all(again).size()), 30 - settled.value());
  }
  EXPECT_GT(unseen_but_logged, 0) << "no cut came between the frame and its effect";
}

}  // namespace
}  // namespace forebay::partition
