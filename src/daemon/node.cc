#include "daemon/node.h"

#include <utility>

#include "daemon/wired_node.h"
#include "telemetry/log.h"

namespace forebay::daemon {
namespace {

using telemetry::log_info;
using telemetry::log_warn;

// A probe must not hang on a stuck shard: no answer by then is an answer too.
constexpr auto kReadyTimeout = std::chrono::seconds(1);
// Others take over in well under a second; what cannot go must not hold up the stop. Shorter than the time
// after which they would hand leadership back.
constexpr std::chrono::milliseconds kHandOverMax{5'000};
// Of HTTP: while everything is still served, which takes a moment, unless requests wait for what does not
// come; and for the answers that have come by the end to be taken.
constexpr std::chrono::milliseconds kLastRequestsMax{1'000};
constexpr std::chrono::milliseconds kLastAnswersMax{3'000};

}  // namespace

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

// --- front
// -------------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_front() {
  api::ApiOptions api;
  api.listen = settings_.api.listen.to_string();
  api.message_bytes_max = settings_.api.max_message_bytes;
  api.connections_max = settings_.api.max_connections;
  api.one_poller = cores() <= api::kOnePollerCoresMax;
  FOREBAY_TRY(api_, api::ApiServer::start(api, *broker_, clock_, &metrics_));
  http::HttpLimits limits;
  limits.connections_max = settings_.http.max_connections;
  rest_ = std::make_unique<http::RegistryRest>(
      api_->registry(), http::RegistryAbout{.cluster_id = [this] { return broker_->cluster_id(); },
                                            .version = FOREBAY_VERSION});
  http::HttpHandlers handlers;
  handlers.readiness = [this] { return readiness(); };
  handlers.metrics = [this] {
    node_metrics_->choose_busiest();
    node_metrics_->choose_groups();
    return metrics_.render();
  };
  handlers.other = [this](http::Request request, http::Respond respond) {
    return rest_->handle(std::move(request), std::move(respond));
  };
  handlers.other_failed = http::RegistryRest::failed;
  FOREBAY_TRY(http_, http::HttpServer::start(settings_.http.listen, std::move(handlers), limits));
  const Listening addresses = listening();
  broker_->register_addresses(advertised_api(), config::peer_address(settings_).to_string(), addresses.http);
  api_->set_ready(true);
  return {};
}

std::string WiredNode::advertised_api() const {
  config::Address listening = settings_.api.listen;
  if (api_) listening.port = api_->port();
  return config::api_address(settings_, listening).to_string();
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
  node.disk_low_for = disk_->low_for();
  node.memory_bytes = resident_bytes();
  node.memory_limit_bytes = settings_.memory.limit;
  node.move_bytes_per_second = move_rate_.load();
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

// --- stop
// --------------------------------------------------------------------------------------------------------------------

// While requests are still served: for a producer it is a change of leader like any other.
void WiredNode::hand_over(std::chrono::milliseconds most) {
  std::vector<std::future<void>> handed_over;
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    handed_over.push_back(promise->get_future());
    shards_.at(i).post([stack = stacks_[i].get(), promise, most] {
      stack->partitions->hand_over_all(most, [promise] { promise->set_value(); });
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + most;
  for (const auto& one : handed_over) one.wait_until(deadline);
}

// While the partitions still stand: what they hold is written, and need not be applied again at the next
// start.
Result<void> WiredNode::stop_coordinators(std::chrono::steady_clock::time_point deadline) {
  std::vector<std::future<void>> stopped;
  const auto promised = [&stopped] {
    auto promise = std::make_shared<std::promise<void>>();
    stopped.push_back(promise->get_future());
    return [promise] { promise->set_value(); };
  };
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    if (stacks_[i]->coordinators == nullptr) continue;
    shards_.at(i).post([stack = stacks_[i].get(), groups = promised(), schemas = promised()] {
      stack->coordinators->stop(groups);
      stack->registries->stop(schemas);
    });
  }
  for (auto& one : stopped) {
    if (one.wait_until(deadline) != std::future_status::ready)
      return Error{ErrorCode::kTimedOut, "the state of consumer groups and schemas was not written in time"};
  }
  return {};
}

Result<void> WiredNode::stop(std::chrono::milliseconds timeout) {
  if (stopped_) return {};
  stopped_ = true;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto left = [deadline] {
    return std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(
                                                      deadline - std::chrono::steady_clock::now()));
  };
  api_->set_ready(false);
  hand_over(std::min(kHandOverMax, left() / 4));
  const auto drain_http = [&](std::chrono::milliseconds most) {
    if (http_) http_->drain(std::chrono::steady_clock::now() + std::min(most, left() / 4));
  };
  drain_http(kLastRequestsMax);
  broker_->stop_intake();
  api_->shutdown(left() / 4);  // its registry answers what HTTP has asked
  drain_http(kLastAnswersMax);
  http_.reset();

  auto cluster_stopped = std::make_shared<std::promise<void>>();
  auto stopped = cluster_stopped->get_future();
  shards_.at(controller_shard()).post([this, cluster_stopped] {
    trash_.reset();
    if (proposer_) proposer_->stop();  // none where the start ended before the cluster was opened
    broker_->stop([cluster_stopped] { cluster_stopped->set_value(); });
  });
  if (stopped.wait_for(left()) != std::future_status::ready)
    return Error{ErrorCode::kTimedOut, "metadata was not written in time"};
  FOREBAY_CHECK(stop_coordinators(deadline));

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
  // Known a little less after a failure, and counted on.
  if (auto saved = schema_usage_.save(*kv_); !saved)
    log_warn("what is known of the use of schemas was not saved", {{"error", saved.error().to_string()}});
  return {};
}

// What is on a shard dies on that shard, and before what it refers to.
void WiredNode::tear_down_shards() {
  if (!shards_started_) return;
  run_on(shards_.at(controller_shard()), [this] {
    trash_.reset();
    if (entry_) entry_->stop();
    proposer_.reset();
    controller_.reset();
  });
  for (std::uint32_t i = 0; i < stacks_.size(); ++i) {
    run_on(shards_.at(i), [this, i] {
      ShardStack& stack = *stacks_[i];
      if (stack.snapshot_timer) shards_.at(i).cancel(*stack.snapshot_timer);
      stack.coordinators.reset();
      stack.registries.reset();
      stack.partitions.reset();
      stack.peers.reset();
      stack.logs.reset();
    });
  }
  network_.reset();
  run_on(shards_.at(0), [this] { disk_.reset(); });
  schema_pool_.shutdown();
  pool_.shutdown();
  shards_.stop_and_join();
}

WiredNode::~WiredNode() {
  if (api_) {
    if (auto stopped = stop(std::chrono::seconds(5)); !stopped)
      log_warn("not stopped cleanly", {{"error", stopped.error().to_string()}});
  }
  http_.reset();
  rest_.reset();
  api_.reset();
  node_metrics_.reset();
  tear_down_shards();
}

Result<std::unique_ptr<Node>> Node::start(const config::Settings& settings) {
  auto node = std::make_unique<WiredNode>(settings);
  FOREBAY_CHECK(node->open());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace forebay::daemon
