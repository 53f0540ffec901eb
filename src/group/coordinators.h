// The coordinators of one shard: one for each partition of `__groups` with a replica here, from the moment at
// which it is opened until it goes. Thread rules: everything on the shard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/core/cluster_image.h"
#include "group/coordinator.h"
#include "group/places.h"
#include "group/topics_view.h"

namespace forebay::group {

// The partition of `__groups` that a group lives in. For ever the same.
[[nodiscard]] model::PartitionIndex partition_of_group(const std::string& group);

class Coordinators {
 public:
  struct Parts {
    partition::PartitionSet* partitions = nullptr;
    kv::KeyValueStore* store = nullptr;
    runtime::Executor* executor = nullptr;
    runtime::BlockingPool* pool = nullptr;
    runtime::WallClock* clock = nullptr;
    runtime::Rng* rng = nullptr;
    raft::Peers* peers = nullptr;  // none: a node alone
    Places::Parts places;
    machine::HostConfig host;
    std::size_t partitions_per_group_max = kPartitionsPerGroupMax;
  };
  // It is the partition set's listener for partitions that hold a state. All parts outlive it.
  explicit Coordinators(Parts parts);
  ~Coordinators();
  Coordinators(const Coordinators&) = delete;
  Coordinators& operator=(const Coordinators&) = delete;

  void on_image(const cluster::ClusterImage& image);
  // Nothing: there is no replica of it here.
  [[nodiscard]] Coordinator* find(const model::TopicPartition& id);
  [[nodiscard]] const std::map<model::TopicPartition, std::unique_ptr<Coordinator>>& all() const {
    return coordinators_;
  }
  // Of all coordinators that were here since the start.
  [[nodiscard]] Coordinator::Counts counts() const;
  // What nodes ask one another about groups. Returns false if it is something else.
  bool answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply);
  // Writes all states, and waits for that.
  void stop(UniqueFunction<void()> done);

 private:
  void open(const model::TopicPartition& id, partition::Partition& partition);
  void close(const model::TopicPartition& id);
  void erased(const model::TopicPartition& id);

  Parts parts_;
  TopicsView topics_;
  Places places_;
  std::map<model::TopicPartition, std::unique_ptr<Coordinator>> coordinators_;
  Coordinator::Counts closed_;  // of those that are gone
  struct Erasing {              // of the states of replicas that have gone
    int under_way = 0;
    std::vector<UniqueFunction<void()>> waiting;
  };
  std::map<model::TopicPartition, Erasing> erasing_;
  std::shared_ptr<Coordinators*> alive_;
};

}  // namespace forebay::group
