// A whole broker of one shard in the simulator: to be asked, cut off from power, and started again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "broker/node_broker.h"
#include "cluster/core/features.h"
#include "cluster/core/proposals.h"
#include "kv/memory_store.h"
#include "schema/schema_cache.h"
#include "shard_harness.h"

namespace forebay::broker {

inline constexpr const char* kOtherApi = "other.example:7400";

class BrokerHarness {
 public:
  explicit BrokerHarness(std::uint64_t seed = 1, NodeBrokerConfig config = {})
      : config_(std::move(config)), shard_(seed) {}
  ~BrokerHarness() { tear_down(); }

  // Started, with node 2 registered beside it (which is not there) and a topic of four partitions, a copy
  // each. Node 2 has said that its ones are ready.
  [[nodiscard]] Result<model::TopicId> start_beside_another(const std::string& topic) {
    FOREBAY_CHECK(start());
    FOREBAY_TRY(const auto other, register_another());
    FOREBAY_TRY(const auto created, call<CreateTopicResult>([&](auto done) {
                  broker_->create_topic({.name = topic, .partitions = 4, .replication_factor = 1},
                                        std::move(done));
                  confirm(other, topic, 4);
                }));
    return created.id;
  }
  [[nodiscard]] Result<log::Voter> register_another() {
    cluster::BrokerRegistration other{.node = model::NodeId(2), .features = cluster::spoken_features()};
    other.disk.bytes[0] = 9;
    other.api_address = kOtherApi;
    other.peer_address = "other.example:7401";
    FOREBAY_CHECK(call<std::monostate>([&](auto done) {
      controller_->propose(cluster::RegisterBroker{other},
                           [done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
                             if (!image) return done(std::move(image).error());
                             done(std::monostate{});
                           });
    }));
    return log::Voter{other.node, other.disk};
  }
  // Once the topic is decided: that node has opened its partitions below the number.
  void confirm(const log::Voter& from, const std::string& topic, std::uint32_t partitions) {
    run_until([&] { return controller_->image()->find(topic) != nullptr; });
    controller_->propose(
        cluster::ConfirmPartitions{controller_->image()->find(topic)->id, from, partitions},
        [](const Result<cluster::ImagePtr>& image) { EXPECT_TRUE(image) << image.error().to_string(); });
  }
  [[nodiscard]] Result<void> start() {
    FOREBAY_CHECK(make());
    std::optional<Result<void>> ready;
    broker_->start(*controller_, [&ready](Result<void> started) { ready = std::move(started); });
    run_until([&] { return ready.has_value(); });
    return ready ? *ready : Error{ErrorCode::kInternal, "never ready"};
  }
  // As a daemon is that serves and has not read its metadata yet.
  [[nodiscard]] Result<void> make() {
    FOREBAY_CHECK(shard_.start());
    FOREBAY_TRY(store_, kv::open_memory_store(store_disk_));
    auto& log = shard_.open(cluster::cluster_partition(), internal_partition_config());
    config_.self.disk = shard_.directory_->identity.disk;
    config_.self.features = cluster::spoken_features();
    broker_ = std::make_unique<NodeBroker>(
        config_, std::vector<ShardHandle>{{&shard_.machine_.executor(), shard_.set_.get()}}, 0,
        shard_.machine_.wall_clock(), [] { return NodeDescription{}; });
    broker_->use_registry({.schemas = std::make_shared<schema::SchemaCache>(1U << 20)});
    controller_ = std::make_unique<cluster::Controller>(
        log, *store_, shard_.machine_.executor(), shard_.machine_.pool(), shard_.machine_.rng(),
        [this](const cluster::ImagePtr& image) { broker_->on_image(image); });
    return {};
  }
  void tear_down() {
    controller_.reset();
    broker_.reset();
    store_.reset();
    shard_.tear_down();
  }
  void power_cut() {
    tear_down();
    shard_.power_cut();
    store_disk_->crash();
  }

  template <typename Predicate>
  void run_until(Predicate predicate) {
    (void)shard_.machine_.scheduler().run_until(
        predicate, {.steps_max = 500'000, .duration_max = std::chrono::minutes(5)});
  }
  // Asks and waits: `ask(done)` starts the request.
  template <typename T, typename Ask>
  Result<T> call(Ask ask) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    ask([result](Result<T> value) { *result = std::move(value); });
    run_until([&] { return result->has_value(); });
    return result->has_value() ? **result : Error{ErrorCode::kInternal, "no answer"};
  }

  Result<CreateTopicResult> create(const std::string& name, std::uint32_t partitions = 1,
                                   cluster::Overrides config = {}) {
    return call<CreateTopicResult>([&](auto done) {
      broker_->create_topic({.name = name, .partitions = partitions, .config = std::move(config)},
                            std::move(done));
    });
  }
  Result<ProduceAck> produce(const std::string& topic, std::int32_t partition, std::string batch,
                             std::optional<std::uint32_t> destination_crc = std::nullopt) {
    return call<ProduceAck>([&](auto done) {
      broker_->produce({.topic = topic,
                        .partition = model::PartitionIndex(partition),
                        .batch = std::move(batch),
                        .destination_crc = destination_crc},
                       std::move(done));
    });
  }
  Result<FetchResult> fetch(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    return call<FetchResult>([&](auto done) {
      broker_->fetch(
          {.topic = topic, .partition = model::PartitionIndex(partition), .offset = model::Offset(offset)},
          std::move(done));
    });
  }
  Result<std::vector<PartitionOffset>> offsets(const std::string& topic, OffsetPoint point) {
    return call<std::vector<PartitionOffset>>([&](auto done) {
      broker_->list_offsets({.topic = topic, .partitions = {}, .point = point}, std::move(done));
    });
  }

  NodeBrokerConfig config_;
  partition::ShardHarness shard_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<kv::KeyValueStore> store_;
  std::unique_ptr<NodeBroker> broker_;
  std::unique_ptr<cluster::Controller> controller_;
};

}  // namespace forebay::broker
