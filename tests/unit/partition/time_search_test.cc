#include "partition/core/time_search.h"

#include <gtest/gtest.h>

#include "model/batch_builder.h"

namespace forebay::partition {
namespace {

using model::Offset;
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
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(5)), Offset(100));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(11)), Offset(101));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(51)), Offset(103));
    EXPECT_EQ(*first_offset_at_or_after(batch, Timestamp(61)), std::nullopt);
  }
}

TEST(TimeSearch, DamagedBatchIsAnError) {
  auto batch = batch_of({10}, model::Codec::kNone);
  batch.resize(batch.size() - 1);
  EXPECT_FALSE(first_offset_at_or_after(batch, Timestamp(1)));
}

}  // namespace
}  // namespace forebay::partition
