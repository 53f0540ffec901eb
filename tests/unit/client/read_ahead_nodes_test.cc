// Where a consumer subscribes, when there are several nodes.
#include <gtest/gtest.h>

#include "client/core/read_ahead.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

const TopicPartition kPartition{"t", 0};
const TopicPartition kOther{"t", 1};

FetchedResponse response_of(std::int64_t begin, std::int64_t end, const std::string& leader = {}) {
  FetchedResponse response;
  response.high_watermark = end;
  response.next_offset = end;
  response.batches.push_back({begin, end, 1, 1, {}});
  response.size_bytes = 100;
  response.leader = leader;
  return response;
}
RpcError broker_says(ErrorCode code, const std::string& leader = {}) {
  return {{code, "said", 0, leader}, true, std::nullopt, std::nullopt};
}
RpcError connection_broke() {
  return {{ErrorCode::kUnavailable, "broke"}, false, std::nullopt, std::nullopt};
}

class ReadAheadNodes : public testing::Test {
 protected:
  // Everything that is to be done now, in words, but for the end of streams.
  std::string work() {
    std::string out;
    while (auto next = ahead_.next_work(now_)) {
      if (const auto* s = std::get_if<ReadAhead::Subscribe>(&*next)) {
        out += "subscribe " + s->partition.to_string() + "@" + std::to_string(s->offset) + " at " +
               s->address + " ";
        streams_[s->partition.partition] = s->stream;
      } else if (std::holds_alternative<ReadAhead::Fetch>(*next)) {
        out += "fetch ";
      }
    }
    return out;
  }
  ReadAhead::TimePoint now_{std::chrono::hours(1)};
  ReadAhead ahead_{
      {100'000, 100, AutoReset::kNone, {milliseconds(20), milliseconds(1'000)}}, {"a:1", "b:1"}, 1};
  std::map<std::int32_t, ReadAhead::StreamId> streams_;
};

TEST_F(ReadAheadNodes, GoesToTheLeaderThatAnAnswerNamesFromWhereItStood) {
  ahead_.assign(kPartition, 10);
  EXPECT_EQ(work(), "subscribe t/0@10 at a:1 ");
  ahead_.received(streams_[0], response_of(10, 20, "c:1"), now_);
  EXPECT_EQ(work(), "subscribe t/0@20 at c:1 ");
  ahead_.received(streams_[0], response_of(20, 30), now_);
  EXPECT_EQ(work(), "fetch ");
}

TEST_F(ReadAheadNodes, GoesToTheLeaderThatARefusalNamesAtOnce) {
  ahead_.assign(kPartition, 10);
  (void)work();
  ahead_.ended(streams_[0], broker_says(ErrorCode::kNotLeader, "c:1"), now_);
  EXPECT_EQ(work(), "subscribe t/0@10 at c:1 ");
  // It says that it does not lead either: no loop.
  ahead_.ended(streams_[0], broker_says(ErrorCode::kNotLeader, "a:1"), now_);
  EXPECT_EQ(work(), "");
  now_ += milliseconds(40);
  EXPECT_EQ(work(), "subscribe t/0@10 at a:1 ");
}

TEST_F(ReadAheadNodes, GoesToAnotherNodeWhenOneDoesNotDo) {
  ahead_.assign(kPartition, 10);
  (void)work();
  ahead_.ended(streams_[0], broker_says(ErrorCode::kNotYet), now_);
  now_ += milliseconds(20);
  EXPECT_EQ(work(), "subscribe t/0@10 at b:1 ");
}

TEST_F(ReadAheadNodes, LostConnectionIsReplacedByAnotherNodesAtOnceForAllPartitions) {
  ahead_.assign(kPartition, 10);
  ahead_.assign(kOther, 5);
  EXPECT_EQ(work(), "subscribe t/0@10 at a:1 subscribe t/1@5 at a:1 ");
  ahead_.ended(streams_[0], connection_broke(), now_);
  ahead_.ended(streams_[1], connection_broke(), now_);
  EXPECT_EQ(work(), "subscribe t/0@10 at b:1 subscribe t/1@5 at b:1 ");
  // It counted as one failure of the node: a second later it is worth going to again.
  now_ += milliseconds(1'000);
  ahead_.received(streams_[0], response_of(10, 20, "a:1"), now_);
  EXPECT_EQ(work(), "subscribe t/0@20 at a:1 ");
}

TEST_F(ReadAheadNodes, LeaderThatFailedIsNotGoneBackToForAWhile) {
  ahead_.assign(kPartition, 10);
  (void)work();
  ahead_.received(streams_[0], response_of(10, 20, "c:1"), now_);
  (void)work();
  ahead_.ended(streams_[0], connection_broke(), now_);
  EXPECT_EQ(work(), "subscribe t/0@20 at a:1 ");
  ahead_.received(streams_[0], response_of(20, 30, "c:1"), now_);
  EXPECT_EQ(work(), "fetch ");
}

TEST_F(ReadAheadNodes, WatermarksNeverGoBackOverAChangeOfTheNode) {
  ahead_.assign(kPartition, 10);
  (void)work();
  FetchedResponse response = response_of(10, 20);
  response.high_watermark = 50;
  response.log_start = 7;
  ahead_.received(streams_[0], response, now_);
  (void)work();
  ahead_.ended(streams_[0], connection_broke(), now_);
  (void)work();
  response = response_of(20, 30);
  response.high_watermark = 40;
  response.log_start = 5;
  ahead_.received(streams_[0], response, now_);
  EXPECT_EQ(ahead_.progress(kPartition).high_watermark, 50);
  EXPECT_EQ(ahead_.progress(kPartition).log_start, 7);
}

TEST_F(ReadAheadNodes, PartitionThatIsMovedByItsCallerStaysAtItsNode) {
  ahead_.assign(kPartition, 10);
  (void)work();
  ahead_.received(streams_[0], response_of(10, 20, "c:1"), now_);
  (void)work();
  ahead_.assign(kPartition, 3);
  EXPECT_EQ(work(), "subscribe t/0@3 at c:1 ");
}

}  // namespace
}  // namespace forebay::client
