// Arbitrary text as an Avro schema, and arbitrary bytes as a payload of it, or of a schema with all kinds of
// types. The input: the text, a byte 0, the payload; without a 0 all of it is the payload. What is accepted
// must be the same schema after its canonical text, be compatible with itself, and what passes the check must
// come back through JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

constexpr std::string_view kAllKinds = R"({"type":"record","name":"All","namespace":"n","fields":[
  {"name":"flag","type":"boolean"},{"name":"small","type":"int","default":1},{"name":"large","type":"long"},
  {"name":"real","type":"float"},{"name":"exact","type":"double"},{"name":"raw","type":"bytes"},
  {"name":"text","type":"string"},{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["A","B"]}},
  {"name":"key","type":{"type":"fixed","name":"Key","size":2}},
  {"name":"list","type":{"type":"array","items":["null","int","All"]}},
  {"name":"tags","type":{"type":"map","values":"string"}},
  {"name":"nothing","type":{"type":"array","items":"null"}}]})";

void as_json(const ParsedSchema& schema, std::string_view json) {
  const auto bytes = schema.from_json(json);
  if (bytes) FOREBAY_ASSERT(!schema.check(as_bytes(*bytes)));
}
void as_payload(const ParsedSchema& schema, std::string_view payload) {
  as_json(schema, payload);
  const auto fault = schema.check(as_bytes(payload));
  const auto json = schema.to_json(as_bytes(payload));
  FOREBAY_ASSERT(fault ? !json : json || json.error().code == ErrorCode::kRecordTooLarge);
  if (!json) return;
  const auto again = schema.from_json(*json);
  // A map may have a key twice, but a record no field; nothing else is lost.
  FOREBAY_ASSERT(again.has_value() || again.error().code == ErrorCode::kRecordTooLarge);
  if (again) FOREBAY_ASSERT(schema.to_json(as_bytes(*again)).value_or("") == *json);
}
void as_schema(std::string_view text, std::string_view payload) {
  Limits limits;
  limits.json_bytes_max = 1 << 20;  // of an input that is small
  const auto schema = parse_schema(Format::kAvro, text, {}, limits);
  if (!schema) {
    FOREBAY_ASSERT(!schema.error().context.empty());
    return;
  }
  for (const auto& canonical : {(*schema)->canonical_text(), (*schema)->normalized_text()}) {
    const auto again = parse_schema(Format::kAvro, canonical, {}, limits);
    FOREBAY_ASSERT(again.has_value() && (*again)->canonical_text() == canonical);
    for (const auto& found : (*again)->differences(**schema, {})) FOREBAY_ASSERT(!found.allowed.empty());
  }
  static_cast<void>((*schema)->text_as("resolved"));
  as_payload(**schema, payload);
}

}  // namespace
}  // namespace forebay::schema

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  if (!input.empty() && (input[0] == '{' || input[0] == '[' || input[0] == '"') &&
      end != std::string_view::npos) {
    forebay::schema::as_schema(input.substr(0, end), input.substr(end + 1));
  } else {
    forebay::schema::as_schema(forebay::schema::kAllKinds, input);
  }
  return 0;
}
