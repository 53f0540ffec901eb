#include "client/member_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <mutex>
#include <utility>

#include "client/member_wire.h"
#include "client/rpc_error.h"
#include "forebay/v1/groups.grpc.pb.h"

namespace forebay::client {
namespace {

class GrpcMemberStream final : public MemberStream,
                               private grpc::ClientBidiReactor<v1::MemberRequest, v1::MemberUpdate> {
 public:
  GrpcMemberStream(std::shared_ptr<grpc::Channel> channel, std::string server, std::uint64_t id,
                   std::shared_ptr<Listener> listener)
      : channel_(std::move(channel)),
        server_(std::move(server)),
        id_(id),
        stub_(v1::Groups::NewStub(channel_)),
        listener_(std::move(listener)) {}

  void start(std::shared_ptr<GrpcMemberStream> self) {
    self_ = std::move(self);
    stub_->async()->Join(&context_, this);
    AddHold();  // writes come from outside of gRPC's callbacks
    StartRead(&incoming_);
    StartCall();
  }

  void say(const MemberWords& words) override {
    v1::MemberRequest request;
    put_words(words, request);
    const std::lock_guard lock(mutex_);
    if (over_) return;
    waiting_.push_back(std::move(request));
    write_next();
  }

  void cancel() override { context_.TryCancel(); }

 private:
  // Under the lock, so that the hold is not given back meanwhile. gRPC calls back on another thread.
  void write_next() {
    if (writing_ || waiting_.empty()) return;
    outgoing_ = std::move(waiting_.front());
    waiting_.pop_front();
    writing_ = true;
    StartWrite(&outgoing_);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok && !over_) write_next();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        const std::lock_guard lock(mutex_);
        over_ = true;
      }
      RemoveHold();
      return;
    }
    if (incoming_.has_ended()) {
      ended_ = rpc_error_of(incoming_.ended());
    } else if (const auto words = words_of(incoming_)) {
      listener_->on_words(id_, *words);
    }
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);  // may be the last owner
    std::optional<RpcError> error = std::move(ended_);
    if (!error && !status.ok()) error = rpc_error_of(status, server_);
    const auto listener = std::move(listener_);
    listener->on_ended(id_, error);
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::string server_;
  const std::uint64_t id_;
  const std::unique_ptr<v1::Groups::Stub> stub_;
  grpc::ClientContext context_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<GrpcMemberStream> self_;
  v1::MemberUpdate incoming_;
  std::optional<RpcError> ended_;  // as the broker said it in its last message
  std::mutex mutex_;
  v1::MemberRequest outgoing_;
  std::deque<v1::MemberRequest> waiting_;
  bool writing_ = false;
  bool over_ = false;
};

}  // namespace

std::shared_ptr<MemberStream> MemberStream::open(std::shared_ptr<grpc::Channel> channel,
                                                 const std::string& server, std::uint64_t id,
                                                 std::shared_ptr<Listener> listener) {
  auto* made = new GrpcMemberStream(std::move(channel), server, id, listener);
  std::shared_ptr<GrpcMemberStream> stream(made,
                                           [id, listener = std::move(listener)](GrpcMemberStream* over) {
                                             delete over;
                                             listener->on_destroyed(id);
                                           });
  stream->start(stream);
  return stream;
}

}  // namespace forebay::client
