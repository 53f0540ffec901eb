#include "sim/lost_history.h"

#include <gtest/gtest.h>

#include "sim/history_check.h"

namespace forebay::sim {
namespace {

constexpr HistoryTime kAccepted = 100;
constexpr AcceptedLoss kLoss{.partition = 0, .from = 1, .at = kAccepted};

SentRecord sent(std::uint64_t value, HistoryTime invoked, std::int64_t offset) {
  return {
      .value = value, .invoked = invoked, .finished = invoked + 5, .outcome = Outcome::kOk, .offset = offset};
}

Poll poll(std::uint32_t session, HistoryTime at, std::int64_t position, std::vector<SeenRecord> records) {
  Poll one{.session = session, .invoked = at, .finished = at + 1, .position = position};
  one.next = one.high_watermark = position + static_cast<std::int64_t>(records.size());
  one.records = std::move(records);
  return one;
}

// Two were acknowledged and read; the second was lost, and a third one lies in its place.
History with_a_loss() {
  History history;
  history.sent = {sent(1, 10, 0), sent(2, 20, 1), sent(3, 120, 1)};
  history.polls = {poll(1, 30, 0, {{0, 1}, {1, 2}}), poll(2, 130, 1, {{1, 3}})};
  history.finals = {{.replica = "node 1", .end = 2, .records = {{0, 1}, {1, 3}}}};
  return history;
}

TEST(LostHistory, WhatWasGivenUpMayBeGone) {
  History history = with_a_loss();
  EXPECT_FALSE(judge(history).valid());
  forget_lost(history, kLoss);
  EXPECT_TRUE(judge(history).valid()) << judge(history).to_string();
}

TEST(LostHistory, WhatLiesBelowIsKept) {
  History history = with_a_loss();
  history.finals[0].records[0].value = 9;
  history.sent.push_back(sent(9, 15, 0));
  history.sent.back().outcome = Outcome::kInfo;
  forget_lost(history, kLoss);
  EXPECT_TRUE(judge(history).breaks("I1"));
}

TEST(LostHistory, WhatIsAcknowledgedAndReadLaterIsKept) {
  for (const bool acknowledged : {true, false}) {
    History history = with_a_loss();
    if (acknowledged) history.polls.pop_back();
    if (!acknowledged) history.sent[2].outcome = Outcome::kInfo;
    history.finals[0].records.pop_back();
    history.finals[0].end = 1;
    forget_lost(history, kLoss);
    EXPECT_TRUE(judge(history).breaks(acknowledged ? "I1" : "I12"));
  }
}

TEST(LostHistory, AnotherPartitionLosesNothing) {
  History history = with_a_loss();
  forget_lost(history, {.partition = 1, .from = 0, .at = kAccepted});
  EXPECT_FALSE(judge(history).valid());
}

}  // namespace
}  // namespace forebay::sim
