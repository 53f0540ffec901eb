#include "client/produce_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/client_callback.h>

#include <mutex>
#include <utility>

#include "client/connection.h"
#include "client/grpc_slices.h"
#include "forebay/v1/log.pb.h"

namespace forebay::client {
namespace {

constexpr const char* kMethod = "/forebay.v1.Log/Produce";

// Before a call has a connection gRPC names its target instead of an address.
bool is_address(const std::string& peer) { return peer.starts_with("ipv4:") || peer.starts_with("ipv6:"); }

class GrpcProduceStream final : public ProduceStream,
                                private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  GrpcProduceStream(const std::string& server, std::shared_ptr<Listener> listener)
      : server_(server), channel_(open_channel(server)), stub_(channel_), listener_(std::move(listener)) {}

  void start(std::shared_ptr<GrpcProduceStream> self) {
    self_ = std::move(self);
    stub_.PrepareBidiStreamingCall(&context_, kMethod, {}, this);
    // Writes come from outside of gRPC's callbacks. The hold goes when no write is under way and none will
    // come, so that the object cannot end under a write.
    AddHold();
    StartRead(&incoming_);
    StartCall();
  }

  void send(const ProduceHead& head, const SharedBytes& batch) override {
    const grpc::Slice slices[] = {grpc::Slice(encode_produce_head(head)), slice_of(batch)};
    {
      const std::lock_guard lock(mutex_);
      if (read_over_) return;
      outgoing_ = grpc::ByteBuffer(slices, 2);
      writing_ = true;
    }
    StartWrite(&outgoing_);
  }

  void cancel() override { context_.TryCancel(); }
  std::shared_ptr<grpc::Channel> channel() const override { return channel_; }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      bool over = false;
      {
        const std::lock_guard lock(mutex_);
        read_over_ = true;
        over = !writing_;  // else the end of that write lets go
      }
      if (over) RemoveHold();
      return;
    }
    response_.Clear();
    // Deserialize empties the buffer.
    if (grpc::SerializationTraits<v1::ProduceResponse>::Deserialize(&incoming_, &response_).ok()) answered();
    StartRead(&incoming_);
  }

  void answered() {
    if (response_.has_error()) {
      RpcError failure = rpc_error_of(response_.error());
      listener_->on_refusal(response_.correlation_id(), failure.error);
      return;
    }
    if (response_.ack().partitions_size() != 1) {
      listener_->on_refusal(
          response_.correlation_id(),
          Error{ErrorCode::kInternal, server_ + ": an acknowledgement of " +
                                          std::to_string(response_.ack().partitions_size()) +
                                          " partitions for one batch"});
      return;
    }
    const v1::PartitionAck& ack = response_.ack().partitions(0);
    listener_->on_ack(response_.correlation_id(),
                      {.partition = ack.partition(),
                       .offset = ack.base_offset(),
                       .append_time_ms = ack.append_time_ms(),
                       .term = ack.term(),
                       .flushed = ack.durability().flushed(),
                       .replicas_flushed = ack.durability().replicas_flushed(),
                       .replicas_total = ack.durability().replicas_total()},
                      response_.ack().leader());
  }

  void OnWriteDone(bool) override {
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      over = read_over_;
    }
    listener_->on_write_done();
    if (over) RemoveHold();  // the end of the stream is told after this write
  }

  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);  // may be the last owner
    Error error{ErrorCode::kUnavailable, server_ + ": the broker ended the stream"};
    if (!status.ok()) error = rpc_error_of(status, server_).error;
    const auto listener = std::move(listener_);
    listener->on_closed(error, is_address(context_.peer()));
  }

  const std::string server_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<GrpcProduceStream> self_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  v1::ProduceResponse response_;
  std::mutex mutex_;
  bool read_over_ = false;
  bool writing_ = false;
};

}  // namespace

std::shared_ptr<ProduceStream> ProduceStream::open(const std::string& server,
                                                   std::shared_ptr<Listener> listener) {
  auto* made = new GrpcProduceStream(server, listener);
  std::shared_ptr<GrpcProduceStream> stream(made, [listener = std::move(listener)](GrpcProduceStream* over) {
    delete over;
    listener->on_destroyed();
  });
  stream->start(stream);
  return stream;
}

}  // namespace forebay::client
