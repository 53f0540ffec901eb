// From text to nodes: checks what every keyword says and resolves references. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "schema/core/json/json_schema.h"
#include "schema/core/schema.h"

namespace forebay::schema::json {

// The draft is the one that "$schema" names, else draft 7, as in other registries; so it is for a meta-schema
// of one's own, unless that is one of `references` and names a draft itself. A "$ref" leads into the schema
// itself, to one of `references` (by its name or its own "$id"), or to one of the published meta-schemas;
// nothing is fetched. Errors: kInvalidArgument with the JSON pointer of what is wrong and what would be
// right; kRecordTooLarge.
[[nodiscard]] Result<Schema> compile(std::string_view text, const std::vector<NamedText>& references,
                                     const Limits& limits);

}  // namespace forebay::schema::json
