// From messages to the JSON of answers. A member without a value is not there; schemaType is not there for
// Avro.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "forebay/v1/schemas.pb.h"

namespace forebay::http {

// `extended`: with what only newer clients know (Exchange::is_extended).
[[nodiscard]] nlohmann::json schema_json(const v1::SchemaSpec& schema);
[[nodiscard]] nlohmann::json version_json(const v1::SchemaVersion& version, bool extended);
// The answer to a schema's id or GUID. `max_id`: it was asked for. `use`: whose it is said to be; nothing:
// that is not told.
[[nodiscard]] nlohmann::json schema_by_id_json(const v1::GetSchemaResponse& response, bool max_id,
                                               const v1::GetSchemaResponse::Use* use);
[[nodiscard]] nlohmann::json check_json(const v1::CheckSchemaResponse& response, bool verbose);
// `level_name`: the member that says the level: "compatibilityLevel", and "compatibility" where a change is
// answered.
[[nodiscard]] nlohmann::json config_json(const v1::SchemaRules& rules, const char* level_name);
[[nodiscard]] nlohmann::json mode_json(v1::SchemaMode mode);

}  // namespace forebay::http
