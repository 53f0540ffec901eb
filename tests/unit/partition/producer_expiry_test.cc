#include "partition/core/producer_expiry.h"

#include <gtest/gtest.h>

#include "producer_frames.h"

namespace forebay::partition {
namespace {

using model::Term;
using model::Timestamp;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr ProducerLimits kDay{.expiration_ms = 24 * kHourMs};
constexpr std::int64_t kBeginMs = 1'000 * kHourMs;

TEST(ProducerExpiry, FrameIsWorthItForAnyProducerOrForManyBatches) {
  struct Case {
    ProducerStates::Forgettable forgettable;
    bool worth_it;
  };
  for (const auto& [forgettable, worth_it] :
       {Case{{0, 0}, false}, Case{{1, 0}, true}, Case{{0, kForgottenBatchesMin - 1}, false},
        Case{{0, kForgottenBatchesMin}, true}})
    EXPECT_EQ(is_worth_a_frame(forgettable), worth_it) << forgettable.producers << " " << forgettable.batches;
}

// A leader whose steady time goes on, and what it is told.
class ProducerExpiryTest : public ::testing::Test {
 protected:
  using Forgotten = std::optional<log::ProducersForgotten>;

  void pass(std::int64_t ms) {
    steady_ += std::chrono::milliseconds(ms);
    wall_ = wall_.plus(ms);
  }
  // One batch, committed at once; append times never go back.
  void write(std::int64_t id, std::int32_t sequence = 0) {
    log_.now = std::max(log_.now, wall_);
    states_.appended(log_.batch(id, 0, sequence));
    states_.committed(log_.end());
  }
  Forgotten look() {
    return expiry_.look({.term = term_, .steady = steady_, .now = wall_, .last_append = log_.now}, states_);
  }
  // What the first look in the next `ms` gives that gives anything; looks each minute.
  Forgotten look_for(std::int64_t ms) {
    for (std::int64_t past = 0; past < ms; past += 60'000) {
      pass(60'000);
      if (auto forgotten = look()) return forgotten;
    }
    return std::nullopt;
  }
  [[nodiscard]] static Timestamp at(std::int64_t hours) { return Timestamp(kBeginMs + hours * kHourMs); }

  ProducerExpiry expiry_;
  ProducerFrames log_;
  ProducerStates states_{kDay};
  Term term_{1};
  ProducerExpiry::Steady steady_{};
  Timestamp wall_{kBeginMs};
};

TEST_F(ProducerExpiryTest, SilentOneIsForgottenAfterTheExpirationAndBeforeTwoHoursMore) {
  write(1);
  Forgotten forgotten;
  std::int64_t hours = 0;
  for (; hours < 40 && !forgotten; ++hours) {
    forgotten = look_for(kHourMs);
    write(2, static_cast<std::int32_t>(hours));
  }
  ASSERT_TRUE(forgotten);
  EXPECT_GT(hours, 24);
  EXPECT_LE(hours, 26);
  EXPECT_GT(forgotten->silent_before, at(0));
  EXPECT_LE(forgotten->silent_before, wall_.plus(-kDay.expiration_ms));
}

TEST_F(ProducerExpiryTest, LogWithoutProducersSaysNothing) { EXPECT_FALSE(look_for(100 * kHourMs)); }

TEST_F(ProducerExpiryTest, LogToWhichNothingComesSaysNothing) {
  write(1);
  EXPECT_FALSE(look_for(100 * kHourMs));
}

TEST_F(ProducerExpiryTest, OneWhoWritesIsNotForgotten) {
  for (std::int32_t hour = 0; hour < 100; ++hour) {
    write(1, hour);
    EXPECT_FALSE(look_for(kHourMs)) << hour;
  }
}

// The wall clock says that days have passed, steady time says that none has.
TEST_F(ProducerExpiryTest, JumpForwardForgetsNobodyWhoHasJustWritten) {
  EXPECT_FALSE(look_for(5 * kHourMs));
  write(1);
  wall_ = wall_.plus(100 * kDay.expiration_ms);
  write(2);
  EXPECT_FALSE(look_for(kHourMs - 60'000));
}

// Its own clock is right; those of the one before it were late by days.
TEST_F(ProducerExpiryTest, LeaderForgetsNobodyForTheClockOfTheOneBefore) {
  write(1);
  wall_ = wall_.plus(100 * kDay.expiration_ms);
  term_ = Term(2);
  EXPECT_FALSE(look());
  write(2);
  EXPECT_FALSE(look_for(2 * kHourMs - 60'000));
  EXPECT_TRUE(look_for(kHourMs));
}

TEST_F(ProducerExpiryTest, NewTermProvesItAnew) {
  write(1);
  EXPECT_FALSE(look_for(24 * kHourMs));
  write(2);
  for (std::int32_t i = 0; i < 10; ++i) {
    term_ = term_.next();
    EXPECT_FALSE(look_for(kHourMs));
  }
}

TEST_F(ProducerExpiryTest, TheNextFrameComesAnHourLater) {
  for (std::int64_t id = 0; id < 60; ++id) {
    write(id);
    pass(60'000);
  }
  write(1'000);
  ASSERT_TRUE(look_for(30 * kHourMs));  // nobody folds it: everything is still there
  const Timestamp first = wall_;
  ASSERT_TRUE(look_for(30 * kHourMs));
  EXPECT_EQ(wall_, first.plus(kLookEveryMs));
}

TEST_F(ProducerExpiryTest, FullPartitionLooksEachMinute) {
  states_.set_limits({.expiration_ms = kDay.expiration_ms, .bytes_max = 1});
  write(1);
  pass(60'000);
  write(2);
  ASSERT_TRUE(look_for(30 * kHourMs));
  const Timestamp first = wall_;
  ASSERT_TRUE(look_for(kHourMs));
  EXPECT_EQ(wall_, first.plus(kLookWhenFullMs));
}

TEST_F(ProducerExpiryTest, ManyQuietOnesKeepOnlyTheirLastBatch) {
  for (std::int64_t id = 0; id < 500; ++id) {
    for (std::int32_t i = 0; i < 3; ++i) write(id, i);
  }
  pass(60'000);
  write(1'000);
  const Forgotten forgotten = look_for(4 * kHourMs);
  ASSERT_TRUE(forgotten);
  EXPECT_GT(forgotten->quiet_before, at(0));
  EXPECT_LE(forgotten->silent_before, at(0));
}

TEST_F(ProducerExpiryTest, ShortExpirationIsKept) {
  states_.set_limits({.expiration_ms = 60'000});
  write(1);
  pass(60'000);
  write(2);
  EXPECT_FALSE(look());
  EXPECT_TRUE(look_for(3 * 60'000));
}

}  // namespace
}  // namespace forebay::partition
