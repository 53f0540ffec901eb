#include "http/request.h"

#include <gtest/gtest.h>

namespace forebay::http {
namespace {

using Path = std::vector<std::string>;
using Query = std::vector<std::pair<std::string, std::string>>;

TEST(ParseTarget, SegmentsAreDecodedAfterTheyAreSplit) {
  struct Case {
    std::string target;
    Path path;
  };
  for (const Case& c :
       {Case{"/", {}}, Case{"/subjects", {"subjects"}}, Case{"/subjects/", {"subjects"}},
        Case{"/subjects/a%2Fb/versions", {"subjects", "a/b", "versions"}},
        Case{"/subjects/%3A.sales%3aorders", {"subjects", ":.sales:orders"}},
        Case{"/subjects/:.sales:orders", {"subjects", ":.sales:orders"}},
        Case{"/subjects/a%20b+c", {"subjects", "a b+c"}}, Case{"/subjects/%C3%A4", {"subjects", "\xc3\xa4"}},
        Case{"/subjects/%252F", {"subjects", "%2F"}},
        Case{"/subjects//versions", {"subjects", "", "versions"}}, Case{"/subjects/..", {"subjects", ".."}},
        Case{"/a%00b", {std::string("a\0b", 3)}}}) {
    const auto target = parse_target(c.target);
    ASSERT_TRUE(target) << c.target;
    EXPECT_EQ(target->path, c.path) << c.target;
  }
}

TEST(ParseTarget, AQueryIsReadAsFormsWriteIt) {
  const auto target = parse_target("/s?deleted=true&key=a%26b&key=c+d&flag&=x&&e=f=g#part");
  ASSERT_TRUE(target);
  EXPECT_EQ(
      target->query,
      (Query{{"deleted", "true"}, {"key", "a&b"}, {"key", "c d"}, {"flag", ""}, {"", "x"}, {"e", "f=g"}}));
  const Request request{"GET", target->path, target->query, {}, {}};
  EXPECT_EQ(*request.parameter("key"), "a&b");
  EXPECT_EQ(request.parameter("other"), nullptr);
}

TEST(ParseTarget, WhatIsNoTargetIsRefused) {
  std::string long_path;
  for (std::size_t i = 0; i <= kPathSegmentsMax; ++i) long_path += "/a";
  std::string long_query = "/?";
  for (std::size_t i = 0; i <= kQueryParametersMax; ++i) long_query += "a=b&";
  for (const std::string& target :
       {std::string(), std::string("*"), std::string("http://host/"), std::string("subjects"),
        std::string("/a b"), std::string("/?a b"), std::string("/\t"), std::string("/%"), std::string("/%4"),
        std::string("/%zz"), std::string("/%C3"), std::string("/%ff"), std::string("/%c0%80"),
        std::string("/%ed%a0%80"), std::string("/%f4%90%80%80"), std::string("/?a=%4"),
        std::string("/?a=%ff"), long_path, long_query})
    EXPECT_FALSE(parse_target(target)) << target;
}

}  // namespace
}  // namespace forebay::http
