#include "runtime/byte_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace forebay::runtime {

namespace {

TEST(ByteBudget, RefusesWhatWouldPassTheLimit) {
  ByteBudget budget(100);
  auto first = budget.try_acquire(60);
  ASSERT_TRUE(first);
  EXPECT_FALSE(budget.try_acquire(41));
  EXPECT_TRUE(budget.try_acquire(40)) << "and released again at once";
  EXPECT_EQ(budget.used(), 60U);
  EXPECT_EQ(budget.high_water(), 100U);
  EXPECT_EQ(budget.refused(), 1U);
  EXPECT_FALSE(budget.try_acquire(~std::uint64_t{0})) << "no overflow";
}

TEST(ByteBudget, LeaseGivesBackWhenItShrinksMovesOrDies) {
  ByteBudget budget(100);
  {
    auto lease = *budget.try_acquire(80);
    lease.shrink_to(50);
    EXPECT_EQ(budget.used(), 50U);
    lease.shrink_to(70);
    EXPECT_EQ(budget.used(), 50U);
    ByteBudget::Lease moved = std::move(lease);
    EXPECT_EQ(moved.bytes(), 50U);
    moved = *budget.try_acquire(10);
    EXPECT_EQ(budget.used(), 10U);
    moved.release();
    moved.release();
    EXPECT_EQ(budget.used(), 0U);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(ByteBudget, LoweredLimitHoldsForNewLeasesOnly) {
  ByteBudget budget(100);
  const auto lease = budget.try_acquire(80);
  budget.set_limit(50);
  EXPECT_EQ(budget.used(), 80U);
  EXPECT_FALSE(budget.try_acquire(1));
}

TEST(ByteBudget, HoldsUnderManyThreads) {
  ByteBudget budget(1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&budget] {
      for (int round = 0; round < 20'000; ++round) {
        const auto lease = budget.try_acquire(400);
        EXPECT_LE(budget.used(), 1000U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_LE(budget.high_water(), 1000U);
}

}  // namespace

}  // namespace forebay::runtime
