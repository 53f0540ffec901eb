#include "api/subscribe_stream.h"

#include <algorithm>
#include <utility>

#include "api/errors.h"
#include "api/later.h"
#include "api/messages.h"

namespace forebay::api {
namespace {

// Until others have taken some of their answers.
constexpr std::chrono::milliseconds kBudgetRetry{20};
constexpr std::uint32_t kRetryMaxMs = 1000;
// At a leader; short enough that one that hangs is noticed.
constexpr std::chrono::milliseconds kRelayWait{20'000};
constexpr std::chrono::milliseconds kRelaySlack{5'000};

}  // namespace

SubscribeStream::SubscribeStream(ContextPtr context, const grpc::CallbackServerContext& call)
    : OpenCall(context->calls),
      context_(std::move(context)),
      budget_{context_->answers, context_->shares.of(call.peer())} {
  StartSendInitialMetadata();  // the client learns at once that it is subscribed
  if (!enlist()) stop(stopping_error());
}

void SubscribeStream::start(const grpc::ByteBuffer& request) {
  const auto message = read_message<v1::SubscribeRequest>(request);
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
  Lock lock(mutex_);
  fetching_ = false;
  advance(std::move(lock));
}

void SubscribeStream::fetch() {
  std::uint64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    count = ++fetch_count_;
  }
  auto ticket = context_->broker.fetch(
      question_.request, [hold = CallHold(this)](auto result) { hold->fetched(std::move(result)); });
  keep(count, std::move(ticket));
}

void SubscribeStream::keep(std::uint64_t count, std::shared_ptr<broker::FetchTicket> ticket) {
  {
    const std::lock_guard lock(mutex_);
    // Answered already, and maybe the next one asked: the ticket is history.
    if (count != fetch_count_ || !fetching_) return;
    if (!broken_ && !end_) {
      ticket_ = std::move(ticket);
      return;
    }
  }
  if (ticket != nullptr) ticket->cancel();
}

void SubscribeStream::fetch_from_leader(const Error& refusal) {
  std::uint64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    count = fetch_count_;
  }
  v1::FetchRequest request;
  request.set_topic(question_.request.topic);
  request.set_partition(question_.request.partition.value());
  request.set_offset(question_.request.offset.value());
  request.set_max_bytes(question_.request.bytes_max);
  request.set_max_wait_ms(static_cast<std::uint32_t>(kRelayWait.count()));
  request.set_shape(question_.shape == AnswerShape::kRaw ? v1::SHAPE_RAW : v1::SHAPE_PLAIN);
  grpc::ByteBuffer bytes;
  write_message(request, &bytes);
  keep(count, context_->forwarder.send(refusal.leader, kFetchPath, std::move(bytes),
                                       std::chrono::system_clock::now() + kRelayWait + kRelaySlack,
                                       [hold = CallHold(this), refusal](Forwarded outcome) {
                                         hold->relay(std::move(outcome), refusal);
                                       }));
}

void SubscribeStream::relay(Forwarded outcome, const Error& refusal) {
  {
    Lock lock(mutex_);
    ++fetch_count_;
    ticket_.reset();
    if (finished_ || broken_ || end_) {
      fetching_ = false;
      advance(std::move(lock));
      return;
    }
  }
  if (outcome.fate != Forwarded::Fate::kAnswered || !outcome.status.ok()) {
    if (auto detail = detail_in(outcome.status)) return end_with(std::move(*detail));
    return fail(forward_failure(outcome, refusal, Effect::kReads));
  }
  const auto response = read_message<v1::FetchResponse>(outcome.bytes);
  if (!response) return fail({ErrorCode::kInternal, "the leader's answer makes no sense"});
  const model::Offset next(response->next_offset());
  if (response->batches().empty() && response->records().empty() && next == question_.request.offset)
    return fetch_again_after(std::chrono::milliseconds(0));
  append_field(outcome.bytes, v1::FetchResponse::kLeaderFieldNumber, refusal.leader);
  prefetched(charge(std::move(outcome.bytes), budget_), next);
}

void SubscribeStream::fetched(Result<broker::FetchResult> result) {
  {
    Lock lock(mutex_);
    ++fetch_count_;
    ticket_.reset();
    if (finished_ || broken_ || end_) {
      fetching_ = false;
      advance(std::move(lock));
      return;
    }
  }
  if (!result) {
    if (result.error().code == ErrorCode::kResourceExhausted) {
      fetch_again_after(
          std::chrono::milliseconds(std::clamp(result.error().retry_after_ms, 20U, kRetryMaxMs)));
    } else if (result.error().code == ErrorCode::kNotLeader && !result.error().leader.empty()) {
      fetch_from_leader(result.error());
    } else {
      fail(result.error());
    }
    return;
  }
  if (result->frames.empty() && result->next_offset == question_.request.offset) {  // the wait is over
    fetch_again_after(std::chrono::milliseconds(0));
  } else if (is_for_grpc_thread(question_, *result)) {
    run_on_grpc_thread(
        [hold = CallHold(this), answer = std::move(*result)]() mutable { hold->encode(std::move(answer)); });
  } else {
    encode(std::move(*result));
  }
}

void SubscribeStream::encode(broker::FetchResult result) {
  if (question_.shape == AnswerShape::kRaw) {
    const model::Offset next_offset = result.next_offset;
    prefetched(encode_raw_response(std::move(result), budget_), next_offset);
    return;
  }
  auto response = decode_plain_response(result, question_.request.offset, question_.request.bytes_max,
                                        context_->options.decompressed_bytes_max);
  if (!response) {
    fail(response.error());
    return;
  }
  prefetched(encode_message(*response, budget_), model::Offset(response->next_offset()));
}

void SubscribeStream::prefetched(std::optional<grpc::ByteBuffer> answer, model::Offset next_offset) {
  if (!answer) {
    fetch_again_after(kBudgetRetry);
    return;
  }
  question_.request.offset = next_offset;
  Lock lock(mutex_);
  ready_.emplace();
  ready_->Swap(&*answer);
  fetching_ = false;
  advance(std::move(lock));
}

void SubscribeStream::fail(const Error& error) {
  fetch_failure(*context_, error, question_.request.topic, question_.request.partition,
                [hold = CallHold(this)](v1::ErrorDetail detail) { hold->end_with(std::move(detail)); });
}

// Requires: fetching_ is the caller's.
void SubscribeStream::end_with(v1::ErrorDetail detail) {
  Lock lock(mutex_);
  if (!end_) end_ = std::move(detail);
  fetching_ = false;
  advance(std::move(lock));
}

void SubscribeStream::fetch_again_after(std::chrono::milliseconds delay) {
  auto again = [hold = CallHold(this)] {
    Lock lock(hold->mutex_);
    hold->fetching_ = false;
    hold->advance(std::move(lock));
  };
  if (delay.count() == 0) {
    again();
  } else {
    run_later(delay, std::move(again));
  }
}

void SubscribeStream::OnWriteDone(bool ok) {
  Lock lock(mutex_);
  writing_ = false;
  if (!ok) broken_ = true;
  advance(std::move(lock));
}

void SubscribeStream::OnCancel() {
  Lock lock(mutex_);
  broken_ = true;
  advance(std::move(lock));
}

void SubscribeStream::stop(const Error& why) {
  Lock lock(mutex_);
  if (!end_) end_ = to_detail(why, {});
  advance(std::move(lock));
}

SubscribeStream::Next SubscribeStream::next() {
  Next next;
  if (finished_) return next;
  if (broken_ || end_) next.cancel = std::exchange(ticket_, nullptr);
  if (broken_) {
    ready_.reset();
    next.leave = !writing_ && acting_ == 0;
  } else {
    if (ready_ && !writing_) {
      outgoing_.Swap(&*ready_);
      ready_.reset();
      next.write = true;
    }
    if (end_) {
      next.end = !fetching_ && !next.write && !writing_ && acting_ == 0;
    } else {
      next.fetch = !fetching_ && !ready_;
    }
  }
  if (next.write) writing_ = true;
  if (next.fetch) fetching_ = true;
  if (next.end || next.leave) finished_ = true;
  return next;
}

void SubscribeStream::advance(Lock lock) {
  while (true) {
    const Next next = this->next();
    if (next.nothing()) return;
    ++acting_;
    lock.unlock();
    if (next.cancel != nullptr) next.cancel->cancel();
    if (next.leave) {  // by the client: how every subscription should end
      context_->metrics.answered(Method::kSubscribe);
      Finish(grpc::Status::CANCELLED);
      return;
    }
    if (next.end) {
      write_end();
      return;
    }
    if (next.fetch) fetch();  // first: the shard reads while this thread sends
    if (next.write) {
      context_->metrics.sent(outgoing_.Length());
      StartWrite(&outgoing_);
    }
    lock.lock();
    --acting_;
  }
}

void SubscribeStream::write_end() {
  context_->metrics.failed(Method::kSubscribe, static_cast<ErrorCode>(end_->reason()));
  v1::FetchResponse last;
  last.set_next_offset(question_.request.offset.value());
  *last.mutable_error() = *end_;
  grpc::ByteBuffer bytes;
  write_message(last, &bytes);
  outgoing_.Swap(&bytes);
  StartWriteAndFinish(&outgoing_, {}, to_status(*end_));
}

}  // namespace forebay::api
