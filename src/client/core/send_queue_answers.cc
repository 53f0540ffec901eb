// What the brokers' answers and the ends of streams mean to a producer's queue, and which node a partition's
// batches go to next.
#include <algorithm>
#include <iterator>
#include <utility>

#include "client/core/send_queue.h"
#include "client/core/send_queue_lane.h"

namespace forebay::client {
namespace {

// Whether whoever answers so has not stored the batch, and never will by that try. What is not listed may
// have stored it.
bool is_certainly_refused(ErrorCode code) {
  constexpr ErrorCode kRefusals[] = {
      ErrorCode::kNotLeader,       ErrorCode::kNotYet,        ErrorCode::kResourceExhausted,
      ErrorCode::kDiskFull,        ErrorCode::kShuttingDown,  ErrorCode::kOutOfOrderSequence,
      ErrorCode::kUnknownProducer, ErrorCode::kEarlyAckLost,  ErrorCode::kProducerFenced,
      ErrorCode::kInvalidArgument, ErrorCode::kUnknownTopic,  ErrorCode::kUnknownPartition,
      ErrorCode::kCorruptBatch,    ErrorCode::kInvalidRecord, ErrorCode::kRecordTooLarge,
      ErrorCode::kUnsupported,     ErrorCode::kDataLoss};
  return std::find(std::begin(kRefusals), std::end(kRefusals), code) != std::end(kRefusals);
}

}  // namespace

void SendQueue::acked(std::uint64_t correlation, const StoredBatch& stored, std::string_view leader,
                      TimePoint now) {
  const auto found = in_flight_.find(correlation);
  if (found == in_flight_.end()) return;  // the broker answers twice, or what was never asked
  Batch& batch = *found->second;
  Lane& lane = *batch.lane;
  leave_flight(batch);
  nodes_.works(lane.node);
  const auto node = leader.empty() ? std::nullopt : node_named(leader);
  if (node && *node != lane.node && nodes_.is_worth_going(*node, now)) lane.going_to = *node;
  if (stored.first.duplicate) ++stats_.duplicates;
  if (batch.sequence) lane.acked_end = sequence_after(*batch.sequence, batch.record_count);
  answer_stored(batch, stored);
  if (batch.shortened) {
    bool is_behind = false;
    for (const auto& other : lane.queue) {
      if (is_behind) other->maybe_stored = false;
      is_behind = is_behind || other.get() == &batch;
    }
  }
  forget(lane, batch, Outcome::kStored);
  settle(lane, now);
}

void SendQueue::refused(std::uint64_t correlation, const Error& error, TimePoint now) {
  const auto found = in_flight_.find(correlation);
  if (found == in_flight_.end()) return;
  Batch& batch = *found->second;
  Lane& lane = *batch.lane;
  leave_flight(batch);
  nodes_.works(lane.node);
  if (!is_certainly_refused(error.code)) batch.maybe_stored = true;
  const bool dealt_with = leaves_faults_out(lane, batch, error) ||
                          (batch.sequence && refused_by_sequence(lane, batch, error, now));
  if (dealt_with) {
    // Through another node each refusal tells of a few records only.
    const auto leader = error.leader.empty() ? std::nullopt : node_named(error.leader);
    if (leader && *leader != lane.node && nodes_.is_worth_going(*leader, now)) lane.going_to = *leader;
    lane.recovering = true;
    return settle(lane, now);
  }
  if (may_retry(error.code) && !batch.finished) {
    // What is refused only because one before it was does not say what is wrong.
    if (!lane.recovering || error.code != ErrorCode::kNotYet) last_error_ = error;
    std::chrono::nanoseconds wait = std::chrono::milliseconds(error.retry_after_ms);
    // Those that are refused only because one before them was do not lengthen the wait.
    if (!lane.recovering) {
      redirect(lane, error, now);
      const bool knows_better = error.code == ErrorCode::kNotLeader && lane.going_to && batch.tries == 1;
      if (!knows_better) wait = std::max(wait, backoff_delay(limits_.retry, batch.tries, rng_));
    }
    lane.not_before = std::max(lane.not_before, now + wait);
  } else {
    finish(batch, error);
    forget(lane, batch);
  }
  lane.recovering = true;  // the broker refuses those behind it too
  settle(lane, now);
}

bool SendQueue::may_retry(ErrorCode code) const {
  if (code == ErrorCode::kOutcomeUnknown || code == ErrorCode::kTimedOut)
    return limits_.retry_unknown || limits_.idempotent;
  return is_retryable(code);
}

std::optional<Nodes::Id> SendQueue::node_named(std::string_view address) {
  const auto node = nodes_.learn(address);
  if (links_.size() < nodes_.size()) links_.resize(nodes_.size());
  return node;
}

// Where the lane goes on after a refusal: to the leader that was named, to another node when this one does
// not do; it stays where waiting is all that helps, for overload and a full disk are the leader's word.
void SendQueue::redirect(Lane& lane, const Error& error, TimePoint now) {
  if (!may_do_elsewhere(error.code)) return;
  const auto leader = error.leader.empty() ? std::nullopt : node_named(error.leader);
  if (leader && *leader != lane.node && nodes_.is_worth_going(*leader, now)) {
    lane.going_to = *leader;
    return;
  }
  const Nodes::Id other = nodes_.next(lane.node, now);
  if (other != lane.node) lane.going_to = other;
}

void SendQueue::settle(Lane& lane, TimePoint now) {
  if (lane.in_flight == 0) {
    if (std::exchange(lane.recovering, false)) ++lane.round;
    if (lane.going_to) move_to(lane, *lane.going_to);
  }
  offer(lane, now);
}

// Requires: nothing of it is in flight.
void SendQueue::move_to(Lane& lane, Nodes::Id node) {
  Link& link = links_[lane.node];
  if (std::exchange(lane.in_full, false)) std::erase(link.full, &lane);
  if (std::exchange(lane.in_partial, false)) std::erase(link.partial, &lane);
  if (std::exchange(lane.in_idle, false)) std::erase(link.idle, &lane);
  lane.going_to.reset();
  lane.node = node;
}

void SendQueue::stream_closed(Nodes::Id node, bool connected, const Error& error, TimePoint now) {
  Link& link = links_[node];
  if (!link.up) return;
  link.up = false;
  link.writing = false;
  link.cancel_wanted = false;
  last_error_ = error;
  nodes_.failed(node, now, rng_);
  std::vector<Batch*> lost;
  for (const auto& [correlation, batch] : in_flight_) {
    if (batch->lane->node == node) lost.push_back(batch);
  }
  for (Batch* batch : lost) {
    leave_flight(*batch);
    if (connected) batch->maybe_stored = true;
    if (connected && !limits_.retry_unknown && !limits_.idempotent)
      finish(*batch, Error{ErrorCode::kOutcomeUnknown, "sent, and then: " + error.to_string()});
    if (batch->finished) forget(*batch->lane, *batch);
  }
  const Nodes::Id other = nodes_.next(node, now);
  for (auto* list : {&link.full, &link.partial, &link.idle}) list->clear();
  for_each_lane([&](Lane& lane) {
    if (lane.going_to == node) lane.going_to.reset();
    if (lane.node == node) {
      lane.in_full = lane.in_partial = lane.in_idle = false;
      lane.recovering = false;
      move_to(lane, lane.going_to.value_or(other));
    }
    offer(lane, now);
  });
}

}  // namespace forebay::client
