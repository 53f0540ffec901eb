// Health, readiness, metrics and the log level over HTTP/1.1, and whatever else a handler answers (the schema
// registry, registry_rest.h). One thread of its own, sockets without blocking: a client that sends or reads
// slowly costs a connection until its deadline, never the thread, so that /healthz answers while the process
// lives.
//   GET /healthz               200 while the process lives
//   GET /readyz                200 when the node serves, else 503; JSON with the partitions that are not
//   ready, and why
//   GET /metrics               Prometheus text format
//   GET /loglevel              the level of the log
//   PUT /loglevel?level=debug  sets it (error, warn, info, debug) until the next start
// Other paths: HttpHandlers::other, else 404 with these routes. A connection has one request at a time; what
// is sent ahead waits, so answers come in the order of requests. Memory is bounded by HttpLimits.
// Thread rules: start and stop from any thread but the handlers; the handlers run on the server's thread and
// must not block.
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
#include "http/request.h"
#include "http/respond.h"

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

enum class Failure { kBodyTooLarge, kBusy, kTimedOut };

struct HttpHandlers {
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  // Prometheus text
  // Of the paths that are not above. False: this is none of its paths; it has not answered. May be empty.
  std::function<bool(Request, Respond)> other = {};
  // What such a request is answered that does not reach the handler, or has no answer in time.
  std::function<Response(Failure)> other_failed = {};
};

struct HttpLimits {
  // One more: an idle one is closed, or else the newcomer is answered 503.
  std::size_t connections_max = 1'024;
  std::size_t head_bytes_max = 16U << 10;  // request line and headers; more: 431
  std::size_t body_bytes_max = 64U << 10;  // of a request for the node's own paths, and ignored; more: 413
  // Of other requests: a schema of 1 MiB (schema::Limits) grows to three times that where each character
  // beyond ASCII is written \uXXXX; the rest is for its references, metadata and rules.
  std::size_t other_body_bytes_max = 4U << 20;
  // All connections together: bodies that have come and are not answered; answers that are not taken.
  std::size_t bodies_bytes_max = 64U << 20;
  std::size_t answers_bytes_max = 256U << 20;
  // For a whole request to arrive, from its first byte; later: 408.
  std::chrono::milliseconds request_time{10'000};
  // For `other` to answer. Longer than what it asks has to answer in, so that its own words are heard.
  std::chrono::milliseconds handler_time{45'000};
  // For an answer to be taken, and again for its rest while it is taken at that rate: who reads nothing is
  // cut off, a slow line is not.
  std::chrono::milliseconds answer_time{10'000};
  std::size_t answer_bytes_per_second_min = 64U << 10;
  std::chrono::milliseconds idle_time{60'000};  // between requests on one connection, and before the first
  // After drain(), instead of the two above: a request that is on its way comes, and what has come in part is
  // not waited for long.
  std::chrono::milliseconds last_idle_time{200};
  std::chrono::milliseconds last_request_time{500};
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
  // The end of service: takes no new connections, and every request is the last one of its connection, which
  // the answer says; they are answered as before. Returns when no connection is left that may expect an
  // answer, or at the deadline; then it goes on until stop(). May be called more than once.
  void drain(std::chrono::steady_clock::time_point until);
  // Closes the listener and all connections, answered or not, and joins the thread; the handlers are not
  // called any more. May be called twice.
  void stop();

 private:
  class Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace forebay::http
