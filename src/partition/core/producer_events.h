// What a frame of the log says of a producer. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "log/core/frame.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

struct ProducerEvent {
  struct Fence {};
  model::LogPosition end;  // of the frame
  model::Timestamp time;   // append time of the frame
  model::ProducerId id;
  model::ProducerEpoch epoch;
  std::variant<StoredBatch, Fence, NamedProducer::Next> what;
};

// Nothing: the frame is not of a producer, or of what lies below `from` (compaction widens frames over what
// went).
[[nodiscard]] std::optional<ProducerEvent> producer_event(const log::Frame& frame, model::LogPosition from);

void apply(const ProducerEvent& event, std::int64_t expiration_ms, ProducerState& state);

}  // namespace forebay::partition
