// Random lives of a whole shard (partitions, Raft of one voter, logs, journal, recovery) against a model. A
// record that was acknowledged is there after every restart, once, at its offset and byte for byte; what a
// reader was given stays; offsets have no hole; nothing appears that nobody sent; log start only grows; the
// shard starts by itself after any crash (faults.md rules I1, I3, I4, I6, I7, I8, I12, I32).
//
// FOREBAY_SEED=N replays one world, FOREBAY_SEEDS=N tries the first N.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "model/record_iterator.h"
#include "shard_harness.h"
#include "sim/sim_rng.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;

struct ModelPartition {
  model::TopicPartition id;
  PartitionConfig config;
  bool exists = false;    // its creation was answered, its removal not asked for
  bool doubtful = false;  // ... neither is known
  std::map<std::int64_t, std::string> acked;
  std::map<std::int64_t, std::string> seen;  // given to a reader
  std::int64_t trimmed = 0;                  // answered: log start is there at least
  std::int64_t trim_asked = 0;               // ... and there at most
  std::int64_t end_seen = 0;                 // a high watermark that was told
};

class ShardSoak {
 public:
  explicit ShardSoak(std::uint64_t seed)
      : rng_(seed * 104'729 + 17),
        shard_(seed, seed % 2 == 0 ? sim::Engine::kPageCache : sim::Engine::kDirect) {
    log::ShardLogsConfig& config = shard_.config_;
    config.journal.file_bytes = rng_.one_in(2) ? 512U << 10 : 1U << 20;
    config.journal.round_bytes_max = static_cast<std::uint32_t>(rng_.between(16, 64)) << 10;
    config.journal.round_partition_bytes = static_cast<std::uint32_t>(rng_.between(4, 16)) << 10;
    config.journal.frame_bytes_max = 64U << 10;
    config.cache_bytes_max = rng_.one_in(3) ? 0 : rng_.between(4096, 256 << 10);
    config.segment_write_bytes = static_cast<std::uint32_t>(rng_.between(4096, 40 << 10));
    config.segment_writes_in_flight_max = static_cast<std::uint32_t>(rng_.between(1, 4));
    config.read_bytes_in_flight_max = rng_.between(64 << 10, 1 << 20);
    config.scrub_bytes_per_second = rng_.one_in(2) ? 0 : 8 << 20;
    if (rng_.one_in(3)) config.pinned_bytes_max = rng_.between(32 << 10, 256 << 10);
    const auto count = rng_.between(1, 5);
    for (std::uint64_t i = 0; i < count; ++i) {
      ModelPartition one;
      // Partitions of one topic, and partitions with one number of several topics.
      one.id = topic_partition(static_cast<std::uint8_t>(1 + i / 2), static_cast<std::int32_t>(i % 2));
      one.config.log.segment_bytes = rng_.between(16 << 10, 96 << 10);
      one.config.log.index_interval_bytes = static_cast<std::uint32_t>(rng_.between(512, 16 << 10));
      partitions_.push_back(std::move(one));
    }
  }

  void run() {
    for (int life = 0; life < 4 && !testing::Test::HasFailure(); ++life) {
      if (!come_up()) return;
      if (!testing::Test::HasFailure()) live();
    }
    if (!testing::Test::HasFailure()) static_cast<void>(come_up());
  }

 private:
  sim::SimDisk& disk() { return shard_.machine_.disk(); }
  bool dead() { return disk().power_is_off(); }

  // Starts until it comes up, the power failing now and then on the way; then everything is checked.
  bool come_up() {
    for (int tries = 0; tries < 6; ++tries) {
      if (tries < 3 && rng_.one_in(3)) disk().crash_at_step(rng_.between(1, 60));
      const auto started = shard_.start();
      if (std::getenv("FOREBAY_SEED") != nullptr) {
        for (const std::string& note : shard_.report_.notes) std::printf("recovery: %s\n", note.c_str());
      }
      if (started && open_all() && check_all()) return true;
      if (testing::Test::HasFailure()) return false;
      if (!dead()) {
        ADD_FAILURE() << "does not start: " << (started ? "-" : started.error().to_string());
        return false;
      }
      shard_.power_cut();
    }
    ADD_FAILURE() << "never came up";
    return false;
  }

  bool open_all() {
    for (ModelPartition& one : partitions_) {
      if (one.exists) {
        const auto unclaimed = shard_.set_->unclaimed();
        EXPECT_NE(std::find(unclaimed.begin(), unclaimed.end(), one.id), unclaimed.end())
            << one.id.to_string() << " was created and is gone";
      }
      if ((one.exists || one.doubtful) && !open(one)) return false;
    }
    return !dead();
  }

  bool open(ModelPartition& one) {
    if (shard_.set_->find(one.id) != nullptr) return true;
    auto [result, done] = ShardHarness::slot<std::monostate>();
    const bool was_there = one.exists;
    if (!was_there) one.doubtful = true;
    shard_.set_->open(one.id, "topic", one.config, Expected::kMayBeNew, std::move(done));
    const auto ready = shard_.wait(result);
    if (!ready) {
      EXPECT_TRUE(dead()) << "open is never answered";
      return false;
    }
    if (!*ready) {
      EXPECT_TRUE(dead() || faults_) << ready->error().to_string();
      return false;
    }
    one.exists = true;
    one.doubtful = false;
    return true;
  }

  // Reads everything, from the log start on.
  bool check(ModelPartition& one) {
    Partition* partition = shard_.set_->find(one.id);
    if (partition == nullptr) return !one.exists;
    std::int64_t start = partition->watermarks().log_start.value();
    EXPECT_GE(start, one.trimmed) << one.id.to_string();
    EXPECT_LE(start, one.trim_asked) << one.id.to_string();
    EXPECT_GE(partition->watermarks().high_watermark.value(), one.end_seen)
        << one.id.to_string() << ": the high watermark went back";
    std::int64_t want = start;
    Offset from(start);
    // Both ends move while it reads: what was produced and trimmed before is still under way.
    while (from < partition->watermarks().high_watermark) {
      const auto output = shard_.fetch(
          *partition, {.from = from, .bytes_max = static_cast<std::size_t>(rng_.between(100, 20'000))});
      if (output && !*output && output->error().code == ErrorCode::kOffsetOutOfRange &&
          from < partition->watermarks().log_start) {
        from = partition->watermarks().log_start;
        start = want = from.value();
        continue;
      }
      if (!output || !*output) {
        EXPECT_TRUE(dead()) << one.id.to_string() << " at " << from.value() << ": "
                            << (output ? output->error().to_string() : "never");
        return false;
      }
      for (const auto& frame : (*output)->frames) {
        EXPECT_TRUE(frame->header.partition == one.id);
        const auto view = model::RecordBatchView::parse(frame->payload.span());
        if (!view) {
          ADD_FAILURE() << view.error().to_string();
          return false;
        }
        std::vector<std::byte> scratch;
        EXPECT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
          if (record.offset < from) return;
          EXPECT_EQ(record.offset.value(), want) << one.id.to_string() << ": a hole or a repetition";
          ++want;
          on_record(one, record.offset.value(), std::string(as_text(*record.value)));
        }));
      }
      if ((*output)->next <= from) {
        ADD_FAILURE() << "a fetch does not move";
        return false;
      }
      from = (*output)->next;
    }
    const std::int64_t end = partition->watermarks().high_watermark.value();
    EXPECT_EQ(want, end) << one.id.to_string();
    for (const auto* promised : {&one.acked, &one.seen}) {
      const auto first = promised->lower_bound(start);
      if (first != promised->end()) {
        EXPECT_LT(promised->rbegin()->first, end)
            << one.id.to_string() << ": what was acknowledged or read is gone";
      }
    }
    one.end_seen = std::max(one.end_seen, end);
    return true;
  }

  void on_record(ModelPartition& one, std::int64_t offset, std::string value) {
    const auto sent = sent_.find(value);
    EXPECT_TRUE(sent != sent_.end() && sent->second == one.id) << "nobody sent this here";
    for (const auto* promised : {&one.acked, &one.seen}) {
      if (const auto at = promised->find(offset); at != promised->end()) {
        EXPECT_TRUE(at->second == value) << one.id.to_string() << " offset " << offset << " has changed";
      }
    }
    one.seen[offset] = std::move(value);
  }

  bool check_all() {
    for (ModelPartition& one : partitions_) {
      if (one.exists && !check(one)) return false;
    }
    return !testing::Test::HasFailure();
  }

  void live() {
    faults_ = false;
    const auto kind = rng_.below(10);
    if (std::getenv("FOREBAY_SEED") != nullptr) std::printf("life of kind %d\n", static_cast<int>(kind));
    if (kind < 5) disk().crash_at_step(rng_.between(1, 300));
    for (int step = 0; step < 60 && !dead() && !testing::Test::HasFailure(); ++step) {
      if (kind >= 8 && step == 20) break_something();
      random_step();
    }
    if (testing::Test::HasFailure()) return;
    if (kind == 7 && !dead()) {
      stop_clean();
      shard_.tear_down();
      shard_.machine_.kill_and_restart(sim::Landing::kKeep);
    } else if (kind == 6 && !dead()) {
      shard_.tear_down();
      shard_.machine_.kill_and_restart_with_late_writes();
      if (!come_up_with_late_writes()) return;
      shard_.power_cut();
    } else if (kind == 5 && !dead()) {
      shard_.tear_down();
      shard_.machine_.kill_and_restart(sim::Landing::kSeeded);
    } else {
      shard_.power_cut();
    }
    disk().clear_faults();
    faults_ = false;
  }

  bool come_up_with_late_writes() {
    const auto started = shard_.start();
    EXPECT_TRUE(started) << started.error().to_string();
    disk().land_late_writes();
    return started && open_all() && check_all();
  }

  // Writes fail, the disk is full, or it is slow; what is read stays sound.
  void break_something() {
    faults_ = true;
    sim::DiskFault fault;
    fault.op = rng_.one_in(3) ? sim::DiskOp::kSync : sim::DiskOp::kWrite;
    if (rng_.one_in(8)) fault.op = sim::DiskOp::kSyncDirectory;
    switch (rng_.below(4)) {
      case 0:
        fault.effect = sim::DiskEffect::kNoSpace;
        break;
      case 1:
        fault.effect = sim::DiskEffect::kStall;
        fault.stall = std::chrono::milliseconds(rng_.between(10, 3000));
        break;
      default:
        fault.failed_sync =
            rng_.one_in(2) ? sim::FailedSync::kNewBytesVisible : sim::FailedSync::kOldBytesBack;
        break;
    }
    if (rng_.one_in(2)) fault.path = sim::path_contains(rng_.one_in(2) ? "/journal/" : "/topics/");
    fault.skip = rng_.below(5);
    fault.times = rng_.between(1, 4);
    if (std::getenv("FOREBAY_SEED") != nullptr) {
      std::printf("fault: op %d effect %d times %d\n", static_cast<int>(fault.op),
                  static_cast<int>(fault.effect), static_cast<int>(fault.times));
    }
    disk().inject(fault);
  }

  void stop_clean() {
    auto [result, done] = ShardHarness::slot<std::monostate>();
    shard_.set_->stop([done = std::move(done)](Result<void> stopped) mutable {
      if (stopped) return done(std::monostate{});
      done(std::move(stopped).error());
    });
    EXPECT_TRUE(shard_.wait(result)) << "the stop is never answered";
  }

  void random_step() {
    ModelPartition& one = partitions_[rng_.below(partitions_.size())];
    Partition* partition = shard_.set_->find(one.id);
    if (partition == nullptr) {
      if (rng_.one_in(2)) static_cast<void>(open(one));
      return;
    }
    switch (rng_.below(24)) {
      case 0:
        if (log::Log* log = shard_.logs_->find(one.id)) log->roll();
        break;
      case 1:
        trim(one, *partition);
        break;
      case 2:
        if (rng_.one_in(4)) remove(one);
        break;
      case 3:
      case 4:
        shard_.machine_.scheduler().run_for(std::chrono::milliseconds(rng_.between(1, 100)));
        break;
      case 5:
        if (!faults_ && rng_.one_in(3)) static_cast<void>(check(one));
        break;
      case 6:
        if (rng_.one_in(3)) shard_.set_->maintain();
        break;
      default:
        for (std::uint64_t n = rng_.between(1, 8); n > 0; --n) produce(one, *partition);
        if (rng_.one_in(3))
          shard_.machine_.scheduler().run_for(std::chrono::microseconds(rng_.between(1, 3000)));
        break;
    }
  }

  void produce(ModelPartition& one, Partition& partition) {
    std::vector<std::string> values;
    for (std::uint64_t n = rng_.between(1, 4); n > 0; --n) {
      std::string value = std::to_string(next_value_++) + ":";
      value.append(
          static_cast<std::size_t>(rng_.one_in(15) ? rng_.between(2000, 9000) : rng_.between(1, 500)),
          static_cast<char>('a' + rng_.below(26)));
      sent_[value] = one.id;
      values.push_back(std::move(value));
    }
    const auto count = static_cast<std::int32_t>(values.size());
    std::string batch = batch_of(values);
    partition.produce(std::move(batch), count, Acks::kAll, 30s,
                      [&one, values = std::move(values)](Result<ProduceAck> ack) {
                        if (!ack) return;
                        std::int64_t offset = ack->base_offset.value();
                        for (const std::string& value : values) {
                          EXPECT_TRUE(one.acked.emplace(offset, value).second) << "an offset is given twice";
                          ++offset;
                        }
                      });
  }

  void trim(ModelPartition& one, Partition& partition) {
    const Watermarks marks = partition.watermarks();
    if (marks.high_watermark <= marks.log_start) return;
    const auto span = static_cast<std::uint64_t>(marks.high_watermark.value() - marks.log_start.value());
    const std::int64_t to = rng_.one_in(6)
                                ? marks.high_watermark.value()
                                : marks.log_start.value() + static_cast<std::int64_t>(rng_.below(span + 1));
    one.trim_asked = std::max(one.trim_asked, to);
    partition.trim(Offset(to), [&one](Result<Offset> trimmed) {
      if (trimmed) one.trimmed = std::max(one.trimmed, trimmed->value());
    });
  }

  // The records go; a later partition of the same name begins anew.
  void remove(ModelPartition& one) {
    one.exists = false;
    one.doubtful = true;
    auto [result, done] = ShardHarness::slot<std::monostate>();
    shard_.set_->remove(one.id, std::move(done));
    const auto removed = shard_.wait(result);
    if (!removed) {
      EXPECT_TRUE(dead()) << "remove is never answered";
    }
    if (!removed || !*removed) {
      // Perhaps it is there at the next start, perhaps not: nothing is promised about it any more.
      one.trimmed = one.end_seen = 0;
      one.acked.clear();
      one.seen.clear();
      return;
    }
    const auto id = one.id;
    const auto config = one.config;
    one = ModelPartition{};
    one.id = id;
    one.config = config;
  }

  sim::SimRng rng_;
  ShardHarness shard_;
  std::vector<ModelPartition> partitions_;
  std::map<std::string, model::TopicPartition> sent_;
  std::uint64_t next_value_ = 0;
  bool faults_ = false;
};

TEST(ShardSoak, KeepsItsPromisesThroughRandomLives) {
  std::uint64_t first = 1;
  std::uint64_t last = 25;
  if (const char* asked = std::getenv("FOREBAY_SEEDS")) last = std::strtoull(asked, nullptr, 10);
  if (const char* asked = std::getenv("FOREBAY_SEED")) first = last = std::strtoull(asked, nullptr, 10);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    ShardSoak(seed).run();
    if (testing::Test::HasFailure()) {
      FAIL() << "replay with FOREBAY_SEED=" << seed;
    }
  }
}

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
