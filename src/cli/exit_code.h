// What the command line's exit status means. The numbers are a contract with scripts: never change one.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "forebay/error.h"

namespace forebay::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kNotFound = 3,
  kDenied = 4,
  kConflict = 5,
  kUnavailable = 6,
  kPartial = 7,
  kInterrupted = 130,
};

struct ExitCodeRow {
  ExitCode code;
  std::string_view name;
  std::string_view meaning;
};
// Every code, ascending: `forebay help exit-codes` prints it.
inline constexpr std::array<ExitCodeRow, 9> kExitCodes{{
    {ExitCode::kOk, "ok", "done; a list without rows too"},
    {ExitCode::kFailure, "failure",
     "the command ran and did not succeed; `health`: not healthy; `log verify`: damage; "
     "`doctor`: a check failed"},
    {ExitCode::kUsage, "usage", "the command line or a value in it cannot be right; nothing was done"},
    {ExitCode::kNotFound, "not found", "no such topic, partition or file"},
    {ExitCode::kDenied, "denied", "not authenticated or not allowed"},
    {ExitCode::kConflict, "conflict",
     "exists already, or the system is not in the state that this needs; an "
     "offset outside the log"},
    {ExitCode::kUnavailable, "unavailable", "nobody answered in time, or the node cannot serve now: retry"},
    {ExitCode::kPartial, "partial", "some items succeeded and some failed"},
    {ExitCode::kInterrupted, "interrupted", "stopped by SIGINT or SIGTERM"},
}};

[[nodiscard]] ExitCode exit_code_of(ErrorCode code);

// Outcome of a verb that worked on several items: the items' common failure when none succeeded.
class ItemOutcomes {
 public:
  void succeeded() { ++succeeded_; }
  void failed(ExitCode code);
  [[nodiscard]] ExitCode exit_code() const;

 private:
  std::size_t succeeded_ = 0;
  std::size_t failed_ = 0;
  ExitCode failure_ = ExitCode::kOk;  // kFailure once two failures differ
};

}  // namespace forebay::cli
