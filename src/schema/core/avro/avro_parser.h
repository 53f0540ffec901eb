// Reads Avro schemas. Strict as the Java library is by default: names and unions are checked, and the
// defaults of what is new.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/core/avro/avro_schema.h"
#include "schema/core/limits.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {

// `references`: texts of the schemas that it refers to, each after those that it refers to itself; the types
// that they name are known in `text`. Errors: kInvalidArgument, with the path to what is wrong, and what
// would be right; kRecordTooLarge: above the limits.
[[nodiscard]] Result<Schema> parse(std::string_view text, const std::vector<NamedText>& references = {},
                                   const Limits& limits = {}, Origin origin = Origin::kNew);

}  // namespace forebay::schema::avro
