// Which frames make up a repaired file, where two logs are cut into frames differently.
#include "log/core/splice.h"

#include <gtest/gtest.h>

namespace forebay::log {
namespace {

using Verdict = Splice::Verdict;

model::LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }
FrameHeader frame(std::int64_t begin, std::int64_t end, std::uint64_t term = 1) {
  FrameHeader header;
  header.begin = at(begin);
  header.end = at(end);
  header.term = model::Term(term);
  return header;
}
Splice::Plan plan(std::int64_t begin, std::int64_t end, bool first = false) {
  return {.file = {at(0), at(100)}, .replaced = {at(begin), at(end)}, .accepted = {}, .first = first};
}
// [0, 30) is local and good.
Splice begun(std::int64_t begin, std::int64_t end) {
  Splice splice(plan(begin, end));
  for (const auto& good : {frame(0, 10), frame(10, 30)}) {
    EXPECT_EQ(splice.judge_local(good), Verdict::kUse);
    splice.put_local(good);
  }
  return splice;
}

TEST(Splice, RangeBetweenCommonBordersIsFilled) {
  Splice splice = begun(30, 50);
  EXPECT_EQ(splice.judge_local(frame(50, 100)), Verdict::kUse);
  EXPECT_EQ(splice.gap_before(at(50)), (LogRange{at(30), at(50)}));
  EXPECT_EQ(splice.judge_fetched(frame(30, 45)), Verdict::kUse);
  splice.put_fetched(frame(30, 45));
  EXPECT_EQ(splice.gap_before(at(50)), (LogRange{at(45), at(50)}));
  splice.put_fetched(frame(45, 50));
  EXPECT_EQ(splice.gap_before(at(50)), std::nullopt);
  splice.put_local(frame(50, 100));
  EXPECT_EQ(splice.at(), at(100));
  EXPECT_EQ(splice.filled(), (std::vector<LogRange>{{at(30), at(50)}}));
}

TEST(Splice, FetchedFrameThatBeginsEarlierWidensTheRange) {
  Splice splice = begun(30, 50);
  EXPECT_EQ(splice.judge_fetched(frame(20, 50)), Verdict::kWiden);
  EXPECT_EQ(splice.wider(), (LogRange{at(20), at(50)}));
  Splice again(plan(20, 50));
  again.put_local(frame(0, 10));
  EXPECT_EQ(again.judge_local(frame(10, 30)), Verdict::kSkip);
  EXPECT_EQ(again.gap_before(at(50)), (LogRange{at(10), at(50)}));
}

TEST(Splice, FetchedFrameThatEndsInsideOfALocalOneWidensTheRange) {
  Splice splice = begun(30, 50);
  splice.put_fetched(frame(30, 60));
  EXPECT_EQ(splice.judge_local(frame(50, 100)), Verdict::kWiden);
  EXPECT_EQ(splice.wider(), (LogRange{at(30), at(100)}));
}

TEST(Splice, FetchedFrameThatEndsBehindTheFileWidensTheRange) {
  Splice splice = begun(30, 100);
  EXPECT_EQ(splice.judge_fetched(frame(30, 120)), Verdict::kWiden);
  EXPECT_EQ(splice.wider(), (LogRange{at(30), at(120)}));
}

TEST(Splice, LocalFramesThatAreCoveredAreLeftOut) {
  Splice splice = begun(30, 50);
  splice.put_fetched(frame(30, 70));
  EXPECT_EQ(splice.judge_local(frame(50, 70)), Verdict::kSkip);
  EXPECT_EQ(splice.judge_local(frame(70, 100)), Verdict::kUse);
}

TEST(Splice, WhatLiesBelowTheFirstSegmentIsCutOffAFrame) {
  Splice splice(plan(0, 50, true));
  EXPECT_EQ(splice.judge_fetched(frame(-5, 20)), Verdict::kNarrow);
}

TEST(Splice, WhatLiesBelowTheLogStartIsNotMissed) {
  Splice::Plan trimmed = plan(40, 60);
  trimmed.log_start = at(35);
  Splice splice(trimmed);
  EXPECT_EQ(splice.gap_before(at(30)), std::nullopt);  // [0, 30) is damaged too
  EXPECT_EQ(splice.judge_local(frame(30, 33)), Verdict::kUse);
  splice.put_local(frame(30, 33));
  EXPECT_EQ(splice.gap_before(at(60)), (LogRange{at(35), at(60)}));
  EXPECT_EQ(splice.judge_fetched(frame(34, 60)), Verdict::kUse);
  splice.put_fetched(frame(34, 60));
  EXPECT_EQ(splice.filled(), (std::vector<LogRange>{{at(34), at(60)}}));
}

TEST(Splice, WhatWasNotAskedForIsRefused) {
  Splice splice = begun(30, 50);
  EXPECT_EQ(splice.judge_fetched(frame(35, 50)), Verdict::kWrong);
  EXPECT_EQ(splice.judge_fetched(frame(10, 30)), Verdict::kSkip);
  splice.put_fetched(frame(30, 40, 3));
  EXPECT_EQ(splice.judge_fetched(frame(40, 50, 2)), Verdict::kWrong);
}

TEST(Splice, NobodyIsAskedForWhatIsAccepted) {
  Splice::Plan with_accepted = plan(30, 90);
  with_accepted.accepted = {{DamageKind::kAcceptedMiddle, at(40), at(60)}};
  Splice splice(with_accepted);
  splice.put_local(frame(0, 30));
  EXPECT_EQ(splice.gap_before(at(90)), (LogRange{at(30), at(40)}));
  splice.put_fetched(frame(30, 40));
  EXPECT_EQ(splice.gap_before(at(90)), (LogRange{at(60), at(90)}));
  splice.put_fetched(frame(60, 90));
  EXPECT_EQ(splice.filled(), (std::vector<LogRange>{{at(30), at(40)}, {at(60), at(90)}}));
}

}  // namespace
}  // namespace forebay::log
