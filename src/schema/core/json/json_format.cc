#include "schema/core/json/json_format.h"

#include <utility>

#include "schema/core/json/json_check.h"
#include "schema/core/json/json_compatibility.h"
#include "schema/core/json/json_compiler.h"

namespace forebay::schema::json {
namespace {

// Of a payload that a record can carry.
constexpr std::size_t kPayloadBytesMax = 64U << 20;

class JsonFormat final : public ParsedSchema {
 public:
  JsonFormat(Schema schema, std::size_t depth_max) : schema_(std::move(schema)), depth_max_(depth_max) {}

  [[nodiscard]] Format format() const override { return Format::kJson; }
  [[nodiscard]] std::string canonical_text() const override { return to_text(schema_.text_root()); }
  [[nodiscard]] std::string normalized_text() const override { return to_text(schema_.text_root(), true); }
  [[nodiscard]] Result<std::string> text_as(std::string_view form) const override {
    if (form.empty() || form == "default") return canonical_text();
    return Error{ErrorCode::kInvalidArgument,
                 "JSON Schema has no form '" + std::string(form) + "'; there is: default"};
  }
  [[nodiscard]] Result<std::string> record_name(MessagePath) const override {
    const Value* title = schema_.text_root().find("title");
    return title != nullptr ? std::string(title->text) : std::string();
  }
  [[nodiscard]] std::vector<Difference> differences(const ParsedSchema& writer,
                                                    const CompatibilityPolicy& policy) const override {
    return json::differences(schema_, static_cast<const JsonFormat&>(writer).schema_, policy);
  }
  [[nodiscard]] std::optional<PayloadFault> check(ByteSpan payload, MessagePath) const override {
    const auto document = read(as_text(payload));
    if (!document) return PayloadFault{"", document.error().context, "one JSON value"};
    return json::check(schema_, document->root(), payload.size());
  }
  [[nodiscard]] Result<std::string> to_json(ByteSpan payload, MessagePath) const override {
    return compacted(as_text(payload));
  }
  [[nodiscard]] Result<std::string> from_json(std::string_view json, MessagePath) const override {
    return compacted(json);
  }
  [[nodiscard]] std::size_t memory_bytes() const override { return schema_.memory_bytes; }

 private:
  [[nodiscard]] Result<Document> read(std::string_view payload) const {
    return Document::parse(payload, "the payload", {kPayloadBytesMax, depth_max_});
  }
  [[nodiscard]] Result<std::string> compacted(std::string_view payload) const {
    const auto document = read(payload);
    if (!document) return Error{ErrorCode::kInvalidRecord, document.error().context};
    if (const auto fault = json::check(schema_, document->root(), payload.size()))
      return Error{ErrorCode::kInvalidRecord, (fault->path.empty() ? "the payload" : fault->path) +
                                                  ": found " + fault->found + ", expected " +
                                                  fault->expected};
    return to_text(document->root());
  }

  Schema schema_;
  std::size_t depth_max_;
};

}  // namespace

Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                               const Limits& limits) {
  FOREBAY_TRY(auto schema, compile(text, references, limits));
  return SchemaPtr(std::make_shared<JsonFormat>(std::move(schema), limits.depth_max));
}

}  // namespace forebay::schema::json
