// The node behind node.h: the composition root. Its parts are wired in files of their own: what it stores
// (node_storage.cc), how it belongs to a cluster (node_cluster.cc), the front and the end (node.cc).
// Internal to this module.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "api/server.h"
#include "broker/disk_watch.h"
#include "broker/node_broker.h"
#include "broker/trash.h"
#include "cluster/controller.h"
#include "cluster/proposer.h"
#include "daemon/cluster_entry.h"
#include "daemon/node.h"
#include "daemon/node_metrics.h"
#include "daemon/shard_stack.h"
#include "http/http_server.h"
#include "http/registry_rest.h"
#include "io/fail_points.h"
#include "io/real_file_system.h"
#include "io/real_peer_transport.h"
#include "kv/key_value_store.h"
#include "log/recovery.h"
#include "runtime/shard_group.h"
#include "runtime/system_clock.h"
#include "runtime/thread_blocking_pool.h"
#include "schema/doubts.h"
#include "schema/registries.h"
#include "schema/schema_cache.h"
#include "schema/usage_book.h"

namespace forebay::daemon {

[[nodiscard]] inline std::uint32_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

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
        move_rate_(settings.cluster.move_bytes_per_second),
        pool_(settings.runtime.blocking_threads),
        shards_(shard_count_) {}
  ~WiredNode() override;

  [[nodiscard]] Result<void> open();
  [[nodiscard]] Listening listening() const override;
  [[nodiscard]] std::string advertised_api() const;  // HOST:PORT that others are told
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
  void hand_over(std::chrono::milliseconds most);
  std::uint64_t set_move_rate(std::uint64_t bytes_per_second);
  [[nodiscard]] std::uint64_t rate_of_shard(std::uint64_t bytes_per_second) const;
  void audit(std::string line, broker::Done<std::monostate> done);
  void open_coordinators(std::uint32_t shard);
  void save_schema_usage_later();
  void save_schema_usage();
  [[nodiscard]] Result<void> stop_coordinators(std::chrono::steady_clock::time_point deadline);
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
  std::atomic<std::uint64_t> move_rate_;  // of all shards together; 0: no bound
  cluster::Limits limits_;
  runtime::SystemWallClock clock_;
  runtime::SystemRng rng_;  // of all shards: it has no state
  telemetry::Metrics metrics_;
  std::vector<telemetry::Metrics::Sampled> process_metrics_;
  io::FailPoints fail_points_;  // outlives the file systems
  runtime::ThreadBlockingPool pool_;
  // Schemas are parsed and compared for seconds; what is stored must not wait behind that.
  static constexpr std::size_t kSchemaThreads = 2;
  runtime::ThreadBlockingPool schema_pool_{kSchemaThreads};
  runtime::ShardGroup shards_;
  std::vector<std::unique_ptr<ShardStack>> stacks_;
  io::IoEngine engine_;
  std::optional<log::DataDirectory> directory_;
  log::RecoveryReport report_;
  model::BootEpoch epoch_;
  std::vector<std::string> warnings_;
  std::unique_ptr<broker::DiskWatch> disk_;
  std::unique_ptr<broker::Trash> trash_;
  // Parsed schemas: those that a node uses are few, and the largest ones take some megabytes.
  static constexpr std::size_t kParsedSchemasBytesMax = 64U << 20;
  std::shared_ptr<schema::ParsedSchemas> schemas_ =
      std::make_shared<schema::SchemaCache>(kParsedSchemasBytesMax);
  schema::UsageBook schema_usage_;
  bool usage_save_failed_ = false;  // on the pool, one save at a time
  schema::Doubts schema_doubts_;
  std::shared_ptr<schema::LocalRegistry> local_registry_ = std::make_shared<schema::LocalRegistry>();
  std::unique_ptr<kv::KeyValueStore> kv_;
  std::unique_ptr<io::PeerNetwork> network_;
  std::unique_ptr<ClusterEntry> entry_;
  std::unique_ptr<cluster::Proposer> proposer_;
  std::unique_ptr<cluster::Controller> controller_;
  std::unique_ptr<broker::NodeBroker> broker_;
  std::unique_ptr<NodeMetrics> node_metrics_;
  std::unique_ptr<api::ApiServer> api_;
  std::unique_ptr<http::RegistryRest> rest_;  // what the HTTP server asks, and what it asks, outlive it
  std::unique_ptr<http::HttpServer> http_;
  std::vector<log::Recovered::Shard> recovered_;
  std::atomic<bool> entry_ready_{false};  // entry_ may be asked what it waits for
  bool topics_were_there_ = false;        // recovery found data of some
  bool shards_started_ = false;
  bool stopped_ = false;
};

}  // namespace forebay::daemon
