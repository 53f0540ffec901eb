#include "http/http_server.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "http/answer.h"
#include "http/request_scan.h"
#include "http/router.h"
#include "http/socket.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

constexpr int kAcceptsPerTurn = 128;
// After a refusal the rest of what the client sends is read and dropped for so long, or the kernel would
// reset the connection before the client has seen why.
constexpr std::chrono::milliseconds kDrainTime{1'000};
constexpr int kLastAcceptTurns = 8;                     // as many connections as wait at most
constexpr std::chrono::milliseconds kAcceptPause{100};  // when there are no descriptors left
constexpr std::size_t kReadBytes = 16U << 10;           // of one connection before the others have their turn

enum class Phase {
  kIdle,  // between requests: nothing received yet
  kReceiving,
  kHandling,  // somebody else has the request; nothing is read meanwhile
  kAnswering,
  kDraining,  // answered for the last time; waiting for the client to close
};

struct Connection {
  Descriptor socket;
  Phase phase = Phase::kIdle;
  TimePoint deadline;
  std::string received;
  std::optional<HeadScan> head;  // of the request that is received or handled
  BodyReader body;
  bool is_other = false;           // it is for HttpHandlers::other
  std::uint64_t ticket = 0;        // kHandling: of the answer that it waits for
  std::size_t handling_bytes = 0;  // and of the body that is handled
  std::string answer;
  std::size_t sent = 0;
  std::size_t taken = 0;  // of it, when its time was counted anew
  bool close_after = false;
  bool sent_ahead = false;  // more than the request being answered has been received: look at it without
                            // waiting for the socket
};

}  // namespace

// The thread: one poll over listener and connections. Everything but `answers_` and what stop() and drain()
// say belongs to it once it runs.
class HttpServer::Loop {
 public:
  Loop(config::Address address, Descriptor listener, Descriptor wake, HttpHandlers handlers,
       HttpLimits limits)
      : address_(std::move(address)),
        limits_(limits),
        listener_(std::move(listener)),
        answers_(std::make_shared<AnswerBox>(std::move(wake))),
        other_(std::move(handlers.other)),
        other_failed_(std::move(handlers.other_failed)),
        router_(std::move(handlers)),
        thread_([this] { run(); }) {}

  [[nodiscard]] const config::Address& address() const { return address_; }

  void drain(TimePoint until) {
    draining_.store(true);
    answers_->wake();
    std::unique_lock lock(drained_mutex_);
    drained_changed_.wait_until(lock, until, [this] { return drained_; });
  }

  void stop() {
    if (!thread_.joinable()) return;
    stopping_.store(true);
    answers_->wake();
    thread_.join();
    answers_->close();
  }

 private:
  using Connections = std::list<Connection>;

  void run() {
    std::vector<pollfd> polled;
    while (!stopping_.load()) {
      const TimePoint now = Clock::now();
      if (draining_.load() && !std::exchange(is_ending_, true)) end_service(now);
      close_overdue(now);
      if (is_ending_) say_if_drained();
      polled.clear();
      polled.push_back({answers_->wake_descriptor(), POLLIN, 0});
      const bool accepting = now >= accept_again_;
      polled.push_back({accepting ? listener_.get() : -1, POLLIN, 0});
      for (const Connection& connection : connections_)
        polled.push_back({connection.socket.get(), wanted_events(connection.phase), 0});
      if (::poll(polled.data(), polled.size(), wait_ms(now, accepting)) < 0 && errno != EINTR) {
        telemetry::log_error("http poll failed", {{"error", std::strerror(errno)}});
        break;
      }
      auto connection = connections_.begin();
      for (std::size_t i = 2; i < polled.size(); ++i) {
        const auto current = connection++;
        const bool due = polled[i].revents != 0 || current->sent_ahead;
        if (due && !serve(*current)) connections_.erase(current);
      }
      if (polled[0].revents != 0) give_answers();
      if (polled[1].revents != 0) accept_all();
    }
    connections_.clear();
    listener_.reset();
    say_drained();
  }

  void end_service(TimePoint now) {
    // Those that the kernel has connected already would be reset.
    for (int turn = 0; turn < kLastAcceptTurns; ++turn) accept_all();
    listener_.reset();
    for (Connection& connection : connections_) {
      if (connection.phase == Phase::kIdle)
        connection.deadline = std::min(connection.deadline, now + limits_.last_idle_time);
      if (connection.phase == Phase::kReceiving)
        connection.deadline = std::min(connection.deadline, now + limits_.last_request_time);
    }
  }

  void say_if_drained() {
    if (std::all_of(connections_.begin(), connections_.end(),
                    [](const Connection& connection) { return connection.phase == Phase::kDraining; }))
      say_drained();
  }

  void say_drained() {
    const std::lock_guard lock(drained_mutex_);
    drained_ = true;
    drained_changed_.notify_all();
  }

  static short wanted_events(Phase phase) {
    if (phase == Phase::kHandling) return 0;  // only that it is gone
    return phase == Phase::kAnswering ? POLLOUT : POLLIN;
  }

  int wait_ms(TimePoint now, bool accepting) const {
    std::optional<TimePoint> next;
    if (!accepting) next = accept_again_;
    for (const Connection& connection : connections_) {
      if (connection.sent_ahead) return 0;
      if (!next || connection.deadline < *next) next = connection.deadline;
    }
    if (!next) return -1;
    // Rounded up: waking before the deadline would spin.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void close_overdue(TimePoint now) {
    for (auto connection = connections_.begin(); connection != connections_.end();) {
      const auto current = connection++;
      if (now < current->deadline) continue;
      if (current->phase == Phase::kReceiving) {
        if (begin_answer(*current, refusal(408))) continue;
      } else if (current->phase == Phase::kHandling) {
        if (answer_other(*current, other_failed(Failure::kTimedOut))) continue;
      } else if (current->phase == Phase::kAnswering) {
        if (is_taken(*current, now)) continue;
      }
      connections_.erase(current);
    }
  }

  // Whether enough of the answer has reached the client since its time was counted; then it is counted anew.
  // What waits in the kernel has not: a buffer there may be as large as a slow line carries in a minute.
  bool is_taken(Connection& connection, TimePoint now) const {
    int queued = 0;
    if (::ioctl(connection.socket.get(), SIOCOUTQ, &queued) != 0) return false;
    const std::size_t taken = connection.sent - std::min(connection.sent, static_cast<std::size_t>(queued));
    const std::size_t least =
        limits_.answer_bytes_per_second_min * static_cast<std::size_t>(limits_.answer_time.count()) / 1'000;
    if (taken < connection.taken + least) return false;
    connection.taken = taken;
    connection.deadline = now + limits_.answer_time;
    return true;
  }

  [[nodiscard]] std::chrono::milliseconds idle_time() const {
    return is_ending_ ? limits_.last_idle_time : limits_.idle_time;
  }

  void accept_all() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
          accept_again_ = Clock::now() + kAcceptPause;
        return;
      }
      const int on = 1;
      static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
      if (connections_.size() >= limits_.connections_max && !close_longest_idle()) {
        const Answer busy = refusal(503);
        static_cast<void>(::send(socket.get(), busy.bytes.data(), busy.bytes.size(), MSG_NOSIGNAL));
        continue;
      }
      Connection& connection = connections_.emplace_back();
      connection.socket = std::move(socket);
      connection.deadline = Clock::now() + idle_time();
    }
  }

  bool close_longest_idle() {
    auto longest = connections_.end();
    for (auto connection = connections_.begin(); connection != connections_.end(); ++connection) {
      const bool idle = connection->phase == Phase::kIdle && !connection->sent_ahead;
      if (!idle && connection->phase != Phase::kDraining) continue;
      if (longest == connections_.end() || connection->deadline < longest->deadline) longest = connection;
    }
    if (longest == connections_.end()) return false;
    connections_.erase(longest);
    return true;
  }

  // Returns whether the connection lives on.
  bool serve(Connection& connection) {
    try {
      switch (connection.phase) {
        case Phase::kIdle:
        case Phase::kReceiving:
          return std::exchange(connection.sent_ahead, false) ? answer_received(connection)
                                                             : receive(connection);
        case Phase::kHandling:  // an event that was not asked for: the connection is gone
          return false;
        case Phase::kAnswering:
          return send_answer(connection);
        case Phase::kDraining:
          return drain(connection);
      }
    } catch (const std::exception& error) {
      telemetry::log_warn("http connection failed", {{"error", error.what()}});
    }
    return false;
  }

  bool receive(Connection& connection) {
    std::array<char, kReadBytes> buffer;
    const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    connection.received.append(buffer.data(), static_cast<std::size_t>(count));
    return answer_received(connection);
  }

  bool answer_received(Connection& connection) {
    if (connection.phase != Phase::kReceiving) {
      connection.phase = Phase::kReceiving;
      connection.deadline = Clock::now() + (is_ending_ ? limits_.last_request_time : limits_.request_time);
    }
    if (!connection.head) {
      HeadScan scan = scan_head(connection.received, limits_.head_bytes_max);
      if (scan.state == ScanState::kIncomplete) return true;
      if (scan.state == ScanState::kRefused) return begin_answer(connection, refusal(scan.status));
      connection.received.erase(0, scan.bytes);
      connection.is_other = other_ && !is_own_path(scan.target);
      connection.body =
          BodyReader(scan, connection.is_other ? limits_.other_body_bytes_max : limits_.body_bytes_max);
      connection.head = std::move(scan);
    }
    switch (connection.body.take(connection.received)) {
      case ScanState::kIncomplete:
        if (bodies_bytes() > limits_.bodies_bytes_max) return refuse_body(connection, Failure::kBusy);
        return ask_for_body(connection);
      case ScanState::kRefused:
        if (connection.body.status() != 413)
          return begin_answer(connection, refusal(connection.body.status()));
        return refuse_body(connection, Failure::kBodyTooLarge);
      case ScanState::kComplete:
        break;
    }
    if (connection.is_other) return hand_over(connection);
    return begin_answer(connection, router_.answer(connection.head->passed, is_ending_));
  }

  // Those of a client that waits to be asked.
  static bool ask_for_body(Connection& connection) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!std::exchange(connection.head->expects_continue, false) || !connection.body.body().empty())
      return true;
    const ssize_t sent = ::send(connection.socket.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
    // Who is not asked sends it all the same, after a while; half of it would be the start of an answer.
    return sent < 0 || sent == static_cast<ssize_t>(kContinue.size());
  }

  std::size_t bodies_bytes() const {
    std::size_t bytes = 0;
    for (const Connection& connection : connections_)
      bytes += connection.body.body().size() + connection.handling_bytes;
    return bytes;
  }

  std::size_t answers_bytes() const {
    std::size_t bytes = 0;
    for (const Connection& connection : connections_) bytes += connection.answer.size();
    return bytes;
  }

  Response other_failed(Failure failure) const {
    if (other_failed_) return other_failed_(failure);
    return {failure == Failure::kBodyTooLarge ? 413 : 503, {}, {}, {}};
  }

  bool refuse_body(Connection& connection, Failure failure) {
    if (!connection.is_other)
      return begin_answer(connection, refusal(failure == Failure::kBodyTooLarge ? 413 : 503));
    return begin_answer(connection, answer_of(other_failed(failure), false, true));
  }

  bool hand_over(Connection& connection) {
    const HeadScan& head = *connection.head;
    auto target = parse_target(head.target);
    const bool is_http_1 = head.version == "HTTP/1.1" || head.version == "HTTP/1.0";
    if (!target || !is_http_1) return begin_answer(connection, refusal(400));
    connection.phase = Phase::kHandling;
    connection.deadline = Clock::now() + limits_.handler_time;
    connection.ticket = ++last_ticket_;
    connection.handling_bytes = connection.body.body().size();
    Request request{head.method, std::move(target->path), std::move(target->query), head.headers,
                    connection.body.take_body()};
    try {
      if (other_(std::move(request), Respond(answers_, connection.ticket, other_failed(Failure::kTimedOut))))
        return true;
    } catch (const std::exception& error) {
      telemetry::log_error("http handler failed", {{"path", head.target}, {"error", error.what()}});
      return begin_answer(connection, refusal(500));
    }
    return begin_answer(connection, router_.answer(head.passed, is_ending_));
  }

  // Those that have come from wherever they were made.
  void give_answers() {
    for (auto& [ticket, response] : answers_->take()) {
      const auto found =
          std::find_if(connections_.begin(), connections_.end(), [&, ticket = ticket](const Connection& c) {
            return c.phase == Phase::kHandling && c.ticket == ticket;
          });
      if (found == connections_.end()) continue;  // too late, or the client is gone
      const bool room = answers_bytes() + response.body.size() <= limits_.answers_bytes_max;
      const bool lives = answer_other(*found, room ? std::move(response) : other_failed(Failure::kBusy));
      if (!lives) connections_.erase(found);
    }
  }

  bool answer_other(Connection& connection, const Response& response) {
    const HeadScan& head = *connection.head;
    return begin_answer(connection,
                        answer_of(response, head.method == "HEAD", is_ending_ || !head.keeps_alive));
  }

  // And sends what can be sent. Returns whether the connection lives on.
  bool begin_answer(Connection& connection, Answer answer) {
    connection.phase = Phase::kAnswering;
    connection.deadline = Clock::now() + limits_.answer_time;
    connection.head.reset();
    connection.body = {};
    connection.ticket = 0;
    connection.handling_bytes = 0;
    connection.answer = std::move(answer.bytes);
    connection.sent = 0;
    connection.taken = 0;
    connection.close_after = answer.close;
    return send_answer(connection);
  }

  bool send_answer(Connection& connection) {
    while (connection.sent < connection.answer.size()) {
      const ssize_t count = ::send(connection.socket.get(), connection.answer.data() + connection.sent,
                                   connection.answer.size() - connection.sent, MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      connection.sent += static_cast<std::size_t>(count);
    }
    connection.answer = {};
    if (connection.close_after) {
      connection.received = {};
      connection.phase = Phase::kDraining;
      connection.deadline = Clock::now() + kDrainTime;
      return ::shutdown(connection.socket.get(), SHUT_WR) == 0;
    }
    // What the client has sent ahead waits for the next turn of the loop, so that the others have theirs.
    connection.phase = Phase::kIdle;
    connection.deadline = Clock::now() + idle_time();
    connection.sent_ahead = !connection.received.empty();
    return true;
  }

  bool drain(Connection& connection) {
    std::array<char, kReadBytes> buffer;
    const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  }

  const config::Address address_;
  const HttpLimits limits_;
  Descriptor listener_;
  const std::shared_ptr<AnswerBox> answers_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};
  std::mutex drained_mutex_;
  std::condition_variable drained_changed_;
  bool drained_ = false;
  const std::function<bool(Request, Respond)> other_;
  const std::function<Response(Failure)> other_failed_;
  Router router_;
  std::uint64_t last_ticket_ = 0;
  Connections connections_;
  TimePoint accept_again_{};
  bool is_ending_ = false;  // end_service() has begun
  std::thread thread_;      // last: it uses all of the above
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(const config::Address& listen, HttpHandlers handlers,
                                                      HttpLimits limits) {
  FOREBAY_TRY(Descriptor listener, listen_on(listen));
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return cannot_listen(listen, errno);
  const config::Address bound{listen.host, port_of(listener.get())};
  try {
    auto loop =
        std::make_unique<Loop>(bound, std::move(listener), std::move(wake), std::move(handlers), limits);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(loop)));
  } catch (const std::exception& error) {
    return Error{ErrorCode::kResourceExhausted, std::string("cannot start the HTTP thread: ") + error.what()};
  }
}

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpServer::~HttpServer() { stop(); }
const config::Address& HttpServer::address() const { return loop_->address(); }
void HttpServer::drain(std::chrono::steady_clock::time_point until) { loop_->drain(until); }
void HttpServer::stop() { loop_->stop(); }

}  // namespace forebay::http
