// Fields of a line of newline-delimited JSON: the line stays the record's value, byte for byte; what is named
// becomes its key, its id and its event time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::cli {

// A name is that of a top-level field; where there is none, dots lead into nested objects ("user.id").
struct FieldNames {
  std::optional<std::string> key;
  std::optional<std::string> id;
  std::optional<std::string> time;
};

struct Fields {
  std::optional<std::string> key;  // none when not asked for, or null in the line
  std::optional<std::string> id;
  std::optional<std::int64_t> time_ms;
};

// Key and id: a string (its characters, unescaped), a number or a boolean (as written in JSON); the key may
// be null. Time: RFC 3339 text, or whole milliseconds, from 1970 on. Of fields that repeat, the last counts.
// Errors: kInvalidArgument when the line is not one JSON value in UTF-8, or a named field is missing or of
// another type.
[[nodiscard]] Result<Fields> read_fields(std::string_view line, const FieldNames& names);

}  // namespace forebay::cli
