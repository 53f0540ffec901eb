// What goes through the sessions of the simulated network.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;
using Kind = SimSessionItem::Kind;

// What was lost for a cut is sent again by a timer, which has grown meanwhile.
constexpr Duration kRetransmitMax = 400ms;
// So that messages without a byte fill a queue too.
constexpr std::size_t kMessageOverheadBytes = 16;

std::size_t size_of(const io::PeerMessage& message) { return message.bytes() + kMessageOverheadBytes; }

// As it comes out of a socket: in buffers that hold nothing else.
void detach_pieces(io::PeerMessage& message) {
  for (SharedBytes& piece : message.pieces) piece = SharedBytes(piece.owner(), piece.span(), piece.size());
}

}  // namespace

bool SimNetwork::cut_towards(const SimSession& session, std::size_t to) const {
  return !cuts_.empty() && is_cut(session.shards[1 - to].node, session.shards[to].node);
}

bool SimNetwork::send(const SessionPtr& session, std::size_t from, io::PeerMessage message) {
  if (session->failing[from]) return true;  // its process does not know yet
  if (message.bytes() > io::kPeerMessageBytesMax || message.pieces.size() > io::kPeerPiecesMax) {
    end_by(session, from, {ErrorCode::kInvalidArgument, "a message is larger than the bound"});
    return false;
  }
  SimDirection& direction = session->to[1 - from];
  detach_pieces(message);
  direction.queued_bytes += size_of(message);
  direction.queued.push_back(std::move(message));
  pump(session, 1 - from);
  if (direction.queued_bytes > options_.queue_bytes / 2) direction.room_wanted = true;
  if (direction.queued_bytes > options_.queue_bytes + options_.queue_slack_bytes) {
    ++stats_.overflows;
    end_by(session, from, {ErrorCode::kResourceExhausted, "the peer does not read"});
    return false;
  }
  if (options_.reset_chance > 0 && rng_.chance(options_.reset_chance))
    break_session(session, "connection reset");
  return true;
}

// From the sender's queue to the network, as far as the window and the line allow.
void SimNetwork::pump(const SessionPtr& session, std::size_t to) {
  SimDirection& direction = session->to[to];
  while (!direction.queued.empty()) {
    const std::size_t bytes = size_of(direction.queued.front());
    if (direction.window_bytes > 0 && direction.window_bytes + bytes > options_.window_bytes) break;
    TimePoint departure = scheduler_.now();
    if (options_.bytes_per_second > 0) {
      if (direction.line_free > departure) {
        arm_pump(session, to);
        break;
      }
      departure += Duration(static_cast<std::int64_t>(bytes * 1'000'000'000ULL / options_.bytes_per_second));
      direction.line_free = departure;
    }
    SimSessionItem item;
    item.arrival = departure + draw_delay();
    item.message = std::move(direction.queued.front());
    direction.queued.pop_front();
    direction.queued_bytes -= bytes;
    direction.window_bytes += bytes;
    put_on_the_way(session, to, std::move(item));
  }
  if (direction.room_wanted && direction.queued_bytes <= options_.queue_bytes / 2) {
    direction.room_wanted = false;
    tell_room(session, 1 - to);
  }
}

void SimNetwork::arm_pump(const SessionPtr& session, std::size_t to) {
  SimDirection& direction = session->to[to];
  if (direction.pump_armed) return;
  direction.pump_armed = true;
  scheduler_.add_event(direction.line_free - scheduler_.now(), this, nullptr, [this, session, to] {
    session->to[to].pump_armed = false;
    pump(session, to);
  });
}

void SimNetwork::tell_room(const SessionPtr& session, std::size_t from) {
  if (!session->attached[from] || session->over[from]) return;
  SimExecutor& executor = find(session->shards[from])->executor_;
  scheduler_.add_event(Duration(0), &executor, &executor, [this, session, from] {
    if (!session->attached[from] || session->over[from]) return;
    find(session->shards[from])->listener_->on_room(session->shards[1 - from]);
  });
}

void SimNetwork::put_on_the_way(const SessionPtr& session, std::size_t to, SimSessionItem item) {
  SimDirection& direction = session->to[to];
  if (!session->attached[to] || session->over[to]) return;
  direction.last_arrival = std::max(direction.last_arrival, item.arrival);
  item.arrival = direction.last_arrival;
  if (item.kind == Kind::kMessage && cut_towards(*session, to)) ++stats_.held_messages;
  direction.on_the_way.push_back(std::move(item));
  arm_delivery(session, to);
}

void SimNetwork::arm_delivery(const SessionPtr& session, std::size_t to) {
  SimDirection& direction = session->to[to];
  if (direction.delivery_armed || direction.on_the_way.empty() || !session->attached[to]) return;
  const SimSessionItem& next = direction.on_the_way.front();
  if (next.from_afar && cut_towards(*session, to)) return;  // healing arms it
  direction.delivery_armed = true;
  SimExecutor& executor = find(session->shards[to])->executor_;
  scheduler_.add_event(next.arrival - scheduler_.now(), &executor, &executor,
                       [this, session, to, number = ++direction.delivery] { deliver(session, to, number); });
}

// All that has arrived, in one turn of the process.
void SimNetwork::deliver(const SessionPtr& session, std::size_t to, std::uint64_t number) {
  SimDirection& direction = session->to[to];
  if (direction.delivery != number) return;
  direction.delivery_armed = false;
  while (session->attached[to] && !session->over[to] && !direction.on_the_way.empty()) {
    const SimSessionItem& next = direction.on_the_way.front();
    if (next.arrival > scheduler_.now() || (next.from_afar && cut_towards(*session, to))) break;
    SimSessionItem item = std::move(direction.on_the_way.front());
    direction.on_the_way.pop_front();
    if (item.kind == Kind::kMessage) {
      const std::size_t bytes = size_of(item.message);
      if (cut_towards(*session, 1 - to)) {
        direction.unacknowledged_bytes += bytes;
      } else {
        direction.window_bytes -= bytes;
      }
    }
    tell(session, to, std::move(item));
  }
  arm_delivery(session, to);
  if (!session->failing[1 - to]) pump(session, to);
}

void SimNetwork::tell(const SessionPtr& session, std::size_t end, SimSessionItem item) {
  SimPeerTransport& transport = *find(session->shards[end]);
  const io::PeerShard peer = session->shards[1 - end];
  trace_.add(session->number * 8 + end * 4 + static_cast<std::uint64_t>(item.kind));
  switch (item.kind) {
    case Kind::kBegin: {
      if (const auto old = transport.sessions_.find(peer); old != transport.sessions_.end()) {
        ++stats_.replaced;
        const SimPeerTransport::Held held = old->second;
        finish(held.session, held.end);
        transport.listener_->on_session_end(peer,
                                            {ErrorCode::kUnavailable, "a newer connection replaced it"});
      }
      if (session->over[end] || !session->attached[end]) return;
      session->told[end] = true;
      transport.sessions_[peer] = {session, end};
      transport.unreachable_.erase(peer.node);
      transport.listener_->on_session(peer, session->hellos[1 - end]);
      break;
    }
    case Kind::kMessage:
      ++stats_.messages;
      stats_.bytes += item.message.bytes();
      if (!session->attached[1 - end]) ++stats_.messages_of_dead;
      trace_.add(item.message.header);
      for (const SharedBytes& piece : item.message.pieces) trace_.add(piece.size());
      transport.listener_->on_message(peer, std::move(item.message));
      break;
    case Kind::kEnd:
      finish(session, end);
      transport.listener_->on_session_end(peer, item.why);
      break;
  }
}

// --- cuts

void SimNetwork::cut(model::NodeId from, model::NodeId to) {
  FOREBAY_ASSERT(from != to);
  if (!cuts_.emplace(from, to).second) return;
  for (const auto& [number, session] : sessions_) {
    for (std::size_t end = 0; end < 2; ++end) {
      if (session->shards[end].node == to && session->shards[1 - end].node == from)
        stats_.held_messages += session->to[end].on_the_way.size();
    }
  }
  watch_all_between(from, to);
}

void SimNetwork::heal(model::NodeId from, model::NodeId to) {
  if (cuts_.erase({from, to}) == 0) return;
  for (const auto& [number, session] : sessions_) {
    for (std::size_t end = 0; end < 2; ++end) {
      if (session->shards[end].node != to || session->shards[1 - end].node != from) continue;
      SimDirection& direction = session->to[end];
      if (!direction.on_the_way.empty() && direction.on_the_way.front().from_afar) {
        TimePoint& arrival = direction.on_the_way.front().arrival;
        arrival = std::max(arrival, scheduler_.now() + draw_duration(Duration(0), kRetransmitMax));
        direction.last_arrival = std::max(direction.last_arrival, arrival);
        arm_delivery(session, end);
      }
      // What went the other way is acknowledged at last.
      SimDirection& reverse = session->to[1 - end];
      reverse.window_bytes -= std::exchange(reverse.unacknowledged_bytes, 0);
      pump(session, 1 - end);
    }
  }
}

void SimNetwork::heal_all() {
  const auto cuts = cuts_;
  for (const auto& [from, to] : cuts) heal(from, to);
}

}  // namespace forebay::sim
