#include "api/fetch_call.h"

#include <utility>

#include "api/errors.h"
#include "api/later.h"
#include "api/messages.h"

namespace forebay::api {

FetchCall::FetchCall(ContextPtr context, const grpc::CallbackServerContext& call, grpc::ByteBuffer* response)
    : OpenCall(context->calls),
      context_(std::move(context)),
      budget_{context_->answers, context_->shares.of(call.peer())},
      forwarded_(is_forwarded(call)),
      deadline_(forward_deadline(call)),
      response_(response) {
  (void)enlist();  // start() looks whether the node is stopping
}

void FetchCall::start(const grpc::ByteBuffer& request) {
  const auto message = read_message<v1::FetchRequest>(request);
  if (!message) {
    fail(message.error());
    return;
  }
  question_.request.topic = message->topic();
  question_.request.partition = model::PartitionIndex(message->partition());
  auto question = fetch_question(*message, context_->options);
  if (!question) {
    fail(question.error());
    return;
  }
  question_ = std::move(*question);
  if (context_->calls->stopping()) {
    fail(stopping_error());
    return;
  }
  request_ = request;
  keep(Asked::kBroker, context_->broker.fetch(question_.request, [hold = CallHold(this)](auto result) {
    hold->fetched(std::move(result));
  }));
}

void FetchCall::keep(Asked asked, std::shared_ptr<broker::FetchTicket> ticket) {
  bool cancel = false;
  {
    const std::lock_guard lock(mutex_);
    if (asked != asked_) return;  // the broker has answered meanwhile
    cancel = !answered_ && (stopped_ || finished_);
    if (!answered_) ticket_ = ticket;
  }
  if (cancel && ticket != nullptr) ticket->cancel();
}

void FetchCall::fetched(Result<broker::FetchResult> result) {
  if (!result && !forwarded_ && result.error().code == ErrorCode::kNotLeader &&
      !result.error().leader.empty())
    return forward(result.error());
  std::optional<Error> stopped;
  {
    const std::lock_guard lock(mutex_);
    answered_ = true;
    ticket_.reset();
    stopped = stopped_;
    if (finished_) return;
  }
  if (!result) {
    fail(stopped && result.error().code == ErrorCode::kCancelled ? *stopped : result.error());
  } else if (is_for_grpc_thread(question_, *result)) {
    run_on_grpc_thread(
        [hold = CallHold(this), answer = std::move(*result)]() mutable { hold->answer(std::move(answer)); });
  } else {
    answer(std::move(*result));
  }
}

void FetchCall::forward(const Error& refusal) {
  {
    const std::lock_guard lock(mutex_);
    asked_ = Asked::kLeader;
    ticket_.reset();
  }
  keep(Asked::kLeader, context_->forwarder.send(refusal.leader, kFetchPath, request_, deadline_,
                                                [hold = CallHold(this), refusal](Forwarded outcome) {
                                                  hold->relay(std::move(outcome), refusal);
                                                }));
}

void FetchCall::relay(Forwarded outcome, const Error& refusal) {
  std::optional<Error> stopped;
  {
    const std::lock_guard lock(mutex_);
    answered_ = true;
    ticket_.reset();
    stopped = stopped_;
    if (finished_) return;
  }
  if (outcome.fate != Forwarded::Fate::kAnswered) {
    const Error error = forward_failure(outcome, refusal, Effect::kReads);
    fail(stopped && error.code == ErrorCode::kCancelled ? *stopped : error);
  } else if (outcome.status.ok()) {
    append_field(outcome.bytes, v1::FetchResponse::kLeaderFieldNumber, refusal.leader);
    finish_with(charge(std::move(outcome.bytes), budget_));
  } else if (claim()) {
    context_->metrics.failed(Method::kFetch, static_cast<ErrorCode>(detail_in(outcome.status)->reason()));
    Finish(outcome.status);
  }
}

void FetchCall::answer(broker::FetchResult result) {
  if (question_.shape == AnswerShape::kRaw) {
    finish_with(encode_raw_response(std::move(result), budget_));
    return;
  }
  auto response = decode_plain_response(result, question_.request.offset, question_.request.bytes_max,
                                        context_->options.decompressed_bytes_max);
  if (!response) {
    fail(response.error());
    return;
  }
  finish_with(encode_message(*response, budget_));
}

void FetchCall::finish_with(std::optional<grpc::ByteBuffer> answer) {
  if (!answer) {
    fail({ErrorCode::kResourceExhausted, "too many bytes of answers wait for clients to take them", 100});
    return;
  }
  if (!claim()) return;
  context_->metrics.answered(Method::kFetch);
  context_->metrics.sent(answer->Length());
  response_->Swap(&*answer);
  Finish(grpc::Status::OK);
}

void FetchCall::fail(const Error& error) {
  fetch_failure(*context_, error, question_.request.topic, question_.request.partition,
                [hold = CallHold(this), code = error.code](v1::ErrorDetail detail) {
                  if (!hold->claim()) return;
                  hold->context_->metrics.failed(Method::kFetch, code);
                  hold->Finish(to_status(detail));
                });
}

bool FetchCall::claim() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(finished_, true);
}

void FetchCall::OnCancel() {
  std::shared_ptr<broker::FetchTicket> ticket;
  {
    const std::lock_guard lock(mutex_);
    ticket = std::move(ticket_);
  }
  if (ticket != nullptr) ticket->cancel();
  fail({ErrorCode::kCancelled, "the client went away"});
}

void FetchCall::stop(const Error& why) {
  std::shared_ptr<broker::FetchTicket> ticket;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = why;
    ticket = std::move(ticket_);
  }
  if (ticket != nullptr) ticket->cancel();
}

}  // namespace forebay::api
