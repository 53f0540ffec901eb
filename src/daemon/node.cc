#include "daemon/node.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "api/server.h"
#include "base/assert.h"
#include "broker/disk_watch.h"
#include "broker/node_broker.h"
#include "broker/trash.h"
#include "cluster/controller.h"
#include "cluster/image_store.h"
#include "cluster/proposer.h"
#include "daemon/cluster_entry.h"
#include "daemon/node_metrics.h"
#include "daemon/shard_stack.h"
#include "http/http_server.h"
#include "io/fail_point_file_system.h"
#include "io/real_file_system.h"
#include "io/real_peer_transport.h"
#include "kv/rocksdb_store.h"
#include "log/core/damage.h"
#include "log/quarantine.h"
#include "log/recovery.h"
#include "runtime/shard_group.h"
#include "runtime/system_clock.h"
#include "runtime/thread_blocking_pool.h"
#include "telemetry/log.h"

namespace forebay::daemon {
namespace {

using telemetry::log_error;
using telemetry::log_info;
using telemetry::log_warn;

// Metadata, in-memory structures and indexes of a partition, counted against memory.limit.
constexpr std::uint64_t kPartitionBytes = 64U << 10;
// For tests of faults on the real disk: src/io/fail_point_file_system.h has the names.
constexpr const char* kFailPointVariable = "FOREBAYD_FAILPOINT";
// Snapshots of a shard, one a second: what walks over all partitions is done in each so many.
constexpr std::uint32_t kReplicationFiguresEvery = 3;
// A probe must not hang on a stuck shard: no answer by then is an answer too.
constexpr auto kReadyTimeout = std::chrono::seconds(1);

std::uint32_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

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

// Runs `work` on the shard and waits for what it returns. Start-up and shutdown only.
template <typename Work>
auto run_on(runtime::Executor& executor, Work work) {
  using R = decltype(work());
  std::promise<R> promise;
  auto future = promise.get_future();
  executor.post([&promise, &work] {
    if constexpr (std::is_void_v<R>) {
      work();
      promise.set_value();
    } else {
      promise.set_value(work());
    }
  });
  return future.get();
}

class WiredNode final : public Node {
 public:
  explicit WiredNode(const config::Settings& settings)
      : settings_(settings),
        shard_count_(config::shard_count(settings, cores())),
        started_(std::chrono::steady_clock::now()),
        pool_(settings.runtime.blocking_threads),
        shards_(shard_count_) {}
  ~WiredNode() override;

  [[nodiscard]] Result<void> open();
  [[nodiscard]] Listening listening() const override;
  [[nodiscard]] Result<void> wait_ready(std::chrono::milliseconds timeout) override;
  [[nodiscard]] Result<void> stop(std::chrono::milliseconds timeout) override;

 private:
  [[nodiscard]] Result<void> open_disk();
  void quarantine_unknown(io::FileSystem& fs, const log::Recovered& recovered);
  void note(const std::string& event, const std::string& note);
  [[nodiscard]] Result<void> open_shards();
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> open_peers();
  [[nodiscard]] Result<void> open_broker();
  [[nodiscard]] Result<void> open_cluster();
  void set_hello(const model::Uuid& cluster);
  void set_peers(const std::map<model::NodeId, io::PeerAddress>& peers);
  void start_controller(Result<partition::Partition*> opened, bool joins,
                        UniqueFunction<void(Result<void>)> ready);
  [[nodiscard]] raft::Peers::Listener peers_listener(std::uint32_t shard);
  [[nodiscard]] Result<void> open_front();
  void start_shard(std::uint32_t index, log::Recovered::Shard recovered);
  void snapshot_shard(std::uint32_t index);
  void tear_down_shards();
  [[nodiscard]] broker::NodeDescription describe() const;
  [[nodiscard]] broker::PeersSeen peers_seen();
  [[nodiscard]] http::Readiness readiness();
  [[nodiscard]] std::uint32_t controller_shard() const {
    return log::shard_of(cluster::cluster_partition(), shard_count_);
  }
  [[nodiscard]] Result<std::vector<broker::UnreadyPartition>> unready(std::chrono::milliseconds timeout);

  config::Settings settings_;
  std::uint32_t shard_count_;
  std::chrono::steady_clock::time_point started_;
  runtime::SystemWallClock clock_;
  runtime::SystemRng rng_;  // main thread and controller's shard, never at the same time
  telemetry::Metrics metrics_;
  std::vector<telemetry::Metrics::Sampled> process_metrics_;
  io::FailPoints fail_points_;  // outlives the file systems
  runtime::ThreadBlockingPool pool_;
  runtime::ShardGroup shards_;
  std::vector<std::unique_ptr<ShardStack>> stacks_;
  io::IoEngine engine_;
  std::optional<log::DataDirectory> directory_;
  log::RecoveryReport report_;
  model::BootEpoch epoch_;
  std::vector<std::string> warnings_;
  std::unique_ptr<broker::DiskWatch> disk_;
  std::unique_ptr<broker::Trash> trash_;
  std::unique_ptr<kv::KeyValueStore> kv_;
  std::unique_ptr<io::PeerNetwork> network_;
  std::unique_ptr<ClusterEntry> entry_;
  std::unique_ptr<cluster::Proposer> proposer_;
  std::unique_ptr<cluster::Controller> controller_;
  std::unique_ptr<broker::NodeBroker> broker_;
  std::unique_ptr<NodeMetrics> node_metrics_;
  std::unique_ptr<api::ApiServer> api_;
  std::unique_ptr<http::HttpServer> http_;
  std::vector<log::Recovered::Shard> recovered_;
  std::atomic<bool> entry_ready_{false};  // entry_ may be asked what it waits for
  bool topics_were_there_ = false;        // recovery found data of some
  bool shards_started_ = false;
  bool stopped_ = false;
};

Result<void> WiredNode::open() {
  process_metrics_ = telemetry::sample_process(metrics_);
  FOREBAY_CHECK(open_disk());
  FOREBAY_CHECK(open_shards());
  FOREBAY_CHECK(open_broker());
  const bool alone = settings_.cluster.nodes.empty();
  // A single node answers when it can serve; one of a cluster while it waits for the others too.
  if (!alone) FOREBAY_CHECK(open_front());
  FOREBAY_CHECK(open_cluster());
  if (alone) FOREBAY_CHECK(open_front());
  log_info("serving", {{"api", listening().api},
                       {"http", listening().http},
                       {"data_dir", settings_.node.data_dir},
                       {"start_ms", std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::steady_clock::now() - started_)
                                        .count()}});
  return {};
}

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

// --- peers
// --------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_peers() {
  std::vector<runtime::Shard*> shards;
  for (std::uint32_t i = 0; i < shard_count_; ++i) shards.push_back(&shards_.at(i));
  FOREBAY_TRY(network_, io::PeerNetwork::listen({settings_.peer.listen.host, settings_.peer.listen.port},
                                                shards, rng_));
  return {};
}

void WiredNode::set_hello(const model::Uuid& cluster) {
  const io::PeerHello hello{.cluster = cluster,
                            .node = model::NodeId(settings_.node.id),
                            .disk = directory_->identity.disk,
                            .incarnation = epoch_.value(),
                            .shard_count = shard_count_};
  for (std::uint32_t i = 0; i < shard_count_; ++i)
    shards_.at(i).post([this, i, hello] { network_->of_shard(i).set_hello(hello); });
}

void WiredNode::set_peers(const std::map<model::NodeId, io::PeerAddress>& peers) {
  for (std::uint32_t i = 0; i < shard_count_; ++i)
    shards_.at(i).post([this, i, peers] { network_->of_shard(i).set_peers(peers); });
}

raft::Peers::Listener WiredNode::peers_listener(std::uint32_t shard) {
  raft::Peers::Listener listener;
  listener.leads = [this](const model::TopicPartition& id, model::Term term, model::NodeId node) {
    broker_->on_leads(id, term, node);
    if (entry_ && id == cluster::cluster_partition()) entry_->on_leads(term, node);
  };
  if (shard != controller_shard()) return listener;
  listener.appeared = [this](model::NodeId, const io::PeerHello&) {
    if (entry_) entry_->look_again();
  };
  listener.gone = [this](model::NodeId, const Error&) {
    if (entry_) entry_->look_again();
  };
  listener.request = [this](model::NodeId, const std::string& body,
                            UniqueFunction<void(Result<std::string>)> reply) {
    if (!proposer_) return reply(Error{ErrorCode::kUnavailable, "the node is starting; retry", 100});
    proposer_->receive(body, std::move(reply));
  };
  return listener;
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
  stack.peers =
      std::make_unique<raft::Peers>(network_->of_shard(index), shards_.at(index),
                                    raft::PeersConfig{.self = model::NodeId(settings_.node.id),
                                                      .shard_count = shard_count_,
                                                      .heartbeat_interval = settings_.peer.heartbeat_interval,
                                                      .failure_timeout = settings_.peer.failure_timeout});
  stack.peers->set_listener(peers_listener(index));
  partition::PartitionSetConfig set_config;
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
  if (stack.snapshots++ % kReplicationFiguresEvery == 0)
    stack.snapshot.set(stack.meter.measure(*stack.partitions, *stack.peers, shards_.at(index).now()));
  stack.snapshot_timer =
      shards_.at(index).schedule_after(std::chrono::seconds(1), [this, index] { snapshot_shard(index); });
}

// Reads all of it: what is wrong inside of a file shows only then.
Result<std::unique_ptr<kv::KeyValueStore>> open_whole_store(const std::string& path) {
  FOREBAY_TRY(auto store, kv::open_rocksdb_store(path));
  FOREBAY_CHECK(store->scan(kv::KeyRange::all(), [](std::string_view, std::string_view) { return true; }));
  return store;
}

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

// --- metadata
// ----------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_broker() {
  FOREBAY_CHECK(open_store());
  std::vector<broker::ShardHandle> handles;
  for (std::uint32_t i = 0; i < shard_count_; ++i)
    handles.push_back({&shards_.at(i), stacks_[i]->partitions.get()});
  broker::NodeBrokerConfig config;
  const Listening addresses = listening();
  config.self = {.node = model::NodeId(settings_.node.id),
                 .disk = directory_->identity.disk,
                 .api_address = addresses.api,
                 .peer_address = config::peer_address(settings_).to_string(),
                 .http_address = addresses.http,
                 .rack = settings_.cluster.rack,
                 .shard_count = shard_count_,
                 .version = FOREBAY_VERSION,
                 .features = {}};
  if (settings_.api.advertised) config.self.api_address = settings_.api.advertised->to_string();
  config.limits.replication_factor_default = settings_.cluster.replication_factor_default;
  config.topic_defaults = settings_.topic_defaults;
  config.produce_bytes_max = settings_.memory.produce_bytes_max;
  if (settings_.memory.limit > 0) {
    config.limits.memory = cluster::MemoryLimit{settings_.memory.limit,
                                                config::memory_needed(settings_, cores()), kPartitionBytes};
  }
  for (const config::ClusterNode& node : settings_.cluster.nodes)
    config.listed.emplace(node.id, node.peer_address.to_string());
  broker_ = std::make_unique<broker::NodeBroker>(config, std::move(handles), controller_shard(), clock_,
                                                 [this] { return describe(); });
  broker_->use_peers([this] { return peers_seen(); });
  node_metrics_ = std::make_unique<NodeMetrics>(metrics_, *broker_, stacks_, disk_.get());
  broker_->observe_produce(
      [latency = node_metrics_->produce_latency()](runtime::Duration took) { latency.observe(took); });

  return {};
}

Result<void> WiredNode::open_cluster() {
  FOREBAY_TRY(const cluster::ClusterImage stored, cluster::load_image(*kv_));
  auto& home = shards_.at(controller_shard());
  ShardStack& stack = *stacks_[controller_shard()];
  auto ready = std::make_shared<std::promise<Result<void>>>();
  auto opened = ready->get_future();
  home.post([this, &home, &stack, ready, known = stored.cluster_id] {
    disk_->start();
    trash_ = std::make_unique<broker::Trash>(settings_.node.data_dir + "/trash",
                                             settings_.storage.trash_delay, *stack.fs, home, pool_, clock_);
    trash_->start();
    proposer_ = std::make_unique<cluster::Proposer>(*stack.peers, home, [this] { return entry_->leader(); });
    broker_->use_proposer(*proposer_);
    ClusterEntry::Parts parts{
        .self = {model::NodeId(settings_.node.id), directory_->identity.disk},
        .listed = settings_.cluster.nodes,
        .cluster = known,
        .peers = stack.peers.get(),
        .partitions = stack.partitions.get(),
        .set_cluster = [this](const model::Uuid& cluster) { set_hello(cluster); },
        .set_peers = [this](const std::map<model::NodeId, io::PeerAddress>& peers) { set_peers(peers); },
        .opened =
            [this, ready](Result<partition::Partition*> partition, bool joins) {
              start_controller(std::move(partition), joins,
                               [ready](Result<void> started) { ready->set_value(std::move(started)); });
            }};
    entry_ = std::make_unique<ClusterEntry>(std::move(parts));
    entry_ready_.store(true, std::memory_order_release);
    entry_->start();
  });
  if (!settings_.cluster.nodes.empty()) return {};
  return opened.get();
}

void WiredNode::start_controller(Result<partition::Partition*> opened, bool joins,
                                 UniqueFunction<void(Result<void>)> ready) {
  if (!opened) {
    log_error("metadata cannot be served", {{"error", opened.error().to_string()}});
    return ready(opened.error());
  }
  auto& home = shards_.at(controller_shard());
  controller_ = std::make_unique<cluster::Controller>(**opened, *kv_, home, pool_, rng_,
                                                      [this](const cluster::ImagePtr& image) {
                                                        entry_->on_image(*image);
                                                        broker_->on_image(image);
                                                      });
  if (topics_were_there_) controller_->expect_formed();
  if (joins) controller_->join_only();
  controller_->set_alive([this] {
    std::set<log::Voter> alive;
    for (const auto& [node, status] : stacks_[controller_shard()]->peers->nodes()) {
      if (status.links > 0) alive.insert({node, status.hello.disk});
    }
    return alive;
  });
  proposer_->set_controller(controller_.get());
  auto begun = [ready = std::move(ready)](Result<void> started) mutable {
    if (!started) log_error("metadata cannot be served", {{"error", started.error().to_string()}});
    ready(std::move(started));
  };
  if ((*opened)->is_alone()) {
    broker_->start(*controller_, std::move(begun));
  } else {
    broker_->start_among_others(*controller_, std::move(begun));
  }
}

// --- front
// -------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_front() {
  api::ApiOptions api;
  api.listen = settings_.api.listen.to_string();
  api.message_bytes_max = settings_.api.max_message_bytes;
  api.connections_max = settings_.api.max_connections;
  FOREBAY_TRY(api_, api::ApiServer::start(api, *broker_, clock_, &metrics_));
  http::HttpLimits limits;
  limits.connections_max = settings_.http.max_connections;
  FOREBAY_TRY(http_, http::HttpServer::start(settings_.http.listen,
                                             {.readiness = [this] { return readiness(); },
                                              .metrics =
                                                  [this] {
                                                    node_metrics_->choose_busiest();
                                                    return metrics_.render();
                                                  }},
                                             limits));
  const Listening addresses = listening();
  broker_->register_addresses(
      settings_.api.advertised ? settings_.api.advertised->to_string() : addresses.api,
      config::peer_address(settings_).to_string(), addresses.http);
  api_->set_ready(true);
  return {};
}

Listening WiredNode::listening() const {
  config::Address api = settings_.api.listen;
  config::Address http = settings_.http.listen;
  if (api_) api.port = api_->port();
  if (http_) http = http_->address();
  return {api.to_string(), settings_.peer.listen.to_string(), http.to_string()};
}

Result<std::vector<broker::UnreadyPartition>> WiredNode::unready(std::chrono::milliseconds timeout) {
  auto answer = std::make_shared<std::promise<Result<std::vector<broker::UnreadyPartition>>>>();
  auto future = answer->get_future();
  broker_->unready_partitions([answer](Result<std::vector<broker::UnreadyPartition>> unready) {
    answer->set_value(std::move(unready));
  });
  if (future.wait_for(timeout) != std::future_status::ready) {
    return Error{ErrorCode::kTimedOut, "the controller's shard does not answer"};
  }
  return future.get();
}

http::Readiness WiredNode::readiness() {
  if (entry_ready_.load(std::memory_order_acquire)) {
    if (std::string waits = entry_->waits_for(); !waits.empty())
      return {.ready = false, .reason = std::move(waits), .not_ready = {}};
  }
  const auto waiting = unready(kReadyTimeout);
  if (!waiting) return {.ready = false, .reason = waiting.error().to_string(), .not_ready = {}};
  http::Readiness readiness{.ready = waiting->empty(), .reason = {}, .not_ready = {}};
  for (const auto& one : *waiting)
    readiness.not_ready.push_back({one.topic, one.partition.value(), one.reason});
  return readiness;
}

Result<void> WiredNode::wait_ready(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    FOREBAY_TRY(const auto waiting, unready(timeout));
    if (waiting.empty()) return {};
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{ErrorCode::kTimedOut, "topic '" + waiting.front().topic + "' partition " +
                                             std::to_string(waiting.front().partition.value()) + ": " +
                                             waiting.front().reason};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

broker::NodeDescription WiredNode::describe() const {
  broker::NodeDescription node;
  const Listening addresses = listening();
  node.id = model::NodeId(settings_.node.id);
  node.version = FOREBAY_VERSION;
  if (controller_ && controller_->image()) node.cluster_id = controller_->image()->cluster_id.to_string();
  node.disk_id = directory_->identity.disk.to_string();
  node.api_address = addresses.api;
  if (settings_.api.advertised) node.api_advertised = settings_.api.advertised->to_string();
  node.peer_address = addresses.peer;
  node.http_address = addresses.http;
  node.data_dir = settings_.node.data_dir;
  node.io_engine = engine_.to_string();
  node.uptime =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_);
  node.shards = shard_count_;
  node.boot_epoch = epoch_;
  const auto space = disk_->space();
  node.disk_total_bytes = space.total_bytes;
  node.disk_available_bytes = space.available_bytes;
  node.disk_reserve_bytes = disk_->reserve_bytes();
  node.memory_bytes = resident_bytes();
  node.memory_limit_bytes = settings_.memory.limit;
  node.warnings = warnings_;
  if (auto low = disk_->shortage(); !low) node.warnings.push_back(low.error().context);
  for (const auto& stack : stacks_) {
    const auto stats = stack->snapshot.get();
    node.journal_rounds += stats.journal.rounds;
    node.journal_bytes += stats.journal.files * settings_.storage.journal_file_bytes;
    if (stats.journal.stalled)
      node.warnings.emplace_back("the disk has not finished a write for more than a second");
    if (stats.scrub_errors > 0)
      node.warnings.push_back("the scrub found " + std::to_string(stats.scrub_errors) +
                              " damaged places; see: forebay health");
  }
  return node;
}

// On the controller's shard.
broker::PeersSeen WiredNode::peers_seen() {
  broker::PeersSeen seen;
  auto& shard = stacks_[controller_shard()];
  const runtime::TimePoint now = shards_.at(controller_shard()).now();
  for (const auto& [node, status] : shard->peers->nodes()) {
    broker::PeerSeen& peer = seen[node];
    peer.linked = status.links > 0;
    if (!status.away_since) continue;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now - *status.away_since);
    peer.away_since = clock_.now().plus(-ago.count());
  }
  return seen;
}

// --- stop
// --------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::stop(std::chrono::milliseconds timeout) {
  if (stopped_) return {};
  stopped_ = true;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto left = [deadline] {
    return std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(
                                                      deadline - std::chrono::steady_clock::now()));
  };
  api_->set_ready(false);
  broker_->stop_intake();
  api_->shutdown(left() / 4);
  http_.reset();

  auto cluster_stopped = std::make_shared<std::promise<void>>();
  auto stopped = cluster_stopped->get_future();
  shards_.at(controller_shard()).post([this, cluster_stopped] {
    trash_.reset();
    proposer_->stop();
    broker_->stop([cluster_stopped] { cluster_stopped->set_value(); });
  });
  if (stopped.wait_for(left()) != std::future_status::ready)
    return Error{ErrorCode::kTimedOut, "metadata was not written in time"};

  std::vector<std::future<Result<void>>> sealed;
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    sealed.push_back(promise->get_future());
    shards_.at(i).post([stack = stacks_[i].get(), promise] {
      stack->partitions->stop([promise](Result<void> done) { promise->set_value(std::move(done)); });
    });
  }
  for (auto& one : sealed) {
    if (one.wait_for(left()) != std::future_status::ready)
      return Error{ErrorCode::kTimedOut, "the log was not flushed in time"};
    FOREBAY_CHECK(one.get());
  }
  return {};
}

// What is on a shard dies on that shard, and before what it refers to.
void WiredNode::tear_down_shards() {
  if (!shards_started_) return;
  run_on(shards_.at(controller_shard()), [this] {
    trash_.reset();
    proposer_.reset();
    controller_.reset();
  });
  for (std::uint32_t i = 0; i < stacks_.size(); ++i) {
    run_on(shards_.at(i), [this, i] {
      ShardStack& stack = *stacks_[i];
      if (stack.snapshot_timer) shards_.at(i).cancel(*stack.snapshot_timer);
      stack.partitions.reset();
      stack.peers.reset();
      stack.logs.reset();
    });
  }
  network_.reset();
  run_on(shards_.at(0), [this] { disk_.reset(); });
  pool_.shutdown();
  shards_.stop_and_join();
}

WiredNode::~WiredNode() {
  if (api_) {
    if (auto stopped = stop(std::chrono::seconds(5)); !stopped)
      log_warn("not stopped cleanly", {{"error", stopped.error().to_string()}});
  }
  http_.reset();
  api_.reset();
  node_metrics_.reset();
  tear_down_shards();
}

}  // namespace

Result<std::unique_ptr<Node>> Node::start(const config::Settings& settings) {
  auto node = std::make_unique<WiredNode>(settings);
  FOREBAY_CHECK(node->open());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace forebay::daemon
