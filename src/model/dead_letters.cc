#include "model/dead_letters.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/assert.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"

namespace forebay::model {
namespace {

constexpr std::size_t kVersionAt = 6;  // the high half of this byte of a UUID (RFC 9562)
constexpr std::uint8_t kRandom = 0x40;
constexpr std::uint8_t kCustom = 0x80;

TopicId with_version(TopicId id, std::uint8_t from, std::uint8_t to) {
  std::uint8_t& byte = id.bytes[kVersionAt];
  if ((byte & 0xf0) == from) byte = static_cast<std::uint8_t>((byte & 0x0f) | to);
  return id;
}

BatchHeader with_bit(BatchHeader header, bool has_dead_letters) {
  if (has_dead_letters)
    header.attributes.bits |= BatchAttributes::kDeadLetters;
  else
    header.attributes.bits &= static_cast<std::uint16_t>(~BatchAttributes::kDeadLetters);
  return header;
}

// How large it gets, and by how much each of its records may grow.
struct Room {
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();
  std::size_t growth_max = 0;
};

// A stored batch again with those of its records that are wanted, as `keep` puts them into the builder.
template <typename IsWanted, typename Keep>
Result<ShownBatch> rewritten(ByteSpan bytes, const Room& room, IsWanted is_wanted, Keep keep) {
  FOREBAY_TRY(const auto batch, RecordBatchView::parse(bytes, CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  FOREBAY_TRY(const ByteSpan records, records_of(batch, std::numeric_limits<std::int32_t>::max(), scratch));
  ShownBatch shown{.work_bytes = records.size()};
  BatchBuilder builder = BatchBuilder::rewriting(with_bit(batch.header(), false));
  RecordIterator iterator(batch.header(), records);
  RecordView record;
  while (true) {
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) break;
    if (!is_wanted(record)) continue;
    if (!builder.empty() && builder.size_bytes() + record.size_bytes + room.growth_max > room.bytes_max) {
      builder.end_here();
      shown.is_cut = true;
      shown.next = record.offset;
      break;
    }
    FOREBAY_CHECK(keep(builder, record));
  }
  if (builder.empty()) return shown;
  shown.work_bytes += builder.size_bytes();
  FOREBAY_TRY(shown.bytes, builder.build(*batch.attributes().codec()));
  return shown;
}

std::vector<HeaderView> headers_of(const RecordView& record) {
  return {record.headers.begin(), record.headers.end()};
}

}  // namespace

TopicId dead_letters_id(const TopicId& topic) { return with_version(topic, kRandom, kCustom); }
TopicId source_of(const TopicId& id) { return with_version(id, kCustom, kRandom); }
Reading reading_of(const TopicId& id) {
  return (id.bytes[kVersionAt] & 0xf0) == kCustom ? Reading::kDeadLetters : Reading::kRecords;
}

Result<std::vector<std::byte>> mark_dead_letters(const RecordBatchView& batch, ByteSpan records,
                                                 std::span<const DeadLetter> letters) {
  BatchBuilder builder = BatchBuilder::rewriting(with_bit(batch.header(), true));
  RecordIterator iterator(batch.header(), records);
  RecordView record;
  std::size_t reasons_bytes = 0;
  auto letter = letters.begin();
  while (true) {
    const std::int32_t index = iterator.index();
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) break;
    if (letter == letters.end() || letter->index != index) {
      FOREBAY_CHECK(builder.keep(record));
      continue;
    }
    record.dead_letter = letter->rule;
    const std::string_view reason = std::exchange(letter, letter + 1)->reason;
    reasons_bytes += kDeadLetterReason.size() + reason.size();
    if (reason.empty() || reasons_bytes > kReasonsBytesMax) {
      FOREBAY_CHECK(builder.keep(record));
      continue;
    }
    std::vector<HeaderView> headers = headers_of(record);
    headers.push_back({kDeadLetterReason, as_bytes(reason)});
    FOREBAY_CHECK(builder.keep(record, headers));
  }
  FOREBAY_ASSERT(letter == letters.end());
  return builder.build(*batch.attributes().codec());
}

Result<ShownBatch> without_dead_letters(ByteSpan batch) {
  return rewritten(
      batch, Room{}, [](const RecordView& record) { return !record.dead_letter; },
      [](BatchBuilder& builder, const RecordView& record) { return builder.keep(record); });
}

Result<ShownBatch> only_dead_letters(ByteSpan batch, const DeadLetterOrigin& origin,
                                     const DeadLetterPage& page) {
  const std::string partition = std::to_string(origin.partition.value());
  return rewritten(
      batch, Room{page.bytes_max, kDeadLetterOriginBytesMax + origin.topic.size()},
      [&](const RecordView& record) { return record.dead_letter && record.offset >= page.from; },
      [&](BatchBuilder& builder, const RecordView& record) {
        RecordView shown = record;
        shown.dead_letter.reset();
        const std::string offset = std::to_string(record.offset.value());
        std::vector<HeaderView> headers = headers_of(record);
        if (*record.dead_letter < origin.rules.size())
          headers.push_back({kDeadLetterRule, as_bytes(origin.rules[*record.dead_letter])});
        headers.push_back({kDeadLetterTopic, as_bytes(origin.topic)});
        headers.push_back({kDeadLetterPartition, as_bytes(partition)});
        headers.push_back({kDeadLetterOffset, as_bytes(offset)});
        return builder.keep(shown, headers);
      });
}

}  // namespace forebay::model
