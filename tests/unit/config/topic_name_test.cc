#include "config/topic_name.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay::config {
namespace {

TEST(TopicName, GoodNamesPass) {
  for (const std::string& name :
       {std::string("orders"), std::string("a"), std::string("A.b_c-9"), std::string("..."),
        std::string("_x"), std::string(249, 'x'), std::string("-")}) {
    EXPECT_TRUE(check_topic_name(name)) << name;
  }
}

TEST(TopicName, BadNamesAreRefusedWithTheRule) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("__cluster"), std::string(250, 'x'),
        std::string("a/b"), std::string("a b"), std::string("caf\xc3\xa9"), std::string("a\0b", 3),
        std::string("a\n")}) {
    const auto checked = check_topic_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidTopicName);
    EXPECT_NE(checked.error().context.find(kTopicNameRule), std::string::npos);
    EXPECT_EQ(checked.error().context.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace forebay::config
