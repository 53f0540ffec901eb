// Where a named producer goes on.
#include "client/core/resume_plan.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

StoredPosition stored(std::int32_t partition, std::uint64_t position, std::int32_t partitions = 3,
                      std::string_view identity = "file") {
  return {partition, encode_source(identity, partitions), encode_position(position)};
}

TEST(ResumePlan, NothingStoredBeginsAtTheBeginning) {
  const auto plan = plan_resume({}, 3, "file", {}).value();
  EXPECT_EQ(plan.start_after, std::nullopt);
  EXPECT_EQ(plan.furthest, std::nullopt);
  EXPECT_EQ(plan.stored.size(), 3u);
  EXPECT_EQ(plan.identity, "file");
}

TEST(ResumePlan, BeginsBehindTheLowestPosition) {
  const auto plan = plan_resume({stored(2, 70), stored(0, 300), stored(1, 50)}, 3, "file", {}).value();
  EXPECT_EQ(plan.start_after, 50u);
  EXPECT_EQ(plan.furthest, 300u);
  EXPECT_EQ(plan.stored[0], 300u);
  EXPECT_EQ(plan.stored[2], 70u);
}

TEST(ResumePlan, PartitionWithNothingBeginsAtTheBeginning) {
  const auto plan = plan_resume({stored(2, 70), stored(0, 0)}, 3, "file", {}).value();
  EXPECT_EQ(plan.start_after, std::nullopt);
  EXPECT_EQ(plan.furthest, 70u);
}

TEST(ResumePlan, AnotherNumberOfPartitionsIsRefused) {
  const auto plan = plan_resume({stored(0, 70)}, 4, "file", {});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(plan.error().context.find("has 4 partitions, and had 3"), std::string::npos);
}

TEST(ResumePlan, AnotherSourceIsRefusedUnlessItIsSaidToBeTheSame) {
  EXPECT_EQ(plan_resume({stored(0, 70)}, 3, "other", {}).error().code, ErrorCode::kFailedPrecondition);
  const auto same = [](std::string_view identity) { return identity == "file"; };
  const auto plan = plan_resume({stored(0, 70)}, 3, "file, longer", same);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->identity, "file");  // stays what it was
  EXPECT_FALSE(plan_resume({stored(0, 70, 3, "file2")}, 3, "file", same).has_value());
}

TEST(ResumePlan, ChecksumStaysWithThePosition) {
  const SourcePlace place(70, 0x01020304);
  EXPECT_EQ(encode_position(place), std::string("\0\0\0\0\0\0\0\x46\1\2\3\4", 12));
  const auto plan =
      plan_resume({stored(0, 90, 2), {1, encode_source("file", 2), encode_position(place)}}, 2, "file", {})
          .value();
  EXPECT_EQ(plan.stored[0], SourcePlace(90));
  EXPECT_EQ(plan.stored[1], place);
  EXPECT_EQ(plan.start_after, 70u);
}

TEST(ResumePlan, WhatIsNotUnderstoodIsRefused) {
  const StoredPosition good = stored(0, 70);
  for (const StoredPosition& bad :
       {StoredPosition{0, "", good.position}, StoredPosition{0, "\2" + good.source.substr(1), good.position},
        StoredPosition{0, good.source, "12"}, StoredPosition{3, good.source, good.position},
        StoredPosition{-1, good.source, good.position}}) {
    EXPECT_EQ(plan_resume({bad}, 3, "file", {}).error().code, ErrorCode::kFailedPrecondition);
  }
}

// Records that were sent are skipped by these: they never change.
TEST(ResumePlan, BytesAndPlacesAreForEver) {
  EXPECT_EQ(encode_source("ab", 258), std::string("\1\0\0\1\2ab", 7));
  EXPECT_EQ(encode_position(0x0102030405060708), "\1\2\3\4\5\6\7\10");
  std::string places;
  for (std::uint64_t position = 0; position < 20; ++position)
    places += std::to_string(partition_for_position(position, 4));
  EXPECT_EQ(places, "30030013023020303133");
}

}  // namespace
}  // namespace forebay::client
