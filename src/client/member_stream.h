// One Join stream to a coordinator, over gRPC's callback API.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/core/fetched.h"
#include "client/core/member_words.h"

namespace grpc {
class Channel;
}

namespace forebay::client {

class MemberStream {
 public:
  // Called on gRPC's threads, one call at a time per stream; never inside a call to the stream.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_words(std::uint64_t stream, const CoordinatorWords& words) = 0;
    // No error: the broker ended it, as after leaving.
    virtual void on_ended(std::uint64_t stream, const std::optional<RpcError>& error) = 0;
    // The last call: the stream object is destroyed. Until then the owner keeps the channel (see
    // ProduceStream::channel).
    virtual void on_destroyed(std::uint64_t stream) = 0;
  };

  [[nodiscard]] static std::shared_ptr<MemberStream> open(std::shared_ptr<grpc::Channel> channel,
                                                          const std::string& server, std::uint64_t id,
                                                          std::shared_ptr<Listener> listener);
  virtual ~MemberStream() = default;
  // Any thread. In the order of the calls; after the end of the stream it does nothing.
  virtual void say(const MemberWords& words) = 0;
  // Any thread. on_ended() comes soon.
  virtual void cancel() = 0;
};

}  // namespace forebay::client
