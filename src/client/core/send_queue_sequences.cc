// The idempotent part of a producer's queue: which identity and sequence a batch gets, and how a partition
// goes on when a batch of it was given up.
//
// A batch that was given up may leave a hole, and the broker stores nothing behind a hole. What is behind it
// and may be stored is sent again as it was, until it is acknowledged (there was no hole) or refused. What is
// certainly not stored waits for that, and then begins at sequence 0 under the next epoch. So a batch is
// never under way with two identities: no late try can make a second copy.
#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "client/core/send_queue.h"
#include "client/core/send_queue_lane.h"

namespace forebay::client {
namespace {

// Errors of InitProducer that will not pass by themselves.
bool is_final(ErrorCode code) {
  return !is_retryable(code) && code != ErrorCode::kCancelled && code != ErrorCode::kInternal;
}

}  // namespace

Error unknown_after(const Error& error) {
  return Error{ErrorCode::kOutcomeUnknown, "sent and not answered, and then: " + error.to_string()};
}

void SendQueue::session_begun(const ProducerIdentity& identity, TimePoint now) {
  session_.begun(identity);
  for_each_lane([&](Lane& lane) { offer(lane, now); });
}

void SendQueue::session_failed(const Error& error, TimePoint now) {
  session_.failed(now, rng_);
  if (const auto ask_at = session_.on_time(now)) wake_by(*ask_at);
  last_error_ = error;
  if (!is_final(error.code)) return;
  for_each_lane([&](Lane& lane) {
    if (lane.open != nullptr) {
      finish(*lane.open, error);
      lane.open.reset();
    }
    // Those that are under way have an identity already.
    std::vector<Batch*> unsent;
    for (const auto& batch : lane.queue) {
      if (batch->state == Batch::State::kEncoding && !batch->encoding_begun) unsent.push_back(batch.get());
    }
    for (Batch* batch : unsent) {
      finish(*batch, error);
      std::erase(encodings_, batch);
      forget(lane, *batch);
    }
  });
}

// Requires: may_encode(), and that batches of a lane come in order.
void SendQueue::stamp(Lane& lane, Batch& batch) {
  if (!limits_.idempotent) return;
  batch.record_count = batch.builder.record_count();
  // Others may have raised the epoch. This lane follows when nothing of it is under way.
  const bool changed = lane.identity != session_.identity();
  if (changed && std::none_of(lane.queue.begin(), lane.queue.end(),
                              [](const auto& other) { return other->sequence.has_value(); })) {
    lane.identity = session_.identity();
    lane.next_sequence = 0;
    lane.acked_end = 0;
  }
  batch.sequence = lane.next_sequence;
  lane.next_sequence = sequence_after(lane.next_sequence, batch.record_count);
  batch.builder.set_producer(model::ProducerId(lane.identity.id), model::ProducerEpoch(lane.identity.epoch),
                             *batch.sequence);
}

// Requires: encoded, and certainly not stored.
void SendQueue::restamp(Lane& lane, Batch& batch) {
  FOREBAY_ASSERT(batch.state == Batch::State::kReady && !batch.maybe_stored && !batch.finished);
  batch.shortened = false;
  batch.sequence = lane.next_sequence;
  lane.next_sequence = sequence_after(lane.next_sequence, batch.record_count);
  const ByteSpan old = batch.bytes.span();
  std::vector<std::byte> bytes(old.begin(), old.end());
  model::set_producer(bytes, model::ProducerId(lane.identity.id), model::ProducerEpoch(lane.identity.epoch),
                      *batch.sequence);
  batch.bytes = SharedBytes::take(std::move(bytes));
  batch.destination_crc =
      model::destination_crc(*lane.topic, model::PartitionIndex(lane.partition), batch.bytes.span());
}

// When it can be: nothing that has the old identity is under way, or may be stored.
void SendQueue::begin_sequences_anew(Lane& lane) {
  if (stop_ || lane.in_flight > 0 || lane.encoding > 0) return;
  if (std::any_of(lane.queue.begin(), lane.queue.end(),
                  [](const auto& batch) { return batch->maybe_stored; }))
    return;
  if (session_.is_ready() && lane.identity == session_.identity()) session_.renew();
  if (!session_.is_ready()) return;  // session_begun() comes back here
  lane.broken = false;
  lane.identity = session_.identity();
  lane.next_sequence = 0;
  lane.acked_end = 0;
  for (const auto& batch : lane.queue) {
    if (batch->sequence) restamp(lane, *batch);
  }
}

// In a broken lane only what may be stored, and what lies before such a batch, has something to learn.
bool SendQueue::may_send_next(const Lane& lane) const {
  return !lane.broken || std::any_of(lane.queue.begin() + static_cast<std::ptrdiff_t>(lane.in_flight),
                                     lane.queue.end(), [](const auto& batch) { return batch->maybe_stored; });
}

// Requires: its sequence is given, and it is not in flight any more. Returns: whether the refusal is about
// sequences, and is dealt with.
bool SendQueue::refused_by_sequence(Lane& lane, Batch& batch, const Error& error, TimePoint now) {
  const bool about_sequences = error.code == ErrorCode::kOutOfOrderSequence ||
                               error.code == ErrorCode::kUnknownProducer ||
                               error.code == ErrorCode::kEarlyAckLost;
  if (error.code == ErrorCode::kProducerFenced) {
    if (!stop_) stop_ = error;
    finish(batch, error);
  }
  if (!batch.finished && !about_sequences) {
    if (may_retry(error.code)) return false;
    // An earlier try may be stored, or be still on its way: "refused" would be a promise.
    if (batch.maybe_stored) {
      finish(batch, unknown_after(error));
    } else {
      return false;
    }
  }
  if (batch.finished) {
    forget(lane, batch);
    return true;
  }
  if (lane.queue.front().get() != &batch) return true;  // the one before it says what is wrong
  last_error_ = error;
  if (limits_.stop_on_failure) {
    finish(batch, batch.maybe_stored ? unknown_after(error) : error);
    forget(lane, batch);
    return true;
  }
  if (batch.tries > 1)
    lane.not_before = std::max(lane.not_before, now + backoff_delay(limits_.retry, batch.tries, rng_));
  lane.broken = true;
  if (error.code == ErrorCode::kEarlyAckLost) {
    note_loss(lane, error);
    // The answer comes from the end of the partition: what is missing there is what was acknowledged, and all
    // that is behind it.
    for (const auto& other : lane.queue) other->maybe_stored = false;
  } else {
    give_up_unknown(lane, error);
  }
  return true;
}

// The partition has nothing that a batch of this lane could follow, so that nothing of it can be stored under
// the old identity but by a try that is still on its way. For such a try's sake they are not sent under a new
// one.
void SendQueue::give_up_unknown(Lane& lane, const Error& error) {
  std::vector<Batch*> unknown;
  for (const auto& batch : lane.queue) {
    if (batch->maybe_stored) unknown.push_back(batch.get());
  }
  for (Batch* batch : unknown) {
    finish(*batch, unknown_after(error));
    if (batch->state == Batch::State::kReady) forget(lane, *batch);
  }
}

void SendQueue::note_loss(const Lane& lane, const Error& error) {
  constexpr std::uint32_t kNumbers = 0x80000000U;  // of sequences, which go round
  const std::int32_t held_end = sequence_after(error.last_sequence.value_or(-1), 1);
  const std::uint32_t lost =
      (static_cast<std::uint32_t>(lane.acked_end) - static_cast<std::uint32_t>(held_end)) % kNumbers;
  // The same answer comes when only what nobody had acknowledged is missing, and it may hold more than was
  // acknowledged.
  if (lost == 0 || lost >= kNumbers / 2) return;
  stats_.records_lost += lost;
  losses_.push_back({lane.topic, lane.partition, lost});
}

}  // namespace forebay::client
