#include "model/dead_letters.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "model/batch_builder.h"
#include "model/batch_validation.h"
#include "model/random_uuid.h"
#include "model/record_iterator.h"
#include "naive_batch.h"

namespace forebay::model {
namespace {

using test::Bytes;
using test::Rng;

constexpr std::array<std::string_view, 3> kRules{"none", "payload", "unknown-schema"};
const DeadLetterOrigin kOrigin{"t", PartitionIndex(0), kRules};
constexpr DeadLetterPage kAll{.from = Offset(0), .bytes_max = std::size_t{1} << 31};

Bytes batch_of(int count, Codec codec = Codec::kNone) {
  BatchBuilder builder({.base_offset = Offset(40),
                        .producer_id = ProducerId(7),
                        .producer_epoch = ProducerEpoch(2),
                        .base_sequence = 11});
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(builder
                    .append(Record{.key = "k" + std::to_string(i),
                                   .value = "value " + std::to_string(i),
                                   .headers = {{"own", std::to_string(i)}},
                                   .timestamp = Timestamp(1000 + i)})
                    .has_value());
  }
  return *builder.build(codec);
}

Result<Bytes> marked(const Bytes& batch, std::vector<DeadLetter> letters) {
  const auto view = RecordBatchView::parse(batch);
  std::vector<std::byte> scratch;
  FOREBAY_TRY(const ByteSpan records, records_of(*view, 1 << 20, scratch));
  return mark_dead_letters(*view, records, letters);
}

struct Seen {
  std::int64_t offset = 0;
  Record record;
  std::optional<std::uint8_t> rule;
};
std::vector<Seen> all_of(const Bytes& batch) {
  std::vector<Seen> seen;
  const auto view = RecordBatchView::parse(batch);
  EXPECT_TRUE(view.has_value());
  std::vector<std::byte> scratch;
  EXPECT_TRUE(for_each_record(*view, 64 << 20, scratch, [&](const RecordView& record) {
                seen.push_back({record.offset.value(), owned(record), record.dead_letter});
              }).has_value());
  return seen;
}

std::string header(const Record& record, std::string_view name) {
  for (const Header& one : record.headers) {
    if (one.name == name) return one.value.value_or("null");
  }
  return "missing";
}

class DeadLetters : public ::testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, DeadLetters,
                         ::testing::Values(Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                           Codec::kZstd));

TEST_P(DeadLetters, AreSetApartInTheirOwnBatch) {
  const Bytes batch = batch_of(5, GetParam());
  const auto stored = marked(batch, {{1, 1, "not a number"}, {4, 2, "id 9 is not there"}});
  ASSERT_TRUE(stored.has_value());
  EXPECT_TRUE(has_dead_letters(*stored));
  EXPECT_FALSE(has_dead_letters(batch));

  const BatchHeader before = read_batch_header(batch.data());
  const BatchHeader after = read_batch_header(stored->data());
  EXPECT_EQ(after.base_offset, before.base_offset);
  EXPECT_EQ(after.last_offset(), before.last_offset());
  EXPECT_EQ(after.last_sequence(), before.last_sequence());
  EXPECT_EQ(after.producer_id, before.producer_id);
  EXPECT_EQ(after.record_count, 5);
  EXPECT_EQ(after.attributes.codec(), GetParam());
  // That of record 3: searches by time are for the others.
  EXPECT_EQ(after.max_timestamp, Timestamp(1003));

  const auto live = without_dead_letters(*stored);
  ASSERT_TRUE(live.has_value());
  EXPECT_FALSE(has_dead_letters(live->bytes));
  const auto shown = all_of(live->bytes);
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0].offset, 40);
  EXPECT_EQ(shown[1].offset, 42);
  EXPECT_EQ(shown[2].offset, 43);
  EXPECT_EQ(shown[2].record, all_of(batch)[3].record);
  EXPECT_EQ(read_batch_header(live->bytes.data()).last_offset(), before.last_offset());

  const auto dead = only_dead_letters(*stored, {"orders", PartitionIndex(3), kRules}, kAll);
  ASSERT_TRUE(dead.has_value());
  const auto letters = all_of(dead->bytes);
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].offset, 41);
  EXPECT_EQ(letters[0].record.value, "value 1");
  EXPECT_EQ(letters[0].record.timestamp, Timestamp(1001));
  EXPECT_FALSE(letters[0].rule.has_value());
  EXPECT_EQ(header(letters[0].record, "own"), "1");
  EXPECT_EQ(header(letters[0].record, kDeadLetterReason), "not a number");
  EXPECT_EQ(header(letters[0].record, kDeadLetterRule), "payload");
  EXPECT_EQ(header(letters[0].record, kDeadLetterTopic), "orders");
  EXPECT_EQ(header(letters[0].record, kDeadLetterPartition), "3");
  EXPECT_EQ(header(letters[0].record, kDeadLetterOffset), "41");
  EXPECT_EQ(header(letters[1].record, kDeadLetterRule), "unknown-schema");
  EXPECT_EQ(read_batch_header(dead->bytes.data()).max_timestamp, Timestamp(1004));
}

TEST(DeadLettersTest, ABatchOfThemAloneLeavesNothing) {
  const auto stored = marked(batch_of(2), {{0, 1, "a"}, {1, 1, "b"}});
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(read_batch_header(stored->data()).max_timestamp, kNoTimestamp);
  EXPECT_TRUE(without_dead_letters(*stored)->bytes.empty());
  EXPECT_EQ(all_of(only_dead_letters(*stored, kOrigin, kAll)->bytes).size(), 2U);
}

TEST(DeadLettersTest, ABatchWithoutThemStays) {
  const Bytes batch = batch_of(3);
  EXPECT_EQ(without_dead_letters(batch)->bytes, batch);
  EXPECT_TRUE(only_dead_letters(batch, kOrigin, kAll)->bytes.empty());
}

TEST(DeadLettersTest, WhatAClientSaysOfItsRecordsMeansNothing) {
  Bytes batch = batch_of(1);
  batch[kBatchHeaderBytes + 1] = std::byte{RecordAttributes::kDeadLetter};
  std::vector<std::byte> scratch;
  const auto view = RecordBatchView::parse(batch, CrcCheck::kSkip);
  ASSERT_TRUE(view.has_value());
  ASSERT_TRUE(for_each_record(*view, 1 << 20, scratch, [](const RecordView& record) {
                EXPECT_FALSE(record.dead_letter.has_value());
              }).has_value());
}

TEST(DeadLettersTest, ReasonsDoNotMultiplyABatch) {
  BatchBuilder builder;
  std::vector<DeadLetter> letters;
  const std::string reason(300, 'r');
  for (std::int32_t i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(builder.append(Record{.value = "x"}).has_value());
    letters.push_back({i, 2, reason});
  }
  const Bytes batch = *builder.build(Codec::kNone);
  const auto stored = marked(batch, letters);
  ASSERT_TRUE(stored.has_value());
  EXPECT_GT(stored->size(), batch.size());
  EXPECT_LT(stored->size(), batch.size() + kReasonsBytesMax + 20'000);  // and a longer length for some
  const auto shown = all_of(only_dead_letters(*stored, kOrigin, kAll)->bytes);
  ASSERT_EQ(shown.size(), 20'000U);
  EXPECT_EQ(header(shown.front().record, kDeadLetterReason), reason);
  EXPECT_EQ(header(shown.back().record, kDeadLetterReason), "missing");
  EXPECT_EQ(header(shown.back().record, kDeadLetterRule), "unknown-schema");
}

TEST_P(DeadLetters, AreShownInPagesThatAreNotLargerThanAsked) {
  constexpr std::int32_t kCount = 1'000;
  constexpr std::size_t kPage = 10'000;
  std::vector<DeadLetter> letters;
  for (std::int32_t i = 1; i < kCount; i += 2) letters.push_back({i, 1, {}});
  const auto stored = marked(batch_of(kCount, GetParam()), letters);
  ASSERT_TRUE(stored.has_value());
  std::int64_t next = 41;  // of the dead letter that is expected
  Offset from(40);
  for (int pages = 1;; ++pages) {
    const auto page = only_dead_letters(*stored, kOrigin, {from, kPage});
    ASSERT_TRUE(page.has_value());
    const auto view = RecordBatchView::parse(page->bytes);
    ASSERT_TRUE(view.has_value());
    for (const Seen& one : all_of(page->bytes)) {
      EXPECT_EQ(one.offset, next);
      next += 2;
    }
    std::vector<std::byte> scratch;
    EXPECT_TRUE(records_of(*view, kPage, scratch).has_value());
    if (!page->is_cut) {
      EXPECT_EQ(view->last_offset(), Offset(40 + kCount - 1));
      EXPECT_GT(pages, 5);
      break;
    }
    EXPECT_EQ(view->last_offset(), Offset(next - 2)) << "who goes on behind it misses none";
    EXPECT_EQ(page->next, Offset(next));
    from = page->next;
  }
  EXPECT_EQ(next, 41 + kCount);
  EXPECT_TRUE(only_dead_letters(*stored, kOrigin, {Offset(40 + kCount), kPage})->bytes.empty());
  EXPECT_EQ(all_of(only_dead_letters(*stored, kOrigin, {Offset(40), 1})->bytes).size(), 1U) << "one at least";
}

TEST(DeadLettersTest, SurviveARewriteByCompaction) {
  const auto stored = marked(batch_of(4), {{2, 1, "why"}});
  const auto view = RecordBatchView::parse(*stored);
  std::vector<std::byte> scratch;
  BatchBuilder builder = BatchBuilder::rewriting(view->header());
  ASSERT_TRUE(for_each_record(*view, 1 << 20, scratch, [&](const RecordView& record) {
                if (record.offset_delta < 2) return;
                EXPECT_TRUE(builder.keep(record).has_value());
              }).has_value());
  const Bytes again = *builder.build(Codec::kNone);
  const auto letters = all_of(only_dead_letters(again, kOrigin, kAll)->bytes);
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(header(letters[0].record, kDeadLetterReason), "why");
  EXPECT_EQ(all_of(without_dead_letters(again)->bytes).size(), 1U);
}

TEST(DeadLettersTest, HaveAnIdOfTheirOwn) {
  struct {
    std::uint64_t state = 1;
    std::uint64_t next() { return state *= 0x9e3779b97f4a7c15; }
  } rng;
  const TopicId topic = random_uuid(rng);
  const TopicId letters = dead_letters_id(topic);
  EXPECT_NE(letters, topic);
  EXPECT_EQ(source_of(letters), topic);
  EXPECT_EQ(source_of(topic), topic);
  EXPECT_EQ(reading_of(letters), Reading::kDeadLetters);
  EXPECT_EQ(reading_of(topic), Reading::kRecords);
  EXPECT_EQ(reading_of(TopicId{}), Reading::kRecords);  // nil, which __cluster has
}

}  // namespace
}  // namespace forebay::model
