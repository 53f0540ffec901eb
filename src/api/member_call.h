// One Join stream: a member of a consumer group. Its first message joins; the coordinator is the one of this
// node, or the stream ends with NOT_LEADER and where it is: a member's stream is not sent on, for it lives as
// long as the member. What comes is handed to the coordinator in order, what it says goes out in order.
//
// Bounded: a message is read when what the one before asked for is on its way, and no more than
// kUnansweredMax are; answers that the client does not take are kept up to kWaitingMax, then the stream ends:
// the member comes back with its id. Thread rules: reactions come on gRPC's threads, answers on the
// coordinator's shard; one mutex, held for a few instructions and never while gRPC or the broker is called.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/context.h"
#include "forebay/v1/groups.pb.h"
#include "group/coordinator.h"

namespace forebay::api {

class MemberCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>, public OpenCall {
 public:
  MemberCall(ContextPtr context, const grpc::CallbackServerContext& call);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void stop(const Error& why) override;

 private:
  class Stream;
  struct Next {
    bool read = false;
    bool write = false;
    bool finish = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  void handle(const v1::MemberRequest& request);
  void join(const v1::JoinGroup& request);
  void joined(const Result<group::Joined>& result, group::GroupEpoch epoch);
  void released(const group::Coordinator& coordinator, const Result<group::ReleaseOutcome>& outcome);
  void commit(const v1::Commit& request);
  // On the coordinator of the group, for this member; `ask` answers by calling request_done().
  template <typename Ask>
  void ask(Ask ask);
  void request_done(const Result<void>& result);
  void say(const v1::MemberUpdate& update);
  void end(const Error& why);
  void detach();
  [[nodiscard]] Next next();
  void advance(Lock lock);

  const ContextPtr context_;
  const std::string host_;     // of the client
  grpc::ByteBuffer incoming_;  // owned by gRPC while reading_
  grpc::ByteBuffer outgoing_;  // owned by gRPC while writing_

  std::mutex mutex_;
  std::string group_;                     // once it has asked to join
  std::optional<group::Joined> member_;   // once it has joined
  std::shared_ptr<Stream> stream_;        // that the coordinator has
  std::deque<grpc::ByteBuffer> waiting_;  // to go out
  std::size_t unanswered_ = 0;            // of what it asked for
  bool joining_ = false;
  int acting_ = 0;  // threads between next() and the end of its call into gRPC: no Finish may overtake them
  bool reading_ = false;
  bool handling_ = false;
  bool writing_ = false;
  bool ended_ = false;   // nothing more is said than what waits
  bool broken_ = false;  // the client is gone
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace forebay::api
