// A node's journal over the simulated disk, with an owner that keeps a model of every partition: the list of
// operations it asked for, and how many of them were reported durable. After a crash the state that recovery
// finds must be the fold of some prefix of those operations, no shorter than what was reported.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "log/journal.h"
#include "log/recovery.h"
#include "sim/sim_machine.h"

namespace forebay::log::testing {

using model::LogPosition;
using model::TopicPartition;

[[nodiscard]] TopicPartition partition_id(std::uint8_t topic, std::int32_t partition);
[[nodiscard]] FramePtr records_frame(const TopicPartition& id, const LogPosition& begin, std::int64_t records,
                                     model::Term term, std::size_t payload_bytes, std::uint64_t fill);
[[nodiscard]] FramePtr control_frame(const TopicPartition& id, const LogPosition& begin, model::Term term);

// What one partition is after some of its operations.
struct ModelState {
  bool exists = false;
  HardState hard_state;
  LogPosition log_start;
  model::LogEpoch log_epoch;
  std::vector<FramePtr> frames;
  [[nodiscard]] LogPosition end() const { return frames.empty() ? LogPosition{} : frames.back()->header.end; }
};
using ModelOp = std::variant<FramePtr, JournalRecord>;
void apply_op(ModelState& state, const ModelOp& op);

struct ModelPartition {
  TopicPartition id;
  std::optional<LogSlot> slot;
  std::vector<ModelOp> ops;     // since the state below
  ModelState base;              // what recovery found
  std::size_t durable_ops = 0;  // reported
  ModelState durable;           // base and the durable ops
  ModelState latest;            // base and all ops
  // Survives crashes: what was flushed into segments, and how far.
  std::vector<FramePtr> segment;
  LogPosition segment_end;
};

struct HarnessOptions {
  std::uint64_t seed = 1;
  std::uint32_t partitions = 4;
  std::uint32_t shard_count = 1;
  JournalConfig journal;
  bool flush_on_space_wanted = true;
  sim::Engine engine = sim::Engine::kDirect;
  HarnessOptions() {
    journal.file_bytes = 64U << 10;
    journal.files_max = 4;
    journal.round_bytes_max = 12U << 10;
    journal.round_partition_bytes = 4U << 10;
    journal.frame_bytes_max = 20U << 10;
  }
};

// All lives of one node with one shard (or several, when only recovery is looked at).
class JournalHarness : public JournalOwner {
 public:
  explicit JournalHarness(const HarnessOptions& options);
  ~JournalHarness() override;

  [[nodiscard]] sim::SimMachine& machine() { return machine_; }
  [[nodiscard]] sim::SimDisk& disk() { return machine_.disk(); }
  [[nodiscard]] HarnessOptions& options() { return options_; }
  [[nodiscard]] Journal& journal() { return *journal_; }
  [[nodiscard]] bool running() const { return journal_ != nullptr; }
  [[nodiscard]] ModelPartition& partition(std::size_t i) { return partitions_.at(i); }
  [[nodiscard]] std::size_t partition_count() const { return partitions_.size(); }
  [[nodiscard]] const Recovered& recovered() const { return recovered_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::uint64_t rounds_reported() const { return rounds_reported_; }
  [[nodiscard]] std::uint64_t space_requests() const { return space_requests_; }

  // Opens the data directory, recovers, compares with the model, opens the partitions. False when the power
  // went meanwhile.
  bool start();
  // The same without comparing or opening: for damage.
  [[nodiscard]] Result<Recovered> recover_only();
  void stop_objects();
  void reboot(sim::Landing landing);

  // Operations of the model.
  void append(std::size_t i, std::int64_t records, std::size_t payload_bytes);
  void append_control(std::size_t i);
  void record(std::size_t i, JournalRecord record);
  void create(std::size_t i) { record(i, CreateReplica{}); }
  void set_term(std::size_t i, std::uint64_t term, std::optional<std::uint32_t> vote);
  void truncate(std::size_t i, std::size_t keep_frames);
  void flush_segment(std::size_t i, LogPosition upto);
  void random_op();

  // Runs until everything asked for is durable. False when it does not come to that (power, failure).
  bool settle();
  void run_for(runtime::Duration duration) { machine_.scheduler().run_for(duration); }
  bool stop_clean();

  // Compares what recovery found with the model and takes it over. Reports through gtest.
  void check_and_adopt(const Recovered& recovered);

  // JournalOwner
  void on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, LogPosition end) override;
  void on_round_end() override { ++rounds_reported_; }
  void on_space_wanted(std::span<const std::pair<LogSlot, LogPosition>> wanted) override;
  std::vector<PartitionCheckpoint> checkpoint() override;
  void on_journal_failed(const Error& error) override { failure_ = error; }

 private:
  void add_op(ModelPartition& p, ModelOp op);
  void op_durable(ModelPartition& p);
  [[nodiscard]] static std::string difference(const ModelState& want, const ModelPartition& p,
                                              const RecoveredPartition* found,
                                              const PartitionCheckpoint* removed);

  HarnessOptions options_;
  sim::SimMachine machine_;
  sim::SimRng rng_;
  std::vector<ModelPartition> partitions_;
  std::optional<DataDirectory> directory_;
  Recovered recovered_;
  std::unique_ptr<Journal> journal_;
  std::optional<Error> failure_;
  std::uint64_t rounds_reported_ = 0;
  std::uint64_t space_requests_ = 0;
  std::uint64_t next_fill_ = 1;
};

inline constexpr const char* kDataDir = "/data";

}  // namespace forebay::log::testing
