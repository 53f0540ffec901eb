// The gRPC face of a node: the services Log and Admin of proto/forebay/v1, reflection and grpc.health.v1.
// It decodes, bounds sizes, asks the broker and encodes; it decides nothing.
//
// Bounds: one Produce stream holds at most `stream_bytes_max` of unanswered requests (then it is not read any
// further), a connection at most a quarter of `answer_bytes_max` of answers that the client does not take,
// all connections together `answer_bytes_max`; what gRPC itself buffers is bounded by
// `grpc_memory_bytes_max`. Thread rules: any thread, but one at a time for start, shutdown and the
// destructor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "broker/broker.h"
#include "runtime/executor.h"
#include "telemetry/metrics.h"

namespace forebay::schema {
class RegistryCalls;
}

namespace forebay::api {

// Up to so many cores one polling thread serves as much as two, and sooner.
inline constexpr std::uint32_t kOnePollerCoresMax = 2;

struct ApiOptions {
  // HOST:PORT or [IPv6]:PORT; port 0 takes any free one; every address that the host name has.
  std::string listen = "127.0.0.1:7400";
  // Of one request. An answer may be larger: one batch comes whatever its size.
  std::size_t message_bytes_max = 16U << 20;
  std::uint32_t connections_max = 10'000;
  std::uint32_t streams_per_connection_max = 128;
  // Produce: unanswered requests of one stream; one request of any size is always taken.
  std::size_t stream_bytes_max = 16U << 20;
  std::uint32_t stream_requests_max = 1024;
  // Fetch and Subscribe: encoded answers that clients have not taken yet.
  std::size_t answer_bytes_max = 256U << 20;
  std::uint32_t fetch_bytes_max = 16U << 20;    // what a request's max_bytes is cut to
  std::chrono::milliseconds wait_max{300'000};  // what a request's max_wait_ms is cut to
  // Plain shape: bound of a batch's records when decompressed.
  std::size_t decompressed_bytes_max = 64U << 20;
  std::size_t grpc_memory_bytes_max = 256U << 20;
  // A connection that has not spoken HTTP/2 by then is closed; one whose peer does not answer a ping, too.
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds keepalive_interval{30'000};
  std::chrono::milliseconds keepalive_timeout{20'000};
  // One of gRPC's polling threads is enough (parked_poller.h).
  bool one_poller = false;
};

class ApiServer {
 public:
  // Listens and serves from here on; health says NOT_SERVING until set_ready. `broker`, `clock` and `metrics`
  // (may be null) must outlive the server. Errors: kInvalidArgument (address), kUnavailable (cannot listen).
  [[nodiscard]] static Result<std::unique_ptr<ApiServer>> start(const ApiOptions& options,
                                                                broker::Broker& broker,
                                                                const runtime::WallClock& clock,
                                                                telemetry::Metrics* metrics = nullptr);
  virtual ~ApiServer() = default;  // shuts down at once when nobody has done it before
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // The registry as its gRPC service has it, for the REST face. It lives as long as the server, and what it
  // was asked is answered before that is gone.
  [[nodiscard]] virtual schema::RegistryCalls& registry() = 0;
  // What grpc.health.v1 answers, for "" and for both services.
  virtual void set_ready(bool ready) = 0;
  // Refuses what is new (SHUTTING_DOWN), lets produce requests in flight be answered, ends waiting fetches
  // and subscriptions; what is still open after `grace` is cancelled. Returns when no call is left that could
  // touch the broker: it must be alive and answering (waited for at most 3 s more). Again: nothing happens.
  virtual void shutdown(std::chrono::milliseconds grace) = 0;

 protected:
  ApiServer() = default;
};

}  // namespace forebay::api
