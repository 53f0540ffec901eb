// Whether data written with one Avro schema can be read with another: schema resolution of the specification,
// judged as SchemaCompatibility of the Java library does.
#pragma once

#include <vector>

#include "schema/core/avro/avro_schema.h"
#include "schema/core/difference.h"
#include "schema/core/limits.h"

namespace forebay::schema::avro {

// Empty: it can. Each pair of types is looked at once, so recursive schemas come to an end, and told at the
// first place where it matters. Of a union that writes, the path has the branch.
[[nodiscard]] std::vector<Difference> differences(const Schema& reader, const Schema& writer,
                                                  const Limits& limits = {});

}  // namespace forebay::schema::avro
