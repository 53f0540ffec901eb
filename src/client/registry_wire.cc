#include "client/registry_wire.h"

namespace forebay::client {

// The numbers of the enumerations are those of schemas.proto.

void put_schema(const Schema& from, v1::SchemaSpec& to) {
  to.set_format(static_cast<v1::SchemaFormat>(from.format));
  to.set_text(from.text);
  for (const SchemaReference& one : from.references) {
    v1::SchemaReference* reference = to.add_references();
    reference->set_name(one.name);
    reference->set_subject(one.subject);
    reference->set_version(one.version);
  }
  if (from.metadata) {
    v1::SchemaMetadata* metadata = to.mutable_metadata();
    for (const auto& [path, tags] : from.metadata->tags)
      (*metadata->mutable_tags())[path].mutable_tags()->Add(tags.begin(), tags.end());
    metadata->mutable_properties()->insert(from.metadata->properties.begin(),
                                           from.metadata->properties.end());
    metadata->mutable_sensitive()->Add(from.metadata->sensitive.begin(), from.metadata->sensitive.end());
  }
  to.set_rule_set(from.rule_set);
}

Schema schema_of(const v1::SchemaSpec& from) {
  Schema to;
  if (from.format() != v1::SCHEMA_FORMAT_UNSPECIFIED) to.format = static_cast<SchemaFormat>(from.format());
  to.text = from.text();
  for (const v1::SchemaReference& one : from.references())
    to.references.push_back({one.name(), one.subject(), one.version()});
  if (from.has_metadata()) {
    to.metadata.emplace();
    for (const auto& [path, tags] : from.metadata().tags())
      to.metadata->tags[path].assign(tags.tags().begin(), tags.tags().end());
    to.metadata->properties.insert(from.metadata().properties().begin(), from.metadata().properties().end());
    to.metadata->sensitive.assign(from.metadata().sensitive().begin(), from.metadata().sensitive().end());
  }
  to.rule_set = from.rule_set();
  return to;
}

SchemaVersion version_of(const v1::SchemaVersion& from) {
  return {from.subject(), from.version(),         from.id(), from.guid(), schema_of(from.schema()),
          from.deleted(), from.registered_at_ms()};
}

SchemaVerdict verdict_of(const v1::CompatibilityVerdict& from) {
  return {from.version(), from.old_reads(), from.rule(),    from.path(),
          from.before(),  from.after(),     from.allowed(), from.text()};
}

void put_rules(const SchemaRules& from, v1::SchemaRules& to) {
  if (from.level) to.set_level(static_cast<v1::CompatibilityLevel>(*from.level));
  if (from.json_policy) to.set_json_policy(static_cast<v1::JsonSchemaPolicy>(*from.json_policy));
  if (from.normalize) to.set_normalize(*from.normalize);
  if (from.alias) to.set_alias(*from.alias);
  if (from.group) to.set_group(*from.group);
  if (from.mode) to.set_mode(static_cast<v1::SchemaMode>(*from.mode));
}

SchemaRules rules_of(const v1::SchemaRules& from) {
  SchemaRules to;
  if (from.has_level()) to.level = static_cast<SchemaLevel>(from.level());
  if (from.has_json_policy()) to.json_policy = static_cast<JsonPolicy>(from.json_policy());
  if (from.has_normalize()) to.normalize = from.normalize();
  if (from.has_alias()) to.alias = from.alias();
  if (from.has_group()) to.group = from.group();
  if (from.has_mode()) to.mode = static_cast<SchemaMode>(from.mode());
  return to;
}

}  // namespace forebay::client
