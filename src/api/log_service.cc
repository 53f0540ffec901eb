#include "api/log_service.h"

#include <utility>

#include "api/errors.h"
#include "api/fetch_call.h"
#include "api/produce_request.h"
#include "api/produce_stream.h"
#include "api/subscribe_stream.h"
#include "api/unary_call.h"

// Calls delete themselves when gRPC and the broker have let go of them.
namespace forebay::api {
namespace {

// One unary Append: the answer is a ProduceAck, or a status that may carry the partitions that were written.
void append(Context& context, UnaryCall* call, const grpc::ByteBuffer& bytes, grpc::ByteBuffer* response) {
  context.metrics.received(bytes.Length());
  auto request = call->read<v1::ProduceRequest>(bytes);
  if (!request) return;
  submit_produce(context, *request, nullptr, [hold = CallHold(call), response](v1::ProduceResponse outcome) {
    if (!hold->claim()) return;
    if (outcome.has_error()) {
      hold->finish_failed(outcome.error(), outcome.has_acknowledged() ? &outcome.acknowledged() : nullptr);
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

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* LogService::Produce(
    grpc::CallbackServerContext* /*call*/) {
  return new ProduceStream(context_);
}

grpc::ServerUnaryReactor* LogService::Append(grpc::CallbackServerContext* /*call*/,
                                             const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kAppend);
  if (!call->over()) append(*context_, call, *request, response);
  return call;
}

grpc::ServerUnaryReactor* LogService::Fetch(grpc::CallbackServerContext* call,
                                            const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* fetch = new FetchCall(context_, call->peer(), response);
  fetch->start(*request);
  return fetch;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* LogService::Subscribe(grpc::CallbackServerContext* call,
                                                                  const grpc::ByteBuffer* request) {
  auto* stream = new SubscribeStream(context_, call->peer());
  stream->start(*request);
  return stream;
}

grpc::ServerUnaryReactor* LogService::ListOffsets(grpc::CallbackServerContext* /*call*/,
                                                  const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListOffsets);
  const auto request = call->read<v1::ListOffsetsRequest>(*bytes);
  if (!request) return call;
  call->about(request->topic());
  auto question = offsets_question(*request);
  if (!question) {
    call->fail(question.error());
    return call;
  }
  using Offsets = std::vector<broker::PartitionOffset>;
  context_->broker.list_offsets(
      std::move(*question),
      call->answer<v1::ListOffsetsResponse, Offsets>(
          response, [topic = request->topic()](const Offsets& offsets, v1::ListOffsetsResponse* to) {
            for (const broker::PartitionOffset& offset : offsets) {
              fill_offset(topic, offset, to->add_offsets());
            }
          }));
  return call;
}

}  // namespace forebay::api
