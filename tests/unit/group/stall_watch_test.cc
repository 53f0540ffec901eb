#include "group/core/stall_watch.h"

#include <gtest/gtest.h>

#include <random>

#include "test_coordinator.h"

namespace forebay::group {
namespace {

using std::chrono::seconds;

const model::TopicPartition kPartition{testing::topic_id(1), model::PartitionIndex(0)};

PartitionSight sight(std::int64_t next, std::uint64_t lag) {
  return {.partition = kPartition,
          .next = model::Offset(next),
          .lag_records = lag,
          .owner = MemberNumber(1),
          .target = MemberNumber(1),
          .owner_is_attached = true};
}

// What is said of a partition that stands at one place for long.
std::optional<StallCause> said_of(const PartitionSight& one, bool has_members = true) {
  StallWatch watch;
  watch.see("g", has_members, {one}, seconds(0));
  watch.see("g", has_members, {one}, seconds(30));
  const auto stall = watch.stall("g", kPartition);
  return stall ? std::optional(stall->cause) : std::nullopt;
}

TEST(StallWatch, NamesTheCause) {
  PartitionSight one = sight(5, 3);
  EXPECT_EQ(said_of(one), StallCause::kOwnerIsSilent);
  EXPECT_EQ(said_of(one, false), StallCause::kNoMembers);
  one.is_given_up = true;
  EXPECT_EQ(said_of(one), StallCause::kOwnerHolds);
  one.owner_is_attached = false;
  EXPECT_EQ(said_of(one), StallCause::kOwnerGone);
  one.start_is_known = false;
  EXPECT_EQ(said_of(one), StallCause::kStartUnknown);
  one.owner = kNobody;
  EXPECT_EQ(said_of(one), StallCause::kNotTaken);
  one.target = kNobody;
  EXPECT_EQ(said_of(one), StallCause::kNotSubscribed);
}

TEST(StallWatch, SaysNothingOfWhoHasReadAll) { EXPECT_EQ(said_of(sight(5, 0)), std::nullopt); }

TEST(StallWatch, WaitsBeforeItSpeaks) {
  StallWatch watch;
  watch.see("g", true, {sight(5, 1)}, seconds(10));
  watch.see("g", true, {sight(5, 2)}, seconds(39));
  EXPECT_EQ(watch.stall("g", kPartition), std::nullopt);
  watch.see("g", true, {sight(5, 2)}, seconds(40));
  EXPECT_EQ(watch.stall("g", kPartition), (Stall{StallCause::kOwnerIsSilent, seconds(10)}));
  EXPECT_EQ(watch.stalls("g").size(), 1U);
  EXPECT_TRUE(watch.stalls("h").empty());
}

TEST(StallWatch, BeginsAnewWhenTheGroupGoesOn) {
  StallWatch watch;
  watch.see("g", true, {sight(5, 1)}, seconds(0));
  watch.see("g", true, {sight(6, 9)}, seconds(20));
  watch.see("g", true, {sight(6, 9)}, seconds(40));
  EXPECT_EQ(watch.stall("g", kPartition), std::nullopt);
  watch.see("g", true, {sight(6, 0)}, seconds(50));
  watch.see("g", true, {sight(6, 1)}, seconds(60));
  EXPECT_EQ(watch.stall("g", kPartition), std::nullopt) << "there was nothing to read meanwhile";
}

TEST(StallWatch, ForgetsWhatIsNotThereAnyMore) {
  StallWatch watch;
  watch.see("g", true, {sight(5, 1)}, seconds(0));
  watch.see("g", true, {}, seconds(20));
  watch.see("g", true, {sight(5, 1)}, seconds(40));
  EXPECT_EQ(watch.stall("g", kPartition), std::nullopt);
  watch.see("g", true, {sight(5, 1)}, seconds(80));
  watch.forget("g");
  EXPECT_EQ(watch.stall("g", kPartition), std::nullopt);
}

// The slow model: all that was seen, from the latest back.
TEST(StallWatch, SaysWhatTheWholeHistorySays) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&random](std::uint32_t below) { return random() % below; };
    StallWatch watch;
    std::vector<std::pair<StallWatch::Time, PartitionSight>> history;
    StallWatch::Time now{0};
    std::int64_t next = 0;
    for (int step = 0; step < 60; ++step) {
      now += seconds(draw(15));
      next += draw(6) == 0 ? 1 : 0;
      history.emplace_back(now, sight(next, draw(10) == 0 ? 0 : 7));
      watch.see("g", true, {history.back().second}, now);
      StallWatch::Time since = now;
      for (auto at = history.rbegin(); at != history.rend(); ++at) {
        if (at->second.next.value() != next || at->second.lag_records == 0) break;
        since = at->first;
      }
      const bool stalled = history.back().second.lag_records > 0 && now - since >= StallWatch::kStillMax;
      const auto said = watch.stall("g", kPartition);
      ASSERT_EQ(said.has_value(), stalled) << "seed " << seed << " step " << step;
      ASSERT_EQ(said ? said->since : since, since) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace forebay::group
