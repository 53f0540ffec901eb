// What the simulated disk loses, keeps and breaks: its faults are as much a contract as its services.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/sim_machine.h"

namespace forebay::sim {

namespace {

using io::AlignedBuffer;
using io::Caching;
using io::kBlockBytes;
using io::OpenMode;
using io::WriteMode;

AlignedBuffer filled(std::size_t bytes, int value) {
  AlignedBuffer buffer(bytes);
  std::memset(buffer.data(), value, buffer.size());
  return buffer;
}

// A file of zeros whose name and content are durable.
std::unique_ptr<io::File> durable_file(SimMachine& machine, const std::string& path, std::size_t bytes) {
  auto& fs = machine.file_system();
  auto file = fs.open(path, OpenMode::kCreate, Caching::kDirect).value();
  EXPECT_TRUE(file->write_now(0, AlignedBuffer(bytes).span()));
  EXPECT_TRUE(file->sync_now());
  EXPECT_TRUE(fs.sync_directory("/"));
  return file;
}

std::set<int> sector_values(const std::vector<std::byte>& bytes) {
  std::set<int> values;
  for (std::size_t at = 0; at + kSectorBytes <= bytes.size(); at += kSectorBytes) {
    const auto first = bytes[at];
    for (std::size_t i = 1; i < kSectorBytes; ++i)
      EXPECT_EQ(bytes[at + i], first) << "a sector is never torn";
    values.insert(static_cast<int>(first));
  }
  return values;
}

TEST(SimDisk, UnsyncedWritesAreLostAndSyncedOnesKept) {
  SimMachine machine(1);
  {
    const auto file = durable_file(machine, "/a", 4 * kBlockBytes);
    ASSERT_TRUE(file->write_now(0, filled(kBlockBytes, 1).span()));
    ASSERT_TRUE(file->sync_now());
    ASSERT_TRUE(file->write_now(kBlockBytes, filled(kBlockBytes, 2).span()));
  }
  machine.reboot(Landing::kDrop);
  const auto bytes = *machine.disk().content("/a");
  EXPECT_EQ(static_cast<int>(bytes[0]), 1);
  EXPECT_EQ(static_cast<int>(bytes[kBlockBytes]), 0);
}

TEST(SimDisk, CompletedDurableWritesAreAlwaysKept) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimMachine machine(seed);
    const auto file = durable_file(machine, "/a", 4 * kBlockBytes);
    const AlignedBuffer plain = filled(2 * kBlockBytes, 1);
    const AlignedBuffer data = filled(kBlockBytes, 2);
    ASSERT_TRUE(file->write_now(0, plain.span()));  // an older unsynced write below must not come back on top
    bool done = false;
    file->write(0, data.span(), WriteMode::kDurable, [&](Result<void> r) { done = r.has_value(); });
    ASSERT_TRUE(machine.scheduler().run_until([&] { return done; }));
    EXPECT_EQ(static_cast<int>((*machine.disk().durable_content("/a"))[0]), 2);
    machine.reboot(Landing::kSeeded);
    const auto bytes = *machine.disk().content("/a");
    for (std::size_t i = 0; i < kBlockBytes; ++i) ASSERT_EQ(static_cast<int>(bytes[i]), 2) << "seed " << seed;
  }
}

TEST(SimDisk, DurableWriteInFlightIsKeptDroppedOrTornBySector) {
  std::set<std::set<int>> seen;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimMachine machine(seed);
    const auto file = durable_file(machine, "/a", 4 * kBlockBytes);
    const AlignedBuffer data = filled(4 * kBlockBytes, 3);
    bool done = false;
    file->write(0, data.span(), WriteMode::kDurable, [&](Result<void>) { done = true; });
    machine.disk().cut_power();
    EXPECT_TRUE(machine.scheduler().run_until_idle());
    EXPECT_FALSE(done) << "nothing completes without power";
    machine.reboot(Landing::kSeeded);
    seen.insert(sector_values(*machine.disk().content("/a")));
  }
  EXPECT_EQ(seen, (std::set<std::set<int>>{{0}, {3}, {0, 3}}));
}

TEST(SimDisk, NamesNeedTheirDirectorySynced) {
  SimMachine machine(1);
  {
    auto& fs = machine.file_system();
    ASSERT_TRUE(fs.create_directories("/d"));
    ASSERT_TRUE(fs.open("/d/kept", OpenMode::kCreate, Caching::kBuffered));
    ASSERT_TRUE(fs.sync_directory("/d"));
    ASSERT_TRUE(fs.open("/d/lost", OpenMode::kCreate, Caching::kBuffered).value()->sync_now());
    ASSERT_TRUE(fs.remove_file("/d/kept"));
  }
  machine.reboot(Landing::kDrop);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/d/kept"});
}

TEST(SimDisk, RenameIsKeptOrLostAsAWhole) {
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimMachine machine(seed);
    durable_file(machine, "/a", kBlockBytes);
    ASSERT_TRUE(machine.file_system().create_directories("/d"));
    ASSERT_TRUE(machine.file_system().rename("/a", "/d/b"));
    machine.reboot(Landing::kSeeded);
    seen.insert(machine.disk().files());
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"/a"}, {"/d/b"}}));
}

TEST(SimDisk, RenameBetweenDirectoriesNeedsBothSynced) {
  SimMachine machine(1);
  durable_file(machine, "/a", kBlockBytes);
  ASSERT_TRUE(machine.file_system().create_directories("/d"));
  ASSERT_TRUE(machine.file_system().rename("/a", "/d/b"));
  ASSERT_TRUE(machine.file_system().sync_directory("/d"));
  EXPECT_FALSE(machine.disk().durable_content("/d/b").has_value());
  ASSERT_TRUE(machine.file_system().sync_directory("/"));
  machine.reboot(Landing::kDrop);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/d/b"});
}

TEST(SimDisk, PowerCutAtEveryStepOfAnAtomicReplaceLeavesOldOrNew) {
  for (const Landing landing : {Landing::kDrop, Landing::kKeep, Landing::kSeeded}) {
    bool finished = false;
    int kept_new = 0;
    for (std::uint64_t step = 1; !finished; ++step) {
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SimMachine machine(seed);
        ASSERT_TRUE(write_file_atomically(machine.file_system(), "/config", as_bytes("old")));
        machine.disk().crash_at_step(step);
        finished = write_file_atomically(machine.file_system(), "/config", as_bytes("newer")).has_value();
        EXPECT_EQ(finished, !machine.disk().power_is_off());
        machine.reboot(landing);
        const std::string text = io::read_file(machine.file_system(), "/config").value();
        kept_new += text == "newer" ? 1 : 0;
        if (finished) {
          EXPECT_EQ(text, "newer");
        } else {
          EXPECT_TRUE(text == "old" || text == "newer")
              << "step " << step << " seed " << seed << ": " << text;
        }
        ASSERT_TRUE(write_file_atomically(machine.file_system(), "/config", as_bytes("again")));
      }
      ASSERT_LT(step, 20U);
    }
    EXPECT_GT(kept_new, 0);
  }
}

TEST(SimDisk, FailedSyncCleansPagesAndTheNextOneLies) {
  for (const FailedSync mode : {FailedSync::kNewBytesVisible, FailedSync::kOldBytesBack}) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SimMachine machine(seed);
      const auto file = durable_file(machine, "/a", kBlockBytes);
      ASSERT_TRUE(file->write_now(0, filled(kBlockBytes, 7).span()));
      machine.disk().inject({.op = DiskOp::kSync, .path = path_contains("/a"), .failed_sync = mode});
      EXPECT_EQ(file->sync_now().error().code, ErrorCode::kStorageFailed);
      EXPECT_TRUE(file->sync_now()) << "the lie";
      if (mode == FailedSync::kNewBytesVisible) {
        EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{7});
      } else {
        EXPECT_EQ(*machine.disk().content("/a"), *machine.disk().durable_content("/a"));
      }
      machine.reboot(Landing::kKeep);
      lost += sector_values(*machine.disk().content("/a")) == std::set<int>{7} ? 0 : 1;
    }
    EXPECT_GT(lost, 5);
  }
}

// What fdatasync does to a write that is to be durable: it is visible whatever becomes of it.
TEST(SimDisk, DurableWriteThroughThePageCacheIsAWriteAndASync) {
  for (const FailedSync mode : {FailedSync::kNewBytesVisible, FailedSync::kOldBytesBack}) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SimMachine machine(seed, {.engine = Engine::kPageCache});
      const std::shared_ptr<io::File> file = durable_file(machine, "/a", 2 * kBlockBytes);
      const AlignedBuffer data = filled(kBlockBytes, 7);
      const auto write = [&](std::uint64_t offset) {
        std::optional<Result<void>> result;
        machine.executor().post([&] {
          file->write(offset, data.span(), WriteMode::kDurable,
                      [&result](Result<void> done) { result = std::move(done); });
        });
        EXPECT_TRUE(machine.scheduler().run_until([&result] { return result.has_value(); }));
        return *result;
      };
      EXPECT_TRUE(write(0));
      machine.disk().inject({.op = DiskOp::kSync, .failed_sync = mode});
      EXPECT_EQ(write(kBlockBytes).error().code, ErrorCode::kStorageFailed);
      EXPECT_TRUE(machine.disk().used_after_failure().empty());
      const auto visible = *machine.disk().content("/a");
      const auto second = std::vector(visible.begin() + kBlockBytes, visible.end());
      if (mode == FailedSync::kNewBytesVisible) {
        EXPECT_EQ(sector_values(second), std::set<int>{7});
      } else {
        EXPECT_EQ(visible, *machine.disk().durable_content("/a"));
      }
      machine.reboot(Landing::kKeep);
      const auto kept = *machine.disk().content("/a");
      EXPECT_EQ(sector_values({kept.begin(), kept.begin() + kBlockBytes}), std::set<int>{7});
      lost += sector_values({kept.begin() + kBlockBytes, kept.end()}) == std::set<int>{7} ? 0 : 1;
    }
    EXPECT_GT(lost, 5);
  }
}

TEST(SimDisk, WhoUsesAFileAfterAFailureIsWrittenDown) {
  SimMachine machine(1);
  const auto file = durable_file(machine, "/a", kBlockBytes);
  const auto other = durable_file(machine, "/b", kBlockBytes);
  machine.disk().inject({.op = DiskOp::kSync, .path = path_contains("/a")});
  EXPECT_FALSE(file->sync_now());
  EXPECT_TRUE(other->sync_now());
  EXPECT_TRUE(machine.disk().used_after_failure().empty());
  EXPECT_TRUE(file->sync_now());
  EXPECT_TRUE(file->write_now(0, filled(kBlockBytes, 1).span()));
  EXPECT_EQ(machine.disk().used_after_failure(), (std::vector<std::string>{"/a", "/a"}));
  machine.disk().inject({.op = DiskOp::kWrite, .path = path_contains("/b")});
  EXPECT_FALSE(other->write_now(0, filled(kBlockBytes, 1).span()));
  EXPECT_TRUE(other->sync_now());
  EXPECT_EQ(machine.disk().used_after_failure().back(), "/b");
}

TEST(SimDisk, NamesOfAFailedDirectorySyncAreUnknownForGood) {
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimMachine machine(seed);
    auto& fs = machine.file_system();
    ASSERT_TRUE(fs.open("/before", OpenMode::kCreate, Caching::kBuffered));
    machine.disk().inject({.op = DiskOp::kSyncDirectory});
    EXPECT_FALSE(fs.sync_directory("/"));
    EXPECT_TRUE(fs.exists("/before"));
    ASSERT_TRUE(fs.open("/behind", OpenMode::kCreate, Caching::kBuffered));
    EXPECT_TRUE(fs.sync_directory("/")) << "it speaks of the new name only";
    machine.reboot(Landing::kKeep);
    seen.insert(machine.disk().files());
  }
  EXPECT_EQ(seen, (std::set<std::vector<std::string>>{{"/behind"}, {"/before", "/behind"}}));
}

TEST(SimDisk, DirectoryThatCouldNotBeSyncedIsMadeAnew) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SimMachine machine(seed);
    auto& fs = machine.file_system();
    machine.disk().inject({.op = DiskOp::kSyncDirectory});
    EXPECT_FALSE(fs.create_directories("/d/e"));
    EXPECT_FALSE(fs.exists("/d"));
    ASSERT_TRUE(fs.create_directories("/d/e"));
    ASSERT_TRUE(fs.open("/d/e/f", OpenMode::kCreate, Caching::kBuffered));
    ASSERT_TRUE(fs.sync_directory("/d/e"));
    machine.reboot(Landing::kDrop);
    EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/d/e/f"});
  }
}

TEST(SimDisk, FaultsHitTheNthMatchingOperation) {
  SimMachine machine(1);
  const auto journal = durable_file(machine, "/journal", kBlockBytes);
  const auto other = durable_file(machine, "/other", kBlockBytes);
  const AlignedBuffer data = filled(kBlockBytes, 1);
  machine.disk().inject({.op = DiskOp::kWrite,
                         .effect = DiskEffect::kNoSpace,
                         .path = path_contains("journal"),
                         .skip = 1,
                         .times = 2});
  EXPECT_TRUE(other->write_now(0, data.span()));
  EXPECT_TRUE(journal->write_now(0, data.span()));
  EXPECT_EQ(journal->write_now(0, data.span()).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(journal->write_now(0, data.span()).error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(journal->write_now(0, data.span()));
}

TEST(SimDisk, LostAndMisdirectedWritesReportSuccess) {
  SimMachine machine(1);
  const auto file = durable_file(machine, "/a", 8 * kBlockBytes);
  const AlignedBuffer data = filled(kBlockBytes, 5);
  machine.disk().inject({.effect = DiskEffect::kLost});
  EXPECT_TRUE(file->write_now(0, data.span()));
  EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{0});
  machine.disk().inject({.effect = DiskEffect::kMisdirect});
  EXPECT_TRUE(file->write_now(0, data.span()));
  const auto bytes = *machine.disk().content("/a");
  EXPECT_EQ(static_cast<int>(bytes[0]), 0);
  EXPECT_EQ(sector_values(bytes), (std::set<int>{0, 5}));
}

TEST(SimDisk, StalledWriteCompletesLate) {
  SimMachine machine(1);
  const auto file = durable_file(machine, "/a", kBlockBytes);
  const AlignedBuffer data = filled(kBlockBytes, 5);
  machine.disk().inject({.effect = DiskEffect::kStall, .stall = std::chrono::seconds(30)});
  bool done = false;
  file->write(0, data.span(), WriteMode::kDurable, [&](Result<void> r) { done = r.has_value(); });
  machine.scheduler().run_for(std::chrono::seconds(29));
  EXPECT_FALSE(done);
  machine.scheduler().run_for(std::chrono::seconds(2));
  EXPECT_TRUE(done);
}

TEST(SimDisk, FullDiskTakesWhatFitsAndSaysSo) {
  SimMachine machine(1, {.capacity_bytes = 10 * kBlockBytes});
  const auto file = durable_file(machine, "/a", 6 * kBlockBytes);
  EXPECT_EQ(file->write_now(6 * kBlockBytes, filled(6 * kBlockBytes, 1).span()).error().code,
            ErrorCode::kDiskFull);
  EXPECT_EQ(file->size().value(), 10 * kBlockBytes);
  EXPECT_EQ(machine.file_system().space("/")->available_bytes, 0U);
  EXPECT_TRUE(file->write_now(0, filled(kBlockBytes, 1).span())) << "space that it has may be rewritten";
  EXPECT_EQ(machine.file_system().open("/b", OpenMode::kCreate, Caching::kDirect).error().code,
            ErrorCode::kDiskFull);
  ASSERT_TRUE(machine.file_system().remove_file("/a"));
  EXPECT_EQ(machine.file_system().space("/")->available_bytes, 10 * kBlockBytes);
}

TEST(SimDisk, KilledProcessLeavesItsCompletedWritesVisibleAndUnsynced) {
  SimMachine machine(1);
  {
    const auto file = durable_file(machine, "/a", kBlockBytes);
    ASSERT_TRUE(file->write_now(0, filled(kBlockBytes, 1).span()));
  }
  machine.kill_and_restart(Landing::kDrop);
  EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{1});
  machine.reboot(Landing::kDrop);
  EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{0});
}

TEST(SimDisk, LateWriteOfADeadProcessLandsInItsSuccessor) {
  SimMachine machine(1);
  const AlignedBuffer data = filled(kBlockBytes, 4);
  bool done = false;
  {
    const auto file = durable_file(machine, "/a", kBlockBytes);
    file->write(0, data.span(), WriteMode::kDurable, [&](Result<void>) { done = true; });
  }
  machine.kill_and_restart_with_late_writes();
  EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{0});
  EXPECT_EQ(machine.disk().land_late_writes(), 1U);
  EXPECT_TRUE(machine.scheduler().run_until_idle());
  EXPECT_FALSE(done);
  machine.reboot(Landing::kDrop);
  EXPECT_EQ(sector_values(*machine.disk().content("/a")), std::set<int>{4});
}

TEST(SimDisk, NothingOfADeadProcessWorks) {
  SimMachine machine(1);
  SimFileSystem old_view(machine.disk(), machine.executor());
  const auto file = durable_file(machine, "/a", kBlockBytes);
  const auto lock = machine.file_system().lock("/LOCK");
  ASSERT_TRUE(lock);
  machine.kill_and_restart(Landing::kDrop);
  EXPECT_EQ(file->size().error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(old_view.list("/").error().code, ErrorCode::kStorageFailed);
  EXPECT_TRUE(machine.file_system().lock("/LOCK")) << "its locks are released";
}

TEST(SimDisk, DamageIsDurable) {
  SimMachine machine(1);
  durable_file(machine, "/a", kBlockBytes);
  machine.disk().flip_bit("/a", 8 * 100 + 3);
  machine.reboot(Landing::kDrop);
  EXPECT_EQ((*machine.disk().content("/a"))[100], std::byte{8});
  machine.disk().truncate_file("/a", 50);
  EXPECT_EQ(machine.disk().content("/a")->size(), 50U);
  machine.disk().replace_file("/b", as_bytes("restored"));
  machine.disk().remove("/a");
  machine.reboot(Landing::kDrop);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/b"});
}

struct Traces {
  std::uint64_t disk;
  std::uint64_t scheduler;
  bool operator==(const Traces&) const = default;
};

Traces run_seeded_load(std::uint64_t seed) {
  SimMachine machine(seed);
  const auto file = durable_file(machine, "/a", 64 * kBlockBytes);
  const AlignedBuffer data = filled(kBlockBytes, 1);
  int left = 200;
  std::function<void()> next = [&] {
    if (--left < 0) return;
    file->write(machine.rng().below(64) * kBlockBytes, data.span(), WriteMode::kPlain,
                [&](Result<void>) { next(); });
    if (machine.rng().one_in(5)) file->sync([](Result<void>) {});
  };
  for (int i = 0; i < 4; ++i) machine.executor().post(next);
  EXPECT_TRUE(machine.scheduler().run_until_idle());
  machine.reboot(Landing::kSeeded);
  return {machine.disk().trace_hash(), machine.scheduler().trace_hash()};
}

TEST(SimDisk, SameSeedSameTrace) {
  EXPECT_EQ(run_seeded_load(42), run_seeded_load(42));
  EXPECT_NE(run_seeded_load(42), run_seeded_load(43));
}

}  // namespace

}  // namespace forebay::sim
