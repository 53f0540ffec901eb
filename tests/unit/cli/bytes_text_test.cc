#include "cli/bytes_text.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

using namespace std::string_view_literals;

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
