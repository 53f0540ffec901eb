// Produce, fetch, list offsets: found, checked and handed to the partition's shard.
#include <utility>

#include "base/assert.h"
#include "broker/dead_letters.h"
#include "broker/gather.h"
#include "broker/node_broker.h"

namespace forebay::broker {
namespace {

constexpr std::uint32_t kBudgetRetryMs = 20;
constexpr std::uint32_t kFenceRetryMs = 100;

partition::Acks acks_of(Acks acks) {
  switch (acks) {
    case Acks::kAll:
      return partition::Acks::kAll;
    case Acks::kLeader:
      return partition::Acks::kLeader;
    case Acks::kNone:
      return partition::Acks::kNone;
  }
  return partition::Acks::kAll;
}

// Cancelling before the shard has started the fetch, meanwhile, or after its answer: all are fine.
class Ticket final : public FetchTicket, public std::enable_shared_from_this<Ticket> {
 public:
  Ticket(ShardHandle shard, const model::TopicPartition& id) : shard_(shard), id_(id) {}

  // `missing`: why the partition is not there, asked on the shard.
  void start(const partition::FetchInput& input, UniqueFunction<Error()> missing, Done<FetchResult> done) {
    shard_.executor->post([self = shared_from_this(), input, missing = std::move(missing),
                           done = std::move(done)]() mutable {
      if (self->cancelled_) return done(Error{ErrorCode::kCancelled, "the fetch was cancelled"});
      partition::Partition* partition = self->shard_.partitions->find(self->id_);
      if (partition == nullptr) return done(missing());
      self->fetch_ =
          partition->fetch(input, [done = std::move(done)](Result<partition::FetchOutput> output) mutable {
            if (!output) return done(std::move(output).error());
            done(FetchResult{output->marks.log_start, output->marks.high_watermark, output->next,
                             std::move(output->frames)});
          });
    });
  }

  void cancel() override {
    shard_.executor->post([self = shared_from_this()] {
      self->cancelled_ = true;
      if (!self->fetch_) return;
      if (auto* partition = self->shard_.partitions->find(self->id_)) partition->cancel_fetch(*self->fetch_);
    });
  }

 private:
  ShardHandle shard_;
  model::TopicPartition id_;
  bool cancelled_ = false;                   // on the shard
  std::optional<partition::FetchId> fetch_;  // on the shard
};

// A refusal on the shard: the partition's next request is judged after it.
Done<ProduceAck> keep_order(std::shared_ptr<ProduceOrder> order, std::uint32_t round, Done<ProduceAck> done) {
  if (!order) return done;
  return [order = std::move(order), round, done = std::move(done)](Result<ProduceAck> ack) mutable {
    if (!ack) {
      order->shard.raise(round);
      order->entry.raise(round);
    }
    done(std::move(ack));
  };
}

// What is stored already is acknowledged, whatever would be said of it now: rules change, and schemas are
// deleted, between a try and the next one of an idempotent producer.
// Only a batch whose header is right can be one: what is wrong in that is refused as it was then.
bool may_be_a_copy(const Error& refused, const std::string& batch, const model::BatchRules& rules) {
  if (refused.code != ErrorCode::kInvalidRecord) return false;
  const auto view = model::validate_batch_header(as_bytes(batch), rules);
  return view && view->header().producer_id != model::kNoProducerId;
}

Error out_of_order() {
  return Error{ErrorCode::kNotYet, "an earlier request of the stream was refused; send them again in order"};
}

}  // namespace

Result<NodeBroker::CheckedBatch> NodeBroker::check_batch(const TopicRoute& route,
                                                         const ProduceRequest& request) {
  const model::BatchRules rules = route.rules(clock_.now());
  FOREBAY_TRY(const auto view, model::validate_batch_header(as_bytes(request.batch), rules));
  const auto codec = view.attributes().codec();
  FOREBAY_ASSERT(codec.has_value());  // validate_batch_header refuses unknown ones
  FOREBAY_CHECK(route.check_codec(*codec));
  if (route.guard.validation != config::SchemaValidation::kNone) return check_schemas(route, view, rules);
  thread_local std::vector<std::byte> scratch;
  FOREBAY_CHECK(model::validate_batch_records(view, rules, scratch));
  return CheckedBatch{.record_count = view.record_count()};
}

void NodeBroker::produce(ProduceRequest request, Done<ProduceAck> done) {
  const auto fail = [this, &done, &request](Error error) {
    if (request.order) request.order->entry.raise(request.retry_round);
    counters_.produce_errors.fetch_add(1, std::memory_order_relaxed);
    done(std::move(error));
  };
  counters_.produce_requests.fetch_add(1, std::memory_order_relaxed);
  if (auto open = check_intake(); !open) return fail(open.error());
  if (request.order && request.order->entry.refuses(request.retry_round)) return fail(out_of_order());
  const RoutingPtr table = routing();
  const auto route = table->find(request.topic, "produced to");
  if (!route) return fail(route.error());
  if ((*route)->internal) {
    return fail(Error{ErrorCode::kInvalidArgument,
                      "topic '" + request.topic + "' is internal; it cannot be produced to"});
  }
  const auto shard_index = (*route)->shard_of(request.partition);
  if (!shard_index) return fail(shard_index.error());
  auto checked = check_batch(**route, request);
  std::optional<Error> refusal;
  if (!checked) {
    if (!may_be_a_copy(checked.error(), request.batch, (*route)->rules(clock_.now())))
      return fail(std::move(checked).error());
    refusal = std::move(checked).error();
    checked = CheckedBatch{};
  }
  if (request.destination_crc &&
      *request.destination_crc !=
          model::destination_crc(request.topic, request.partition, as_bytes(request.batch))) {
    counters_.misdirected_batches.fetch_add(1, std::memory_order_relaxed);
    return fail(
        Error{ErrorCode::kCorruptBatch, "the batch was built for another topic or partition than '" +
                                            request.topic + "' " + std::to_string(request.partition.value()) +
                                            ": the client has mixed up its buffers; nothing was written"});
  }
  if (!checked->quarantined.empty()) request.batch = std::move(checked->marked);
  auto lease = produce_bytes_.try_acquire(request.batch.capacity());
  if (!lease) {
    return fail(Error{
        ErrorCode::kResourceExhausted,
        "the node holds " + std::to_string(produce_bytes_.used()) +
            " bytes of unanswered requests, its bound (memory.produce_bytes_max); retry after the delay",
        kBudgetRetryMs});
  }
  if (!refusal) counters_.produce_bytes.fetch_add(request.batch.size(), std::memory_order_relaxed);
  counters_.produce_records.fetch_add(static_cast<std::uint64_t>(checked->record_count),
                                      std::memory_order_relaxed);

  const ShardHandle shard = shards_[*shard_index];
  const auto id = (*route)->id_of(request.partition);
  const bool hosted = (*route)->is_hosted_by(config_.self.node, request.partition);
  const auto begun = shard.executor->now();
  shard.executor->post([this, shard, id, hosted, begun,
                        input = partition::ProduceInput{.batch = std::move(request.batch),
                                                        .record_count = checked->record_count,
                                                        .acks = acks_of(request.acks),
                                                        .timeout = request.timeout,
                                                        .position = std::move(request.position),
                                                        .client_id = request.client_id,
                                                        .refusal = std::move(refusal)},
                        quarantined = std::move(checked->quarantined),
                        note = usage_note(**route, std::move(checked->seen), request.client_id),
                        lease = std::move(*lease), order = std::move(request.order),
                        round = request.retry_round, done = std::move(done)]() mutable {
    if (order && order->shard.refuses(round)) return done(out_of_order());
    done = keep_order(std::move(order), round, std::move(done));
    partition::Partition* partition = shard.partitions->find(id);
    if (partition == nullptr) return done(not_here(shard, id, hosted));
    partition->produce(std::move(input), [this, shard, id, begun, lease = std::move(lease),
                                          quarantined = std::move(quarantined), note = std::move(note),
                                          done = std::move(done)](Result<partition::ProduceAck> ack) mutable {
      if (produce_latency_) produce_latency_(shard.executor->now() - begun);
      const bool may_be_stored = !ack && (ack.error().code == ErrorCode::kTimedOut ||
                                          ack.error().code == ErrorCode::kOutcomeUnknown);
      if (note && (may_be_stored || (ack && !ack->duplicate))) note();
      if (!ack) {
        counters_.produce_errors.fetch_add(1, std::memory_order_relaxed);
        return done(with_leader(std::move(ack).error(), shard, id));
      }
      if (!ack->duplicate)
        counters_.schema_quarantined.fetch_add(quarantined.size(), std::memory_order_relaxed);
      done(ProduceAck{.partition = id.partition,
                      .base_offset = ack->base_offset,
                      .last_offset = ack->last_offset,
                      .append_time = ack->append_time,
                      .term = ack->term,
                      .log_start = ack->log_start,
                      .flushed = ack->flushed,
                      .replicas_flushed = ack->replicas_flushed,
                      .replicas_total = ack->replicas_total,
                      .duplicate = ack->duplicate,
                      .quarantined = std::move(quarantined)});
    });
  });
}

std::shared_ptr<FetchTicket> NodeBroker::fetch(FetchRequest request, Done<FetchResult> done) {
  counters_.fetch_requests.fetch_add(1, std::memory_order_relaxed);
  const RoutingPtr table = routing();
  Result<void> open = check_intake();
  Result<const TopicRoute*> route = table->find_readable(request.topic);
  Result<std::uint32_t> shard_index = route ? (*route)->shard_of(request.partition) : route.error();
  if (!open || !shard_index) {
    counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
    // A ticket for nothing: the caller need not know.
    auto ticket = std::make_shared<Ticket>(shards_[0], model::TopicPartition{});
    done(open ? shard_index.error() : open.error());
    return ticket;
  }
  const ShardHandle shard = shards_[*shard_index];
  const auto id = (*route)->id_of(request.partition);
  const bool hosted = (*route)->is_hosted_by(config_.self.node, request.partition);
  auto ticket = std::make_shared<Ticket>(shard, id);
  ticket->start(
      {.from = request.offset,
       .bytes_max = request.bytes_max,
       .bytes_min = request.bytes_min,
       .wait_max = request.wait_max,
       .reading = (*route)->reading},
      [this, shard, id, hosted] { return not_here(shard, id, hosted); },
      [this, shard, id,
       as = ShownAs{(*route)->reading, request.offset, request.bytes_max, (*route)->topic->name,
                    request.partition},
       done = std::move(done)](Result<FetchResult> result) mutable {
        if (result) result = shown(*std::move(result), as);
        if (result) {
          std::uint64_t bytes = 0;
          for (const auto& frame : result->frames) bytes += frame->payload.size();
          counters_.fetch_bytes.fetch_add(bytes, std::memory_order_relaxed);
        } else {
          counters_.fetch_errors.fetch_add(1, std::memory_order_relaxed);
          result = with_leader(std::move(result).error(), shard, id);
        }
        done(std::move(result));
      });
  return ticket;
}

void NodeBroker::list_offsets(ListOffsetsRequest request, Done<std::vector<PartitionOffset>> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  const RoutingPtr table = routing();
  const auto route = table->find_readable(request.topic);
  if (!route) return done(route.error());
  if (request.partitions.empty()) {
    for (std::size_t i = 0; i < (*route)->shards.size(); ++i) {
      request.partitions.emplace_back(static_cast<std::int32_t>(i));
    }
  }
  auto gather = std::make_shared<Gather<PartitionOffset>>(request.partitions.size(), std::move(done));
  const std::uint32_t batch_bytes_max = (*route)->config.max_message_bytes;
  for (std::size_t i = 0; i < request.partitions.size(); ++i) {
    const auto partition_index = request.partitions[i];
    const auto fail = [gather, i, partition_index, batch_bytes_max](Error error) {
      PartitionOffset offset;
      offset.partition = partition_index;
      offset.batch_bytes_max = batch_bytes_max;
      offset.error = std::move(error);
      gather->set(i, std::move(offset));
    };
    const auto shard_index = (*route)->shard_of(partition_index);
    if (!shard_index) {
      fail(shard_index.error());
      continue;
    }
    const ShardHandle shard = shards_[*shard_index];
    const auto id = (*route)->id_of(partition_index);
    const bool hosted = (*route)->is_hosted_by(config_.self.node, partition_index);
    shard.executor->post([this, shard, id, hosted, gather, i, fail, batch_bytes_max, point = request.point,
                          time = request.time, reading = (*route)->reading] {
      partition::Partition* partition = shard.partitions->find(id);
      if (partition == nullptr) return fail(not_here(shard, id, hosted));
      const auto answer = [gather, i, batch_bytes_max, partition_index = id.partition,
                           term = partition->term(), end_lost = partition->end_is_lost()](
                              partition::Watermarks marks, std::optional<model::Offset> found) {
        gather->set(i, PartitionOffset{partition_index, found, marks.log_start, marks.high_watermark, term,
                                       std::nullopt, end_lost, batch_bytes_max});
      };
      if (point == OffsetPoint::kStart || point == OffsetPoint::kEnd) {
        return partition->read_end(
            [this, shard, id, answer, fail, point](Result<partition::Watermarks> marks) {
              if (!marks) return fail(with_leader(marks.error(), shard, id));
              answer(*marks, point == OffsetPoint::kStart ? marks->log_start : marks->high_watermark);
            });
      }
      const auto kind = point == OffsetPoint::kEventTime ? log::TimeKind::kEvent : log::TimeKind::kAppend;
      partition->find_by_time(
          kind, time, reading,
          [this, shard, id, answer, fail](Result<partition::Partition::TimeLookup> found) {
            if (!found) return fail(with_leader(found.error(), shard, id));
            answer(found->marks, found->offset);
          });
    });
  }
}

void NodeBroker::fence_producer(FenceProducerRequest request, Done<FenceProducerResult> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  const RoutingPtr table = routing();
  const auto route = table->find(request.topic, "produced to");
  if (!route) return done(route.error());
  if ((*route)->internal) {
    return done(Error{ErrorCode::kInvalidArgument,
                      "topic '" + request.topic + "' is internal; it cannot be produced to"});
  }
  if (!table->may_fence) {
    return done(Error{ErrorCode::kNotYet,
                      "this node does not know yet of any session of a named producer: begin one first "
                      "(InitProducer with a name), then retry",
                      kFenceRetryMs});
  }
  const auto topic_partitions = static_cast<std::uint32_t>((*route)->shards.size());
  if (request.partitions.empty()) {
    for (std::uint32_t i = 0; i < topic_partitions; ++i)
      request.partitions.emplace_back(static_cast<std::int32_t>(i));
  }
  auto gather = std::make_shared<Gather<PartitionFenced>>(
      request.partitions.size(),
      [topic_partitions, done = std::move(done)](Result<std::vector<PartitionFenced>> fenced) mutable {
        if (!fenced) return done(std::move(fenced).error());
        done(FenceProducerResult{std::move(*fenced), topic_partitions});
      });
  for (std::size_t i = 0; i < request.partitions.size(); ++i) {
    const auto index = request.partitions[i];
    const auto fail = [gather, i, index](Error error) {
      gather->set(i, PartitionFenced{index, std::move(error), std::nullopt});
    };
    const auto shard_index = (*route)->shard_of(index);
    if (!shard_index) {
      fail(shard_index.error());
      continue;
    }
    const ShardHandle shard = shards_[*shard_index];
    const auto id = (*route)->id_of(index);
    const bool hosted = (*route)->is_hosted_by(config_.self.node, index);
    shard.executor->post([this, shard, id, hosted, gather, i, fail, producer = request.producer,
                          epoch = request.epoch, timeout = request.timeout] {
      partition::Partition* partition = shard.partitions->find(id);
      if (partition == nullptr) return fail(not_here(shard, id, hosted));
      partition->fence_producer(
          producer, epoch, timeout,
          [this, shard, id, gather, i, fail](Result<partition::ProducerFenced> fenced) {
            if (!fenced) return fail(with_leader(fenced.error(), shard, id));
            gather->set(i, PartitionFenced{id.partition, std::nullopt, std::move(fenced->before)});
          });
    });
  }
}

}  // namespace forebay::broker
