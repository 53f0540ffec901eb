#include "model/batch_builder.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/record_iterator.h"
#include "naive_batch.h"

namespace forebay::model {
namespace {

using test::Bytes;
using test::Rng;

constexpr std::size_t kNoBound = 64 << 20;

TEST(BatchBuilder, SizeIsExactAfterEveryAppend) {
  Rng rng(1);
  std::vector<Record> added;
  BatchBuilder builder;
  EXPECT_EQ(builder.size_bytes(), kBatchHeaderBytes);
  for (int i = 0; i < 300; ++i) {
    const Record record = test::random_record(rng, i % 50 == 0 ? 9'000 : 120);
    const std::size_t want = builder.size_bytes_with(record);
    ASSERT_TRUE(builder.append(record).has_value());
    added.push_back(record);
    ASSERT_EQ(builder.size_bytes(), want);
    ASSERT_EQ(builder.size_bytes(), kBatchHeaderBytes + test::naive_records(added).size());
  }
  EXPECT_EQ(builder.record_count(), 300);
  EXPECT_EQ(builder.build(Codec::kNone)->size(), kBatchHeaderBytes + test::naive_records(added).size());
}

TEST(BatchBuilder, ViewsAndOwnersGiveTheSameBytes) {
  Rng rng(2);
  BatchBuilder from_owner;
  BatchBuilder from_view;
  for (int i = 0; i < 50; ++i) {
    const Record record = test::random_record(rng, 100);
    ASSERT_TRUE(from_owner.append(record).has_value());
    NewRecord view;
    std::vector<HeaderView> headers;
    for (const auto& header : record.headers) {
      headers.push_back({header.name, std::nullopt});
      if (header.value) headers.back().value = as_bytes(*header.value);
    }
    if (record.key) view.key = as_bytes(*record.key);
    if (record.value) view.value = as_bytes(*record.value);
    view.headers = headers;
    view.timestamp = record.timestamp;
    EXPECT_EQ(from_view.size_bytes_with(view), from_owner.size_bytes());
    ASSERT_TRUE(from_view.append(view).has_value());
  }
  EXPECT_EQ(*from_owner.build(Codec::kNone), *from_view.build(Codec::kNone));
}

TEST(BatchBuilder, OptionsReachTheHeader) {
  BatchBuilder builder({.base_offset = Offset(9),
                        .leader_epoch = 3,
                        .producer_id = ProducerId(1001),
                        .producer_epoch = ProducerEpoch(2),
                        .base_sequence = 77,
                        .transactional = true,
                        .control = true});
  ASSERT_TRUE(builder.append(Record{"k", "v", {}, Timestamp(5)}).has_value());
  const auto batch = builder.build(Codec::kNone);
  const auto view = RecordBatchView::parse(*batch);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->base_offset(), Offset(9));
  EXPECT_EQ(view->header().leader_epoch, 3);
  EXPECT_EQ(view->header().producer_id, ProducerId(1001));
  EXPECT_EQ(view->header().producer_epoch, ProducerEpoch(2));
  EXPECT_EQ(view->header().base_sequence, 77);
  EXPECT_TRUE(view->attributes().is_transactional());
  EXPECT_TRUE(view->attributes().is_control());
}

TEST(BatchBuilder, IsEmptyAndReusableAfterBuild) {
  for (const Codec codec : kCodecs) {
    BatchBuilder builder;
    ASSERT_TRUE(builder.append(Record{"first", std::string(5'000, 'x'), {}, Timestamp(5)}).has_value());
    ASSERT_TRUE(builder.build(codec).has_value());
    EXPECT_TRUE(builder.empty());
    EXPECT_EQ(builder.size_bytes(), kBatchHeaderBytes);
    ASSERT_TRUE(builder.append(Record{"k", "v", {}, Timestamp(9)}).has_value());
    const auto second = builder.build(codec);
    BatchBuilder fresh;
    ASSERT_TRUE(fresh.append(Record{"k", "v", {}, Timestamp(9)}).has_value());
    EXPECT_EQ(*second, *fresh.build(codec)) << codec_name(codec);
  }
}

TEST(BatchBuilder, NoRecordsIsAnError) {
  BatchBuilder builder;
  EXPECT_EQ(builder.build(Codec::kNone).error().code, ErrorCode::kInvalidArgument);
}

TEST(BatchBuilder, TimestampsAnyDistanceApartComeBack) {
  const std::int64_t times[] = {0, -1, 1, std::numeric_limits<std::int64_t>::max() - 1, 1'700'000'000'000};
  BatchBuilder builder;
  for (const auto time : times)
    ASSERT_TRUE(builder.append(Record{"k", "v", {}, Timestamp(time)}).has_value());
  const auto batch = builder.build(Codec::kNone);
  const auto view = RecordBatchView::parse(*batch);
  EXPECT_EQ(view->max_timestamp(), Timestamp(std::numeric_limits<std::int64_t>::max() - 1));
  std::vector<std::byte> scratch;
  std::size_t i = 0;
  const auto done = for_each_record(*view, kNoBound, scratch, [&](const RecordView& record) {
    EXPECT_EQ(record.timestamp, Timestamp(times[i++]));
  });
  EXPECT_TRUE(done.has_value());
  EXPECT_EQ(i, std::size(times));
}

struct Original {
  Bytes bytes;
  std::vector<Record> records;
};
Original original_batch(Rng& rng, Codec codec) {
  Original original;
  original.records = test::random_records(rng, 20, 60);
  BatchBuilder builder({.base_offset = Offset(500),
                        .leader_epoch = 8,
                        .producer_id = ProducerId(4),
                        .producer_epoch = ProducerEpoch(1),
                        .base_sequence = 30});
  for (const auto& record : original.records) EXPECT_TRUE(builder.append(record).has_value());
  original.bytes = *builder.build(codec);
  return original;
}

TEST(BatchRewriting, KeepsOffsetsTimesAndIdentityOfWhatStays) {
  Rng rng(3);
  for (const Codec codec : kCodecs) {
    const Original original = original_batch(rng, codec);
    const auto view = RecordBatchView::parse(original.bytes);
    ASSERT_TRUE(view.has_value());
    BatchBuilder builder = BatchBuilder::rewriting(view->header());
    std::vector<std::byte> scratch;
    Timestamp want_max = kNoTimestamp;
    ASSERT_TRUE(for_each_record(*view, kNoBound, scratch, [&](const RecordView& record) {
                  if (record.offset_delta % 3 != 1) return;
                  want_max = std::max(want_max, record.timestamp);
                  EXPECT_TRUE(builder.keep(record).has_value());
                }).has_value());
    const auto rewritten = builder.build(codec);
    ASSERT_TRUE(rewritten.has_value());
    const auto again = RecordBatchView::parse(*rewritten);
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    BatchHeader want = view->header();
    want.record_count = 7;
    want.max_timestamp = want_max;
    want.crc = again->crc();
    want.batch_length = again->header().batch_length;
    EXPECT_EQ(again->header(), want);
    std::size_t index = 1;
    ASSERT_TRUE(for_each_record(*again, kNoBound, scratch, [&](const RecordView& record) {
                  EXPECT_EQ(record.offset, Offset(500 + static_cast<std::int64_t>(index)));
                  EXPECT_EQ(owned(record), original.records[index]);
                  index += 3;
                }).has_value());
    EXPECT_EQ(index, 22u);
  }
}

TEST(BatchRewriting, AppendTimeStays) {
  Rng rng(4);
  Original original = original_batch(rng, Codec::kNone);
  set_append_time(original.bytes, Timestamp(1'900'000'000'000));
  const auto view = RecordBatchView::parse(original.bytes);
  BatchBuilder builder = BatchBuilder::rewriting(view->header());
  std::vector<std::byte> scratch;
  ASSERT_TRUE(for_each_record(*view, kNoBound, scratch, [&](const RecordView& record) {
                EXPECT_TRUE(builder.keep(record).has_value());
              }).has_value());
  EXPECT_EQ(*builder.build(Codec::kNone), original.bytes) << "keeping everything changes nothing";
}

TEST(BatchRewriting, NothingKeptIsAnEmptyBatchOverTheSameOffsets) {
  Rng rng(5);
  const Original original = original_batch(rng, Codec::kGzip);
  const auto view = RecordBatchView::parse(original.bytes);
  BatchBuilder builder = BatchBuilder::rewriting(view->header());
  const auto rewritten = builder.build(Codec::kGzip);
  ASSERT_TRUE(rewritten.has_value());
  EXPECT_EQ(*rewritten, build_empty(view->header()));
  EXPECT_EQ(rewritten->size(), kBatchHeaderBytes);
  const auto empty = RecordBatchView::parse(*rewritten);
  ASSERT_TRUE(empty.has_value()) << empty.error().to_string();
  EXPECT_EQ(empty->record_count(), 0);
  EXPECT_EQ(empty->base_offset(), Offset(500));
  EXPECT_EQ(empty->next_offset(), Offset(520));
  EXPECT_EQ(empty->header().last_sequence(), 49);
  EXPECT_EQ(empty->header().producer_id, ProducerId(4));
  std::vector<std::byte> scratch;
  int visited = 0;
  EXPECT_TRUE(for_each_record(*empty, kNoBound, scratch, [&](const RecordView&) { ++visited; }).has_value());
  EXPECT_EQ(visited, 0);
}

}  // namespace
}  // namespace forebay::model
