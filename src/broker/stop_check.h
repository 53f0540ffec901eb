// Whether a node may be stopped now: what would lose its leader or its majority. Pure; asked with what the
// leaders of the partitions say, so that what no leader tells counts as not in sync.
#pragma once

#include <string>
#include <vector>

#include "broker/cluster_view.h"

namespace forebay::broker {

struct StopObstacle {
  std::string topic;
  model::PartitionIndex partition;
  bool leads = false;  // the node leads it
  std::string reason;
};

// In the order of `partitions`; none: the node may be stopped. Of a node that is down already: what would be
// in danger if it did not come back.
[[nodiscard]] std::vector<StopObstacle> stop_obstacles(const std::vector<PartitionReplicas>& partitions,
                                                       model::NodeId node);

}  // namespace forebay::broker
