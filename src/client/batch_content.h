// What is behind a ConsumedBatch: the bytes of one stored batch, checked as a whole, and which of its records
// are handed out. Thread rules: immutable after decode().
#pragma once

#include <cstdint>
#include <memory>

#include "client/core/fetched.h"
#include "forebay/consumer.h"
#include "model/record_iterator.h"

namespace forebay {

struct ConsumedBatch::Content {
  TopicPartition partition;
  std::int64_t begin_offset = 0;
  std::int64_t end_offset = 0;
  std::int64_t append_time_ms = 0;
  std::uint64_t term = 0;
  SharedBytes stored;
  model::BatchHeader header;
  Compression compression = Compression::kNone;
  SharedBytes decompressed;  // when compressed
  ByteSpan records;          // encoded records, in `stored` or in `decompressed`
  // Of the records in [begin_offset, end_offset):
  std::size_t record_count = 0;
  std::uint64_t payload_bytes = 0;
};

// For the parts of the SDK that make batches.
class ConsumedBatchAccess {
 public:
  // Checks everything: CRC, lengths, counts, that every record decodes and lies in the range that the batch
  // covers. Records below `begin_offset` are left out. Errors: kCorruptBatch, kUnsupported.
  [[nodiscard]] static Result<ConsumedBatch> decode(const TopicPartition& partition,
                                                    const client::FetchedBatch& fetched,
                                                    std::int64_t begin_offset,
                                                    std::size_t decompressed_bytes_max);
  // The same batch without the records below `begin_offset`.
  [[nodiscard]] static ConsumedBatch from(const ConsumedBatch& batch, std::int64_t begin_offset);
  [[nodiscard]] static Record owned(const ConsumedBatch& batch, const RecordView& view);
};

}  // namespace forebay
