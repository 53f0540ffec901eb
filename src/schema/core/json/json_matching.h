// A largest matching between two sides, so that each alternative of one schema finds one of the other.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace forebay::schema::json {

constexpr std::size_t kUnmatched = std::numeric_limits<std::size_t>::max();

// `edges[i]`: those on the right that fit the left one. Returns for each left one its partner, or kUnmatched.
// Takes time by the number of edges times the root of that of the sides (Hopcroft and Karp).
[[nodiscard]] std::vector<std::size_t> largest_matching(const std::vector<std::vector<std::size_t>>& edges,
                                                        std::size_t right_count);

}  // namespace forebay::schema::json
