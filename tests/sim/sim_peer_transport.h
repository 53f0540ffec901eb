// The transport of one shard of one life of a process in the simulated network. That it is called on its own
// shard, which the real one would notice by chance, is asserted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "sim/sim_network.h"

namespace forebay::sim {

class SimPeerTransport final : public io::PeerTransport {
 public:
  SimPeerTransport(SimNetwork& network, const io::PeerShard& self, SimExecutor& executor)
      : network_(network), self_(self), executor_(executor) {}
  ~SimPeerTransport() override;
  SimPeerTransport(const SimPeerTransport&) = delete;
  SimPeerTransport& operator=(const SimPeerTransport&) = delete;

  void set_listener(io::PeerTransportListener* listener) override;
  void set_hello(const io::PeerHello& hello) override;
  // The simulated network finds nodes by their id: addresses are not looked at.
  void set_peers(const std::map<model::NodeId, io::PeerAddress>& peers) override;
  bool send(const io::PeerShard& peer, io::PeerMessage message) override;
  [[nodiscard]] std::size_t room(const io::PeerShard& peer) const override;
  void end_session(const io::PeerShard& peer, const Error& why) override;

  [[nodiscard]] const io::PeerShard& self() const { return self_; }
  // Its process is dead for the network: calls do nothing.
  [[nodiscard]] bool dead() const { return dead_; }
  [[nodiscard]] bool has_session(const io::PeerShard& peer) const { return sessions_.contains(peer); }

 private:
  friend class SimNetwork;
  struct Held {
    std::shared_ptr<SimSession> session;
    std::size_t end = 0;  // which one of it is ours
    bool ended = false;   // by this end: its listener will be told
  };

  void end_sessions(const Error& why, const std::function<bool(const Held&)>& unwanted);

  SimNetwork& network_;
  const io::PeerShard self_;
  SimExecutor& executor_;
  io::PeerTransportListener* listener_ = nullptr;
  io::PeerHello hello_;
  bool has_hello_ = false;
  bool dead_ = false;
  std::map<model::NodeId, io::PeerAddress> peers_;
  std::set<model::NodeId> refused_;                   // were peers once
  std::map<model::NodeId, std::string> unreachable_;  // what the listener was told
  // As its process sees them.
  std::map<io::PeerShard, Held> sessions_;
};

}  // namespace forebay::sim
