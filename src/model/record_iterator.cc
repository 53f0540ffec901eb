#include "model/record_iterator.h"

#include <string>

#include "base/varint.h"

namespace forebay::model {
namespace {

// A length and so many bytes; -1 is null. Returns: the byte after it; nullptr if it is cut or below -1.
const std::byte* read_nullable(const std::byte* from, const std::byte* end, std::optional<ByteSpan>& bytes) {
  std::int32_t size = 0;
  from = read_varint(from, end, size);
  if (from == nullptr || size < -1 || size > end - from) return nullptr;
  if (size < 0) {
    bytes.reset();
    return from;
  }
  bytes.emplace(from, static_cast<std::size_t>(size));
  return from + size;
}

// Steps over `count` headers. Returns: the byte after them; nullptr if one is cut or its name is null.
const std::byte* skip_headers(const std::byte* from, const std::byte* end, std::int32_t count) {
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t size = 0;
    from = read_varint(from, end, size);
    if (from == nullptr || size < 0 || size > end - from) return nullptr;
    from = read_varint(from + size, end, size);
    if (from == nullptr || size < -1 || size > end - from) return nullptr;
    if (size > 0) from += size;
  }
  return from;
}

// The attributes of a record mean nothing elsewhere, whatever a client has put there.
std::optional<std::uint8_t> dead_letter_rule(BatchAttributes batch, std::uint8_t record) {
  if (!batch.has_dead_letters() || (record & RecordAttributes::kDeadLetter) == 0) return std::nullopt;
  return static_cast<std::uint8_t>((record >> RecordAttributes::kDeadLetterRuleAt) & kDeadLetterRuleMax);
}

}  // namespace

Result<ByteSpan> records_of(const RecordBatchView& batch, std::size_t size_bytes_max,
                            std::vector<std::byte>& scratch) {
  const ByteSpan stored = batch.stored_records();
  const auto codec = batch.attributes().codec();
  if (!codec) {
    return Error{ErrorCode::kUnsupported,
                 "record batch: codec " +
                     std::to_string(batch.attributes().bits & BatchAttributes::kCodecMask) + " is not known"};
  }
  // An emptied batch may still name its codec, without a compressed block.
  if (*codec == Codec::kNone || (batch.record_count() == 0 && stored.empty())) {
    if (stored.size() > size_bytes_max) {
      return Error{ErrorCode::kRecordTooLarge, "record batch: " + std::to_string(stored.size()) +
                                                   " bytes of records, allowed are " +
                                                   std::to_string(size_bytes_max)};
    }
    return stored;
  }
  FOREBAY_CHECK(decompress(*codec, stored, size_bytes_max, scratch));
  return ByteSpan(scratch);
}

RecordIterator::RecordIterator(const BatchHeader& header, ByteSpan records)
    : header_(header), begin_(records.data()), at_(begin_), end_(begin_ + records.size()) {}

Result<bool> RecordIterator::next(RecordView& record) {
  if (index_ >= header_.record_count) {
    if (at_ != end_) return failure("bytes after the last record");
    return false;
  }
  if (const char* what = decode(record); what != nullptr) [[unlikely]]
    return failure(what);
  return true;
}

// Returns: nullptr, having moved on; or what is wrong, having changed nothing but `record`.
const char* RecordIterator::decode(RecordView& record) {
  std::int32_t length = 0;
  const std::byte* at = read_varint(at_, end_, length);
  if (at == nullptr) return "its length is cut or overflows";
  if (length < 1 || length > end_ - at) return "its length passes the end of the records";
  const std::byte* const end = at + length;
  record.dead_letter = dead_letter_rule(header_.attributes, static_cast<std::uint8_t>(*at));
  ++at;
  at = read_varlong(at, end, record.timestamp_delta);
  if (at == nullptr) return "its timestamp delta is cut or overflows";
  at = read_varint(at, end, record.offset_delta);
  if (at == nullptr) return "its offset delta is cut or overflows";
  if (record.offset_delta <= last_delta_ || record.offset_delta > header_.last_offset_delta) {
    return "its offset delta is not between the record before and the batch's last offset";
  }
  at = read_nullable(at, end, record.key);
  if (at == nullptr) return "its key passes the end of the record";
  at = read_nullable(at, end, record.value);
  if (at == nullptr) return "its value passes the end of the record";
  std::int32_t header_count = 0;
  at = read_varint(at, end, header_count);
  if (at == nullptr || header_count < 0) return "its header count is cut or negative";
  const std::byte* const headers_end = skip_headers(at, end, header_count);
  if (headers_end == nullptr) return "a header passes the end of the record or has no name";
  if (headers_end != end) return "bytes after its last header";
  std::int64_t timestamp = 0;
  if (__builtin_add_overflow(header_.base_timestamp.value(), record.timestamp_delta, &timestamp)) {
    return "its timestamp overflows";
  }
  const bool append_time = header_.attributes.timestamp_type() == TimestampType::kAppendTime;
  record.timestamp = append_time ? header_.max_timestamp : Timestamp(timestamp);
  record.offset = header_.base_offset.plus(record.offset_delta);
  record.headers = HeadersView({at, end}, static_cast<std::size_t>(header_count));
  record.size_bytes = static_cast<std::size_t>(end - at_);
  at_ = end;
  last_delta_ = record.offset_delta;
  ++index_;
  return nullptr;
}

Error RecordIterator::failure(const char* what) const {
  return Error{ErrorCode::kCorruptBatch, "record " + std::to_string(index_) + " of " +
                                             std::to_string(header_.record_count) + ", byte " +
                                             std::to_string(at_ - begin_) + " of the records: " + what};
}

}  // namespace forebay::model
