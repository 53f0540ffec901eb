#include "schema/core/avro/avro_format.h"

#include <string>
#include <utility>

#include "schema/core/avro/avro_compatibility.h"
#include "schema/core/avro/avro_from_json.h"
#include "schema/core/avro/avro_parser.h"
#include "schema/core/avro/avro_payload.h"
#include "schema/core/avro/avro_text.h"

namespace forebay::schema::avro {
namespace {

std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += sizeof text + text.size();
  return bytes;
}
// Without properties and defaults, which have some bytes for each of the text.
std::size_t bytes_of(const Type& type) {
  std::size_t bytes = sizeof type + 3 * type.full_name().size() + type.doc.value_or("").size() +
                      bytes_of(type.aliases) + bytes_of(type.symbols) + type.branches.size() * sizeof(TypeId);
  for (const Field& field : type.fields)
    bytes += sizeof field + field.name.size() + field.doc.value_or("").size() + bytes_of(field.aliases);
  return bytes;
}

class AvroFormat final : public ParsedSchema {
 public:
  AvroFormat(Schema parsed, std::size_t text_bytes, const Limits& limits)
      : parsed_(std::move(parsed)), memory_bytes_(sizeof(AvroFormat) + text_bytes), limits_(limits) {
    for (const Type& type : parsed_.types) memory_bytes_ += bytes_of(type);
  }

  [[nodiscard]] Format format() const override { return Format::kAvro; }
  [[nodiscard]] std::string canonical_text() const override { return avro::canonical_text(parsed_); }
  [[nodiscard]] std::string normalized_text() const override { return avro::normalized_text(parsed_); }
  [[nodiscard]] Result<std::string> text_as(std::string_view form) const override {
    if (form.empty() || form == "default") return canonical_text();
    if (form == "resolved") return resolved_text(parsed_, limits_);
    return Error{ErrorCode::kInvalidArgument,
                 "Avro has no form '" + std::string(form) + "'; there are: default, resolved"};
  }
  [[nodiscard]] Result<std::string> record_name(MessagePath) const override {
    return is_named(parsed_.root_type().kind) ? parsed_.root_type().full_name() : std::string();
  }
  [[nodiscard]] std::vector<Difference> differences(const ParsedSchema& writer,
                                                    const CompatibilityPolicy&) const override {
    return avro::differences(parsed_, static_cast<const AvroFormat&>(writer).parsed_, limits_);
  }
  [[nodiscard]] std::optional<PayloadFault> check(ByteSpan payload, MessagePath) const override {
    return check_payload(parsed_, payload, limits_);
  }
  [[nodiscard]] Result<std::string> to_json(ByteSpan payload, MessagePath) const override {
    return payload_to_json(parsed_, payload, limits_);
  }
  [[nodiscard]] Result<std::string> from_json(std::string_view json, MessagePath) const override {
    return payload_from_json(parsed_, json, limits_);
  }
  [[nodiscard]] std::size_t memory_bytes() const override { return memory_bytes_; }

 private:
  Schema parsed_;
  std::size_t memory_bytes_;
  Limits limits_;
};

}  // namespace

Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                               const Limits& limits, Origin origin) {
  FOREBAY_TRY(auto parsed, parse(text, references, limits, origin));
  std::size_t text_bytes = text.size();
  for (const NamedText& one : references) text_bytes += one.text.size();
  return SchemaPtr(std::make_shared<AvroFormat>(std::move(parsed), text_bytes, limits));
}

}  // namespace forebay::schema::avro
