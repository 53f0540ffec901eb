#include "model/batch_validation.h"

#include <gtest/gtest.h>

#include <limits>

#include "model/batch_builder.h"
#include "model/record_iterator.h"
#include "naive_batch.h"

namespace forebay::model {
namespace {

using test::Bytes;
using test::Rng;

std::vector<Record> three_records() {
  return {{"key0", "value0", {}, Timestamp(1'000)},
          {"key1", std::nullopt, {{"name", "x"}, {"null", std::nullopt}}, Timestamp(3'000)},
          {"key2", "value2", {}, Timestamp(2'000)}};
}

// A batch of those records with one header field changed, its length and CRC right.
Bytes with_header(void (*change)(BatchHeader&), const std::vector<Record>& records = three_records()) {
  BatchHeader header = test::header_for(records);
  change(header);
  return test::naive_batch(header, test::naive_records(records));
}
void nothing(BatchHeader&) {}

struct HeaderCase {
  const char* name;
  void (*change)(BatchHeader&);
  std::optional<ErrorCode> want;
};

TEST(ValidateBatchHeader, JudgesEachField) {
  using H = BatchHeader;
  const HeaderCase cases[] = {
      {"as clients send it", nothing, std::nullopt},
      {"leader epoch 0", [](H& h) { h.leader_epoch = 0; }, std::nullopt},
      {"base offset 1", [](H& h) { h.base_offset = Offset(1); }, ErrorCode::kInvalidRecord},
      {"base offset -1", [](H& h) { h.base_offset = Offset(-1); }, ErrorCode::kCorruptBatch},
      {"magic 1", [](H& h) { h.magic = 1; }, ErrorCode::kUnsupported},
      {"no records",
       [](H& h) {
         h.record_count = 0;
         h.last_offset_delta = 0;
       },
       ErrorCode::kInvalidRecord},
      {"count too low", [](H& h) { h.record_count = 2; }, ErrorCode::kCorruptBatch},
      {"count too high", [](H& h) { h.record_count = 4; }, ErrorCode::kCorruptBatch},
      {"delta too high", [](H& h) { h.last_offset_delta = 5; }, ErrorCode::kCorruptBatch},
      {"more records than bytes",
       [](H& h) {
         h.record_count = std::numeric_limits<std::int32_t>::max();
         h.last_offset_delta = h.record_count - 1;
       },
       ErrorCode::kCorruptBatch},
      {"codec 5", [](H& h) { h.attributes.bits = 5; }, ErrorCode::kUnsupported},
      {"codec 7", [](H& h) { h.attributes.bits = 7; }, ErrorCode::kUnsupported},
      {"append time", [](H& h) { h.attributes.bits = 8; }, ErrorCode::kInvalidRecord},
      {"transactional",
       [](H& h) {
         h.attributes.bits = 16;
         h.producer_id = ProducerId(1);
         h.producer_epoch = ProducerEpoch(0);
         h.base_sequence = 0;
       },
       ErrorCode::kUnsupported},
      {"control", [](H& h) { h.attributes.bits = 32; }, ErrorCode::kInvalidRecord},
      {"delete horizon", [](H& h) { h.attributes.bits = 64; }, ErrorCode::kInvalidRecord},
      {"dead letters", [](H& h) { h.attributes.bits = 128; }, ErrorCode::kInvalidRecord},
      {"attribute bit 8", [](H& h) { h.attributes.bits = 256; }, ErrorCode::kUnsupported},
      {"attribute bit 15", [](H& h) { h.attributes.bits = 0x8000; }, ErrorCode::kUnsupported},
      {"idempotent producer",
       [](H& h) {
         h.producer_id = ProducerId(0);
         h.producer_epoch = ProducerEpoch(0);
         h.base_sequence = 0;
       },
       std::nullopt},
      {"producer id without sequence",
       [](H& h) {
         h.producer_id = ProducerId(7);
         h.producer_epoch = ProducerEpoch(0);
       },
       ErrorCode::kInvalidRecord},
      {"producer id without epoch",
       [](H& h) {
         h.producer_id = ProducerId(7);
         h.base_sequence = 0;
       },
       ErrorCode::kInvalidRecord},
      {"sequence without producer id", [](H& h) { h.base_sequence = 0; }, std::nullopt},
      {"producer id -2", [](H& h) { h.producer_id = ProducerId(-2); }, ErrorCode::kInvalidRecord},
      {"no timestamps",
       [](H& h) {
         h.base_timestamp = kNoTimestamp;
         h.max_timestamp = kNoTimestamp;
       },
       std::nullopt},
      {"negative base timestamp", [](H& h) { h.base_timestamp = Timestamp(-2); }, ErrorCode::kInvalidRecord},
      {"max timestamp before base", [](H& h) { h.max_timestamp = Timestamp(999); },
       ErrorCode::kInvalidRecord},
  };
  for (const auto& c : cases) {
    const Bytes batch = with_header(c.change);
    const auto result = validate_batch_header(batch, {});
    ASSERT_EQ(result.has_value(), !c.want) << c.name << (result ? "" : ": " + result.error().to_string());
    if (!c.want) continue;
    EXPECT_EQ(result.error().code, *c.want) << c.name << ": " << result.error().to_string();
    EXPECT_FALSE(result.error().context.empty()) << c.name;
  }
}

TEST(ValidateBatchHeader, SizeLimitIsInclusive) {
  const Bytes batch = with_header(nothing);
  EXPECT_TRUE(validate_batch_header(batch, {.batch_bytes_max = batch.size()}).has_value());
  EXPECT_EQ(validate_batch_header(batch, {.batch_bytes_max = batch.size() - 1}).error().code,
            ErrorCode::kRecordTooLarge);
}

TEST(ValidateBatchHeader, TimeBoundsAreInclusive) {
  const Bytes batch = with_header(nothing);  // 1000..3000
  BatchRules rules;
  rules.earliest = Timestamp(1'000);
  rules.latest = Timestamp(3'000);
  EXPECT_TRUE(validate_batch_header(batch, rules).has_value());
  rules.earliest = Timestamp(1'001);
  EXPECT_EQ(validate_batch_header(batch, rules).error().code, ErrorCode::kInvalidRecord);
  rules.earliest = Timestamp(0);
  rules.latest = Timestamp(2'999);
  EXPECT_EQ(validate_batch_header(batch, rules).error().code, ErrorCode::kInvalidRecord);
}

TEST(ValidateBatchHeader, TransactionsNeedTheRuleAndAProducer) {
  const Bytes with_producer = with_header([](BatchHeader& h) {
    h.attributes.bits = BatchAttributes::kTransactional;
    h.producer_id = ProducerId(1);
    h.producer_epoch = ProducerEpoch(0);
    h.base_sequence = 0;
  });
  const Bytes without =
      with_header([](BatchHeader& h) { h.attributes.bits = BatchAttributes::kTransactional; });
  EXPECT_TRUE(validate_batch_header(with_producer, {.transactional_allowed = true}).has_value());
  EXPECT_EQ(validate_batch_header(without, {.transactional_allowed = true}).error().code,
            ErrorCode::kInvalidRecord);
}

TEST(ValidateBatchHeader, OfTheBytesOutsideTheChecksumOnlyTheLeaderEpochIsFree) {
  Bytes batch = with_header(nothing);
  for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
    const std::size_t at = bit / 8;
    batch[at] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_EQ(validate_batch_header(batch, {}).has_value(), at >= 12 && at < 16)
        << "byte " << at << " bit " << bit % 8;
    batch[at] ^= static_cast<std::byte>(1u << (bit % 8));
  }
}

// ---- record checks ----

Bytes with_records(const Bytes& records, std::int32_t count, Codec codec = Codec::kNone) {
  BatchHeader header = test::header_for(three_records());
  header.record_count = count;
  header.last_offset_delta = count - 1;
  header.attributes = header.attributes.with_codec(codec);
  Bytes stored;
  EXPECT_TRUE(compress(codec, records, stored).has_value());
  return test::naive_batch(header, stored);
}
Result<BatchContents> validated(const Bytes& batch, const BatchRules& rules = {}) {
  std::vector<std::byte> scratch;
  return validate_batch(batch, rules, scratch);
}

TEST(ValidateBatchRecords, ReportsWhatItFound) {
  for (const Codec codec : kCodecs) {
    const Bytes records = test::naive_records(three_records());
    const auto contents = validated(with_records(records, 3, codec));
    ASSERT_TRUE(contents.has_value()) << codec_name(codec) << ": " << contents.error().to_string();
    EXPECT_EQ(contents->records.size(), records.size());
    EXPECT_EQ(contents->max_timestamp, Timestamp(3'000));
  }
}

TEST(ValidateBatchRecords, LyingCountsAreFoundUnderEveryCodec) {
  for (const Codec codec : kCodecs) {
    for (const std::int32_t count : {1, 2, 4, 5}) {
      const auto contents = validated(with_records(test::naive_records(three_records()), count, codec));
      ASSERT_FALSE(contents.has_value()) << codec_name(codec) << " " << count;
      EXPECT_EQ(contents.error().code, ErrorCode::kCorruptBatch) << codec_name(codec) << " " << count;
    }
    if (codec == Codec::kNone) continue;
    const auto most = validated(
        with_records(test::naive_records(three_records()), std::numeric_limits<std::int32_t>::max(), codec));
    EXPECT_EQ(most.error().code, ErrorCode::kCorruptBatch) << codec_name(codec);
  }
}

TEST(ValidateBatchRecords, OffsetDeltasMustCountFromZero) {
  const auto records = three_records();
  const struct {
    const char* name;
    std::int64_t deltas[3];
  } cases[] = {{"gap", {0, 2, 2}},        {"from one", {1, 2, 2}},  {"twice the same", {0, 0, 1}},
               {"descending", {2, 1, 0}}, {"negative", {-1, 0, 1}}, {"past the last", {0, 1, 3}}};
  for (const auto& c : cases) {
    Bytes bytes;
    for (std::size_t i = 0; i < 3; ++i) test::naive_record(bytes, records[i], 0, c.deltas[i]);
    EXPECT_FALSE(validated(with_records(bytes, 3)).has_value()) << c.name;
  }
}

TEST(ValidateBatchRecords, KeysAreRequiredWhereTheTopicIsCompacted) {
  auto records = three_records();
  BatchRules rules;
  rules.key_required = true;
  EXPECT_TRUE(validated(with_header(nothing, records), rules).has_value());
  records[1].key.reset();
  EXPECT_TRUE(validated(with_header(nothing, records)).has_value());
  const auto refused = validated(with_header(nothing, records), rules);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRecord);
  EXPECT_NE(refused.error().context.find("record 1"), std::string::npos) << refused.error().context;
  records[1].key = "";  // empty is a key
  EXPECT_TRUE(validated(with_header(nothing, records), rules).has_value());
}

TEST(ValidateBatchRecords, RecordSizeLimitIsInclusive) {
  const auto records = three_records();
  Bytes largest;
  test::naive_record(largest, records[1], 2'000, 1);
  BatchRules rules;
  rules.record_bytes_max = largest.size();
  EXPECT_TRUE(validated(with_header(nothing), rules).has_value());
  --rules.record_bytes_max;
  EXPECT_EQ(validated(with_header(nothing), rules).error().code, ErrorCode::kRecordTooLarge);
}

TEST(ValidateBatchRecords, ABombIsTooLarge) {
  std::vector<Record> records(1);
  records[0].value = std::string(20 << 20, 'z');
  records[0].timestamp = Timestamp(1);
  for (const Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    BatchBuilder builder;
    ASSERT_TRUE(builder.append(records[0]).has_value());
    const auto batch = builder.build(codec);
    BatchRules rules;
    rules.batch_bytes_max = 2 << 20;
    rules.records_bytes_max = 1 << 20;
    std::vector<std::byte> scratch;
    EXPECT_EQ(validate_batch(*batch, rules, scratch).error().code, ErrorCode::kRecordTooLarge)
        << codec_name(codec);
    EXPECT_LE(scratch.capacity(), std::size_t{1} << 20) << codec_name(codec);
    rules.records_bytes_max = 21 << 20;
    EXPECT_TRUE(validate_batch(*batch, rules, scratch).has_value()) << codec_name(codec);
  }
}

TEST(ValidateBatchRecords, RecordTimesAreHeldAgainstTheHeaderAndTheBounds) {
  const Bytes low_max = with_header([](BatchHeader& h) { h.max_timestamp = Timestamp(2'999); });
  EXPECT_EQ(validated(low_max).error().code, ErrorCode::kInvalidRecord);
  const Bytes high_max = with_header([](BatchHeader& h) { h.max_timestamp = Timestamp(9'999); });
  EXPECT_EQ(validated(high_max)->max_timestamp, Timestamp(3'000)) << "the caller sees the real one";
  auto records = three_records();
  records[2].timestamp = Timestamp(500);  // before the base: only the record check can see it
  BatchRules rules;
  rules.earliest = Timestamp(900);
  EXPECT_EQ(validated(with_header(nothing, records), rules).error().code, ErrorCode::kInvalidRecord);
  Bytes overflowing;
  test::naive_record(overflowing, records[0], std::numeric_limits<std::int64_t>::max(), 0);
  EXPECT_EQ(validated(with_records(overflowing, 1)).error().code, ErrorCode::kCorruptBatch);
}

// ---- damaged records under a right checksum, against a slow decoder ----

// Reads what the format document says, one byte at a time. Nothing when the bytes are not well formed.
class NaiveDecoder {
 public:
  NaiveDecoder(const Bytes& bytes, std::int32_t count) : bytes_(bytes), count_(count) {}
  std::optional<std::vector<Record>> run(std::int64_t base_timestamp) {
    std::vector<Record> records;
    for (std::int32_t i = 0; i < count_; ++i) {
      const auto length = number(32, bytes_.size());
      if (!length || *length < 1 || at_ + static_cast<std::size_t>(*length) > bytes_.size())
        return std::nullopt;
      const std::size_t end = at_ + static_cast<std::size_t>(*length);
      ++at_;
      const auto time = number(64, end);
      const auto delta = number(32, end);
      if (!time || !delta || *delta != i) return std::nullopt;
      Record record;
      if (__builtin_add_overflow(base_timestamp, *time, &time_)) return std::nullopt;
      record.timestamp = Timestamp(time_);
      if (!text(end, record.key) || !text(end, record.value)) return std::nullopt;
      const auto headers = number(32, end);
      if (!headers || *headers < 0) return std::nullopt;
      for (std::int64_t h = 0; h < *headers; ++h) {
        std::optional<std::string> name;
        Header header;
        if (!text(end, name) || !name || !text(end, header.value)) return std::nullopt;
        header.name = *name;
        record.headers.push_back(header);
      }
      if (at_ != end) return std::nullopt;
      records.push_back(record);
    }
    if (at_ != bytes_.size()) return std::nullopt;
    return records;
  }

 private:
  std::optional<std::int64_t> number(unsigned bits, std::size_t end) {
    unsigned __int128 value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
      if (at_ >= end) return std::nullopt;
      const auto byte = std::to_integer<unsigned>(bytes_[at_++]);
      value += static_cast<unsigned __int128>(byte % 128) << shift;
      if (byte < 128) {
        if (value >> bits != 0) return std::nullopt;
        const auto half = static_cast<std::int64_t>(static_cast<std::uint64_t>(value / 2));
        return value % 2 == 0 ? half : -half - 1;
      }
    }
    return std::nullopt;
  }
  bool text(std::size_t end, std::optional<std::string>& out) {
    const auto size = number(32, end);
    out.reset();
    if (!size || *size < -1 || (*size >= 0 && at_ + static_cast<std::size_t>(*size) > end)) return false;
    if (*size < 0) return true;
    out.emplace();
    for (std::int64_t i = 0; i < *size; ++i) out->push_back(static_cast<char>(bytes_[at_++]));
    return true;
  }
  const Bytes& bytes_;
  std::int32_t count_;
  std::size_t at_ = 0;
  std::int64_t time_ = 0;
};

void expect_same_verdict(const Bytes& records, std::int32_t count, std::size_t& accepted) {
  BatchHeader header;
  header.record_count = count;
  header.last_offset_delta = count - 1;
  header.base_timestamp = Timestamp(1'000);
  RecordIterator iterator(header, records);
  std::vector<Record> got;
  bool well_formed = true;
  RecordView record;
  while (true) {
    const auto more = iterator.next(record);
    if (!more) {
      ASSERT_EQ(more.error().code, ErrorCode::kCorruptBatch);
      ASSERT_EQ(iterator.next(record).error(), more.error());
      well_formed = false;
      break;
    }
    if (!*more) break;
    got.push_back(owned(record));
  }
  const auto want = NaiveDecoder(records, count).run(1'000);
  ASSERT_EQ(well_formed, want.has_value());
  if (!want) return;
  ++accepted;
  ASSERT_EQ(got, *want);
}

TEST(RecordIterator, EveryFlippedBitGetsTheVerdictOfTheSlowDecoder) {
  std::size_t accepted = 0;
  Bytes records = test::naive_records(three_records());
  for (std::size_t bit = 0; bit < records.size() * 8; ++bit) {
    records[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    expect_same_verdict(records, 3, accepted);
    records[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  }
  EXPECT_GT(accepted, 0u);
}

TEST(RecordIterator, EveryCutIsRefused) {
  const Bytes records = test::naive_records(three_records());
  for (std::size_t size = 0; size < records.size(); ++size) {
    BatchHeader header = test::header_for(three_records());
    // A copy of exactly that size, so that a read past the end is seen by the address sanitizer.
    const Bytes cut(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(size));
    RecordIterator iterator(header, cut);
    RecordView record;
    auto more = iterator.next(record);
    while (more && *more) more = iterator.next(record);
    ASSERT_FALSE(more.has_value()) << size;
    EXPECT_EQ(more.error().code, ErrorCode::kCorruptBatch);
    EXPECT_NE(more.error().context.find("record "), std::string::npos) << more.error().context;
  }
}

TEST(RecordIterator, RandomDamageGetsTheVerdictOfTheSlowDecoder) {
  Rng rng(6);
  std::size_t accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    const auto count = static_cast<std::int32_t>(1 + rng() % 4);
    Bytes records = test::naive_records(test::random_records(rng, static_cast<std::size_t>(count), 12));
    for (auto changes = rng() % 3; changes > 0; --changes) {
      const std::uint8_t special[] = {0, 1, 2, 0x7e, 0x7f, 0x80, 0xff, static_cast<std::uint8_t>(rng())};
      records[rng() % records.size()] = static_cast<std::byte>(special[rng() % std::size(special)]);
    }
    if (rng() % 10 == 0)
      records.insert(records.begin() + static_cast<std::ptrdiff_t>(rng() % records.size()), std::byte{0x80});
    ASSERT_NO_FATAL_FAILURE(expect_same_verdict(records, count, accepted)) << "round " << round;
  }
  EXPECT_GT(accepted, 5'000u);
}

TEST(RecordIterator, AfterCompactionGapsAreAllowedAndOrderIsNot) {
  BatchHeader header;
  header.base_offset = Offset(100);
  header.record_count = 3;
  header.last_offset_delta = 9;
  const auto records = three_records();
  const struct {
    const char* name;
    std::int64_t deltas[3];
    bool want;
  } cases[] = {{"gaps", {2, 5, 9}, true},
               {"past the last offset", {2, 5, 10}, false},
               {"twice the same", {2, 2, 3}, false},
               {"descending", {5, 2, 9}, false},
               {"negative", {-1, 2, 3}, false}};
  for (const auto& c : cases) {
    Bytes bytes;
    for (std::size_t i = 0; i < 3; ++i) test::naive_record(bytes, records[i], 0, c.deltas[i]);
    RecordIterator iterator(header, bytes);
    RecordView record;
    auto more = iterator.next(record);
    while (more && *more) {
      EXPECT_EQ(record.offset, Offset(100 + record.offset_delta));
      more = iterator.next(record);
    }
    EXPECT_EQ(more.has_value(), c.want) << c.name;
  }
}

TEST(RecordsOf, EmptiedBatchThatNamesACodecIsRead) {
  BatchHeader header = test::header_for(three_records());
  header.record_count = 0;
  header.attributes = header.attributes.with_codec(Codec::kZstd);
  const Bytes batch = test::naive_batch(header, {});
  const auto view = RecordBatchView::parse(batch);
  ASSERT_TRUE(view.has_value());
  std::vector<std::byte> scratch;
  const auto records = records_of(*view, 100, scratch);
  ASSERT_TRUE(records.has_value());
  EXPECT_TRUE(records->empty());
}

TEST(RecordsOf, UnknownCodecIsUnsupported) {
  const Bytes batch = with_header([](BatchHeader& h) { h.attributes.bits = 6; });
  std::vector<std::byte> scratch;
  EXPECT_EQ(records_of(*RecordBatchView::parse(batch), 100, scratch).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace forebay::model
