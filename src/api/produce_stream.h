// One Produce stream. Requests are read one after the other and handed to the broker in that order; answers
// go out as they come, one write in flight, the next ones marked so that gRPC joins them into one packet.
//
// Bounded: past `stream_bytes_max` of unanswered requests, or `stream_requests_max` whose answer has not
// left, the stream is not read on, and HTTP/2 flow control holds the client back. After RESOURCE_EXHAUSTED it
// is not read on until the retry delay is over. Thread rules: reactions come on gRPC's threads, answers on
// the shards'; one mutex, held for a few instructions and never while gRPC or the broker is called.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/slice.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/context.h"
#include "api/produce_router.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {

class ProduceStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public OpenCall {
 public:
  ProduceStream(ContextPtr context, const grpc::CallbackServerContext& call);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { release(); }
  void stop(const Error& why) override;

 private:
  // What is to be done with gRPC once the mutex is released.
  struct Next {
    bool read = false;
    bool write = false;
    bool write_more_follows = false;
    bool finish = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  void request_read(std::size_t size);
  [[nodiscard]] std::shared_ptr<broker::ProduceOrder> order_of(const v1::ProduceRequest& request);
  void answered(v1::ProduceResponse response, std::size_t size);
  // The state machine: what the state calls for. Under the mutex.
  [[nodiscard]] Next next();
  // Does it, until nothing is called for. To be called after every change; the caller holds the call alive.
  void advance(Lock lock);

  const ContextPtr context_;
  grpc::ByteBuffer incoming_;             // owned by gRPC while reading_
  v1::ProduceRequest request_;            // of the read that is being handled; reused
  std::optional<std::string> client_id_;  // of the first request
  const std::shared_ptr<ProduceRouter> router_;
  grpc::ByteBuffer outgoing_;  // owned by gRPC while writing_

  std::mutex mutex_;
  std::deque<grpc::Slice> answers_;
  std::size_t bytes_in_flight_ = 0;     // of requests that the broker has not answered
  std::size_t requests_in_flight_ = 0;  // whose answer has not left
  std::size_t at_broker_ = 0;
  int acting_ = 0;  // threads between next() and the end of its call into gRPC: no Finish may overtake them
  bool reading_ = false;
  bool handling_ = false;  // between the end of a read and the hand-over of its request
  bool writing_ = false;
  bool paused_ = false;      // until a retry delay is over
  bool input_over_ = false;  // the client half-closed, or nothing more is to be read
  bool broken_ = false;      // the client is gone
  bool finished_ = false;
  grpc::Status status_;  // how the stream will end
};

}  // namespace forebay::api
