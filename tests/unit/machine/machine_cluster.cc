#include "machine_cluster.h"

#include <algorithm>
#include <utility>

namespace forebay::machine {
namespace {

const std::string kDataDir = "/data";

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

MachineNode::MachineNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t id)
    : scheduler_(scheduler),
      network_(network),
      id_(id),
      sim_machine_(std::make_unique<sim::SimMachine>(scheduler, sim::SimDisk::Options{})) {
  auto directory = log::open_data_directory(sim_machine_->file_system(), kDataDir, sim_machine_->rng());
  EXPECT_TRUE(directory);
  disk_ = directory->identity.disk;
}

MachineNode::~MachineNode() { shut_down(); }

void MachineNode::shut_down() {
  if (is_up()) network_.process_died(id_, sim::SimNetwork::Death::kProcess);
  tear_down();
}

void MachineNode::start(const log::Membership& founders) {
  ++life_;
  auto directory = log::open_data_directory(sim_machine_->file_system(), kDataDir, sim_machine_->rng());
  ASSERT_TRUE(directory) << directory.error().to_string();
  directory_ = std::make_unique<log::DataDirectory>(std::move(*directory));
  const log::ShardLogsConfig config = logs_config();
  auto recovered = log::recover(sim_machine_->file_system(), sim_machine_->rng(),
                                {.data_dir = kDataDir,
                                 .shard_count = 1,
                                 .journal = config.journal,
                                 .wall_now = sim_machine_->wall_clock().now()});
  ASSERT_TRUE(recovered) << recovered.error().to_string();
  logs_ = log::make_shard_logs(config, std::move(recovered->shards[0]), recovered->epoch,
                               sim_machine_->file_system(), sim_machine_->executor(), sim_machine_->pool(),
                               sim_machine_->wall_clock(), sim_machine_->rng());
  transport_ = network_.attach({id_, 0}, sim_machine_->executor());
  raft::PeersConfig peers_config;
  peers_config.self = id_;
  peers_ = std::make_unique<raft::Peers>(*transport_, sim_machine_->executor(), peers_config);
  partition::PartitionSetConfig set_config;
  set_config.peers = peers_.get();
  set_config.rng = &sim_machine_->rng();
  set_ = std::make_unique<partition::PartitionSet>(*logs_, sim_machine_->executor(),
                                                   sim_machine_->wall_clock(), voter(), set_config,
                                                   [](std::uint64_t) -> Result<void> { return {}; });
  auto store = kv::open_memory_store(store_disk_);
  ASSERT_TRUE(store) << store.error().to_string();
  store_ = std::move(*store);
  raft::Peers::Listener listener;
  listener.leads = [](const model::TopicPartition&, model::Term, model::NodeId) {};
  listener.appeared = [](model::NodeId, const io::PeerHello&) {};
  listener.gone = [](model::NodeId, const Error&) {};
  listener.unknown_group = [](model::NodeId, const model::TopicPartition&) {};
  listener.request = [this](model::NodeId, const std::string& body,
                            UniqueFunction<void(Result<std::string>)> reply) {
    if (answer(body, reply)) return;
    ASSERT_TRUE(is_state_request(as_bytes(body)));
    const auto request = decode_request(as_bytes(body));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->id, machine_partition());
    if (host() == nullptr) return reply(Error{ErrorCode::kUnavailable, "it is starting"});
    reply(host()->answer_state_request(*request));
  };
  peers_->set_listener(std::move(listener));
  open_log(founders);
  transport_->set_hello({.cluster = {}, .node = id_, .disk = disk_, .incarnation = life_, .shard_count = 1});
  std::map<model::NodeId, io::PeerAddress> others;
  for (const log::Voter& other : founders.voters) {
    if (other.node != id_) others[other.node] = {};
  }
  transport_->set_peers(others);
}

void MachineNode::open_log(const log::Membership& founders) {
  raft::Founding founding;
  founding.members = founders;
  founding.rank = id_.value() - 1;
  partition::PartitionConfig config;
  config.holds_state = true;
  config.admission = partition::Admission::kAlways;
  set_->open(machine_partition(), "__test", config, founding, partition::Expected::kMayBeNew,
             [](const Result<std::monostate>&) {});
  set_->when_open(machine_partition(), [this](Result<partition::Partition*> opened) {
    ASSERT_TRUE(opened) << opened.error().to_string();
    // Whatever was cut off: what is trimmed here is in the store here.
    const StoredState had = stored();
    store_lost_ = store_lost_ && had.applied == model::Offset(0);
    if (!store_lost_) {
      EXPECT_LE((*opened)->log().log_start().next_offset, had.applied) << "node " << id_.value();
    }
    open_host(**opened);
  });
}

HostParts MachineNode::host_parts(partition::Partition& log) {
  return {.log = &log,
          .machine = nullptr,
          .store = store_.get(),
          .executor = &sim_machine_->executor(),
          .pool = &sim_machine_->pool(),
          .peers = peers_.get()};
}

void MachineNode::open_host(partition::Partition& log_in) {
  machine_ = std::make_unique<RegisterMachine>();
  HostParts parts = host_parts(log_in);
  parts.machine = machine_.get();
  host_ = std::make_unique<Host>(parts, config_,
                                 Host::Listener{.leads =
                                                    [this](model::Term term) {
                                                      EXPECT_FALSE(told_to_lead_);
                                                      EXPECT_EQ(term, log()->term());
                                                      told_to_lead_ = true;
                                                    },
                                                .lost =
                                                    [this] {
                                                      EXPECT_TRUE(told_to_lead_);
                                                      EXPECT_EQ(host_->in_flight(), 0U);
                                                      told_to_lead_ = false;
                                                    }});
  host_->start();
}

std::string MachineNode::failure() {
  if (host() == nullptr) return "not open";
  if (host()->failure()) return host()->failure()->to_string();
  const auto check = host()->check();
  if (check || check.error().code == ErrorCode::kNotLeader || check.error().code == ErrorCode::kNotYet)
    return {};
  return check.error().to_string();
}

void MachineNode::close_host() {
  host_.reset();
  machine_.reset();
  told_to_lead_ = false;
}

void MachineNode::tear_down() {
  close_host();
  set_.reset();
  peers_.reset();
  transport_.reset();
  logs_.reset();
  store_.reset();
  directory_.reset();
}

void MachineNode::die(End how) {
  network_.process_died(
      id_, how == End::kPower ? sim::SimNetwork::Death::kPower : sim::SimNetwork::Death::kProcess);
  tear_down();
  if (how == End::kPower) {
    sim_machine_->reboot(sim::Landing::kSeeded);
    store_disk_->crash();
  } else {
    sim_machine_->kill_and_restart(sim::Landing::kSeeded);
  }
}

MachineCluster::MachineCluster(std::uint64_t seed, std::uint32_t count,
                               const sim::SimNetwork::Options& network, MakeNode make)
    : scheduler_({.seed = seed}), network_(scheduler_, network) {
  for (std::uint32_t id = 1; id <= count; ++id) {
    nodes_.push_back(make != nullptr ? make(scheduler_, network_, id)
                                     : std::make_unique<MachineNode>(scheduler_, network_, id));
    founders_.voters.push_back(nodes_.back()->voter());
  }
}

void MachineCluster::start_all() {
  for (const auto& one : nodes_) {
    if (!one->is_up()) start(*one);
  }
}

MachineNode* MachineCluster::leader() {
  MachineNode* found = nullptr;
  for (const auto& one : nodes_) {
    if (!one->leads()) continue;
    // Who is cut off believes for a while that it still leads.
    if (found == nullptr || one->log()->term() > found->log()->term()) found = one.get();
  }
  return found;
}

void MachineCluster::isolate(MachineNode& one) {
  for (const auto& other : nodes_) {
    if (other.get() == &one) continue;
    network_.cut(one.id(), other->id());
    network_.cut(other->id(), one.id());
  }
}

bool MachineCluster::settled() {
  MachineNode* first = leader();
  if (first == nullptr) return false;
  const auto end = first->log()->watermarks().high_watermark;
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& one) {
    return !one->is_up() || (one->host() != nullptr && one->host()->applied() == end &&
                             !one->log()->end_is_lost() && one->failure().empty());
  });
}

std::string MachineCluster::state() {
  std::string text;
  for (const auto& one : nodes_) {
    text += "node " + std::to_string(one->id().value()) + ": ";
    partition::Partition* log = one->log();
    if (log == nullptr || one->host() == nullptr) {
      text += one->is_up() ? "not open\n" : "down\n";
      continue;
    }
    text +=
        (one->leads() ? "leads" : "follows " + std::to_string(log->leader() ? log->leader()->value() : 0)) +
        " term " + std::to_string(log->term().value()) + " commit " + log->group().commit().to_string() +
        " flushed " + log->log().flushed().to_string() + " end " + log->log().end().to_string() +
        " applied " + std::to_string(one->host()->applied().value()) + " stored " +
        std::to_string(one->host()->stored().value()) + (log->end_is_lost() ? " end lost" : "") +
        " failure '" + one->failure() + "'\n";
  }
  return text;
}

void MachineCluster::add(const std::string& name) {
  ++added_[name];
  for (;;) {
    ASSERT_TRUE(run_until([&] { return leader() != nullptr; })) << state();
    auto result = std::make_shared<std::optional<Result<model::Offset>>>();
    const auto proposed = leader()->host()->propose(
        {name}, [result](Result<model::Offset> done) { *result = std::move(done); });
    if (proposed) {
      ASSERT_TRUE(run_until([&] { return result->has_value(); })) << state();
      if (**result) return;
    }
    const ErrorCode code = proposed ? (*result)->error().code : proposed.error().code;
    ASSERT_TRUE(code == ErrorCode::kNotYet || code == ErrorCode::kNotLeader ||
                code == ErrorCode::kOutcomeUnknown)
        << state();
    // Who leads next has applied all that may have been promised.
    ASSERT_TRUE(run_until([&] { return leader() != nullptr; })) << state();
    const auto& registers = leader()->machine().registers();
    if (const auto known = registers.find(name); known != registers.end() && known->second == added_[name])
      return;
    scheduler_.run_for(std::chrono::milliseconds(20));
  }
}

void MachineCluster::add(int count) {
  for (int i = 0; i < count && !testing::Test::HasFatalFailure(); ++i)
    add("r" + std::to_string(next_name_++));
}

void MachineCluster::expect_everything() {
  ASSERT_TRUE(run_until([&] { return settled(); }, std::chrono::minutes(2))) << state();
  for (const auto& one : nodes_) {
    if (one->is_up()) {
      EXPECT_EQ(one->machine().registers(), added_) << "node " << one->id().value();
    }
  }
}

}  // namespace forebay::machine
