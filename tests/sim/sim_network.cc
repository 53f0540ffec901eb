#include "sim/sim_network.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "sim/sim_peer_transport.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

// What a dialler does between two attempts; it tries at once after the end of a session.
constexpr Duration kRetryMin = 20ms;
constexpr Duration kRetryMax = 500ms;

}  // namespace

SimNetwork::Options SimNetwork::draw(SimRng& rng) {
  Options options;
  if (rng.one_in(2)) options.delay_max = std::chrono::microseconds(rng.between(20, 3000));
  if (rng.one_in(2)) {
    options.late_chance = static_cast<double>(rng.between(1, 100)) / (rng.one_in(3) ? 300.0 : 10'000.0);
    options.late_delay_max = std::chrono::milliseconds(rng.between(1, 130));
  }
  if (rng.one_in(3)) options.reset_chance = static_cast<double>(rng.between(1, 50)) / 10'000.0;
  if (rng.one_in(4)) options.bytes_per_second = rng.between(1, 100) << 20;
  if (rng.one_in(4)) options.window_bytes = rng.between(4, 64) << 10;
  // An append may be a mebibyte, and waits for room of that size.
  if (rng.one_in(4)) options.queue_bytes = rng.between(2, 4) << 20;
  if (rng.one_in(4)) options.connect_delay_max = std::chrono::milliseconds(rng.between(1, 200));
  if (rng.one_in(3)) {
    options.give_up_min = std::chrono::milliseconds(rng.between(100, 5000));
    options.give_up_max = options.give_up_min + std::chrono::milliseconds(rng.between(1, 10'000));
  }
  return options;
}

SimNetwork::SimNetwork(SimScheduler& scheduler, const Options& options)
    : scheduler_(scheduler), options_(options), rng_(scheduler.fork_rng()) {}

SimNetwork::~SimNetwork() {
  FOREBAY_ASSERT(transports_.empty());
  scheduler_.discard_events_of(this);
}

std::unique_ptr<SimPeerTransport> SimNetwork::attach(const io::PeerShard& self, SimExecutor& executor) {
  auto transport = std::make_unique<SimPeerTransport>(*this, self, executor);
  const bool is_new = transports_.emplace(self, transport.get()).second;
  FOREBAY_ASSERT(is_new);
  dark_.erase(self.node);
  return transport;
}

SimPeerTransport* SimNetwork::find(const io::PeerShard& shard) const {
  const auto at = transports_.find(shard);
  return at == transports_.end() ? nullptr : at->second;
}

void SimNetwork::process_died(model::NodeId node, Death how) {
  std::vector<SimPeerTransport*> dying;
  for (const auto& [shard, transport] : transports_) {
    if (shard.node == node) dying.push_back(transport);
  }
  for (SimPeerTransport* transport : dying) detach(*transport, how);
  if (how == Death::kPower) dark_.insert(node);
}

void SimNetwork::detach(SimPeerTransport& transport, Death how) {
  transport.dead_ = true;
  transport.sessions_.clear();
  transports_.erase(transport.self_);
  std::vector<SessionPtr> affected;
  for (const auto& [number, session] : sessions_) affected.push_back(session);
  for (const SessionPtr& session : affected) {
    for (std::size_t end = 0; end < 2; ++end) {
      if (session->shards[end] != transport.self_ || !session->attached[end]) continue;
      session->attached[end] = false;
      session->failing[end] = true;
      finish(session, end);
      if (how == Death::kProcess) {
        fail_later(session, 1 - end, {ErrorCode::kUnavailable, "the other side closed the connection"});
      } else {
        lose_some(session->to[1 - end]);
      }
    }
  }
  for (auto& [pair, link] : links_) {
    if (pair.second == transport.self_) link.attempt_armed = false;
  }
}

// --- making sessions

void SimNetwork::consider_all_of(const io::PeerShard& shard) {
  std::vector<Pair> pairs;
  for (const auto& [other, transport] : transports_) {
    if (other.node == shard.node) continue;
    pairs.emplace_back(std::min(shard, other), std::max(shard, other));
  }
  for (const Pair& pair : pairs) consider(pair);
}

bool SimNetwork::wants_to_dial(const Pair& pair, const Link& link) const {
  const SimPeerTransport* dialler = find(pair.second);
  if (dialler == nullptr || dialler->listener_ == nullptr || !dialler->has_hello_) return false;
  if (!dialler->peers_.contains(pair.first.node)) return false;
  return link.session == nullptr || link.session->over[1];
}

void SimNetwork::consider(const Pair& pair) {
  Link& link = links_[pair];
  if (link.attempt_armed || !wants_to_dial(pair, link)) return;
  // One that nobody serves is not dialled at all: it is when it comes up, or after the usual delay.
  arm_attempt(pair, link, draw_duration(Duration(1), options_.connect_delay_max));
}

void SimNetwork::arm_attempt(const Pair& pair, Link& link, Duration delay) {
  SimExecutor& executor = find(pair.second)->executor_;
  link.attempt_armed = true;
  scheduler_.add_event(delay, &executor, &executor,
                       [this, pair, number = ++link.attempt] { attempt(pair, number); });
}

void SimNetwork::attempt(const Pair& pair, std::uint64_t number) {
  Link& link = links_[pair];
  if (!link.attempt_armed || link.attempt != number) return;
  link.attempt_armed = false;
  if (!wants_to_dial(pair, link)) return;
  const std::string why = obstacle(pair);
  if (why.empty()) return begin(pair, link);
  ++stats_.refusals;
  link.retry_delay = std::clamp(link.retry_delay * 2, kRetryMin, kRetryMax);
  arm_attempt(pair, link, draw_duration(link.retry_delay / 2, link.retry_delay));
  SimPeerTransport& dialler = *find(pair.second);
  std::string& told = dialler.unreachable_[pair.first.node];
  if (told == why) return;
  told = why;
  dialler.listener_->on_unreachable(pair.first.node, Error{ErrorCode::kUnavailable, why});
}

// Why no session can be made now; empty: nothing.
std::string SimNetwork::obstacle(const Pair& pair) const {
  const model::NodeId a = pair.first.node;
  const model::NodeId b = pair.second.node;
  const std::string name = "node " + std::to_string(a.value());
  const SimPeerTransport* acceptor = find(pair.first);
  if (dark_.contains(a) || is_cut(a, b) || is_cut(b, a)) return name + " does not answer";
  if (acceptor == nullptr) return name + " refuses connections";
  if (acceptor->executor_.paused()) return name + " does not answer the handshake";
  if (acceptor->listener_ == nullptr || !acceptor->has_hello_) return name + " refuses connections";
  if (acceptor->refused_.contains(b)) return name + " wants no sessions with us";
  const model::Uuid& ours = find(pair.second)->hello_.cluster;
  const model::Uuid& theirs = acceptor->hello_.cluster;
  if (!ours.is_nil() && !theirs.is_nil() && ours != theirs) return name + " is of another cluster";
  return {};
}

void SimNetwork::begin(const Pair& pair, Link& link) {
  auto session = std::make_shared<SimSession>();
  session->number = next_session_++;
  session->shards = {pair.first, pair.second};
  session->hellos = {find(pair.first)->hello_, find(pair.second)->hello_};
  link.session = session;
  link.retry_delay = Duration(0);
  sessions_.emplace(session->number, session);
  ++stats_.sessions;
  for (std::size_t end = 0; end < 2; ++end) {
    SimSessionItem item;
    item.kind = SimSessionItem::Kind::kBegin;
    item.arrival = scheduler_.now() + draw_delay();
    put_on_the_way(session, end, std::move(item));
  }
}

// --- draws

Duration SimNetwork::draw_duration(Duration low, Duration high) {
  return Duration(static_cast<std::int64_t>(
      rng_.between(static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count()))));
}

Duration SimNetwork::draw_delay() {
  const Duration delay = draw_duration(std::min(options_.delay_min, options_.delay_max), options_.delay_max);
  if (options_.late_chance == 0 || !rng_.chance(options_.late_chance)) return delay;
  ++stats_.late_messages;
  return delay + draw_duration(Duration(0), options_.late_delay_max);
}

// --- the transports

SimPeerTransport::~SimPeerTransport() {
  if (!dead_) network_.detach(*this, SimNetwork::Death::kProcess);
}

void SimPeerTransport::set_listener(io::PeerTransportListener* listener) {
  FOREBAY_ASSERT(executor_.on_own_thread() && (listener == nullptr || sessions_.empty()));
  listener_ = listener;
  if (dead_) return;
  // Whose listener is gone has nobody left to read: its process ends.
  if (listener == nullptr) return network_.detach(*this, SimNetwork::Death::kProcess);
  network_.consider_all_of(self_);
}

void SimPeerTransport::set_hello(const io::PeerHello& hello) {
  FOREBAY_ASSERT(executor_.on_own_thread() && hello.node == self_.node && self_.shard < hello.shard_count);
  hello_ = hello;
  has_hello_ = true;
  if (dead_) return;
  end_sessions({ErrorCode::kFailedPrecondition, "the node is of another cluster"}, [this](const Held& held) {
    const model::Uuid& theirs = held.session->hellos[1 - held.end].cluster;
    return !theirs.is_nil() && !hello_.cluster.is_nil() && theirs != hello_.cluster;
  });
  network_.consider_all_of(self_);
}

void SimPeerTransport::set_peers(const std::map<model::NodeId, io::PeerAddress>& peers) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  for (const auto& [node, address] : peers_) {
    if (!peers.contains(node)) refused_.insert(node);
  }
  for (const auto& [node, address] : peers) refused_.erase(node);
  peers_ = peers;
  if (dead_) return;
  end_sessions({ErrorCode::kFailedPrecondition, "the node is no peer any more"}, [this](const Held& held) {
    return refused_.contains(held.session->shards[1 - held.end].node);
  });
  network_.consider_all_of(self_);
}

void SimPeerTransport::end_sessions(const Error& why, const std::function<bool(const Held&)>& unwanted) {
  std::vector<io::PeerShard> ending;
  for (const auto& [peer, held] : sessions_) {
    if (unwanted(held)) ending.push_back(peer);
  }
  for (const io::PeerShard& peer : ending) end_session(peer, why);
}

bool SimPeerTransport::send(const io::PeerShard& peer, io::PeerMessage message) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  const auto at = sessions_.find(peer);
  if (at == sessions_.end() || at->second.ended) return false;
  if (network_.send(at->second.session, at->second.end, std::move(message))) return true;
  at->second.ended = true;
  return false;
}

std::size_t SimPeerTransport::room(const io::PeerShard& peer) const {
  FOREBAY_ASSERT(executor_.on_own_thread());
  const auto at = sessions_.find(peer);
  if (at == sessions_.end() || at->second.ended) return 0;
  const std::size_t queued = at->second.session->to[1 - at->second.end].queued_bytes;
  return network_.options_.queue_bytes - std::min(network_.options_.queue_bytes, queued);
}

void SimPeerTransport::end_session(const io::PeerShard& peer, const Error& why) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  const auto at = sessions_.find(peer);
  if (at == sessions_.end() || std::exchange(at->second.ended, true)) return;
  network_.end_by(at->second.session, at->second.end, why);
}

}  // namespace forebay::sim
