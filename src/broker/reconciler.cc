#include "broker/reconciler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "log/journal.h"
#include "telemetry/log.h"

namespace forebay::broker {

Reconciler::Reconciler(std::vector<ShardHandle> shards, runtime::Executor& home,
                       UniqueFunction<void(model::TopicId)> on_deleted)
    : shards_(std::move(shards)),
      home_(home),
      on_deleted_(std::move(on_deleted)),
      alive_(std::make_shared<Reconciler*>(this)) {}

Reconciler::~Reconciler() { *alive_ = nullptr; }

void Reconciler::apply(const cluster::ClusterImage& image, const RoutingTable& routing) {
  for (const auto& [name, route] : routing.topics) {
    if (route.internal) continue;  // opened by whoever owns them
    for (std::size_t i = 0; i < route.shards.size(); ++i) {
      const auto id = route.id_of(model::PartitionIndex(static_cast<std::int32_t>(i)));
      const auto at = partitions_.find(id);
      if (at == partitions_.end()) {
        open(id, route, route.shards[i]);
      } else if (at->second.config != route.config) {
        at->second.config = route.config;
        const ShardHandle shard = shards_[route.shards[i]];
        shard.executor->post([shard, id, config = partition_config(route.config)] {
          if (auto* partition = shard.partitions->find(id)) partition->set_config(config);
        });
      }
    }
  }
  for (const auto& [id, topic] : image.deleting) {
    if (!removals_.contains(id)) start_removal(topic);
  }
}

void Reconciler::open(const model::TopicPartition& id, const TopicRoute& route, std::uint32_t shard_index) {
  partitions_[id] = State{route.topic->name, shard_index, false, std::nullopt, route.config};
  const ShardHandle shard = shards_[shard_index];
  auto report = [alive = alive_, home = &home_, id](Result<std::monostate> result) {
    home->post([alive, id, result = std::move(result)]() mutable {
      if (*alive != nullptr) (*alive)->on_opened(id, std::move(result));
    });
  };
  shard.executor->post([shard, id, name = route.topic->name, config = partition_config(route.config),
                        report = std::move(report)]() mutable {
    shard.partitions->open(id, name, config, std::move(report));
  });
}

void Reconciler::on_opened(const model::TopicPartition& id, Result<std::monostate> result) {
  const auto at = partitions_.find(id);
  if (at == partitions_.end()) return;  // deleted meanwhile
  if (result) {
    at->second.ready = true;
  } else {
    at->second.error = result.error();
    telemetry::log_error("partition not ready", {{"topic", at->second.topic_name},
                                                 {"partition", id.partition.value()},
                                                 {"error", result.error().to_string()}});
  }
  check_waiters();
}

void Reconciler::start_removal(const cluster::TopicPtr& topic) {
  Removal& removal = removals_[topic->id];
  removal.left = topic->partitions.size();
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
    // Tried again at the next start: the deletion stays recorded until the data is gone.
    telemetry::log_error("topic data could not be moved away",
                         {{"topic", topic.to_string()}, {"error", error->to_string()}});
  } else {
    removals_.erase(at);
    on_deleted_(topic);
  }
  for (auto& done : waiting) {
    if (error) {
      done(*error);
    } else {
      done(std::monostate{});
    }
  }
}

std::optional<Result<std::monostate>> Reconciler::readiness(model::TopicId topic,
                                                            std::uint32_t partitions) const {
  for (std::uint32_t i = 0; i < partitions; ++i) {
    const auto at = partitions_.find({topic, model::PartitionIndex(static_cast<std::int32_t>(i))});
    if (at == partitions_.end())
      return Result<std::monostate>(Error{ErrorCode::kUnknownTopic, "the topic was deleted meanwhile"});
    if (at->second.error) return Result<std::monostate>(*at->second.error);
    if (!at->second.ready) return std::nullopt;
  }
  return Result<std::monostate>(std::monostate{});
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
    waiter.done(
        Error{ErrorCode::kTimedOut,
              "the topic exists, but not all of its partitions were ready in time; see: forebay health"});
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
    if (state.ready) continue;
    result.push_back(
        {state.topic_name, id.partition, state.error ? state.error->to_string() : "is being opened"});
  }
  return result;
}

void Reconciler::stop() {
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
