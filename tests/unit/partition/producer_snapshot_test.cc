#include "partition/core/producer_snapshot.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;
using model::Timestamp;

ProducerSnapshot example() {
  ProducerSnapshot snapshot;
  ProducerState plain;
  plain.epoch = ProducerEpoch(1);
  plain.last_time = Timestamp(98);
  plain.batches = {{0, 4, Offset(10), Timestamp(90)}, {5, 5, Offset(20), Timestamp(98)}};
  ProducerState named;
  named.epoch = ProducerEpoch(3);
  named.last_time = Timestamp(99);
  named.named = std::make_shared<const NamedProducer>(
      NamedProducer{.before = SessionEnd{ProducerEpoch(2), 7, Offset(70), SourcePosition{"f", "1"}},
                    .position = SourcePosition{"g", "2"},
                    .next = NamedProducer::Next{ProducerEpoch(3), 8, {"h", "3"}}});
  snapshot.producers = {{ProducerId(4), plain}, {ProducerId(6), named}};
  return snapshot;
}

TEST(ProducerSnapshot, IsReadAsItWasWritten) {
  const auto bytes = encode_producers(example());
  const auto read = decode_producers(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, example());
}

TEST(ProducerSnapshot, AnyCutIsAnError) {
  const auto bytes = encode_producers(example());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_producers(ByteSpan(bytes).first(size))) << size;
}

TEST(ProducerSnapshot, WhatIsReadIsWrittenTheSameWhateverBitIsWrong) {
  const auto bytes = encode_producers(example());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto wrong = bytes;
    wrong[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto read = decode_producers(wrong);
    if (!read) continue;
    EXPECT_EQ(encode_producers(*read), wrong) << bit;
  }
}

TEST(ProducerSnapshot, ALaterVersionIsSaidToBeOne) {
  auto bytes = encode_producers(example());
  bytes[0] = std::byte{2};
  EXPECT_EQ(decode_producers(bytes).error().code, ErrorCode::kNewerFormat);
}

TEST(ProducerSnapshot, ACountThatCannotBeAllocatesNothing) {
  auto bytes = encode_producers({});
  for (std::size_t i = 4; i < 8; ++i) bytes[i] = std::byte{0xff};
  EXPECT_EQ(decode_producers(bytes).error().code, ErrorCode::kCorruptBatch);
}

}  // namespace
}  // namespace forebay::partition
