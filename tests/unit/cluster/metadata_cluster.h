// Several nodes with nothing but metadata, in one simulated world: each with its disk, its log of __cluster
// and its store, joined by the simulated network. The first forms the cluster, the others grow into it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/controller.h"
#include "cluster/core/decisions.h"
#include "cluster/core/features.h"
#include "cluster/proposer.h"
#include "cluster/voter_keeper.h"
#include "kv/memory_store.h"
#include "log/recovery.h"
#include "log/shard_logs.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "sim/sim_machine.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::cluster {

class MetadataNode {
 public:
  MetadataNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t id, std::uint32_t count);
  ~MetadataNode();
  MetadataNode(const MetadataNode&) = delete;
  MetadataNode& operator=(const MetadataNode&) = delete;

  void start();
  enum class End : std::uint8_t { kKill, kPower };
  void die(End how);
  // Before start().
  void set_trimming(const Trimming& trimming) { trimming_ = trimming; }
  // With the node down: an empty store, as if it had been lost.
  void lose_store() {
    store_disk_ = std::make_shared<kv::MemoryDisk>();
    store_lost_ = true;
  }
  // With the node down: nothing of it is left.
  void lose_disk();
  // With the node up: what the store holds now, to go back to.
  [[nodiscard]] std::shared_ptr<kv::MemoryDisk> copy_store();
  void set_store(std::shared_ptr<kv::MemoryDisk> disk) { store_disk_ = std::move(disk); }
  // With the node down: what it registers from its next start on.
  void set_version(std::string version, Features features) {
    version_ = std::move(version);
    features_ = std::move(features);
  }
  [[nodiscard]] bool is_up() const { return set_ != nullptr; }

  [[nodiscard]] model::NodeId id() const { return id_; }
  [[nodiscard]] log::Voter voter() const { return {id_, disk_}; }
  [[nodiscard]] BrokerRegistration registration() const;
  [[nodiscard]] Controller* controller() { return controller_.get(); }
  [[nodiscard]] ImagePtr image() const { return controller_ ? controller_->image() : nullptr; }
  [[nodiscard]] Proposer& proposer() { return *proposer_; }
  [[nodiscard]] partition::Partition* log() { return set_ ? set_->find(cluster_partition()) : nullptr; }
  [[nodiscard]] partition::PartitionSet& partitions() { return *set_; }
  [[nodiscard]] bool leads() { return controller_ && controller_->decides(); }
  // Why the controller can do nothing any more; empty while it can.
  [[nodiscard]] std::string failure() const;
  // Before start(): what its controller does by itself, when it does anything.
  void keep_up_with(const Limits& limits) { limits_ = limits; }

 private:
  // The first one, with its first disk.
  [[nodiscard]] bool forms() const { return id_ == model::NodeId(1) && former_.empty(); }
  void open_log();
  void expect_log_within_store(partition::Partition& log);
  void on_image(const ImagePtr& image);
  void tear_down();

  sim::SimScheduler& scheduler_;
  sim::SimNetwork& network_;
  const model::NodeId id_;
  const std::uint32_t count_;
  std::vector<std::unique_ptr<sim::SimMachine>> former_;  // what they began may still end
  std::unique_ptr<sim::SimMachine> machine_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  model::Uuid disk_;
  std::uint64_t life_ = 0;
  std::string version_ = "2.0.0";
  Features features_ = spoken_features();
  bool registered_ = false;
  Trimming trimming_{kTrimmingAmongOthers};
  bool store_lost_ = false;
  std::optional<Limits> limits_;
  std::optional<Error> not_started_;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<sim::SimPeerTransport> transport_;
  std::unique_ptr<raft::Peers> peers_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<partition::PartitionSet> set_;
  std::unique_ptr<VoterKeeper> voters_;
  std::unique_ptr<kv::KeyValueStore> store_;
  std::unique_ptr<Proposer> proposer_;
  std::unique_ptr<Controller> controller_;
};

class MetadataCluster {
 public:
  MetadataCluster(std::uint64_t seed, std::uint32_t count, const sim::SimNetwork::Options& network = {});

  [[nodiscard]] MetadataNode& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] sim::SimScheduler& scheduler() { return scheduler_; }
  [[nodiscard]] sim::SimNetwork& network() { return network_; }
  [[nodiscard]] MetadataNode* leader();
  void start_all();
  void set_trimming(const Trimming& trimming);
  void isolate(MetadataNode& one);

  template <typename Predicate>
  [[nodiscard]] bool run_until(Predicate predicate, runtime::Duration limit = std::chrono::seconds(30)) {
    return scheduler_.run_until(predicate, {.steps_max = 3'000'000, .duration_max = limit});
  }
  // Somebody leads, every node is up, registered, a voter (of many: a learner), and knows as much as the
  // leader.
  [[nodiscard]] bool converged();
  // For a failure: where each node stands.
  [[nodiscard]] std::string state();
  // All images are the same, and no controller has failed.
  void expect_agreement();

  // Decides on the leader of that moment and waits for the answer.
  Result<ImagePtr> create(MetadataNode& on, const std::string& name, std::uint32_t copies = 0);

 private:
  sim::SimScheduler scheduler_;
  sim::SimNetwork network_;
  std::vector<std::unique_ptr<MetadataNode>> nodes_;
};

// `copies` 0: the default.
[[nodiscard]] Controller::Decide creating(const std::string& name, model::TopicId id,
                                          std::uint32_t copies = 0);

}  // namespace forebay::cluster
