// From the JSON of requests to messages. Members that are not known are ignored, as clients expect.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "http/registry_exchange.h"

namespace forebay::http {

// Bounds of a body: what nests deeper, or has more values, is no request that anybody needs, and costs the
// HTTP thread much more than its bytes.
inline constexpr int kJsonDepthMax = 32;
inline constexpr std::size_t kJsonValuesMax = 50'000;

// An object. Errors: 400: no JSON, no object, beyond the bounds; 422: there is no body.
[[nodiscard]] OrRestError<nlohmann::json> parse_body(const std::string& body);

// Errors: 400: a member has the wrong type; 42201: no schema, or a type of schema that there is not.
[[nodiscard]] OrRestError<v1::SchemaSpec> schema_spec(const nlohmann::json& body);
// With `id` and `version`, when they are there. Metadata or rules may come without a text.
[[nodiscard]] OrRestError<v1::RegisterSchemaRequest> register_request(const nlohmann::json& body);
// Errors: 42203; 422: a member that the convention has and this registry does not.
[[nodiscard]] OrRestError<v1::SchemaRules> config_change(const nlohmann::json& body);
// Errors: 42204.
[[nodiscard]] OrRestError<v1::SchemaRules> mode_change(const nlohmann::json& body);

}  // namespace forebay::http
