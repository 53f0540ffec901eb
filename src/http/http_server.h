// Health, readiness, metrics and the log level over HTTP/1.1. One thread of its own, sockets without
// blocking: a client that sends or reads slowly costs a connection until its deadline, never the thread, so
// that /healthz answers while the process lives.
//   GET /healthz               200 while the process lives
//   GET /readyz                200 when the node serves, else 503; JSON with the partitions that are not
//   ready, and why GET /metrics               Prometheus text format GET /loglevel              the level of
//   the log PUT /loglevel?level=debug  sets it (error, warn, info, debug) until the next start
// Everything else: 404 with these routes. Memory is bounded by HttpLimits: connections times request size,
// and the answers. Thread rules: start and stop from any thread but the handlers; the handlers run on the
// server's thread and must not block.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/address.h"

namespace forebay::http {

struct NotReady {
  std::string topic;
  std::int32_t partition = 0;
  std::string reason;  // for people: "recovering", "no leader"
};

struct Readiness {
  bool ready = false;
  std::string reason;               // of the node as a whole when it is not ready; may be empty
  std::vector<NotReady> not_ready;  // the answer shows the first kNotReadyShown, and how many there are
};
inline constexpr std::size_t kNotReadyShown = 100;

struct HttpHandlers {
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  // Prometheus text
};

struct HttpLimits {
  std::size_t connections_max = 64;  // one more: an idle one is closed, or else the newcomer is answered 503
  std::size_t head_bytes_max = 16U << 10;  // request line and headers; more: 431
  std::size_t body_bytes_max = 64U << 10;  // bodies are read and ignored; more: 413
  std::chrono::milliseconds request_time{
      10'000};  // for a whole request to arrive, from its first byte; later: 408
  std::chrono::milliseconds answer_time{10'000};  // for a whole answer to be taken
  std::chrono::milliseconds idle_time{60'000};    // between requests on one connection, and before the first
};

class HttpServer {
 public:
  // Listens when it returns. Errors: kFailedPrecondition (the address is in use, or not one of this machine),
  // kUnavailable (the name has no address).
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const config::Address& listen,
                                                                 HttpHandlers handlers,
                                                                 HttpLimits limits = {});
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens; with the port that was taken when 0 was asked for.
  [[nodiscard]] const config::Address& address() const;
  // Closes the listener and all connections and joins the thread; the handlers are not called any more. May
  // be called twice.
  void stop();

 private:
  class Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace forebay::http
