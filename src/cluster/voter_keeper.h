// Keeps the members of __cluster as they should be: where this node leads it, asks core/voter_choice.h once a
// second with what this node sees of the others, and tells the partition, which goes there step by step.
// Nothing of it is stored: who votes now is what the next choice goes by, whoever leads then.
// Thread rules: everything on the shard of __cluster.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "cluster/core/voter_choice.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::cluster {

class VoterKeeper {
 public:
  // References outlive it.
  VoterKeeper(const log::Voter& self, partition::PartitionSet& partitions, raft::Peers& peers,
              runtime::Executor& executor);
  ~VoterKeeper();
  VoterKeeper(const VoterKeeper&) = delete;
  VoterKeeper& operator=(const VoterKeeper&) = delete;

  void on_image(const ClusterImage& image);

 private:
  void look();
  void look_later();
  void see(partition::Partition& log, MetadataBroker& broker);

  const log::Voter self_;
  partition::PartitionSet& partitions_;
  raft::Peers& peers_;
  runtime::Executor& executor_;
  std::vector<MetadataBroker> brokers_;  // of the image; what is seen of them is not in here
  // Out of reach since this node leads, or later.
  std::map<log::Voter, runtime::TimePoint> away_since_;
  MetadataMembers told_;
  std::optional<runtime::TimerId> timer_;
};

}  // namespace forebay::cluster
