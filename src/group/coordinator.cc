#include "group/coordinator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "group/coordinator_parts.h"
#include "group/group_codec.h"
#include "telemetry/log.h"

namespace forebay::group {
namespace {

// While so many batches are under way the next ones gather: a round trip and a flush take a few of them.
constexpr std::size_t kBatchesUnderWayMax = 4;
// Records of one batch, from which on the next one is begun; a turn of one group is never split.
constexpr std::size_t kBatchBytes = 256U << 10;
// Inputs of all groups. Whoever stands behind so many would have given up.
constexpr std::size_t kWaitingMax = 100'000;
// The topics, after what was decided about them could not be logged: a handover that failed is over by then.
constexpr runtime::Duration kFollowAgain = std::chrono::milliseconds(500);

}  // namespace

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

void Coordinator::erase(UniqueFunction<void()> done) {
  stopping_ = true;
  lags_.end();
  host_.erase(std::move(done));
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
  joins_.clear();
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
  const TopicsSnapshot* topics = leading_ ? parts_.topics->snapshot() : nullptr;
  if (topics == nullptr) return;  // they have changed when they are known
  for (const auto& [name, group] : machine_.image().groups) {
    if (has_to_follow(group, *topics)) follow_topics(name);
  }
}

// Until it is logged, as while the leadership is being handed over to a node that does not take it: nobody
// says again that the topics have changed.
void Coordinator::follow_topics(const std::string& group) {
  auto again = guarded([this, group](const Result<void>& logged) {
    if (!logged)
      parts_.executor->schedule_after(kFollowAgain, guarded([this, group] { follow_topics(group); }));
  });
  enqueue(group, {.decide = [again](Turn& turn) mutable -> Finish {
                    turn.follow_topics();
                    return again;
                  },
                  .refuse = again});
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
  DecidedTurns turns, quiet;
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
      quiet.push_back(std::move(turn));
      continue;
    }
    std::vector<std::string> encoded;
    std::size_t encoded_bytes = 0;
    for (const GroupRecord& record : turn.decision.records) {
      encoded.push_back(encode_record(record));
      encoded_bytes += encoded.back().size();
    }
    if (!turns.empty() && bytes + encoded_bytes > machine::kProposalBytesMax) {
      propose(std::exchange(records, {}), std::exchange(turns, {}));
      bytes = 0;
    }
    bytes += encoded_bytes;
    std::move(encoded.begin(), encoded.end(), std::back_inserter(records));
    turns.push_back(std::move(turn));
    if (bytes < kBatchBytes) continue;
    propose(std::exchange(records, {}), std::exchange(turns, {}));
    bytes = 0;
  }
  if (!turns.empty()) propose(std::move(records), std::move(turns));
  if (!quiet.empty()) prove(std::move(quiet));
}

// Of turns without records, which no log refuses: another node may coordinate by now, and a refusal is often
// final for who gets it.
void Coordinator::prove(DecidedTurns turns) {
  auto shared = std::make_shared<DecidedTurns>(std::move(turns));
  host_.confirm([alive = alive_, leadership = leadership_, shared](const Result<std::monostate>& leads) {
    if (*alive == nullptr) return;
    Coordinator& self = **alive;
    if (self.leading_ && self.leadership_ == leadership)
      return self.finish_turns(std::move(*shared), leads ? Result<void>{} : Result<void>(leads.error()));
    // Unlike proposals it may be answered after the leadership, when its groups have other turns.
    const Error lost = not_yet("the coordinator of the group has just changed; retry");
    for (DecidedTurn& turn : *shared) {
      for (Finish& finish : turn.finishes) finish(lost);
    }
  });
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
  DecidedTurn decided{.group = group, .decision = {}, .finishes = {}};
  Turn turn(group, applied,
            {.topics = topics,
             .group_count = machine_.image().groups.size() + groups_being_made_,
             .partitions_max = parts_.partitions_per_group_max});
  for (std::size_t bytes = 0; !work.waiting.empty() && !turn.is_full(); --waiting_) {
    // One that is large has a turn of its own; the rest is for the next one.
    if (!decided.finishes.empty() && bytes + work.waiting.front().bytes > kTurnBytesMax) break;
    Input input = std::move(work.waiting.front());
    work.waiting.pop_front();
    bytes += input.bytes;
    // Asked when it came; the topics may have changed since.
    if (!input.pattern.empty()) static_cast<void>(parts_.topics->want_pattern(input.pattern));
    decided.finishes.push_back(input.decide(turn));
  }
  decided.decision = turn.finish();
  const auto& records = decided.decision.records;
  decided.makes_group = std::any_of(records.begin(), records.end(), [](const GroupRecord& record) {
    return std::holds_alternative<GroupCreated>(record);
  });
  if (decided.makes_group) ++groups_being_made_;
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
    if (turn.makes_group) --groups_being_made_;
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
  look_after_topics(turn);
}

void Coordinator::look_after_topics(const DecidedTurn& turn) {
  if (turn.decision.topics_left) follow_topics(turn.group);
  if (turn.decision.left_out == 0) return;
  if (const auto quiet = left_out_.admit(turn.group, runtime::TimePoint(parts_.executor->now()))) {
    telemetry::log_warn("topics of a group have no owner, for it has too many partitions",
                        {{"group", turn.group},
                         {"topics", turn.decision.left_out},
                         {"partitions_max", parts_.partitions_per_group_max},
                         {"repeats", *quiet}});
  }
}

void Coordinator::tell_assignment(const std::string& name, MemberNumber member) {
  const Group* group = machine_.image().find(name);
  const auto attached = streams_.find({name, member});
  if (attached == streams_.end() || group->roster.member(member) == nullptr) return;
  const Assignment assignment = assignment_of(*group, member);
  const auto named = [group](const model::TopicPartition& at, std::optional<model::Offset> next) {
    return AssignmentNotice::Partition{group->roster.topics.at(at.topic).name, at.partition, next, at.topic};
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
