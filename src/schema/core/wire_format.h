// How a record says which schema its key or value has. Two ways, as existing serializers write them:
//  - in front of the payload: a zero byte, then the id, four bytes, most significant first;
//  - in a header, "__key_schema_id" or "__value_schema_id": a byte 1, then the 16 bytes of the GUID; the
//    payload stands alone.
// Behind either, of a Protobuf schema only: which message it is, as zigzag varints: how many numbers, then
// those; a single zero is the first message. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"
#include "model/record.h"
#include "schema/core/records.h"
#include "schema/core/schema.h"

namespace forebay::schema {

inline constexpr std::string_view kKeySchemaHeader = "__key_schema_id";
inline constexpr std::string_view kValueSchemaHeader = "__value_schema_id";
inline constexpr std::byte kIdMagic{0};
inline constexpr std::byte kGuidMagic{1};
inline constexpr std::size_t kIdPrefixBytes = 5;
inline constexpr std::size_t kGuidPrefixBytes = 17;

// Where a record says it.
struct SchemaMark {
  SchemaId id = 0;  // 0: by the GUID
  model::Uuid guid;
  ByteSpan rest;     // behind id or GUID: the way to the message, and of an id the payload
  ByteSpan payload;  // of a GUID
  [[nodiscard]] bool is_guid() const { return id == 0; }
};
// `part`: the key or the value of a record with these headers. Errors: kInvalidRecord with what was found and
// what was expected.
[[nodiscard]] Result<SchemaMark> read_mark(ByteSpan part, const model::HeadersView& headers, bool is_key);

struct MarkedPayload {
  std::vector<std::uint32_t> path;  // of the message; none for other formats
  ByteSpan payload;
};
// Errors: kInvalidRecord.
[[nodiscard]] Result<MarkedPayload> read_payload(const SchemaMark& mark, Format format);

// The way back: what stands before a payload whose schema has this id.
[[nodiscard]] std::string id_prefix(SchemaId id, Format format, MessagePath path);

}  // namespace forebay::schema
