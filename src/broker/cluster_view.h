// What a node says of its cluster: of the nodes as it sees them, and of the replicas of partitions. What
// others see is asked of them and put together above (api/cluster_view.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "partition/core/replica_report.h"

namespace forebay::broker {

struct ClusterNode {
  model::NodeId id;
  std::string disk_id, api_address, peer_address, http_address, rack, version;
  std::uint32_t shards = 0;
  bool registered = false;  // else it stands in cluster.nodes only, and little is known of it
  bool drained = false;
  bool controller = false;
  bool alive = false;  // this node has a link to it, or is it
  // When it was heard last, of one that is not alive; none: not since this node has started.
  std::optional<model::Timestamp> away_since;
  // On its way out of the cluster, or out of it: how far, and what that waits for. Empty: it is a broker like
  // others.
  std::string decommission, waits_for;
  bool disk_given_up = false;  // by an operator's word: what was on it is refused
  std::uint32_t replicas = 0;  // placed there
  std::uint32_t leaders = 0;   // as far as this node knows
};
struct ClusterDescription {
  std::string cluster_id;
  model::NodeId answered_by;
  std::vector<ClusterNode> nodes;  // by id
};

using partition::ReplicaRole;
using partition::ReplicaState;
using partition::role_name;
using partition::state_name;

struct ReplicaDescription {
  model::NodeId node;
  ReplicaRole role = ReplicaRole::kFollower;
  ReplicaState state = ReplicaState::kUnknown;
  std::optional<model::Offset> flushed;
  std::optional<std::uint64_t> lag_records;
  std::optional<std::uint64_t> lag_bytes;  // about; of the segments that hold what it lacks
  std::optional<model::Timestamp> since;   // of the state
  std::string problem;                     // why it failed
};
// Of the target, by the metadata of the node that was asked.
struct MoveDescription {
  std::uint32_t epoch = 0;
  bool moving = false;
  std::vector<model::NodeId> target;    // in order of preference for leadership
  std::vector<model::NodeId> previous;  // what a cancellation goes back to
  std::vector<model::NodeId> leaving;   // may still hold data, and is not in the target
  std::optional<model::NodeId> rebuilding;
  bool queued = false;  // the target will be changed when there is room for another move
};
// What ClusterNode::decommission says.
inline constexpr const char* kDecommissionMoving = "moving replicas";
inline constexpr const char* kDecommissionLeaving = "leaving the metadata";
inline constexpr const char* kDecommissionRemoved = "removed";
struct DecommissionNodeRequest {
  model::NodeId node;
  bool cancel = false;
  bool allow_fewer_racks = false;
  bool validate_only = false;
};
struct DecommissionResult {
  std::uint32_t replicas = 0;                    // that are to leave the node
  std::map<model::NodeId, std::uint32_t> gains;  // how many of them others would get, as things are
};
struct PartitionReplicas {
  std::string topic;
  model::PartitionIndex partition;
  bool internal = false;
  std::optional<model::NodeId> leader;  // one that can be reached
  model::Term term;
  std::vector<ReplicaDescription> replicas;  // by node
  std::string waits_for;                     // on the way to other members
  std::optional<model::Timestamp> leaderless_since;
  MoveDescription move;
  std::optional<partition::TrafficRates> rates;  // as the leader has measured them last
};
struct ListPartitionsRequest {
  std::vector<std::string> topics;  // empty: all
  bool include_internal = false;    // of all
  bool hosted_only = false;         // those with a replica on this node
};

// How another node is connected, as the controller's shard sees it.
struct PeerSeen {
  bool linked = false;
  std::optional<model::Timestamp> away_since;
};
using PeersSeen = std::map<model::NodeId, PeerSeen>;

}  // namespace forebay::broker
