#include "cli/time_text.h"

#include <gtest/gtest.h>

#include <chrono>

namespace forebay::cli {
namespace {

TEST(Rfc3339, AcceptedTimes) {
  struct Case {
    const char* in;
    std::int64_t want;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-01-31T12:00:00Z", 1769860800000},
      {"2026-01-31t12:00:00z", 1769860800000},
      {"2026-01-31 12:00:00Z", 1769860800000},
      {"2026-01-31T12:00:00.5Z", 1769860800500},
      {"2026-01-31T12:00:00.123456789Z", 1769860800123},
      {"2026-01-31T12:00:00.9999Z", 1769860800999},
      {"2026-01-31T14:00:00+02:00", 1769860800000},
      {"2026-01-31T06:30:00-05:30", 1769860800000},
      {"2026-02-01T00:00:00+12:00", 1769860800000},
      {"2024-02-29T00:00:00Z", 1709164800000},
      {"1969-12-31T23:59:59.999Z", -1},
      {"2016-12-31T23:59:60Z", 1483228800000},
  };
  for (const Case& c : cases) {
    const auto ms = parse_rfc3339_ms(c.in);
    ASSERT_TRUE(ms) << c.in << ": " << ms.error().context;
    EXPECT_EQ(*ms, c.want) << c.in;
  }
}

TEST(Rfc3339, RefusedTexts) {
  for (const char* in : {"",
                         "2026-01-31",
                         "2026-01-31T12:00Z",
                         "2026-01-31T12:00:00",
                         "2026-1-31T12:00:00Z",
                         "2026-02-30T12:00:00Z",
                         "2023-02-29T00:00:00Z",
                         "2026-13-01T12:00:00Z",
                         "2026-00-01T12:00:00Z",
                         "2026-01-00T12:00:00Z",
                         "2026-01-31T24:00:00Z",
                         "2026-01-31T12:60:00Z",
                         "2026-01-31T12:00:61Z",
                         "2026-01-31T12:00:00.Z",
                         "2026-01-31T12:00:00+0200",
                         "2026-01-31T12:00:00+24:00",
                         "2026-01-31T12:00:00Zx",
                         "x2026-01-31T12:00:00Z",
                         "20260131T120000Z",
                         "+2026-01-31T12:00:00Z",
                         "yesterday"}) {
    EXPECT_FALSE(parse_rfc3339_ms(in)) << in;
  }
}

TEST(Moment, AcceptedTexts) {
  constexpr std::int64_t kNow = 1769860800000;
  struct Case {
    const char* in;
    std::int64_t want;
  };
  const Case cases[] = {
      {"2026-01-31", 1769817600000},
      {"2026-01-31T12:00", 1769860800000},
      {"2026-01-31T12:00:00", 1769860800000},
      {"2026-01-31T13:00+01:00", 1769860800000},
      {"2026-01-31T12:00:00.250Z", 1769860800250},
      {"0", 0},
      {"1769860800000", 1769860800000},
      {"1h", kNow - 3'600'000},
      {"2d12h", kNow - 216'000'000},
      {"1.5s", kNow - 1'500},
  };
  for (const Case& c : cases) {
    const auto ms = parse_moment_ms(c.in, kNow);
    ASSERT_TRUE(ms) << c.in << ": " << ms.error().context;
    EXPECT_EQ(*ms, c.want) << c.in;
  }
}

TEST(Moment, RefusedTexts) {
  for (const char* in : {"", "now", "99999999999999999999", "-5", "1x", "2026-01-31T", "2026-01-31T1:00"}) {
    EXPECT_FALSE(parse_moment_ms(in, 0)) << in;
  }
}

TEST(IsoText, FormatsAndReadsBack) {
  EXPECT_EQ(iso_ms(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_ms(1769860800000), "2026-01-31T12:00:00.000Z");
  EXPECT_EQ(iso_ms(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso_ms(1709164800007), "2024-02-29T00:00:00.007Z");
  EXPECT_EQ(iso_ms(253402300800000), "+10000-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_ms(-62167219200001), "-0001-12-31T23:59:59.999Z");
}

// The calendar by hand agrees with the library's wherever both reach.
TEST(IsoText, AgreesWithTheLibraryOnEveryDayOfFourCenturies) {
  using namespace std::chrono;
  for (sys_days day = 1899y / January / 1; day < sys_days(2301y / January / 1); day += days(1)) {
    const year_month_day date(day);
    char want[64];
    std::snprintf(want, sizeof(want), "%04d-%02u-%02uT00:00:00.000Z", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    ASSERT_EQ(iso_ms(duration_cast<milliseconds>(day.time_since_epoch()).count()), want);
  }
}

TEST(IsoText, ExtremesDoNotOverflow) {
  EXPECT_FALSE(iso_ms(std::numeric_limits<std::int64_t>::max()).empty());
  EXPECT_FALSE(iso_ms(std::numeric_limits<std::int64_t>::min()).empty());
}

}  // namespace
}  // namespace forebay::cli
