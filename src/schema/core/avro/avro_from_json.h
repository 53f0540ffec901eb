// From JSON to the binary encoding of Avro.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/core/avro/avro_schema.h"
#include "schema/core/limits.h"

namespace forebay::schema::avro {

// Takes Avro's JSON encoding. Also, since people write it: a value of a union without the name of its branch
// if only one branch can hold it, and records without the fields that have a default. Numbers do not change:
// one that does not fit, or an int with a fraction, is an error. Errors: kInvalidRecord, with path, found and
// expected, or the byte from which it is no JSON; kRecordTooLarge: above the limits.
[[nodiscard]] Result<std::string> payload_from_json(const Schema& schema, std::string_view json,
                                                    const Limits& limits);

}  // namespace forebay::schema::avro
