#include "replica_world.h"

#include <utility>

namespace forebay::partition {
namespace {

log::ShardLogsConfig logs_config() {
  log::ShardLogsConfig config;
  config.data_dir = kDataDir;
  config.journal.file_bytes = 512U << 10;
  config.journal.files_max = 4;
  config.journal.round_bytes_max = 32U << 10;
  config.journal.round_partition_bytes = 16U << 10;
  config.journal.frame_bytes_max = 64U << 10;
  config.scrub_bytes_per_second = 0;
  return config;
}

log::Voter voter_of(model::NodeId node) {
  log::Voter voter{node, {}};
  voter.disk.bytes.fill(static_cast<std::uint8_t>(node.value()));
  return voter;
}

}  // namespace

ReplicaNode::ReplicaNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t number)
    : network_(network), id_(number), machine_(scheduler, sim::SimDisk::Options{}) {}

void ReplicaNode::start(const std::vector<model::NodeId>& all, const ProducerLimits& producers) {
  ++life_;
  auto directory = log::open_data_directory(machine_.file_system(), kDataDir, machine_.rng());
  ASSERT_TRUE(directory) << directory.error().to_string();
  directory_ = std::make_unique<log::DataDirectory>(*std::move(directory));
  auto recovered = log::recover(
      machine_.file_system(), machine_.rng(),
      {.data_dir = kDataDir, .journal = logs_config().journal, .wall_now = machine_.wall_clock().now()});
  ASSERT_TRUE(recovered) << recovered.error().to_string();
  logs_ = log::make_shard_logs(logs_config(), std::move(recovered->shards[0]), recovered->epoch,
                               machine_.file_system(), machine_.executor(), machine_.pool(),
                               machine_.wall_clock(), machine_.rng());
  transport_ = network_.attach({id_, 0}, machine_.executor());
  peers_ = std::make_unique<raft::Peers>(*transport_, machine_.executor(), raft::PeersConfig{.self = id_});
  PartitionSetConfig config;
  config.peers = peers_.get();
  config.rng = &machine_.rng();
  config.producers = producers;
  set_ = std::make_unique<PartitionSet>(*logs_, machine_.executor(), machine_.wall_clock(), voter_of(id_),
                                        config, [](std::uint64_t) -> Result<void> { return {}; });
  raft::Founding founding;
  for (const model::NodeId node : all) founding.members.voters.push_back(voter_of(node));
  founding.rank = id_.value() - 1;
  set_->open(topic_partition(1), "topic", {}, founding, Expected::kMayBeNew,
             [](const Result<std::monostate>&) {});
  transport_->set_hello({.node = id_, .disk = voter_of(id_).disk, .incarnation = life_, .shard_count = 1});
  std::map<model::NodeId, io::PeerAddress> others;
  for (const model::NodeId node : all) {
    if (node != id_) others[node] = {};
  }
  transport_->set_peers(others);
}

void ReplicaNode::kill() {
  if (!runs()) return;
  network_.process_died(id_, sim::SimNetwork::Death::kProcess);
  set_.reset();
  peers_.reset();
  transport_.reset();
  logs_.reset();
  directory_.reset();
  machine_.kill_and_restart(sim::Landing::kSeeded);
}

ReplicaWorld::ReplicaWorld(const ProducerLimits& producers, std::uint64_t seed)
    : producers_(producers), scheduler_({.seed = seed}), network_(scheduler_, {}) {
  for (const model::NodeId id : ids_)
    nodes_.push_back(std::make_unique<ReplicaNode>(scheduler_, network_, id.value()));
  for (std::size_t i = 0; i < size(); ++i) start(i);
}

ReplicaNode* ReplicaWorld::leader(const ReplicaNode* but) {
  ReplicaNode* found = nullptr;
  const bool there = run_until([&] {
    for (const auto& node : nodes_) {
      if (node.get() != but && node->leads()) found = node.get();
    }
    return found != nullptr;
  });
  return there ? found : nullptr;
}

bool ReplicaWorld::lead(ReplicaNode& node) {
  if (!settle()) return false;
  ReplicaNode* now = leader();
  if (now == &node) return true;
  return now->partition()->group().transfer_to(node.id()) && run_until([&node] { return node.leads(); });
}

void ReplicaWorld::isolate(ReplicaNode& node) {
  for (const model::NodeId other : ids_) {
    if (other == node.id()) continue;
    network_.cut(node.id(), other);
    network_.cut(other, node.id());
  }
}

bool ReplicaWorld::settle() {
  ReplicaNode* first = leader();
  if (first == nullptr) return false;
  return run_until([&] {
    if (!first->leads()) return false;
    const model::LogPosition end = first->partition()->log().end();
    for (const auto& node : nodes_) {
      if (!node->runs()) continue;
      if (node->partition() == nullptr) return false;
      const auto& group = node->partition()->group();
      if (group.commit() != end || node->partition()->log().flushed() != end) return false;
    }
    return true;
  });
}

}  // namespace forebay::partition
