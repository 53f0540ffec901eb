// Idempotent and named producers at the partition actor, over the real log, journal and recovery on the
// simulated disk.
#include <gtest/gtest.h>

#include "model/record_batch.h"
#include "partition/partition.h"
#include "shard_harness.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;

class PartitionProducersTest : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    const auto started = shard_.start();
    ASSERT_TRUE(started) << started.error().to_string();
    partition_ = &shard_.open(topic_partition(1));
  }
  void restart() {
    shard_.tear_down();
    begin();
  }
  using AckSlot = std::shared_ptr<std::optional<Result<ProduceAck>>>;
  AckSlot send(std::int64_t id, std::int16_t epoch, std::int32_t sequence, std::int32_t records = 1,
               std::optional<SourcePosition> position = std::nullopt, Acks acks = Acks::kAll) {
    auto [result, done] = ShardHarness::slot<ProduceAck>();
    partition_->produce(
        {idempotent_batch(id, epoch, sequence, records), records, acks, 30s, std::move(position), client_},
        std::move(done));
    return result;
  }
  Result<ProduceAck> produce(std::int64_t id, std::int16_t epoch, std::int32_t sequence,
                             std::int32_t records = 1,
                             std::optional<SourcePosition> position = std::nullopt) {
    return *shard_.wait(send(id, epoch, sequence, records, std::move(position)));
  }
  // Again as long as it is asked to: the state is being read.
  Result<ProduceAck> produce_when_loaded(std::int64_t id, std::int32_t sequence) {
    Result<ProduceAck> ack = produce(id, 0, sequence);
    for (int i = 0; i < 100 && !ack && ack.error().code == ErrorCode::kNotYet; ++i) {
      shard_.machine_.scheduler().run_for(100ms);
      ack = produce(id, 0, sequence);
    }
    return ack;
  }
  Result<ProducerFenced> fence(std::int64_t id, std::int16_t epoch) {
    auto [result, done] = ShardHarness::slot<ProducerFenced>();
    partition_->fence_producer(ProducerId(id), ProducerEpoch(epoch), 30s, std::move(done));
    return *shard_.wait(result);
  }
  Result<Offset> trim() {
    auto [result, done] = ShardHarness::slot<Offset>();
    partition_->trim(std::nullopt, std::move(done));
    return *shard_.wait(result);
  }
  // A bit of log of somebody else, and the set's own maintenance all the while.
  void pass(runtime::Duration time) {
    for (runtime::Duration past{0}; past < time; past += 10min) {
      ASSERT_TRUE(*shard_.produce(*partition_, {"another"}));
      shard_.machine_.scheduler().run_for(10min);
    }
  }
  [[nodiscard]] Offset end() const { return partition_->log().end().next_offset; }

  // `op` on files whose name contains `name` fails from now on.
  void fail(sim::DiskOp op, sim::DiskEffect effect, const std::string& name) {
    shard_.machine_.disk().inject(
        {.op = op, .effect = effect, .path = sim::path_contains(name), .times = sim::DiskFault::kForever});
  }

  ShardHarness shard_;
  Partition* partition_ = nullptr;
  std::string client_;
};

// Where few fit in memory, and many come.
class PartitionManyProducersTest : public PartitionProducersTest {
 protected:
  static constexpr std::size_t kInMemory = 4;
  static constexpr std::int64_t kMany = 60;
  void SetUp() override {
    shard_.set_config_.producers.in_memory_per_client = kInMemory;
    begin();
  }
  void write_from_many() {
    for (std::int64_t id = 0; id < kMany; ++id) ASSERT_TRUE(produce(id, 0, 0));
    shard_.machine_.scheduler().run_for(1s);  // what is being written
  }
  [[nodiscard]] ProducerCounts counts() const { return partition_->producer_counts(); }
  [[nodiscard]] std::vector<std::string> state_files() {
    std::vector<std::string> files;
    for (const std::string& path : shard_.machine_.disk().files()) {
      if (path.ends_with(".state")) files.push_back(path);
    }
    return files;
  }
};

TEST_F(PartitionProducersTest, CopyIsAnsweredWithTheFirstPlaceOnceThatIsCommitted) {
  const auto first = send(7, 0, 0, 3);
  const auto copy = send(7, 0, 0, 3);
  EXPECT_FALSE(copy->has_value());
  ASSERT_TRUE(shard_.wait(copy));
  ASSERT_TRUE(first->has_value() && **first && **copy);
  EXPECT_FALSE((**first)->duplicate);
  EXPECT_TRUE((**copy)->duplicate);
  EXPECT_EQ((**copy)->base_offset, Offset(0));
  EXPECT_EQ((**copy)->last_offset, Offset(2));
  EXPECT_EQ((**copy)->append_time, (**first)->append_time);
  EXPECT_EQ((**copy)->term, (**first)->term);
  EXPECT_TRUE((**copy)->flushed);
  EXPECT_EQ(end(), Offset(3));
  EXPECT_EQ(partition_->producer_counts().duplicates, 1U);
}

TEST_F(PartitionProducersTest, CopyOfWhatIsCommittedIsAnsweredAtOnce) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(produce(7, 0, 1));
  const auto copy = send(7, 0, 0);
  ASSERT_TRUE(copy->has_value() && **copy);
  EXPECT_TRUE((**copy)->duplicate);
  EXPECT_EQ((**copy)->base_offset, Offset(0));
}

TEST_F(PartitionProducersTest, CopyOvertakesNoneThatWaits) {
  const auto first = send(7, 0, 0);
  const auto second = send(7, 0, 1);
  const auto copy = send(7, 0, 0);
  ASSERT_TRUE(shard_.wait(second));
  ASSERT_TRUE(first->has_value() && copy->has_value());
  EXPECT_EQ((**copy)->base_offset, Offset(0));
  EXPECT_EQ((**second)->base_offset, Offset(1));
}

TEST_F(PartitionProducersTest, RefusalsAppendNothingAndAreCounted) {
  ASSERT_TRUE(produce(7, 1, 0));
  const auto gap = produce(7, 1, 2);
  EXPECT_EQ(gap.error().code, ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(gap.error().last_sequence, 0);
  EXPECT_NE(gap.error().context.find("partition 0 of topic 'topic'"), std::string::npos)
      << gap.error().context;
  EXPECT_EQ(produce(7, 0, 0).error().code, ErrorCode::kProducerFenced);
  EXPECT_EQ(produce(8, 0, 4).error().code, ErrorCode::kUnknownProducer);
  EXPECT_EQ(end(), Offset(1));
  const ProducerCounts counts = partition_->producer_counts();
  EXPECT_EQ(counts.out_of_order, 1U);
  EXPECT_EQ(counts.fenced, 1U);
  EXPECT_EQ(counts.unknown, 1U);
  EXPECT_EQ(counts.states, 1U);
}

TEST_F(PartitionProducersTest, IdempotenceNeedsAllAcknowledgements) {
  for (const Acks acks : {Acks::kLeader, Acks::kNone}) {
    const auto refused = send(7, 0, 0, 1, std::nullopt, acks);
    ASSERT_TRUE(refused->has_value());
    EXPECT_EQ((*refused)->error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(end(), Offset(0));
}

TEST_F(PartitionProducersTest, RestartForgetsNothing) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(produce(7, 0, 1, 2));
  shard_.tear_down();
  begin();
  const auto copy = produce(7, 0, 1, 2);
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->duplicate);
  EXPECT_EQ(copy->base_offset, Offset(1));
  EXPECT_EQ(copy->term, model::Term(1));
  EXPECT_EQ(produce(7, 0, 4).error().code, ErrorCode::kOutOfOrderSequence);
  EXPECT_TRUE(produce(7, 0, 3));
}

TEST_F(PartitionProducersTest, PowerCutForgetsNothingThatWasAcknowledged) {
  ASSERT_TRUE(produce(7, 0, 0));
  static_cast<void>(send(7, 0, 1));
  shard_.power_cut();
  begin();
  const auto first = produce(7, 0, 0);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_TRUE(first->duplicate);
  const auto second = produce(7, 0, 1);  // was stored or not, and is there once now
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->base_offset, Offset(1));
  EXPECT_EQ(end(), Offset(2));
}

TEST_F(PartitionProducersTest, RequestsWaitForTheStateAndKeepTheirOrder) {
  ASSERT_TRUE(produce(7, 0, 0));
  restart();
  const auto one = send(7, 0, 1);
  const auto two = send(7, 0, 2);
  const auto other = send(8, 0, 0);
  ASSERT_TRUE(shard_.wait(other));
  ASSERT_TRUE(one->has_value() && two->has_value());
  ASSERT_TRUE(**one && **two && **other);
  EXPECT_EQ((**one)->base_offset, Offset(1));
  EXPECT_EQ((**two)->base_offset, Offset(2));
  EXPECT_EQ((**other)->base_offset, Offset(3));
}

// Their frames are gone: only the state that was written before can tell.
TEST_F(PartitionProducersTest, TrimmedRecordsAreRememberedOverARestart) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(produce(7, 0, 1));
  const auto begin_offset = trim();
  ASSERT_TRUE(begin_offset) << begin_offset.error().to_string();
  EXPECT_EQ(*begin_offset, Offset(2));
  EXPECT_EQ(shard_.logs_->stats().states_written, 1U);
  shard_.power_cut();
  begin();
  const auto copy = produce(7, 0, 1);
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->duplicate);
  EXPECT_TRUE(produce(7, 0, 2));
}

TEST_F(PartitionProducersTest, StateIsWrittenBeforeATrimAlsoWhenItHasToBeLoadedFirst) {
  ASSERT_TRUE(produce(7, 0, 0));
  restart();
  ASSERT_TRUE(trim());
  restart();
  EXPECT_TRUE(produce(7, 0, 0)->duplicate);
}

TEST_F(PartitionProducersTest, SnapshotOfAnotherHistoryIsNotBelieved) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(produce(7, 0, 1));
  // It says that nobody has ever written anything; here another term ends at its place.
  ProducerStates nobody(ProducerLimits{});
  nobody.reset(partition_->log().end());
  auto [written, done] = ShardHarness::slot<std::monostate>();
  partition_->log().write_state(
      {nobody.position(), model::Term(partition_->term().value() + 1), SharedBytes::take(nobody.encode())},
      [done = std::move(done)](const Result<void>& result) mutable {
        done(result ? Result<std::monostate>(std::monostate{}) : Result<std::monostate>(result.error()));
      });
  ASSERT_TRUE(*shard_.wait(written));
  restart();
  const auto copy = produce(7, 0, 1);
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->duplicate);
}

TEST_F(PartitionProducersTest, TrimOfAPartitionWithoutProducersWritesNoState) {
  ASSERT_TRUE(*shard_.produce(*partition_, {"a"}));
  ASSERT_TRUE(trim());
  EXPECT_EQ(shard_.logs_->stats().states_written, 0U);
}

TEST_F(PartitionProducersTest, NewSessionLearnsHowFarTheOneBeforeCame) {
  EXPECT_EQ(fence(7, 0)->before, std::nullopt);
  ASSERT_TRUE(produce(7, 0, 0, 2, SourcePosition{"file", "line 2"}));
  ASSERT_TRUE(produce(7, 0, 2, 1, SourcePosition{"file", "line 3"}));
  const SessionEnd want{ProducerEpoch(0), 2, Offset(2), SourcePosition{"file", "line 3"}};
  EXPECT_EQ(fence(7, 1)->before, want);
  EXPECT_EQ(produce(7, 0, 3).error().code, ErrorCode::kProducerFenced);
  ASSERT_TRUE(produce(7, 1, 0));
  EXPECT_EQ(fence(7, 1)->before, want);  // again, the same
  EXPECT_EQ(fence(7, 0).error().code, ErrorCode::kProducerFenced);
}

TEST_F(PartitionProducersTest, FenceAndPositionOutliveARestartAndATrim) {
  ASSERT_TRUE(fence(7, 0));
  ASSERT_TRUE(produce(7, 0, 0, 1, SourcePosition{"file", "1"}));
  ASSERT_TRUE(trim());
  restart();
  const SessionEnd want{ProducerEpoch(0), 0, Offset(0), SourcePosition{"file", "1"}};
  EXPECT_EQ(fence(7, 1)->before, want);
  restart();
  EXPECT_EQ(produce(7, 0, 1).error().code, ErrorCode::kProducerFenced);
}

TEST_F(PartitionProducersTest, PositionWithoutAFenceOrAProducerIsRefused) {
  EXPECT_EQ(produce(7, 0, 0, 1, SourcePosition{"f", "1"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(produce(-1, -1, -1, 1, SourcePosition{"f", "1"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(end(), Offset(0));
}

TEST_F(PartitionProducersTest, LossOfAnEarlyAcknowledgementIsTold) {
  PartitionConfig replicated;
  replicated.durability = Durability::kReplicated;
  partition_->set_config(replicated);
  ASSERT_TRUE(produce(7, 0, 0));
  const auto pause = fence(9, 0);  // at its commit the batch before it is durable
  const auto early = send(7, 0, 1);
  ASSERT_TRUE(early->has_value() && **early);  // and not durable yet
  shard_.power_cut();
  begin();
  partition_->set_config(replicated);
  if (end() == Offset(2)) return;  // it had reached the disk
  const auto lost = produce(7, 0, 2);
  EXPECT_EQ(lost.error().code, ErrorCode::kEarlyAckLost);
  EXPECT_EQ(lost.error().last_sequence, 0);
  EXPECT_TRUE(produce(7, 1, 0));
}

TEST_F(PartitionProducersTest, SilentOneIsForgottenByAWordOfTheLog) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(fence(9, 0));
  pass(24h);
  EXPECT_TRUE(produce(7, 0, 0)->duplicate);
  pass(27h);
  EXPECT_EQ(produce(7, 0, 1).error().code, ErrorCode::kUnknownProducer);
  restart();
  EXPECT_EQ(produce(7, 0, 1).error().code, ErrorCode::kUnknownProducer);
  EXPECT_EQ(partition_->producer_counts().states, 1U);  // the one with a name
}

// Its clock jumped over the expiration: everybody was unknown from then on, and the retry of a first batch
// was stored a second time.
TEST_F(PartitionProducersTest, JumpOfTheClockForgetsNobody) {
  ASSERT_TRUE(produce(7, 0, 0));
  ASSERT_TRUE(produce(8, 0, 0));
  shard_.machine_.wall_clock().jump(30 * 24h);
  EXPECT_TRUE(produce(7, 0, 0)->duplicate);
  EXPECT_TRUE(produce(8, 0, 1));
  pass(50min);
  EXPECT_TRUE(produce(7, 0, 0)->duplicate);
  EXPECT_TRUE(produce(7, 0, 1));
}

// Nothing must be needed to make room.
TEST_F(PartitionProducersTest, TrimOnAFullDiskNeedsNoState) {
  ASSERT_TRUE(produce(7, 0, 0));
  fail(sim::DiskOp::kCreate, sim::DiskEffect::kNoSpace, ".state");
  const auto begin_offset = trim();
  ASSERT_TRUE(begin_offset) << begin_offset.error().to_string();
  EXPECT_EQ(*begin_offset, Offset(1));
  EXPECT_EQ(shard_.logs_->stats().states_written, 0U);
  EXPECT_TRUE(produce(7, 0, 0)->duplicate) << "it is in memory";
}

TEST_F(PartitionProducersTest, TrimWaitsForAStateThatCannotBeWrittenForAnotherReason) {
  ASSERT_TRUE(produce(7, 0, 0));
  fail(sim::DiskOp::kCreate, sim::DiskEffect::kIoError, ".state");
  auto [trimmed, done] = ShardHarness::slot<Offset>();
  partition_->trim(std::nullopt, std::move(done));
  shard_.machine_.scheduler().run_for(60s);
  EXPECT_FALSE(trimmed->has_value());
  shard_.machine_.disk().clear_faults();
  ASSERT_TRUE(*shard_.wait(trimmed));
  restart();
  EXPECT_TRUE(produce(7, 0, 0)->duplicate);
}

// Nobody else could say what is there, and one place must not keep everybody from writing.
TEST_F(PartitionProducersTest, SegmentOfTheOnlyCopyThatCannotBeReadIsPassedOver) {
  PartitionConfig config;
  config.log.segment_bytes = 16U << 10;
  partition_->set_config(config);
  ASSERT_TRUE(produce(7, 0, 0));
  const std::vector<std::string> filling(1, std::string(8U << 10, 'x'));
  for (int i = 0; i < 600; ++i) {
    auto ack = shard_.produce(*partition_, filling);
    while (ack && !*ack && ack->error().code == ErrorCode::kResourceExhausted) {
      shard_.machine_.scheduler().run_for(50ms);
      ack = shard_.produce(*partition_, filling);
    }
    ASSERT_TRUE(ack && *ack);
  }
  ASSERT_TRUE(produce(8, 0, 0));
  shard_.tear_down();
  shard_.machine_.reboot(sim::Landing::kKeep);
  ASSERT_TRUE(shard_.start());
  partition_ = &shard_.open(topic_partition(1), config);
  const auto first = partition_->log().status().segments.front().meta;
  fail(sim::DiskOp::kRead, sim::DiskEffect::kIoError, log::segment_file_name(first));
  const auto known = produce_when_loaded(8, 0);
  ASSERT_TRUE(known) << known.error().to_string();
  EXPECT_TRUE(known->duplicate) << "what can be read says so";
  EXPECT_FALSE(produce(7, 0, 0)->duplicate) << "or it was read after all";
}

TEST_F(PartitionManyProducersTest, MemoryIsBoundedAndNobodyIsForgotten) {
  write_from_many();
  EXPECT_LE(counts().states, 3 * kInMemory);
  EXPECT_GE(counts().states_on_disk, kMany - 3 * kInMemory);
  EXPECT_GE(counts().let_go, kMany - 3 * kInMemory);
  EXPECT_EQ(counts().looked_up, 0U) << "new ids are above all that are known";
  for (std::int64_t id = 0; id < kMany; ++id) {
    const auto copy = produce(id, 0, 0);
    ASSERT_TRUE(copy) << copy.error().to_string();
    EXPECT_TRUE(copy->duplicate);
    EXPECT_EQ(copy->base_offset, Offset(id));
  }
  EXPECT_GT(counts().looked_up, 0U);
  EXPECT_EQ(produce(1, 0, 5).error().last_sequence, 0);
  EXPECT_EQ(produce(kMany, 0, 5).error().code, ErrorCode::kUnknownProducer);
  EXPECT_LE(counts().states, 3 * kInMemory);
}

TEST_F(PartitionManyProducersTest, RestartAndTrimForgetNobodyOnTheDisk) {
  write_from_many();
  ASSERT_TRUE(trim());
  restart();
  EXPECT_TRUE(produce(kMany - 1, 0, 0)->duplicate);
  EXPECT_LE(counts().states, 2 * kInMemory);
  EXPECT_TRUE(produce(0, 0, 0)->duplicate);
  ASSERT_TRUE(produce(1, 0, 1));
  shard_.power_cut();
  begin();
  EXPECT_TRUE(produce(1, 0, 1)->duplicate);
  EXPECT_EQ(produce(2, 0, 2).error().last_sequence, 0);
}

TEST_F(PartitionManyProducersTest, RequestsOfOneWhoIsLookedUpKeepTheirOrder) {
  write_from_many();
  const auto one = send(0, 0, 1);
  const auto two = send(0, 0, 2);
  const auto copy = send(0, 0, 1);
  EXPECT_FALSE(one->has_value());
  ASSERT_TRUE(shard_.wait(copy));
  ASSERT_TRUE(one->has_value() && two->has_value());
  ASSERT_TRUE(**one && **two && **copy);
  EXPECT_EQ((**one)->base_offset, Offset(kMany));
  EXPECT_EQ((**two)->base_offset, Offset(kMany + 1));
  EXPECT_EQ((**copy)->base_offset, Offset(kMany));
}

TEST_F(PartitionManyProducersTest, FenceAndPositionOfOneOnTheDiskHold) {
  ASSERT_TRUE(fence(0, 0));
  ASSERT_TRUE(produce(0, 0, 0, 1, SourcePosition{"file", "1"}));
  for (std::int64_t id = 1; id < kMany; ++id) ASSERT_TRUE(produce(id, 0, 0));
  shard_.machine_.scheduler().run_for(1s);
  const SessionEnd want{ProducerEpoch(0), 0, Offset(0), SourcePosition{"file", "1"}};
  EXPECT_EQ(fence(0, 1)->before, want);
  EXPECT_GT(counts().looked_up, 0U);
  EXPECT_EQ(produce(0, 0, 1).error().code, ErrorCode::kProducerFenced);
}

TEST_F(PartitionManyProducersTest, SilentOnesOnTheDiskAreForgotten) {
  write_from_many();
  ASSERT_TRUE(trim());
  pass(27h);
  EXPECT_EQ(produce(0, 0, 1).error().code, ErrorCode::kUnknownProducer);
  EXPECT_EQ(counts().states_on_disk, 0U);
  EXPECT_EQ(counts().states, 0U);
}

TEST_F(PartitionManyProducersTest, OneClientDoesNotDriveOutAnother) {
  client_ = "quiet";
  ASSERT_TRUE(produce(1'000, 0, 0));
  client_ = "many";
  write_from_many();
  EXPECT_GT(counts().let_go, 0U);
  const auto before = counts().looked_up;
  ASSERT_TRUE(produce(1'000, 0, 0)->duplicate);
  EXPECT_EQ(counts().looked_up, before) << "it was in memory";
}

TEST_F(PartitionManyProducersTest, DamagedFileIsMadeUpForByTheLog) {
  write_from_many();
  for (const std::string& file : state_files()) {
    const std::size_t size = shard_.machine_.disk().content(file)->size();
    for (std::size_t at = log::kStateHeaderBytes; at < size; at += 100)
      shard_.machine_.disk().flip_bit(file, at * 8);
  }
  const auto copy = produce_when_loaded(0, 0);
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->duplicate);
  EXPECT_TRUE(produce(kMany - 1, 0, 0)->duplicate);
}

TEST_F(PartitionProducersTest, WhereAStateMachineLivesNoProducerIsTaken) {
  PartitionConfig config;
  config.holds_state = true;
  partition_ = &shard_.open(topic_partition(2), config);
  EXPECT_EQ(produce(7, 0, 0).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace forebay::partition
