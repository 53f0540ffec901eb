#include "schema/core/protobuf/proto_format.h"

#include <google/protobuf/descriptor.h>

#include <utility>

#include "schema/core/protobuf/proto_check.h"
#include "schema/core/protobuf/proto_compatibility.h"
#include "schema/core/protobuf/proto_json.h"
#include "schema/core/protobuf/proto_layout.h"
#include "schema/core/protobuf/proto_parser.h"
#include "schema/core/protobuf/proto_text.h"

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

class ProtoFormat final : public ParsedSchema {
 public:
  ProtoFormat(Schema parsed, std::size_t json_bytes_max)
      : parsed_(std::move(parsed)), layout_(layout_of(parsed_)), json_bytes_max_(json_bytes_max) {}

  [[nodiscard]] Format format() const override { return Format::kProtobuf; }
  [[nodiscard]] std::string canonical_text() const override { return text_of(parsed_, TextForm::kCanonical); }
  [[nodiscard]] std::string normalized_text() const override {
    return text_of(parsed_, TextForm::kNormalized);
  }
  [[nodiscard]] Result<std::string> text_as(std::string_view form) const override {
    if (form.empty() || form == "default") return canonical_text();
    if (form == "serialized") return serialized(parsed_);
    if (form == "ignore_extensions") return text_of(parsed_, TextForm::kIgnoreExtensions);
    return Error{ErrorCode::kInvalidArgument, "Protobuf has no form '" + std::string(form) +
                                                  "'; there are: default, serialized, ignore_extensions"};
  }
  [[nodiscard]] Result<std::string> record_name(MessagePath path) const override {
    if (path.empty() && parsed_.file->message_type_count() == 0) return std::string();
    FOREBAY_TRY(const pb::Descriptor* message, message_at(path));
    return message->full_name();
  }
  [[nodiscard]] std::vector<Difference> differences(const ParsedSchema& writer,
                                                    const CompatibilityPolicy&) const override {
    return protobuf::differences(parsed_, static_cast<const ProtoFormat&>(writer).parsed_);
  }
  [[nodiscard]] std::optional<PayloadFault> check(ByteSpan payload, MessagePath path) const override {
    const auto message = message_at(path);
    if (!message) return PayloadFault{"", message.error().context, "the index of a message"};
    return protobuf::check(layout_, layout_.indexes.at(*message), payload);
  }
  [[nodiscard]] Result<std::string> to_json(ByteSpan payload, MessagePath path) const override {
    FOREBAY_TRY(const pb::Descriptor* message, message_at(path));
    FOREBAY_CHECK(checked(*message, payload));
    if (holds_group(layout_, layout_.indexes.at(message), payload))
      return Error{ErrorCode::kUnsupported,
                   "a group, which the library has no JSON for; use a message instead"};
    return protobuf::to_json(parsed_, message->full_name(), payload, json_bytes_max_);
  }
  [[nodiscard]] Result<std::string> from_json(std::string_view json, MessagePath path) const override {
    FOREBAY_TRY(const pb::Descriptor* message, message_at(path));
    FOREBAY_TRY(std::string payload, protobuf::from_json(parsed_, message->full_name(), json));
    FOREBAY_CHECK(checked(*message, as_bytes(payload)));
    return payload;
  }
  [[nodiscard]] std::size_t memory_bytes() const override {
    return parsed_.memory_bytes + layout_.memory_bytes();
  }

 private:
  // The entries of maps count among the nested ones, as they do in the descriptors that clients go by.
  [[nodiscard]] Result<const pb::Descriptor*> message_at(MessagePath path) const {
    const std::uint32_t first = path.empty() ? 0 : path.front();
    const pb::Descriptor* message = nullptr;
    if (first < static_cast<std::uint32_t>(parsed_.file->message_type_count()))
      message = parsed_.file->message_type(static_cast<int>(first));
    for (std::size_t i = 1; i < path.size() && message != nullptr; ++i) {
      const bool exists = path[i] < static_cast<std::uint32_t>(message->nested_type_count());
      message = exists ? message->nested_type(static_cast<int>(path[i])) : nullptr;
    }
    if (message != nullptr) return message;
    std::string text;
    for (const std::uint32_t one : path) text += (text.empty() ? "" : ", ") + std::to_string(one);
    return Error{ErrorCode::kInvalidArgument, "the schema has no message at [" + text + "]; it has " +
                                                  std::to_string(parsed_.file->message_type_count()) +
                                                  " at the top"};
  }

  [[nodiscard]] Result<void> checked(const pb::Descriptor& message, ByteSpan payload) const {
    const auto fault = protobuf::check(layout_, layout_.indexes.at(&message), payload);
    if (!fault) return {};
    return Error{ErrorCode::kInvalidRecord, (fault->path.empty() ? message.full_name() : fault->path) +
                                                ": found " + fault->found + ", expected " + fault->expected};
  }

  Schema parsed_;
  Layout layout_;
  std::size_t json_bytes_max_;
};

}  // namespace

Result<SchemaPtr> parse_format(std::string_view text, const std::vector<NamedText>& references,
                               const Limits& limits) {
  FOREBAY_TRY(auto parsed, parse(text, references, limits));
  return SchemaPtr(std::make_shared<ProtoFormat>(std::move(parsed), limits.json_bytes_max));
}

}  // namespace forebay::schema::protobuf
