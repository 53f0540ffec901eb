// One shard of a node over the simulated disk: recovery, journal, logs, partitions; to be crashed and started
// again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "log/recovery.h"
#include "log/shard_logs.h"
#include "model/batch_builder.h"
#include "partition/partition_set.h"
#include "sim/sim_machine.h"

namespace forebay::partition {

inline const std::string kDataDir = "/data";

inline model::TopicPartition topic_partition(std::uint8_t topic, std::int32_t partition = 0) {
  model::TopicPartition id;
  id.topic.bytes[0] = topic;
  id.partition = model::PartitionIndex(partition);
  return id;
}

// A batch of one record per value.
inline std::string batch_of(const std::vector<std::string>& values,
                            const std::optional<std::string>& key = std::nullopt) {
  model::BatchBuilder builder;
  for (const std::string& value : values) {
    const model::NewRecord record{.key = key ? std::optional(as_bytes(*key)) : std::nullopt,
                                  .value = as_bytes(value),
                                  .headers = {},
                                  .timestamp = model::Timestamp(1'000)};
    EXPECT_TRUE(builder.append(record));
  }
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
}

// A batch of an idempotent producer.
inline std::string idempotent_batch(std::int64_t id, std::int16_t epoch, std::int32_t sequence,
                                    std::int32_t records = 1) {
  model::BatchBuilder builder({.producer_id = model::ProducerId(id),
                               .producer_epoch = model::ProducerEpoch(epoch),
                               .base_sequence = sequence});
  for (std::int32_t i = 0; i < records; ++i) {
    const model::NewRecord record{
        .key = {}, .value = as_bytes("v"), .headers = {}, .timestamp = model::Timestamp(1'000)};
    EXPECT_TRUE(builder.append(record));
  }
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
}

class ShardHarness {
 public:
  explicit ShardHarness(std::uint64_t seed = 1, sim::Engine engine = sim::Engine::kDirect)
      : machine_(seed, {.engine = engine}) {
    config_.data_dir = kDataDir;
    config_.journal.file_bytes = 1U << 20;
    config_.journal.files_max = 4;
    config_.journal.round_bytes_max = 64U << 10;
    config_.journal.round_partition_bytes = 16U << 10;
    config_.journal.frame_bytes_max = 128U << 10;
  }
  ~ShardHarness() {
    tear_down();
    EXPECT_EQ(machine_.disk().used_after_failure(), std::vector<std::string>{})
        << "believed in after a failure";
  }

  // Opens the data directory as a start of the daemon does.
  [[nodiscard]] Result<void> start() {
    FOREBAY_TRY(auto directory, log::open_data_directory(machine_.file_system(), kDataDir, machine_.rng()));
    directory_ = std::make_unique<log::DataDirectory>(std::move(directory));
    FOREBAY_TRY(auto recovered, log::recover(machine_.file_system(), machine_.rng(),
                                             {.data_dir = kDataDir,
                                              .shard_count = 1,
                                              .journal = config_.journal,
                                              .wall_now = machine_.wall_clock().now()}));
    report_ = recovered.report;
    logs_ =
        log::make_shard_logs(config_, std::move(recovered.shards[0]), recovered.epoch, machine_.file_system(),
                             machine_.executor(), machine_.pool(), machine_.wall_clock(), machine_.rng());
    set_ = std::make_unique<PartitionSet>(*logs_, machine_.executor(), machine_.wall_clock(),
                                          log::Voter{model::NodeId(1), directory_->identity.disk},
                                          set_config_, [this](std::uint64_t) -> Result<void> {
                                            if (disk_full_) return Error{ErrorCode::kDiskFull, "full", 1000};
                                            return {};
                                          });
    return {};
  }
  void tear_down() {
    set_.reset();
    logs_.reset();
    directory_.reset();
  }
  // The power goes; unsynced data is lost or torn by the seed.
  void power_cut() {
    tear_down();
    machine_.reboot(sim::Landing::kSeeded);
  }
  // Runs until the shared result is there. Nothing: the simulation stopped before (the power is off).
  template <typename T>
  std::optional<Result<T>> wait(const std::shared_ptr<std::optional<Result<T>>>& result) {
    if (!machine_.scheduler().run_until([&] { return result->has_value() || machine_.disk().power_is_off(); },
                                        {.steps_max = 200'000, .duration_max = std::chrono::minutes(10)})) {
      return std::nullopt;
    }
    return *result;
  }
  template <typename T>
  static std::pair<std::shared_ptr<std::optional<Result<T>>>, Done<T>> slot() {
    auto result = std::make_shared<std::optional<Result<T>>>();
    return {result, [result](Result<T> value) { *result = std::move(value); }};
  }

  Partition& open(const model::TopicPartition& id, const PartitionConfig& config = {}) {
    auto [result, done] = slot<std::monostate>();
    set_->open(id, "topic", config, Expected::kMayBeNew, std::move(done));
    const auto ready = wait(result);
    EXPECT_TRUE(ready && *ready) << (ready ? ready->error().to_string() : "never");
    return *set_->find(id);
  }
  std::optional<Result<ProduceAck>> produce(Partition& partition, const std::vector<std::string>& values,
                                            Acks acks = Acks::kAll) {
    auto [result, done] = slot<ProduceAck>();
    partition.produce(batch_of(values), static_cast<std::int32_t>(values.size()), acks,
                      std::chrono::seconds(30), std::move(done));
    return wait(result);
  }
  std::optional<Result<FetchOutput>> fetch(Partition& partition, const FetchInput& input) {
    auto [result, done] = slot<FetchOutput>();
    partition.fetch(input, std::move(done));
    return wait(result);
  }
  // Every value from log start on, with its offset.
  std::vector<std::pair<std::int64_t, std::string>> read_all(Partition& partition);

  sim::SimMachine machine_;
  log::ShardLogsConfig config_;
  PartitionSetConfig set_config_;
  log::RecoveryReport report_;
  bool disk_full_ = false;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<PartitionSet> set_;
};

}  // namespace forebay::partition
