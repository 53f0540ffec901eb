#include <utility>

#include "schema/core/decisions.h"
#include "schema/core/registry_error.h"

namespace forebay::schema {
namespace {

Error not_found(const std::string& subject) {
  return registry_error(RegistryCode::kSubjectNotFound, "Subject '" + subject + "' not found.");
}
std::string version_text(const std::string& subject, VersionNumber version) {
  return "Subject '" + subject + "' Version " + std::to_string(version);
}

Result<void> check_writable(const RegistryImage& image, const SubjectName& name) {
  if (effective_mode(image, name) != Mode::kReadOnly) return {};
  return registry_error(RegistryCode::kNotPermitted, "Subject " + name.qualified() + " in context " +
                                                         name.context + " is in read-only mode");
}

// A version that is that schema. Nothing: there is none.
const SubjectVersion* version_of(const RegistryImage& image, const SchemaUse& use, const std::string& but,
                                 bool deleted) {
  for (const SubjectVersion& one : use.versions) {
    if (one.first == but) continue;
    const Version* version = image.version(one.first, one.second);
    if (version != nullptr && (deleted || !version->deleted)) return &one;
  }
  return nullptr;
}

// `but`: a subject that goes as a whole: what it refers to within itself goes with it.
Result<void> check_unreferenced(const RegistryImage& image, const std::string& subject, VersionNumber version,
                                const std::string& but, bool permanent) {
  const auto by = image.referenced_by.find({subject, version});
  if (by == image.referenced_by.end()) return {};
  for (const auto& [context, id] : by->second) {
    const SchemaUse* use = image.use(context, id);
    const SubjectVersion* user = use == nullptr ? nullptr : version_of(image, *use, but, permanent);
    if (user == nullptr) continue;
    return registry_error(RegistryCode::kReferenceExists,
                          "One or more references exist to the schema: subject '" + subject + "', version " +
                              std::to_string(version) + " is referred to by schema " + std::to_string(id) +
                              " (" + user->first + ", version " + std::to_string(user->second) +
                              "); delete that first");
  }
  return {};
}

Result<DeleteDecision> delete_version(const RegistryImage& image, const std::string& subject,
                                      VersionNumber wanted, bool permanent) {
  FOREBAY_TRY(const FoundVersion found, find_version(image, subject, wanted, true));
  if (permanent && !found.version.deleted)
    return registry_error(
        RegistryCode::kVersionNotSoftDeleted,
        version_text(subject, found.number) + " was not deleted first before being permanently deleted");
  if (!permanent && found.version.deleted)
    return registry_error(
        RegistryCode::kVersionSoftDeleted,
        version_text(subject, found.number) + " was soft deleted. Set permanent=true to delete permanently");
  FOREBAY_CHECK(check_unreferenced(image, subject, found.number, "", permanent));
  DeleteDecision decision;
  decision.versions.push_back(found.number);
  if (!permanent) {
    decision.records.emplace_back(
        VersionSet{subject, found.number, found.version.id, true, found.version.at});
  } else if (image.subject(subject)->versions.size() > 1) {
    decision.records.emplace_back(VersionRemoved{subject, found.number});
  } else {  // with it the subject goes, and so do its configuration and mode
    decision.records.emplace_back(SubjectRemoved{subject});
  }
  return decision;
}

Result<DeleteDecision> delete_subject(const RegistryImage& image, const std::string& name, bool permanent) {
  const Subject* subject = image.subject(name);
  if (subject == nullptr) return not_found(name);
  if (permanent && subject->has_active())
    return registry_error(RegistryCode::kSubjectNotSoftDeleted,
                          "Subject '" + name + "' was not deleted first before being permanently deleted");
  if (!permanent && !subject->has_active())
    return registry_error(
        RegistryCode::kSubjectSoftDeleted,
        "Subject '" + name + "' was soft deleted. Set permanent=true to delete permanently");
  DeleteDecision decision;
  for (const auto& [number, version] : subject->versions) {
    if (!permanent && version.deleted) continue;
    FOREBAY_CHECK(check_unreferenced(image, name, number, name, permanent));
    decision.versions.push_back(number);
  }
  if (permanent) {
    decision.records.emplace_back(SubjectRemoved{name});
  } else {
    decision.records.emplace_back(SubjectDeleted{name});
  }
  return decision;
}

// With a version that is not deleted.
bool has_subjects(const RegistryImage& image, const SubjectName& scope) {
  for (const auto& [name, subject] : image.subjects) {
    const bool meant = scope.subject.empty() ? subject.context == scope.context : name == scope.qualified();
    if (meant && subject.has_active()) return true;
  }
  return false;
}

// A scope need not have a schema, so that those do not bound them.
Result<void> check_room_for_rules(const RegistryImage& image) {
  constexpr std::size_t kRulesBytesMax = 32U << 20, kOverheadBytes = 256;
  std::size_t bytes = 0;
  for (const auto& [scope, config] : image.configs)
    bytes +=
        kOverheadBytes + scope.size() + config.alias.value_or("").size() + config.group.value_or("").size();
  for (const auto& [scope, mode] : image.modes) bytes += kOverheadBytes + scope.size();
  if (bytes <= kRulesBytesMax) return {};
  return registry_error(RegistryCode::kStore,
                        "the rules of subjects and contexts take " + std::to_string(kRulesBytesMax >> 20) +
                            " MiB, their bound; clear those that are not used any more");
}

}  // namespace

Result<DeleteDecision> decide_delete(const RegistryImage& image, const std::string& subject,
                                     std::optional<VersionNumber> version, bool permanent) {
  FOREBAY_TRY(const SubjectName name, subject_meant(image, subject));
  FOREBAY_CHECK(check_writable(image, name));
  if (!version) return delete_subject(image, name.qualified(), permanent);
  return delete_version(image, name.qualified(), *version, permanent);
}

Result<SchemaRecords> decide_config(const RegistryImage& image, const std::string& scope,
                                    const Config& change) {
  FOREBAY_TRY(const SubjectName name, parse_scope(scope));
  FOREBAY_CHECK(check_writable(image, name));
  if (change.alias && name.subject.empty())
    return registry_error(RegistryCode::kInvalidSubject, "only a subject can be an alias");
  if (change.alias && !change.alias->empty()) {
    FOREBAY_TRY(const SubjectName target, parse_subject_in(name.context, *change.alias));
    if (target == name)
      return registry_error(RegistryCode::kInvalidSubject,
                            "subject '" + scope + "' cannot be an alias of itself");
  }
  if (change.group && change.group->size() > kSubjectBytesMax)
    return registry_error(RegistryCode::kInvalidLevel,
                          "a compatibility group is the name of a property, of at most " +
                              std::to_string(kSubjectBytesMax) + " bytes");
  const auto at = image.configs.find(name.qualified());
  const bool grows = at == image.configs.end() || change.alias || change.group;
  if (grows) FOREBAY_CHECK(check_room_for_rules(image));
  Config config = at == image.configs.end() ? Config{} : at->second;
  if (change.level) config.level = change.level;
  if (change.json_policy) config.json_policy = change.json_policy;
  if (change.normalize) config.normalize = change.normalize;
  if (change.alias) config.alias = change.alias->empty() ? std::nullopt : change.alias;
  if (change.group) config.group = change.group->empty() ? std::nullopt : change.group;
  return SchemaRecords{ConfigSet{name.qualified(), std::move(config)}};
}

Result<SchemaRecords> decide_config_removal(const RegistryImage& image, const std::string& scope) {
  FOREBAY_TRY(const SubjectName name, parse_scope(scope));
  FOREBAY_CHECK(check_writable(image, name));
  if (!image.configs.contains(name.qualified())) {
    if (name.qualified().empty()) return SchemaRecords{};
    return not_found(scope);
  }
  return SchemaRecords{ConfigSet{name.qualified(), {}}};
}

Result<SchemaRecords> decide_mode(const RegistryImage& image, const std::string& scope, Mode mode,
                                  bool force) {
  FOREBAY_TRY(const SubjectName name, parse_scope(scope));
  const bool begins = mode == Mode::kImport && effective_mode(image, name) != Mode::kImport;
  if (begins && !force && has_subjects(image, name))
    return registry_error(
        RegistryCode::kNotPermitted,
        "Cannot import since found existing subjects; delete them, or set force=true to keep "
        "them and their ids");
  if (!image.modes.contains(name.qualified())) FOREBAY_CHECK(check_room_for_rules(image));
  return SchemaRecords{ModeSet{name.qualified(), mode}};
}

Result<SchemaRecords> decide_mode_removal(const RegistryImage& image, const std::string& scope) {
  FOREBAY_TRY(const SubjectName name, parse_scope(scope));
  if (!image.modes.contains(name.qualified())) {
    if (name.qualified().empty()) return SchemaRecords{};
    return not_found(scope);
  }
  return SchemaRecords{ModeSet{name.qualified(), std::nullopt}};
}

Result<SchemaRecords> decide_context_removal(const RegistryImage& image, const std::string& context) {
  if (context == kDefaultContext)
    return registry_error(RegistryCode::kNotPermitted, "the default context cannot be deleted");
  const auto at = image.contexts.find(context);
  if (at != image.contexts.end() && !at->second.schemas.empty())
    return registry_error(
        RegistryCode::kContextNotEmpty,
        "The context '" + context + "' is not empty: delete its subjects permanently first");
  return SchemaRecords{ContextRemoved{context}};
}

}  // namespace forebay::schema
