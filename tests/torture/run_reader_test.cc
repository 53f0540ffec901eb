// What the lines of a torture run become, and one tiny bad run, as text, for each way to be wrong that the
// text itself can show; the rules on histories have theirs in tests/sim/history_check_test.cc.
#include "torture/run_reader.h"

#include <gtest/gtest.h>

#include "sim/history_check.h"
#include "torture/record_value.h"

namespace forebay::torture {
namespace {

constexpr const char* kTopicLine = "1 harness ok topic t 2 id=00-11 replicas=1";

struct Reading {
  RunReader reader{"run"};
  Result<void> outcome;
  explicit Reading(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      outcome = reader.history_line(line);
      if (!outcome) return;
    }
  }
  Reading& dump(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      if (outcome) outcome = reader.dump_line("node-1", line);
    }
    return *this;
  }
  Run finish() {
    EXPECT_TRUE(outcome) << outcome.error().to_string();
    auto run = reader.finish();
    EXPECT_TRUE(run) << run.error().to_string();
    return run ? *std::move(run) : Run{};
  }
};

std::string dumped_record(std::int64_t offset, std::uint64_t value, const std::string& run = "run",
                          std::uint32_t partition = 1) {
  const std::string text = make_record_value({.run = run, .topic = "t", .partition = 1}, value, 60);
  return R"({"topic":"00-11","partition":)" + std::to_string(partition) + R"(,"offset":)" +
         std::to_string(offset) + R"(,"event_time":"x","key":null,"value":")" + text +
         R"(","headers":{},"kind":"record"})";
}

std::string dumped_partition(std::int64_t start, std::int64_t end, const std::string& damage = "") {
  return R"({"kind":"partition","name":"t","topic":"00-11","partition":1,"term":3,"vote":null,"log_start":")" +
         std::to_string(start) + R"(/0","segment_end":"0/1","end":")" + std::to_string(end) +
         R"(/4","journal_frames":1,"segments":[],"damage":[)" + damage + "]}";
}

TEST(RunReader, ABatchIsARecordForEachValue) {
  const auto run = Reading({kTopicLine, "10 p1 invoke produce t 1 first=100 count=3 node=a",
                            "20 p1 ok produce t 1 first=100 count=3 offset=40 term=2"})
                       .finish();
  ASSERT_EQ(run.history.sent.size(), 3U);
  const sim::SentRecord& last = run.history.sent[2];
  EXPECT_EQ(last.value, 102U);
  EXPECT_EQ(last.offset, 42);
  EXPECT_EQ(last.partition, 1U);
  EXPECT_EQ(last.invoked, 10U);
  EXPECT_EQ(last.finished, 20U);
  EXPECT_EQ(last.outcome, sim::Outcome::kOk);
}

TEST(RunReader, WhatHasNoAnswerIsUnknown) {
  const auto run = Reading({kTopicLine, "10 p1 invoke produce t 1 first=1 count=1",
                            "10 p1 invoke produce t 1 first=2 count=1",
                            "11 p1 info produce t - first=2 count=1 error=TIMED_OUT",
                            "10 p1 invoke produce t 1 first=3 count=1",
                            "12 p1 fail produce t - first=3 count=1 error=NOT_LEADER"})
                       .finish();
  ASSERT_EQ(run.history.sent.size(), 3U);
  EXPECT_EQ(run.history.sent[0].outcome, sim::Outcome::kInfo);
  EXPECT_EQ(run.history.sent[1].outcome, sim::Outcome::kInfo);
  EXPECT_EQ(run.history.sent[2].outcome, sim::Outcome::kFail);
}

TEST(RunReader, PollsListingsAndTheFinalReadKeepTheirFields) {
  const auto run =
      Reading({kTopicLine, "10 c1 invoke poll t 0 id=1 session=5 position=3",
               "20 c1 ok poll t 0 id=1 next=6 hw=9 start=1 records=3:70x2,5:90!",
               "21 c1 invoke poll t 0 id=2 session=5 position=6",
               "22 c1 ok poll t 0 id=2 next=6 hw=9 start=1 records=", "30 l1 invoke list t 0 id=3",
               "31 l1 ok list t 0 id=3 latest=9", "40 reader ok final t 0 start=1 end=3 records=1:50x2"})
          .finish();
  ASSERT_EQ(run.history.polls.size(), 2U);
  const sim::Poll& poll = run.history.polls[0];
  EXPECT_EQ(poll.session, 5U);
  EXPECT_EQ(poll.position, 3);
  EXPECT_EQ(poll.next, 6);
  EXPECT_EQ(poll.high_watermark, 9);
  EXPECT_EQ(poll.log_start, 1);
  const std::vector<sim::SeenRecord> records{{3, 70}, {4, 71}, {5, 90, false}};
  EXPECT_EQ(poll.records, records);
  ASSERT_EQ(run.history.listings.size(), 1U);
  EXPECT_EQ(run.history.listings[0].latest, 9);
  ASSERT_EQ(run.history.finals.size(), 1U);
  EXPECT_EQ(run.history.finals[0].records.size(), 2U);
  EXPECT_EQ(run.partitions[0].final_reads, 1U);
  EXPECT_EQ(run.partitions[1].final_reads, 0U);
}

TEST(RunReader, ADumpIsAFinalLog) {
  const auto run = Reading({kTopicLine})
                       .dump({dumped_partition(2, 5), dumped_record(1, 8), dumped_record(2, 9),
                              R"({"kind":"control","file":"x","control":{"type":"term start","leader":1}})"})
                       .finish();
  ASSERT_EQ(run.history.finals.size(), 1U);
  const sim::FinalLog& log = run.history.finals[0];
  EXPECT_EQ(log.replica, "node-1");
  EXPECT_EQ(log.partition, 1U);
  EXPECT_EQ(log.log_start, 2);
  EXPECT_EQ(log.end, 5);
  ASSERT_EQ(log.records.size(), 1U) << "what lies below the log start is not there any more";
  EXPECT_EQ(log.records[0], (sim::SeenRecord{2, 9}));
  EXPECT_EQ(run.partitions[1].dumps, 1U);
  EXPECT_TRUE(run.damage.empty());
}

TEST(RunReader, DamageInADumpIsToldOf) {
  EXPECT_EQ(
      Reading({kTopicLine}).dump({dumped_partition(0, 0, R"({"kind":"range"})")}).finish().damage.size(), 1U);
  EXPECT_EQ(
      Reading({kTopicLine}).dump({R"({"kind":"damage","file":"x","begin":"1/0"})"}).finish().damage.size(),
      1U);
}

TEST(RunReader, RecordsOfAnotherRunOrPlaceAreUnsound) {
  auto run = Reading({kTopicLine}).dump({dumped_partition(0, 2), dumped_record(0, 9, "other")}).finish();
  EXPECT_FALSE(run.history.finals[0].records[0].sound);
  EXPECT_EQ(run.history.finals[0].records[0].value, 9U);
}

TEST(RunReader, FaultsHaveABeginningAndAnEnd) {
  const auto run =
      Reading({kTopicLine, "5 nemesis invoke kill-leader - - id=1 target=node-2 within_ms=1500 serves=1",
               "9 nemesis ok kill-leader - - id=1", "9 nemesis info skip - - fault=loss why=nft",
               "9 monitor info sample - - lag_us=250"})
          .finish();
  ASSERT_EQ(run.faults.size(), 1U);
  EXPECT_EQ(run.faults[0].target, "node-2");
  EXPECT_EQ(run.faults[0].begin, 5U);
  EXPECT_EQ(run.faults[0].end, 9U);
  EXPECT_EQ(run.faults[0].within_ms, 1500U);
  EXPECT_EQ(run.skipped, std::vector<std::string>{"loss: nft missing"});
  ASSERT_EQ(run.lags.size(), 1U);
  EXPECT_EQ(run.lags[0].lag_ns, 250'000U);
}

TEST(RunReader, AFaultThatNeverEndedProvesNothing) {
  Reading reading({"5 nemesis invoke kill-leader - - id=1 target=node-2 within_ms=1500 serves=1"});
  EXPECT_TRUE(reading.outcome);
  EXPECT_FALSE(reading.reader.finish());
}

TEST(RunReader, WhatCannotBeReadIsRefused) {
  const std::vector<std::vector<std::string>> cases = {
      {"x p1 ok topic t 1 id=1 replicas=1"},
      {"10 p1 invoke"},
      {"10 p1 maybe produce t 0 first=1 count=1"},
      {"10 p1 invoke dance t 0 id=1"},
      {"10 p1 invoke produce t 0 first=1 count=1"},  // no such topic
      {kTopicLine, "10 p1 invoke produce t 2 first=1 count=1"},
      {kTopicLine, "10 p1 invoke produce t 0 count=1"},
      {kTopicLine, "10 p1 invoke produce t 0 first=1 count=1 by=chance"},
      {kTopicLine, "10 p1 ok produce t 0 first=1 count=1 offset=3"},
      {kTopicLine, "10 p1 invoke produce t 0 first=1 count=1", "10 p2 invoke produce t 0 first=1 count=1"},
      {kTopicLine, "10 p1 invoke produce t 0 first=1 count=1", "11 p1 ok produce t 0 first=1 count=1"},
      {kTopicLine, "10 p1 invoke produce t 0 first=1 count=1 by=session",
       "11 p1 ok produce t 0 first=1 count=1 offset=0", "12 p1 ok produce t 0 first=1 count=1 offset=0"},
      {kTopicLine, "10 n1 invoke produce t 0 first=1 count=1 by=name",
       "10 n1 invoke produce t 1 first=1 count=1 by=name"},
      {kTopicLine, "10 n1 ok stored t 0 first=1 count=1"},
      {kTopicLine, "10 n1 ok resume t -"},
      {kTopicLine, "10 c1 invoke poll t 0 id=1 session=1 position=0",
       "11 c1 ok poll t 0 id=1 next=1 hw=1 start=0 records=0-7"},
      {kTopicLine, "10 c1 invoke poll t 0 id=1 session=1 position=0",
       "11 c1 ok poll t 0 id=1 next=1 records="},
      {kTopicLine, "10 reader fail final t 0 start=0 end=0 records="},
  };
  for (const auto& lines : cases) EXPECT_FALSE(Reading(lines).outcome) << lines.back();
  EXPECT_FALSE(Reading({kTopicLine}).dump({dumped_record(0, 1)}).outcome) << "of an unknown partition";
  EXPECT_FALSE(Reading({kTopicLine}).dump({R"({"kind":"partition","top)"}).outcome) << "a line that is cut";
}

// The whole way from text to verdict, for a run that loses a record on one replica and for one that does not.
TEST(RunReader, TextOfALostRecordIsInvalid) {
  std::vector<std::string> lines{kTopicLine, "10 p1 invoke produce t 1 first=100 count=2",
                                 "20 p1 ok produce t 1 first=100 count=2 offset=0",
                                 "40 reader ok final t 1 start=0 end=2 records=0:100x2"};
  const auto good =
      Reading(lines).dump({dumped_partition(0, 2), dumped_record(0, 100), dumped_record(1, 101)}).finish();
  EXPECT_EQ(sim::judge(good.history).to_string(), "valid");
  const auto bad = Reading(lines).dump({dumped_partition(0, 1), dumped_record(0, 100)}).finish();
  EXPECT_TRUE(sim::judge(bad.history).breaks("I1"));
}

// As a producer that repeats a batch without being known would leave it.
TEST(RunReader, TextOfASecondCopyIsInvalid) {
  for (const std::string answer :
       {"ok produce t - first=100 count=2 offset=0", "info produce t - first=100 count=2"}) {
    const std::vector<std::string> sent{kTopicLine, "10 p1 invoke produce t 1 first=100 count=2 by=session",
                                        "20 p1 " + answer};
    const auto judged = [&](std::vector<std::string> lines, const std::string& final_line) {
      lines.push_back(final_line);
      return sim::judge(Reading(lines).finish().history);
    };
    EXPECT_EQ(judged(sent, "40 reader ok final t 1 start=0 end=2 records=0:100x2").to_string(), "valid");
    EXPECT_TRUE(judged(sent, "40 reader ok final t 1 start=0 end=4 records=0:100x2,2:100x2").breaks("I10"));
  }
}

TEST(RunReader, TextOfAnotherOrderThanThatOfSendingIsInvalid) {
  const std::vector<std::string> lines{kTopicLine,
                                       "10 p1 invoke produce t 1 first=100 count=1 by=session",
                                       "11 p1 invoke produce t 1 first=101 count=1 by=session",
                                       "20 p1 ok produce t - first=101 count=1 offset=0",
                                       "21 p1 info produce t - first=100 count=1",
                                       "40 reader ok final t 1 start=0 end=2 records=0:101,1:100"};
  EXPECT_TRUE(sim::judge(Reading(lines).finish().history).breaks("I9"));
}

// A named producer that was killed is not told what became of its last records; who resumes is told, or sends
// them again.
TEST(RunReader, ANamedProducerSendsAgainAndIsToldWhatIsStored) {
  const std::vector<std::string> lines{kTopicLine,
                                       "10 n1 invoke produce t 1 first=100 count=3 by=name",
                                       "20 n1 fail produce t - first=102 count=1 error=NOT_LEADER",
                                       "29 n1 info resume t - error=UNAVAILABLE",
                                       "30 n1 ok resume t - upto=100",
                                       "31 n1 invoke produce t 1 first=101 count=2 by=name",
                                       "32 n1 ok stored t - first=101 count=1",
                                       "33 n1 ok produce t - first=102 count=1 offset=2"};
  auto with_final = lines;
  with_final.push_back("40 reader ok final t 1 start=0 end=3 records=0:100x3");
  const auto run = Reading(with_final).finish();
  ASSERT_EQ(run.history.sent.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(run.history.sent[i].outcome, sim::Outcome::kOk) << i;
    EXPECT_EQ(run.history.sent[i].offset, static_cast<std::int64_t>(i));
    EXPECT_EQ(run.history.sent[i].invoked, 10U);
  }
  EXPECT_TRUE(run.not_stored.empty());
  EXPECT_EQ(sim::judge(run.history).to_string(), "valid");
  EXPECT_EQ(Reading(lines).finish().not_stored.size(), 2U) << "nobody has the two that are said to be stored";
}

TEST(RunReader, ReadersThatAreToldWhatCannotBeAreToldOf) {
  for (const std::string error : {"OFFSET_OUT_OF_RANGE", "DATA_LOSS"}) {
    const auto run = Reading({kTopicLine, "10 c1 invoke poll t 0 id=1 session=5 position=3",
                              "20 c1 fail poll t 0 id=1 error=" + error})
                         .finish();
    EXPECT_EQ(run.refused_reads.size(), 1U);
  }
  EXPECT_TRUE(Reading({kTopicLine, "10 c1 invoke poll t 0 id=1 session=5 position=3",
                       "20 c1 fail poll t 0 id=1 error=NOT_YET"})
                  .finish()
                  .refused_reads.empty());
}

TEST(RecordValue, SaysWhereItBelongsAndWhetherItIsWhole) {
  const RecordPlace place{.run = "r", .topic = "t", .partition = 3};
  const std::string text = make_record_value(place, 77, 50);
  EXPECT_EQ(text.size(), 50U);
  EXPECT_TRUE(parse_record_value(place, text).sound);
  EXPECT_EQ(parse_record_value(place, text).value, 77U);
  EXPECT_FALSE(parse_record_value({.run = "r", .topic = "t", .partition = 4}, text).sound);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(parse_record_value(place, flipped).sound) << i;
  }
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_record_value(place, text.substr(0, size)).sound) << size;
}

}  // namespace
}  // namespace forebay::torture
