#include "cli/exit_code.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

TEST(ExitCode, TheTableIsThePromise) {
  std::vector<int> numbers;
  for (const ExitCodeRow& row : kExitCodes) numbers.push_back(static_cast<int>(row.code));
  EXPECT_EQ(numbers, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 130}));
}

TEST(ExitCode, OfErrors) {
  EXPECT_EQ(exit_code_of(ErrorCode::kUnknownTopic), ExitCode::kNotFound);
  EXPECT_EQ(exit_code_of(ErrorCode::kUnknownPartition), ExitCode::kNotFound);
  EXPECT_EQ(exit_code_of(ErrorCode::kTopicExists), ExitCode::kConflict);
  EXPECT_EQ(exit_code_of(ErrorCode::kOffsetOutOfRange), ExitCode::kConflict);
  EXPECT_EQ(exit_code_of(ErrorCode::kInvalidConfig), ExitCode::kUsage);
  EXPECT_EQ(exit_code_of(ErrorCode::kUnavailable), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code_of(ErrorCode::kTimedOut), ExitCode::kUnavailable);
  EXPECT_EQ(exit_code_of(ErrorCode::kDataLoss), ExitCode::kFailure);
}

// No error may look like success, and what the program says is worth a retry is what the exit code says.
TEST(ExitCode, NoErrorIsSuccess) {
  for (std::uint16_t number = 1; number <= 28; ++number) {
    const auto code = static_cast<ErrorCode>(number);
    const ExitCode exit = exit_code_of(code);
    EXPECT_NE(exit, ExitCode::kOk) << error_code_name(code);
    if (is_retryable(code)) {
      EXPECT_EQ(exit, ExitCode::kUnavailable) << error_code_name(code);
    }
  }
}

TEST(ItemOutcomes, AllSomeAndNone) {
  ItemOutcomes none;
  EXPECT_EQ(none.exit_code(), ExitCode::kOk);
  ItemOutcomes all_failed;
  all_failed.failed(ExitCode::kNotFound);
  all_failed.failed(ExitCode::kNotFound);
  EXPECT_EQ(all_failed.exit_code(), ExitCode::kNotFound);
  all_failed.failed(ExitCode::kConflict);
  EXPECT_EQ(all_failed.exit_code(), ExitCode::kFailure);
  ItemOutcomes partly;
  partly.succeeded();
  partly.failed(ExitCode::kNotFound);
  EXPECT_EQ(partly.exit_code(), ExitCode::kPartial);
}

}  // namespace
}  // namespace forebay::cli
