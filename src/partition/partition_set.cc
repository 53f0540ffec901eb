#include "partition/partition_set.h"

#include <algorithm>
#include <utility>

#include "telemetry/log.h"

namespace forebay::partition {
namespace {
// The journal gives its memory back within a few rounds; a client that comes again sooner only adds load.
constexpr std::uint32_t kMemoryRetryMs = 50;
constexpr std::uint32_t kStoppingRetryMs = 1000;
constexpr std::uint32_t kOpeningRetryMs = 20;
constexpr runtime::Duration kBalanceEvery = std::chrono::seconds(1);
constexpr std::uint32_t kTransfersPerBalance = 16;
// A disk that hangs makes producers wait from the first moment on: leadership leaves soon after it is known.
constexpr runtime::Duration kHardshipEvery = std::chrono::milliseconds(250);
// Who could not be handed what is led here by then will not be: two tries, each an election timeout long.
constexpr std::uint32_t kStalledLooksMax = 8;

// Longer than a restart, or a fill, takes. Deletes take no effect on the disk meanwhile, and nothing else.
constexpr std::uint64_t kTombstonesWaitLong = 3'600;  // s
constexpr runtime::Duration kWaitsTellEvery = std::chrono::hours(1);

// A transfer takes a message and an election: two flushes and two round trips.
constexpr runtime::Duration kHandOverPoll = std::chrono::milliseconds(20);

Error uncertain(const model::TopicPartition& id, const std::string& topic_name) {
  return Error{ErrorCode::kDataLoss,
               "metadata is lost, and whether partition " + std::to_string(id.partition.value()) +
                   " of topic '" + topic_name +
                   "' was ever made is not known: nothing is made in its place; see what "
                   "forebay health says of topic __cluster"};
}
}  // namespace

PartitionSet::PartitionSet(log::ShardLogs& logs, runtime::Executor& executor, runtime::WallClock& clock,
                           log::Voter self, const PartitionSetConfig& config,
                           UniqueFunction<Result<void>(std::uint64_t)> disk_admission)
    : logs_(logs),
      executor_(executor),
      clock_(clock),
      config_(config),
      disk_admission_(std::move(disk_admission)),
      clock_guard_(clock.now(), executor.now().time_since_epoch(), config.last_wall_time),
      alive_(std::make_shared<PartitionSet*>(this)) {
  admission_ = [this](std::uint64_t bytes) -> Result<void> {
    if (!logs_.accepts_appends()) {
      return Error{ErrorCode::kResourceExhausted,
                   "the node takes in data faster than its disk writes it; retry after the delay",
                   kMemoryRetryMs};
    }
    return disk_admission_(bytes);
  };
  surroundings_ = {.executor = &executor_,
                   .clock = &clock_,
                   .rng = config.rng,
                   .peers = config.peers,
                   .self = self,
                   .admission = &admission_,
                   .producers = config.producers};
  if (clock_guard_.reason())
    telemetry::log_warn("time-based deletion paused", {{"reason", *clock_guard_.reason()}});
  arm_maintenance();
  if (config_.peers != nullptr) {
    arm_balance();
    arm_hardship();
  }
}

PartitionSet::~PartitionSet() {
  *alive_ = nullptr;
  for (const auto& timer : {balance_timer_, hardship_timer_, maintenance_timer_, hand_over_timer_}) {
    if (timer) executor_.cancel(*timer);
  }
}

void PartitionSet::open(const model::TopicPartition& id, const std::string& topic_name,
                        const PartitionConfig& config, const std::optional<raft::Founding>& founding,
                        Expected expected, Done<std::monostate> ready) {
  failures_.erase(id);
  // Moved away and back: what metadata that is behind misses is not lost.
  const bool may_move = config_.peers != nullptr;
  if (may_move && expected == Expected::kThere && logs_.was_removed(id)) expected = Expected::kMayBeNew;
  if (auto adopted = logs_.adopt(id, config.log))
    return start_partition(id, **adopted, topic_name, config, founding, std::move(ready));
  if (expected == Expected::kLeaving)
    return ready(Error{ErrorCode::kNotFound, "nothing of the replica is left here"});
  auto made = [this, id, topic_name, config, founding,
               ready = std::move(ready)](Result<log::Log*> log) mutable {
    if (!log) {
      fail_to_open(id, log.error());
      return ready(std::move(log).error());
    }
    start_partition(id, **log, topic_name, config, founding, std::move(ready));
  };
  switch (expected) {
    case Expected::kMayBeNew:
      return logs_.create(id, topic_name, config.log, std::move(made));
    case Expected::kThere:
      telemetry::log_error("partition is gone, neither journal nor folder holds anything of it",
                           {{"topic", topic_name}, {"partition", id.partition.value()}});
      return logs_.create_lost(id, topic_name, config.log, std::move(made));
    case Expected::kUncertain:
    case Expected::kLeaving:
      return made(uncertain(id, topic_name));
  }
}

void PartitionSet::start_partition(const model::TopicPartition& id, log::Log& log,
                                   const std::string& topic_name, const PartitionConfig& config,
                                   const std::optional<raft::Founding>& founding,
                                   Done<std::monostate> ready) {
  // Its creation was in the journal's last rounds.
  if (stopping_) return ready(Error{ErrorCode::kShuttingDown, "the node is stopping", kStoppingRetryMs});
  auto partition = Partition::open(log, topic_name, config, founding, surroundings_);
  if (!partition) {
    telemetry::log_error("partition cannot be served",
                         {{"partition", id.to_string()}, {"error", partition.error().to_string()}});
    fail_to_open(id, partition.error());
    return ready(std::move(partition).error());
  }
  Partition& opened = **partition;
  if (const auto end = log.lost_tail(); end && !log.is_renewed()) {
    telemetry::log_error("partition takes no records, its end is lost",
                         {{"topic", topic_name},
                          {"partition", id.partition.value()},
                          {"known_end", end->next_offset.value()}});
  }
  partitions_.insert_or_assign(id, std::move(*partition));
  opened.on_members_reached([this, id](std::uint32_t epoch) {
    if (members_reached_) members_reached_(id, epoch);
  });
  if (const auto wanted = wanted_members_.find(id); wanted != wanted_members_.end())
    opened.set_wanted_members(wanted->second.members, wanted->second.epoch,
                              wanted->second.others_have_copies);
  if (asked_to_leave_.contains(id)) begin_to_leave(id, opened);
  opened.start(std::move(ready));
  if (StateListener* listener = state_listener(opened)) listener->opened(id, opened);
  while (auto waiting = waiting_for_open_.extract(id)) waiting.mapped()(&opened);
}

void PartitionSet::on_state_partitions(const std::string& topic, StateListener listener) {
  if (!listener.opened) {
    state_listeners_.erase(topic);
    return;
  }
  StateListener& kept = state_listeners_[topic] = std::move(listener);
  for (const auto& [id, partition] : partitions_) {
    if (state_listener(*partition) == &kept) kept.opened(id, *partition);
  }
}

PartitionSet::StateListener* PartitionSet::state_listener(const Partition& partition) {
  if (!partition.holds_state()) return nullptr;
  const auto at = state_listeners_.find(partition.topic_name());
  return at == state_listeners_.end() ? nullptr : &at->second;
}

void PartitionSet::fail_to_open(const model::TopicPartition& id, const Error& error) {
  failures_.insert_or_assign(id, error);
  while (auto waiting = waiting_for_open_.extract(id)) waiting.mapped()(error);
}

void PartitionSet::when_open(const model::TopicPartition& id, Done<Partition*> done) {
  if (Partition* partition = find(id)) return done(partition);
  if (const auto failed = failures_.find(id); failed != failures_.end()) return done(failed->second);
  waiting_for_open_.emplace(id, std::move(done));
}

void PartitionSet::set_wanted_members(const model::TopicPartition& id, WantedMembers wanted,
                                      std::uint32_t epoch, bool others_have_copies) {
  if (Partition* partition = find(id)) partition->set_wanted_members(wanted, epoch, others_have_copies);
  wanted_members_[id] = {std::move(wanted), epoch, others_have_copies};
}

void PartitionSet::leave(const model::TopicPartition& id, Done<std::monostate> gone) {
  if (!logs_.is_there(id) && logs_.was_removed(id)) return remove(id, std::move(gone));  // what may be left
  if (!logs_.is_there(id)) return gone(std::monostate{});
  asked_to_leave_[id] = std::move(gone);
  if (Partition* partition = find(id)) begin_to_leave(id, *partition);
}

// From the answer on it is on its way out, whatever is wanted later. Posted: the partition is in the middle
// of hearing it.
void PartitionSet::begin_to_leave(const model::TopicPartition& id, Partition& partition) {
  partition.leave([this, id] {
    auto asked = asked_to_leave_.extract(id);
    executor_.post([alive = alive_, id, gone = std::move(asked.mapped())]() mutable {
      if (*alive != nullptr && !(*alive)->stopping_) (*alive)->remove(id, std::move(gone));
    });
  });
}

void PartitionSet::stay(const model::TopicPartition& id) {
  if (asked_to_leave_.erase(id) == 0) return;
  if (Partition* partition = find(id)) partition->stay();
}

void PartitionSet::remove(const model::TopicPartition& id, Done<std::monostate> done) {
  failures_.erase(id);
  wanted_members_.erase(id);
  asked_to_leave_.erase(id);
  if (auto found = partitions_.extract(id)) {
    if (StateListener* listener = state_listener(*found.mapped())) listener->closing(id);
    leaving_.insert_or_assign(id, std::move(found.mapped()));
    leaving_.at(id)->stop();
  }
  // Posted: we may be inside a callback of this very partition, or of its log.
  executor_.post([this, alive = alive_, id, done = std::move(done)]() mutable {
    if (*alive == nullptr) return;
    leaving_.erase(id);
    logs_.remove(id, [done = std::move(done)](Result<void> removed) mutable {
      if (!removed && removed.error().code != ErrorCode::kNotFound) return done(std::move(removed).error());
      done(std::monostate{});
    });
  });
}

Partition* PartitionSet::find(const model::TopicPartition& id) {
  const auto at = partitions_.find(id);
  return at == partitions_.end() ? nullptr : at->second.get();
}

Error PartitionSet::not_here(const model::TopicPartition& id) const {
  const auto at = failures_.find(id);
  if (at != failures_.end()) return at->second;
  return Error{ErrorCode::kNotYet, "the partition is being opened; retry", kOpeningRetryMs};
}

std::vector<PartitionSet::NotServing> PartitionSet::not_serving() const {
  std::vector<NotServing> result;
  for (const auto& [id, partition] : partitions_) {
    const auto appendable = partition->check_appendable();
    if (appendable) continue;
    const ErrorCode code = appendable.error().code;
    const bool by_others =
        !partition->is_alone() && (code == ErrorCode::kNotLeader || code == ErrorCode::kNotYet);
    if (!by_others) result.push_back({id, appendable.error().to_string()});
  }
  for (const auto& [id, error] : failures_) result.push_back({id, error.to_string()});
  return result;
}

void PartitionSet::arm_maintenance() {
  maintenance_timer_ = executor_.schedule_after(config_.maintenance_interval, [this] {
    maintain();
    arm_maintenance();
  });
}

void PartitionSet::arm_balance() {
  balance_timer_ = executor_.schedule_after(kBalanceEvery, [this] {
    balance_leaders();
    arm_balance();
  });
}

// A few at a time: each one makes its producers wait for a moment.
void PartitionSet::balance_leaders() {
  std::uint32_t left = stopping_ || handing_over_ ? 0 : kTransfersPerBalance;
  for (auto& [id, partition] : partitions_) {
    const auto better = partition->better_leader();
    if (!better || left == 0) continue;
    --left;
    hand_over(*partition, *better);
  }
}

void PartitionSet::hand_over(Partition& partition, model::NodeId to) {
  if (config_.peers->hardship().any()) ++hardship_counts_.handed_over;
  if (auto handed_over = partition.group().transfer_to(to); !handed_over)
    telemetry::log_warn("leadership not handed over", {{"partition", partition.log().id().to_string()},
                                                       {"node", to.value()},
                                                       {"error", handed_over.error().to_string()}});
}

void PartitionSet::arm_hardship() {
  hardship_timer_ = executor_.schedule_after(kHardshipEvery, [this] {
    look_at_hardship();
    arm_hardship();
  });
}

// A low disk lets reading and trimming go on: what it led leaves at the pace of balance_leaders(). Where
// writes hang nothing goes on, and all of it leaves now.
void PartitionSet::look_at_hardship() {
  const raft::Hardship before = config_.peers->hardship();
  const raft::Hardship now{.low_on_disk = !disk_admission_(0), .writes_stall = logs_.writes_stall()};
  config_.peers->set_hardship(now);
  if (now.writes_stall && !before.writes_stall)
    telemetry::log_warn("disk hangs, leadership is handed over", {{"partitions", partitions_.size()}});
  if (!now.writes_stall && before.writes_stall) telemetry::log_info("disk answers again");
  stalled_looks_ = now.writes_stall ? stalled_looks_ + 1 : 0;
  if (!now.writes_stall || stopping_) return;
  std::vector<Partition*> led;  // who hears of it may remove one
  for (auto& [id, partition] : partitions_) {
    if (!partition->is_alone() && partition->group().is_leader()) led.push_back(partition.get());
  }
  for (Partition* partition : led) {
    if (stalled_looks_ > kStalledLooksMax) {
      ++hardship_counts_.resigned;
      partition->group().resign();
    } else if (partition->group().takes_appends()) {
      if (const auto better = partition->better_leader()) hand_over(*partition, *better);
    }
  }
}

void PartitionSet::hand_over_all(runtime::Duration most, UniqueFunction<void()> done) {
  handing_over_ = HandOver{executor_.now() + most, std::move(done)};
  hand_over_step();
}

// All at once: their producers will have to find another leader anyway. One that was given up is tried again.
void PartitionSet::hand_over_step() {
  hand_over_timer_.reset();
  bool waits = false;
  for (auto& [id, partition] : partitions_) {
    const auto heir = partition->heir();
    if (!heir) continue;
    waits = true;
    if (!partition->group().takes_appends()) continue;  // on its way
    hand_over(*partition, *heir);
  }
  if (!waits || executor_.now() >= handing_over_->deadline)
    return std::exchange(handing_over_->done, nullptr)();
  hand_over_timer_ = executor_.schedule_after(kHandOverPoll, [this] { hand_over_step(); });
}

void PartitionSet::maintain() {
  const bool trusted_before = clock_guard_.trusted();
  clock_guard_.observe(clock_.now(), steady_now());
  if (trusted_before && !clock_guard_.trusted()) {
    telemetry::log_warn("time-based deletion paused", {{"reason", *clock_guard_.reason()}});
  } else if (!trusted_before && clock_guard_.trusted()) {
    telemetry::log_info("time-based deletion resumed");
  }
  if (!clock_guard_.trusted() || stopping_) return;
  for (auto& [id, partition] : partitions_) partition->maintain(clock_.now());
  if (!waits_told_at_ || executor_.now() - *waits_told_at_ >= kWaitsTellEvery) tell_of_waits();
}

// One line for all of them: who holds one back, holds back most.
void PartitionSet::tell_of_waits() {
  Partition* longest = nullptr;
  std::uint64_t partitions = 0;
  for (auto& [id, partition] : partitions_) {
    const std::uint64_t waits = partition->tombstones_wait_seconds();
    if (waits < kTombstonesWaitLong) continue;
    ++partitions;
    if (longest == nullptr || waits > longest->tombstones_wait_seconds()) longest = partition.get();
  }
  if (longest == nullptr) return;
  waits_told_at_ = executor_.now();
  const auto wait = longest->group().tombstones_wait();
  std::string nodes;
  for (const model::NodeId node : wait->nodes)
    nodes += (nodes.empty() ? "" : ",") + std::to_string(node.value());
  // Without a name: members change, or a copy elsewhere waits to be removed.
  telemetry::log_warn("tombstones wait for a copy to be compacted",
                      {{"topic", longest->topic_name()},
                       {"partition", longest->log().id().partition.value()},
                       {"nodes", nodes.empty() ? std::string("a copy that is no member") : nodes},
                       {"seconds", longest->tombstones_wait_seconds()},
                       {"partitions", partitions}});
}

void PartitionSet::stop(log::Log::Done done) {
  stopping_ = true;
  std::vector<Partition*> all;  // an answer may remove one
  for (const auto& [id, partition] : partitions_) all.push_back(partition.get());
  for (Partition* partition : all) partition->stop();
  logs_.stop(std::move(done));
}

}  // namespace forebay::partition
