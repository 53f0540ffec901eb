#include "group/core/catch_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "test_coordinator.h"

namespace forebay::group {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

model::TopicPartition partition(std::int32_t index) {
  return {testing::topic_id(1), model::PartitionIndex(index)};
}

PartitionSight sight(std::int64_t next, std::int64_t end, std::int32_t index = 0,
                     MemberNumber owner = MemberNumber(1)) {
  return {.partition = partition(index),
          .next = model::Offset(next),
          .end = model::Offset(end),
          .lag_records = static_cast<std::uint64_t>(end - next),
          .owner = owner,
          .target = owner,
          .owner_is_attached = owner != kNobody};
}

std::optional<std::int64_t> of(const CatchUp& watch) {
  const auto time = watch.of("g", partition(0));
  EXPECT_EQ(watch.of("g"), time) << "of the only partition";
  return time ? std::optional(time->count()) : std::nullopt;
}

TEST(CatchUp, IsTheLagByHowMuchFasterIsReadThanWritten) {
  CatchUp watch;
  watch.see("g", {sight(0, 1'000)}, seconds(100));
  EXPECT_EQ(of(watch), std::nullopt) << "one look says nothing";
  // 50 a second are read, 30 written: 800 are left, 20 fewer each second.
  watch.see("g", {sight(500, 1'300)}, seconds(110));
  EXPECT_EQ(of(watch), 40'000);
  watch.see("g", {sight(1'000, 1'600)}, seconds(120));
  EXPECT_EQ(of(watch), 30'000);
}

TEST(CatchUp, WhoHasAllHasCaughtUpAtTheFirstLook) {
  CatchUp watch;
  watch.see("g", {sight(7, 7)}, seconds(0));
  EXPECT_EQ(of(watch), 0);
  EXPECT_EQ(watch.of("h"), std::nullopt);
  EXPECT_EQ(watch.of("g", partition(1)), std::nullopt);
}

TEST(CatchUp, WhoIsNoFasterThanTheWritersDoesNotCatchUp) {
  for (const std::int64_t read : {0, 10, 30}) {
    CatchUp watch;
    for (std::int64_t second = 0; second <= 60; second += 10)
      watch.see("g", {sight(read * second, 1'000 + 30 * second)}, seconds(second));
    EXPECT_EQ(of(watch), std::nullopt) << read;
  }
  // It would take longer than a year.
  CatchUp watch;
  watch.see("g", {sight(0, 1'000'000'000)}, seconds(0));
  watch.see("g", {sight(1, 1'000'000'000)}, seconds(10));
  EXPECT_EQ(of(watch), std::nullopt);
}

TEST(CatchUp, OneLookDoesNotMakeItJump) {
  CatchUp watch;
  std::int64_t next = 0, now = 0;
  const std::int64_t end = 100'000;
  for (; now <= 120; now += 10) watch.see("g", {sight(next = 100 * now, end)}, seconds(now));
  const auto steady = *of(watch);
  EXPECT_EQ(steady, (end - next) * 10);
  // It pauses for one look, and is as fast as before.
  watch.see("g", {sight(next, end)}, seconds(now));
  EXPECT_GT(*of(watch), steady);
  EXPECT_LT(*of(watch), steady * 5 / 4);
  // It stops: the pace fades.
  for (int looks = 0; looks < 60; ++looks) watch.see("g", {sight(next, end)}, seconds(now += 10));
  EXPECT_GT(of(watch).value_or(CatchUp::kLongest.count()), steady * 1'000);
}

// Somebody asks ten times a second between two commits.
TEST(CatchUp, LooksThatComeFastDoNotSpoilIt) {
  CatchUp watch;
  for (std::int64_t now = 0; now <= 30'000; now += 100) {
    const std::int64_t next = now / 5'000 * 500;  // commits come every 5 s
    watch.see("g", {sight(next, 10'000)}, milliseconds(now));
    if (now < CatchUp::kSpanMin.count()) {
      EXPECT_EQ(of(watch), std::nullopt) << now;
      continue;
    }
    const double exact = static_cast<double>(10'000 - next) * 10;
    ASSERT_TRUE(of(watch)) << now;
    EXPECT_LT(std::abs(static_cast<double>(*of(watch)) - exact), exact) << now;
  }
}

TEST(CatchUp, AResetIsNoReading) {
  CatchUp watch;
  watch.see("g", {sight(0, 1'000)}, seconds(0));
  watch.see("g", {sight(100, 1'000)}, seconds(10));
  EXPECT_EQ(of(watch), 90'000);
  watch.see("g", {sight(10, 1'000)}, seconds(20));
  EXPECT_EQ(of(watch), std::nullopt) << "it went back";
  // Forwards, while nobody owns it, or between two owners.
  watch.see("g", {sight(10, 1'000)}, seconds(40));
  watch.see("g", {sight(20, 1'000, 0, kNobody)}, seconds(50));
  EXPECT_EQ(of(watch), std::nullopt) << "nobody reads";
  watch.see("g", {sight(900, 1'000, 0, kNobody)}, seconds(60));
  watch.see("g", {sight(900, 1'000, 0, MemberNumber(2))}, seconds(70));
  EXPECT_EQ(of(watch), std::nullopt);
  watch.see("g", {sight(910, 1'000, 0, MemberNumber(2))}, seconds(80));
  EXPECT_EQ(of(watch), 90'000);
  watch.see("g", {sight(990, 1'000, 0, MemberNumber(3))}, seconds(90));
  EXPECT_EQ(of(watch), 10'000) << "at the pace of before";
}

TEST(CatchUp, OfAGroupIsThatOfWhatIsBehind) {
  CatchUp watch;
  watch.see("g", {sight(0, 500, 0), sight(0, 1'500, 1), sight(9, 9, 2)}, seconds(0));
  watch.see("g", {sight(100, 500, 0), sight(100, 1'500, 1), sight(99, 99, 2)}, seconds(10));
  EXPECT_EQ(watch.of("g", partition(0)), seconds(40));
  EXPECT_EQ(watch.of("g", partition(1)), seconds(140));
  EXPECT_EQ(watch.of("g", partition(2)), seconds(0));
  EXPECT_EQ(watch.of("g"), seconds(90)) << "1,800 by 20 a second";
  watch.see("g", {sight(200, 500, 0), sight(200, 1'500, 1, kNobody)}, seconds(20));
  EXPECT_EQ(watch.of("g"), std::nullopt) << "one of them waits for nobody";
  EXPECT_EQ(watch.of("g", partition(0)), seconds(30));
}

TEST(CatchUp, ForgetsWhatIsNotThereAnyMore) {
  CatchUp watch;
  watch.see("g", {sight(0, 100)}, seconds(0));
  watch.see("g", {sight(10, 100)}, seconds(10));
  watch.see("g", {}, seconds(20));
  EXPECT_EQ(of(watch), std::nullopt);
  watch.see("g", {sight(20, 100)}, seconds(30));
  EXPECT_EQ(of(watch), std::nullopt);
  watch.see("g", {sight(30, 100)}, seconds(40));
  EXPECT_EQ(of(watch), 70'000);
  watch.forget("g");
  EXPECT_EQ(of(watch), std::nullopt);
}

}  // namespace
}  // namespace forebay::group
