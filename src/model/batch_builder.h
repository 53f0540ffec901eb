// Makes record batches: for producers (append, build), and for compaction (rewriting, keep, build).
// Owner: one thread at a time. Allocates nothing per record but the growth of one buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/record.h"
#include "model/record_batch.h"

namespace forebay::model {

// The header fields that do not follow from the records.
struct BatchOptions {
  Offset base_offset{};
  std::int32_t leader_epoch = kNoLeaderEpoch;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
};

class BatchBuilder {
 public:
  explicit BatchBuilder(const BatchOptions& options = {});
  // A builder that makes `original` again with fewer records: offsets, timestamps and every other field of
  // its header stay (the max timestamp too if it is an append time, else it is that of the records kept, dead
  // letters not counted).
  [[nodiscard]] static BatchBuilder rewriting(const BatchHeader& original);

  // Adds a record with the next offset. Errors: kRecordTooLarge (the batch would pass the format's 2 GiB;
  // nothing is added).
  [[nodiscard]] Result<void> append(const NewRecord& record);
  [[nodiscard]] Result<void> append(const Record& record);
  // Adds a record of the original batch at its old place. Requires: made by rewriting(); offsets ascend.
  [[nodiscard]] Result<void> keep(const RecordView& record);
  // With these headers in the place of its own.
  [[nodiscard]] Result<void> keep(const RecordView& record, std::span<const HeaderView> headers);
  // The batch ends with the record kept last, not where the original does. Requires: there is one.
  void end_here();

  // The header's fields of an idempotent producer, which knows them only when the batch is complete. They
  // stay for the next batch, as all options do.
  void set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence) {
    header_.producer_id = id;
    header_.producer_epoch = epoch;
    header_.base_sequence = base_sequence;
  }

  // Exactly what build(Codec::kNone) would give now, and after one more append.
  [[nodiscard]] std::size_t size_bytes() const { return end_; }
  [[nodiscard]] std::size_t size_bytes_with(const NewRecord& record) const;
  [[nodiscard]] std::size_t size_bytes_with(const Record& record) const;
  [[nodiscard]] std::int32_t record_count() const { return record_count_; }
  [[nodiscard]] bool empty() const { return record_count_ == 0; }

  // The finished batch, its capacity its size. The builder is empty afterwards, with the same options.
  // Errors: kInvalidArgument (no records; when rewriting that gives an empty batch instead), kInternal (codec
  // library).
  [[nodiscard]] Result<std::vector<std::byte>> build(Codec codec);

  // Drops what was added; for the next batch.
  void reset(const BatchOptions& options);
  void reserve(std::size_t size_bytes);

 private:
  template <typename Headers>
  Result<void> add(const std::optional<ByteSpan>& key, const std::optional<ByteSpan>& value,
                   const Headers& headers, std::int64_t timestamp_delta, std::int32_t offset_delta,
                   std::uint8_t attributes = 0);
  template <typename Headers>
  Result<void> keep_with(const RecordView& record, const Headers& headers);
  template <typename Headers>
  Result<void> append_new(const std::optional<ByteSpan>& key, const std::optional<ByteSpan>& value,
                          const Headers& headers, Timestamp timestamp);
  [[nodiscard]] std::int64_t delta_of(Timestamp timestamp) const;
  void clear();

  BatchHeader
      header_;  // what the finished batch begins with; sizes, counts, times and CRC are filled in at the end
  bool rewriting_ = false;
  std::vector<std::byte>
      buffer_;  // [0, kBatchHeaderBytes) is room for the header; the size is the capacity in use
  std::vector<std::byte> compressed_;
  std::size_t end_ = kBatchHeaderBytes;
  std::int32_t record_count_ = 0;
  std::int32_t last_offset_delta_ = -1;
  Timestamp base_timestamp_ = kNoTimestamp;
  Timestamp max_timestamp_ = kNoTimestamp;
  bool is_timed_ = false;  // rewriting: a record counts in the max timestamp
};

// A batch without records that covers the offsets of `original`: what compaction leaves of it when every
// record is gone but the place, or the producer's last sequence, must be kept.
[[nodiscard]] std::vector<std::byte> build_empty(const BatchHeader& original);

}  // namespace forebay::model
