// The consumer's reading ahead, in virtual time and without streams.
#include "client/core/read_ahead.h"

#include <gtest/gtest.h>

#include <random>

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

const TopicPartition kA{"t", 0};
const TopicPartition kB{"t", 1};

FetchedResponse response_of(std::int64_t begin, std::int64_t end, std::size_t bytes = 100) {
  FetchedResponse response;
  response.high_watermark = 1'000;
  response.next_offset = end;
  response.batches.push_back({begin, end, 1, 1, {}});
  response.size_bytes = bytes;
  return response;
}
RpcError broker_says(ErrorCode code) { return {{code, "said"}, true, std::nullopt, std::nullopt}; }

class Fixture : public testing::Test {
 protected:
  ReadAhead make(AutoReset reset = AutoReset::kNone, std::size_t prefetch = 1'000) {
    return ReadAhead({prefetch, 100, reset, {milliseconds(20), milliseconds(1'000)}}, {"a:1"}, 1);
  }
  ReadAhead::Subscribe subscribe(ReadAhead& ahead) {
    auto work = ahead.next_work(now);
    EXPECT_TRUE(work && std::holds_alternative<ReadAhead::Subscribe>(*work));
    return std::get<ReadAhead::Subscribe>(*work);
  }
  // Everything that is to be done now, in words.
  std::string work(ReadAhead& ahead) {
    std::string out;
    while (auto next = ahead.next_work(now)) {
      if (const auto* s = std::get_if<ReadAhead::Subscribe>(&*next)) {
        out += "subscribe " + s->partition.to_string() + "@" + std::to_string(s->offset) + " ";
        last = s->stream;
      } else if (std::holds_alternative<ReadAhead::Fetch>(*next)) {
        out += "fetch ";
      } else {
        out += "cancel ";
      }
    }
    return out;
  }
  ReadAhead::TimePoint now{std::chrono::hours(1)};
  ReadAhead::StreamId last = 0;
};
using ReadAheadTest = Fixture;

TEST_F(ReadAheadTest, ReadsOnWhileThereIsRoom) {
  auto ahead = make(AutoReset::kNone, 300);
  ahead.assign(kA, 10);
  EXPECT_EQ(work(ahead), "subscribe t/0@10 ");
  ahead.received(last, response_of(10, 20), now);
  EXPECT_EQ(work(ahead), "fetch ");
  ahead.received(last, response_of(20, 30), now);
  EXPECT_EQ(work(ahead), "fetch ");
  ahead.received(last, response_of(30, 40), now);
  EXPECT_EQ(work(ahead), "");  // 300 bytes are queued
  const auto taken = std::get<ReadAhead::Delivery>(*ahead.take());
  EXPECT_EQ(taken.begin, 10);
  EXPECT_EQ(taken.end, 20);
  EXPECT_EQ(work(ahead), "fetch ");
}

TEST_F(ReadAheadTest, EveryPartitionMayHoldOneResponse) {
  auto ahead = make(AutoReset::kNone, 100);
  ahead.assign(kA, 0);
  ahead.assign(kB, 0);
  EXPECT_EQ(work(ahead), "subscribe t/0@0 subscribe t/1@0 ");
}

TEST_F(ReadAheadTest, ReopensExactlyWhereItStands) {
  auto ahead = make();
  ahead.assign(kA, 10);
  work(ahead);
  ahead.received(last, response_of(10, 25), now);
  ahead.ended(last, RpcError{{ErrorCode::kUnavailable, "gone"}, false, {}, {}}, now);
  EXPECT_EQ(work(ahead), "cancel ");
  ASSERT_EQ(ahead.failures().size(), 1u);  // it can be asked what is being retried
  now += milliseconds(19);
  EXPECT_EQ(work(ahead), "");
  EXPECT_EQ(ahead.next_deadline(), now + milliseconds(1));
  now += milliseconds(1);
  EXPECT_EQ(work(ahead), "subscribe t/0@25 ");
  ahead.received(last, response_of(20, 30), now);  // the batch around 25 begins below
  const auto first = std::get<ReadAhead::Delivery>(*ahead.take());
  const auto second = std::get<ReadAhead::Delivery>(*ahead.take());
  EXPECT_EQ(first.begin, 10);
  EXPECT_EQ(first.end, 25);
  EXPECT_EQ(second.begin, 25);
  EXPECT_EQ(second.end, 30);
  EXPECT_TRUE(ahead.failures().empty());
}

TEST_F(ReadAheadTest, ResponseOfADroppedStreamDoesNotCount) {
  auto ahead = make();
  ahead.assign(kA, 10);
  work(ahead);
  const auto old = last;
  ahead.assign(kA, 50);  // seek
  EXPECT_EQ(work(ahead), "cancel subscribe t/0@50 ");
  ahead.received(old, response_of(10, 20), now);
  ahead.ended(old, std::nullopt, now);
  EXPECT_FALSE(ahead.take().has_value());
  ahead.received(last, response_of(50, 60), now);
  EXPECT_EQ(std::get<ReadAhead::Delivery>(*ahead.take()).begin, 50);
}

TEST_F(ReadAheadTest, GapIsAFailureAfterWhatCameBefore) {
  auto ahead = make();
  ahead.assign(kA, 10);
  work(ahead);
  ahead.received(last, response_of(10, 20), now);
  work(ahead);
  ahead.received(last, response_of(21, 30), now);
  EXPECT_EQ(std::get<ReadAhead::Delivery>(*ahead.take()).end, 20);
  ahead.moved(kA, 20);
  const auto failure = std::get<PartitionFailure>(*ahead.take());
  EXPECT_EQ(failure.error.code, ErrorCode::kInternal);
  EXPECT_EQ(failure.position, 20);
  EXPECT_FALSE(ahead.take().has_value());  // told once
  EXPECT_EQ(ahead.failures().size(), 1u);  // and remembered
  now += std::chrono::hours(1);
  EXPECT_EQ(work(ahead), "cancel ");
}

TEST_F(ReadAheadTest, OutOfRangeIsReportedOrResetAsAsked) {
  struct Case {
    AutoReset reset;
    std::string then;
  };
  for (const auto& [reset, then] :
       {Case{AutoReset::kNone, "cancel "}, Case{AutoReset::kEarliest, "cancel subscribe t/0@30 "},
        Case{AutoReset::kLatest, "cancel subscribe t/0@90 "}}) {
    auto ahead = make(reset);
    ahead.assign(kA, 10);
    work(ahead);
    FetchedResponse response;
    response.error = broker_says(ErrorCode::kOffsetOutOfRange);
    response.error->log_start = 30;
    response.error->log_end = 90;
    ahead.received(last, response, now);
    now += milliseconds(20);
    EXPECT_EQ(work(ahead), then);
    const auto taken = ahead.take();
    ASSERT_EQ(taken.has_value(), reset == AutoReset::kNone);
    if (!taken) continue;
    EXPECT_EQ(std::get<PartitionFailure>(*taken).error.code, ErrorCode::kOffsetOutOfRange);
    EXPECT_EQ(std::get<PartitionFailure>(*taken).log_start, 30);
    ahead.assign(kA, 30);  // seek mends it
    EXPECT_EQ(work(ahead), "subscribe t/0@30 ");
  }
}

TEST_F(ReadAheadTest, WhatWaitingMendsIsRetriedAndTheRestIsNot) {
  struct Case {
    RpcError error;
    bool retried;
  };
  const auto grpc_says = [](ErrorCode code) { return RpcError{{code, ""}, false, {}, {}}; };
  for (const auto& [error, retried] :
       {Case{broker_says(ErrorCode::kNotYet), true}, Case{broker_says(ErrorCode::kShuttingDown), true},
        Case{broker_says(ErrorCode::kResourceExhausted), true},
        Case{broker_says(ErrorCode::kUnknownTopic), false}, Case{broker_says(ErrorCode::kDataLoss), false},
        Case{broker_says(ErrorCode::kStorageFailed), false}, Case{grpc_says(ErrorCode::kUnavailable), true},
        Case{grpc_says(ErrorCode::kInternal), true}, Case{grpc_says(ErrorCode::kCancelled), true},
        Case{grpc_says(ErrorCode::kUnsupported), false}}) {
    SCOPED_TRACE(error.error.to_string());
    auto ahead = make();
    ahead.assign(kA, 10);
    work(ahead);
    ahead.ended(last, error, now);
    now += milliseconds(20);
    EXPECT_EQ(work(ahead), retried ? "cancel subscribe t/0@10 " : "cancel ");
    EXPECT_EQ(ahead.take().has_value(), !retried);
  }
}

TEST_F(ReadAheadTest, PausedPartitionKeepsWhatItHas) {
  auto ahead = make();
  ahead.assign(kA, 0);
  work(ahead);
  ahead.received(last, response_of(0, 5), now);
  ahead.set_paused(kA, true);
  EXPECT_FALSE(ahead.take().has_value());
  ahead.set_paused(kA, false);
  EXPECT_TRUE(ahead.take().has_value());
}

TEST_F(ReadAheadTest, PartitionsAreServedInTurn) {
  auto ahead = make();
  ahead.assign(kA, 0);
  const auto a = subscribe(ahead).stream;
  ahead.assign(kB, 0);
  const auto b = subscribe(ahead).stream;
  for (std::int64_t i = 0; i < 3; ++i) {
    ahead.received(a, response_of(i, i + 1, 10), now);
    ahead.received(b, response_of(i, i + 1, 10), now);
    work(ahead);
  }
  std::string order;
  while (auto taken = ahead.take())
    order += std::to_string(std::get<ReadAhead::Delivery>(*taken).partition.partition);
  EXPECT_TRUE(order == "010101" || order == "101010") << order;
}

TEST_F(ReadAheadTest, UnassignedPartitionIsForgotten) {
  auto ahead = make();
  ahead.assign(kA, 0);
  work(ahead);
  ahead.received(last, response_of(0, 5), now);
  ahead.unassign(kA);
  EXPECT_EQ(ahead.queued_bytes(), 0u);
  EXPECT_EQ(work(ahead), "cancel ");
  EXPECT_FALSE(ahead.take().has_value());
  ahead.unassign(kB);
}

// A log of batches of random lengths; streams break at random places. What is delivered must be the log.
TEST_F(ReadAheadTest, RandomBreaksLeaveNoGapAndNoOverlap) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    auto ahead = make(AutoReset::kNone, 100 + random() % 500);
    std::vector<std::int64_t> ends;  // of the batches
    for (std::int64_t end = 0; ends.size() < 200;)
      ends.push_back(end += static_cast<std::int64_t>(1 + random() % 5));
    const std::int64_t from = static_cast<std::int64_t>(random() % 20);
    ahead.assign(kA, from);
    std::optional<ReadAhead::StreamId> stream;
    std::int64_t at = 0;
    bool asked = false;
    std::int64_t delivered = from;
    for (int step = 0; step < 100'000 && delivered < ends.back(); ++step) {
      while (auto next = ahead.next_work(now)) {
        if (const auto* s = std::get_if<ReadAhead::Subscribe>(&*next)) {
          stream = s->stream;
          at = s->offset;
          asked = true;
        } else if (std::holds_alternative<ReadAhead::Fetch>(*next)) {
          ASSERT_FALSE(asked);
          asked = true;
        }
      }
      const auto what = random() % 10;
      if (what < 5 && stream && asked) {
        FetchedResponse response;
        const auto count = random() % 3;
        for (std::size_t i = 0; i < count; ++i) {
          const auto end = std::upper_bound(ends.begin(), ends.end(), at);
          if (end == ends.end()) break;
          response.batches.push_back({end == ends.begin() ? 0 : *(end - 1), *end, 1, 1, {}});
          at = *end;
        }
        response.next_offset = at;
        response.size_bytes = 1 + random() % 100;
        asked = false;
        ahead.received(*stream, std::move(response), now);
      } else if (what < 6 && stream) {
        ahead.ended(*stream, RpcError{{ErrorCode::kUnavailable, ""}, false, {}, {}}, now);
        stream.reset();
        asked = false;
      } else if (what < 9) {
        if (auto taken = ahead.take()) {
          const auto& delivery = std::get<ReadAhead::Delivery>(*taken);
          ASSERT_EQ(delivery.begin, delivered);
          delivered = delivery.end;
        }
      } else {
        now += milliseconds(random() % 50);
      }
      ASSERT_LE(ahead.queued_bytes(), 700u);
    }
    EXPECT_EQ(delivered, ends.back());
  }
}

}  // namespace
}  // namespace forebay::client
