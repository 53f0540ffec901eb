// A node of a simulated world that may coordinate groups: the coordinator of one partition of `__groups`, on
// a log of three replicas. (Who links this links forebay_machine_cluster.)
#pragma once

#include <memory>
#include <utility>

#include "group/coordinator.h"
#include "group/topics_view.h"
#include "machine_cluster.h"

namespace forebay::sim {

class GroupNode : public machine::MachineNode {
 public:
  using MachineNode::MachineNode;
  ~GroupNode() override { shut_down(); }
  [[nodiscard]] machine::Host* host() override { return coordinator_ ? &coordinator_->host() : nullptr; }
  [[nodiscard]] bool leads() const override { return coordinator_ && coordinator_->coordinates(); }
  void close_host() override { coordinator_.reset(); }
  // Nothing: the node is down, or its log is not open yet.
  [[nodiscard]] group::Coordinator* coordinator() { return coordinator_.get(); }
  // As the metadata on this node is from now on.
  void set_topics(const cluster::ClusterImage& image) {
    if (topics_.set(image) && coordinator_) coordinator_->topics_changed();
  }
  // Before it is started; outlives the node.
  void set_places(group::PartitionPlaces* places) { places_ = places; }

 protected:
  void open_host(partition::Partition& log) override {
    const machine::HostParts parts = host_parts(log);
    coordinator_ =
        std::make_unique<group::Coordinator>(group::CoordinatorParts{.log = &log,
                                                                     .store = parts.store,
                                                                     .executor = parts.executor,
                                                                     .pool = parts.pool,
                                                                     .clock = &sim_machine().wall_clock(),
                                                                     .rng = &sim_machine().rng(),
                                                                     .peers = parts.peers,
                                                                     .topics = &topics_,
                                                                     .places = places_},
                                             config_);
    coordinator_->start();
  }

 private:
  group::TopicsView topics_;
  group::PartitionPlaces* places_ = nullptr;
  std::unique_ptr<group::Coordinator> coordinator_;
};

}  // namespace forebay::sim
