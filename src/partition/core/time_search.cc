#include "partition/core/time_search.h"

#include <limits>
#include <vector>

#include "model/record_iterator.h"

namespace forebay::partition {

namespace {

bool is_shown(const model::RecordView& record, model::Reading reading) {
  return record.dead_letter.has_value() == (reading == model::Reading::kDeadLetters);
}

}  // namespace

Result<std::optional<model::Offset>> first_offset_at_or_after(ByteSpan batch, model::Timestamp time,
                                                              model::Offset from, model::Reading reading) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  std::optional<model::Offset> found;
  FOREBAY_CHECK(model::for_each_record(
      view, std::numeric_limits<std::int32_t>::max(), scratch, [&](const model::RecordView& record) {
        if (!found && record.offset >= from && record.timestamp >= time && is_shown(record, reading))
          found = record.offset;
      }));
  return found;
}

Result<std::optional<model::Timestamp>> event_time_from(ByteSpan batch, model::Offset from,
                                                        model::Reading reading) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  const auto records = model::records_of(view, kTimeLookBytesMax, scratch);
  model::RecordView record;
  record.timestamp = view.header().base_timestamp;
  if (records) {
    model::RecordIterator iterator(view.header(), *records);
    do {
      FOREBAY_TRY(const bool more, iterator.next(record));
      if (!more) return std::optional<model::Timestamp>();
    } while (record.offset < from || !is_shown(record, reading));
  } else if (records.error().code != ErrorCode::kRecordTooLarge) {
    return records.error();
  }
  if (record.timestamp == model::kNoTimestamp) return std::optional<model::Timestamp>();
  return std::optional(record.timestamp);
}

Result<DeadLetterCount> count_dead_letters(ByteSpan batch, model::Offset from) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  DeadLetterCount count;
  FOREBAY_CHECK(model::for_each_record(view, std::numeric_limits<std::int32_t>::max(), scratch,
                                       [&](const model::RecordView& record) {
                                         count.decompressed_bytes += record.size_bytes;
                                         if (record.dead_letter && record.offset >= from) ++count.records;
                                       }));
  return count;
}

}  // namespace forebay::partition
