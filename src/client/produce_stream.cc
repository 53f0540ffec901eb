#include "client/produce_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_stream.h>

#include <mutex>
#include <utility>

#include "client/completion_thread.h"
#include "client/connection.h"
#include "client/grpc_slices.h"
#include "forebay/v1/log.pb.h"

namespace forebay::client {
namespace {

constexpr const char* kMethod = "/forebay.v1.Log/Produce";

// Before a call has a connection gRPC names its target instead of an address.
bool is_address(const std::string& peer) { return peer.starts_with("ipv4:") || peer.starts_with("ipv6:"); }

// Ends when nothing more is read and no write is under way, so that it cannot end under a write.
class GrpcProduceStream final : public ProduceStream {
 public:
  GrpcProduceStream(const std::string& server, const std::string& client_id, grpc::CompletionQueue& queue,
                    std::shared_ptr<Listener> listener)
      : server_(server),
        client_id_(client_id),
        channel_(open_channel(server)),
        call_(grpc::GenericStub(channel_).PrepareCall(&context_, kMethod, &queue)),
        listener_(std::move(listener)) {}

  void start(std::shared_ptr<GrpcProduceStream> self) {
    self_ = std::move(self);
    call_->StartCall(&started_);
  }

  void send(const ProduceHead& head, const SharedBytes& batch) override {
    ProduceHead first = head;
    if (!said_who_) first.client_id = client_id_;
    said_who_ = true;
    const grpc::Slice slices[] = {grpc::Slice(encode_produce_head(first)), slice_of(batch)};
    {
      const std::lock_guard lock(mutex_);
      if (read_over_) return;
      outgoing_ = grpc::ByteBuffer(slices, 2);
      writing_ = true;
      if (!has_started_) return;
    }
    call_->Write(outgoing_, &written_);
  }

  void cancel() override { context_.TryCancel(); }
  std::shared_ptr<grpc::Channel> channel() const override { return channel_; }

 private:
  using Handler = void (GrpcProduceStream::*)(bool ok);
  class Event final : public CompletionThread::Event {
   public:
    Event(GrpcProduceStream& stream, Handler handler) : stream_(stream), handler_(handler) {}
    void complete(bool ok) override { (stream_.*handler_)(ok); }

   private:
    GrpcProduceStream& stream_;
    const Handler handler_;
  };

  // Before this nothing may be written. What then fails is told by the end of the call.
  void on_started(bool ok) {
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      has_started_ = true;
      write = writing_;
    }
    if (write) call_->Write(outgoing_, &written_);
    if (!ok) return read_is_over();
    call_->Read(&incoming_, &read_);
  }

  void on_read(bool ok) {
    if (!ok) return read_is_over();
    response_.Clear();
    // Deserialize empties the buffer.
    if (grpc::SerializationTraits<v1::ProduceResponse>::Deserialize(&incoming_, &response_).ok()) answered();
    call_->Read(&incoming_, &read_);
  }

  void read_is_over() {
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      read_over_ = true;
      over = !writing_;  // else the end of that write ends the call
    }
    if (over) call_->Finish(&status_, &finished_);
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
    std::vector<RecordFault> quarantined;
    for (const v1::RecordFault& one : ack.quarantined()) quarantined.push_back({one.index(), one.text()});
    listener_->on_ack(response_.correlation_id(),
                      {Ack{.partition = ack.partition(),
                           .offset = ack.base_offset(),
                           .append_time_ms = ack.append_time_ms(),
                           .term = ack.term(),
                           .flushed = ack.durability().flushed(),
                           .replicas_flushed = ack.durability().replicas_flushed(),
                           .replicas_total = ack.durability().replicas_total(),
                           .duplicate = ack.duplicate()},
                       std::move(quarantined)},
                      response_.ack().leader());
  }

  void on_written(bool) {
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      over = read_over_;
    }
    listener_->on_write_done();
    if (over) call_->Finish(&status_, &finished_);  // the end of the stream is told after this write
  }

  void on_finished(bool) {
    const auto self = std::move(self_);  // may be the last owner
    Error error{ErrorCode::kUnavailable, server_ + ": the broker ended the stream"};
    if (!status_.ok()) error = rpc_error_of(status_, server_).error;
    const auto listener = std::move(listener_);
    listener->on_closed(error, is_address(context_.peer()));
  }

  const std::string server_;
  const std::string client_id_;
  bool said_who_ = false;  // of whoever sends
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  Event started_{*this, &GrpcProduceStream::on_started};
  Event read_{*this, &GrpcProduceStream::on_read};
  Event written_{*this, &GrpcProduceStream::on_written};
  Event finished_{*this, &GrpcProduceStream::on_finished};
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<GrpcProduceStream> self_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  grpc::Status status_;
  v1::ProduceResponse response_;
  std::mutex mutex_;
  bool has_started_ = false;
  bool read_over_ = false;
  bool writing_ = false;
};

}  // namespace

std::shared_ptr<ProduceStream> ProduceStream::open(const std::string& server, const std::string& client_id,
                                                   CompletionThread& thread,
                                                   std::shared_ptr<Listener> listener) {
  auto* made = new GrpcProduceStream(server, client_id, thread.queue(), listener);
  std::shared_ptr<GrpcProduceStream> stream(made, [listener = std::move(listener)](GrpcProduceStream* over) {
    delete over;
    listener->on_destroyed();
  });
  stream->start(stream);
  return stream;
}

}  // namespace forebay::client
