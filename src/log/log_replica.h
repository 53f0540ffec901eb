// The log of one replica (log.h), as the shard keeps it: the state, the frames in memory, the list of
// segments; its writer and its reads do the rest. Thread rules: everything on the shard.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/compact.h"
#include "log/core/damage.h"
#include "log/core/log_cut.h"
#include "log/frame_reads.h"
#include "log/log.h"
#include "log/log_memory.h"
#include "log/log_reads.h"
#include "log/log_shard.h"
#include "log/quarantine.h"
#include "log/segment_repair.h"
#include "log/segment_writer.h"
#include "log/state_files.h"

namespace forebay::log {

// What the logs of a shard share.
struct ShardParts {
  LogEnvironment& env;
  MemoryAccount& memory;
  WriteSlots& slots;
  SegmentStore& store;
  ReadExtents& extents;
  Compactor& compactor;
  Journal* journal = nullptr;  // set once it is made, before any log is used
};

struct ReplicaSegment {
  SegmentRef ref;  // end and size: flushed
  std::uint64_t disk_bytes = 0;
  std::optional<SegmentTimes> times;  // of a sealed one, when they are known
  bool copied_to_quarantine = false;
};

class LogReplica final : public Log,
                         private SegmentWriterOwner,
                         private LogReadsOwner,
                         private CompactionOwner {
 public:
  // From what recovery found (`tail` and `end` with it), or, for a new one, from a state with nothing but its
  // id and hard state.
  LogReplica(ShardParts& parts, RecoveredPartition recovered, const LogConfig& config, LogSlot slot);
  ~LogReplica() override;

  // --- Log
  [[nodiscard]] const model::TopicPartition& id() const override { return id_; }
  [[nodiscard]] HardState hard_state() const override { return hard_state_; }
  [[nodiscard]] model::LogPosition log_start() const override { return log_start_; }
  [[nodiscard]] model::LogPosition log_start_upto(model::LogPosition committed) const override;
  [[nodiscard]] model::LogPosition end() const override { return end_; }
  [[nodiscard]] model::LogPosition flushed() const override { return flushed_; }
  [[nodiscard]] model::Term last_term() const override {
    return terms_.empty() ? model::Term{} : terms_.back().term;
  }
  [[nodiscard]] model::Timestamp max_append_time() const override { return max_append_time_; }
  [[nodiscard]] std::vector<TermBegin> terms() const override { return {terms_.begin(), terms_.end()}; }
  [[nodiscard]] std::optional<model::Term> term_before(const model::LogPosition& position) const override;
  [[nodiscard]] std::vector<std::pair<model::LogPosition, Membership>> memberships() const override {
    return memberships_;
  }
  [[nodiscard]] LogStatus status() const override;
  [[nodiscard]] bool is_renewed() const override { return log::is_renewed(damage_); }
  [[nodiscard]] std::optional<model::LogPosition> lost_tail() const override {
    return log::lost_tail(damage_);
  }
  [[nodiscard]] bool tail_accepted() const override { return tail_accepted_at(damage_, end_.next_offset); }
  [[nodiscard]] const std::vector<Damage>& damage() const override { return damage_; }
  void on_damage(UniqueFunction<void()> listener) override { on_damage_ = std::move(listener); }
  void repair(const LogRange& range, RepairSource source, Done done) override;
  void report_lost_tail(Done durable) override;
  void tail_regained(Done durable) override;
  void on_flushed(UniqueFunction<void(model::LogPosition)> listener) override {
    on_flushed_ = std::move(listener);
  }
  void on_failed(UniqueFunction<void(const Error&)> listener) override;
  void append(FramePtr frame) override;
  void truncate(model::LogPosition to) override;
  void install(const LogBase& base) override;
  void set_hard_state(HardState state, Done durable) override;
  void set_log_start(model::LogPosition begin, Done durable) override;
  void set_config(const LogConfig& config) override;
  void write_state(StateSnapshot state, Done durable) override {
    states_.write(std::move(state), std::move(durable));
  }
  void read_states(StatesDone done) override { states_.read(std::move(done)); }
  void rewrite_state(model::LogPosition base, StateSnapshot head, StateMaking make, Done durable) override {
    states_.rewrite(base, std::move(head), std::move(make), std::move(durable));
  }
  void read_state_parts(model::LogPosition position, std::vector<StateRange> parts,
                        StatePartsDone done) override {
    states_.read_parts(position, std::move(parts), std::move(done));
  }
  void on_sealed(UniqueFunction<void()> listener) override { on_sealed_ = std::move(listener); }
  void read(const ReadRequest& request, ReadResultDone done) override;
  void read_frames(const FramesRequest& request, FramesDone done) override;
  [[nodiscard]] bool is_in_memory(model::LogPosition from) const override {
    return !memory_.empty() && memory_.frame(memory_.begin())->header.begin <= from;
  }
  void find_by_time(TimeKind kind, model::Timestamp time, model::Offset upto,
                    UniqueFunction<void(Result<std::optional<model::Offset>>)> done) override;
  void find_dead_letters(model::Offset from, model::Offset upto,
                         UniqueFunction<void(Result<std::optional<model::Offset>>)> done) override;
  void plan_retention(model::Timestamp now, model::LogPosition committed,
                      UniqueFunction<void(std::optional<model::LogPosition>)> done) override;
  void roll() override;
  void compact(model::Timestamp now, const CompactionBounds& bounds,
               UniqueFunction<void(Result<std::uint64_t>)> done) override;
  [[nodiscard]] model::LogPosition compacted_to() const override;
  [[nodiscard]] std::optional<model::LogPosition> tombstones_wait_for() const override {
    return tombstones_left_.waiting_to;
  }

  // --- for the shard
  [[nodiscard]] LogSlot slot() const { return slot_; }
  [[nodiscard]] bool adopted() const { return adopted_; }
  void adopt(const LogConfig& config);
  // Of a round that is durable; false when it came too late to count.
  [[nodiscard]] bool frames_durable(model::LogEpoch log_epoch, model::LogPosition end);
  void tell_flushed();
  void fail(const Error& error);
  // Everything that the journal has, to segments, up to `upto` if given.
  void demand_flush();
  void demand_flush(model::LogPosition upto);
  [[nodiscard]] bool has_demand() const { return writer_.has_demand(); }
  [[nodiscard]] std::uint64_t pinned_bytes() const { return memory_.pinned_bytes(); }
  [[nodiscard]] PartitionCheckpoint checkpoint() const;
  [[nodiscard]] bool file_open() const { return writer_.file_open(); }
  // Called every few seconds: closes and flushes what has been idle for long.
  void tidy(runtime::TimePoint now);
  // Pending reads end so; nothing is written any more.
  void close(const Error& reason);
  [[nodiscard]] const std::deque<ReplicaSegment>& segments() const { return segments_; }
  [[nodiscard]] bool sealed(const ReplicaSegment& segment) const {
    return writer_.active_serial() != segment.ref.serial;
  }
  // Bytes of a segment that cannot be trusted: from scrub, and from reads.
  void report_damage(const SegmentRef& segment, const SegmentCursor::Damaged& damage);
  void report_missing(const SegmentRef& segment);
  // All of it has just been read and is right: what was noted as damaged there is not (a file that came
  // back).
  void segment_verified(const SegmentRef& segment);
  // The next checkpoint keeps it: what is lost with a crash is read once more.
  void set_scrub(const ScrubState& scrub) { scrub_ = scrub; }
  [[nodiscard]] const ScrubState& scrub() const { return scrub_; }
  [[nodiscard]] std::optional<model::Timestamp> last_full_scrub() const {
    return scrub_.last_full == model::kNoTimestamp ? std::nullopt : std::optional(scrub_.last_full);
  }
  [[nodiscard]] bool lists(const SegmentRef& segment) const;
  [[nodiscard]] bool holds_sealed_segments() const;
  [[nodiscard]] bool is_wholly_lost() const { return log::is_wholly_lost(checkpoint()); }
  [[nodiscard]] std::optional<model::LogPosition> lowest_truncation() const { return lowest_truncation_; }
  // What the look around in the log's folder found.
  void folder_seen(const FolderReport& report);

 private:
  // --- SegmentWriterOwner
  [[nodiscard]] const LogConfig& config() const override { return config_; }
  void on_segment_opened(const SegmentRef& segment, std::uint64_t disk_bytes) override;
  void on_segment_disk_bytes(std::uint64_t serial, std::uint64_t disk_bytes) override;
  void on_segment_flushed(const SegmentRef& segment) override;
  void on_segment_sealed(std::uint64_t serial, std::shared_ptr<const SegmentIndex> index) override;
  void on_segment_abandoned(std::uint64_t serial) override;
  void on_segment_writes_failed(const Error& error) override;
  // --- LogReadsOwner
  [[nodiscard]] std::optional<Place> place_of(model::Offset offset) const override;
  [[nodiscard]] std::optional<Place> place_at(model::LogPosition position) const override;
  [[nodiscard]] bool damaged_at(model::LogPosition position) const override;
  [[nodiscard]] Result<std::vector<FramePtr>> memory_frames(const FramesRequest& request) const;
  [[nodiscard]] std::optional<model::Offset> damaged_until(model::Offset offset) const override {
    return range_end(damage_, DamageKind::kMiddle, offset);
  }
  [[nodiscard]] model::Offset past_accepted(model::Offset offset) const override {
    return range_end(damage_, DamageKind::kAcceptedMiddle, offset).value_or(offset);
  }
  [[nodiscard]] std::uint32_t index_interval_bytes() const override { return config_.index_interval_bytes; }
  void on_times(std::uint64_t serial, const SegmentTimes& times) override;
  void on_damage(const SegmentRef& segment, const SegmentCursor::Damaged& damage) override {
    report_damage(segment, damage);
  }
  void on_segment_missing(const SegmentRef& segment) override { report_missing(segment); }
  [[nodiscard]] ReadResult read_memory(const ReadRequest& request) const override;
  [[nodiscard]] std::optional<model::Offset> find_in_memory(const FrameSearch& search, model::Offset from,
                                                            model::Offset upto) const override;

  // --- CompactionOwner
  [[nodiscard]] bool closed() const override { return closed_; }
  [[nodiscard]] const LogConfig& compaction_config() const override { return config_; }
  [[nodiscard]] bool damaged() const override {
    return std::any_of(damage_.begin(), damage_.end(),
                       [](const Damage& one) { return one.kind != DamageKind::kAcceptedTail; });
  }
  [[nodiscard]] std::vector<CompactionSegment> compactable() const override;
  void load_times(UniqueFunction<void()> then) override;
  [[nodiscard]] const TombstonesLeft& tombstones_left() const override { return tombstones_left_; }
  void compacted(const TombstonesLeft& left) override { tombstones_left_ = left; }
  [[nodiscard]] bool still_there(const std::vector<SegmentMeta>& segments) const override;
  void replace_segments(std::vector<SegmentMeta> removed, SealedSegment added,
                        UniqueFunction<void(Result<void>)> done) override;
  // Returns: what is in use no more.
  [[nodiscard]] std::vector<SegmentRef> segments_replaced(const std::vector<SegmentMeta>& removed,
                                                          const SealedSegment& added);
  void compacted_in_vain(const SegmentMeta& added);

  void take_segments(const PartitionCheckpoint& state);
  // `from` is in no accepted range.
  void read_from(const ReadRequest& request, ReadResultDone done);
  void fold(const Frame& frame);
  void cut_segments(model::LogPosition to, CutFiles& files);
  void truncation_durable(const CutFiles& files);
  void begin_at(const LogBase& base);
  void installed(const CutFiles& files);
  [[nodiscard]] bool is_installing() const;
  [[nodiscard]] model::LogPosition coming_log_start() const;
  void give_back_space(const SegmentRef& segment);
  [[nodiscard]] PartitionCheckpoint checkpoint_of_memory() const;
  void log_start_durable(model::LogPosition begin);
  void drop_segments_below(model::LogPosition begin);
  void remove_files(const SegmentRef& segment);
  void segment_end_moved(model::LogPosition end);
  [[nodiscard]] ReplicaSegment* find_segment(std::uint64_t serial);
  void add_damage(model::LogPosition begin, model::LogPosition end);
  void heal(model::LogPosition begin, model::LogPosition end);
  void copy_to_quarantine(ReplicaSegment& segment);
  void damage_changed();
  struct RepairTask {
    LogRange range;
    std::uint32_t widened = 0;  // times
    std::shared_ptr<RepairSource> source;
    Done done;
  };
  void begin_repair(RepairTask task);
  [[nodiscard]] Result<SegmentRepair::Plan> plan_repair(const LogRange& range);
  void put_in_place(std::vector<SegmentMeta> replaced, SegmentRepair::Repaired repaired, Done done);
  void learn(const SegmentRepair::Repaired& repaired);
  void learn_members(model::LogPosition begin, const Membership& members);
  void retire_damaged(const SegmentRef& segment);
  void plan_retention_from(std::size_t known, model::Timestamp now, model::LogPosition committed,
                           UniqueFunction<void(std::optional<model::LogPosition>)> done);
  [[nodiscard]] SegmentTimes unsealed_times() const;
  [[nodiscard]] bool has_pinned_records() const;

  ShardParts& parts_;
  LogSlot slot_;
  model::TopicPartition id_;
  LogConfig config_;
  bool adopted_ = false;
  bool failed_ = false;
  Error failure_;
  bool closed_ = false;

  HardState hard_state_;
  HardState durable_hard_state_;
  model::LogEpoch log_epoch_;
  model::LogPosition log_start_;         // durable
  model::LogPosition wanted_log_start_;  // on its way to the journal
  model::LogPosition segment_end_;
  model::LogPosition flushed_;
  model::LogPosition end_;
  std::deque<LogCut> cuts_;  // that the journal does not have yet
  std::uint32_t installs_ = 0;
  std::optional<model::LogPosition> lowest_truncation_;
  const model::LogEpoch recovered_log_epoch_;
  model::Timestamp max_append_time_ = model::kNoTimestamp;
  model::Timestamp segment_append_time_ = model::kNoTimestamp;  // of the last frame below segment_end_
  std::deque<TermBegin> terms_;
  std::vector<std::pair<model::LogPosition, Membership>> memberships_;
  struct LogStartFrame {
    model::LogPosition end;    // of the frame
    model::LogPosition begin;  // what it says
  };
  std::deque<LogStartFrame> log_start_frames_;  // those that say more than log_start_
  std::vector<Damage> damage_;
  ScrubState scrub_;
  std::uint64_t scrub_errors_ = 0;
  runtime::TimePoint last_append_{};

  std::deque<ReplicaSegment> segments_;
  LogMemory memory_;
  LogMemory::Number durable_before_ = 0;
  SegmentWriter writer_;
  LogReads reads_;
  FrameReads frame_reads_;
  StateFiles states_;
  UniqueFunction<void(model::LogPosition)> on_flushed_;
  UniqueFunction<void(const Error&)> on_failed_;
  UniqueFunction<void()> on_damage_;
  UniqueFunction<void()> on_sealed_;
  std::unique_ptr<SegmentRepair> repair_;     // reads and writes
  bool repairing_ = false;                    // until its file is in place too
  std::uint32_t replacements_in_flight_ = 0;  // by compaction, on their way to the journal
  TombstonesLeft tombstones_left_;            // by the last compaction since the start
  Lifetime lifetime_;
};

}  // namespace forebay::log
