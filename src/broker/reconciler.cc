#include "broker/reconciler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "log/journal.h"
#include "telemetry/log.h"

namespace forebay::broker {
namespace {

// What the disk refuses now it may take later: a full one, or one whose directory could not be written.
constexpr std::chrono::seconds kRemovalRetryFirst{1};
constexpr std::chrono::seconds kRemovalRetryMax{60};

std::chrono::seconds removal_retry_after(std::uint32_t failures) {
  const std::uint32_t doublings = std::min(failures - 1, 6U);
  return std::min(kRemovalRetryFirst * (1U << doublings), kRemovalRetryMax);
}

}  // namespace

Reconciler::Reconciler(log::Voter self, std::vector<ShardHandle> shards, runtime::Executor& home,
                       Decisions decisions)
    : self_(self),
      shards_(std::move(shards)),
      home_(home),
      decisions_(std::move(decisions)),
      alive_(std::make_shared<Reconciler*>(this)) {
  for (const ShardHandle& shard : shards_) {
    shard.executor->post([shard, alive = alive_, home = &home_] {
      shard.partitions->on_members_reached(
          [alive, home](const model::TopicPartition& id, std::uint32_t epoch) {
            home->post([alive, id, epoch] {
              if (*alive != nullptr) (*alive)->on_members_reached(id, epoch);
            });
          });
    });
  }
}

Reconciler::~Reconciler() { *alive_ = nullptr; }

void Reconciler::apply(const cluster::ImagePtr& image, const RoutingPtr& routing, Metadata metadata) {
  image_ = image;
  routing_ = routing;
  metadata_ = metadata;
  for (const auto& [name, route] : routing->topics) {
    if (name == cluster::kClusterTopicName) continue;  // opened by who brings the image
    TopicState& topic = topics_[route.topic->id];
    topic.partitions = static_cast<std::uint32_t>(route.shards.size());
    topic.confirmed = route.topic->confirmed_on(self_.node);
    for (std::size_t i = 0; i < route.shards.size(); ++i) apply_partition(route, i);
  }
  for (const auto& [id, deletion] : image->deleting) {
    if (deletion.waiting.contains(self_.node) && !removals_.contains(id)) start_removal(deletion.topic);
  }
  check_waiters();
}

void Reconciler::apply_partition(const TopicRoute& route, std::size_t index) {
  const auto id = route.id_of(model::PartitionIndex(static_cast<std::int32_t>(index)));
  const cluster::Placement& placement = route.topic->partitions[index];
  const bool here = placement.is_member(self_.node);
  const auto& leaving = placement.leaving;
  auto at = partitions_.find(id);
  if (at == partitions_.end()) {
    // After a start what is to leave may still be on the disk.
    if (!here && std::find(leaving.begin(), leaving.end(), self_.node) == leaving.end()) return;
    open(id, route, route.shards[index]);
    at = partitions_.find(id);
  } else if (at->second.config != route.config) {
    at->second.config = route.config;
    const ShardHandle shard = shards_[route.shards[index]];
    shard.executor->post([shard, id, config = partition_config(route)] {
      if (auto* partition = shard.partitions->find(id)) partition->set_config(config);
    });
  }
  set_wanted(id, placement);
  State& state = at->second;
  if (!here && !state.leaving) return leave(id, state);
  if (!here || !state.leaving) return;
  state.leaving = false;
  const ShardHandle shard = shards_[state.shard];
  shard.executor->post([shard, id] { shard.partitions->stay(id); });
}

// Who is not among the founders has come later, or its disk is another one now, or it was away: it waits for
// the leader's word.
std::optional<raft::Founding> Reconciler::founding_of(const cluster::Placement& placement) const {
  const cluster::Founders& founders = placement.founders;
  if (founders.empty() && placement.epoch == 0) return std::nullopt;
  raft::Founding founding;
  const auto& nodes = placement.replicas;
  founding.rank =
      static_cast<std::uint32_t>(std::find(nodes.begin(), nodes.end(), self_.node) - nodes.begin());
  const auto& departed = placement.departed;
  const bool was_away = std::find(departed.begin(), departed.end(), self_.node) != departed.end();
  if (!was_away && std::find(founders.begin(), founders.end(), self_) != founders.end())
    founding.members.voters = founders;
  return founding;
}

void Reconciler::set_wanted(const model::TopicPartition& id, const cluster::Placement& placement) {
  State& state = partitions_.at(id);
  state.reached = placement.reached;
  std::vector<log::Voter> wanted;
  for (const model::NodeId node : placement.members()) {
    const cluster::Broker* broker = image_->broker(node);
    if (broker == nullptr) return;  // as it is, until an operator says what is to become of it
    // Lost for ever: the others go on without it until the node comes with another disk.
    if (image_->retired.contains(broker->registration.disk)) continue;
    wanted.push_back({node, broker->registration.disk});
  }
  if (wanted.empty()) return;
  // Who is to be stopped soon leads only where nobody else can.
  std::stable_partition(wanted.begin(), wanted.end(),
                        [this](const log::Voter& voter) { return !image_->broker(voter.node)->gives_way(); });
  const bool others = !placement.leaving.empty() || placement.rebuilding;
  if (wanted == state.wanted && placement.epoch == state.epoch && others == state.others_have_copies) return;
  state.others_have_copies = others;
  state.wanted = wanted;
  state.epoch = placement.epoch;
  const ShardHandle shard = shards_[state.shard];
  shard.executor->post([shard, id, wanted = std::move(wanted), epoch = state.epoch, others]() mutable {
    shard.partitions->set_wanted_members(id, {std::move(wanted), {}}, epoch, others);
  });
}

partition::Expected Reconciler::expected(const cluster::Placement& placement,
                                         const model::TopicPartition& id) const {
  if (!placement.is_member(self_.node)) return partition::Expected::kLeaving;
  const auto& joining = placement.joining;
  const bool is_new = std::find(joining.begin(), joining.end(), self_.node) != joining.end();
  const bool confirmed = static_cast<std::uint32_t>(id.partition.value()) < topics_.at(id.topic).confirmed;
  if (confirmed && !is_new) return partition::Expected::kThere;
  return metadata_ == Metadata::kPartial ? partition::Expected::kUncertain : partition::Expected::kMayBeNew;
}

void Reconciler::open(const model::TopicPartition& id, const TopicRoute& route, std::uint32_t shard_index) {
  State state;
  state.topic_name = route.topic->name;
  state.shard = shard_index;
  state.config = route.config;
  partitions_[id] = std::move(state);
  ++topics_.at(id.topic).opening;
  const cluster::Placement& placement =
      route.topic->partitions[static_cast<std::size_t>(id.partition.value())];
  const ShardHandle shard = shards_[shard_index];
  auto report = [alive = alive_, home = &home_, id](Result<std::monostate> result) {
    home->post([alive, id, result = std::move(result)]() mutable {
      if (*alive != nullptr) (*alive)->on_opened(id, std::move(result));
    });
  };
  shard.executor->post([shard, id, name = route.topic->name, config = partition_config(route),
                        founding = founding_of(placement), expected = expected(placement, id),
                        report = std::move(report)]() mutable {
    shard.partitions->open(id, name, config, founding, expected, std::move(report));
  });
}

// --- leaving ---------------------------------------------------------------------------------------------

void Reconciler::leave(const model::TopicPartition& id, State& state) {
  state.leaving = true;
  const ShardHandle shard = shards_[state.shard];
  shard.executor->post([shard, id, alive = alive_, home = &home_] {
    shard.partitions->leave(id, [alive, home, id](Result<std::monostate> result) {
      home->post([alive, id, result = std::move(result)] {
        if (*alive != nullptr) (*alive)->on_left(id, result);
      });
    });
  });
}

void Reconciler::on_left(const model::TopicPartition& id, const Result<std::monostate>& result) {
  const auto at = partitions_.find(id);
  if (at == partitions_.end()) return;  // deleted meanwhile
  if (!result) {
    // It has its group's word and takes part in nothing any more, so whatever is wanted by now, it goes
    // first.
    const auto after = removal_retry_after(++at->second.failed_removals);
    telemetry::log_error("replica could not be moved away", {{"topic", at->second.topic_name},
                                                             {"partition", id.partition.value()},
                                                             {"error", result.error().to_string()},
                                                             {"retry_s", after.count()}});
    home_.schedule_after(after, [alive = alive_, id] {
      if (*alive != nullptr) (*alive)->remove_again(id);
    });
    return;
  }
  if (at->second.is_opening()) --topics_.at(id.topic).opening;
  partitions_.erase(at);
  decisions_.gone(id);
  // It may be wanted again by now; and of the topic all others may be ready.
  for (const auto& [name, route] : routing_->topics) {
    if (route.topic->id != id.topic || route.topic->placement(id.partition) == nullptr) continue;
    const auto index = static_cast<std::size_t>(id.partition.value());
    if (route.topic->partitions[index].is_member(self_.node)) apply_partition(route, index);
  }
  confirm(id.topic);
}

void Reconciler::remove_again(const model::TopicPartition& id) {
  const auto at = partitions_.find(id);
  if (stopping_ || at == partitions_.end()) return;
  const ShardHandle shard = shards_[at->second.shard];
  shard.executor->post([shard, id, alive = alive_, home = &home_] {
    shard.partitions->remove(id, [alive, home, id](Result<std::monostate> result) {
      home->post([alive, id, result = std::move(result)] {
        if (*alive != nullptr) (*alive)->on_left(id, result);
      });
    });
  });
}

void Reconciler::on_members_reached(const model::TopicPartition& id, std::uint32_t epoch) {
  const auto at = partitions_.find(id);
  if (at != partitions_.end() && at->second.epoch == epoch && at->second.reached != epoch)
    decisions_.reached(id, epoch);
}

void Reconciler::on_opened(const model::TopicPartition& id, Result<std::monostate> result) {
  const auto at = partitions_.find(id);
  if (at == partitions_.end() || !at->second.is_opening()) return;  // deleted or moved meanwhile
  // Nothing was there, or it is removed just now: leave() says so too.
  if (at->second.leaving && !result &&
      (result.error().code == ErrorCode::kNotFound || result.error().code == ErrorCode::kShuttingDown))
    return;
  TopicState& topic = topics_.at(id.topic);
  --topic.opening;
  if (result) {
    at->second.ready = true;
  } else {
    topic.failed = true;
    at->second.error = result.error();
    telemetry::log_error("partition not ready", {{"topic", at->second.topic_name},
                                                 {"partition", id.partition.value()},
                                                 {"error", result.error().to_string()}});
  }
  confirm(id.topic);
  check_waiters();
}

// Once nothing of the topic is being opened, so that a topic takes one record and not one per partition.
void Reconciler::confirm(model::TopicId id) {
  const auto at = topics_.find(id);
  if (at == topics_.end()) return;  // deleted meanwhile
  TopicState& topic = at->second;
  if (topic.opening > 0 || topic.confirming) return;
  std::uint32_t ready = 0;
  while (ready < topic.partitions) {
    const auto next = partitions_.find({id, model::PartitionIndex(static_cast<std::int32_t>(ready))});
    // A partition without a replica here is ready as far as this node goes.
    if (next != partitions_.end() && !next->second.ready && !next->second.leaving) break;
    ++ready;
  }
  if (ready <= topic.confirmed) return;
  topic.confirming = true;
  decisions_.confirm(id, ready, [alive = alive_, id](const Result<std::monostate>& confirmed) {
    if (*alive == nullptr) return;
    Reconciler& self = **alive;
    const auto found = self.topics_.find(id);
    if (found == self.topics_.end()) return;
    found->second.confirming = false;
    found->second.not_confirmed = confirmed ? std::nullopt : std::optional(confirmed.error());
    if (confirmed) {
      self.confirm(id);  // partitions that were added meanwhile
    } else {
      telemetry::log_warn("partitions not confirmed",
                          {{"topic", id.to_string()}, {"error", confirmed.error().to_string()}});
    }
    self.check_waiters();
  });
}

void Reconciler::start_removal(const cluster::TopicPtr& topic) {
  Removal& removal = removals_[topic->id];
  removal.left = topic->partitions.size();
  removal.error.reset();
  topics_.erase(topic->id);
  for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
    const model::TopicPartition id{topic->id, model::PartitionIndex(static_cast<std::int32_t>(i))};
    const auto shard_index = log::shard_of(id, static_cast<std::uint32_t>(shards_.size()));
    partitions_.erase(id);
    const ShardHandle shard = shards_[shard_index];
    shard.executor->post([shard, id, alive = alive_, home = &home_] {
      shard.partitions->remove(id, [alive, home, topic_id = id.topic](Result<std::monostate> result) {
        home->post([alive, topic_id, result = std::move(result)]() mutable {
          if (*alive != nullptr) (*alive)->on_removed(topic_id, std::move(result));
        });
      });
    });
  }
  check_waiters();
}

void Reconciler::on_removed(model::TopicId topic, Result<std::monostate> result) {
  const auto at = removals_.find(topic);
  if (at == removals_.end()) return;
  Removal& removal = at->second;
  if (!result) removal.error = result.error();
  if (--removal.left > 0) return;
  auto waiting = std::move(removal.waiting);
  const auto error = removal.error;
  if (error) {
    // The deletion stays recorded until the data is gone.
    const auto after = removal_retry_after(++removal.failures);
    telemetry::log_error(
        "topic data could not be moved away",
        {{"topic", topic.to_string()}, {"error", error->to_string()}, {"retry_s", after.count()}});
    home_.schedule_after(after, [alive = alive_, topic] {
      if (*alive != nullptr) (*alive)->delete_again(topic);
    });
  } else {
    removals_.erase(at);
    decisions_.deleted(topic);
  }
  for (auto& done : waiting) {
    if (error) {
      done(*error);
    } else {
      done(std::monostate{});
    }
  }
}

void Reconciler::delete_again(model::TopicId topic) {
  if (stopping_) return;
  const auto at = image_->deleting.find(topic);
  if (at == image_->deleting.end() || !at->second.waiting.contains(self_.node)) {
    removals_.erase(topic);  // nothing is expected of this node any more
  } else {
    start_removal(at->second.topic);
  }
}

// A node that holds nothing of a partition has nothing to confirm of it: who holds it says so.
bool Reconciler::is_ready(const cluster::Topic& topic, std::uint32_t partition) const {
  const cluster::Placement& placement = topic.partitions[partition];
  const auto confirmed = [&](model::NodeId node) { return topic.confirmed_on(node) > partition; };
  if (placement.is_member(self_.node)) return confirmed(self_.node);
  const auto any = [&](const cluster::Replicas& nodes) {
    return std::any_of(nodes.begin(), nodes.end(), confirmed);
  };
  return any(placement.replicas) || any(placement.previous) || any(placement.leaving);
}

std::optional<Result<std::monostate>> Reconciler::readiness(model::TopicId topic,
                                                            std::uint32_t partitions) const {
  const auto known = topics_.find(topic);
  if (known == topics_.end() || known->second.partitions < partitions)
    return Result<std::monostate>(Error{ErrorCode::kUnknownTopic, "the topic was deleted meanwhile"});
  const TopicState& state = known->second;
  for (std::uint32_t i = 0; state.failed && i < partitions; ++i) {
    const auto at = partitions_.find({topic, model::PartitionIndex(static_cast<std::int32_t>(i))});
    if (at != partitions_.end() && at->second.error) return Result<std::monostate>(*at->second.error);
  }
  const auto topic_now = image_->by_id.find(topic);
  if (topic_now == image_->by_id.end())
    return Result<std::monostate>(Error{ErrorCode::kUnknownTopic, "the topic was deleted meanwhile"});
  std::uint32_t ready = 0;
  while (ready < partitions && is_ready(*topic_now->second, ready)) ++ready;
  if (ready == partitions) return Result<std::monostate>(std::monostate{});
  if (state.not_confirmed) return Result<std::monostate>(*state.not_confirmed);
  return std::nullopt;
}

void Reconciler::when_ready(model::TopicId topic, std::uint32_t partitions, std::chrono::milliseconds timeout,
                            Done<std::monostate> done) {
  if (auto result = readiness(topic, partitions)) return done(std::move(*result));
  const std::uint64_t id = next_waiter_++;
  const auto timer = home_.schedule_after(timeout, [this, id] {
    const auto at = std::find_if(waiters_.begin(), waiters_.end(),
                                 [id](const Waiter& waiter) { return waiter.id == id; });
    if (at == waiters_.end()) return;
    Waiter waiter = std::move(*at);
    waiters_.erase(at);
    waiter.done(Error{
        ErrorCode::kTimedOut,
        "the topic exists, but not all of its partitions were ready in time; see: forebay cluster health"});
  });
  waiters_.push_back({id, topic, partitions, timer, std::move(done)});
}

void Reconciler::check_waiters() {
  std::vector<std::pair<Done<std::monostate>, Result<std::monostate>>> finished;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    auto result = readiness(waiter.topic, waiter.partitions);
    if (!result) return false;
    home_.cancel(*waiter.timer);
    finished.emplace_back(std::move(waiter.done), std::move(*result));
    return true;
  });
  for (auto& [done, result] : finished) done(std::move(result));
}

void Reconciler::when_gone(model::TopicId topic, Done<std::monostate> done) {
  const auto at = removals_.find(topic);
  if (at == removals_.end()) return done(std::monostate{});
  at->second.waiting.push_back(std::move(done));
}

std::vector<UnreadyPartition> Reconciler::unready() const {
  std::vector<UnreadyPartition> result;
  for (const auto& [id, state] : partitions_) {
    // One that has other replicas waits for them: that is no fault of this node.
    if (state.ready || state.leaving || (state.wanted.size() > 1 && !state.error)) continue;
    result.push_back(
        {state.topic_name, id.partition, state.error ? state.error->to_string() : "is being opened"});
  }
  return result;
}

void Reconciler::stop() {
  stopping_ = true;
  auto waiters = std::exchange(waiters_, {});
  const Error error{ErrorCode::kShuttingDown, "the node is stopping", 1000};
  for (auto& waiter : waiters) {
    home_.cancel(*waiter.timer);
    waiter.done(error);
  }
  for (auto& [id, removal] : removals_) {
    for (auto& done : std::exchange(removal.waiting, {})) done(error);
  }
}

}  // namespace forebay::broker
