// Accepts connections of peers and reads their hellos; what cannot be told to a shard is refused here. Owned
// by one shard. Memory and descriptors of strangers are bounded: kPeerPendingMax, and a deadline for each.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string_view>

#include "base/unique_function.h"
#include "io/peer_dial.h"
#include "io/peer_socket.h"
#include "telemetry/repeat_limiter.h"

namespace forebay::io {

// Connections whose hello has not arrived. One more pushes out the oldest: a peer's hello comes at once, so
// those that wait are the ones that nobody misses.
inline constexpr std::size_t kPeerPendingMax = 64;

// Answers a hello with a refusal and closes.
void refuse_peer(SocketHandle socket, const PeerHandshake& hello, PeerRefusal refusal,
                 std::string_view reason);

class PeerListener {
 public:
  // `accepted`: a hello to one of the `shard_count` shards, and its connection, which waits for the answer.
  PeerListener(runtime::Shard& shard, SocketHandle socket, std::uint32_t shard_count,
               UniqueFunction<void(SocketHandle, PeerHandshake)> accepted);
  ~PeerListener();
  PeerListener(const PeerListener&) = delete;
  PeerListener& operator=(const PeerListener&) = delete;

 private:
  struct Pending {
    PeerSocket socket;
    std::string from;
    HandshakeReader reader;
    runtime::TimerId deadline;
  };
  void wait();
  void accept_all();
  void add(SocketHandle socket, std::string from);
  void read(std::list<Pending>::iterator pending);
  void drop(std::list<Pending>::iterator pending, std::string_view why);

  runtime::Shard& shard_;
  PeerSocket socket_;
  const std::uint32_t shard_count_;
  UniqueFunction<void(SocketHandle, PeerHandshake)> accepted_;
  std::list<Pending> pending_;  // oldest first
  std::optional<runtime::TimerId> pause_;
  telemetry::RepeatLimiter log_limit_;
};

}  // namespace forebay::io
