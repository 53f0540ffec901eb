// Random lives of a whole node (shards, partitions, logs, journal, recovery), mostly on tiny limits, and a
// disk that does everything a disk may do: power cuts at any step, also of a recovery; a dead process's late
// writes; failed writes of journal and segments; rot of segments, live and at rest. Meanwhile partitions are
// compacted, trimmed, kept by size, removed and made again, and every start may have another number of
// shards. The promises are those of log_model.h; and after every restart each partition can be written again.
//
// FOREBAY_SEED=N replays one world, FOREBAY_SEEDS=N tries the first N, FOREBAY_FIRST_SEED=N begins there.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "log/log_reads.h"
#include "log_model.h"
#include "model/record_iterator.h"
#include "node_faults.h"
#include "node_harness.h"
#include "sim/seed_range.h"
#include "sim/sim_rng.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;

bool verbose() { return std::getenv("FOREBAY_SEED") != nullptr; }

// What the worlds came to: a soak that never gets somewhere proves nothing of that place.
struct Reached {
  std::uint64_t compacted_segments = 0;
  std::uint64_t tombstones_gone = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t rings_gone_round = 0;
  std::uint64_t rounds = 0;
  std::uint64_t rounds_gathered = 0;
  std::uint64_t journal_write_errors = 0;
  std::uint64_t retried_segments = 0;
  std::uint64_t data_losses = 0;
  std::uint64_t copies_in_quarantine = 0;
  std::uint64_t removed = 0;
  std::uint64_t made_again = 0;
  std::uint64_t shard_counts_changed = 0;
  std::uint64_t crashed_recoveries = 0;
  std::uint64_t late_writes = 0;
  std::uint64_t trims = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t scrubbed = 0;
  std::uint64_t refused_for_memory = 0;
  std::uint64_t rotten_journals = 0;
  std::uint64_t refused_starts = 0;
};

class NodeSoak {
 public:
  NodeSoak(std::uint64_t seed, Reached& reached)
      : rng_(seed * 15'485'863 + 29),
        node_(seed, seed % 3 == 0 ? sim::Engine::kPageCache : sim::Engine::kDirect),
        reached_(reached) {
    log::ShardLogsConfig& config = node_.config_;
    // One world in three has room, so that more is under way at a time.
    const std::uint64_t room = rng_.one_in(3) ? 8 : 1;
    config.journal.file_bytes = (rng_.one_in(2) ? 64U << 10 : 128U << 10) * room;
    config.journal.files_max = static_cast<std::uint32_t>(rng_.between(4, 5));
    config.journal.round_bytes_max =
        static_cast<std::uint32_t>(rng_.between(4, 16) * std::min<std::uint64_t>(room, 4)) << 10;
    config.journal.round_partition_bytes =
        static_cast<std::uint32_t>(rng_.between(1, 8) * std::min<std::uint64_t>(room, 2)) << 10;
    config.journal.frame_bytes_max = room == 1 ? 16U << 10 : 64U << 10;
    config.cache_bytes_max = rng_.one_in(2) ? 0 : rng_.between(4096, 64 << 10) * room;
    config.segment_write_bytes =
        static_cast<std::uint32_t>(rng_.between(1024, 16 << 10) * std::min<std::uint64_t>(room, 2));
    config.segment_writes_in_flight_max = static_cast<std::uint32_t>(rng_.between(1, 4));
    config.read_bytes_in_flight_max = rng_.between(64 << 10, 1 << 20);
    config.scrub_bytes_per_second = rng_.one_in(2) ? 0 : 8 << 20;
    config.scrub_pause = 50ms;
    if (rng_.one_in(3)) config.pinned_bytes_max = rng_.between(12 << 10, 64 << 10) * room;
    const auto count = rng_.between(1, 5);
    for (std::uint64_t i = 0; i < count; ++i) {
      ModelPartition one;
      one.id = topic_partition(static_cast<std::uint8_t>(1 + i / 2), static_cast<std::int32_t>(i % 2));
      log::LogConfig& log = one.config.log;
      log.segment_bytes = rng_.between(4 << 10, 24 << 10) * std::min<std::uint64_t>(room, 4);
      log.index_interval_bytes = static_cast<std::uint32_t>(rng_.between(512, 8 << 10));
      if (!rng_.one_in(3)) {
        log.cleanup = rng_.one_in(4) ? log::CleanupPolicy::kCompactAndDelete : log::CleanupPolicy::kCompact;
        log.min_cleanable_dirty_ratio = 0.1;
        log.delete_retention_ms =
            rng_.one_in(3) ? 24LL * 3600 * 1000 : static_cast<std::int64_t>(rng_.below(100));
        if (rng_.one_in(4)) log.min_compaction_lag_ms = static_cast<std::int64_t>(rng_.below(50));
      }
      if (rng_.one_in(4)) log.retention_bytes = rng_.between(8 << 10, 64 << 10);
      partitions_.push_back(std::move(one));
    }
    keys_ = rng_.between(2, 20);
    value_bytes_max_ = room == 1 ? 4000 : 12'000;
    // In every other world records come while rounds are being written.
    if (seed % 2 == 0) pause_max_us_ = 150;
  }

  void run() {
    for (int life = 0; life < 5 && !failed(); ++life) {
      if (!come_up()) return;
      live();
    }
    if (!failed() && come_up() && !failed()) live_quietly();
    if (!failed() && rng_.one_in(2)) start_with_a_rotten_journal();
  }

 private:
  static bool failed() { return testing::Test::HasFailure(); }
  sim::SimDisk& disk() { return node_.machine_.disk(); }
  bool dead() { return disk().power_is_off(); }

  // Starts until it comes up, the power failing now and then on the way; then everything is checked.
  bool come_up() {
    for (int tries = 0; tries < 10; ++tries) {
      const auto count = static_cast<std::uint32_t>(rng_.one_in(4) ? rng_.between(1, 3) : shard_count_);
      if (count != shard_count_) ++reached_.shard_counts_changed;
      shard_count_ = count;
      if (tries < 5 && rng_.one_in(3)) disk().crash_at_step(rng_.between(1, 150));
      const bool faulty = tries < 5 && rng_.one_in(6);
      if (faulty) inject(fault_of_a_start(rng_));
      const auto started = node_.start(shard_count_);
      disk().clear_faults();
      if (verbose()) {
        std::printf("start with %u shards: %s\n", shard_count_,
                    started ? "ok" : started.error().to_string().c_str());
        for (const std::string& note : node_.report_.notes) std::printf("recovery: %s\n", note.c_str());
      }
      if (started && late_writes_) reached_.late_writes += disk().land_late_writes();
      late_writes_ = false;
      if (started && open_all() && check_all(true) && write_all()) return true;
      if (failed()) return false;
      if (faulty && !started && !dead()) {
        ++reached_.refused_starts;
        node_.tear_down();
        node_.machine_.kill_and_restart(sim::Landing::kKeep);
        continue;
      }
      if (!dead()) {
        ADD_FAILURE() << "does not start: " << (started ? "-" : started.error().to_string());
        return false;
      }
      if (!started) ++reached_.crashed_recoveries;
      node_.tear_down();
      node_.machine_.reboot(sim::Landing::kSeeded);
    }
    ADD_FAILURE() << "never came up";
    return false;
  }

  // One round that has a successor rots, whatever is in it: what it held is answered with DATA_LOSS, or the
  // log's end says that it is not certain; nothing is missing in silence.
  void start_with_a_rotten_journal() {
    for (int step = 0; step < 30; ++step) random_step();
    count_what_was_reached();
    node_.tear_down();
    node_.machine_.reboot(sim::Landing::kSeeded);
    const auto rotten = node_.rot_a_round(rng_);
    if (!rotten) return;
    if (verbose()) std::printf("rot in %s\n", rotten->c_str());
    ++reached_.rotten_journals;
    for (ModelPartition& one : partitions_) one.hurt = true;
    static_cast<void>(come_up());
  }

  [[nodiscard]] bool end_is_lost(const ModelPartition& one) {
    const auto damage = node_.logs_of(one.id).find(one.id)->status().damage;
    return std::any_of(damage.begin(), damage.end(),
                       [](const log::Damage& range) { return range.kind == log::DamageKind::kTail; });
  }

  bool open_all() {
    for (ModelPartition& one : partitions_) {
      EXPECT_TRUE(!one.exists || node_.knows(one.id)) << one.id.to_string() << " was created and is gone";
      if ((one.exists || one.doubtful) && !open(one)) return false;
    }
    return !dead() && !failed();
  }

  bool open(ModelPartition& one) {
    if (node_.set_of(one.id).find(one.id) != nullptr) return true;
    auto [result, done] = ShardHarness::slot<std::monostate>();
    if (std::exchange(one.going, false) && !node_.knows(one.id)) one.begin_new_life();
    const bool again = !one.exists && one.life > 0;
    if (!one.exists) one.doubtful = true;
    node_.set_of(one.id).open(one.id, "topic", one.config,
                              one.exists ? Expected::kThere : Expected::kMayBeNew, std::move(done));
    const auto ready = node_.wait(result);
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
    if (again) ++reached_.made_again;
    return true;
  }

  // After a restart nothing but the disk's damage may keep a partition from being written.
  bool write_all() {
    for (ModelPartition& one : partitions_) {
      if (!one.exists || end_is_lost(one)) continue;
      Partition* partition = node_.set_of(one.id).find(one.id);
      const auto numbers = some_records(one, 1);
      std::optional<Result<ProduceAck>> ack;
      for (int tries = 0; tries < 100 && !dead(); ++tries) {
        auto [result, done] = ShardHarness::slot<ProduceAck>();
        partition->produce(batch_of_sent(sent_, numbers), 1, Acks::kAll, 30s, std::move(done));
        ack = node_.wait(result);
        if (!ack || *ack || ack->error().code != ErrorCode::kResourceExhausted) break;
        node_.machine_.scheduler().run_for(50ms);
      }
      if (!ack || dead()) return false;
      EXPECT_TRUE(*ack) << one.id.to_string() << " cannot be written: " << ack->error().to_string();
      if (failed()) return false;
      one.content.emplace((*ack)->base_offset.value(), numbers[0]);
    }
    return true;
  }

  // Reads everything, from the log start on.
  bool check(ModelPartition& one, bool quiet) {
    Partition* partition = node_.set_of(one.id).find(one.id);
    if (partition == nullptr) return !one.exists;
    const Watermarks first = partition->watermarks();
    EXPECT_GE(first.log_start.value(), std::max(one.trimmed, one.start_seen)) << one.id.to_string();
    if (!one.retention()) {
      EXPECT_LE(first.log_start.value(), one.trim_asked) << one.id.to_string();
    }
    if (end_is_lost(one)) {
      EXPECT_TRUE(one.hurt);
      one.forget_from(first.high_watermark.value());
    }
    EXPECT_GE(first.high_watermark.value(), one.end_seen) << one.id.to_string() << ": the end went back";
    ReadPass pass;
    pass.start = first.log_start.value();
    Offset from = first.log_start;
    while (from < partition->watermarks().high_watermark && !failed()) {
      auto [result, done] = ShardHarness::slot<FetchOutput>();
      partition->fetch({.from = from, .bytes_max = static_cast<std::size_t>(rng_.between(100, 20'000))},
                       std::move(done));
      const auto output = node_.wait(result);
      if (!output || dead()) {
        EXPECT_TRUE(dead()) << one.id.to_string() << ": a fetch is never answered";
        return false;
      }
      if (!*output) {
        const Error& error = output->error();
        if (const auto good = log::next_good_offset(error)) {
          EXPECT_GT(*good, from);
          pass.lost.emplace_back(from.value(), good->value());
          ++reached_.data_losses;
          from = *good;
          continue;
        }
        if (error.code == ErrorCode::kOffsetOutOfRange && from < partition->watermarks().log_start) {
          from = partition->watermarks().log_start;
          pass.start = from.value();
          continue;
        }
        ADD_FAILURE() << one.id.to_string() << " at " << from.value() << ": " << error.to_string();
        if (verbose()) explain(one);
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
          if (record.offset >= from) one.on_record(sent_, record, pass);
        }));
      }
      if ((*output)->next <= from) {
        ADD_FAILURE() << one.id.to_string() << ": a fetch does not move";
        return false;
      }
      from = (*output)->next;
    }
    // What was trimmed while we read is no hole.
    pass.start = std::max(pass.start, partition->watermarks().log_start.value());
    pass.end = from.value();
    one.start_seen = pass.start;
    one.end_seen = std::max(one.end_seen, pass.end);
    one.judge(sent_, pass, quiet);
    if (failed() && verbose()) explain(one);
    count_tombstones(one, pass);
    return !failed();
  }

  void explain(const ModelPartition& one) {
    for (const std::string& path : disk().files()) std::printf("file %s\n", path.c_str());
    const log::LogStatus status = node_.logs_of(one.id).find(one.id)->status();
    for (const log::SegmentStatus& segment : status.segments) {
      std::printf("segment %s to %s\n", log::segment_file_name(segment.meta).c_str(),
                  segment.meta.end.to_string().c_str());
    }
    for (const log::Damage& damage : status.damage) {
      std::printf("damage from %s to %s\n", damage.begin.to_string().c_str(), damage.end.to_string().c_str());
    }
  }

  void count_tombstones(const ModelPartition& one, const ReadPass& pass) {
    if (!one.compacted()) return;
    for (auto at = one.content.lower_bound(pass.start); at != one.content.end() && at->first < pass.end;
         ++at) {
      const SentRecord& record = sent_.at(at->second);
      if (record.key && !record.value && !pass.found.contains(at->first)) ++reached_.tombstones_gone;
    }
  }

  bool check_all(bool quiet) {
    for (ModelPartition& one : partitions_) {
      if (one.exists && !check(one, quiet)) return false;
    }
    return !failed();
  }

  void live() {
    faults_ = false;
    const auto kind = rng_.below(12);
    if (verbose()) std::printf("life of kind %d\n", static_cast<int>(kind));
    if (kind < 6) disk().crash_at_step(rng_.between(1, 600));
    for (int step = 0; step < 80 && !dead() && !failed(); ++step) {
      if (kind >= 8 && step % 20 == 10) {
        faults_ = true;
        inject(fault_of_a_life(rng_));
      }
      random_step();
    }
    if (failed()) return;
    count_what_was_reached();
    if (kind == 7 && !dead() && node_.stop_clean()) ++reached_.clean_stops;
    node_.tear_down();
    const bool only_the_process_dies = kind >= 6 && kind <= 9 && !dead();
    if (!only_the_process_dies) {
      node_.machine_.reboot(sim::Landing::kSeeded);
    } else if (kind == 6) {
      node_.machine_.kill_and_restart_with_late_writes();
      late_writes_ = true;
    } else {
      node_.machine_.kill_and_restart(kind == 7 ? sim::Landing::kKeep : sim::Landing::kSeeded);
    }
    disk().clear_faults();
    faults_ = false;
    if (rng_.one_in(6)) rot();
  }

  // Everything is written, compacted as far as it goes and read once more.
  void live_quietly() {
    for (int round = 0; round < 3 && !failed(); ++round) {
      for (ModelPartition& one : partitions_) {
        if (log::Log* log = node_.logs_of(one.id).find(one.id)) log->roll();
      }
      node_.machine_.scheduler().run_for(300ms);
      for (auto& shard : node_.shards_) shard.set->maintain();
      node_.machine_.scheduler().run_for(2s);
      if (!check_all(true)) return;
    }
    count_what_was_reached();
  }

  void count_what_was_reached() {
    for (auto& shard : node_.shards_) {
      const log::ShardLogsStats stats = shard.logs->stats();
      reached_.checkpoints += stats.journal.checkpoints;
      reached_.rounds += stats.journal.rounds;
      reached_.rounds_gathered += stats.journal.rounds_gathered;
      reached_.journal_write_errors += stats.journal.write_errors;
      reached_.scrubbed += stats.scrubbed_bytes;
      if (stats.journal.bytes > node_.config_.journal.file_bytes * node_.config_.journal.files_max) {
        ++reached_.rings_gone_round;
      }
    }
    if (dead()) return;
    for (const std::string& path : disk().files()) {
      if (path.starts_with(kDataDir + "/quarantine/")) ++reached_.copies_in_quarantine;
      if (!path.starts_with(kDataDir + "/topics/") || !path.ends_with(".log")) continue;
      if (path.find("-g") != std::string::npos) ++reached_.compacted_segments;
      if (path.find("-r") != std::string::npos) ++reached_.retried_segments;
    }
  }

  void inject(const sim::DiskFault& fault) {
    if (verbose()) {
      std::printf("fault: op %d effect %d times %d\n", static_cast<int>(fault.op),
                  static_cast<int>(fault.effect), static_cast<int>(fault.times));
    }
    disk().inject(fault);
  }

  // A bit of a segment turns over.
  void rot() {
    ModelPartition& one = partitions_[rng_.below(partitions_.size())];
    const std::string folder = kDataDir + "/topics/" + one.id.topic.to_string() + "/" +
                               std::to_string(one.id.partition.value()) + "/";
    std::vector<std::string> paths;
    for (const std::string& path : disk().files()) {
      if (path.starts_with(folder) && !disk().content(path)->empty()) paths.push_back(path);
    }
    if (paths.empty()) return;
    const std::string& path = paths[rng_.below(paths.size())];
    const std::uint64_t bytes = disk().content(path)->size();
    if (verbose()) std::printf("rot in %s\n", path.c_str());
    one.hurt = true;
    disk().flip_bit(path, rng_.below(std::min<std::uint64_t>(bytes, 6000) * 8));
  }

  void random_step() {
    ModelPartition& one = partitions_[rng_.below(partitions_.size())];
    Partition* partition = node_.set_of(one.id).find(one.id);
    if (partition == nullptr) {
      if (rng_.one_in(2)) static_cast<void>(open(one));
      return;
    }
    switch (rng_.below(28)) {
      case 0:
      case 1:
        if (log::Log* log = node_.logs_of(one.id).find(one.id)) log->roll();
        break;
      case 2:
        if (rng_.one_in(3)) trim(one, *partition);
        break;
      case 3:
        if (rng_.one_in(12)) remove(one);
        break;
      case 4:
      case 5:
        node_.machine_.scheduler().run_for(std::chrono::milliseconds(rng_.between(1, 100)));
        break;
      case 6:
        if (!faults_ && rng_.one_in(3)) static_cast<void>(check(one, false));
        break;
      case 7:
      case 8:
      case 9:
        for (auto& shard : node_.shards_) shard.set->maintain();
        break;
      case 10:
        if (rng_.one_in(40)) rot();
        break;
      default:
        for (std::uint64_t n = rng_.between(1, 8); n > 0; --n) produce(one, *partition);
        if (rng_.one_in(2))
          node_.machine_.scheduler().run_for(std::chrono::microseconds(rng_.between(1, pause_max_us_)));
        break;
    }
  }

  std::vector<std::uint64_t> some_records(const ModelPartition& one, std::uint64_t count) {
    std::vector<std::uint64_t> numbers;
    for (; count > 0; --count) {
      SentRecord record{one.id, one.life, std::nullopt, std::nullopt};
      if (!rng_.one_in(one.compacted() ? 20 : 2)) record.key = "key" + std::to_string(rng_.below(keys_));
      if (!record.key || !rng_.one_in(6)) {
        record.value =
            std::string(rng_.one_in(15) ? rng_.between(1000, value_bytes_max_) : rng_.between(1, 300),
                        static_cast<char>('a' + rng_.below(26)));
      }
      numbers.push_back(sent_.add(std::move(record)));
    }
    return numbers;
  }

  void produce(ModelPartition& one, Partition& partition) {
    auto numbers = some_records(one, rng_.between(1, 4));
    const auto count = static_cast<std::int32_t>(numbers.size());
    std::string batch = batch_of_sent(sent_, numbers);
    partition.produce(std::move(batch), count, Acks::kAll, 30s,
                      [&one, this, life = one.life, numbers = std::move(numbers)](Result<ProduceAck> ack) {
                        if (!ack) {
                          if (ack.error().code == ErrorCode::kResourceExhausted)
                            ++reached_.refused_for_memory;
                          return;
                        }
                        EXPECT_EQ(life, one.life) << "an acknowledgement from before the removal";
                        std::int64_t offset = ack->base_offset.value();
                        for (const std::uint64_t number : numbers) {
                          const auto [at, fresh] = one.content.emplace(offset++, number);
                          EXPECT_TRUE(fresh || at->second == number) << "an offset is given twice";
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
    partition.trim(Offset(to), [&one, this, life = one.life](Result<Offset> trimmed) {
      if (!trimmed || life != one.life) return;
      ++reached_.trims;
      one.trimmed = std::max(one.trimmed, trimmed->value());
    });
  }

  // The records go; a later partition of the same name begins anew.
  void remove(ModelPartition& one) {
    auto [result, done] = ShardHarness::slot<std::monostate>();
    one.exists = false;
    one.doubtful = true;
    node_.set_of(one.id).remove(one.id, std::move(done));
    const auto removed = node_.wait(result);
    EXPECT_TRUE(removed || dead()) << "remove is never answered";
    if (removed && *removed) {
      one.begin_new_life();
      ++reached_.removed;
      return;
    }
    // Perhaps it is there at the next start, perhaps not: nothing is promised about it any more.
    const bool hurt = one.hurt;
    const std::uint32_t life = one.life;
    const model::TopicPartition id = one.id;
    one.begin_new_life();
    one.hurt = hurt;
    one.life = life;
    one.id = id;
    one.doubtful = one.going = true;
    one.trim_asked = std::numeric_limits<std::int64_t>::max();
  }

  sim::SimRng rng_;
  NodeHarness node_;
  Reached& reached_;
  SentRecords sent_;
  std::vector<ModelPartition> partitions_;
  std::uint64_t keys_ = 1;
  std::uint64_t value_bytes_max_ = 1;
  std::uint64_t pause_max_us_ = 3000;
  std::uint32_t shard_count_ = 1;
  bool faults_ = false;
  bool late_writes_ = false;
};

// So many come to every place that is counted. Under address sanitizer they would take minutes.
constexpr std::uint64_t kWorlds = 80;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kWorldsInATest = 10;
#else
constexpr std::uint64_t kWorldsInATest = kWorlds;
#endif

TEST(NodeSoak, KeepsItsPromisesOnTinyLimitsAndABadDisk) {
  const sim::SeedRange seeds(kWorldsInATest);
  // Every file that is read or written takes buffers of a mebibyte: without this each would be given back to
  // the system and cleared again, which takes ten times as long as all the rest.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  Reached reached;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    SCOPED_TRACE(seed);
    NodeSoak(seed, reached).run();
    if (testing::Test::HasFailure()) FAIL() << "replay with FOREBAY_SEED=" << seed;
  }
  const std::pair<const char*, std::uint64_t> places[] = {
      {"compacted segments", reached.compacted_segments},
      {"tombstones gone", reached.tombstones_gone},
      {"checkpoints", reached.checkpoints},
      {"rings gone round", reached.rings_gone_round},
      {"rounds", reached.rounds},
      {"rounds gathered", reached.rounds_gathered},
      {"journal write errors", reached.journal_write_errors},
      {"segments written again", reached.retried_segments},
      {"answers of data loss", reached.data_losses},
      {"copies in quarantine", reached.copies_in_quarantine},
      {"removals", reached.removed},
      {"partitions made again", reached.made_again},
      {"changes of the shard count", reached.shard_counts_changed},
      {"crashes of a recovery", reached.crashed_recoveries},
      {"late writes", reached.late_writes},
      {"trims", reached.trims},
      {"clean stops", reached.clean_stops},
      {"bytes scrubbed", reached.scrubbed},
      {"appends refused for memory", reached.refused_for_memory},
      {"rotten journals", reached.rotten_journals},
      {"starts refused for a failing disk", reached.refused_starts},
  };
  sim::expect_reached(seeds, kWorlds, places);
}

}  // namespace
}  // namespace forebay::partition
