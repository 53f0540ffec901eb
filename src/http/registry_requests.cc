#include "http/registry_requests.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "schema/core/compatibility.h"
#include "schema/core/registry_error.h"
#include "schema/core/registry_rules.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using schema::RegistryCode;

// Thrown and caught in this file: it leads out of the depth of a body at once.
struct Refused {
  RestError error;
};

[[noreturn]] void refuse(RegistryCode code, std::string message) {
  throw Refused{{static_cast<std::uint32_t>(code), std::move(message)}};
}
[[noreturn]] void refuse_type(const std::string& path, const char* wanted, const json& found) {
  throw Refused{{400, path + ": expected " + wanted + ", found " + found.type_name()}};
}

// Nothing: it is not there, or is null.
const json* member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const json& value, const std::string& path) {
  if (!value.is_string()) refuse_type(path, "a string", value);
  return value.get<std::string>();
}

std::string text_member(const json& object, const char* name, const std::string& path) {
  const json* value = member(object, name);
  return value == nullptr ? std::string() : text_of(*value, path + name);
}

std::optional<std::int32_t> number_member(const json& object, const char* name, const std::string& path) {
  const json* value = member(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) refuse_type(path + name, "a whole number", *value);
  const auto number = value->get<std::int64_t>();
  if (number < INT32_MIN || number > INT32_MAX) refuse_type(path + name, "a number of 32 bits", *value);
  return static_cast<std::int32_t>(number);
}

const json* object_member(const json& object, const char* name, const std::string& path) {
  const json* value = member(object, name);
  if (value != nullptr && !value->is_object()) refuse_type(path + name, "an object", *value);
  return value;
}

const json* list_member(const json& object, const char* name, const std::string& path) {
  const json* value = member(object, name);
  if (value != nullptr && !value->is_array()) refuse_type(path + name, "a list", *value);
  return value;
}

std::string upper_case(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

v1::SchemaFormat format_of(const json& body) {
  const std::string type = text_member(body, "schemaType", "");
  if (type.empty() || type == "AVRO") return v1::SCHEMA_FORMAT_AVRO;
  if (type == "JSON") return v1::SCHEMA_FORMAT_JSON;
  if (type == "PROTOBUF") return v1::SCHEMA_FORMAT_PROTOBUF;
  refuse(RegistryCode::kInvalidSchema,
         "Invalid schema type '" + type.substr(0, 100) + "'; allowed are AVRO, JSON and PROTOBUF");
}

void read_references(const json& list, v1::SchemaSpec& spec) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = "references[" + std::to_string(i) + "]";
    if (!list[i].is_object()) refuse_type(path, "an object", list[i]);
    v1::SchemaReference* reference = spec.add_references();
    reference->set_name(text_member(list[i], "name", path + "."));
    reference->set_subject(text_member(list[i], "subject", path + "."));
    reference->set_version(number_member(list[i], "version", path + ".").value_or(schema::kLatestVersion));
  }
}

void read_metadata(const json& object, v1::SchemaMetadata& metadata) {
  if (const json* tags = object_member(object, "tags", "metadata.")) {
    for (const auto& [path, list] : tags->items()) {
      if (!list.is_array()) refuse_type("metadata.tags." + path, "a list", list);
      v1::SchemaTags& of_path = (*metadata.mutable_tags())[path];
      for (const json& tag : list) of_path.add_tags(text_of(tag, "metadata.tags." + path));
    }
  }
  if (const json* properties = object_member(object, "properties", "metadata.")) {
    for (const auto& [name, value] : properties->items())
      (*metadata.mutable_properties())[name] = text_of(value, "metadata.properties." + name);
  }
  if (const json* sensitive = list_member(object, "sensitive", "metadata.")) {
    for (const json& name : *sensitive) metadata.add_sensitive(text_of(name, "metadata.sensitive"));
  }
}

// `without_text`: it may be metadata or rules alone.
v1::SchemaSpec read_spec(const json& body, bool without_text) {
  v1::SchemaSpec spec;
  spec.set_format(format_of(body));
  const json* text = member(body, "schema");
  if (text != nullptr && !text->is_string())
    refuse_type("schema", "a string: the text of the schema, as JSON escapes it", *text);
  without_text = without_text && (member(body, "metadata") != nullptr || member(body, "ruleSet") != nullptr);
  if (!without_text && (text == nullptr || text->get_ref<const std::string&>().empty()))
    refuse(RegistryCode::kInvalidSchema, "Empty schema: the member 'schema' has no text");
  if (text != nullptr) spec.set_text(text->get<std::string>());
  if (const json* references = list_member(body, "references", "")) read_references(*references, spec);
  if (const json* metadata = object_member(body, "metadata", "")) {
    read_metadata(*metadata, *spec.mutable_metadata());
  }
  if (const json* rules = object_member(body, "ruleSet", "")) spec.set_rule_set(rules->dump());
  return spec;
}

v1::RegisterSchemaRequest read_registration(const json& body) {
  v1::RegisterSchemaRequest request;
  *request.mutable_schema() = read_spec(body, true);
  // Clients that copy what a registry gave them say "none" by numbers that none has.
  const auto id = number_member(body, "id", "");
  if (id && *id > 0) request.set_id(*id);
  const auto version = number_member(body, "version", "");
  if (version && *version > 0) request.set_version(*version);
  return request;
}

void read_level(const json& body, v1::SchemaRules& rules) {
  if (member(body, "compatibility") != nullptr) {
    const auto level = schema::level_named(upper_case(text_member(body, "compatibility", "")));
    if (!level)
      refuse(RegistryCode::kInvalidLevel,
             "Invalid compatibility level; allowed are NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, "
             "FORWARD_TRANSITIVE, FULL and FULL_TRANSITIVE");
    rules.set_level(static_cast<v1::CompatibilityLevel>(*level));
  }
  if (member(body, "compatibilityPolicy") != nullptr) {
    const std::string policy = upper_case(text_member(body, "compatibilityPolicy", ""));
    if (policy != "STRICT" && policy != "LENIENT")
      refuse(RegistryCode::kInvalidLevel, "Invalid compatibility policy; allowed are STRICT and LENIENT");
    rules.set_json_policy(policy == "STRICT" ? v1::JSON_SCHEMA_POLICY_STRICT
                                             : v1::JSON_SCHEMA_POLICY_LENIENT);
  }
}

v1::SchemaRules read_config(const json& body) {
  for (const char* name : {"validateFields", "validateRules", "defaultMetadata", "overrideMetadata",
                           "defaultRuleSet", "overrideRuleSet"}) {
    if (member(body, name) != nullptr)  // silence would promise what is not done
      throw Refused{{422, std::string(name) + " is not supported"}};
  }
  v1::SchemaRules rules;
  read_level(body, rules);
  if (const json* normalize = member(body, "normalize")) {
    if (!normalize->is_boolean()) refuse_type("normalize", "true or false", *normalize);
    rules.set_normalize(normalize->get<bool>());
  }
  // Null takes these two away.
  if (body.contains("alias")) rules.set_alias(text_member(body, "alias", ""));
  if (body.contains("compatibilityGroup")) rules.set_group(text_member(body, "compatibilityGroup", ""));
  if (rules.ByteSizeLong() == 0)
    refuse(RegistryCode::kInvalidLevel,
           "nothing to set; expected compatibility, compatibilityPolicy, normalize, alias or "
           "compatibilityGroup");
  return rules;
}

v1::SchemaRules read_mode(const json& body) {
  const auto mode = schema::mode_named(upper_case(text_member(body, "mode", "")));
  if (!mode) refuse(RegistryCode::kInvalidMode, "Invalid mode; allowed are READWRITE, READONLY and IMPORT");
  v1::SchemaRules rules;
  rules.set_mode(static_cast<v1::SchemaMode>(*mode));
  return rules;
}

template <typename Read>
auto read_or_error(Read read) -> OrRestError<decltype(read())> {
  try {
    return read();
  } catch (Refused& refused) {
    return std::move(refused.error);
  } catch (const json::exception& error) {
    return RestError{400, std::string("the body is not as expected: ") + error.what()};
  }
}

json parse(const std::string& body) {
  std::size_t values = 0;
  const auto watch = [&values](int depth, json::parse_event_t event, json& /*value*/) {
    if (depth > kJsonDepthMax)
      throw Refused{
          {400, "the body nests deeper than " + std::to_string(kJsonDepthMax) + " objects and lists"}};
    const bool begins = event == json::parse_event_t::value || event == json::parse_event_t::object_start ||
                        event == json::parse_event_t::array_start;
    if (begins && ++values > kJsonValuesMax)
      throw Refused{{400, "the body has more than " + std::to_string(kJsonValuesMax) + " values"}};
    return true;
  };
  if (body.find_first_not_of(" \t\r\n") == std::string::npos)
    throw Refused{{422, "the request has no body; expected a JSON object"}};
  try {
    json parsed = json::parse(body, watch);
    if (!parsed.is_object()) refuse_type("the body", "a JSON object", parsed);
    return parsed;
  } catch (const json::parse_error& error) {
    throw Refused{{400, "the body is not JSON: at byte " + std::to_string(error.byte)}};
  }
}

}  // namespace

OrRestError<json> parse_body(const std::string& body) {
  return read_or_error([&] { return parse(body); });
}
OrRestError<v1::SchemaSpec> schema_spec(const json& body) {
  return read_or_error([&] { return read_spec(body, false); });
}
OrRestError<v1::RegisterSchemaRequest> register_request(const json& body) {
  return read_or_error([&] { return read_registration(body); });
}
OrRestError<v1::SchemaRules> config_change(const json& body) {
  return read_or_error([&] { return read_config(body); });
}
OrRestError<v1::SchemaRules> mode_change(const json& body) {
  return read_or_error([&] { return read_mode(body); });
}

}  // namespace forebay::http
