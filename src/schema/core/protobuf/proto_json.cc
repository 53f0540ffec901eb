#include "schema/core/protobuf/proto_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

constexpr const char* kPrefix = "type.googleapis.com";
constexpr std::size_t kPrefixBytes = std::char_traits<char>::length(kPrefix);

std::unique_ptr<pb::util::TypeResolver> resolver_of(const Schema& schema) {
  return std::unique_ptr<pb::util::TypeResolver>(
      pb::util::NewTypeResolverForDescriptorPool(kPrefix, schema.pool.get()));
}

constexpr std::string_view kInvalid = "): invalid value ", kForType = " for type ",
                           kNoField = ": Cannot find field.";

// "TYPE_INT32", or the URL of an enum.
std::string type_name(std::string_view type) {
  if (type.starts_with(kPrefix)) return "a value of the enum " + std::string(type.substr(kPrefixBytes + 1));
  if (!type.starts_with("TYPE_")) return std::string(type);
  std::string name(type.substr(5));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name;
}

// "WHY", a part of the text, and a mark below the place in it.
std::string no_json(std::string_view text) {
  const std::size_t first = text.find('\n'), last = text.rfind('\n');
  std::string_view part = first < last ? text.substr(first + 1, last - first - 1) : std::string_view();
  part.remove_prefix(std::min(part.size(), text.size() - last - 2));
  return "the payload: no JSON " + (part.empty() ? "at its end" : "at '" + std::string(part) + "'") + ": " +
         std::string(text.substr(0, first));
}

// The library's words, as path, found and expected where they have one of its forms:
// "(lines[1].price): invalid value "x" for type TYPE_INT32", "(lines[1]) none: Cannot find field.".
std::string told(std::string_view text) {
  if (text.ends_with('^') && text.find('\n') != std::string_view::npos) return no_json(text);
  if (text.starts_with(": ")) text.remove_prefix(2);  // of the whole there is no path
  const std::size_t invalid = text.find(kInvalid), type = text.rfind(kForType);
  if (text.starts_with('(') && invalid < type && type != std::string_view::npos) {
    const std::size_t found = invalid + kInvalid.size();
    return std::string(text.substr(1, invalid - 1)) + ": found " +
           std::string(text.substr(found, type - found)) + ", expected " +
           type_name(text.substr(type + kForType.size()));
  }
  if (text.ends_with(kNoField)) {
    std::string path(text.substr(0, text.size() - kNoField.size()));
    if (const std::size_t end = path.rfind(") "); path.starts_with('(') && end != std::string::npos)
      path = path.substr(1, end - 1) + '.' + path.substr(end + 2);
    return path + ": found a name that the message has not, expected one of its fields";
  }
  return std::string(text);
}

Error wrong(const pb::util::Status& status) {
  std::string text = told(status.message().ToString());
  std::replace(text.begin(), text.end(), '\n', ' ');
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
