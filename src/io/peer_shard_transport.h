// The sessions of one shard: which of them may begin, which is the one of a pair, when its listener is told.
// Owned by PeerNetwork; lives on its shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "io/peer_dialler.h"
#include "io/peer_session.h"
#include "runtime/shard.h"
#include "runtime/turn_hook.h"
#include "telemetry/repeat_limiter.h"

namespace forebay::io {

// Sessions of one shard with nodes that are not among its peers (perhaps joining ones); further ones are
// refused.
inline constexpr std::size_t kPeerStrangerSessionsMax = 256;

class PeerShardTransport final : public PeerTransport,
                                 private PeerSession::Owner,
                                 private PeerDialler::Owner,
                                 private runtime::TurnHook {
 public:
  PeerShardTransport(runtime::Shard& shard, std::uint32_t index, runtime::Rng& rng);
  ~PeerShardTransport() override;
  PeerShardTransport(const PeerShardTransport&) = delete;
  PeerShardTransport& operator=(const PeerShardTransport&) = delete;

  void set_listener(PeerTransportListener* listener) override { listener_ = listener; }
  void set_hello(const PeerHello& hello) override;
  void set_peers(const std::map<model::NodeId, PeerAddress>& peers) override;
  bool send(const PeerShard& peer, PeerMessage message) override;
  [[nodiscard]] std::size_t room(const PeerShard& peer) const override;
  void end_session(const PeerShard& peer, const Error& why) override;

  // A hello to this shard: answers it, and begins the session.
  void accept(SocketHandle socket, const PeerHandshake& hello);
  [[nodiscard]] std::map<PeerShard, PeerStats> stats() const;

 private:
  struct Refused {
    PeerRefusal refusal;
    std::string reason;
  };
  [[nodiscard]] std::optional<Refused> why_refused(const PeerHandshake& hello) const;
  [[nodiscard]] std::size_t stranger_sessions() const;
  void begin_session(PeerSession::Peer peer, SocketHandle socket);
  void end_present_session(const PeerShard& peer, const Error& why);
  void report_end(std::unique_ptr<PeerSession> session);
  void report_ends();
  void post(void (PeerShardTransport::*task)());
  void read_more();

  void wants_turn(PeerSession& session) override;
  void has_ended(PeerSession& session) override;
  void message_arrived(PeerSession& session, PeerMessage message) override;
  void room_is_back(PeerSession& session) override;
  void dialled(const PeerShard& peer, PeerDial::Dialled dialled) override;
  void peer_unreachable(model::NodeId node, const Error& why) override;
  bool end_of_turn() override;
  void between_tasks() override;

  runtime::Shard& shard_;
  const std::uint32_t index_;
  PeerTransportListener* listener_ = nullptr;
  std::optional<PeerHello> hello_;
  std::map<model::NodeId, PeerAddress> peers_;
  std::map<model::NodeId, model::Uuid> removed_;  // from the peers, with the disk of their last session
  std::map<PeerShard, PeerStats> stats_;
  std::unique_ptr<std::byte[]> buffer_;
  std::map<PeerShard, std::unique_ptr<PeerSession>>
      sessions_;  // present ones, and ended ones not yet told of
  std::vector<PeerSession*> in_turn_;
  std::vector<PeerSession*> turning_;  // only used within end_of_turn
  std::vector<PeerSession*> reading_more_;
  bool ends_to_report_ = false;
  telemetry::RepeatLimiter log_limit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // tasks that were posted look here first
  PeerDialler dialler_;
};

}  // namespace forebay::io
