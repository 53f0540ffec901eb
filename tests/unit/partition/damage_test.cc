// What a partition serves when its disk lost part of its log: the rest, and never a second value at an
// offset.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/acceptance.h"
#include "log/core/damage.h"
#include "log/core/round.h"
#include "log/data_directory.h"
#include "log/segment_io.h"
#include "shard_harness.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;
using Numbers = std::vector<std::int64_t>;

constexpr std::size_t kValueBytes = 90U << 10;
constexpr std::int64_t kValues = 20;

std::string value(std::int64_t number) {
  return std::to_string(number) + ":" + std::string(kValueBytes, static_cast<char>('a' + number % 26));
}

class DamageTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shard_.start()); }

  void fill(Partition& partition, std::int64_t count = kValues) {
    const std::int64_t begin = partition.watermarks().high_watermark.value();
    for (std::int64_t i = begin; i < begin + count; ++i) {
      auto ack = shard_.produce(partition, {value(i)});
      while (ack && !*ack && ack->error().code == ErrorCode::kResourceExhausted) {
        shard_.machine_.scheduler().run_for(50ms);
        ack = shard_.produce(partition, {value(i)});
      }
      ASSERT_TRUE(ack && *ack) << (ack ? ack->error().to_string() : "never");
      ASSERT_EQ((*ack)->base_offset, Offset(i));
    }
  }
  void crash() {
    shard_.tear_down();
    shard_.machine_.reboot(sim::Landing::kKeep);
  }
  std::vector<std::string> journal_files() {
    const auto boot = log::decode_boot(*shard_.machine_.disk().content(kDataDir + "/BOOT"));
    std::vector<std::string> files;
    for (const std::string& path : shard_.machine_.disk().files()) {
      if (path.starts_with(log::journal_directory(kDataDir, boot->epoch) + "/")) files.push_back(path);
    }
    return files;
  }
  // The file with the newest rounds: its successor names nothing, its predecessor names it.
  void lose_newest_journal_file() {
    const auto files = journal_files();
    std::string newest;
    std::uint64_t highest = 0;
    for (const std::string& path : files) {
      const auto content = *shard_.machine_.disk().content(path);
      const auto header = log::decode_round_header(content);
      if (header && header->sequence.value() >= highest) {
        highest = header->sequence.value();
        newest = path;
      }
    }
    ASSERT_GT(files.size(), 1U);
    shard_.machine_.disk().remove(newest);
  }
  // As after a loss of the newest journal file: the open partition, whose end is lost.
  Partition& with_lost_end() {
    Partition& before = shard_.open(topic_partition(1));
    fill(before);
    last_term_ = before.term();
    crash();
    lose_newest_journal_file();
    EXPECT_TRUE(shard_.start());
    Partition& partition = shard_.open(topic_partition(1));
    end_ = partition.watermarks().high_watermark;
    EXPECT_GT(end_, Offset(0));
    EXPECT_LT(end_, Offset(kValues));
    return partition;
  }
  log::RecoveryOptions options() {
    return {.data_dir = kDataDir,
            .shard_count = 1,
            .journal = shard_.config_.journal,
            .wall_now = shard_.machine_.wall_clock().now(),
            .accept = {}};
  }
  std::vector<log::Loss> losses() {
    auto found = log::find_losses(shard_.machine_.file_system(), options());
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::vector<log::Loss>{};
  }
  Result<std::vector<log::Loss>> accept(std::vector<log::Loss> accepted) {
    return log::accept_losses(shard_.machine_.file_system(), shard_.machine_.rng(), options(),
                              std::move(accepted), "accepted\n");
  }
  std::string audit() {
    const auto content = shard_.machine_.disk().content(log::audit_log_path(kDataDir));
    return content ? std::string(as_text(*content)) : std::string();
  }
  // Offsets of all that is read from log start on, each with the value that was written there.
  Numbers read_all(Partition& partition) {
    Numbers offsets;
    for (const auto& [offset, text] : shard_.read_all(partition)) {
      EXPECT_TRUE(text == value(offset)) << "another value at " << offset;
      offsets.push_back(offset);
    }
    return offsets;
  }
  static Numbers numbers(std::int64_t begin, std::int64_t end) {
    Numbers offsets;
    for (std::int64_t i = begin; i < end; ++i) offsets.push_back(i);
    return offsets;
  }
  std::vector<log::Damage> damage(Partition& partition) { return partition.log().status().damage; }

  ShardHarness shard_;
  Offset end_;
  model::Term last_term_;
};

TEST_F(DamageTest, LostEndServesWhatIsThereAndTakesNoRecord) {
  Partition& partition = with_lost_end();
  EXPECT_EQ(read_all(partition), numbers(0, end_.value()));
  const auto refused = shard_.produce(partition, {"x"});
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().code, ErrorCode::kDataLoss);
  const std::string& text = refused->error().context;
  EXPECT_NE(text.find("topic 'topic' partition 0"), std::string::npos) << text;
  EXPECT_NE(text.find("from offset " + std::to_string(end_.value()) + " on"), std::string::npos) << text;
  EXPECT_NE(text.find("forebay log accept-loss"), std::string::npos) << text;
  EXPECT_TRUE(partition.is_ready());
  EXPECT_TRUE(partition.end_is_lost());
  const auto not_serving = shard_.set_->not_serving();
  ASSERT_EQ(not_serving.size(), 1U);
  EXPECT_EQ(not_serving[0].id, topic_partition(1));
  EXPECT_EQ(shard_.logs_->stats().lost_tails, 1U);
  EXPECT_EQ(shard_.logs_->stats().damaged_logs, 1U);
}

TEST_F(DamageTest, ReadersAreToldAtALostEndInsteadOfWaiting) {
  Partition& partition = with_lost_end();
  for (const Offset from : {end_, Offset(end_.value() + 3)}) {
    auto [fetched, done] = ShardHarness::slot<FetchOutput>();
    partition.fetch({.from = from, .wait_max = 1h}, std::move(done));
    ASSERT_TRUE(fetched->has_value());
    EXPECT_EQ((**fetched).error().code, ErrorCode::kDataLoss);
  }
  // Less than was asked for comes at once: there will never be more.
  auto [fetched, done] = ShardHarness::slot<FetchOutput>();
  const auto before = shard_.machine_.executor().now();
  partition.fetch({.from = Offset(end_.value() - 1), .bytes_min = 100U << 20, .wait_max = 1h},
                  std::move(done));
  const auto got = shard_.wait(fetched);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->next, end_);
  EXPECT_LT(shard_.machine_.executor().now() - before, 1min);
}

TEST_F(DamageTest, LostEndStaysLostAcrossRestartsAndTrimming) {
  Partition& partition = with_lost_end();
  auto [trimmed, done] = ShardHarness::slot<Offset>();
  partition.trim(std::nullopt, std::move(done));
  const auto start = shard_.wait(trimmed);
  ASSERT_TRUE(start && *start);
  EXPECT_EQ(**start, end_);
  for (int life = 0; life < 2; ++life) {
    crash();
    ASSERT_TRUE(shard_.start());
    Partition& again = shard_.open(topic_partition(1));
    EXPECT_EQ(shard_.produce(again, {"x"})->error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(again.watermarks().high_watermark, end_);
  }
}

TEST_F(DamageTest, AcceptedEndGoesOnThereInAHigherTerm) {
  (void)with_lost_end();
  crash();
  const auto found = losses();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, log::LossKind::kTail);
  EXPECT_EQ(found[0].begin.next_offset, end_);
  EXPECT_EQ(losses(), found);  // looking changes nothing
  ASSERT_TRUE(accept(found));
  EXPECT_TRUE(losses().empty());
  ASSERT_TRUE(shard_.start());
  Partition& partition = shard_.open(topic_partition(1));
  EXPECT_GT(partition.term(), last_term_);
  EXPECT_TRUE(partition.log().tail_accepted());
  fill(partition, 3);
  EXPECT_FALSE(partition.log().tail_accepted());
  EXPECT_EQ(read_all(partition), numbers(0, end_.value() + 3));
  EXPECT_TRUE(shard_.set_->not_serving().empty());
  EXPECT_EQ(shard_.logs_->stats().damaged_logs, 0U);
  // It stays in the history until log start passes it.
  ASSERT_EQ(damage(partition).size(), 1U);
  EXPECT_EQ(damage(partition)[0].kind, log::DamageKind::kAcceptedTail);
  auto [trimmed, done] = ShardHarness::slot<Offset>();
  partition.trim(std::nullopt, std::move(done));
  ASSERT_TRUE(shard_.wait(trimmed));
  EXPECT_TRUE(damage(partition).empty());
}

TEST_F(DamageTest, TermsOutgrowAllThatMayBeLost) {
  Partition* partition = &shard_.open(topic_partition(1));
  fill(*partition, 3 * kValues);  // so much that some of it is in segments
  for (int life = 1; life < 4; ++life) {
    crash();
    ASSERT_TRUE(shard_.start());
    partition = &shard_.open(topic_partition(1));
  }
  const model::Term last = partition->term();
  EXPECT_GE(last, model::Term(4));
  // All that knew of the later terms goes: what is left are the segments of the first life.
  crash();
  for (const std::string& path : journal_files()) shard_.machine_.disk().remove(path);
  ASSERT_TRUE(shard_.start());
  Partition& salvaged = shard_.open(topic_partition(1));
  EXPECT_EQ(salvaged.log().terms().front().term, model::Term(1));
  EXPECT_TRUE(salvaged.end_is_lost());
  EXPECT_GT(salvaged.term(), last);
}

TEST_F(DamageTest, CrashAtAnyStepOfAcceptingLeavesTheOldStateOrTheNew) {
  (void)with_lost_end();
  bool saw_old = false;
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    crash();
    auto found = losses();
    // Whole lines or nothing, and never the deed without the line.
    const std::string lines = audit();
    EXPECT_EQ(lines.size() % std::string("accepted\n").size(), 0U) << lines;
    EXPECT_TRUE(!found.empty() || lines.ends_with("accepted\n"));
    if (found.empty()) {  // the power went after the switch: all of it is there
      ASSERT_TRUE(shard_.start());
      Partition& partition = shard_.open(topic_partition(1));
      EXPECT_EQ(read_all(partition), numbers(0, end_.value()));
      fill(partition, 1);
      break;
    }
    shard_.machine_.disk().crash_at_step(step);
    const auto done = accept(found);
    if (done) {
      ASSERT_FALSE(shard_.machine_.disk().power_is_off());
      continue;  // found empty in the next turn
    }
    ASSERT_TRUE(shard_.machine_.disk().power_is_off()) << done.error().to_string();
    shard_.tear_down();
    shard_.machine_.reboot(sim::Landing::kSeeded);
    if (losses().empty()) continue;
    saw_old = true;
    ASSERT_TRUE(shard_.start());
    Partition& partition = shard_.open(topic_partition(1));
    EXPECT_EQ(shard_.produce(partition, {"x"})->error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(partition.watermarks().high_watermark, end_);
    ASSERT_LT(step, 500U);
  }
  EXPECT_TRUE(saw_old);
}

TEST_F(DamageTest, AuditLogIsOnlyEverLonger) {
  auto& fs = shard_.machine_.file_system();
  ASSERT_TRUE(log::append_audit(fs, kDataDir, "one\n"));
  ASSERT_TRUE(log::append_audit(fs, kDataDir, "two\nthree\n"));
  EXPECT_EQ(audit(), "one\ntwo\nthree\n");
  // Somebody wrote into it: his line stays his own.
  shard_.machine_.disk().replace_file(log::audit_log_path(kDataDir), as_bytes(std::string("by hand")));
  ASSERT_TRUE(log::append_audit(fs, kDataDir, "four\n"));
  EXPECT_EQ(audit(), "by hand\nfour\n");
  // It cannot be written: nothing is accepted.
  (void)with_lost_end();
  crash();
  shard_.machine_.disk().inject({.op = sim::DiskOp::kWrite,
                                 .path = sim::path_contains("audit.log"),
                                 .times = sim::DiskFault::kForever});
  EXPECT_FALSE(accept(losses()));
  shard_.machine_.disk().clear_faults();
  EXPECT_EQ(losses().size(), 1U);
  EXPECT_EQ(audit(), "by hand\nfour\n");
}

// Rot in the middle of the journal: one record is lost, its place is known.
class MiddleDamageTest : public DamageTest {
 protected:
  void SetUp() override {
    DamageTest::SetUp();
    Partition& partition = shard_.open(topic_partition(1));
    fill(partition, 8);
    crash();
    const std::string path = journal_files().front();
    const auto bytes = *shard_.machine_.disk().content(path);
    // In the text of record 4.
    const std::string needle = "4:" + std::string(100, 'e');
    const auto text = as_text(bytes);
    const std::size_t found = text.rfind(needle);
    ASSERT_NE(found, std::string::npos);
    shard_.machine_.disk().flip_bit(path, (found + 50) * 8);
  }
  // Offsets that can be read, stepping over what is refused.
  Numbers readable(Partition& partition) {
    Numbers offsets;
    for (Offset from = partition.watermarks().log_start; from < partition.watermarks().high_watermark;) {
      const auto output = shard_.fetch(partition, {.from = from, .bytes_max = 1});
      if (!*output) {
        EXPECT_EQ(output->error().code, ErrorCode::kDataLoss);
        EXPECT_EQ(from, Offset(4));
        from = Offset(5);
        continue;
      }
      for (const auto& frame : (*output)->frames) offsets.push_back(frame->header.begin.next_offset.value());
      from = (*output)->next;
    }
    return offsets;
  }
};

TEST_F(MiddleDamageTest, RestIsServedAndWritten) {
  ASSERT_TRUE(shard_.start());
  Partition& partition = shard_.open(topic_partition(1));
  EXPECT_TRUE(shard_.set_->not_serving().empty());
  EXPECT_FALSE(partition.end_is_lost());
  fill(partition, 2);
  Numbers want = numbers(0, 10);
  want.erase(want.begin() + 4);
  EXPECT_EQ(readable(partition), want);
  EXPECT_EQ(shard_.logs_->stats().damaged_logs, 1U);
  EXPECT_EQ(shard_.logs_->stats().lost_tails, 0U);
}

TEST_F(MiddleDamageTest, AcceptedRangeIsPassedOverFromMemoryAndFromDisk) {
  const auto found = losses();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, log::LossKind::kRange);
  ASSERT_TRUE(accept(found));
  Numbers want = numbers(0, 8);
  want.erase(want.begin() + 4);
  for (int life = 0; life < 3; ++life) {
    SCOPED_TRACE(life);
    ASSERT_TRUE(shard_.start());
    EXPECT_TRUE(losses().empty());
    Partition& partition = shard_.open(topic_partition(1));
    EXPECT_EQ(read_all(partition), want);
    // Right at the hole, and in one answer with what is before it.
    if (life == 0) {
      const auto all = shard_.fetch(partition, {.from = Offset(0), .bytes_max = 100U << 20});
      EXPECT_EQ((*all)->frames.size(), 7U);
      Offset at(0);
      for (const auto& frame : (*all)->frames) {
        EXPECT_EQ(frame->header.begin.next_offset, at);
        at = frame->header.end.next_offset;
      }
    }
    const auto at_hole = shard_.fetch(partition, {.from = Offset(4), .bytes_max = 1});
    ASSERT_TRUE(at_hole && *at_hole) << at_hole->error().to_string();
    ASSERT_EQ((*at_hole)->frames.size(), 1U);
    EXPECT_EQ((*at_hole)->frames[0]->header.begin.next_offset, Offset(4));  // it covers the hole
    EXPECT_EQ((*at_hole)->frames[0]->header.end.next_offset, Offset(6));
    ASSERT_EQ(damage(partition).size(), 1U);
    EXPECT_EQ(damage(partition)[0].kind, log::DamageKind::kAcceptedMiddle);
    EXPECT_EQ(shard_.logs_->stats().damaged_logs, 0U);
    // More than the memory may pin, so that the first frames go to segments.
    fill(partition, 10);
    for (int i = 0; i < 10; ++i) want.push_back(want.back() + 1);
    EXPECT_EQ(read_all(partition), want);
    crash();
  }
}

// A whole file is gone: what was in it is accepted as lost.
TEST_F(DamageTest, AcceptedMissingSegmentIsPassedOverByReadersAndByTime) {
  PartitionConfig config;
  config.log.segment_bytes = 400U << 10;
  Partition* partition = &shard_.open(topic_partition(1), config);
  for (int i = 0; i < 30; ++i) {
    fill(*partition, 1);
    shard_.machine_.scheduler().run_for(10s);  // each has an append time of its own
  }
  const auto segments = partition->log().status().segments;
  ASSERT_GT(segments.size(), 4U);
  const log::SegmentMeta lost = segments[2].meta;
  crash();
  shard_.machine_.disk().remove(log::segment_path(kDataDir, topic_partition(1), lost));
  shard_.machine_.disk().remove(log::index_path(kDataDir, topic_partition(1), lost));
  ASSERT_TRUE(shard_.start());
  partition = &shard_.open(topic_partition(1), config);
  shard_.machine_.scheduler().run_for(1s);  // the look around in the folder
  const std::int64_t begin = lost.begin.next_offset.value();
  const std::int64_t end = lost.end.next_offset.value();
  EXPECT_EQ((*shard_.fetch(*partition, {.from = Offset(begin)})).error().code, ErrorCode::kDataLoss);
  const auto report = partition->replication().replicas.at(0);
  EXPECT_EQ(report.state, ReplicaState::kDamaged);
  EXPECT_TRUE(report.since);  // met while it ran
  crash();
  ASSERT_TRUE(shard_.start());
  EXPECT_EQ(shard_.open(topic_partition(1), config).replication().replicas.at(0).state,
            ReplicaState::kDamaged);
  EXPECT_FALSE(shard_.set_->find(topic_partition(1))->replication().replicas.at(0).since);
  crash();
  const auto found = losses();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].begin, lost.begin);
  EXPECT_EQ(found[0].end, lost.end);
  ASSERT_TRUE(accept(found));
  ASSERT_TRUE(shard_.start());
  partition = &shard_.open(topic_partition(1), config);
  shard_.machine_.scheduler().run_for(1s);
  Numbers want = numbers(0, 30);
  want.erase(want.begin() + begin, want.begin() + end);
  EXPECT_EQ(read_all(*partition), want);
  const auto behind = shard_.fetch(*partition, {.from = Offset(end), .bytes_max = 1});
  const model::Timestamp time = (*behind)->frames.at(0)->header.append_time;
  for (const std::int64_t earlier : {0, 15}) {
    auto [looked_up, done] = ShardHarness::slot<Partition::TimeLookup>();
    partition->find_by_time(log::TimeKind::kAppend, time.plus(-earlier * 1000), model::Reading::kRecords,
                            std::move(done));
    const auto result = shard_.wait(looked_up);
    ASSERT_TRUE(result && *result) << (*result).error().to_string();
    EXPECT_EQ((*result)->offset, Offset(end));
  }
  // Nobody finds it anew.
  shard_.machine_.scheduler().run_for(24h);
  ASSERT_EQ(damage(*partition).size(), 1U);
  EXPECT_EQ(damage(*partition)[0].kind, log::DamageKind::kAcceptedMiddle);
  EXPECT_EQ(shard_.logs_->stats().scrub_errors, 0U);
  // And it does not hold retention up.
  config.log.retention_ms = 1000;
  partition->set_config(config);
  shard_.machine_.scheduler().run_for(1min);
  EXPECT_GE(partition->watermarks().log_start, Offset(end));
  EXPECT_TRUE(damage(*partition).empty());
}

// Bytes in a segment rot: found by the reader, accepted, passed over.
TEST_F(DamageTest, AcceptedRotInASegmentIsPassedOver) {
  Partition* partition = &shard_.open(topic_partition(1));
  fill(*partition, 3 * kValues);
  shard_.machine_.scheduler().run_for(10s);
  const auto segments = partition->log().status().segments;
  ASSERT_FALSE(segments.empty());
  ASSERT_GT(segments[0].meta.end.next_offset, Offset(6));
  crash();
  const std::string path = log::segment_path(kDataDir, topic_partition(1), segments[0].meta);
  const auto bytes = *shard_.machine_.disk().content(path);
  const std::size_t at = as_text(bytes).find("4:" + std::string(100, 'e'));
  ASSERT_NE(at, std::string::npos);
  shard_.machine_.disk().flip_bit(path, (at + 50) * 8);
  ASSERT_TRUE(shard_.start());
  partition = &shard_.open(topic_partition(1));
  EXPECT_EQ((*shard_.fetch(*partition, {.from = Offset(4)})).error().code, ErrorCode::kDataLoss);
  shard_.machine_.scheduler().run_for(1s);  // until the journal has it
  crash();
  ASSERT_EQ(losses().size(), 1U);
  ASSERT_TRUE(accept(losses()));
  ASSERT_TRUE(shard_.start());
  partition = &shard_.open(topic_partition(1));
  Numbers want = numbers(0, 3 * kValues);
  want.erase(want.begin() + 4);
  EXPECT_EQ(read_all(*partition), want);
  shard_.machine_.scheduler().run_for(24h);  // the scrub too
  EXPECT_EQ(shard_.logs_->stats().damaged_logs, 0U);
}

}  // namespace
}  // namespace forebay::partition
