#include "sim/partition_watch.h"

#include <gtest/gtest.h>

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

class PartitionWatchTest : public ::testing::Test {
 protected:
  PartitionWatch watch_{4, {.step_down = 1s, .elect = 3s}};
  ClusterHealth health_{.nodes = {4, {.runs = true, .sound = true}},
                        .reaches = {4, std::vector<bool>(4, true)},
                        .all_led = false};
  std::vector<PartitionHealth> partitions_{{.led = true, .electorates = {0b0111}, .may_vote = 0b0111}};
  TimePoint now_{100s};

  void cut(std::size_t from, std::size_t to) { health_.reaches[from][to] = false; }
  // Looks ten times within this time.
  std::string after(Duration time) {
    std::string found;
    for (int i = 0; i < 10; ++i) {
      if (found.empty()) found = watch_.look(now_, health_, partitions_);
      now_ += time / 10;
    }
    return found.empty() ? watch_.look(now_, health_, partitions_) : found;
  }
};

TEST_F(PartitionWatchTest, PartitionThatIsLedIsLeftAlone) {
  partitions_[0].leaders[0] = {0b0111};
  EXPECT_EQ(after(100s), "");
}

TEST_F(PartitionWatchTest, LeaderNeedsAMajorityOfItsOwnMembers) {
  partitions_[0].leaders[0] = {0b0111};
  cut(0, 1);
  cut(2, 0);
  EXPECT_EQ(after(900ms), "");  // node 4 is no member
  EXPECT_EQ(after(200ms), "I24: node 1 leads partition 0, and for 1000 ms has spoken with no majority of it");
}

TEST_F(PartitionWatchTest, JointMembersNeedBothMajorities) {
  partitions_[0].leaders[0] = {0b0111, 0b1001};
  cut(0, 1);
  EXPECT_EQ(after(10s), "");
  cut(0, 3);
  EXPECT_EQ(after(900ms), "");
  EXPECT_NE(after(200ms).find("I24"), std::string::npos);
}

TEST_F(PartitionWatchTest, MajorityThatCouldElectMustHaveDoneSo) {
  partitions_[0].led = false;
  health_.nodes[2].runs = false;
  EXPECT_EQ(after(2900ms), "");
  EXPECT_EQ(after(200ms), "I33: partition 0 has no leader for 3020 ms, and a majority could elect one");
}

TEST_F(PartitionWatchTest, NobodyElectsWhereAMajorityIsMissing) {
  partitions_[0].led = false;
  for (const auto& [electorates, may_vote] : std::vector<std::pair<std::vector<NodeBits>, NodeBits>>{
           {{0b0111}, 0b1001}, {{0b0111, 0b1100}, 0b0111}, {{0b0111, 0b1010}, 0b0101}, {{}, 0b1111}}) {
    partitions_[0].electorates = electorates;
    partitions_[0].may_vote = may_vote;
    EXPECT_EQ(after(100s), "");
  }
}

TEST_F(PartitionWatchTest, TimeCountsAnewWhenMembersChangeOrALinkBreaks) {
  partitions_[0].led = false;
  health_.nodes[2].runs = false;
  for (int i = 0; i < 5; ++i) {
    partitions_[0].electorates = {i % 2 == 0 ? NodeBits{0b0111} : NodeBits{0b0011}};
    EXPECT_EQ(after(2900ms), "");
  }
  cut(0, 1);
  EXPECT_EQ(after(100s), "");
}

}  // namespace
}  // namespace forebay::sim
