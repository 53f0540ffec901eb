// Whether a value is one of a schema, in the rules of the schema's draft. Pure; any thread may check at any
// time. "format", "contentEncoding" and "contentMediaType" are annotations and refuse nothing, as the drafts
// have it since 2019-09: the validators that clients have disagree about what an e-mail address is, and a
// broker that refuses what a client's own validator let pass helps nobody. (The validator of the Java clients
// does check some formats; what it refuses never reaches us.)
#pragma once

#include <optional>

#include "schema/core/json/json_schema.h"
#include "schema/core/schema.h"

namespace forebay::schema::json {

// The first fault; none if there is none. The number of steps is bounded by the bytes of the payload,
// whatever the schema does with "anyOf" within "anyOf"; beyond it the value is refused.
[[nodiscard]] std::optional<PayloadFault> check(const Schema& schema, const Value& value,
                                                std::size_t payload_bytes);

}  // namespace forebay::schema::json
