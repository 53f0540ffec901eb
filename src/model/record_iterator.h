// Decodes the records of a batch one by one, trusting nothing. Allocates nothing per record.
// Thread rules: plain values, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/record.h"
#include "model/record_batch.h"

namespace forebay::model {

// The records of a batch, decompressed: a part of the batch itself where it is not compressed, else
// `scratch`, whose content is replaced. Keep one scratch per reader: its capacity is reused. Errors:
// kUnsupported (codec), kCorruptBatch, kRecordTooLarge (more than size_bytes_max when decompressed).
[[nodiscard]] Result<ByteSpan> records_of(const RecordBatchView& batch, std::size_t size_bytes_max,
                                          std::vector<std::byte>& scratch);

class RecordIterator {
 public:
  // `records` are the decompressed records of the batch with this header; they must outlive the views that
  // come out.
  RecordIterator(const BatchHeader& header, ByteSpan records);

  // Returns: true and the next record in `record`; false when all are read and nothing follows them.
  // Errors: kCorruptBatch saying which record and what; calling again gives the same error.
  [[nodiscard]] Result<bool> next(RecordView& record);

  // Index of the record that next() will read.
  [[nodiscard]] std::int32_t index() const { return index_; }

 private:
  const char* decode(RecordView& record);
  [[nodiscard]] Error failure(const char* what) const;

  BatchHeader header_;
  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::int32_t index_ = 0;
  std::int32_t last_delta_ = -1;
};

// Calls `visit(const RecordView&)` for each record. Errors: of records_of and RecordIterator; records before
// the damaged one have been visited by then.
template <typename Visit>
[[nodiscard]] Result<void> for_each_record(const RecordBatchView& batch, std::size_t size_bytes_max,
                                           std::vector<std::byte>& scratch, Visit&& visit) {
  FOREBAY_TRY(const ByteSpan records, records_of(batch, size_bytes_max, scratch));
  RecordIterator iterator(batch.header(), records);
  RecordView record;
  while (true) {
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) return {};
    visit(std::as_const(record));
  }
}

}  // namespace forebay::model
