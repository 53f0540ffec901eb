// Where the replicas of new partitions go. Pure.
//
// First replicas go round the brokers, so that leadership spreads. The others follow at a distance that
// changes with every turn, so that the load of a lost broker spreads over all that are left, and on racks
// that have none of the partition's replicas yet, as far as there are racks.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

struct PlacementRequest {
  std::uint32_t count = 0;
  std::uint32_t replication_factor = 1;
  const Topic* topic = nullptr;  // that has partitions already; none: a new one
};
// Requires: 1 <= replication_factor <= usable brokers of the image.
[[nodiscard]] std::vector<Placement> place(const ClusterImage& image, const PlacementRequest& request);

}  // namespace forebay::cluster
