// Whether data written with one Avro schema can be read with another: schema resolution of the specification,
// judged as SchemaCompatibility of the Java library does.
#pragma once

#include <vector>

#include "schema/core/avro/avro_schema.h"
#include "schema/core/difference.h"

namespace forebay::schema::avro {

// Empty: it can. Each pair of types is looked at once, so recursive schemas come to an end.
[[nodiscard]] std::vector<Difference> differences(const Schema& reader, const Schema& writer);

}  // namespace forebay::schema::avro
