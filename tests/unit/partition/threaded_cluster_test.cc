// Three nodes in one process with all their threads: two shards each, the real disk, TCP on loopback,
// replicated partitions that are written, compacted, and left alone by a node that dies and comes back. What
// is tried here is what threads share; what the protocol does under faults the simulator tries.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "io/real_file_system.h"
#include "io/real_peer_transport.h"
#include "log/recovery.h"
#include "log/shard_logs.h"
#include "model/batch_builder.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "runtime/shard_group.h"
#include "runtime/system_clock.h"
#include "runtime/thread_blocking_pool.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kShards = 2;
constexpr std::uint32_t kNodes = 3;
constexpr std::int32_t kPartitions = 4;
constexpr auto kPatience = 120s;  // of a busy machine under a sanitizer

model::TopicPartition partition_id(std::int32_t index) {
  model::TopicPartition id;
  id.topic.bytes[0] = 1;
  id.partition = model::PartitionIndex(index);
  return id;
}
std::size_t shard_of(std::int32_t partition) { return static_cast<std::size_t>(partition) % kShards; }

std::string batch_of(const std::string& key, const std::optional<std::string>& value) {
  model::BatchBuilder builder;
  model::NewRecord record{.key = as_bytes(key), .timestamp = model::Timestamp(1'000)};
  if (value) record.value = as_bytes(*value);
  EXPECT_TRUE(builder.append(record));
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
}

template <typename T>
T must(Result<T> result) {
  if (!result) ADD_FAILURE() << result.error().to_string();
  return std::move(result).value();
}

// Posted, and waited for.
template <typename F>
void run_on(runtime::Shard& shard, F task) {
  std::promise<void> done;
  shard.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

class ThreadedNode {
 public:
  ThreadedNode(std::uint32_t id, std::string data_dir) : id_(id), data_dir_(std::move(data_dir)) {}
  ~ThreadedNode() { stop(); }

  // Recovers what is there, and listens. Nobody is spoken to before join().
  void start(std::uint16_t port) {
    shards_ = std::make_unique<runtime::ShardGroup>(kShards);
    pool_ = std::make_unique<runtime::ThreadBlockingPool>(2);
    log::ShardLogsConfig config;
    config.data_dir = data_dir_;
    config.journal.file_bytes = 4U << 20;
    config.journal.files_max = 4;
    config.journal.round_bytes_max = 256U << 10;
    config.journal.frame_bytes_max = 256U << 10;
    config.cache_bytes_max = 64U << 10;
    config.segment_write_bytes = 4U << 10;
    config.scrub_bytes_per_second = 1U << 20;
    std::vector<runtime::Shard*> shards;
    for (std::size_t i = 0; i < kShards; ++i) {
      stacks_.push_back({});
      stacks_[i].fs = must(io::make_real_file_system(shards_->at(i), {}));
      shards.push_back(&shards_->at(i));
    }
    disk_ = must(log::open_data_directory(*stacks_[0].fs, data_dir_, rng_)).identity.disk;
    auto recovered = must(log::recover(*stacks_[0].fs, rng_,
                                       {.data_dir = data_dir_,
                                        .shard_count = kShards,
                                        .journal = config.journal,
                                        .wall_now = clock_.now()}));
    shards_->start();
    network_ = must(io::PeerNetwork::listen({"127.0.0.1", port}, shards, rng_));
    for (std::size_t i = 0; i < kShards; ++i) {
      run_on(shards_->at(i),
             [&] { start_shard(i, config, std::move(recovered.shards[i]), recovered.epoch); });
    }
  }

  void join(const std::vector<log::Voter>& founders, const std::map<model::NodeId, io::PeerAddress>& peers,
            Expected expected) {
    const io::PeerHello hello{.node = id_, .disk = disk_, .incarnation = ++lives_, .shard_count = kShards};
    for (std::size_t i = 0; i < kShards; ++i) {
      run_on(shards_->at(i), [&] {
        for (std::int32_t p = 0; p < kPartitions; ++p) {
          if (shard_of(p) == i) open(p, founders, expected);
        }
        network_->of_shard(i).set_hello(hello);
        network_->of_shard(i).set_peers(peers);
      });
    }
  }

  void stop() {
    if (!shards_) return;
    for (std::size_t i = 0; i < kShards; ++i) {
      run_on(shards_->at(i), [&] {
        stacks_[i].set.reset();
        stacks_[i].peers.reset();
        stacks_[i].logs.reset();
      });
    }
    network_.reset();
    pool_->shutdown();
    shards_->stop_and_join();
    stacks_.clear();
    pool_.reset();
    shards_.reset();
  }

  // Nothing while it does not lead.
  std::optional<ProduceAck> produce(std::int32_t partition, const std::string& batch) {
    auto answer = std::make_shared<std::promise<Result<ProduceAck>>>();
    auto acked = answer->get_future();
    shards_->at(shard_of(partition)).post([this, partition, batch, answer] {
      Partition* const found = stacks_[shard_of(partition)].set->find(partition_id(partition));
      if (found == nullptr) return answer->set_value(Error{ErrorCode::kNotYet, "not open"});
      found->produce(batch, 1, Acks::kAll, 5s,
                     [answer](Result<ProduceAck> ack) { answer->set_value(std::move(ack)); });
    });
    const auto ack = acked.get();
    return ack ? std::optional(*ack) : std::nullopt;
  }
  [[nodiscard]] model::LogPosition committed(std::int32_t partition) {
    model::LogPosition commit;
    on(partition,
       [&](Partition& found) { commit = std::min(found.group().commit(), found.log().flushed()); });
    return commit;
  }
  [[nodiscard]] log::ShardLogsStats stats(std::size_t shard) {
    log::ShardLogsStats stats;
    run_on(shards_->at(shard), [&] { stats = stacks_[shard].logs->stats(); });
    return stats;
  }
  [[nodiscard]] log::Voter voter() const { return {id_, disk_}; }
  [[nodiscard]] io::PeerAddress address() const { return network_->address(); }

 private:
  struct Stack {
    std::unique_ptr<io::FileSystem> fs;
    std::unique_ptr<log::ShardLogs> logs;
    std::unique_ptr<raft::Peers> peers;
    std::unique_ptr<PartitionSet> set;
  };

  void start_shard(std::size_t index, const log::ShardLogsConfig& config, log::Recovered::Shard recovered,
                   model::BootEpoch epoch) {
    Stack& stack = stacks_[index];
    runtime::Shard& shard = shards_->at(index);
    stack.logs =
        log::make_shard_logs(config, std::move(recovered), epoch, *stack.fs, shard, *pool_, clock_, rng_);
    stack.peers = std::make_unique<raft::Peers>(network_->of_shard(index), shard,
                                                raft::PeersConfig{.self = id_, .shard_count = kShards});
    stack.set = std::make_unique<PartitionSet>(
        *stack.logs, shard, clock_, voter(),
        PartitionSetConfig{.maintenance_interval = 20ms, .peers = stack.peers.get(), .rng = &rng_},
        [](std::uint64_t) { return Result<void>(); });
  }

  void open(std::int32_t partition, const std::vector<log::Voter>& founders, Expected expected) {
    PartitionConfig config;
    config.log.cleanup = log::CleanupPolicy::kCompact;
    config.log.segment_bytes = 16U << 10;
    config.log.min_cleanable_dirty_ratio = 0.1;
    config.log.delete_retention_ms = 0;
    raft::Founding founding;
    founding.members.voters = founders;
    founding.rank = (id_.value() + static_cast<std::uint32_t>(partition)) % kNodes;
    stacks_[shard_of(partition)].set->open(partition_id(partition), "topic", config, founding, expected,
                                           [](const Result<std::monostate>&) {});
  }
  template <typename F>
  void on(std::int32_t partition, F task) {
    run_on(shards_->at(shard_of(partition)), [&] {
      Partition* const found = stacks_[shard_of(partition)].set->find(partition_id(partition));
      if (found != nullptr) task(*found);
    });
  }

  const model::NodeId id_;
  const std::string data_dir_;
  runtime::SystemRng rng_;
  runtime::SystemWallClock clock_;
  model::Uuid disk_;
  std::uint64_t lives_ = 0;
  std::unique_ptr<runtime::ShardGroup> shards_;
  std::unique_ptr<runtime::ThreadBlockingPool> pool_;
  std::unique_ptr<io::PeerNetwork> network_;
  std::vector<Stack> stacks_;
};

class ThreadedCluster : public testing::Test {
 protected:
  ThreadedCluster() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forebay-threads-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    for (std::uint32_t i = 0; i < kNodes; ++i) {
      nodes_.push_back(std::make_unique<ThreadedNode>(i + 1, directory_ + "/" + std::to_string(i + 1)));
      nodes_[i]->start(0);
      peers_[model::NodeId(i + 1)] = nodes_[i]->address();
      founders_.push_back(nodes_[i]->voter());
    }
    for (std::size_t i = 0; i < kNodes; ++i) join(i, Expected::kMayBeNew);
  }
  ~ThreadedCluster() override {
    nodes_.clear();
    std::filesystem::remove_all(directory_);
  }

  void join(std::size_t node, Expected expected) {
    auto others = peers_;
    others.erase(founders_[node].node);
    nodes_[node]->join(founders_, others, expected);
  }
  // To whoever leads, of all but `absent`. Returns: where the partition ends.
  model::LogPosition produce(std::int32_t partition, int records, std::optional<std::size_t> absent) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::size_t node = 0;
    for (int left = records; left > 0;) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "nobody takes records of partition " << partition;
        return {};
      }
      const std::string key = "key" + std::to_string(left % 7);
      const auto value = left % 5 == 0 ? std::nullopt : std::optional(std::string(700, 'v'));
      if (node != absent && nodes_[node]->produce(partition, batch_of(key, value))) {
        --left;
        continue;
      }
      node = (node + 1) % kNodes;
      std::this_thread::sleep_for(5ms);
    }
    model::LogPosition end;
    for (std::size_t i = 0; i < kNodes; ++i) {
      if (i != absent) end = std::max(end, nodes_[i]->committed(partition));
    }
    return end;
  }
  // From one thread for each partition.
  std::vector<model::LogPosition> produce_to_all(int records, std::optional<std::size_t> absent = {}) {
    std::vector<std::future<model::LogPosition>> ends;
    for (std::int32_t p = 0; p < kPartitions; ++p)
      ends.push_back(std::async(std::launch::async, [=, this] { return produce(p, records, absent); }));
    std::vector<model::LogPosition> all;
    for (auto& end : ends) all.push_back(end.get());
    return all;
  }
  template <typename Predicate>
  static bool wait_for(Predicate predicate) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!predicate()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }
  bool all_have(const std::vector<model::LogPosition>& ends) {
    for (const auto& node : nodes_) {
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        if (node->committed(p) < ends[static_cast<std::size_t>(p)]) return false;
      }
    }
    return true;
  }

  std::string directory_;
  std::vector<std::unique_ptr<ThreadedNode>> nodes_;
  std::vector<log::Voter> founders_;
  std::map<model::NodeId, io::PeerAddress> peers_;
};

TEST_F(ThreadedCluster, ReplicatesCompactsAndTakesANodeBack) {
  auto ends = produce_to_all(60);
  ASSERT_TRUE(wait_for([&] { return all_have(ends); }));
  constexpr std::size_t kAbsent = 1;
  const std::uint16_t port = nodes_[kAbsent]->address().port;
  nodes_[kAbsent]->stop();
  ends = produce_to_all(60, kAbsent);
  nodes_[kAbsent]->start(port);
  join(kAbsent, Expected::kThere);
  ends = produce_to_all(60);
  ASSERT_TRUE(wait_for([&] { return all_have(ends); }));
  for (std::size_t node = 0; node < kNodes; ++node) {
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      EXPECT_TRUE(wait_for([&] { return nodes_[node]->stats(shard).compacted_files > 0; }))
          << "node " << node + 1 << ", shard " << shard;
    }
  }
}

// Messages, reads and writes are on their way, and nothing of them may arrive in what is gone.
TEST_F(ThreadedCluster, EndsInTheMiddleOfEverything) {
  static_cast<void>(produce_to_all(5));
  auto producing = std::async(std::launch::async, [this] { return produce(0, 40, 2); });
  nodes_[2]->stop();
  EXPECT_GT(producing.get(), model::LogPosition{});
}

}  // namespace
}  // namespace forebay::partition
