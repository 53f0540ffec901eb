// Regular expressions of ECMA 262, as schemas use them, written as RE2 and PCRE2 both take them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::schema::json {

struct PatternText {
  std::string text;
  bool backtracks = false;          // it has look-around or back references, which RE2 does not take
  bool has_flags = false;           // as (?i)
  std::size_t repeats_min = 0;      // the most times that something has to be there: 3 for a{3,}
  std::size_t class_bytes_max = 0;  // of the longest [...]
};

// Errors: kInvalidArgument with what of it is not of ECMA 262. What else is wrong, who takes it says.
[[nodiscard]] Result<PatternText> translate_pattern(std::string_view expression);

}  // namespace forebay::schema::json
