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

// A stored batch again with what `keep` puts into the builder of each of its records.
template <typename Keep>
Result<std::vector<std::byte>> rewritten(ByteSpan bytes, Keep keep) {
  FOREBAY_TRY(const auto batch, RecordBatchView::parse(bytes, CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  FOREBAY_TRY(const ByteSpan records, records_of(batch, std::numeric_limits<std::int32_t>::max(), scratch));
  BatchBuilder builder = BatchBuilder::rewriting(with_bit(batch.header(), false));
  RecordIterator iterator(batch.header(), records);
  RecordView record;
  while (true) {
    FOREBAY_TRY(const bool more, iterator.next(record));
    if (!more) break;
    FOREBAY_CHECK(keep(builder, record));
  }
  if (builder.empty()) return std::vector<std::byte>();
  return builder.build(*batch.attributes().codec());
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

Result<std::vector<std::byte>> without_dead_letters(ByteSpan batch) {
  return rewritten(batch, [](BatchBuilder& builder, const RecordView& record) -> Result<void> {
    if (record.dead_letter) return {};
    return builder.keep(record);
  });
}

Result<std::vector<std::byte>> only_dead_letters(ByteSpan batch, const DeadLetterOrigin& origin) {
  const std::string partition = std::to_string(origin.partition.value());
  return rewritten(batch, [&](BatchBuilder& builder, const RecordView& record) -> Result<void> {
    if (!record.dead_letter) return {};
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
