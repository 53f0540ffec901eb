// What went over the sessions with one shard of a peer.
#pragma once

#include <cstdint>

namespace forebay::io {

// Sums of all sessions, but for queue_bytes: of the present one.
struct PeerStats {
  std::uint64_t sessions = 0;       // begun
  std::uint64_t messages_sent = 0;  // queued; what a session's end dropped is among them
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_sent = 0;  // taken by the network, prefixes too
  std::uint64_t bytes_received = 0;
  std::uint64_t queue_bytes = 0;  // not yet taken by the network
};

}  // namespace forebay::io
