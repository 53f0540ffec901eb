#include "api/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "config/address.h"
#include "telemetry/log.h"
#include "telemetry/repeat_limiter.h"

namespace forebay::api {
namespace {

constexpr int kBacklog = 4096;
constexpr int kOutOfDescriptorsWaitMs = 50;
constexpr std::chrono::milliseconds kLookEvery{100};
// Descriptors that connections may never take from the log's files.
constexpr std::size_t kDescriptorsReserved = 512;

std::size_t within_descriptors(std::size_t connections_max) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return connections_max;
  const std::size_t all = limit.rlim_cur;
  return std::min(connections_max, all > 2 * kDescriptorsReserved ? all - kDescriptorsReserved : all / 2);
}

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port)
                                       : ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

void set_port(sockaddr* address, std::uint16_t port) {
  if (address->sa_family == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  if (address->sa_family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
}

void set_option(int fd, int level, int option) {
  const int on = 1;
  (void)::setsockopt(fd, level, option, &on, sizeof on);
}

// Not when the peer has reset or ended it without a word while it waited: a transport costs much more than
// this.
bool is_alive(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

// Returns: the listening socket, or -1 with errno.
int listen_on(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  // The IPv4 addresses have sockets of their own.
  if (address.ai_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

bool AcceptedSockets::add(int fd, std::chrono::steady_clock::time_point now) {
  if (sockets_.size() >= count_max_ && now - looked_at_ >= kLookEvery) {
    looked_at_ = now;
    drop_closed();
  }
  if (sockets_.size() >= count_max_) return false;
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  (void)::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  sockets_.emplace_back(fd, cookie);
  return true;
}

void AcceptedSockets::drop_closed() {
  std::erase_if(sockets_, [](const auto& socket) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(socket.first, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0 || cookie != socket.second;
  });
}

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address, std::size_t connections_max) {
  std::unique_ptr<Listener> listener(new Listener(within_descriptors(connections_max)));
  FOREBAY_CHECK(listener->bind_to(address));
  listener->wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (listener->wake_ < 0) return Error{ErrorCode::kUnavailable, "eventfd failed"};
  return listener;
}

Result<void> Listener::bind_to(const std::string& text) {
  FOREBAY_TRY(const config::Address address, config::parse_address(text));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  AddressList list;
  const std::string port = std::to_string(address.port);
  const int failure = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list.first);
  if (failure != 0) {
    return Error{ErrorCode::kUnavailable, "cannot listen on " + text + ": " + ::gai_strerror(failure)};
  }
  port_ = address.port;
  int error = 0;
  for (const addrinfo* each = list.first; each != nullptr; each = each->ai_next) {
    set_port(each->ai_addr, port_);
    const int fd = listen_on(*each);
    if (fd < 0) {
      // A machine without IPv6 still has names with IPv6 addresses.
      if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) error = errno;
      if (error == 0 && each->ai_next == nullptr && sockets_.empty()) error = errno;
      if (error != 0) break;
      continue;
    }
    sockets_.push_back(fd);
    if (port_ == 0) port_ = port_of(fd);
  }
  if (error != 0 || sockets_.empty()) {
    return Error{ErrorCode::kUnavailable, "cannot listen on " + text + ": " + std::strerror(error)};
  }
  return {};
}

Listener::~Listener() {
  stop();
  if (wake_ >= 0) ::close(wake_);
}

void Listener::start(ListenerEvents events) {
  events_ = std::move(events);
  thread_ = std::thread([this] { run(); });
}

void Listener::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
    thread_.join();
  }
  for (const int fd : sockets_) ::close(fd);
  sockets_.clear();
}

void Listener::run() {
  telemetry::RepeatLimiter limiter;
  std::vector<pollfd> polled{{wake_, POLLIN, 0}};
  for (const int fd : sockets_) polled.push_back({fd, POLLIN, 0});
  while (true) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled.front().revents != 0) return;
    bool exhausted = false;
    for (std::size_t index = 1; index < polled.size(); ++index) {
      if (polled[index].revents != 0 && !accept_all(polled[index].fd)) exhausted = true;
    }
    if (!exhausted) continue;
    // The backlog keeps the sockets readable: without a pause this would spin until somebody closes
    // something.
    const auto now = std::chrono::steady_clock::now();
    if (const auto quiet = limiter.admit("accept failed", now)) {
      telemetry::log_warn("connections wait: no descriptors or memory left", {{"repeats", *quiet}});
    }
    if (::poll(polled.data(), 1, kOutOfDescriptorsWaitMs) > 0) return;
  }
}

bool Listener::accept_all(int listener_fd) {
  while (true) {
    const int fd = ::accept4(listener_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (!is_alive(fd)) {
        ::close(fd);
        continue;
      }
      if (!accepted_.add(fd, std::chrono::steady_clock::now())) {
        ::close(fd);
        events_.refused();
        continue;
      }
      set_option(fd, IPPROTO_TCP, TCP_NODELAY);
      events_.accepted(listener_fd, fd);
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return true;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return false;
      default:  // of one connection: it was aborted, or its network failed
        continue;
    }
  }
}

}  // namespace forebay::api
