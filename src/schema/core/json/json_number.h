// Numbers of JSON compared as they are written, not as a double rounds them.
#pragma once

#include "schema/core/json/json_value.h"

namespace forebay::schema::json {

// Below, at or above 0, as `a` is below, at or above `b`. Requires: both are numbers.
[[nodiscard]] int compare_numbers(const Value& a, const Value& b);
// Requires: both are numbers, `divisor` above 0.
[[nodiscard]] bool is_multiple(const Value& value, const Value& divisor);
// 1.0 is one, except in draft 4.
[[nodiscard]] bool is_integer(const Value& value, bool draft4);

}  // namespace forebay::schema::json
