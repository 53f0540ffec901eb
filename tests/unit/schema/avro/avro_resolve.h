// Reads data with another schema than it was written with: the resolution of the specification 1.11, for
// tests, on its own: it shares no code with the judgement it proves, nor with check().
#pragma once

#include <optional>
#include <string>

#include "schema/core/avro/avro_schema.h"

namespace forebay::schema::avro {

// What the reader gets, in its own encoding; none: it cannot read the value. Requires: a valid payload.
[[nodiscard]] std::optional<std::string> resolve(const Schema& reader, const Schema& writer,
                                                 const std::string& payload);

}  // namespace forebay::schema::avro
