#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/verbs/schema.h"
#include "cli/verbs/schema_transfer.h"

namespace forebay::cli {
namespace {

using Json = nlohmann::json;

Error wrong(const std::string& member, const std::string& expected) {
  return Error{ErrorCode::kInvalidArgument, "\"" + member + "\" is missing or wrong, expected " + expected};
}

std::string line_of(const Value& value) {
  std::string line;
  value.append_json(line, -1);
  line += '\n';
  return line;
}

Result<std::string> text_at(const Json& object, const std::string& member) {
  const auto at = object.find(member);
  if (at == object.end() || !at->is_string()) return wrong(member, "text");
  return at->get<std::string>();
}
Result<std::int32_t> number_at(const Json& object, const std::string& member, std::int64_t least) {
  const auto at = object.find(member);
  if (at == object.end() || !at->is_number_integer()) return wrong(member, "a number");
  const auto number = at->get<std::int64_t>();
  if (number < least || number > std::numeric_limits<std::int32_t>::max())
    return wrong(member, "a number from 1");
  return static_cast<std::int32_t>(number);
}
bool has(const Json& object, const std::string& member) {
  const auto at = object.find(member);
  return at != object.end() && !at->is_null();
}

Result<std::vector<std::string>> texts_of(const Json& array, const std::string& member) {
  std::vector<std::string> texts;
  if (!array.is_array()) return wrong(member, "an array of texts");
  for (const Json& one : array) {
    if (!one.is_string()) return wrong(member, "an array of texts");
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

Result<SchemaMetadata> metadata_of(const Json& object) {
  SchemaMetadata metadata;
  if (!object.is_object()) return wrong("metadata", "an object");
  if (has(object, "tags")) {
    if (!object["tags"].is_object()) return wrong("metadata.tags", "an object");
    for (const auto& [path, names] : object["tags"].items()) {
      FOREBAY_TRY(metadata.tags[path], texts_of(names, "metadata.tags"));
    }
  }
  if (has(object, "properties")) {
    if (!object["properties"].is_object()) return wrong("metadata.properties", "an object");
    for (const auto& [name, text] : object["properties"].items()) {
      if (!text.is_string()) return wrong("metadata.properties", "texts");
      metadata.properties[name] = text.get<std::string>();
    }
  }
  if (has(object, "sensitive")) {
    FOREBAY_TRY(metadata.sensitive, texts_of(object["sensitive"], "metadata.sensitive"));
  }
  return metadata;
}

Result<Schema> schema_of(const Json& object) {
  Schema schema;
  FOREBAY_TRY(const std::string type, text_at(object, "type"));
  FOREBAY_TRY(schema.format, parse_schema_format(type));
  FOREBAY_TRY(schema.text, text_at(object, "schema"));
  if (has(object, "references")) {
    if (!object["references"].is_array()) return wrong("references", "an array");
    for (const Json& one : object["references"]) {
      SchemaReference reference;
      FOREBAY_TRY(reference.name, text_at(one, "name"));
      FOREBAY_TRY(reference.subject, text_at(one, "subject"));
      FOREBAY_TRY(reference.version, number_at(one, "version", 1));
      schema.references.push_back(std::move(reference));
    }
  }
  if (has(object, "metadata")) {
    FOREBAY_TRY(schema.metadata, metadata_of(object["metadata"]));
  }
  if (has(object, "rule_set")) {
    FOREBAY_TRY(schema.rule_set, text_at(object, "rule_set"));
  }
  return schema;
}

Result<TransferLine> version_of(const Json& object) {
  SchemaVersion version;
  FOREBAY_TRY(version.subject, text_at(object, "subject"));
  FOREBAY_TRY(version.version, number_at(object, "version", 1));
  FOREBAY_TRY(version.id, number_at(object, "id", 1));
  if (has(object, "guid")) {  // what another registry has under its own is known by the text alone
    FOREBAY_TRY(version.guid, text_at(object, "guid"));
  }
  if (const auto at = object.find("deleted"); at != object.end()) {
    if (!at->is_boolean()) return wrong("deleted", "true or false");
    version.deleted = at->get<bool>();
  }
  FOREBAY_TRY(version.schema, schema_of(object));
  return TransferLine(std::move(version));
}

Result<TransferLine> rules_of(const Json& object) {
  TransferredRules to;
  FOREBAY_TRY(to.scope, text_at(object, "scope"));
  if (has(object, "level")) {
    FOREBAY_TRY(const std::string name, text_at(object, "level"));
    FOREBAY_TRY(to.rules.level, parse_schema_level(name));
  }
  if (has(object, "mode")) {
    FOREBAY_TRY(const std::string name, text_at(object, "mode"));
    FOREBAY_TRY(to.rules.mode, parse_schema_mode(name));
  }
  if (has(object, "json_policy")) {
    FOREBAY_TRY(const std::string name, text_at(object, "json_policy"));
    if (name != "strict" && name != "lenient") return wrong("json_policy", "\"strict\" or \"lenient\"");
    to.rules.json_policy = name == "strict" ? JsonPolicy::kStrict : JsonPolicy::kLenient;
  }
  if (has(object, "normalize")) {
    if (!object["normalize"].is_boolean()) return wrong("normalize", "true or false");
    to.rules.normalize = object["normalize"].get<bool>();
  }
  if (has(object, "alias")) {
    FOREBAY_TRY(to.rules.alias, text_at(object, "alias"));
  }
  if (has(object, "group")) {
    FOREBAY_TRY(to.rules.group, text_at(object, "group"));
  }
  return TransferLine(std::move(to));
}

}  // namespace

std::string transfer_line(const SchemaVersion& version) {
  Value value = Value::object()
                    .set("kind", "version")
                    .set("subject", version.subject)
                    .set("version", version.version)
                    .set("id", version.id)
                    .set("guid", version.guid)
                    .set("deleted", version.deleted);
  put_schema(value, version.schema);
  return line_of(value);
}

std::string transfer_line(const TransferredRules& rules) {
  Value value = Value::object().set("kind", "rules").set("scope", rules.scope);
  const Value members = rules_value(rules.rules);
  for (const auto& [name, one] : members.members()) value.set(name, one);
  return line_of(value);
}

Result<TransferLine> read_transfer_line(std::string_view line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return Error{ErrorCode::kInvalidArgument, "is no JSON object"};
  FOREBAY_TRY(const std::string kind, text_at(object, "kind"));
  if (kind == "version") return version_of(object);
  if (kind == "rules") return rules_of(object);
  return wrong("kind", "\"version\" or \"rules\"");
}

std::string describe(const SchemaVersion& version) {
  return "version " + std::to_string(version.version) + " of subject " + version.subject + " (id " +
         std::to_string(version.id) + ", GUID " + version.guid + ")";
}

std::string difference_of(const SchemaVersion& wanted, const SchemaVersion& here) {
  if (wanted.id != here.id)
    return "id " + std::to_string(here.id) + " instead of " + std::to_string(wanted.id);
  if (wanted.guid != here.guid) return "GUID " + here.guid + " instead of " + wanted.guid;
  if (wanted.schema != here.schema) return "another schema";
  if (wanted.deleted != here.deleted) return here.deleted ? "softly deleted" : "not deleted";
  return {};
}

}  // namespace forebay::cli
