// Making, opening and refusing a data directory.
#include <gtest/gtest.h>

#include "hurt_journal.h"

namespace forebay::log::testing {
namespace {

TEST(DataDirectory, NewerFormatIsRefusedUntouched) {
  sim::SimMachine machine(1);
  ASSERT_TRUE(machine.file_system().create_directories("/data").has_value());
  Identity identity;
  identity.disk.bytes.fill(7);
  machine.disk().replace_file("/data/FORMAT", as_bytes(encode_format(kFormatVersion + 1, identity)));
  const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kNewerFormat);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/data/FORMAT"});
}

TEST(DataDirectory, ForeignDirectoryIsRefusedUntouched) {
  sim::SimMachine machine(1);
  ASSERT_TRUE(machine.file_system().create_directories("/data").has_value());
  machine.disk().replace_file("/data/thesis.txt", as_bytes("years of work"));
  const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/data/thesis.txt"});
}

TEST(DataDirectory, SecondOpenIsLockedOut) {
  sim::SimMachine machine(1);
  const auto first = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_TRUE(first.has_value());
  const auto second = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
}

TEST(DataDirectory, CrashAtEveryStepOfMakingItIsHealed) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    sim::SimMachine machine(step);
    machine.disk().crash_at_step(step);
    { [[maybe_unused]] const auto made = open_data_directory(machine.file_system(), "/data", machine.rng()); }
    const bool crashed = machine.disk().power_is_off();
    machine.reboot(sim::Landing::kSeeded);
    const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    EXPECT_FALSE(opened->identity.disk.is_nil());
    if (!crashed) break;
  }
}

TEST(DataDirectory, IdentityStaysTheSame) {
  sim::SimMachine machine(1);
  model::Uuid disk;
  {
    const auto made = open_data_directory(machine.file_system(), "/data", machine.rng());
    ASSERT_TRUE(made.has_value());
    disk = made->identity.disk;
  }
  const auto again = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->identity.disk, disk);
}

// acknowledged must not be taken for a stranger's files after a power cut.
TEST(DataDirectory, WhoseMakingFailedAtTheLastStepIsMadeDurableByTheNextStart) {
  for (std::uint64_t skip = 0; skip < 6; ++skip) {
    SCOPED_TRACE(skip);
    HarnessOptions options = three_partitions();
    options.seed = skip + 1;
    JournalHarness node(options);
    node.disk().inject({.op = sim::DiskOp::kSyncDirectory, .skip = skip});
    const auto refused = node.recover_only();
    node.disk().clear_faults();
    node.stop_objects();
    node.machine().kill_and_restart(sim::Landing::kKeep);
    fill(node);
    node.reboot(sim::Landing::kDrop);
    EXPECT_TRUE(node.start());
    if (HasFailure()) return;
  }
}

TEST(Damage, FlippedBitInBootIsHealedByTheSecondCopyAndBothAreRefused) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const auto boot = *node.disk().content("/data/BOOT");
  for (std::uint64_t bit = 0; bit < 40 * 8; ++bit) {
    node.disk().flip_bit("/data/BOOT", bit);
    const auto recovered = node.recover_only();
    ASSERT_TRUE(recovered.has_value()) << bit;
    EXPECT_EQ(find(*recovered, node.partition(0).id)->end, node.partition(0).durable.end());
  }
  std::vector<std::byte> broken = boot;
  broken[20] ^= std::byte{1};
  broken[4096 + 20] ^= std::byte{1};
  node.disk().replace_file("/data/BOOT", broken);
  const auto files = node.disk().files();
  const auto refused = node.recover_only();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(node.disk().files(), files);
}

TEST(Damage, FlippedBitInFormatIsRefusedUntouched) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const std::uint64_t bits = node.disk().content("/data/FORMAT")->size() * 8;
  for (std::uint64_t bit = 0; bit < bits; ++bit) {
    node.disk().flip_bit("/data/FORMAT", bit);
    const auto files = node.disk().files();
    const auto opened = open_data_directory(node.machine().file_system(), kDataDir, node.machine().rng());
    EXPECT_FALSE(opened.has_value()) << bit;
    EXPECT_EQ(node.disk().files(), files);
    node.disk().flip_bit("/data/FORMAT", bit);
  }
}

}  // namespace
}  // namespace forebay::log::testing
