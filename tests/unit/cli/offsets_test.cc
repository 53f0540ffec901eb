#include "cli/offsets.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

using Kind = Offsets::Kind;

TEST(OffsetGrammar, AcceptedPlaces) {
  struct Case {
    const char* in;
    Offsets want;
  };
  const Case cases[] = {
      {"start", {Kind::kStart, 0, {}}},
      {"end", {Kind::kEnd, 0, {}}},
      {"0", {Kind::kExact, 0, {}}},
      {"42", {Kind::kExact, 42, {}}},
      {"+10", {Kind::kAfterStart, 10, {}}},
      {"+0", {Kind::kAfterStart, 0, {}}},
      {"-10", {Kind::kBeforeEnd, 10, {}}},
      {"5-9", {Kind::kExact, 5, 9}},
      {"7-7", {Kind::kExact, 7, 7}},
      {"@1500", {Kind::kTime, 1500, {}}},
      {"@1970-01-01T00:00:01Z", {Kind::kTime, 1000, {}}},
      {"@1s", {Kind::kTime, 9'000, {}}},
  };
  for (const Case& c : cases) {
    const auto offsets = parse_offsets(c.in, 10'000);
    ASSERT_TRUE(offsets) << c.in << ": " << offsets.error().context;
    EXPECT_EQ(*offsets, c.want) << c.in;
  }
}

TEST(OffsetGrammar, RefusedTextsNameTheGrammar) {
  for (const char* in : {"", "begin", "+", "-", "+x", "--5", "9-5", "5-", "-5-9", "1.5", " 5", "5 ", "@",
                         "@never", "9223372036854775808", "0x10", "+-3"}) {
    const auto offsets = parse_offsets(in, 0);
    ASSERT_FALSE(offsets) << in;
    EXPECT_EQ(offsets.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(BeginOffset, OfALogFrom100To150) {
  struct Case {
    const char* in;
    std::optional<std::int64_t> found;
    std::optional<std::int64_t> want;
  };
  const Case cases[] = {
      {"start", {}, 100}, {"end", {}, 150},  {"+5", {}, 105},      {"+500", {}, 150},
      {"-5", {}, 145},    {"-500", {}, 100}, {"120", {}, 120},     {"150", {}, 150},
      {"99", {}, {}},     {"151", {}, {}},   {"100-149", {}, 100}, {"99-120", {}, {}},
      {"@1", 130, 130},   {"@1", {}, 150},   {"@1", 50, 100},      {"+9223372036854775807", {}, 150},
  };
  for (const Case& c : cases) {
    const auto offsets = parse_offsets(c.in, 0);
    ASSERT_TRUE(offsets) << c.in;
    EXPECT_EQ(begin_offset(*offsets, 100, 150, c.found), c.want) << c.in;
  }
}

}  // namespace
}  // namespace forebay::cli
