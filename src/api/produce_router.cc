#include "api/produce_router.h"

#include "api/messages.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kAppendPath = "/forebay.v1.Log/Append";
// The leader answers at the request's timeout; what is silent for so much longer is lost.
constexpr milliseconds kAnswerSlack{5'000};
// Partitions that one stream keeps apart: far more than a node has, and a bound of its memory.
constexpr std::size_t kLanesMax = 100'000;

v1::Acks acks_of(broker::Acks acks) {
  switch (acks) {
    case broker::Acks::kAll:
      return v1::ACKS_ALL;
    case broker::Acks::kLeader:
      return v1::ACKS_LEADER;
    case broker::Acks::kNone:
      return v1::ACKS_NONE;
  }
  return v1::ACKS_ALL;
}

grpc::ByteBuffer append_request(broker::ProduceRequest request, milliseconds timeout) {
  v1::ProduceRequest message;
  message.set_topic(std::move(request.topic));
  message.set_partition(request.partition.value());
  message.set_acks(acks_of(request.acks));
  message.set_timeout_ms(static_cast<std::uint32_t>(timeout.count()));
  if (request.destination_crc) message.set_destination_crc(*request.destination_crc);
  if (request.position) {
    message.mutable_position()->set_source(std::move(request.position->source));
    message.mutable_position()->set_position(std::move(request.position->position));
  }
  message.set_client_id(std::move(request.client_id));
  message.set_batch(std::move(request.batch));
  grpc::ByteBuffer bytes;
  write_message(message, &bytes);
  return bytes;
}

Result<broker::ProduceAck> ack_in(const grpc::ByteBuffer& bytes) {
  FOREBAY_TRY(const v1::ProduceAck message, read_message<v1::ProduceAck>(bytes));
  if (message.partitions_size() != 1)
    return Error{ErrorCode::kOutcomeUnknown, "the leader acknowledged something else than one batch"};
  const v1::PartitionAck& from = message.partitions(0);
  std::vector<RecordFault> quarantined;
  for (const v1::RecordFault& one : from.quarantined()) quarantined.push_back({one.index(), one.text()});
  return broker::ProduceAck{.partition = model::PartitionIndex(from.partition()),
                            .base_offset = model::Offset(from.base_offset()),
                            .last_offset = model::Offset(from.last_offset()),
                            .append_time = model::Timestamp(from.append_time_ms()),
                            .term = model::Term(from.term()),
                            .log_start = model::Offset(from.log_start()),
                            .flushed = from.durability().flushed(),
                            .replicas_flushed = from.durability().replicas_flushed(),
                            .replicas_total = from.durability().replicas_total(),
                            .duplicate = from.duplicate(),
                            .quarantined = std::move(quarantined)};
}

}  // namespace

ProduceRouter::LanePtr ProduceRouter::lane_of(const std::string& topic, std::int32_t partition) {
  // A client with more partitions than this on one stream only loses the order of those that had trouble.
  if (lanes_.size() >= kLanesMax) {
    std::erase_if(lanes_, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  LanePtr& lane = lanes_[{topic, partition}];
  if (lane == nullptr) lane = std::make_shared<Lane>();
  return lane;
}

std::shared_ptr<broker::ProduceOrder> ProduceRouter::order_of(const std::string& topic,
                                                              std::int32_t partition) {
  const LanePtr lane = lane_of(topic, partition);
  if (lane->order == nullptr) lane->order = std::make_shared<broker::ProduceOrder>();
  return lane->order;
}

void ProduceRouter::produce(broker::ProduceRequest request, Done done) {
  if (forward_ == Forward::kNever) {
    context_->broker.produce(std::move(request),
                             [done = std::move(done)](Result<broker::ProduceAck> ack) mutable {
                               if (!ack) return done(std::move(ack).error());
                               done(Placed{std::move(*ack), {}});
                             });
    return;
  }
  const LanePtr lane = lane_of(request.topic, request.partition.value());
  const bool here = context_->broker.led_elsewhere(request.topic, request.partition).empty();
  {
    const std::lock_guard lock(mutex_);
    if (!here || lane->busy || !lane->waiting.empty()) {
      const auto deadline = steady_clock::now() + request.timeout;
      lane->waiting.push_back({std::move(request), std::move(done), deadline});
    } else {
      ++lane->here;
    }
  }
  if (done) {
    hand_over(lane, std::move(request), std::move(done));
  } else {
    next(lane);
  }
}

// Requires: counted in lane->here.
void ProduceRouter::hand_over(const LanePtr& lane, broker::ProduceRequest request, Done done) {
  context_->broker.produce(std::move(request), [self = shared_from_this(), lane, done = std::move(done)](
                                                   Result<broker::ProduceAck> ack) mutable {
    if (ack) {
      done(Placed{std::move(*ack), {}});
    } else {
      done(std::move(ack).error());
    }
    {
      const std::lock_guard lock(self->mutex_);
      if (--lane->here > 0 || lane->waiting.empty()) return;
    }
    self->next(lane);
  });
}

// Sends off what may leave now. Whoever holds `busy` does it.
void ProduceRouter::next(const LanePtr& lane) {
  while (true) {
    Waiting one;
    std::string leader;
    {
      const std::lock_guard lock(mutex_);
      if (lane->busy || lane->waiting.empty()) return;
      const broker::ProduceRequest& head = lane->waiting.front().request;
      leader = context_->broker.led_elsewhere(head.topic, head.partition);
      if (!leader.empty() && lane->here > 0) return;  // its answer comes here again
      one = std::move(lane->waiting.front());
      lane->waiting.pop_front();
      lane->busy = true;
      if (leader.empty()) ++lane->here;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(one.deadline - steady_clock::now());
    if (leader.empty()) {
      hand_over(lane, std::move(one.request), std::move(one.done));
    } else if (one.request.order != nullptr && one.request.order->entry.refuses(one.request.retry_round)) {
      one.done(Error{ErrorCode::kNotYet,
                     "an earlier request of the stream was refused; send them again in order"});
    } else if (left.count() <= 0) {
      fail(one.request.order, one.request.retry_round);
      one.done(Error{ErrorCode::kTimedOut, "the time was over before the leader, " + leader +
                                               ", had answered those before it; it was not sent"});
    } else {
      return send(lane, std::move(one), leader, left);
    }
    const std::lock_guard lock(mutex_);
    lane->busy = false;
  }
}

// What failed is followed by what must not overtake it.
void ProduceRouter::fail(const std::shared_ptr<broker::ProduceOrder>& order, std::uint32_t round) {
  if (order == nullptr) return;
  order->entry.raise(round);
  order->shard.raise(round);
}

// Holds `busy` until it is answered.
void ProduceRouter::send(const LanePtr& lane, Waiting one, const std::string& leader, milliseconds left) {
  auto answered = [self = shared_from_this(), lane, order = std::move(one.request.order),
                   round = one.request.retry_round,
                   done = std::move(one.done)](Result<Placed> result) mutable {
    if (!result) fail(order, round);  // before the next one is judged
    done(std::move(result));
    {
      const std::lock_guard lock(self->mutex_);
      lane->busy = false;
    }
    self->next(lane);
  };
  const Error refusal{ErrorCode::kNotLeader, "another node leads the partition", 0, leader};
  context_->forwarder.send(leader, kAppendPath, append_request(std::move(one.request), left),
                           std::chrono::system_clock::now() + left + kAnswerSlack,
                           [answered = std::move(answered), refusal](Forwarded outcome) mutable {
                             if (outcome.fate != Forwarded::Fate::kAnswered || !outcome.status.ok()) {
                               Error error = forward_failure(outcome, refusal, Effect::kChanges);
                               const bool is_its_word = outcome.fate == Forwarded::Fate::kAnswered;
                               if (is_its_word && error.leader.empty()) error.leader = refusal.leader;
                               return answered(std::move(error));
                             }
                             auto ack = ack_in(outcome.bytes);
                             if (!ack) return answered(std::move(ack).error());
                             answered(Placed{std::move(*ack), refusal.leader});
                           });
}

}  // namespace forebay::api
