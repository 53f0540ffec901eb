// A unary call that asks the broker one question. Ends exactly once: by the broker's answer, or before it
// when the client went away. Thread rules: any thread; whoever comes first finishes.
#pragma once

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
  UnaryCall(ContextPtr context, Method method)
      : OpenCall(context->calls), context_(std::move(context)), method_(method) {
    if (!enlist()) fail(stopping_error());
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
      if (!hold->claim()) return;
      if (!result) {
        hold->finish_failed(result.error());
        return;
      }
      Response message;
      fill(std::move(result).value(), &message);
      write_message(message, response);
      hold->finish_ok();
    };
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
  const ContextPtr context_;
  const Method method_;
  std::string topic_;
  std::optional<std::int32_t> partition_;
  std::atomic<bool> finished_{false};
};

}  // namespace forebay::api
