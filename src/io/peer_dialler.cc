#include "io/peer_dialler.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "runtime/shard.h"
#include "telemetry/log.h"

namespace forebay::io {

PeerDialler::PeerDialler(runtime::Shard& shard, std::uint32_t shard_index, runtime::Rng& rng, Owner& owner)
    : shard_(shard), shard_index_(shard_index), rng_(rng), owner_(owner) {}

PeerDialler::~PeerDialler() {
  for (auto& [peer, link] : links_) {
    if (link.timer) shard_.cancel(*link.timer);
  }
}

void PeerDialler::set_hello(const PeerHello& hello) {
  hello_ = hello;
  update();
}

void PeerDialler::set_peers(const std::map<model::NodeId, PeerAddress>& peers) {
  for (const auto& [node, address] : peers_) {
    const auto found = peers.find(node);
    if (found == peers.end()) {
      drop_links(node, 0);
      unreachable_.erase(node);
    } else if (found->second != address) {
      for (auto link = links_.lower_bound({node, 0}); link != links_.end() && link->first.node == node;
           ++link) {
        if (link->second.in_session) continue;
        link->second.failures = 0;
        link->second.dial.reset();
        dial_after_pause(link->first, link->second);
      }
    }
  }
  peers_ = peers;
  update();
}

void PeerDialler::update() {
  if (!hello_) return;
  for (const auto& [node, address] : peers_) {
    if (node < hello_->node && !links_.contains({node, 0})) add_link({node, 0});
  }
}

void PeerDialler::add_link(const PeerShard& peer) { dial_after_pause(peer, links_[peer]); }

void PeerDialler::drop_links(model::NodeId node, std::uint32_t from_shard) {
  auto link = links_.lower_bound({node, from_shard});
  while (link != links_.end() && link->first.node == node) {
    if (link->second.timer) shard_.cancel(*link->second.timer);
    link = links_.erase(link);
  }
}

runtime::Duration PeerDialler::pause(unsigned failures) {
  if (failures == 0) return {};
  runtime::Duration most = kPeerRedialMin;
  for (unsigned i = 1; i < failures && most < kPeerRedialMax; ++i) most *= 2;
  most = std::min(most, kPeerRedialMax);
  // At least half of it, so that it is a pause; the rest is drawn, so that not all come at once.
  const auto half = static_cast<std::uint64_t>(most.count() / 2);
  return runtime::Duration(static_cast<std::int64_t>(half + rng_.next() % (half + 1)));
}

void PeerDialler::dial_after_pause(const PeerShard& peer, Link& link) {
  if (link.timer) shard_.cancel(*link.timer);
  link.timer = shard_.schedule_after(pause(link.failures), [this, peer] { dial(peer); });
}

void PeerDialler::dial(const PeerShard& peer) {
  Link& link = links_.at(peer);
  link.timer.reset();
  if (link.in_session) return;
  PeerHandshake handshake;
  handshake.kind = PeerHandshakeKind::kHello;
  handshake.hello = *hello_;
  handshake.to_node = peer.node;
  handshake.from_shard = shard_index_;
  handshake.to_shard = peer.shard;
  // Grows within the life of the process, also when this object is made anew.
  handshake.attempt = static_cast<std::uint64_t>(shard_.now().time_since_epoch().count());
  link.dial = std::make_unique<PeerDial>(
      shard_, peers_.at(peer.node), std::move(handshake),
      [this, peer](Result<PeerDial::Dialled> result) { dial_done(peer, std::move(result)); });
  link.dial->start();
}

// Nothing of the dial, nor of the link, is touched behind the owner's call.
void PeerDialler::dial_done(const PeerShard& peer, Result<PeerDial::Dialled> result) {
  Link& link = links_.at(peer);
  const std::unique_ptr<PeerDial> over = std::move(link.dial);
  if (!result) return failed(peer, link, result.error());
  const model::Uuid& cluster = result->answer.hello.cluster;
  if (!cluster.is_nil() && !hello_->cluster.is_nil() && cluster != hello_->cluster) {
    return failed(
        peer, link,
        Error{ErrorCode::kFailedPrecondition,
              "node " + std::to_string(peer.node.value()) + " belongs to cluster " + cluster.to_string() +
                  ", this node to " + hello_->cluster.to_string() + "; correct the peer's address"});
  }
  owner_.dialled(peer, *std::move(result));
}

void PeerDialler::failed(const PeerShard& peer, Link& link, const Error& why) {
  ++link.failures;
  dial_after_pause(peer, link);
  telemetry::log_debug("peer not reached", {{"node", peer.node.value()},
                                            {"shard", peer.shard},
                                            {"from_shard", shard_index_},
                                            {"failures", link.failures},
                                            {"error", why.context}});
  // Shard 0 speaks for the node, or several links would contradict each other.
  if (peer.shard != 0) return;
  std::string& told = unreachable_[peer.node];
  if (told == why.context) return;
  told = why.context;
  if (shard_index_ == 0) {
    telemetry::log_warn("peer unreachable", {{"node", peer.node.value()}, {"error", why.context}});
  }
  owner_.peer_unreachable(peer.node, why);
}

void PeerDialler::session_began(const PeerShard& peer, const PeerHello& hello) {
  Link& link = links_.at(peer);
  FOREBAY_ASSERT(!link.in_session);
  link.in_session = true;
  link.session_began = shard_.now();
  if (peer.shard != 0) return;
  unreachable_.erase(peer.node);
  drop_links(peer.node, hello.shard_count);
  for (std::uint32_t shard = 1; shard < hello.shard_count; ++shard) {
    if (!links_.contains({peer.node, shard})) add_link({peer.node, shard});
  }
}

void PeerDialler::session_ended(const PeerShard& peer) {
  Link& link = links_.at(peer);
  link.in_session = false;
  if (shard_.now() - link.session_began >= kPeerSessionLives) link.failures = 0;
  dial_after_pause(peer, link);
  ++link.failures;
}

}  // namespace forebay::io
