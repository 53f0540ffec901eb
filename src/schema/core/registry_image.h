// All that the registry knows: the fold of its records. Pure; who shares it between threads guards it.
// Invariants: an id names one schema for ever; every version's schema is here; every reference leads to a
// version that is here.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "schema/core/fingerprint.h"
#include "schema/core/records.h"

namespace forebay::schema {

using StoredSchemaPtr = std::shared_ptr<const StoredSchema>;  // stays when it leaves the image
using SubjectVersion = std::pair<std::string, VersionNumber>;
using ContextId = std::pair<std::string, SchemaId>;

struct Version {
  SchemaId id = 0;
  bool deleted = false;
  model::Timestamp at;
};
struct Subject {
  std::string context;
  std::map<VersionNumber, Version> versions;
  [[nodiscard]] bool has_active() const;
  // The last one that is not deleted; with `deleted` of all.
  [[nodiscard]] std::optional<VersionNumber> latest(bool deleted = false) const;
};
struct SchemaUse {
  StoredSchemaPtr schema;
  std::set<SubjectVersion> versions;  // that are this schema
};
struct Context {
  SchemaId last_id = 0;  // the highest that was ever taken
  std::map<SchemaId, SchemaUse> schemas;
  std::map<Fingerprint, SchemaId> by_content;
  std::map<SchemaId, Fingerprint> gone;  // deleted for good: nothing else ever has their ids
};

struct RegistryImage {
  std::map<std::string, Context> contexts;
  std::map<std::string, Subject> subjects;  // by their names with the context
  std::map<std::string, Config> configs;    // by scope
  std::map<std::string, Mode> modes;
  std::map<SubjectVersion, std::set<ContextId>> referenced_by;
  std::map<model::Uuid, std::set<ContextId>> by_guid;
  std::size_t bytes =
      0;  // of schemas and versions, about, as they are in memory and in the state that is sent

  // Nothing: there is none.
  [[nodiscard]] const Subject* subject(const std::string& qualified) const;
  [[nodiscard]] const Version* version(const std::string& qualified, VersionNumber number) const;
  [[nodiscard]] StoredSchemaPtr schema(const std::string& context, SchemaId id) const;
  [[nodiscard]] const SchemaUse* use(const std::string& context, SchemaId id) const;
  [[nodiscard]] std::optional<SchemaId> id_of(const std::string& context, const Fingerprint& content) const;
};

[[nodiscard]] std::size_t bytes_of(const SchemaContent& content);

// A refused record changes nothing. Errors: kCorruptBatch: it cannot follow.
[[nodiscard]] Result<void> apply(RegistryImage& image, const SchemaRecord& record);

// For who puts an image together from its parts, schemas first: what belongs together is looked at in the
// end. Errors of check(): kCorruptBatch: it is no image.
void insert(RegistryImage& image, const SchemaAdded& record);
void insert(RegistryImage& image, const std::string& context, SchemaId id, const Fingerprint& gone);
[[nodiscard]] Result<void> check(const RegistryImage& image);

}  // namespace forebay::schema
