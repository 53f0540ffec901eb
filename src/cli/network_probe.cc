#include "cli/network_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBodyBytesMax = 4 * 1024 * 1024;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 600'000));
}

Error timed_out() { return Error{ErrorCode::kTimedOut, "no answer in time"}; }

Result<void> wait_until_ready(const Socket& socket, short events, Clock::time_point deadline) {
  pollfd wait{socket.descriptor(), events, 0};
  for (;;) {
    const int ready = ::poll(&wait, 1, left_ms(deadline));
    if (ready > 0) return {};
    if (ready == 0) return timed_out();
    if (errno != EINTR) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  }
}

Result<Socket> connect_one(const addrinfo& target, Clock::time_point deadline) {
  Socket socket(
      ::socket(target.ai_family, target.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, target.ai_protocol));
  if (socket.descriptor() < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  if (::connect(socket.descriptor(), target.ai_addr, target.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
    FOREBAY_CHECK(wait_until_ready(socket, POLLOUT, deadline));
    int problem = 0;
    socklen_t length = sizeof(problem);
    ::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &problem, &length);
    if (problem != 0) return Error{ErrorCode::kUnavailable, std::strerror(problem)};
  }
  return socket;
}

Result<Socket> connect_to(const config::Address& address, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int problem =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (problem != 0)
    return Error{ErrorCode::kUnavailable, std::string("unknown host: ") + ::gai_strerror(problem)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  Error last{ErrorCode::kUnavailable, "no address"};
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    auto connected = connect_one(*one, deadline);
    if (connected) return connected;
    last = std::move(connected).error();
  }
  return last;
}

}  // namespace

Result<std::chrono::nanoseconds> probe_tcp(const config::Address& address,
                                           std::chrono::milliseconds timeout) {
  const auto begin = Clock::now();
  FOREBAY_TRY(const Socket socket, connect_to(address, begin + timeout));
  return Clock::now() - begin;
}

Result<std::string> http_get(const config::Address& address, const std::string& path,
                             std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  FOREBAY_TRY(const Socket socket, connect_to(address, deadline));
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: " + address.to_string() + "\r\n\r\n";
  if (::send(socket.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Error{ErrorCode::kUnavailable, "the request could not be sent"};
  }
  std::string answer;
  char buffer[16 * 1024];
  while (answer.size() < kBodyBytesMax) {
    FOREBAY_CHECK(wait_until_ready(socket, POLLIN, deadline));
    const ssize_t count = ::recv(socket.descriptor(), buffer, sizeof(buffer), 0);
    if (count == 0) break;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
    answer.append(buffer, static_cast<std::size_t>(count));
  }
  const std::size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/") || body == std::string::npos) {
    return Error{ErrorCode::kFailedPrecondition, "the answer is not HTTP"};
  }
  const std::string status = answer.substr(0, answer.find('\r'));
  if (status.find(" 200 ") == std::string::npos) return Error{ErrorCode::kFailedPrecondition, status};
  return answer.substr(body + 4);
}

bool is_wildcard(const config::Address& address) {
  return address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
}

}  // namespace forebay::cli
