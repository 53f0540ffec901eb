// What `__schemas` holds: schemas, which of them are versions of which subjects, and how subjects are ruled.
// Plain values; the registry is their fold (registry_image.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "schema/core/difference.h"
#include "schema/core/schema.h"

namespace forebay::schema {

// Of a schema within its context; never given twice, not even when the schema is gone.
using SchemaId = std::int32_t;
using VersionNumber = std::int32_t;  // within its subject, from 1

// By which name a schema knows another one, and which that is.
struct Reference {
  std::string name;
  std::string subject;  // with its context (subject_name.h)
  VersionNumber version = 0;
  friend auto operator<=>(const Reference&, const Reference&) = default;
};

// What people say about a schema. Part of its identity.
struct Metadata {
  std::map<std::string, std::set<std::string>> tags;  // by path within the schema
  std::map<std::string, std::string> properties;
  std::set<std::string> sensitive;  // properties that are not to be shown to everybody
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

// What makes two schemas the same: all of it is equal.
struct SchemaContent {
  Format format = Format::kAvro;
  std::string text;  // canonical
  std::vector<Reference> references;
  std::optional<Metadata> metadata;
  std::string rule_set;  // JSON that clients carry out, kept as it is; empty: none
  friend bool operator==(const SchemaContent&, const SchemaContent&) = default;
};

struct StoredSchema {
  SchemaId id = 0;
  model::Uuid guid;  // follows from the content: the same in every context and cluster
  SchemaContent content;
  friend bool operator==(const StoredSchema&, const StoredSchema&) = default;
};

enum class Level : std::uint8_t {  // stored: never renumber one
  kNone = 1,
  kBackward = 2,  // a new version reads what the last one wrote
  kBackwardTransitive = 3,
  kForward = 4,  // the last version reads what a new one writes
  kForwardTransitive = 5,
  kFull = 6,
  kFullTransitive = 7,
};
enum class Mode : std::uint8_t { kReadWrite = 1, kReadOnly = 2, kImport = 3 };  // stored, likewise

// Of a subject, a context or of all; what is not set is that of what is around it.
struct Config {
  std::optional<Level> level;
  std::optional<CompatibilityPolicy::Json> json_policy;
  std::optional<bool> normalize;     // as if every request asked for it
  std::optional<std::string> alias;  // requests for this subject mean that one; of a subject only
  // Versions are compared within those that have the same value of this property in their metadata.
  std::optional<std::string> group;
  [[nodiscard]] bool is_empty() const { return *this == Config{}; }
  friend bool operator==(const Config&, const Config&) = default;
};

// --- records
struct SchemaAdded {
  std::string context;
  StoredSchema schema;
  friend bool operator==(const SchemaAdded&, const SchemaAdded&) = default;
};
struct VersionSet {  // is there from now on, or is there again
  std::string subject;
  VersionNumber version = 0;
  SchemaId id = 0;
  bool deleted = false;  // softly: still found by who asks for deleted ones, and by its id
  model::Timestamp at;   // when it was registered
  friend bool operator==(const VersionSet&, const VersionSet&) = default;
};
struct VersionRemoved {  // for good; with its last version a schema goes as well, its id stays taken
  std::string subject;
  VersionNumber version = 0;
  friend bool operator==(const VersionRemoved&, const VersionRemoved&) = default;
};
// All its versions, softly. One record, whatever their number.
struct SubjectDeleted {
  std::string subject;
  friend bool operator==(const SubjectDeleted&, const SubjectDeleted&) = default;
};
// All of it for good, with its configuration and mode.
struct SubjectRemoved {
  std::string subject;
  friend bool operator==(const SubjectRemoved&, const SubjectRemoved&) = default;
};
struct ConfigSet {
  std::string scope;  // a subject; ":.CONTEXT:"; empty: all
  Config config;      // empty: none of its own
  friend bool operator==(const ConfigSet&, const ConfigSet&) = default;
};
struct ModeSet {
  std::string scope;
  std::optional<Mode> mode;  // nothing: none of its own
  friend bool operator==(const ModeSet&, const ModeSet&) = default;
};
struct ContextRemoved {  // one that holds nothing; its ids stay taken
  std::string context;
  friend bool operator==(const ContextRemoved&, const ContextRemoved&) = default;
};
using SchemaRecord = std::variant<SchemaAdded, VersionSet, VersionRemoved, SubjectDeleted, SubjectRemoved,
                                  ConfigSet, ModeSet, ContextRemoved>;
using SchemaRecords = std::vector<SchemaRecord>;

}  // namespace forebay::schema
