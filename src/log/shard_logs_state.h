// ShardLogs (shard_logs.h) as it is built. Internal to this module; tests make it over a journal of their
// own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "log/log_replica.h"
#include "log/scrub.h"
#include "log/shard_logs.h"

namespace forebay::log {

class ShardLogsState final : public ShardLogs, private JournalOwner {
 public:
  using MakeJournal = std::function<std::unique_ptr<Journal>(JournalOwner& owner)>;

  ShardLogsState(const ShardLogsConfig& config, Recovered::Shard recovered, model::BootEpoch epoch,
                 io::FileSystem& fs, runtime::Executor& executor, runtime::BlockingPool& pool,
                 runtime::WallClock& clock, runtime::Rng& rng, const MakeJournal& make_journal);
  ~ShardLogsState() override;

  [[nodiscard]] bool has_members(const model::TopicPartition& id) const override;
  [[nodiscard]] bool is_there(const model::TopicPartition& id) const override;
  [[nodiscard]] bool was_removed(const model::TopicPartition& id) const override;
  [[nodiscard]] std::vector<model::TopicPartition> recovered() const override;
  [[nodiscard]] Result<Log*> adopt(const model::TopicPartition& id, const LogConfig& config) override;
  void create(const model::TopicPartition& id, std::string topic_name, const LogConfig& config,
              UniqueFunction<void(Result<Log*>)> done) override;
  void create_lost(const model::TopicPartition& id, std::string topic_name, const LogConfig& config,
                   UniqueFunction<void(Result<Log*>)> done) override;
  void remove(const model::TopicPartition& id, Log::Done done) override;
  [[nodiscard]] Log* find(const model::TopicPartition& id) override;
  [[nodiscard]] ShardLogsStats stats() const override;
  [[nodiscard]] bool accepts_appends() const override;
  [[nodiscard]] bool writes_stall() const override { return journal_->is_stalled(); }
  void stop(Log::Done done) override;

 private:
  using Logs = std::map<model::TopicPartition, std::unique_ptr<LogReplica>>;

  // --- JournalOwner
  void on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, model::LogPosition end) override;
  void on_round_end() override;
  void on_space_wanted(std::span<const std::pair<LogSlot, model::LogPosition>> wanted) override;
  std::vector<PartitionCheckpoint> checkpoint() override;
  void on_journal_failed(const Error& error) override;

  LogReplica& open_log(RecoveredPartition recovered, const LogConfig& config);
  [[nodiscard]] LogReplica* by_slot(LogSlot slot) const;
  void begin_life(PartitionCheckpoint state, std::string topic_name, const LogConfig& config,
                  CreateReplica record, UniqueFunction<void(Result<Log*>)> done);
  void look_around(LogReplica& log);
  void write_name(const model::TopicId& topic, std::string name);
  void removed_durably(const model::TopicPartition& id, Log::Done done);
  // Requires: in removing_.
  void move_away(const model::TopicPartition& id, Log::Done done);
  void relieve_memory();
  void arm_tidy();
  void tidy();
  void flush_for_stop();
  void finish_stop();

  LogEnvironment env_;
  MemoryAccount memory_;
  WriteSlots slots_;
  SegmentStore store_;
  ReadExtents extents_;
  Compactor compactor_;
  ShardParts parts_;
  std::unique_ptr<Journal> journal_;
  Logs logs_;  // also those that are being created or removed
  std::set<model::TopicPartition> creating_, removing_;
  std::map<model::TopicPartition, HardState> removed_;  // replicas that are gone: term and vote still count
  std::vector<LogReplica*> by_slot_;
  std::vector<LogSlot> flushed_now_;  // logs that the round in completion has moved
  std::unique_ptr<Scrub> scrub_;
  bool tidy_armed_ = false;
  runtime::TimerId tidy_timer_{};
  bool journal_failed_ = false;
  bool stopping_ = false;
  runtime::TimePoint stop_deadline_{};
  Log::Done stop_done_;
  Lifetime lifetime_;
};

}  // namespace forebay::log
