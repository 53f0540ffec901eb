// The coordinators of one shard: one for each partition of `__groups` with a replica here, from the moment at
// which it is opened until it goes. Thread rules: everything on the shard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "cluster/core/cluster_image.h"
#include "group/coordinator.h"
#include "group/places.h"
#include "group/topics_view.h"
#include "machine/replicas.h"

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
  Coordinators(const Coordinators&) = delete;
  Coordinators& operator=(const Coordinators&) = delete;

  void on_image(const cluster::ClusterImage& image);
  // Nothing: there is no replica of it here.
  [[nodiscard]] Coordinator* find(const model::TopicPartition& id) { return coordinators_.find(id); }
  [[nodiscard]] const std::map<model::TopicPartition, std::unique_ptr<Coordinator>>& all() const {
    return coordinators_.all();
  }
  // Of all coordinators that were here since the start.
  [[nodiscard]] Coordinator::Counts counts() const;
  // What nodes ask one another about groups. Returns false if it is something else.
  bool answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply);
  // Writes all states, and waits for that.
  void stop(UniqueFunction<void()> done) { coordinators_.stop(std::move(done)); }

 private:
  [[nodiscard]] std::unique_ptr<Coordinator> make(partition::Partition& partition);

  Parts parts_;
  TopicsView topics_;
  Places places_;
  Coordinator::Counts closed_;  // of those that are gone
  machine::Replicas<Coordinator> coordinators_;
};

}  // namespace forebay::group
