#include "model/batch_validation.h"

#include <algorithm>
#include <string>

#include "model/record_iterator.h"

namespace forebay::model {
namespace {

Error invalid(std::string what) {
  return Error{ErrorCode::kInvalidRecord, "record batch: " + std::move(what)};
}
Error unsupported(std::string what) {
  return Error{ErrorCode::kUnsupported, "record batch: " + std::move(what)};
}

Result<void> check_attributes(BatchAttributes attributes, const BatchRules& rules) {
  if ((attributes.bits & ~BatchAttributes::kKnown) != 0) {
    return unsupported("attributes " + std::to_string(attributes.bits) +
                       " have bits that no version defines");
  }
  if (!attributes.codec()) {
    return unsupported("codec " + std::to_string(attributes.bits & BatchAttributes::kCodecMask) +
                       " is not known");
  }
  if (attributes.is_control()) return invalid("control batches come from brokers only");
  if (attributes.has_dead_letters()) return invalid("dead letters are set apart by the broker only");
  if (attributes.has_delete_horizon()) return invalid("a delete horizon is set by compaction only");
  if (attributes.timestamp_type() == TimestampType::kAppendTime) {
    return invalid("the append time is set by the broker only");
  }
  if (attributes.is_transactional() && !rules.transactional_allowed) {
    return unsupported("transactions are not supported");
  }
  return {};
}

Result<void> check_producer(const BatchHeader& header) {
  if (header.producer_id.value() < -1) {
    return invalid("producer id " + std::to_string(header.producer_id.value()) + " is negative");
  }
  if (header.producer_id == kNoProducerId) {
    // Without an id the other two mean nothing; clients differ in what they put there.
    if (header.attributes.is_transactional()) return invalid("transactional without a producer id");
    return {};
  }
  if (header.producer_epoch.value() < 0 || header.base_sequence < 0) {
    return invalid("producer id " + std::to_string(header.producer_id.value()) + " with epoch " +
                   std::to_string(header.producer_epoch.value()) + " and sequence " +
                   std::to_string(header.base_sequence) + ": neither may be negative");
  }
  return {};
}

// Returns: what is wrong with an event time, or nothing.
std::optional<std::string> time_fault(Timestamp time, const BatchRules& rules) {
  const auto value = time.value();
  if (value == kNoTimestamp.value()) return std::nullopt;
  if (value < 0) return "timestamp " + std::to_string(value) + " is negative";
  if (rules.earliest && time < *rules.earliest) {
    return "timestamp " + std::to_string(value) + " is before the earliest allowed, " +
           std::to_string(rules.earliest->value());
  }
  if (rules.latest && time > *rules.latest) {
    return "timestamp " + std::to_string(value) + " is after the latest allowed, " +
           std::to_string(rules.latest->value());
  }
  return std::nullopt;
}

Result<void> check_times(const BatchHeader& header, const BatchRules& rules) {
  if (auto fault = time_fault(header.base_timestamp, rules)) return invalid("base " + std::move(*fault));
  if (auto fault = time_fault(header.max_timestamp, rules)) return invalid("max " + std::move(*fault));
  if (header.max_timestamp < header.base_timestamp) {
    return invalid("max timestamp " + std::to_string(header.max_timestamp.value()) +
                   " is before the base timestamp " + std::to_string(header.base_timestamp.value()));
  }
  return {};
}

Error at_record(ErrorCode code, const RecordView& record, std::string what) {
  return Error{code, "record " + std::to_string(record.offset_delta) + " of the batch: " + std::move(what)};
}

Result<void> check_record(const RecordView& record, std::int32_t index, const BatchRules& rules) {
  if (record.offset_delta != index) {
    return Error{ErrorCode::kInvalidRecord, "record " + std::to_string(index) +
                                                " of the batch: offset delta " +
                                                std::to_string(record.offset_delta) + ", expected its index"};
  }
  if (record.size_bytes > rules.record_bytes_max) {
    return at_record(
        ErrorCode::kRecordTooLarge, record,
        std::to_string(record.size_bytes) + " bytes, allowed are " + std::to_string(rules.record_bytes_max));
  }
  if (rules.key_required && !record.key) {
    return at_record(ErrorCode::kInvalidRecord, record, "no key, which a compacted topic requires");
  }
  if (auto fault = time_fault(record.timestamp, rules)) {
    return at_record(ErrorCode::kInvalidRecord, record, std::move(*fault));
  }
  return {};
}

}  // namespace

Result<RecordBatchView> validate_batch_header(ByteSpan batch, const BatchRules& rules) {
  if (batch.size() > rules.batch_bytes_max) {
    return Error{ErrorCode::kRecordTooLarge, "record batch: " + std::to_string(batch.size()) +
                                                 " bytes, max.message.bytes is " +
                                                 std::to_string(rules.batch_bytes_max)};
  }
  FOREBAY_TRY(RecordBatchView view, RecordBatchView::parse(batch));
  const BatchHeader& header = view.header();
  if (header.record_count == 0) return invalid("no records");
  if (header.last_offset_delta != header.record_count - 1) {
    return Error{ErrorCode::kCorruptBatch,
                 "record batch: record count " + std::to_string(header.record_count) +
                     " does not fit last offset delta " + std::to_string(header.last_offset_delta)};
  }
  if (header.base_offset != Offset(0)) {
    return invalid("base offset " + std::to_string(header.base_offset.value()) + ", clients must send 0");
  }
  FOREBAY_CHECK(check_attributes(header.attributes, rules));
  // A compressed block may hold any number of records, a plain one not more than fit.
  if (*header.attributes.codec() == Codec::kNone &&
      static_cast<std::size_t>(header.record_count) > view.stored_records().size() / kRecordBytesMin) {
    return Error{ErrorCode::kCorruptBatch, "record batch: " + std::to_string(header.record_count) +
                                               " records do not fit in " +
                                               std::to_string(view.stored_records().size()) + " bytes"};
  }
  FOREBAY_CHECK(check_producer(header));
  FOREBAY_CHECK(check_times(header, rules));
  return view;
}

Result<BatchContents> validate_batch_records(const RecordBatchView& batch, const BatchRules& rules,
                                             std::vector<std::byte>& scratch, RecordVisitor* visitor) {
  FOREBAY_TRY(const ByteSpan records, records_of(batch, rules.records_bytes_max, scratch));
  BatchContents contents{.records = records};
  RecordIterator iterator(batch.header(), records);
  RecordView record;
  while (true) {
    const std::int32_t index = iterator.index();
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) break;
    FOREBAY_CHECK(check_record(record, index, rules));
    if (visitor != nullptr) visitor->visit(record, index);
    contents.max_timestamp = std::max(contents.max_timestamp, record.timestamp);
  }
  if (contents.max_timestamp > batch.max_timestamp()) {
    return invalid("max timestamp " + std::to_string(batch.max_timestamp().value()) +
                   " is before that of a record, " + std::to_string(contents.max_timestamp.value()));
  }
  return contents;
}

Result<BatchContents> validate_batch(ByteSpan batch, const BatchRules& rules,
                                     std::vector<std::byte>& scratch) {
  FOREBAY_TRY(const RecordBatchView view, validate_batch_header(batch, rules));
  return validate_batch_records(view, rules, scratch);
}

}  // namespace forebay::model
