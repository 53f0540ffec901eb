// Arbitrary bytes as the state of a partition's producers, by themselves and in the file that holds them,
// whose checksum is put right. What is read is written again as it was, and can be judged with.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/state_snapshot.h"
#include "partition/core/producer_snapshot.h"
#include "partition/core/producer_states.h"

namespace forebay::partition {
namespace {

void judge_with(const ProducerSnapshot& snapshot, ByteSpan input) {
  ProducerStates states{ProducerLimits{}};
  FOREBAY_ASSERT(states.restore({model::Offset(1'000), 0}, input));
  states.bring({snapshot.producers.begin(), snapshot.producers.end()});
  FOREBAY_ASSERT(states.count() == snapshot.producers.size());
  for (const auto& [id, state] : snapshot.producers) {
    model::BatchHeader batch;
    batch.producer_id = id;
    batch.producer_epoch = state.epoch;
    batch.base_sequence = state.batches.empty() ? 0 : next_sequence(state.last_sequence());
    FOREBAY_ASSERT(std::holds_alternative<FreshBatch>(states.check(batch)));
    (void)states.check_fence(id, state.epoch);
  }
}

void state(ByteSpan input) {
  const auto snapshot = decode_producers(input);
  if (!snapshot) return;
  const std::vector<std::byte> again = encode_producers(*snapshot);
  FOREBAY_ASSERT(std::equal(again.begin(), again.end(), input.begin(), input.end()));
  judge_with(*snapshot, input);
}

void file(ByteSpan input) {
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (bytes.size() >= 12) store_le(bytes.data() + 8, crc32c(ByteSpan(bytes).subspan(12)));
  model::TopicPartition id;
  for (std::uint8_t i = 0; i < 16; ++i) id.topic.bytes[i] = i;
  id.partition = model::PartitionIndex(3);
  const auto snapshot = log::decode_state(id, SharedBytes::copy_of(bytes));
  if (!snapshot) return;
  FOREBAY_ASSERT(log::encode_state(id, *snapshot) == bytes);
  state(snapshot->bytes.span());
}

}  // namespace
}  // namespace forebay::partition

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const forebay::ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? forebay::partition::state(input) : forebay::partition::file(input);
  return 0;
}
