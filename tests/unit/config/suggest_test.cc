#include "config/suggest.h"

#include <gtest/gtest.h>

namespace forebay::config {
namespace {

TEST(Suggest, TheNearestNameIsFound) {
  const std::vector<std::string> names = {"retention.ms", "retention.bytes", "segment.ms"};
  EXPECT_EQ(closest_name("retention.m", names), "retention.ms");
  EXPECT_EQ(closest_name("retnetion.ms", names), "retention.ms");
  EXPECT_EQ(closest_name("segmnt.ms", names), "segment.ms");
  EXPECT_EQ(closest_name("retention_bytes", names), "retention.bytes");
}

TEST(Suggest, FarNamesAreNotOffered) {
  EXPECT_EQ(closest_name("colour", {"retention.ms"}), std::nullopt);
  EXPECT_EQ(closest_name("", {"retention.ms"}), std::nullopt);
  EXPECT_EQ(closest_name("x", {}), std::nullopt);
  EXPECT_EQ(closest_name(std::string(10'000, 'a'), {std::string(10'000, 'a')}), std::nullopt);
}

}  // namespace
}  // namespace forebay::config
