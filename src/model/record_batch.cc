#include "model/record_batch.h"

#include <string>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"

namespace forebay::model {
namespace {

// Byte places of the header's fields; all of them are big endian.
constexpr std::size_t kBaseOffsetAt = 0;
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kAttributesAt = 21;
constexpr std::size_t kLastOffsetDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kRecordCountAt = 57;
static_assert(kRecordCountAt + 4 == kBatchHeaderBytes);

Error corrupt(std::string what) {
  return Error{ErrorCode::kCorruptBatch, "record batch: " + std::move(what)};
}

std::uint32_t computed_crc(ByteSpan batch) { return crc32c(batch.subspan(kBatchCrcBegin)); }

void store_crc(std::span<std::byte> batch) { store_be(batch.data() + kBatchCrcAt, computed_crc(batch)); }

// The fields that offsets are computed from.
Result<void> check_counts(const BatchHeader& header) {
  constexpr std::int64_t kBaseOffsetMax = std::numeric_limits<std::int64_t>::max() - (std::int64_t{1} << 32);
  if (header.base_offset.value() < 0 || header.base_offset.value() > kBaseOffsetMax) {
    return corrupt("base offset " + std::to_string(header.base_offset.value()) + " is out of range");
  }
  const std::int64_t offsets = std::int64_t{header.last_offset_delta} + 1;
  if (header.last_offset_delta < 0 || header.record_count < 0 || header.record_count > offsets) {
    return corrupt("record count " + std::to_string(header.record_count) +
                   " does not fit last offset delta " + std::to_string(header.last_offset_delta));
  }
  return {};
}

}  // namespace

std::int32_t BatchHeader::last_sequence() const {
  FOREBAY_ASSERT(base_sequence >= 0);
  const auto sum = static_cast<std::uint32_t>(base_sequence) + static_cast<std::uint32_t>(last_offset_delta);
  return static_cast<std::int32_t>(sum & 0x7fffffffu);
}

BatchHeader read_batch_header(const std::byte* from) {
  return {.base_offset = Offset(load_be<std::int64_t>(from + kBaseOffsetAt)),
          .batch_length = load_be<std::int32_t>(from + kLengthAt),
          .leader_epoch = load_be<std::int32_t>(from + kLeaderEpochAt),
          .magic = load_be<std::uint8_t>(from + kMagicAt),
          .crc = load_be<std::uint32_t>(from + kBatchCrcAt),
          .attributes = {load_be<std::uint16_t>(from + kAttributesAt)},
          .last_offset_delta = load_be<std::int32_t>(from + kLastOffsetDeltaAt),
          .base_timestamp = Timestamp(load_be<std::int64_t>(from + kBaseTimestampAt)),
          .max_timestamp = Timestamp(load_be<std::int64_t>(from + kMaxTimestampAt)),
          .producer_id = ProducerId(load_be<std::int64_t>(from + kProducerIdAt)),
          .producer_epoch = ProducerEpoch(load_be<std::int16_t>(from + kProducerEpochAt)),
          .base_sequence = load_be<std::int32_t>(from + kBaseSequenceAt),
          .record_count = load_be<std::int32_t>(from + kRecordCountAt)};
}

ProducerId producer_id_of(ByteSpan batch) {
  return ProducerId(load_be<std::int64_t>(batch.data() + kProducerIdAt));
}

bool has_dead_letters(ByteSpan batch) {
  return BatchAttributes{load_be<std::uint16_t>(batch.data() + kAttributesAt)}.has_dead_letters();
}

void write_batch_header(std::byte* to, const BatchHeader& header) {
  store_be(to + kBaseOffsetAt, header.base_offset.value());
  store_be(to + kLengthAt, header.batch_length);
  store_be(to + kLeaderEpochAt, header.leader_epoch);
  store_be(to + kMagicAt, header.magic);
  store_be(to + kBatchCrcAt, header.crc);
  store_be(to + kAttributesAt, header.attributes.bits);
  store_be(to + kLastOffsetDeltaAt, header.last_offset_delta);
  store_be(to + kBaseTimestampAt, header.base_timestamp.value());
  store_be(to + kMaxTimestampAt, header.max_timestamp.value());
  store_be(to + kProducerIdAt, header.producer_id.value());
  store_be(to + kProducerEpochAt, header.producer_epoch.value());
  store_be(to + kBaseSequenceAt, header.base_sequence);
  store_be(to + kRecordCountAt, header.record_count);
}

Result<std::size_t> batch_size_bytes(ByteSpan begin_of_batch) {
  if (begin_of_batch.size() < kBatchLengthEnd) {
    return corrupt(std::to_string(begin_of_batch.size()) + " bytes are too few for a length");
  }
  const std::int64_t size =
      std::int64_t{load_be<std::int32_t>(begin_of_batch.data() + kLengthAt)} + std::int64_t{kBatchLengthEnd};
  if (size < std::int64_t{kBatchHeaderBytes} || size > std::int64_t{kBatchSizeBytesMax}) {
    return corrupt("length field says " + std::to_string(size) + " bytes in all, a batch has " +
                   std::to_string(kBatchHeaderBytes) + " to " + std::to_string(kBatchSizeBytesMax));
  }
  return static_cast<std::size_t>(size);
}

Result<RecordBatchView> RecordBatchView::parse(ByteSpan bytes, CrcCheck crc) {
  FOREBAY_TRY(const std::size_t size, batch_size_bytes(bytes));
  if (size != bytes.size()) {
    return corrupt("length field says " + std::to_string(size) + " bytes in all, there are " +
                   std::to_string(bytes.size()));
  }
  return parse_first(bytes, crc);
}

Result<RecordBatchView> RecordBatchView::parse_first(ByteSpan bytes, CrcCheck crc) {
  FOREBAY_TRY(const std::size_t size, batch_size_bytes(bytes));
  if (size > bytes.size()) {
    return corrupt("cut: length field says " + std::to_string(size) + " bytes in all, there are " +
                   std::to_string(bytes.size()));
  }
  const ByteSpan batch = bytes.first(size);
  const BatchHeader header = read_batch_header(batch.data());
  if (header.magic != kBatchMagic) {
    return Error{ErrorCode::kUnsupported, "record batch: format (magic) " + std::to_string(header.magic) +
                                              ", only format 2 is supported"};
  }
  if (crc == CrcCheck::kVerify) {
    const std::uint32_t computed = computed_crc(batch);
    if (computed != header.crc) {
      return corrupt("checksum of " + std::to_string(size) + " bytes is " + std::to_string(computed) +
                     ", the header says " + std::to_string(header.crc));
    }
  }
  FOREBAY_CHECK(check_counts(header));
  return RecordBatchView(batch, header);
}

void set_base_offset(std::span<std::byte> batch, Offset base_offset) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data() + kBaseOffsetAt, base_offset.value());
}

void set_leader_epoch(std::span<std::byte> batch, Term term) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  FOREBAY_ASSERT(term.value() <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()));
  store_be(batch.data() + kLeaderEpochAt, static_cast<std::int32_t>(term.value()));
}

void set_append_time(std::span<std::byte> batch, Timestamp append_time) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  const auto attributes = load_be<std::uint16_t>(batch.data() + kAttributesAt);
  store_be(batch.data() + kAttributesAt,
           static_cast<std::uint16_t>(attributes | BatchAttributes::kAppendTime));
  store_be(batch.data() + kMaxTimestampAt, append_time.value());
  store_crc(batch);
}

void set_max_timestamp(std::span<std::byte> batch, Timestamp max_timestamp) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data() + kMaxTimestampAt, max_timestamp.value());
  store_crc(batch);
}

void set_producer(std::span<std::byte> batch, ProducerId id, ProducerEpoch epoch,
                  std::int32_t base_sequence) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data() + kProducerIdAt, id.value());
  store_be(batch.data() + kProducerEpochAt, epoch.value());
  store_be(batch.data() + kBaseSequenceAt, base_sequence);
  store_crc(batch);
}

std::uint32_t destination_crc(std::string_view topic, PartitionIndex partition, ByteSpan batch) {
  FOREBAY_ASSERT(batch.size() >= kBatchHeaderBytes);
  std::byte place[4];
  store_le(place, partition.value());
  const std::uint32_t crc = crc32c_extend(crc32c(as_bytes(topic)), place);
  return crc32c_extend(crc, batch.subspan(kBatchCrcAt, 4));
}

}  // namespace forebay::model
