// Compaction of real logs: files are replaced, readers and restarts see one set or the other.
#include <set>

#include "log_world.h"
#include "model/record_iterator.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

WorldOptions compacted_world(std::uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.shard.cache_bytes_max = 0;
  options.log.cleanup = CleanupPolicy::kCompact;
  options.log.min_cleanable_dirty_ratio = 0.1;
  options.log.segment_bytes = 32U << 10;
  options.log.delete_retention_ms = 10'000;
  return options;
}

// Keyed records and what must become of them.
class KeyedLog {
 public:
  KeyedLog(LogWorld& world, std::uint64_t keys) : world_(world), keys_(keys) {}

  void append(sim::SimRng& rng) {
    model::BatchBuilder builder;
    const Log& log = world_.log(0);
    const Timestamp time = std::max(world_.now(), log.max_append_time());
    const std::int64_t base = log.end().next_offset.value();
    for (std::uint64_t n = rng.between(1, 6); n > 0; --n) {
      const std::string key = "key" + std::to_string(rng.below(keys_));
      std::optional<std::string> value;
      if (!rng.one_in(10)) value = std::string(rng.between(1, 300), 'v') + std::to_string(rng.next());
      model::NewRecord record;
      record.key = as_bytes(key);
      if (value) record.value = as_bytes(*value);
      record.timestamp = time;
      appended_[base + builder.record_count()] = {key, value};
      ASSERT_TRUE(builder.append(record));
    }
    const model::Codec codec = rng.one_in(2) ? model::Codec::kNone : model::Codec::kLz4;
    world_.append_frame(0, make_frame_of(LogWorld::partition_id(0), log.end(), model::Term(1),
                                         builder.build(codec).value(), time));
  }

  // Every key's last value is there; nothing is invented, moved or out of order; coverage has no hole.
  void check() {
    if (!world_.settle()) return;  // the power went
    const Log& log = world_.log(0);
    const std::int64_t end = log.end().next_offset.value();
    appended_.erase(appended_.lower_bound(end), appended_.end());
    std::map<std::string, std::int64_t> last;
    for (const auto& [offset, record] : appended_) last[record.key] = offset;

    std::map<std::string, std::int64_t> found;
    std::int64_t previous = -1;
    records_read = 0;
    Offset at = log.log_start().next_offset;
    while (at.value() < end) {
      const auto result = world_.read(0, {at, Offset(end), 8U << 10});
      if (world_.disk().power_is_off()) return;
      ASSERT_TRUE(result) << result.error().to_string();
      ASSERT_GT(result->next, at);
      for (const FramePtr& frame : result->frames) {
        ASSERT_LE(frame->header.begin.next_offset, at) << "a hole in the coverage";
        at = frame->header.end.next_offset;
        const auto view = model::RecordBatchView::parse(frame->payload.span());
        ASSERT_TRUE(view);
        std::vector<std::byte> scratch;
        ASSERT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
          const std::int64_t offset = record.offset.value();
          EXPECT_GT(offset, previous);
          previous = offset;
          ++records_read;
          const Keyed& want = appended_.at(offset);
          EXPECT_EQ(want.key, as_text(*record.key));
          EXPECT_EQ(want.value.has_value(), record.value.has_value());
          if (want.value && record.value) {
            EXPECT_EQ(*want.value, as_text(*record.value));
          }
          found[want.key] = offset;
        }));
      }
      at = result->next;
    }
    const std::int64_t start = log.log_start().next_offset.value();
    for (const auto& [key, offset] : last) {
      if (offset < start || !appended_.at(offset).value) continue;
      ASSERT_TRUE(found.contains(key)) << key;
      ASSERT_EQ(found.at(key), offset) << key;
    }
  }

  std::uint64_t records_read = 0;

 private:
  struct Keyed {
    std::string key;
    std::optional<std::string> value;
  };
  LogWorld& world_;
  std::uint64_t keys_;
  std::map<std::int64_t, Keyed> appended_;
};

TEST(LogCompaction, ReplacesFilesAndKeepsLastValues) {
  LogWorld world(compacted_world());
  sim::SimRng rng(1);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 400; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  const std::uint64_t before = world.log(0).status().disk_bytes;
  const auto reclaimed = world.compact(0, world.now());
  ASSERT_TRUE(reclaimed) << reclaimed.error().to_string();
  EXPECT_GT(*reclaimed, before / 2);
  world.run_for(std::chrono::seconds(1));
  EXPECT_LT(world.log(0).status().disk_bytes, before / 4);
  EXPECT_EQ(world.segment_files(0).size(), world.log(0).status().segments.size()) << "the old files are gone";
  keyed.check();
  EXPECT_LT(keyed.records_read, 60U);

  EXPECT_EQ(world.compact(0, world.now()).value(), 0U) << "nothing is dirty";
  world.restart();
  keyed.check();
  for (int i = 0; i < 100; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.compact(0, world.now()));
  keyed.check();
}

TEST(LogCompaction, FramesForReplicasCoverTheirRangeWithoutAHole) {
  LogWorld world(compacted_world());
  sim::SimRng rng(2);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 300; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.compact(0, world.now()));
  const LogPosition end = world.log(0).end();
  std::set<LogPosition> begins;
  for (LogPosition at; at < end;) {
    const auto got = world.read_frames(0, {at, end, 8U << 10});
    ASSERT_TRUE(got) << at.to_string() << ": " << got.error().to_string();
    ASSERT_FALSE(got->empty());
    for (const FramePtr& frame : *got) {
      ASSERT_EQ(frame->header.begin, at);
      begins.insert(at);
      at = frame->header.end;
    }
  }
  ASSERT_LT(begins.size(), world.model(0).frames.size());
  int rests = 0;
  for (const FramePtr& frame : world.model(0).frames) {
    // Also for one that ends where no frame begins any more: the rest of what covers it, with the same end.
    const LogPosition from = frame->header.begin;
    const auto got = world.read_frames(0, {from, end});
    ASSERT_TRUE(got) << from.to_string() << ": " << got.error().to_string();
    ASSERT_FALSE(got->empty());
    const FrameHeader& first = got->front()->header;
    ASSERT_EQ(first.begin, from);
    ASSERT_TRUE(first.end == end || begins.contains(first.end));
    ASSERT_TRUE(check_frame_payload(first, got->front()->payload.span()));
    rests += begins.contains(from) ? 0 : 1;
  }
  EXPECT_GT(rests, 10);
}

// A write error makes a second file at the same place. Taken for a compacted one, its tombstone would go when
// its time is over while the value that it deletes stays: the key would come back to life.
TEST(LogCompaction, DeletedKeyStaysDeletedWhenItsSegmentWasWrittenTwice) {
  LogWorld world(compacted_world());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  const auto write = [&world](const std::string& key, const std::optional<std::string>& value) {
    model::BatchBuilder builder;
    model::NewRecord record;
    record.key = as_bytes(key);
    if (value) record.value = as_bytes(*value);
    record.timestamp = world.now();
    ASSERT_TRUE(builder.append(record));
    const Log& log = world.log(0);
    world.append_frame(0, make_frame_of(LogWorld::partition_id(0), log.end(), model::Term(1),
                                        builder.build(model::Codec::kNone).value(),
                                        std::max(world.now(), log.max_append_time())));
    ASSERT_TRUE(world.flush_all());
  };
  write("deleted", "v");
  ASSERT_TRUE(world.compact(0, world.now()));

  sim::DiskFault fault;
  fault.op = sim::DiskOp::kWrite;
  fault.path = sim::path_contains("/topics/");
  world.disk().inject(fault);
  write("deleted", std::nullopt);
  const auto files = world.segment_files(0);
  ASSERT_TRUE(std::any_of(files.begin(), files.end(),
                          [](const std::string& path) { return path.ends_with("-r1.log"); }));

  for (int pass = 0; pass < 3; ++pass) {
    write("other", "v" + std::to_string(pass));
    ASSERT_TRUE(world.compact(0, world.now()));
    world.run_for(std::chrono::milliseconds(world.options().log.delete_retention_ms + 1));
  }
  write("other", "v");
  ASSERT_TRUE(world.compact(0, world.now()));
  const auto left = world.read(0, {Offset(0), world.log(0).end().next_offset, 1U << 20});
  ASSERT_TRUE(left) << left.error().to_string();
  for (const FramePtr& frame : left->frames) {
    const auto view = model::RecordBatchView::parse(frame->payload.span());
    std::vector<std::byte> scratch;
    ASSERT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [](const model::RecordView& record) {
      EXPECT_EQ(as_text(*record.key), "other");
    }));
  }
}

TEST(LogCompaction, FailingDiskLeavesTheOldFiles) {
  LogWorld world(compacted_world());
  sim::SimRng rng(2);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 200; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));  // the indexes are written
  const auto files = world.segment_files(0);
  for (const auto effect : {sim::DiskEffect::kIoError, sim::DiskEffect::kNoSpace}) {
    for (const auto op :
         {sim::DiskOp::kWrite, sim::DiskOp::kCreate, sim::DiskOp::kSync, sim::DiskOp::kSyncDirectory}) {
      sim::DiskFault fault;
      fault.op = op;
      fault.effect = effect;
      fault.path = sim::path_contains("/topics/");
      world.disk().inject(fault);
      const auto result = world.compact(0, world.now());
      EXPECT_FALSE(result);
      world.disk().clear_faults();
      EXPECT_EQ(world.segment_files(0), files) << "the attempt left a file behind";
      keyed.check();
    }
  }
  EXPECT_TRUE(world.compact(0, world.now()));
  keyed.check();
}

TEST(LogCompaction, OldFilesGoOnlyWhenTheJournalHasTheReplacement) {
  LogWorld world(compacted_world());
  sim::SimRng rng(5);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 200; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));
  const auto files = world.segment_files(0);
  sim::DiskFault slow;
  slow.op = sim::DiskOp::kWrite;
  slow.effect = sim::DiskEffect::kStall;
  slow.path = sim::path_contains("/journal/");
  slow.stall = std::chrono::seconds(5);
  world.disk().inject(slow);
  bool done = false;
  world.log(0).compact(world.now(), {world.log(0).flushed(), {}},
                       [&done](const Result<std::uint64_t>& result) {
                         EXPECT_TRUE(result);
                         done = true;
                       });
  world.run_for(std::chrono::seconds(3));
  for (const std::string& path : files) EXPECT_TRUE(world.disk().content(path)) << path;
  EXPECT_GT(world.segment_files(0).size(), files.size()) << "the successor is written and waits";
  ASSERT_TRUE(world.run_until([&done] { return done; }));
  world.run_for(std::chrono::seconds(1));
  for (const std::string& path : files) EXPECT_FALSE(world.disk().content(path)) << path;
  keyed.check();
}

TEST(LogCompaction, DamagedSegmentIsNotReplaced) {
  LogWorld world(compacted_world());
  sim::SimRng rng(3);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 200; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  world.disk().flip_bit(world.segment_files(0).at(1), 8 * 1000);
  const auto result = world.compact(0, world.now());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
}

TEST(LogCompaction, EndsWhenTheLogIsRemoved) {
  LogWorld world(compacted_world());
  sim::SimRng rng(4);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  KeyedLog keyed(world, 20);
  for (int i = 0; i < 200; ++i) keyed.append(rng);
  ASSERT_TRUE(world.flush_all());
  std::optional<Result<std::uint64_t>> answer;
  world.log(0).compact(world.now(), {world.log(0).flushed(), {}},
                       [&](Result<std::uint64_t> result) { answer = std::move(result); });
  bool removed = false;
  world.model(0).log = nullptr;
  world.logs().remove(LogWorld::partition_id(0), [&](Result<void> result) { removed = result.has_value(); });
  ASSERT_TRUE(world.run_until([&] { return removed && answer; }));
  EXPECT_EQ(answer->error().code, ErrorCode::kCancelled);
  world.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(world.segment_files(0).empty());
}

TEST(LogCompactionRandom, SurvivesPowerCutsAtEveryStep) {
  for (std::uint64_t seed = 1; seed <= seeds(25); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    WorldOptions options = compacted_world(seed);
    options.log.segment_bytes = rng.between(8 << 10, 64 << 10);
    options.log.delete_retention_ms = static_cast<std::int64_t>(rng.below(2000));
    options.shard.cache_bytes_max = rng.one_in(2) ? 0 : 64 << 10;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    KeyedLog keyed(world, rng.between(3, 60));
    for (int life = 0; life < 6; ++life) {
      for (std::uint64_t n = rng.between(10, 120); n > 0; --n) keyed.append(rng);
      ASSERT_TRUE(world.settle());
      if (rng.one_in(2)) world.log(0).roll();
      world.run_for(std::chrono::milliseconds(rng.between(10, 500)));
      const bool cut = rng.one_in(2);
      if (cut) world.disk().crash_at_step(rng.between(1, 60));
      bool done = false;
      world.log(0).compact(world.now(), {world.log(0).flushed(), {}},
                           [&done](const Result<std::uint64_t>& result) {
                             done = true;
                             EXPECT_TRUE(result || result.error().code == ErrorCode::kCancelled ||
                                         result.error().code == ErrorCode::kStorageFailed)
                                 << result.error().to_string();
                           });
      // Appends and trims go on meanwhile.
      for (std::uint64_t n = rng.below(40); n > 0 && !world.disk().power_is_off(); --n) {
        keyed.append(rng);
        world.run_for(std::chrono::milliseconds(rng.below(20)));
      }
      if (rng.one_in(3) && !world.disk().power_is_off()) {
        const auto segments = world.log(0).status().segments;
        if (!segments.empty()) world.set_log_start(0, segments[rng.below(segments.size())].meta.begin);
      }
      static_cast<void>(world.run_until([&] { return done || world.disk().power_is_off(); }));
      if (!world.disk().power_is_off() && rng.one_in(2)) keyed.check();
      world.crash(sim::Landing::kSeeded);
      ASSERT_TRUE(world.start());
      keyed.check();
      if (::testing::Test::HasFailure()) return;
    }
    world.run_for(std::chrono::seconds(5));
    for (const std::string& path : world.disk().files()) {
      EXPECT_EQ(path.find("/quarantine/"), std::string::npos) << path;
    }
    EXPECT_LE(world.segment_files(0).size(), world.log(0).status().segments.size() + 1);
  }
}

}  // namespace
}  // namespace forebay::log::testing
