#include "cli/count_text.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

TEST(CountText, OnlyOneIsSingular) {
  EXPECT_EQ(count_text(0, "record"), "0 records");
  EXPECT_EQ(count_text(1, "record"), "1 record");
  EXPECT_EQ(count_text(2, "record"), "2 records");
  EXPECT_EQ(count_text(11, "partition"), "11 partitions");
}

}  // namespace
}  // namespace forebay::cli
