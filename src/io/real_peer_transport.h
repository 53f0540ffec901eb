// Peers over TCP: one listening socket for the node, one PeerTransport for each of its shards, one connection
// between every pair of shards of two nodes. The node with the higher id dials. The wire:
// docs/format/peer.md. What is bounded: a session's queue (peer_transport.h), its reading (a shared buffer
// for each shard, and the message under way), handshakes under way, sessions with nodes that are not among
// the peers.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "io/peer_stats.h"
#include "io/peer_transport.h"

namespace forebay::runtime {
class Rng;
class Shard;
}  // namespace forebay::runtime

namespace forebay::io {

class PeerListener;
class PeerShardTransport;

class PeerNetwork {
 public:
  // Listens when it returns; nobody is answered but "not ready" before set_hello. `shards`: all of the node,
  // by index; they outlive the network. `rng`: used by all of them at once. Resolves the name of `address`
  // while the caller waits. Not on a thread of the shards. Errors: kFailedPrecondition (the address is in
  // use, or not of this machine), kUnavailable (the name has no address).
  [[nodiscard]] static Result<std::unique_ptr<PeerNetwork>> listen(const PeerAddress& address,
                                                                   std::vector<runtime::Shard*> shards,
                                                                   runtime::Rng& rng);
  // Ends everything, on each shard's thread, and waits for that; no callback runs afterwards. Not on a thread
  // of the shards, and not while they stop: before, or after.
  ~PeerNetwork();
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // Where it listens; with the port that was taken when 0 was asked for.
  [[nodiscard]] const PeerAddress& address() const { return address_; }
  [[nodiscard]] PeerTransport& of_shard(std::size_t index);
  // On that shard's thread. Of nodes that are among the peers, or in a session.
  [[nodiscard]] std::map<PeerShard, PeerStats> stats_of_shard(std::size_t index) const;

 private:
  PeerNetwork(PeerAddress address, std::vector<runtime::Shard*> shards);

  PeerAddress address_;
  std::vector<runtime::Shard*> shards_;
  std::vector<std::shared_ptr<PeerShardTransport>> transports_;
  std::unique_ptr<PeerListener> listener_;  // on shard 0
};

}  // namespace forebay::io
