#include "producer_frames.h"

#include <utility>

#include "log/core/control.h"
#include "model/batch_builder.h"

namespace forebay::partition {

model::BatchHeader head_of(std::int64_t id, std::int16_t epoch, std::int32_t sequence, std::int32_t records) {
  model::BatchHeader head;
  head.producer_id = model::ProducerId(id);
  head.producer_epoch = model::ProducerEpoch(epoch);
  head.base_sequence = sequence;
  head.last_offset_delta = records - 1;
  return head;
}

const log::Frame& ProducerFrames::add(log::Frame frame, model::LogPosition end) {
  frame.header.begin = end_;
  frame.header.end = end;
  frame.header.append_time = now;
  frame.header.payload_bytes = static_cast<std::uint32_t>(frame.payload.size());
  end_ = end;
  frames_.push_back(std::move(frame));
  return frames_.back();
}

const log::Frame& ProducerFrames::batch(const model::BatchHeader& head) {
  model::BatchHeader placed = head;
  placed.base_offset = end_.next_offset;
  log::Frame frame;
  frame.header.kind = log::FrameKind::kRecords;
  frame.payload = SharedBytes::take(model::build_empty(placed));
  return add(std::move(frame), end_.after_records(std::int64_t{head.last_offset_delta} + 1));
}

const log::Frame& ProducerFrames::fence(std::int64_t id, std::int16_t epoch) {
  log::Frame frame;
  frame.header.kind = log::FrameKind::kControl;
  frame.payload = SharedBytes::take(
      log::encode_control(log::ProducerFence{model::ProducerId(id), model::ProducerEpoch(epoch)}));
  return add(std::move(frame), end_.after_control());
}

const log::Frame& ProducerFrames::position(std::int64_t id, std::int16_t epoch, std::int32_t last_sequence,
                                           const std::string& source, const std::string& position) {
  log::Frame frame;
  frame.header.kind = log::FrameKind::kControl;
  frame.payload = SharedBytes::take(log::encode_control(log::ProducerPosition{
      model::ProducerId(id), model::ProducerEpoch(epoch), last_sequence, source, position}));
  return add(std::move(frame), end_.after_control());
}

const log::Frame& ProducerFrames::forgotten(model::Timestamp silent_before, model::Timestamp quiet_before) {
  log::Frame frame;
  frame.header.kind = log::FrameKind::kControl;
  frame.payload =
      SharedBytes::take(log::encode_control(log::ProducersForgotten{silent_before, quiet_before}));
  return add(std::move(frame), end_.after_control());
}

void ProducerFrames::truncate(model::LogPosition to) {
  while (!frames_.empty() && frames_.back().header.end > to) frames_.pop_back();
  end_ = to;
}

}  // namespace forebay::partition
