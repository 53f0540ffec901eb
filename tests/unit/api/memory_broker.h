// A small log in memory behind the broker port, for tests of what stands on it. It keeps the port's contract:
// callbacks run on a thread of its own, never inside the call, exactly once; requests of one caller are taken
// in order; batches are checked; fetches wait. Time stands still until advance().
// Beyond the contract, for tests: answers to produce requests can be held back, and the next ones can fail.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "broker/broker.h"
#include "schema/usage_book.h"

namespace forebay::test {

class MemoryBroker : public broker::Broker {
 public:
  static constexpr std::uint32_t kMaxMessageBytes = 4U << 20;
  static constexpr model::Timestamp kStartTime{1'700'000'000'000};
  static constexpr model::Term kTerm{3};

  MemoryBroker();
  ~MemoryBroker() override;

  // Set-up and questions of tests; any thread, they wait for what was asked before.
  void make_topic(const std::string& name, std::uint32_t partitions);
  void hold_answers(std::int32_t partition);  // of produce requests of that partition, of any topic
  void release_answers(std::int32_t partition);
  void release_one_answer(std::int32_t partition);
  void fail_next_produce(Error error);
  void fail_next_fetch(Error error);
  void advance(std::chrono::milliseconds by);
  void corrupt(const std::string& topic, std::int32_t partition, std::size_t frame);
  std::optional<std::string> api_advertised;                // of describe_node()
  std::vector<broker::RecoverPartitionRequest> recoveries;  // that were asked for
  std::vector<broker::MoveRequest> moves;                   // likewise
  std::vector<broker::ChangeReplicationRequest> replications;
  std::optional<Error> refusal_of_moves;  // of all kinds; what was asked for is kept all the same
  std::uint64_t move_rate = 64ULL << 20;
  std::map<std::int32_t, partition::SessionEnd> sessions;    // that fence_producer() tells of, by partition
  std::vector<broker::FenceProducerRequest> fences;          // that were asked for
  std::vector<partition::SourcePosition> positions;          // that came with batches
  std::vector<std::string> clients;                          // of the produce requests, in their order
  std::map<std::string, broker::ProducerSession> producers;  // by name
  std::vector<broker::InitProducerRequest> inits;            // that were asked for
  broker::ClusterDescription cluster;  // of describe_cluster(); set before the first call
  std::vector<broker::PartitionReplicas> partition_replicas;  // of list_partitions()
  // From now on another node leads the partition, of any topic; empty: this one again. `known`: it is also
  // said beforehand. Partition -1: what the controller decides.
  enum class Known : std::uint8_t { kBeforehand, kByRefusal };
  void lead_elsewhere(std::int32_t partition, const std::string& address, Known known = Known::kBeforehand);

  struct Counts {
    std::size_t produced = 0;         // requests that came
    std::size_t unanswered = 0;       // of those, now
    std::size_t unanswered_most = 0;  // ever at one time
    std::size_t fetches = 0;
    std::size_t fetches_waiting = 0;
    std::chrono::milliseconds last_wait{0};
    std::uint32_t last_bytes_max = 0;
    std::chrono::milliseconds last_timeout{0};
    broker::Acks last_acks = broker::Acks::kAll;
  };
  [[nodiscard]] Counts counts() const;
  // Returns: whether it became true before a long time was over.
  [[nodiscard]] bool wait_until(const std::function<bool(const Counts&)>& predicate) const;
  [[nodiscard]] std::vector<std::string> batches(const std::string& topic, std::int32_t partition);

  // The port.
  void produce(broker::ProduceRequest request, broker::Done<broker::ProduceAck> done) override;
  std::shared_ptr<broker::FetchTicket> fetch(broker::FetchRequest request,
                                             broker::Done<broker::FetchResult> done) override;
  void list_offsets(broker::ListOffsetsRequest request,
                    broker::Done<std::vector<broker::PartitionOffset>> done) override;
  void fence_producer(broker::FenceProducerRequest request,
                      broker::Done<broker::FenceProducerResult> done) override;
  [[nodiscard]] Result<broker::TopicHead> topic_head(const std::string& topic) const override;
  [[nodiscard]] std::string led_elsewhere(const std::string& topic,
                                          model::PartitionIndex partition) const override;
  void create_topic(broker::CreateTopicRequest request,
                    broker::Done<broker::CreateTopicResult> done) override;
  void list_topics(bool include_internal, broker::Done<std::vector<broker::TopicSummary>> done) override;
  void describe_topic(std::string name, broker::Done<broker::TopicDescription> done) override;
  void alter_topic(broker::AlterTopicRequest request,
                   broker::Done<std::vector<broker::ConfigEntry>> done) override;
  void delete_topic(std::string name, broker::Done<std::monostate> done) override;
  void add_partitions(std::string name, std::uint32_t total, bool validate_only,
                      broker::Done<broker::AddPartitionsResult> done) override;
  void trim_topic(std::string name, std::vector<broker::TrimPoint> points,
                  broker::Done<std::vector<broker::TrimResult>> done) override;
  void move_partition(broker::MoveRequest request, broker::Done<broker::MoveResult> done) override;
  void change_replication(broker::ChangeReplicationRequest request,
                          broker::Done<broker::MoveResult> done) override;
  void transfer_leader(broker::TransferLeaderRequest request, broker::Done<std::monostate> done) override;
  void describe_node(broker::Done<broker::NodeDescription> done) override;
  void describe_cluster(broker::Done<broker::ClusterDescription> done) override;
  void list_partitions(broker::ListPartitionsRequest request,
                       broker::Done<std::vector<broker::PartitionReplicas>> done) override;
  void recover_partition(broker::RecoverPartitionRequest request,
                         broker::Done<partition::MajorityLoss> done) override;
  void set_node_drained(model::NodeId node, bool drained, broker::Done<std::monostate> done) override;
  void decommission_node(broker::DecommissionNodeRequest request,
                         broker::Done<broker::DecommissionResult> done) override;
  void set_move_rate(std::uint64_t bytes_per_second, broker::Done<std::uint64_t> done) override;
  void init_producer(broker::InitProducerRequest request,
                     broker::Done<broker::ProducerSession> done) override;
  void list_producers(broker::ListProducersRequest request, broker::Done<broker::ProducerPage> done) override;
  void delete_producer_name(broker::DeleteProducerNameRequest request,
                            broker::Done<std::monostate> done) override;
  void with_coordinator(std::string, GroupsTopic, UseCoordinator use) override {
    use(Error{ErrorCode::kUnsupported, "no consumer groups here"});
  }
  void list_groups(broker::ListGroupsRequest, broker::Done<std::vector<broker::ListedGroups>> done) override {
    done(std::vector<broker::ListedGroups>{});
  }
  [[nodiscard]] Error name_coordinator(Error error, const std::string&) const override { return error; }
  void with_registry(UseRegistry use) override {
    use(Error{ErrorCode::kUnsupported, "no schema registry here"});
  }
  void with_registry_replica(UseRegistry use) override { with_registry(std::move(use)); }
  [[nodiscard]] bool has_registry() const override { return false; }
  std::atomic<bool> topics_known{true};
  [[nodiscard]] bool knows_topics() const override { return topics_known; }
  [[nodiscard]] std::shared_ptr<const schema::SharedImage> registry_image() const override { return nullptr; }
  void with_schemas(UniqueFunction<void(schema::ParsedSchemas&)>, UniqueFunction<void()> then) override {
    then();
  }
  [[nodiscard]] std::vector<schema::SchemaUsage> schema_usage(const std::set<std::int32_t>&) const override {
    return {};
  }
  [[nodiscard]] Error name_registry_leader(Error error) const override { return error; }
  void unready_partitions(broker::Done<std::vector<broker::UnreadyPartition>> done) override;

 private:
  static constexpr std::int32_t kController = -1;  // as if it were a partition
  using Task = UniqueFunction<void()>;
  struct Partition {
    std::vector<log::FramePtr> frames;
    model::Offset log_start;
    model::Offset end;
  };
  struct Topic {
    model::TopicId id;
    std::vector<Partition> partitions;
    std::map<std::string, std::string> config;
  };
  struct Waiting {
    std::uint64_t number;
    broker::FetchRequest request;
    model::Timestamp until;
    broker::Done<broker::FetchResult> done;
  };
  class Ticket;

  void post(Task task);
  void post_and_wait(Task task);
  void run();
  [[nodiscard]] static Error unknown_topic(const std::string& name);
  // On the broker's thread, from here on.
  Result<broker::ProduceAck> append(broker::ProduceRequest& request);
  void answer(broker::Done<broker::ProduceAck>& done, Result<broker::ProduceAck> result);
  Result<Partition*> find(const std::string& topic, model::PartitionIndex partition);
  [[nodiscard]] Result<void> check_leads(std::int32_t partition) const;
  // Nothing: it has to wait.
  std::optional<Result<broker::FetchResult>> try_fetch(const broker::FetchRequest& request, bool waited);
  void wake_fetches();
  void cancel_fetch(std::uint64_t number);
  broker::TopicDescription describe(const std::string& name, const Topic& topic) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool closing_ = false;
  Counts counts_;
  std::map<std::string, broker::TopicHead> heads_;
  std::map<std::int32_t, std::pair<std::string, Known>> led_elsewhere_;

  std::map<std::string, Topic> topics_;
  std::set<std::int32_t> held_partitions_;
  std::map<std::int32_t, std::deque<Task>> held_;
  std::deque<Error> produce_failures_, fetch_failures_;
  std::list<Waiting> waiting_;
  model::ProducerId next_producer_id_{1};
  std::uint64_t next_fetch_ = 1;
  std::uint8_t next_topic_ = 1;
  model::Timestamp now_ = kStartTime;
  std::thread thread_;
};

}  // namespace forebay::test
