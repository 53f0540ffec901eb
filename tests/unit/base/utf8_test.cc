#include "base/utf8.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, WellFormedAndIllFormedSequences) {
  struct Case {
    const char* name;
    std::string_view in;
    bool want;
  };
  const Case cases[] = {
      {"empty", "", true},
      {"ascii longer than a word", "the quick brown fox", true},
      {"zero byte", "a\0b"sv, true},
      {"two bytes", "\xC3\xA9", true},
      {"three bytes", "\xE2\x82\xAC", true},
      {"four bytes", "\xF0\x9F\x8C\x8A", true},
      {"last code point", "\xF4\x8F\xBF\xBF", true},
      {"after eight ascii bytes", "12345678\xC3\xA9", true},
      {"lone continuation", "\x80", false},
      {"cut two", "\xC3", false},
      {"cut three", "\xE2\x82", false},
      {"cut four", "\xF0\x9F\x8C", false},
      {"overlong two", "\xC0\xAF", false},
      {"just below two", "\xC1\xBF", false},
      {"overlong three", "\xE0\x80\xAF", false},
      {"overlong four", "\xF0\x80\x80\xAF", false},
      {"surrogate", "\xED\xA0\x80", false},
      {"just below the surrogates", "\xED\x9F\xBF", true},
      {"above the last code point", "\xF4\x90\x80\x80", false},
      {"byte ff", "\xFF", false},
      {"bad byte after eight ascii bytes", "12345678\xFF", false},
      {"bad continuation", "\xE2\x28\xA1", false},
  };
  for (const Case& c : cases) EXPECT_EQ(is_utf8(c.in), c.want) << c.name;
}

TEST(Utf8, SaysWhereItStops) {
  EXPECT_EQ(utf8_bytes("12345678abc\xFFz"), 11U);
  EXPECT_EQ(utf8_bytes("\xC3\xA9\xED\xA0\x80"), 2U);
  EXPECT_EQ(utf8_character_bytes("\xEE\x80\x80z"), 3U);
  EXPECT_EQ(utf8_character_bytes("\xE0\x9F\xBF"), 0U);
  EXPECT_EQ(utf8_character_bytes("\xF5\x80\x80\x80"), 0U);
}

}  // namespace
}  // namespace forebay
