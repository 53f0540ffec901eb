#include "api/fence_call.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "api/errors.h"
#include "api/leader_parts.h"
#include "api/unary_call.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {
namespace {

constexpr const char* kPath = "/forebay.v1.Log/FenceProducer";
constexpr std::uint32_t kTimeoutDefaultMs = 30'000;
constexpr std::uint32_t kTimeoutMaxMs = 15 * 60 * 1000;

Result<broker::FenceProducerRequest> question_of(const v1::FenceProducerRequest& request) {
  const auto invalid = [](std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (request.topic().empty()) return invalid("topic: is missing");
  if (request.producer_id() < 0) return invalid("producer_id: must not be negative");
  if (request.epoch() < 0 || request.epoch() > std::numeric_limits<std::int16_t>::max())
    return invalid("epoch: must be 0 to 32767");
  broker::FenceProducerRequest question;
  question.topic = request.topic();
  question.producer = model::ProducerId(request.producer_id());
  question.epoch = model::ProducerEpoch(static_cast<std::int16_t>(request.epoch()));
  question.timeout = std::chrono::milliseconds(
      request.timeout_ms() == 0 ? kTimeoutDefaultMs : std::min(request.timeout_ms(), kTimeoutMaxMs));
  for (const std::int32_t partition : request.partitions()) {
    if (partition < 0) return invalid("partitions: must not be negative");
    question.partitions.emplace_back(partition);
  }
  return question;
}

void fill(const std::string& topic, const broker::PartitionFenced& from, v1::PartitionFenced* to) {
  to->set_partition(from.partition.value());
  if (from.error) *to->mutable_error() = to_detail(*from.error, {topic, from.partition.value()});
  if (!from.before) return;
  to->set_last_epoch(from.before->epoch.value());
  to->set_last_sequence(from.before->last_sequence);
  to->set_last_offset(from.before->last_offset.value());
  if (!from.before->position) return;
  to->mutable_position()->set_source(from.before->position->source);
  to->mutable_position()->set_position(from.before->position->position);
}

// What a leader says, in place of this node's refusals. It answers in the order of the question.
void merge(v1::FenceProducerResponse& into, const std::vector<int>& entries, const std::string& leader,
           const Result<v1::FenceProducerResponse>& answer) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    v1::PartitionFenced& fenced = *into.mutable_partitions(entries[i]);
    const int theirs = static_cast<int>(i);
    if (!answer) {
      *fenced.mutable_error() = to_detail(answer.error(), {fenced.error().topic(), fenced.partition()});
    } else if (theirs < answer->partitions_size() &&
               answer->partitions(theirs).partition() == fenced.partition()) {
      fenced = answer->partitions(theirs);
      fenced.set_leader(leader);
    }
  }
}

void answer(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
            const v1::FenceProducerRequest& request, const broker::FenceProducerResult& result) {
  v1::FenceProducerResponse message;
  message.set_topic_partitions(result.topic_partitions);
  LeaderParts<v1::FenceProducerRequest> elsewhere;
  for (const broker::PartitionFenced& fenced : result.partitions) {
    fill(request.topic(), fenced, message.add_partitions());
    if (!fenced.error || !call->may_forward(*fenced.error)) continue;
    auto& part = elsewhere.try_emplace(fenced.error->leader).first->second;
    if (part.entries.empty()) {
      part.request = request;
      part.request.clear_partitions();
    }
    part.request.add_partitions(fenced.partition.value());
    part.entries.push_back(message.partitions_size() - 1);
  }
  if (elsewhere.empty()) return call->succeed(message, response);
  const Forwarder::Deadline deadline = call->deadline();
  // A fence that is there already is answered like a new one: whoever hears nothing asks again.
  ask_leaders(context, kPath, deadline, Effect::kReads, elsewhere, std::move(message), merge,
              [call = std::move(call), response](const v1::FenceProducerResponse& whole) {
                call->succeed(whole, response);
              });
}

}  // namespace

grpc::ServerUnaryReactor* fence_producer(const ContextPtr& context, grpc::CallbackServerContext& server_call,
                                         const grpc::ByteBuffer& bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context, Method::kFenceProducer, server_call);
  const auto request = call->read<v1::FenceProducerRequest>(bytes);
  if (!request) return call;
  call->about(request->topic());
  auto question = question_of(*request);
  if (!question) {
    call->fail(question.error());
    return call;
  }
  context->broker.fence_producer(std::move(*question),
                                 [context, hold = CallHold(call), response,
                                  request = *request](Result<broker::FenceProducerResult> result) mutable {
                                   if (!result) return hold->fail(result.error());
                                   answer(context, std::move(hold), response, request, *result);
                                 });
  return call;
}

}  // namespace forebay::api
