#include "io/peer_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "runtime/shard_io_context.h"

namespace forebay::io {

namespace {

constexpr int kBacklog = 1'024;  // every shard of every peer may come at once
// How long the kernel keeps what the other end does not confirm; then the connection ends.
constexpr int kUnconfirmedMs = 5'000;
// And how it asks on a connection on which nothing is under way.
constexpr int kKeepAliveIdleSeconds = 2;
constexpr int kKeepAliveIntervalSeconds = 1;
constexpr int kKeepAliveCount = 3;

void set_option(const SocketHandle& socket, int level, int name, int value) {
  // A kernel without one of them is still a kernel: heartbeats above find what this would.
  static_cast<void>(::setsockopt(socket.number(), level, name, &value, sizeof value));
}

}  // namespace

SocketHandle::~SocketHandle() {
  if (number_ >= 0) ::close(number_);
}

// Shared with the handlers that wait in Asio: they may be called after the socket's end.
struct PeerSocket::Watch {
  Watch(asio::io_context& io, int number) : descriptor(io, number) {}
  asio::posix::stream_descriptor descriptor;
  bool open = true;
};

PeerSocket::PeerSocket(runtime::Shard& shard, SocketHandle socket)
    : watch_(std::make_shared<Watch>(runtime::io_context_of(shard), socket.release())) {}
PeerSocket::~PeerSocket() { close(); }
PeerSocket::PeerSocket(PeerSocket&&) noexcept = default;
PeerSocket& PeerSocket::operator=(PeerSocket&& other) noexcept {
  if (this != &other) {
    close();
    watch_ = std::move(other.watch_);
  }
  return *this;
}

void PeerSocket::when_readable(UniqueFunction<void()> ready) {
  watch_->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [watch = watch_, ready = std::move(ready)](const asio::error_code& error) mutable {
        if (!error && watch->open) ready();
      });
}
void PeerSocket::when_writable(UniqueFunction<void()> ready) {
  watch_->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [watch = watch_, ready = std::move(ready)](const asio::error_code& error) mutable {
        if (!error && watch->open) ready();
      });
}
int PeerSocket::number() const { return watch_->descriptor.native_handle(); }

void PeerSocket::close() {
  if (watch_ == nullptr) return;
  watch_->open = false;
  asio::error_code ignored;
  watch_->descriptor.close(ignored);
  watch_.reset();
}

SocketHandle PeerSocket::release() {
  watch_->open = false;
  SocketHandle socket(watch_->descriptor.release());
  watch_.reset();
  return socket;
}

Result<SocketHandle> listen_for_peers(const PeerAddress& address) {
  const std::string shown = address.host + ":" + std::to_string(address.port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable, "cannot listen for peers on " + shown + ": " +
                                              ::gai_strerror(failed) + "; correct peer.listen"};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last_error = EADDRNOTAVAIL;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketHandle socket(::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.is_open()) {
      set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
      if (::bind(socket.number(), each->ai_addr, each->ai_addrlen) == 0 &&
          ::listen(socket.number(), kBacklog) == 0) {
        return socket;
      }
    }
    last_error = errno;
  }
  std::string text = "cannot listen for peers on " + shown + ": " + socket_error_text(last_error);
  text += last_error == EADDRINUSE ? "; another process does: choose another port" : "; correct peer.listen";
  return Error{ErrorCode::kFailedPrecondition, std::move(text)};
}

std::uint16_t port_of(const SocketHandle& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

void set_peer_options(const SocketHandle& socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnconfirmedMs);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveCount);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

std::string socket_error_text(int error_number) {
  const char* text = ::strerrordesc_np(error_number);
  return text != nullptr ? text : "error " + std::to_string(error_number);
}

bool send_whole(int socket, ByteSpan bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

Result<std::optional<PeerHandshake>> HandshakeReader::read(int socket) {
  for (;;) {
    const std::size_t have = bytes_.size();
    bytes_.resize(wanted_);
    const ssize_t got = ::recv(socket, bytes_.data() + have, wanted_ - have, MSG_DONTWAIT);
    bytes_.resize(have + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0)
      return Error{ErrorCode::kUnavailable, "the other end closed the connection during the handshake"};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<PeerHandshake>();
    if (got < 0) return Error{ErrorCode::kUnavailable, "the handshake failed: " + socket_error_text(errno)};
    if (bytes_.size() < wanted_) continue;
    if (wanted_ == kPeerHandshakeHeadBytes) {
      FOREBAY_TRY(wanted_, handshake_bytes(bytes_));
      if (bytes_.size() < wanted_) continue;
    }
    FOREBAY_TRY(PeerHandshake handshake, decode_handshake(bytes_));
    return std::optional<PeerHandshake>(std::move(handshake));
  }
}

}  // namespace forebay::io
