// Drives the partitions on this node to what the cluster's image says: opens what is missing, changes
// configurations, moves away what was deleted. Knows of each partition whether it is ready. Thread rules: the
// controller's shard; it posts to the others.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/routing.h"
#include "partition/partition_set.h"
#include "runtime/executor.h"

namespace forebay::broker {

struct ShardHandle {
  runtime::Executor* executor = nullptr;
  partition::PartitionSet* partitions = nullptr;  // touched on that executor only
};

class Reconciler {
 public:
  // `on_deleted`: the data of a topic is in the trash on this node. References outlive the reconciler.
  Reconciler(std::vector<ShardHandle> shards, runtime::Executor& home,
             UniqueFunction<void(model::TopicId)> on_deleted);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  void apply(const cluster::ClusterImage& image, const RoutingTable& routing);
  // Calls back when all partitions of the topic are ready, or with the first that never will be, or
  // kTimedOut.
  void when_ready(model::TopicId topic, std::uint32_t partitions, std::chrono::milliseconds timeout,
                  Done<std::monostate> done);
  // Calls back when the topic's data is gone from this node.
  void when_gone(model::TopicId topic, Done<std::monostate> done);
  [[nodiscard]] std::vector<UnreadyPartition> unready() const;
  void stop();

 private:
  struct State {
    std::string topic_name;
    std::uint32_t shard = 0;
    bool ready = false;
    std::optional<Error> error;
    config::TopicConfig config;
  };
  struct Waiter {
    std::uint64_t id = 0;
    model::TopicId topic;
    std::uint32_t partitions = 0;
    std::optional<runtime::TimerId> timer;
    Done<std::monostate> done;
  };
  void open(const model::TopicPartition& id, const TopicRoute& route, std::uint32_t shard);
  void on_opened(const model::TopicPartition& id, Result<std::monostate> result);
  void start_removal(const cluster::TopicPtr& topic);
  void on_removed(model::TopicId topic, Result<std::monostate> result);
  void check_waiters();
  // Nothing: not all ready yet.
  [[nodiscard]] std::optional<Result<std::monostate>> readiness(model::TopicId topic,
                                                                std::uint32_t partitions) const;

  std::vector<ShardHandle> shards_;
  runtime::Executor& home_;
  UniqueFunction<void(model::TopicId)> on_deleted_;
  std::map<model::TopicPartition, State> partitions_;
  struct Removal {
    std::size_t left = 0;
    std::optional<Error> error;
    std::vector<Done<std::monostate>> waiting;
  };
  std::map<model::TopicId, Removal> removals_;
  std::vector<Waiter> waiters_;
  std::uint64_t next_waiter_ = 1;
  std::shared_ptr<Reconciler*> alive_;
};

}  // namespace forebay::broker
