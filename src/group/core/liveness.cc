#include "group/core/liveness.h"

#include <algorithm>
#include <utility>

#include "group/core/views.h"

namespace forebay::group {

Liveness::Clock* Liveness::find(const std::string& group, MemberNumber member, MemberEpoch epoch) {
  const auto at = clocks_.find({group, member});
  return at == clocks_.end() || at->second.epoch != epoch ? nullptr : &at->second;
}

void Liveness::queue_session(const Key& key, Clock& clock) {
  queue_.erase({clock.session_queued, Kind::kSession, key});
  clock.session_queued = clock.session_end;
  queue_.insert({clock.session_queued, Kind::kSession, key});
}

void Liveness::set_revoke(const Key& key, Clock& clock, AssignmentNumber give_up, SteadyTime now) {
  if (clock.give_up == give_up) return;
  queue_.erase({clock.revoke_end, Kind::kRevoke, key});
  clock.give_up = give_up;
  clock.revoke_end = now + clock.revoke;
  if (give_up != AssignmentNumber{}) queue_.insert({clock.revoke_end, Kind::kRevoke, key});
}

void Liveness::drop(std::map<Key, Clock>::iterator at) {
  queue_.erase({at->second.session_queued, Kind::kSession, at->first});
  queue_.erase({at->second.revoke_end, Kind::kRevoke, at->first});
  clocks_.erase(at);
}

void Liveness::begin(const GroupImage& groups, SteadyTime now) {
  clocks_.clear();
  queue_.clear();
  last_turn_ = now;
  for (const auto& [name, group] : groups.groups) follow(name, &group, now);
}

void Liveness::follow(const std::string& name, const Group* group, SteadyTime now) {
  if (clocks_.empty()) last_turn_ = now;  // nobody had to call on_time() before
  for (auto at = clocks_.lower_bound({name, kNobody}); at != clocks_.end() && at->first.first == name;) {
    const auto next = std::next(at);
    if (group == nullptr || group->roster.member(at->first.second) == nullptr) drop(at);
    at = next;
  }
  if (group == nullptr) return;
  const auto give_up = unconfirmed(*group);
  for (const auto& [number, member] : group->roster.members) {
    const Key key{name, number};
    const auto [at, is_new] = clocks_.try_emplace(key);
    Clock& clock = at->second;
    const MemberSettings& settings = member.settings;
    clock.revoke = settings.revoke;
    if (is_new || clock.epoch != settings.epoch || clock.session != settings.session) {
      clock.attached = clock.attached && clock.epoch == settings.epoch;
      clock.epoch = settings.epoch;
      clock.session = settings.session;
      clock.session_end = now + clock.session;
      queue_session(key, clock);
    }
    const auto waits = give_up.find(number);
    set_revoke(key, clock, waits == give_up.end() ? AssignmentNumber{} : waits->second, now);
  }
}

void Liveness::attach(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now) {
  if (Clock* clock = find(group, member, epoch)) clock->attached = true;
  hear(group, member, epoch, now);
}

void Liveness::detach(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now) {
  if (Clock* clock = find(group, member, epoch)) clock->attached = false;
  hear(group, member, epoch, now);
}

void Liveness::hear(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now) {
  if (Clock* clock = find(group, member, epoch))
    clock->session_end = std::max(clock->session_end, now + clock->session);
}

bool Liveness::is_attached(const std::string& group, MemberNumber member) const {
  const auto at = clocks_.find({group, member});
  return at != clocks_.end() && at->second.attached;
}

std::optional<Milliseconds> Liveness::revoke_left(const std::string& group, MemberNumber member,
                                                  SteadyTime now) const {
  const auto at = clocks_.find({group, member});
  if (at == clocks_.end() || at->second.give_up == AssignmentNumber{}) return std::nullopt;
  return std::max(Milliseconds{0}, at->second.revoke_end - now);
}

std::optional<SteadyTime> Liveness::next_deadline() const {
  if (queue_.empty()) return std::nullopt;
  return std::min(std::get<SteadyTime>(*queue_.begin()), last_turn_ + kTurnMax);
}

void Liveness::put_off(Milliseconds by) {
  queue_.clear();
  for (auto& [key, clock] : clocks_) {
    clock.session_end += by;
    clock.session_queued = clock.session_end;
    queue_.insert({clock.session_queued, Kind::kSession, key});
    if (clock.give_up == AssignmentNumber{}) continue;
    clock.revoke_end += by;
    queue_.insert({clock.revoke_end, Kind::kRevoke, key});
  }
}

std::vector<Expiry> Liveness::on_time(SteadyTime now) {
  const SteadyTime due = last_turn_ + kTurnMax;
  last_turn_ = now;
  if (now > due + kTurnMax) put_off(now - due);
  std::vector<Expiry> expired;
  while (!queue_.empty() && std::get<SteadyTime>(*queue_.begin()) <= now) {
    const auto [at, kind, key] = *queue_.begin();
    Clock& clock = clocks_.at(key);
    if (kind == Kind::kSession) {
      const bool is_over = clock.session_end <= now;
      if (is_over) {
        expired.push_back({key.first, key.second, clock.epoch, AssignmentNumber{}});
        clock.session_end = now + kAgain;
      }
      queue_session(key, clock);
    } else {
      expired.push_back({key.first, key.second, clock.epoch, clock.give_up});
      queue_.erase(queue_.begin());
      clock.revoke_end = now + kAgain;
      queue_.insert({clock.revoke_end, Kind::kRevoke, key});
    }
  }
  return expired;
}

}  // namespace forebay::group
