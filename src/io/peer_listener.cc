#include "io/peer_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runtime/shard.h"
#include "telemetry/log.h"

namespace forebay::io {

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr runtime::Duration kAcceptPause =
    std::chrono::milliseconds(100);  // when there are no descriptors left

std::string shown(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
    return ::inet_ntop(AF_INET6, &in6.sin6_addr, text.data(), text.size()) != nullptr ? text.data()
                                                                                      : "unknown";
  }
  const auto& in4 = reinterpret_cast<const sockaddr_in&>(address);
  return ::inet_ntop(AF_INET, &in4.sin_addr, text.data(), text.size()) != nullptr ? text.data() : "unknown";
}

}  // namespace

void refuse_peer(SocketHandle socket, const PeerHandshake& hello, PeerRefusal refusal,
                 std::string_view reason) {
  PeerHandshake answer;
  answer.kind = PeerHandshakeKind::kRefused;
  answer.to_node = hello.hello.node;
  answer.from_shard = hello.to_shard;
  answer.to_shard = hello.from_shard;
  answer.attempt = hello.attempt;
  answer.refusal = refusal;
  answer.reason = reason;
  // It may be gone already; then nobody misses the answer.
  static_cast<void>(send_whole(socket.number(), encode_handshake(answer)));
}

PeerListener::PeerListener(runtime::Shard& shard, SocketHandle socket, std::uint32_t shard_count,
                           UniqueFunction<void(SocketHandle, PeerHandshake)> accepted)
    : shard_(shard),
      socket_(shard, std::move(socket)),
      shard_count_(shard_count),
      accepted_(std::move(accepted)) {
  wait();
}

PeerListener::~PeerListener() {
  if (pause_) shard_.cancel(*pause_);
  for (const Pending& pending : pending_) shard_.cancel(pending.deadline);
}

void PeerListener::wait() {
  socket_.when_readable([this] { accept_all(); });
}

void PeerListener::accept_all() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    SocketHandle socket(::accept4(socket_.number(), reinterpret_cast<sockaddr*>(&address), &size,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.is_open()) {
      add(std::move(socket), shown(address));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (log_limit_.admit("accept", shard_.now())) {
        telemetry::log_warn("cannot accept peers", {{"error", socket_error_text(errno)}});
      }
      pause_ = shard_.schedule_after(kAcceptPause, [this] {
        pause_.reset();
        wait();
      });
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // The others speak of the one connection only, which is gone.
  }
  wait();
}

void PeerListener::add(SocketHandle socket, std::string from) {
  if (pending_.size() >= kPeerPendingMax)
    drop(pending_.begin(), "too many connections wait for their handshake");
  set_peer_options(socket);
  const auto pending = pending_.insert(
      pending_.end(),
      Pending{PeerSocket(shard_, std::move(socket)), std::move(from), {}, runtime::TimerId{}});
  pending->deadline = shard_.schedule_after(
      kPeerHandshakeTime, [this, pending] { drop(pending, "its handshake did not arrive in time"); });
  pending->socket.when_readable([this, pending] { read(pending); });
}

void PeerListener::read(std::list<Pending>::iterator pending) {
  auto handshake = pending->reader.read(pending->socket.number());
  if (!handshake) return drop(pending, handshake.error().context);
  if (!handshake->has_value()) {
    pending->socket.when_readable([this, pending] { read(pending); });
    return;
  }
  PeerHandshake hello = **std::move(handshake);
  if (hello.kind != PeerHandshakeKind::kHello) return drop(pending, "its first word was an answer");
  SocketHandle socket = pending->socket.release();
  if (!speaks_our_version(hello)) {
    const std::string why = "this node speaks versions " + std::to_string(kPeerVersionMin) + " to " +
                            std::to_string(kPeerVersionMax) + " of the peer protocol, the other one " +
                            std::to_string(hello.version_min) + " to " + std::to_string(hello.version_max);
    refuse_peer(std::move(socket), hello, PeerRefusal::kVersion, why);
    return drop(pending, why);
  }
  if (hello.to_shard >= shard_count_) {
    const std::string why =
        "there is no shard " + std::to_string(hello.to_shard) + ", only " + std::to_string(shard_count_);
    refuse_peer(std::move(socket), hello, PeerRefusal::kNoSuchShard, why);
    return drop(pending, why);
  }
  shard_.cancel(pending->deadline);
  pending_.erase(pending);
  accepted_(std::move(socket), std::move(hello));
}

void PeerListener::drop(std::list<Pending>::iterator pending, std::string_view why) {
  if (log_limit_.admit(pending->from, shard_.now())) {
    telemetry::log_warn("peer connection refused", {{"from", pending->from}, {"reason", why}});
  }
  shard_.cancel(pending->deadline);
  pending_.erase(pending);
}

}  // namespace forebay::io
