// Whether one JSON Schema reads what was written with another, judged on the schemas alone, by the rules of
// the convention: the differences between them, of which a policy allows some. Pure.
#pragma once

#include <vector>

#include "schema/core/difference.h"
#include "schema/core/json/json_schema.h"

namespace forebay::schema::json {

// Each with its path in the reader as it is seen from the top, through references: "/properties/a/maxLength".
// Time and memory are bounded: schemas are compared by pairs, each pair once, and past a number of them the
// answer is COMPARISON_TOO_LARGE. At most 1000 differences are told.
[[nodiscard]] std::vector<Difference> differences(const Schema& reader, const Schema& writer,
                                                  const CompatibilityPolicy& policy);

}  // namespace forebay::schema::json
