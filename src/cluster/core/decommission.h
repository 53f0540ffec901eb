// Whether a broker may be taken out of the cluster for good. What is done about it then: upkeep.h. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/decisions.h"
#include "cluster/core/placement.h"

namespace forebay::cluster {

struct DecommissionRequest {
  model::NodeId node;
  bool allow_fewer_racks = false;  // copies that are on different racks may end on the same
};
struct DecommissionDecision {
  std::optional<BrokerDecommission> record;  // none: it is so already, or the broker is gone
  std::size_t replicas = 0;                  // that are to leave it
  Load gains;                                // how many of them others would get, as things are
};

// `alive`: who is connected to the decider right now, itself included.
// Errors: kInvalidArgument (there never was such a broker); kFailedPrecondition, with the topics: the last
// broker that stays, too few brokers or racks for the replicas of a topic, partitions without a majority;
// kMemoryBudget.
[[nodiscard]] Result<DecommissionDecision> decide_decommission(const ClusterImage& image,
                                                               const DecommissionRequest& request,
                                                               const Limits& limits,
                                                               const std::set<log::Voter>& alive);
// It stays a broker, with what it still has: what is on its way to others goes on. Nothing: it is none that
// goes. Errors: kInvalidArgument (no such broker).
[[nodiscard]] Result<std::optional<BrokerDecommission>> decide_keep_broker(const ClusterImage& image,
                                                                           model::NodeId node);

}  // namespace forebay::cluster
