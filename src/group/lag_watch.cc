#include "group/lag_watch.h"

#include <algorithm>
#include <utility>

namespace forebay::group {

struct LagWatch::Look {
  std::string group;
  std::uint64_t begun = 0;
  bool has_members = false;
  GroupLag lag;
  std::vector<PartitionSight> sights;  // of each partition of `lag`
  std::vector<LagFrom> questions;
  std::size_t next = 0;  // to be asked
  std::size_t answered = 0;
  bool asking = false;  // answers may come inside of the question
  Done<GroupLag> done;
};

LagWatch::LagWatch(runtime::Executor& executor, PartitionPlaces& places, const GroupImage& groups,
                   const Liveness& liveness)
    : executor_(executor),
      places_(places),
      groups_(groups),
      liveness_(liveness),
      alive_(std::make_shared<LagWatch*>(this)) {}

LagWatch::~LagWatch() {
  *alive_ = nullptr;
  end();
}

SteadyTime LagWatch::now() const {
  return std::chrono::duration_cast<SteadyTime>(executor_.now().time_since_epoch());
}

void LagWatch::begin() {
  end();
  looks_ = true;
  look_later();
}

void LagWatch::end() {
  ++begun_;
  looks_ = false;
  if (timer_) executor_.cancel(*std::exchange(timer_, std::nullopt));
  stalls_.clear();
  catch_up_.clear();
  figures_.clear();
  at_.reset();
}

void LagWatch::look_later() {
  timer_ = executor_.schedule_after(kLookEvery, [this] {
    timer_.reset();
    look_at_next();
  });
}

// One group after the other, by name: a node with many groups looks at them less often, and not at all of
// them at the same time.
void LagWatch::look_at_next() {
  const auto next = at_ ? groups_.groups.upper_bound(*at_) : groups_.groups.begin();
  if (next == groups_.groups.end()) {
    at_.reset();
    for (auto one = figures_.begin(); one != figures_.end();) {
      if (groups_.find(one->first) != nullptr) {
        ++one;
        continue;
      }
      stalls_.forget(one->first);
      catch_up_.forget(one->first);
      one = figures_.erase(one);
    }
    return look_later();
  }
  at_ = next->first;
  look(next->first, [alive = alive_, begun = begun_](const Result<GroupLag>&) {
    if (*alive == nullptr || (*alive)->begun_ != begun) return;
    // Not inside of this call: a thousand groups whose partitions are all here would be a thousand calls
    // deep.
    (*alive)->executor_.post([alive, begun] {
      if (*alive != nullptr && (*alive)->begun_ == begun) (*alive)->look_at_next();
    });
  });
}

LagWatch::LookPtr LagWatch::look_of(const std::string& name, const Group& group) const {
  auto look = std::make_shared<Look>();
  look->group = name;
  look->begun = begun_;
  look->has_members = !group.roster.members.empty();
  look->lag.state = state_of(group);
  for (const auto& [id, topic] : group.roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const model::TopicPartition at{id, model::PartitionIndex(static_cast<std::int32_t>(i))};
      const Ownership& ownership = topic.partitions[i];
      const auto known = group.positions.find(at);
      const Position position = known == group.positions.end() ? Position{} : known->second;
      const Member* owner = group.roster.member(ownership.owner);
      look->lag.partitions.push_back({.topic = topic.name,
                                      .partition = at,
                                      .committed = position.committed,
                                      .member = owner == nullptr ? std::string() : owner->settings.id,
                                      .lag = {},
                                      .stalled = std::nullopt});
      const bool fails = group.start.point == StartPoint::kFail;
      look->sights.push_back({.partition = at,
                              .start_is_known = position.next() || !fails,
                              .owner = ownership.owner,
                              .target = ownership.target,
                              .owner_is_attached = liveness_.is_attached(name, ownership.owner),
                              .is_given_up = ownership.is_given_up()});
      LagFrom from;
      if (const auto next = position.next()) {
        from = {LagFrom::Kind::kOffset, next->value()};
      } else if (const auto rule = rule_to_resolve(group.start, topic, at)) {
        from = {LagFrom::Kind::kBegin, 0};
        if (rule->point == StartPoint::kLatest) from.kind = LagFrom::Kind::kEnd;
        if (rule->point == StartPoint::kAtTime) from = {LagFrom::Kind::kTime, rule->time.value()};
      }
      look->questions.push_back(from);
    }
  }
  return look;
}

void LagWatch::look(const std::string& name, Done<GroupLag> done) {
  const Group* group = groups_.find(name);
  if (group == nullptr) return done(Error{ErrorCode::kUnknownGroup, "there is no group '" + name + "'"});
  const LookPtr look = look_of(name, *group);
  look->done = std::move(done);
  if (look->questions.empty()) return finish(look);
  ask(look);
}

void LagWatch::ask(const LookPtr& look) {
  if (look->asking) return;
  look->asking = true;
  while (look->next < look->questions.size() && look->next - look->answered < kAskedAtOnce) {
    const std::size_t i = look->next++;
    places_.ask_lag(look->sights[i].partition, look->questions[i],
                    [alive = alive_, look, i](Result<PartitionLag> lag) {
                      look->lag.partitions[i].lag = std::move(lag);
                      ++look->answered;
                      if (*alive != nullptr) return (*alive)->ask(look);
                      if (look->answered < look->next) return;
                      look->done(Error{ErrorCode::kShuttingDown, "the node is stopping; ask another one"});
                    });
  }
  look->asking = false;
  if (look->answered == look->questions.size()) finish(look);
}

// What is seen now, beside what was seen before.
void LagWatch::take(const Look& look) {
  LagFigures figures;
  std::vector<PartitionSight> seen;
  for (std::size_t i = 0; i < look.sights.size(); ++i) {
    const Result<PartitionLag>& lag = look.lag.partitions[i].lag;
    if (!lag) continue;
    PartitionSight& sight = seen.emplace_back(look.sights[i]);
    sight.next = lag->next;
    sight.end = lag->end;
    sight.lag_records = lag->records;
    figures.records += lag->records;
    figures.bytes += lag->bytes;
    figures.age = std::max(figures.age, lag->age.value_or(Milliseconds{0}));
  }
  stalls_.see(look.group, look.has_members, seen, now());
  catch_up_.see(look.group, seen, now());
  figures.stalled = stalls_.stalls(look.group).size();
  figures_[look.group] = figures;
}

void LagWatch::finish(const LookPtr& look) {
  const bool is_taken = looks_ && look->begun == begun_ && groups_.find(look->group) != nullptr;
  if (is_taken) take(*look);
  bool all_known = is_taken;
  for (LaggingPartition& one : look->lag.partitions) {
    all_known = all_known && one.lag.has_value();
    if (is_taken && one.lag) one.catch_up = catch_up_.of(look->group, one.partition);
    const auto stall = stalls_.stall(look->group, one.partition);
    if (!stall) continue;
    one.stalled = stall->cause;
    one.stalled_for = now() - stall->since;
  }
  if (all_known) look->lag.catch_up = catch_up_.of(look->group);
  look->done(std::move(look->lag));
}

}  // namespace forebay::group
