#include "schema/schema_messages.h"

#include "schema/core/registry_error.h"
#include "schema/core/rule_set.h"
#include "schema/core/subject_name.h"

namespace forebay::schema {
namespace {

Metadata metadata_of(const v1::SchemaMetadata& from) {
  Metadata metadata;
  for (const auto& [path, tags] : from.tags())
    metadata.tags[path].insert(tags.tags().begin(), tags.tags().end());
  metadata.properties.insert(from.properties().begin(), from.properties().end());
  metadata.sensitive.insert(from.sensitive().begin(), from.sensitive().end());
  return metadata;
}

void put_metadata(const Metadata& metadata, v1::SchemaMetadata* to) {
  for (const auto& [path, tags] : metadata.tags) {
    v1::SchemaTags& one = (*to->mutable_tags())[path];
    for (const std::string& tag : tags) one.add_tags(tag);
  }
  for (const auto& [name, value] : metadata.properties) (*to->mutable_properties())[name] = value;
  for (const std::string& name : metadata.sensitive) to->add_sensitive(name);
}

}  // namespace

// The numbers of the enumerations in schemas.proto are those of the core.
Result<SchemaInput> input_of(const v1::SchemaSpec& spec) {
  SchemaInput input;
  if (spec.format() < 0 || spec.format() > v1::SCHEMA_FORMAT_PROTOBUF)
    return registry_error(RegistryCode::kInvalidSchema,
                          "the schema has a format that this version does not know");
  if (spec.format() != v1::SCHEMA_FORMAT_UNSPECIFIED) input.format = static_cast<Format>(spec.format());
  input.text = spec.text();
  for (const v1::SchemaReference& one : spec.references())
    input.references.push_back({one.name(), one.subject(), one.version()});
  if (spec.has_metadata()) input.metadata = metadata_of(spec.metadata());
  FOREBAY_TRY(input.rule_set, normal_rule_set(spec.rule_set()));
  return input;
}

void put_content(const SchemaContent& content, const std::string& context, v1::SchemaSpec* to) {
  to->set_format(static_cast<v1::SchemaFormat>(content.format));
  to->set_text(content.text);
  for (const Reference& one : content.references) {
    v1::SchemaReference* reference = to->add_references();
    reference->set_name(one.name);
    reference->set_subject(said_in(context, one.subject));
    reference->set_version(one.version);
  }
  if (content.metadata) put_metadata(*content.metadata, to->mutable_metadata());
  to->set_rule_set(content.rule_set);
}

void put_version(const std::string& subject, const FoundVersion& found, bool with_schema,
                 v1::SchemaVersion* to) {
  to->set_subject(subject);
  to->set_version(found.number);
  to->set_id(found.version.id);
  to->set_guid(found.schema->guid.to_string());
  if (with_schema) put_content(found.schema->content, context_of(subject), to->mutable_schema());
  to->set_deleted(found.version.deleted);
  to->set_registered_at_ms(found.version.at.value());
}

void put_verdict(const Verdict& verdict, v1::CompatibilityVerdict* to) {
  to->set_version(verdict.version);
  to->set_old_reads(verdict.reads == Verdict::Reads::kOld);
  to->set_rule(verdict.difference.rule);
  to->set_path(verdict.difference.path);
  to->set_before(verdict.before());
  to->set_after(verdict.after());
  to->set_allowed(verdict.difference.allowed);
  to->set_text(verdict.to_string());
}

v1::CompatibilityLevel level_message(Level level) { return static_cast<v1::CompatibilityLevel>(level); }

void put_rules(const Config& config, const std::optional<Mode>& mode, v1::SchemaRules* to) {
  if (config.level) to->set_level(level_message(*config.level));
  if (config.json_policy)
    to->set_json_policy(config.json_policy == CompatibilityPolicy::Json::kStrict
                            ? v1::JSON_SCHEMA_POLICY_STRICT
                            : v1::JSON_SCHEMA_POLICY_LENIENT);
  if (config.normalize) to->set_normalize(*config.normalize);
  if (config.alias) to->set_alias(*config.alias);
  if (config.group) to->set_group(*config.group);
  if (mode) to->set_mode(static_cast<v1::SchemaMode>(*mode));
}

Result<Config> config_of(const v1::SchemaRules& rules) {
  Config config;
  if (rules.has_level()) {
    if (rules.level() < v1::COMPATIBILITY_NONE || rules.level() > v1::COMPATIBILITY_FULL_TRANSITIVE)
      return registry_error(
          RegistryCode::kInvalidLevel,
          "Invalid compatibility level; allowed are NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, "
          "FORWARD_TRANSITIVE, FULL and FULL_TRANSITIVE");
    config.level = static_cast<Level>(rules.level());
  }
  if (rules.has_json_policy()) {
    if (rules.json_policy() < v1::JSON_SCHEMA_POLICY_STRICT ||
        rules.json_policy() > v1::JSON_SCHEMA_POLICY_LENIENT)
      return registry_error(RegistryCode::kInvalidLevel,
                            "Invalid compatibility policy; allowed are STRICT and LENIENT");
    config.json_policy = rules.json_policy() == v1::JSON_SCHEMA_POLICY_STRICT
                             ? CompatibilityPolicy::Json::kStrict
                             : CompatibilityPolicy::Json::kLenient;
  }
  if (rules.has_normalize()) config.normalize = rules.normalize();
  if (rules.has_alias()) config.alias = rules.alias();
  if (rules.has_group()) config.group = rules.group();
  return config;
}

Result<std::optional<Mode>> mode_of(const v1::SchemaRules& rules) {
  if (!rules.has_mode()) return std::optional<Mode>();
  if (rules.mode() < v1::SCHEMA_MODE_READWRITE || rules.mode() > v1::SCHEMA_MODE_IMPORT)
    return registry_error(RegistryCode::kInvalidMode,
                          "Invalid mode; allowed are READWRITE, READONLY and IMPORT");
  return std::optional(static_cast<Mode>(rules.mode()));
}

}  // namespace forebay::schema
