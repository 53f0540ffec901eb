// What the words of the `schema` verbs mean: files, references, versions.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "cli/verbs/schema.h"

namespace forebay::cli {
namespace {

constexpr std::size_t kSchemaBytesMax = 1U << 20;  // as the registry takes

Error invalid(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

Result<std::string> read_file(const std::string& file) {
  const int descriptor = file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return Error{errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kStorageFailed,
                 file + ": " + std::strerror(errno)};
  std::string text;
  std::string buffer(64 * 1024, '\0');
  Result<std::string> outcome = text;
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      outcome = Error{ErrorCode::kStorageFailed, file + ": " + std::strerror(errno)};
      break;
    }
    text.append(buffer, 0, static_cast<std::size_t>(count));
    if (text.size() > kSchemaBytesMax) {
      outcome = invalid(file + " is longer than 1 MiB, which no schema may be");
      break;
    }
    if (count == 0) {
      outcome = std::move(text);
      break;
    }
  }
  if (descriptor != STDIN_FILENO) ::close(descriptor);
  return outcome;
}

Result<SchemaReference> parse_reference(std::string_view text) {
  const std::size_t at = text.find('=');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    return invalid("--reference: found '" + std::string(text) +
                   "', expected NAME=SUBJECT or NAME=SUBJECT:VERSION");
  FOREBAY_TRY(NamedSubject named, parse_named_subject(text.substr(at + 1)));
  return SchemaReference{std::string(text.substr(0, at)), std::move(named.subject), named.version};
}

}  // namespace

std::vector<Option> source_options(SchemaSource* source) {
  Option type{"--type", "TYPE", "avro, protobuf or json (default: by the ending of FILE: .avsc .proto .json)",
              set_text(&source->type)};
  type.completes = Completes::kChoice;
  type.choices = {"avro", "protobuf", "json"};
  return {std::move(type),
          {"--reference", "NAME=SUBJECT[:VERSION]",
           "another schema that it refers to: by which name, and which that is (default the latest)",
           add_text(&source->references), Option::Repeats::kYes}};
}

Positional source_positional(SchemaSource* source) {
  return {"FILE",
          "the schema; - is standard input",
          set_text(&source->file),
          Option::Repeats::kNo,
          Option::Need::kRequired,
          Completes::kFile,
          {}};
}

Result<SchemaFormat> format_of_file(std::string_view file) {
  if (file.ends_with(".avsc")) return SchemaFormat::kAvro;
  if (file.ends_with(".proto")) return SchemaFormat::kProtobuf;
  if (file.ends_with(".json")) return SchemaFormat::kJson;
  return invalid("the name '" + std::string(file) +
                 "' does not say the type of its schema (.avsc .proto .json): give --type");
}

Result<Schema> read_schema(const SchemaSource& source) {
  Schema schema;
  if (source.type) {
    FOREBAY_TRY(schema.format, parse_schema_format(*source.type));
  } else {
    FOREBAY_TRY(schema.format, format_of_file(source.file));
  }
  for (const std::string& one : source.references) {
    FOREBAY_TRY(SchemaReference reference, parse_reference(one));
    schema.references.push_back(std::move(reference));
  }
  FOREBAY_TRY(schema.text, read_file(source.file));
  return schema;
}

Result<std::int32_t> parse_schema_version(std::string_view text) {
  if (text == "latest") return kLatestVersion;
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1)
    return invalid("'" + std::string(text) + "' is no version: latest, or a number from 1");
  return number;
}

Apply set_schema_version(std::optional<std::int32_t>* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(*target, parse_schema_version(text));
    return {};
  };
}

Result<NamedSubject> parse_named_subject(std::string_view text) {
  NamedSubject named{std::string(text)};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    if (const auto version = parse_schema_version(text.substr(colon + 1)))
      named = {std::string(text.substr(0, colon)), *version};
  }
  if (named.subject.empty()) return invalid("a subject is missing: SUBJECT or SUBJECT:VERSION");
  return named;
}

Positional subject_positional(std::string* subject, std::string help, Option::Need need) {
  return {"SUBJECT", std::move(help), set_text(subject), Option::Repeats::kNo, need, Completes::kNothing, {}};
}

Command schema_command(std::string verb, std::string summary) {
  Command command;
  command.noun = "schema";
  command.verb = std::move(verb);
  command.summary = std::move(summary);
  return command;
}

}  // namespace forebay::cli
