#include "broker/disk_watch.h"

#include <gtest/gtest.h>

#include "sim/sim_machine.h"

namespace forebay::broker {
namespace {

using namespace std::chrono_literals;

class DiskWatchTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kCapacity = 1U << 20;
  DiskWatchTest() : machine_(1, {.capacity_bytes = kCapacity}) {
    EXPECT_TRUE(machine_.file_system().create_directories("/data"));
    watch_ = std::make_unique<DiskWatch>("/data", kCapacity / 2, machine_.file_system(), machine_.executor(),
                                         machine_.pool(), [this] { ++low_; });
    watch_->start();
    machine_.scheduler().run_for(100ms);
  }
  void fill(const std::string& path, std::size_t bytes) {
    const std::vector<std::byte> content(bytes);
    ASSERT_TRUE(io::write_file_atomically(machine_.file_system(), path, content));
  }
  sim::SimMachine machine_;
  int low_ = 0;
  std::unique_ptr<DiskWatch> watch_;
};

TEST_F(DiskWatchTest, RoomyDiskAdmits) {
  EXPECT_TRUE(watch_->admission(1));
  EXPECT_EQ(low_, 0);
}

TEST_F(DiskWatchTest, BelowTheReserveItRefusesWithADelayAndAsksForRetentionUntilThereIsRoomAgain) {
  fill("/data/ballast", kCapacity * 3 / 4);
  machine_.scheduler().run_for(2s);
  ASSERT_FALSE(watch_->admission(1));
  EXPECT_EQ(watch_->admission(1).error().code, ErrorCode::kDiskFull);
  EXPECT_GT(watch_->admission(1).error().retry_after_ms, 0U);
  EXPECT_GT(low_, 0);
  ASSERT_TRUE(machine_.file_system().remove_file("/data/ballast"));
  machine_.scheduler().run_for(2s);
  EXPECT_TRUE(watch_->admission(1));
}

TEST_F(DiskWatchTest, TellsSinceWhenThereAreFewerThanTwoReserves) {
  fill("/data/ballast", kCapacity / 8);
  sim::SimMachine& machine = machine_;
  DiskWatch already("/data", kCapacity / 2, machine.file_system(), machine.executor(), machine.pool(), [] {});
  already.start();
  DiskWatch watch("/data", kCapacity / 4, machine.file_system(), machine.executor(), machine.pool(), [] {});
  watch.start();
  machine.scheduler().run_for(2s);
  EXPECT_FALSE(already.low_for()) << "it was so when it looked first";
  EXPECT_FALSE(watch.low_for()) << "there are more";
  fill("/data/more", kCapacity / 2);
  machine.scheduler().run_for(5s);
  ASSERT_TRUE(watch.shortage()) << "produce is not refused yet";
  ASSERT_TRUE(watch.low_for());
  EXPECT_GE(*watch.low_for(), 3s);
  EXPECT_LE(*watch.low_for(), 5s);
  ASSERT_TRUE(machine.file_system().remove_file("/data/more"));
  machine.scheduler().run_for(2s);
  EXPECT_FALSE(watch.low_for());
}

// A fast producer writes more than the reserve between two looks: what was admitted counts at once, twice,
// for its place in the journal and for that in its segment.
TEST_F(DiskWatchTest, BetweenTwoLooksWhatWasAdmittedCounts) {
  EXPECT_TRUE(watch_->admission(kCapacity / 8));
  EXPECT_TRUE(watch_->admission(kCapacity / 8));
  EXPECT_TRUE(watch_->shortage());
  EXPECT_TRUE(watch_->admission(1)) << "the reserve itself is not touched yet";
  ASSERT_FALSE(watch_->admission(1));
  EXPECT_EQ(watch_->admission(1).error().code, ErrorCode::kDiskFull);
  EXPECT_FALSE(watch_->shortage());
  // It looks before its time, and the disk has the room.
  machine_.scheduler().run_for(100ms);
  EXPECT_TRUE(watch_->admission(1));
  EXPECT_EQ(low_, 0) << "nothing needs to be deleted";
}

}  // namespace
}  // namespace forebay::broker
