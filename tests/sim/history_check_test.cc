// One tiny bad history for each anomaly, and good ones that look almost like them.
#include "sim/history_check.h"

#include <gtest/gtest.h>

namespace forebay::sim {
namespace {

// Builds histories of partition 0 by hand; time passes with every call.
struct Story {
  History history;
  HistoryTime now = 10;

  SentRecord& send(std::uint64_t value, Outcome outcome, std::int64_t offset = 0,
                   std::uint32_t partition = 0) {
    history.sent.push_back({.value = value,
                            .partition = partition,
                            .invoked = now,
                            .finished = now + 5,
                            .outcome = outcome,
                            .offset = offset});
    now += 10;
    return history.sent.back();
  }
  Poll& poll(std::int64_t position, std::vector<SeenRecord> records, std::uint32_t session = 1) {
    const std::int64_t next = records.empty() ? position : records.back().offset + 1;
    history.polls.push_back({.session = session,
                             .invoked = now,
                             .finished = now + 5,
                             .position = position,
                             .next = next,
                             .high_watermark = 100,
                             .records = std::move(records)});
    now += 10;
    return history.polls.back();
  }
  Listing& list(std::int64_t latest) {
    history.listings.push_back({.invoked = now, .finished = now + 5, .latest = latest});
    now += 10;
    return history.listings.back();
  }
  // Records at 0, 1, 2, ... with these values.
  FinalLog& final_log(const std::vector<std::uint64_t>& values, const std::string& replica = "node 1") {
    FinalLog log{.replica = replica, .end = static_cast<std::int64_t>(values.size())};
    for (const std::uint64_t value : values)
      log.records.push_back({static_cast<std::int64_t>(log.records.size()), value});
    history.finals.push_back(std::move(log));
    return history.finals.back();
  }
  [[nodiscard]] std::string verdict() const { return judge(history).to_string(); }
  // Broken in this way and in no other.
  void expect_breaks(const std::string& rule) const {
    const Judgement judgement = judge(history);
    EXPECT_EQ(judgement.verdict, Judgement::Verdict::kInvalid);
    EXPECT_TRUE(judgement.breaks(rule)) << judgement.to_string();
    for (const Violation& violation : judgement.violations) EXPECT_EQ(violation.rule, rule) << violation.what;
  }
};

TEST(HistoryCheck, QuietHistoryIsValid) {
  Story story;
  EXPECT_EQ(story.verdict(), "valid");
  story.send(7, Outcome::kOk, 0);
  story.send(8, Outcome::kOk, 1);
  story.list(2);
  story.poll(0, {{0, 7}});
  story.poll(1, {{1, 8}});
  story.poll(2, {});
  story.final_log({7, 8}, "node 1");
  story.final_log({7, 8}, "node 2");
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, AcknowledgedRecordsWithoutAFinalLogAreNoPass) {
  Story story;
  story.send(7, Outcome::kOk, 0);
  EXPECT_EQ(judge(story.history).verdict, Judgement::Verdict::kUnknown);
  EXPECT_FALSE(judge(story.history).valid());
}

TEST(HistoryCheck, I1AcknowledgedRecordIsGoneFromOneReplica) {
  Story story;
  story.send(7, Outcome::kOk, 0);
  story.send(8, Outcome::kOk, 1);
  story.final_log({7, 8}, "node 1");
  story.final_log({7}, "node 2");
  story.expect_breaks("I1");
  EXPECT_EQ(story.verdict(),
            "invalid\n  I1: value 8 at offset 1 of partition 0 was acknowledged and is not in node 2");
}

TEST(HistoryCheck, I1TrimmedAndCompactedRecordsMayBeGone) {
  Story story;
  for (std::uint64_t value = 0; value < 4; ++value)
    story.send(value, Outcome::kOk, static_cast<std::int64_t>(value));
  FinalLog& log = story.final_log({0, 1, 2, 3});
  log.log_start = 1;
  log.gaps = {{2, 3}};
  log.records = {{1, 1}, {3, 3}};
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I3OneOffsetTwoValuesForTwoReaders) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.send(8, Outcome::kInfo);
  story.poll(0, {{0, 7}}, 1);
  story.poll(0, {{0, 8}}, 2);
  const Judgement judgement = judge(story.history);
  EXPECT_TRUE(judgement.breaks("I3")) << judgement.to_string();
}

TEST(HistoryCheck, I3TwoAcknowledgementsOfOneOffset) {
  Story story;
  story.send(7, Outcome::kOk, 0);
  story.send(8, Outcome::kOk, 0);
  story.final_log({8});
  const Judgement judgement = judge(story.history);
  EXPECT_TRUE(judgement.breaks("I3") && judgement.breaks("I1")) << judgement.to_string();
}

TEST(HistoryCheck, I3ReplicasDiffer) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.send(8, Outcome::kInfo);
  story.final_log({7}, "node 1");
  story.final_log({8}, "node 2");
  story.expect_breaks("I3");
}

TEST(HistoryCheck, I4HolesOfAFinalLog) {
  Story story;
  story.send(7, Outcome::kInfo);
  FinalLog& log = story.final_log({});
  log.end = 3;
  log.records = {{1, 7}};
  story.expect_breaks("I4");
  log.gaps = {{2, 3}, {0, 1}};
  EXPECT_EQ(story.verdict(), "valid");
  log.end = 1;
  story.expect_breaks("I4");  // a record beyond the end
}

TEST(HistoryCheck, I4OffsetsOfAFinalLogTurnedRound) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.send(8, Outcome::kInfo);
  story.final_log({}).records = {{1, 8}, {0, 7}};
  story.history.finals[0].end = 2;
  story.history.finals[0].gaps = {{0, 1}};
  story.expect_breaks("I4");
}

TEST(HistoryCheck, I5SentAfterAnAcknowledgementAndBeforeItInTheLog) {
  Story story;
  story.send(7, Outcome::kOk, 1);
  story.send(8, Outcome::kInfo);
  story.final_log({8, 7});
  story.expect_breaks("I5");
}

TEST(HistoryCheck, I5ThoseThatOverlapMayTakeAnyOrder) {
  Story story;
  story.send(7, Outcome::kOk, 1).finished = 100;
  story.send(8, Outcome::kOk, 0);
  story.final_log({8, 7});
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I5PartitionsHaveNoCommonOrder) {
  Story story;
  story.send(7, Outcome::kOk, 1);
  story.send(6, Outcome::kInfo);
  story.send(8, Outcome::kOk, 0, 1);
  story.history.sent[1].invoked = 1;
  story.final_log({6, 7});
  story.final_log({8}).partition = 1;
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I6NobodySentIt) {
  Story story;
  story.final_log({7});
  story.expect_breaks("I6");
}

TEST(HistoryCheck, I6SentToAnotherPartition) {
  Story story;
  story.send(7, Outcome::kInfo, 0, 3);
  story.final_log({7});
  story.expect_breaks("I6");
}

TEST(HistoryCheck, I6DamagedRecordGivenToAReader) {
  Story story;
  story.send(7, Outcome::kOk, 0);
  story.poll(0, {{0, 7, false}});
  story.final_log({7});
  story.expect_breaks("I6");
}

TEST(HistoryCheck, I7RefusedRecordAppears) {
  Story story;
  story.send(7, Outcome::kFail);
  story.final_log({7});
  story.expect_breaks("I7");
}

TEST(HistoryCheck, I7UnknownOutcomeMayAppearOnceOrNever) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.send(8, Outcome::kInfo);
  story.final_log({8});
  EXPECT_EQ(story.verdict(), "valid");
}

// Two that are under way at once: nothing but the promise of their producer orders them.
Story two_at_once(std::int64_t first_offset, std::int64_t second_offset) {
  Story story;
  for (const auto& [value, offset] : {std::pair{11, first_offset}, std::pair{12, second_offset}}) {
    SentRecord& record = story.send(static_cast<std::uint64_t>(value), Outcome::kOk, offset);
    record.invoked = 10;
    record.ordered = true;
  }
  story.final_log(first_offset < second_offset ? std::vector<std::uint64_t>{11, 12}
                                               : std::vector<std::uint64_t>{12, 11});
  return story;
}

TEST(HistoryCheck, I9OrderOfAProducer) {
  EXPECT_EQ(two_at_once(0, 1).verdict(), "valid");
  two_at_once(1, 0).expect_breaks("I9");
}

TEST(HistoryCheck, I9AlsoOfWhatWasFoundLater) {
  Story story = two_at_once(1, 0);
  story.history.sent.front().outcome = Outcome::kInfo;
  story.expect_breaks("I9");
}

TEST(HistoryCheck, I9OnlyOfWhoPromisesItAndOfOneProducer) {
  Story unordered = two_at_once(1, 0);
  unordered.history.sent.front().ordered = false;
  EXPECT_EQ(unordered.verdict(), "valid");
  Story others = two_at_once(1, 0);
  others.history.sent.front().process = 7;
  EXPECT_EQ(others.verdict(), "valid");
}

TEST(HistoryCheck, I10UnknownOutcomeAppearsTwice) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.final_log({7, 7});
  story.expect_breaks("I10");
}

TEST(HistoryCheck, I12ReadRecordVanishes) {
  Story story;
  story.send(7, Outcome::kInfo);
  story.poll(0, {{0, 7}});
  story.final_log({});
  story.expect_breaks("I12");
}

TEST(HistoryCheck, I13ReaderSkipsARecordWithinAPoll) {
  Story story;
  for (std::uint64_t value = 0; value < 3; ++value)
    story.send(value, Outcome::kOk, static_cast<std::int64_t>(value));
  story.poll(0, {{0, 0}, {2, 2}});
  story.final_log({0, 1, 2});
  story.expect_breaks("I13");
}

TEST(HistoryCheck, I13ReaderSkipsARecordBetweenPolls) {
  Story story;
  for (std::uint64_t value = 0; value < 3; ++value)
    story.send(value, Outcome::kOk, static_cast<std::int64_t>(value));
  story.poll(0, {{0, 0}}).next = 2;
  story.poll(2, {{2, 2}});
  story.final_log({0, 1, 2});
  story.expect_breaks("I13");
}

TEST(HistoryCheck, I13ReaderGoesOnElsewhere) {
  Story story;
  story.send(0, Outcome::kOk, 0);
  story.send(1, Outcome::kOk, 1);
  story.final_log({0, 1});
  story.poll(0, {{0, 0}});
  story.poll(0, {{0, 0}, {1, 1}});
  story.expect_breaks("I13");
  story.history.polls[1].session = 2;  // who seeks begins another session
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I13ReaderGetsARecordTwiceOrAboveTheHighWatermark) {
  Story story;
  story.send(0, Outcome::kOk, 0);
  story.final_log({0});
  story.poll(0, {{0, 0}, {0, 0}});
  story.expect_breaks("I13");
  story.history.polls[0].records.pop_back();
  EXPECT_EQ(story.verdict(), "valid");
  story.history.polls[0].high_watermark = 0;
  story.expect_breaks("I13");
}

TEST(HistoryCheck, I13TrimmedRecordsAreNotSkipped) {
  Story story;
  for (std::uint64_t value = 0; value < 3; ++value)
    story.send(value, Outcome::kOk, static_cast<std::int64_t>(value));
  story.poll(0, {{2, 2}}).log_start = 2;
  story.poll(1, {{1, 1}, {2, 2}}, 2).log_start = 2;  // while it was read
  story.final_log({0, 1, 2});
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I14HighWatermarkGoesBackWithinASession) {
  Story story;
  story.send(0, Outcome::kOk, 0);
  story.final_log({0});
  story.poll(0, {{0, 0}}).high_watermark = 5;
  story.poll(1, {}).high_watermark = 4;
  story.expect_breaks("I14");
  story.history.polls[1].session = 2;
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, I14LogStartGoesBackWithinASession) {
  Story story;
  story.send(0, Outcome::kOk, 0);
  story.final_log({0});
  story.poll(1, {}).log_start = 1;
  story.poll(1, {}).log_start = 0;
  story.expect_breaks("I14");
}

TEST(HistoryCheck, I15LatestOffsetIsStale) {
  Story story;
  story.send(0, Outcome::kOk, 0);
  story.send(1, Outcome::kOk, 1);
  story.final_log({0, 1});
  story.list(1);
  story.expect_breaks("I15");
  story.history.listings[0].latest = 2;
  EXPECT_EQ(story.verdict(), "valid");
  story.history.listings[0] = {.invoked = 1, .finished = 100, .latest = 0};  // asked before
  EXPECT_EQ(story.verdict(), "valid");
}

TEST(HistoryCheck, ManyViolationsAreNotAllWrittenDown) {
  Story story;
  for (std::uint64_t value = 0; value < 1000; ++value) story.final_log({value});
  EXPECT_EQ(judge(story.history).violations.size(), kViolationsMax);
}

}  // namespace
}  // namespace forebay::sim
