// What the controller decides without being asked, one record at a time: replicas leave brokers that are
// decommissioned, internal topics get as many replicas as brokers allow (internal_topics.h), partitions get
// the number of replicas that their topic is to have, and a broker that nothing counts on any more is
// removed. All of it follows from the image, so that a controller goes on where
// the one before has stopped. Pure.
//
// The order is what keeps a broker's last word from being needed after it is gone: first no membership of a
// partition has it, by its leader's word (TargetReached); a broker that is there removes its data and says
// so, one that is away is not waited for; then the group of __cluster goes on without it; only then its disk
// is retired, so that whoever it was is not listened to any more (docs/adr/0018).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "cluster/core/cluster_image.h"
#include "cluster/core/decisions.h"
#include "cluster/core/placement.h"

namespace forebay::cluster {

struct UpkeepView {
  std::set<model::NodeId> away;  // for so long that nothing is given to them, or expected of them
  // Of __cluster, by any membership that counts or may count.
  std::set<model::NodeId> metadata_members;
};
struct UpkeepStep {
  std::optional<ClusterRecord> record;  // to be decided next
  bool unfinished = false;              // something is left, also when there is no record now
  std::string refusal;                  // why there is none though there is something to be decided
  // By decommissioned broker: what stands in its way, in words.
  std::map<model::NodeId, std::string> waits_for;
};
// The target is not what it is to be: one of its brokers goes, or it has another number of replicas than the
// topic.
[[nodiscard]] bool is_to_change(const ClusterImage& image, const Topic& topic, const Placement& now);
// Something is left to be done, now or later.
[[nodiscard]] bool has_upkeep(const ClusterImage& image);
[[nodiscard]] UpkeepStep next_upkeep(const ClusterImage& image, const Limits& limits, const UpkeepView& view);

// The target without brokers that are decommissioned, others in their places. Counts in `load` what it
// changes. Nothing: there are too few others.
[[nodiscard]] std::optional<Replicas> target_without_going(const ClusterImage& image, Load& load,
                                                           const Replicas& now,
                                                           std::uint32_t replication_factor);

}  // namespace forebay::cluster
