// How this node comes to the metadata of its cluster: decides with cluster/core/forming.h from the static
// list and what the other nodes say, opens __cluster accordingly, and keeps the list of peers and the wanted
// members of __cluster up to date with the image. Thread rules: everything on the shard of __cluster, but for
// waits_for().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/controller.h"
#include "cluster/core/forming.h"
#include "cluster/voter_keeper.h"
#include "config/settings.h"
#include "io/peer_transport.h"
#include "partition/partition_set.h"
#include "raft/peers.h"

namespace forebay::daemon {

class ClusterEntry {
 public:
  struct Parts {
    log::Voter self;
    std::vector<config::ClusterNode> listed;  // empty: a single node
    model::Uuid cluster;                      // of the metadata store; nil: none yet
    raft::Peers* peers = nullptr;
    runtime::Executor* executor = nullptr;
    partition::PartitionSet* partitions = nullptr;  // of this shard
    // To all shards.
    std::function<void(const model::Uuid& cluster)> set_cluster;
    std::function<void(std::map<model::NodeId, io::PeerAddress>)> set_peers;
    std::function<void(std::set<model::Uuid>)> refuse_disks;
    // __cluster is open: the controller may begin; `joins`: another node forms the cluster. With the reason
    // when it never will be.
    std::function<void(Result<partition::Partition*>, bool joins)> opened;
  };
  explicit ClusterEntry(Parts parts);

  void start();
  // Before the partitions end.
  void stop() { voters_.reset(); }
  // Another node has appeared or gone.
  void look_again();
  void on_image(const cluster::ClusterImage& image);
  // Of __cluster, as far as other nodes told.
  void on_leads(model::Term term, model::NodeId node);
  [[nodiscard]] std::optional<model::NodeId> leader() const;
  // Why the metadata is not there yet; empty when it is opened. Any thread.
  [[nodiscard]] std::string waits_for() const;

 private:
  [[nodiscard]] cluster::FormingInput input() const;
  void wait_for(const std::string& reason);
  void open(const raft::Founding& founding, bool joins);
  void tell_opened(Result<partition::Partition*> opened, bool joins);
  void tell_peers(const cluster::ClusterImage* image);

  const Parts parts_;
  std::unique_ptr<cluster::VoterKeeper> voters_;
  bool opening_ = false;
  bool told_opened_ = false;
  partition::Partition* opened_ = nullptr;
  model::Term leader_term_;
  std::optional<model::NodeId> leader_;
  std::map<model::NodeId, io::PeerAddress> told_peers_;
  model::Uuid told_cluster_;
  std::size_t told_retired_ = 0;
  mutable std::mutex mutex_;
  std::string waits_for_ = "metadata is being loaded";
};

}  // namespace forebay::daemon
