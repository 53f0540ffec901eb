// JSON Schema behind the interface that all formats have. A payload is a JSON text; to_json() and from_json()
// leave it as it is, without its space. Members that are there twice are refused in a schema and in a
// payload: readers disagree about which one counts.
#pragma once

#include <string_view>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema::json {

// As parse_schema() of the format.
[[nodiscard]] Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                                             const Limits& limits);

}  // namespace forebay::schema::json
