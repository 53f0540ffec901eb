// An Avro schema as text: the form by which equal schemas are found equal.
#pragma once

#include <string>

#include "schema/core/avro/avro_schema.h"

namespace forebay::schema::avro {

// As the Java library writes it, which other registries keep: attributes in its order, no space, a name
// instead of a type that was declared before, here or in a schema that is referred to.
[[nodiscard]] std::string canonical_text(const Schema& schema);
// The same, with properties that the specification does not know in the order of their names.
[[nodiscard]] std::string normalized_text(const Schema& schema);

}  // namespace forebay::schema::avro
