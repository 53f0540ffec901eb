// What the node stores: the data directory and its recovery, the shards with their logs, the metadata store.
#include <cstdlib>
#include <utility>

#include "daemon/wired_node.h"
#include "io/fail_point_file_system.h"
#include "kv/rocksdb_store.h"
#include "log/core/damage.h"
#include "log/quarantine.h"
#include "telemetry/log.h"

namespace forebay::daemon {
namespace {

using telemetry::log_info;
using telemetry::log_warn;

// For tests of faults on the real disk: src/io/fail_point_file_system.h has the names.
constexpr const char* kFailPointVariable = "FOREBAYD_FAILPOINT";
// Snapshots of a shard, one a second: what walks over all partitions is done in each so many.
constexpr std::uint32_t kReplicationFiguresEvery = 3;

io::EngineChoice engine_choice(config::IoEngine engine) {
  switch (engine) {
    case config::IoEngine::kAuto:
      return io::EngineChoice::kAuto;
    case config::IoEngine::kUring:
      return io::EngineChoice::kUring;
    case config::IoEngine::kPosix:
      return io::EngineChoice::kPosix;
  }
  return io::EngineChoice::kAuto;
}

log::JournalConfig journal_config(const config::Settings::Storage& storage, std::uint32_t shards) {
  log::JournalConfig config;
  config.file_bytes = storage.journal_file_bytes;
  config.files_max = storage.journal_files_max;
  config.round_bytes_max = static_cast<std::uint32_t>(storage.round_bytes_max);
  config.round_partition_bytes = static_cast<std::uint32_t>(storage.round_partition_bytes);
  // Each shard spaces its busy rounds so that all of them together stay within the disk's flush budget.
  config.busy_round_spacing =
      std::chrono::nanoseconds(1'200'000'000LL * shards / std::max(1U, storage.flush_rate_max));
  return config;
}

// Reads all of it: what is wrong inside of a file shows only then.
Result<std::unique_ptr<kv::KeyValueStore>> open_whole_store(const std::string& path) {
  FOREBAY_TRY(auto store, kv::open_rocksdb_store(path));
  FOREBAY_CHECK(store->scan(kv::KeyRange::all(), [](std::string_view, std::string_view) { return true; }));
  return store;
}

}  // namespace

// --- disk
// --------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_disk() {
  // Blocking calls need no ring: this file system serves recovery, the trash and the disk watch.
  FOREBAY_TRY(auto blocking_fs, io::make_real_file_system(
                                    shards_.at(0), io::IoEngine{.uring = false, .direct = false, .why = {}}));
  FOREBAY_TRY(directory_, log::open_data_directory(*blocking_fs, settings_.node.data_dir, rng_));
  FOREBAY_TRY(
      engine_,
      io::probe_io_engine(settings_.node.data_dir, engine_choice(settings_.storage.io_engine),
                          settings_.storage.io_engine == config::IoEngine::kPosix ? io::DirectChoice::kNever
                                                                                  : io::DirectChoice::kAuto));
  if (!engine_.why.empty()) {
    log_warn("disk engine limited", {{"engine", engine_.to_string()}, {"why", engine_.why}});
    warnings_.push_back("disk engine: " + engine_.to_string() + " (" + engine_.why +
                        "): slower than io_uring with O_DIRECT");
  }
  blocking_fs.reset();
  const char* fail_points = std::getenv(kFailPointVariable);
  if (fail_points != nullptr) {
    FOREBAY_TRY(fail_points_, io::FailPoints::parse(fail_points, io::file_system_fail_points()));
    log_warn("fail points are set: this node breaks on purpose", {{"fail_points", fail_points}});
    warnings_.push_back(std::string("fail points are set: ") + fail_points);
  }
  FOREBAY_TRY(auto fs, io::make_real_file_system(
                           shards_.at(0), io::IoEngine{.uring = false, .direct = engine_.direct, .why = {}}));
  fs = io::with_fail_points(std::move(fs), fail_points_, shards_.at(0));
  const log::RecoveryOptions options{.data_dir = settings_.node.data_dir,
                                     .shard_count = shard_count_,
                                     .journal = journal_config(settings_.storage, shard_count_),
                                     .wall_now = clock_.now()};
  FOREBAY_TRY(auto recovered, log::recover(*fs, rng_, options));
  report_ = recovered.report;
  epoch_ = recovered.epoch;
  for (const std::string& one : report_.notes) note("recovery", one);
  quarantine_unknown(*fs, recovered);
  recovered_ = std::move(recovered.shards);
  for (const log::Recovered::Shard& shard : recovered_) {
    topics_were_there_ = topics_were_there_ ||
                         std::any_of(shard.partitions.begin(), shard.partitions.end(), [](const auto& one) {
                           return one.state.id != cluster::cluster_partition();
                         });
  }
  log_info("recovered", {{"boot_epoch", epoch_.value()},
                         {"first_start", report_.first_start},
                         {"clean", report_.clean},
                         {"rounds", report_.rounds_read},
                         {"bytes", report_.bytes_read},
                         {"engine", engine_.to_string()}});
  return {};
}

void WiredNode::note(const std::string& event, const std::string& note) {
  log_warn(event, {{"note", note}});
  warnings_.push_back(event + ": " + note);
}

// Only while the metadata log is whole: where it is damaged, a folder may be known to what was lost of it.
void WiredNode::quarantine_unknown(io::FileSystem& fs, const log::Recovered& recovered) {
  std::vector<model::TopicPartition> known;
  bool metadata_whole = false;
  for (const log::Recovered::Shard& shard : recovered.shards) {
    for (const auto& partition : shard.partitions) {
      known.push_back(partition.state.id);
      if (partition.state.id == cluster::cluster_partition())
        metadata_whole = !log::is_open(partition.state.damage);
    }
    for (const auto& removed : shard.removed) known.push_back(removed.id);
  }
  if (!metadata_whole) return;
  const log::UnknownFolders unknown = log::quarantine_unknown_folders(fs, settings_.node.data_dir, known);
  for (const std::string& path : unknown.moved)
    note("quarantine",
         path + " belongs to no partition and was moved to " + settings_.node.data_dir + "/quarantine");
  for (const std::string& problem : unknown.problems) note("quarantine", problem);
}

// --- shards
// ------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_shards() {
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    stacks_.push_back(std::make_unique<ShardStack>());
    FOREBAY_TRY(auto fs, io::make_real_file_system(shards_.at(i), engine_));
    stacks_.back()->fs = io::with_fail_points(std::move(fs), fail_points_, shards_.at(i));
  }
  shards_.start();
  shards_started_ = true;
  disk_ = std::make_unique<broker::DiskWatch>(settings_.node.data_dir,
                                              config::disk_reserve_bytes(settings_, cores()), *stacks_[0]->fs,
                                              shards_.at(0), pool_, [this] {
                                                for (std::uint32_t i = 0; i < shard_count_; ++i) {
                                                  shards_.at(i).post([stack = stacks_[i].get()] {
                                                    if (stack->partitions) stack->partitions->maintain();
                                                  });
                                                }
                                              });
  FOREBAY_CHECK(open_peers());
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    run_on(shards_.at(i), [this, i] { start_shard(i, std::move(recovered_[i])); });
  }
  recovered_.clear();
  return {};
}

void WiredNode::start_shard(std::uint32_t index, log::Recovered::Shard recovered) {
  ShardStack& stack = *stacks_[index];
  const auto& storage = settings_.storage;
  log::ShardLogsConfig config;
  config.data_dir = settings_.node.data_dir;
  config.journal = journal_config(storage, shard_count_);
  config.cache_bytes_max = settings_.memory.cache_bytes_per_shard;
  config.segment_write_bytes = static_cast<std::uint32_t>(storage.segment_flush_bytes);
  config.scrub_bytes_per_second = storage.scrub_bytes_per_second / shard_count_;
  config.scrub_pause = storage.scrub_interval;
  stack.logs = log::make_shard_logs(config, std::move(recovered), epoch_, *stack.fs, shards_.at(index), pool_,
                                    clock_, rng_);
  stack.peers = std::make_unique<raft::Peers>(
      network_->of_shard(index), shards_.at(index),
      raft::PeersConfig{
          .self = model::NodeId(settings_.node.id),
          .shard_count = shard_count_,
          .heartbeat_interval = settings_.peer.heartbeat_interval,
          .failure_timeout = settings_.peer.failure_timeout,
          .fill_bytes_per_second = rate_of_shard(move_rate_.load()),
          .catch_up_bytes_per_second = rate_of_shard(settings_.cluster.catch_up_bytes_per_second)});
  stack.peers->set_listener(peers_listener(index));
  partition::PartitionSetConfig set_config;
  set_config.producers.expiration_ms = settings_.producer.id_expiration.count();
  set_config.producers.in_memory_per_client = settings_.producer.states_in_memory_per_client;
  set_config.peers = stack.peers.get();
  set_config.rng = &rng_;
  set_config.maintenance_interval = storage.retention_check_interval;
  if (report_.last_wall_time.value() >= 0) set_config.last_wall_time = report_.last_wall_time;
  stack.partitions = std::make_unique<partition::PartitionSet>(
      *stack.logs, shards_.at(index), clock_,
      log::Voter{model::NodeId(settings_.node.id), directory_->identity.disk}, set_config,
      [disk = disk_.get()](std::uint64_t bytes) { return disk->admission(bytes); });
  snapshot_shard(index);
}

void WiredNode::snapshot_shard(std::uint32_t index) {
  ShardStack& stack = *stacks_[index];
  stack.snapshot.set(stack.logs->stats());
  if (stack.snapshots++ % kReplicationFiguresEvery == 0) {
    stack.snapshot.set(measure(*stack.partitions, *stack.peers));
    if (stack.coordinators) stack.snapshot.set(measure(*stack.coordinators));
  }
  stack.snapshot_timer =
      shards_.at(index).schedule_after(std::chrono::seconds(1), [this, index] { snapshot_shard(index); });
}

// --- metadata store
// --------------------------------------------------------------------------------------------------------------------

// The store is a copy of what __cluster says: a damaged one goes to quarantine and is made again from the
// log.
Result<void> WiredNode::open_store() {
  const std::string path = settings_.node.data_dir + "/kv";
  auto opened = open_whole_store(path);
  if (!opened && opened.error().code == ErrorCode::kDataLoss) {
    auto& fs = *stacks_[0]->fs;
    const std::string quarantine = settings_.node.data_dir + "/quarantine";
    FOREBAY_CHECK(fs.create_directories(quarantine));
    const std::string moved = quarantine + "/kv-" + std::to_string(epoch_.value());
    FOREBAY_CHECK(fs.rename(path, moved));
    log_warn("metadata store damaged, rebuilding it from the log",
             {{"error", opened.error().to_string()}, {"moved_to", moved}});
    warnings_.push_back(
        "the metadata store was damaged and has been rebuilt from the log; the damaged one is in " + moved);
    opened = kv::open_rocksdb_store(path);
  }
  if (!opened) return opened.error();
  kv_ = std::move(*opened);
  return {};
}

}  // namespace forebay::daemon
