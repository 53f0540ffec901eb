#include "group/coordinator.h"

#include <algorithm>
#include <utility>

#include "group/group_codec.h"

namespace forebay::group {
namespace {

// While so many batches are under way the next ones gather: a round trip and a flush take a few of them.
constexpr std::size_t kBatchesUnderWayMax = 4;
// Records of one batch, from which on the next one is begun; a turn of one group is never split.
constexpr std::size_t kBatchBytes = 256U << 10;
// What one turn takes of what waits; the rest is for the next one.
constexpr std::size_t kTurnBytes = 256U << 10;
// Inputs of all groups. Whoever stands behind so many would have given up.
constexpr std::size_t kWaitingMax = 100'000;
constexpr runtime::Duration kFindAgain = std::chrono::milliseconds(500);
constexpr std::uint32_t kRetryMs = 100;
constexpr std::size_t kEntryBytes = 64;  // of an offset in a record, about

Error not_yet(const std::string& text) { return Error{ErrorCode::kNotYet, text, kRetryMs}; }

std::string new_member_id(runtime::Rng& rng) {
  model::Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(id.bytes.data() + i, &word, sizeof word);
  }
  return id.to_string();
}

}  // namespace

// Ignored when the coordinator is gone, or does not lead any more in the leadership of now.
template <typename Function>
auto Coordinator::guarded(Function function) {
  return
      [alive = alive_, leadership = leadership_, function = std::move(function)](auto&&... values) mutable {
        if (*alive != nullptr && (*alive)->leading_ && (*alive)->leadership_ == leadership)
          function(std::forward<decltype(values)>(values)...);
      };
}

Coordinator::Coordinator(const CoordinatorParts& parts, const machine::HostConfig& config)
    : parts_(parts),
      host_({.log = parts.log,
             .machine = &machine_,
             .store = parts.store,
             .executor = parts.executor,
             .pool = parts.pool,
             .peers = parts.peers},
            config, {.leads = [this](model::Term) { on_leads(); }, .lost = [this] { on_lost(); }}),
      lags_(*parts.executor, *parts.places, machine_.image(), liveness_),
      alive_(std::make_shared<Coordinator*>(this)) {}

Coordinator::~Coordinator() {
  *alive_ = nullptr;
  if (timer_) parts_.executor->cancel(*timer_);
}

void Coordinator::stop(UniqueFunction<void()> done) {
  stopping_ = true;
  lags_.end();
  host_.stop(std::move(done));
}

SteadyTime Coordinator::now() const {
  return std::chrono::duration_cast<SteadyTime>(parts_.executor->now().time_since_epoch());
}

// --- leadership
// --------------------------------------------------------------------------------------------------------

void Coordinator::on_leads() {
  leading_ = true;
  ++leadership_;
  liveness_.begin(machine_.image(), now());
  for (const auto& [name, group] : machine_.image().groups) {
    if (!group.roster.members.empty()) find_starts(name, starts_wanted(group));
  }
  topics_changed();
  arm_timer();
  lags_.begin();
}

// What was under way has been answered.
void Coordinator::on_lost() {
  leading_ = false;
  lags_.end();
  if (timer_) parts_.executor->cancel(*std::exchange(timer_, std::nullopt));
  auto lost = host_.check();
  const Error why = lost ? not_yet("the coordinator of the group has just changed; retry") : lost.error();
  auto work = std::exchange(work_, {});
  auto gates = std::exchange(gates_, {});
  auto streams = std::exchange(streams_, {});
  auto heartbeats = std::exchange(heartbeats_, {});
  ready_.clear();
  finding_.clear();
  waiting_ = 0;
  for (auto& [group, one] : work) {
    for (Input& input : one.waiting) input.refuse(why);
  }
  for (auto& [group, waiting] : gates) {
    for (auto& one : waiting) one->refuse(why);
  }
  for (auto& done : heartbeats) done(why);
  for (auto& [key, one] : streams) one.stream->end(why);
}

void Coordinator::topics_changed() {
  if (!leading_) return;
  for (const auto& [name, group] : machine_.image().groups) {
    if (group.roster.members.empty()) continue;
    enqueue(name, {.decide = [](Turn& turn) -> Finish {
                     turn.follow_topics();
                     return [](const Result<void>&) {};
                   },
                   .refuse = [](const Error&) {}});
  }
}

// --- turns
// ---------------------------------------------------------------------------------------------------------------

void Coordinator::enqueue(const std::string& group, Input input) {
  if (!coordinates()) {
    auto leads = host_.check();
    return input.refuse(leads ? not_yet("the coordinator of the group is beginning; retry") : leads.error());
  }
  if (waiting_ >= kWaitingMax) {
    return input.refuse({ErrorCode::kResourceExhausted,
                         std::to_string(kWaitingMax) + " requests of groups wait already; retry later",
                         1000});
  }
  Work& work = work_[group];
  work.waiting.push_back(std::move(input));
  ++waiting_;
  queue_turn(group, work);
}

void Coordinator::queue_turn(const std::string& group, Work& work) {
  if (work.under_way || work.queued || work.waiting.empty()) return;
  work.queued = true;
  ready_.push_back(group);
  run_soon();
}

// `function` decides; what it says is answered when the turn is applied.
template <typename T, typename Function>
Coordinator::Input Coordinator::input_of(Function function, std::shared_ptr<Done<T>> done) {
  Input input;
  input.refuse = [done](const Error& why) { (*done)(why); };
  input.decide = [function = std::move(function), done](Turn& turn) mutable -> Finish {
    return [decided = function(turn), done](const Result<void>& logged) mutable {
      if (decided && !logged) return (*done)(logged.error());
      (*done)(std::move(decided));
    };
  };
  return input;
}

// Posted: what comes in one burst is decided together.
void Coordinator::run_soon() {
  if (run_scheduled_ || batches_under_way_ >= kBatchesUnderWayMax) return;
  run_scheduled_ = true;
  parts_.executor->post([alive = alive_] {
    if (*alive != nullptr) (*alive)->run_turns();
  });
}

void Coordinator::run_turns() {
  run_scheduled_ = false;
  std::vector<std::string> records;
  DecidedTurns turns;
  std::size_t bytes = 0;
  while (leading_ && !ready_.empty() && batches_under_way_ < kBatchesUnderWayMax) {
    const std::string group = std::move(ready_.front());
    ready_.pop_front();
    Work& work = work_.at(group);
    work.queued = false;
    work.under_way = true;
    const TopicsSnapshot* topics = parts_.topics->snapshot();
    if (topics == nullptr) {
      auto inputs = std::exchange(work.waiting, {});
      waiting_ -= inputs.size();
      work.under_way = false;
      for (Input& input : inputs) input.refuse(not_yet("the metadata is not known here yet; retry"));
      continue;
    }
    DecidedTurn turn = decide_turn(group, work, *topics);
    if (turn.decision.records.empty()) {
      DecidedTurns one;
      one.push_back(std::move(turn));
      finish_turns(std::move(one), {});
      continue;
    }
    for (const GroupRecord& record : turn.decision.records) {
      records.push_back(encode_record(record));
      bytes += records.back().size();
    }
    turns.push_back(std::move(turn));
    if (bytes < kBatchBytes) continue;
    propose(std::exchange(records, {}), std::exchange(turns, {}));
    bytes = 0;
  }
  if (!turns.empty()) propose(std::move(records), std::move(turns));
}

Coordinator::DecidedTurn Coordinator::decide_turn(const std::string& group, Work& work,
                                                  const TopicsSnapshot& topics) {
  const Group* applied = machine_.image().find(group);
  if (applied != nullptr && work.generation != parts_.topics->generation()) {
    for (const auto& [number, member] : applied->roster.members) {
      // One that was a regular expression once is one still.
      if (const std::string& pattern = member.settings.subscription.pattern; !pattern.empty())
        static_cast<void>(parts_.topics->want_pattern(pattern));
    }
    work.generation = parts_.topics->generation();
  }
  DecidedTurn decided{group, {}, {}};
  std::vector<Input> inputs;
  for (std::size_t bytes = 0; !work.waiting.empty() && bytes < kTurnBytes; --waiting_) {
    inputs.push_back(std::move(work.waiting.front()));
    work.waiting.pop_front();
    bytes += inputs.back().bytes;
    // Asked when it came; the topics may have changed since.
    if (!inputs.back().pattern.empty()) static_cast<void>(parts_.topics->want_pattern(inputs.back().pattern));
  }
  Turn turn(group, applied, {.topics = topics, .group_count = machine_.image().groups.size()});
  for (Input& input : inputs) decided.finishes.push_back(input.decide(turn));
  decided.decision = turn.finish();
  return decided;
}

void Coordinator::propose(std::vector<std::string> records, DecidedTurns turns) {
  auto shared = std::make_shared<DecidedTurns>(std::move(turns));
  ++batches_under_way_;
  auto proposed = host_.propose(records, [alive = alive_, shared](const Result<model::Offset>& logged) {
    if (*alive == nullptr) return;
    --(*alive)->batches_under_way_;
    (*alive)->finish_turns(std::move(*shared), logged ? Result<void>{} : Result<void>(logged.error()));
  });
  if (proposed) return;
  --batches_under_way_;
  finish_turns(std::move(*shared), proposed);
}

void Coordinator::finish_turns(DecidedTurns turns, const Result<void>& logged) {
  for (DecidedTurn& turn : turns) {
    if (logged) {
      finish_turn(turn);
    } else {
      for (Finish& finish : turn.finishes) finish(logged);
    }
    const auto work = work_.find(turn.group);
    if (work == work_.end()) continue;  // lost meanwhile
    work->second.under_way = false;
    if (!work->second.waiting.empty()) {
      queue_turn(turn.group, work->second);
    } else if (machine_.image().find(turn.group) == nullptr) {
      work_.erase(work);
    }
  }
  if (!ready_.empty()) run_soon();
  arm_timer();
}

void Coordinator::finish_turn(DecidedTurn& turn) {
  const Decision& decision = turn.decision;
  const Group* group = machine_.image().find(turn.group);
  for (const GroupRecord& record : decision.records) {
    if (const auto* committed = std::get_if<OffsetsCommitted>(&record))
      counts_.commits += committed->offsets.size();
    counts_.rebalances += std::holds_alternative<TargetSet>(record) ? 1 : 0;
  }
  if (decision.roster_changed) liveness_.follow(turn.group, group, now());
  for (const Ended& one : decision.ended) end_stream({turn.group, one.number}, one.epoch, one.error);
  for (Finish& finish : turn.finishes) finish({});
  if (group == nullptr) return;
  for (const MemberNumber member : decision.assigned) tell_assignment(turn.group, member);
  find_starts(turn.group, decision.starts_wanted);
}

void Coordinator::tell_assignment(const std::string& name, MemberNumber member) {
  const Group* group = machine_.image().find(name);
  const auto attached = streams_.find({name, member});
  if (attached == streams_.end() || group->roster.member(member) == nullptr) return;
  const Assignment assignment = assignment_of(*group, member);
  const auto named = [group](const model::TopicPartition& at, std::optional<model::Offset> next) {
    return AssignmentNotice::Partition{group->roster.topics.at(at.topic).name, at.partition, next};
  };
  AssignmentNotice notice{.number = assignment.number, .epoch = assignment.epoch, .owned = {}, .give_up = {}};
  for (const OwnedPartition& one : assignment.owned) notice.owned.push_back(named(one.partition, one.next));
  for (const model::TopicPartition& one : assignment.give_up) notice.give_up.push_back(named(one, {}));
  if (!notice.give_up.empty())
    notice.confirm_within = liveness_.revoke_left(name, member, now()).value_or(Milliseconds{0});
  attached->second.stream->tell(std::move(notice));
}

void Coordinator::end_stream(const MemberKey& key, MemberEpoch epoch, const Error& why) {
  const auto at = streams_.find(key);
  if (at == streams_.end() || at->second.epoch != epoch) return;
  auto stream = std::move(at->second.stream);
  streams_.erase(at);
  stream->end(why);
}

// --- starts
// --------------------------------------------------------------------------------------------------------

void Coordinator::find_starts(const std::string& group, const std::vector<WantedStart>& wanted) {
  for (const WantedStart& one : wanted) {
    if (!finding_.emplace(group, one.partition).second) continue;
    parts_.places->find_start(one.partition, one.rule,
                              guarded([this, group, at = one.partition](const Result<model::Offset>& found) {
                                finding_.erase({group, at});
                                if (!found) return find_starts_later(group);
                                enqueue(group, {.decide = [at, offset = *found](Turn& turn) -> Finish {
                                                  turn.resolve_starts({{at, offset}});
                                                  return [](const Result<void>&) {};
                                                },
                                                .refuse = [](const Error&) {},
                                                .bytes = kEntryBytes});
                              }));
  }
}

void Coordinator::find_starts_later(const std::string& group) {
  parts_.executor->schedule_after(kFindAgain, guarded([this, group] {
                                    if (const Group* now = machine_.image().find(group))
                                      find_starts(group, starts_wanted(*now));
                                  }));
}

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

void Coordinator::join(const std::string& group, JoinInput input, std::vector<NamedPartition> owned,
                       std::shared_ptr<MemberStream> stream, Done<Joined> done) {
  const std::string pattern = input.subscription.pattern;
  if (!pattern.empty()) {
    if (auto wanted = parts_.topics->want_pattern(pattern); !wanted) return done(wanted.error());
  }
  input.new_id = new_member_id(*parts_.rng);
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
      if (!joined) return (*shared)(std::move(joined));
      if (!logged) return (*shared)(logged.error());
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

// --- offsets
// --------------------------------------------------------------------------------------------------------

// As the group knows the topic, else as the metadata does. Nil: there is none of that name.
model::TopicPartition Coordinator::partition_of(const Group* group, const std::string& topic,
                                                model::PartitionIndex partition) const {
  const TopicsSnapshot* topics = parts_.topics->snapshot();
  if (const TopicView* view = topics == nullptr ? nullptr : topics->find(topic)) return {view->id, partition};
  if (group == nullptr) return {{}, partition};
  for (const auto& [id, one] : group->roster.topics) {
    if (one.name == topic) return {id, partition};
  }
  return {{}, partition};
}

std::vector<CommitEntry> Coordinator::entries_of(const std::string& name,
                                                 std::vector<NamedOffset> offsets) const {
  const Group* group = machine_.image().find(name);
  std::vector<CommitEntry> entries;
  entries.reserve(offsets.size());
  for (NamedOffset& one : offsets) {
    const auto at = partition_of(group, one.partition.topic, one.partition.partition);
    entries.push_back({.topic = std::move(one.partition.topic),
                       .partition = at,
                       .offset = one.offset,
                       .metadata = std::move(one.metadata),
                       .high_watermark = {}});
  }
  return entries;
}

// In the order in which they came, per group: a later commit must not overtake one that waits for a leader.
void Coordinator::gate(const std::string& group, std::shared_ptr<Gated> gated) {
  gated->unknown.resize(gated->entries.size());
  gated->asked = 1;  // by this loop: a question may be answered inside
  gates_[group].push_back(gated);
  const TopicsSnapshot* topics = parts_.topics->snapshot();
  for (std::size_t i = 0; i < gated->entries.size(); ++i) {
    CommitEntry& entry = gated->entries[i];
    const TopicView* view = topics == nullptr ? nullptr : topics->find(entry.topic, entry.partition.topic);
    const auto index = static_cast<std::size_t>(entry.partition.partition.value());
    if (view == nullptr || entry.partition.partition.value() < 0 || index >= view->leader_racks.size())
      continue;  // refused for that
    entry.high_watermark = parts_.places->known_high_watermark(entry.partition).value_or(model::Offset(0));
    if (entry.offset <= entry.high_watermark) continue;
    ++gated->asked;
    parts_.places->ask_high_watermark(
        entry.partition, guarded([this, group, gated, i](const Result<model::Offset>& known) {
          if (known) {
            gated->entries[i].high_watermark = std::max(gated->entries[i].high_watermark, *known);
          } else {
            gated->unknown[i] =
                not_yet("how far the partition goes is not known now, nothing was committed; retry: " +
                        known.error().context);
          }
          --gated->asked;
          open_gate(group);
        }));
  }
  --gated->asked;
  open_gate(group);
}

void Coordinator::open_gate(const std::string& group) {
  while (true) {
    const auto at = gates_.find(group);
    if (at == gates_.end() || at->second.front()->asked > 0) return;
    const auto gated = std::move(at->second.front());
    at->second.pop_front();
    if (at->second.empty()) gates_.erase(at);
    gated->go(*gated);
  }
}

void Coordinator::commit(const std::string& group, std::optional<MemberRef> member,
                         std::vector<NamedOffset> offsets, Done<EntryResults> done) {
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  auto answer = std::make_shared<Done<EntryResults>>(std::move(done));
  auto gated = std::make_shared<Gated>();
  gated->entries = entries_of(group, std::move(offsets));
  gated->refuse = [answer](const Error& why) { (*answer)(why); };
  gated->go = [this, group, member = std::move(member), answer](Gated& now) mutable {
    std::vector<CommitEntry> known;
    std::size_t bytes = kEntryBytes;
    for (std::size_t i = 0; i < now.entries.size(); ++i) {
      if (now.unknown[i]) continue;
      bytes += kEntryBytes + now.entries[i].metadata.size();
      known.push_back(std::move(now.entries[i]));
    }
    Input input = input_of<EntryResults>(
        [member = std::move(member), known = std::move(known), unknown = std::move(now.unknown),
         at = parts_.clock->now()](Turn& turn) -> Result<EntryResults> {
          FOREBAY_TRY(EntryResults some, turn.commit(member, at, known));
          EntryResults all;
          auto next = some.begin();
          for (const auto& error : unknown) all.push_back(error ? Result<void>(*error) : std::move(*next++));
          return all;
        },
        answer);
    input.bytes = bytes;
    enqueue(group, std::move(input));
  };
  gate(group, std::move(gated));
}

void Coordinator::reset(const std::string& group, std::vector<NamedOffset> offsets, Turn::ResetMode mode,
                        Done<std::vector<ResetResult>> done) {
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  auto answer = std::make_shared<Done<std::vector<ResetResult>>>(std::move(done));
  auto gated = std::make_shared<Gated>();
  gated->entries = entries_of(group, std::move(offsets));
  gated->refuse = [answer](const Error& why) { (*answer)(why); };
  gated->go = [this, group, mode, answer](Gated& now) {
    // All or none.
    for (const auto& error : now.unknown) {
      if (error) return (*answer)(*error);
    }
    std::size_t bytes = kEntryBytes;
    for (const CommitEntry& one : now.entries) bytes += kEntryBytes + one.metadata.size();
    Input input =
        input_of<std::vector<ResetResult>>([entries = std::move(now.entries), mode, at = parts_.clock->now()](
                                               Turn& turn) { return turn.reset(at, entries, mode); },
                                           answer);
    input.bytes = bytes;
    enqueue(group, std::move(input));
  };
  gate(group, std::move(gated));
}

void Coordinator::lag(const std::string& group, Done<GroupLag> done) {
  read([alive = alive_, group, done = std::move(done)](const Result<std::monostate>& current) mutable {
    if (!current) return done(current.error());
    if (*alive == nullptr)
      return done(Error{ErrorCode::kShuttingDown, "the node is stopping; ask another one"});
    (*alive)->lags_.look(group, std::move(done));
  });
}

void Coordinator::create(const std::string& group, std::optional<StartRule> start,
                         std::optional<Assignor> assignor, Done<bool> done) {
  enqueue(group, input_of<bool>([start, assignor](Turn& turn) { return turn.create(start, assignor); },
                                std::make_shared<Done<bool>>(std::move(done))));
}

void Coordinator::remove(const std::string& group, Done<std::monostate> done) {
  enqueue(group, input_of<std::monostate>(
                     [](Turn& turn) -> Result<std::monostate> {
                       FOREBAY_CHECK(turn.remove());
                       return std::monostate{};
                     },
                     std::make_shared<Done<std::monostate>>(std::move(done))));
}

}  // namespace forebay::group
