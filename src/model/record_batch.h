// The record batch, format v2 (docs/format/record-batch.md): the unit of append, checksum, compression and
// replication. Here: its 61-byte header, a checked view of one batch, and the changes that the broker makes
// in place. Decoding the records: model/record_iterator.h. The broker's checks: model/batch_validation.h.
// Making batches: model/batch_builder.h.
// Thread rules: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/compression.h"
#include "model/ids.h"

namespace forebay::model {

inline constexpr std::size_t kBatchHeaderBytes = 61;
inline constexpr std::size_t kBatchLengthEnd = 12;  // the length field counts the bytes from here
inline constexpr std::size_t kBatchCrcAt = 17;
inline constexpr std::size_t kBatchCrcBegin = 21;  // the CRC covers everything from here
inline constexpr std::uint8_t kBatchMagic = 2;
inline constexpr std::size_t kBatchSizeBytesMax = std::numeric_limits<std::int32_t>::max();  // of the format
inline constexpr std::size_t kRecordBytesMin = 7;  // seven fields of one byte each
inline constexpr std::int32_t kNoLeaderEpoch = -1;
inline constexpr std::int32_t kNoSequence = -1;

enum class TimestampType : std::uint8_t { kCreateTime = 0, kAppendTime = 1 };

struct BatchAttributes {
  static constexpr std::uint16_t kCodecMask = 0x07;
  static constexpr std::uint16_t kAppendTime = 0x08;
  static constexpr std::uint16_t kTransactional = 0x10;
  static constexpr std::uint16_t kControl = 0x20;
  static constexpr std::uint16_t kDeleteHorizon = 0x40;  // the base timestamp is the delete horizon
  static constexpr std::uint16_t kDeadLetters = 0x80;    // some of its records are (model/dead_letters.h)
  static constexpr std::uint16_t kKnown = 0xff;

  std::uint16_t bits = 0;

  [[nodiscard]] std::optional<Codec> codec() const { return codec_of_number(bits & kCodecMask); }
  [[nodiscard]] TimestampType timestamp_type() const {
    return (bits & kAppendTime) != 0 ? TimestampType::kAppendTime : TimestampType::kCreateTime;
  }
  [[nodiscard]] bool is_transactional() const { return (bits & kTransactional) != 0; }
  [[nodiscard]] bool is_control() const { return (bits & kControl) != 0; }
  [[nodiscard]] bool has_delete_horizon() const { return (bits & kDeleteHorizon) != 0; }
  [[nodiscard]] bool has_dead_letters() const { return (bits & kDeadLetters) != 0; }
  [[nodiscard]] BatchAttributes with_codec(Codec codec) const {
    return {static_cast<std::uint16_t>((bits & ~kCodecMask) | static_cast<unsigned>(codec))};
  }
  friend bool operator==(BatchAttributes, BatchAttributes) = default;
};

// The header as it stands in the bytes; nothing in here is judged.
struct BatchHeader {
  Offset base_offset{};
  std::int32_t batch_length = 0;  // bytes after this field
  std::int32_t leader_epoch = kNoLeaderEpoch;
  std::uint8_t magic = kBatchMagic;
  std::uint32_t crc = 0;
  BatchAttributes attributes{};
  std::int32_t last_offset_delta = 0;
  Timestamp base_timestamp = kNoTimestamp;
  Timestamp max_timestamp = kNoTimestamp;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  std::int32_t record_count = 0;

  [[nodiscard]] Offset last_offset() const { return base_offset.plus(last_offset_delta); }
  [[nodiscard]] Offset next_offset() const { return last_offset().next(); }
  // Sequences wrap from 2147483647 to 0. Requires: base_sequence >= 0.
  [[nodiscard]] std::int32_t last_sequence() const;
  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

// Requires, for both: kBatchHeaderBytes bytes.
[[nodiscard]] BatchHeader read_batch_header(const std::byte* from);
void write_batch_header(std::byte* to, const BatchHeader& header);
// Of most batches all that those who ask for producers, or for dead letters, want to know. Requires:
// likewise.
[[nodiscard]] ProducerId producer_id_of(ByteSpan batch);
[[nodiscard]] bool has_dead_letters(ByteSpan batch);

// The size of the batch that begins here, from its length field.
// Errors: kCorruptBatch (fewer than kBatchLengthEnd bytes, or a size that no batch can have). The batch
// itself may be cut: compare the size with what is there.
[[nodiscard]] Result<std::size_t> batch_size_bytes(ByteSpan begin_of_batch);

enum class CrcCheck : std::uint8_t { kVerify, kSkip };  // skip only bytes whose checksum was verified before

// A view of one batch whose header makes sense. Lives as long as the bytes.
// Invariant: size, magic, CRC (unless skipped) are right; 0 <= record count <= last offset delta + 1; no
// offset overflows. The records are not looked at, the codec may be unknown, and a batch may be empty
// (compaction leaves such).
class RecordBatchView {
 public:
  // `bytes` is exactly one batch. Errors: kCorruptBatch, kUnsupported (magic is not 2).
  [[nodiscard]] static Result<RecordBatchView> parse(ByteSpan bytes, CrcCheck crc = CrcCheck::kVerify);
  // The first of several batches that follow one another: go on size_bytes() further. Errors: as parse.
  [[nodiscard]] static Result<RecordBatchView> parse_first(ByteSpan bytes, CrcCheck crc = CrcCheck::kVerify);

  [[nodiscard]] const BatchHeader& header() const { return header_; }
  [[nodiscard]] ByteSpan bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.size(); }
  [[nodiscard]] ByteSpan stored_records() const {
    return bytes_.subspan(kBatchHeaderBytes);
  }  // compressed or not

  [[nodiscard]] Offset base_offset() const { return header_.base_offset; }
  [[nodiscard]] Offset last_offset() const { return header_.last_offset(); }
  [[nodiscard]] Offset next_offset() const { return header_.next_offset(); }
  [[nodiscard]] std::int32_t record_count() const { return header_.record_count; }
  [[nodiscard]] Timestamp max_timestamp() const { return header_.max_timestamp; }
  [[nodiscard]] BatchAttributes attributes() const { return header_.attributes; }
  [[nodiscard]] std::uint32_t crc() const { return header_.crc; }

 private:
  RecordBatchView(ByteSpan bytes, const BatchHeader& header) : bytes_(bytes), header_(header) {}
  ByteSpan bytes_;
  BatchHeader header_;
};

// What the broker writes into a client's batch. Requires, for all: `batch` is one that parse() accepted.
// These two are outside the CRC: a new place or a new leader costs no checksum.
void set_base_offset(std::span<std::byte> batch, Offset base_offset);
void set_leader_epoch(std::span<std::byte> batch, Term term);  // Requires: term fits in 31 bits
// These are inside, and write the CRC anew. Append time is shown for every record; records keep their deltas.
void set_append_time(std::span<std::byte> batch, Timestamp append_time);
void set_max_timestamp(std::span<std::byte> batch, Timestamp max_timestamp);

// Whose batch it is, and its place in what that producer sends to the partition. For a producer that begins
// its sequences anew; writes the CRC. Requires: as above.
void set_producer(std::span<std::byte> batch, ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence);

// Binds a finished batch to where it shall go: CRC-32C over the topic's name, the partition and the batch's
// own CRC (proto/forebay/v1/log.proto, ProduceRequest.destination_crc). Requires: a batch with its CRC filled
// in.
[[nodiscard]] std::uint32_t destination_crc(std::string_view topic, PartitionIndex partition, ByteSpan batch);

}  // namespace forebay::model
