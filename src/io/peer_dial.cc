#include "io/peer_dial.h"

#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <utility>

#include "runtime/shard_io_context.h"

namespace forebay::io {

// Shared with the resolver's handler, which may be called after the dial's end.
struct PeerDial::Lookup {
  explicit Lookup(asio::io_context& io) : resolver(io) {}
  asio::ip::tcp::resolver resolver;
  bool wanted = true;
};

PeerDial::PeerDial(runtime::Shard& shard, PeerAddress address, PeerHandshake hello,
                   UniqueFunction<void(Result<Dialled>)> done)
    : shard_(shard), address_(std::move(address)), hello_(std::move(hello)), done_(std::move(done)) {}

PeerDial::~PeerDial() { stop(); }

void PeerDial::stop() {
  if (deadline_) shard_.cancel(*std::exchange(deadline_, std::nullopt));
  if (lookup_ != nullptr) {
    lookup_->wanted = false;
    lookup_->resolver.cancel();
  }
  socket_.reset();
}

std::string PeerDial::shown_address() const {
  const bool brackets = address_.host.find(':') != std::string::npos;
  return (brackets ? "[" + address_.host + "]" : address_.host) + ":" + std::to_string(address_.port);
}

void PeerDial::start() {
  set_deadline(kPeerConnectTime, "connecting to");
  asio::error_code not_numeric;
  const asio::ip::address numeric = asio::ip::make_address(address_.host, not_numeric);
  if (not_numeric) return look_up();
  const asio::ip::tcp::endpoint endpoint(numeric, address_.port);
  const auto* bytes = reinterpret_cast<const std::byte*>(endpoint.data());
  endpoints_.push_back({{bytes, bytes + endpoint.size()}, endpoint.protocol().family()});
  connect_next();
}

void PeerDial::look_up() {
  lookup_ = std::make_shared<Lookup>(runtime::io_context_of(shard_));
  lookup_->resolver.async_resolve(
      address_.host, std::to_string(address_.port), asio::ip::resolver_base::numeric_service,
      [this, lookup = lookup_](const asio::error_code& error,
                               const asio::ip::tcp::resolver::results_type& found) {
        if (!lookup->wanted) return;
        if (error) {
          return finish(Error{ErrorCode::kUnavailable, "the name of " + shown_address() +
                                                           " has no address: " + error.message() +
                                                           "; correct the peer's address"});
        }
        for (const auto& entry : found) {
          const asio::ip::tcp::endpoint endpoint = entry.endpoint();
          const auto* bytes = reinterpret_cast<const std::byte*>(endpoint.data());
          endpoints_.push_back({{bytes, bytes + endpoint.size()}, endpoint.protocol().family()});
        }
        std::reverse(endpoints_.begin(), endpoints_.end());
        connect_next();
      });
}

void PeerDial::connect_next() {
  while (!endpoints_.empty()) {
    const Endpoint endpoint = std::move(endpoints_.back());
    endpoints_.pop_back();
    SocketHandle socket(::socket(endpoint.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
      last_error_ = errno;
      continue;
    }
    set_peer_options(socket);
    const int number = socket.number();
    const int result = ::connect(number, reinterpret_cast<const sockaddr*>(endpoint.bytes.data()),
                                 static_cast<socklen_t>(endpoint.bytes.size()));
    if (result != 0 && errno != EINPROGRESS) {
      last_error_ = errno;
      continue;
    }
    socket_.emplace(shard_, std::move(socket));
    socket_->when_writable([this] {
      int error = 0;
      socklen_t size = sizeof error;
      if (::getsockopt(socket_->number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
      if (error == 0) return connected();
      last_error_ = error;
      socket_.reset();
      connect_next();
    });
    return;
  }
  finish(Error{ErrorCode::kUnavailable,
               "cannot connect to " + shown_address() + ": " + socket_error_text(last_error_)});
}

void PeerDial::connected() {
  set_deadline(kPeerHandshakeTime, "the handshake with");
  if (!send_whole(socket_->number(), encode_handshake(hello_))) {
    return finish(Error{ErrorCode::kUnavailable,
                        "cannot send to " + shown_address() + ": " + socket_error_text(errno)});
  }
  socket_->when_readable([this] { read_answer(); });
}

void PeerDial::read_answer() {
  auto answer = reader_.read(socket_->number());
  if (!answer) {
    Error error = std::move(answer).error();
    if (error.code != ErrorCode::kUnavailable) error.code = ErrorCode::kFailedPrecondition;
    error.context = shown_address() + ": " + error.context;
    return finish(std::move(error));
  }
  if (!answer->has_value()) return socket_->when_readable([this] { read_answer(); });
  PeerHandshake handshake = **std::move(answer);
  if (handshake.kind == PeerHandshakeKind::kRefused) {
    const std::string reason =
        speaks_our_version(handshake)
            ? handshake.reason
            : "it speaks versions " + std::to_string(handshake.version_min) + " to " +
                  std::to_string(handshake.version_max) + " of the peer protocol, this node " +
                  std::to_string(kPeerVersionMin) + " to " + std::to_string(kPeerVersionMax);
    // One that is just starting is not there yet; everything else is for the operator.
    const ErrorCode code = handshake.refusal == PeerRefusal::kNotReady ? ErrorCode::kUnavailable
                                                                       : ErrorCode::kFailedPrecondition;
    return finish(Error{code, shown_address() + " refused: " + reason});
  }
  const bool fits = handshake.kind == PeerHandshakeKind::kAccepted && speaks_our_version(handshake) &&
                    handshake.hello.node == hello_.to_node && handshake.to_node == hello_.hello.node &&
                    handshake.from_shard == hello_.to_shard && handshake.to_shard == hello_.from_shard &&
                    handshake.attempt == hello_.attempt;
  if (!fits) {
    return finish(
        Error{ErrorCode::kFailedPrecondition,
              shown_address() + " answered a hello with what is no answer to it; is that a Forebay peer?"});
  }
  finish(Dialled{socket_->release(), std::move(handshake)});
}

void PeerDial::set_deadline(runtime::Duration time, const char* what) {
  if (deadline_) shard_.cancel(*deadline_);
  deadline_ = shard_.schedule_after(time, [this, what, time] {
    deadline_.reset();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    finish(Error{ErrorCode::kUnavailable, std::string(what) + " " + shown_address() + " took more than " +
                                              std::to_string(ms) + " ms"});
  });
}

// The last thing that is done: the dial may be gone behind it.
void PeerDial::finish(Result<Dialled> result) {
  stop();
  auto done = std::move(done_);
  done(std::move(result));
}

}  // namespace forebay::io
