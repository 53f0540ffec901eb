#include "broker/rebuild_check.h"

#include <string>

namespace forebay::broker {
namespace {

Error needed(model::NodeId node, const std::string& why) {
  return Error{ErrorCode::kFailedPrecondition, "the copy on node " + std::to_string(node.value()) +
                                                   " is needed: " + why + "; repair that first"};
}

}  // namespace

Result<void> check_rebuild(const PartitionReplicas& partition, model::NodeId node) {
  if (!partition.leader) return needed(node, "the partition has no leader that can be reached");
  std::size_t others = 0, in_sync = 0;
  std::string behind;
  for (const ReplicaDescription& replica : partition.replicas) {
    if (replica.node == node || replica.role == ReplicaRole::kLearner) continue;
    ++others;
    if (replica.state == ReplicaState::kInSync) {
      ++in_sync;
      continue;
    }
    behind += (behind.empty() ? ": node " : ", node ") + std::to_string(replica.node.value()) + " is " +
              std::string(replica.state == ReplicaState::kUnknown ? "in an unknown state"
                                                                  : state_name(replica.state));
  }
  if (others == 0) return needed(node, "it is the only one");
  if (2 * in_sync > others) return {};
  return needed(node, std::to_string(in_sync) + " of the " + std::to_string(others) +
                          " others are in sync, which is no majority" + behind);
}

}  // namespace forebay::broker
