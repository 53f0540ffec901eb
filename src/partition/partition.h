// One replica of a partition, as an actor on its shard: produce, fetch, trim, and the work that time brings
// (retention, compaction). Nothing is acknowledged before it is committed (unless the topic or the request
// says so by name), and nobody reads above the high watermark. Thread rules: everything on the shard;
// callbacks run there, never inside the call that registered them unless said.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "log/log.h"
#include "model/dead_letters.h"
#include "partition/core/leader_choice.h"
#include "partition/core/majority_loss.h"
#include "partition/core/membership_plan.h"
#include "partition/core/read_bounds.h"
#include "partition/core/replica_report.h"
#include "partition/core/traffic.h"
#include "partition/producers.h"
#include "raft/raft_group.h"
#include "runtime/executor.h"

namespace forebay::partition {

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

enum class Acks : std::uint8_t { kAll, kLeader, kNone };
enum class Durability : std::uint8_t {
  kFlushed,     // acknowledge at commit
  kReplicated,  // acknowledge when a majority has it in memory; what that may lose is documented in
                // docs/operations.md
};

// Who may append when memory or disk run short.
enum class Admission {
  kBounded,  // nobody
  kAlways,   // all: what is small, and without which nothing can be freed (metadata)
};

struct PartitionConfig {
  log::LogConfig log;
  Admission admission = Admission::kBounded;
  bool log_append_time = false;  // message.timestamp.type
  Durability durability = Durability::kFlushed;
  // A state machine lives on it (Partition::state_is_at), and no idempotent producer writes to it.
  bool holds_state = false;
};

struct ProduceInput {
  std::string batch;              // validated
  std::int32_t record_count = 0;  // the one in its header
  Acks acks = Acks::kAll;         // of an idempotent producer no other
  runtime::Duration timeout{};
  std::optional<SourcePosition> position;  // of a named producer: stored with the batch
  std::string client_id = {};              // of an idempotent producer, if it says so
  // Why it is not to be appended. Of an idempotent producer it is told only if the batch is not there
  // already.
  std::optional<Error> refusal = {};
};

struct ProduceAck {
  model::Offset base_offset;
  model::Offset last_offset;
  model::Timestamp append_time;
  model::Term term;
  model::Offset log_start;
  bool flushed = false;  // on stable storage of so many replicas when the answer was given
  std::uint32_t replicas_flushed = 0;
  std::uint32_t replicas_total = 1;  // voters
  bool duplicate = false;  // it was there already: offsets, time and term are those of the first copy
};

// What a producer that has fenced learns.
struct ProducerFenced {
  std::optional<SessionEnd> before;  // of the last session before it that has stored anything; none: none has
};

struct FetchInput {
  model::Offset from;
  std::size_t bytes_max = 1U << 20;
  std::size_t bytes_min = 1;
  runtime::Duration wait_max{};
  // Also where this node does not lead: what is committed and on this disk. For state machines, not for
  // consumers, who would see the end go back when they change the node. What is above that is waited for:
  // after a start a replica does not know yet what of its log is committed.
  bool from_any_replica = false;
  // Consumers of either: the batches that have records for them. What else is in those batches is theirs to
  // leave out (model/dead_letters.h).
  model::Reading reading = model::Reading::kRecords;
};
struct FetchOutput {
  Watermarks marks;
  model::Offset next;
  std::vector<log::FramePtr> frames;
};
using FetchId = StrongId<struct FetchIdTag, std::uint64_t>;

struct PartitionStatus {
  log::LogStatus log;
  Watermarks marks;
  model::Term term;
  std::optional<model::NodeId> leader;
  std::string state;  // "ready", or why not
  std::optional<model::Timestamp> oldest_append_time, oldest_leaves_at;
};

// What a partition needs from its surroundings; all outlive it.
struct Surroundings {
  runtime::Executor* executor = nullptr;
  runtime::WallClock* clock = nullptr;
  runtime::Rng* rng = nullptr;   // with peers
  raft::Peers* peers = nullptr;  // none: a node alone
  log::Voter self;
  // Asked before each append: kResourceExhausted (memory) or kDiskFull (reserve) with a retry delay.
  UniqueFunction<Result<void>(std::uint64_t bytes)>* admission = nullptr;
  ProducerLimits producers;
};

// Since the partition was opened.
struct ProducerCounts {
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0, fenced = 0, unknown = 0, early_acks_lost = 0, no_room = 0;
  std::uint64_t states = 0;  // producers in memory now, and about how many bytes that takes
  std::uint64_t state_bytes = 0;
  std::uint64_t states_on_disk = 0;  // in the files of partitions of which not all are in memory
  std::uint64_t let_go = 0;          // went from memory
  std::uint64_t looked_up = 0;       // were looked for on the disk
  ProducerCounts& operator+=(const ProducerCounts& other);
};

class Partition final : private raft::GroupListener, private ProducersOwner {
 public:
  // `topic_name` is for messages. `founding`: of a partition with replicas on several nodes.
  [[nodiscard]] static Result<std::unique_ptr<Partition>> open(log::Log& log, std::string topic_name,
                                                               const PartitionConfig& config,
                                                               const std::optional<raft::Founding>& founding,
                                                               const Surroundings& surroundings);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  // Joins its group; `ready` is called once, when the partition can be written and read here or it follows a
  // leader, or with the reason why it never will.
  void start(Done<std::monostate> ready);

  // Its only replica is here.
  [[nodiscard]] bool is_alone() const;
  // Leads, and has proved it: it can be written and read here.
  [[nodiscard]] bool is_ready() const { return group_->is_established(); }
  [[nodiscard]] std::optional<model::NodeId> leader() const { return group_->leader(); }
  // Called when it becomes ready, loses leadership, or follows another leader. One listener.
  void on_role_change(UniqueFunction<void()> listener) { role_listener_ = std::move(listener); }
  [[nodiscard]] raft::RaftGroup& group() { return *group_; }
  // Who should be its members from now on (membership_plan.h), of the voters first those that should rather
  // lead; the leader leads it there, however long it takes. No voters: as it is.
  // `epoch`: of that target, told back by on_members_reached(). `others_have_copies`: nodes outside of it
  // perhaps still hold data.
  void set_wanted_members(WantedMembers wanted, std::uint32_t epoch = 0, bool others_have_copies = false);
  // Called where this replica leads: a committed membership is the wanted one. Again after each election.
  void on_members_reached(UniqueFunction<void(std::uint32_t epoch)> listener) {
    members_reached_ = std::move(listener);
  }
  // The wanted members exclude this replica: asks them until a committed membership does so too, and calls
  // back then, once. What it holds may be the only proof of what was promised before.
  void leave(UniqueFunction<void()> excluded);
  void stay();
  // What the leader waits for on the way there; empty when nothing is left to do.
  [[nodiscard]] const std::string& membership_waits_for() const { return membership_waits_for_; }

  // Leading: whom to hand over to when this node is about to stop, the first of the wanted members that can
  // lead. Nothing: it does not lead, or nobody else can.
  [[nodiscard]] std::optional<model::NodeId> heir() const;
  // What going on without the voters that cannot be reached would lose. Errors: kFailedPrecondition, why that
  // is no way out now.
  [[nodiscard]] Result<MajorityLoss> majority_loss() const;
  // Goes on without them, by an operator's word: `lost` is what majority_loss() said. Errors: those;
  // kOutcomeUnknown when the others that are left have not agreed in time.
  void recover_without(const std::vector<log::Voter>& lost, runtime::Duration timeout,
                       Done<std::monostate> done);
  // Asked once a second: a voter that should rather lead and has been able to for a while; at once where this
  // node should not. This node hands over to it with group().transfer_to().
  [[nodiscard]] std::optional<model::NodeId> better_leader();
  // Why nothing can be written now: kNotLeader (leader() may know who does), kNotYet, kStorageFailed,
  // kShuttingDown.
  [[nodiscard]] Result<void> check_serving() const;
  // Why no record can be appended now: those, and kDataLoss when the log's end is lost (trimming goes on).
  [[nodiscard]] Result<void> check_appendable() const;
  // Why nothing can be read now: kNotLeader, kNotYet, kShuttingDown. A log without other replicas that cannot
  // be written any more is still read up to its commit.
  [[nodiscard]] Result<void> check_readable() const;
  [[nodiscard]] Watermarks watermarks() const;
  // What was acknowledged at the high watermark and behind it is lost, and nobody has accepted that.
  [[nodiscard]] bool end_is_lost() const { return log_.lost_tail().has_value(); }
  [[nodiscard]] log::Log& log() { return log_; }
  [[nodiscard]] model::Term term() const { return group_->term(); }
  // Reads the oldest record, for its time.
  void status(Done<PartitionStatus> done);
  // From memory.
  [[nodiscard]] ReplicationStatus replication() const;
  [[nodiscard]] bool is_under_replicated() const;  // leads, and a voter is gone or lacks something
  // For so long tombstones have waited for other copies, as this leader knows. 0: none do.
  [[nodiscard]] std::uint64_t tombstones_wait_seconds() const;
  [[nodiscard]] const std::string& topic_name() const { return topic_name_; }
  // Now and then: what rates() tells is of the time between the last two calls.
  void measure_traffic() { traffic_.measure(surroundings_.executor->now().time_since_epoch()); }
  [[nodiscard]] const std::optional<TrafficRates>& rates() const { return traffic_.rates(); }
  [[nodiscard]] std::uint64_t disk_bytes() const { return log_.status().disk_bytes; }
  void set_config(const PartitionConfig& config);

  // Errors: kNotYet, kStorageFailed, kDataLoss, kNotLeader, kResourceExhausted, kDiskFull,
  // kInvalidArgument before anything happened; kTimedOut or kOutcomeUnknown when it may or may not survive.
  // Of a batch of an idempotent producer that is there already: the first copy's place, once that is as safe
  // as asked for; and kOutOfOrderSequence, kProducerFenced, kUnknownProducer, kEarlyAckLost.
  void produce(ProduceInput input, Done<ProduceAck> done);
  void produce(std::string batch, std::int32_t record_count, Acks acks, runtime::Duration timeout,
               Done<ProduceAck> done) {
    produce({std::move(batch), record_count, acks, timeout, std::nullopt}, std::move(done));
  }
  // From its commit on nothing of older sessions of this producer is taken; says then how far they came.
  // Again and again the same, until a newer session fences. Errors: as produce(); kProducerFenced.
  void fence_producer(model::ProducerId id, model::ProducerEpoch epoch, runtime::Duration timeout,
                      Done<ProducerFenced> done);
  [[nodiscard]] ProducerCounts producer_counts() const;
  // Null where a state machine lives.
  [[nodiscard]] const Producers* producers() const { return producers_.get(); }

  // `done` may be called inside. The id is good until then, for cancel_fetch (which answers kCancelled).
  // Errors: kDataLoss at a damaged range, and from a lost end on, where nothing would ever come.
  FetchId fetch(const FetchInput& input, Done<FetchOutput> done);
  void cancel_fetch(FetchId id);

  // The watermarks, once this node has proved that it led when it was asked: a leader that is cut off must
  // not tell an end that others have moved. Errors: those of check_readable().
  void read_end(Done<Watermarks> done);

  // What somebody who goes on at `next` has not read yet, at one moment at which this node has proved that it
  // leads. Errors: those of read_end().
  struct Backlog {
    Watermarks marks;
    model::Offset next;         // where he goes on: not below the log start
    std::uint64_t records = 0;  // offsets from there to the high watermark; none if he is past that
    std::uint64_t bytes = 0;    // of those in the log, about
    std::optional<model::Timestamp> oldest;  // event time of the first, or when it was appended if it has
                                             // none; nothing: none, or it cannot be read
  };
  // Of dead letters `records` are those alone, exactly where they take 4 MiB at most; what lies behind that
  // counts with every offset.
  void backlog(model::Offset next, model::Reading reading, Done<Backlog> done);

  struct TimeLookup {
    Watermarks marks;
    std::optional<model::Offset> offset;  // exact: of the first record that late
  };
  void find_by_time(log::TimeKind kind, model::Timestamp time, model::Reading reading, Done<TimeLookup> done);

  // Where a state machine lives on the log: what lies below `applied` is durably in its store. The log start
  // of this replica does not pass that, whatever is trimmed elsewhere; and a replica that is to begin anew
  // above it waits: `wanted` is told which offset the state has to reach first. Before it is told: 0.
  void state_is_at(model::Offset applied);
  [[nodiscard]] bool holds_state() const { return holds_state_; }
  void on_state_wanted(UniqueFunction<void(model::Offset)> wanted) { state_wanted_ = std::move(wanted); }

  // Moves log start to `before` (none: the high watermark); answers with the new log start, once it is
  // durable.
  void trim(std::optional<model::Offset> before, Done<model::Offset> done);

  // Retention, the expiry of producers, and compaction where the topic asks for it. `now` may be trusted (see
  // ClockGuard).
  void maintain(model::Timestamp now);

  // What waits is answered kShuttingDown, what was appended kOutcomeUnknown; later calls kShuttingDown.
  void stop();

 private:
  struct PendingProduce {
    model::LogPosition end;
    runtime::TimePoint deadline;
    ProduceAck ack;
    Done<ProduceAck> done;
  };
  // What it waits for; each in the order of the log.
  enum Wait : std::uint8_t { kCommitted, kHeld, kFlushedHere, kWaitKinds };
  struct WaitingFetch {
    FetchInput input;
    runtime::TimePoint deadline;
    std::optional<runtime::TimerId> timer;
    bool reading = false;
    bool has_passed = false;  // records that it is not shown
    model::Offset upto;       // of the last read
    Done<FetchOutput> done;
  };
  struct PendingTrim {
    model::LogPosition log_start;  // answered when it is durable
    Done<model::Offset> done;
  };

  Partition(log::Log& log, std::string topic_name, const PartitionConfig& config,
            const Surroundings& surroundings);
  void on_role() override;
  void on_commit(model::LogPosition commit) override;
  void on_held(model::LogPosition held) override { acknowledge(kHeld, held); }
  void on_flushed(model::LogPosition flushed) override;
  void on_log_failed(const Error& error) override;
  void on_excluded(model::Term term, model::LogPosition commit) override;
  [[nodiscard]] bool all_copies_are_members() const override;
  bool may_give_up(model::LogPosition begin) override;
  void on_frame(const log::Frame& frame) override;
  void on_truncated(model::LogPosition to) override;
  void on_installed(const log::LogBase& base) override;
  [[nodiscard]] Result<std::optional<log::StateSnapshot>> state_for_install() override;
  // --- ProducersOwner
  [[nodiscard]] model::LogPosition committed() const override { return group_->commit(); }
  [[nodiscard]] bool commit_is_certain() const override { return group_->is_established(); }
  [[nodiscard]] bool repair_is_hopeful() const override { return group_->repair_is_hopeful(); }
  [[nodiscard]] bool is_only_copy() const override { return is_alone(); }
  void on_producers_kept() override;

  [[nodiscard]] bool is_renewing() const;
  [[nodiscard]] Error lost_end_error(const model::LogPosition& end) const;
  [[nodiscard]] Error not_leader() const;
  [[nodiscard]] Error read_error(Error error) const;
  [[nodiscard]] bool is_fit_to_lead() const;
  [[nodiscard]] LeaderView leader_view(bool self_fit) const;
  [[nodiscard]] Watermarks readable(const FetchInput& input) const;
  void end_recovery(Result<void> result);
  void drive_membership();
  void tell_members_reached();
  void ask_to_leave();
  // Nothing: it is to be appended. An answer: it is there, as that one tells.
  [[nodiscard]] Result<std::optional<StoredBatch>> judge(const ProduceInput& input);
  void acknowledge_copy(const StoredBatch& first, const ProduceInput& input, Done<ProduceAck> done);
  void append(ProduceInput input, Done<ProduceAck> done);
  [[nodiscard]] bool knows_producer(model::ProducerId id, model::LogPosition at = {}) const;
  // Calls back when its state is at hand, and not behind `at`. Requires: producers_.
  void once_known(model::ProducerId id, model::LogPosition at, Producers::Loaded known);
  void answer_fence(model::ProducerId id, model::ProducerEpoch epoch, model::LogPosition at,
                    Done<ProducerFenced> done);
  void forget_silent_producers(model::Timestamp now);
  void count_refusal(ErrorCode code);
  void wait_for(Wait kind, PendingProduce pending);
  void acknowledge(Wait kind, model::LogPosition reached);
  void fail_writes(const Error& error);
  void end_fetches(const Error& error);
  void end_fetches_of_consumers();
  void arm_produce_timer();
  void on_produce_timer();
  void read_for(FetchId id);
  void on_read(FetchId id, Result<log::ReadResult> result);
  void finish_fetch(FetchId id, Result<FetchOutput> output);
  void wake_fetches();
  void wake_state_machines();
  void propose_log_start(model::LogPosition begin);
  void apply_log_start(model::LogPosition commit);
  void on_log_start(const Result<void>& durable);
  void fail_trims(const Error& error);
  void refine_time(log::TimeKind kind, model::Timestamp time, model::Offset from, Done<TimeLookup> done);
  void find_dead_letter_by_time(log::TimeKind kind, model::Timestamp time, model::Offset from,
                                Watermarks marks, Done<TimeLookup> done);
  void backlog_of_dead_letters(Backlog backlog, Done<Backlog> done);

  log::Log& log_;
  const std::string topic_name_;
  PartitionConfig config_;
  Surroundings surroundings_;
  std::unique_ptr<raft::RaftGroup> group_;
  Done<std::monostate> ready_;
  bool stopped_ = false;
  bool led_ = false;
  TrafficMeter traffic_;
  WantedMembers wanted_;
  std::uint32_t wanted_epoch_ = 0;
  bool others_have_copies_ = false;
  std::optional<std::uint32_t> reached_epoch_;  // told in this leadership
  UniqueFunction<void(std::uint32_t)> members_reached_;
  std::string membership_waits_for_;
  UniqueFunction<void()> excluded_;  // set while it leaves
  std::optional<runtime::TimerId> leave_timer_;
  std::optional<model::NodeId> better_leader_;
  std::uint32_t better_leader_seen_ = 0;  // how often in a row
  std::optional<runtime::TimerId> membership_timer_;
  Done<std::monostate> recovering_;
  std::optional<runtime::TimerId> recovery_timer_;
  UniqueFunction<void()> role_listener_;
  std::unique_ptr<Producers> producers_;  // none where a state machine lives
  ProducerCounts producer_counts_;
  model::Offset leadership_begin_;  // where this one began
  std::array<std::deque<PendingProduce>, kWaitKinds> pending_;
  std::optional<runtime::TimerId> produce_timer_;
  std::map<FetchId, WaitingFetch> fetches_;
  FetchId next_fetch_{1};
  std::deque<PendingTrim> trims_;
  // From a proposal over its commit to durability, when log_.log_start() tells it.
  model::LogPosition proposed_log_start_;
  model::LogPosition applied_log_start_;
  const bool holds_state_;
  model::Offset state_at_;
  UniqueFunction<void(model::Offset)> state_wanted_;
  bool retention_running_ = false;
  bool compaction_running_ = false;
  std::shared_ptr<Partition*> alive_;
};

}  // namespace forebay::partition
