#include "http/router.h"

#include <httplib.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "telemetry/log.h"

namespace forebay::http {
namespace {

using nlohmann::json;

constexpr const char* kJson = "application/json";
// One request of a client that is already connected is cheap; a limit only tells it to come back with a new
// connection.
constexpr std::size_t kRequestsPerConnection = 1'000;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

void reply(httplib::Response& response, int status, const json& body) {
  response.status = status;
  response.set_content(dump(body), kJson);
}

json routes() {
  return json::array({"GET /healthz", "GET /readyz", "GET /metrics", "GET /loglevel",
                      "PUT /loglevel?level=error|warn|info|debug"});
}

json readiness_body(const Readiness& readiness) {
  json partitions = json::array();
  const std::size_t shown = std::min(readiness.not_ready.size(), kNotReadyShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const NotReady& entry = readiness.not_ready[i];
    partitions.push_back({{"topic", entry.topic}, {"partition", entry.partition}, {"reason", entry.reason}});
  }
  json body = {{"ready", readiness.ready},
               {"not_ready_count", readiness.not_ready.size()},
               {"not_ready", std::move(partitions)}};
  if (!readiness.reason.empty()) body["reason"] = readiness.reason;
  return body;
}

// One request as a stream: reading gives its head, writing gathers the answer.
class RequestStream final : public httplib::Stream {
 public:
  explicit RequestStream(std::string_view head) : unread_(head) {}
  bool is_readable() const override { return !unread_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* into, std::size_t size) override {
    const std::size_t count = unread_.copy(into, size);
    unread_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    written_.append(bytes, size);
    return static_cast<ssize_t>(size);
  }
  using httplib::Stream::write;
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  std::string take_written() { return std::move(written_); }

 private:
  std::string_view unread_;
  std::string written_;
};

}  // namespace

// httplib without its sockets and threads: parsing, percent decoding, compression and the writing of answers.
class Router::Parser final : public httplib::Server {
 public:
  explicit Parser(HttpHandlers handlers) : handlers_(std::move(handlers)) {
    set_keep_alive_max_count(kRequestsPerConnection);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      route(request, response);
      return HandlerResponse::Handled;
    });
    set_exception_handler(
        [](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
          std::string what = "unknown";
          try {
            std::rethrow_exception(std::move(thrown));
          } catch (const std::exception& error) {
            what = error.what();
          } catch (...) {
            what = "not an exception object";
          }
          telemetry::log_error("http handler failed", {{"path", request.path}, {"error", what}});
          reply(response, 500, {{"error", "the handler failed; see the log"}});
        });
  }

  Answer answer(std::string_view head, bool close) {
    RequestStream stream(head);
    bool closes = false;
    routed_ = false;
    const bool answered = process_request(stream, close, closes, nullptr);
    if (!routed_)
      return refusal(400);  // not a request after all: what follows on this connection means nothing
    return {stream.take_written(), close || closes || !answered};
  }

 private:
  static bool is_read(const httplib::Request& request) {
    return request.method == "GET" || request.method == "HEAD";
  }
  static void refuse_method(httplib::Response& response, const char* allowed) {
    response.set_header("Allow", allowed);
    reply(response, 405, {{"error", "method not allowed"}, {"routes", routes()}});
  }

  // Also in the words of a schema registry, for a client whose URL is not quite right.
  static void not_found(httplib::Response& response) {
    reply(response, 404,
          {{"error", "not found"}, {"error_code", 404}, {"message", "not found"}, {"routes", routes()}});
  }

  void route(const httplib::Request& request, httplib::Response& response) {
    routed_ = true;
    response.set_header("Cache-Control", "no-store");
    if (request.path == "/loglevel") return log_level(request, response);
    const bool known = request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
    if (!known) return not_found(response);
    if (!is_read(request)) return refuse_method(response, "GET, HEAD");
    if (request.path == "/healthz") return reply(response, 200, {{"status", "ok"}});
    if (request.path == "/readyz") {
      const Readiness readiness = handlers_.readiness();
      return reply(response, readiness.ready ? 200 : 503, readiness_body(readiness));
    }
    response.status = 200;
    response.set_content(handlers_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  }

  // Said at the more talkative of the two levels, so that a quieter log ends with the reason.
  static void set_level(telemetry::Level level) {
    const telemetry::Level before = telemetry::log_level();
    telemetry::set_log_level(std::max(before, level));
    telemetry::log_info("log level changed",
                        {{"from", telemetry::level_name(before)}, {"to", telemetry::level_name(level)}});
    telemetry::set_log_level(level);
  }

  static void log_level(const httplib::Request& request, httplib::Response& response) {
    if (request.method == "PUT") {
      const std::string wanted = request.get_param_value("level");
      const auto level = telemetry::parse_level(wanted);
      if (!level)
        return reply(response, 400,
                     {{"error", "expected ?level= with one of error, warn, info, debug"}, {"found", wanted}});
      set_level(*level);
    } else if (!is_read(request)) {
      return refuse_method(response, "GET, HEAD, PUT");
    }
    reply(response, 200, {{"level", telemetry::level_name(telemetry::log_level())}});
  }

  const HttpHandlers handlers_;
  bool routed_ = false;  // the request of this moment was understood
};

Router::Router(HttpHandlers handlers) : parser_(std::make_unique<Parser>(std::move(handlers))) {}
Router::~Router() = default;

Answer Router::answer(std::string_view head, bool close) { return parser_->answer(head, close); }

bool is_own_path(std::string_view target) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  return path == "/healthz" || path == "/readyz" || path == "/metrics" || path == "/loglevel";
}

}  // namespace forebay::http
