#include "raft/core/replica_watch.h"

#include <gtest/gtest.h>

namespace forebay::raft {
namespace {

using std::chrono::seconds;

constexpr model::NodeId kFollower{2};
model::LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }

std::optional<std::int64_t> behind_s(const ReplicaWatch& watch, std::int64_t end) {
  const auto behind = watch.behind(kFollower, at(end));
  if (!behind) return std::nullopt;
  return std::chrono::duration_cast<seconds>(behind->since).count();
}

TEST(ReplicaWatch, WhoHasNotAnsweredIsBehindSinceTheLeadershipBegan) {
  ReplicaWatch watch;
  watch.begin(seconds(10));
  EXPECT_EQ(behind_s(watch, 5), 10);
  EXPECT_FALSE(watch.behind(kFollower, at(5))->seen);
  watch.flushed(kFollower, at(3), at(5), seconds(12));
  EXPECT_EQ(behind_s(watch, 5), 10);
  EXPECT_FALSE(watch.behind(kFollower, at(5))->seen);
}

TEST(ReplicaWatch, WhoHasAllIsNotBehind) {
  ReplicaWatch watch;
  watch.begin(seconds(10));
  watch.flushed(kFollower, at(5), at(5), seconds(12));
  EXPECT_EQ(behind_s(watch, 5), std::nullopt);
}

TEST(ReplicaWatch, AQuietFollowerFallsBehindWhenTheLogGrows) {
  ReplicaWatch watch;
  watch.begin(seconds(10));
  watch.flushed(kFollower, at(5), at(5), seconds(12));
  watch.appended(at(5), at(6), seconds(100));
  watch.appended(at(6), at(7), seconds(200));
  EXPECT_EQ(behind_s(watch, 7), 100);
  EXPECT_TRUE(watch.behind(kFollower, at(7))->seen);
}

// It never has all there is, and is never further behind than the time of a round trip.
TEST(ReplicaWatch, AFollowerUnderLoadIsBehindByAMoment) {
  ReplicaWatch watch;
  watch.begin(seconds(0));
  watch.flushed(kFollower, at(0), at(0), seconds(0));
  for (std::int64_t n = 1; n <= 100; ++n) {
    watch.appended(at(n - 1), at(n), seconds(n));
    watch.flushed(kFollower, at(n - 1), at(n), seconds(n));
    ASSERT_GE(behind_s(watch, n).value_or(n), n - 2);
  }
  watch.flushed(kFollower, at(100), at(100), seconds(101));
  EXPECT_EQ(behind_s(watch, 100), std::nullopt);
}

TEST(ReplicaWatch, AFollowerThatIsTooSlowStaysBehindSinceItFell) {
  ReplicaWatch watch;
  watch.begin(seconds(0));
  watch.flushed(kFollower, at(0), at(0), seconds(0));
  watch.appended(at(0), at(1'000), seconds(5));
  for (std::int64_t n = 1; n <= 100; ++n) {
    watch.flushed(kFollower, at(n), at(1'000 + n * 10), seconds(5 + n));
    watch.appended(at(1'000 + n * 10), at(1'010 + n * 10), seconds(5 + n));
    EXPECT_EQ(behind_s(watch, 1'010 + n * 10), 5);
  }
}

TEST(ReplicaWatch, AnotherLeadershipKnowsNothing) {
  ReplicaWatch watch;
  watch.begin(seconds(0));
  watch.flushed(kFollower, at(5), at(5), seconds(1));
  watch.begin(seconds(50));
  EXPECT_EQ(behind_s(watch, 5), 50);
}

}  // namespace
}  // namespace forebay::raft
