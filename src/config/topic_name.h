// The rule for names of topics that users make.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace forebay::config {

inline constexpr std::size_t kTopicNameBytesMax = 249;
inline constexpr std::string_view kTopicNameRule =
    "1 to 249 letters, digits, '.', '_' and '-'; not '.' or '..'; not starting with '__', which is for "
    "internal topics";

// Errors: kInvalidTopicName; the context shows the name, what is wrong with it, and the rule.
[[nodiscard]] Result<void> check_topic_name(std::string_view name);

}  // namespace forebay::config
