// Arbitrary bytes as a record batch: parse, validate, decode, rewrite. The checksum is put right first in
// half of the inputs (first byte odd), so that what lies behind it is reached.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "model/batch_builder.h"
#include "model/batch_validation.h"
#include "model/dead_letters.h"
#include "model/record_iterator.h"

namespace forebay::model {
namespace {

constexpr std::size_t kBound = 1 << 18;
constexpr std::size_t kAll = std::size_t{1} << 31;

void repair(std::vector<std::byte>& bytes) {
  if (bytes.size() < kBatchHeaderBytes) return;
  store_be(bytes.data() + 8, static_cast<std::int32_t>(bytes.size() - kBatchLengthEnd));
  bytes[16] = std::byte{kBatchMagic};
  store_be(bytes.data() + kBatchCrcAt, crc32c(ByteSpan(bytes).subspan(kBatchCrcBegin)));
}

// What decodes must survive being written again, record by record, with the same content.
void rewrite(const RecordBatchView& view, std::vector<std::byte>& scratch) {
  BatchBuilder builder = BatchBuilder::rewriting(view.header());
  std::vector<Record> records;
  const auto read = for_each_record(view, kBound, scratch, [&](const RecordView& record) {
    FOREBAY_ASSERT(record.offset >= view.base_offset() && record.offset <= view.last_offset());
    records.push_back(owned(record));
    FOREBAY_ASSERT(builder.keep(record).has_value());
  });
  if (!read) return;
  FOREBAY_ASSERT(static_cast<std::size_t>(view.record_count()) == records.size());
  const auto codec = view.attributes().codec();
  const auto written = builder.build(*codec);
  FOREBAY_ASSERT(written.has_value());
  const auto again = RecordBatchView::parse(*written);
  FOREBAY_ASSERT(again.has_value());
  FOREBAY_ASSERT(again->base_offset() == view.base_offset() && again->next_offset() == view.next_offset());
  std::size_t index = 0;
  const auto same = for_each_record(*again, 2 * kBound, scratch, [&](const RecordView& record) {
    FOREBAY_ASSERT(index < records.size());
    FOREBAY_ASSERT(owned(record) == records[index++]);
  });
  FOREBAY_ASSERT(same.has_value() && index == records.size());
}

// Each record is for the readers of one of the two, whatever is marked.
void split(const RecordBatchView& view, std::vector<std::byte>& scratch) {
  std::int32_t count = 0, dead = 0;
  const auto read = for_each_record(view, kBound, scratch, [&](const RecordView& record) {
    ++count;
    if (record.dead_letter) ++dead;
  });
  if (!read) return;
  const auto live = without_dead_letters(view.bytes());
  const auto letters = only_dead_letters(view.bytes(), {"topic", PartitionIndex(3), {}}, {.bytes_max = kAll});
  FOREBAY_ASSERT(live.has_value() && letters.has_value());
  for (const auto& [batch, want] :
       {std::pair(&live->bytes, count - dead), std::pair(&letters->bytes, dead)}) {
    FOREBAY_ASSERT(batch->empty() == (want == 0));
    if (batch->empty()) continue;
    const auto again = RecordBatchView::parse(*batch);
    FOREBAY_ASSERT(again.has_value() && again->record_count() == want);
    FOREBAY_ASSERT(!again->attributes().has_dead_letters());
  }
}

void one_input(ByteSpan input) {
  if (input.empty()) return;
  std::vector<std::byte> bytes(input.begin() + 1, input.end());
  if ((input[0] & std::byte{1}) != std::byte{0}) repair(bytes);
  std::vector<std::byte> scratch;
  BatchRules rules;
  rules.records_bytes_max = kBound;
  rules.key_required = (input[0] & std::byte{2}) != std::byte{0};
  rules.transactional_allowed = (input[0] & std::byte{4}) != std::byte{0};
  const auto validated = validate_batch(bytes, rules, scratch);
  FOREBAY_ASSERT(scratch.capacity() <= kBound);
  (void)RecordBatchView::parse_first(bytes);
  const auto view = RecordBatchView::parse(bytes);
  if (!view) {
    FOREBAY_ASSERT(!validated.has_value());
    return;
  }
  rewrite(*view, scratch);
  split(*view, scratch);
  if (!validated) return;
  // What the broker accepted stays readable after it has written its fields.
  set_base_offset(bytes, Offset(1'000'000));
  set_leader_epoch(bytes, Term(5));
  set_append_time(bytes, Timestamp(1'700'000'000'000));
  const auto placed = RecordBatchView::parse(bytes);
  FOREBAY_ASSERT(placed.has_value());
  std::int64_t next = 1'000'000;
  const auto read = for_each_record(*placed, kBound, scratch, [&](const RecordView& record) {
    FOREBAY_ASSERT(record.offset == Offset(next++));
    FOREBAY_ASSERT(record.timestamp == Timestamp(1'700'000'000'000));
    FOREBAY_ASSERT(!rules.key_required || record.key.has_value());
  });
  FOREBAY_ASSERT(read.has_value() && Offset(next) == placed->next_offset());
}

}  // namespace
}  // namespace forebay::model

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  forebay::model::one_input({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
