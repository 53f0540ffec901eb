// A node of several shards over the simulated disk, all on one executor; the number of shards may differ at
// every start.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shard_harness.h"
#include "sim/sim_rng.h"

namespace forebay::partition {

class NodeHarness {
 public:
  explicit NodeHarness(std::uint64_t seed, sim::Engine engine = sim::Engine::kDirect)
      : machine_(seed, {.engine = engine}) {
    config_.data_dir = kDataDir;
  }
  ~NodeHarness() {
    tear_down();
    EXPECT_EQ(machine_.disk().used_after_failure(), std::vector<std::string>{})
        << "believed in after a failure";
  }
  NodeHarness(const NodeHarness&) = delete;
  NodeHarness& operator=(const NodeHarness&) = delete;

  // Opens the data directory as a start of the daemon does.
  [[nodiscard]] Result<void> start(std::uint32_t shard_count) {
    FOREBAY_TRY(auto directory, log::open_data_directory(machine_.file_system(), kDataDir, machine_.rng()));
    directory_ = std::make_unique<log::DataDirectory>(std::move(directory));
    FOREBAY_TRY(auto recovered, log::recover(machine_.file_system(), machine_.rng(),
                                             {.data_dir = kDataDir,
                                              .shard_count = shard_count,
                                              .journal = config_.journal,
                                              .wall_now = machine_.wall_clock().now()}));
    report_ = recovered.report;
    for (auto& shard : recovered.shards) {
      Shard& made = shards_.emplace_back();
      made.logs =
          log::make_shard_logs(config_, std::move(shard), recovered.epoch, machine_.file_system(),
                               machine_.executor(), machine_.pool(), machine_.wall_clock(), machine_.rng());
      made.set = std::make_unique<PartitionSet>(*made.logs, machine_.executor(), machine_.wall_clock(),
                                                log::Voter{model::NodeId(1), directory_->identity.disk},
                                                PartitionSetConfig{},
                                                [](std::uint64_t) -> Result<void> { return {}; });
    }
    return {};
  }
  void tear_down() {
    for (Shard& shard : shards_) shard.set.reset();
    shards_.clear();
    directory_.reset();
  }

  [[nodiscard]] PartitionSet& set_of(const model::TopicPartition& id) {
    return *shards_.at(log::shard_of(id, static_cast<std::uint32_t>(shards_.size()))).set;
  }
  [[nodiscard]] log::ShardLogs& logs_of(const model::TopicPartition& id) {
    return *shards_.at(log::shard_of(id, static_cast<std::uint32_t>(shards_.size()))).logs;
  }
  [[nodiscard]] bool knows(const model::TopicPartition& id) {
    const auto unclaimed = set_of(id).unclaimed();
    return std::find(unclaimed.begin(), unclaimed.end(), id) != unclaimed.end();
  }
  // True when every shard has answered; the power may go meanwhile.
  bool stop_clean() {
    bool all = true;
    for (Shard& shard : shards_) {
      auto [result, done] = ShardHarness::slot<std::monostate>();
      shard.set->stop([done = std::move(done)](Result<void> stopped) mutable {
        if (stopped) return done(std::monostate{});
        done(std::move(stopped).error());
      });
      all = wait(result).has_value() && all;
    }
    return all;
  }

  // Turns over a bit of a round that a start would read and that has a successor. Returns: which one; nothing
  // when there is none.
  std::optional<std::string> rot_a_round(sim::SimRng& rng);

  // Runs until the shared result is there. Nothing: the simulation stopped before (the power is off).
  template <typename T>
  std::optional<Result<T>> wait(const std::shared_ptr<std::optional<Result<T>>>& result) {
    if (!machine_.scheduler().run_until([&] { return result->has_value() || machine_.disk().power_is_off(); },
                                        {.steps_max = 400'000, .duration_max = std::chrono::minutes(10)})) {
      return std::nullopt;
    }
    return *result;
  }

  struct Shard {
    std::unique_ptr<log::ShardLogs> logs;
    std::unique_ptr<PartitionSet> set;
  };
  sim::SimMachine machine_;
  log::ShardLogsConfig config_;
  log::RecoveryReport report_;
  std::unique_ptr<log::DataDirectory> directory_;
  std::vector<Shard> shards_;
};

}  // namespace forebay::partition
