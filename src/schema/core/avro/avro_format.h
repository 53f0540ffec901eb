// Avro behind the interface that all formats have.
#pragma once

#include <string_view>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema::avro {

// As parse_schema() of the format.
[[nodiscard]] Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                                             const Limits& limits, Origin origin);

}  // namespace forebay::schema::avro
