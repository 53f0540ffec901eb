#include "api/produce_request.h"

#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/errors.h"
#include "base/murmur2.h"
#include "model/batch_builder.h"

namespace forebay::api {
namespace {

constexpr std::uint32_t kTimeoutDefaultMs = 30'000;
constexpr std::uint32_t kTimeoutMaxMs = 15 * 60 * 1000;
constexpr std::size_t kClientIdBytesMax = 256;

v1::ProduceResponse failure(const Error& error, const ErrorPlace& place) {
  v1::ProduceResponse response;
  *response.mutable_error() = to_detail(error, place);
  return response;
}

void fill_ack(const broker::ProduceAck& ack, v1::PartitionAck* to) {
  to->set_partition(ack.partition.value());
  to->set_base_offset(ack.base_offset.value());
  to->set_last_offset(ack.last_offset.value());
  to->set_append_time_ms(ack.append_time.value());
  to->set_term(ack.term.value());
  to->mutable_durability()->set_flushed(ack.flushed);
  to->mutable_durability()->set_replicas_flushed(ack.replicas_flushed);
  to->mutable_durability()->set_replicas_total(ack.replicas_total);
  to->set_log_start(ack.log_start.value());
  to->set_duplicate(ack.duplicate);
  for (const RecordFault& one : ack.quarantined) {
    v1::RecordFault* fault = to->add_quarantined();
    fault->set_index(one.index);
    fault->set_text(one.text);
  }
}

Result<broker::Acks> acks_of(const v1::ProduceRequest& request) {
  switch (request.acks()) {
    case v1::ACKS_UNSPECIFIED:
    case v1::ACKS_ALL:
      return broker::Acks::kAll;
    case v1::ACKS_LEADER:
      return broker::Acks::kLeader;
    case v1::ACKS_NONE:
      return broker::Acks::kNone;
    default:  // an open enum: a newer client may send more
      return Error{ErrorCode::kInvalidArgument, "acks: unknown value " + std::to_string(request.acks())};
  }
}

// Who sends plain records to one partition.
Result<model::BatchOptions> producer_of(const v1::ProduceRequest& request) {
  if (!request.has_producer()) return model::BatchOptions{};
  constexpr std::int32_t kEpochMax = std::numeric_limits<std::int16_t>::max();
  const v1::ProducerStamp& stamp = request.producer();
  const auto invalid = [](std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (!request.has_partition())
    return invalid("partition: is required with a producer, whose sequences count in one");
  if (stamp.id() < 0) return invalid("producer.id: must not be negative");
  if (stamp.epoch() < 0 || stamp.epoch() > kEpochMax) return invalid("producer.epoch: must be 0 to 32767");
  if (stamp.sequence() < 0) return invalid("producer.sequence: must not be negative");
  return model::BatchOptions{.producer_id = model::ProducerId(stamp.id()),
                             .producer_epoch = model::ProducerEpoch(static_cast<std::int16_t>(stamp.epoch())),
                             .base_sequence = stamp.sequence()};
}

// Everything of the request but its records.
Result<broker::ProduceRequest> head_of(const v1::ProduceRequest& request) {
  if (request.topic().empty()) return Error{ErrorCode::kInvalidArgument, "topic: is missing"};
  if (request.has_partition() && request.partition() < 0) {
    return Error{ErrorCode::kInvalidArgument, "partition: must not be negative"};
  }
  if (request.client_id().size() > kClientIdBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 "client_id: is longer than " + std::to_string(kClientIdBytesMax) + " bytes"};
  }
  broker::ProduceRequest head;
  head.client_id = request.client_id();
  FOREBAY_TRY(head.acks, acks_of(request));
  head.topic = request.topic();
  head.partition = model::PartitionIndex(request.partition());
  head.timeout = std::chrono::milliseconds(
      request.timeout_ms() == 0 ? kTimeoutDefaultMs : std::min(request.timeout_ms(), kTimeoutMaxMs));
  if (request.has_position())
    head.position = partition::SourcePosition{request.position().source(), request.position().position()};
  return head;
}

void submit_raw(ProduceRouter& router, v1::ProduceRequest& request, broker::ProduceRequest head,
                ProduceDone done) {
  if (!request.has_partition() || request.batch().empty()) {
    const Error error{ErrorCode::kInvalidArgument, request.has_partition()
                                                       ? "batch: is empty"
                                                       : "partition: is required with a raw batch"};
    done(failure(error, {request.topic(), {}}));
    return;
  }
  if (request.has_producer()) {
    const Error error{ErrorCode::kInvalidArgument,
                      "producer: goes with plain records; a raw batch names its producer in its head"};
    done(failure(error, {request.topic(), request.partition()}));
    return;
  }
  head.batch = std::move(*request.mutable_batch());
  if (request.has_destination_crc()) head.destination_crc = request.destination_crc();
  std::string topic = head.topic;
  const std::int32_t partition = request.partition();
  router.produce(std::move(head),
                 [topic = std::move(topic), partition, done = std::move(done)](auto placed) mutable {
                   if (!placed) {
                     done(failure(placed.error(), {topic, partition}));
                     return;
                   }
                   v1::ProduceResponse response;
                   fill_ack(placed->ack, response.mutable_ack()->add_partitions());
                   response.mutable_ack()->set_leader(std::move(placed->leader));
                   done(std::move(response));
                 });
}

// --- plain -----------------------------------------------------------------------------------------------

struct PlacedBatch {
  model::PartitionIndex partition;
  std::vector<std::uint32_t> record_indexes;
  std::string batch;
};

Result<void> append_record(const v1::Record& record, model::Timestamp now, model::BatchBuilder& builder,
                           std::vector<model::HeaderView>& headers) {
  headers.clear();
  for (const v1::Header& header : record.headers()) {
    headers.push_back({header.name(), header.has_value() ? std::optional<ByteSpan>(as_bytes(header.value()))
                                                         : std::nullopt});
  }
  model::NewRecord next;
  if (record.has_key()) next.key = as_bytes(record.key());
  if (record.has_value()) next.value = as_bytes(record.value());
  next.headers = headers;
  next.timestamp = record.has_event_time_ms() ? model::Timestamp(record.event_time_ms()) : now;
  return builder.append(next);
}

// Which records go where. By partition, each in the order of the request.
Result<std::map<std::int32_t, std::vector<std::uint32_t>>> place(Context& context,
                                                                 const v1::ProduceRequest& request) {
  std::map<std::int32_t, std::vector<std::uint32_t>> placed;
  const auto& records = request.records().records();
  std::int32_t partitions = 1;
  std::optional<std::int32_t> keyless;
  if (!request.has_partition()) {
    FOREBAY_TRY(const broker::TopicHead head, context.broker.topic_head(request.topic()));
    partitions = static_cast<std::int32_t>(head.partitions);
    if (partitions <= 0) return Error{ErrorCode::kInternal, "the topic has no partitions"};
  }
  for (int index = 0; index < records.size(); ++index) {
    std::int32_t partition = request.partition();
    if (!request.has_partition() && records[index].has_key()) {
      partition = partition_for_key(as_bytes(records[index].key()), partitions);
    } else if (!request.has_partition()) {
      if (!keyless) {
        const std::uint32_t turn = context.next_keyless.fetch_add(1, std::memory_order_relaxed);
        keyless = static_cast<std::int32_t>(turn % static_cast<std::uint32_t>(partitions));
      }
      partition = *keyless;
    }
    placed[partition].push_back(static_cast<std::uint32_t>(index));
  }
  return placed;
}

Result<std::vector<PlacedBatch>> batches_of(Context& context, const v1::ProduceRequest& request) {
  const std::string& codec_text = request.records().compression();
  const auto codec = codec_text.empty() ? model::Codec::kNone : model::codec_of_name(codec_text);
  if (!codec) {
    return Error{ErrorCode::kUnsupported,
                 "compression: '" + codec_text + "' is none of none, gzip, snappy, lz4, zstd"};
  }
  if (request.records().records().empty()) return Error{ErrorCode::kInvalidArgument, "records: none given"};
  FOREBAY_TRY(const model::BatchOptions options, producer_of(request));
  FOREBAY_TRY(auto placed, place(context, request));
  const model::Timestamp now = context.clock.now();
  std::vector<PlacedBatch> batches;
  std::vector<model::HeaderView> headers;
  model::BatchBuilder builder(options);
  for (auto& [partition, indexes] : placed) {
    for (const std::uint32_t index : indexes) {
      const v1::Record& record = request.records().records(static_cast<int>(index));
      FOREBAY_CHECK(append_record(record, now, builder, headers));
    }
    FOREBAY_TRY(const std::vector<std::byte> bytes, builder.build(*codec));
    if (request.has_partition()) indexes.clear();  // all of them, in order: nothing to say
    batches.push_back({model::PartitionIndex(partition), std::move(indexes), std::string(as_text(bytes))});
  }
  return batches;
}

// Gathers the answers of the partitions that one plain request went to. Owned by the callbacks together.
class Spread {
 public:
  Spread(std::string topic, std::vector<PlacedBatch> batches, ProduceDone done)
      : topic_(std::move(topic)),
        batches_(std::move(batches)),
        results_(batches_.size()),
        missing_(batches_.size()),
        done_(std::move(done)) {}

  [[nodiscard]] std::size_t count() const { return batches_.size(); }
  [[nodiscard]] PlacedBatch& batch(std::size_t index) { return batches_[index]; }

  void answered(std::size_t index, Result<ProduceRouter::Placed> result) {
    {
      const std::lock_guard lock(mutex_);
      results_[index] = std::move(result);
      if (--missing_ > 0) return;
    }
    v1::ProduceResponse response;
    v1::ProduceAck ack;
    bool by_one = true;  // node
    for (std::size_t each = 0; each < results_.size(); ++each) {
      const auto& outcome = results_[each];
      if (outcome) {
        v1::PartitionAck* to = ack.add_partitions();
        fill_ack(outcome->ack, to);
        if (ack.partitions_size() == 1) ack.set_leader(outcome->leader);
        by_one = by_one && ack.leader() == outcome->leader;
        to->mutable_record_indexes()->Add(batches_[each].record_indexes.begin(),
                                          batches_[each].record_indexes.end());
      } else {
        failed(response, outcome.error(), batches_[each]);
      }
    }
    if (!by_one) ack.clear_leader();
    if (!response.has_error()) {
      *response.mutable_ack() = std::move(ack);
    } else if (ack.partitions_size() > 0) {
      *response.mutable_acknowledged() = std::move(ack);
    }
    done_(std::move(response));
  }

 private:
  // The first failure is told; of all that some records caused, those records, by their index in the request.
  void failed(v1::ProduceResponse& response, const Error& error, const PlacedBatch& batch) const {
    v1::ErrorDetail detail = to_detail(error, {topic_, batch.partition.value()});
    for (v1::RecordFault& fault : *detail.mutable_record_faults()) {
      const auto at = static_cast<std::size_t>(fault.index());
      if (at < batch.record_indexes.size())
        fault.set_index(static_cast<std::int32_t>(batch.record_indexes[at]));
    }
    if (!response.has_error()) {
      *response.mutable_error() = std::move(detail);
      return;
    }
    auto& told = *response.mutable_error()->mutable_record_faults();
    if (told.empty() || detail.record_faults().empty()) return;
    told.MergeFrom(detail.record_faults());
    std::sort(told.begin(), told.end(), [](const auto& a, const auto& b) { return a.index() < b.index(); });
  }

  const std::string topic_;
  std::vector<PlacedBatch> batches_;
  std::mutex mutex_;
  std::vector<Result<ProduceRouter::Placed>> results_;
  std::size_t missing_;
  ProduceDone done_;
};

void submit_plain(Context& context, ProduceRouter& router, const v1::ProduceRequest& request,
                  const broker::ProduceRequest& head, ProduceDone done) {
  auto batches = batches_of(context, request);
  if (!batches) {
    done(failure(batches.error(), {request.topic(), {}}));
    return;
  }
  const auto spread = std::make_shared<Spread>(request.topic(), std::move(*batches), std::move(done));
  for (std::size_t index = 0; index < spread->count(); ++index) {
    broker::ProduceRequest each = head;
    each.partition = spread->batch(index).partition;
    each.batch = std::move(spread->batch(index).batch);
    router.produce(std::move(each),
                   [spread, index](auto result) { spread->answered(index, std::move(result)); });
  }
}

}  // namespace

void submit_produce(Context& context, ProduceRouter& router, v1::ProduceRequest& request,
                    std::shared_ptr<broker::ProduceOrder> order, ProduceDone done) {
  if (order) {  // also what is refused here is followed by what must not overtake it
    done = [order, round = request.retry_round(),
            done = std::move(done)](v1::ProduceResponse response) mutable {
      if (response.has_error()) order->entry.raise(round);
      done(std::move(response));
    };
  }
  auto head = head_of(request);
  if (head) {
    head->order = std::move(order);
    head->retry_round = request.retry_round();
  }
  if (!head) {
    done(failure(head.error(), {request.topic(), {}}));
    return;
  }
  switch (request.payload_case()) {
    case v1::ProduceRequest::kBatch:
      submit_raw(router, request, std::move(*head), std::move(done));
      return;
    case v1::ProduceRequest::kRecords:
      submit_plain(context, router, request, *head, std::move(done));
      return;
    case v1::ProduceRequest::PAYLOAD_NOT_SET:
      break;
  }
  done(failure({ErrorCode::kInvalidArgument, "records or batch: one of them is required"},
               {request.topic(), {}}));
}

std::optional<ErrorCode> error_code_of(const v1::ProduceResponse& response) {
  if (!response.has_error()) return std::nullopt;
  return static_cast<ErrorCode>(response.error().reason());
}

}  // namespace forebay::api
