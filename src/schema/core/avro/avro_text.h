// An Avro schema as text: the form by which equal schemas are found equal.
#pragma once

#include <string>

#include "base/result.h"
#include "schema/core/avro/avro_schema.h"
#include "schema/core/limits.h"

namespace forebay::schema::avro {

// As the Java library writes it, which other registries keep: attributes in its order, no space, a name
// instead of a type that was declared before, here or in a schema that is referred to.
[[nodiscard]] std::string canonical_text(const Schema& schema);
// The same, with properties that the specification does not know in the order of their names.
[[nodiscard]] std::string normalized_text(const Schema& schema);
// The canonical text, with the types of schemas that are referred to declared where they are first used, so
// that it needs none of them. Errors: kRecordTooLarge: they lie in each other deeper than
// Limits::named_depth_max.
[[nodiscard]] Result<std::string> resolved_text(const Schema& schema, const Limits& limits);

}  // namespace forebay::schema::avro
