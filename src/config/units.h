// Sizes, durations and counts as people write them, in configuration files and on the command line.
//   size      4096, 64KiB, 1.5GiB, 10MB, 50k   (KiB MiB GiB TiB: powers of 1024; k kB M MB G GB T TB: powers
//   of 1000; B) duration  250ms, 10s, 5m, 1h30m, 7d, 1.5s  (ns us ms s m h d w) count     1000, 50k, 2M (k M
//   G: powers of 1000)
// Letter case of size and count units does not matter; that of durations does (m is minutes, and nothing
// else). Pure; errors are kInvalidArgument with what was found and an example.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::config {

// Fractions of a byte are cut off; everything that does not fit into 64 bits is refused.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text);
// A number without a unit is refused, except 0. Negative durations are refused.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// For people: at most one decimal, "1.5GiB", "912B". Rounded; never use it for what is read back.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
// For people: the two largest units, "7d", "2h5m", "1.5s", "830us". Negative ones begin with '-'.
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

// For files: the shortest text that parse_bytes / parse_duration reads back as exactly this value.
[[nodiscard]] std::string exact_bytes(std::uint64_t bytes);  // "64MiB", "1000"
[[nodiscard]] std::string exact_duration(
    std::chrono::nanoseconds duration);  // "7d", "90s"; requires: not negative

}  // namespace forebay::config
