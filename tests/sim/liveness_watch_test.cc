#include "sim/liveness_watch.h"

#include <gtest/gtest.h>

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

class LivenessWatchTest : public ::testing::Test {
 protected:
  LivenessWatch watch_{3, {.step_down = 1s, .elect = 3s}};
  ClusterHealth health_{.nodes = {3, {.runs = true, .sound = true}},
                        .reaches = {3, std::vector<bool>(3, true)},
                        .all_led = true};
  TimePoint now_{100s};

  void isolate(std::size_t node) {
    for (std::size_t other = 0; other < 3; ++other) health_.reaches[node][other] = false;
  }
  // Looks ten times within this time.
  std::string after(Duration time) {
    std::string found;
    for (int i = 0; i < 10; ++i) {
      if (found.empty()) found = watch_.look(now_, health_);
      now_ += time / 10;
    }
    return found.empty() ? watch_.look(now_, health_) : found;
  }
};

TEST_F(LivenessWatchTest, HealthyClusterIsLeftAlone) {
  health_.nodes[0].leads = true;
  EXPECT_EQ(after(100s), "");
}

TEST_F(LivenessWatchTest, LeaderCutOffOneWayMustStepDown) {
  health_.nodes[0].leads = true;
  isolate(0);
  EXPECT_EQ(after(900ms), "");
  EXPECT_EQ(after(200ms), "I24: node 1 leads, and for 1000 ms has spoken with no majority");
}

TEST_F(LivenessWatchTest, TimeWithoutAMajorityCountsAnewAfterEachPauseAndEachHealing) {
  health_.nodes[0].leads = true;
  for (int i = 0; i < 5; ++i) {
    isolate(0);
    EXPECT_EQ(after(900ms), "");
    if (i % 2 == 0) {
      health_.reaches[0] = std::vector<bool>(3, true);
    } else {
      health_.nodes[0].runs = false;
    }
    EXPECT_EQ(after(900ms), "");
    health_.nodes[0].runs = true;
  }
}

TEST_F(LivenessWatchTest, SeveralThatWereSpokenWithOneAfterAnotherMakeAMajority) {
  health_.nodes[0].leads = true;
  for (int i = 0; i < 10; ++i) {
    health_.reaches[0][1] = i % 2 == 0;
    health_.reaches[0][2] = false;
    EXPECT_EQ(after(400ms), "");
  }
}

TEST_F(LivenessWatchTest, MajorityMustElect) {
  health_.all_led = false;
  health_.nodes[2].runs = false;
  EXPECT_EQ(after(2900ms), "");
  EXPECT_NE(after(200ms), "");
}

TEST_F(LivenessWatchTest, NobodyMustElectWithoutASoundMajority) {
  health_.all_led = false;
  health_.nodes[2].sound = false;
  isolate(1);
  EXPECT_EQ(after(100s), "");
  health_.reaches[1] = std::vector<bool>(3, true);
  EXPECT_EQ(after(2900ms), "");
  health_.all_led = true;
  EXPECT_EQ(after(200ms), "");
  health_.all_led = false;
  EXPECT_NE(after(4s), "");
}

}  // namespace
}  // namespace forebay::sim
