#include "metadata_cluster.h"

#include <algorithm>
#include <utility>

namespace forebay::cluster {
namespace {

const std::string kDataDir = "/data";
constexpr auto kProposalTimeout = std::chrono::minutes(5);

log::ShardLogsConfig logs_config() {
  log::ShardLogsConfig config;
  config.data_dir = kDataDir;
  config.journal.file_bytes = 1U << 20;
  config.journal.files_max = 4;
  config.journal.round_bytes_max = 64U << 10;
  config.journal.round_partition_bytes = 16U << 10;
  config.journal.frame_bytes_max = 128U << 10;
  return config;
}

}  // namespace

MetadataNode::MetadataNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t id,
                           std::uint32_t count)
    : scheduler_(scheduler), network_(network), id_(id), count_(count) {
  lose_disk();
}

void MetadataNode::lose_disk() {
  if (machine_) former_.push_back(std::move(machine_));
  machine_ = std::make_unique<sim::SimMachine>(scheduler_, sim::SimDisk::Options{});
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  store_lost_ = false;
}

MetadataNode::~MetadataNode() {
  if (is_up()) network_.process_died(id_, sim::SimNetwork::Death::kProcess);
  tear_down();
}

BrokerRegistration MetadataNode::registration() const {
  return {.node = id_,
          .disk = disk_,
          .peer_address = "n" + std::to_string(id_.value()),
          .rack = {},
          .version = version_,
          .features = features_};
}

void MetadataNode::start() {
  ++life_;
  auto directory = log::open_data_directory(machine_->file_system(), kDataDir, machine_->rng());
  ASSERT_TRUE(directory) << directory.error().to_string();
  directory_ = std::make_unique<log::DataDirectory>(std::move(*directory));
  disk_ = directory_->identity.disk;
  const log::ShardLogsConfig config = logs_config();
  auto recovered = log::recover(machine_->file_system(), machine_->rng(),
                                {.data_dir = kDataDir,
                                 .shard_count = 1,
                                 .journal = config.journal,
                                 .wall_now = machine_->wall_clock().now()});
  ASSERT_TRUE(recovered) << recovered.error().to_string();
  logs_ =
      log::make_shard_logs(config, std::move(recovered->shards[0]), recovered->epoch, machine_->file_system(),
                           machine_->executor(), machine_->pool(), machine_->wall_clock(), machine_->rng());
  transport_ = network_.attach({id_, 0}, machine_->executor());
  raft::PeersConfig peers_config;
  peers_config.self = id_;
  peers_ = std::make_unique<raft::Peers>(*transport_, machine_->executor(), peers_config);
  partition::PartitionSetConfig set_config;
  set_config.peers = peers_.get();
  set_config.rng = &machine_->rng();
  set_ =
      std::make_unique<partition::PartitionSet>(*logs_, machine_->executor(), machine_->wall_clock(), voter(),
                                                set_config, [](std::uint64_t) -> Result<void> { return {}; });
  voters_ = std::make_unique<VoterKeeper>(voter(), *set_, *peers_, machine_->executor());
  auto store = kv::open_memory_store(store_disk_);
  ASSERT_TRUE(store) << store.error().to_string();
  store_ = std::move(*store);
  proposer_ = std::make_unique<Proposer>(
      *peers_, machine_->executor(),
      [this]() -> std::optional<model::NodeId> { return log() == nullptr ? std::nullopt : log()->leader(); });
  raft::Peers::Listener listener;
  listener.leads = [](const model::TopicPartition&, model::Term, model::NodeId) {};
  listener.appeared = [](model::NodeId, const io::PeerHello&) {};
  listener.gone = [](model::NodeId, const Error&) {};
  listener.unknown_group = [](model::NodeId, const model::TopicPartition&) {};
  listener.request = [this](model::NodeId, const std::string& body,
                            UniqueFunction<void(Result<std::string>)> reply) {
    proposer_->receive(body, std::move(reply));
  };
  peers_->set_listener(std::move(listener));
  open_log();
  transport_->set_hello({.cluster = {}, .node = id_, .disk = disk_, .incarnation = life_, .shard_count = 1});
  std::map<model::NodeId, io::PeerAddress> others;
  for (std::uint32_t node = 1; node <= count_; ++node) {
    if (model::NodeId(node) != id_) others[model::NodeId(node)] = {};
  }
  transport_->set_peers(others);
}

// As the daemon does it: who has members goes by its log, the first begins alone, the others are told.
void MetadataNode::open_log() {
  raft::Founding founding;
  const bool known = set_->has_members(cluster_partition());
  if (!known && forms()) founding.members.voters = {voter()};
  partition::PartitionConfig config;
  config.holds_state = true;
  set_->open(cluster_partition(), kClusterTopicName, config, founding, partition::Expected::kMayBeNew,
             [](const Result<std::monostate>&) {});
  set_->when_open(cluster_partition(), [this](Result<partition::Partition*> opened) {
    if (!opened) {
      not_started_ = opened.error();
      return;
    }
    expect_log_within_store(**opened);
    controller_ =
        std::make_unique<Controller>(**opened, *store_, machine_->executor(), machine_->pool(),
                                     machine_->rng(), [this](const ImagePtr& image) { on_image(image); });
    if (!forms()) controller_->join_only();
    controller_->use_peers(*peers_);
    controller_->set_trimming(trimming_);
    controller_->set_alive([this] {
      std::set<log::Voter> alive{voter()};
      for (const auto& [node, status] : peers_->nodes()) {
        if (status.links > 0) alive.insert({node, status.hello.disk});
      }
      return alive;
    });
    if (limits_) controller_->keep_up_with(*limits_);
    proposer_->set_controller(controller_.get());
    controller_->start([this](const Result<void>& ready) {
      if (!ready) not_started_ = ready.error();
    });
    // A node that joins has no image before it is a member, and is none before it is registered.
    proposer_->propose(RegisterBroker{registration()}, kProposalTimeout,
                       [this](const Result<void>& done) { registered_ = done.has_value(); });
  });
}

// Whatever was cut off: what is trimmed here is in the store here.
void MetadataNode::expect_log_within_store(partition::Partition& log) {
  const auto applied = store_->get(kAppliedKey);
  ASSERT_TRUE(applied);
  const std::int64_t stored = *applied ? std::stoll(**applied) : 0;
  store_lost_ = store_lost_ && stored == 0;
  if (store_lost_) return;
  EXPECT_LE(log.log().log_start().next_offset.value(), stored) << "node " << id_.value();
}

std::shared_ptr<kv::MemoryDisk> MetadataNode::copy_store() {
  auto copy = std::make_shared<kv::MemoryDisk>();
  kv::WriteBatch all;
  EXPECT_TRUE(store_->scan(kv::KeyRange::all(), [&](std::string_view name, std::string_view value) {
    all.put(std::string(name), std::string(value));
    return true;
  }));
  EXPECT_TRUE((*kv::open_memory_store(copy))->write(all, kv::Durability::kDurable));
  return copy;
}

void MetadataNode::on_image(const ImagePtr& image) {
  std::set<model::Uuid> retired;
  for (const auto& [disk, node] : image->retired) retired.insert(disk);
  peers_->refuse_disks(retired);
  voters_->on_image(*image);
}

std::string MetadataNode::failure() const {
  if (not_started_) return not_started_->to_string();
  if (!controller_) return {};
  const auto changeable = controller_->check_changeable();
  return changeable ? "" : changeable.error().to_string();
}

void MetadataNode::tear_down() {
  if (proposer_) proposer_->set_controller(nullptr);
  controller_.reset();
  proposer_.reset();
  voters_.reset();
  set_.reset();
  peers_.reset();
  transport_.reset();
  logs_.reset();
  store_.reset();
  directory_.reset();
}

void MetadataNode::die(End how) {
  network_.process_died(
      id_, how == End::kPower ? sim::SimNetwork::Death::kPower : sim::SimNetwork::Death::kProcess);
  tear_down();
  if (how == End::kPower) {
    machine_->reboot(sim::Landing::kSeeded);
    store_disk_->crash();
  } else {
    machine_->kill_and_restart(sim::Landing::kSeeded);
  }
}

MetadataCluster::MetadataCluster(std::uint64_t seed, std::uint32_t count,
                                 const sim::SimNetwork::Options& network)
    : scheduler_({.seed = seed}), network_(scheduler_, network) {
  for (std::uint32_t id = 1; id <= count; ++id)
    nodes_.push_back(std::make_unique<MetadataNode>(scheduler_, network_, id, count));
}

void MetadataCluster::start_all() {
  for (const auto& one : nodes_) {
    if (!one->is_up()) one->start();
  }
}

MetadataNode* MetadataCluster::leader() {
  MetadataNode* found = nullptr;
  for (const auto& one : nodes_) {
    if (!one->leads()) continue;
    // Who is cut off believes for a while that it still leads.
    if (found == nullptr || one->log()->term() > found->log()->term()) found = one.get();
  }
  return found;
}

void MetadataCluster::set_trimming(const Trimming& trimming) {
  for (const auto& one : nodes_) one->set_trimming(trimming);
}

void MetadataCluster::isolate(MetadataNode& one) {
  for (const auto& other : nodes_) {
    if (other.get() == &one) continue;
    network_.cut(one.id(), other->id());
    network_.cut(other->id(), one.id());
  }
}

bool MetadataCluster::converged() {
  MetadataNode* first = leader();
  if (first == nullptr || !first->image()) return false;
  const auto end = first->log()->watermarks().high_watermark;
  const log::Membership& members = first->log()->group().committed_membership();
  if (members.voters.size() != std::min(nodes_.size(), kMetadataVotersMax) ||
      members.voters.size() + members.learners.size() != nodes_.size() || !members.next_voters.empty())
    return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& one) {
    return one->is_up() && one->image() && one->image()->applied == end &&
           one->image()->broker(one->id()) != nullptr;
  });
}

std::string MetadataCluster::state() {
  std::string text;
  for (const auto& one : nodes_) {
    text += "node " + std::to_string(one->id().value()) + ": ";
    partition::Partition* log = one->log();
    if (log == nullptr) {
      text += one->is_up() ? "not open\n" : "down\n";
      continue;
    }
    const log::Membership& members = log->group().membership();
    const auto number = [](std::size_t count) { return std::to_string(count); };
    text += (one->leads() ? "leads" : "follows " + number(log->leader() ? log->leader()->value() : 0)) +
            " term " + number(log->term().value()) + " commit " + log->group().commit().to_string() +
            " flushed " + log->log().flushed().to_string() + " end " + log->log().end().to_string() +
            " applied " +
            (one->image() ? number(static_cast<std::size_t>(one->image()->applied.value())) : "nothing") +
            " members " + number(members.voters.size()) + "/" + number(members.next_voters.size()) + "/" +
            number(members.learners.size()) + " waits for '" + log->membership_waits_for() + "' failure '" +
            one->failure() + "'\n";
  }
  return text;
}

void MetadataCluster::expect_agreement() {
  const ImagePtr first = nodes_.front()->image();
  ASSERT_NE(first, nullptr);
  for (const auto& one : nodes_) {
    EXPECT_EQ(one->failure(), "");
    const ImagePtr image = one->image();
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(image->cluster_id, first->cluster_id);
    EXPECT_EQ(image->applied, first->applied);
    EXPECT_EQ(image->brokers, first->brokers);
    EXPECT_EQ(image->producer_names.all(), first->producer_names.all());
    EXPECT_EQ(image->next_producer_id, first->next_producer_id);
    ASSERT_EQ(image->topics.size(), first->topics.size());
    for (const auto& [name, topic] : first->topics) EXPECT_EQ(*image->topics.at(name), *topic);
  }
}

Controller::Decide creating(const std::string& name, model::TopicId id, std::uint32_t copies) {
  return [name, id, copies](const ClusterImage& image) -> Result<ClusterRecord> {
    FOREBAY_TRY(
        auto created,
        decide_create(
            image,
            {.name = name, .replication_factor = copies, .config = {}, .allow_single_copy = copies == 1}, id,
            {}));
    return ClusterRecord(std::move(created));
  };
}

Result<ImagePtr> MetadataCluster::create(MetadataNode& on, const std::string& name, std::uint32_t copies) {
  auto result = std::make_shared<std::optional<Result<ImagePtr>>>();
  on.controller()->submit(creating(name, on.controller()->new_id(), copies),
                          [result](Result<ImagePtr> image) { *result = std::move(image); });
  if (!run_until([&] { return result->has_value(); })) return Error{ErrorCode::kInternal, "no answer"};
  return **result;
}

}  // namespace forebay::cluster
