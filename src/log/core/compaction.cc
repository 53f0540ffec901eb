#include "log/core/compaction.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/endian.h"
#include "log/core/control.h"
#include "log/core/roll.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"

namespace forebay::log {
namespace {

bool is_clean(const SegmentMeta& meta) { return meta.compactions() > 0; }

bool is_tombstone(const model::RecordView& record) {
  return record.key && !record.value && !record.dead_letter;
}

// The timestamp that a record has now, said from another base.
model::RecordView from_base(model::RecordView record, model::Timestamp old_base, model::Timestamp new_base) {
  record.timestamp_delta += old_base.value() - new_base.value();
  return record;
}

}  // namespace

std::optional<CompactionRange> plan_compaction(const LogConfig& config,
                                               std::span<const CompactionSegment> sealed,
                                               const CompactionBounds& bounds, model::Timestamp now,
                                               const TombstonesLeft& left) {
  if (config.cleanup == CleanupPolicy::kDelete) return std::nullopt;
  CompactionRange range;
  std::uint64_t clean_bytes = 0;
  std::uint64_t dirty_bytes = 0;
  bool dirty = false;
  for (const CompactionSegment& segment : sealed) {
    if (segment.meta.end > bounds.committed) break;
    if (!is_clean(segment.meta)) {
      if (config.min_compaction_lag_ms > 0 &&
          (!segment.last_append ||
           now.value() - segment.last_append->value() < config.min_compaction_lag_ms)) {
        break;
      }
      dirty = true;
    }
    if (!dirty) ++range.dirty_begin;
    (dirty ? dirty_bytes : clean_bytes) += segment.meta.size_bytes;
    ++range.end;
  }
  const double ratio =
      dirty ? static_cast<double>(dirty_bytes) / static_cast<double>(clean_bytes + dirty_bytes) : 0;
  if (dirty && ratio >= config.min_cleanable_dirty_ratio) return range;
  if (range.dirty_begin == 0 || !left.are_due(bounds.everywhere, now)) return std::nullopt;
  range.end = range.dirty_begin;
  return range;
}

std::vector<CompactionGroup> group_segments(std::span<const CompactionSegment> segments,
                                            const std::vector<bool>& changed, std::uint64_t segment_bytes) {
  FOREBAY_ASSERT(changed.size() == segments.size());
  std::vector<CompactionGroup> groups;
  CompactionGroup open;
  std::uint64_t bytes = 0;
  bool worth_it = false;
  const auto close = [&](std::size_t next) {
    if (open.end > open.begin && (worth_it || open.end - open.begin > 1)) groups.push_back(open);
    open = {next, next};
    bytes = 0;
    worth_it = false;
  };
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::uint64_t size = segments[i].meta.size_bytes;
    // Small neighbours are joined while we are at it.
    const bool wanted = changed[i] || size < segment_bytes / 4;
    if (!wanted || bytes + size > segment_bytes) close(i);
    if (!wanted) {
      close(i + 1);
      continue;
    }
    // Frames that a damaged or missing stretch separates cannot share a file.
    if (open.end > open.begin && segments[i - 1].meta.end != segments[i].meta.begin) close(i);
    open.end = i + 1;
    bytes += size;
    worth_it = worth_it || changed[i];
  }
  close(segments.size());
  return groups;
}

Compaction::Compaction(const Rules& rules, const std::array<std::uint64_t, 4>& seed)
    : rules_(rules), hasher_(seed), map_(rules.map_bytes_max) {
  restart();
}

Compaction::Batch Compaction::open(const FrameHeader& header, ByteSpan payload) {
  Batch batch;
  if (header.kind != FrameKind::kRecords) return batch;
  const auto view = model::RecordBatchView::parse(payload, model::CrcCheck::kSkip);
  if (!view) return batch;
  batch.header = view->header();
  if (batch.header.attributes.is_control() || batch.header.attributes.is_transactional()) return batch;
  const auto records = model::records_of(*view, rules_.batch_bytes_max, scratch_);
  if (!records) return batch;
  // All or nothing: a batch whose records cannot all be read is left alone.
  model::RecordIterator iterator(batch.header, *records);
  model::RecordView record;
  for (;;) {
    const auto more = iterator.next(record);
    if (!more) return batch;
    if (!*more) break;
  }
  batch.records = *records;
  batch.touchable = true;
  return batch;
}

void Compaction::restart() {
  part_ = 0;
  dead_.clear();
  tombstones_removed_ = 0;
  left_ = {.next_pass = first_horizon(), .waiting_to = {}, .horizon = {}};
  last_batch_.clear();
  named_.clear();
}

bool Compaction::begin_pass() {
  if (overflowed_) {
    overflowed_ = false;
    parts_ *= 2;
    restart();
  } else if (!started_) {
    started_ = true;
  } else if (++part_ == parts_) {
    map_ = KeyMap(0);
    return false;
  }
  map_.clear();
  record_number_ = 0;
  return true;
}

bool Compaction::learn(const FrameHeader& header, ByteSpan payload) {
  const Batch batch = open(header, payload);
  if (!batch.touchable) return true;
  model::RecordIterator iterator(batch.header, batch.records);
  model::RecordView record;
  while (iterator.next(record).value()) {
    if (!record.key || record.dead_letter) continue;
    const KeyHash hash = hasher_.hash(*record.key);
    if (in_part(hash) && !map_.put(hash, record.offset)) {
      overflowed_ = true;
      return false;
    }
  }
  return true;
}

void Compaction::note_producer(const FrameHeader& header, ByteSpan payload) {
  if (header.kind != FrameKind::kControl) return;
  const auto control = decode_control(payload);
  if (!control) return;
  if (const auto* fence = std::get_if<ProducerFence>(&*control)) named_.insert(fence->producer);
  if (const auto* position = std::get_if<ProducerPosition>(&*control)) named_.insert(position->producer);
}

bool Compaction::judge(const FrameHeader& header, ByteSpan payload) {
  note_producer(header, payload);
  const Batch batch = open(header, payload);
  if (!batch.touchable) return false;
  if (batch.header.producer_id != model::kNoProducerId) {
    last_batch_[batch.header.producer_id] = {header.begin.next_offset, header.append_time};
  }
  const bool horizon_over =
      batch.header.attributes.has_delete_horizon() && batch.header.base_timestamp < rules_.now;
  bool changes = false;
  model::RecordIterator iterator(batch.header, batch.records);
  model::RecordView record;
  while (iterator.next(record).value()) {
    const std::uint64_t number = record_number_++;
    if (dead_.size() <= number) dead_.push_back(false);
    if (record.key && !record.dead_letter && !dead_[number]) {
      const KeyHash hash = hasher_.hash(*record.key);
      if (in_part(hash)) {
        const auto last = map_.find(hash);
        const bool superseded = last && *last > record.offset;
        const bool over = !superseded && !record.value && horizon_over;
        dead_[number] = superseded || over;
        if (over) ++tombstones_removed_;
      }
    }
    const bool tombstone = is_tombstone(record);
    if (tombstone && !dead_[number]) leave_tombstone(header, batch.header);
    changes = changes || dead_[number] || (tombstone && begins_their_time(header, batch.header));
  }
  return changes;
}

// Of a batch that has no records any more. Its head has the epoch and the sequences that the producer came
// to.
bool Compaction::keeps_head(const FrameHeader& header, const model::BatchHeader& batch) const {
  const auto last = last_batch_.find(batch.producer_id);
  if (last == last_batch_.end() || last->second.first != header.begin.next_offset) return false;
  return named_.contains(batch.producer_id) ||
         rules_.now.value() - last->second.second.value() < rules_.producer_life_ms;
}

void Compaction::begin_rewrite() { record_number_ = 0; }

void Compaction::leave_tombstone(const FrameHeader& header, const model::BatchHeader& batch) {
  const bool begins = begins_their_time(header, batch);
  if (!begins && !batch.attributes.has_delete_horizon()) {
    left_.waiting_to = std::min(left_.waiting_to.value_or(header.end), header.end);
    return;
  }
  const model::Timestamp horizon = begins ? first_horizon() : batch.base_timestamp;
  left_.horizon = std::min(left_.horizon.value_or(horizon), horizon);
}

Compaction::Outcome Compaction::rewrite(const FrameHeader& header, ByteSpan payload) {
  const Batch batch = open(header, payload);
  if (!batch.touchable) return {};
  std::uint64_t kept = 0, lost = 0;
  bool tombstones = false;
  const std::uint64_t first_number = record_number_;
  {
    model::RecordIterator iterator(batch.header, batch.records);
    model::RecordView record;
    while (iterator.next(record).value()) {
      if (dead_.at(record_number_++)) {
        ++lost;
      } else {
        ++kept;
        tombstones = tombstones || is_tombstone(record);
      }
    }
  }
  removed_ += lost;
  if (kept == 0) {
    if (!keeps_head(header, batch.header)) return {Fate::kGone, {}};
    if (lost == 0) return {};  // an empty head already
    return {Fate::kRewritten, model::build_empty(batch.header)};
  }
  const bool gets_horizon = tombstones && begins_their_time(header, batch.header);
  model::BatchHeader head = batch.header;
  if (gets_horizon) {
    head.base_timestamp = first_horizon();
    head.attributes.bits |= model::BatchAttributes::kDeleteHorizon;
  }
  if (lost == 0 && !gets_horizon) return {};
  model::BatchBuilder builder = model::BatchBuilder::rewriting(head);
  model::RecordIterator iterator(batch.header, batch.records);
  model::RecordView record;
  std::uint64_t number = first_number;
  while (iterator.next(record).value()) {
    if (dead_[number++]) continue;
    if (!builder.keep(from_base(record, batch.header.base_timestamp, head.base_timestamp))) return {};
  }
  auto built = builder.build(*batch.header.attributes.codec());
  // The codec's library refused, or it has grown too large: the batch stays as it is.
  if (!built || built->size() > rules_.frame_bytes_max) return {};
  return {Fate::kRewritten, *std::move(built)};
}

std::optional<Frame> FrameWidener::keep(Frame frame) {
  std::optional<Frame> complete = std::exchange(pending_, std::nullopt);
  if (dropped_ && frame.header.kind != FrameKind::kRecords) {
    FOREBAY_ASSERT(!complete);
    complete = cover_dropped();
  } else if (dropped_) {
    frame.header.begin = dropped_->header.begin;
    dropped_.reset();
  }
  pending_ = std::move(frame);
  return complete;
}

std::optional<Frame> FrameWidener::drop(const Frame& frame) {
  std::optional<Frame> complete;
  if (pending_ && pending_->header.kind != FrameKind::kRecords)
    complete = std::exchange(pending_, std::nullopt);
  if (!pending_ && !dropped_) dropped_ = frame;
  (pending_ ? pending_ : dropped_)->header.end = frame.header.end;
  return complete;
}

std::optional<Frame> FrameWidener::finish() {
  return pending_ ? std::exchange(pending_, std::nullopt) : cover_dropped();
}

std::optional<Frame> FrameWidener::cover_dropped() {
  if (!dropped_) return std::nullopt;
  Frame frame = *std::exchange(dropped_, std::nullopt);
  std::vector<std::byte> empty = model::build_empty(model::read_batch_header(frame.payload.data()));
  frame.header.payload_bytes = static_cast<std::uint32_t>(empty.size());
  frame.header.payload_crc = model::read_batch_header(empty.data()).crc;
  frame.payload = SharedBytes::take(std::move(empty));
  return frame;
}

}  // namespace forebay::log
