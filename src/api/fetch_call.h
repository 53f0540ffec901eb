// One unary Fetch: waits in the broker, answers with the stored bytes or with decoded records; or hands on
// what the partition's leader answers. Thread rules: any thread; the mutex guards what is not constant.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>

#include "api/context.h"
#include "api/fetch_request.h"
#include "api/fetch_response.h"

namespace forebay::api {

class FetchCall final : public grpc::ServerUnaryReactor, public OpenCall {
 public:
  // `response` belongs to gRPC and lives until the call is finished.
  FetchCall(ContextPtr context, const grpc::CallbackServerContext& call, grpc::ByteBuffer* response);
  // Once, right after construction. `request` is the message as it came.
  void start(const grpc::ByteBuffer& request);

  void OnCancel() override;
  void OnDone() override { release(); }
  void stop(const Error& why) override;

 private:
  // Who is asked: this node's broker first, then maybe the leader.
  enum class Asked : std::uint8_t { kBroker, kLeader };
  void keep(Asked asked, std::shared_ptr<broker::FetchTicket> ticket);
  void fetched(Result<broker::FetchResult> result);
  void forward(const Error& refusal);
  void relay(Forwarded outcome, const Error& refusal);
  void answer(broker::FetchResult result);
  void fail(const Error& error);
  void finish_with(std::optional<grpc::ByteBuffer> answer);
  // Returns: true for one caller only, who must finish then.
  [[nodiscard]] bool claim();

  const ContextPtr context_;
  const AnswerBudget budget_;
  const bool forwarded_;
  const Forwarder::Deadline deadline_;
  grpc::ByteBuffer* const response_;
  grpc::ByteBuffer request_;
  FetchQuestion question_;

  std::mutex mutex_;
  Asked asked_ = Asked::kBroker;
  std::shared_ptr<broker::FetchTicket> ticket_;  // of that
  std::optional<Error> stopped_;                 // why the wait was ended by us
  bool answered_ = false;                        // by the broker, or by the leader if that was asked
  bool finished_ = false;
};

}  // namespace forebay::api
