// What a bad disk does to segments: never wrong bytes, never a lost acknowledgement, never a crash.
#include <map>
#include <set>

#include "log/log_reads.h"
#include "log/quarantine.h"
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

WorldOptions disk_only(std::uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.shard.cache_bytes_max = 0;
  return options;
}

sim::DiskFault fault(sim::DiskOp op, sim::DiskEffect effect, std::string path) {
  sim::DiskFault out;
  out.op = op;
  out.effect = effect;
  out.path = sim::path_contains(std::move(path));
  return out;
}

void fill(LogWorld& world, int frames, std::size_t value_bytes = 700) {
  for (int i = 0; i < frames; ++i) {
    world.append(0, {.records = 2, .value_bytes = value_bytes});
    if (i % 8 == 0) {
      ASSERT_TRUE(world.settle());
    }
  }
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));
}

sim::DiskFault lasting(sim::DiskFault fault) {
  fault.times = sim::DiskFault::kForever;
  return fault;
}

// Every frame is there and read, now and after the power went.
void expect_nothing_lost(LogWorld& world, sim::Landing landing = sim::Landing::kSeeded) {
  EXPECT_FALSE(world.model(0).failed) << world.model(0).failed->to_string();
  world.check_reads(0);
  EXPECT_TRUE(world.log(0).status().damage.empty());
  world.restart(landing);
  world.check_reads(0);
  EXPECT_TRUE(world.log(0).status().damage.empty());
}

// A disk that refuses segments fails the log; what the journal has is read all the same, and after the power
// went the log goes on.
void expect_log_fails_and_loses_nothing(LogWorld& world, sim::Landing landing) {
  for (int i = 0; i < 20; ++i) world.append(0, {.records = 2, .value_bytes = 1000});
  ASSERT_TRUE(world.settle()) << "the journal still works";
  world.log(0).roll();
  ASSERT_TRUE(world.run_until([&] { return world.model(0).failed.has_value(); }));
  EXPECT_EQ(world.model(0).failed->code, ErrorCode::kStorageFailed);
  world.run_for(std::chrono::minutes(1));
  world.check_reads(0);
  world.disk().clear_faults();
  world.restart(landing);
  world.check_reads(0);
}

struct ReadBack {
  std::set<std::int64_t> frames;  // first offsets of those read
  std::vector<std::pair<std::int64_t, std::int64_t>> damaged;
};

// Reads everything, going on behind damage as the answer says. Every frame must be the one that was appended.
ReadBack read_around_damage(LogWorld& world, std::size_t bytes_max = 6000) {
  ReadBack out;
  const LogModel& model = world.model(0);
  std::map<LogPosition, FramePtr> by_begin;
  for (const FramePtr& frame : model.frames) by_begin[frame->header.begin] = frame;
  const Offset end = model.log->end().next_offset;
  Offset at = model.log->log_start().next_offset;
  while (at < end) {
    const auto result = world.read(0, {at, end, bytes_max});
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::kDataLoss) << result.error().to_string();
      const auto good = next_good_offset(result.error());
      EXPECT_TRUE(good && *good > at) << result.error().to_string();
      if (!good || *good <= at) return out;
      out.damaged.emplace_back(at.value(), good->value());
      at = *good;
      continue;
    }
    for (const FramePtr& frame : result->frames) {
      const auto want = by_begin.find(frame->header.begin);
      EXPECT_TRUE(want != by_begin.end() && same_bytes(*frame, *want->second)) << "wrong bytes were served";
      out.frames.insert(frame->header.begin.next_offset.value());
    }
    EXPECT_GT(result->next, at);
    if (result->next <= at) return out;
    at = result->next;
  }
  return out;
}

TEST(SegmentFaults, FlippedBitsAreAnsweredWithDataLossAndNothingElse) {
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    LogWorld world(disk_only(seed));
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill(world, 30);
    const std::size_t all = world.model(0).frames.size();
    const auto files = world.segment_files(0);
    const std::string path = files[rng.below(files.size())];
    world.disk().flip_bit(path, rng.below(world.disk().content(path)->size() * 8));
    if (rng.one_in(2)) world.disk().remove(path.substr(0, path.size() - 4) + ".idx");
    const ReadBack back = read_around_damage(world, rng.between(100, 20'000));
    ASSERT_GE(back.frames.size() + 1, all) << "one flipped bit hurts one frame";
    const bool lost = back.frames.size() < all;
    EXPECT_EQ(back.damaged.size(), lost ? 1U : 0U);
    const LogStatus status = world.log(0).status();
    EXPECT_EQ(status.damage.size(), lost ? 1U : 0U);
    if (lost) {
      EXPECT_EQ(status.scrub_errors, 1U);
    }
    world.run_for(std::chrono::seconds(1));
    // The damage is remembered, and the file is kept for whoever wants to look; or the journal still had the
    // frame.
    world.crash(sim::Landing::kSeeded);
    ASSERT_TRUE(world.start());
    const ReadBack again = read_around_damage(world);
    EXPECT_EQ(again.damaged.size(), world.log(0).status().damage.size());
    if (!again.damaged.empty()) {
      EXPECT_EQ(again.frames, back.frames);
    } else {
      EXPECT_EQ(again.frames.size(), all);
    }
    if (status.scrub_errors > 0) {
      const auto kept = world.disk().files();
      EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [](const std::string& name) {
        return name.find("/quarantine/") != std::string::npos;
      }));
    }
    // Life goes on.
    world.append(0, {.records = 1});
    ASSERT_TRUE(world.settle());
  }
}

TEST(SegmentFaults, CopyInQuarantineIsWholeOrIsMadeAgain) {
  for (const sim::DiskOp op :
       {sim::DiskOp::kWrite, sim::DiskOp::kSync, sim::DiskOp::kCreate, sim::DiskOp::kRename}) {
    SCOPED_TRACE(static_cast<int>(op));
    LogWorld world(disk_only());
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    fill(world, 20);
    const std::string path = world.segment_files(0).at(0);
    const std::vector<std::byte> content = *world.disk().content(path);
    const auto copy = [&] {
      return quarantine_copy(world.machine().file_system(), "/data", world.partition_id(0), path);
    };
    const auto copies = [&] {
      std::vector<std::string> found = world.disk().files();
      std::erase_if(found,
                    [](const std::string& name) { return name.find("/quarantine/") == std::string::npos; });
      return found;
    };
    world.disk().inject(fault(op, sim::DiskEffect::kIoError, "/quarantine/"));
    EXPECT_FALSE(copy());
    world.disk().clear_faults();
    ASSERT_TRUE(copy());
    ASSERT_EQ(copies().size(), 1U);
    EXPECT_EQ(world.disk().durable_content(copies()[0]), content);
  }
}

TEST(SegmentFaults, MissingDamagedOrForeignIndexIsMadeAgain) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const auto files = world.segment_files(0);
  ASSERT_GT(files.size(), 3U);
  const auto index_of = [](const std::string& path) { return path.substr(0, path.size() - 4) + ".idx"; };
  for (const std::string& path : files)
    ASSERT_TRUE(world.disk().content(index_of(path))) << "no index was written";
  const std::vector<std::byte> good = *world.disk().content(index_of(files[3]));
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  world.disk().remove(index_of(files[0]));
  world.disk().flip_bit(index_of(files[1]), 8 * 140);
  world.disk().replace_file(index_of(files[2]), good);
  world.disk().truncate_file(index_of(files[3]), 50);
  ASSERT_TRUE(world.start());
  // From the beginning of a segment on nobody needs its index.
  world.check_reads(0);
  world.run_for(std::chrono::seconds(1));
  EXPECT_FALSE(world.disk().content(index_of(files[0])));
  const Offset end = world.log(0).end().next_offset;
  for (const SegmentStatus& segment : world.log(0).status().segments) {
    const Offset inside(segment.meta.begin.next_offset.value() + 2);
    const auto result = world.read(0, {inside, end, 1});
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_EQ(result->frames.front()->header.begin.next_offset, inside);
  }
  world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(world.disk().content(index_of(files[0])));
  EXPECT_EQ(world.disk().content(index_of(files[3])), good);
  EXPECT_TRUE(world.log(0).status().damage.empty());
}

// The index is made again from what can be read: it must not lead a reader past what cannot, neither now nor
// when the damage has been forgotten with the last round.
TEST(SegmentFaults, RotAtTheHeadIsNotSkippedWhenTheIndexIsMadeAgain) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const SegmentMeta hurt = world.log(0).status().segments.at(1).meta;
  const std::string path = world.segment_files(0).at(1);
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  world.disk().flip_bit(path, 8 * 300);
  world.disk().remove(path.substr(0, path.size() - 4) + ".idx");
  for (int start = 0; start < 3; ++start) {
    SCOPED_TRACE(start);
    ASSERT_TRUE(world.start());
    const auto read = world.read(0, {hurt.begin.next_offset, world.log(0).end().next_offset, 6000});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss) << read.error().to_string();
    ReadBack back = read_around_damage(world);
    EXPECT_EQ(back.damaged.size(), 1U);
    world.crash(sim::Landing::kDrop);  // the record of the damage is lost with it
  }
}

TEST(SegmentFaults, SegmentThatCannotBeReadDoesNotCountAsOld) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const std::string path = world.segment_files(0).front();
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  world.disk().truncate_file(path, 0);
  world.disk().remove(path.substr(0, path.size() - 4) + ".idx");
  ASSERT_TRUE(world.start());
  EXPECT_FALSE(world.plan_retention(0, world.now()));
}

TEST(SegmentFaults, MissingSegmentIsDamageOfItsRangeOnly) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const auto files = world.segment_files(0);
  const SegmentMeta lost = world.log(0).status().segments.at(1).meta;
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  world.disk().remove(files[1]);
  ASSERT_TRUE(world.start());
  world.run_for(std::chrono::seconds(1));  // the look around in the folder
  const auto damage = world.log(0).status().damage;
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].begin, lost.begin);
  EXPECT_EQ(damage[0].end, lost.end);
  const ReadBack back = read_around_damage(world);
  ASSERT_EQ(back.damaged.size(), 1U);
  EXPECT_EQ(back.damaged[0].first, lost.begin.next_offset.value());
  EXPECT_EQ(back.damaged[0].second, lost.end.next_offset.value());
}

TEST(SegmentFaults, TruncatedSegmentLosesItsTailOnly) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const SegmentMeta hurt = world.log(0).status().segments.at(1).meta;
  world.disk().truncate_file(world.segment_files(0)[1], hurt.size_bytes / 2);
  const ReadBack back = read_around_damage(world);
  ASSERT_EQ(back.damaged.size(), 1U);
  EXPECT_GT(back.damaged[0].first, hurt.begin.next_offset.value());
  EXPECT_EQ(back.damaged[0].second, hurt.end.next_offset.value());
}

TEST(SegmentFaults, ReadErrorIsAnErrorAndNotDamage) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 60);
  sim::DiskFault eio = fault(sim::DiskOp::kRead, sim::DiskEffect::kIoError, ".log");
  world.disk().inject(eio);
  const auto result = world.read(0, {Offset(0), Offset(10), 1000});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kStorageFailed);
  world.disk().clear_faults();
  EXPECT_TRUE(world.log(0).status().damage.empty());
  world.check_reads(0);
}

TEST(SegmentFaults, WriteErrorsGoToANewFileAndLoseNothing) {
  const sim::DiskOp ops[] = {sim::DiskOp::kWrite, sim::DiskOp::kSync, sim::DiskOp::kCreate,
                             sim::DiskOp::kAllocate, sim::DiskOp::kSyncDirectory};
  for (const sim::DiskOp op : ops) {
    for (const sim::DiskEffect effect : {sim::DiskEffect::kIoError, sim::DiskEffect::kNoSpace}) {
      for (std::uint64_t skip = 0; skip < 6; ++skip) {
        SCOPED_TRACE(::testing::Message() << "op " << static_cast<int>(op) << " effect "
                                          << static_cast<int>(effect) << " skip " << skip);
        LogWorld world(disk_only(skip + 1));
        ASSERT_TRUE(world.start());
        ASSERT_TRUE(world.create(0));
        sim::DiskFault once = fault(op, effect, "/topics/");
        once.skip = skip;
        world.disk().inject(once);
        fill(world, 80);
        expect_nothing_lost(world);
        for (const std::string& path : world.disk().files()) {
          EXPECT_EQ(path.find("/quarantine/"), std::string::npos) << path;
        }
      }
    }
  }
}

// Several writes lie between two syncs. When the second one fails, nobody knows which of them are on the
// disk: all of them go to another file, out of memory, and the file is good up to the first sync only.
TEST(SegmentFaults, FailedSyncIsNeverRepeatedAndItsWritesGoToAnotherFile) {
  for (const auto mode : {sim::FailedSync::kNewBytesVisible, sim::FailedSync::kOldBytesBack}) {
    for (const sim::DiskEffect effect : {sim::DiskEffect::kIoError, sim::DiskEffect::kNoSpace}) {
      for (std::uint64_t skip = 0; skip < 6; ++skip) {
        SCOPED_TRACE(::testing::Message() << "mode " << static_cast<int>(mode) << " effect "
                                          << static_cast<int>(effect) << " skip " << skip);
        WorldOptions options = disk_only(skip + 1);
        options.disk.engine = sim::Engine::kPageCache;
        options.shard.pinned_bytes_max = 512U << 10;
        options.log.segment_bytes = 256U << 10;
        LogWorld world(options);
        ASSERT_TRUE(world.start());
        ASSERT_TRUE(world.create(0));
        sim::DiskFault once = fault(sim::DiskOp::kSync, effect, ".log");
        once.skip = skip;
        once.failed_sync = mode;
        world.disk().inject(once);
        fill(world, 400);
        // What the page cache shows behind the good sync is not read: the index of the file is made from what
        // counts.
        expect_nothing_lost(world, sim::Landing::kDrop);
      }
    }
  }
}

TEST(SegmentFaults, DiskThatSyncsNothingAnyMoreFailsTheLogButLosesNothing) {
  for (const auto mode : {sim::FailedSync::kNewBytesVisible, sim::FailedSync::kOldBytesBack}) {
    WorldOptions options = disk_only();
    options.disk.engine = sim::Engine::kPageCache;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    sim::DiskFault forever = lasting(fault(sim::DiskOp::kSync, sim::DiskEffect::kIoError, ".log"));
    forever.failed_sync = mode;
    world.disk().inject(forever);
    expect_log_fails_and_loses_nothing(world, sim::Landing::kDrop);
  }
}

// A process makes the folder of a partition and dies before it can sync its name. The next one finds the
// folder, and puts segments there: they must not go with the folder when the power does.
TEST(SegmentFaults, FolderThatADeadProcessDidNotSyncIsSyncedBeforeItIsUsed) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.disk().inject(lasting(fault(sim::DiskOp::kSyncDirectory, sim::DiskEffect::kLost, "/data")));
  world.disk().inject(lasting(fault(sim::DiskOp::kCreate, sim::DiskEffect::kIoError, ".log")));
  for (int i = 0; i < 20; ++i) world.append(0, {.records = 2, .value_bytes = 1000});
  ASSERT_TRUE(world.settle());
  world.log(0).roll();
  ASSERT_TRUE(world.run_until([&] { return world.model(0).failed.has_value(); }));
  world.disk().clear_faults();
  world.kill(sim::Landing::kKeep);
  ASSERT_TRUE(world.start());
  fill(world, 400);
  ASSERT_FALSE(world.segment_files(0).empty());
  expect_nothing_lost(world, sim::Landing::kDrop);
}

// ... and when a process could not sync the name, another sync would tell it nothing.
TEST(SegmentFaults, FolderThatCouldNotBeSyncedIsMadeAnew) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (std::uint64_t skip = 0; skip < 5; ++skip) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << " skip " << skip);
      LogWorld world(disk_only(seed));
      ASSERT_TRUE(world.start());
      sim::DiskFault once = fault(sim::DiskOp::kSyncDirectory, sim::DiskEffect::kIoError, "/data");
      once.skip = skip;
      world.disk().inject(once);
      ASSERT_TRUE(world.create(0));
      fill(world, 400);
      expect_nothing_lost(world, sim::Landing::kDrop);
    }
  }
}

TEST(SegmentFaults, DeadSegmentDiskFailsTheLogButLosesNothing) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.disk().inject(lasting(fault(sim::DiskOp::kWrite, sim::DiskEffect::kIoError, "/topics/")));
  expect_log_fails_and_loses_nothing(world, sim::Landing::kSeeded);
}

TEST(SegmentFaults, FullDiskHoldsOnUntilThereIsSpace) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 20);
  for (const sim::DiskOp op : {sim::DiskOp::kAllocate, sim::DiskOp::kCreate})
    world.disk().inject(lasting(fault(op, sim::DiskEffect::kNoSpace, "/topics/")));
  while (world.logs().accepts_appends()) {
    world.append(0, {.records = 2, .value_bytes = 2000});
    ASSERT_TRUE(world.settle());
  }
  world.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(world.logs().accepts_appends()) << "memory is bounded";
  EXPECT_FALSE(world.model(0).failed);
  // Trimming needs no free space, and frees memory.
  world.set_log_start(0, world.log(0).flushed());
  ASSERT_TRUE(world.run_until([&] { return world.logs().accepts_appends(); }));
  world.append(0, {.records = 2});
  world.disk().clear_faults();
  ASSERT_TRUE(world.flush_all());
  world.check_reads(0);
  world.restart();
  world.check_reads(0);
}

TEST(SegmentFaults, TrimmedFilesGoOnlyWhenTheJournalHasTheNewStart) {
  LogWorld world(disk_only());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 200);
  const auto files = world.segment_files(0);
  ASSERT_GT(files.size(), 2U);
  sim::DiskFault slow = fault(sim::DiskOp::kWrite, sim::DiskEffect::kStall, "/journal/");
  slow.stall = std::chrono::seconds(2);
  world.disk().inject(slow);
  world.set_log_start(0, world.log(0).status().segments.at(2).meta.begin);
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.segment_files(0), files)
      << "a power cut now would find the old log start, and no files for it";
  EXPECT_TRUE(world.read(0, {Offset(0), Offset(10), 100}));
  world.run_for(std::chrono::seconds(3));
  EXPECT_EQ(world.read(0, {Offset(0), Offset(10), 100}).error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(world.segment_files(0).size(), files.size() - 2);
  world.check_reads(0);
}

TEST(SegmentFaults, LyingDiskIsFoundByTheScrub) {
  WorldOptions options = disk_only();
  options.shard.scrub_bytes_per_second = 10U << 20;
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  sim::DiskFault lost = fault(sim::DiskOp::kWrite, sim::DiskEffect::kLost, ".log");
  lost.skip = 2;
  world.disk().inject(lost);
  fill(world, 60);
  world.disk().clear_faults();
  ASSERT_TRUE(world.run_until([&] { return world.logs().stats().scrub_errors > 0; })) << "nobody read it";
  EXPECT_EQ(world.log(0).status().damage.size(), 1U);
  const ReadBack back = read_around_damage(world);
  EXPECT_EQ(back.damaged.size(), 1U);
}

TEST(Scrub, FileThatCameBackHealsTheDamage) {
  WorldOptions options = disk_only();
  options.shard.scrub_bytes_per_second = 10U << 20;
  options.shard.scrub_pause = std::chrono::seconds(10);
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  fill(world, 100);
  const std::string path = world.segment_files(0).at(0);
  const std::vector<std::byte> good = *world.disk().content(path);
  world.disk().flip_bit(path, 8 * 200);
  world.run_for(std::chrono::seconds(30));
  EXPECT_EQ(world.log(0).status().damage.size(), 1U);
  world.disk().replace_file(path, good);
  world.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(world.log(0).status().damage.empty());
  world.check_reads(0);
  world.restart();
  EXPECT_TRUE(world.log(0).status().damage.empty());
}

// A node that is started again long before a pass is through comes to its end all the same; and when that was
// is known at the next start, after a clean stop and after a crash.
TEST(Scrub, GoesOnAfterARestartAndRemembersTheLastFullPass) {
  WorldOptions options = disk_only();
  options.shard.scrub_bytes_per_second = 64U << 10;
  options.shard.scrub_pause = std::chrono::hours(24);
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    ASSERT_TRUE(world.create(partition));
    for (int i = 0; i < 300; ++i) {
      world.append(partition, {.records = 2, .value_bytes = 700});
      if (i % 8 == 0) {
        ASSERT_TRUE(world.settle());
      }
    }
    ASSERT_TRUE(world.flush_all());
  }
  std::uint64_t sealed_bytes = 0;
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    const LogStatus status = world.log(partition).status();
    for (const SegmentStatus& segment : status.segments) sealed_bytes += segment.meta.size_bytes;
  }
  std::uint64_t read_bytes = 0;
  int starts = 0;
  const auto all_done = [&world] { return world.logs().stats().oldest_full_scrub > Timestamp(0); };
  while (!all_done()) {
    ASSERT_LT(++starts, 100);
    // Not even one log is read to its end in one life.
    world.run_for(std::chrono::milliseconds(2500));
    read_bytes += world.logs().stats().scrubbed_bytes;
    ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
    ASSERT_TRUE(world.start());
  }
  EXPECT_GT(starts, 3);
  EXPECT_LT(read_bytes, 2 * sealed_bytes) << "most was read again after each start";
  const auto done = world.logs().stats().oldest_full_scrub;
  std::map<std::int32_t, Timestamp> each;
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    each[partition] = world.log(partition).status().last_full_scrub.value();
  }
  for (const bool clean : {false, true}) {
    if (clean) {
      ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
      ASSERT_TRUE(world.start());
    } else {
      world.restart(sim::Landing::kDrop);
    }
    for (const auto& [partition, at] : each) EXPECT_EQ(world.log(partition).status().last_full_scrub, at);
    world.run_for(std::chrono::hours(1));
    EXPECT_EQ(world.logs().stats().scrubbed_bytes, 0U) << "it is not due";
  }
  world.run_for(std::chrono::hours(26));
  EXPECT_GT(world.logs().stats().oldest_full_scrub, done);
}

TEST(Scrub, ReportsTheAgeOfTheLastFullPass) {
  WorldOptions options = disk_only();
  options.shard.scrub_bytes_per_second = 1U << 20;
  options.shard.scrub_pause = std::chrono::seconds(100);
  LogWorld world(options);
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  EXPECT_FALSE(world.log(0).status().last_full_scrub);
  fill(world, 100);
  ASSERT_TRUE(world.run_until([&] { return world.log(0).status().last_full_scrub.has_value(); }));
  const auto first = *world.log(0).status().last_full_scrub;
  EXPECT_EQ(world.logs().stats().oldest_full_scrub, first);
  const std::uint64_t bytes = world.logs().stats().scrubbed_bytes;
  EXPECT_GE(bytes, world.log(0).status().segments.at(0).meta.size_bytes);
  EXPECT_EQ(world.logs().stats().scrub_errors, 0U);
  world.run_for(std::chrono::seconds(110));
  EXPECT_GT(*world.log(0).status().last_full_scrub, first) << "it begins again after the pause";
}

TEST(SegmentFaults, ListenerThatComesAfterTheJournalFailedHearsOfIt) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  sim::DiskFault full;
  full.effect = sim::DiskEffect::kNoSpace;
  full.path = sim::path_contains(".journal");
  full.times = sim::DiskFault::kForever;
  world.disk().inject(full);
  world.append(0, {});
  ASSERT_TRUE(world.run_until([&] { return world.model(0).failed.has_value(); }));
  std::optional<Error> heard;
  world.log(0).on_failed([&heard](const Error& error) { heard = error; });
  EXPECT_FALSE(heard) << "never from inside the call";
  ASSERT_TRUE(world.run_until([&] { return heard.has_value(); }));
  EXPECT_EQ(heard->code, world.model(0).failed->code);
}

}  // namespace
}  // namespace forebay::log::testing
