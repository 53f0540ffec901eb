#include "io/peer_shard_transport.h"

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "io/peer_listener.h"
#include "telemetry/log.h"

namespace forebay::io {

namespace {

bool fits(const model::Uuid& a, const model::Uuid& b) { return a.is_nil() || b.is_nil() || a == b; }

std::string shown(model::NodeId node) { return "node " + std::to_string(node.value()); }

}  // namespace

PeerShardTransport::PeerShardTransport(runtime::Shard& shard, std::uint32_t index, runtime::Rng& rng)
    : shard_(shard),
      index_(index),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(PeerInStream::kBufferBytes)),
      dialler_(shard, index, rng, *this) {
  runtime::add_turn_hook(shard_, *this);
}

PeerShardTransport::~PeerShardTransport() {
  FOREBAY_ASSERT(shard_.on_own_thread());
  *alive_ = false;
  runtime::remove_turn_hook(shard_, *this);
}

void PeerShardTransport::set_hello(const PeerHello& hello) {
  FOREBAY_ASSERT(!hello_ || hello_->node == hello.node);
  const bool has_joined = hello_ && hello_->cluster != hello.cluster;
  hello_ = hello;
  for (const auto& [peer, session] : sessions_) {
    const model::Uuid& cluster = session->peer().hello.cluster;
    if (fits(cluster, hello.cluster)) {
      // The other one has to hear of it, and hears it at the beginning of a session.
      if (has_joined)
        session->end(Error{ErrorCode::kFailedPrecondition, "this node has just come to a cluster"});
      continue;
    }
    session->end(Error{ErrorCode::kFailedPrecondition, shown(peer.node) + " belongs to cluster " +
                                                           cluster.to_string() + ", this node now to " +
                                                           hello.cluster.to_string()});
  }
  dialler_.set_hello(hello);
}

void PeerShardTransport::set_peers(const std::map<model::NodeId, PeerAddress>& peers) {
  FOREBAY_ASSERT(listener_ != nullptr);
  for (const auto& [node, address] : peers) removed_.erase(node);
  for (const auto& [peer, session] : sessions_) {
    if (!peers_.contains(peer.node) || peers.contains(peer.node)) continue;
    removed_[peer.node] = session->peer().hello.disk;
    session->end(
        Error{ErrorCode::kFailedPrecondition, shown(peer.node) + " is no peer of this node any more"});
  }
  std::erase_if(stats_, [&](const auto& entry) {
    return !peers.contains(entry.first.node) && !sessions_.contains(entry.first);
  });
  peers_ = peers;
  dialler_.set_peers(peers);
}

bool PeerShardTransport::send(const PeerShard& peer, PeerMessage message) {
  const auto found = sessions_.find(peer);
  return found != sessions_.end() && found->second->send(std::move(message));
}

std::size_t PeerShardTransport::room(const PeerShard& peer) const {
  const auto found = sessions_.find(peer);
  return found == sessions_.end() ? 0 : found->second->room();
}

void PeerShardTransport::end_session(const PeerShard& peer, const Error& why) {
  const auto found = sessions_.find(peer);
  if (found != sessions_.end()) found->second->end(why);
}

std::map<PeerShard, PeerStats> PeerShardTransport::stats() const {
  std::map<PeerShard, PeerStats> all = stats_;
  for (const auto& [peer, session] : sessions_) all[peer].queue_bytes = session->queue_bytes();
  return all;
}

// --- beginning
// -------------------------------------------------------------------------------------------------

std::size_t PeerShardTransport::stranger_sessions() const {
  return static_cast<std::size_t>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [this](const auto& entry) { return !peers_.contains(entry.first.node); }));
}

std::optional<PeerShardTransport::Refused> PeerShardTransport::why_refused(const PeerHandshake& from) const {
  const PeerHello& hello = from.hello;
  if (!hello_ || listener_ == nullptr) return Refused{PeerRefusal::kNotReady, "the node is starting"};
  if (hello.node == hello_->node) {
    return Refused{PeerRefusal::kSameNode,
                   "the id of both is " + std::to_string(hello.node.value()) +
                       ": the address leads back to the node, or two nodes have one id"};
  }
  if (!fits(hello.cluster, hello_->cluster)) {
    return Refused{PeerRefusal::kOtherCluster, shown(hello_->node) + " belongs to cluster " +
                                                   hello_->cluster.to_string() + ", " + shown(hello.node) +
                                                   " to " + hello.cluster.to_string()};
  }
  if (from.to_node != hello_->node) {
    return Refused{PeerRefusal::kWrongNode, shown(from.to_node) + " was meant, this is " +
                                                shown(hello_->node) + "; correct the address of that peer"};
  }
  if (hello.node < hello_->node) return Refused{PeerRefusal::kWrongSide, "the node with the higher id dials"};
  const auto removed = removed_.find(hello.node);
  if (removed != removed_.end() && removed->second == hello.disk) {
    return Refused{PeerRefusal::kNotAPeer,
                   shown(hello.node) + " is no peer of " + shown(hello_->node) + " any more"};
  }
  const auto present = sessions_.find({hello.node, from.from_shard});
  if (present != sessions_.end() && !present->second->ended()) {
    const PeerSession::Peer& peer = present->second->peer();
    const bool newer = hello.disk != peer.hello.disk || std::pair(hello.incarnation, from.attempt) >
                                                            std::pair(peer.hello.incarnation, peer.attempt);
    if (!newer)
      return Refused{PeerRefusal::kStale, "a newer session with " + shown(hello.node) + " is there"};
  } else if (!peers_.contains(hello.node) && stranger_sessions() >= kPeerStrangerSessionsMax) {
    return Refused{PeerRefusal::kTooMany, shown(hello_->node) + " has " +
                                              std::to_string(kPeerStrangerSessionsMax) +
                                              " sessions with nodes that it does not know"};
  }
  return std::nullopt;
}

void PeerShardTransport::accept(SocketHandle socket, const PeerHandshake& from) {
  if (const std::optional<Refused> refused = why_refused(from)) {
    const bool worth_a_line =
        refused->refusal != PeerRefusal::kNotReady && refused->refusal != PeerRefusal::kStale;
    if (worth_a_line && log_limit_.admit(std::to_string(from.hello.node.value()), shard_.now())) {
      telemetry::log_warn("peer refused", {{"node", from.hello.node.value()}, {"reason", refused->reason}});
    }
    return refuse_peer(std::move(socket), from, refused->refusal, refused->reason);
  }
  PeerHandshake answer;
  answer.kind = PeerHandshakeKind::kAccepted;
  answer.version_min = answer.version_max = std::min(kPeerVersionMax, from.version_max);
  answer.hello = *hello_;
  answer.to_node = from.hello.node;
  answer.from_shard = index_;
  answer.to_shard = from.from_shard;
  answer.attempt = from.attempt;
  if (!send_whole(socket.number(), encode_handshake(answer))) return;  // gone again
  begin_session({{from.hello.node, from.from_shard}, from.hello, from.attempt}, std::move(socket));
}

void PeerShardTransport::dialled(const PeerShard& peer, PeerDial::Dialled dialled) {
  begin_session({peer, dialled.answer.hello, dialled.answer.attempt}, std::move(dialled.socket));
}

void PeerShardTransport::begin_session(PeerSession::Peer peer, SocketHandle socket) {
  const PeerShard shard = peer.shard;
  end_present_session(shard,
                      Error{ErrorCode::kUnavailable, shown(shard.node) + " has begun a newer session"});
  // The listener may just have been told of an end, and have taken the node from the peers.
  const bool welcome = shard.node < hello_->node ? dialler_.dials(shard) : !removed_.contains(shard.node);
  if (!welcome) return;
  PeerStats& stats = stats_[shard];
  ++stats.sessions;
  auto& session = sessions_[shard];
  session = std::make_unique<PeerSession>(std::move(peer), PeerSocket(shard_, std::move(socket)),
                                          std::span(buffer_.get(), PeerInStream::kBufferBytes), stats,
                                          static_cast<PeerSession::Owner&>(*this));
  PeerSession& begun = *session;
  if (dialler_.dials(shard)) dialler_.session_began(shard, begun.peer().hello);
  // A line for every pair of shards would hide that of the nodes.
  const bool first = shard.shard == 0 && index_ == 0;
  telemetry::log(first ? telemetry::Level::kInfo : telemetry::Level::kDebug, "peer session begun",
                 {{"node", shard.node.value()},
                  {"shard", shard.shard},
                  {"own_shard", index_},
                  {"incarnation", begun.peer().hello.incarnation}});
  if (listener_ != nullptr) listener_->on_session(shard, begun.peer().hello);
  begun.start();
}

// --- ending
// ----------------------------------------------------------------------------------------------------

void PeerShardTransport::end_present_session(const PeerShard& peer, const Error& why) {
  const auto found = sessions_.find(peer);
  if (found == sessions_.end()) return;
  found->second->end(why);
  std::unique_ptr<PeerSession> session = std::move(found->second);
  sessions_.erase(found);
  report_end(std::move(session));
}

void PeerShardTransport::report_end(std::unique_ptr<PeerSession> session) {
  const PeerShard peer = session->peer().shard;
  const Error& why = *session->ended();
  std::erase(in_turn_, session.get());
  std::erase(reading_more_, session.get());
  if (!peers_.contains(peer.node)) stats_.erase(peer);
  if (dialler_.dials(peer)) dialler_.session_ended(peer);
  const bool first = peer.shard == 0 && index_ == 0;
  telemetry::log(
      first ? telemetry::Level::kInfo : telemetry::Level::kDebug, "peer session ended",
      {{"node", peer.node.value()}, {"shard", peer.shard}, {"own_shard", index_}, {"reason", why.context}});
  if (listener_ != nullptr) listener_->on_session_end(peer, why);
}

void PeerShardTransport::report_ends() {
  ends_to_report_ = false;
  for (;;) {
    const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                    [](const auto& entry) { return entry.second->ended().has_value(); });
    if (found == sessions_.end()) return;
    std::unique_ptr<PeerSession> session = std::move(found->second);
    sessions_.erase(found);
    report_end(std::move(session));
  }
}

void PeerShardTransport::has_ended(PeerSession&) {
  if (!std::exchange(ends_to_report_, true)) post(&PeerShardTransport::report_ends);
}

// --- turns and events
// ------------------------------------------------------------------------------------------

void PeerShardTransport::post(void (PeerShardTransport::*task)()) {
  shard_.post([this, task, alive = alive_] {
    if (*alive) (this->*task)();
  });
}

void PeerShardTransport::wants_turn(PeerSession& session) { in_turn_.push_back(&session); }

bool PeerShardTransport::end_of_turn() {
  turning_.swap(in_turn_);
  for (PeerSession* session : turning_) {
    if (session->turn() != PeerSession::Next::kReadMore) continue;
    if (reading_more_.empty()) post(&PeerShardTransport::read_more);
    reading_more_.push_back(session);
  }
  turning_.clear();
  return !in_turn_.empty();
}

void PeerShardTransport::between_tasks() {
  // By index: on_room may make the listener send, and so add to the list.
  for (std::size_t i = 0; i < in_turn_.size(); ++i) in_turn_[i]->flush();
}

void PeerShardTransport::read_more() {
  for (PeerSession* session : std::exchange(reading_more_, {})) session->read();
}

void PeerShardTransport::message_arrived(PeerSession& session, PeerMessage message) {
  if (listener_ != nullptr) listener_->on_message(session.peer().shard, std::move(message));
}
void PeerShardTransport::room_is_back(PeerSession& session) {
  if (listener_ != nullptr) listener_->on_room(session.peer().shard);
}
void PeerShardTransport::peer_unreachable(model::NodeId node, const Error& why) {
  if (listener_ != nullptr) listener_->on_unreachable(node, why);
}

}  // namespace forebay::io
