// What `topic delete`, `group delete` and `producer delete` have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/session.h"

namespace forebay::cli {

struct DeleteOptions {
  std::vector<std::string> names;
  bool dry_run = false;
};

inline constexpr const char* kDeletedShape =
    "[{\"name\": text, \"status\": \"deleted\" or \"would delete\" or \"failed\", \"error\": text or null}]";

// Asks `question` unless it is a dry run, does `one` for each name, or only looks whether it would be
// refused, and tells how each has ended. `noun`: "group".
[[nodiscard]] ExitCode delete_each(
    Session& session, const DeleteOptions& options, const std::string& noun, const std::string& question,
    const std::function<Result<void>(Admin&, const std::string& name, Validate validate)>& one);

}  // namespace forebay::cli
