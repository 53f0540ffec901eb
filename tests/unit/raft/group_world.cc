#include "group_world.h"

#include <utility>

#include "log/data_directory.h"
#include "model/batch_builder.h"

namespace forebay::raft::testing {
namespace {

const model::TopicPartition kGroup{model::Uuid{{9}}, model::PartitionIndex(0)};
constexpr const char* kDataDir = "/data";

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

model::Uuid disk_of(model::NodeId node) {
  model::Uuid disk;
  disk.bytes.fill(static_cast<std::uint8_t>(node.value()));
  return disk;
}

}  // namespace

GroupNode::GroupNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t number)
    : network_(network), id_(number), machine_(scheduler, sim::SimDisk::Options{}) {}

GroupNode::~GroupNode() { kill(); }

void GroupNode::start(const std::vector<model::NodeId>& all) {
  ++life_;
  auto directory = log::open_data_directory(machine_.file_system(), kDataDir, machine_.rng());
  ASSERT_TRUE(directory);
  directory_ = std::make_unique<log::DataDirectory>(*std::move(directory));
  auto recovered = log::recover(
      machine_.file_system(), machine_.rng(),
      {.data_dir = kDataDir, .journal = logs_config().journal, .wall_now = machine_.wall_clock().now()});
  ASSERT_TRUE(recovered) << recovered.error().to_string();
  logs_ = log::make_shard_logs(logs_config(), std::move(recovered->shards[0]), recovered->epoch,
                               machine_.file_system(), machine_.executor(), machine_.pool(),
                               machine_.wall_clock(), machine_.rng());
  if (auto adopted = logs_->adopt(kGroup, {})) {
    log_ = *adopted;
  } else {
    bool made = false;
    logs_->create(kGroup, "topic", {}, [&](Result<log::Log*> log) {
      ASSERT_TRUE(log);
      log_ = *log;
      made = true;
    });
    ASSERT_TRUE(machine_.scheduler().run_until(
        [&] { return made; }, {.steps_max = 1'000'000, .duration_max = std::chrono::minutes(1)}));
  }
  transport_ = network_.attach({id_, 0}, machine_.executor());
  peers_ = std::make_unique<Peers>(*transport_, machine_.executor(), PeersConfig{.self = id_});
  Founding founding;
  for (const model::NodeId node : all) founding.members.voters.push_back({node, disk_of(node)});
  founding.rank = id_.value() - 1;
  auto group = RaftGroup::open(*log_, founding,
                               {.executor = &machine_.executor(),
                                .clock = &machine_.wall_clock(),
                                .rng = &machine_.rng(),
                                .peers = peers_.get(),
                                .self = {id_, disk_of(id_)}},
                               *this);
  ASSERT_TRUE(group) << group.error().to_string();
  group_ = *std::move(group);
  mirror.clear();
  mirror_begin = log_->end();
  transport_->set_hello({.node = id_, .disk = disk_of(id_), .incarnation = life_, .shard_count = 1});
  std::map<model::NodeId, io::PeerAddress> others;
  for (const model::NodeId node : all) {
    if (node != id_) others[node] = {};
  }
  transport_->set_peers(others);
  group_->start();
}

void GroupNode::kill() {
  if (!runs()) return;
  network_.process_died(id_, sim::SimNetwork::Death::kProcess);
  group_.reset();
  peers_.reset();
  transport_.reset();
  logs_.reset();
  log_ = nullptr;
  directory_.reset();
  machine_.kill_and_restart(sim::Landing::kSeeded);
}

void GroupNode::append(int records, std::size_t value_bytes) {
  model::BatchBuilder builder;
  const std::string value(value_bytes, 'v');
  for (int i = 0; i < records; ++i) {
    model::NewRecord record;
    record.value = as_bytes(value);
    ASSERT_TRUE(builder.append(record));
  }
  const auto batch = builder.build(model::Codec::kNone);
  ASSERT_TRUE(batch);
  group_->append_records(std::string(as_text(*batch)), records, false);
}

void GroupNode::on_commit(model::LogPosition commit) {
  const model::LogPosition begin = log_->log_start_upto(commit);
  if (begin > log_->log_start()) log_->set_log_start(begin, [](const Result<void>&) {});
}

void GroupNode::on_frame(const log::Frame& frame) {
  const model::LogPosition end = mirror.empty() ? mirror_begin : mirror.back().end;
  EXPECT_EQ(frame.header.begin, end);
  EXPECT_EQ(log_->end(), frame.header.end) << "right behind the append";
  mirror.push_back({frame.header.begin, frame.header.end, frame.header.term});
}

void GroupNode::on_truncated(model::LogPosition to) {
  ++truncations;
  EXPECT_EQ(log_->end(), to);
  while (!mirror.empty() && mirror.back().begin >= to) mirror.pop_back();
  if (mirror.empty()) mirror_begin = std::min(mirror_begin, to);
}

void GroupNode::on_installed(const log::LogBase& base) {
  ++installs;
  EXPECT_EQ(log_->end(), base.begin);
  mirror.clear();
  mirror_begin = base.begin;
  states_at_install.clear();
  for (const std::string& path : disk().files()) {
    if (path.ends_with(".state")) states_at_install.push_back(path.substr(path.rfind('/') + 1));
  }
}

Result<std::optional<log::StateSnapshot>> GroupNode::state_for_install() {
  ++states_asked;
  if (!state) return std::optional<log::StateSnapshot>();
  return state();
}

GroupWorld::GroupWorld(std::uint64_t seed) : scheduler_({.seed = seed}), network_(scheduler_, {}) {
  for (const model::NodeId id : ids_)
    nodes_.push_back(std::make_unique<GroupNode>(scheduler_, network_, id.value()));
}

GroupWorld::~GroupWorld() { nodes_.clear(); }

GroupNode* GroupWorld::leader() {
  GroupNode* found = nullptr;
  const bool there = run_until([&] {
    for (const auto& node : nodes_) {
      if (node->leads()) found = node.get();
    }
    return found != nullptr;
  });
  return there ? found : nullptr;
}

bool GroupWorld::settle() {
  GroupNode* first = leader();
  if (first == nullptr) return false;
  return run_until([&] {
    for (const auto& node : nodes_) {
      if (!node->runs()) continue;
      const model::LogPosition end = first->log().end();
      if (node->log().end() != end || node->log().flushed() != end || node->group().commit() != end)
        return false;
    }
    return true;
  });
}

void GroupWorld::trim(GroupNode& leader) {
  for (int i = 0; i < 10; ++i) leader.append(3);
  ASSERT_TRUE(settle());
  const model::LogPosition begin = leader.log().end();
  leader.append(1);
  leader.group().append_control(log::LogStart{begin});
  ASSERT_TRUE(settle());
  ASSERT_TRUE(run_until([&] { return leader.log().log_start() == begin; }));
}

void GroupWorld::check_mirrors() {
  for (const auto& node : nodes_) {
    if (!node->runs()) continue;
    std::vector<GroupNode::Seen> there;
    bool answered = false;
    log::Log& log = node->log();
    log.read_frames({.from = node->mirror_begin,
                     .upto = log.end(),
                     .bytes_max = 64U << 20,
                     .first = log::FirstFrame::kAfterTrimmed},
                    [&](const Result<std::vector<log::FramePtr>>& frames) {
                      answered = true;
                      ASSERT_TRUE(frames) << frames.error().to_string();
                      for (const log::FramePtr& frame : *frames)
                        there.push_back({frame->header.begin, frame->header.end, frame->header.term});
                    });
    ASSERT_TRUE(run_until([&] { return answered; }));
    auto seen = node->mirror;
    std::erase_if(seen, [&](const GroupNode::Seen& one) { return one.end <= log.log_start(); });
    EXPECT_EQ(seen.size(), there.size()) << "node " << node->id().value();
    EXPECT_TRUE(seen == there) << "node " << node->id().value();
  }
}

}  // namespace forebay::raft::testing
