// Schemas as the client itself understands them: parsed with what they refer to, kept by id, compared.
#include <algorithm>
#include <utility>

#include "client/registry_core.h"
#include "client/registry_wire.h"
#include "schema/core/compatibility.h"
#include "schema/core/subject_name.h"

namespace forebay {
namespace {

using Stub = v1::SchemaRegistry::Stub;

// The numbers of the enumerations are the same.
schema::Format format_of(SchemaFormat format) { return static_cast<schema::Format>(format); }

Error unreadable(const std::string& what, const Error& why) {
  return Error{ErrorCode::kInvalidSchema, what + ": " + why.context};
}

}  // namespace

// Each after those that it refers to itself; by one name one schema, as the registry has it.
Result<void> SchemaRegistry::Core::gather(const std::string& context, const Schema& schema, std::size_t depth,
                                          Gathered& gathered) {
  static constexpr schema::Limits kLimits;
  if (depth > kLimits.depth_max || gathered.names.size() > kLimits.references_max)
    return Error{ErrorCode::kInvalidSchema, "the schema refers, with those that it refers to, to more than " +
                                                std::to_string(kLimits.references_max) + " schemas, or " +
                                                std::to_string(kLimits.depth_max) + " deep"};
  for (const SchemaReference& one : schema.references) {
    if (!gathered.names.insert(one.name).second) continue;
    FOREBAY_TRY(const auto subject, schema::parse_subject_in(context, one.subject));
    v1::GetSchemaVersionRequest request;
    request.set_subject(subject.qualified());
    request.set_version(one.version);
    request.set_deleted(one.version != kLatestVersion);
    request.set_as_named(true);
    v1::GetSchemaVersionResponse response;
    FOREBAY_CHECK(ask(&Stub::GetSchemaVersion, request, response));
    const Schema found = client::schema_of(response.version().schema());
    FOREBAY_CHECK(gather(subject.context, found, depth + 1, gathered));
    gathered.texts.push_back({one.name, found.text});
  }
  return {};
}

Result<schema::SchemaPtr> SchemaRegistry::Core::parse(const std::string& subject, const Schema& schema) {
  Gathered gathered;
  FOREBAY_TRY(const auto name, schema::parse_scope(subject));
  FOREBAY_CHECK(gather(name.context, schema, 0, gathered));
  auto parsed = schema::parse_schema(format_of(schema.format), schema.text, gathered.texts, {},
                                     schema::Origin::kRegistry);
  if (!parsed) return unreadable("the schema is not valid", parsed.error());
  return parsed;
}

KnownSchemaPtr SchemaRegistry::Core::kept(const Place& place) {
  const std::lock_guard lock(mutex_);
  const KnownSchemaPtr* known = by_id_.find(place);
  return known == nullptr ? nullptr : *known;
}

Result<KnownSchemaPtr> SchemaRegistry::Core::fetch(const v1::GetSchemaRequest& request, const Place& place) {
  v1::GetSchemaResponse response;
  FOREBAY_CHECK(ask(&Stub::GetSchema, request, response));
  auto known = std::make_shared<KnownSchema>();
  known->id = response.id();
  known->guid = response.guid();
  auto parsed = parse(request.subject(), client::schema_of(response.schema()));
  if (!parsed) return unreadable("schema id " + std::to_string(known->id), parsed.error());
  known->parsed = std::move(*parsed);
  const std::lock_guard lock(mutex_);
  by_id_.put(place, known);
  return KnownSchemaPtr(std::move(known));
}

Result<KnownSchemaPtr> SchemaRegistry::Core::known(std::int32_t id, const std::string& subject) {
  FOREBAY_TRY(const auto name, schema::parse_scope(subject));
  const Place place{name.context, id};
  if (auto known = kept(place)) return known;
  v1::GetSchemaRequest request;
  request.set_id(id);
  request.set_subject(subject);
  return fetch(request, place);
}

Result<KnownSchemaPtr> SchemaRegistry::Core::known(const std::string& guid) {
  const Place place{guid, 0};
  if (auto known = kept(place)) return known;
  v1::GetSchemaRequest request;
  request.set_guid(guid);
  return fetch(request, place);
}

SchemaRegistry::Core::Said SchemaRegistry::Core::said(const std::string& subject, const Schema& schema) {
  Said said{subject, schema.format, schema.text, {}, std::nullopt, schema.rule_set};
  for (const SchemaReference& one : schema.references)
    std::get<3>(said).emplace_back(one.name, one.subject, one.version);
  if (const auto& metadata = schema.metadata)
    std::get<4>(said).emplace(metadata->tags, metadata->properties, metadata->sensitive);
  return said;
}

std::optional<SchemaRegistry::Core::KnownId> SchemaRegistry::Core::known_id(const std::string& subject,
                                                                            const Schema& schema) {
  const std::lock_guard lock(mutex_);
  const KnownId* known = by_text_.find(said(subject, schema));
  return known == nullptr ? std::nullopt : std::optional(*known);
}

void SchemaRegistry::Core::keep_id(const std::string& subject, const Schema& schema, KnownId id) {
  const std::lock_guard lock(mutex_);
  by_text_.put(said(subject, schema), std::move(id));
}

Result<std::vector<SchemaVerdict>> SchemaRegistry::compare(const std::string& subject, const Schema& before,
                                                           const Schema& after) {
  if (before.format != after.format)
    return Error{ErrorCode::kInvalidArgument,
                 "one schema is " + std::string(schema_format_name(before.format)) + ", the other " +
                     std::string(schema_format_name(after.format)) +
                     "; only schemas of one format can be compared"};
  FOREBAY_TRY(const SchemaRulesFound rules, get_rules(subject));
  FOREBAY_TRY(const auto older, core_->parse(subject, before));
  FOREBAY_TRY(const auto newer, core_->parse(subject, after));
  schema::CompatibilityPolicy policy;
  if (rules.effective.json_policy == JsonPolicy::kLenient)
    policy.json = schema::CompatibilityPolicy::Json::kLenient;
  std::vector<SchemaVerdict> verdicts;
  for (const schema::Verdict& one : schema::judge(schema::Level::kFull, policy, *newer, {{0, older}})) {
    verdicts.push_back({one.version, one.reads == schema::Verdict::Reads::kOld, one.difference.rule,
                        one.difference.path, one.before(), one.after(), one.difference.allowed,
                        one.to_string()});
  }
  return verdicts;
}

}  // namespace forebay
