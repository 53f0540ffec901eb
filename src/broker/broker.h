// What a node can be asked, one method per request kind, in our own types: gRPC, HTTP and a later Kafka
// listener translate to this. Thread rules: every method may be called from any thread; `done` runs on a
// shard's thread and must not block: hop back to your own thread for anything slow. `done` is called exactly
// once, also on shutdown.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "broker/cluster_view.h"
#include "broker/moves.h"
#include "broker/producers.h"
#include "group/coordinator.h"
#include "log/core/frame.h"
#include "model/ids.h"
#include "partition/core/majority_loss.h"
#include "partition/core/producer_state.h"

namespace forebay::schema {
class Doubts;
class LocalRegistry;
class ParsedSchemas;
class Registries;
class Registry;
class SharedImage;
class UsageBook;
struct SchemaUsage;
}  // namespace forebay::schema

namespace forebay::broker {

enum class Acks : std::uint8_t { kAll, kLeader, kNone };

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

// Keeps the order of one stream's requests to one partition (retry_round in log.proto). The stream makes one
// per partition. There are two fences because a request is judged in two places: what was handed to the shard
// before a later one was refused at the entry must not be refused for that.
struct ProduceOrder {
  class Fence {
   public:
    // From now on requests of this round, and of earlier ones, are refused with kNotYet.
    void raise(std::uint32_t round) {
      std::uint32_t below = below_.load(std::memory_order_acquire);
      while (below <= round && !below_.compare_exchange_weak(below, round + 1, std::memory_order_acq_rel)) {
      }
    }
    [[nodiscard]] bool refuses(std::uint32_t round) const {
      return round < below_.load(std::memory_order_acquire);
    }

   private:
    std::atomic<std::uint32_t> below_{0};
  };
  Fence entry;  // judged by the thread that hands over the stream's requests, one after the other
  Fence shard;  // judged on the partition's shard
};

struct ProduceRequest {
  std::string topic;
  model::PartitionIndex partition;
  Acks acks = Acks::kAll;
  std::chrono::milliseconds timeout{30'000};
  // One record batch v2 as the client sent it; the broker writes base offset and leader epoch into its head.
  std::string batch;
  std::optional<std::uint32_t> destination_crc;  // what the client made of topic, partition and batch
  std::shared_ptr<ProduceOrder> order;           // none: the request stands for itself
  std::uint32_t retry_round = 0;                 // with `order`
  // How far a named producer's source is read when the batch is stored.
  std::optional<partition::SourcePosition> position;
  std::string client_id;  // who sends, if he says so
};
struct ProduceAck {
  model::PartitionIndex partition;
  model::Offset base_offset;
  model::Offset last_offset;
  model::Timestamp append_time;
  model::Term term;
  model::Offset log_start;
  bool flushed = false;
  std::uint32_t replicas_flushed = 0;
  std::uint32_t replicas_total = 0;
  bool duplicate = false;  // it was there already: offsets and times are those of the first copy
  // Records that break the topic's schemas: stored as dead letters. Of the first ones with a text.
  std::vector<RecordFault> quarantined;
};

struct FenceProducerRequest {
  std::string topic;
  std::vector<model::PartitionIndex> partitions;  // empty = all
  model::ProducerId producer;
  model::ProducerEpoch epoch;
  std::chrono::milliseconds timeout{30'000};
};
struct PartitionFenced {
  model::PartitionIndex partition;
  std::optional<Error> error;
  std::optional<partition::SessionEnd> before;  // of the last session before this one that stored anything
};
struct FenceProducerResult {
  std::vector<PartitionFenced> partitions;  // in the order of the request
  std::uint32_t topic_partitions = 0;
};

struct FetchRequest {
  std::string topic;
  model::PartitionIndex partition;
  model::Offset offset;
  std::uint32_t bytes_max = 1U << 20;
  std::uint32_t bytes_min = 1;
  std::chrono::milliseconds wait_max{0};
};
struct FetchResult {
  model::Offset log_start;
  model::Offset high_watermark;
  model::Offset next_offset;
  std::vector<log::FramePtr> frames;  // kRecords; the payload is the batch
};
// A fetch that waits. cancel() makes it answer kCancelled soon; safe after completion. Any thread.
class FetchTicket {
 public:
  virtual ~FetchTicket() = default;
  virtual void cancel() = 0;
};

enum class OffsetPoint : std::uint8_t { kStart, kEnd, kEventTime, kAppendTime };
struct ListOffsetsRequest {
  std::string topic;
  std::vector<model::PartitionIndex> partitions;  // empty = all
  OffsetPoint point = OffsetPoint::kEnd;
  model::Timestamp time;
};
struct PartitionOffset {
  model::PartitionIndex partition;
  std::optional<model::Offset> offset;
  model::Offset log_start;
  model::Offset high_watermark;
  model::Term term;
  std::optional<Error> error;
  bool end_lost = false;              // more was acknowledged than the high watermark says, and is lost
  std::uint32_t batch_bytes_max = 0;  // of the topic; also with an error
};

struct CreateTopicRequest {
  std::string name;
  std::uint32_t partitions = 1;
  std::uint32_t replication_factor = 0;  // 0: the cluster's default
  std::map<std::string, std::string> config;
  bool validate_only = false;
  bool allow_single_copy = false;  // replication factor 1 in a cluster of three or more
  std::chrono::milliseconds timeout{30'000};
};
struct CreateTopicResult {
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
};
struct TopicSummary {
  std::string name;
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::uint64_t disk_bytes = 0;
  std::string dead_letters_of;  // the topic whose dead letters it shows; empty: it is none of those
};
struct DamagedRange {
  model::Offset begin;
  std::optional<model::Offset> end;  // none: a lost tail
  bool accepted = false;
};
struct PartitionDescription {
  model::PartitionIndex partition;
  std::optional<model::NodeId> leader;
  model::Term term;
  std::vector<model::NodeId> replicas;
  model::Offset log_start;
  model::Offset high_watermark;
  std::uint64_t disk_bytes = 0;
  std::string state;  // "ready", or why not
  // The API of `leader`, when that is another node: what stands here is then this node's own replica, if any.
  std::string leader_address;
  std::vector<DamagedRange> damage;
  std::optional<model::Timestamp> oldest_append_time;
  std::optional<model::Timestamp> oldest_leaves_at;
  std::optional<model::Timestamp> last_full_scrub;
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
  model::TopicId id;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::string dead_letters_of;  // likewise; then partitions and configuration are that one's
  std::vector<PartitionDescription> partitions;
  std::vector<ConfigEntry> config;
};
struct AlterTopicRequest {
  std::string name;
  std::map<std::string, std::string> set;
  std::vector<std::string> unset;
  bool validate_only = false;
};
struct AddPartitionsResult {
  std::uint32_t partitions = 0;
  std::string warning;
};
struct TrimPoint {
  model::PartitionIndex partition;
  std::optional<model::Offset> before;  // first offset that stays; none = the high watermark
};
struct TrimResult {
  model::PartitionIndex partition;
  model::Offset log_start;
  std::optional<Error> error;
};
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
// What producing to a topic needs to know beforehand, from the calling thread's snapshot; cheap.
struct TopicHead {
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t max_message_bytes = 0;
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

class Broker {
 public:
  virtual ~Broker() = default;

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
  // Runs `use` with the schema registry, which leads, on its shard. Or with why there is none here. Errors:
  // kNotLeader, kNotYet, and those of machine::Host::check. The first use makes it, which takes a moment.
  using UseRegistry = UniqueFunction<void(Result<schema::Registry*>)>;
  virtual void with_registry(UseRegistry use) = 0;
  // Likewise with a replica here, whether or not it leads. Errors: kNotYet, kNotLeader: there is none.
  virtual void with_registry_replica(UseRegistry use) = 0;
  // Whether anybody has ever used it, as far as this node knows.
  [[nodiscard]] virtual bool has_registry() const = 0;
  // Its state on this node; nothing if there is none. May be behind (SharedImage::is_current).
  [[nodiscard]] virtual std::shared_ptr<const schema::SharedImage> registry_image() const = 0;
  // Runs `work` where it may take long, then `then`, on some thread. With the parsed schemas of this node.
  virtual void with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work,
                            UniqueFunction<void()> then) = 0;
  // Which of these schemas have come to this node, with records of validated topics.
  [[nodiscard]] virtual std::vector<schema::SchemaUsage> schema_usage(
      const std::set<std::int32_t>& ids) const = 0;
  // What a replica said, with the API of the node that leads it now, if that is another one. An error without
  // a leader: nobody is known to lead it.
  [[nodiscard]] virtual Error name_registry_leader(Error error) const = 0;
  // Empty: ready to serve.
  virtual void unready_partitions(Done<std::vector<UnreadyPartition>> done) = 0;
};

}  // namespace forebay::broker
