#include "schema/core/registry_rules.h"

#include <charconv>
#include <functional>
#include <set>

#include "schema/core/registry_error.h"

namespace forebay::schema {
namespace {

// Widest first: a later one wins.
std::vector<std::string> scopes_of(const SubjectName& name) {
  std::vector<std::string> scopes{""};
  if (name.context != kDefaultContext) scopes.push_back(SubjectName{name.context, ""}.qualified());
  if (!name.subject.empty()) scopes.push_back(name.qualified());
  return scopes;
}

std::string reference_text(const Reference& one) {
  return "'" + one.name + "' (subject '" + one.subject + "', version " +
         (one.version == kLatestVersion ? "latest" : std::to_string(one.version)) + ")";
}

}  // namespace

Config merged_config(const RegistryImage& image, const SubjectName& name) {
  Config merged;
  for (const std::string& scope : scopes_of(name)) {
    const auto at = image.configs.find(scope);
    if (at == image.configs.end()) continue;
    const Config& own = at->second;
    if (own.level) merged.level = own.level;
    if (own.json_policy) merged.json_policy = own.json_policy;
    if (own.normalize) merged.normalize = own.normalize;
    if (own.group) merged.group = own.group;
    if (scope == name.qualified()) merged.alias = own.alias;
  }
  return merged;
}

EffectiveConfig effective_config(const RegistryImage& image, const SubjectName& name) {
  const Config merged = merged_config(image, name);
  EffectiveConfig config;
  config.level = merged.level.value_or(config.level);
  config.policy.json = merged.json_policy.value_or(config.policy.json);
  config.normalize = merged.normalize.value_or(false);
  config.group = merged.group;
  return config;
}

Mode effective_mode(const RegistryImage& image, const SubjectName& name) {
  Mode mode = Mode::kReadWrite;
  for (const std::string& scope : scopes_of(name)) {
    const auto at = image.modes.find(scope);
    if (at != image.modes.end()) mode = at->second;
  }
  return mode;
}

Result<SubjectName> subject_meant(const RegistryImage& image, std::string_view text, Aliases aliases) {
  FOREBAY_TRY(const SubjectName name, parse_subject(text));
  if (aliases == Aliases::kIgnore) return name;
  const auto config = image.configs.find(name.qualified());
  if (config == image.configs.end() || !config->second.alias) return name;
  return parse_subject_in(name.context, *config->second.alias);
}

Result<VersionNumber> parse_version(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
  constexpr std::string_view kLatest = "latest";
  const bool is_latest = std::equal(text.begin(), text.end(), kLatest.begin(), kLatest.end(),
                                    [](char one, char other) { return (one | 0x20) == other; });
  if (is_latest || text == "-1") return kLatestVersion;
  VersionNumber number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed == std::errc() && end == text.data() + text.size() && number > 0) return number;
  return registry_error(RegistryCode::kInvalidVersion,
                        "The specified version '" + std::string(text.substr(0, 40)) +
                            "' is not a valid version id. Allowed values are between [1, 2^31-1] and the "
                            "string \"latest\"");
}

Result<FoundVersion> find_version(const RegistryImage& image, const std::string& subject,
                                  VersionNumber number, bool deleted) {
  const Subject* known = image.subject(subject);
  if (known == nullptr || (!deleted && !known->has_active()))
    return registry_error(RegistryCode::kSubjectNotFound, "Subject '" + subject + "' not found.");
  const auto at =
      known->versions.find(number == kLatestVersion ? known->latest().value_or(kLatestVersion) : number);
  if (at == known->versions.end() || (at->second.deleted && !deleted))
    return registry_error(RegistryCode::kVersionNotFound,
                          "Version " + std::to_string(number) + " not found.");
  return FoundVersion{at->first, at->second, image.schema(known->context, at->second.id)};
}

Result<std::vector<Reference>> qualify_references(const RegistryImage& image, const std::string& context,
                                                  const std::vector<Reference>& references) {
  if (references.size() > Limits{}.references_max)
    return registry_error(RegistryCode::kInvalidSchema,
                          "the schema has " + std::to_string(references.size()) + " references; at most " +
                              std::to_string(Limits{}.references_max) + " are taken");
  std::vector<Reference> qualified;
  qualified.reserve(references.size());
  for (const Reference& one : references) {
    FOREBAY_TRY(const SubjectName subject, parse_subject_in(context, one.subject));
    const std::string name = subject.qualified();
    const auto found = find_version(image, name, one.version == 0 ? kLatestVersion : one.version, true);
    if (!found)
      return registry_error(RegistryCode::kInvalidSchema, "the reference " + reference_text(one) +
                                                              " leads nowhere: register that schema first");
    qualified.push_back({one.name, name, found->number});
  }
  return qualified;
}

Result<std::vector<NamedText>> texts_of(const RegistryImage& image,
                                        const std::vector<Reference>& references) {
  std::vector<NamedText> texts;
  std::set<std::string> names;
  std::size_t bytes = 0;
  // References lead to versions that were there first, so they never lead back.
  const std::function<Result<void>(const std::vector<Reference>&)> visit =
      [&](const std::vector<Reference>& wanted) -> Result<void> {
    for (const Reference& one : wanted) {
      if (!names.insert(one.name).second) continue;
      FOREBAY_TRY(const FoundVersion found, find_version(image, one.subject, one.version, true));
      FOREBAY_CHECK(visit(found.schema->content.references));
      bytes += found.schema->content.text.size();
      if (names.size() > Limits{}.references_max || bytes > Limits{}.references_bytes_max)
        return registry_error(RegistryCode::kInvalidSchema,
                              "the schema refers, with those that it refers to, to more than " +
                                  std::to_string(Limits{}.references_max) + " schemas or " +
                                  std::to_string(Limits{}.references_bytes_max) + " bytes");
      texts.push_back({one.name, found.schema->content.text});
    }
    return {};
  };
  FOREBAY_CHECK(visit(references));
  return texts;
}

std::optional<FoundVersion> find_content(const RegistryImage& image, const std::string& subject,
                                         const SchemaContent& content, bool deleted) {
  const Subject* known = image.subject(subject);
  if (known == nullptr) return std::nullopt;
  const bool by_text = !content.metadata && content.rule_set.empty();
  std::optional<FoundVersion> same_text;
  for (auto at = known->versions.rbegin(); at != known->versions.rend(); ++at) {
    if (at->second.deleted && !deleted) continue;
    StoredSchemaPtr schema = image.schema(known->context, at->second.id);
    const SchemaContent& has = schema->content;
    if (has.format != content.format || has.text != content.text || has.references != content.references)
      continue;
    FoundVersion found{at->first, at->second, schema};
    if (has.metadata == content.metadata && has.rule_set == content.rule_set) return found;
    if (by_text && !same_text) same_text = std::move(found);
  }
  return same_text;
}

bool take_from_latest(const RegistryImage& image, const std::string& subject, SchemaContent& content) {
  const auto latest = find_version(image, subject, kLatestVersion, false);
  if (!latest) return false;
  const SchemaContent& said = latest->schema->content;
  const bool metadata = !content.metadata && said.metadata;
  const bool rules = content.rule_set.empty() && !said.rule_set.empty();
  if (metadata) content.metadata = said.metadata;
  if (rules) content.rule_set = said.rule_set;
  return metadata || rules;
}

}  // namespace forebay::schema
