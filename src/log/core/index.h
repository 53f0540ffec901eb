// The sparse index of one segment: where in the file an offset or a time is found. Byte by byte:
// docs/format/index.md. Never the truth: it can be made again from the segment at any time. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/frame.h"
#include "log/core/journal_record.h"
#include "model/ids.h"

namespace forebay::log {

// What an index is told of a frame.
struct FrameFacts {
  model::Timestamp event_time = model::kNoTimestamp;  // the largest of its batch
  bool has_dead_letters = false;
};

// One frame, about every index_interval_bytes.
struct IndexEntry {
  model::LogPosition begin;
  std::uint64_t file_position = 0;
  model::Timestamp max_event_time_before =
      model::kNoTimestamp;                             // over all frames of the segment before this one
  model::Timestamp append_time = model::kNoTimestamp;  // of this frame
  bool has_dead_letters = false;                       // a frame from this one on has, below the next entry
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

// What retention and searches ask of a whole segment. kNoTimestamp where there is no record frame.
struct SegmentTimes {
  model::Timestamp first_append = model::kNoTimestamp;  // of the first record frame
  model::Timestamp last_append = model::kNoTimestamp;   // of the last frame of any kind
  model::Timestamp max_event = model::kNoTimestamp;
  bool has_records = false;
  bool has_dead_letters = false;
  friend bool operator==(const SegmentTimes&, const SegmentTimes&) = default;
};

class SegmentIndex {
 public:
  explicit SegmentIndex(std::uint32_t interval_bytes = 64U << 10) : interval_bytes_(interval_bytes) {}

  // Call once per frame, in file order.
  void add(const FrameHeader& header, const FrameFacts& facts, std::uint64_t file_position);

  // The frame to begin with, so that no record frame that covers `offset` or anything above is missed;
  // nothing when the index knows of none that begins so low: the segment's first frames cannot be read, or
  // `offset` lies below the segment.
  [[nodiscard]] std::optional<IndexEntry> find_offset(model::Offset offset) const;
  // The last entry at or below `position`; nothing when the index knows of none that begins so low.
  [[nodiscard]] std::optional<IndexEntry> find_position(model::LogPosition position) const;
  // The frame to begin with, so that the first batch with event time / append time >= `time` is not missed;
  // nothing when the segment has none.
  [[nodiscard]] std::optional<IndexEntry> find_event_time(model::Timestamp time) const;
  [[nodiscard]] std::optional<IndexEntry> find_append_time(model::Timestamp time) const;

  // The frame to begin with, so that the first one with dead letters that covers `offset` or lies above is
  // not missed; nothing when the segment has none there.
  [[nodiscard]] std::optional<IndexEntry> find_dead_letters(model::Offset offset) const;
  // The file position of the first frame behind `entry` from which on there is none for a while; nothing: the
  // segment ends first.
  [[nodiscard]] std::optional<std::uint64_t> end_of_dead_letters(const IndexEntry& entry) const;

  [[nodiscard]] const SegmentTimes& times() const { return times_; }
  [[nodiscard]] std::uint32_t interval_bytes() const { return interval_bytes_; }
  [[nodiscard]] const std::vector<IndexEntry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t memory_bytes() const {
    return sizeof *this + entries_.capacity() * sizeof(IndexEntry);
  }
  friend bool operator==(const SegmentIndex& a, const SegmentIndex& b) {
    return a.entries_ == b.entries_ && a.times_ == b.times_;
  }

 private:
  friend Result<SegmentIndex> decode_index(ByteSpan, const model::TopicPartition&, const SegmentMeta&);

  std::uint32_t interval_bytes_;
  std::vector<IndexEntry> entries_;
  SegmentTimes times_;
};

[[nodiscard]] std::vector<std::byte> encode_index(const model::TopicPartition& id, const SegmentMeta& segment,
                                                  const SegmentIndex& index);
// Errors: kCorruptBatch for damaged bytes, kFailedPrecondition when the index is of another segment or of
// another state of it, kNewerFormat.
[[nodiscard]] Result<SegmentIndex> decode_index(ByteSpan bytes, const model::TopicPartition& id,
                                                const SegmentMeta& segment);
// The times alone, from the head of the file: `bytes` holds at least kIndexHeadBytes. Errors: as
// decode_index.
inline constexpr std::size_t kIndexHeadBytes = 128;
[[nodiscard]] Result<SegmentTimes> decode_index_head(ByteSpan bytes, const model::TopicPartition& id,
                                                     const SegmentMeta& segment);

}  // namespace forebay::log
