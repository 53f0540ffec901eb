#include "broker/stop_check.h"

#include <algorithm>

namespace forebay::broker {
namespace {

bool votes(const ReplicaDescription& replica) { return replica.role != ReplicaRole::kLearner; }

struct Rest {
  std::size_t voters = 0;   // the node among them
  std::size_t in_sync = 0;  // without the node
  std::string not_in_sync;  // the others that are not, in words
};

Rest rest_without(const PartitionReplicas& partition, model::NodeId node) {
  Rest rest;
  for (const ReplicaDescription& replica : partition.replicas) {
    if (!votes(replica)) continue;
    ++rest.voters;
    if (replica.node == node) continue;
    if (replica.state == ReplicaState::kInSync) {
      ++rest.in_sync;
      continue;
    }
    rest.not_in_sync += (rest.not_in_sync.empty() ? "node " : ", node ") +
                        std::to_string(replica.node.value()) + " is " +
                        std::string(replica.state == ReplicaState::kUnknown ? "in an unknown state"
                                                                            : state_name(replica.state));
  }
  return rest;
}

std::string reason_against(const PartitionReplicas& partition, model::NodeId node) {
  const auto self = std::find_if(partition.replicas.begin(), partition.replicas.end(),
                                 [node](const ReplicaDescription& one) { return one.node == node; });
  if (self == partition.replicas.end() || !votes(*self)) return {};
  const Rest rest = rest_without(partition, node);
  if (rest.voters == 1) return "it holds the only copy";
  if (!partition.leader) return "the partition has no leader at the moment";
  std::string reason;
  if (partition.leader == node) reason = "it leads the partition";
  if (rest.in_sync > rest.voters / 2) return reason;
  if (!reason.empty()) reason += ", and ";
  return reason + "without it " + std::to_string(rest.in_sync) + " of " + std::to_string(rest.voters) +
         " voters are in sync, which is no majority" +
         (rest.not_in_sync.empty() ? std::string() : ": " + rest.not_in_sync);
}

}  // namespace

std::vector<StopObstacle> stop_obstacles(const std::vector<PartitionReplicas>& partitions,
                                         model::NodeId node) {
  std::vector<StopObstacle> obstacles;
  for (const PartitionReplicas& partition : partitions) {
    std::string reason = reason_against(partition, node);
    if (reason.empty()) continue;
    obstacles.push_back({partition.topic, partition.partition, partition.leader == node, std::move(reason)});
  }
  return obstacles;
}

}  // namespace forebay::broker
