#include "model/batch_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "base/varint.h"

namespace forebay::model {
namespace {

constexpr std::size_t kFirstBufferBytes = 1024;

std::optional<ByteSpan> bytes_of(const std::optional<ByteSpan>& bytes) { return bytes; }
std::optional<ByteSpan> bytes_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

// Sizes beyond 2 GiB must not wrap: lengths are cut to what a varint holds, the sum is checked against the
// bound.
std::int32_t length_of(std::size_t size) {
  return static_cast<std::int32_t>(std::min(size, kBatchSizeBytesMax));
}

std::size_t nullable_size(const std::optional<ByteSpan>& bytes) {
  return bytes ? varint_size(length_of(bytes->size())) + bytes->size() : 1;
}

std::byte* write_bytes(std::byte* to, ByteSpan bytes) {
  to = write_varint(to, static_cast<std::int32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}
std::byte* write_nullable(std::byte* to, const std::optional<ByteSpan>& bytes) {
  return bytes ? write_bytes(to, *bytes) : write_varint(to, -1);
}

// Of a record without its length prefix. Headers: anything whose elements have a name and an optional value.
template <typename Headers>
std::size_t body_size(const std::optional<ByteSpan>& key, const std::optional<ByteSpan>& value,
                      const Headers& headers, std::int64_t timestamp_delta, std::int32_t offset_delta) {
  std::size_t size = 1 + varlong_size(timestamp_delta) + varint_size(offset_delta) + nullable_size(key) +
                     nullable_size(value) + varint_size(length_of(headers.size()));
  for (const auto& header : headers) {
    size += varint_size(length_of(header.name.size())) + header.name.size() +
            nullable_size(bytes_of(header.value));
  }
  return size;
}
std::size_t body_size(const std::optional<ByteSpan>& key, const std::optional<ByteSpan>& value,
                      const HeadersView& headers, std::int64_t timestamp_delta, std::int32_t offset_delta) {
  return 1 + varlong_size(timestamp_delta) + varint_size(offset_delta) + nullable_size(key) +
         nullable_size(value) + varint_size(length_of(headers.size())) + headers.encoded().size();
}

template <typename Headers>
std::byte* write_headers(std::byte* to, const Headers& headers) {
  to = write_varint(to, static_cast<std::int32_t>(headers.size()));
  for (const auto& header : headers) {
    to = write_nullable(write_bytes(to, as_bytes(header.name)), bytes_of(header.value));
  }
  return to;
}
std::byte* write_headers(std::byte* to, const HeadersView& headers) {
  to = write_varint(to, static_cast<std::int32_t>(headers.size()));
  const ByteSpan encoded = headers.encoded();
  if (!encoded.empty()) std::memcpy(to, encoded.data(), encoded.size());
  return to + encoded.size();
}

std::uint8_t attributes_of(const RecordView& record) {
  if (!record.dead_letter) return 0;
  FOREBAY_ASSERT(*record.dead_letter <= kDeadLetterRuleMax);
  return static_cast<std::uint8_t>(RecordAttributes::kDeadLetter |
                                   *record.dead_letter << RecordAttributes::kDeadLetterRuleAt);
}

std::size_t with_prefix(std::size_t body_bytes) { return varint_size(length_of(body_bytes)) + body_bytes; }

void seal(std::vector<std::byte>& batch, BatchHeader header) {
  header.batch_length = static_cast<std::int32_t>(batch.size() - kBatchLengthEnd);
  write_batch_header(batch.data(), header);
  store_be(batch.data() + kBatchCrcAt, crc32c(ByteSpan(batch).subspan(kBatchCrcBegin)));
}

}  // namespace

BatchBuilder::BatchBuilder(const BatchOptions& options) { reset(options); }

void BatchBuilder::reset(const BatchOptions& options) {
  rewriting_ = false;
  header_ = BatchHeader{.base_offset = options.base_offset,
                        .leader_epoch = options.leader_epoch,
                        .producer_id = options.producer_id,
                        .producer_epoch = options.producer_epoch,
                        .base_sequence = options.base_sequence};
  if (options.transactional) header_.attributes.bits |= BatchAttributes::kTransactional;
  if (options.control) header_.attributes.bits |= BatchAttributes::kControl;
  clear();
}

BatchBuilder BatchBuilder::rewriting(const BatchHeader& original) {
  BatchBuilder builder;
  builder.rewriting_ = true;
  builder.header_ = original;
  builder.clear();
  return builder;
}

void BatchBuilder::clear() {
  end_ = kBatchHeaderBytes;
  record_count_ = 0;
  last_offset_delta_ = -1;
  base_timestamp_ = kNoTimestamp;
  max_timestamp_ = kNoTimestamp;
  is_timed_ = false;
}

void BatchBuilder::reserve(std::size_t size_bytes) {
  if (buffer_.size() < size_bytes) buffer_.resize(size_bytes);
}

// Timestamps are arbitrary 64-bit numbers: the difference wraps, and wraps back when it is added.
std::int64_t BatchBuilder::delta_of(Timestamp timestamp) const {
  if (record_count_ == 0) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp.value()) -
                                   static_cast<std::uint64_t>(base_timestamp_.value()));
}

template <typename Headers>
Result<void> BatchBuilder::add(const std::optional<ByteSpan>& key, const std::optional<ByteSpan>& value,
                               const Headers& headers, std::int64_t timestamp_delta,
                               std::int32_t offset_delta, std::uint8_t attributes) {
  const std::size_t body_bytes = body_size(key, value, headers, timestamp_delta, offset_delta);
  const std::size_t total = with_prefix(body_bytes);
  if (body_bytes > kBatchSizeBytesMax || total > kBatchSizeBytesMax - end_) {
    return Error{ErrorCode::kRecordTooLarge,
                 "record of " + std::to_string(body_bytes) + " bytes in a batch of " + std::to_string(end_) +
                     ": the format ends at " + std::to_string(kBatchSizeBytesMax)};
  }
  if (buffer_.size() < end_ + total) {
    buffer_.resize(
        std::max({kFirstBufferBytes, end_ + total, std::min(buffer_.size() * 2, kBatchSizeBytesMax)}));
  }
  std::byte* to = buffer_.data() + end_;
  to = write_varint(to, static_cast<std::int32_t>(body_bytes));
  *to++ = std::byte{attributes};
  to = write_varlong(to, timestamp_delta);
  to = write_varint(to, offset_delta);
  to = write_nullable(to, key);
  to = write_nullable(to, value);
  to = write_headers(to, headers);
  end_ += total;
  FOREBAY_ASSERT(to == buffer_.data() + end_);
  ++record_count_;
  last_offset_delta_ = offset_delta;
  return {};
}

template <typename Headers>
Result<void> BatchBuilder::append_new(const std::optional<ByteSpan>& key,
                                      const std::optional<ByteSpan>& value, const Headers& headers,
                                      Timestamp timestamp) {
  FOREBAY_ASSERT(!rewriting_);
  FOREBAY_CHECK(add(key, value, headers, delta_of(timestamp), record_count_));
  if (record_count_ == 1) {
    base_timestamp_ = timestamp;
    max_timestamp_ = timestamp;
  }
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  return {};
}

Result<void> BatchBuilder::append(const NewRecord& record) {
  return append_new(record.key, record.value, record.headers, record.timestamp);
}
Result<void> BatchBuilder::append(const Record& record) {
  return append_new(bytes_of(record.key), bytes_of(record.value), record.headers, record.timestamp);
}

template <typename Headers>
Result<void> BatchBuilder::keep_with(const RecordView& record, const Headers& headers) {
  FOREBAY_ASSERT(rewriting_);
  FOREBAY_ASSERT(record.offset_delta > last_offset_delta_ &&
                 record.offset_delta <= header_.last_offset_delta);
  FOREBAY_CHECK(add(record.key, record.value, headers, record.timestamp_delta, record.offset_delta,
                    attributes_of(record)));
  if (record.dead_letter) return {};
  max_timestamp_ =
      std::exchange(is_timed_, true) ? std::max(max_timestamp_, record.timestamp) : record.timestamp;
  return {};
}

Result<void> BatchBuilder::keep(const RecordView& record) { return keep_with(record, record.headers); }
Result<void> BatchBuilder::keep(const RecordView& record, std::span<const HeaderView> headers) {
  return keep_with(record, headers);
}

void BatchBuilder::end_here() {
  FOREBAY_ASSERT(rewriting_ && record_count_ > 0);
  header_.last_offset_delta = last_offset_delta_;
}

std::size_t BatchBuilder::size_bytes_with(const NewRecord& record) const {
  return end_ + with_prefix(body_size(record.key, record.value, record.headers, delta_of(record.timestamp),
                                      record_count_));
}
std::size_t BatchBuilder::size_bytes_with(const Record& record) const {
  return end_ + with_prefix(body_size(bytes_of(record.key), bytes_of(record.value), record.headers,
                                      delta_of(record.timestamp), record_count_));
}

Result<std::vector<std::byte>> BatchBuilder::build(Codec codec) {
  if (record_count_ == 0) {
    if (rewriting_) return build_empty(header_);
    return Error{ErrorCode::kInvalidArgument, "a batch needs at least one record"};
  }
  BatchHeader header = header_;
  header.attributes = header.attributes.with_codec(codec);
  header.record_count = record_count_;
  if (!rewriting_) {
    header.last_offset_delta = last_offset_delta_;
    header.base_timestamp = base_timestamp_;
  }
  if (header.attributes.timestamp_type() == TimestampType::kCreateTime) header.max_timestamp = max_timestamp_;
  // The working buffers stay for the next batch; the result is copied out of them, so that whoever keeps it
  // retains not a byte more than its size.
  ByteSpan built(buffer_.data(), end_);
  if (codec != Codec::kNone) {
    compressed_.resize(kBatchHeaderBytes);
    FOREBAY_CHECK(compress(codec, built.subspan(kBatchHeaderBytes), compressed_));
    if (compressed_.size() > kBatchSizeBytesMax) {
      return Error{ErrorCode::kRecordTooLarge, "the compressed batch passes the format's 2 GiB"};
    }
    built = compressed_;
  }
  std::vector<std::byte> batch(built.begin(), built.end());
  seal(batch, header);
  clear();
  return batch;
}

std::vector<std::byte> build_empty(const BatchHeader& original) {
  BatchHeader header = original;
  header.attributes = original.attributes.with_codec(Codec::kNone);
  header.attributes.bits &=
      static_cast<std::uint16_t>(~(BatchAttributes::kDeleteHorizon | BatchAttributes::kDeadLetters));
  header.base_timestamp = kNoTimestamp;
  header.record_count = 0;
  std::vector<std::byte> batch(kBatchHeaderBytes);
  seal(batch, header);
  return batch;
}

}  // namespace forebay::model
