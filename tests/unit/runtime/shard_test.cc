#include "runtime/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "runtime/shard_group.h"
#include "runtime/shard_io_context.h"
#include "runtime/thread_blocking_pool.h"

namespace forebay::runtime {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// Runs `task` on the shard and waits for it.
template <typename F>
void run_on(Shard& shard, F task) {
  std::promise<void> done;
  shard.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

// Returns when the shard has been found asleep once: with its alarm set for the timers that it has.
void see_asleep(Shard& shard) {
  const std::uint64_t before = shard.stats().wakes;
  while (shard.stats().wakes == before) run_on(shard, [] {});
}

TEST(Shard, TasksOfEveryPosterKeepTheirOrder) {
  constexpr int kPosters = 4;
  constexpr int kEach = 20'000;
  Shard shard("test");
  shard.start();
  std::vector<std::vector<int>> seen(kPosters);
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kEach; ++i) {
        shard.post([&seen, poster, i] { seen[static_cast<std::size_t>(poster)].push_back(i); });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  shard.stop_and_join();
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(kEach)) << "what was posted before the stop runs";
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  }
  EXPECT_GE(shard.stats().tasks_run, static_cast<std::uint64_t>(kPosters * kEach));
}

TEST(Shard, ABurstWakesOnce) {
  Shard shard("test");
  shard.start();
  run_on(shard, [] {});
  // While the first task holds the shard, everything else of the burst finds it awake.
  std::promise<void> hold;
  std::promise<void> held;
  shard.post([&] {
    held.set_value();
    hold.get_future().wait();
  });
  held.get_future().wait();
  const std::uint64_t before = shard.stats().wakes;
  for (int i = 0; i < 1000; ++i) shard.post([] {});
  EXPECT_EQ(shard.stats().wakes, before);
  EXPECT_GE(shard.stats().tasks_waiting, 1000U);
  hold.set_value();
  run_on(shard, [] {});
  EXPECT_LE(shard.stats().wakes, before + 1);
}

TEST(Shard, NoWakeUpIsLostBetweenTwoSleepyThreads) {
  Shard a("a");
  Shard b("b");
  a.start();
  b.start();
  constexpr int kRounds = 20'000;
  std::promise<void> done;
  int rounds = 0;  // handed to and fro, so never touched by both
  std::function<void()> ping = [&] {
    if (++rounds == kRounds) return done.set_value();
    (rounds % 2 == 0 ? a : b).post([&] { ping(); });
  };
  a.post([&] { ping(); });
  done.get_future().wait();
  a.stop_and_join();
  b.stop_and_join();
  EXPECT_EQ(rounds, kRounds);
}

TEST(Shard, TaskPostedFromItsOwnThreadNeverRunsInside) {
  Shard shard("test");
  shard.start();
  bool inside = true;
  bool ran_inside = true;
  std::promise<void> done;
  shard.post([&] {
    shard.post([&] {
      ran_inside = inside;
      done.set_value();
    });
    inside = false;
  });
  done.get_future().wait();
  EXPECT_FALSE(ran_inside);
}

TEST(Shard, TimersRunInOrderOfTheirDeadlines) {
  Shard shard("test");
  std::vector<int> order;
  std::promise<void> done;
  const TimePoint start = shard.now();
  shard.schedule_after(milliseconds(6), [&] {
    order.push_back(3);
    done.set_value();
  });
  shard.schedule_after(milliseconds(4), [&] { order.push_back(2); });
  shard.schedule_after(milliseconds(2), [&] { order.push_back(1); });
  shard.schedule_after(milliseconds(-5), [&] { order.push_back(0); });
  shard.start();
  done.get_future().wait();
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3));
  EXPECT_GE(shard.now() - start, milliseconds(6));
}

TEST(Shard, CancelledTimerDoesNotRunEvenWhenDue) {
  Shard shard("test");
  bool ran = false;
  std::promise<void> done;
  TimerId second;
  shard.schedule_after(milliseconds(0), [&] { shard.cancel(second); });
  second = shard.schedule_after(milliseconds(0), [&] { ran = true; });
  shard.schedule_after(milliseconds(1), [&] { done.set_value(); });
  shard.start();
  done.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST(Shard, ALaterTimerDoesNotDelayAnEarlierOneSetAfterwards) {
  Shard shard("test");
  shard.start();
  std::promise<void> done;
  run_on(shard, [&] { shard.schedule_after(Duration::max(), [] {}); });
  see_asleep(shard);
  run_on(shard, [&] { shard.schedule_after(hours(1), [] {}); });
  see_asleep(shard);
  run_on(shard, [&] { shard.schedule_after(milliseconds(1), [&] { done.set_value(); }); });
  done.get_future().wait();
}

TEST(Shard, ABusyShardStillRunsItsTimers) {
  Shard shard("test");
  shard.start();
  std::promise<void> done;
  bool fired = false;
  std::function<void()> spin = [&] {
    if (fired) return done.set_value();
    shard.post([&] { spin(); });
  };
  shard.post([&] {
    shard.schedule_after(milliseconds(1), [&] { fired = true; });
    spin();
  });
  done.get_future().wait();
}

TEST(Shard, WhatIsLeftAtTheStopIsDestroyedUnrun) {
  const auto held = std::make_shared<int>(0);
  bool ran = false;
  Shard shard("test");
  shard.start();
  run_on(shard, [&] { shard.schedule_after(hours(1), [held, &ran] { ran = true; }); });
  shard.stop_and_join();
  EXPECT_EQ(held.use_count(), 1);
  {
    Shard never_started("other");
    never_started.post([held, &ran] { ran = true; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST(Shard, KnowsItsOwnThread) {
  Shard shard("test");
  EXPECT_TRUE(shard.on_own_thread());
  shard.start();
  EXPECT_FALSE(shard.on_own_thread());
  bool inside = false;
  run_on(shard, [&] { inside = shard.on_own_thread(); });
  EXPECT_TRUE(inside);
}

// What has completed is not kept waiting by all the tasks that have come meanwhile.
TEST(Shard, HooksAreCalledBetweenLongTasks) {
  struct Hook final : TurnHook {
    bool end_of_turn() override { return false; }
    void between_tasks() override { ++calls; }
    int calls = 0;
  };
  Hook hook;
  Shard shard("long-tasks");
  add_turn_hook(shard, hook);
  std::vector<int> calls_before;
  const auto long_task = [&] {
    calls_before.push_back(hook.calls);
    const auto end = std::chrono::steady_clock::now() + milliseconds(1);
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  shard.start();
  // Posted by one task of the shard: all of them belong to its next turn.
  run_on(shard, [&] {
    for (int i = 0; i < 3; ++i) shard.post(long_task);
  });
  while (shard.stats().tasks_run < 4) std::this_thread::yield();
  shard.stop_and_join();
  ASSERT_EQ(calls_before.size(), 3U);
  EXPECT_LT(calls_before[0], calls_before[1]);
  EXPECT_LT(calls_before[1], calls_before[2]);
}

TEST(Shard, StatsTellTheLongestTaskOnce) {
  Shard shard("test");
  shard.start();
  run_on(shard, [] {});
  run_on(shard, [] {});  // the time of a task is noted after its end: so of the first one here
  const ShardStats first = shard.stats();
  EXPECT_GT(first.longest_task, Duration::zero());
  EXPECT_GT(first.cpu, Duration::zero());
  shard.stop_and_join();
  EXPECT_GE(shard.stats().cpu, first.cpu);
  EXPECT_EQ(shard.stats().longest_task, Duration::zero());
}

TEST(ShardGroup, DefaultIsHalfTheCoresRoundedUp) {
  EXPECT_EQ(default_shard_count(0), 1U);
  EXPECT_EQ(default_shard_count(1), 1U);
  EXPECT_EQ(default_shard_count(2), 1U);
  EXPECT_EQ(default_shard_count(3), 2U);
  EXPECT_EQ(default_shard_count(16), 8U);
}

TEST(ShardGroup, StartsAndStopsAll) {
  ShardGroup group(3);
  group.start();
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(group.at(i).name(), "fb-shard-" + std::to_string(i));
    run_on(group.at(i), [] {});
  }
  group.stop_and_join();
  group.stop_and_join();
}

TEST(ThreadBlockingPool, WorkRunsElsewhereAndTheAnswerOnTheExecutor) {
  Shard shard("test");
  shard.start();
  ThreadBlockingPool pool(2);
  std::promise<bool> answer;
  std::atomic<bool> work_elsewhere{false};
  pool.run([&] { work_elsewhere = !shard.on_own_thread(); }, shard,
           [&] { answer.set_value(shard.on_own_thread()); });
  EXPECT_TRUE(answer.get_future().get());
  EXPECT_TRUE(work_elsewhere);
  pool.shutdown();
  EXPECT_EQ(pool.stats().works_run, 1U);
}

TEST(ThreadBlockingPool, StartsInOrderOfArrival) {
  Shard shard("test");
  shard.start();
  ThreadBlockingPool pool(1);
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) pool.run([&order, i] { order.push_back(i); }, shard, [] {});
  pool.run([] {}, shard, [&] { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadBlockingPool, NothingRunsAfterShutdown) {
  Shard shard("test");
  shard.start();
  ThreadBlockingPool pool(1);
  std::promise<void> running;
  std::promise<void> go_on;
  std::atomic<int> count{0};
  pool.run(
      [&] {
        running.set_value();
        go_on.get_future().wait();
      },
      shard, [&] { ++count; });
  pool.run([&] { ++count; }, shard, [&] { ++count; });
  running.get_future().wait();
  std::thread stopper([&] { pool.shutdown(); });
  while (pool.stats().works_waiting != 0) std::this_thread::yield();
  go_on.set_value();
  stopper.join();
  pool.run([&] { ++count; }, shard, [&] { ++count; });
  shard.stop_and_join();
  EXPECT_EQ(count, 0);
}

}  // namespace

}  // namespace forebay::runtime
