#include "model/record_batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/batch_builder.h"
#include "model/record_iterator.h"
#include "naive_batch.h"

namespace forebay::model {
namespace {

using test::Bytes;
using test::Rng;

constexpr std::size_t kNoBound = 64 << 20;

Bytes built(const std::vector<Record>& records, Codec codec = Codec::kNone,
            const BatchOptions& options = {}) {
  BatchBuilder builder(options);
  for (const auto& record : records) EXPECT_TRUE(builder.append(record).has_value());
  auto batch = builder.build(codec);
  EXPECT_TRUE(batch.has_value());
  return std::move(batch).value();
}

std::vector<Record> decoded(ByteSpan batch) {
  const auto view = RecordBatchView::parse(batch);
  EXPECT_TRUE(view.has_value()) << view.error().to_string();
  std::vector<Record> records;
  std::vector<std::byte> scratch;
  const auto done = for_each_record(*view, kNoBound, scratch,
                                    [&](const RecordView& record) { records.push_back(owned(record)); });
  EXPECT_TRUE(done.has_value()) << done.error().to_string();
  return records;
}

TEST(RecordBatch, RandomBatchesComeBackFromEveryCodec) {
  for (const Codec codec : kCodecs) {
    Rng rng(7);
    for (int round = 0; round < 40; ++round) {
      SCOPED_TRACE(testing::Message() << codec_name(codec) << ", round " << round);
      const auto records = test::random_records(rng, 1 + rng() % 60, round % 10 == 0 ? 20'000 : 200);
      const Bytes batch = built(records, codec);
      const auto view = RecordBatchView::parse(batch);
      ASSERT_TRUE(view.has_value()) << view.error().to_string();
      BatchHeader want = test::header_for(records);
      want.attributes = want.attributes.with_codec(codec);
      want.batch_length = static_cast<std::int32_t>(batch.size() - 12);
      want.crc = view->crc();
      EXPECT_EQ(view->header(), want);
      ASSERT_EQ(decoded(batch), records);
    }
  }
}

TEST(RecordBatch, UncompressedBytesAreThoseOfTheNaiveWriter) {
  Rng rng(8);
  for (int round = 0; round < 100; ++round) {
    const auto records = test::random_records(rng, 1 + rng() % 80, 300);
    ASSERT_EQ(built(records), test::naive_batch(test::header_for(records), test::naive_records(records)));
  }
}

TEST(RecordBatch, EveryHeaderFieldHasItsPlace) {
  BatchHeader header;
  header.base_offset = Offset(0x0102030405060708);
  header.batch_length = 0x11121314;
  header.leader_epoch = 0x21222324;
  header.crc = 0x31323334;
  header.attributes.bits = 0x4142;
  header.last_offset_delta = 0x51525354;
  header.base_timestamp = Timestamp(0x6162636465666768);
  header.max_timestamp = Timestamp(0x7172737475767778);
  header.producer_id = ProducerId(0x0111213141516171);
  header.producer_epoch = ProducerEpoch(0x0222);
  header.base_sequence = 0x03132333;
  header.record_count = 0x04142434;
  const std::uint8_t want[kBatchHeaderBytes] = {
      1,    2,    3,    4,    5,    6,    7,    8,    0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
      2,    0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x51, 0x52, 0x53, 0x54, 0x61, 0x62, 0x63, 0x64, 0x65,
      0x66, 0x67, 0x68, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x01, 0x11, 0x21, 0x31, 0x41,
      0x51, 0x61, 0x71, 0x02, 0x22, 0x03, 0x13, 0x23, 0x33, 0x04, 0x14, 0x24, 0x34};
  std::byte got[kBatchHeaderBytes];
  write_batch_header(got, header);
  for (std::size_t i = 0; i < kBatchHeaderBytes; ++i)
    EXPECT_EQ(std::to_integer<int>(got[i]), want[i]) << "byte " << i;
  EXPECT_EQ(read_batch_header(got), header);
}

TEST(RecordBatch, EveryFlippedBitIsFoundOrInAFieldOfTheBroker) {
  Rng rng(9);
  for (const Codec codec : kCodecs) {
    Bytes batch = built(test::random_records(rng, 3, 50), codec);
    for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
      const std::size_t at = bit / 8;
      batch[at] ^= static_cast<std::byte>(1u << (bit % 8));
      const bool accepted = RecordBatchView::parse(batch).has_value();
      batch[at] ^= static_cast<std::byte>(1u << (bit % 8));
      // Base offset (all but its sign) and leader epoch are the broker's; the frame around the batch covers
      // them.
      const bool base_offset = at < 8 && bit != 7;
      const bool leader_epoch = at >= 12 && at < 16;
      ASSERT_EQ(accepted, base_offset || leader_epoch)
          << codec_name(codec) << ", byte " << at << " bit " << bit % 8;
    }
  }
}

TEST(RecordBatch, EveryCutAndEveryAdditionIsRefused) {
  Rng rng(10);
  const Bytes batch = built(test::random_records(rng, 4, 30));
  for (std::size_t size = 0; size < batch.size(); ++size) {
    const ByteSpan cut(batch.data(), size);
    EXPECT_EQ(RecordBatchView::parse(cut).error().code, ErrorCode::kCorruptBatch) << size;
    EXPECT_EQ(RecordBatchView::parse_first(cut).error().code, ErrorCode::kCorruptBatch) << size;
  }
  Bytes longer = batch;
  longer.push_back(std::byte{0});
  EXPECT_EQ(RecordBatchView::parse(longer).error().code, ErrorCode::kCorruptBatch);
  EXPECT_TRUE(RecordBatchView::parse_first(longer).has_value());
}

TEST(RecordBatch, BatchesInARowAreReadOneByOne) {
  Rng rng(11);
  Bytes row;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 5; ++i) {
    const Bytes batch = built(test::random_records(rng, 1 + rng() % 9, 100), kCodecs[i]);
    sizes.push_back(batch.size());
    row.insert(row.end(), batch.begin(), batch.end());
  }
  ByteSpan rest(row);
  for (const std::size_t want : sizes) {
    const auto view = RecordBatchView::parse_first(rest);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->size_bytes(), want);
    rest = rest.subspan(view->size_bytes());
  }
  EXPECT_TRUE(rest.empty());
}

TEST(RecordBatch, ImpossibleHeadersAreRefused) {
  Rng rng(12);
  const auto records = test::random_records(rng, 3, 20);
  const Bytes body = test::naive_records(records);
  const struct {
    const char* name;
    void (*change)(BatchHeader&);
    ErrorCode want;
  } cases[] = {
      {"magic 0", [](BatchHeader& h) { h.magic = 0; }, ErrorCode::kUnsupported},
      {"magic 1", [](BatchHeader& h) { h.magic = 1; }, ErrorCode::kUnsupported},
      {"magic 3", [](BatchHeader& h) { h.magic = 3; }, ErrorCode::kUnsupported},
      {"negative count", [](BatchHeader& h) { h.record_count = -1; }, ErrorCode::kCorruptBatch},
      {"negative delta", [](BatchHeader& h) { h.last_offset_delta = -1; }, ErrorCode::kCorruptBatch},
      {"more records than offsets", [](BatchHeader& h) { h.record_count = 4; }, ErrorCode::kCorruptBatch},
      {"negative offset", [](BatchHeader& h) { h.base_offset = Offset(-5); }, ErrorCode::kCorruptBatch},
      {"offset that overflows",
       [](BatchHeader& h) { h.base_offset = Offset(std::numeric_limits<std::int64_t>::max()); },
       ErrorCode::kCorruptBatch},
  };
  for (const auto& c : cases) {
    BatchHeader header = test::header_for(records);
    c.change(header);
    const auto view = RecordBatchView::parse(test::naive_batch(header, body));
    ASSERT_FALSE(view.has_value()) << c.name;
    EXPECT_EQ(view.error().code, c.want) << c.name;
    EXPECT_FALSE(view.error().context.empty());
  }
}

TEST(RecordBatch, LengthFieldsThatNoBatchHasAreRefused) {
  Rng rng(13);
  const Bytes batch = built(test::random_records(rng, 1, 20));
  for (const std::int64_t length : {-1ll, 0ll, 48ll, 0x7fffffffll, 0x7ffffff4ll, -2147483648ll}) {
    Bytes changed = batch;
    Bytes field;
    test::put_be(field, static_cast<std::uint32_t>(length), 4);
    std::copy(field.begin(), field.end(), changed.begin() + 8);
    EXPECT_EQ(batch_size_bytes(changed).error().code, ErrorCode::kCorruptBatch) << length;
    EXPECT_EQ(RecordBatchView::parse_first(changed).error().code, ErrorCode::kCorruptBatch) << length;
  }
}

TEST(RecordBatch, BrokerFieldsAreSetWithoutTouchingTheChecksum) {
  Rng rng(14);
  const auto records = test::random_records(rng, 5, 50);
  Bytes batch = built(records, Codec::kLz4);
  const auto before = *RecordBatchView::parse(batch);
  set_base_offset(batch, Offset(123'456'789'012));
  set_leader_epoch(batch, Term(42));
  const auto after = RecordBatchView::parse(batch);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->base_offset(), Offset(123'456'789'012));
  EXPECT_EQ(after->last_offset(), Offset(123'456'789'016));
  EXPECT_EQ(after->next_offset(), Offset(123'456'789'017));
  EXPECT_EQ(after->header().leader_epoch, 42);
  EXPECT_EQ(after->crc(), before.crc());
  EXPECT_EQ(decoded(batch), records);
}

TEST(RecordBatch, AppendTimeIsShownForEveryRecord) {
  Rng rng(15);
  const auto records = test::random_records(rng, 5, 50);
  Bytes batch = built(records, Codec::kZstd);
  set_append_time(batch, Timestamp(1'800'000'000'000));
  const auto view = RecordBatchView::parse(batch);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->attributes().timestamp_type(), TimestampType::kAppendTime);
  EXPECT_EQ(view->attributes().codec(), Codec::kZstd);
  EXPECT_EQ(view->max_timestamp(), Timestamp(1'800'000'000'000));
  for (const auto& record : decoded(batch)) EXPECT_EQ(record.timestamp, Timestamp(1'800'000'000'000));
}

TEST(RecordBatch, MaxTimestampCanBeCorrected) {
  Rng rng(16);
  Bytes batch = built(test::random_records(rng, 5, 50));
  set_max_timestamp(batch, Timestamp(77));
  EXPECT_EQ(RecordBatchView::parse(batch)->max_timestamp(), Timestamp(77));
}

TEST(RecordBatch, LastSequenceWraps) {
  BatchHeader header;
  header.base_sequence = std::numeric_limits<std::int32_t>::max();
  header.last_offset_delta = 0;
  EXPECT_EQ(header.last_sequence(), std::numeric_limits<std::int32_t>::max());
  header.last_offset_delta = 3;
  EXPECT_EQ(header.last_sequence(), 2);
}

}  // namespace
}  // namespace forebay::model
