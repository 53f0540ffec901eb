#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace forebay::telemetry {
namespace {

using testing::ElementsAre;

TEST(LogLine, EventAndFieldsAreOneLine) {
  const std::string topic = "orders";
  EXPECT_EQ(
      format_event("leadership lost", {{"topic", topic}, {"partition", 3}, {"ratio", 0.5}, {"clean", true}}),
      "leadership lost: topic=orders partition=3 ratio=0.5 clean=true");
}

TEST(LogLine, WithoutFieldsIsTheEventAlone) { EXPECT_EQ(format_event("node started", {}), "node started"); }

TEST(LogLine, ExtremesOfIntegersAreExact) {
  EXPECT_EQ(format_event("e", {{"a", std::numeric_limits<std::uint64_t>::max()},
                               {"b", std::numeric_limits<std::int64_t>::min()}}),
            "e: a=18446744073709551615 b=-9223372036854775808");
}

TEST(LogLine, HostileTextIsQuotedAndEscaped) {
  struct Case {
    std::string_view value;
    std::string_view want;
  };
  for (const Case& c :
       {Case{"two words", "\"two words\""}, Case{"", "\"\""}, Case{"a\nb", "\"a\\nb\""},
        Case{"say \"x\"", "\"say \\\"x\\\"\""}, Case{"a=b", "\"a=b\""}, Case{"\x1b[31m", "\"\\x1b[31m\""},
        Case{"caf\xc3\xa9", "caf\xc3\xa9"}, Case{"c:\\x", "\"c:\\\\x\""}}) {
    EXPECT_EQ(format_event("e", {{"k", c.value}}), "e: k=" + std::string(c.want));
  }
  EXPECT_EQ(format_event("e\nforged", {}), "e\\nforged");
}

TEST(Log, LevelsBelowTheSetOneAreDropped) {
  LogCapture capture(Level::kWarn);
  log_error("one");
  log_warn("two", {{"n", 2}});
  log_info("three");
  log_debug("four");
  EXPECT_THAT(capture.lines(), ElementsAre("error one", "warn two: n=2"));
}

TEST(Log, LevelChangesWhileRunning) {
  LogCapture capture(Level::kInfo);
  log_debug("before");
  set_log_level(Level::kDebug);
  log_debug("after");
  EXPECT_THAT(capture.lines(), ElementsAre("debug after"));
  EXPECT_TRUE(log_enabled(Level::kDebug));
}

TEST(Log, CaptureRestoresTheLevel) {
  const Level before = log_level();
  { const LogCapture capture(Level::kDebug); }
  EXPECT_EQ(log_level(), before);
}

TEST(Log, CaptureCountsAnEvent) {
  LogCapture capture;
  log_warn("disk slow", {{"ms", 12}});
  log_warn("disk slow");
  log_warn("disk slower");
  EXPECT_EQ(capture.count_of("disk slow"), 2U);
}

TEST(Log, LinesOfManyThreadsStayWhole) {
  LogCapture capture;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) log_info("tick", {{"thread", t}, {"text", "a b"}});
      });
    }
  }
  EXPECT_EQ(capture.count_of("tick"), 400U);
  for (const std::string& line : capture.lines()) EXPECT_TRUE(line.ends_with("text=\"a b\"")) << line;
}

TEST(Log, StderrLineHasTimeLevelAndEvent) {
  testing::internal::CaptureStderr();
  log_warn("disk slow", {{"ms", 12}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]+Z warn disk slow: ms=12\n"));
}

TEST(LogLevel, NamesRoundTrip) {
  for (const Level level : {Level::kError, Level::kWarn, Level::kInfo, Level::kDebug}) {
    EXPECT_EQ(parse_level(level_name(level)), level);
  }
  EXPECT_EQ(parse_level("loud"), std::nullopt);
  EXPECT_EQ(parse_level(""), std::nullopt);
}

}  // namespace
}  // namespace forebay::telemetry
