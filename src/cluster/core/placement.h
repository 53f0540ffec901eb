// Where the replicas of new partitions go. Pure.
//
// First replicas go round the brokers, so that leadership spreads. The others follow at a distance that
// changes with every turn, so that the load of a lost broker spreads over all that are left, and on racks
// that have none of the partition's replicas yet, as far as there are racks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

struct PlacementRequest {
  std::uint32_t count = 0;
  std::uint32_t replication_factor = 1;
  const Topic* topic = nullptr;  // that has partitions already; none: a new one
};
// Replicas by node, of all topics: what the next one that is placed looks at.
using Load = std::map<model::NodeId, std::size_t>;
[[nodiscard]] Load load_of(const ClusterImage& image);
// As many of `now` as wanted, in their order, and others on racks that have none yet and with the least load;
// who goes leaves racks that have several. Counts in `load` what it changes. Requires: 1 <=
// replication_factor <= usable brokers, and those that are in `now`.
[[nodiscard]] Replicas resized(const ClusterImage& image, Load& load, const Replicas& now,
                               std::uint32_t replication_factor);
// No rack is written with a NUL; a broker without one, or one that is not known, is a rack of its own.
[[nodiscard]] std::string rack_of(const ClusterImage& image, model::NodeId node);
// Of each pair on one rack though another rack has none: how many copies could be lost with one rack. 0:
// nothing to warn of.
[[nodiscard]] std::size_t copies_on_a_crowded_rack(const ClusterImage& image, const Replicas& replicas);

// Requires: 1 <= replication_factor <= usable brokers of the image.
[[nodiscard]] std::vector<Placement> place(const ClusterImage& image, const PlacementRequest& request);

}  // namespace forebay::cluster
