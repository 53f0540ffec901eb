// JSON as it was written: members in their order, a second one of a name included. nlohmann's own ordered
// object looks through all members for each new one, which a hostile text makes take minutes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/core/avro/avro_schema.h"

namespace forebay::schema::avro {

struct JsonNode {
  enum class Kind : std::uint8_t { kNull, kBoolean, kInteger, kReal, kText, kList, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;  // also of an integer
  std::string text;
  std::vector<JsonNode> items;    // of a list, and the values of an object
  std::vector<std::string> keys;  // of an object
};

// Errors: kInvalidArgument: no JSON, with the byte; kRecordTooLarge: lists and objects in each other deeper
// than that.
[[nodiscard]] Result<JsonNode> parse_json(std::string_view text, std::size_t depth_max);
// Requires: of a depth that may be recursed into, as those of a schema are.
[[nodiscard]] JsonNode json_node(const Json& value);
// On one line, cut short.
[[nodiscard]] std::string shown(const JsonNode& node);

// Whether a text may be made a tree of nlohmann's: objects have at most `members_max` members, since its
// ordered ones take a time of their square, and the depth is bounded. The text may have comments. Errors:
// kRecordTooLarge.
[[nodiscard]] Result<void> check_json_bounds(std::string_view text, std::size_t depth_max,
                                             std::size_t members_max);

}  // namespace forebay::schema::avro
