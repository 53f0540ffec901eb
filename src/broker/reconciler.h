// Drives the partitions on this node to what the cluster's image says: opens what is missing, changes
// configurations, moves away what was deleted, and what was moved to other nodes once its group says so; what
// cannot be moved away is tried again.
// Knows of each partition whether it is ready, and has that confirmed in the image: only a partition that was
// never confirmed may be made anew when it is not there. Thread rules: the controller's shard; it posts to
// the others.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/routing.h"
#include "cluster/controller.h"
#include "group/coordinators.h"
#include "partition/partition_set.h"
#include "runtime/executor.h"

namespace forebay::schema {
class Registries;
}  // namespace forebay::schema

namespace forebay::broker {

struct ShardHandle {
  runtime::Executor* executor = nullptr;
  partition::PartitionSet* partitions = nullptr;  // touched on that executor only
  group::Coordinators* coordinators = nullptr;    // the same; none: there are no consumer groups
  schema::Registries* registries = nullptr;       // the same; none: there is no schema registry
};

class Reconciler {
 public:
  struct Decisions {
    // The data of a topic is in the trash on this node.
    UniqueFunction<void(model::TopicId)> deleted;
    // The topic's partitions below the number are ready on this node: to be logged.
    UniqueFunction<void(model::TopicId, std::uint32_t, Done<std::monostate>)> confirm;
    // The partition is led here, and its members are those of the target of that epoch.
    UniqueFunction<void(const model::TopicPartition&, std::uint32_t epoch)> reached;
    // Nothing of the partition is left here, where it is not to be any more.
    UniqueFunction<void(const model::TopicPartition&)> gone;
  };
  // References outlive the reconciler.
  Reconciler(log::Voter self, std::vector<ShardHandle> shards, runtime::Executor& home, Decisions decisions);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // Of metadata that is lost in part nothing is taken for new.
  enum class Metadata : std::uint8_t { kWhole, kPartial };
  void apply(const cluster::ImagePtr& image, const RoutingPtr& routing, Metadata metadata);
  // Calls back when all partitions of the topic are ready and confirmed, here and, of those that have no
  // replica here, on one node that has; or with the first that never will be, or kTimedOut.
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
    std::vector<log::Voter> wanted;  // its voters, by the image
    std::uint32_t epoch = 0;         // of that
    std::uint32_t reached = 0;       // by the image
    bool others_have_copies = false;
    bool leaving = false;               // not to be here any more
    std::uint32_t failed_removals = 0;  // in a row
    [[nodiscard]] bool is_opening() const { return !ready && !error; }
  };
  struct TopicState {
    std::uint32_t partitions = 0;
    std::uint32_t opening = 0;  // neither ready nor failed
    bool failed = false;        // one of them
    std::uint32_t confirmed = 0;
    bool confirming = false;
    std::optional<Error> not_confirmed;  // why the last attempt failed
  };
  struct Waiter {
    std::uint64_t id = 0;
    model::TopicId topic;
    std::uint32_t partitions = 0;
    std::optional<runtime::TimerId> timer;
    Done<std::monostate> done;
  };
  void apply_partition(const TopicRoute& route, std::size_t index);
  void open(const model::TopicPartition& id, const TopicRoute& route, std::uint32_t shard);
  [[nodiscard]] partition::Expected expected(const cluster::Placement& placement,
                                             const model::TopicPartition& id) const;
  void set_wanted(const model::TopicPartition& id, const cluster::Placement& placement);
  void leave(const model::TopicPartition& id, State& state);
  void on_left(const model::TopicPartition& id, const Result<std::monostate>& result);
  void remove_again(const model::TopicPartition& id);
  void on_members_reached(const model::TopicPartition& id, std::uint32_t epoch);
  [[nodiscard]] std::optional<raft::Founding> founding_of(const cluster::Placement& placement) const;
  void confirm(model::TopicId topic);
  void on_opened(const model::TopicPartition& id, Result<std::monostate> result);
  void start_removal(const cluster::TopicPtr& topic);
  void on_removed(model::TopicId topic, Result<std::monostate> result);
  void delete_again(model::TopicId topic);
  void check_waiters();
  [[nodiscard]] bool is_ready(const cluster::Topic& topic, std::uint32_t partition) const;
  // Nothing: not all ready yet.
  [[nodiscard]] std::optional<Result<std::monostate>> readiness(model::TopicId topic,
                                                                std::uint32_t partitions) const;

  log::Voter self_;
  std::vector<ShardHandle> shards_;
  runtime::Executor& home_;
  Decisions decisions_;
  // As last applied.
  cluster::ImagePtr image_;
  RoutingPtr routing_;
  Metadata metadata_ = Metadata::kWhole;
  std::map<model::TopicPartition, State> partitions_;
  std::map<model::TopicId, TopicState> topics_;
  struct Removal {
    std::size_t left = 0;
    std::uint32_t failures = 0;  // of all of it, in a row
    std::optional<Error> error;
    std::vector<Done<std::monostate>> waiting;
  };
  std::map<model::TopicId, Removal> removals_;
  std::vector<Waiter> waiters_;
  std::uint64_t next_waiter_ = 1;
  bool stopping_ = false;
  std::shared_ptr<Reconciler*> alive_;
};

}  // namespace forebay::broker
