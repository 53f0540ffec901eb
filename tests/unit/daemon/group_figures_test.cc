// However many groups users create, the metrics of a node have series of the worst ones, and one sum.
#include "daemon/group_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace forebay::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

group::LagFigures lag(std::uint64_t records, std::int64_t age_ms, std::uint64_t stalled = 0) {
  return {.records = records, .bytes = records * 10, .age = group::Milliseconds(age_ms), .stalled = stalled};
}

// "g7" is 7 records behind, and 7 s.
GroupFigures groups(int first, int end) {
  GroupFigures figures;
  for (int i = first; i < end; ++i)
    figures.worst.push_back({"g" + std::to_string(i), lag(static_cast<std::uint64_t>(i), i * 1'000)});
  std::shuffle(figures.worst.begin(), figures.worst.end(), std::mt19937(7));
  return figures;
}

std::size_t lines_with(const std::string& text, const std::string& begin) {
  std::size_t count = 0;
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1))
    count += at == 0 || text[at - 1] == '\n' ? 1 : 0;
  return count;
}

TEST(GroupFigures, WhoStandsStillIsWorseThanWhoIsFarBehind) {
  const GroupSeries stalled{"s", lag(1, 0, 1)}, far{"a", lag(1'000, 0)}, near{"b", lag(10, 0)};
  EXPECT_TRUE(is_worse(stalled, far));
  EXPECT_FALSE(is_worse(far, stalled));
  EXPECT_TRUE(is_worse(far, near));
  EXPECT_TRUE(is_worse(GroupSeries{"a", lag(5, 0)}, GroupSeries{"b", lag(5, 9)})) << "by name then";
}

TEST(GroupFigures, KeepsTheWorstAndSumsTheOthers) {
  GroupFigures figures = groups(1, 151);
  figures.worst.push_back({"still", lag(0, 500'000, 2)});
  keep_worst(figures);
  ASSERT_EQ(figures.worst.size(), kTopGroups);
  EXPECT_EQ(figures.worst.front().group, "still");
  for (std::size_t i = 1; i < kTopGroups; ++i)
    EXPECT_EQ(figures.worst[i].group, "g" + std::to_string(151 - i));
  // g1 to g51.
  EXPECT_EQ(figures.rest.records, 51U * 52 / 2);
  EXPECT_EQ(figures.rest.bytes, 51U * 52 / 2 * 10);
  EXPECT_EQ(figures.rest.age.count(), 51'000) << "the oldest, not the sum";
  EXPECT_EQ(figures.rest.stalled, 0U);
}

TEST(GroupFigures, AsManyAsThereIsRoomForAreAllKept) {
  GroupFigures figures = groups(1, 1 + static_cast<int>(kTopGroups));
  keep_worst(figures);
  EXPECT_EQ(figures.worst.size(), kTopGroups);
  EXPECT_EQ(figures.rest.records, 0U);
  keep_worst(figures);
  EXPECT_EQ(figures.worst.size(), kTopGroups);
}

TEST(GroupFigures, ShardsTogetherHaveNoMoreSeriesThanOne) {
  GroupFigures one = groups(0, 150), two = groups(150, 300);
  keep_worst(one);
  keep_worst(two);
  std::vector<GroupFigures> shards;
  shards.push_back(std::move(one));
  shards.push_back(std::move(two));
  const GroupFigures all = worst_of(std::move(shards));
  ASSERT_EQ(all.worst.size(), kTopGroups);
  EXPECT_EQ(all.worst.front().group, "g299");
  EXPECT_EQ(all.worst.back().group, "g200");
  EXPECT_EQ(all.rest.records, 200U * 199 / 2) << "g0 to g199, wherever they were left out";
  EXPECT_EQ(all.rest.age.count(), 199'000);
}

TEST(GroupFigures, ExportsSoManySeriesAndNoMore) {
  telemetry::Metrics metrics;
  GroupFigures figures = groups(0, 5'000);
  figures.worst.push_back({"still", lag(3, 1'500, 2)});
  keep_worst(figures);
  {
    const auto series = export_lags(metrics, figures);
    const std::string text = metrics.render();
    for (const char* name : {"records", "bytes", "seconds"}) {
      EXPECT_EQ(lines_with(text, std::string("forebay_group_lag_") + name + "{"), kTopGroups) << name;
      EXPECT_EQ(lines_with(text, std::string("forebay_group_other_lag_") + name + " "), 1U) << name;
    }
    EXPECT_EQ(lines_with(text, "forebay_group_stalled{"), kTopGroups);
    EXPECT_THAT(text, HasSubstr("forebay_group_stalled{group=\"still\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("forebay_group_lag_seconds{group=\"still\"} 1.5\n"));
    EXPECT_THAT(text, HasSubstr("forebay_group_lag_records{group=\"g4999\"} 4999\n"));
    EXPECT_THAT(text, HasSubstr("forebay_group_lag_bytes{group=\"g4999\"} 49990\n"));
    EXPECT_THAT(text, Not(HasSubstr("g4900\""))) << "the 101st: it is in the sum";
    EXPECT_THAT(text, HasSubstr("forebay_group_other_lag_records 12007450\n"));
    EXPECT_THAT(text, HasSubstr("forebay_group_other_lag_seconds 4900\n"));
    EXPECT_THAT(text, HasSubstr("forebay_group_other_stalled 0\n"));
  }
  EXPECT_THAT(metrics.render(), Not(HasSubstr("group=\"still\""))) << "a moment that is over";
}

// The coordinator takes no such name; the text is whole whatever it takes.
TEST(GroupFigures, NamesCannotBreakTheText) {
  telemetry::Metrics metrics;
  GroupFigures figures;
  figures.worst.push_back({"a\"} 1\nforebay_up{x=\"\\", lag(1, 0)});
  const auto series = export_lags(metrics, figures);
  EXPECT_THAT(metrics.render(),
              HasSubstr(R"(forebay_group_lag_records{group="a\"} 1\nforebay_up{x=\"\\"} 1)"));
}

}  // namespace
}  // namespace forebay::daemon
