#include "config/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace forebay::config {
namespace {

using std::chrono::nanoseconds;

TEST(Units, BytesAreParsed) {
  struct Case {
    std::string_view text;
    std::uint64_t want;
  };
  for (const Case& c :
       {Case{"0", 0}, Case{"4096", 4096}, Case{"64KiB", 65'536}, Case{"64kib", 65'536},
        Case{"1.5GiB", 1'610'612'736}, Case{"10MB", 10'000'000}, Case{"50k", 50'000},
        Case{"2T", 2'000'000'000'000}, Case{"7 MiB", 7'340'032}, Case{"12B", 12}, Case{"0.0001k", 0},
        Case{"18446744073709551615", std::numeric_limits<std::uint64_t>::max()}}) {
    const auto bytes = parse_bytes(c.text);
    ASSERT_TRUE(bytes) << c.text;
    EXPECT_EQ(*bytes, c.want) << c.text;
  }
}

TEST(Units, BadBytesAreRefused) {
  for (const std::string_view text :
       {"", "-1", "+1", "abc", "1XiB", "1..5k", ".5k", "5.k", "1e3", "18446744073709551616", "16777216TiB",
        "1 2", "1  k", " 1", "1k ", "0x10", "1.0000000001k", "99999999999999999999"}) {
    const auto bytes = parse_bytes(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Units, CountsAreParsed) {
  EXPECT_EQ(parse_count("50k").value_or(0), 50'000U);
  EXPECT_EQ(parse_count("1.25M").value_or(0), 1'250'000U);
  EXPECT_EQ(parse_count("7").value_or(0), 7U);
  EXPECT_FALSE(parse_count("7KiB"));
  EXPECT_FALSE(parse_count("7s"));
}

TEST(Units, DurationsAreParsed) {
  struct Case {
    std::string_view text;
    std::int64_t want_ns;
  };
  for (const Case& c : {Case{"0", 0}, Case{"10s", 10'000'000'000}, Case{"250ms", 250'000'000},
                        Case{"1h30m", 5'400'000'000'000}, Case{"7d", 604'800'000'000'000},
                        Case{"1w", 604'800'000'000'000}, Case{"1.5s", 1'500'000'000}, Case{"3us", 3'000},
                        Case{"9ns", 9}, Case{"1d2h3m4s5ms", 93'784'005'000'000}}) {
    const auto duration = parse_duration(c.text);
    ASSERT_TRUE(duration) << c.text;
    EXPECT_EQ(duration->count(), c.want_ns) << c.text;
  }
}

TEST(Units, BadDurationsAreRefused) {
  for (const std::string_view text :
       {"", "10", "-5s", "5x", "s", "30m1h", "1h1h", "1h30", "1 h", "1M", "300000d", "1d106751d", "5S"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Units, BytesAreShownForPeople) {
  struct Case {
    std::uint64_t bytes;
    std::string_view want;
  };
  for (const Case& c :
       {Case{0, "0B"}, Case{1023, "1023B"}, Case{1024, "1KiB"}, Case{1536, "1.5KiB"}, Case{1'048'575, "1MiB"},
        Case{67'108'864, "64MiB"}, Case{std::uint64_t{5} << 50, "5120TiB"}}) {
    EXPECT_EQ(format_bytes(c.bytes), c.want);
  }
}

TEST(Units, DurationsAreShownForPeople) {
  struct Case {
    std::int64_t ns;
    std::string_view want;
  };
  for (const Case& c :
       {Case{0, "0s"}, Case{7, "7ns"}, Case{830'000, "830us"}, Case{1'500'000'000, "1.5s"},
        Case{999'999'999, "1s"}, Case{60'000'000'000, "1m"}, Case{5'400'000'000'000, "1h30m"},
        Case{604'800'000'000'000, "7d"}, Case{-2'000'000, "-2ms"}, Case{604'860'000'000'000, "7d"}}) {
    EXPECT_EQ(format_duration(nanoseconds(c.ns)), c.want);
  }
  EXPECT_EQ(format_duration(nanoseconds::min()), "-106751d23h");
}

TEST(Units, ExactTextIsReadBackAsTheSameValue) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t bytes = (random() >> (i % 64)) << (i % 31);
    EXPECT_EQ(parse_bytes(exact_bytes(bytes)).value_or(bytes + 1), bytes) << exact_bytes(bytes);
    const nanoseconds duration(static_cast<std::int64_t>((random() >> 1) >> (i % 63)));
    EXPECT_EQ(parse_duration(exact_duration(duration)).value_or(nanoseconds(-1)), duration)
        << exact_duration(duration);
  }
  EXPECT_EQ(exact_bytes(64ULL << 20), "64MiB");
  EXPECT_EQ(exact_bytes(1'000), "1000");
  EXPECT_EQ(exact_duration(std::chrono::hours(24 * 7)), "7d");
  EXPECT_EQ(exact_duration(std::chrono::seconds(90)), "90s");
}

}  // namespace
}  // namespace forebay::config
