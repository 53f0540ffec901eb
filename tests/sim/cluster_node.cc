#include "sim/cluster_node.h"

#include <set>
#include <utility>

namespace forebay::sim {
namespace {

constexpr runtime::Duration kOpenedLateMax = std::chrono::milliseconds(150);
constexpr std::uint32_t kFullRetryMs = 50;

}  // namespace

ClusterNode::ClusterNode(SimScheduler& scheduler, SimNetwork& network, std::uint32_t index,
                         const NodeSetup& setup, SimDisk::Options disk)
    : network_(network),
      index_(index),
      id_(index + 1),
      setup_(setup),
      machine_(scheduler, disk),
      made_(setup.partitions.size()) {}

ClusterNode::~ClusterNode() { tear_down(); }

Result<void> ClusterNode::boot() {
  ++life_;
  FOREBAY_TRY(auto directory, log::open_data_directory(machine_.file_system(), kNodeDataDir, machine_.rng()));
  directory_ = std::make_unique<log::DataDirectory>(std::move(directory));
  FOREBAY_TRY(auto recovered, log::recover(machine_.file_system(), machine_.rng(),
                                           {.data_dir = kNodeDataDir,
                                            .shard_count = 1,
                                            .journal = setup_.logs.journal,
                                            .wall_now = machine_.wall_clock().now()}));
  report_ = recovered.report;
  disk_identity_ = directory_->identity.disk;
  logs_ = log::make_shard_logs(setup_.logs, std::move(recovered.shards[0]), recovered.epoch,
                               machine_.file_system(), machine_.executor(), machine_.pool(),
                               machine_.wall_clock(), machine_.rng());
  return {};
}

void ClusterNode::make_set() {
  transport_ = network_.attach({id_, 0}, machine_.executor());
  raft::PeersConfig config = setup_.peers;
  config.self = id_;
  peers_ = std::make_unique<raft::Peers>(*transport_, machine_.executor(), config);
  partition::PartitionSetConfig set_config;
  set_config.peers = peers_.get();
  set_config.rng = &machine_.rng();
  set_config.producers = setup_.producers;
  set_config.maintenance_interval = setup_.maintenance_interval;
  if (report_.last_wall_time != model::kNoTimestamp) set_config.last_wall_time = report_.last_wall_time;
  set_ =
      std::make_unique<partition::PartitionSet>(*logs_, machine_.executor(), machine_.wall_clock(), voter(),
                                                set_config, [this](std::uint64_t) { return admission(); });
}

void ClusterNode::join(const std::vector<log::Voter>& founders, std::function<void(std::size_t)> opened) {
  opened_ = std::move(opened);
  make_set();
  for (std::size_t i = 0; i < setup_.partitions.size(); ++i) {
    const std::uint64_t drawn = machine_.rng().next();
    if (drawn % 2 == 0) {
      open(i, founders);
      continue;
    }
    const runtime::Duration late(drawn / 2 % static_cast<std::uint64_t>(kOpenedLateMax.count()));
    machine_.executor().schedule_after(late, [this, i, founders] { open(i, founders); });
  }
  connect(founders);
}

void ClusterNode::connect(const std::vector<log::Voter>& nodes) {
  transport_->set_hello({.node = id_, .disk = disk_identity_, .incarnation = life_, .shard_count = 1});
  std::map<model::NodeId, io::PeerAddress> peers;
  for (const log::Voter& node : nodes) {
    if (node.node != id_) peers[node.node] = {};
  }
  transport_->set_peers(peers);
}

void ClusterNode::join_by_metadata(const std::vector<log::Voter>& nodes, Propose propose) {
  make_set();
  broker::Reconciler::Decisions decisions;
  decisions.deleted = [](model::TopicId) {};
  // Never answered: it is so once and for all, as far as one partition goes.
  decisions.confirm = [propose, self = voter()](model::TopicId topic, std::uint32_t partitions,
                                                const broker::Done<std::monostate>&) {
    propose(cluster::ConfirmPartitions{topic, self, partitions});
  };
  decisions.reached = [propose, self = voter()](const model::TopicPartition& id, std::uint32_t epoch) {
    propose(cluster::ConfirmTarget{id.topic, self, id.partition, epoch});
  };
  decisions.gone = [propose, self = voter()](const model::TopicPartition& id) {
    propose(cluster::ConfirmGone{id.topic, self, id.partition});
  };
  reconciler_ = std::make_unique<broker::Reconciler>(
      voter(), std::vector<broker::ShardHandle>{{&machine_.executor(), set_.get()}}, machine_.executor(),
      std::move(decisions));
  connect(nodes);
}

void ClusterNode::on_image(const cluster::ImagePtr& image) {
  config::TopicConfig config;
  config.segment_bytes = setup_.partition.log.segment_bytes;
  config.index_interval_bytes = setup_.partition.log.index_interval_bytes;
  config.retention.reset();
  const log::LogConfig& log = setup_.partition.log;
  if (log.cleanup == log::CleanupPolicy::kCompact) {
    config.cleanup_policy = config::CleanupPolicy::kCompact;
    config.delete_retention = std::chrono::milliseconds(log.delete_retention_ms);
    config.min_compaction_lag = std::chrono::milliseconds(log.min_compaction_lag_ms);
    config.min_cleanable_dirty_ratio = log.min_cleanable_dirty_ratio;
  }
  if (setup_.partition.durability == partition::Durability::kReplicated)
    config.durability = config::Durability::kReplicated;
  auto table = std::make_shared<broker::RoutingTable>();
  for (const auto& [name, topic] : image->topics) {
    broker::TopicRoute route;
    route.topic = topic;
    route.config = config;
    route.shards.assign(topic->partitions.size(), 0);
    table->topics.emplace(name, std::move(route));
  }
  std::set<model::Uuid> retired;
  for (const auto& [disk, node] : image->retired) retired.insert(disk);
  peers_->refuse_disks(retired);
  reconciler_->apply(image, table, broker::Reconciler::Metadata::kWhole);
}

void ClusterNode::open(std::size_t partition, const std::vector<log::Voter>& founders) {
  const model::TopicPartition& id = setup_.partitions[partition];
  raft::Founding founding;
  founding.members.voters = founders;
  founding.rank = static_cast<std::uint32_t>((index_ + setup_.node_count - partition % setup_.node_count) %
                                             setup_.node_count);
  set_->open(
      id, "topic", setup_.partition, founding,
      made_[partition] ? partition::Expected::kThere : partition::Expected::kMayBeNew,
      [this, partition](const Result<std::monostate>& ready) {
        if (ready) {
          made_[partition] = true;
          return;
        }
        failures_.push_back("partition " + std::to_string(partition) + ": " + ready.error().to_string());
      });
  opened_(partition);
}

partition::Partition* ClusterNode::find(std::size_t partition) const {
  if (set_ == nullptr) return nullptr;
  return set_->find(setup_.partitions[partition]);
}

Result<void> ClusterNode::admission() const {
  if (low_on_disk_) return Error{ErrorCode::kDiskFull, "the disk is below its reserve", kFullRetryMs};
  return {};
}

partition::PartitionSet::HardshipCounts ClusterNode::hardship_counts() const {
  partition::PartitionSet::HardshipCounts counts = earlier_hardship_;
  if (set_ == nullptr) return counts;
  counts.handed_over += set_->hardship_counts().handed_over;
  counts.resigned += set_->hardship_counts().resigned;
  return counts;
}

ClusterNode::DamageCounts ClusterNode::damage_counts() const {
  DamageCounts counts = earlier_damage_;
  if (logs_ == nullptr) return counts;
  const log::ShardLogsStats stats = logs_->stats();
  counts.found += stats.scrub_errors;
  counts.repaired += stats.repairs;
  return counts;
}

partition::Producers::Counts ClusterNode::producer_counts() const {
  partition::Producers::Counts counts = earlier_producers_;
  if (set_ == nullptr) return counts;
  for (const auto& [id, one] : set_->all()) {
    if (one->producers() == nullptr) continue;
    const partition::Producers::Counts& of_one = one->producers()->counts();
    counts.loads += of_one.loads;
    counts.from_snapshot += of_one.from_snapshot;
    counts.from_leader += of_one.from_leader;
    counts.rolled_back += of_one.rolled_back;
  }
  return counts;
}

partition::Producers::Lookups ClusterNode::producer_lookups() const {
  partition::Producers::Lookups lookups = earlier_lookups_;
  if (set_ == nullptr) return lookups;
  for (const auto& [id, one] : set_->all()) {
    if (one->producers() == nullptr) continue;
    lookups.let_go += one->producers()->lookups().let_go;
    lookups.looked_up += one->producers()->lookups().looked_up;
  }
  return lookups;
}

void ClusterNode::tear_down() {
  earlier_hardship_ = hardship_counts();
  earlier_damage_ = damage_counts();
  earlier_producers_ = producer_counts();
  earlier_lookups_ = producer_lookups();
  reconciler_.reset();
  set_.reset();
  installs_before_ = installs();
  peers_.reset();
  transport_.reset();
  logs_.reset();  // as in the daemon: answers what groups were reading when they are gone
  directory_.reset();
}

void ClusterNode::die(End how) {
  network_.process_died(id_, how == End::kPower ? SimNetwork::Death::kPower : SimNetwork::Death::kProcess);
  tear_down();
  switch (how) {
    case End::kKill:
      machine_.kill_and_restart(Landing::kSeeded);
      break;
    case End::kKillWithLateWrites:
      machine_.kill_and_restart_with_late_writes();
      break;
    case End::kPower:
      machine_.reboot(Landing::kSeeded);
      break;
  }
}

}  // namespace forebay::sim
