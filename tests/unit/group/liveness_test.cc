#include "group/core/liveness.h"

#include <gtest/gtest.h>

#include "test_coordinator.h"

namespace forebay::group::testing {
namespace {

// Group "g": member 1 with a session of 10 s and a revoke timeout of 60 s, from time 0.
class LivenessTest : public ::testing::Test {
 protected:
  LivenessTest() {
    coordinator.set_topic("t", 2);
    join("a");
    clock().attach("g", kOne, MemberEpoch(1), SteadyTime(0));
  }
  void join(const std::string& id) {
    coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.join(new_member(id, {"t"}))); });
  }
  Liveness& clock() { return coordinator.liveness; }
  // Calls it as often as it asks for.
  std::vector<Expiry> run_to(std::int64_t ms) {
    std::vector<Expiry> all;
    while (clock().next_deadline() && *clock().next_deadline() <= SteadyTime(ms)) {
      coordinator.now = *clock().next_deadline();
      for (const Expiry& one : clock().on_time(coordinator.now)) all.push_back(one);
    }
    coordinator.now = SteadyTime(ms);
    return all;
  }

  static constexpr MemberNumber kOne{1};
  TestCoordinator coordinator;
};

TEST_F(LivenessTest, ASilentStreamEndsTheSession) {
  EXPECT_TRUE(run_to(9'999).empty());
  EXPECT_EQ(run_to(10'000), (std::vector<Expiry>{{"g", kOne, MemberEpoch(1), AssignmentNumber{}}}));
}

TEST_F(LivenessTest, WhatIsHeardProlongsTheSession) {
  run_to(8'000);
  clock().hear("g", kOne, MemberEpoch(1), coordinator.now);
  EXPECT_TRUE(run_to(17'999).empty());
  EXPECT_EQ(run_to(18'000).size(), 1U);
}

TEST_F(LivenessTest, ABrokenStreamLeavesOneSession) {
  run_to(5'000);
  clock().detach("g", kOne, MemberEpoch(1), coordinator.now);
  EXPECT_FALSE(clock().is_attached("g", kOne));
  EXPECT_TRUE(run_to(14'999).empty());
  EXPECT_EQ(run_to(15'000).size(), 1U);
}

TEST_F(LivenessTest, AnotherEpochCountsForNothing) {
  run_to(5'000);
  clock().hear("g", kOne, MemberEpoch(2), coordinator.now);
  clock().detach("g", kOne, MemberEpoch(2), coordinator.now);
  EXPECT_TRUE(clock().is_attached("g", kOne));
  EXPECT_EQ(run_to(10'000).size(), 1U);
}

TEST_F(LivenessTest, AnExpiryThatLedToNothingIsSaidAgain) {
  EXPECT_EQ(run_to(10'000).size(), 1U);
  EXPECT_EQ(run_to(11'000).size(), 1U);
}

TEST_F(LivenessTest, AMemberThatIsOutHasNoTimes) {
  coordinator.turn("g", [](Turn& turn) { turn.end_session(kOne, MemberEpoch(1)); });
  EXPECT_EQ(clock().next_deadline(), std::nullopt);
}

TEST_F(LivenessTest, WhatIsToBeGivenUpHasItsOwnTime) {
  join("b");
  EXPECT_EQ(clock().revoke_left("g", kOne, SteadyTime(1'000)), Milliseconds(59'000));
  std::vector<Expiry> all;
  for (std::int64_t ms = 0; ms <= 60'000; ms += 1'000) {
    clock().hear("g", kOne, MemberEpoch(1), coordinator.now);
    clock().hear("g", MemberNumber(2), MemberEpoch(1), coordinator.now);
    for (const Expiry& one : run_to(ms)) all.push_back(one);
  }
  EXPECT_EQ(all, (std::vector<Expiry>{{"g", kOne, MemberEpoch(1), AssignmentNumber(2)}}));
}

TEST_F(LivenessTest, AConfirmationEndsThatTime) {
  join("b");
  coordinator.turn("g", [](Turn& turn) {
    ASSERT_TRUE(turn.confirm({"a", MemberEpoch(1)}, AssignmentNumber(2)));
  });
  EXPECT_EQ(clock().revoke_left("g", kOne, SteadyTime(1'000)), std::nullopt);
}

TEST_F(LivenessTest, ANewCoordinatorGivesEverybodyAFullSession) {
  run_to(9'000);
  Liveness next;
  next.begin(coordinator.image, SteadyTime(500'000));  // another node, another zero
  EXPECT_FALSE(next.is_attached("g", kOne));
  for (std::int64_t ms = 500'000; ms < 510'000; ms += 1'000)
    EXPECT_TRUE(next.on_time(SteadyTime(ms)).empty());
  EXPECT_EQ(next.on_time(SteadyTime(510'000)).size(), 1U);
}

TEST_F(LivenessTest, ThePauseOfTheCoordinatorIsNobodysFault) {
  run_to(5'000);
  EXPECT_TRUE(clock().on_time(SteadyTime(65'000)).empty());
  coordinator.now = SteadyTime(65'000);
  EXPECT_TRUE(run_to(68'000).empty());
  EXPECT_EQ(run_to(69'000).size(), 1U);
}

TEST_F(LivenessTest, ATimeWithoutMembersIsNoPause) {
  coordinator.turn("g", [](Turn& turn) { turn.end_session(kOne, MemberEpoch(1)); });
  coordinator.now = SteadyTime(100'000);
  join("b");
  EXPECT_TRUE(run_to(109'999).empty());
  EXPECT_EQ(run_to(110'000).size(), 1U);
}

TEST(Lease, IsOverBeforeTheSessionAndLastsSeveralHeartbeats) {
  for (const Milliseconds session : {kSessionMin, kSessionDefault, kSessionMax}) {
    EXPECT_LT(lease_of(session) + heartbeat_interval_of(session), session);
    EXPECT_GE(lease_of(session), 4 * heartbeat_interval_of(session));
  }
}

}  // namespace
}  // namespace forebay::group::testing
