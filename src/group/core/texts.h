// Groups in words, for errors and tables.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "group/core/records.h"

namespace forebay::group {

[[nodiscard]] std::string_view assignor_name(Assignor assignor);  // "uniform-sticky", "range"
// Errors: kInvalidArgument, with those that there are.
[[nodiscard]] Result<Assignor> assignor_of(std::string_view name);
[[nodiscard]] std::string to_text(const StartRule& rule);  // "earliest", "at time 1700000000000", ...
[[nodiscard]] std::string_view removal_text(Removal why);
[[nodiscard]] std::string members_text(std::size_t members);  // "1 member", "2 members"

// For whoever is told to stop members first.
inline constexpr const char* kWhoDied =
    "one that has died goes when its session ends, see 'forebay group members'";

}  // namespace forebay::group
