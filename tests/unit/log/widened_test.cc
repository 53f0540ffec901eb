// What is left of a frame that compaction widened, for a replica that ends within it.
#include "log/core/widened.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "log/core/control.h"
#include "model/batch_builder.h"
#include "model/record_batch.h"

namespace forebay::log {
namespace {

using model::LogPosition;
using model::Offset;

LogPosition at(std::int64_t offset) { return {Offset(offset), 0}; }

// A batch of two records at 10 and 11 that covers [4, 20).
Frame widened() {
  model::BatchBuilder builder;
  for (int i = 0; i < 2; ++i) {
    model::NewRecord record;
    record.value = as_bytes("value");
    EXPECT_TRUE(builder.append(record));
  }
  auto batch = builder.build(model::Codec::kNone).value();
  model::set_base_offset(batch, Offset(10));
  Frame frame;
  frame.header.begin = at(4);
  frame.header.end = at(20);
  frame.header.term = model::Term(3);
  frame.header.payload_bytes = static_cast<std::uint32_t>(batch.size());
  frame.header.payload_crc = model::read_batch_header(batch.data()).crc;
  frame.payload = SharedBytes::take(std::move(batch));
  return frame;
}

TEST(Widened, BatchBehindTheEndIsInTheRest) {
  const Frame frame = widened();
  for (const std::int64_t from : {5, 9, 10}) {
    const auto rest = rest_of(frame, at(from));
    ASSERT_TRUE(rest) << from;
    EXPECT_EQ(rest->header.begin, at(from));
    EXPECT_EQ(rest->header.end, at(20));
    EXPECT_EQ(rest->header.term, model::Term(3));
    EXPECT_TRUE(std::ranges::equal(rest->payload.span(), frame.payload.span()));
    EXPECT_TRUE(check_frame_payload(rest->header, rest->payload.span()));
  }
}

TEST(Widened, RestBehindTheBatchIsAnEmptyOneOfNobody) {
  for (const std::int64_t from : {12, 19}) {
    const auto rest = rest_of(widened(), at(from));
    ASSERT_TRUE(rest) << from;
    EXPECT_EQ(rest->header.begin, at(from));
    EXPECT_EQ(rest->header.end, at(20));
    ASSERT_TRUE(check_frame_payload(rest->header, rest->payload.span()));
    const model::BatchHeader batch = model::read_batch_header(rest->payload.data());
    EXPECT_EQ(batch.record_count, 0);
    EXPECT_EQ(batch.base_offset, Offset(from));
    EXPECT_EQ(batch.next_offset(), Offset(20));
    EXPECT_EQ(batch.producer_id, model::kNoProducerId);
  }
}

// A replica that got such a rest may have to give the rest of it to one that has a little more.
TEST(Widened, RestHasARestWhereverAFrameMayHaveBegun) {
  const auto first = rest_of(widened(), at(12));
  ASSERT_TRUE(first);
  for (const std::int64_t from : {13, 17, 19}) {
    const auto rest = rest_of(*first, at(from));
    ASSERT_TRUE(rest) << from;
    EXPECT_EQ(rest->header.begin, at(from));
    EXPECT_EQ(rest->header.end, at(20));
    ASSERT_TRUE(check_frame_payload(rest->header, rest->payload.span()));
    EXPECT_EQ(model::read_batch_header(rest->payload.data()).base_offset, Offset(from));
    EXPECT_EQ(model::read_batch_header(rest->payload.data()).next_offset(), Offset(20));
  }
}

TEST(Widened, NoFrameEverBeganWithinABatch) {
  EXPECT_FALSE(rest_of(widened(), at(11)));
  EXPECT_FALSE(rest_of(widened(), at(5).after_control())) << "only record frames are widened, over such";
}

}  // namespace
}  // namespace forebay::log
