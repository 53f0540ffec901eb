#include "partition/core/producer_states.h"

#include <gtest/gtest.h>

#include <limits>

#include "producer_frames.h"

namespace forebay::partition {
namespace {

using model::LogPosition;
using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;
using model::Timestamp;

constexpr std::int32_t kLastSequence = std::numeric_limits<std::int32_t>::max();

class ProducerStatesTest : public ::testing::Test {
 protected:
  void append(const log::Frame& frame) { states_.appended(frame); }
  void append_batch(std::int64_t id, std::int16_t epoch, std::int32_t sequence, std::int32_t records = 1) {
    append(log_.batch(id, epoch, sequence, records));
  }
  void commit() { states_.committed(log_.end()); }
  BatchVerdict check(std::int64_t id, std::int16_t epoch, std::int32_t sequence, std::int32_t records = 1,
                     std::optional<Offset> leadership = std::nullopt) {
    return states_.check(head_of(id, epoch, sequence, records), leadership);
  }
  static bool is_fresh(const BatchVerdict& verdict) { return std::holds_alternative<FreshBatch>(verdict); }
  static std::optional<ErrorCode> refused(const BatchVerdict& verdict) {
    const auto* refusal = std::get_if<ProducerRefusal>(&verdict);
    return refusal == nullptr ? std::nullopt : std::optional(refusal->code);
  }
  static std::optional<Offset> first_copy(const BatchVerdict& verdict) {
    const auto* duplicate = std::get_if<DuplicateBatch>(&verdict);
    return duplicate == nullptr ? std::nullopt : std::optional(duplicate->first.first_offset);
  }

  ProducerFrames log_;
  ProducerStates states_{ProducerLimits{}};
};

TEST_F(ProducerStatesTest, FirstBatchOfAnUnknownProducerHasSequenceZero) {
  EXPECT_TRUE(is_fresh(check(1, 0, 0)));
  EXPECT_EQ(refused(check(1, 0, 1)), ErrorCode::kUnknownProducer);
}

TEST_F(ProducerStatesTest, EachBatchGoesOnWhereTheOneBeforeItEnded) {
  append_batch(1, 0, 0, 3);
  EXPECT_TRUE(is_fresh(check(1, 0, 3)));
  EXPECT_EQ(refused(check(1, 0, 4)), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(refused(check(1, 0, 2)), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, CopyOfABatchInFlightIsADuplicate) {
  append(log_.plain(7));
  append_batch(1, 0, 0, 3);
  const auto verdict = check(1, 0, 0, 3);
  ASSERT_EQ(first_copy(verdict), Offset(7));
  EXPECT_EQ(std::get<DuplicateBatch>(verdict).first.last_offset(), Offset(9));
  EXPECT_EQ(std::get<DuplicateBatch>(verdict).first.end(), log_.end());
}

TEST_F(ProducerStatesTest, CopyOfACommittedBatchIsADuplicate) {
  append_batch(1, 0, 0, 3);
  commit();
  EXPECT_EQ(first_copy(check(1, 0, 0, 3)), Offset(0));
}

TEST_F(ProducerStatesTest, CopyThatCoversOnlyAPartIsOutOfOrder) {
  append_batch(1, 0, 0, 3);
  EXPECT_EQ(refused(check(1, 0, 0, 2)), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(refused(check(1, 0, 1, 2)), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(refused(check(1, 0, 0, 4)), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, FiveBatchesAreRememberedAndTheSixthIsNot) {
  for (std::int32_t i = 0; i < 6; ++i) append_batch(1, 0, i);
  EXPECT_EQ(refused(check(1, 0, 0)), ErrorCode::kOutOfOrderSequence);
  for (std::int32_t i = 1; i < 6; ++i) EXPECT_EQ(first_copy(check(1, 0, i)), Offset(i));
}

TEST_F(ProducerStatesTest, SequencesWrapToZero) {
  append_batch(1, 0, 0, kLastSequence);  // up to 2147483646
  EXPECT_TRUE(is_fresh(check(1, 0, kLastSequence, 2)));
  append_batch(1, 0, kLastSequence, 2);  // 2147483647 and 0
  commit();
  EXPECT_TRUE(is_fresh(check(1, 0, 1)));
  EXPECT_TRUE(first_copy(check(1, 0, kLastSequence, 2)));
  EXPECT_EQ(std::get<DuplicateBatch>(check(1, 0, kLastSequence, 2)).first.end(), log_.end());
}

TEST_F(ProducerStatesTest, ZeroFollowsTheLastSequence) {
  append_batch(1, 0, 0, kLastSequence);
  append_batch(1, 0, kLastSequence);
  EXPECT_TRUE(is_fresh(check(1, 0, 0)));
}

// What lay between was compacted away.
TEST_F(ProducerStatesTest, NextBatchIsNoCopyOfOneFromBeforeTheWrap) {
  append_batch(1, 0, 100, 10);
  append_batch(1, 0, kLastSequence - 4, 10);
  append_batch(1, 0, 5, 95);
  EXPECT_TRUE(is_fresh(check(1, 0, 100, 10)));
}

TEST_F(ProducerStatesTest, OlderEpochIsFencedAlsoWithABatchThatIsThere) {
  append_batch(1, 0, 0);
  append_batch(1, 1, 0);
  EXPECT_EQ(refused(check(1, 0, 0)), ErrorCode::kProducerFenced);
  EXPECT_EQ(refused(check(1, 0, 1)), ErrorCode::kProducerFenced);
}

TEST_F(ProducerStatesTest, HigherEpochBeginsWithSequenceZero) {
  append_batch(1, 0, 0);
  EXPECT_TRUE(is_fresh(check(1, 3, 0)));
  EXPECT_EQ(refused(check(1, 3, 1)), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, FenceStopsTheOlderSessionAndTheNewOneBegins) {
  append_batch(1, 0, 0, 5);
  append(log_.fence(1, 1));
  EXPECT_EQ(refused(check(1, 0, 5)), ErrorCode::kProducerFenced);
  EXPECT_TRUE(is_fresh(check(1, 1, 0)));
  EXPECT_EQ(refused(check(1, 1, 5)), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, FenceTellsHowFarTheSessionBeforeCame) {
  append(log_.fence(1, 0));
  append(log_.position(1, 0, 4, "file", "at 5"));
  append_batch(1, 0, 0, 5);
  append(log_.fence(1, 1));
  append(log_.fence(1, 2));  // the one between has stored nothing
  commit();
  const auto* state = states_.find_committed(ProducerId(1));
  ASSERT_NE(state, nullptr);
  ASSERT_TRUE(state->named && state->named->before);
  EXPECT_EQ(*state->named->before,
            (SessionEnd{ProducerEpoch(0), 4, Offset(4), SourcePosition{"file", "at 5"}}));
}

TEST_F(ProducerStatesTest, FenceAnswersTheSameAfterTheNewSessionHasWritten) {
  append(log_.fence(1, 0));
  append_batch(1, 0, 0, 5);
  append(log_.fence(1, 1));
  append_batch(1, 1, 0, 2);
  commit();
  const auto* state = states_.find_committed(ProducerId(1));
  EXPECT_EQ(state->named->before->last_sequence, 4);
}

TEST_F(ProducerStatesTest, PositionCountsOnlyWithItsBatch) {
  append(log_.fence(1, 0));
  append(log_.position(1, 0, 0, "file", "a"));
  commit();
  EXPECT_FALSE(states_.find_committed(ProducerId(1))->named->position);
  append_batch(1, 0, 0);
  commit();
  EXPECT_EQ(states_.find_committed(ProducerId(1))->named->position, (SourcePosition{"file", "a"}));
}

TEST_F(ProducerStatesTest, BatchWithoutPositionHasNone) {
  append(log_.fence(1, 0));
  append(log_.position(1, 0, 0, "file", "a"));
  append_batch(1, 0, 0);
  append_batch(1, 0, 1);
  commit();
  EXPECT_FALSE(states_.find_committed(ProducerId(1))->named->position);
}

TEST_F(ProducerStatesTest, FenceIsKnownOnceAndCountsAtItsCommit) {
  EXPECT_TRUE(std::holds_alternative<FreshFence>(states_.check_fence(ProducerId(1), ProducerEpoch(2))));
  append(log_.fence(1, 2));
  const auto again = states_.check_fence(ProducerId(1), ProducerEpoch(2));
  ASSERT_TRUE(std::holds_alternative<KnownFence>(again));
  EXPECT_EQ(std::get<KnownFence>(again).counts_at, log_.end());
  const auto older = states_.check_fence(ProducerId(1), ProducerEpoch(1));
  ASSERT_TRUE(std::holds_alternative<ProducerRefusal>(older));
  EXPECT_EQ(std::get<ProducerRefusal>(older).code, ErrorCode::kProducerFenced);
}

TEST_F(ProducerStatesTest, SessionThatWroteWithoutAFenceIsFencedToo) {
  append_batch(1, 2, 0);
  EXPECT_TRUE(std::holds_alternative<FreshFence>(states_.check_fence(ProducerId(1), ProducerEpoch(2))));
}

TEST_F(ProducerStatesTest, TruncationTakesBackWhatWasNotCommitted) {
  append_batch(1, 0, 0);
  commit();
  const LogPosition committed = log_.end();
  append_batch(1, 0, 1);
  append(log_.fence(1, 1));
  log_.truncate(committed);
  EXPECT_TRUE(states_.truncated(committed));
  EXPECT_FALSE(states_.truncated(committed));
  EXPECT_TRUE(is_fresh(check(1, 0, 1)));
  EXPECT_EQ(first_copy(check(1, 0, 0)), Offset(0));
}

TEST_F(ProducerStatesTest, TruncationBetweenTwoFramesKeepsTheFirst) {
  append_batch(1, 0, 0);
  const LogPosition between = log_.end();
  append_batch(1, 0, 1);
  log_.truncate(between);
  states_.truncated(between);
  append_batch(2, 0, 0);
  commit();
  EXPECT_TRUE(is_fresh(check(1, 0, 1)));
  EXPECT_TRUE(first_copy(check(1, 0, 0)));
}

// The clock of a leader jumped over the expiration: a retry of the first batch was stored a second time, and
// whoever went on was unknown.
TEST_F(ProducerStatesTest, NoTimeBetweenFramesMakesAProducerForgotten) {
  append_batch(1, 0, 0);
  append_batch(1, 0, 1);
  commit();
  log_.now = log_.now.plus(100 * ProducerLimits{}.expiration_ms);
  append_batch(2, 0, 0);
  commit();
  EXPECT_EQ(first_copy(check(1, 0, 0)), Offset(0));
  EXPECT_TRUE(is_fresh(check(1, 0, 2)));
  append_batch(1, 0, 2);
  EXPECT_EQ(first_copy(check(1, 0, 1)), Offset(1));
}

TEST_F(ProducerStatesTest, SilentOneIsUnknownBehindTheFrameThatSaysSo) {
  append_batch(1, 0, 0);
  commit();
  append(log_.forgotten(log_.now, log_.now));
  EXPECT_TRUE(is_fresh(check(1, 0, 1)));  // it has written at that time
  append(log_.forgotten(log_.now.plus(1), log_.now.plus(1)));
  EXPECT_EQ(refused(check(1, 0, 1)), ErrorCode::kUnknownProducer);
  EXPECT_TRUE(is_fresh(check(1, 0, 0)));  // not the copy of the first one
  EXPECT_EQ(states_.count(), 1U);
  commit();
  EXPECT_EQ(states_.count(), 0U);
  EXPECT_EQ(states_.memory_bytes(), 0U);
}

TEST_F(ProducerStatesTest, SilentOneWhoseBatchIsNotCommittedYetIsForgottenToo) {
  append_batch(1, 0, 0);
  append(log_.forgotten(log_.now.plus(1), log_.now.plus(1)));
  EXPECT_TRUE(is_fresh(check(1, 0, 0)));
  commit();
  EXPECT_EQ(states_.count(), 0U);
}

// What is committed follows the frames one by one: it does not know what the ones behind it say.
TEST_F(ProducerStatesTest, FrameThatIsNotCommittedForgetsNothingThatIs) {
  append_batch(1, 0, 0);
  const LogPosition between = log_.end();
  append(log_.forgotten(log_.now.plus(1), log_.now.plus(1)));
  states_.committed(between);
  EXPECT_EQ(states_.count(), 1U);
  log_.truncate(between);
  states_.truncated(between);
  EXPECT_EQ(first_copy(check(1, 0, 0)), Offset(0));
}

TEST_F(ProducerStatesTest, ForgottenOneBeginsAnew) {
  append_batch(1, 0, 0, 5);
  append(log_.forgotten(log_.now.plus(1), log_.now.plus(1)));
  append_batch(1, 0, 0, 2);
  commit();
  EXPECT_TRUE(is_fresh(check(1, 0, 2)));
  EXPECT_EQ(refused(check(1, 0, 5)), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, NamedProducerIsNotForgotten) {
  append(log_.fence(1, 4));
  append(log_.forgotten(log_.now.plus(1), log_.now.plus(1)));
  commit();
  EXPECT_EQ(refused(check(1, 3, 0)), ErrorCode::kProducerFenced);
}

TEST_F(ProducerStatesTest, OfAQuietOneOnlyTheLastBatchIsRemembered) {
  append_batch(1, 0, 0);
  append_batch(1, 0, 1);
  commit();
  append(log_.forgotten(log_.now, log_.now.plus(1)));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(refused(check(1, 0, 0)), ErrorCode::kOutOfOrderSequence);
    EXPECT_EQ(first_copy(check(1, 0, 1)), Offset(1));
    commit();
  }
}

TEST_F(ProducerStatesTest, WhatAFrameWouldForgetIsCounted) {
  append_batch(1, 0, 0);
  log_.now = log_.now.plus(10);
  for (std::int32_t i = 0; i < 3; ++i) append_batch(2, 0, i);
  append(log_.fence(3, 0));
  commit();
  const auto counted = [&](std::int64_t silent, std::int64_t quiet) {
    const auto forgettable = states_.count({Timestamp(silent), Timestamp(quiet)});
    return std::pair(forgettable.producers, forgettable.batches);
  };
  const std::int64_t now = log_.now.value();
  EXPECT_EQ(counted(now - 10, now), std::pair(std::size_t{0}, std::size_t{0}));
  EXPECT_EQ(counted(now, now + 1), std::pair(std::size_t{1}, std::size_t{2}));
  EXPECT_EQ(counted(now + 1, now + 1), std::pair(std::size_t{2}, std::size_t{0}));
}

TEST_F(ProducerStatesTest, NoNewProducerIsTakenWhenMemoryIsUsedUp) {
  states_.set_limits({.bytes_max = 1});
  append_batch(1, 0, 0);
  commit();
  EXPECT_EQ(refused(check(2, 0, 0)), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(is_fresh(check(1, 0, 1)));
}

TEST_F(ProducerStatesTest, GapOverALeadershipIsTheLossOfAnEarlyAcknowledgement) {
  append_batch(1, 0, 0);
  EXPECT_EQ(refused(check(1, 0, 2, 1, Offset(1))), ErrorCode::kEarlyAckLost);
  EXPECT_EQ(std::get<ProducerRefusal>(check(1, 0, 2, 1, Offset(1))).last_sequence, 0);
  EXPECT_EQ(refused(check(2, 0, 2, 1, Offset(1))), ErrorCode::kEarlyAckLost);
  append_batch(1, 0, 1);
  EXPECT_EQ(refused(check(1, 0, 3, 1, Offset(1))), ErrorCode::kOutOfOrderSequence);
}

TEST_F(ProducerStatesTest, PositionNeedsAFenceOfTheSession) {
  const SourcePosition position{"file", "1"};
  EXPECT_EQ(states_.check_position(head_of(1, 0, 0), position).error().code, ErrorCode::kInvalidArgument);
  append(log_.fence(1, 0));
  EXPECT_TRUE(states_.check_position(head_of(1, 0, 0), position));
  EXPECT_EQ(states_.check_position(head_of(1, 0, 0), {std::string(257, 'x'), ""}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(ProducerStatesTest, FramesBelowTheStateAreNotFoldedAgain) {
  append_batch(1, 0, 0);
  append_batch(1, 0, 1);
  commit();
  ProducerStates restored{ProducerLimits{}};
  ASSERT_TRUE(restored.restore(states_.position(), states_.encode()));
  for (const auto& frame : log_.all()) restored.appended(frame);
  restored.committed(log_.end());
  EXPECT_EQ(restored.encode(), states_.encode());
}

TEST_F(ProducerStatesTest, RefusalsSayWhatIsThereAndWhatToDo) {
  append_batch(7, 2, 0, 3);
  const auto head = head_of(7, 2, 9);
  const auto gap = std::get<ProducerRefusal>(states_.check(head));
  const Error error = refusal_error(gap, head, "partition 3 of topic 'orders'");
  EXPECT_EQ(error.code, ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(error.last_sequence, 2);
  EXPECT_EQ(
      error.context,
      "producer 7 epoch 2: sequence 9 does not follow at partition 3 of topic 'orders', which has this "
      "session up "
      "to sequence 2 and expects 3; send what is missing first, and keep at most 5 batches unanswered: older "
      "copies are not recognised");
}

}  // namespace
}  // namespace forebay::partition
