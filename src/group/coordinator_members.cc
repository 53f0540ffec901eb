// Members of groups: who comes, speaks, and goes, and whose time is over.
#include <algorithm>
#include <utility>

#include "group/coordinator_parts.h"
#include "model/random_uuid.h"

namespace forebay::group {
// --- time
// ---------------------------------------------------------------------------------------------------------------

void Coordinator::arm_timer() {
  if (timer_ || !leading_) return;
  const auto next = liveness_.next_deadline();
  if (!next) return;
  const SteadyTime delay = std::clamp(*next - now(), SteadyTime{1}, Liveness::kTurnMax / 2);
  timer_ = parts_.executor->schedule_after(delay, [this] {
    timer_.reset();
    on_timer();
  });
}

void Coordinator::on_timer() {
  for (const Expiry& one : liveness_.on_time(now())) {
    enqueue(one.group, {.decide = [one](Turn& turn) -> Finish {
                          if (one.give_up == AssignmentNumber{}) {
                            turn.end_session(one.member, one.epoch);
                          } else {
                            turn.end_revoke(one.member, one.epoch, one.give_up);
                          }
                          return [](const Result<void>&) {};
                        },
                        .refuse = [](const Error&) {}});
  }
  arm_timer();
}

// --- members
// --------------------------------------------------------------------------------------------------------

Result<MemberNumber> Coordinator::find_member(const std::string& name, const MemberRef& member) const {
  const Group* group = machine_.image().find(name);
  if (group == nullptr) return Error{ErrorCode::kUnknownGroup, "there is no group '" + name + "'"};
  const MemberNumber number = group->roster.number_of(member.id);
  if (number == kNobody) {
    return Error{ErrorCode::kUnknownMember,
                 "group '" + name + "' has no member '" + member.id + "'; it has to join anew"};
  }
  if (group->roster.member(number)->settings.epoch != member.epoch) {
    return Error{ErrorCode::kMemberFenced, "member '" + member.id + "' of group '" + name +
                                               "' has another epoch: another stream, or another instance, "
                                               "has taken its place"};
  }
  return number;
}

// The network may keep a join while its member has opened another stream already. Taken then, it would end
// that one, and give up what the member was not to give up yet when it was sent.
bool Coordinator::is_late(const std::string& group, const JoinInput& input) {
  if (input.number == 0) return false;
  std::uint64_t& last = joins_[{group, input.member_id.empty() ? input.new_id : input.member_id}];
  if (input.number <= last) return true;
  last = input.number;
  if (joins_.size() < joins_kept_) return false;
  std::erase_if(joins_, [this](const auto& one) {
    const Group* known = machine_.image().find(one.first.first);
    return known == nullptr || known->roster.number_of(one.first.second) == kNobody;
  });
  joins_kept_ = std::max(kJoinsKeptMin, 2 * joins_.size());
  return false;
}

void Coordinator::join(const std::string& group, JoinInput input, std::vector<NamedPartition> owned,
                       std::shared_ptr<MemberStream> stream, Done<Joined> done) {
  const std::string pattern = input.subscription.pattern;
  if (!pattern.empty()) {
    if (auto wanted = parts_.topics->want_pattern(pattern); !wanted) return done(wanted.error());
  }
  if (input.new_id.size() > kMemberIdBytesMax) {
    return done(Error{ErrorCode::kInvalidArgument,
                      "new_member_id: is longer than " + std::to_string(kMemberIdBytesMax) + " bytes"});
  }
  if (input.new_id.empty()) input.new_id = model::random_uuid(*parts_.rng).to_string();
  if (is_late(group, input)) return done(not_yet("a later join of the member has come already"));
  const Group* known = machine_.image().find(group);
  for (const NamedPartition& one : owned)
    input.owned.push_back(partition_of(known, one.topic, one.partition));
  auto shared = std::make_shared<Done<Joined>>(std::move(done));
  Input wanted;
  wanted.bytes = kEntryBytes * (8 + input.subscription.topics.size());
  wanted.pattern = pattern;
  wanted.refuse = [shared](const Error& why) { (*shared)(why); };
  wanted.decide = [this, group, input = std::move(input), stream = std::move(stream),
                   shared](Turn& turn) mutable -> Finish {
    return [this, group, joined = turn.join(input), stream = std::move(stream),
            shared](const Result<void>& logged) mutable {
      if (!logged) return (*shared)(logged.error());
      if (!joined) return (*shared)(std::move(joined));
      // A later input of the same turn may have taken its place already.
      const bool is_there = find_member(group, {joined->id, joined->epoch}).has_value();
      if (is_there) {
        streams_[{group, joined->number}] = {joined->epoch, std::move(stream)};
        liveness_.attach(group, joined->number, joined->epoch, now());
      }
      (*shared)(is_there ? std::move(joined)
                         : Error{ErrorCode::kMemberFenced, "another instance has taken the member's place"});
    };
  };
  enqueue(group, std::move(wanted));
}

void Coordinator::detach(const std::string& group, MemberNumber member, MemberEpoch epoch) {
  const auto at = streams_.find({group, member});
  if (at == streams_.end() || at->second.epoch != epoch) return;
  streams_.erase(at);
  liveness_.detach(group, member, epoch, now());
  arm_timer();
}

void Coordinator::heartbeat(const std::string& group, const MemberRef& member, Done<std::monostate> done) {
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  const auto number = find_member(group, member);
  if (!number) return done(number.error());
  liveness_.hear(group, *number, member.epoch, now());
  heartbeats_.push_back(std::move(done));
  run_barrier();
}

void Coordinator::run_barrier() {
  if (barrier_under_way_ || heartbeats_.empty()) return;
  barrier_under_way_ = true;
  auto heard = std::make_shared<std::vector<Done<std::monostate>>>(std::exchange(heartbeats_, {}));
  host_.confirm([alive = alive_, heard](const Result<std::monostate>& confirmed) {
    for (auto& done : *heard) done(confirmed);
    if (*alive == nullptr) return;
    (*alive)->barrier_under_way_ = false;
    (*alive)->run_barrier();
  });
}

void Coordinator::subscribe(const std::string& group, MemberRef member, Subscription subscription,
                            Done<std::monostate> done) {
  const std::string pattern = subscription.pattern;
  if (!pattern.empty()) {
    if (auto wanted = parts_.topics->want_pattern(pattern); !wanted) return done(wanted.error());
  }
  const std::size_t bytes = kEntryBytes * (8 + subscription.topics.size());
  Input input = input_of<std::monostate>(
      [member = std::move(member),
       subscription = std::move(subscription)](Turn& turn) mutable -> Result<std::monostate> {
        FOREBAY_CHECK(turn.subscribe(member, std::move(subscription)));
        return std::monostate{};
      },
      std::make_shared<Done<std::monostate>>(std::move(done)));
  input.bytes = bytes;
  input.pattern = pattern;
  enqueue(group, std::move(input));
}

void Coordinator::confirm(const std::string& group, MemberRef member, AssignmentNumber number,
                          Done<std::monostate> done) {
  enqueue(group, input_of<std::monostate>(
                     [member = std::move(member), number](Turn& turn) -> Result<std::monostate> {
                       FOREBAY_CHECK(turn.confirm(member, number));
                       return std::monostate{};
                     },
                     std::make_shared<Done<std::monostate>>(std::move(done))));
}

void Coordinator::release(const std::string& group, MemberRef member, std::vector<NamedPartition> partitions,
                          Done<ReleaseOutcome> done) {
  Partitions ids;
  const Group* known = machine_.image().find(group);
  for (const NamedPartition& one : partitions) ids.push_back(partition_of(known, one.topic, one.partition));
  enqueue(group, input_of<ReleaseOutcome>([member = std::move(member), ids = std::move(ids)](
                                              Turn& turn) { return turn.release(member, ids); },
                                          std::make_shared<Done<ReleaseOutcome>>(std::move(done))));
}

void Coordinator::leave(const std::string& group, MemberRef member, Done<Leaving> done) {
  const auto number = find_member(group, member);
  auto answer = std::make_shared<Done<Leaving>>([this, key = MemberKey{group, number.value_or(kNobody)},
                                                 epoch = member.epoch,
                                                 done = std::move(done)](Result<Leaving> left) mutable {
    if (left) detach(key.first, key.second, epoch);
    done(std::move(left));
  });
  enqueue(group, input_of<Leaving>([member = std::move(member)](Turn& turn) { return turn.leave(member); },
                                   std::move(answer)));
}

}  // namespace forebay::group
