// A socket on a shard: its descriptor, and waiting until it can be read or written. Keeps Asio out of
// headers.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "io/peer_codec.h"
#include "io/peer_transport.h"

namespace forebay::runtime {
class Shard;
}

namespace forebay::io {

// Owns a descriptor that nobody waits for: what is handed from shard to shard. Closes it.
class SocketHandle {
 public:
  SocketHandle() = default;
  explicit SocketHandle(int number) : number_(number) {}
  SocketHandle(SocketHandle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  SocketHandle& operator=(SocketHandle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~SocketHandle();
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// Thread rules: the shard's thread, or before its start or after its stop. May be destroyed by what it calls.
class PeerSocket {
 public:
  // Requires: the socket does not block.
  PeerSocket(runtime::Shard& shard, SocketHandle socket);
  ~PeerSocket();
  PeerSocket(PeerSocket&&) noexcept;
  PeerSocket& operator=(PeerSocket&&) noexcept;

  // Calls `ready` once, never inside the call, and not after close, release or destruction. One at a time for
  // each direction.
  void when_readable(UniqueFunction<void()> ready);
  void when_writable(UniqueFunction<void()> ready);
  [[nodiscard]] int number() const;
  [[nodiscard]] bool is_open() const { return watch_ != nullptr; }
  void close();
  // Stops waiting. Returns: the descriptor.
  [[nodiscard]] SocketHandle release();

 private:
  struct Watch;
  std::shared_ptr<Watch> watch_;
};

// Listens. Resolves a name while the caller waits: for the start of the node only. Errors:
// kFailedPrecondition (in use, or not an address of this machine), kUnavailable (the name has no address).
[[nodiscard]] Result<SocketHandle> listen_for_peers(const PeerAddress& address);
[[nodiscard]] std::uint16_t port_of(const SocketHandle& socket);
// No delay of small messages, and an end of connections whose other end is gone without a word.
void set_peer_options(const SocketHandle& socket);
[[nodiscard]] std::string socket_error_text(int error_number);  // "connection refused"

// Sends all of it at once or fails: a handshake, into the empty buffer of a new connection.
[[nodiscard]] bool send_whole(int socket, ByteSpan bytes);

// Reads one handshake and no byte more.
class HandshakeReader {
 public:
  // Reads what is there. Returns: the handshake when it is whole. Errors: kInvalidArgument, no handshake;
  // kUnavailable, the connection ended.
  [[nodiscard]] Result<std::optional<PeerHandshake>> read(int socket);

 private:
  std::vector<std::byte> bytes_;
  std::size_t wanted_ = kPeerHandshakeHeadBytes;
};

}  // namespace forebay::io
