#include "config/address.h"

#include <gtest/gtest.h>

namespace forebay::config {
namespace {

TEST(Address, GoodOnesRoundTrip) {
  for (const std::string text : {"127.0.0.1:7400", "localhost:0", "node-1.example:65535", "[::1]:7400",
                                 "[fe80::1%eth0]:1", "[::]:80"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(parse_address("[::1]:7400")->host, "::1");
  EXPECT_EQ(parse_address("[::1]:7400")->port, 7400);
}

TEST(Address, BadOnesAreRefusedWithTheReason) {
  struct Case {
    std::string text;
    std::string_view why;
  };
  for (const Case& c :
       {Case{"localhost", "the port is missing"}, Case{":7400", "the host is missing"},
        Case{"::1:7400", "needs brackets"}, Case{"h:65536", "from 0 to 65535"}, Case{"h:", "from 0 to 65535"},
        Case{"h:-1", "from 0 to 65535"}, Case{"h:7x", "from 0 to 65535"}, Case{"a b:1", "does not belong"},
        Case{"[host]:1", "for IPv6"}, Case{"http://h:1", "needs brackets"}, Case{"", "port is missing"},
        Case{std::string(300, 'a') + ":1", "too long"}}) {
    const auto address = parse_address(c.text);
    ASSERT_FALSE(address) << c.text;
    EXPECT_NE(address.error().context.find(c.why), std::string::npos) << address.error().context;
  }
}

}  // namespace
}  // namespace forebay::config
