// The producer's queue when it is idempotent: identities, sequences, and what happens after a hole.
#include <gtest/gtest.h>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

SendQueue::Limits idempotent_limits() {
  auto limits = default_limits();
  limits.idempotent = true;
  limits.delivery_timeout = milliseconds(1'000);
  return limits;
}

struct Stamp {
  std::int64_t id;
  int epoch;
  std::int32_t sequence;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};
void PrintTo(const Stamp& stamp, std::ostream* out) {
  *out << stamp.id << "/" << stamp.epoch << "/" << stamp.sequence;
}

Stamp stamp_of(const SendQueue::Send& send) {
  const auto header = model::RecordBatchView::parse(send.batch.span()).value().header();
  return {header.producer_id.value(), header.producer_epoch.value(), header.base_sequence};
}

class SendQueueSequence : public testing::Test {
 protected:
  // A batch of its own.
  void send(std::int32_t partition, std::uint64_t id) {
    hands_.append(partition, id);
    hands_.run();
  }
  [[nodiscard]] const SendQueue::Send& last() const { return hands_.sent.back(); }
  void lose_and_reconnect() {
    hands_.lose_stream();
    hands_.pass(milliseconds(20));
  }
  Hands hands_{idempotent_limits()};
};

TEST_F(SendQueueSequence, EachPartitionCountsItsRecordsFromZero) {
  hands_.append(0, 1);
  hands_.append(0, 2);
  hands_.run();
  send(0, 3);
  send(1, 4);
  ASSERT_EQ(hands_.sent.size(), 3u);
  EXPECT_EQ(stamp_of(hands_.sent[0]), (Stamp{7, 0, 0}));
  EXPECT_EQ(stamp_of(hands_.sent[1]), (Stamp{7, 0, 2}));
  EXPECT_EQ(stamp_of(hands_.sent[2]), (Stamp{7, 0, 0}));
  EXPECT_EQ(hands_.session_questions, 1);
}

TEST_F(SendQueueSequence, RecordsAreGatheredUntilThereIsAnIdentity) {
  hands_.identity.reset();
  for (std::uint64_t id = 1; id <= 3; ++id) send(0, id);
  EXPECT_TRUE(hands_.sent.empty());
  EXPECT_EQ(hands_.connects, 1);  // meanwhile
  hands_.queue.session_begun({9, 4}, hands_.now);
  hands_.run();
  ASSERT_EQ(hands_.sent.size(), 1u);
  EXPECT_EQ(ids_of(last().batch.span()), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(stamp_of(last()), (Stamp{9, 4, 0}));
}

TEST_F(SendQueueSequence, IdentityIsAskedForAgainAfterAWait) {
  hands_.identity.reset();
  send(0, 1);
  hands_.queue.session_failed({ErrorCode::kUnavailable, "nobody there"}, hands_.now);
  hands_.run();
  EXPECT_EQ(hands_.session_questions, 1);
  hands_.pass(milliseconds(19));
  EXPECT_EQ(hands_.session_questions, 1);
  hands_.pass(milliseconds(1));
  EXPECT_EQ(hands_.session_questions, 2);
}

TEST_F(SendQueueSequence, WithoutAnIdentityTheTimeoutSaysWhy) {
  hands_.identity.reset();
  send(0, 1);
  hands_.queue.session_failed({ErrorCode::kUnavailable, "nobody there"}, hands_.now);
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.failure_of(1), ErrorCode::kTimedOut);
  EXPECT_NE(hands_.results.at(1).error().context.find("nobody there"), std::string::npos);
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0u);
}

TEST_F(SendQueueSequence, FullBatchesThatWaitForAnIdentityAreTidiedUpWhenTheyExpire) {
  hands_.identity.reset();
  for (std::uint64_t id = 0; id < 40; ++id) hands_.append(0, id);
  hands_.run();
  hands_.pass(milliseconds(1'000));
  EXPECT_EQ(hands_.results.size(), 40u);
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0u);
  hands_.queue.session_begun({7, 0}, hands_.now);
  hands_.run();
  send(0, 100);
  ASSERT_EQ(hands_.sent.size(), 1u);
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 0, 0}));  // what never had a sequence leaves no hole
}

TEST_F(SendQueueSequence, BrokerWithoutIdentitiesFailsWhatWaits) {
  hands_.identity.reset();
  for (std::uint64_t id = 0; id < 40; ++id) hands_.append(0, id);
  hands_.run();
  hands_.queue.session_failed({ErrorCode::kUnsupported, "no such method"}, hands_.now);
  hands_.run();
  EXPECT_EQ(hands_.results.size(), 40u);
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kUnsupported);
  hands_.identity = ProducerIdentity{8, 0};
  hands_.pass(milliseconds(20));
  send(0, 100);
  ASSERT_EQ(hands_.sent.size(), 1u);
  EXPECT_EQ(stamp_of(last()), (Stamp{8, 0, 0}));
}

TEST_F(SendQueueSequence, SameBytesAreSentAgainAfterAnUnknownOutcome) {
  send(0, 1);
  const SharedBytes first = last().batch;
  lose_and_reconnect();
  ASSERT_EQ(hands_.sent.size(), 1u);
  EXPECT_EQ(as_text(last().batch.span()), as_text(first.span()));
  hands_.refuse(last(), {ErrorCode::kOutcomeUnknown, "the leader is gone"});
  hands_.pass(milliseconds(100));
  EXPECT_EQ(as_text(last().batch.span()), as_text(first.span()));
}

TEST_F(SendQueueSequence, UnknownOutcomesAreRetriedWhateverTheOptionSays) {
  auto limits = idempotent_limits();
  limits.retry_unknown = false;
  Hands hands(limits);
  hands.append(0, 1);
  hands.run();
  hands.lose_stream();
  hands.pass(milliseconds(20));
  EXPECT_EQ(hands.sent.size(), 1u);
  EXPECT_TRUE(hands.results.empty());
}

TEST_F(SendQueueSequence, DuplicateIsASuccessAndCounted) {
  send(0, 1);
  Ack ack = ack_at(12);
  ack.duplicate = true;
  hands_.queue.acked(last().correlation, ack, {}, hands_.now);
  hands_.run();
  EXPECT_EQ(*hands_.results.at(1), 12);
  EXPECT_EQ(hands_.queue.stats().duplicates, 1u);
}

TEST_F(SendQueueSequence, SequencesGoRoundAfterTheLargest) {
  EXPECT_EQ(sequence_after(2147483647, 1), 0);
  EXPECT_EQ(sequence_after(2147483640, 10), 2);
  EXPECT_EQ(sequence_after(0, 3), 3);
}

TEST_F(SendQueueSequence, RefusedRecordMakesThoseBehindItBeginAnew) {
  for (std::uint64_t id = 1; id <= 3; ++id) send(0, id);
  hands_.refuse(hands_.sent[0], {ErrorCode::kInvalidRecord, "no key"});
  hands_.refuse(hands_.sent[1], {ErrorCode::kNotYet, "one before it failed"});
  hands_.refuse(hands_.sent[2], {ErrorCode::kOutOfOrderSequence, "one before it is missing"});
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kInvalidRecord);
  ASSERT_EQ(hands_.sent.size(), 5u);
  EXPECT_EQ(ids_of(hands_.sent[3].batch.span()), std::vector<std::uint64_t>{2});
  EXPECT_EQ(stamp_of(hands_.sent[3]), (Stamp{7, 1, 0}));
  EXPECT_EQ(stamp_of(hands_.sent[4]), (Stamp{7, 1, 1}));
  EXPECT_EQ(hands_.sent[4].destination_crc,
            model::destination_crc("t", model::PartitionIndex(0), hands_.sent[4].batch.span()));
}

TEST_F(SendQueueSequence, OtherPartitionsTakeTheNewEpochWhenNothingOfThemIsUnderWay) {
  send(0, 1);
  send(1, 2);
  hands_.refuse(hands_.sent[0], {ErrorCode::kInvalidRecord, "no key"});
  send(1, 3);
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 0, 1}));
  hands_.ack(hands_.sent[1], 0);
  hands_.ack(hands_.sent[2], 1);
  send(1, 4);
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));
  send(0, 5);
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));  // one step for both
}

// The oldest is answered with kTimedOut, and nobody knows whether it is stored.
TEST_F(SendQueueSequence, WhatMayBeStoredEndsUnderItsFirstIdentityBeforeTheOthersBeginAnew) {
  send(0, 1);
  hands_.pass(milliseconds(900));
  send(0, 2);
  send(0, 3);
  hands_.lose_stream();
  hands_.append(0, 4);  // never sent
  hands_.pass(milliseconds(100));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kTimedOut);
  ASSERT_EQ(hands_.sent.size(), 2u);
  EXPECT_EQ(stamp_of(hands_.sent[0]), (Stamp{7, 0, 1}));
  EXPECT_EQ(stamp_of(hands_.sent[1]), (Stamp{7, 0, 2}));
  hands_.ack(hands_.sent[0], 1);
  ASSERT_EQ(hands_.sent.size(), 2u);
  hands_.ack(hands_.sent[1], 2);
  ASSERT_EQ(hands_.sent.size(), 3u);
  EXPECT_EQ(ids_of(last().batch.span()), std::vector<std::uint64_t>{4});
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));
}

TEST_F(SendQueueSequence, WhatMayBeStoredIsNotSentUnderANewIdentity) {
  send(0, 1);
  hands_.pass(milliseconds(900));
  send(0, 2);
  send(0, 3);
  hands_.lose_stream();
  hands_.append(0, 4);
  hands_.pass(milliseconds(100));
  ASSERT_EQ(hands_.sent.size(), 2u);
  hands_.refuse(hands_.sent[0], {ErrorCode::kOutOfOrderSequence, "the first is missing"});
  hands_.refuse(hands_.sent[1], {ErrorCode::kNotYet, "one before it failed"});
  hands_.pass(milliseconds(50));
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(hands_.failure_of(3), ErrorCode::kOutcomeUnknown);
  ASSERT_EQ(hands_.sent.size(), 3u);
  EXPECT_EQ(ids_of(last().batch.span()), std::vector<std::uint64_t>{4});
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));
}

TEST_F(SendQueueSequence, ExpiredBatchThatIsAcknowledgedLateLeavesNoHole) {
  send(0, 1);
  hands_.pass(milliseconds(1'000));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kTimedOut);
  hands_.ack(hands_.sent[0], 0);
  send(0, 2);
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 0, 1}));
}

TEST_F(SendQueueSequence, ForgottenProducerBeginsAnewWithoutALoss) {
  send(0, 1);
  hands_.ack(last(), 0);
  send(0, 2);
  hands_.refuse(last(), {ErrorCode::kUnknownProducer, "expired"});
  ASSERT_EQ(hands_.sent.size(), 3u);
  EXPECT_EQ(ids_of(last().batch.span()), std::vector<std::uint64_t>{2});
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));
  EXPECT_TRUE(hands_.queue.take_losses().empty());
}

TEST_F(SendQueueSequence, LossOfEarlyAcknowledgedRecordsIsReportedAndTheOthersGoOn) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    send(0, id);
    hands_.ack(last(), static_cast<std::int64_t>(id));
  }
  send(0, 4);
  lose_and_reconnect();
  Error error{ErrorCode::kEarlyAckLost, "lost"};
  error.last_sequence = 0;  // of three
  hands_.refuse(last(), error);
  hands_.pass(milliseconds(50));
  const auto losses = hands_.queue.take_losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(*losses[0].topic, "t");
  EXPECT_EQ(losses[0].records, 2u);
  EXPECT_EQ(hands_.queue.stats().records_lost, 2u);
  EXPECT_EQ(ids_of(last().batch.span()), std::vector<std::uint64_t>{4});
  EXPECT_EQ(stamp_of(last()), (Stamp{7, 1, 0}));
}

TEST_F(SendQueueSequence, LossOfWhatNobodyAcknowledgedIsNoLoss) {
  for (const std::int32_t held : {0, 1}) {  // what was acknowledged, or one more
    Hands hands(idempotent_limits());
    for (std::uint64_t id = 1; id <= 2; ++id) {
      hands.append(0, id);
      hands.run();
    }
    hands.ack(hands.sent[0], 0);
    Error error{ErrorCode::kEarlyAckLost, "lost"};
    error.last_sequence = held;
    hands.refuse(hands.sent[1], error);
    EXPECT_TRUE(hands.queue.take_losses().empty());
    EXPECT_EQ(hands.queue.stats().records_lost, 0u);
  }
}

TEST_F(SendQueueSequence, FencedProducerFailsEverythingAndTakesNothingMore) {
  send(0, 1);
  send(1, 2);
  hands_.refuse(hands_.sent[0], {ErrorCode::kProducerFenced, "a newer one"});
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kProducerFenced);
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kProducerFenced);
  Answer answer(std::uint64_t{3});
  const auto refused = hands_.queue.append(hands_.queue.lane("t", 0), {}, answer, hands_.now);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kProducerFenced);
  hands_.ack(hands_.sent[1], 0);  // late: no harm
}

class SendQueueNamed : public testing::Test {
 protected:
  static SendQueue::Limits limits() {
    auto limits = idempotent_limits();
    limits.stop_on_failure = true;
    return limits;
  }
  void SetUp() override { hands_.queue.session_begun({7, 3}, hands_.now); }
  [[nodiscard]] Result<void> append(std::int32_t partition, std::uint64_t id) {
    std::byte value[8];
    store_le(value, id);
    Answer answer(id);
    auto added = hands_.queue.append(hands_.queue.lane("t", partition), {.value = ByteSpan(value)}, answer,
                                     hands_.now, id * 10);
    hands_.run();
    return added;
  }
  Hands hands_{limits()};
};

TEST_F(SendQueueNamed, BatchCarriesThePositionOfItsLastRecord) {
  for (std::uint64_t id = 1; id <= 6; ++id) ASSERT_TRUE(append(0, id));
  hands_.ack(hands_.sent[0], 0);
  ASSERT_EQ(hands_.sent.size(), 4u);
  EXPECT_EQ(hands_.sent[0].position, 10u);
  EXPECT_EQ(ids_of(hands_.sent[3].batch.span()), (std::vector<std::uint64_t>{4, 5, 6}));
  EXPECT_EQ(hands_.sent[3].position, 60u);
  EXPECT_EQ(hands_.session_questions, 0);
}

TEST_F(SendQueueNamed, FirstFailureStopsEverything) {
  ASSERT_TRUE(append(0, 1));
  ASSERT_TRUE(append(0, 2));
  ASSERT_TRUE(append(1, 3));
  hands_.refuse(hands_.sent[0], {ErrorCode::kInvalidRecord, "no key"});
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kInvalidRecord);
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kCancelled);
  EXPECT_EQ(hands_.failure_of(3), ErrorCode::kCancelled);
  EXPECT_EQ(append(1, 4).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(hands_.sent.size(), 3u);
}

TEST_F(SendQueueNamed, LostPlaceStopsItToo) {
  ASSERT_TRUE(append(0, 1));
  hands_.refuse(hands_.sent[0], {ErrorCode::kEarlyAckLost, "lost"});
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kEarlyAckLost);
  EXPECT_EQ(append(1, 2).error().code, ErrorCode::kCancelled);
}

TEST_F(SendQueueNamed, ExpiredRecordStopsIt) {
  ASSERT_TRUE(append(0, 1));
  hands_.pass(milliseconds(1'000));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kTimedOut);
  EXPECT_EQ(append(1, 2).error().code, ErrorCode::kCancelled);
}

TEST_F(SendQueueSequence, ANewIdentityIsAskedForWhenTheEpochsAreUsedUp) {
  hands_.identity = ProducerIdentity{7, 32767};
  send(0, 1);
  send(0, 2);
  hands_.identity = ProducerIdentity{8, 0};
  hands_.refuse(hands_.sent[0], {ErrorCode::kInvalidRecord, "no key"});
  hands_.refuse(hands_.sent[1], {ErrorCode::kNotYet, "one before it failed"});
  EXPECT_EQ(hands_.session_questions, 2);
  ASSERT_EQ(hands_.sent.size(), 3u);
  EXPECT_EQ(stamp_of(last()), (Stamp{8, 0, 0}));
}

}  // namespace
}  // namespace forebay::client
