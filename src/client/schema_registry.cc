#include "forebay/schema_registry.h"

#include <utility>

#include "client/core/options_check.h"
#include "client/registry_core.h"
#include "client/registry_wire.h"

namespace forebay {
namespace {

using Stub = v1::SchemaRegistry::Stub;
constexpr auto kYes = SchemaRegistry::Normalize::kYes;

void put_filter(const SchemaFilter& filter, auto& request) {
  request.set_prefix(filter.prefix);
  request.set_deleted(filter.deleted == SchemaFilter::Deleted::kShow);
  request.set_deleted_only(filter.deleted == SchemaFilter::Deleted::kOnly);
}

FoundSchema found_of(const v1::GetSchemaResponse& from) {
  FoundSchema to{from.id(), from.guid(), client::schema_of(from.schema()), {}};
  for (const auto& use : from.uses()) to.uses.push_back({use.subject(), use.version(), use.deleted()});
  return to;
}

}  // namespace

SchemaRegistry::SchemaRegistry(std::unique_ptr<Core> core) : core_(std::move(core)) {}
SchemaRegistry::~SchemaRegistry() = default;

Result<std::unique_ptr<SchemaRegistry>> SchemaRegistry::create(ClientOptions client,
                                                               SchemaRegistryOptions options) {
  FOREBAY_CHECK(client::check_client_options(client));
  if (options.cache_entries_max == 0)
    return Error{ErrorCode::kInvalidArgument, "cache_entries_max: found 0, expected 1 or more"};
  return std::unique_ptr<SchemaRegistry>(new SchemaRegistry(std::make_unique<Core>(client, options)));
}

// Again is a success and changes nothing, so that it may be tried again.
Result<RegisteredSchema> SchemaRegistry::register_schema(const std::string& subject, const Schema& schema,
                                                         Normalize normalize) {
  v1::RegisterSchemaRequest request;
  request.set_subject(subject);
  client::put_schema(schema, *request.mutable_schema());
  request.set_normalize(normalize == kYes);
  v1::RegisterSchemaResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::RegisterSchema, request, response));
  return RegisteredSchema{client::version_of(response.version()), response.is_new()};
}

Result<RegisteredSchema> SchemaRegistry::import_version(const SchemaVersion& version) {
  v1::RegisterSchemaRequest request;
  request.set_subject(version.subject);
  client::put_schema(version.schema, *request.mutable_schema());
  request.set_id(version.id);
  request.set_version(version.version);
  request.set_import(true);
  request.set_deleted(version.deleted);
  v1::RegisterSchemaResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::RegisterSchema, request, response));
  return RegisteredSchema{client::version_of(response.version()), response.is_new()};
}

Result<SchemaVersion> SchemaRegistry::lookup(const std::string& subject, const Schema& schema,
                                             Normalize normalize) {
  v1::LookupSchemaRequest request;
  request.set_subject(subject);
  client::put_schema(schema, *request.mutable_schema());
  request.set_normalize(normalize == kYes);
  v1::SchemaVersion response;
  FOREBAY_CHECK(core_->ask(&Stub::LookupSchema, request, response));
  return client::version_of(response);
}

Result<SchemaCheck> SchemaRegistry::check(const std::string& subject, const Schema& schema,
                                          std::optional<std::int32_t> version) {
  v1::CheckSchemaRequest request;
  request.set_subject(subject);
  client::put_schema(schema, *request.mutable_schema());
  if (version) request.set_version(*version);
  v1::CheckSchemaResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::CheckSchema, request, response));
  SchemaCheck check;
  check.is_compatible = response.is_compatible();
  check.level = static_cast<SchemaLevel>(response.level());
  check.compared.assign(response.compared().begin(), response.compared().end());
  for (const auto& verdict : response.verdicts()) check.verdicts.push_back(client::verdict_of(verdict));
  return check;
}

Result<FoundSchema> SchemaRegistry::get_by_id(std::int32_t id, const std::string& subject) {
  v1::GetSchemaRequest request;
  request.set_id(id);
  request.set_subject(subject);
  v1::GetSchemaResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::GetSchema, request, response));
  return found_of(response);
}

Result<FoundSchema> SchemaRegistry::get_by_guid(const std::string& guid) {
  v1::GetSchemaRequest request;
  request.set_guid(guid);
  v1::GetSchemaResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::GetSchema, request, response));
  return found_of(response);
}

Result<FoundSchemaVersion> SchemaRegistry::get_version(const std::string& subject, std::int32_t version,
                                                       Deleted deleted, Aliases aliases) {
  v1::GetSchemaVersionRequest request;
  request.set_subject(subject);
  request.set_version(version);
  request.set_deleted(deleted == Deleted::kShow);
  request.set_as_named(aliases == Aliases::kIgnore);
  v1::GetSchemaVersionResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::GetSchemaVersion, request, response));
  return FoundSchemaVersion{client::version_of(response.version()),
                            {response.referenced_by().begin(), response.referenced_by().end()}};
}

Result<std::vector<std::string>> SchemaRegistry::list_subjects(const SchemaFilter& filter) {
  v1::ListSubjectsRequest request;
  put_filter(filter, request);
  std::vector<std::string> subjects;
  v1::ListSubjectsResponse response;
  do {
    FOREBAY_CHECK(core_->ask(&Stub::ListSubjects, request, response));
    subjects.insert(subjects.end(), response.subjects().begin(), response.subjects().end());
    if (!subjects.empty()) request.set_after(subjects.back());
  } while (response.more() && response.subjects_size() > 0);
  return subjects;
}

namespace {

// Page by page. `ask` puts one question.
template <typename Ask>
Result<std::vector<SchemaVersion>> all_pages(v1::ListSchemaVersionsRequest request, Ask ask) {
  std::vector<SchemaVersion> versions;
  v1::ListSchemaVersionsResponse response;
  do {
    FOREBAY_CHECK(ask(request, response));
    for (const auto& one : response.versions()) versions.push_back(client::version_of(one));
    if (versions.empty()) break;
    request.set_after_subject(versions.back().subject);
    request.set_after_version(versions.back().version);
  } while (response.more() && response.versions_size() > 0);
  return versions;
}

}  // namespace

Result<std::vector<SchemaVersion>> SchemaRegistry::list_versions(const std::string& subject, Deleted deleted,
                                                                 Texts texts) {
  v1::ListSchemaVersionsRequest request;
  request.set_subject(subject);
  request.set_deleted(deleted == Deleted::kShow);
  request.set_with_schemas(texts == Texts::kYes);
  return all_pages(std::move(request), [this](const auto& question, auto& answer) {
    return core_->ask(&Stub::ListSchemaVersions, question, answer);
  });
}

Result<std::vector<SchemaVersion>> SchemaRegistry::list_all_versions(const SchemaFilter& filter,
                                                                     Texts texts) {
  v1::ListSchemaVersionsRequest request;
  put_filter(filter, request);
  request.set_with_schemas(texts == Texts::kYes);
  return all_pages(std::move(request), [this](const auto& question, auto& answer) {
    return core_->ask(&Stub::ListSchemaVersions, question, answer);
  });
}

Result<std::vector<std::int32_t>> SchemaRegistry::delete_versions(const std::string& subject,
                                                                  std::optional<std::int32_t> version,
                                                                  Delete how, Force force) {
  v1::DeleteSchemaVersionsRequest request;
  request.set_subject(subject);
  if (version) request.set_version(*version);
  request.set_permanent(how == Delete::kPermanently);
  request.set_force(force == Force::kYes);
  v1::DeleteSchemaVersionsResponse response;
  FOREBAY_CHECK(core_->change(&Stub::DeleteSchemaVersions, request, response));
  return std::vector<std::int32_t>(response.versions().begin(), response.versions().end());
}

Result<SchemaUsages> SchemaRegistry::usage(const std::string& subject) {
  v1::DescribeSchemaUsageRequest request;
  request.set_subject(subject);
  v1::DescribeSchemaUsageResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::DescribeSchemaUsage, request, response));
  SchemaUsages to;
  for (const auto& from : response.usages()) {
    SchemaUsage usage{from.version(), from.id(), from.topic(), from.records(), from.first_ms(),
                      from.last_ms(), {}};
    for (const auto& one : from.producers())
      usage.producers.push_back({one.client_id(), one.records(), one.last_ms()});
    to.usages.push_back(std::move(usage));
  }
  to.missing_nodes.assign(response.missing_nodes().begin(), response.missing_nodes().end());
  return to;
}

Result<SchemaRulesFound> SchemaRegistry::get_rules(const std::string& scope) {
  v1::GetSchemaRulesRequest request;
  request.set_scope(scope);
  v1::GetSchemaRulesResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::GetSchemaRules, request, response));
  return SchemaRulesFound{client::rules_of(response.own()), client::rules_of(response.effective())};
}

Result<SchemaRulesChanged> SchemaRegistry::set_rules(const std::string& scope, const SchemaRules& change,
                                                     Force force) {
  v1::SetSchemaRulesRequest request;
  request.set_scope(scope);
  client::put_rules(change, *request.mutable_change());
  request.set_force(force == Force::kYes);
  v1::SetSchemaRulesResponse response;
  FOREBAY_CHECK(core_->change(&Stub::SetSchemaRules, request, response));
  return SchemaRulesChanged{client::rules_of(response.own()), client::rules_of(response.before())};
}

Result<SchemaRulesChanged> SchemaRegistry::clear_rules(const std::string& scope, ClearedRules what) {
  v1::ClearSchemaRulesRequest request;
  request.set_scope(scope);
  request.set_config(what.config);
  request.set_mode(what.mode);
  v1::SetSchemaRulesResponse response;
  FOREBAY_CHECK(core_->change(&Stub::ClearSchemaRules, request, response));
  return SchemaRulesChanged{client::rules_of(response.own()), client::rules_of(response.before())};
}

Result<std::vector<std::string>> SchemaRegistry::list_contexts() {
  v1::ListSchemaContextsResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::ListSchemaContexts, v1::ListSchemaContextsRequest(), response));
  return std::vector<std::string>(response.contexts().begin(), response.contexts().end());
}

Result<std::vector<std::string>> SchemaRegistry::list_scopes_with_rules() {
  v1::ListSchemaContextsRequest request;
  request.set_with_rules(true);
  v1::ListSchemaContextsResponse response;
  FOREBAY_CHECK(core_->ask(&Stub::ListSchemaContexts, request, response));
  return std::vector<std::string>(response.scopes_with_rules().begin(), response.scopes_with_rules().end());
}

}  // namespace forebay
