// The metadata of a simulated cluster: decided as the controller does and never lost, so that what is tried
// is what the nodes make of it. Each node hears of every version late, and after a restart begins with one
// that may be older than what it had carried out: its store is written behind.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cluster/controller.h"
#include "cluster/core/decommission.h"
#include "cluster/core/moves.h"
#include "cluster/core/proposals.h"
#include "cluster/core/upkeep.h"
#include "sim/sim_rng.h"

namespace forebay::sim {

struct MoveCounts {
  std::uint64_t moves = 0, cancelled = 0, rebuilds = 0, replication_changes = 0, reached = 0, gone = 0;
  std::uint64_t decommissioned = 0, taken_away = 0, removed = 0;
};

class SimMetadata {
 public:
  // A topic of one partition for each; each partition has `replication_factor` founders, from another node
  // on.
  void form(const std::vector<model::TopicPartition>& partitions, const std::vector<log::Voter>& nodes,
            std::uint32_t replication_factor);
  [[nodiscard]] std::size_t versions() const { return versions_.size(); }
  [[nodiscard]] const cluster::ImagePtr& version(std::size_t index) const { return versions_[index]; }
  [[nodiscard]] const cluster::ClusterImage& latest() const { return *versions_.back(); }
  [[nodiscard]] const cluster::Placement& placement(const model::TopicPartition& id) const {
    return latest().by_id.at(id.topic)->partitions.front();
  }
  // Decides something about the partition. Returns what it was; empty: nothing could be.
  [[nodiscard]] std::string change(const model::TopicPartition& id, SimRng& rng);
  // Whether there is a new version.
  [[nodiscard]] bool propose(const cluster::NodeProposal& proposal);
  // Decides that the node is to go. `alive`: who is up. Returns: whether that is possible.
  [[nodiscard]] bool decommission(model::NodeId node, const std::set<log::Voter>& alive);
  // What follows without anybody's asking, all that there is now. Returns: whether there is a new version.
  [[nodiscard]] bool keep_up(const std::set<model::NodeId>& away);
  [[nodiscard]] bool is_broker(model::NodeId node) const { return latest().broker(node) != nullptr; }
  [[nodiscard]] const MoveCounts& counts() const { return counts_; }

 private:
  void apply(const cluster::ClusterRecord& record);
  [[nodiscard]] bool take(const Result<cluster::MoveDecision>& decision, std::uint64_t& count);

  std::vector<cluster::ImagePtr> versions_;
  MoveCounts counts_;
};

}  // namespace forebay::sim
