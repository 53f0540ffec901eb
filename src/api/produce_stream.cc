#include "api/produce_stream.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "api/errors.h"
#include "api/later.h"
#include "api/produce_request.h"

namespace forebay::api {
namespace {

// A pause may be asked for by a node in trouble, but the stream must notice the end of the trouble.
constexpr std::uint32_t kPauseMaxMs = 1000;

grpc::Slice serialized(const v1::ProduceResponse& response) {
  grpc::Slice slice(response.ByteSizeLong());
  response.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  return slice;
}

}  // namespace

ProduceStream::ProduceStream(ContextPtr context, const grpc::CallbackServerContext& call)
    : OpenCall(context->calls),
      context_(std::move(context)),
      router_(std::make_shared<ProduceRouter>(context_, is_forwarded(call)
                                                            ? ProduceRouter::Forward::kNever
                                                            : ProduceRouter::Forward::kLedElsewhere)) {
  reading_ = true;
  StartRead(&incoming_);
  if (!enlist()) stop(stopping_error());
}

void ProduceStream::OnReadDone(bool ok) {
  if (!ok) {
    Lock lock(mutex_);
    reading_ = false;
    input_over_ = true;
    advance(std::move(lock));
    return;
  }
  const std::size_t size = incoming_.Length();
  context_->metrics.received(size);
  request_.Clear();
  const grpc::Status parsed =
      grpc::SerializationTraits<v1::ProduceRequest>::Deserialize(&incoming_, &request_);
  incoming_.Clear();
  if (parsed.ok()) {
    request_read(size);
    return;
  }
  // No correlation id to answer to: the stream ends, after the answers of what came before.
  context_->metrics.failed(Method::kProduce, ErrorCode::kInvalidArgument);
  Lock lock(mutex_);
  reading_ = false;
  input_over_ = true;
  status_ = to_status(Error{ErrorCode::kInvalidArgument, "the message is not a forebay.v1.ProduceRequest"});
  advance(std::move(lock));
}

void ProduceStream::request_read(std::size_t size) {
  bool refused = false;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    handling_ = true;
    bytes_in_flight_ += size;
    ++requests_in_flight_;
    ++at_broker_;
    refused = input_over_;
  }
  if (!client_id_) client_id_ = request_.client_id();
  request_.set_client_id(*client_id_);
  const std::uint64_t correlation_id = request_.correlation_id();
  auto done = [hold = CallHold(this), correlation_id, size](v1::ProduceResponse response) {
    response.set_correlation_id(correlation_id);
    hold->answered(std::move(response), size);
  };
  if (refused) {  // read while the node was told to stop: provably not written, and the client learns it
    v1::ProduceResponse response;
    *response.mutable_error() = to_detail(stopping_error(), {request_.topic(), {}});
    done(std::move(response));
  } else {
    submit_produce(*context_, *router_, request_, order_of(request_), std::move(done));
  }
  Lock lock(mutex_);
  handling_ = false;
  advance(std::move(lock));
}

// Only the thread that reads comes here, one request at a time.
std::shared_ptr<broker::ProduceOrder> ProduceStream::order_of(const v1::ProduceRequest& request) {
  if (!request.has_retry_round() || !request.has_partition()) return nullptr;
  return router_->order_of(request.topic(), request.partition());
}

void ProduceStream::answered(v1::ProduceResponse response, std::size_t size) {
  const auto failure = error_code_of(response);
  std::optional<std::chrono::milliseconds> pause;
  if (failure) {
    context_->metrics.failed(Method::kProduce, *failure);
    if (*failure == ErrorCode::kResourceExhausted) {
      pause = std::chrono::milliseconds(std::min(response.error().retry_delay_ms(), kPauseMaxMs));
    }
  } else {
    context_->metrics.answered(Method::kProduce);
  }
  grpc::Slice answer = serialized(response);
  Lock lock(mutex_);
  bytes_in_flight_ -= size;
  --at_broker_;
  if (broken_) {
    --requests_in_flight_;
  } else {
    answers_.push_back(std::move(answer));
  }
  if (paused_ || finished_) pause.reset();
  if (pause) paused_ = true;
  advance(std::move(lock));
  if (!pause) return;
  context_->metrics.read_paused();
  run_later(*pause, [hold = CallHold(this)] {
    Lock resumed(hold->mutex_);
    hold->paused_ = false;
    hold->advance(std::move(resumed));
  });
}

void ProduceStream::OnWriteDone(bool ok) {
  Lock lock(mutex_);
  writing_ = false;
  --requests_in_flight_;
  if (!ok) broken_ = true;
  advance(std::move(lock));
}

void ProduceStream::OnCancel() {
  Lock lock(mutex_);
  broken_ = true;
  advance(std::move(lock));
}

void ProduceStream::stop(const Error& why) {
  Lock lock(mutex_);
  input_over_ = true;
  if (status_.ok()) status_ = to_status(why);
  advance(std::move(lock));
}

ProduceStream::Next ProduceStream::next() {
  Next next;
  if (finished_) return next;
  if (broken_) {
    requests_in_flight_ -= answers_.size();
    answers_.clear();
    status_ = grpc::Status::CANCELLED;
    next.finish = !writing_ && acting_ == 0;
  } else {
    if (!writing_ && !answers_.empty()) {
      grpc::ByteBuffer answer(&answers_.front(), 1);
      outgoing_.Swap(&answer);
      answers_.pop_front();
      next.write = true;
      next.write_more_follows = !answers_.empty();
    }
    if (input_over_) {
      next.finish = !next.write && !writing_ && at_broker_ == 0 && !handling_ && acting_ == 0;
    } else {
      next.read = !reading_ && !handling_ && !paused_ &&
                  bytes_in_flight_ < context_->options.stream_bytes_max &&
                  requests_in_flight_ < context_->options.stream_requests_max;
    }
  }
  if (next.write) writing_ = true;
  if (next.read) reading_ = true;
  if (next.finish) finished_ = true;
  return next;
}

void ProduceStream::advance(Lock lock) {
  while (true) {
    const Next next = this->next();
    if (!next.read && !next.write && !next.finish) return;
    ++acting_;
    lock.unlock();
    if (next.finish) {
      Finish(status_);
      return;
    }
    if (next.write) {
      grpc::WriteOptions options;
      if (next.write_more_follows) options.set_buffer_hint();
      StartWrite(&outgoing_, options);
    }
    if (next.read) StartRead(&incoming_);
    lock.lock();
    --acting_;
  }
}

}  // namespace forebay::api
