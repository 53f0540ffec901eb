// The start rule of a group in the words of the command line. Thread rules: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/session.h"
#include "forebay/groups.h"

namespace forebay::cli {

// start, end, @TIME or fail. Errors: kInvalidArgument, with what is accepted.
[[nodiscard]] Result<StartRule> parse_start_rule(std::string_view text, std::int64_t now_ms);
// Whether it means another moment each time that it is said (@1h).
[[nodiscard]] bool is_counted_from_now(std::string_view text);

struct MadeGroup {
  bool created = false;
  StartRule start;
};
// Makes a group with `rule`, which was asked for as `text`. One that is there with another rule is a
// conflict, unless both are times and `text` is counted from now: the same words said later mean the moment
// that they meant at first. Then it says so. Errors: those of Admin::create_group.
[[nodiscard]] Result<MadeGroup> make_group(Session& session, const std::string& group, std::string_view text,
                                           const StartRule& rule);

}  // namespace forebay::cli
