// What the registry decides: a request and the state make records, or an error. Pure; the state changes when
// the records are applied, so one request is decided after the records of the one before are.
//
// What is slow, parsing and comparing, is done between two looks at the state (ImageAccess), so that whoever
// shares it does not wait. Nothing but the records of decisions may change it meanwhile.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "schema/core/compatibility.h"
#include "schema/core/registry_image.h"
#include "schema/core/registry_rules.h"

namespace forebay::schema {

class ImageAccess {
 public:
  virtual ~ImageAccess() = default;
  // Calls `look` once, before it returns.
  virtual void look(const std::function<void(const RegistryImage&)>& look) const = 0;
};

// The result of `look` at the state.
template <typename Look>
[[nodiscard]] auto looked(const ImageAccess& access, Look look) {
  std::optional<decltype(look(std::declval<const RegistryImage&>()))> result;
  access.look([&](const RegistryImage& image) { result.emplace(look(image)); });
  return std::move(*result);
}

// Parsed forms of schemas that are registered, kept as long as there is room. Any thread.
class ParsedSchemas {
 public:
  virtual ~ParsedSchemas() = default;
  // Errors: kInternal: what is registered cannot be parsed.
  [[nodiscard]] virtual Result<SchemaPtr> parsed(const ImageAccess& access,
                                                 const StoredSchemaPtr& schema) = 0;
};
// Without keeping it.
[[nodiscard]] Result<SchemaPtr> parse_stored(const ImageAccess& access, const StoredSchema& schema);

// Bounds of the whole registry.
struct RegistryBounds {
  std::size_t bytes_max = 128U << 20;  // half of what a replica's state may have (machine::kStateBytesMax)
  std::size_t versions_max = 10'000;   // of one subject
  std::size_t subjects_max = 100'000;
};

// What a text is once it is understood.
struct PreparedSchema {
  SubjectName subject;
  SchemaContent content;
  SchemaPtr parsed;
  Fingerprint fingerprint;
};
// `normalize`: or as the subject is configured. Errors (42201, 42208, 42209).
[[nodiscard]] Result<PreparedSchema> prepare(const ImageAccess& access, const std::string& subject,
                                             const SchemaInput& input, bool normalize, Origin origin,
                                             Aliases aliases = Aliases::kFollow);

// The last version that is this Avro schema with its references written out, which is what generated code
// knows of it. Nothing: there is none. `deleted`: also one that is.
[[nodiscard]] std::optional<FoundVersion> find_written_out(const ImageAccess& access, ParsedSchemas& schemas,
                                                           const PreparedSchema& schema, bool deleted);

struct RegisterRequest {
  std::string subject;
  SchemaInput schema;  // without a text, and with metadata or rules: of the text of the last version
  bool normalize = false;
  std::optional<SchemaId> id;            // only with mode IMPORT, or `import`
  std::optional<VersionNumber> version;  // likewise, unless it is the next one
  // Takes over a version as another registry has it, whatever mode and compatibility say, into the subject of
  // that very name, alias or not. What contradicts what is here is an error.
  bool import = false;
  bool deleted = false;  // with `import`: as softly deleted
};
struct Registered {
  FoundVersion found;
  bool is_new = false;
};
struct RegisterDecision {
  SchemaRecords records;  // none: it was there
  Registered registered;
};
// Errors: those of prepare(); 40901 with every rule that is broken; 42201 for a version that is not the next;
// 42205 (mode; an id or a version that is another schema); 42207; kResourceExhausted above the bounds.
[[nodiscard]] Result<RegisterDecision> decide_register(const ImageAccess& access, ParsedSchemas& schemas,
                                                       const RegisterRequest& request, model::Timestamp now,
                                                       const RegistryBounds& bounds = {});

// How a schema compares with what the subject has: with one version, or with those that its level asks for.
// `version`: kLatestVersion: with the last one, if any. Errors: those of prepare(), 40402.
struct CheckRequest {
  std::string subject;
  SchemaInput schema;
  bool normalize = false;
  std::optional<VersionNumber> version;
};
struct CheckResult {
  Level level = Level::kBackward;
  std::vector<VersionNumber> compared;
  std::vector<Verdict> verdicts;  // none: it may come
};
[[nodiscard]] Result<CheckResult> check_schema(const ImageAccess& access, ParsedSchemas& schemas,
                                               const CheckRequest& request);

struct DeleteDecision {
  SchemaRecords records;
  std::vector<VersionNumber> versions;  // in ascending order
};
// `version`: nothing: the whole subject. Errors: 40401, 40402, 40404-40407, 42205 (mode), 42206.
[[nodiscard]] Result<DeleteDecision> decide_delete(const RegistryImage& image, const std::string& subject,
                                                   std::optional<VersionNumber> version, bool permanent);

// `scope` as in records. What `change` does not say stays. Errors: 42205 (mode), 42208.
[[nodiscard]] Result<SchemaRecords> decide_config(const RegistryImage& image, const std::string& scope,
                                                  const Config& change);
// Back to what is around it. Errors: 40401: it has none of its own, and is not all.
[[nodiscard]] Result<SchemaRecords> decide_config_removal(const RegistryImage& image,
                                                          const std::string& scope);
// Errors: 42205: IMPORT where there are subjects, without `force`.
[[nodiscard]] Result<SchemaRecords> decide_mode(const RegistryImage& image, const std::string& scope,
                                                Mode mode, bool force);
[[nodiscard]] Result<SchemaRecords> decide_mode_removal(const RegistryImage& image, const std::string& scope);
// Errors: 42205 for the default one, 42211: it is not empty.
[[nodiscard]] Result<SchemaRecords> decide_context_removal(const RegistryImage& image,
                                                           const std::string& context);

}  // namespace forebay::schema
