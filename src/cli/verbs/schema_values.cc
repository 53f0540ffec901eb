// How the `schema` verbs show schemas, versions, verdicts, rules and what is missing.
#include <algorithm>

#include "cli/time_text.h"
#include "cli/verbs/schema.h"

namespace forebay::cli {
namespace {

constexpr std::uint32_t kNoSubject = 40401, kNoVersion = 40402;

Value texts_value(const std::vector<std::string>& texts) {
  Value value = Value::array();
  for (const std::string& text : texts) value.push(text);
  return value;
}

}  // namespace

void put_schema(Value& value, const Schema& schema) {
  Value references = Value::array();
  for (const SchemaReference& one : schema.references) {
    references.push(
        Value::object().set("name", one.name).set("subject", one.subject).set("version", one.version));
  }
  Value metadata;
  if (schema.metadata) {
    Value tags = Value::object();
    for (const auto& [path, names] : schema.metadata->tags) tags.set(path, texts_value(names));
    Value properties = Value::object();
    for (const auto& [name, text] : schema.metadata->properties) properties.set(name, text);
    metadata = Value::object()
                   .set("tags", std::move(tags))
                   .set("properties", std::move(properties))
                   .set("sensitive", texts_value(schema.metadata->sensitive));
  }
  value.set("type", schema_format_name(schema.format))
      .set("schema", schema.text)
      .set("references", std::move(references))
      .set("metadata", std::move(metadata))
      .set("rule_set", schema.rule_set.empty() ? Value() : Value(schema.rule_set));
}

Value version_value(const SchemaVersion& version) {
  return Value::object()
      .set("subject", version.subject)
      .set("version", version.version)
      .set("id", version.id)
      .set("guid", version.guid)
      .set("deleted", version.deleted)
      .set("registered_at", iso_ms(version.registered_at_ms));
}

Value numbers_value(const std::vector<std::int32_t>& numbers) {
  Value value = Value::array();
  for (const std::int32_t one : numbers) value.push(one);
  return value;
}

std::string numbers_text(const std::vector<std::int32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += i + 1 == numbers.size() ? " and " : ", ";
    text += std::to_string(numbers[i]);
  }
  return text;
}

Value verdict_value(const SchemaVerdict& verdict) {
  return Value::object()
      .set("version", verdict.version)
      .set("who_cannot_read", verdict.old_reads ? "old" : "new")
      .set("rule", verdict.rule)
      .set("path", verdict.path)
      .set("before", verdict.before)
      .set("after", verdict.after)
      .set("allowed", verdict.allowed)
      .set("text", verdict.text);
}

std::vector<Column> verdict_columns() {
  return {{"rule", "rule"},     {"at", "path"},     {"who cannot read the other", "who_cannot_read"},
          {"before", "before"}, {"after", "after"}, {"allowed", "allowed"}};
}

Value rules_value(const SchemaRules& rules) {
  const auto policy = [&]() -> Value {
    if (!rules.json_policy) return {};
    return *rules.json_policy == JsonPolicy::kStrict ? "strict" : "lenient";
  };
  return Value::object()
      .set("level", rules.level ? Value(schema_level_name(*rules.level)) : Value())
      .set("json_policy", policy())
      .set("normalize", rules.normalize)
      .set("alias", rules.alias)
      .set("group", rules.group)
      .set("mode", rules.mode ? Value(schema_mode_name(*rules.mode)) : Value());
}

std::string scope_text(const std::string& scope) {
  if (scope.empty()) return "all subjects";
  if (scope.starts_with(":.") && scope.ends_with(':') && scope.find(':', 1) == scope.size() - 1)
    return "context " + scope.substr(1, scope.size() - 2);
  return "subject " + scope;
}

ExitCode fail_schema(Session& session, const Error& error, const std::string& subject) {
  const ExitCode code = session.fail(error);
  if (error.registry_code == kNoSubject) session.note("see: forebay schema subject list");
  if (error.registry_code == kNoVersion) session.note("see: forebay schema subject describe " + subject);
  return code;
}

}  // namespace forebay::cli
