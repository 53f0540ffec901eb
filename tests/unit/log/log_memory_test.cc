#include "log/log_memory.h"

#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

FramePtr frame_at(std::int64_t offset, std::size_t payload_bytes) {
  FrameHeader header;
  header.begin = {Offset(offset), 0};
  header.end = {Offset(offset + 1), 0};
  return std::make_shared<const Frame>(
      Frame{header, SharedBytes::take(std::vector<std::byte>(payload_bytes))});
}

TEST(LogMemory, PinnedFramesAreNeverEvicted) {
  MemoryAccount account(0);
  LogMemory memory(account, nullptr);
  for (int i = 0; i < 10; ++i) memory.push(frame_at(i, 1000));
  account.evict_over_bound();
  EXPECT_EQ(memory.end() - memory.begin(), 10U);
  memory.unpin_before(4);
  EXPECT_EQ(memory.begin(), 4U) << "no room for cache: what is unpinned goes at once";
  EXPECT_EQ(account.cached_bytes(), 0U);
  EXPECT_EQ(memory.frame(4)->header.begin.next_offset, Offset(4));
}

TEST(LogMemory, TheOldestOfAllLogsIsEvictedFirst) {
  MemoryAccount account(12'000);
  LogMemory a(account, nullptr), b(account, nullptr);
  for (int i = 0; i < 5; ++i) {
    a.push(frame_at(i, 1000));
    b.push(frame_at(i, 1000));
  }
  a.unpin_before(5);
  b.unpin_before(5);
  while (account.cached_bytes() > 0 && !a.empty()) {
    LogMemory& c = a.end() - a.begin() > b.end() - b.begin() ? b : a;
    c.push(frame_at(100, 1000));
    c.unpin_before(c.end());
    EXPECT_LE(account.cached_bytes(), 12'000U);
    const auto left_a = a.end() - a.begin(), left_b = b.end() - b.begin();
    EXPECT_LE(left_a > left_b ? left_a - left_b : left_b - left_a, 2U);
    if (a.begin() > 8) break;
  }
}

TEST(LogMemory, SmallPayloadDoesNotKeepALargeBuffer) {
  MemoryAccount account(1U << 20);
  LogMemory memory(account, nullptr);
  const SharedBytes large = SharedBytes::take(std::vector<std::byte>(1U << 20));
  FrameHeader header;
  header.end = {Offset(1), 0};
  const FramePtr kept = memory.push(std::make_shared<const Frame>(Frame{header, large.slice(500, 100)}));
  EXPECT_NE(kept->payload.owner(), large.owner());
  EXPECT_LT(account.pinned_bytes(), 1000U);
  // A buffer that is mostly used stays shared: nothing is copied.
  const FramePtr shared = memory.push(std::make_shared<const Frame>(Frame{header, large.slice(0, 900'000)}));
  EXPECT_EQ(shared->payload.owner(), large.owner());
  EXPECT_GT(account.pinned_bytes(), 1U << 20);
}

TEST(LogMemory, WhatIsCutGoesFromTheEndWithPinnedAndCached) {
  MemoryAccount account(1U << 20);
  LogMemory memory(account, nullptr);
  for (int i = 0; i < 10; ++i) memory.push(frame_at(i, 1000));
  memory.unpin_before(6);
  memory.drop_from(8);
  EXPECT_EQ(memory.end(), 8U);
  EXPECT_EQ(memory.pinned_begin(), 6U);
  memory.drop_from(3);
  EXPECT_EQ(memory.end(), 3U);
  EXPECT_EQ(memory.pinned_begin(), 3U);
  EXPECT_EQ(account.pinned_bytes(), 0U);
  EXPECT_EQ(memory.find_begin({Offset(3), 0}), 3U);
  memory.push(frame_at(3, 1000));
  EXPECT_EQ(memory.frame(3)->header.begin.next_offset, Offset(3));
  EXPECT_GT(account.pinned_bytes(), 0U);
  memory.drop_from(0);
  EXPECT_TRUE(memory.empty());
  EXPECT_EQ(account.cached_bytes() + account.pinned_bytes(), 0U);
  EXPECT_TRUE(account.pinned_logs().empty());
}

TEST(LogMemory, AccountsToTheByteThroughRandomUse) {
  sim::SimRng rng(1);
  MemoryAccount account(20'000);
  std::vector<std::unique_ptr<LogMemory>> logs;
  for (int i = 0; i < 4; ++i) logs.push_back(std::make_unique<LogMemory>(account, nullptr));
  for (int step = 0; step < 5000; ++step) {
    auto& log = logs[rng.below(logs.size())];
    switch (rng.below(7)) {
      case 0:
        log->unpin_before(log->begin() + rng.below(log->end() - log->begin() + 1));
        break;
      case 1:
        log->drop_before(log->begin() + rng.below(log->end() - log->begin() + 1));
        break;
      case 3:
        if (rng.one_in(4)) log->drop_from(log->begin() + rng.below(log->end() - log->begin() + 1));
        break;
      case 2:
        if (rng.one_in(20)) log = std::make_unique<LogMemory>(account, nullptr);
        break;
      default:
        log->push(frame_at(static_cast<std::int64_t>(log->end()), rng.below(3000)));
        break;
    }
    std::uint64_t pinned = 0, cached = 0;
    for (const auto& each : logs) {
      std::uint64_t mine = 0;
      for (auto n = each->begin(); n < each->end(); ++n) mine += each->charge(n);
      ASSERT_EQ(mine, each->pinned_bytes() + each->cached_bytes());
      pinned += each->pinned_bytes();
      cached += each->cached_bytes();
    }
    ASSERT_EQ(account.pinned_bytes(), pinned);
    ASSERT_EQ(account.cached_bytes(), cached);
    ASSERT_LE(cached, 20'000U);
  }
  logs.clear();
  EXPECT_EQ(account.pinned_bytes() + account.cached_bytes(), 0U);
  EXPECT_TRUE(account.pinned_logs().empty());
}

}  // namespace
}  // namespace forebay::log::testing
