// What a node can be asked, one method per request kind, in our own types: gRPC, HTTP and a later Kafka
// listener translate to this. Thread rules: every method may be called from any thread; `done` runs on a
// shard's thread and must not block: hop back to your own thread for anything slow. `done` is called exactly
// once, also on shutdown.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "broker/cluster_view.h"
#include "broker/data_requests.h"
#include "broker/moves.h"
#include "broker/producers.h"
#include "broker/schema_port.h"
#include "broker/topic_requests.h"
#include "group/coordinator.h"
#include "model/ids.h"
#include "partition/core/majority_loss.h"

namespace forebay::broker {

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

struct NodeDescription {
  model::NodeId id;
  std::string version, cluster_id, disk_id, api_address, peer_address, http_address, data_dir, io_engine;
  std::optional<std::string> api_advertised;  // what clients are to dial; none: what they have dialled
  std::chrono::milliseconds uptime{0};
  std::uint32_t shards = 0;
  model::BootEpoch boot_epoch;
  std::uint64_t disk_total_bytes = 0, disk_available_bytes = 0, disk_reserve_bytes = 0, journal_bytes = 0;
  std::optional<std::chrono::milliseconds> disk_low_for;  // DiskWatch::low_for()
  std::uint64_t memory_bytes = 0, memory_limit_bytes = 0;
  std::uint64_t move_bytes_per_second = 0;  // 0: no bound
  std::uint32_t topics = 0, partitions = 0;
  std::uint64_t journal_rounds = 0;
  std::vector<std::string> warnings;
  model::Timestamp wall_time;  // when it answered, by its own clock
};
struct UnreadyPartition {
  std::string topic;
  model::PartitionIndex partition;
  std::string reason;
};

struct RecoverPartitionRequest {
  std::string topic;
  model::PartitionIndex partition;
  model::NodeId node;
  bool dry_run = false;
  std::vector<model::NodeId> lost;  // as a dry run named them
  std::string by;                   // for the audit log
  std::chrono::milliseconds timeout{30'000};
};

// What another node leads is refused with kNotLeader, before anything was done; Error::leader is that node's
// API where it is known.
struct ListGroupsRequest {
  std::vector<model::PartitionIndex> coordinators;
  std::string after;          // names above this one
  std::size_t count_max = 0;  // of each coordinator
};
struct GroupListing {
  std::string name;
  group::GroupState state = group::GroupState::kEmpty;
  std::size_t members = 0;
  group::StartRule start;
};
struct ListedGroups {
  model::PartitionIndex coordinator;
  std::optional<Error> error;        // kNotLeader with who leads; kNotYet, and those of machine::Host
  std::vector<GroupListing> groups;  // by name
};

class Broker : public SchemaPort {
 public:
  ~Broker() override = default;

  virtual void produce(ProduceRequest request, Done<ProduceAck> done) = 0;
  virtual std::shared_ptr<FetchTicket> fetch(FetchRequest request, Done<FetchResult> done) = 0;
  virtual void list_offsets(ListOffsetsRequest request, Done<std::vector<PartitionOffset>> done) = 0;
  // A new session of a named producer begins: see partition::Partition::fence_producer().
  virtual void fence_producer(FenceProducerRequest request, Done<FenceProducerResult> done) = 0;
  // Errors: kUnknownTopic.
  [[nodiscard]] virtual Result<TopicHead> topic_head(const std::string& topic) const = 0;
  // Without a name: by any node. With one: decided by the controller, so that it goes on where the last
  // session of the name ended. Errors: kInvalidArgument (the name), kMemoryBudget (too many names), kNotYet.
  virtual void init_producer(InitProducerRequest request, Done<ProducerSession> done) = 0;
  // The API address of the node that leads the partition, as far as this one knows; empty: this node, or not
  // known. Cheap.
  [[nodiscard]] virtual std::string led_elsewhere(const std::string& topic,
                                                  model::PartitionIndex partition) const = 0;

  virtual void create_topic(CreateTopicRequest request, Done<CreateTopicResult> done) = 0;
  virtual void list_topics(bool include_internal, Done<std::vector<TopicSummary>> done) = 0;
  virtual void describe_topic(std::string name, Done<TopicDescription> done) = 0;
  virtual void alter_topic(AlterTopicRequest request, Done<std::vector<ConfigEntry>> done) = 0;
  virtual void delete_topic(std::string name, Done<std::monostate> done) = 0;
  virtual void add_partitions(std::string name, std::uint32_t total, bool validate_only,
                              Done<AddPartitionsResult> done) = 0;
  virtual void trim_topic(std::string name, std::vector<TrimPoint> points,
                          Done<std::vector<TrimResult>> done) = 0;
  // Answered when it is decided. Errors: those of cluster/core/moves.h.
  virtual void move_partition(MoveRequest request, Done<MoveResult> done) = 0;
  virtual void change_replication(ChangeReplicationRequest request, Done<MoveResult> done) = 0;
  // Answered when the leader has begun to hand over; it gives up after a second. Errors: kUnknownTopic,
  // kUnknownPartition; kFailedPrecondition when the node is no other voter.
  virtual void transfer_leader(TransferLeaderRequest request, Done<std::monostate> done) = 0;
  virtual void describe_node(Done<NodeDescription> done) = 0;
  // As this node sees it.
  virtual void describe_cluster(Done<ClusterDescription> done) = 0;
  // What this node knows of the replicas: of what it leads, all. In the order of topic and partition. Errors:
  // kUnknownTopic.
  virtual void list_partitions(ListPartitionsRequest request, Done<std::vector<PartitionReplicas>> done) = 0;
  // Lets what is left of a partition go on without the voters that are gone for ever, or says what that would
  // lose. Errors: kNotLeader with the API of `node` when that is another one; kFailedPrecondition, why it is
  // no way out now; kOutcomeUnknown.
  virtual void recover_partition(RecoverPartitionRequest request, Done<partition::MajorityLoss> done) = 0;
  // Decided by the controller. Errors: kInvalidArgument (no such node), kFailedPrecondition.
  virtual void set_node_drained(model::NodeId node, bool drained, Done<std::monostate> done) = 0;
  // The same; what is left to do then is told by describe_cluster() and list_partitions(). Errors: those of
  // cluster/core/decommission.h.
  virtual void decommission_node(DecommissionNodeRequest request, Done<DecommissionResult> done) = 0;
  // That this node fills new replicas with, until it stops; 0: no bound. Answers what it was before.
  virtual void set_move_rate(std::uint64_t bytes_per_second, Done<std::uint64_t> done) = 0;
  // As this node knows them.
  virtual void list_producers(ListProducersRequest request, Done<ProducerPage> done) = 0;
  // Decided by the controller. Errors: kNotFound.
  virtual void delete_producer_name(DeleteProducerNameRequest request, Done<std::monostate> done) = 0;
  // Runs `use` with the coordinator of the group, which leads, on its shard: what it answers there it answers
  // on that shard. Or with why there is none here. Errors: kInvalidArgument (no name of a group);
  // kUnknownGroup (kExpect, and nobody has ever used groups); kNotLeader, kNotYet, and those of
  // machine::Host::check.
  enum class GroupsTopic : std::uint8_t {
    kMake,    // the first use of groups makes it, which takes a moment
    kExpect,  // where it is not there, there is no group
  };
  using UseCoordinator = UniqueFunction<void(Result<group::Coordinator*>)>;
  virtual void with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) = 0;
  // A page of groups of each of these partitions of `__groups`, in their order; of all if none is named.
  // Nothing is there before groups were used.
  virtual void list_groups(ListGroupsRequest request, Done<std::vector<ListedGroups>> done) = 0;
  // What a coordinator said, with the API of the node that coordinates the group now, if that is another one.
  [[nodiscard]] virtual Error name_coordinator(Error error, const std::string& group) const = 0;
  // Empty: ready to serve.
  virtual void unready_partitions(Done<std::vector<UnreadyPartition>> done) = 0;
};

}  // namespace forebay::broker
