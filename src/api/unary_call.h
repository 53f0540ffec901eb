// A unary call that asks the broker one question, or the node that leads what it is about. Ends exactly once:
// by the answer, or before it when the client went away. Thread rules: any thread; whoever comes first
// finishes.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <optional>
#include <utility>

#include "api/context.h"
#include "api/errors.h"
#include "api/messages.h"

namespace forebay::api {

class UnaryCall final : public grpc::ServerUnaryReactor, public OpenCall {
 public:
  UnaryCall(ContextPtr context, Method method, const grpc::CallbackServerContext& call)
      : OpenCall(context->calls),
        context_(std::move(context)),
        method_(method),
        forwarded_(is_forwarded(call)),
        deadline_(forward_deadline(call)) {
    if (!enlist()) fail(stopping_error());
  }

  // What this node refuses because another one leads it goes there: the whole request, as it came. `field`:
  // where the response says who answered; 0: it does not. Once, before the broker is asked.
  void forward_to_leader(const char* path, const grpc::ByteBuffer& request, Effect effect, int field = 0) {
    if (!forwarded_) route_.emplace(Route{path, request, effect, field});
  }

  // The request, or nothing when the call is over: the node is stopping, or the bytes are no such message.
  template <typename Request>
  [[nodiscard]] std::optional<Request> read(const grpc::ByteBuffer& bytes) {
    if (over()) return std::nullopt;
    auto request = read_message<Request>(bytes);
    if (request) return std::move(request).value();
    fail(request.error());
    return std::nullopt;
  }
  // A callback for the broker: `fill` makes the response of its answer; an error is answered by itself.
  // `response` belongs to gRPC and lives until the call is finished.
  template <typename Response, typename T, typename Fill>
  [[nodiscard]] auto answer(grpc::ByteBuffer* response, Fill fill) {
    return [hold = CallHold(this), response, fill = std::move(fill)](Result<T> result) mutable {
      if (!result) {
        if (!hold->forward(result.error(), response)) hold->fail(result.error());
        return;
      }
      if (!hold->claim()) return;
      Response message;
      fill(std::move(result).value(), &message);
      write_message(message, response);
      hold->finish_ok();
    };
  }
  // Returns: whether the request was sent on because of what this node said, and is answered later.
  [[nodiscard]] bool forward(const Error& refusal, grpc::ByteBuffer* response) {
    if (!route_ || !may_forward(refusal)) return false;
    context_->forwarder.send(refusal.leader, route_->path, route_->request, deadline_,
                             [hold = CallHold(this), refusal, response](Forwarded outcome) {
                               hold->relay(std::move(outcome), refusal, response);
                             });
    return true;
  }
  void fail(const Error& error) {
    if (claim()) finish_failed(error);
  }
  template <typename Response>
  void succeed(const Response& message, grpc::ByteBuffer* response) {
    if (!claim()) return;
    write_message(message, response);
    finish_ok();
  }
  // Returns: true for one caller only, who must finish then.
  [[nodiscard]] bool claim() { return !finished_.exchange(true, std::memory_order_acq_rel); }
  void finish_ok() {
    context_->metrics.answered(method_);
    Finish(grpc::Status::OK);
  }
  void finish_failed(const Error& error) {
    context_->metrics.failed(method_, error.code);
    Finish(to_status(error, {topic_, partition_}));
  }
  void finish_failed(const v1::ErrorDetail& detail, const v1::ProduceAck* acknowledged) {
    context_->metrics.failed(method_, static_cast<ErrorCode>(detail.reason()));
    Finish(to_status(detail, acknowledged));
  }
  [[nodiscard]] bool is_forwarded_here() const { return forwarded_; }
  [[nodiscard]] bool may_forward(const Error& refusal) const {
    return !forwarded_ && refusal.code == ErrorCode::kNotLeader && !refusal.leader.empty();
  }
  [[nodiscard]] Forwarder::Deadline deadline() const { return deadline_; }
  [[nodiscard]] bool over() const { return finished_.load(std::memory_order_acquire); }

  // What errors are about.
  void about(std::string_view topic, std::optional<std::int32_t> partition = {}) {
    topic_ = topic;
    partition_ = partition;
  }

  void OnCancel() override { fail({ErrorCode::kCancelled, "the client went away"}); }
  void OnDone() override { release(); }
  // The broker will answer, and answers soon.
  void stop(const Error& /*why*/) override {}

 private:
  struct Route {
    const char* path;
    grpc::ByteBuffer request;  // shares gRPC's slices, which live as long as the call anyway
    Effect effect;
    int leader_field;
  };
  // `refusal` of this node; the leader's answer goes out as it is.
  void relay(Forwarded outcome, const Error& refusal, grpc::ByteBuffer* response) {
    if (outcome.fate != Forwarded::Fate::kAnswered)
      return fail(forward_failure(outcome, refusal, route_->effect));
    if (!claim()) return;
    if (outcome.status.ok()) {
      if (route_->leader_field != 0) append_field(outcome.bytes, route_->leader_field, refusal.leader);
      response->Swap(&outcome.bytes);
      finish_ok();
      return;
    }
    context_->metrics.failed(method_, static_cast<ErrorCode>(detail_in(outcome.status)->reason()));
    Finish(outcome.status);
  }

  const ContextPtr context_;
  const Method method_;
  const bool forwarded_;
  const Forwarder::Deadline deadline_;
  std::optional<Route> route_;
  std::string topic_;
  std::optional<std::int32_t> partition_;
  std::atomic<bool> finished_{false};
};

}  // namespace forebay::api
