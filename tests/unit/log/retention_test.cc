#include "log/core/retention.h"

#include <gtest/gtest.h>

#include "log/core/roll.h"

namespace forebay::log {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

RetentionPiece piece(std::int64_t begin, std::uint64_t bytes, std::int64_t last) {
  return {{Offset(begin), 0}, {Offset(begin + 10), 0}, bytes, Timestamp(last)};
}

const std::vector<RetentionPiece> kPieces{piece(0, 100, 1000), piece(10, 100, 2000), piece(20, 100, 3000)};

std::optional<std::int64_t> plan(const LogConfig& config, std::int64_t now, std::int64_t committed = 30,
                                 std::int64_t log_start = 0) {
  const auto begin =
      plan_log_start(config, kPieces, {Offset(log_start), 0}, {Offset(committed), 0}, Timestamp(now));
  if (!begin) return std::nullopt;
  return begin->next_offset.value();
}

TEST(Retention, ByTimeCountsTheLastFrameOfAPiece) {
  LogConfig config;
  config.retention_ms = 500;
  EXPECT_EQ(plan(config, 1500), std::nullopt);
  EXPECT_EQ(plan(config, 1501), 10);
  EXPECT_EQ(plan(config, 2600), 20);
  EXPECT_EQ(plan(config, 99'999), 30);
  EXPECT_EQ(plan(config, 99'999, 29), 20) << "what is not committed stays";
  EXPECT_EQ(plan(config, 1501, 30, 10), std::nullopt) << "gone already";
  config.retention_ms = std::nullopt;
  EXPECT_EQ(plan(config, 99'999), std::nullopt);
}

TEST(Retention, BySizeKeepsAtLeastTheBound) {
  LogConfig config;
  config.retention_ms = std::nullopt;
  config.retention_bytes = 201;
  EXPECT_EQ(plan(config, 0), std::nullopt);
  config.retention_bytes = 200;
  EXPECT_EQ(plan(config, 0), 10);
  config.retention_bytes = 99;
  EXPECT_EQ(plan(config, 0), 20);
  config.retention_bytes = 0;
  EXPECT_EQ(plan(config, 0), 30);
}

TEST(Retention, CompactedLogsKeepEverything) {
  LogConfig config;
  config.retention_ms = 1;
  config.cleanup = CleanupPolicy::kCompact;
  EXPECT_EQ(plan(config, 99'999), std::nullopt);
  config.cleanup = CleanupPolicy::kCompactAndDelete;
  EXPECT_EQ(plan(config, 99'999), 30);
}

TEST(Retention, UnreadablePieceStopsItByTime) {
  LogConfig config;
  config.retention_ms = 1;
  std::vector<RetentionPiece> pieces = kPieces;
  pieces[1].last_append = std::nullopt;
  const auto begin = plan_log_start(config, pieces, {}, {Offset(30), 0}, Timestamp(99'999));
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->next_offset, Offset(10));
}

TEST(Retention, PieceThatIsAcceptedAsLostGoesWithTheOneBehindIt) {
  LogConfig config;
  config.retention_ms = 100;
  const auto piece = [](std::int64_t begin, std::optional<std::int64_t> last, bool lost) {
    return RetentionPiece{{model::Offset(begin), 0},
                          {model::Offset(begin + 10), 0},
                          10,
                          last ? std::optional(model::Timestamp(*last)) : std::nullopt,
                          lost};
  };
  const std::vector<RetentionPiece> pieces{piece(0, 500, false), piece(10, std::nullopt, true),
                                           piece(20, std::nullopt, true), piece(30, 700, false),
                                           piece(40, std::nullopt, true)};
  const model::LogPosition start{model::Offset(0), 0}, committed{model::Offset(50), 0};
  const auto planned = [&](std::int64_t now) {
    const auto begin = plan_log_start(config, pieces, start, committed, model::Timestamp(now));
    return begin ? begin->next_offset.value() : -1;
  };
  EXPECT_EQ(planned(600), -1);
  EXPECT_EQ(planned(601), 10);
  EXPECT_EQ(planned(800), 10);
  EXPECT_EQ(planned(801), 40);
  EXPECT_EQ(planned(100'000), 40);  // behind the last one nothing tells the time
}

TEST(Roll, BySizeByAgeAndNeverForNothing) {
  LogConfig config;
  config.segment_bytes = 1000;
  config.segment_ms = 500;
  config.retention_ms = std::nullopt;
  SegmentTimes times;
  EXPECT_FALSE(rolls_before(config, times, 5000, 5000, Timestamp(99'999)))
      << "a segment without records never rolls";
  times.has_records = true;
  times.first_append = Timestamp(100);
  EXPECT_FALSE(rolls_before(config, times, 900, 100, Timestamp(200)));
  EXPECT_TRUE(rolls_before(config, times, 900, 101, Timestamp(200)));
  EXPECT_TRUE(rolls_before(config, times, 0, 1, Timestamp(600)));
  EXPECT_FALSE(is_due(config, times, Timestamp(599)));
  EXPECT_TRUE(is_due(config, times, Timestamp(600)));
}

TEST(Roll, SegmentsAreAPartOfWhatRetentionKeeps) {
  LogConfig config;
  config.segment_bytes = 256U << 20;
  config.segment_ms = 1'000'000;
  config.retention_ms = 1000;
  config.retention_bytes = 16U << 20;
  EXPECT_EQ(roll_ms(config), 250);
  EXPECT_EQ(roll_bytes(config), 4U << 20);
  config.retention_bytes = 1000;
  EXPECT_EQ(roll_bytes(config), kRetentionSegmentBytesMin);
  config.cleanup = CleanupPolicy::kCompact;
  EXPECT_EQ(roll_ms(config), 1'000'000);
  EXPECT_EQ(roll_bytes(config), 256U << 20);
}

}  // namespace
}  // namespace forebay::log
