// Bytes of the records of `__schemas`, and of the entries of its state
// (proto/forebay/internal/v1/schemas.proto, docs/format/schemas.md).
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "schema/core/fingerprint.h"
#include "schema/core/records.h"

namespace forebay::schema {

struct SchemaGone {  // an entry, never a record
  std::string context;
  SchemaId id = 0;
  Fingerprint fingerprint{};
  friend bool operator==(const SchemaGone&, const SchemaGone&) = default;
};
using SchemaEntry = std::variant<SchemaRecord, SchemaGone>;

[[nodiscard]] std::string encode_record(const SchemaRecord& record);
// Errors: kCorruptBatch (malformed), kNewerFormat (a kind, or a value of one, that this version does not
// know).
[[nodiscard]] Result<SchemaRecord> decode_record(ByteSpan bytes);
[[nodiscard]] std::string encode_entry(const SchemaEntry& entry);
[[nodiscard]] Result<SchemaEntry> decode_entry(ByteSpan bytes);

}  // namespace forebay::schema
