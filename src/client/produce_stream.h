// One Produce stream to a broker, with batches as they are: no protobuf object holds their bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/shared_bytes.h"
#include "client/core/stored_batch.h"
#include "client/rpc_error.h"
#include "client/wire.h"
#include "forebay/producer.h"

namespace grpc {
class Channel;
}

namespace forebay::client {

class CompletionThread;

class ProduceStream {
 public:
  // Called on the stream's thread. Keeps itself alive as long as the stream
  // has it.
  class Listener {
   public:
    virtual ~Listener() = default;
    // `leader`: who wrote it, when that was another node than this stream's; else empty.
    virtual void on_ack(std::uint64_t correlation, const StoredBatch& stored, std::string_view leader) = 0;
    virtual void on_refusal(std::uint64_t correlation, const Error& error) = 0;
    virtual void on_write_done() = 0;
    // `connected`: there was a connection, so that the node may have got what was sent. What gRPC says of
    // each write does not tell: one that has arrived is called failed when the stream ends at that moment.
    virtual void on_closed(const Error& error, bool connected) = 0;
    // The last call: the stream object is destroyed.
    virtual void on_destroyed() = 0;
  };

  // The thread ends after the stream. `client_id`: of all its requests.
  [[nodiscard]] static std::shared_ptr<ProduceStream> open(const std::string& server,
                                                           const std::string& client_id,
                                                           CompletionThread& thread,
                                                           std::shared_ptr<Listener> listener);
  virtual ~ProduceStream() = default;
  // Any thread. Requires: the last write is done. After the end of the stream it does nothing: on_closed() is
  // near.
  virtual void send(const ProduceHead& head, const SharedBytes& batch) = 0;
  // Any thread. Ends the stream soon; what was sent may have arrived or not.
  virtual void cancel() = 0;
  // For the owner to keep until on_destroyed() has come, and to let go on a thread of its own: when the last
  // channel in the process goes, gRPC joins threads of its own.
  [[nodiscard]] virtual std::shared_ptr<grpc::Channel> channel() const = 0;
};

}  // namespace forebay::client
