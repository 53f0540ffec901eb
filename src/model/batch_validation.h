// What a broker demands of a batch that a client sends, as pure functions of the bytes, in two costs: the
// header checks look at 61 bytes and the checksum; the record checks decompress and decode everything. Thread
// rules: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/record.h"
#include "model/record_batch.h"

namespace forebay::model {

inline constexpr std::size_t kDefaultBatchBytesMax =
    (1 << 20) + kBatchLengthEnd;                                  // Kafka's default max.message.bytes
inline constexpr std::size_t kDefaultRecordsBytesMax = 64 << 20;  // decompressed

struct BatchRules {
  std::size_t batch_bytes_max = kDefaultBatchBytesMax;  // max.message.bytes: of the batch as it came
  // Of all records after decompression: the guard against bombs. Record checks only.
  std::size_t records_bytes_max = kDefaultRecordsBytesMax;
  // Of one encoded record after decompression. Record checks only.
  std::size_t record_bytes_max = kDefaultRecordsBytesMax;
  // The topic is compacted: a record without key is refused. Record checks only.
  bool key_required = false;
  // Only where a transaction coordinator exists: without one nobody would ever end the transaction.
  bool transactional_allowed = false;
  // Event times must lie in [earliest, latest]; kNoTimestamp passes. The header checks see the batch's base
  // and max.
  std::optional<Timestamp> earliest{};
  std::optional<Timestamp> latest{};
};

// What the record checks found.
struct BatchContents {
  ByteSpan records;                        // decompressed: in the batch, or in the scratch
  Timestamp max_timestamp = kNoTimestamp;  // the real maximum of the records' own times
};

// Checks, in this order: size (field against bytes, limit), magic, checksum, counts, base offset 0,
// attributes, transaction and producer fields, timestamps. What stays unchecked of the 17 bytes that the
// checksum leaves out: the leader epoch, for the broker overwrites it. Errors: kCorruptBatch (size, checksum,
// counts), kRecordTooLarge (limit), kUnsupported (magic, codec, attribute bits,
//         transactions), kInvalidRecord (everything else).
[[nodiscard]] Result<RecordBatchView> validate_batch_header(ByteSpan batch, const BatchRules& rules);

// Sees each record, in their order, as it is checked; of a batch that is refused perhaps only the first ones.
class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void visit(const RecordView& record, std::int32_t index) = 0;
};

// Checks that the records decompress within the bound, are well formed, count exactly 0..n-1, leave no bytes
// over, have a key where one is required, are not too large and lie within the time bounds, and that the
// batch's max timestamp is at least the maximum of theirs. Requires: a batch that validate_batch_header
// accepted. `scratch` as in records_of. Errors: kCorruptBatch, kRecordTooLarge, kInvalidRecord, with the
// index of the record.
[[nodiscard]] Result<BatchContents> validate_batch_records(const RecordBatchView& batch,
                                                           const BatchRules& rules,
                                                           std::vector<std::byte>& scratch,
                                                           RecordVisitor* visitor = nullptr);

// Both.
[[nodiscard]] Result<BatchContents> validate_batch(ByteSpan batch, const BatchRules& rules,
                                                   std::vector<std::byte>& scratch);

}  // namespace forebay::model
