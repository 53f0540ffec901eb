#include "runtime/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace forebay::runtime {

namespace {

TimePoint at(int ns) { return TimePoint(Duration(ns)); }

TEST(TimerQueue, FirstDeadlineComesFirstAndTiesKeepTheirOrder) {
  TimerQueue<int> queue;
  queue.add(at(20), 3);
  queue.add(at(10), 1);
  queue.add(at(10), 2);
  EXPECT_EQ(queue.next_deadline(), at(10));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueue, CancelWorksOnceAndNeverHitsALaterTimer) {
  TimerQueue<int> queue;
  const TimerId first = queue.add(at(1), 1);
  EXPECT_EQ(queue.cancel(first), 1);
  EXPECT_EQ(queue.cancel(first), std::nullopt);
  queue.add(at(1), 2);  // takes the slot of the first
  EXPECT_EQ(queue.cancel(first), std::nullopt);
  EXPECT_EQ(queue.cancel(TimerId{}), std::nullopt);
  EXPECT_EQ(queue.size(), 1U);
}

TEST(TimerQueue, AgreesWithAnOrderedMapUnderRandomUse) {
  std::mt19937_64 random(7);
  TimerQueue<int> queue;
  std::map<std::pair<TimePoint, int>, TimerId> model;  // value grows, so it is the order of arrival
  for (int value = 0; value < 20'000; ++value) {
    const auto dice = random() % 4;
    if (dice < 2) {
      const TimePoint deadline = at(static_cast<int>(random() % 1000));
      model[{deadline, value}] = queue.add(deadline, value);
    } else if (dice == 2 && !model.empty()) {
      auto victim = model.begin();
      std::advance(victim, static_cast<long>(random() % std::min<std::size_t>(model.size(), 20)));
      EXPECT_EQ(queue.cancel(victim->second), victim->first.second);
      model.erase(victim);
    } else if (!model.empty()) {
      EXPECT_EQ(queue.next_deadline(), model.begin()->first.first);
      EXPECT_EQ(queue.pop(), model.begin()->first.second);
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

}  // namespace

}  // namespace forebay::runtime
