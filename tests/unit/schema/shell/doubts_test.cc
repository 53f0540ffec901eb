#include "schema/doubts.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace forebay::schema {
namespace {

using Verdict = Doubts::Verdict;

runtime::TimePoint at(int seconds) { return runtime::TimePoint(std::chrono::seconds(seconds)); }

TEST(Doubts, WhatIsMissedIsMissingOnceTheCopyHasBeenRefreshedSince) {
  Doubts doubts;
  const auto asked = doubts.judge("id 1", at(0));
  ASSERT_EQ(asked.verdict, Verdict::kAsk);
  EXPECT_EQ(doubts.judge("id 1", at(0)).verdict, Verdict::kWait);
  doubts.refreshed(asked.number, true, at(0));
  EXPECT_EQ(doubts.judge("id 1", at(0)).verdict, Verdict::kSure);
}

// Each record of a batch says another id, more than are remembered.
TEST(Doubts, ABatchOfIdsThatNobodyMeantIsJudgedInTheEnd) {
  Doubts doubts;
  int rounds = 0;
  for (bool sure = false; !sure; ++rounds) {
    ASSERT_LT(rounds, 5);
    BatchDoubts batch;
    std::optional<std::uint64_t> refresh;
    sure = true;
    for (int id = 0; id < 25'000; ++id) {
      sure &= batch.is_sure("orders-value", "id " + std::to_string(id), [&](const std::string& what) {
        const auto judged = doubts.judge(what, at(0));
        if (judged.verdict == Verdict::kAsk) refresh = judged.number;
        return judged.verdict == Verdict::kSure;
      });
    }
    if (refresh) doubts.refreshed(*refresh, true, at(0));
  }
  EXPECT_GT(rounds, 1);
}

TEST(Doubts, ARefreshThatHadBegunBeforeTellsNothing) {
  Doubts doubts;
  const auto first = doubts.judge("id 1", at(0));
  EXPECT_EQ(doubts.judge("id 2", at(0)).verdict, Verdict::kWait);
  doubts.refreshed(first.number, true, at(0));
  const auto second = doubts.judge("id 2", at(0));
  ASSERT_EQ(second.verdict, Verdict::kAsk);
  doubts.refreshed(second.number, true, at(0));
  EXPECT_EQ(doubts.judge("id 2", at(0)).verdict, Verdict::kSure);
}

TEST(Doubts, AFailureIsAskedAgain) {
  Doubts doubts;
  const auto first = doubts.judge("id 1", at(0));
  doubts.refreshed(first.number, false, at(0));
  const auto second = doubts.judge("id 1", at(0));
  ASSERT_EQ(second.verdict, Verdict::kAsk);
  doubts.refreshed(second.number, true, at(0));
  EXPECT_EQ(doubts.judge("id 1", at(0)).verdict, Verdict::kSure);
}

TEST(Doubts, ARefreshThatNeverEndsIsGivenUp) {
  Doubts doubts;
  const auto lost = doubts.judge("id 1", at(0));
  EXPECT_EQ(doubts.judge("id 1", at(14)).verdict, Verdict::kWait);
  const auto next = doubts.judge("id 1", at(15));
  ASSERT_EQ(next.verdict, Verdict::kAsk);
  doubts.refreshed(lost.number, false, at(15));  // late after all: it says nothing of the next one
  EXPECT_EQ(doubts.judge("id 1", at(15)).verdict, Verdict::kWait);
  doubts.refreshed(next.number, true, at(16));
  EXPECT_EQ(doubts.judge("id 1", at(16)).verdict, Verdict::kSure);
}

TEST(Doubts, CertaintyPasses) {
  Doubts doubts;
  doubts.refreshed(doubts.judge("id 1", at(0)).number, true, at(0));
  EXPECT_EQ(doubts.judge("id 1", at(1)).verdict, Verdict::kSure);
  EXPECT_EQ(doubts.judge("id 1", at(2)).verdict, Verdict::kAsk);
}

}  // namespace
}  // namespace forebay::schema
