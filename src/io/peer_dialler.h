// Keeps dialling the peers with a lower id than this node's: one connection from this shard to each of their
// shards. How many they have their shard 0 tells. Owned by one shard; calls its owner back from tasks of its
// own, never inside a call.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/peer_dial.h"

namespace forebay::io {

// Between two attempts: nothing after a session that has lived, then this, doubling.
inline constexpr runtime::Duration kPeerRedialMin = std::chrono::milliseconds(20);
inline constexpr runtime::Duration kPeerRedialMax = std::chrono::milliseconds(500);
// A session that ended sooner is taken for a failed attempt, so that two that cannot agree do not spin.
inline constexpr runtime::Duration kPeerSessionLives = std::chrono::seconds(1);

class PeerDialler {
 public:
  class Owner {
   public:
    virtual void dialled(const PeerShard& peer, PeerDial::Dialled dialled) = 0;
    virtual void peer_unreachable(model::NodeId node, const Error& why) = 0;

   protected:
    ~Owner() = default;
  };

  PeerDialler(runtime::Shard& shard, std::uint32_t shard_index, runtime::Rng& rng, Owner& owner);
  ~PeerDialler();
  PeerDialler(const PeerDialler&) = delete;
  PeerDialler& operator=(const PeerDialler&) = delete;

  void set_hello(const PeerHello& hello);
  void set_peers(const std::map<model::NodeId, PeerAddress>& peers);
  [[nodiscard]] bool dials(const PeerShard& peer) const { return links_.contains(peer); }
  // Requires, of the next two: dials(peer).
  void session_began(const PeerShard& peer, const PeerHello& hello);
  void session_ended(const PeerShard& peer);

 private:
  struct Link {
    unsigned failures = 0;  // in a row
    bool in_session = false;
    runtime::TimePoint session_began{};
    std::optional<runtime::TimerId> timer;
    std::unique_ptr<PeerDial> dial;
  };
  void update();
  void add_link(const PeerShard& peer);
  void drop_links(model::NodeId node, std::uint32_t from_shard);
  void dial_after_pause(const PeerShard& peer, Link& link);
  void dial(const PeerShard& peer);
  void dial_done(const PeerShard& peer, Result<PeerDial::Dialled> result);
  void failed(const PeerShard& peer, Link& link, const Error& why);
  [[nodiscard]] runtime::Duration pause(unsigned failures);

  runtime::Shard& shard_;
  const std::uint32_t shard_index_;
  runtime::Rng& rng_;
  Owner& owner_;
  std::optional<PeerHello> hello_;
  std::map<model::NodeId, PeerAddress> peers_;
  std::map<PeerShard, Link> links_;
  std::map<model::NodeId, std::string> unreachable_;  // what was told of those that are
};

}  // namespace forebay::io
