// Which record of a batch is the first that late. Pure.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::partition {

// `batch`: a stored record batch whose checksum was verified. Returns the offset of its first record with
// event time >= `time`; nothing when all are earlier. Errors: kCorruptBatch.
[[nodiscard]] Result<std::optional<model::Offset>> first_offset_at_or_after(ByteSpan batch,
                                                                            model::Timestamp time);

}  // namespace forebay::partition
