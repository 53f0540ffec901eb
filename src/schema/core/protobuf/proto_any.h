// How deep the values of a payload lie in each other, those in a google.protobuf.Any included. The check of a
// payload takes those for bytes; whoever writes them as JSON follows them, and the library recurses for each.
#pragma once

#include <string>

#include "base/shared_bytes.h"
#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

// Not more than `depth_max` messages within each other. True also where bytes are no message: that is found
// by whoever reads them. Requires: the schema has the message.
[[nodiscard]] bool is_shallow(const Schema& schema, const std::string& message, ByteSpan payload,
                              unsigned depth_max);

}  // namespace forebay::schema::protobuf
