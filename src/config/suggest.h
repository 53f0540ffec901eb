// "Did you mean": the known name that a mistyped one is closest to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::config {

// Nothing when no candidate is near: more than a third of the letters would have to change.
[[nodiscard]] std::optional<std::string> closest_name(std::string_view name,
                                                      const std::vector<std::string>& candidates);

}  // namespace forebay::config
