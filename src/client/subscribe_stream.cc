#include "client/subscribe_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/client_callback.h>

#include <mutex>
#include <utility>

#include "client/grpc_slices.h"
#include "client/rpc_error.h"
#include "client/wire.h"
#include "forebay/v1/log.pb.h"

namespace forebay::client {
namespace {

constexpr const char* kMethod = "/forebay.v1.Log/Subscribe";

grpc::ByteBuffer serialized(const SubscribeStream::Request& request) {
  v1::SubscribeRequest message;
  message.set_topic(request.partition.topic);
  message.set_partition(request.partition.partition);
  message.set_offset(request.offset);
  message.set_max_bytes(static_cast<std::uint32_t>(request.response_bytes_max));
  message.set_shape(v1::SHAPE_RAW);
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

class GrpcSubscribeStream final : public SubscribeStream,
                                  private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  GrpcSubscribeStream(std::shared_ptr<grpc::Channel> channel, std::string server, std::uint64_t id,
                      const Request& request, std::shared_ptr<Listener> listener)
      : channel_(std::move(channel)),
        server_(std::move(server)),
        id_(id),
        stub_(channel_),
        listener_(std::move(listener)),
        request_(serialized(request)) {}

  void start(std::shared_ptr<GrpcSubscribeStream> self) {
    self_ = std::move(self);
    stub_.PrepareBidiStreamingCall(&context_, kMethod, {}, this);
    AddHold();  // reads come from outside of gRPC's callbacks, with none under way at times
    StartWriteLast(&request_, {});
    StartRead(&incoming_);
    StartCall();
  }

  void fetch() override {
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      reading_ = true;
    }
    StartRead(&incoming_);
  }

  void cancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    context_.TryCancel();
    end_reading([this] { return !reading_; });
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      end_reading([this] {
        reading_ = false;
        return true;
      });
      return;
    }
    auto response = parse_fetch_response(scattered(incoming_));
    incoming_.Clear();
    bool cancelled = false;
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
      cancelled = cancelled_;
    }
    // This response was on its way when cancel() came, which left the end of the stream to it.
    if (cancelled) end_reading([] { return true; });
    if (!response) {
      parse_failure_ = std::move(response).error();
      cancel();
      return;
    }
    listener_->on_response(id_, std::move(*response));
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);  // may be the last owner
    std::optional<RpcError> error;
    if (parse_failure_) {
      error = RpcError{{ErrorCode::kUnsupported, server_ + ": " + parse_failure_->context},
                       false,
                       std::nullopt,
                       std::nullopt};
    } else if (!status.ok()) {
      error = rpc_error_of(status, server_);
    }
    const auto listener = std::move(listener_);
    listener->on_ended(id_, error);
  }

  // Lets the stream end, once, when `may_end` says under the lock that no read is under way: none will be
  // started then.
  template <typename MayEnd>
  void end_reading(MayEnd may_end) {
    {
      const std::lock_guard lock(mutex_);
      if (over_ || !may_end()) return;
      over_ = true;
    }
    RemoveHold();
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::string server_;
  const std::uint64_t id_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<GrpcSubscribeStream> self_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer incoming_;
  std::optional<Error> parse_failure_;  // written before, read after the stream's end
  std::mutex mutex_;
  bool reading_ = true;
  bool cancelled_ = false;
  bool over_ = false;  // the hold is given back
};

}  // namespace

std::shared_ptr<SubscribeStream> SubscribeStream::open(std::shared_ptr<grpc::Channel> channel,
                                                       const std::string& server, std::uint64_t id,
                                                       const Request& request,
                                                       std::shared_ptr<Listener> listener) {
  auto* made = new GrpcSubscribeStream(std::move(channel), server, id, request, listener);
  std::shared_ptr<GrpcSubscribeStream> stream(
      made, [id, listener = std::move(listener)](GrpcSubscribeStream* over) {
        delete over;
        listener->on_destroyed(id);
      });
  stream->start(stream);
  return stream;
}

}  // namespace forebay::client
