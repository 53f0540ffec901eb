// Payloads in the binary encoding of the Avro specification 1.11: whether they are what a schema says, and as
// JSON. Stricter than most readers where the specification is: strings are UTF-8, a block that says how many
// bytes it has has as many, and integers do not overflow. Otherwise a payload that passes here would be
// another value, or none, for the next reader.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "schema/core/avro/avro_schema.h"
#include "schema/core/limits.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {

// None: the payload is exactly one value of the schema. Allocates only for a fault.
[[nodiscard]] std::optional<PayloadFault> check_payload(const Schema& schema, ByteSpan payload,
                                                        const Limits& limits);
// As ParsedSchema::to_json(); kRecordTooLarge: above Limits::json_bytes_max.
[[nodiscard]] Result<std::string> payload_to_json(const Schema& schema, ByteSpan payload,
                                                  const Limits& limits);

// "order.lines[2].price: expected int, found the end of the payload".
[[nodiscard]] Error fault_error(const PayloadFault& fault);

}  // namespace forebay::schema::avro
