// What the schema registry (schema_registry.h) is made of. docs/schemas.md says what the words mean.
// Thread rules: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/error.h"

namespace forebay {

enum class SchemaFormat : std::uint8_t { kAvro = 1, kJson = 2, kProtobuf = 3 };
// "AVRO", "JSON", "PROTOBUF".
[[nodiscard]] std::string_view schema_format_name(SchemaFormat format);
// In any case. Errors: kInvalidArgument, naming what is accepted.
[[nodiscard]] Result<SchemaFormat> parse_schema_format(std::string_view name);

inline constexpr std::int32_t kLatestVersion = -1;

// Another schema that one refers to.
struct SchemaReference {
  std::string name;     // JSON Schema: what "$ref" says; Protobuf: the path of the import; Avro: for people
  std::string subject;  // without a context: in that of the schema
  std::int32_t version = kLatestVersion;
  friend bool operator==(const SchemaReference&, const SchemaReference&) = default;
};

// What people say about a schema. Part of its identity.
struct SchemaMetadata {
  std::map<std::string, std::vector<std::string>> tags;  // by path within the schema
  std::map<std::string, std::string> properties;
  std::vector<std::string> sensitive;  // names of properties
  friend bool operator==(const SchemaMetadata&, const SchemaMetadata&) = default;
};

struct Schema {
  SchemaFormat format = SchemaFormat::kAvro;
  std::string text;
  std::vector<SchemaReference> references;
  std::optional<SchemaMetadata> metadata;  // absent on registration: that of the subject's last version
  std::string rule_set;                    // JSON that clients carry out; kept as it is
  friend bool operator==(const Schema&, const Schema&) = default;
};

struct SchemaVersion {
  std::string subject;  // with its context, unless that is the default one
  std::int32_t version = 0;
  std::int32_t id = 0;
  std::string guid;
  Schema schema;  // empty where it was not asked for
  bool deleted = false;
  std::int64_t registered_at_ms = 0;
  friend bool operator==(const SchemaVersion&, const SchemaVersion&) = default;
};

struct RegisteredSchema {
  SchemaVersion version;  // without the schema
  bool is_new = false;    // false: it was there already, and nothing has changed
};

struct SchemaUse {
  std::string subject;
  std::int32_t version = 0;
  bool deleted = false;
};
struct FoundSchema {
  std::int32_t id = 0;
  std::string guid;
  Schema schema;
  std::vector<SchemaUse> uses;  // who has it, in its context
};
struct FoundSchemaVersion {
  SchemaVersion version;
  std::vector<std::int32_t> referenced_by;  // ids of schemas in use that refer to it
};

// One rule that a new version would break.
struct SchemaVerdict {
  std::int32_t version = 0;  // with which it was compared
  bool old_reads = false;    // the old version cannot read what the new one writes; else the other way round
  std::string rule;          // READER_FIELD_MISSING_DEFAULT_VALUE
  std::string path;          // in the schema that reads
  std::string before;        // what the old version has there; empty: nothing
  std::string after;         // what the new one has
  std::string allowed;       // what would be compatible
  std::string text;          // all of that in a sentence
};
enum class SchemaLevel : std::uint8_t {
  kNone = 1,
  kBackward = 2,  // a new version reads what the last one wrote
  kBackwardTransitive = 3,
  kForward = 4,  // the last version reads what a new one writes
  kForwardTransitive = 5,
  kFull = 6,
  kFullTransitive = 7,
};
[[nodiscard]] std::string_view schema_level_name(SchemaLevel level);  // "BACKWARD_TRANSITIVE"
// In any case. Errors: kInvalidArgument, naming what is accepted.
[[nodiscard]] Result<SchemaLevel> parse_schema_level(std::string_view name);

struct SchemaCheck {
  bool is_compatible = false;
  SchemaLevel level = SchemaLevel::kBackward;
  std::vector<std::int32_t> compared;  // versions
  std::vector<SchemaVerdict> verdicts;
};

// Which subjects or versions are listed.
struct SchemaFilter {
  // What their names begin with. Empty: all of the default context; ":*:": of all contexts; ":.CONTEXT:": of
  // that one.
  std::string prefix;
  enum class Deleted : std::uint8_t { kHide, kShow, kOnly } deleted = Deleted::kHide;  // softly
};

enum class JsonPolicy : std::uint8_t {
  kStrict = 1,
  kLenient = 2
};  // lenient: optional properties come and go
enum class SchemaMode : std::uint8_t {
  kReadWrite = 1,
  kReadOnly = 2,
  kImport = 3,  // versions come with their ids, and are not compared
};
[[nodiscard]] std::string_view schema_mode_name(SchemaMode mode);  // "READWRITE"
// In any case. Errors: kInvalidArgument, naming what is accepted.
[[nodiscard]] Result<SchemaMode> parse_schema_mode(std::string_view name);

// What is not set holds as it does around it: of a subject in its context, of a context in all.
struct SchemaRules {
  std::optional<SchemaLevel> level;
  std::optional<JsonPolicy> json_policy;
  std::optional<bool> normalize;
  std::optional<std::string> alias;  // of a subject: requests for it mean this one
  std::optional<std::string> group;  // versions are compared within those with one value of this property
  std::optional<SchemaMode> mode;
  friend bool operator==(const SchemaRules&, const SchemaRules&) = default;
};
struct SchemaRulesFound {
  SchemaRules own;
  SchemaRules effective;  // everything but alias and group is there
};
struct SchemaRulesChanged {
  SchemaRules own;     // as it is now
  SchemaRules before;  // as it was
};

// Who sends records with a version to a topic that validates schemas, as far as nodes have counted.
struct SchemaUsage {
  struct Producer {
    std::string client_id;  // ClientOptions::client_id; empty: it does not say who it is
    std::uint64_t records = 0;
    std::int64_t last_ms = 0;
  };
  std::int32_t version = 0;
  std::int32_t id = 0;
  std::string topic;
  std::uint64_t records = 0;  // that came, also those that were refused
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::vector<Producer> producers;  // the latest first, 20 at most of each node
};
struct SchemaUsages {
  std::vector<SchemaUsage> usages;           // in the order of versions and topics; those in use only
  std::vector<std::uint32_t> missing_nodes;  // that could not be asked
};

}  // namespace forebay
