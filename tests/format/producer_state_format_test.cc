// The golden state of producers, made once by make_producer_state.py from the document: every build must read
// it, and write the same bytes.
#include <gtest/gtest.h>

#include "golden.h"
#include "partition/core/producer_snapshot.h"

namespace forebay::partition {
namespace {

TEST(ProducerStateFormat, GoldenStateIsReadAndWritten) {
  const std::vector<std::byte> bytes = test::golden_file("producer_state/three-producers.bin");
  const auto state = decode_producers(bytes);
  ASSERT_TRUE(state) << state.error().to_string();
  ASSERT_EQ(state->producers.size(), 3U);

  const auto& [unnamed_id, unnamed] = state->producers[0];
  EXPECT_EQ(unnamed_id, model::ProducerId(7));
  EXPECT_EQ(unnamed.named, nullptr);
  ASSERT_EQ(unnamed.batches.size(), 5U);
  const StoredBatch wrapped{2147483646, 0, model::Offset(106), model::Timestamp(1'700'000'000'003)};
  EXPECT_EQ(unnamed.batches[3], wrapped);
  EXPECT_EQ(wrapped.last_offset(), model::Offset(108));
  EXPECT_EQ(unnamed.last_sequence(), 1);

  const auto& [named_id, named] = state->producers[1];
  EXPECT_EQ(named_id, model::ProducerId(8));
  ASSERT_NE(named.named, nullptr);
  const NamedProducer expected{.before = SessionEnd{model::ProducerEpoch(2), 19, model::Offset(150),
                                                    SourcePosition{"file", "line 20"}},
                               .position = SourcePosition{"file", "line 30"},
                               .next = NamedProducer::Next{model::ProducerEpoch(3), 19, {"file", "line 40"}}};
  EXPECT_EQ(*named.named, expected);

  const auto& [fence_id, fence] = state->producers[2];
  EXPECT_EQ(fence_id, model::ProducerId(9));
  EXPECT_EQ(fence.epoch, model::ProducerEpoch(32'767));
  EXPECT_TRUE(fence.batches.empty());
  ASSERT_NE(fence.named, nullptr);
  EXPECT_EQ(*fence.named, NamedProducer{});

  EXPECT_EQ(encode_producers(*state), bytes);
}

}  // namespace
}  // namespace forebay::partition
