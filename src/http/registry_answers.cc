#include "http/registry_answers.h"

#include <nlohmann/json.hpp>

#include "http/registry_requests.h"
#include "schema/core/compatibility.h"

namespace forebay::http {
namespace {

using nlohmann::json;

json metadata_json(const v1::SchemaMetadata& metadata) {
  json object = json::object();
  for (const auto& [path, tags] : metadata.tags())
    object["tags"][path] = json(std::vector<std::string>(tags.tags().begin(), tags.tags().end()));
  for (const auto& [name, value] : metadata.properties()) object["properties"][name] = value;
  for (const std::string& name : metadata.sensitive()) object["sensitive"].push_back(name);
  return object;
}

json references_json(const v1::SchemaSpec& schema) {
  json list = json::array();
  for (const v1::SchemaReference& one : schema.references())
    list.push_back({{"name", one.name()}, {"subject", one.subject()}, {"version", one.version()}});
  return list;
}

}  // namespace

json schema_json(const v1::SchemaSpec& schema) {
  json object = {{"schema", schema.text()}};
  if (schema.format() == v1::SCHEMA_FORMAT_JSON) object["schemaType"] = "JSON";
  if (schema.format() == v1::SCHEMA_FORMAT_PROTOBUF) object["schemaType"] = "PROTOBUF";
  if (schema.references_size() > 0) object["references"] = references_json(schema);
  if (schema.has_metadata()) object["metadata"] = metadata_json(schema.metadata());
  if (!schema.rule_set().empty()) {
    // It may have come over gRPC as anything; what could not have come in a body does not go out in one.
    auto rules = parse_body(schema.rule_set());
    if (json* parsed = std::get_if<json>(&rules)) object["ruleSet"] = std::move(*parsed);
  }
  return object;
}

json version_json(const v1::SchemaVersion& version, bool extended) {
  json object = version.has_schema() ? schema_json(version.schema()) : json::object();
  object["subject"] = version.subject();
  object["version"] = version.version();
  object["id"] = version.id();
  object["guid"] = version.guid();
  if (!extended) return object;
  if (version.registered_at_ms() != 0) object["ts"] = version.registered_at_ms();
  if (version.deleted()) object["deleted"] = true;
  return object;
}

json schema_by_id_json(const v1::GetSchemaResponse& response, bool max_id,
                       const v1::GetSchemaResponse::Use* use) {
  json object = schema_json(response.schema());
  if (max_id) object["maxId"] = response.max_id();
  object["guid"] = response.guid();
  if (use == nullptr) return object;
  object["subject"] = use->subject();
  object["version"] = use->version();
  return object;
}

json check_json(const v1::CheckSchemaResponse& response, bool verbose) {
  json object = {{"is_compatible", response.is_compatible()}};
  if (!verbose) return object;
  object["messages"] = json::array();
  for (const v1::CompatibilityVerdict& one : response.verdicts()) object["messages"].push_back(one.text());
  return object;
}

// The numbers of the enumerations in schemas.proto are those of the core.
json config_json(const v1::SchemaRules& rules, const char* level_name) {
  json object = json::object();
  if (rules.has_level()) object[level_name] = schema::level_name(static_cast<schema::Level>(rules.level()));
  if (rules.has_json_policy())
    object["compatibilityPolicy"] =
        rules.json_policy() == v1::JSON_SCHEMA_POLICY_LENIENT ? "LENIENT" : "STRICT";
  if (rules.has_normalize()) object["normalize"] = rules.normalize();
  if (!rules.alias().empty()) object["alias"] = rules.alias();
  if (!rules.group().empty()) object["compatibilityGroup"] = rules.group();
  return object;
}

json mode_json(v1::SchemaMode mode) { return {{"mode", schema::mode_name(static_cast<schema::Mode>(mode))}}; }

}  // namespace forebay::http
