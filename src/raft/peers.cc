#include "raft/peers.h"

#include <algorithm>
#include <utility>

#include "log/journal.h"
#include "raft/install_state.h"
#include "raft/raft_group.h"

namespace forebay::raft {
namespace {

// Each holds up to an append's bytes; two followers of a handful of groups are enough to keep a disk busy.
constexpr std::uint32_t kReadSlots = 8;
constexpr runtime::Duration kCatchUpLooksEvery = std::chrono::milliseconds(100);

}  // namespace

Peers::Peers(io::PeerTransport& transport, runtime::Executor& executor, const PeersConfig& config)
    : transport_(transport),
      executor_(executor),
      config_(config),
      read_slots_(kReadSlots),
      fill_pace_(config.fill_bytes_per_second),
      catch_up_(config.catch_up_bytes_per_second),
      alive_(std::make_shared<Peers*>(this)) {
  transport_.set_listener(this);
  beat_timer_ = executor_.schedule_after(config_.heartbeat_interval, [this] { beat(); });
}

Peers::~Peers() {
  *alive_ = nullptr;
  transport_.set_listener(nullptr);
  executor_.cancel(beat_timer_);
  for (const auto& [id, node] : nodes_) {
    if (node.grace) executor_.cancel(*node.grace);
  }
  for (const auto& [id, waiting] : waiting_) executor_.cancel(waiting.timer);
  if (fill_timer_) executor_.cancel(*fill_timer_);
  if (catch_up_timer_) executor_.cancel(*catch_up_timer_);
}

// --- groups

void Peers::add(RaftGroup& group) {
  groups_[group.id()] = &group;
  opened_.insert(group.id());
  run_later();
}

void Peers::remove(RaftGroup& group) {
  groups_.erase(group.id());
  to_pump_.erase(group.id());
}

bool Peers::has_link(model::NodeId node) const {
  // Ordered by node: its first shard, or whatever comes behind.
  const auto at = links_.lower_bound({node, 0});
  return at != links_.end() && at->first.node == node;
}

std::optional<io::PeerShard> Peers::shard_for(model::NodeId node, const model::TopicPartition& group) const {
  const auto known = nodes_.find(node);
  if (known == nodes_.end()) return std::nullopt;
  return io::PeerShard{node, log::shard_of(group, known->second.hello.shard_count)};
}

bool Peers::is_reachable(model::NodeId node, const model::TopicPartition& group) const {
  const auto peer = shard_for(node, group);
  return peer && links_.contains(*peer) && !is_refused(node);
}

bool Peers::is_fit(model::NodeId node, const model::TopicPartition& group) const {
  const auto peer = shard_for(node, group);
  const auto link = peer ? links_.find(*peer) : links_.end();
  return link != links_.end() && !link->second.hardship.any();
}

std::optional<model::Uuid> Peers::disk_of(model::NodeId node) const {
  const auto known = nodes_.find(node);
  if (known == nodes_.end()) return std::nullopt;
  return known->second.hello.disk;
}

std::size_t Peers::room(model::NodeId node, const model::TopicPartition& group) const {
  const auto peer = shard_for(node, group);
  return peer ? transport_.room(*peer) : 0;
}

bool Peers::send(model::NodeId node, const model::TopicPartition& group, const Message& message) {
  const auto peer = shard_for(node, group);
  return peer && transport_.send(*peer, encode(GroupMessage{group, message}));
}

bool Peers::send(model::NodeId node, Append append) {
  const auto peer = shard_for(node, append.group);
  return peer && transport_.send(*peer, encode(PeerWords(std::move(append))));
}

void Peers::send(model::NodeId node, const RepairRequest& request) {
  if (const auto peer = shard_for(node, request.group))
    static_cast<void>(transport_.send(*peer, encode(PeerWords(request))));
}

bool Peers::send(model::NodeId node, RepairFrames frames) {
  const auto peer = shard_for(node, frames.group);
  return peer && transport_.send(*peer, encode(PeerWords(std::move(frames))));
}

void Peers::send(model::NodeId node, const LeaveRequest& request) {
  if (const auto peer = shard_for(node, request.group))
    static_cast<void>(transport_.send(*peer, encode(PeerWords(request))));
}

void Peers::send(model::NodeId node, const LeaveResponse& response) {
  if (const auto peer = shard_for(node, response.group))
    static_cast<void>(transport_.send(*peer, encode(PeerWords(response))));
}

void Peers::send(model::NodeId node, const Compacted& words) {
  if (const auto peer = shard_for(node, words.group))
    static_cast<void>(transport_.send(*peer, encode(PeerWords(words))));
}

void Peers::send(model::NodeId node, const CompactedEverywhere& words) {
  if (const auto peer = shard_for(node, words.group))
    static_cast<void>(transport_.send(*peer, encode(PeerWords(words))));
}

void Peers::pump_soon(RaftGroup& group) {
  to_pump_.insert(group.id());
  run_later();
}

void Peers::leadership_changed(RaftGroup& group) {
  to_tell_.insert(group.id());
  run_later();
}

void Peers::run_later() {
  if (std::exchange(turn_scheduled_, true)) return;
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->end_turn();
  });
}

// A leader may have asked already, and waits for the answer.
void Peers::tell_opened() {
  const auto opened = std::exchange(opened_, {});
  for (const auto& [peer, link] : links_) {
    const std::uint32_t shards = nodes_.at(peer.node).hello.shard_count;
    Opened words;
    for (const model::TopicPartition& id : opened) {
      if (groups_.contains(id) && log::shard_of(id, shards) == peer.shard) words.groups.push_back(id);
    }
    if (!words.groups.empty()) static_cast<void>(transport_.send(peer, encode(std::move(words))));
  }
}

void Peers::end_turn() {
  turn_scheduled_ = false;
  if (!opened_.empty()) tell_opened();
  const auto changed = std::exchange(to_tell_, {});
  if (!changed.empty()) {
    const std::vector<model::TopicPartition> groups(changed.begin(), changed.end());
    for (const auto& [peer, link] : links_) tell_led(peer, false, groups);
    for (const auto& id : groups) {
      const auto at = groups_.find(id);
      if (at == groups_.end() || !at->second->is_leader() || !listener_.leads) continue;
      listener_.leads(id, at->second->term(), config_.self);
    }
  }
  for (const auto& id : std::exchange(to_pump_, {})) {
    if (const auto at = groups_.find(id); at != groups_.end()) at->second->pump();
  }
  // Who waited for a slot may want it no more: the turn goes on to the next one.
  while (read_slots_ > 0 && !wanting_slots_.empty()) {
    const model::TopicPartition id = wanting_slots_.front();
    wanting_slots_.pop_front();
    wants_slot_.erase(id);
    if (const auto at = groups_.find(id); at != groups_.end()) at->second->pump();
  }
}

bool Peers::take_read_slot(RaftGroup& group) {
  if (read_slots_ > 0) {
    --read_slots_;
    return true;
  }
  if (wants_slot_.insert(group.id()).second) wanting_slots_.push_back(group.id());
  return false;
}

void Peers::give_read_slot() {
  ++read_slots_;
  if (!wanting_slots_.empty()) run_later();
}

bool Peers::may_fill(RaftGroup& group) {
  const runtime::Duration wait = fill_pace_.wait(executor_.now());
  if (wait == runtime::Duration(0)) return true;
  wants_to_fill_.insert(group.id());
  if (fill_timer_) return false;
  fill_timer_ = executor_.schedule_after(wait, [this] {
    fill_timer_.reset();
    pump_again(wants_to_fill_);
  });
  return false;
}

void Peers::pump_again(std::set<model::TopicPartition>& waiting) {
  to_pump_.merge(waiting);
  waiting.clear();  // those that are pumped anyway
  run_later();
}

void Peers::filled(std::size_t bytes) { fill_pace_.filled(bytes, executor_.now()); }

void Peers::set_fill_rate(std::uint64_t bytes_per_second) {
  fill_pace_.set_rate(bytes_per_second, executor_.now());
  if (fill_timer_) executor_.cancel(*std::exchange(fill_timer_, std::nullopt));
  pump_again(wants_to_fill_);
}

bool Peers::may_catch_up(RaftGroup& group, model::NodeId member) {
  const auto now = executor_.now().time_since_epoch();
  const auto ready_at = catch_up_.ready_at(member, now);
  if (ready_at <= now) return true;
  wants_to_catch_up_.insert(group.id());
  if (catch_up_timer_) return false;
  // It may be let go sooner: writing may have ended.
  catch_up_timer_ = executor_.schedule_after(std::min(ready_at - now, kCatchUpLooksEvery), [this] {
    catch_up_timer_.reset();
    pump_again(wants_to_catch_up_);
  });
  return false;
}

void Peers::caught_up(model::NodeId member, std::size_t bytes) {
  catch_up_.took(member, bytes, executor_.now().time_since_epoch());
}

// What it leads of `groups`, to who may host them there; and what it leads no more.
void Peers::tell_led(const io::PeerShard& peer, bool complete,
                     const std::vector<model::TopicPartition>& groups) {
  const std::uint32_t shards = nodes_.at(peer.node).hello.shard_count;
  Led led{complete, {}};
  Resigned resigned;
  for (const model::TopicPartition& id : groups) {
    const auto at = groups_.find(id);
    if (at == groups_.end() || log::shard_of(id, shards) != peer.shard) continue;
    const RaftGroup& group = *at->second;
    if (group.is_leader()) {
      led.groups.push_back({id, group.term()});
    } else if (!complete) {
      resigned.groups.push_back({id, group.term()});
    }
  }
  if (complete || !led.groups.empty()) static_cast<void>(transport_.send(peer, encode(std::move(led))));
  if (!resigned.groups.empty()) static_cast<void>(transport_.send(peer, encode(std::move(resigned))));
}

// --- links

void Peers::on_session(const io::PeerShard& peer, const io::PeerHello& hello) {
  Node& node = nodes_[peer.node];
  const bool is_new = node.gone || node.hello != hello;
  const bool other_life = node.hello.incarnation != hello.incarnation || node.hello.disk != hello.disk;
  if (node.hello.incarnation != 0 && other_life && !node.gone) {
    // It was away so shortly that nobody noticed: what it led it leads no more.
    node_gone(peer.node, {ErrorCode::kUnavailable, "the node has been started again"});
  }
  node.hello = hello;
  node.heard = executor_.now();
  node.gone = false;
  if (node.grace) executor_.cancel(*std::exchange(node.grace, std::nullopt));
  links_[peer] = Link{.alive_at = executor_.now(), .unechoed = {}, .hardship = {}};
  if (is_new && listener_.appeared) listener_.appeared(peer.node, hello);
  std::vector<model::TopicPartition> all;
  for (const auto& [id, group] : groups_) all.push_back(id);
  tell_led(peer, true, all);
  for (const auto& id : all) {
    const auto at = groups_.find(id);
    if (at == groups_.end() || log::shard_of(id, hello.shard_count) != peer.shard) continue;
    at->second->peer_connected(peer.node);
  }
}

void Peers::on_session_end(const io::PeerShard& peer, const Error& why) {
  links_.erase(peer);
  std::vector<std::uint64_t> broken;
  for (const auto& [id, waiting] : waiting_) {
    if (waiting.peer == peer) broken.push_back(id);
  }
  for (const std::uint64_t id : broken) {
    finish(id, Error{ErrorCode::kOutcomeUnknown, "the link to node " + std::to_string(peer.node.value()) +
                                                     " broke before it answered: " + why.context});
  }
  Node& node = nodes_.at(peer.node);
  if (node.grace || node.gone) return;
  node.grace = executor_.schedule_after(config_.session_grace, [this, id = peer.node, why] {
    nodes_.at(id).grace.reset();
    links_changed(id);
    if (!has_link(id)) node_gone(id, why);
  });
}

void Peers::on_unreachable(model::NodeId id, const Error& why) {
  const auto known = nodes_.find(id);
  if (known == nodes_.end()) {
    if (listener_.gone) listener_.gone(id, why);
    return;
  }
  if (!has_link(id)) node_gone(id, why);
}

void Peers::node_gone(model::NodeId id, const Error& why) {
  Node& node = nodes_.at(id);
  if (std::exchange(node.gone, true)) return;
  node.away_since = node.heard;
  if (node.grace) executor_.cancel(*std::exchange(node.grace, std::nullopt));
  if (listener_.gone) listener_.gone(id, why);
  std::vector<model::TopicPartition> all;
  for (const auto& [group_id, group] : groups_) all.push_back(group_id);
  tell_lost(id, all);
}

// Some of a node's links are gone for longer than a moment: those groups cannot reach it.
void Peers::links_changed(model::NodeId id) {
  std::vector<model::TopicPartition> cut;
  for (const auto& [group_id, group] : groups_) {
    if (!is_reachable(id, group_id)) cut.push_back(group_id);
  }
  tell_lost(id, cut);
}

// A listener may close groups meanwhile.
void Peers::tell_lost(model::NodeId id, const std::vector<model::TopicPartition>& groups) {
  for (const auto& group_id : groups) {
    if (const auto at = groups_.find(group_id); at != groups_.end()) at->second->peer_lost(id);
  }
}

void Peers::beat() {
  const runtime::TimePoint now = executor_.now();
  std::vector<io::PeerShard> dead;
  for (auto& [peer, link] : links_) {
    if (now - link.alive_at > config_.failure_timeout) {
      dead.push_back(peer);
      continue;
    }
    link.unechoed.push_back(now);
    static_cast<void>(transport_.send(peer, encode(Heartbeat{++link.sent, link.heard, hardship_})));
  }
  for (const io::PeerShard& peer : dead) {
    const Error why{ErrorCode::kTimedOut, "node " + std::to_string(peer.node.value()) +
                                              " has not answered a heartbeat within the failure timeout"};
    links_.erase(peer);
    transport_.end_session(peer, why);
    // It has been silent long enough: no grace.
    links_changed(peer.node);
    if (!has_link(peer.node)) node_gone(peer.node, why);
  }
  beat_timer_ = executor_.schedule_after(config_.heartbeat_interval, [this] { beat(); });
}

void Peers::on_room(const io::PeerShard& peer) {
  const std::uint32_t shards = nodes_.at(peer.node).hello.shard_count;
  for (const auto& [id, group] : groups_) {
    if (group->is_leader() && log::shard_of(id, shards) == peer.shard) to_pump_.insert(id);
  }
  run_later();
}

// --- messages

void Peers::on_message(const io::PeerShard& peer, io::PeerMessage message) {
  if (!links_.contains(peer)) return;
  nodes_.at(peer.node).heard = executor_.now();
  auto words = decode(message);
  if (!words) {
    // Damaged on the way, or of another version: nothing of the session can be trusted.
    links_.erase(peer);
    transport_.end_session(peer, words.error());
    return;
  }
  std::visit([&](auto& one) { receive(peer, std::move(one)); }, *words);
}

void Peers::receive(const io::PeerShard& from, Heartbeat&& words) {
  Link& link = links_.at(from);
  link.heard = std::max(link.heard, words.sequence);
  link.hardship = words.hardship;
  while (link.echoed < words.echo && !link.unechoed.empty()) {
    ++link.echoed;
    link.alive_at = link.unechoed.front();
    link.unechoed.pop_front();
  }
}

void Peers::receive(const io::PeerShard& from, Led&& words) {
  if (is_refused(from.node)) return;
  std::set<model::TopicPartition> led;
  for (const LedGroup& one : words.groups) {
    led.insert(one.group);
    if (listener_.leads) listener_.leads(one.group, one.term, from.node);
  }
  if (!words.complete) return;
  const std::uint32_t shards = nodes_.at(from.node).hello.shard_count;
  std::vector<RaftGroup*> lost;
  for (const auto& [id, group] : groups_) {
    if (group->leader() == from.node && !led.contains(id) && log::shard_of(id, shards) == from.shard)
      lost.push_back(group);
  }
  for (RaftGroup* group : lost) group->peer_lost(from.node);
}

void Peers::receive(const io::PeerShard& from, Resigned&& words) {
  for (const LedGroup& one : words.groups) {
    const auto at = groups_.find(one.group);
    // Its term may be a later one, which ended its leadership.
    if (at != groups_.end() && at->second->term() <= one.term) at->second->peer_lost(from.node);
  }
}

void Peers::receive(const io::PeerShard& from, Opened&& words) {
  for (const model::TopicPartition& id : words.groups) {
    if (const auto at = groups_.find(id); at != groups_.end()) at->second->peer_connected(from.node);
  }
}

// For whatever is said about a group: a refused disk may hold another history.
RaftGroup* Peers::find(model::NodeId from, const model::TopicPartition& group) {
  if (is_refused(from)) return nullptr;
  const auto at = groups_.find(group);
  if (at != groups_.end()) return at->second;
  if (listener_.unknown_group) listener_.unknown_group(from, group);
  return nullptr;
}

void Peers::receive(const io::PeerShard& from, GroupMessage&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, words.message);
}

void Peers::receive(const io::PeerShard& from, Append&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, std::move(words));
}

void Peers::receive(const io::PeerShard& from, RepairRequest&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, words);
}

void Peers::receive(const io::PeerShard& from, RepairFrames&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, std::move(words));
}

void Peers::receive(const io::PeerShard& from, LeaveRequest&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, words);
}

void Peers::receive(const io::PeerShard& from, LeaveResponse&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(words);
}

void Peers::receive(const io::PeerShard& from, Compacted&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, words);
}

void Peers::receive(const io::PeerShard& from, CompactedEverywhere&& words) {
  if (RaftGroup* group = find(from.node, words.group)) group->receive(from.node, words);
}

// --- requests

void Peers::request(model::NodeId node, const model::TopicPartition& group, std::string body,
                    runtime::Duration timeout, Answer answer) {
  const auto peer = shard_for(node, group);
  const std::uint64_t id = next_request_++;
  if (!peer || !links_.contains(*peer) ||
      !transport_.send(*peer, encode(PeerWords(Request{id, std::move(body)})))) {
    return answer(Error{ErrorCode::kUnavailable, "there is no link to node " + std::to_string(node.value())});
  }
  const auto timer = executor_.schedule_after(timeout, [this, id, node] {
    finish(id, Error{ErrorCode::kOutcomeUnknown,
                     "node " + std::to_string(node.value()) + " has not answered in time"});
  });
  waiting_[id] = {*peer, timer, std::move(answer)};
}

void Peers::finish(std::uint64_t id, Result<std::string> result) {
  const auto at = waiting_.find(id);
  if (at == waiting_.end()) return;
  Answer answer = std::move(at->second.answer);
  executor_.cancel(at->second.timer);
  waiting_.erase(at);
  answer(std::move(result));
}

void Peers::receive(const io::PeerShard& from, Request&& words) {
  auto reply = [alive = alive_, from, id = words.id](Result<std::string> result) {
    if (*alive != nullptr)
      static_cast<void>((*alive)->transport_.send(from, encode(PeerWords(Response{id, std::move(result)}))));
  };
  if (is_install_state_request(as_bytes(words.body)))
    return reply(answer_state_request(from.node, words.body));
  if (!listener_.request) return reply(Error{ErrorCode::kUnavailable, "the node is starting; retry", 100});
  listener_.request(from.node, std::move(words.body), std::move(reply));
}

Result<std::string> Peers::answer_state_request(model::NodeId from, const std::string& body) {
  FOREBAY_TRY(const InstallStateRequest request, decode_install_state_request(as_bytes(body)));
  const auto at = groups_.find(request.group);
  if (at == groups_.end() || is_refused(from))
    return Error{ErrorCode::kNotLeader, "this node does not lead the partition"};
  return at->second->answer(request);
}

void Peers::receive(const io::PeerShard& from, Response&& words) {
  const auto at = waiting_.find(words.id);
  if (at != waiting_.end() && at->second.peer == from) finish(words.id, std::move(words.body));
}

std::optional<runtime::TimePoint> Peers::last_away(model::NodeId node) const {
  const auto known = nodes_.find(node);
  if (known == nodes_.end()) return std::nullopt;
  // Without a link it is away, also while it may come back within the grace.
  if (!known->second.gone && !has_link(node)) return known->second.heard;
  return known->second.away_since;
}

std::map<model::NodeId, Peers::PeerStatus> Peers::nodes() const {
  std::map<model::NodeId, PeerStatus> all;
  for (const auto& [id, node] : nodes_) {
    PeerStatus& status = all[id];
    status.hello = node.hello;
    status.heard = node.heard;
    status.gone = node.gone;
    status.away_since = last_away(id);
    for (const auto& [peer, link] : links_) status.links += peer.node == id ? 1 : 0;
  }
  return all;
}

}  // namespace forebay::raft
