#include "http/http_server.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "http/request_scan.h"
#include "http/router.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

constexpr int kBacklog = 1'024;
constexpr int kAcceptsPerTurn = 128;
// After a refusal the rest of what the client sends is read and dropped for so long, or the kernel would
// reset the connection before the client has seen why.
constexpr std::chrono::milliseconds kDrainTime{1'000};
constexpr std::chrono::milliseconds kAcceptPause{100};  // when there are no descriptors left
constexpr std::size_t kReadBytes = 16U << 10;           // of one connection before the others have their turn

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

enum class Phase {
  kIdle,  // between requests: nothing received yet
  kReceiving,
  kAnswering,
  kDraining,  // answered for the last time; waiting for the client to close
};

struct Connection {
  Descriptor socket;
  Phase phase = Phase::kIdle;
  TimePoint deadline;
  std::string received;
  std::string answer;
  std::size_t sent = 0;
  bool close_after = false;
  bool sent_ahead = false;  // more than the request being answered has been received: look at it without
                            // waiting for the socket
};

Error cannot_listen(const config::Address& listen, int error) {
  std::string text = "cannot listen on " + listen.to_string() + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += "; another process does: choose another port";
  return Error{ErrorCode::kFailedPrecondition, std::move(text)};
}

Result<Descriptor> listen_on(const config::Address& listen) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(listen.host.c_str(), std::to_string(listen.port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable,
                 "cannot listen on " + listen.to_string() + ": " + ::gai_strerror(failed)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last_error = EADDRNOTAVAIL;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(socket.get(), address->ai_addr, address->ai_addrlen) == 0 &&
        ::listen(socket.get(), kBacklog) == 0) {
      return socket;
    }
    last_error = errno;
  }
  return cannot_listen(listen, last_error);
}

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

// The thread: one poll over listener and connections. Everything but `wake_` and `stopping_` belongs to it
// once it runs.
class HttpServer::Loop {
 public:
  Loop(config::Address address, Descriptor listener, Descriptor wake, HttpHandlers handlers,
       HttpLimits limits)
      : address_(std::move(address)),
        limits_(limits),
        listener_(std::move(listener)),
        wake_(std::move(wake)),
        router_(std::move(handlers)),
        thread_([this] { run(); }) {}

  [[nodiscard]] const config::Address& address() const { return address_; }

  void stop() {
    if (!thread_.joinable()) return;
    stopping_.store(true);
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_.get(), &one, sizeof one));
    thread_.join();
  }

 private:
  using Connections = std::list<Connection>;

  void run() {
    std::vector<pollfd> polled;
    while (!stopping_.load()) {
      const TimePoint now = Clock::now();
      close_overdue(now);
      polled.clear();
      polled.push_back({wake_.get(), POLLIN, 0});
      const bool accepting = now >= accept_again_;
      polled.push_back({accepting ? listener_.get() : -1, POLLIN, 0});
      for (const Connection& connection : connections_) {
        const short wanted = connection.phase == Phase::kAnswering ? POLLOUT : POLLIN;
        polled.push_back({connection.socket.get(), wanted, 0});
      }
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
      if (polled[1].revents != 0) accept_all();
    }
    connections_.clear();
    listener_.reset();
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
        begin_answer(*current, refusal(408));
        if (send_answer(*current)) continue;
      }
      connections_.erase(current);
    }
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
      connection.deadline = Clock::now() + limits_.idle_time;
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
      connection.deadline = Clock::now() + limits_.request_time;
    }
    const RequestScan scan =
        scan_request(connection.received, {limits_.head_bytes_max, limits_.body_bytes_max});
    switch (scan.state) {
      case ScanState::kIncomplete:
        return true;
      case ScanState::kRefused:
        begin_answer(connection, refusal(scan.status));
        break;
      case ScanState::kComplete:
        connection.received.erase(0, scan.bytes);
        begin_answer(connection, router_.answer(scan.head));
        break;
    }
    return send_answer(connection);
  }

  void begin_answer(Connection& connection, Answer answer) {
    connection.phase = Phase::kAnswering;
    connection.deadline = Clock::now() + limits_.answer_time;
    connection.answer = std::move(answer.bytes);
    connection.sent = 0;
    connection.close_after = answer.close;
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
    connection.deadline = Clock::now() + limits_.idle_time;
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
  const Descriptor wake_;
  std::atomic<bool> stopping_{false};
  Router router_;
  Connections connections_;
  TimePoint accept_again_{};
  std::thread thread_;  // last: it uses all of the above
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
void HttpServer::stop() { loop_->stop(); }

}  // namespace forebay::http
