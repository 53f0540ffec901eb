// Bytes of the records of `__groups` (proto/forebay/internal/v1/groups.proto, docs/format/groups.md).
#pragma once

#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "group/core/records.h"

namespace forebay::group {

[[nodiscard]] std::string encode_record(const GroupRecord& record);
// Errors: kCorruptBatch (malformed), kNewerFormat (a kind, or a value of one, that this version does not
// know).
[[nodiscard]] Result<GroupRecord> decode_record(ByteSpan bytes);

}  // namespace forebay::group
