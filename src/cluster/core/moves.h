// Decisions about where replicas are to be: moves, their cancellation, copies made anew, another number of
// replicas. Only the target is decided here; the leaders lead their members to it (docs/adr/0010). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/decisions.h"

namespace forebay::cluster {

// Which partition, as who asks has seen it.
struct MoveSubject {
  std::string topic;
  model::PartitionIndex partition;
  // Of the target that he has seen; none: whatever it is.
  std::optional<std::uint32_t> epoch;
};
struct MoveDecision {
  std::optional<TargetsChanged> record;  // none: it is so already
  std::vector<std::string> warnings;     // what an operator may not have wanted
};

// The target of one partition: as many nodes as the topic has replicas, in order of preference for
// leadership.
// Errors: kUnknownTopic, kUnknownPartition; kInvalidArgument (no such broker, one twice, not the topic's
// number of replicas); kFailedPrecondition (a drained broker would get a copy, another move is under way, the
// target is another one than `epoch` says); kMemoryBudget.
[[nodiscard]] Result<MoveDecision> decide_move(const ClusterImage& image, const MoveSubject& subject,
                                               const Replicas& to, const Limits& limits);
// Back to the target before the change that is under way. Errors: kUnknownTopic, kUnknownPartition;
// kFailedPrecondition (nothing is under way, or it goes back already, or another epoch).
[[nodiscard]] Result<MoveDecision> decide_cancel(const ClusterImage& image, const MoveSubject& subject);
// The copy on `node` is dropped, once the others can do without it, and made anew from them. Errors: those of
// a move; kInvalidArgument when there is no copy there; kFailedPrecondition when it is the only one.
[[nodiscard]] Result<MoveDecision> decide_rebuild(const ClusterImage& image, const MoveSubject& subject,
                                                  model::NodeId node);
// A change is under way that another one has to wait for, or to cancel.
[[nodiscard]] bool is_bound(const Placement& now);
[[nodiscard]] std::size_t moves_under_way(const ClusterImage& image);
// How many more may be begun unasked.
[[nodiscard]] std::size_t room_for_moves(const ClusterImage& image, const Limits& limits);

struct ChangeReplication {
  std::string topic;
  std::uint32_t replication_factor = 0;
  bool allow_single_copy = false;
};
// New targets for the partitions of the topic, as many as may be on their way at a time (upkeep.h begins the
// others): those who have a copy keep it as far as possible, others get one by rack and load. Errors:
// kUnknownTopic; kInvalidArgument (too few brokers, a single copy that was not asked for by name);
// kFailedPrecondition (moves of the topic are under way); kMemoryBudget.
[[nodiscard]] Result<MoveDecision> decide_replication(const ClusterImage& image,
                                                      const ChangeReplication& request, const Limits& limits);

}  // namespace forebay::cluster
