// How the node belongs to a cluster: its peers, its metadata, the broker over both.
#include <algorithm>
#include <set>
#include <utility>

#include "cluster/core/features.h"
#include "cluster/image_store.h"
#include "daemon/wired_node.h"
#include "log/acceptance.h"
#include "telemetry/log.h"

namespace forebay::daemon {
namespace {

using telemetry::log_error;

// Metadata, in-memory structures and indexes of a partition, counted against memory.limit.
constexpr std::uint64_t kPartitionBytes = 64U << 10;

}  // namespace

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
                            .shard_count = shard_count_,
                            .first_listed = settings_.cluster.nodes.empty()
                                                ? model::NodeId()
                                                : model::NodeId(settings_.cluster.nodes.front().id)};
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
  listener.request = [this, shard](model::NodeId, const std::string& body,
                                   UniqueFunction<void(Result<std::string>)> reply) {
    const ShardStack& stack = *stacks_[shard];
    if (!cluster::is_metadata_request(as_bytes(body)) && stack.coordinators != nullptr) {
      if (stack.coordinators->answer(body, reply) || stack.registries->answer(body, reply)) return;
      if (machine::is_state_request(as_bytes(body)))
        return reply(Error{ErrorCode::kNotLeader, "there is no replica of that partition on this node"});
    }
    if (shard != controller_shard() || !proposer_)
      return reply(Error{ErrorCode::kUnavailable, "the node is starting; retry", 100});
    proposer_->receive(body, std::move(reply));
  };
  if (shard != controller_shard()) return listener;
  listener.appeared = [this](model::NodeId, const io::PeerHello&) {
    if (entry_) entry_->look_again();
  };
  listener.gone = [this](model::NodeId, const Error&) {
    if (entry_) entry_->look_again();
  };
  return listener;
}

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

// Any thread. Each shard takes its part.
std::uint64_t WiredNode::set_move_rate(std::uint64_t bytes_per_second) {
  const std::uint64_t before = move_rate_.exchange(bytes_per_second);
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    shards_.at(i).post([stack = stacks_[i].get(), rate = rate_of_shard(bytes_per_second)] {
      if (stack->peers) stack->peers->set_fill_rate(rate);
    });
  }
  telemetry::log_info("rate of moves changed",
                      {{"from_bytes_per_second", before}, {"to_bytes_per_second", bytes_per_second}});
  return before;
}

// Of a rate of the whole node; a small one is no rate without bound.
std::uint64_t WiredNode::rate_of_shard(std::uint64_t bytes_per_second) const {
  return bytes_per_second == 0 ? 0 : std::max<std::uint64_t>(1, bytes_per_second / shard_count_);
}

// On the controller's shard.
void WiredNode::audit(std::string line, broker::Done<std::monostate> done) {
  auto written = std::make_shared<Result<void>>();
  pool_.run(
      [this, line = std::move(line), written] {
        // Blocking calls, as offline.
        auto fs = io::make_real_file_system(shards_.at(controller_shard()),
                                            io::IoEngine{.uring = false, .direct = false, .why = {}});
        *written = fs ? log::append_audit(**fs, settings_.node.data_dir, line) : fs.error();
      },
      shards_.at(controller_shard()),
      [written, done = std::move(done)]() mutable {
        if (!*written) return done(std::move(*written).error());
        done(std::monostate{});
      });
}

// --- metadata
// ----------------------------------------------------------------------------------------------------------------

Result<void> WiredNode::open_broker() {
  FOREBAY_CHECK(open_store());
  std::vector<broker::ShardHandle> handles;
  for (std::uint32_t i = 0; i < shard_count_; ++i) {
    run_on(shards_.at(i), [this, i] { open_coordinators(i); });
    handles.push_back({&shards_.at(i), stacks_[i]->partitions.get(), stacks_[i]->coordinators.get(),
                       stacks_[i]->registries.get()});
  }
  broker::NodeBrokerConfig config;
  const Listening addresses = listening();
  config.self = {.node = model::NodeId(settings_.node.id),
                 .disk = directory_->identity.disk,
                 .api_address = advertised_api(),
                 .peer_address = config::peer_address(settings_).to_string(),
                 .http_address = addresses.http,
                 .rack = settings_.cluster.rack,
                 .shard_count = shard_count_,
                 .version = FOREBAY_VERSION,
                 .features = cluster::spoken_features()};
  config.limits.replication_factor_default = settings_.cluster.replication_factor_default;
  config.limits.moves_max = settings_.cluster.moves_max;
  config.limits.producer_names_max = settings_.cluster.producer_names_max;
  config.topic_defaults = settings_.topic_defaults;
  config.produce_bytes_max = settings_.memory.produce_bytes_max;
  if (settings_.memory.limit > 0) {
    config.limits.memory = cluster::MemoryLimit{settings_.memory.limit,
                                                config::memory_needed(settings_, cores()), kPartitionBytes};
  }
  limits_ = config.limits;
  for (const config::ClusterNode& node : settings_.cluster.nodes)
    config.listed.emplace(node.id, node.peer_address.to_string());
  broker_ = std::make_unique<broker::NodeBroker>(config, std::move(handles), controller_shard(), clock_,
                                                 [this] { return describe(); });
  broker_->use_registry({local_registry_, schemas_, &schema_usage_, &schema_doubts_, &schema_pool_});
  if (auto loaded = schema_usage_.load(*kv_); !loaded)
    telemetry::log_warn("what is known of the use of schemas is lost",
                        {{"error", loaded.error().to_string()}});
  save_schema_usage_later();
  broker_->use_peers([this] { return peers_seen(); });
  broker_->use_audit([this](std::string line, broker::Done<std::monostate> done) {
    audit(std::move(line), std::move(done));
  });
  broker_->use_move_rate([this](std::uint64_t bytes_per_second) { return set_move_rate(bytes_per_second); });
  node_metrics_ = std::make_unique<NodeMetrics>(metrics_, *broker_, stacks_, disk_.get());
  broker_->observe_produce(
      [latency = node_metrics_->produce_latency()](runtime::Duration took) { latency.observe(took); });

  return {};
}

// On the pool. Told once, until it works again.
void WiredNode::save_schema_usage() {
  const auto saved = schema_usage_.save(*kv_);
  if (!saved && !usage_save_failed_)
    telemetry::log_warn("the use of schemas could not be saved, it is tried again in ten seconds",
                        {{"error", saved.error().to_string()}});
  usage_save_failed_ = !saved;
}

// What a crash loses of it is ten seconds.
void WiredNode::save_schema_usage_later() {
  auto& home = shards_.at(controller_shard());
  home.post([this, &home] {
    home.schedule_after(std::chrono::seconds(10), [this, &home] {
      pool_.run([this] { save_schema_usage(); }, home, [this] { save_schema_usage_later(); });
    });
  });
}

void WiredNode::open_coordinators(std::uint32_t shard) {
  ShardStack& stack = *stacks_[shard];
  group::Places::Parts places;
  for (std::uint32_t i = 0; i < shard_count_; ++i)
    places.shards.push_back({&shards_.at(i), stacks_[i]->partitions.get()});
  places.own = shard;
  places.peers = stack.peers.get();
  places.self = model::NodeId(settings_.node.id);
  places.clock = &clock_;
  places.leader = [this](const model::TopicPartition& id) { return broker_->leader_of(id); };
  stack.coordinators = std::make_unique<group::Coordinators>(
      group::Coordinators::Parts{.partitions = stack.partitions.get(),
                                 .store = kv_.get(),
                                 .executor = &shards_.at(shard),
                                 .pool = &pool_,
                                 .clock = &clock_,
                                 .rng = &rng_,
                                 .peers = stack.peers.get(),
                                 .places = std::move(places),
                                 .host = {},
                                 .partitions_per_group_max = settings_.group.partitions_max});
  stack.registries =
      std::make_unique<schema::Registries>(schema::Registries::Parts{.partitions = stack.partitions.get(),
                                                                     .store = kv_.get(),
                                                                     .executor = &shards_.at(shard),
                                                                     .pool = &pool_,
                                                                     .schema_pool = &schema_pool_,
                                                                     .clock = &clock_,
                                                                     .peers = stack.peers.get(),
                                                                     .schemas = schemas_,
                                                                     .local = local_registry_,
                                                                     .host = {}});
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
        .executor = &home,
        .partitions = stack.partitions.get(),
        .set_cluster = [this](const model::Uuid& cluster) { set_hello(cluster); },
        .set_peers = [this](const std::map<model::NodeId, io::PeerAddress>& peers) { set_peers(peers); },
        .refuse_disks =
            [this](const std::set<model::Uuid>& disks) {
              for (std::uint32_t i = 0; i < shard_count_; ++i)
                shards_.at(i).post([stack = stacks_[i].get(), disks] { stack->peers->refuse_disks(disks); });
            },
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
  controller_ = std::make_unique<cluster::Controller>(
      **opened, *kv_, home, pool_, rng_, [this](const cluster::ImagePtr& image) {
        entry_->on_image(*image);
        broker_->on_image(image);
        for (std::uint32_t i = 0; i < shard_count_; ++i) {
          shards_.at(i).post([stack = stacks_[i].get(), image] {
            if (stack->coordinators) stack->coordinators->on_image(*image);
          });
        }
      });
  if (topics_were_there_) controller_->expect_formed();
  if (joins) controller_->join_only();
  controller_->use_peers(*stacks_[controller_shard()]->peers);
  controller_->set_alive([this] {
    std::set<log::Voter> alive{{model::NodeId(settings_.node.id), directory_->identity.disk}};
    for (const auto& [node, status] : stacks_[controller_shard()]->peers->nodes()) {
      if (status.links > 0) alive.insert({node, status.hello.disk});
    }
    return alive;
  });
  controller_->keep_up_with(limits_);
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

}  // namespace forebay::daemon
