// The schema registry of the cluster: schemas, the subjects that they are versions of, and the rules by which
// those change. docs/schemas.md says what the words mean. Any node is asked: what it does not hold itself,
// and every change, it gets from the node that leads the registry. A call waits for its answer, at most
// ClientOptions::request_timeout.
//
// Common errors: those of Admin. Where the registry itself refuses, Error::registry_code has the number that
// its REST API gives: 40401 no such subject, 40402 version, 40403 schema; 40404 to 40407 deleted, or not yet;
// 40901 incompatible; 42201 invalid schema; 42205 not allowed in this mode; 42206 referred to; 42207 the id
// is taken; 42208 invalid name; 42209 too large; 42211 the context is not empty.
//
// Threads: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/client_options.h"
#include "forebay/schemas.h"

namespace forebay {

struct SchemaRegistryOptions {
  // Schemas that are kept, by id and GUID, and ids that are, by subject and text: so many of each, those used
  // last. Neither ever changes.
  std::size_t cache_entries_max = 1'000;
};

class SchemaRegistry {
 public:
  // Connects to nobody yet. Errors: kInvalidArgument, naming the option.
  [[nodiscard]] static Result<std::unique_ptr<SchemaRegistry>> create(ClientOptions client,
                                                                      SchemaRegistryOptions options = {});
  ~SchemaRegistry();
  SchemaRegistry(const SchemaRegistry&) = delete;
  SchemaRegistry& operator=(const SchemaRegistry&) = delete;

  enum class Normalize : std::uint8_t { kAsConfigured, kYes };
  // A new version, unless the subject has this schema. Errors: 40901, with every rule that it breaks; 42201,
  // 42205, 42208, 42209.
  [[nodiscard]] Result<RegisteredSchema> register_schema(const std::string& subject, const Schema& schema,
                                                         Normalize normalize = Normalize::kAsConfigured);
  // Takes over a version as another registry has it, with id, version and deletion, whatever mode and
  // compatibility say, into the subject of that very name, alias or not. Again is a success. Errors:
  // kFailedPrecondition (42205, 42207): what is here contradicts it.
  [[nodiscard]] Result<RegisteredSchema> import_version(const SchemaVersion& version);
  // Under which version the subject has this schema. Errors: 40401, 40403, 42201.
  [[nodiscard]] Result<SchemaVersion> lookup(const std::string& subject, const Schema& schema,
                                             Normalize normalize = Normalize::kAsConfigured);
  // What register_schema() would say of compatibility, in full. `version`: with that one alone; nothing: with
  // those that the subject's level asks for. Errors: 40402, 42201.
  [[nodiscard]] Result<SchemaCheck> check(const std::string& subject, const Schema& schema,
                                          std::optional<std::int32_t> version = std::nullopt);
  // `subject`: whose context the id is of; empty: the default one. Errors: 40403.
  [[nodiscard]] Result<FoundSchema> get_by_id(std::int32_t id, const std::string& subject = {});
  [[nodiscard]] Result<FoundSchema> get_by_guid(const std::string& guid);
  enum class Deleted : std::uint8_t { kHide, kShow };
  enum class Aliases : std::uint8_t {
    kFollow,
    kIgnore,  // the subject of that very name is meant, also when it is an alias of another one
  };
  // Errors: 40401, 40402.
  [[nodiscard]] Result<FoundSchemaVersion> get_version(const std::string& subject,
                                                       std::int32_t version = kLatestVersion,
                                                       Deleted deleted = Deleted::kHide,
                                                       Aliases aliases = Aliases::kFollow);
  // In the order of names.
  [[nodiscard]] Result<std::vector<std::string>> list_subjects(const SchemaFilter& filter = {});
  // Of one subject. Errors: 40401.
  enum class Texts : std::uint8_t { kNo, kYes };
  [[nodiscard]] Result<std::vector<SchemaVersion>> list_versions(const std::string& subject,
                                                                 Deleted deleted = Deleted::kHide,
                                                                 Texts texts = Texts::kNo);
  // Of all subjects that the filter names, in the order of subjects and versions.
  [[nodiscard]] Result<std::vector<SchemaVersion>> list_all_versions(const SchemaFilter& filter = {},
                                                                     Texts texts = Texts::kNo);
  enum class Delete : std::uint8_t {
    kSoftly,       // not offered any more; found by its id, and by who asks for deleted ones
    kPermanently,  // of what is softly deleted: for good, but for its id, which is never given again
  };
  enum class Force : std::uint8_t { kNo, kYes };
  // One version, or all that the subject has. `force`: also what records have come with in the last seven
  // days. Returns: which. Errors: 40401, 40402, 40404 to 40407, 42205, 42206.
  [[nodiscard]] Result<std::vector<std::int32_t>> delete_versions(
      const std::string& subject, std::optional<std::int32_t> version = std::nullopt,
      Delete how = Delete::kSoftly, Force force = Force::kNo);
  // Which versions still arrive, where, from whom, and when last. Errors: 40401.
  [[nodiscard]] Result<SchemaUsages> usage(const std::string& subject);
  // `scope`: a subject, a context (":.CONTEXT:"), or empty: all.
  [[nodiscard]] Result<SchemaRulesFound> get_rules(const std::string& scope = {});
  // What `change` does not say stays; an alias or a group of "" is none any more. `force`: mode IMPORT where
  // there are subjects. Errors: 42205, 42208.
  [[nodiscard]] Result<SchemaRulesChanged> set_rules(const std::string& scope, const SchemaRules& change,
                                                     Force force = Force::kNo);
  struct ClearedRules {
    bool config = true;  // all but the mode
    bool mode = true;
  };
  // Back to what is around it. Errors: 40401: a subject has none of its own.
  [[nodiscard]] Result<SchemaRulesChanged> clear_rules(const std::string& scope, ClearedRules what);
  [[nodiscard]] Result<std::vector<std::string>> list_contexts();  // "." first
  // Subjects, with or without versions, and contexts (":.NAME:") that have a mode or rules of their own; "":
  // all.
  [[nodiscard]] Result<std::vector<std::string>> list_scopes_with_rules();
  // Every rule that a change from one schema to the other breaks, in both directions, whatever the level of
  // the subject. Judged here, as the registry does; `subject`: in whose context references are looked up, and
  // whose policy for JSON Schema holds. Errors: kInvalidArgument: the formats differ; 42201; those of
  // get_version() for references.
  [[nodiscard]] Result<std::vector<SchemaVerdict>> compare(const std::string& subject, const Schema& before,
                                                           const Schema& after);

 private:
  friend class SchemaSerializer;
  friend class SchemaDeserializer;
  class Core;
  explicit SchemaRegistry(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace forebay
