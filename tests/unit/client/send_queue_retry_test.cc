// What the producer's queue does when a batch is refused, an answer does not come, or the stream breaks.
#include <gtest/gtest.h>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

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
  hands.queue.acked(hands.sent[2].correlation, ack_at(5), {}, hands.now);
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
  hands.queue.acked(old, ack_at(1), {}, hands.now);
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
    hands.queue.acked(send.correlation, ack_at(0), {}, hands.now);  // late answers do no harm
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

TEST(SendQueue, FailAllAnswersEverythingOnce) {
  auto limits = default_limits();
  limits.linger = milliseconds(1'000);
  Hands hands(limits);
  for (std::uint64_t id = 0; id < 100; ++id) hands.append(static_cast<std::int32_t>(id % 3), id);
  hands.run();
  hands.queue.fail_all(Error{ErrorCode::kCancelled, "closed"});
  hands.run();
  EXPECT_EQ(hands.results.size(), 100u);
  for (const auto& send : hands.sent) hands.queue.acked(send.correlation, ack_at(0), {}, hands.now);
  hands.lose_stream();
  hands.pass(milliseconds(10'000));
  EXPECT_EQ(hands.results.size(), 100u);
  EXPECT_EQ(hands.connects, 1);
}

}  // namespace
}  // namespace forebay::client
