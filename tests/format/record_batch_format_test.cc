// The golden record batches, made once by make_record_batch.py: every build must read them, and write the
// plain ones to the same bytes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "golden.h"
#include "model/batch_builder.h"
#include "model/record_batch.h"
#include "model/record_iterator.h"

namespace forebay::model {
namespace {

constexpr std::size_t kNoBound = 1 << 20;

std::string golden(const std::string& name) {
  return std::string(as_text(test::golden_file("record_batch/" + name + ".bin")));
}

const std::vector<Record>& expected_records() {
  static const std::vector<Record> kRecords = [] {
    std::string repeated;
    for (int i = 0; i < 300; ++i) repeated += "abcabcabc";
    const std::vector<Header> headers{{"ce_id", "a-1"},
                                      {"trace", std::nullopt},
                                      {"trace", ""},
                                      {"gr\xc3\xb6\xc3\x9f"
                                       "e",
                                       std::string("\0\xff", 2)}};
    return std::vector<Record>{
        {"user-1", R"({"n":1})", {}, Timestamp(1'700'000'000'000)},
        {std::nullopt, "no key", {}, Timestamp(1'700'000'000'005)},
        {"user-1", std::nullopt, {}, Timestamp(1'700'000'001'500)},
        {"", "", headers, Timestamp(1'699'999'999'980)},
        {"user-2", repeated, {}, Timestamp(1'700'086'400'000)},
    };
  }();
  return kRecords;
}

RecordBatchView view_of(const std::string& bytes) {
  const auto view = RecordBatchView::parse(as_bytes(bytes));
  EXPECT_TRUE(view.has_value()) << view.error().to_string();
  return *view;
}

std::vector<Record> records_in(const RecordBatchView& view, std::vector<Offset>* offsets = nullptr) {
  std::vector<Record> records;
  std::vector<std::byte> scratch;
  const auto done = for_each_record(view, kNoBound, scratch, [&](const RecordView& record) {
    records.push_back(owned(record));
    if (offsets != nullptr) offsets->push_back(record.offset);
  });
  EXPECT_TRUE(done.has_value()) << done.error().to_string();
  return records;
}

void expect_common_header(const RecordBatchView& view) {
  EXPECT_EQ(view.base_offset(), Offset(4096));
  EXPECT_EQ(view.last_offset(), Offset(4100));
  EXPECT_EQ(view.header().leader_epoch, 7);
  EXPECT_EQ(view.header().producer_id, ProducerId(9001));
  EXPECT_EQ(view.header().producer_epoch, ProducerEpoch(3));
  EXPECT_EQ(view.header().base_sequence, 40);
}

TEST(RecordBatchFormat, EveryCodecOfTheGoldenFilesIsRead) {
  const struct {
    const char* name;
    Codec codec;
  } cases[] = {{"none", Codec::kNone},         {"gzip", Codec::kGzip}, {"snappy-xerial", Codec::kSnappy},
               {"snappy-raw", Codec::kSnappy}, {"lz4", Codec::kLz4},   {"lz4-content-checksum", Codec::kLz4},
               {"zstd", Codec::kZstd}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string bytes = golden(c.name);
    const auto view = view_of(bytes);
    expect_common_header(view);
    EXPECT_EQ(view.attributes().codec(), c.codec);
    EXPECT_EQ(view.record_count(), 5);
    EXPECT_EQ(view.header().base_timestamp, Timestamp(1'700'000'000'000));
    EXPECT_EQ(view.max_timestamp(), Timestamp(1'700'086'400'000));
    EXPECT_EQ(records_in(view), expected_records());
  }
}

TEST(RecordBatchFormat, PlainBatchIsWrittenToTheSameBytes) {
  BatchBuilder builder({.base_offset = Offset(4096),
                        .leader_epoch = 7,
                        .producer_id = ProducerId(9001),
                        .producer_epoch = ProducerEpoch(3),
                        .base_sequence = 40});
  for (const auto& record : expected_records()) ASSERT_TRUE(builder.append(record).has_value());
  const auto built = builder.build(Codec::kNone);
  ASSERT_TRUE(built.has_value());
  EXPECT_EQ(as_text(*built), golden("none"));
}

TEST(RecordBatchFormat, AppendTimeIsWrittenToTheSameBytes) {
  std::string bytes = golden("none");
  set_append_time(std::as_writable_bytes(std::span(bytes)), Timestamp(1'750'000'000'000));
  const std::string want = golden("append-time");
  EXPECT_EQ(bytes, want);
  for (const auto& record : records_in(view_of(want)))
    EXPECT_EQ(record.timestamp, Timestamp(1'750'000'000'000));
}

TEST(RecordBatchFormat, CompactionWritesTheSameBytes) {
  const std::string bytes = golden("none");
  const auto original = view_of(bytes);
  BatchBuilder builder = BatchBuilder::rewriting(original.header());
  std::vector<std::byte> scratch;
  ASSERT_TRUE(for_each_record(original, kNoBound, scratch, [&](const RecordView& record) {
                if (record.offset_delta == 1 || record.offset_delta == 4) {
                  EXPECT_TRUE(builder.keep(record).has_value());
                }
              }).has_value());
  EXPECT_EQ(as_text(*builder.build(Codec::kNone)), golden("compacted"));
  EXPECT_EQ(as_text(build_empty(original.header())), golden("emptied"));
}

TEST(RecordBatchFormat, CompactedBatchKeepsItsPlaces) {
  const std::string bytes = golden("compacted");
  const auto view = view_of(bytes);
  expect_common_header(view);
  std::vector<Offset> offsets;
  const auto records = records_in(view, &offsets);
  EXPECT_EQ(offsets, (std::vector<Offset>{Offset(4097), Offset(4100)}));
  EXPECT_EQ(records, (std::vector<Record>{expected_records()[1], expected_records()[4]}));
}

TEST(RecordBatchFormat, EmptiedBatchIsRead) {
  const std::string bytes = golden("emptied");
  const auto view = view_of(bytes);
  expect_common_header(view);
  EXPECT_EQ(view.record_count(), 0);
  EXPECT_TRUE(records_in(view).empty());
}

TEST(RecordBatchFormat, EveryFlippedByteOfTheCheckedPartIsFound) {
  for (const char* name : {"none", "gzip", "snappy-xerial", "snappy-raw", "lz4", "zstd", "emptied"}) {
    std::string bytes = golden(name);
    for (std::size_t at = kBatchCrcAt; at < bytes.size(); ++at) {
      bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
      ASSERT_FALSE(RecordBatchView::parse(as_bytes(bytes)).has_value()) << name << " byte " << at;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    }
  }
}

}  // namespace
}  // namespace forebay::model
