// One Subscribe stream to a broker, over gRPC's callback API. A response is fetched when it is asked for;
// until then HTTP/2's flow control holds the broker back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/core/fetched.h"
#include "forebay/types.h"

namespace grpc {
class Channel;
}

namespace forebay::client {

class SubscribeStream {
 public:
  // Called on gRPC's threads, one call at a time per stream.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_response(std::uint64_t stream, FetchedResponse response) = 0;
    // No error: the broker ended the stream, or cancel() was called.
    virtual void on_ended(std::uint64_t stream, const std::optional<RpcError>& error) = 0;
    // The last call: the stream object is destroyed. Until then the owner keeps the channel (see
    // ProduceStream::channel).
    virtual void on_destroyed(std::uint64_t stream) = 0;
  };

  struct Request {
    TopicPartition partition;
    std::int64_t offset = 0;
    std::size_t response_bytes_max = 0;
  };
  // `id` is what the listener is told. Fetches the first response by itself.
  [[nodiscard]] static std::shared_ptr<SubscribeStream> open(std::shared_ptr<grpc::Channel> channel,
                                                             const std::string& server, std::uint64_t id,
                                                             const Request& request,
                                                             std::shared_ptr<Listener> listener);
  virtual ~SubscribeStream() = default;
  // Any thread. Requires: the response that was asked for before has come.
  virtual void fetch() = 0;
  // Any thread. on_ended() comes soon.
  virtual void cancel() = 0;
};

}  // namespace forebay::client
