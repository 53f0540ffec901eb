#include "partition/core/producer_events.h"

#include <utility>

#include "base/endian.h"
#include "log/core/control.h"
#include "model/record_batch.h"

namespace forebay::partition {
namespace {

std::optional<ProducerEvent> of_batch(const log::Frame& frame, model::LogPosition from) {
  if (frame.payload.size() < model::kBatchHeaderBytes) return std::nullopt;
  if (model::producer_id_of(frame.payload.span()) == model::kNoProducerId) return std::nullopt;
  const model::BatchHeader batch = model::read_batch_header(frame.payload.data());
  // Not a batch of records that a producer counts.
  if (batch.base_sequence < 0 || batch.attributes.is_control()) return std::nullopt;
  if (batch.base_offset < from.next_offset) return std::nullopt;
  return ProducerEvent{
      frame.header.end, frame.header.append_time, batch.producer_id, batch.producer_epoch,
      StoredBatch{batch.base_sequence, batch.last_sequence(), batch.base_offset, frame.header.append_time}};
}

std::optional<ProducerEvent> of_control(const log::Frame& frame, model::LogPosition from) {
  if (frame.header.begin < from) return std::nullopt;
  auto control = log::decode_control(frame.payload.span());
  if (!control) return std::nullopt;  // whoever needs it has looked at it
  if (const auto* fence = std::get_if<log::ProducerFence>(&*control)) {
    return ProducerEvent{frame.header.end, frame.header.append_time, fence->producer, fence->epoch,
                         ProducerEvent::Fence{}};
  }
  if (auto* position = std::get_if<log::ProducerPosition>(&*control)) {
    return ProducerEvent{frame.header.end, frame.header.append_time, position->producer, position->epoch,
                         NamedProducer::Next{position->epoch,
                                             position->last_sequence,
                                             {std::move(position->source), std::move(position->position)}}};
  }
  if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&*control)) {
    return ProducerEvent{frame.header.end, frame.header.append_time, model::kNoProducerId,
                         model::kNoProducerEpoch, *forgotten};
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProducerEvent> producer_event(const log::Frame& frame, model::LogPosition from) {
  return frame.header.kind == log::FrameKind::kRecords ? of_batch(frame, from) : of_control(frame, from);
}

void apply(const ProducerEvent& event, ProducerState& state) {
  if (const auto* batch = std::get_if<StoredBatch>(&event.what)) {
    state.store(event.epoch, *batch);
  } else if (const auto* next = std::get_if<NamedProducer::Next>(&event.what)) {
    state.announce(*next, event.time);
  } else if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&event.what)) {
    state.forget(*forgotten);
  } else {
    state.fence(event.epoch, event.time);
  }
}

}  // namespace forebay::partition
