// Requests about where replicas are to be, and what was decided. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.h"

namespace forebay::broker {

struct MoveTo {
  std::vector<model::NodeId> nodes;  // in order of preference for leadership
};
struct CancelMove {};
struct RebuildReplica {
  model::NodeId node;
};
struct MoveRequest {
  std::string topic;
  model::PartitionIndex partition;
  std::optional<std::uint32_t> epoch;  // of the target that the client has seen; none: whatever it is
  std::variant<MoveTo, CancelMove, RebuildReplica> what;
  bool validate_only = false;
};
struct ChangeReplicationRequest {
  std::string topic;
  std::uint32_t replication_factor = 0;
  bool allow_single_copy = false;
  bool validate_only = false;
};
struct PartitionTarget {
  model::PartitionIndex partition;
  std::uint32_t epoch = 0;
  std::vector<model::NodeId> from, to;
  std::optional<model::NodeId> rebuild;
};
struct MoveResult {
  std::vector<PartitionTarget> targets;  // that changed; none: it is so already
  std::vector<std::string> warnings;
};
struct TransferLeaderRequest {
  std::string topic;
  model::PartitionIndex partition;
  model::NodeId to;
};

}  // namespace forebay::broker
