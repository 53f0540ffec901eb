// The start rule of a group in the words of the command line. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "forebay/groups.h"

namespace forebay::cli {

// start, end, @TIME or fail. Errors: kInvalidArgument, with what is accepted.
[[nodiscard]] Result<StartRule> parse_start_rule(std::string_view text, std::int64_t now_ms);

}  // namespace forebay::cli
