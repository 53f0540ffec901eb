#include "api/log_service.h"

#include <utility>

#include "api/errors.h"
#include "api/fence_call.h"
#include "api/fetch_call.h"
#include "api/leader_parts.h"
#include "api/produce_request.h"
#include "api/produce_stream.h"
#include "api/subscribe_stream.h"
#include "api/unary_call.h"

// Calls delete themselves when gRPC and the broker have let go of them.
namespace forebay::api {
namespace {

constexpr const char* kAppendPath = "/forebay.v1.Log/Append";
constexpr const char* kListOffsetsPath = "/forebay.v1.Log/ListOffsets";

// One unary Append: the answer is a ProduceAck, or a status that may carry the partitions that were written.
void append(const ContextPtr& context, UnaryCall* call, const grpc::ByteBuffer& bytes,
            grpc::ByteBuffer* response) {
  context->metrics.received(bytes.Length());
  auto request = call->read<v1::ProduceRequest>(bytes);
  if (!request) return;
  // To one partition: it goes on as it is, when the broker refuses it. Else each part goes its way.
  const bool whole = request->has_partition();
  if (whole)
    call->forward_to_leader(kAppendPath, bytes, Effect::kChanges, v1::ProduceAck::kLeaderFieldNumber);
  const bool by_parts = !whole && !call->is_forwarded_here();
  const auto router = std::make_shared<ProduceRouter>(
      context, by_parts ? ProduceRouter::Forward::kLedElsewhere : ProduceRouter::Forward::kNever);
  submit_produce(*context, *router, *request, nullptr,
                 [hold = CallHold(call), response](v1::ProduceResponse outcome) {
                   if (outcome.has_error() && !outcome.has_acknowledged() &&
                       hold->forward(error_of(outcome.error()), response)) {
                     return;
                   }
                   if (!hold->claim()) return;
                   if (outcome.has_error()) {
                     hold->finish_failed(outcome.error(),
                                         outcome.has_acknowledged() ? &outcome.acknowledged() : nullptr);
                     return;
                   }
                   write_message(outcome.ack(), response);
                   hold->finish_ok();
                 });
}

Result<broker::ListOffsetsRequest> offsets_question(const v1::ListOffsetsRequest& request) {
  if (request.topic().empty()) return Error{ErrorCode::kInvalidArgument, "topic: is missing"};
  broker::ListOffsetsRequest question;
  question.topic = request.topic();
  question.time = model::Timestamp(request.time_ms());
  for (const std::int32_t partition : request.partitions()) {
    if (partition < 0) return Error{ErrorCode::kInvalidArgument, "partitions: must not be negative"};
    question.partitions.emplace_back(partition);
  }
  switch (request.point()) {
    case v1::START:
      question.point = broker::OffsetPoint::kStart;
      return question;
    case v1::END:
      question.point = broker::OffsetPoint::kEnd;
      return question;
    case v1::EVENT_TIME:
      question.point = broker::OffsetPoint::kEventTime;
      return question;
    case v1::APPEND_TIME:
      question.point = broker::OffsetPoint::kAppendTime;
      return question;
    default:  // an open enum: unspecified, or of a newer client
      return Error{ErrorCode::kInvalidArgument, "point: START, END, EVENT_TIME or APPEND_TIME is required"};
  }
}

void fill_offset(const std::string& topic, const broker::PartitionOffset& from, v1::PartitionOffset* to) {
  to->set_partition(from.partition.value());
  to->set_batch_bytes_max(from.batch_bytes_max);
  if (from.error) {
    *to->mutable_error() = to_detail(*from.error, {topic, from.partition.value()});
    return;
  }
  if (from.offset) to->set_offset(from.offset->value());
  to->set_log_start(from.log_start.value());
  to->set_log_end(from.high_watermark.value());
  to->set_term(from.term.value());
  to->set_end_lost(from.end_lost);
}

// What a leader says, in place of this node's refusals. It answers in the order of the question.
void merge_offsets(v1::ListOffsetsResponse& into, const std::vector<int>& entries, const std::string& leader,
                   const Result<v1::ListOffsetsResponse>& answer) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    v1::PartitionOffset& offset = *into.mutable_offsets(entries[i]);
    const int theirs = static_cast<int>(i);
    if (!answer) {
      *offset.mutable_error() = to_detail(answer.error(), {offset.error().topic(), offset.partition()});
    } else if (theirs < answer->offsets_size() && answer->offsets(theirs).partition() == offset.partition()) {
      offset = answer->offsets(theirs);
      offset.set_leader(leader);
    }
  }
}

void answer_offsets(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                    const v1::ListOffsetsRequest& request,
                    const std::vector<broker::PartitionOffset>& offsets) {
  v1::ListOffsetsResponse message;
  LeaderParts<v1::ListOffsetsRequest> elsewhere;
  for (const broker::PartitionOffset& offset : offsets) {
    fill_offset(request.topic(), offset, message.add_offsets());
    if (!offset.error || !call->may_forward(*offset.error)) continue;
    auto& part = elsewhere.try_emplace(offset.error->leader).first->second;
    if (part.entries.empty()) {
      part.request = request;
      part.request.clear_partitions();
    }
    part.request.add_partitions(offset.partition.value());
    part.entries.push_back(message.offsets_size() - 1);
  }
  if (elsewhere.empty()) return call->succeed(message, response);
  const Forwarder::Deadline deadline = call->deadline();
  ask_leaders(context, kListOffsetsPath, deadline, Effect::kReads, elsewhere, std::move(message),
              merge_offsets, [call = std::move(call), response](const v1::ListOffsetsResponse& whole) {
                call->succeed(whole, response);
              });
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* LogService::Produce(
    grpc::CallbackServerContext* call) {
  return new ProduceStream(context_, *call);
}

grpc::ServerUnaryReactor* LogService::Append(grpc::CallbackServerContext* server_call,
                                             const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kAppend, *server_call);
  if (!call->over()) append(context_, call, *request, response);
  return call;
}

grpc::ServerUnaryReactor* LogService::Fetch(grpc::CallbackServerContext* call,
                                            const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* fetch = new FetchCall(context_, *call, response);
  fetch->start(*request);
  return fetch;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* LogService::Subscribe(grpc::CallbackServerContext* call,
                                                                  const grpc::ByteBuffer* request) {
  auto* stream = new SubscribeStream(context_, *call);
  stream->start(*request);
  return stream;
}

grpc::ServerUnaryReactor* LogService::ListOffsets(grpc::CallbackServerContext* server_call,
                                                  const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListOffsets, *server_call);
  const auto request = call->read<v1::ListOffsetsRequest>(*bytes);
  if (!request) return call;
  call->about(request->topic());
  auto question = offsets_question(*request);
  if (!question) {
    call->fail(question.error());
    return call;
  }
  context_->broker.list_offsets(std::move(*question),
                                [context = context_, hold = CallHold(call), response, request = *request](
                                    Result<std::vector<broker::PartitionOffset>> offsets) mutable {
                                  if (!offsets) return hold->fail(offsets.error());
                                  answer_offsets(context, std::move(hold), response, request, *offsets);
                                });
  return call;
}

grpc::ServerUnaryReactor* LogService::FenceProducer(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  return fence_producer(context_, *server_call, *bytes, response);
}

}  // namespace forebay::api
