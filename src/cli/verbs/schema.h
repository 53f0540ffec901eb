// What the `schema` verbs have in common: schemas in files, and how they, versions and verdicts are shown.
// Thread rules: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/session.h"
#include "forebay/schema_registry.h"

namespace forebay::cli {

// A schema as the words of a command line name it.
struct SchemaSource {
  std::string file;  // "-": standard input
  std::optional<std::string> type;
  std::vector<std::string> references;  // NAME=SUBJECT[:VERSION]
};
// --type and --reference, and the positional FILE. `source` outlives the command.
[[nodiscard]] std::vector<Option> source_options(SchemaSource* source);
[[nodiscard]] Positional source_positional(SchemaSource* source);
// Errors: kNotFound (no such file), kInvalidArgument (type, references), kStorageFailed.
[[nodiscard]] Result<Schema> read_schema(const SchemaSource& source);
// From the ending of a file's name. Errors: kInvalidArgument.
[[nodiscard]] Result<SchemaFormat> format_of_file(std::string_view file);

// "latest", or a number from 1. Errors: kInvalidArgument.
[[nodiscard]] Result<std::int32_t> parse_schema_version(std::string_view text);
[[nodiscard]] Apply set_schema_version(std::optional<std::int32_t>* target);
// "SUBJECT" or "SUBJECT:VERSION"; what stands behind the last colon and is no version belongs to the name.
struct NamedSubject {
  std::string subject;
  std::int32_t version = kLatestVersion;
};
[[nodiscard]] Result<NamedSubject> parse_named_subject(std::string_view text);

[[nodiscard]] Positional subject_positional(std::string* subject, std::string help,
                                            Option::Need need = Option::Need::kRequired);

// {"type", "schema", "references", "metadata", "rule_set"}: what a Schema is, behind what `value` has.
void put_schema(Value& value, const Schema& schema);
inline constexpr const char* kSchemaShape =
    "\"type\": \"AVRO\" or \"JSON\" or \"PROTOBUF\", \"schema\": text,\n"
    " \"references\": [{\"name\": text, \"subject\": text, \"version\": n}],\n"
    " \"metadata\": {\"tags\": {path: [text]}, \"properties\": {name: text}, \"sensitive\": [text]} or "
    "null,\n"
    " \"rule_set\": text or null";
// {"subject", "version", "id", "guid", "deleted", "registered_at"}
[[nodiscard]] Value version_value(const SchemaVersion& version);
[[nodiscard]] Value numbers_value(const std::vector<std::int32_t>& numbers);
[[nodiscard]] std::string numbers_text(const std::vector<std::int32_t>& numbers);  // "1, 2 and 5"

[[nodiscard]] Value verdict_value(const SchemaVerdict& verdict);
inline constexpr const char* kVerdictShape =
    "{\"version\": n, \"who_cannot_read\": \"new\" or \"old\", \"rule\": text, \"path\": text, \"before\": "
    "text,\n"
    "  \"after\": text, \"allowed\": text, \"text\": text}";
// Lines for one object each.
[[nodiscard]] std::vector<Column> verdict_columns();

[[nodiscard]] Value rules_value(const SchemaRules& rules);
// "subject orders-value", "context .sales", "all subjects".
[[nodiscard]] std::string scope_text(const std::string& scope);

// As Session::fail(), with what shows the subjects, or the versions of this one, where there is none such.
ExitCode fail_schema(Session& session, const Error& error, const std::string& subject);

// Of `schema` verbs with that name.
[[nodiscard]] Command schema_command(std::string verb, std::string summary);

}  // namespace forebay::cli
