// Topics, their configuration, offsets, names of producers, the node, and the cluster. Each call waits for
// the answer, at most ClientOptions::request_timeout. Any node is asked: what the controller decides, or
// another node leads, it gets from there. The descriptions of a node and its log level are those of the node
// that answers: name it alone.
//
// Common errors: kUnavailable (nobody answers at the servers), kTimedOut, kInvalidArgument, and those named
// below. Calls that read are tried on every server; calls that change something are sent again only when the
// first try provably did not reach a broker, else the answer is kOutcomeUnknown.
//
// Threads: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/client_options.h"
#include "forebay/cluster.h"
#include "forebay/groups.h"
#include "forebay/types.h"

namespace forebay {

enum class Validate : std::uint8_t {
  kAndApply,
  kOnly,  // check and answer as if it were done, but change nothing
};

struct TopicSpec {
  std::string name;
  std::uint32_t partitions = 1;
  std::uint32_t replication_factor = 0;       // 0: the cluster's default
  std::map<std::string, std::string> config;  // for example {"retention.ms", "86400000"}
  bool allow_single_copy = false;             // replication factor 1 in a cluster of three brokers or more
};
struct CreatedTopic {
  std::string id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
};
struct TopicSummary {
  std::string name;
  std::string id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::uint64_t disk_bytes = 0;
  std::string dead_letters_of;  // the topic whose dead letters it shows; empty: it is a topic itself
};
struct DamagedRange {
  std::int64_t begin_offset = 0;
  std::optional<std::int64_t> end_offset;  // absent: the end is not known (a lost tail)
  bool accepted = false;  // an operator accepted it: readers pass over the range, a log goes on at its end
};
struct PartitionDescription {
  std::int32_t partition = 0;
  std::uint32_t leader = 0;  // node id; 0: none
  std::uint64_t term = 0;
  std::vector<std::uint32_t> replicas;
  std::int64_t log_start = 0;
  std::int64_t log_end = 0;  // high watermark: the offset that the next committed record will have
  std::uint64_t disk_bytes = 0;
  std::string state;  // "ready", or why not
  std::vector<DamagedRange> damage;
  std::optional<std::int64_t> oldest_append_time_ms;
  std::optional<std::int64_t> oldest_leaves_at_ms;  // when retention by time takes the oldest record
  std::optional<std::int64_t> last_full_scrub_ms;
  std::uint32_t segments = 0;
};
struct ConfigEntry {
  std::string name;
  std::string value;
  bool is_default = false;
  std::string doc;
};
struct TopicDescription {
  std::string name;
  std::string id;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::string dead_letters_of;  // as in TopicSummary; partitions and configuration are that topic's then
  std::vector<PartitionDescription> partitions;  // by number
  std::vector<ConfigEntry> config;               // every key, by name
};
// A named producer: a name keeps its id, and each of its sessions has a higher epoch than those before.
struct ProducerSummary {
  std::string name;
  std::int64_t id = 0;
  std::int32_t epoch = 0;  // of the last session
};
struct TopicChange {
  std::map<std::string, std::string> set;
  std::vector<std::string> unset;  // back to the default
};
struct AddedPartitions {
  std::uint32_t partitions = 0;
  std::string warning;  // not empty when records with keys may now go to other partitions
};
struct TrimPoint {
  std::int32_t partition = 0;
  std::optional<std::int64_t> before;  // the first offset that stays; absent: the high watermark, all goes
};
struct TrimResult {
  std::int32_t partition = 0;
  std::int64_t log_start = 0;
  std::optional<Error> error;  // of this partition; the others are done all the same
};
struct PartitionOffset {
  std::int32_t partition = 0;
  std::optional<std::int64_t> offset;  // absent: no record that late; go on at log_end
  std::int64_t log_start = 0;
  std::int64_t log_end = 0;  // high watermark
  std::uint64_t term = 0;
  std::optional<Error> error;  // of this partition
  bool end_lost = false;  // more was acknowledged than log_end says, and is lost; reading there is kDataLoss
};
class Admin {
 public:
  // Connects to nobody yet. Errors: kInvalidArgument, naming the option.
  [[nodiscard]] static Result<std::unique_ptr<Admin>> create(ClientOptions client);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // Returns when every partition can be written.
  // Errors: kTopicExists, kInvalidTopicName, kInvalidConfig, kMemoryBudget.
  [[nodiscard]] Result<CreatedTopic> create_topic(const TopicSpec& spec,
                                                  Validate validate = Validate::kAndApply);
  enum class Internal : std::uint8_t { kHide, kShow };
  [[nodiscard]] Result<std::vector<TopicSummary>> list_topics(Internal internal = Internal::kHide);
  // Errors, here and below: kUnknownTopic.
  [[nodiscard]] Result<TopicDescription> describe_topic(const std::string& name);
  // Returns the whole configuration afterwards. Errors: kInvalidConfig.
  [[nodiscard]] Result<std::vector<ConfigEntry>> alter_topic(const std::string& name,
                                                             const TopicChange& change,
                                                             Validate validate = Validate::kAndApply);
  [[nodiscard]] Result<void> delete_topic(const std::string& name);
  // `total` is the new count. Errors: kInvalidArgument when it is not more than now.
  [[nodiscard]] Result<AddedPartitions> add_partitions(const std::string& name, std::uint32_t total,
                                                       Validate validate = Validate::kAndApply);
  // Moves log starts forward; works on a full disk. Errors: kUnknownPartition, kOffsetOutOfRange, per
  // partition.
  [[nodiscard]] Result<std::vector<TrimResult>> trim_topic(const std::string& name,
                                                           const std::vector<TrimPoint>& points);
  // Of these partitions, or of all when none is named. Waits, within the request timeout, for partitions that
  // have no leader at the moment; those that still have none then come with the error. `spec` of kind kOffset
  // is refused: kInvalidArgument.
  [[nodiscard]] Result<std::vector<PartitionOffset>> list_offsets(const std::string& topic,
                                                                  const std::vector<std::int32_t>& partitions,
                                                                  OffsetSpec spec);

  // Of the first server that answers.
  [[nodiscard]] Result<NodeDescription> describe_node();
  // As all nodes see it that can be reached; the first server that answers asks the others.
  [[nodiscard]] Result<ClusterDescription> describe_cluster();
  // Of these topics, or of all when none is named. Errors: kUnknownTopic.
  [[nodiscard]] Result<std::vector<PartitionReplicas>> list_partitions(
      const std::vector<std::string>& topics = {}, Internal internal = Internal::kHide);
  // From now on the node hands over what it leads wherever another node can lead, and gets no new replicas,
  // until it is undrained. Done already is success. Errors: kInvalidArgument (no such node).
  [[nodiscard]] Result<void> drain_node(std::uint32_t node);
  [[nodiscard]] Result<void> undrain_node(std::uint32_t node);
  // Takes a node out of the cluster for good, also one that is dead: its replicas move to others, then it is
  // no member any more and its data directory never comes back. Returns when it is decided;
  // describe_cluster() and list_partitions() tell what is left to do. Decided or done already is success.
  // Errors: kInvalidArgument (no such node); kFailedPrecondition, with the topics (too few nodes or racks
  // would be left, or partitions have no majority); kMemoryBudget.
  [[nodiscard]] Result<Decommissioned> decommission_node(const DecommissionSpec& spec,
                                                         Validate validate = Validate::kAndApply);
  // Ends that: the node stays, with what it still has. Errors: kInvalidArgument, kFailedPrecondition (it is
  // out of the cluster).
  [[nodiscard]] Result<void> keep_node(std::uint32_t node, Validate validate = Validate::kAndApply);
  // Whether every partition would keep its leader and its majority if this node stopped now. Errors:
  // kInvalidArgument (no such node).
  [[nodiscard]] Result<NodeStopCheck> check_node_stop(std::uint32_t node);
  // What would be lost if the partition went on from the node's replica, without the voters that cannot be
  // reached. Changes nothing. Errors, here and below: kFailedPrecondition, why that is no way out now (a
  // majority can be reached, or has been away for moments only).
  [[nodiscard]] Result<RecoveryLoss> recovery_loss(const RecoverySpec& spec);
  // Does it: for ever, and written down in the node's audit log. docs/operations.md, "Most nodes are lost".
  [[nodiscard]] Result<RecoveryLoss> recover_partition(const RecoverySpec& spec);
  // Where the replicas of a partition are to be. All return when it is decided; list_partitions() tells what
  // is left to do. `epoch`: of the target that the caller has seen (MoveStatus); with another one by now it
  // is refused: kFailedPrecondition. Errors: kUnknownTopic, kUnknownPartition, kInvalidArgument,
  // kMemoryBudget; kFailedPrecondition also while another move is under way.
  struct MoveSubject {
    std::string topic;
    std::int32_t partition = 0;
    std::optional<std::uint32_t> epoch;
  };
  [[nodiscard]] Result<DecidedMoves> move_partition(const MoveSubject& subject,
                                                    const std::vector<std::uint32_t>& to,
                                                    Validate validate = Validate::kAndApply);
  // Back to the target before the change under way.
  [[nodiscard]] Result<DecidedMoves> cancel_move(const MoveSubject& subject,
                                                 Validate validate = Validate::kAndApply);
  // The copy on `node` is dropped, once the others can do without it, and made anew from them. Errors also:
  // kFailedPrecondition while fewer than a majority of the others have everything.
  [[nodiscard]] Result<DecidedMoves> rebuild_replica(const MoveSubject& subject, std::uint32_t node,
                                                     Validate validate = Validate::kAndApply);
  // Of all partitions of the topic. A single copy has to be asked for by name in a larger cluster.
  enum class SingleCopy : std::uint8_t { kRefuse, kAllow };
  [[nodiscard]] Result<DecidedMoves> change_replication(const std::string& topic, std::uint32_t factor,
                                                        SingleCopy single_copy = SingleCopy::kRefuse,
                                                        Validate validate = Validate::kAndApply);
  // Returns when the leader has begun to hand over to `to`, a voter; it gives up after a second.
  [[nodiscard]] Result<void> transfer_leader(const std::string& topic, std::int32_t partition,
                                             std::uint32_t to);
  // The named producers, in the order of their names, as the first server that answers knows them.
  [[nodiscard]] Result<std::vector<ProducerSummary>> list_producers();
  // Frees a name. Whoever takes it next is another producer, which knows nothing of how far this one came; a
  // session that runs goes on. Errors: kNotFound.
  [[nodiscard]] Result<void> delete_producer_name(const std::string& name,
                                                  Validate validate = Validate::kAndApply);
  // Consumer groups. No rule: the earliest, or whichever the group has when it is there. Returns: false: it
  // was there, with the same rule. Errors: kStartRuleConflict.
  [[nodiscard]] Result<bool> create_group(const std::string& group,
                                          const std::optional<StartRule>& start = std::nullopt);
  // In the order of their names.
  [[nodiscard]] Result<GroupList> list_groups();
  // Errors, here and below: kUnknownGroup.
  [[nodiscard]] Result<GroupDescription> describe_group(const std::string& group);
  // Of all partitions that it is subscribed to, or has committed; measured at their leaders.
  [[nodiscard]] Result<GroupLag> group_lag(const std::string& group);
  // Moves what is committed, also back. All or none: an error of one keeps the others from being done. Errors
  // of one: kFailedPrecondition (a member owns it), kOffsetOutOfRange, kUnknownTopic, kUnknownPartition.
  [[nodiscard]] Result<std::vector<OffsetMoved>> reset_offsets(const std::string& group,
                                                               const std::vector<OffsetMove>& moves,
                                                               Validate validate = Validate::kAndApply);
  // With all that it has committed. Errors: kFailedPrecondition (it has members).
  [[nodiscard]] Result<void> delete_group(const std::string& group);
  // error, warn, info or debug; of the first server that answers. Returns the level before.
  [[nodiscard]] Result<std::string> set_log_level(const std::string& level);
  // How fast the first server that answers fills new replicas, until it stops; 0: as fast as it goes. Returns
  // what it was.
  [[nodiscard]] Result<std::uint64_t> set_move_rate(std::uint64_t bytes_per_second);

 private:
  class Core;
  explicit Admin(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace forebay
