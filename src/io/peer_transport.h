// Messages between the shards of nodes. Two implementations: Asio TCP (real_peer_transport.h) and the
// simulated one in tests/sim, which is late, cuts and resets. What the messages say is not known here.
//
// Between a shard of this node and a shard of another there is at most one session at a time. Within a
// session messages arrive whole, unchanged, once and in the order of sending, or the session ends; of an
// older session nothing arrives once a newer one has begun. Both ends see the same sessions, one end perhaps
// later or, when the session is over by then, not at all. A session that ended is begun again by itself, with
// a delay that grows.
//
// Thread rules: a transport belongs to one shard; all calls on it, all callbacks run there, never inside a
// call into the transport. A callback may call the transport, but not destroy it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::io {

// A shard of another node.
struct PeerShard {
  model::NodeId node;
  std::uint32_t shard = 0;
  friend auto operator<=>(const PeerShard&, const PeerShard&) = default;
};

struct PeerAddress {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

// What nodes tell each other at the beginning of a session.
struct PeerHello {
  model::Uuid cluster;  // nil: in none yet
  model::NodeId node;
  model::Uuid disk;               // made with the data directory: a wiped node has another one
  std::uint64_t incarnation = 0;  // one for each start of the daemon, growing with the same disk
  std::uint32_t shard_count = 1;
  model::NodeId first_listed;  // of its static list, which must be the same everywhere; 0: it has none
  friend bool operator==(const PeerHello&, const PeerHello&) = default;
};

struct PeerMessage {
  std::string header;
  std::vector<SharedBytes> pieces;  // arrive as they were sent, each in a buffer of its own
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = header.size();
    for (const SharedBytes& piece : pieces) sum += piece.size();
    return sum;
  }
};

class PeerTransportListener {
 public:
  virtual ~PeerTransportListener() = default;
  virtual void on_session(const PeerShard& peer, const PeerHello& hello) = 0;
  // What was sent in it may not have arrived.
  virtual void on_session_end(const PeerShard& peer, const Error& why) = 0;
  // Nobody answers at the peer's address, or who answers is no peer of ours (another cluster, another node):
  // told once until it changes. Only where this node is the one that dials (the higher id does); the other
  // one just sees no session.
  virtual void on_unreachable(model::NodeId node, const Error& why) = 0;
  virtual void on_message(const PeerShard& peer, PeerMessage message) = 0;
  // There is room again after less than half of the bound was free: half of it at least.
  virtual void on_room(const PeerShard& peer) = 0;
};

class PeerTransport {
 public:
  virtual ~PeerTransport() = default;
  // Before the first session. nullptr, later: nobody listens any more, and what still arrives is dropped.
  virtual void set_listener(PeerTransportListener* listener) = 0;
  // Of the node from now on; new sessions say so. Before it no session begins. The node's id never changes.
  // Sessions with nodes of another cluster than this one end, and all sessions when the cluster changes: the
  // others hear of it when they begin anew.
  virtual void set_hello(const PeerHello& hello) = 0;
  // Keeps sessions with every shard of these nodes; this node among them is passed over. Sessions of a node
  // that is not among them any more end, and that node (with that disk) is refused from then on. A node that
  // never was among them may begin sessions when its cluster fits: it knows of this one first when it joins.
  virtual void set_peers(const std::map<model::NodeId, PeerAddress>& peers) = 0;
  // Queues it, to be sent with what else this turn brings. False: there is no session, or it ended by this.
  // Messages with pieces wait until room() has peer_room_wanted() of them; whoever queues more than
  // kPeerQueueSlackBytes beyond the bound loses the session.
  virtual bool send(const PeerShard& peer, PeerMessage message) = 0;
  [[nodiscard]] virtual std::size_t room(const PeerShard& peer) const = 0;  // bytes; 0 without a session
  // It has ended when this returns: nothing is sent or arrives in it any more. on_session_end follows, before
  // a new session begins.
  virtual void end_session(const PeerShard& peer, const Error& why) = 0;
};

// Queued and not yet taken by the network, per session.
inline constexpr std::size_t kPeerQueueBytes = 8U << 20;
// Messages without pieces (votes, answers, heartbeats) do not ask for room, and what was read from disk when
// there was room may come when there is none: eight reads of a mebibyte, one of them a batch of the largest
// size, are no fault. More means that the peer does not read, or that somebody does not wait.
inline constexpr std::size_t kPeerQueueSlackBytes = 16U << 20;
// Of one message, header and pieces; a larger one ends the session: it cannot come from a peer that keeps the
// rules.
inline constexpr std::size_t kPeerMessageBytesMax = 64U << 20;
// Of one message: a piece for each small frame of a full append is far less.
inline constexpr std::size_t kPeerPiecesMax = 64U << 10;
// How much room a message with pieces waits for: its size, but no more than on_room promises, so that the
// largest one is not late for ever.
[[nodiscard]] inline constexpr std::size_t peer_room_wanted(std::size_t message_bytes) {
  return message_bytes < kPeerQueueBytes / 2 ? message_bytes : kPeerQueueBytes / 2;
}

}  // namespace forebay::io
