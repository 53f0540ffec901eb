#include "partition/core/time_search.h"

#include <gtest/gtest.h>

#include "model/batch_builder.h"

namespace forebay::partition {
namespace {

using model::Offset;
using model::Reading;
using model::Timestamp;

std::vector<std::byte> batch_of(const std::vector<std::int64_t>& times, model::Codec codec) {
  model::BatchBuilder builder({.base_offset = Offset(100)});
  for (const auto time : times) {
    EXPECT_TRUE(builder.append(
        model::NewRecord{.key = {}, .value = as_bytes("v"), .headers = {}, .timestamp = Timestamp(time)}));
  }
  return *builder.build(codec);
}

TEST(TimeSearch, FindsTheFirstRecordThatLateAlsoWhenTimesAreNotInOrder) {
  for (const auto codec : {model::Codec::kNone, model::Codec::kZstd}) {
    const auto batch = batch_of({10, 50, 30, 60}, codec);
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(5), Offset(0), Reading::kRecords), Offset(100));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(11), Offset(0), Reading::kRecords), Offset(101));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(51), Offset(0), Reading::kRecords), Offset(103));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(61), Offset(0), Reading::kRecords), std::nullopt);
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(40), Offset(102), Reading::kRecords), Offset(103))
        << "not the one below, which readers do not see";
  }
}

TEST(TimeSearch, TellsTheTimeOfTheFirstRecordFromAnOffsetOn) {
  for (const auto codec : {model::Codec::kNone, model::Codec::kZstd}) {
    const auto batch = batch_of({10, 50, 30}, codec);
    EXPECT_EQ(*event_time_from(batch, Offset(7), Reading::kRecords), Timestamp(10));
    EXPECT_EQ(*event_time_from(batch, Offset(100), Reading::kRecords), Timestamp(10));
    EXPECT_EQ(*event_time_from(batch, Offset(102), Reading::kRecords), Timestamp(30));
    EXPECT_EQ(*event_time_from(batch, Offset(103), Reading::kRecords), std::nullopt);
  }
}

TEST(TimeSearch, RecordWithoutATimeHasNone) {
  const auto batch = batch_of({model::kNoTimestamp.value()}, model::Codec::kNone);
  EXPECT_EQ(*event_time_from(batch, Offset(100), Reading::kRecords), std::nullopt);
}

TEST(TimeSearch, LargeBatchIsNotUnpackedForATime) {
  model::BatchBuilder builder({.base_offset = Offset(100)});
  const std::string value(kTimeLookBytesMax, 'v');
  for (const std::int64_t time : {10, 20}) {
    ASSERT_TRUE(builder.append(
        model::NewRecord{.key = {}, .value = as_bytes(value), .headers = {}, .timestamp = Timestamp(time)}));
  }
  const auto batch = *builder.build(model::Codec::kZstd);
  EXPECT_EQ(*event_time_from(batch, Offset(101), Reading::kRecords), Timestamp(10))
      << "the first one of the batch, about";
}

TEST(TimeSearch, DamagedBatchIsAnError) {
  auto batch = batch_of({10}, model::Codec::kNone);
  batch.resize(batch.size() - 1);
  EXPECT_FALSE(first_offset_at_or_after(batch, Timestamp(1), Offset(0), Reading::kRecords));
  EXPECT_FALSE(event_time_from(batch, Offset(100), Reading::kRecords));
}

}  // namespace
}  // namespace forebay::partition
