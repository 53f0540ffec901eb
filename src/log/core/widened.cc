#include "log/core/widened.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "model/batch_builder.h"
#include "model/record_batch.h"

namespace forebay::log {
namespace {

// Nothing is left of the range: a batch without records, and of no producer, whose last batch this is not.
std::vector<std::byte> empty_batch(model::BatchHeader head, model::Offset begin, model::Offset end) {
  constexpr std::int64_t kDeltaMax = std::numeric_limits<std::int32_t>::max();
  head.base_offset = begin;
  head.last_offset_delta = static_cast<std::int32_t>(std::min(end.value() - begin.value() - 1, kDeltaMax));
  head.producer_id = model::kNoProducerId;
  head.producer_epoch = model::kNoProducerEpoch;
  head.base_sequence = model::kNoSequence;
  return model::build_empty(head);
}

}  // namespace

std::optional<Frame> rest_of(const Frame& frame, model::LogPosition from) {
  FOREBAY_ASSERT(frame.header.begin < from && from < frame.header.end);
  // Only record frames are widened, over record frames, which all end behind a record.
  if (frame.header.kind != FrameKind::kRecords || from.control_count != 0) return std::nullopt;
  const model::BatchHeader batch = model::read_batch_header(frame.payload.data());
  Frame rest = frame;
  rest.header.begin = from;
  if (from.next_offset <= batch.base_offset) return rest;
  // Of nothing, and of nobody: perhaps the rest of a wider one, made here for a replica that ended where it
  // begins. Another replica may have ended further on.
  const bool is_void = batch.record_count == 0 && batch.producer_id == model::kNoProducerId;
  if (from.next_offset < batch.next_offset() && !is_void) return std::nullopt;
  std::vector<std::byte> empty = empty_batch(batch, from.next_offset, frame.header.end.next_offset);
  rest.header.payload_bytes = static_cast<std::uint32_t>(empty.size());
  rest.header.payload_crc = model::read_batch_header(empty.data()).crc;
  rest.payload = SharedBytes::take(std::move(empty));
  return rest;
}

}  // namespace forebay::log
