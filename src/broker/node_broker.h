// The broker of one node: finds the shard of what is asked for, checks what can be checked on the caller's
// thread, and hops. Thread rules: as broker.h says; what is private is touched on the controller's shard
// only, but for the snapshot and the counters.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/counters.h"
#include "broker/leader_table.h"
#include "broker/producer_ids.h"
#include "broker/reconciler.h"
#include "broker/registry_parts.h"
#include "broker/routing.h"
#include "cluster/controller.h"
#include "cluster/core/decisions.h"
#include "cluster/core/moves.h"
#include "cluster/proposer.h"
#include "config/topic_config.h"
#include "runtime/byte_budget.h"
#include "runtime/executor.h"

namespace forebay::schema {
class BatchDoubts;
}

namespace forebay::broker {

struct NodeBrokerConfig {
  cluster::BrokerRegistration self{.node = model::NodeId(1)};  // what it says of itself to the cluster
  config::TopicConfig topic_defaults;
  cluster::Limits limits;
  std::uint64_t produce_bytes_max = 128ULL << 20;
  std::map<model::NodeId, std::string> listed;  // cluster.nodes, with their peer addresses
};

// Called after each answered produce with what it took; must be wait-free.
using LatencyObserver = std::function<void(runtime::Duration)>;

class NodeBroker final : public Broker {
 public:
  // `describe` fills in what only the composition root knows of the node. `controller_shard` owns the
  // partition of __cluster. All references outlive the broker.
  NodeBroker(const NodeBrokerConfig& config, std::vector<ShardHandle> shards, std::uint32_t controller_shard,
             runtime::WallClock& clock, std::function<NodeDescription()> describe);
  ~NodeBroker() override;
  NodeBroker(const NodeBroker&) = delete;
  NodeBroker& operator=(const NodeBroker&) = delete;

  // On the controller's shard. `controller` is started by the broker: it brings the image, and with it the
  // partitions. `ready` once the broker is registered, or the metadata cannot be changed. Errors: those of
  // the controller; kFailedPrecondition when the cluster refuses this node.
  void start(cluster::Controller& controller, UniqueFunction<void(Result<void>)> ready);
  // The same for one of several nodes: it registers with whoever decides, for as long as that takes.
  void start_among_others(cluster::Controller& controller, UniqueFunction<void(Result<void>)> ready);
  // Before start(): where nodes' proposals are brought to; none: the controller of this node.
  void use_proposer(cluster::Proposer& proposer) { proposer_ = &proposer; }
  // Before start(): how the others are connected, asked on the controller's shard; none: a node alone.
  void use_peers(std::function<PeersSeen()> peers) { peers_seen_ = std::move(peers); }
  // Before start(): where decisions of operators are written down, durably, a line of JSON each.
  using Audit = std::function<void(std::string line, Done<std::monostate> done)>;
  void use_audit(Audit audit) { audit_ = std::move(audit); }
  // Before start(): where the state of the schema registry is found.
  void use_registry(RegistryParts parts) { registry_ = std::move(parts); }
  // Before start(): changes the rate of moves and returns what it was.
  using MoveRate = std::function<std::uint64_t(std::uint64_t bytes_per_second)>;
  void use_move_rate(MoveRate move_rate) { move_rate_ = std::move(move_rate); }
  // Its addresses are known now. Any thread.
  void register_addresses(std::string api, std::string peer, std::string http);
  void on_image(const cluster::ImagePtr& image);  // the controller's callback
  // A node leads a partition in a term: this one too, and partitions that are not here. Any thread.
  void on_leads(const model::TopicPartition& partition, model::Term term, model::NodeId node) {
    leaders_.leads(partition, term, node);
  }
  // Who leads a partition, as far as this node knows. Any thread.
  [[nodiscard]] std::optional<model::NodeId> leader_of(const model::TopicPartition& partition) const {
    const auto leader = leaders_.of(partition);
    return leader ? std::optional(leader->node) : std::nullopt;
  }
  // Refuses new requests from any thread; what is on the shards is answered by their PartitionSets.
  void stop_intake() { stopping_.store(true, std::memory_order_release); }
  void stop(UniqueFunction<void()> done);  // on the controller's shard, after stop_intake

  void produce(ProduceRequest request, Done<ProduceAck> done) override;
  std::shared_ptr<FetchTicket> fetch(FetchRequest request, Done<FetchResult> done) override;
  void list_offsets(ListOffsetsRequest request, Done<std::vector<PartitionOffset>> done) override;
  void fence_producer(FenceProducerRequest request, Done<FenceProducerResult> done) override;
  [[nodiscard]] Result<TopicHead> topic_head(const std::string& topic) const override;
  void init_producer(InitProducerRequest request, Done<ProducerSession> done) override;
  [[nodiscard]] std::string led_elsewhere(const std::string& topic,
                                          model::PartitionIndex partition) const override;
  void create_topic(CreateTopicRequest request, Done<CreateTopicResult> done) override;
  void list_topics(bool include_internal, Done<std::vector<TopicSummary>> done) override;
  void describe_topic(std::string name, Done<TopicDescription> done) override;
  void alter_topic(AlterTopicRequest request, Done<std::vector<ConfigEntry>> done) override;
  void delete_topic(std::string name, Done<std::monostate> done) override;
  void add_partitions(std::string name, std::uint32_t total, bool validate_only,
                      Done<AddPartitionsResult> done) override;
  void trim_topic(std::string name, std::vector<TrimPoint> points,
                  Done<std::vector<TrimResult>> done) override;
  void move_partition(MoveRequest request, Done<MoveResult> done) override;
  void change_replication(ChangeReplicationRequest request, Done<MoveResult> done) override;
  void transfer_leader(TransferLeaderRequest request, Done<std::monostate> done) override;
  void describe_node(Done<NodeDescription> done) override;
  void describe_cluster(Done<ClusterDescription> done) override;
  void list_partitions(ListPartitionsRequest request, Done<std::vector<PartitionReplicas>> done) override;
  void set_node_drained(model::NodeId node, bool drained, Done<std::monostate> done) override;
  void decommission_node(DecommissionNodeRequest request, Done<DecommissionResult> done) override;
  void set_move_rate(std::uint64_t bytes_per_second, Done<std::uint64_t> done) override;
  void recover_partition(RecoverPartitionRequest request, Done<partition::MajorityLoss> done) override;
  void list_producers(ListProducersRequest request, Done<ProducerPage> done) override;
  void delete_producer_name(DeleteProducerNameRequest request, Done<std::monostate> done) override;
  void with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) override;
  void list_groups(ListGroupsRequest request, Done<std::vector<ListedGroups>> done) override;
  [[nodiscard]] Error name_coordinator(Error error, const std::string& group) const override;
  void with_registry(UseRegistry use) override;
  void with_registry_replica(UseRegistry use) override;
  [[nodiscard]] bool has_registry() const override;
  [[nodiscard]] Result<void> check_schema_work() const override;
  [[nodiscard]] bool knows_topics() const override { return routing()->current; }
  [[nodiscard]] std::shared_ptr<const schema::SharedImage> registry_image() const override;
  void with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work, UniqueFunction<void()> then) override;
  [[nodiscard]] std::vector<schema::SchemaUsage> schema_usage(
      const std::set<std::int32_t>& ids) const override;
  [[nodiscard]] Error name_registry_leader(Error error) const override;
  void unready_partitions(Done<std::vector<UnreadyPartition>> done) override;

  // Empty until it is known. Any thread.
  [[nodiscard]] std::string cluster_id() const { return routing()->cluster_id; }
  [[nodiscard]] const BrokerCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint64_t produce_bytes_held() const { return produce_bytes_.used(); }
  // Set before serving.
  void observe_produce(LatencyObserver observer) { produce_latency_ = std::move(observer); }

 private:
  [[nodiscard]] RoutingPtr routing() const { return std::atomic_load(&routing_); }
  [[nodiscard]] Result<void> check_intake() const;
  // Of the cluster it knows only what was so before. Any thread.
  [[nodiscard]] Result<void> check_not_refused() const;
  // Why no topic can be changed: kNotYet, kDataLoss. On the controller's shard.
  [[nodiscard]] Result<void> check_changeable() const;
  // Why this node is no working member of its cluster. On the controller's shard, once there is an image.
  [[nodiscard]] Result<void> check_member() const;
  // Why topics are not decided about here: those, and kNotLeader. On the controller's shard.
  [[nodiscard]] Result<void> check_decides();
  // The API of a partition's leader; empty: this node, or not known.
  [[nodiscard]] std::string leader_address(const model::TopicPartition& id) const;
  // What was refused on the partition's shard, with the leader in it. On that shard.
  [[nodiscard]] Error with_leader(Error error, const ShardHandle& shard, const model::TopicPartition& id);
  // The same for what the controller did not decide.
  [[nodiscard]] Error with_controller(Error error) {
    return with_leader(std::move(error), shards_[controller_shard_], cluster::cluster_partition());
  }
  // Why the partition is not found on its shard. `hosted`: this node is to have a replica. On that shard.
  [[nodiscard]] Error not_here(const ShardHandle& shard, const model::TopicPartition& id, bool hosted) const;
  void name_leader(const model::TopicPartition& id, PartitionDescription& description) const;
  // A batch that meets all rules of the topic, but for records that are to be dead letters.
  struct CheckedBatch {
    std::int32_t record_count = 0;
    std::vector<RecordFault> quarantined;
    std::string marked;                              // with some: the batch to be stored
    std::map<schema::SchemaId, std::uint64_t> seen;  // how many records say which schema
  };
  // Runs on the caller's thread.
  [[nodiscard]] Result<CheckedBatch> check_batch(const TopicRoute& route, const ProduceRequest& request);
  // The part of it that looks at the records, where those have schemas.
  [[nodiscard]] Result<CheckedBatch> check_schemas(const TopicRoute& route,
                                                   const model::RecordBatchView& batch,
                                                   const model::BatchRules& rules);
  // Counts what has been stored.
  [[nodiscard]] UniqueFunction<void()> usage_note(const TopicRoute& route,
                                                  std::map<schema::SchemaId, std::uint64_t> seen,
                                                  const std::string& client_id);
  [[nodiscard]] std::vector<ConfigEntry> entries_of(const config::TopicConfig& effective,
                                                    const cluster::Overrides& overrides) const;
  // The steps of a recovery, after it has been judged. On the controller's shard.
  struct Recovery {
    RecoverPartitionRequest request;
    model::TopicPartition id;
    ShardHandle shard;
    bool hosted = true;  // the metadata wants a copy here
    partition::MajorityLoss loss;
    Done<partition::MajorityLoss> done;
  };
  using RecoveryPtr = std::shared_ptr<Recovery>;
  [[nodiscard]] Result<RecoveryPtr> recovery_of(RecoverPartitionRequest request);
  void judged(const RecoveryPtr& recovery);
  void retire_lost(const RecoveryPtr& recovery, std::size_t next, UniqueFunction<void()> then);
  void go_on_without(const RecoveryPtr& recovery, UniqueFunction<void()> then);
  using DecideTargets = UniqueFunction<Result<cluster::MoveDecision>(const cluster::ClusterImage&)>;
  void decide_targets(DecideTargets decide_on, bool validate_only, Done<MoveResult> done);
  // Of that partition of `__groups`, where this node leads it; on its shard.
  void on_coordinator(const TopicRoute& route, model::PartitionIndex partition, UseCoordinator use);
  // Made, if need be, and its partitions ready.
  void make_internal_topic(cluster::InternalTopic topic, Done<std::monostate> done);
  void on_registry(UseRegistry use, bool leading);
  // Whether it is certain that the copy here does not lack what a record names. If not, it is refreshed.
  // `doubts`: those of its batch.
  [[nodiscard]] bool is_certain(const schema::Violation& broken, schema::BatchDoubts& doubts);
  [[nodiscard]] bool is_certain_by_leader(const std::string& missed);
  void register_self(Done<std::monostate> done);
  // The cluster has refused this node: nobody is served from then on.
  void on_refused(const Error& why);
  // A node that leaves, or was away, may not hear of its removal, for it hears no news any more: it asks.
  void watch_own_place(const cluster::ClusterImage& image);
  void ask_for_own_place();
  void on_own_place(bool known);
  void look_for_controller();
  void watch_metadata();
  void describe_departures(const cluster::ClusterImage& image, std::map<model::NodeId, ClusterNode>& nodes);
  void propose(cluster::NodeProposal proposal, Done<std::monostate> done);
  void propose_until_done(cluster::NodeProposal proposal);
  void grant_producer_ids(std::optional<model::ProducerId> used_up, ProducerIdAllocator::Granted granted);
  void init_unnamed_producer(Done<ProducerSession> done);
  void init_named_producer(InitProducerRequest request, Done<ProducerSession> done);
  [[nodiscard]] log::Voter voter() const { return {config_.self.node, config_.self.disk}; }
  void on_controller(runtime::Task task) { home().post(std::move(task)); }
  [[nodiscard]] runtime::Executor& home() const { return *shards_[controller_shard_].executor; }

  NodeBrokerConfig config_;
  std::vector<ShardHandle> shards_;
  std::uint32_t controller_shard_;
  runtime::WallClock& clock_;
  std::function<NodeDescription()> describe_;
  std::function<PeersSeen()> peers_seen_;
  Audit audit_;
  MoveRate move_rate_;
  std::atomic<std::size_t> schema_work_{0};  // waiting or under way
  RegistryParts registry_;
  LatencyObserver produce_latency_;
  runtime::ByteBudget produce_bytes_;
  BrokerCounters counters_;
  LeaderTable leaders_;
  std::shared_ptr<const RoutingTable> routing_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> refused_{false};  // the cluster refuses this node: nobody is served
  cluster::Controller* controller_ = nullptr;
  cluster::Proposer* proposer_ = nullptr;
  bool among_others_ = false;
  Result<void> registration_;  // an error when it was refused for good
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<ProducerIdAllocator> producer_ids_;
  std::optional<runtime::TimerId> own_place_timer_, controller_look_timer_, metadata_timer_;
  std::optional<model::Offset> applied_at_look_;  // of watch_metadata()
  bool asks_for_own_place_ = false;
  std::uint32_t looks_without_controller_ = 0;  // in a row
  std::uint32_t looks_since_word_ = 0;          // of the controller on this node's place
  std::shared_ptr<NodeBroker*> alive_;
};

}  // namespace forebay::broker
