// Moments as text. All in milliseconds since 1970-01-01 UTC; what is finer than a millisecond is cut off.
// Pure: the present is an argument.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::cli {

// RFC 3339, nothing else: a date, 'T' (or 't', or a space), a time with or without a fraction, and 'Z' or an
// offset such as +02:00. A leap second (:60) counts as the first moment of the next minute.
// Errors: kInvalidArgument.
[[nodiscard]] Result<std::int64_t> parse_rfc3339_ms(std::string_view text);

// What may follow '@' in an offset: a date (2026-01-31), a date and time with or without seconds, fraction
// and zone (none: UTC), milliseconds since 1970 (1769860800000), or a duration, which means that long ago
// (1h, 2d12h). Errors: kInvalidArgument.
[[nodiscard]] Result<std::int64_t> parse_moment_ms(std::string_view text, std::int64_t now_ms);

// "2026-01-31T12:00:00.000Z". Years outside 0000..9999 take a sign and as many digits as they need.
void append_iso_ms(std::string& out, std::int64_t ms);
[[nodiscard]] std::string iso_ms(std::int64_t ms);

}  // namespace forebay::cli
