// All partitions of one shard, over the shard's logs: opens them as the cluster's image says, and gives them
// their regular work. Thread rules: everything on the shard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/shard_logs.h"
#include "partition/core/clock_guard.h"
#include "partition/partition.h"

namespace forebay::partition {

// What is known of a replica's life before this start.
enum class Expected : std::uint8_t {
  kMayBeNew,   // it may never have been made: when it is not there, it is made
  kThere,      // it was there: when it is not, its data is lost
  kUncertain,  // nobody knows, for metadata is lost: when it is not there, nothing is made
  kLeaving,    // it is to go: when it is not there (kNotFound), that is well
};

struct PartitionSetConfig {
  runtime::Duration maintenance_interval = std::chrono::seconds(10);
  std::optional<model::Timestamp> last_wall_time;  // from recovery; feeds the clock guard
  raft::Peers* peers = nullptr;                    // none: a node alone
  runtime::Rng* rng = nullptr;                     // with peers
  ProducerLimits producers;
};

class PartitionSet {
 public:
  // `disk_admission`, of so many bytes: kDiskFull while the disk is below its reserve. All references outlive
  // the set.
  PartitionSet(log::ShardLogs& logs, runtime::Executor& executor, runtime::WallClock& clock, log::Voter self,
               const PartitionSetConfig& config, UniqueFunction<Result<void>(std::uint64_t)> disk_admission);
  ~PartitionSet();
  PartitionSet(const PartitionSet&) = delete;
  PartitionSet& operator=(const PartitionSet&) = delete;

  // `founding`: of a partition with replicas on several nodes. Adopts what recovery found, or makes a new
  // replica where that is `expected`; `ready` when it can be written, or why it cannot. One that should be
  // there and is not becomes one with a lost end at offset 0, for ever and for the offline tools to see,
  // until an operator accepts the loss.
  void open(const model::TopicPartition& id, const std::string& topic_name, const PartitionConfig& config,
            const std::optional<raft::Founding>& founding, Expected expected, Done<std::monostate> ready);
  void open(const model::TopicPartition& id, const std::string& topic_name, const PartitionConfig& config,
            Expected expected, Done<std::monostate> ready) {
    open(id, topic_name, config, std::nullopt, expected, std::move(ready));
  }
  // Calls back once open() has made it, whether or not it can be written, or has failed to.
  void when_open(const model::TopicPartition& id, Done<Partition*> done);
  // For who lives on partitions that hold a state (PartitionConfig::holds_state), called for those that are
  // open already and as others come and go. `opened`: it may be used until `closing`. One listener for each
  // topic, by its name; an empty one takes the place of the one that was.
  struct StateListener {
    UniqueFunction<void(const model::TopicPartition&, Partition&)> opened;
    UniqueFunction<void(const model::TopicPartition&)> closing;
  };
  void on_state_partitions(const std::string& topic, StateListener listener);
  // Who should be the members of a partition (Partition::set_wanted_members), also of one that is still being
  // opened.
  void set_wanted_members(const model::TopicPartition& id, WantedMembers wanted, std::uint32_t epoch = 0,
                          bool others_have_copies = false);
  // Partition::on_members_reached of all partitions. One listener.
  void on_members_reached(UniqueFunction<void(const model::TopicPartition&, std::uint32_t epoch)> listener) {
    members_reached_ = std::move(listener);
  }
  // The wanted members exclude this replica: it is removed, once its group says so too, however long that
  // takes. `gone` is called once: when nothing of it is left, or with why it could not be removed. Also for
  // one that is still being opened.
  void leave(const model::TopicPartition& id, Done<std::monostate> gone);
  // It is wanted again. Does nothing when it is being removed already: then `gone` comes.
  void stay(const model::TopicPartition& id);
  // Gone is success. At once it answers what waits and find() knows it no more; the object dies later, so a
  // callback of the partition itself may ask for this.
  void remove(const model::TopicPartition& id, Done<std::monostate> done);
  [[nodiscard]] Partition* find(const model::TopicPartition& id);
  // Why find() has nothing: what open() failed with, or kNotYet.
  [[nodiscard]] Error not_here(const model::TopicPartition& id) const;
  [[nodiscard]] const std::unordered_map<model::TopicPartition, std::unique_ptr<Partition>>& all() const {
    return partitions_;
  }
  struct NotServing {
    model::TopicPartition id;
    std::string reason;
  };
  // Every partition that cannot be written now though nobody but this node can do anything about it, with
  // why.
  [[nodiscard]] std::vector<NotServing> not_serving() const;
  // What is on disk and knows who its members are.
  [[nodiscard]] bool has_members(const model::TopicPartition& id) const { return logs_.has_members(id); }
  // What is on disk and that no open() asked for: kept, not served.
  [[nodiscard]] std::vector<model::TopicPartition> unclaimed() const { return logs_.recovered(); }
  [[nodiscard]] const ClockGuard& clock_guard() const { return clock_guard_; }
  [[nodiscard]] log::ShardLogs& logs() { return logs_; }

  // Leaderships that left because of this node's hardship, since the start.
  struct HardshipCounts {
    std::uint64_t handed_over = 0;  // tries
    std::uint64_t resigned = 0;     // nobody could be handed them in time
  };
  [[nodiscard]] const HardshipCounts& hardship_counts() const { return hardship_counts_; }

  // Retention and compaction for every partition, now and not at the next turn of the timer (the disk is
  // low).
  void maintain();
  // Before stop(): what others can lead they are to lead before this node goes. Calls back when there is
  // nothing left that could be handed over, or after `most`. Once.
  void hand_over_all(runtime::Duration most, UniqueFunction<void()> done);
  // Answers everything that waits, then flushes and seals the logs.
  void stop(log::Log::Done done);

 private:
  void start_partition(const model::TopicPartition& id, log::Log& log, const std::string& topic_name,
                       const PartitionConfig& config, const std::optional<raft::Founding>& founding,
                       Done<std::monostate> ready);
  void fail_to_open(const model::TopicPartition& id, const Error& error);
  void begin_to_leave(const model::TopicPartition& id, Partition& partition);
  void arm_maintenance();
  void arm_balance();
  void balance_leaders();
  void hand_over(Partition& partition, model::NodeId to);
  void arm_hardship();
  void look_at_hardship();
  void tell_of_waits();

  void hand_over_step();
  [[nodiscard]] ClockGuard::Steady steady_now() const { return executor_.now().time_since_epoch(); }

  log::ShardLogs& logs_;
  runtime::Executor& executor_;
  runtime::WallClock& clock_;
  PartitionSetConfig config_;
  UniqueFunction<Result<void>(std::uint64_t)> disk_admission_;
  UniqueFunction<Result<void>(std::uint64_t)> admission_;
  Surroundings surroundings_;
  ClockGuard clock_guard_;
  std::unordered_map<model::TopicPartition, std::unique_ptr<Partition>> partitions_;
  std::unordered_map<model::TopicPartition, std::unique_ptr<Partition>>
      leaving_;  // stopped, not yet destroyed
  std::unordered_map<model::TopicPartition, Error> failures_;
  struct Wanted {
    WantedMembers members;
    std::uint32_t epoch = 0;
    bool others_have_copies = false;
  };
  std::unordered_map<model::TopicPartition, Wanted> wanted_members_;
  UniqueFunction<void(const model::TopicPartition&, std::uint32_t)> members_reached_;
  [[nodiscard]] StateListener* state_listener(const Partition& partition);
  std::map<std::string, StateListener> state_listeners_;
  std::unordered_map<model::TopicPartition, Done<std::monostate>> asked_to_leave_;  // not yet removed
  std::multimap<model::TopicPartition, Done<Partition*>> waiting_for_open_;
  std::optional<runtime::TimerId> maintenance_timer_;
  std::optional<runtime::TimerId> balance_timer_;
  std::optional<runtime::TimerId> hardship_timer_;
  std::uint32_t stalled_looks_ = 0;  // in a row
  std::optional<runtime::TimePoint> waits_told_at_;
  HardshipCounts hardship_counts_;

  struct HandOver {
    runtime::TimePoint deadline;
    UniqueFunction<void()> done;
  };
  std::optional<HandOver> handing_over_;
  std::optional<runtime::TimerId> hand_over_timer_;
  bool stopping_ = false;
  std::shared_ptr<PartitionSet*> alive_;  // emptied by the destructor
};

}  // namespace forebay::partition
