// What a frame of the log says of producers. Pure.
#pragma once

#include <optional>
#include <variant>

#include "log/core/frame.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

struct ProducerEvent {
  struct Fence {};
  model::LogPosition end;                       // of the frame
  model::Timestamp time;                        // append time of the frame
  model::ProducerId id = model::kNoProducerId;  // none: of all, `what` is ProducersForgotten
  model::ProducerEpoch epoch = model::kNoProducerEpoch;
  std::variant<StoredBatch, Fence, NamedProducer::Next, log::ProducersForgotten> what;
};

// Nothing: the frame is not of producers, or of what lies below `from` (compaction widens frames over what
// went).
[[nodiscard]] std::optional<ProducerEvent> producer_event(const log::Frame& frame, model::LogPosition from);

void apply(const ProducerEvent& event, ProducerState& state);

}  // namespace forebay::partition
