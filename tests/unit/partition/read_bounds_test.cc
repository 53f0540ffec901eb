#include "partition/core/read_bounds.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

constexpr Watermarks kMarks{model::Offset(10), model::Offset(20)};

TEST(ReadBounds, OffsetsBetweenLogStartAndHighWatermarkAreRead) {
  EXPECT_EQ(*check_read(model::Offset(10), kMarks), ReadStep::kRead);
  EXPECT_EQ(*check_read(model::Offset(19), kMarks), ReadStep::kRead);
}

TEST(ReadBounds, TheHighWatermarkIsWaitedFor) {
  EXPECT_EQ(*check_read(model::Offset(20), kMarks), ReadStep::kWait);
  EXPECT_EQ(*check_read(model::Offset(0), {model::Offset(0), model::Offset(0)}), ReadStep::kWait);
}

TEST(ReadBounds, OutsideIsAnErrorThatNamesTheRange) {
  for (const std::int64_t offset : {-1L, 9L, 21L}) {
    const auto step = check_read(model::Offset(offset), kMarks);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().code, ErrorCode::kOffsetOutOfRange);
    EXPECT_NE(step.error().context.find("[10, 20]"), std::string::npos);
  }
}

}  // namespace
}  // namespace forebay::partition
