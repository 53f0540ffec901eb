// The state of a partition's producers as bytes. Byte by byte: docs/format/producer-state.md. Pure.
#pragma once

#include <utility>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

struct ProducerSnapshot {
  std::vector<std::pair<model::ProducerId, ProducerState>> producers;  // by id
  friend bool operator==(const ProducerSnapshot&, const ProducerSnapshot&) = default;
};

[[nodiscard]] std::vector<std::byte> encode_producers(const ProducerSnapshot& snapshot);
// Errors: kCorruptBatch, kNewerFormat (an unknown version).
[[nodiscard]] Result<ProducerSnapshot> decode_producers(ByteSpan bytes);

}  // namespace forebay::partition
