// How far a group is behind in a partition: asked of the node that leads it (docs/format/groups.md), which
// answers of one moment at which it has proved that it leads: so no figure is ever negative or made of two.
#pragma once

#include <string>

#include "group/ports.h"
#include "partition/partition_set.h"

namespace forebay::group {

struct LagQuestion {
  model::TopicPartition partition;
  LagFrom from;
  friend bool operator==(const LagQuestion&, const LagQuestion&) = default;
};
[[nodiscard]] bool is_lag_question(ByteSpan bytes);
[[nodiscard]] std::string encode_question(const LagQuestion& question);
[[nodiscard]] Result<LagQuestion> decode_lag_question(ByteSpan bytes);  // kInvalidArgument
[[nodiscard]] std::string encode_lag(const PartitionLag& lag);
[[nodiscard]] Result<PartitionLag> decode_lag(ByteSpan bytes);  // kInvalidArgument

// By the leader. `now`: its wall clock. Errors: kNotLeader, kNotYet, kDataLoss, kShuttingDown.
void answer_lag(partition::PartitionSet& partitions, const LagQuestion& question, runtime::WallClock& clock,
                Done<PartitionLag> done);

}  // namespace forebay::group
