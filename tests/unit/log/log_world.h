// One node's logs over the simulated disk, with a model beside each log: every frame that was appended and
// what was reported durable. Restarts and power cuts keep the model; after each of them the log must be a
// continuation of it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "log/log.h"
#include "log/recovery.h"
#include "log/shard_logs.h"
#include "model/batch_builder.h"
#include "sim/sim_machine.h"

namespace forebay::log::testing {

// How many seeds a random test runs: `few` in an ordinary run, FOREBAY_SEEDS when that is set.
[[nodiscard]] std::uint64_t seeds(std::uint64_t few);

struct WorldOptions {
  std::uint64_t seed = 1;
  sim::SimDisk::Options disk;
  ShardLogsConfig shard;
  LogConfig log;
  WorldOptions() {
    shard.data_dir = "/data";
    shard.journal.file_bytes = 128U << 10;
    shard.journal.files_max = 4;
    shard.journal.round_bytes_max = 16U << 10;
    shard.journal.round_partition_bytes = 8U << 10;
    shard.journal.frame_bytes_max = 40U << 10;
    shard.cache_bytes_max = 32U << 10;
    shard.segment_write_bytes = 16U << 10;
    shard.scrub_bytes_per_second = 0;
    log.segment_bytes = 64U << 10;
    log.index_interval_bytes = 4U << 10;
  }
};

// A record frame with real batches in it. Keys "k<n>" with n below `keys`, or none.
struct BatchSpec {
  std::int64_t records = 1;
  std::size_t value_bytes = 100;
  model::Timestamp event_time{0};
  model::Timestamp append_time{0};
  std::uint64_t fill = 0;
};
[[nodiscard]] FramePtr make_batch_frame(const model::TopicPartition& id, model::LogPosition begin,
                                        model::Term term, const BatchSpec& spec);
[[nodiscard]] FramePtr make_control_frame(const model::TopicPartition& id, model::LogPosition begin,
                                          model::Term term, const Control& control,
                                          model::Timestamp append_time);
// Around bytes that are a whole batch already, made at offset 0.
[[nodiscard]] FramePtr make_frame_of(const model::TopicPartition& id, model::LogPosition begin,
                                     model::Term term, std::vector<std::byte> batch,
                                     model::Timestamp append_time);
[[nodiscard]] bool same_bytes(const Frame& a, const Frame& b);

struct LogModel {
  model::TopicPartition id;
  LogConfig config;
  Log* log = nullptr;            // null when it is not open
  std::vector<FramePtr> frames;  // all ever appended and, after a crash, still there; without what was cut
  LogBase base;                  // where it began anew the last time
  model::LogPosition log_start;  // durable
  int log_starts_pending = 0;    // asked for and not answered
  model::LogPosition durable;    // reported
  HardState hard_state;          // reported durable
  std::optional<Error> failed;
  model::Term term{1};  // of what is appended; each truncation begins another one
  // What was done since the start, in order: a frame appended, or a cut. After a crash the log is what some
  // first part of them makes of what was there at the start, no less than what is known to be durable.
  // An install is a cut of everything, for the log epoch too.
  using Step = std::variant<FramePtr, model::LogPosition, LogBase>;
  std::vector<FramePtr> frames_at_start;
  LogBase base_at_start;
  std::vector<Step> steps;
  std::vector<std::size_t> steps_of_frame;  // beside `frames`: steps up to it; 0 from before the start
  std::size_t durable_steps = 0;
  std::uint64_t epoch_at_start = 0;
  model::Timestamp latest_time{-1};  // of all frames ever, also of those that were cut
};

class LogWorld {
 public:
  explicit LogWorld(const WorldOptions& options = {});
  ~LogWorld();

  [[nodiscard]] sim::SimMachine& machine() { return machine_; }
  [[nodiscard]] sim::SimDisk& disk() { return machine_.disk(); }
  [[nodiscard]] WorldOptions& options() { return options_; }
  [[nodiscard]] ShardLogs& logs() { return *logs_; }
  [[nodiscard]] bool running() const { return logs_ != nullptr; }
  [[nodiscard]] LogModel& model(std::int32_t partition) { return models_.at(partition); }
  [[nodiscard]] Log& log(std::int32_t partition) { return *models_.at(partition).log; }
  [[nodiscard]] static model::TopicPartition partition_id(std::int32_t partition);
  [[nodiscard]] model::Timestamp now() { return machine_.wall_clock().now(); }
  [[nodiscard]] const RecoveryReport& report() const { return report_; }

  // Opens the data directory, recovers, adopts every log of the model and compares them. False when the power
  // went.
  bool start();
  // Stops cleanly, or not: the objects go, the machine reboots.
  bool stop_clean(sim::Landing landing = sim::Landing::kDrop);
  void crash(sim::Landing landing);
  // Only the process dies: what it saw, the next one sees, on stable storage or not.
  void kill(sim::Landing in_flight);
  // ... and writes that it had under way may land later (disk().land_late_writes()).
  void kill_with_late_writes();
  void restart(sim::Landing landing = sim::Landing::kSeeded) {
    crash(landing);
    ASSERT_TRUE(start());
  }

  bool create(std::int32_t partition);
  void append(std::int32_t partition, BatchSpec spec);
  void append_frame(std::int32_t partition, FramePtr frame);
  void append_control(std::int32_t partition, const Control& control);
  // Leaves the first `keep` frames of the model.
  void truncate(std::int32_t partition, std::size_t keep);
  void install(std::int32_t partition, const LogBase& base);
  void set_log_start(std::int32_t partition, model::LogPosition begin);
  void set_hard_state(std::int32_t partition, HardState state);

  // Runs until everything appended is durable and every log start asked for is there; false when that does
  // not come.
  bool settle();
  // Runs until nothing is pinned: all of it is in segments.
  bool flush_all();
  void run_for(runtime::Duration duration) { machine_.scheduler().run_for(duration); }
  bool run_until(const std::function<bool()>& predicate) {
    return machine_.scheduler().run_until(predicate,
                                          {.steps_max = 2'000'000, .duration_max = std::chrono::hours(1)});
  }

  // Calls that answer later, as ones that answer.
  [[nodiscard]] Result<ReadResult> read(std::int32_t partition, ReadRequest request);
  [[nodiscard]] Result<std::vector<FramePtr>> read_frames(std::int32_t partition, FramesRequest request);
  [[nodiscard]] Result<std::optional<model::Offset>> find(std::int32_t partition, TimeKind kind,
                                                          model::Timestamp time);
  [[nodiscard]] Result<std::optional<model::Offset>> find_dead_letters(std::int32_t partition,
                                                                       model::Offset from,
                                                                       model::Offset upto);
  [[nodiscard]] std::optional<model::LogPosition> plan_retention(std::int32_t partition,
                                                                 model::Timestamp now);
  [[nodiscard]] Result<std::uint64_t> compact(std::int32_t partition, model::Timestamp now);

  // Reads the whole log and compares it with the model, frame by frame. Reports through gtest.
  void check_reads(std::int32_t partition, std::size_t bytes_max = 8U << 10);
  // The same by position, with control frames; and what the log says of itself.
  void check_frames(std::int32_t partition, std::size_t bytes_max = 8U << 10);
  void check_all_reads() {
    for (auto& [partition, model] : models_) check_reads(partition);
  }
  // Paths of the segment files of a partition, in order.
  [[nodiscard]] std::vector<std::string> segment_files(std::int32_t partition);
  // Paths of all files that have this text in them.
  [[nodiscard]] std::vector<std::string> files_with(const std::string& text);

 private:
  void attach(LogModel& model);
  void begin_steps(LogModel& model);
  [[nodiscard]] model::LogPosition take_steps(LogModel& model);
  void compare(LogModel& model);

  WorldOptions options_;
  sim::SimMachine machine_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<ShardLogs> logs_;
  std::map<std::int32_t, LogModel> models_;
  RecoveryReport report_;
  std::map<model::TopicPartition, std::uint64_t> recovered_epochs_;
  std::uint64_t next_fill_ = 1;
};

}  // namespace forebay::log::testing
