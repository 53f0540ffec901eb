#include "cli/bytes_text.h"

#include <gtest/gtest.h>

namespace forebay::cli {
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

TEST(Base64, VectorsOfTheRfc) {
  struct Case {
    std::string_view in, want;
  };
  const Case cases[] = {{"", ""},
                        {"f", "Zg=="},
                        {"fo", "Zm8="},
                        {"foo", "Zm9v"},
                        {"foob", "Zm9vYg=="},
                        {"fooba", "Zm9vYmE="},
                        {"foobar", "Zm9vYmFy"},
                        {"\xFF\xFE", "//4="}};
  for (const Case& c : cases) {
    std::string out;
    append_base64(out, c.in);
    EXPECT_EQ(out, c.want);
  }
}

TEST(Hex, EveryNibble) {
  std::string out;
  append_hex(out, "\x01\x23\x45\x67\x89\xab\xcd\xef");
  EXPECT_EQ(out, "0123456789abcdef");
}

TEST(DisplayWidth, CountsCodePoints) { EXPECT_EQ(display_width("a\xC3\xA9\xE2\x82\xAC"), 3U); }

}  // namespace
}  // namespace forebay::cli
