// Whether what was written with one Protobuf schema is read with another, judged as other registries do: the
// rules and their names are those of the convention.
#pragma once

#include <vector>

#include "schema/core/difference.h"
#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

// Those that are not compatible, in the order of what the writer declares; paths as "#/Order/Line/2" for the
// field with the number 2 of the message Line in Order.
[[nodiscard]] std::vector<Difference> differences(const Schema& reader, const Schema& writer);

}  // namespace forebay::schema::protobuf
