// Counts as a person writes them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace forebay::cli {

// "1 record", "2 records". `one`: the word for a single one; its plural ends in s.
[[nodiscard]] std::string count_text(std::uint64_t count, std::string_view one);

}  // namespace forebay::cli
