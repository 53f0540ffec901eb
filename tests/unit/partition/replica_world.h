// Three replicas of one partition on three nodes, over simulated disks and a simulated network.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "raft/peers.h"
#include "shard_harness.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::partition {

class ReplicaNode {
 public:
  ReplicaNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t number);
  ~ReplicaNode() { kill(); }
  ReplicaNode(const ReplicaNode&) = delete;
  ReplicaNode& operator=(const ReplicaNode&) = delete;

  // Requires: does not run.
  void start(const std::vector<model::NodeId>& all, const ProducerLimits& producers);
  void kill();
  [[nodiscard]] bool runs() const { return set_ != nullptr; }
  [[nodiscard]] model::NodeId id() const { return id_; }
  // Null: it does not run, or is opening it.
  [[nodiscard]] Partition* partition() { return runs() ? set_->find(topic_partition(1)) : nullptr; }
  [[nodiscard]] bool leads() { return partition() != nullptr && partition()->is_ready(); }
  [[nodiscard]] sim::SimDisk& disk() { return machine_.disk(); }

 private:
  sim::SimNetwork& network_;
  const model::NodeId id_;
  sim::SimMachine machine_;
  std::uint64_t life_ = 0;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<sim::SimPeerTransport> transport_;
  std::unique_ptr<raft::Peers> peers_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<PartitionSet> set_;
};

class ReplicaWorld {
 public:
  explicit ReplicaWorld(const ProducerLimits& producers = {}, std::uint64_t seed = 1);

  [[nodiscard]] ReplicaNode& node(std::size_t index) { return *nodes_.at(index); }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  void start(std::size_t index) { node(index).start(ids_, producers_); }
  [[nodiscard]] sim::SimNetwork& network() { return network_; }
  // Null: nobody comes to lead, but perhaps `but`.
  [[nodiscard]] ReplicaNode* leader(const ReplicaNode* but = nullptr);
  // Hands leadership over to it.
  [[nodiscard]] bool lead(ReplicaNode& node);
  void isolate(ReplicaNode& node);
  [[nodiscard]] bool run_until(const std::function<bool()>& predicate) {
    return scheduler_.run_until(predicate, {.steps_max = 5'000'000, .duration_max = std::chrono::minutes(2)});
  }
  void run_for(runtime::Duration duration) { scheduler_.run_for(duration); }
  // All that run have on their disk what the leader has, and know that it is committed.
  [[nodiscard]] bool settle();

 private:
  const ProducerLimits producers_;
  sim::SimScheduler scheduler_;
  sim::SimNetwork network_;
  std::vector<model::NodeId> ids_{model::NodeId(1), model::NodeId(2), model::NodeId(3)};
  std::vector<std::unique_ptr<ReplicaNode>> nodes_;
};

}  // namespace forebay::partition
