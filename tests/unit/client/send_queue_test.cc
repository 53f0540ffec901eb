// The producer's queue in virtual time, against a broker made of a few vectors.
#include "client/core/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/endian.h"
#include "model/record_iterator.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kDecodedBytesMax = 16U << 20;

SendQueue::Limits default_limits() {
  return {.batch_bytes_max = 1024,
          .linger = milliseconds(0),
          .in_flight_per_lane_max = 3,
          .in_flight_bytes_max = 16 * 1024,
          .buffer_bytes_max = 64 * 1024,
          .delivery_timeout = milliseconds(120'000),
          .answer_timeout = milliseconds(35'000),
          .retry = {milliseconds(20), milliseconds(1'000)},
          .reconnect = {milliseconds(20), milliseconds(1'000)},
          .codec = model::Codec::kNone};
}

std::vector<std::uint64_t> ids_of(ByteSpan batch) {
  std::vector<std::uint64_t> ids;
  auto view = model::RecordBatchView::parse(batch);
  EXPECT_TRUE(view.has_value());
  std::vector<std::byte> scratch;
  auto visited = model::for_each_record(
      *view, kDecodedBytesMax, scratch,
      [&](const model::RecordView& record) { ids.push_back(load_le<std::uint64_t>(record.value->data())); });
  EXPECT_TRUE(visited.has_value());
  return ids;
}

// Does what the queue says at once, and keeps what was sent for the test to answer.
class Hands {
 public:
  explicit Hands(const SendQueue::Limits& limits) : queue(limits, 7) {}

  void append(std::int32_t partition, std::uint64_t id, std::size_t size = 100) {
    std::vector<std::byte> value(std::max<std::size_t>(size, 8));
    store_le(value.data(), id);
    Answer answer(id);
    auto added = queue.append(queue.lane("t", partition), {.value = ByteSpan(value)}, answer, now);
    ASSERT_TRUE(added.has_value()) << added.error().to_string();
  }
  void run() {
    while (auto work = queue.next_work(now)) {
      if (auto* encode = std::get_if<SendQueue::Encode>(&*work)) {
        queue.encoded(encode->batch, SharedBytes::take(*encode->builder->build(model::Codec::kNone)), now);
      } else if (auto* send = std::get_if<SendQueue::Send>(&*work)) {
        EXPECT_TRUE(connected);
        sent.push_back(std::move(*send));
        if (write_at_once) queue.write_done();
      } else if (std::holds_alternative<SendQueue::Connect>(*work)) {
        EXPECT_FALSE(connected);
        connected = true;
        ++connects;
      } else {
        ++cancels;
      }
    }
    for (auto& batch : queue.take_finished()) {
      std::int64_t index = 0;
      for (const std::uint64_t id : batch.answers.tokens) {
        EXPECT_TRUE(results
                        .emplace(id, batch.result ? Result<std::int64_t>(batch.result->offset + index)
                                                  : Result<std::int64_t>(batch.result.error()))
                        .second)
            << "record " << id << " is answered twice";
        ++index;
      }
      queue.delivered(batch.id);
    }
  }
  void lose_stream() {
    connected = false;
    sent.clear();
    queue.stream_closed(Error{ErrorCode::kUnavailable, "lost"}, now);
  }
  void pass(milliseconds time) {
    now += time;
    queue.on_time(now);
    run();
  }
  [[nodiscard]] std::optional<ErrorCode> failure_of(std::uint64_t id) const {
    const auto found = results.find(id);
    if (found == results.end() || found->second.has_value()) return std::nullopt;
    return found->second.error().code;
  }

  TimePoint now{std::chrono::hours(1)};
  SendQueue queue;
  bool connected = false;
  bool write_at_once = true;
  int connects = 0;
  int cancels = 0;
  std::vector<SendQueue::Send> sent;
  std::map<std::uint64_t, Result<std::int64_t>> results;
};

Ack ack_at(std::int64_t offset) {
  Ack ack;
  ack.offset = offset;
  return ack;
}

TEST(SendQueue, FirstRecordLeavesAtOnce) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 1u);
  EXPECT_EQ(*hands.sent[0].topic, "t");
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), std::vector<std::uint64_t>{1});
  hands.queue.acked(hands.sent[0].correlation, ack_at(42), hands.now);
  hands.run();
  EXPECT_EQ(*hands.results.at(1), 42);
  EXPECT_EQ(hands.queue.stats().buffered_bytes, 0u);
}

TEST(SendQueue, GathersWhileTheWindowIsFull) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 3; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 3u);  // in_flight_per_lane_max
  for (std::uint64_t id = 4; id <= 8; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 3u);
  hands.queue.acked(hands.sent[0].correlation, ack_at(0), hands.now);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 4u);
  EXPECT_EQ(ids_of(hands.sent[3].batch.span()), (std::vector<std::uint64_t>{4, 5, 6, 7, 8}));
}

TEST(SendQueue, ManyPartitionsGatherTooWhileTheStreamIsBusy) {
  Hands hands(default_limits());
  for (std::int32_t partition = 0; partition < 20; ++partition) {
    hands.append(partition, static_cast<std::uint64_t>(partition));
    hands.run();
  }
  EXPECT_LT(hands.sent.size(), 8u);  // not a request for every single record
  std::size_t answered = 0;
  while (answered < hands.sent.size()) {
    hands.queue.acked(hands.sent[answered++].correlation, ack_at(0), hands.now);
    hands.run();
  }
  EXPECT_EQ(hands.results.size(), 20u);
}

TEST(SendQueue, PartitionsWithNothingUnderWayDoNotWaitWhileFewBytesAreOut) {
  auto limits = default_limits();
  limits.batch_bytes_max = 16 * 1024;
  Hands hands(limits);
  for (std::int32_t partition = 0; partition < 20; ++partition) {
    hands.append(partition, static_cast<std::uint64_t>(partition));
    hands.run();
  }
  EXPECT_EQ(hands.sent.size(), 20u);
  hands.append(0, 100);  // behind its own request it gathers, as ever
  hands.run();
  EXPECT_EQ(hands.sent.size(), 20u);
}

TEST(SendQueue, SlowPartitionIsNotStarvedByTheFullBatchesOfOthers) {
  auto limits = default_limits();
  limits.in_flight_per_lane_max = 5;
  Hands hands(limits);
  std::uint64_t id = 100;
  const auto keep_busy = [&] {  // more full batches than may be under way
    while (hands.queue.has_room(2'000)) hands.append(1, id++, 900);
    hands.run();
  };
  keep_busy();
  hands.append(0, 7);
  hands.run();
  const auto sent_to_0 = [&] {
    return std::count_if(hands.sent.begin(), hands.sent.end(),
                         [](const auto& s) { return s.partition == 0; });
  };
  EXPECT_EQ(sent_to_0(), 0);
  for (std::size_t answered = 0; answered < 10; ++answered) {
    hands.now += milliseconds(1);
    hands.queue.acked(hands.sent[answered].correlation, ack_at(0), hands.now);
    hands.run();
    keep_busy();
  }
  EXPECT_EQ(sent_to_0(), 1);
}

TEST(SendQueue, LingerHoldsAnUnfilledBatchBackAndTimeReleasesIt) {
  auto limits = default_limits();
  limits.linger = milliseconds(5);
  Hands hands(limits);
  hands.append(0, 1);
  hands.run();
  EXPECT_TRUE(hands.sent.empty());
  ASSERT_TRUE(hands.queue.next_deadline().has_value());
  EXPECT_EQ(*hands.queue.next_deadline(), hands.now + milliseconds(5));
  hands.append(0, 2);
  hands.pass(milliseconds(5));
  ASSERT_EQ(hands.sent.size(), 1u);
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), (std::vector<std::uint64_t>{1, 2}));
}

TEST(SendQueue, FullBatchDoesNotLinger) {
  auto limits = default_limits();
  limits.linger = milliseconds(1'000);
  Hands hands(limits);
  for (std::uint64_t id = 1; id <= 20; ++id) hands.append(0, id);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);  // 2 x 9 records of 100 bytes in 1 KiB; 2 records linger
  EXPECT_LE(hands.sent[0].batch.size(), limits.batch_bytes_max);
}

TEST(SendQueue, FlushAndPressureEndLingering) {
  for (const bool flush : {true, false}) {
    auto limits = default_limits();
    limits.linger = milliseconds(60'000);
    Hands hands(limits);
    hands.append(0, 1);
    hands.run();
    EXPECT_TRUE(hands.sent.empty());
    std::uint64_t mark = 0;
    if (flush) {
      mark = hands.queue.flush(hands.now);
    } else {
      hands.queue.set_pressure(true, hands.now);
    }
    hands.run();
    ASSERT_EQ(hands.sent.size(), 1u);
    if (!flush) continue;
    EXPECT_FALSE(hands.queue.is_flushed(mark));
    hands.queue.acked(hands.sent[0].correlation, ack_at(0), hands.now);
    hands.run();
    EXPECT_TRUE(hands.queue.is_flushed(mark));
  }
}

TEST(SendQueue, BlockedLaneDoesNotAskToBeWoken) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 10; ++id) {
    hands.append(0, id);
    hands.run();
  }
  hands.queue.on_time(hands.now);
  ASSERT_TRUE(hands.queue.next_deadline().has_value());
  EXPECT_GT(*hands.queue.next_deadline(), hands.now + milliseconds(1'000));  // else the alarm would spin
}

TEST(SendQueue, RefusedBatchAndThoseBehindItAreSentAgainInOrder) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 3; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 3u);
  EXPECT_EQ(hands.sent[0].retry_round, 0u);
  hands.queue.refused(hands.sent[0].correlation, {ErrorCode::kResourceExhausted, "full", 50}, hands.now);
  hands.run();
  hands.pass(milliseconds(60));
  EXPECT_EQ(hands.sent.size(), 3u);  // two are still out: nothing overtakes them
  hands.queue.refused(hands.sent[1].correlation, {ErrorCode::kNotYet, "one before it failed"}, hands.now);
  hands.queue.refused(hands.sent[2].correlation, {ErrorCode::kNotYet, "one before it failed"}, hands.now);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 6u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids_of(hands.sent[3 + i].batch.span()), std::vector<std::uint64_t>{i + 1});
    EXPECT_EQ(hands.sent[3 + i].retry_round, 1u);
    EXPECT_NE(hands.sent[3 + i].correlation, hands.sent[i].correlation);
  }
}

TEST(SendQueue, RetryWaitsForTheBrokersDelay) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  hands.queue.refused(hands.sent[0].correlation, {ErrorCode::kResourceExhausted, "full", 500}, hands.now);
  hands.run();
  hands.pass(milliseconds(499));
  EXPECT_EQ(hands.sent.size(), 1u);
  ASSERT_TRUE(hands.queue.next_deadline().has_value());
  EXPECT_EQ(*hands.queue.next_deadline(), hands.now + milliseconds(1));
  hands.pass(milliseconds(1));
  EXPECT_EQ(hands.sent.size(), 2u);
}

TEST(SendQueue, RetryDelayDoublesUpToItsMaximum) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  milliseconds total{0};
  for (int failure = 1; failure <= 10; ++failure) {
    hands.queue.refused(hands.sent.back().correlation, {ErrorCode::kNotYet, ""}, hands.now);
    const std::size_t before = hands.sent.size();
    hands.run();
    milliseconds waited{0};
    while (hands.sent.size() == before) {
      hands.pass(milliseconds(1));
      ++waited;
    }
    if (failure == 1) {
      EXPECT_EQ(waited, milliseconds(20));
    }
    EXPECT_LE(waited, milliseconds(1'000));
    total += waited;
  }
  EXPECT_GT(total, milliseconds(3'000));
}

TEST(SendQueue, FatalRefusalIsAnsweredAndTheOthersGoOn) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 2; ++id) {
    hands.append(0, id);
    hands.run();
  }
  hands.queue.refused(hands.sent[0].correlation, {ErrorCode::kRecordTooLarge, "no"}, hands.now);
  hands.queue.refused(hands.sent[1].correlation, {ErrorCode::kNotYet, "one before it failed"}, hands.now);
  hands.run();
  EXPECT_EQ(hands.failure_of(1), ErrorCode::kRecordTooLarge);
  ASSERT_EQ(hands.sent.size(), 3u);  // at once: it was not the second one's fault
  hands.queue.acked(hands.sent[2].correlation, ack_at(5), hands.now);
  hands.run();
  EXPECT_EQ(*hands.results.at(2), 5);
}

TEST(SendQueue, LostStreamIsReopenedAndEverythingSentAgainInOrder) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 3; ++id) {
    hands.append(0, id);
    hands.run();
  }
  hands.lose_stream();
  hands.run();
  EXPECT_EQ(hands.connects, 1);
  hands.pass(milliseconds(19));
  EXPECT_EQ(hands.connects, 1);
  hands.pass(milliseconds(1));
  EXPECT_EQ(hands.connects, 2);
  ASSERT_EQ(hands.sent.size(), 3u);
  for (std::uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(ids_of(hands.sent[i].batch.span()), std::vector<std::uint64_t>{i + 1});
  EXPECT_EQ(hands.queue.stats().batches_retried, 3u);
}

TEST(SendQueue, AnswerOfAnEarlierTryIsNotTaken) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  const std::uint64_t old = hands.sent[0].correlation;
  hands.lose_stream();
  hands.pass(milliseconds(20));
  ASSERT_EQ(hands.sent.size(), 1u);
  hands.queue.acked(old, ack_at(1), hands.now);
  hands.run();
  EXPECT_TRUE(hands.results.empty());
}

TEST(SendQueue, DeliveryTimeoutAnswersWaitingAndSentRecords) {
  auto limits = default_limits();
  limits.delivery_timeout = milliseconds(1'000);
  Hands hands(limits);
  hands.append(0, 1);
  hands.run();
  hands.append(1, 2);
  hands.lose_stream();
  hands.pass(milliseconds(20));
  ASSERT_EQ(hands.connects, 2);
  hands.pass(milliseconds(979));
  EXPECT_TRUE(hands.results.empty());
  hands.pass(milliseconds(1));
  EXPECT_EQ(hands.failure_of(1), ErrorCode::kTimedOut);
  EXPECT_EQ(hands.failure_of(2), ErrorCode::kTimedOut);
  EXPECT_NE(hands.results.at(1).error().context.find("lost"), std::string::npos);  // says why it took so long
  EXPECT_EQ(hands.queue.stats().buffered_bytes, 0u);
  for (const auto& send : hands.sent)
    hands.queue.acked(send.correlation, ack_at(0), hands.now);  // late answers do no harm
  hands.run();
  hands.append(0, 3);
  hands.run();
  EXPECT_EQ(ids_of(hands.sent.back().batch.span()), std::vector<std::uint64_t>{3});
}

TEST(SendQueue, DeliveryTimeoutNamesTheRefusalAndNotItsEcho) {
  auto limits = default_limits();
  limits.delivery_timeout = milliseconds(1'000);
  Hands hands(limits);
  for (std::uint64_t id = 1; id <= 2; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 2u);
  hands.queue.refused(hands.sent[0].correlation, {ErrorCode::kDiskFull, "no room", 5'000}, hands.now);
  hands.queue.refused(hands.sent[1].correlation, {ErrorCode::kNotYet, "one before it failed"}, hands.now);
  hands.run();
  hands.pass(milliseconds(1'000));
  for (std::uint64_t id = 1; id <= 2; ++id) {
    ASSERT_EQ(hands.failure_of(id), ErrorCode::kTimedOut);
    EXPECT_NE(hands.results.at(id).error().context.find("no room"), std::string::npos);
  }
}

TEST(SendQueue, StreamThatOwesAnAnswerForTooLongIsGivenUp) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  hands.pass(milliseconds(34'999));
  EXPECT_EQ(hands.cancels, 0);
  hands.pass(milliseconds(1));
  EXPECT_EQ(hands.cancels, 1);
}

TEST(SendQueue, OneWriteAtATime) {
  Hands hands(default_limits());
  hands.write_at_once = false;
  hands.append(0, 1);
  hands.run();
  hands.append(0, 2);
  hands.append(0, 3);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 1u);
  hands.queue.write_done();
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);
  EXPECT_EQ(ids_of(hands.sent[1].batch.span()), (std::vector<std::uint64_t>{2, 3}));
}

TEST(SendQueue, BytesInFlightAreBounded) {
  auto limits = default_limits();
  limits.in_flight_bytes_max = 3'000;
  Hands hands(limits);
  for (std::uint64_t id = 0; id < 200; ++id) hands.append(static_cast<std::int32_t>(id % 10), id);
  hands.run();
  std::size_t bytes = 0;
  for (const auto& send : hands.sent) bytes += send.batch.size();
  EXPECT_LE(bytes, 3'000u);
  EXPECT_GE(hands.sent.size(), 2u);
}

TEST(SendQueue, RecordLargerThanABatchTravelsAlone) {
  Hands hands(default_limits());
  hands.append(0, 1, 5'000);
  hands.append(0, 2);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), std::vector<std::uint64_t>{1});
}

TEST(SendQueue, RecordLargerThanTheBufferIsRefused) {
  Hands hands(default_limits());
  const std::vector<std::byte> value(65 * 1024);
  Answer answer(std::uint64_t{1});
  const auto added =
      hands.queue.append(hands.queue.lane("t", 0), {.value = ByteSpan(value)}, answer, hands.now);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, ErrorCode::kRecordTooLarge);
}

TEST(SendQueue, FailAllAnswersEverythingOnce) {
  auto limits = default_limits();
  limits.linger = milliseconds(1'000);
  Hands hands(limits);
  for (std::uint64_t id = 0; id < 100; ++id) hands.append(static_cast<std::int32_t>(id % 3), id);
  hands.run();
  hands.queue.fail_all(Error{ErrorCode::kCancelled, "closed"});
  hands.run();
  EXPECT_EQ(hands.results.size(), 100u);
  for (const auto& send : hands.sent) hands.queue.acked(send.correlation, ack_at(0), hands.now);
  hands.lose_stream();
  hands.pass(milliseconds(10'000));
  EXPECT_EQ(hands.results.size(), 100u);
  EXPECT_EQ(hands.connects, 1);
}

// A broker that keeps the fence of retry_round, and may do everything late, badly, or not at all.
class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed), hands_(limits_for(seed)) {}

  void run() {
    for (int step = 0; step < 4'000; ++step) {
      step_once(step < 3'000);
      hands_.run();
      check_bounds();
    }
    for (int i = 0; i < 2'000 && hands_.results.size() < next_id_; ++i) {  // heal, and let it end
      trouble_ = false;
      hands_.pass(milliseconds(1'000));
      while (handled_ < hands_.sent.size()) handle_one();
      while (!answers_.empty()) answer_one();
      hands_.run();
    }
    check_end();
  }

 private:
  struct Response {
    std::uint64_t correlation;
    Result<std::int64_t> result;
  };

  static SendQueue::Limits limits_for(std::uint64_t seed) {
    auto limits = default_limits();
    limits.linger = milliseconds(seed % 3 == 0 ? 3 : 0);
    limits.delivery_timeout = seed % 5 == 0 ? milliseconds(300) : milliseconds(100'000);
    limits.in_flight_per_lane_max = 1 + static_cast<std::uint32_t>(seed % 4);
    return limits;
  }
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void step_once(bool more_records) {
    const auto what = random_() % 100;
    if (what < 45 && more_records) {
      if (!hands_.queue.has_room(200)) return;
      hands_.append(static_cast<std::int32_t>(random_() % 3), next_id_++, 8 + random_() % 400);
    } else if (what < 70) {
      handle_one();
    } else if (what < 90) {
      answer_one();
    } else if (what < 92 && hands_.connected) {
      for (auto left = random_() % 4; left > 0; --left) handle_one();  // done, but nobody will hear of it
      lose_stream();
    } else {
      hands_.pass(milliseconds(random_() % 30));
    }
  }
  void lose_stream() {
    answers_.clear();
    refused_below_.clear();
    handled_ = 0;
    hands_.lose_stream();
  }
  void handle_one() {
    if (handled_ == hands_.sent.size()) return;
    const auto& send = hands_.sent[handled_++];
    auto& log = logs_[send.partition];
    auto& refused_below = refused_below_[send.partition];
    if (send.retry_round < refused_below) {
      answers_.push_back({send.correlation, Error{ErrorCode::kNotYet, "one before it failed"}});
      return;
    }
    if (trouble_ && chance(10)) {
      const ErrorCode code = chance(30) ? ErrorCode::kInvalidRecord : ErrorCode::kResourceExhausted;
      refused_below = send.retry_round + 1;
      answers_.push_back(
          {send.correlation, Error{code, "trouble", static_cast<std::uint32_t>(random_() % 40)}});
      return;
    }
    const auto ids = ids_of(send.batch.span());
    answers_.push_back({send.correlation, static_cast<std::int64_t>(log.size())});
    log.insert(log.end(), ids.begin(), ids.end());
  }
  void answer_one() {
    if (answers_.empty()) return;
    // Answers of different partitions may come in any order.
    const std::size_t index = random_() % answers_.size();
    const Response response = answers_[index];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(index));
    if (response.result) {
      hands_.queue.acked(response.correlation, ack_at(*response.result), hands_.now);
    } else {
      hands_.queue.refused(response.correlation, response.result.error(), hands_.now);
    }
  }
  void check_bounds() {
    std::map<std::int32_t, std::uint32_t> out;
    for (std::size_t i = handled_; i < hands_.sent.size(); ++i) ++out[hands_.sent[i].partition];
    for (const auto& [partition, count] : out) ASSERT_LE(count, 4u);
  }
  void check_end() {
    ASSERT_EQ(hands_.results.size(), next_id_) << "records without an answer";
    EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0u);
    std::map<std::uint64_t, std::int32_t> place;
    for (const auto& [partition, log] : logs_) {
      std::uint64_t highest = 0;
      std::set<std::uint64_t> seen;
      for (const std::uint64_t id : log) {
        if (!seen.insert(id).second) continue;  // a copy
        EXPECT_TRUE(seen.size() == 1 || id > highest) << "record " << id << " was overtaken by " << highest;
        highest = id;
        place[id] = partition;
      }
    }
    for (const auto& [id, result] : hands_.results) {
      if (!result) continue;
      ASSERT_TRUE(place.contains(id)) << "acknowledged record " << id << " is not in any log";
      EXPECT_EQ(logs_[place[id]][static_cast<std::size_t>(*result)], id);
    }
  }

  std::mt19937_64 random_;
  Hands hands_;
  std::map<std::int32_t, std::vector<std::uint64_t>> logs_;
  std::map<std::int32_t, std::uint32_t> refused_below_;
  std::vector<Response> answers_;
  std::size_t handled_ = 0;
  std::uint64_t next_id_ = 0;
  bool trouble_ = true;
};

TEST(SendQueue, RandomTroubleKeepsOrderAndAnswersEveryRecordOnce) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::client
