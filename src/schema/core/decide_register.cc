#include <algorithm>
#include <limits>
#include <utility>

#include "schema/core/decisions.h"
#include "schema/core/registry_error.h"

namespace forebay::schema {
namespace {

// What else makes a record of a schema: more would not fit into one proposal.
constexpr std::size_t kContentBytesMax = 1'000'000;

Error invalid(const Error& why) {
  Error error = why;
  if (error.registry_code != 0) return error;
  return registry_error(
      why.code == ErrorCode::kRecordTooLarge ? RegistryCode::kTooLarge : RegistryCode::kInvalidSchema,
      "Invalid schema: " + why.context);
}

struct Surroundings {  // of a schema that comes
  SubjectName subject;
  std::vector<Reference> references;
  std::vector<NamedText> texts;
  bool normalize = false;
};
Result<Surroundings> surroundings(const RegistryImage& image, const std::string& subject,
                                  const SchemaInput& input, bool normalize, Aliases aliases) {
  Surroundings around;
  FOREBAY_TRY(around.subject, subject_meant(image, subject, aliases));
  FOREBAY_TRY(around.references, qualify_references(image, around.subject.context, input.references));
  FOREBAY_TRY(around.texts, texts_of(image, around.references));
  around.normalize = normalize || effective_config(image, around.subject).normalize;
  return around;
}

std::optional<std::string> group_value(const SchemaContent& content,
                                       const std::optional<std::string>& group) {
  if (!group || !content.metadata) return std::nullopt;
  const auto at = content.metadata->properties.find(*group);
  return at == content.metadata->properties.end() ? std::nullopt : std::optional(at->second);
}

using NumberedSchemas = std::vector<std::pair<VersionNumber, StoredSchemaPtr>>;

// Those that `level` asks for: all, or the last one.
NumberedSchemas versions_to_compare(const RegistryImage& image, const PreparedSchema& candidate,
                                    const EffectiveConfig& config) {
  NumberedSchemas wanted;
  const Subject* subject = image.subject(candidate.subject.qualified());
  if (subject == nullptr || config.level == Level::kNone) return wanted;
  const auto group = group_value(candidate.content, config.group);
  for (auto at = subject->versions.rbegin(); at != subject->versions.rend(); ++at) {
    if (at->second.deleted) continue;
    StoredSchemaPtr schema = image.schema(subject->context, at->second.id);
    if (config.group && group_value(schema->content, config.group) != group) continue;
    wanted.emplace_back(at->first, std::move(schema));
    if (!is_transitive(config.level)) break;
  }
  return wanted;
}

Result<std::vector<Verdict>> compare(const ImageAccess& access, ParsedSchemas& schemas,
                                     const PreparedSchema& candidate, const EffectiveConfig& config,
                                     const NumberedSchemas& with) {
  std::vector<Verdict> verdicts;
  for (const auto& [number, stored] : with) {  // one at a time: their parsed forms may be large
    FOREBAY_TRY(SchemaPtr parsed, schemas.parsed(access, stored));
    for (Verdict& one :
         judge(config.level, config.policy, *candidate.parsed, {{number, std::move(parsed)}})) {
      if (verdicts.size() == kVerdictsMax) return verdicts;
      verdicts.push_back(std::move(one));
    }
  }
  return verdicts;
}

Error incompatible(const std::string& subject, Level level, const std::vector<Verdict>& verdicts) {
  std::string text = "Schema being registered is incompatible with an earlier schema for subject \"" +
                     subject + "\" (compatibility " + std::string(level_name(level)) + "), details: [";
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    text += (i == 0 ? "{" : ", {") + verdicts[i].to_string() + "}";
  return registry_error(RegistryCode::kIncompatible,
                        text + "]; change it so, or register it under another subject");
}

Result<void> check_compatible(const ImageAccess& access, ParsedSchemas& schemas,
                              const PreparedSchema& schema) {
  EffectiveConfig config;
  const NumberedSchemas previous = looked(access, [&](const RegistryImage& image) {
    config = effective_config(image, schema.subject);
    return versions_to_compare(image, schema, config);
  });
  FOREBAY_TRY(const auto verdicts, compare(access, schemas, schema, config, previous));
  if (verdicts.empty()) return {};
  return incompatible(schema.subject.qualified(), config.level, verdicts);
}

class Registration {
 public:
  Registration(const RegisterRequest& request, const PreparedSchema& schema, const RegistryBounds& bounds)
      : request_(request), schema_(schema), bounds_(bounds), name_(schema.subject.qualified()) {}

  // Nothing: it has to be made.
  [[nodiscard]] Result<std::optional<FoundVersion>> existing(const RegistryImage& image, Mode mode) const {
    const bool takes_over = request_.import || mode == Mode::kImport;
    const auto found = takes_over ? taken_over(image) : find_content(image, name_, schema_.content, false);
    if (!found) return std::optional<FoundVersion>();
    if (request_.id && *request_.id != found->version.id)
      return registry_error(RegistryCode::kIdDoesNotMatch,
                            "Schema already registered with id " + std::to_string(found->version.id) +
                                " instead of input id " + std::to_string(*request_.id));
    if (request_.version && *request_.version > 0 && *request_.version != found->number)
      return std::optional<FoundVersion>();  // a version of its own
    return found;
  }

  [[nodiscard]] Result<void> check_mode(Mode mode) const {
    if (request_.import) return {};
    const auto refuse = [&](const std::string& why) {
      return registry_error(RegistryCode::kNotPermitted,
                            "Subject " + name_ + " in context " + schema_.subject.context + " is " + why);
    };
    if (mode == Mode::kReadOnly) return refuse("in read-only mode");
    if (request_.id && mode != Mode::kImport) return refuse("not in import mode: an id cannot be given");
    if (!request_.id && mode == Mode::kImport)
      return refuse("not in read-write mode: only schemas with their ids");
    return {};
  }

  [[nodiscard]] Result<RegisterDecision> decide(const RegistryImage& image, Mode mode,
                                                model::Timestamp now) const {
    FOREBAY_CHECK(check_bounds(image));
    RegisterDecision decision;
    FOREBAY_TRY(const VersionNumber number, number_of(image, mode));
    const auto known = image.id_of(schema_.subject.context, schema_.fingerprint);
    FOREBAY_TRY(const SchemaId id, id_of(image, known));
    StoredSchemaPtr stored = image.schema(schema_.subject.context, id);
    if (stored == nullptr) {
      stored = std::make_shared<const StoredSchema>(
          StoredSchema{id, guid_of(schema_.fingerprint), schema_.content});
      decision.records.emplace_back(SchemaAdded{schema_.subject.context, *stored});
    }
    const Version version{id, request_.deleted, now};
    decision.records.emplace_back(VersionSet{name_, number, id, version.deleted, now});
    decision.registered = {{number, version, std::move(stored)}, true};
    return decision;
  }

 private:
  // What is to be taken over is there if it is the same in all.
  [[nodiscard]] std::optional<FoundVersion> taken_over(const RegistryImage& image) const {
    std::optional<FoundVersion> found;
    if (!request_.version || *request_.version <= 0) {
      found = find_content(image, name_, schema_.content, request_.deleted);
    } else if (auto there = find_version(image, name_, *request_.version, true)) {
      found = std::move(*there);
    }
    const bool same =
        found && found->schema->content == schema_.content && found->version.deleted == request_.deleted;
    return same ? found : std::nullopt;
  }

  [[nodiscard]] Result<void> check_bounds(const RegistryImage& image) const {
    const auto full = [](const std::string& what) {
      return registry_error(RegistryCode::kStore, what + "; delete what is not used any more, permanently");
    };
    if (image.bytes + bytes_of(schema_.content) > bounds_.bytes_max)
      return full("the registry holds " + std::to_string(bounds_.bytes_max) +
                  " bytes of schemas and versions, its bound");
    const Subject* subject = image.subject(name_);
    if (subject == nullptr && image.subjects.size() >= bounds_.subjects_max)
      return full("the registry holds " + std::to_string(bounds_.subjects_max) + " subjects, its bound");
    if (subject != nullptr && subject->versions.size() >= bounds_.versions_max)
      return full("subject '" + name_ + "' has " + std::to_string(bounds_.versions_max) +
                  " versions, its bound");
    return {};
  }

  [[nodiscard]] Result<VersionNumber> number_of(const RegistryImage& image, Mode mode) const {
    const Subject* subject = image.subject(name_);
    const auto last = subject == nullptr ? std::nullopt : subject->latest(true);
    if (last == std::numeric_limits<VersionNumber>::max())
      return registry_error(RegistryCode::kStore, "subject '" + name_ + "' has the highest version there is");
    const VersionNumber next = last.value_or(0) + 1;
    if (!request_.version || *request_.version <= 0 || *request_.version == next) return next;
    if (!request_.import && mode != Mode::kImport)
      return registry_error(RegistryCode::kInvalidSchema,
                            "Version is not one more than previous version: the next one of subject '" +
                                name_ + "' is " + std::to_string(next) + ", not " +
                                std::to_string(*request_.version));
    const Version* there = image.version(name_, *request_.version);
    if (there != nullptr && there->id != image.id_of(schema_.subject.context, schema_.fingerprint))
      return registry_error(RegistryCode::kNotPermitted,
                            "Overwrite of version " + std::to_string(*request_.version) + " of subject '" +
                                name_ + "' is not permitted: it is another schema, with id " +
                                std::to_string(there->id));
    return *request_.version;
  }

  [[nodiscard]] Result<SchemaId> id_of(const RegistryImage& image, std::optional<SchemaId> known) const {
    const auto context = image.contexts.find(schema_.subject.context);
    const SchemaId last = context == image.contexts.end() ? 0 : context->second.last_id;
    if (!request_.id) {
      if (!known && last == std::numeric_limits<SchemaId>::max())
        return registry_error(RegistryCode::kStore,
                              "all ids of context '" + schema_.subject.context + "' are taken");
      return known.value_or(last + 1);
    }
    if (*request_.id <= 0)
      return registry_error(RegistryCode::kInvalidSchema,
                            "id " + std::to_string(*request_.id) + " cannot be: ids begin with 1");
    if (known && *known != *request_.id)
      return registry_error(RegistryCode::kIdDoesNotMatch,
                            "Schema already registered with id " + std::to_string(*known) +
                                " instead of input id " + std::to_string(*request_.id));
    const StoredSchemaPtr there = image.schema(schema_.subject.context, *request_.id);
    if (there != nullptr && there->content != schema_.content)
      return registry_error(RegistryCode::kNotPermitted, "Overwrite new schema with id " +
                                                             std::to_string(*request_.id) +
                                                             " is not permitted: another schema has it");
    if (context != image.contexts.end()) {
      const auto gone = context->second.gone.find(*request_.id);
      if (gone != context->second.gone.end() && gone->second != schema_.fingerprint)
        return registry_error(RegistryCode::kNotPermitted,
                              "id " + std::to_string(*request_.id) +
                                  " was another schema, which is deleted: no id is ever given twice");
    }
    return *request_.id;
  }

  const RegisterRequest& request_;
  const PreparedSchema& schema_;
  const RegistryBounds& bounds_;
  const std::string name_;
};

Result<void> check_size(const SchemaContent& content) {
  if (bytes_of(content) <= kContentBytesMax) return {};
  return registry_error(RegistryCode::kTooLarge, "Schema is too large: " + std::to_string(bytes_of(content)) +
                                                     " bytes with its references and metadata; at most " +
                                                     std::to_string(kContentBytesMax) + " are taken");
}

constexpr std::string_view kWrittenOut = "resolved";  // the form of an Avro schema

// Avro's, the last one first, that say the same of themselves, or are not asked to.
std::vector<FoundVersion> versions_with_references(const RegistryImage& image, const std::string& name,
                                                   const SchemaContent& content, bool deleted) {
  std::vector<FoundVersion> versions;
  const Subject* subject = image.subject(name);
  if (subject == nullptr) return versions;
  const bool by_text = !content.metadata && content.rule_set.empty();
  for (auto at = subject->versions.rbegin(); at != subject->versions.rend(); ++at) {
    if (at->second.deleted && !deleted) continue;
    StoredSchemaPtr schema = image.schema(subject->context, at->second.id);
    const SchemaContent& has = schema->content;
    if (has.format != Format::kAvro || has.references.empty()) continue;
    if (!by_text && (has.metadata != content.metadata || has.rule_set != content.rule_set)) continue;
    versions.push_back({at->first, at->second, std::move(schema)});
  }
  return versions;
}

Aliases aliases_of(const RegisterRequest& request) {
  return request.import ? Aliases::kIgnore : Aliases::kFollow;
}

// Metadata or rules alone are said of the text that the subject has.
Result<SchemaInput> with_text(const RegistryImage& image, const RegisterRequest& request) {
  SchemaInput input = request.schema;
  const bool has_text = input.text.find_first_not_of(" \t\r\n") != std::string::npos;
  if (has_text || (!input.metadata && input.rule_set.empty())) return input;
  FOREBAY_TRY(const SubjectName name, subject_meant(image, request.subject, aliases_of(request)));
  const auto latest = find_version(image, name.qualified(), kLatestVersion, false);
  if (!latest)
    return registry_error(RegistryCode::kInvalidSchema, "Empty schema: subject '" + name.qualified() +
                                                            "' has no version whose text is meant");
  const SchemaContent& content = latest->schema->content;
  input.format = content.format;
  input.text = content.text;
  input.references = content.references;
  for (Reference& one : input.references) one.subject = said_in(name.context, one.subject);
  return input;
}

}  // namespace

Result<SchemaPtr> parse_stored(const ImageAccess& access, const StoredSchema& schema) {
  FOREBAY_TRY(const auto texts, looked(access, [&](const RegistryImage& image) {
                return texts_of(image, schema.content.references);
              }));
  auto parsed = parse_schema(schema.content.format, schema.content.text, texts, {}, Origin::kRegistry);
  if (!parsed)
    return Error{ErrorCode::kInternal, "schema " + std::to_string(schema.id) +
                                           " is registered and cannot be parsed: " + parsed.error().context};
  return parsed;
}

Result<PreparedSchema> prepare(const ImageAccess& access, const std::string& subject,
                               const SchemaInput& input, bool normalize, Origin origin, Aliases aliases) {
  FOREBAY_TRY(Surroundings around, looked(access, [&](const RegistryImage& image) {
                return surroundings(image, subject, input, normalize, aliases);
              }));
  auto parsed = parse_schema(input.format, input.text, around.texts, {}, origin);
  if (!parsed) return invalid(parsed.error());
  PreparedSchema schema;
  schema.subject = std::move(around.subject);
  schema.parsed = std::move(*parsed);
  schema.content.format = input.format;
  schema.content.text = around.normalize ? schema.parsed->normalized_text() : schema.parsed->canonical_text();
  schema.content.references = std::move(around.references);
  if (around.normalize) std::sort(schema.content.references.begin(), schema.content.references.end());
  schema.content.metadata = input.metadata;
  schema.content.rule_set = input.rule_set;
  FOREBAY_CHECK(check_size(schema.content));
  schema.fingerprint = fingerprint(schema.content);
  return schema;
}

std::optional<FoundVersion> find_written_out(const ImageAccess& access, ParsedSchemas& schemas,
                                             const PreparedSchema& schema, bool deleted) {
  const SchemaContent& content = schema.content;
  std::vector<FoundVersion> versions;
  if (content.format == Format::kAvro && content.references.empty())
    access.look([&](const RegistryImage& image) {
      versions = versions_with_references(image, schema.subject.qualified(), content, deleted);
    });
  if (versions.empty()) return std::nullopt;
  const auto text = schema.parsed->text_as(kWrittenOut);
  for (FoundVersion& one : versions) {
    const auto parsed = schemas.parsed(access, one.schema);
    if (!text || !parsed) continue;  // it is another one then
    const auto written_out = (*parsed)->text_as(kWrittenOut);
    if (written_out && *written_out == *text) return std::move(one);
  }
  return std::nullopt;
}

Result<RegisterDecision> decide_register(const ImageAccess& access, ParsedSchemas& schemas,
                                         const RegisterRequest& request, model::Timestamp now,
                                         const RegistryBounds& bounds) {
  FOREBAY_TRY(const SchemaInput input,
              looked(access, [&](const RegistryImage& image) { return with_text(image, request); }));
  // With an id it is known elsewhere.
  const Origin origin = request.import || request.id ? Origin::kRegistry : Origin::kNew;
  FOREBAY_TRY(PreparedSchema schema,
              prepare(access, request.subject, input, request.normalize, origin, aliases_of(request)));
  const Registration registration(request, schema, bounds);
  Mode mode = Mode::kReadWrite;
  const auto find = [&] {
    return looked(access, [&](const RegistryImage& image) {
      mode = effective_mode(image, schema.subject);
      return registration.existing(image, mode);
    });
  };
  FOREBAY_TRY(auto existing, find());
  if (!existing && !request.import && !request.id && !request.version)
    existing = find_written_out(access, schemas, schema, false);
  const bool takes_over = request.import || mode == Mode::kImport;
  if (!existing && !takes_over && looked(access, [&schema](const RegistryImage& image) {
        return take_from_latest(image, schema.subject.qualified(), schema.content);
      })) {
    FOREBAY_CHECK(check_size(schema.content));
    schema.fingerprint = fingerprint(schema.content);
    FOREBAY_TRY(existing, find());
  }
  if (existing) return RegisterDecision{{}, {*existing, false}};
  FOREBAY_CHECK(registration.check_mode(mode));
  if (!takes_over) FOREBAY_CHECK(check_compatible(access, schemas, schema));
  return looked(access, [&](const RegistryImage& image) { return registration.decide(image, mode, now); });
}

Result<CheckResult> check_schema(const ImageAccess& access, ParsedSchemas& schemas,
                                 const CheckRequest& request) {
  FOREBAY_TRY(PreparedSchema schema,
              prepare(access, request.subject, request.schema, request.normalize, Origin::kNew));
  EffectiveConfig config;
  FOREBAY_TRY(const NumberedSchemas with,
              looked(access, [&](const RegistryImage& image) -> Result<NumberedSchemas> {
                config = effective_config(image, schema.subject);
                if (!request.version) {
                  take_from_latest(image, schema.subject.qualified(), schema.content);  // its group
                  return versions_to_compare(image, schema, config);
                }
                const auto found = find_version(image, schema.subject.qualified(), *request.version, false);
                if (found) return NumberedSchemas{{found->number, found->schema}};
                if (*request.version == kLatestVersion) return NumberedSchemas{};
                return registry_error(RegistryCode::kVersionNotFound,
                                      "Version " + std::to_string(*request.version) + " not found.");
              }));
  CheckResult result;
  result.level = config.level;
  for (const auto& [number, stored] : with) result.compared.push_back(number);
  FOREBAY_TRY(result.verdicts, compare(access, schemas, schema, config, with));
  return result;
}

}  // namespace forebay::schema
