#include "log/core/index.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/crc32c.h"
#include "base/endian.h"

namespace forebay::log {
namespace {

constexpr std::uint32_t kMagic = 0x58494246;  // "FBIX"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kEntryBytes = 40;
constexpr std::uint16_t kHasRecords = 1;  // flags
constexpr std::uint16_t kHasDeadLetters = 2;
// Places in the head; docs/format/index.md.
constexpr std::size_t kHeadCrcAt = kIndexHeadBytes - 4;
constexpr std::size_t kEntriesCrcAt = kIndexHeadBytes - 8;
constexpr std::size_t kUsedHeadBytes = kEntriesCrcAt;  // up to the checksums; what is unused is zero

struct Head {
  std::uint32_t entry_count = 0;
  std::uint32_t interval_bytes = 0;
  SegmentTimes times;
};

void encode_position(std::byte* to, const model::LogPosition& position) {
  store_le(to, position.next_offset.value());
  store_le(to + 8, position.control_count);
}
model::LogPosition decode_position(const std::byte* from) {
  return {model::Offset(load_le<std::int64_t>(from)), load_le<std::uint32_t>(from + 8)};
}

void encode_head(std::byte* to, const model::TopicPartition& id, const SegmentMeta& segment,
                 const Head& head) {
  store_le(to, kMagic);
  store_le(to + 4, kVersion);
  store_le<std::uint16_t>(to + 6,
                          static_cast<std::uint16_t>((head.times.has_records ? kHasRecords : 0) |
                                                     (head.times.has_dead_letters ? kHasDeadLetters : 0)));
  std::memcpy(to + 8, id.topic.bytes.data(), 16);
  store_le(to + 24, id.partition.value());
  store_le(to + 28, segment.generation);
  store_le(to + 32, segment.boot_epoch.value());
  encode_position(to + 40, segment.begin);
  encode_position(to + 52, segment.end);
  store_le(to + 64, segment.size_bytes);
  store_le(to + 72, head.times.first_append.value());
  store_le(to + 80, head.times.last_append.value());
  store_le(to + 88, head.times.max_event.value());
  store_le(to + 96, head.interval_bytes);
  store_le(to + 100, head.entry_count);
}

Result<Head> decode_head(ByteSpan bytes, const model::TopicPartition& id, const SegmentMeta& segment) {
  const auto corrupt = [](std::string what) {
    return Error{ErrorCode::kCorruptBatch, "segment index: " + what};
  };
  if (bytes.size() < kIndexHeadBytes) return corrupt("shorter than its head");
  const std::byte* from = bytes.data();
  if (load_le<std::uint32_t>(from) != kMagic) return corrupt("not an index");
  if (load_le<std::uint32_t>(from + kHeadCrcAt) != crc32c(bytes.first(kHeadCrcAt)))
    return corrupt("head checksum");
  if (load_le<std::uint16_t>(from + 4) != kVersion) return Error{ErrorCode::kNewerFormat, "segment index"};
  Head head;
  const auto flags = load_le<std::uint16_t>(from + 6);
  head.times.has_records = (flags & kHasRecords) != 0;
  head.times.has_dead_letters = (flags & kHasDeadLetters) != 0;
  head.times.first_append = model::Timestamp(load_le<std::int64_t>(from + 72));
  head.times.last_append = model::Timestamp(load_le<std::int64_t>(from + 80));
  head.times.max_event = model::Timestamp(load_le<std::int64_t>(from + 88));
  head.interval_bytes = load_le<std::uint32_t>(from + 96);
  head.entry_count = load_le<std::uint32_t>(from + 100);
  // The identity is compared as bytes: whatever differs, the index is of another segment or another state of
  // it.
  std::byte expected[kIndexHeadBytes] = {};
  encode_head(expected, id, segment, head);
  if (std::memcmp(expected, from, kUsedHeadBytes) != 0) {
    return Error{ErrorCode::kFailedPrecondition,
                 "segment index: of another segment, or of another state of it"};
  }
  return head;
}

}  // namespace

void SegmentIndex::add(const FrameHeader& header, const FrameFacts& facts, std::uint64_t file_position) {
  if (entries_.empty() || file_position - entries_.back().file_position >= interval_bytes_) {
    entries_.push_back({header.begin, file_position, times_.max_event, header.append_time, false});
  }
  times_.last_append = header.append_time;
  if (header.kind != FrameKind::kRecords) return;
  if (!times_.has_records) times_.first_append = header.append_time;
  times_.has_records = true;
  times_.max_event = std::max(times_.max_event, facts.event_time);
  if (!facts.has_dead_letters) return;
  times_.has_dead_letters = true;
  entries_.back().has_dead_letters = true;
}

std::optional<IndexEntry> SegmentIndex::find_offset(model::Offset offset) const {
  const auto above = std::upper_bound(
      entries_.begin(), entries_.end(), offset,
      [](model::Offset wanted, const IndexEntry& entry) { return wanted < entry.begin.next_offset; });
  if (above == entries_.begin()) return std::nullopt;
  return *(above - 1);
}

std::optional<IndexEntry> SegmentIndex::find_position(model::LogPosition position) const {
  const auto above = std::upper_bound(
      entries_.begin(), entries_.end(), position,
      [](model::LogPosition wanted, const IndexEntry& entry) { return wanted < entry.begin; });
  if (above == entries_.begin()) return std::nullopt;
  return *(above - 1);
}

std::optional<IndexEntry> SegmentIndex::find_event_time(model::Timestamp time) const {
  if (entries_.empty() || !times_.has_records || times_.max_event < time) return std::nullopt;
  // The first entry before which such a batch lies; the batch is between the entry before and this one.
  const auto above = std::lower_bound(
      entries_.begin(), entries_.end(), time,
      [](const IndexEntry& entry, model::Timestamp wanted) { return entry.max_event_time_before < wanted; });
  return above == entries_.begin() ? entries_.front() : *(above - 1);
}

std::optional<IndexEntry> SegmentIndex::find_append_time(model::Timestamp time) const {
  if (entries_.empty() || times_.last_append < time) return std::nullopt;
  const auto above = std::lower_bound(
      entries_.begin(), entries_.end(), time,
      [](const IndexEntry& entry, model::Timestamp wanted) { return entry.append_time < wanted; });
  return above == entries_.begin() ? entries_.front() : *(above - 1);
}

std::optional<IndexEntry> SegmentIndex::find_dead_letters(model::Offset offset) const {
  if (!times_.has_dead_letters) return std::nullopt;
  auto at = std::upper_bound(
      entries_.begin(), entries_.end(), offset,
      [](model::Offset wanted, const IndexEntry& entry) { return wanted < entry.begin.next_offset; });
  if (at != entries_.begin()) --at;
  at = std::find_if(at, entries_.end(), [](const IndexEntry& entry) { return entry.has_dead_letters; });
  return at == entries_.end() ? std::nullopt : std::optional(*at);
}

std::optional<std::uint64_t> SegmentIndex::end_of_dead_letters(const IndexEntry& entry) const {
  const auto begin = std::lower_bound(
      entries_.begin(), entries_.end(), entry.file_position,
      [](const IndexEntry& one, std::uint64_t position) { return one.file_position < position; });
  const auto end =
      std::find_if(begin, entries_.end(), [](const IndexEntry& one) { return !one.has_dead_letters; });
  return end == entries_.end() ? std::nullopt : std::optional(end->file_position);
}

std::vector<std::byte> encode_index(const model::TopicPartition& id, const SegmentMeta& segment,
                                    const SegmentIndex& index) {
  const auto& entries = index.entries();
  std::vector<std::byte> bytes(kIndexHeadBytes + entries.size() * kEntryBytes);
  encode_head(bytes.data(), id, segment,
              {static_cast<std::uint32_t>(entries.size()), index.interval_bytes(), index.times()});
  std::byte* to = bytes.data() + kIndexHeadBytes;
  for (const IndexEntry& entry : entries) {
    encode_position(to, entry.begin);
    store_le<std::uint32_t>(to + 12, entry.has_dead_letters ? 1 : 0);
    store_le(to + 16, entry.file_position);
    store_le(to + 24, entry.max_event_time_before.value());
    store_le(to + 32, entry.append_time.value());
    to += kEntryBytes;
  }
  const ByteSpan all(bytes);
  store_le(bytes.data() + kEntriesCrcAt, crc32c(all.subspan(kIndexHeadBytes)));
  store_le(bytes.data() + kHeadCrcAt, crc32c(all.first(kHeadCrcAt)));
  return bytes;
}

Result<SegmentIndex> decode_index(ByteSpan bytes, const model::TopicPartition& id,
                                  const SegmentMeta& segment) {
  FOREBAY_TRY(const Head head, decode_head(bytes, id, segment));
  const ByteSpan body = bytes.subspan(kIndexHeadBytes);
  if (body.size() != std::uint64_t{head.entry_count} * kEntryBytes ||
      load_le<std::uint32_t>(bytes.data() + kEntriesCrcAt) != crc32c(body)) {
    return Error{ErrorCode::kCorruptBatch, "segment index: entries"};
  }
  SegmentIndex index(head.interval_bytes);
  index.times_ = head.times;
  index.entries_.reserve(head.entry_count);
  for (std::size_t i = 0; i < head.entry_count; ++i) {
    const std::byte* from = body.data() + i * kEntryBytes;
    const IndexEntry entry{decode_position(from), load_le<std::uint64_t>(from + 16),
                           model::Timestamp(load_le<std::int64_t>(from + 24)),
                           model::Timestamp(load_le<std::int64_t>(from + 32)),
                           load_le<std::uint32_t>(from + 12) != 0};
    const bool in_order =
        index.entries_.empty() || (index.entries_.back().begin < entry.begin &&
                                   index.entries_.back().file_position < entry.file_position);
    if (!in_order || entry.begin < segment.begin || entry.begin >= segment.end ||
        entry.file_position >= segment.size_bytes) {
      return Error{ErrorCode::kCorruptBatch, "segment index: entries out of order"};
    }
    index.entries_.push_back(entry);
  }
  return index;
}

Result<SegmentTimes> decode_index_head(ByteSpan bytes, const model::TopicPartition& id,
                                       const SegmentMeta& segment) {
  FOREBAY_TRY(const Head head, decode_head(bytes, id, segment));
  return head.times;
}

}  // namespace forebay::log
