// Protobuf behind the interface that all formats have.
#pragma once

#include <string_view>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema::protobuf {

// As parse_schema() of the format.
[[nodiscard]] Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                                             const Limits& limits);

}  // namespace forebay::schema::protobuf
