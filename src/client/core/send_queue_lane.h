// The inside of SendQueue: what it keeps of a batch and of a partition.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "client/core/send_queue.h"

namespace forebay::client {

inline constexpr std::size_t kFirstReserveBytes = 4096;

// A batch from its first record to its answer; owned by its lane.
struct SendQueue::Batch {
  enum class State : std::uint8_t { kOpen, kEncoding, kReady, kInFlight };

  Lane* lane = nullptr;
  std::uint64_t id = 0;
  State state = State::kOpen;
  bool encoding_begun = false;  // the owner works on the builder
  bool finished = false;        // its answers are on their way; what is left is to tidy up
  bool counted = false;         // in requests_out_
  model::BatchBuilder builder;
  Answers answers;
  SharedBytes bytes;
  std::uint32_t destination_crc = 0;  // of them, made when they were
  std::size_t charged_bytes = 0;
  TimePoint opened_at{};
  TimePoint sent_at{};
  std::uint64_t correlation = 0;
  std::uint32_t tries = 0;
  std::int32_t record_count = 0;  // since it is encoded
  // Its place under the lane's identity; absent: not given yet, or not idempotent.
  std::optional<std::int32_t> sequence;
  // A try of it has not been answered, or by somebody who does not know: it may be stored, or be on its way
  // there still.
  bool maybe_stored = false;
  // Records were left out of it under its sequence, while it might be stored with them: only one of the two
  // can be, and nothing behind the other one.
  bool shortened = false;
  std::optional<SourcePlace> position;  // of its last record, in the source
};

// One partition. Batches in flight are the first ones of the queue: they are sent in order, and after a
// failure nothing is sent before all of them have come back.
class SendQueue::Lane {
 public:
  Lane(const std::string& topic_name, std::int32_t index, Nodes::Id at, std::size_t limit)
      : topic(&topic_name), partition(index), node(at), batch_bytes_max(limit) {}

  const std::string* topic;
  std::int32_t partition;
  Nodes::Id node;
  std::optional<Nodes::Id> going_to;  // once in_flight is 0
  std::size_t batch_bytes_max;        // the producer's, or what the topic takes
  std::size_t topic_bytes_max = 0;    // what the topic takes; 0: not known
  std::unique_ptr<Batch> open;
  std::deque<std::unique_ptr<Batch>> queue;  // closed, in order
  std::uint32_t in_flight = 0;
  bool recovering = false;  // one has failed: wait until in_flight is 0
  std::uint32_t round = 0;  // retry_round of the next request; never falls
  TimePoint not_before{};   // backoff
  // Idempotence. All batches with a sequence have it under this identity.
  ProducerIdentity identity;
  std::int32_t next_sequence = 0;
  std::int32_t acked_end = 0;  // the sequence after the last one that was acknowledged
  // A batch with a sequence was given up: what is behind it cannot be stored under this identity, if that
  // batch was not.
  bool broken = false;
  std::uint32_t encoding = 0;                         // batches that the owner works on
  bool in_full = false;                               // in Link::full of its node
  bool in_partial = false;                            // in Link::partial
  bool in_idle = false;                               // in Link::idle
  std::size_t last_batch_bytes = kFirstReserveBytes;  // what the next batch will probably need
};

// Of a batch with a try whose outcome nobody knows.
[[nodiscard]] Error unknown_after(const Error& error);
// Of what is under way, and may be stored, or comes later, when a named producer stops.
[[nodiscard]] Error stopped_by(const Error& error);

template <typename Visit>
void SendQueue::for_each_lane(Visit visit) {
  for (auto& [topic, partitions] : lanes_) {
    for (auto& [partition, lane] : partitions) visit(*lane);
  }
}

}  // namespace forebay::client
