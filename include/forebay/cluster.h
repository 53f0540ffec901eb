// What Admin tells of a cluster: its nodes, and where the replicas of partitions are and how far.
// Times are milliseconds since 1970 UTC.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forebay {

struct NodeDescription {
  std::uint32_t id = 0;
  std::string version, cluster_id, disk_id, api_address, peer_address, http_address, data_dir;
  std::uint64_t uptime_ms = 0;
  std::uint32_t shards = 0;
  std::string io_engine;  // "io_uring+direct" or "buffered", with the reason
  std::uint64_t boot_epoch = 0;
  std::uint64_t disk_total_bytes = 0, disk_available_bytes = 0, disk_reserve_bytes = 0;
  // Since fewer than two reserves are free. Absent: there are more, or it was so when the node started.
  std::optional<std::int64_t> disk_low_since_ms;
  std::uint64_t journal_bytes = 0;  // of the disk: the journals of all shards
  std::uint64_t memory_bytes = 0;   // resident
  std::uint64_t memory_limit_bytes = 0;
  std::uint64_t move_bytes_per_second = 0;  // that it fills new replicas with; 0: no bound
  std::uint32_t topics = 0, partitions = 0;
  std::uint64_t journal_rounds = 0;  // durable rounds since start
  std::vector<std::string> warnings;
  std::int64_t wall_time_ms = 0;  // the clock of the node when it answered
};

struct ClusterNode {
  std::uint32_t id = 0;
  std::string disk_id, api_address, peer_address, http_address, rack, version;
  std::uint32_t shards = 0;
  bool registered = false;  // else it stands in cluster.nodes of the asked node only
  bool drained = false;     // gets no new replicas
  // "moving replicas", "leaving the metadata", "removed"; empty: it is not decommissioned
  std::string decommission;
  std::string waits_for;       // when it is
  bool disk_given_up = false;  // by an operator's word: the node comes back with an empty disk only
  bool controller = false;
  bool alive = false;                          // some node can reach it
  std::optional<std::int64_t> away_since_ms;   // when it was heard last; absent: alive, or nobody knows
  std::vector<std::uint32_t> not_reached_by;   // nodes that are alive and have no link to it
  std::uint32_t replicas = 0;                  // of partitions, placed there
  std::uint32_t leaders = 0;                   // of partitions
  std::optional<NodeDescription> details;      // absent: it could not be asked
  std::optional<std::int64_t> clock_apart_ms;  // its clock minus that of the asked node; absent: as details
};
struct ClusterDescription {
  std::string cluster_id;
  std::uint32_t answered_by = 0;
  std::vector<ClusterNode> nodes;  // by id
};

struct ReplicaStatus {
  std::uint32_t node = 0;
  std::string role;   // leader, follower, learner
  std::string state;  // "in sync", or what it is instead (proto/forebay/v1/admin.proto lists them)
  std::optional<std::int64_t> flushed;       // records below are on its disk
  std::optional<std::uint64_t> lag_records;  // behind the end of the leader's log
  std::optional<std::int64_t> since_ms;      // of a state that is not "in sync", where it is known
  std::string problem;                       // why it failed
  std::optional<std::uint64_t> lag_bytes;    // about; of what it lacks of the leader's log
};
// The target of a partition, and what is left of the way there.
struct MoveStatus {
  std::uint32_t epoch = 0;                  // counts the changes of the target
  bool moving = false;                      // the members are not known to be those of the target yet
  std::vector<std::uint32_t> target;        // nodes, in order of preference for leadership
  std::vector<std::uint32_t> previous;      // what a cancellation goes back to; none: it cannot be cancelled
  std::vector<std::uint32_t> leaving;       // not in the target any more, and perhaps still with data
  std::optional<std::uint32_t> rebuilding;  // its copy is being dropped, to be made anew
  bool queued = false;                      // the target will be changed when there is room for another move
};
// A second, of the last few seconds.
struct TrafficRates {
  double in_records = 0;  // appended
  double in_bytes = 0;    // of their batches, as stored
  double out_bytes = 0;   // of batches read by clients
};
struct PartitionReplicas {
  std::string topic;
  std::int32_t partition = 0;
  bool internal = false;
  std::uint32_t leader = 0;  // node id; 0: none that can be reached
  std::uint64_t term = 0;
  std::vector<ReplicaStatus> replicas;  // by node
  std::string waits_for;                // on the way to other replicas; empty: nothing
  std::optional<std::int64_t> leaderless_since_ms;
  MoveStatus move;
  std::optional<TrafficRates> rates;  // by its leader; none: not measured yet, or there is no leader
};
// Of one partition, as a request has decided.
struct PartitionTarget {
  std::int32_t partition = 0;
  std::uint32_t epoch = 0;
  std::vector<std::uint32_t> from, to;
  std::optional<std::uint32_t> rebuild;
};
struct DecidedMoves {
  std::vector<PartitionTarget> targets;  // that changed; none: it is so already
  std::vector<std::string> warnings;
};

struct DecommissionSpec {
  std::uint32_t node = 0;
  bool allow_fewer_racks = false;  // copies that are on different racks may end on the same
};
struct Decommissioned {
  std::uint32_t replicas = 0;  // that are to leave the node
  // By node: how many of them others would get, as things are; empty: it was decided before.
  std::map<std::uint32_t, std::uint32_t> gains;
};

// Why a node should not be stopped now, of one partition.
struct StopObstacle {
  std::string topic;
  std::int32_t partition = 0;
  bool leads = false;  // the node leads it
  std::string reason;
};
// Going on without the voters of a partition that are gone for ever.
struct RecoverySpec {
  std::string topic;
  std::int32_t partition = 0;
  std::uint32_t node = 0;           // whose replica the others follow from then on
  std::vector<std::uint32_t> lost;  // as recovery_loss() names them: their data directories never come back
  std::string by;                   // who decided it; for the audit log of the node
};
struct RecoveryLoss {
  struct Voter {
    std::uint32_t node = 0;
    std::string disk_id;
  };
  std::vector<Voter> lost;
  std::vector<std::uint32_t> left;    // voters that go on
  std::int64_t end_offset = 0;        // what was acknowledged here and behind it is lost
  std::int64_t committed_offset = 0;  // below it the node knows all to be committed
};
struct NodeStopCheck {
  bool alive = false;    // some node can reach it
  bool drained = false;  // it leads only what nobody else can, and gets no new replicas
  std::vector<StopObstacle> obstacles;
  [[nodiscard]] bool ready() const { return obstacles.empty(); }
};

}  // namespace forebay
