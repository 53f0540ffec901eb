// A message as JSON and back, in the encoding that protobuf defines for it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

// Errors: kInvalidRecord, with the path that the library gives. Requires: the payload was checked.
[[nodiscard]] Result<std::string> to_json(const Schema& schema, const std::string& message, ByteSpan payload);
[[nodiscard]] Result<std::string> from_json(const Schema& schema, const std::string& message,
                                            std::string_view json);

}  // namespace forebay::schema::protobuf
