#include "schema/core/protobuf/proto_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "schema/core/protobuf/proto_any.h"
#include "schema/core/protobuf/proto_check.h"

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

// A name may be long, and be there for each byte of the payload. The library has no bound, and goes on when
// what it writes to is full: it gets no more to read.
class BoundedText final : public pb::io::ZeroCopyOutputStream {
 public:
  explicit BoundedText(std::size_t bytes_max) : bytes_max_(bytes_max), stream_(&text_) {}
  bool Next(void** data, int* size) override {  // what was given before is used up
    has_refused_ = has_refused_ || text_.size() > bytes_max_;
    return !has_refused_ && stream_.Next(data, size);
  }
  void BackUp(int count) override { stream_.BackUp(count); }
  [[nodiscard]] std::int64_t ByteCount() const override { return stream_.ByteCount(); }
  [[nodiscard]] bool has_refused() const { return has_refused_; }
  // Of the whole, once all is written.
  [[nodiscard]] bool is_too_long() const { return has_refused_ || text_.size() > bytes_max_; }
  [[nodiscard]] std::string& text() { return text_; }

 private:
  std::size_t bytes_max_;
  std::string text_;
  pb::io::StringOutputStream stream_;
  bool has_refused_ = false;
};
class InputUntilFull final : public pb::io::ZeroCopyInputStream {
 public:
  InputUntilFull(ByteSpan payload, const BoundedText& output)
      : stream_(payload.data(), static_cast<int>(payload.size()), kBlockBytes), output_(output) {}
  bool Next(const void** data, int* size) override {
    return !output_.has_refused() && stream_.Next(data, size);
  }
  void BackUp(int count) override { stream_.BackUp(count); }
  bool Skip(int count) override { return stream_.Skip(count); }
  [[nodiscard]] std::int64_t ByteCount() const override { return stream_.ByteCount(); }

 private:
  static constexpr int kBlockBytes = 4096;
  pb::io::ArrayInputStream stream_;
  const BoundedText& output_;
};

}  // namespace

Result<std::string> to_json(const Schema& schema, const std::string& message, ByteSpan payload,
                            std::size_t json_bytes_max) {
  if (!is_shallow(schema, message, payload, kPayloadDepthMax))
    return Error{ErrorCode::kInvalidRecord, "found one more message, expected at most " +
                                                std::to_string(kPayloadDepthMax) +
                                                " within each other, those in an Any included"};
  const pb::LogSilencer quiet;  // of a writer that ends early
  BoundedText json(json_bytes_max);
  InputUntilFull input(payload, json);
  const auto status = pb::util::BinaryToJsonStream(resolver_of(schema).get(),
                                                   std::string(kPrefix) + '/' + message, &input, &json, {});
  if (json.is_too_long())
    return Error{ErrorCode::kRecordTooLarge,
                 "found a value that has more than " + std::to_string(json_bytes_max) + " bytes as JSON"};
  if (!status.ok()) return wrong(status);
  return std::move(json.text());
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
