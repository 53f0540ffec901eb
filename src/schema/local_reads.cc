#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "schema/core/registry_error.h"
#include "schema/local_calls.h"
#include "schema/schema_messages.h"

namespace forebay::schema {
namespace {

// Texts of one page: well below what a message may have.
constexpr std::size_t kPageBytes = 2U << 20;
constexpr std::uint32_t kPageCount = 10'000;
constexpr std::string_view kAllContexts = ":*:";
constexpr std::string_view kDefaultByName = ":.:";

Error no_subject(const std::string& subject) {
  return registry_error(RegistryCode::kSubjectNotFound, "Subject '" + subject + "' not found.");
}

bool matches(std::string_view prefix, std::string_view qualified, std::string_view context) {
  if (prefix.starts_with(kAllContexts)) {
    const std::string_view name =
        context == kDefaultContext ? qualified : qualified.substr(context.size() + 2);
    return name.starts_with(prefix.substr(kAllContexts.size()));
  }
  if (prefix.starts_with(kDefaultByName)) {
    prefix.remove_prefix(kDefaultByName.size());
  } else if (prefix.starts_with(":.")) {
    return qualified.starts_with(prefix);
  }
  return context == kDefaultContext && qualified.starts_with(prefix);
}

bool is_wanted(const Subject& subject, bool deleted, bool deleted_only) {
  if (deleted_only) return !subject.has_active();
  return deleted || subject.has_active();
}

std::uint32_t page_size(std::uint32_t count_max) {
  return count_max == 0 ? kPageCount : std::min(count_max, kPageCount);
}

bool has_metadata(const SchemaContent& content, const v1::ListSchemaVersionsRequest& request) {
  for (const auto& [name, value] : request.metadata()) {
    if (!content.metadata) return false;
    const auto at = content.metadata->properties.find(name);
    if (at == content.metadata->properties.end() || at->second != value) return false;
  }
  return true;
}

// The versions of one subject that are wanted, in order.
std::vector<VersionNumber> wanted_versions(const RegistryImage& image, const Subject& subject,
                                           const v1::ListSchemaVersionsRequest& request) {
  std::vector<VersionNumber> wanted;
  for (const auto& [number, version] : subject.versions) {
    if (request.deleted_only() ? !version.deleted : version.deleted && !request.deleted()) continue;
    if (has_metadata(image.schema(subject.context, version.id)->content, request)) wanted.push_back(number);
  }
  if (request.latest_only() && wanted.size() > 1) wanted.erase(wanted.begin(), wanted.end() - 1);
  return wanted;
}

// Returns: whether the page is full, with more to come.
bool put_versions(const RegistryImage& image, const std::string& name, const Subject& subject,
                  const v1::ListSchemaVersionsRequest& request, std::size_t& bytes,
                  v1::ListSchemaVersionsResponse& page) {
  for (const VersionNumber number : wanted_versions(image, subject, request)) {
    if (name == request.after_subject() && number <= request.after_version()) continue;
    const Version& version = subject.versions.at(number);
    const FoundVersion found{number, version, image.schema(subject.context, version.id)};
    if (request.with_schemas()) bytes += found.schema->content.text.size();
    const bool full = page.versions_size() >= static_cast<int>(page_size(request.count_max())) ||
                      (bytes > kPageBytes && page.versions_size() > 0);
    if (full) return true;
    put_version(name, found, request.with_schemas(), page.add_versions());
  }
  return false;
}

struct Form {
  const std::string& name;
  bool where_known = false;  // else what has no such form is an error
};
// In the form that is asked for.
Result<void> put_text(const ImageAccess& access, ParsedSchemas& schemas, const StoredSchemaPtr& stored,
                      const std::string& context, const Form& form, v1::SchemaSpec* to) {
  put_content(stored->content, context, to);
  if (form.name.empty()) return {};
  FOREBAY_TRY(const SchemaPtr parsed, schemas.parsed(access, stored));
  auto text = parsed->text_as(form.name);
  if (!text && text.error().code == ErrorCode::kInvalidArgument && form.where_known) return {};
  if (!text) return std::move(text).error();
  to->set_text(std::move(*text));
  return {};
}

// Who reads may know a subject and not its context: what the default one does not have is looked for in the
// others.
std::vector<std::string> in_other_contexts(const RegistryImage& image, const SubjectName& name) {
  std::vector<std::string> subjects;
  if (name.context != kDefaultContext) return subjects;
  for (const auto& [context, in] : image.contexts) {
    std::string subject = SubjectName{context, name.subject}.qualified();
    if (context != kDefaultContext && image.subjects.contains(subject))
      subjects.push_back(std::move(subject));
  }
  return subjects;
}

// Who reads a record may know its subject and the id, and not the context: that is the one in which the
// subject has that id. "." is before the others.
std::string context_meant(const RegistryImage& image, const SubjectName& name, SchemaId id) {
  if (name.subject.empty() || name.context != kDefaultContext) return name.context;
  for (const auto& [context, in] : image.contexts) {
    const auto use = in.schemas.find(id);
    if (use == in.schemas.end()) continue;
    const std::string subject = SubjectName{context, name.subject}.qualified();
    const auto version = use->second.versions.lower_bound({subject, 0});
    if (version != use->second.versions.end() && version->first == subject) return context;
  }
  return name.context;
}

Result<std::pair<std::string, StoredSchemaPtr>> find_schema(const RegistryImage& image,
                                                            const v1::GetSchemaRequest& request) {
  const auto missing = [](const std::string& what) {
    return registry_error(RegistryCode::kSchemaNotFound, "Schema " + what + " not found");
  };
  if (request.key_case() == v1::GetSchemaRequest::kGuid) {
    const auto guid = model::Uuid::parse(request.guid());
    const auto at = guid ? image.by_guid.find(*guid) : image.by_guid.end();
    if (at == image.by_guid.end()) return missing(request.guid().substr(0, 64));
    const auto& [context, id] = *at->second.begin();
    return std::pair(context, image.schema(context, id));
  }
  FOREBAY_TRY(SubjectName name, parse_scope(request.subject()));
  if (!name.subject.empty()) {
    FOREBAY_TRY(name, subject_meant(image, request.subject()));
  }
  std::string context = context_meant(image, name, request.id());
  StoredSchemaPtr schema = image.schema(context, request.id());
  if (schema == nullptr) return missing(std::to_string(request.id()));
  return std::pair(std::move(context), std::move(schema));
}

bool is_missing(const Result<v1::SchemaVersion>& found) {
  return !found && found.error().code == ErrorCode::kNotFound;
}

Result<v1::SchemaVersion> lookup_in(const ImageAccess& access, ParsedSchemas& schemas,
                                    const std::string& subject, const v1::LookupSchemaRequest& request) {
  const bool is_there = looked(access, [&](const RegistryImage& image) {
    const Subject* known = image.subject(subject);
    return known != nullptr && is_wanted(*known, request.deleted(), false);
  });
  if (!is_there) return no_subject(request.subject());
  FOREBAY_TRY(const SchemaInput input, input_of(request.schema()));
  FOREBAY_TRY(PreparedSchema schema,
              prepare(access, subject, input, request.normalize(), Origin::kRegistry, Aliases::kIgnore));
  // In the ways that a registration finds it.
  const auto find = [&](const RegistryImage& image) {
    return find_content(image, subject, schema.content, request.deleted());
  };
  auto found = looked(access, find);
  if (!found) found = find_written_out(access, schemas, schema, request.deleted());
  if (!found)
    found = looked(access, [&](const RegistryImage& image) {
      return take_from_latest(image, subject, schema.content) ? find(image) : std::nullopt;
    });
  if (!found) return registry_error(RegistryCode::kSchemaNotFound, "Schema not found");
  v1::SchemaVersion version;
  put_version(subject, *found, true, &version);
  return version;
}

v1::SchemaRules effective_rules(const RegistryImage& image, const SubjectName& name) {
  const EffectiveConfig effective = effective_config(image, name);
  Config config = merged_config(image, name);
  config.level = effective.level;
  config.json_policy = effective.policy.json;
  config.normalize = effective.normalize;
  v1::SchemaRules rules;
  put_rules(config, effective_mode(image, name), &rules);
  return rules;
}

}  // namespace

Result<v1::SchemaVersion> read(const ImageAccess& access, ParsedSchemas& schemas,
                               const v1::LookupSchemaRequest& request) {
  std::vector<std::string> others;
  FOREBAY_TRY(const std::string meant, looked(access, [&](const RegistryImage& image) -> Result<std::string> {
                FOREBAY_TRY(const SubjectName name, subject_meant(image, request.subject()));
                if (request.in_any_context()) others = in_other_contexts(image, name);
                return name.qualified();
              }));
  auto found = lookup_in(access, schemas, meant, request);
  for (std::size_t i = 0; is_missing(found) && i < others.size(); ++i) {
    auto other = lookup_in(access, schemas, others[i], request);
    if (other) found = std::move(other);
  }
  return found;
}

Result<v1::CheckSchemaResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                     const v1::CheckSchemaRequest& request) {
  CheckRequest check{
      .subject = request.subject(), .schema = {}, .normalize = request.normalize(), .version = {}};
  FOREBAY_TRY(check.schema, input_of(request.schema()));
  if (request.has_version()) check.version = request.version();
  FOREBAY_TRY(const CheckResult result, check_schema(access, schemas, check));
  v1::CheckSchemaResponse response;
  response.set_is_compatible(result.verdicts.empty());
  response.set_level(level_message(result.level));
  for (const VersionNumber number : result.compared) response.add_compared(number);
  for (const Verdict& one : result.verdicts) put_verdict(one, response.add_verdicts());
  return response;
}

Result<v1::GetSchemaResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                   const v1::GetSchemaRequest& request) {
  v1::GetSchemaResponse response;
  std::string context;
  FOREBAY_TRY(const StoredSchemaPtr stored,
              looked(access, [&](const RegistryImage& image) -> Result<StoredSchemaPtr> {
                FOREBAY_TRY(auto found, find_schema(image, request));
                context = std::move(found.first);
                const StoredSchemaPtr& schema = found.second;
                response.set_max_id(image.contexts.at(context).last_id);
                for (const auto& [subject, number] : image.use(context, schema->id)->versions) {
                  auto* use = response.add_uses();
                  use->set_subject(subject);
                  use->set_version(number);
                  use->set_deleted(image.version(subject, number)->deleted);
                }
                for (const auto& [in, id] : image.by_guid.at(schema->guid)) {
                  auto* place = response.add_places();
                  place->set_context(in);
                  place->set_id(id);
                }
                return schema;
              }));
  response.set_id(stored->id);
  response.set_guid(stored->guid.to_string());
  FOREBAY_CHECK(put_text(access, schemas, stored, context, {request.form(), request.form_where_known()},
                         response.mutable_schema()));
  return response;
}

Result<v1::GetSchemaVersionResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                          const v1::GetSchemaVersionRequest& request) {
  v1::GetSchemaVersionResponse response;
  FOREBAY_TRY(const FoundVersion found,
              looked(access, [&](const RegistryImage& image) -> Result<FoundVersion> {
                const Aliases aliases = request.as_named() ? Aliases::kIgnore : Aliases::kFollow;
                FOREBAY_TRY(const SubjectName name, subject_meant(image, request.subject(), aliases));
                std::string subject = name.qualified();
                auto version = find_version(image, subject, request.version(), request.deleted());
                const auto others =
                    request.in_any_context() ? in_other_contexts(image, name) : std::vector<std::string>();
                for (std::size_t i = 0; !version && i < others.size(); ++i) {
                  auto other = find_version(image, others[i], request.version(), request.deleted());
                  if (!other) continue;
                  subject = others[i];
                  version = std::move(other);
                }
                if (!version) return version;
                put_version(subject, *version, true, response.mutable_version());
                const auto by = image.referenced_by.find({subject, version->number});
                if (by == image.referenced_by.end()) return version;
                for (const auto& [context, id] : by->second) {
                  const auto& uses = image.use(context, id)->versions;
                  const bool active = std::any_of(uses.begin(), uses.end(), [&image](const auto& use) {
                    return !image.version(use.first, use.second)->deleted;
                  });
                  if (active) response.add_referenced_by(id);
                }
                return version;
              }));
  response.mutable_version()->clear_schema();
  FOREBAY_CHECK(put_text(access, schemas, found.schema, context_of(response.version().subject()),
                         {request.form(), request.form_where_known()},
                         response.mutable_version()->mutable_schema()));
  return response;
}

Result<v1::ListSubjectsResponse> read(const ImageAccess& access, ParsedSchemas& /*schemas*/,
                                      const v1::ListSubjectsRequest& request) {
  return looked(access, [&](const RegistryImage& image) -> Result<v1::ListSubjectsResponse> {
    v1::ListSubjectsResponse page;
    for (auto at = image.subjects.upper_bound(request.after()); at != image.subjects.end(); ++at) {
      const auto& [name, subject] = *at;
      if (!matches(request.prefix(), name, subject.context) ||
          !is_wanted(subject, request.deleted(), request.deleted_only()))
        continue;
      if (page.subjects_size() >= static_cast<int>(page_size(request.count_max()))) {
        page.set_more(true);
        break;
      }
      page.add_subjects(name);
    }
    return page;
  });
}

Result<v1::ListSchemaVersionsResponse> read(const ImageAccess& access, ParsedSchemas& /*schemas*/,
                                            const v1::ListSchemaVersionsRequest& request) {
  return looked(access, [&](const RegistryImage& image) -> Result<v1::ListSchemaVersionsResponse> {
    v1::ListSchemaVersionsResponse page;
    std::size_t bytes = 0;
    if (!request.subject().empty()) {
      FOREBAY_TRY(const SubjectName name, subject_meant(image, request.subject()));
      const Subject* subject = image.subject(name.qualified());
      if (subject == nullptr || !is_wanted(*subject, request.deleted() || request.deleted_only(), false))
        return no_subject(request.subject());
      page.set_more(put_versions(image, name.qualified(), *subject, request, bytes, page));
      return page;
    }
    for (auto at = image.subjects.lower_bound(request.after_subject()); at != image.subjects.end(); ++at) {
      const auto& [name, subject] = *at;
      if (!matches(request.prefix(), name, subject.context)) continue;
      if (put_versions(image, name, subject, request, bytes, page)) {
        page.set_more(true);
        break;
      }
    }
    return page;
  });
}

Result<v1::GetSchemaRulesResponse> read(const ImageAccess& access, ParsedSchemas& /*schemas*/,
                                        const v1::GetSchemaRulesRequest& request) {
  return looked(access, [&](const RegistryImage& image) -> Result<v1::GetSchemaRulesResponse> {
    FOREBAY_TRY(const SubjectName name, parse_scope(request.scope()));
    v1::GetSchemaRulesResponse response;
    const auto config = image.configs.find(name.qualified());
    const auto mode = image.modes.find(name.qualified());
    put_rules(config == image.configs.end() ? Config{} : config->second,
              mode == image.modes.end() ? std::nullopt : std::optional(mode->second), response.mutable_own());
    *response.mutable_effective() = effective_rules(image, name);
    return response;
  });
}

Result<v1::ListSchemaContextsResponse> read(const ImageAccess& access, ParsedSchemas& /*schemas*/,
                                            const v1::ListSchemaContextsRequest& request) {
  return looked(access, [&](const RegistryImage& image) -> Result<v1::ListSchemaContextsResponse> {
    v1::ListSchemaContextsResponse response;
    response.add_contexts(std::string(kDefaultContext));
    for (const auto& [name, context] : image.contexts)
      if (name != kDefaultContext && !context.schemas.empty()) response.add_contexts(name);
    if (!request.with_rules()) return response;
    std::set<std::string> scopes;
    for (const auto& [scope, config] : image.configs) scopes.insert(scope);
    for (const auto& [scope, mode] : image.modes) scopes.insert(scope);
    for (const std::string& scope : scopes) response.add_scopes_with_rules(scope);
    return response;
  });
}

}  // namespace forebay::schema
