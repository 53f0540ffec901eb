#include "io/fail_points.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

namespace forebay::io {

namespace {

constexpr std::array<std::string_view, 2> kKnown{"journal.write", "recovery.switch"};

TEST(FailPoints, EmptyOnesDoNothing) {
  EXPECT_TRUE(FailPoints().empty());
  EXPECT_TRUE(FailPoints().hit("journal.write"));
  EXPECT_TRUE(FailPoints::parse("", kKnown)->empty());
}

TEST(FailPoints, ErrorIsReturnedAtItsPlaceOnly) {
  const auto points = FailPoints::parse("journal.write:error", kKnown);
  ASSERT_TRUE(points.has_value());
  EXPECT_EQ(points->hit("journal.write").error().code, ErrorCode::kStorageFailed);
  EXPECT_TRUE(points->hit("recovery.switch"));
}

TEST(FailPoints, CountSaysFromWhichHitOn) {
  const auto points = FailPoints::parse("recovery.switch:sleep=0,journal.write:error@3", kKnown);
  ASSERT_TRUE(points.has_value());
  EXPECT_TRUE(points->hit("journal.write"));
  EXPECT_TRUE(points->hit("recovery.switch"));
  EXPECT_TRUE(points->hit("journal.write"));
  EXPECT_FALSE(points->hit("journal.write"));
  EXPECT_FALSE(points->hit("journal.write"));
}

TEST(FailPoints, RangeOfHitsEnds) {
  const auto points = FailPoints::parse("journal.write:error@2-3", kKnown);
  ASSERT_TRUE(points.has_value());
  EXPECT_TRUE(points->hit("journal.write"));
  EXPECT_FALSE(points->hit("journal.write"));
  EXPECT_FALSE(points->hit("journal.write"));
  EXPECT_TRUE(points->hit("journal.write"));
}

TEST(FailPoints, SwitchFileTurnsItOnAndOff) {
  const std::string path = ::testing::TempDir() + "forebay-switch-" + std::to_string(::getpid());
  const auto points = FailPoints::parse("journal.write:error@2@" + path, kKnown);
  ASSERT_TRUE(points.has_value());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(points->hit("journal.write")) << "not counted";
  std::ofstream(path).put('x');
  EXPECT_TRUE(points->hit("journal.write"));
  EXPECT_FALSE(points->hit("journal.write"));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(points->hit("journal.write"));
}

TEST(FailPoints, PlaceThatMustNotBlockIsToldHowLongToWait) {
  const auto points = FailPoints::parse("journal.write:sleep=70,journal.write:error", kKnown);
  ASSERT_TRUE(points.has_value());
  const FailPoints::Outcome outcome = points->pass("journal.write");
  EXPECT_EQ(outcome.delay, std::chrono::milliseconds(70));
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->code, ErrorCode::kStorageFailed);
}

TEST(FailPointsDeathTest, AbortKillsAtTheGivenHit) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto points = FailPoints::parse("journal.write:abort@2", kKnown);
  ASSERT_TRUE(points.has_value());
  EXPECT_TRUE(points->hit("journal.write"));
  EXPECT_EXIT(static_cast<void>(points->hit("journal.write").has_value()), ::testing::KilledBySignal(SIGKILL),
              "");
}

TEST(FailPoints, WhatCannotFireIsRefused) {
  for (const std::string_view text :
       {"journal.write", ":abort", "journal.write:", "journal.write:explode",
        "journal.write:sleep=", "unknown:abort", "journal.write:sleep=x", "journal.write:error@0",
        "journal.write:error@", "journal.write:error@3-2", "journal.write:error@3-",
        "journal.write:error@1@x", "journal.write:abort,,", "journal.write:sleep=99999999999"}) {
    const auto points = FailPoints::parse(text, kKnown);
    ASSERT_FALSE(points.has_value()) << text;
    EXPECT_EQ(points.error().code, ErrorCode::kInvalidConfig) << text;
  }
}

}  // namespace

}  // namespace forebay::io
