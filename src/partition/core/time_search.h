// The times of the records of a batch, and how many are for whom. Pure.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/dead_letters.h"
#include "model/ids.h"

namespace forebay::partition {

// `batch`: a stored record batch whose checksum was verified. Returns the offset of its first record with
// event time >= `time` from `from` on, of those that `reading` is shown; nothing when all are earlier.
// Errors: kCorruptBatch.
[[nodiscard]] Result<std::optional<model::Offset>> first_offset_at_or_after(ByteSpan batch,
                                                                            model::Timestamp time,
                                                                            model::Offset from,
                                                                            model::Reading reading);

// Decompressed: a lag is asked for of many partitions at a time, and no look at one is to take milliseconds.
inline constexpr std::size_t kTimeLookBytesMax = 1U << 20;
// The event time of its first record from `from` on. Nothing: there is none, or it has no time of its own.
// Of a larger batch (kTimeLookBytesMax): that of its first record. Errors: kCorruptBatch, kUnsupported.
[[nodiscard]] Result<std::optional<model::Timestamp>> event_time_from(ByteSpan batch, model::Offset from,
                                                                      model::Reading reading);

struct DeadLetterCount {
  std::uint64_t records = 0;
  std::size_t decompressed_bytes = 0;  // what it took
};
// How many dead letters it has from `from` on. Errors: kCorruptBatch, kUnsupported.
[[nodiscard]] Result<DeadLetterCount> count_dead_letters(ByteSpan batch, model::Offset from);

}  // namespace forebay::partition
