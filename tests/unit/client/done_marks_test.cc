#include "client/core/done_marks.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
constexpr DoneMarks::TimePoint kStart{milliseconds(1'000)};

TEST(DoneMarks, PositionPassesWhatIsDoneInARow) {
  DoneMarks marks(10, 100);
  marks.delivered(10, 20, kStart);
  EXPECT_TRUE(marks.mark(12, 15));
  EXPECT_EQ(marks.position(), 10);
  EXPECT_TRUE(marks.mark(10, 11));
  EXPECT_EQ(marks.position(), 11);
  EXPECT_TRUE(marks.mark(11, 12));
  EXPECT_EQ(marks.position(), 15);
  EXPECT_TRUE(marks.mark(3, 4)) << "done before";
}

TEST(DoneMarks, OffsetsWithoutRecordsArePassed) {
  DoneMarks marks(0, 100);
  marks.delivered(5, 6, kStart);
  EXPECT_EQ(marks.position(), 5);
  marks.passed(9);
  EXPECT_EQ(marks.position(), 5);
  EXPECT_TRUE(marks.mark(5, 6));
  EXPECT_EQ(marks.position(), 9);
}

TEST(DoneMarks, WhatWasNotHandedOutIsNotDone) {
  DoneMarks marks(10, 100);
  marks.delivered(10, 12, kStart);
  EXPECT_EQ(marks.mark(11, 13).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(marks.mark(-1, 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(marks.position(), 10);
}

TEST(DoneMarks, RunsOfMarksAreBounded) {
  DoneMarks marks(0, 2);
  marks.delivered(0, 10, kStart);
  EXPECT_TRUE(marks.mark(2, 3));
  EXPECT_TRUE(marks.mark(4, 5));
  EXPECT_EQ(marks.mark(6, 7).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(marks.mark(0, 1)) << "the way out";
  EXPECT_TRUE(marks.mark(1, 2));
  EXPECT_TRUE(marks.mark(6, 7));
}

TEST(DoneMarks, OldestUnmarkedIsTheTimeOfItsDelivery) {
  DoneMarks marks(0, 100);
  EXPECT_FALSE(marks.oldest_unmarked());
  marks.delivered(0, 5, kStart);
  marks.delivered(5, 6, kStart + milliseconds(100));
  EXPECT_EQ(marks.oldest_unmarked(), kStart);
  EXPECT_TRUE(marks.mark(0, 5));
  EXPECT_EQ(marks.oldest_unmarked(), kStart + milliseconds(100));
  EXPECT_TRUE(marks.mark(5, 6));
  EXPECT_FALSE(marks.oldest_unmarked());
}

TEST(DoneMarks, RestartAheadSkipsWhatWasNotHandedOut) {
  DoneMarks marks(0, 100);
  marks.restart(10);
  EXPECT_EQ(marks.position(), 10);
  EXPECT_FALSE(marks.has_unmarked());
  marks.delivered(10, 15, kStart);
  marks.restart(50);
  EXPECT_EQ(marks.position(), 10) << "five are in hand";
  EXPECT_FALSE(marks.mark(50, 51));
  EXPECT_TRUE(marks.mark(10, 15));
  EXPECT_EQ(marks.position(), 50);
}

// They are in the hands of the application: going past them would lose them when it dies.
TEST(DoneMarks, RestartBackPassesNothingThatIsNotMarked) {
  DoneMarks marks(50, 100);
  marks.delivered(50, 60, kStart);
  marks.delivered(60, 100, kStart + milliseconds(100));
  EXPECT_TRUE(marks.mark(65, 80));
  marks.restart(70);
  EXPECT_EQ(marks.position(), 50);
  EXPECT_FALSE(marks.mark(75, 76)) << "it is to be handed out again";
  marks.delivered(70, 100, kStart + milliseconds(200));
  EXPECT_TRUE(marks.mark(50, 65));
  EXPECT_EQ(marks.position(), 70);
  EXPECT_EQ(marks.oldest_unmarked(), kStart + milliseconds(200));
}

TEST(DoneMarks, RestartAmongOffsetsWithoutRecordsKeepsWhatIsInHand) {
  DoneMarks marks(50, 100);
  marks.delivered(50, 60, kStart);
  marks.passed(70);
  marks.restart(65);
  EXPECT_EQ(marks.position(), 50);
  EXPECT_EQ(marks.delivered_end(), 65);
  EXPECT_EQ(marks.oldest_unmarked(), kStart);
  EXPECT_TRUE(marks.mark(50, 60));
  EXPECT_EQ(marks.position(), 65);
  EXPECT_FALSE(marks.oldest_unmarked());
}

TEST(DoneMarks, RestartBelowThePositionHandsOutAgain) {
  DoneMarks marks(50, 100);
  marks.delivered(50, 60, kStart);
  EXPECT_TRUE(marks.mark(50, 55));
  marks.restart(20);
  EXPECT_EQ(marks.position(), 20);
  EXPECT_FALSE(marks.has_unmarked());
}

// The same by a set of the offsets that are done.
TEST(DoneMarks, DrawnMarksGiveThePositionOfTheModel) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 rng(seed);
    const auto draw = [&](int below) {
      return static_cast<std::int64_t>(rng() % static_cast<unsigned>(below));
    };
    DoneMarks marks(100, 1'000);
    std::set<std::int64_t> open;  // handed out, and not done
    std::int64_t end = 100;
    for (int step = 0; step < 300; ++step) {
      const std::int64_t what = draw(11);
      if (what < 2) {
        const std::int64_t begin = end + draw(3);
        end = begin + 1 + draw(6);
        marks.delivered(begin, end, kStart + milliseconds(step));
        for (std::int64_t offset = begin; offset < end; ++offset) open.insert(offset);
      } else if (what == 2) {
        end += draw(3);
        marks.passed(end);
      } else if (what == 3) {
        const std::int64_t to = std::max<std::int64_t>(100, end - 12 + draw(15));
        open.erase(open.lower_bound(to), open.end());
        end = to;
        marks.restart(to);
      } else if (end > 100) {
        const std::int64_t begin = 100 + draw(static_cast<int>(end - 100));
        const std::int64_t to = std::min(end, begin + 1 + draw(4));
        ASSERT_TRUE(marks.mark(begin, to));
        open.erase(open.lower_bound(begin), open.lower_bound(to));
      }
      ASSERT_EQ(marks.position(), open.empty() ? end : *open.begin()) << "seed " << seed << " step " << step;
      ASSERT_EQ(marks.oldest_unmarked().has_value(), !open.empty());
    }
  }
}

}  // namespace
}  // namespace forebay::client
