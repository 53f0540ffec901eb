#include "sim/producer_checks.h"

#include <gtest/gtest.h>

#include "partition/core/producer_states.h"
#include "producer_frames.h"

namespace forebay::sim {
namespace {

using model::ProducerEpoch;
using model::ProducerId;

class ProducerChecksTest : public testing::Test {
 protected:
  ProducerChecks& checks(const ProducerChecks::Rules& rules = {}) {
    if (!checks_) {
      checks_.emplace(1, rules, [this](const std::string& what) {
        if (failure_.empty()) failure_ = what;
      });
    }
    return *checks_;
  }
  void take(const log::Frame& frame) { checks().take(0, frame, true, "partition 0 on node 1"); }
  // What a replica knows that has folded all but the frames from `missing` on for `count`.
  ProducerChecks::Bytes known(std::size_t missing = 0, std::size_t count = 0) {
    partition::ProducerStates states(partition::ProducerLimits{});
    for (std::size_t i = 0; i < frames_.all().size(); ++i) {
      if (i < missing || i >= missing + count) states.appended(frames_.all()[i]);
    }
    states.committed(frames_.end());
    return states.encode();
  }
  void see(const ProducerChecks::Bytes& state) {
    checks().see(0, frames_.end(), state, "partition 0 on node 2");
  }
  [[nodiscard]] bool breaks(const char* rule) const { return failure_.starts_with(rule); }

  partition::ProducerFrames frames_;
  std::optional<ProducerChecks> checks_;
  std::string failure_;
};

TEST_F(ProducerChecksTest, SessionsThatFollowTheirNumbersAreWell) {
  take(frames_.batch(7, 0, 0, 3));
  take(frames_.batch(7, 0, 3));
  take(frames_.batch(8, 0, 0));
  take(frames_.batch(7, 1, 0));
  EXPECT_EQ(failure_, "");
}

TEST_F(ProducerChecksTest, GapIsFound) {
  take(frames_.batch(7, 0, 0));
  take(frames_.batch(7, 0, 2));
  EXPECT_TRUE(breaks("I9")) << failure_;
}

TEST_F(ProducerChecksTest, CopyIsFound) {
  take(frames_.batch(7, 0, 0));
  take(frames_.batch(7, 0, 1));
  take(frames_.batch(7, 0, 1));
  EXPECT_TRUE(breaks("I9")) << failure_;
}

TEST_F(ProducerChecksTest, SessionThatDoesNotBeginWithItsFirstIsFound) {
  take(frames_.batch(7, 0, 5));
  EXPECT_TRUE(breaks("I9")) << failure_;
}

TEST_F(ProducerChecksTest, LateSequencesWrapToZero) {
  checks({.late_sequences = true});
  take(frames_.batch(7, 0, 0x7ffffffe, 2));
  take(frames_.batch(7, 0, 0, 2));
  take(frames_.batch(8, 0, 0x7fffffff, 2));  // the second one is 0
  take(frames_.batch(8, 0, 1));
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(checks().counts().wraps, 2U);
  take(frames_.batch(8, 0, 3));
  EXPECT_TRUE(breaks("I9")) << failure_;
}

TEST_F(ProducerChecksTest, OlderSessionBehindANewerOneIsFound) {
  take(frames_.batch(7, 1, 0));
  take(frames_.batch(7, 0, 0));
  EXPECT_TRUE(breaks("I11")) << failure_;
}

TEST_F(ProducerChecksTest, OlderSessionBehindAFenceIsFound) {
  take(frames_.fence(7, 0));
  take(frames_.batch(7, 0, 0));
  take(frames_.fence(7, 1));
  EXPECT_EQ(checks().counts().sessions_fenced, 1U);
  EXPECT_EQ(failure_, "");
  take(frames_.batch(7, 0, 1));
  EXPECT_TRUE(breaks("I11")) << failure_;
}

TEST_F(ProducerChecksTest, FenceThatWasAnsweredHasToBeThere) {
  take(frames_.fence(7, 0));
  checks().fence_answered(0, ProducerId(7), ProducerEpoch(0));
  checks().finish();
  EXPECT_EQ(failure_, "");
  checks().fence_answered(0, ProducerId(7), ProducerEpoch(1));
  checks().finish();
  EXPECT_TRUE(breaks("I11")) << failure_;
}

TEST_F(ProducerChecksTest, WhoWasForgottenMayBeginAnewButNotWhoHasAName) {
  take(frames_.batch(7, 0, 0));
  take(frames_.fence(8, 0));
  take(frames_.batch(8, 0, 0));
  take(frames_.batch(8, 0, 1));
  take(frames_.forgotten(frames_.now.plus(1), frames_.now.plus(1)));
  EXPECT_EQ(checks().counts().producers_forgotten, 1U);
  EXPECT_EQ(checks().counts().batches_forgotten, 1U);
  take(frames_.batch(7, 0, 0));
  EXPECT_EQ(failure_, "");
  take(frames_.batch(8, 0, 0));
  EXPECT_TRUE(breaks("I9")) << failure_;
}

TEST_F(ProducerChecksTest, ReplicaThatKnowsWhatTheLogSaysIsWell) {
  see(known());  // nothing, where nothing is
  for (int i = 0; i < 8; ++i) take(frames_.batch(7, 0, i));
  see(known());
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(checks().counts().states_compared, 2U);
}

TEST_F(ProducerChecksTest, ReplicaThatLacksABatchIsFound) {
  for (int i = 0; i < 3; ++i) take(frames_.batch(7, 0, i));
  see(known(0, 1));
  EXPECT_NE(failure_.find("of producer 7 the log says"), std::string::npos) << failure_;
}

TEST_F(ProducerChecksTest, ReplicaThatKnowsNobodyIsFound) {
  take(frames_.batch(7, 0, 0));
  see(known(0, 1));
  EXPECT_NE(failure_.find("the replica knows nothing"), std::string::npos) << failure_;
}

TEST_F(ProducerChecksTest, WhatIsSeenAheadOfTheLogIsComparedWhenTheLogGetsThere) {
  frames_.batch(7, 0, 0);
  see(known(0, 1));
  EXPECT_EQ(failure_, "");
  take(frames_.all().back());
  EXPECT_NE(failure_, "");
}

TEST_F(ProducerChecksTest, WhatIsSeenBeyondEveryLogIsFoundAtTheEnd) {
  frames_.batch(7, 0, 0);
  see(known());
  checks().finish();
  EXPECT_NE(failure_.find("no log gets there"), std::string::npos) << failure_;
}

TEST_F(ProducerChecksTest, OfACompactedLogOnlyTheLastBatchIsKnownToAll) {
  checks({.compacting = true});
  for (int i = 0; i < 3; ++i) take(frames_.batch(7, 0, i));
  see(known(0, 1));
  EXPECT_EQ(failure_, "");
  see(known(2, 1));
  EXPECT_NE(failure_, "");
}

TEST_F(ProducerChecksTest, BelowWhatIsCompactedNothingIsCompared) {
  checks({.compacting = true});
  take(frames_.batch(7, 0, 0));
  checks().see_compacted(0, frames_.end().after_records(1));
  see(known(0, 1));
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(checks().counts().states_compared, 0U);
}

TEST_F(ProducerChecksTest, WhatIsGivenUpIsNotKnownAnyMore) {
  take(frames_.batch(7, 0, 0));
  const model::LogPosition kept = frames_.end();
  take(frames_.batch(7, 0, 1));
  checks().give_up(0, kept);
  frames_.truncate(kept);
  see(known());
  take(frames_.batch(7, 0, 1, 2));
  see(known());
  EXPECT_EQ(failure_, "");
  EXPECT_EQ(checks().counts().states_compared, 2U);
}

}  // namespace
}  // namespace forebay::sim
