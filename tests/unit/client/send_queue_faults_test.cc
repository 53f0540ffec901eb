// The producer's queue when a broker refuses some records of a batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

using testing::ElementsAre;

Error faulty(std::vector<RecordFault> faults) {
  Error error{ErrorCode::kInvalidRecord, "some records are wrong"};
  error.record_faults = std::move(faults);
  return error;
}

class SendQueueFaults : public testing::Test {
 protected:
  explicit SendQueueFaults(SendQueue::Limits limits = default_limits()) : hands_(limits) {}
  // One batch of them.
  void send(std::initializer_list<std::uint64_t> ids) {
    for (const std::uint64_t id : ids) hands_.append(0, id);
    hands_.run();
  }
  [[nodiscard]] std::vector<std::uint64_t> ids_sent_last() const {
    return ids_of(hands_.sent.back().batch.span());
  }
  [[nodiscard]] std::string fault_of(std::uint64_t id) const {
    const auto at = hands_.results.find(id);
    return at == hands_.results.end() || at->second ? "" : at->second.error().context;
  }
  Hands hands_;
};

TEST_F(SendQueueFaults, BadRecordsAreAnsweredAndTheOthersAreSentAgain) {
  send({1, 2, 3, 4});
  const std::uint64_t mark = hands_.queue.flush(hands_.now);
  hands_.refuse(hands_.sent[0], faulty({{1, "two is wrong"}, {3, ""}}));
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kInvalidRecord);
  EXPECT_EQ(fault_of(2), "two is wrong");
  EXPECT_EQ(fault_of(4), "some records are wrong");  // the broker tells some texts only
  EXPECT_FALSE(hands_.queue.is_flushed(mark));
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_THAT(ids_sent_last(), ElementsAre(1, 3));
  EXPECT_EQ(hands_.sent[1].destination_crc,
            model::destination_crc("t", model::PartitionIndex(0), hands_.sent[1].batch.span()));
  hands_.ack(hands_.sent[1], 10);
  EXPECT_EQ(*hands_.results.at(1), 10);
  EXPECT_EQ(*hands_.results.at(3), 11);
  EXPECT_TRUE(hands_.queue.is_flushed(mark));
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0U);
  EXPECT_EQ(hands_.queue.stats().records_acked, 2U);
  EXPECT_EQ(hands_.queue.stats().records_failed, 2U);
}

TEST_F(SendQueueFaults, DeadLettersAreAcknowledgedAndSaySo) {
  send({1, 2, 3, 4, 5});
  const std::uint64_t mark = hands_.queue.flush(hands_.now);
  hands_.queue.acked(hands_.sent[0].correlation, {ack_at(10), {{1, "two is wrong"}, {2, ""}}}, {},
                     hands_.now);
  hands_.run();
  for (std::uint64_t id = 1; id <= 5; ++id) {
    ASSERT_TRUE(hands_.results.at(id)) << id;
    EXPECT_EQ(*hands_.results.at(id), 9 + static_cast<std::int64_t>(id));
  }
  EXPECT_EQ(hands_.quarantined, (std::map<std::uint64_t, std::string>{{2, "two is wrong"}, {3, ""}}));
  EXPECT_TRUE(hands_.queue.is_flushed(mark));
  EXPECT_EQ(hands_.queue.stats().records_acked, 5U);
  EXPECT_EQ(hands_.queue.stats().records_quarantined, 2U);
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0U);
}

TEST_F(SendQueueFaults, WhatIsBehindItStaysBehindIt) {
  send({1, 2});
  send({3});
  ASSERT_EQ(hands_.sent.size(), 2U);
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  EXPECT_EQ(hands_.sent.size(), 2U);  // until the other one has come back
  hands_.refuse(hands_.sent[1], {ErrorCode::kNotYet, "one before it failed"});
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 4U);
  EXPECT_THAT(ids_of(hands_.sent[2].batch.span()), ElementsAre(2));
  EXPECT_THAT(ids_of(hands_.sent[3].batch.span()), ElementsAre(3));
  EXPECT_GT(hands_.sent[2].retry_round, hands_.sent[0].retry_round);
}

TEST_F(SendQueueFaults, WithoutAGoodRecordNothingIsSent) {
  send({1, 2});
  const std::uint64_t mark = hands_.queue.flush(hands_.now);
  hands_.refuse(hands_.sent[0], faulty({{0, "one"}, {1, "two"}}));
  EXPECT_EQ(fault_of(1), "one");
  EXPECT_EQ(fault_of(2), "two");
  EXPECT_TRUE(hands_.queue.is_flushed(mark));
  EXPECT_EQ(hands_.sent.size(), 1U);
  EXPECT_EQ(hands_.queue.stats().records_failed, 2U);
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0U);
}

TEST_F(SendQueueFaults, IndexesThatCannotBeFailTheWholeBatch) {
  for (const auto& faults : std::vector<std::vector<RecordFault>>{
           {{2, "x"}}, {{-1, "x"}}, {{1, "x"}, {0, "x"}}, {{0, "x"}, {0, "x"}}}) {
    const std::uint64_t first = hands_.results.size() + 1;
    send({first, first + 1});
    hands_.refuse(hands_.sent.back(), faulty(faults));
    EXPECT_EQ(fault_of(first), "some records are wrong");
    EXPECT_EQ(fault_of(first + 1), "some records are wrong");
  }
}

TEST_F(SendQueueFaults, KeysHeadersAndTimesOfTheOthersStay) {
  std::vector<std::byte> value(8);
  const std::vector<model::HeaderView> headers{{"h", as_bytes("x")}, {"none", std::nullopt}};
  for (std::uint64_t id = 1; id <= 2; ++id) {
    Answer answer(id);
    ASSERT_TRUE(hands_.queue.append(hands_.queue.lane("t", 0),
                                    {as_bytes("key"), ByteSpan(value), headers, model::Timestamp(1'234)},
                                    answer, hands_.now));
  }
  hands_.run();
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  ASSERT_EQ(hands_.sent.size(), 2U);
  const auto batch = model::RecordBatchView::parse(hands_.sent[1].batch.span()).value();
  std::vector<std::byte> scratch;
  int records = 0;
  ASSERT_TRUE(model::for_each_record(batch, kDecodedBytesMax, scratch, [&](const model::RecordView& record) {
    ++records;
    EXPECT_EQ(as_text(*record.key), "key");
    EXPECT_EQ(record.timestamp, model::Timestamp(1'234));
    EXPECT_EQ(record.offset_delta, 0);
    ASSERT_EQ(record.headers.size(), 2U);
    EXPECT_EQ(as_text(*record.headers.begin()->value), "x");
  }));
  EXPECT_EQ(records, 1);
}

SendQueue::Limits idempotent() {
  auto limits = default_limits();
  limits.idempotent = true;
  return limits;
}
struct SendQueueFaultsIdempotent : SendQueueFaults {
  SendQueueFaultsIdempotent() : SendQueueFaults(idempotent()) {}
  [[nodiscard]] std::pair<int, std::int32_t> stamp(std::size_t at) const {
    const auto header = model::RecordBatchView::parse(hands_.sent[at].batch.span()).value().header();
    return {header.producer_epoch.value(), header.base_sequence};
  }
};

TEST_F(SendQueueFaultsIdempotent, TheOthersBeginUnderTheNextEpoch) {
  send({1, 2, 3});
  send({4});
  hands_.identity = ProducerIdentity{7, 1};
  hands_.refuse(hands_.sent[0], faulty({{1, "bad"}}));
  hands_.refuse(hands_.sent[1], {ErrorCode::kOutOfOrderSequence, "one is missing"});
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 4U);
  EXPECT_THAT(ids_of(hands_.sent[2].batch.span()), ElementsAre(1, 3));
  EXPECT_THAT(ids_of(hands_.sent[3].batch.span()), ElementsAre(4));
  EXPECT_EQ(stamp(2), std::pair(1, 0));
  EXPECT_EQ(stamp(3), std::pair(1, 2));
  hands_.ack(hands_.sent[2], 5);
  hands_.ack(hands_.sent[3], 7);
  EXPECT_EQ(*hands_.results.at(3), 6);
  EXPECT_EQ(*hands_.results.at(4), 7);
}

// A broker that has it with the bad record does not take it without.
TEST_F(SendQueueFaultsIdempotent, WhatMayBeStoredGoesOutAgainUnderItsOldNumber) {
  send({1, 2});
  hands_.lose_stream();
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 1U);
  hands_.identity = ProducerIdentity{7, 1};
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kOutcomeUnknown) << "it may be on its way still";
  EXPECT_NE(fault_of(1).find("bad"), std::string::npos) << fault_of(1);
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_THAT(ids_sent_last(), ElementsAre(2));
  EXPECT_EQ(stamp(1), std::pair(0, 0));
  hands_.refuse(hands_.sent[1], {ErrorCode::kOutOfOrderSequence, "it is there as it was"});
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kOutcomeUnknown);
}

// Once the one without the bad record is there, nothing behind the other one is: that begins anew.
TEST_F(SendQueueFaultsIdempotent, WhatIsBehindABatchThatMayBeStoredIsNotGivenUp) {
  send({1, 2});
  send({3});
  hands_.lose_stream();
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 2U);
  hands_.identity = ProducerIdentity{7, 1};
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  hands_.refuse(hands_.sent[1], {ErrorCode::kOutOfOrderSequence, "one is missing"});
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 4U);
  EXPECT_THAT(ids_of(hands_.sent[2].batch.span()), ElementsAre(2));
  EXPECT_EQ(stamp(2), std::pair(0, 0));
  hands_.ack(hands_.sent[2], 5);
  hands_.refuse(hands_.sent[3], {ErrorCode::kOutOfOrderSequence, "one is missing"});
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 5U);
  EXPECT_THAT(ids_sent_last(), ElementsAre(3));
  EXPECT_EQ(stamp(4), std::pair(1, 0));
  hands_.ack(hands_.sent[4], 6);
  EXPECT_EQ(*hands_.results.at(2), 5);
  EXPECT_EQ(*hands_.results.at(3), 6);
}

// A second copy is allowed there.
TEST_F(SendQueueFaults, WithoutSequencesTheOthersAreSentAgainWhateverBecameOfTheFirstTry) {
  send({1, 2});
  hands_.lose_stream();
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 1U);
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kOutcomeUnknown);
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_THAT(ids_sent_last(), ElementsAre(2));
}

TEST_F(SendQueueFaultsIdempotent, AStoppingNodeHasNotStoredWhatItRefuses) {
  send({1, 2});
  hands_.refuse(hands_.sent[0], {ErrorCode::kShuttingDown, "the node is stopping"});
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 2U);
  hands_.refuse(hands_.sent[1], faulty({{0, "bad"}}));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kInvalidRecord);
}

TEST_F(SendQueueFaults, TheRestGoesToTheLeader) {
  send({1, 2});
  Error error = faulty({{0, "bad"}});
  error.leader = "n1:1";
  const std::string first = hands_.place_of(hands_.sent[0]);
  ASSERT_NE(first, "n1:1");
  hands_.refuse(hands_.sent[0], error);
  hands_.pass(milliseconds(1'000));
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_EQ(hands_.place_of(hands_.sent[1]), "n1:1");
}

SendQueue::Limits named() {
  auto limits = idempotent();
  limits.stop_on_failure = true;
  return limits;
}
struct SendQueueFaultsNamed : SendQueueFaults {
  SendQueueFaultsNamed() : SendQueueFaults(named()) {}
};

TEST_F(SendQueueFaultsNamed, ANamedProducerStops) {
  send({1, 2});
  hands_.refuse(hands_.sent[0], faulty({{0, "bad"}}));
  EXPECT_EQ(hands_.failure_of(1), ErrorCode::kInvalidRecord);
  EXPECT_EQ(fault_of(1), "bad");
  EXPECT_EQ(hands_.failure_of(2), ErrorCode::kCancelled);
  EXPECT_NE(fault_of(2).find("bad"), std::string::npos) << fault_of(2);
  hands_.pass(milliseconds(1'000));
  EXPECT_EQ(hands_.sent.size(), 1U);
  EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0U);
}

}  // namespace
}  // namespace forebay::client
