// What must be known of a log below a position to begin one there. Pure.
#pragma once

#include <utility>
#include <vector>

#include "log/core/journal_record.h"

namespace forebay::log {

// Requires: a frame of the log begins at `begin`, or the log ends there; `terms` and `memberships` reach back
// to the frame before (Log::terms, Log::memberships).
[[nodiscard]] LogBase base_at(model::LogPosition begin, const std::vector<TermBegin>& terms,
                              const std::vector<std::pair<model::LogPosition, Membership>>& memberships);

}  // namespace forebay::log
