#include "schema/core/protobuf/proto_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <memory>
#include <utility>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

constexpr const char* kPrefix = "type.googleapis.com";

std::unique_ptr<pb::util::TypeResolver> resolver_of(const Schema& schema) {
  return std::unique_ptr<pb::util::TypeResolver>(
      pb::util::NewTypeResolverForDescriptorPool(kPrefix, schema.pool.get()));
}

// "(lines[1].price): invalid value ..."; of the whole there is no path.
Error wrong(const pb::util::Status& status) {
  std::string text = status.message().ToString();
  if (text.starts_with(": ")) text.erase(0, 2);
  return {ErrorCode::kInvalidRecord, std::move(text)};
}

}  // namespace

Result<std::string> to_json(const Schema& schema, const std::string& message, ByteSpan payload) {
  std::string json;
  const auto status =
      pb::util::BinaryToJsonString(resolver_of(schema).get(), std::string(kPrefix) + '/' + message,
                                   std::string(as_text(payload)), &json, {});
  if (!status.ok()) return wrong(status);
  return json;
}

Result<std::string> from_json(const Schema& schema, const std::string& message, std::string_view json) {
  std::string payload;
  const auto status =
      pb::util::JsonToBinaryString(resolver_of(schema).get(), std::string(kPrefix) + '/' + message,
                                   pb::StringPiece(json.data(), json.size()), &payload, {});
  if (!status.ok()) return wrong(status);
  return payload;
}

}  // namespace forebay::schema::protobuf
