#include "raft/core/catch_up_pace.h"

#include <gtest/gtest.h>

namespace forebay::raft {
namespace {

using namespace std::chrono_literals;
using Steady = CatchUpPace::Steady;

constexpr model::NodeId kMember(2);

// What a member gets within `time`, in reads of `read` bytes that take no time, beside a writer of
// `written_per_ms`.
std::uint64_t got_within(CatchUpPace& pace, Steady begin, Steady time, std::size_t read,
                         std::size_t written_per_ms) {
  std::uint64_t got = 0;
  for (Steady now = begin; now < begin + time; now += 1ms) {
    if (written_per_ms > 0) pace.written(written_per_ms, now);
    for (int reads = 0; reads < 100 && pace.ready_at(kMember, now) <= now; ++reads) {
      pace.took(kMember, read, now);
      got += read;
    }
  }
  return got;
}

TEST(CatchUpPace, IsBoundedWhileClientsWrite) {
  CatchUpPace pace(100'000'000);
  static_cast<void>(got_within(pace, 10s, 2s, 1'000'000, 1'000));
  const auto got = got_within(pace, 12s, 4s, 1'000'000, 1'000);
  EXPECT_NEAR(static_cast<double>(got), 400e6, 4e6);
}

TEST(CatchUpPace, IsNoneWhileNobodyWrites) {
  CatchUpPace pace(1'000'000);
  EXPECT_EQ(got_within(pace, 10s, 10ms, 1'000'000, 0), 1'000'000'000U);
}

TEST(CatchUpPace, IsNoneAgainSoonAfterTheLastWrite) {
  CatchUpPace pace(1'000'000);
  pace.written(1, 10s);
  pace.took(kMember, 60'000'000, 10s);  // a minute's worth
  EXPECT_GT(pace.ready_at(kMember, 10s), 60s);
  EXPECT_GT(pace.ready_at(kMember, 11s + 900ms), 60s);
  EXPECT_LE(pace.ready_at(kMember, 12s), 12s);
}

TEST(CatchUpPace, IsTwiceWhatIsWrittenAtLeast) {
  CatchUpPace pace(1'000'000);
  static_cast<void>(got_within(pace, 10s, 2s, 100'000, 50'000));  // 50 MB/s
  const auto got = got_within(pace, 12s, 4s, 100'000, 50'000);
  EXPECT_NEAR(static_cast<double>(got), 400e6, 10e6);
}

TEST(CatchUpPace, OfOneMemberIsNotThatOfAnother) {
  CatchUpPace pace(1'000'000);
  pace.written(1, 10s);
  pace.took(kMember, 5'000'000, 10s);
  EXPECT_GT(pace.ready_at(kMember, 10s), 10s);
  EXPECT_LE(pace.ready_at(model::NodeId(3), 10s), 10s);
}

TEST(CatchUpPace, WithoutBoundIsNone) {
  CatchUpPace pace(0);
  pace.written(1, 10s);
  pace.took(kMember, 1'000'000'000, 10s);
  EXPECT_LE(pace.ready_at(kMember, 10s), 10s);
}

}  // namespace
}  // namespace forebay::raft
