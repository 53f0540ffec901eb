// How sessions of the simulated network end: at each end by itself, and not at the same time.
#include <utility>
#include <vector>

#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

// How often an end with a doubtful session says something that would have to be answered.
constexpr Duration kProbeMin = 5ms;
constexpr Duration kProbeMax = 200ms;
// From the moment a machine knows that a session is over to the process that is told.
constexpr Duration kTellMax = 50us;

}  // namespace

// The process of that end knows now, or is no more.
void SimNetwork::finish(const SessionPtr& session, std::size_t end) {
  session->failing[end] = true;
  session->over[end] = true;
  SimDirection& incoming = session->to[end];
  incoming.on_the_way.clear();
  incoming.delivery_armed = false;
  ++incoming.delivery;
  drop_outgoing(*session, end);
  const io::PeerShard peer = session->shards[1 - end];
  if (session->attached[end]) {
    auto& known = find(session->shards[end])->sessions_;
    if (const auto at = known.find(peer); at != known.end() && at->second.session == session) known.erase(at);
  }
  if (session->over[1 - end]) {
    sessions_.erase(session->number);
  } else {
    watch(session, 1 - end);
  }
  if (end == 1 && session->attached[end]) consider({session->shards[0], session->shards[1]});
}

void SimNetwork::drop_outgoing(SimSession& session, std::size_t end) {
  SimDirection& outgoing = session.to[1 - end];
  outgoing.queued.clear();
  outgoing.queued_bytes = 0;
}

// That end gives up by itself: what came for it and was not taken in is gone.
void SimNetwork::fail(const SessionPtr& session, std::size_t end, Error why) {
  if (session->over[end]) return;
  if (!session->told[end]) return finish(session, end);
  session->failing[end] = true;
  SimDirection& incoming = session->to[end];
  incoming.on_the_way.clear();
  incoming.delivery_armed = false;
  drop_outgoing(*session, end);
  SimSessionItem item;
  item.kind = SimSessionItem::Kind::kEnd;
  item.arrival = scheduler_.now() + draw_duration(Duration(1), kTellMax);
  item.from_afar = false;
  item.why = std::move(why);
  incoming.on_the_way.push_back(std::move(item));
  arm_delivery(session, end);
  watch(session, 1 - end);
}

// That end hears of it over the wire, behind a part of what was on its way.
void SimNetwork::fail_later(const SessionPtr& session, std::size_t end, Error why) {
  if (session->over[end] || session->failing[end]) return;
  session->failing[end] = true;
  lose_some(session->to[end]);
  drop_outgoing(*session, end);
  SimSessionItem item;
  item.kind = SimSessionItem::Kind::kEnd;
  item.arrival = scheduler_.now() + draw_delay();
  item.why = std::move(why);
  put_on_the_way(session, end, std::move(item));
  watch(session, end);
}

// Somewhere in between the connection was forgotten.
void SimNetwork::break_session(const SessionPtr& session, const std::string& why) {
  if (session->failing[0] && session->failing[1]) return;
  ++stats_.resets;
  for (std::size_t end = 0; end < 2; ++end) fail_later(session, end, {ErrorCode::kUnavailable, why});
}

// The process of `end` wants no more of it.
void SimNetwork::end_by(const SessionPtr& session, std::size_t end, Error why) {
  if (session->failing[end]) return;
  fail_later(session, 1 - end, {ErrorCode::kUnavailable, "the other side ended it: " + why.context});
  fail(session, end, std::move(why));
}

// What follows a drawn place never arrives; often nothing is lost.
void SimNetwork::lose_some(SimDirection& direction) {
  if (direction.on_the_way.empty() || rng_.one_in(2)) return;
  // That it began was said before.
  const std::size_t kept = rng_.below(direction.on_the_way.size() + 1);
  while (direction.on_the_way.size() > kept &&
         direction.on_the_way.back().kind == SimSessionItem::Kind::kMessage) {
    direction.on_the_way.pop_back();
  }
}

std::size_t SimNetwork::reset(model::NodeId a, model::NodeId b) {
  std::vector<SessionPtr> hit;
  for (const auto& [number, session] : sessions_) {
    const model::NodeId low = session->shards[0].node;
    const model::NodeId high = session->shards[1].node;
    if ((low == a && high == b) || (low == b && high == a)) hit.push_back(session);
  }
  for (const SessionPtr& session : hit) break_session(session, "connection reset");
  return hit.size();
}

// --- an end that hears nothing

void SimNetwork::watch_all_between(model::NodeId a, model::NodeId b) {
  std::vector<SessionPtr> hit;
  for (const auto& [number, session] : sessions_) {
    const model::NodeId low = session->shards[0].node;
    const model::NodeId high = session->shards[1].node;
    if ((low == a && high == b) || (low == b && high == a)) hit.push_back(session);
  }
  for (const SessionPtr& session : hit) {
    watch(session, 0);
    watch(session, 1);
  }
}

void SimNetwork::watch(const SessionPtr& session, std::size_t end) {
  if (session->over[end] || session->watched[end]) return;
  session->watched[end] = true;
  session->gives_up[end] = scheduler_.now() + draw_duration(options_.give_up_min, options_.give_up_max);
  scheduler_.add_event(draw_duration(kProbeMin, kProbeMax), this, nullptr,
                       [this, session, end] { look_after(session, end); });
}

void SimNetwork::look_after(const SessionPtr& session, std::size_t end) {
  const std::size_t other = 1 - end;
  const model::NodeId here = session->shards[end].node;
  const model::NodeId there = session->shards[other].node;
  session->watched[end] = false;
  if (session->over[end]) return;
  const bool reachable = !is_cut(here, there) && !is_cut(there, here) && !dark_.contains(there);
  if (reachable && !session->failing[end]) {
    if (!session->failing[other]) return;  // it has healed
    ++stats_.half_open;
    return fail(session, end, {ErrorCode::kUnavailable, "the other side does not know the connection"});
  }
  if (!reachable && scheduler_.now() >= session->gives_up[end]) {
    ++stats_.gave_up;
    const bool tells = !cut_towards(*session, other) && rng_.one_in(2);
    if (tells) fail_later(session, other, {ErrorCode::kUnavailable, "the other side gave up"});
    return fail(session, end, {ErrorCode::kUnavailable, "nothing was heard for too long"});
  }
  session->watched[end] = true;
  scheduler_.add_event(draw_duration(kProbeMin, kProbeMax), this, nullptr,
                       [this, session, end] { look_after(session, end); });
}

}  // namespace forebay::sim
