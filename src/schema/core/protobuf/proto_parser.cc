#include "schema/core/protobuf/proto_parser.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <string>
#include <utility>

#include "schema/core/protobuf/base64.h"
#include "schema/core/protobuf/known_files.h"
#include "schema/core/protobuf/proto_limits.h"
#include "schema/core/protobuf/proto_text.h"

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

std::string place(int line, int column) {
  if (line < 0) return {};
  return "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": ";
}

// The first errors of a file, each on its line; those that follow are mostly consequences.
class Errors final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  explicit Errors(const pb::compiler::SourceLocationTable& places) : places_(places) {}
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] Error take(const std::string& file) {
    if (text_.empty()) text_ = "it is not a schema";
    return {ErrorCode::kInvalidArgument, file + text_};
  }

  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    add(place(line, column) + message);
  }
  void AddError(const std::string&, const std::string& element, const pb::Message* descriptor,
                ErrorLocation location, const std::string& message) override {
    int line = -1, column = 0;
    if (location == IMPORT) {
      places_.FindImport(descriptor, element, &line, &column);
    } else {
      places_.Find(descriptor, location, &line, &column);
    }
    add(place(line, column) + (element.empty() ? "" : element + ": ") + message);
  }

 private:
  void add(const std::string& line) {
    constexpr int kMost = 5;
    if (++count_ <= kMost) text_ += (text_.empty() ? "" : "\n") + line;
  }
  const pb::compiler::SourceLocationTable& places_;
  std::string text_;
  int count_ = 0;
};

std::string_view without_space(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

class Builder {
 public:
  Builder(pb::DescriptorPool& pool, const Limits& limits) : pool_(pool), limits_(limits) {}

  // `who` begins every error of this file.
  Result<const pb::FileDescriptor*> add(std::string_view text, const std::string& name,
                                        const std::string& who) {
    if (text.size() > limits_.text_bytes_max) {
      return Error{ErrorCode::kRecordTooLarge, who + "the schema has " + std::to_string(text.size()) +
                                                   " bytes; at most " +
                                                   std::to_string(limits_.text_bytes_max)};
    }
    pb::FileDescriptorProto file;
    pb::compiler::SourceLocationTable places;
    Errors errors(places);
    FOREBAY_CHECK(looks_like_base64(without_space(text)) ? from_descriptor(text, who, file)
                                                         : from_text(text, who, file, places, errors));
    file.clear_source_code_info();
    file.set_name(name);
    if (auto fits = check_size(file, limits_, tally_); !fits)
      return Error{fits.error().code, who + fits.error().context};
    FOREBAY_CHECK(check_imports(file, who, places));
    const pb::FileDescriptor* built = pool_.BuildFileCollectingErrors(file, &errors);
    if (built == nullptr) return errors.take(who);
    text_bytes_ += text.size();
    return built;
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    constexpr std::size_t kElementBytes = 400;  // a descriptor with its entries in the pool's tables
    return text_bytes_ + tally_.elements * kElementBytes + tally_.names_bytes * 2;
  }

 private:
  Result<void> from_text(std::string_view text, const std::string& who, pb::FileDescriptorProto& file,
                         pb::compiler::SourceLocationTable& places, Errors& errors) {
    if (auto shallow = check_nesting(text, limits_); !shallow)
      return Error{shallow.error().code, who + shallow.error().context};
    pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokens(&input, &errors);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&errors);
    parser.RecordSourceLocationsTo(&places);
    if (!parser.Parse(&tokens, &file) || !errors.empty()) return errors.take(who);
    if (file.message_type_size() + file.enum_type_size() + file.extension_size() + file.service_size() +
            file.public_dependency_size() ==
        0)
      return Error{ErrorCode::kInvalidArgument,
                   who + "nothing is declared in it; expected at least one message"};
    return {};
  }
  static Result<void> from_descriptor(std::string_view text, const std::string& who,
                                      pb::FileDescriptorProto& file) {
    const auto bytes = from_base64(without_space(text));
    if (!bytes || !file.ParsePartialFromString(*bytes) || !file.IsInitialized()) {
      return Error{ErrorCode::kInvalidArgument,
                   who + "neither a .proto file nor base64 of a serialized FileDescriptorProto"};
    }
    return {};
  }
  // The library would tell of each use of what is missing, and not of what to do.
  Result<void> check_imports(const pb::FileDescriptorProto& file, const std::string& who,
                             const pb::compiler::SourceLocationTable& places) const {
    for (const std::string& import : file.dependency()) {
      if (pool_.FindFileByName(import) != nullptr) continue;
      int line = -1, column = 0;
      places.FindImport(&file, import, &line, &column);
      return Error{ErrorCode::kInvalidArgument, who + place(line, column) + "import \"" + import +
                                                    "\" is not known; expected a reference of that name"};
    }
    return {};
  }

  pb::DescriptorPool& pool_;
  const Limits& limits_;
  Tally tally_;
  std::size_t text_bytes_ = 0;
};

Result<Schema> parse_once(std::string_view text, const std::vector<NamedText>& references,
                          const Limits& limits) {
  const pb::LogSilencer
      quiet;  // the library tells the process's standard error of texts that it does not like
  auto pool = std::make_shared<pb::DescriptorPool>(&known_files());
  Builder builder(*pool, limits);
  std::string name = "default";  // of a file that has none, as other registries call it
  const auto is_taken = [&](const NamedText& one) { return one.name == name; };
  while (std::any_of(references.begin(), references.end(), is_taken)) name += '_';
  for (const NamedText& reference : references) {
    if (is_builtin(reference.name)) continue;
    const std::string who = "reference '" + reference.name + "': ";
    FOREBAY_CHECK(builder.add(reference.text, reference.name, who));
  }
  Schema schema;
  FOREBAY_TRY(schema.file, builder.add(text, name, ""));
  schema.memory_bytes = builder.memory_bytes();
  schema.pool = std::move(pool);
  return schema;
}

}  // namespace

Result<Schema> parse(std::string_view text, const std::vector<NamedText>& references, const Limits& limits) {
  FOREBAY_TRY(Schema schema, parse_once(text, references, limits));
  if (!looks_like_base64(without_space(text))) return schema;
  // A descriptor can say what no text can: a group of another name, fields of an option that nobody declares.
  // What is kept is what its text says, so that both are one schema; it is longer than the descriptor.
  Limits wider = limits;
  wider.text_bytes_max *= 8;
  const std::string canonical = text_of(schema, TextForm::kCanonical);
  auto again = parse_once(canonical, references, wider);
  if (!again || text_of(*again, TextForm::kCanonical) != canonical) {
    return Error{ErrorCode::kInvalidArgument, "the descriptor says what no .proto file can say" +
                                                  (again ? std::string() : ": " + again.error().context) +
                                                  "; expected one that protoc made"};
  }
  return again;
}

}  // namespace forebay::schema::protobuf
