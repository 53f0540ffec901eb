// Arbitrary bytes as a .proto text, as a descriptor, as two texts to compare, and as a payload and JSON of a
// known schema. What is accepted must be read back as the same schema from what we print.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "schema/core/protobuf/base64.h"
#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

constexpr const char* kSchema =
    R"(syntax = "proto2"; import "google/protobuf/any.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message M { required int32 a = 1; optional string b = 2; repeated M c = 3; map<string, N> d = 4; repeated sint64 e = 5;
  repeated fixed32 f = 6 [packed = true]; optional group G = 7 { optional bytes h = 8; } oneof o { double i = 9; E j = 10; }
  extensions 100 to max; }
message N { optional google.protobuf.Any any = 1; optional google.protobuf.Struct of = 2;
  optional google.protobuf.Timestamp at = 3; optional float z = 4; }
enum E { X = 1; Y = 5; }
extend M { optional M ext = 100; })";

SchemaPtr known_schema() {
  static const SchemaPtr schema = parse_schema(Format::kProtobuf, kSchema).value();
  return schema;
}

SchemaPtr as_schema(std::string_view text) {
  const auto schema = parse_schema(Format::kProtobuf, text);
  if (!schema) {
    FOREBAY_ASSERT(!schema.error().context.empty());
    return nullptr;
  }
  FOREBAY_ASSERT((*schema)->differences(**schema, {}).empty());
  static_cast<void>((*schema)->text_as("ignore_extensions"));
  static_cast<void>((*schema)->normalized_text());
  const auto again = parse_schema(Format::kProtobuf, (*schema)->canonical_text());
  FOREBAY_ASSERT(again.has_value() && (*again)->canonical_text() == (*schema)->canonical_text());
  return *schema;
}

void as_payload(std::string_view bytes) {
  const auto schema = known_schema();
  const auto fault = schema->check(as_bytes(bytes));
  FOREBAY_ASSERT(!fault || !fault->expected.empty());
  const auto json = schema->to_json(as_bytes(bytes));
  FOREBAY_ASSERT(!(json && fault));
  const auto payload = schema->from_json(bytes);
  if (payload) FOREBAY_ASSERT(!schema->check(as_bytes(*payload)));
}

}  // namespace
}  // namespace forebay::schema

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      static_cast<void>(forebay::schema::as_schema(text));
      break;
    case 1:
      static_cast<void>(forebay::schema::as_schema(forebay::schema::protobuf::to_base64(text)));
      break;
    case 2: {
      const std::size_t half = text.find('\0');
      if (half == std::string_view::npos) break;
      const auto one = forebay::schema::as_schema(text.substr(0, half));
      const auto other = forebay::schema::as_schema(text.substr(half + 1));
      if (one != nullptr && other != nullptr) static_cast<void>(one->differences(*other, {}));
      break;
    }
    default:
      forebay::schema::as_payload(text);
      break;
  }
  return 0;
}
