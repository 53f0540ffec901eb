// Where the producer's queue sends what, when there are several nodes.
#include <gtest/gtest.h>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

std::vector<std::uint64_t> ids(const SendQueue::Send& send) { return ids_of(send.batch.span()); }
Error not_leader(const std::string& leader) { return {ErrorCode::kNotLeader, "not here", 0, leader}; }

class SendQueueNodes : public testing::Test {
 protected:
  void send(std::int32_t partition, std::uint64_t id) {
    hands_.append(partition, id);
    hands_.run();
  }
  Hands hands_{default_limits(), {"a:1", "b:1"}};
};

TEST_F(SendQueueNodes, GoesToTheLeaderThatAnAcknowledgementNames) {
  send(0, 1);
  EXPECT_EQ(hands_.place_of(hands_.sent[0]), "a:1");
  hands_.ack(hands_.sent[0], 0, "c:1");
  send(0, 2);
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_EQ(hands_.place_of(hands_.sent[1]), "c:1");
  send(1, 3);  // of another partition nothing is known
  EXPECT_EQ(hands_.place_of(hands_.sent[2]), "a:1");
  hands_.ack(hands_.sent[2], 0, "c:1");
  send(1, 4);
  EXPECT_EQ(hands_.place_of(hands_.sent[3]), "c:1");
  EXPECT_EQ(hands_.connects, 2);  // one stream to a node
}

TEST_F(SendQueueNodes, ChangesTheNodeOnlyWhenNothingIsUnanswered) {
  for (std::uint64_t id = 1; id <= 3; ++id) send(0, id);
  hands_.ack(hands_.sent[0], 0, "c:1");
  send(0, 4);
  EXPECT_EQ(hands_.sent.size(), 3U);
  hands_.ack(hands_.sent[1], 1, "c:1");
  EXPECT_EQ(hands_.sent.size(), 3U);
  hands_.ack(hands_.sent[2], 2, "c:1");
  ASSERT_EQ(hands_.sent.size(), 4U);
  EXPECT_EQ(hands_.place_of(hands_.sent[3]), "c:1");
  EXPECT_EQ(ids(hands_.sent[3]), std::vector<std::uint64_t>{4});
}

TEST_F(SendQueueNodes, RefusedBatchesFollowTheLeaderAtOnceAndInOrder) {
  for (std::uint64_t id = 1; id <= 3; ++id) send(0, id);
  hands_.refuse(hands_.sent[0], not_leader("c:1"));
  hands_.refuse(hands_.sent[1], {ErrorCode::kNotYet, "one before it failed"});
  hands_.refuse(hands_.sent[2], {ErrorCode::kNotYet, "one before it failed"});
  ASSERT_EQ(hands_.sent.size(), 6U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(hands_.place_of(hands_.sent[3 + i]), "c:1");
    EXPECT_EQ(ids(hands_.sent[3 + i]), std::vector<std::uint64_t>{i + 1});
  }
}

TEST_F(SendQueueNodes, TwoNodesThatNameEachOtherAreNotAskedInALoop) {
  send(0, 1);
  std::size_t sent = 0;
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(hands_.sent.size(), sent + 1);
    const bool at_a = hands_.place_of(hands_.sent[sent]) == "a:1";
    hands_.refuse(hands_.sent[sent], not_leader(at_a ? "b:1" : "a:1"));
    ++sent;
    if (round == 0) continue;  // the first hint is taken at once
    EXPECT_EQ(hands_.sent.size(), sent);
    while (hands_.sent.size() == sent) hands_.pass(milliseconds(1));
  }
  EXPECT_GT(hands_.now - TimePoint(std::chrono::hours(1)), milliseconds(2'000));
}

TEST_F(SendQueueNodes, GoesToAnotherNodeWhenOneDoesNotDo) {
  for (const ErrorCode code : {ErrorCode::kNotYet, ErrorCode::kShuttingDown, ErrorCode::kUnavailable,
                               ErrorCode::kTimedOut, ErrorCode::kOutcomeUnknown, ErrorCode::kNotLeader}) {
    SCOPED_TRACE(error_code_name(code));
    Hands hands(default_limits(), {"a:1", "b:1"});
    hands.append(0, 1);
    hands.run();
    hands.refuse(hands.sent[0], {code, "not now"});
    hands.pass(milliseconds(20));
    ASSERT_EQ(hands.sent.size(), 2U);
    EXPECT_EQ(hands.place_of(hands.sent[1]), "b:1");
  }
  Hands hands(default_limits(), {"a:1", "b:1"});
  hands.append(0, 1);
  hands.run();
  hands.refuse(hands.sent[0], {ErrorCode::kDiskFull, "no room"});  // nobody else has more
  hands.pass(milliseconds(20));
  EXPECT_EQ(hands.place_of(hands.sent.back()), "a:1");
}

TEST_F(SendQueueNodes, LostStreamIsReplacedByAnotherNodesAtOnce) {
  for (std::uint64_t id = 1; id <= 3; ++id) send(0, id);
  hands_.lose_stream(0);
  hands_.run();
  ASSERT_EQ(hands_.sent.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(hands_.place_of(hands_.sent[i]), "b:1");
    EXPECT_EQ(ids(hands_.sent[i]), std::vector<std::uint64_t>{i + 1});
  }
  send(1, 4);  // what is new begins there too
  EXPECT_EQ(hands_.place_of(hands_.sent[3]), "b:1");
}

TEST_F(SendQueueNodes, StreamsOfOtherNodesGoOnWhenOneIsLost) {
  send(0, 1);
  hands_.ack(hands_.sent[0], 0, "c:1");
  send(0, 2);
  send(1, 3);
  hands_.lose_stream(2);
  hands_.run();
  EXPECT_EQ(hands_.streams.size(), 1U);
  hands_.ack(hands_.sent[1], 0);  // of partition 1, at a
  EXPECT_TRUE(hands_.results.at(3).has_value());
}

// The node that says who leads may not know yet that the leader is gone.
TEST_F(SendQueueNodes, LeaderThatFailedIsAvoidedForAWhile) {
  send(0, 1);
  hands_.ack(hands_.sent[0], 0, "c:1");
  send(0, 2);
  hands_.lose_stream(2);
  hands_.run();
  ASSERT_EQ(hands_.sent.size(), 2U);
  EXPECT_EQ(hands_.place_of(hands_.sent[1]), "a:1");
  hands_.refuse(hands_.sent[1], not_leader("c:1"));
  hands_.pass(milliseconds(40));
  EXPECT_EQ(hands_.place_of(hands_.sent.back()), "b:1");
  hands_.ack(hands_.sent.back(), 1, "c:1");  // it can reach the leader
  send(0, 3);
  EXPECT_EQ(hands_.place_of(hands_.sent.back()), "b:1");
  hands_.pass(milliseconds(1'000));
  hands_.ack(hands_.sent.back(), 2, "c:1");
  send(0, 4);
  EXPECT_EQ(hands_.place_of(hands_.sent.back()), "c:1");
}

TEST_F(SendQueueNodes, RoundsNeverFallSoThatAStreamMayBeUsedAgain) {
  send(0, 1);
  hands_.refuse(hands_.sent[0], not_leader("b:1"));
  ASSERT_EQ(hands_.sent.size(), 2U);
  hands_.refuse(hands_.sent[1], not_leader("a:1"));
  hands_.pass(milliseconds(40));
  ASSERT_EQ(hands_.sent.size(), 3U);
  EXPECT_EQ(hands_.place_of(hands_.sent[2]), "a:1");
  EXPECT_GT(hands_.sent[2].retry_round, hands_.sent[0].retry_round);
}

TEST_F(SendQueueNodes, UnknownOutcomeIsNotRetriedWhenToldSo) {
  auto limits = default_limits();
  limits.retry_unknown = false;
  Hands hands(limits, {"a:1", "b:1"});
  for (std::uint64_t id = 1; id <= 2; ++id) {
    hands.append(0, id);
    hands.run();
  }
  hands.lose_stream(0);
  hands.run();
  EXPECT_EQ(hands.failure_of(1), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(hands.failure_of(2), ErrorCode::kOutcomeUnknown);
  hands.append(0, 3);
  hands.run();
  hands.lose_stream(1, false);  // nobody was there
  hands.pass(milliseconds(40));
  ASSERT_EQ(hands.sent.size(), 1U);
  EXPECT_EQ(ids(hands.sent[0]), std::vector<std::uint64_t>{3});
  hands.refuse(hands.sent[0], {ErrorCode::kOutcomeUnknown, "the leader did not answer"});
  EXPECT_EQ(hands.failure_of(3), ErrorCode::kOutcomeUnknown);
}

}  // namespace
}  // namespace forebay::client
