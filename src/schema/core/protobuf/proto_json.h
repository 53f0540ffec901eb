// A message as JSON and back, in the encoding that protobuf defines for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

// Errors: kInvalidRecord, with the path that the library gives; kRecordTooLarge: more bytes of JSON than
// that. Requires: the payload was checked.
[[nodiscard]] Result<std::string> to_json(const Schema& schema, const std::string& message, ByteSpan payload,
                                          std::size_t json_bytes_max);
[[nodiscard]] Result<std::string> from_json(const Schema& schema, const std::string& message,
                                            std::string_view json);

}  // namespace forebay::schema::protobuf
