// One node of a simulated cluster: a machine, and the process on it with everything that replicates a log:
// recovery, journal, logs, partitions, Raft, and its transport. No RPC. Either every node opens the same
// partitions with the same founding members, or the reconciler opens what simulated metadata says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/reconciler.h"
#include "cluster/core/proposals.h"
#include "log/recovery.h"
#include "log/shard_logs.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "sim/sim_machine.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::sim {

inline const std::string kNodeDataDir = "/data";

// The same on every node.
struct NodeSetup {
  log::ShardLogsConfig logs;
  raft::PeersConfig peers;
  std::vector<model::TopicPartition> partitions;
  partition::PartitionConfig partition;
  partition::ProducerLimits producers;
  runtime::Duration maintenance_interval = std::chrono::seconds(10);
  std::uint32_t node_count = 3;
};

class ClusterNode {
 public:
  ClusterNode(SimScheduler& scheduler, SimNetwork& network, std::uint32_t index, const NodeSetup& setup,
              SimDisk::Options disk);
  ~ClusterNode();
  ClusterNode(const ClusterNode&) = delete;
  ClusterNode& operator=(const ClusterNode&) = delete;

  [[nodiscard]] std::uint32_t index() const { return index_; }
  [[nodiscard]] model::NodeId id() const { return id_; }
  [[nodiscard]] SimMachine& machine() { return machine_; }
  [[nodiscard]] SimDisk& disk() { return machine_.disk(); }

  // Boots as the daemon does: opens the data directory and recovers it. The first time it makes them. Errors:
  // what the disk refuses; the power may have gone meanwhile (disk().power_is_off()).
  [[nodiscard]] Result<void> boot();
  // Once it is booted and every founder's disk is known: joins the others and opens the partitions, some of
  // them late, as the daemon does when it has read its metadata: the others may have asked by then.
  void join(const std::vector<log::Voter>& founders, std::function<void(std::size_t partition)> opened);
  // The same, opening what the metadata asks for (on_image) and telling what it proposes to it.
  using Propose = std::function<void(const cluster::NodeProposal&)>;
  void join_by_metadata(const std::vector<log::Voter>& nodes, Propose propose);
  void on_image(const cluster::ImagePtr& image);
  [[nodiscard]] bool is_up() const { return set_ != nullptr; }
  [[nodiscard]] log::Voter voter() const { return {id_, disk_identity_}; }
  // Counts its starts.
  [[nodiscard]] std::uint64_t life() const { return life_; }

  enum class End : std::uint8_t { kKill, kKillWithLateWrites, kPower };
  // The process, or the machine, ends here. Not inside an event.
  void die(End how);
  void pause() { machine_.executor().pause(); }
  void resume() { machine_.executor().resume(); }
  [[nodiscard]] bool paused() const { return machine_.executor().paused(); }
  // Below its reserve: records are refused, whoever asks.
  void set_low_on_disk(bool low) { low_on_disk_ = low; }
  // What speaks against it as a leader now.
  [[nodiscard]] bool is_hard_up() const {
    return low_on_disk_ || (logs_ != nullptr && logs_->writes_stall());
  }
  // Of this life and all before it.
  [[nodiscard]] partition::PartitionSet::HardshipCounts hardship_counts() const;
  struct DamageCounts {
    std::uint64_t found = 0, repaired = 0;
  };
  [[nodiscard]] DamageCounts damage_counts() const;
  [[nodiscard]] partition::Producers::Counts producer_counts() const;
  [[nodiscard]] partition::Producers::Lookups producer_lookups() const;

  // Nothing while the node is down, or the partition is not open yet.
  [[nodiscard]] partition::Partition* find(std::size_t partition) const;
  // Why a partition could not be opened.
  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  // Of this life and all before it.
  [[nodiscard]] const log::RecoveryReport& report() const { return report_; }
  [[nodiscard]] log::ShardLogs* logs() const { return logs_.get(); }
  // Replicas that began anew where their leader's log begins, in all lives.
  [[nodiscard]] std::uint64_t installs() const {
    return installs_before_ + (peers_ == nullptr ? 0 : peers_->counts().installs);
  }

 private:
  void tear_down();
  [[nodiscard]] Result<void> admission() const;
  void open(std::size_t partition, const std::vector<log::Voter>& founders);
  void connect(const std::vector<log::Voter>& nodes);
  void make_set();

  SimNetwork& network_;
  const std::uint32_t index_;
  const model::NodeId id_;
  const NodeSetup& setup_;
  mutable SimMachine machine_;
  bool low_on_disk_ = false;
  partition::PartitionSet::HardshipCounts earlier_hardship_;
  DamageCounts earlier_damage_;
  partition::Producers::Counts earlier_producers_;
  partition::Producers::Lookups earlier_lookups_;
  model::Uuid disk_identity_;
  std::uint64_t life_ = 0;
  std::uint64_t installs_before_ = 0;
  std::vector<bool> made_;  // partitions whose creation was answered: they must be there from now on
  log::RecoveryReport report_;
  std::vector<std::string> failures_;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<SimPeerTransport> transport_;
  std::unique_ptr<raft::Peers> peers_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<partition::PartitionSet> set_;
  std::unique_ptr<broker::Reconciler> reconciler_;
  std::function<void(std::size_t)> opened_;
};

}  // namespace forebay::sim
