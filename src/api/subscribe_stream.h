// One Subscribe stream: fetches from the broker with a long wait, writes what comes, and fetches one answer
// ahead while the client takes the one before. So at most two answers are held, both counted in the budget,
// and a client that does not read holds only itself up.
// What another node leads is fetched from there in the same way; when the leader changes, from the next one.
// Ends by the client, or by an error: the last message and the status then both carry it.
// Thread rules: any thread; one mutex, never held while gRPC or the broker is called.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>

#include "api/context.h"
#include "api/fetch_request.h"
#include "api/fetch_response.h"

namespace forebay::api {

class SubscribeStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public OpenCall {
 public:
  SubscribeStream(ContextPtr context, const grpc::CallbackServerContext& call);
  // Once, right after construction.
  void start(const grpc::ByteBuffer& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { release(); }
  void stop(const Error& why) override;

 private:
  struct Next {
    bool write = false;
    bool fetch = false;
    bool end = false;    // with the error in end_
    bool leave = false;  // nobody is there any more
    std::shared_ptr<broker::FetchTicket> cancel;
    [[nodiscard]] bool nothing() const { return !write && !fetch && !end && !leave && cancel == nullptr; }
  };
  using Lock = std::unique_lock<std::mutex>;

  void fetch();
  void fetched(Result<broker::FetchResult> result);
  void fetch_from_leader(const Error& refusal);
  void relay(Forwarded outcome, const Error& refusal);
  void keep(std::uint64_t count, std::shared_ptr<broker::FetchTicket> ticket);
  void encode(broker::FetchResult result);
  // An answer is there; nothing when the budget is used up.
  void prefetched(std::optional<grpc::ByteBuffer> answer, model::Offset next_offset);
  void fail(const Error& error);
  void end_with(v1::ErrorDetail detail);
  void fetch_again_after(std::chrono::milliseconds delay);
  [[nodiscard]] Next next();
  void advance(Lock lock);
  void write_end();

  const ContextPtr context_;
  const AnswerBudget budget_;
  FetchQuestion question_;     // its offset moves on; touched by whoever has fetching_
  grpc::ByteBuffer outgoing_;  // owned by gRPC while writing_

  std::mutex mutex_;
  std::shared_ptr<broker::FetchTicket> ticket_;
  std::uint64_t fetch_count_ = 0;
  std::optional<grpc::ByteBuffer> ready_;  // goes out next
  std::optional<v1::ErrorDetail> end_;     // how the stream ends once ready_ is out
  int acting_ = 0;  // threads between next() and the end of its call outwards: no Finish may overtake them
  bool fetching_ = true;  // the broker is asked, or its answer is being decoded, or a retry waits
  bool writing_ = false;
  bool broken_ = false;  // the client is gone
  bool finished_ = false;
};

}  // namespace forebay::api
