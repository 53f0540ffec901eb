// The controller over the real metadata log and a store that loses what was not made durable.
#include "cluster/controller.h"

#include <gtest/gtest.h>

#include "cluster/cluster_codec.h"
#include "cluster/core/decisions.h"
#include "cluster/core/features.h"
#include "kv/memory_store.h"
#include "model/batch_builder.h"
#include "shard_harness.h"

namespace forebay::cluster {
namespace {

using partition::ShardHarness;

const model::NodeId kNode(1);

class ControllerTest : public testing::Test {
 protected:
  void start() {
    const auto started = shard_.start();
    ASSERT_TRUE(started) << started.error().to_string();
    images_ = 0;
    auto opened = kv::open_memory_store(store_disk_);
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
    // As soon as it is there; the controller itself waits until it leads.
    partition::PartitionConfig config;
    config.holds_state = true;
    shard_.set_->open(cluster_partition(), "__cluster", config, partition::Expected::kMayBeNew,
                      [](const Result<std::monostate>&) {});
    auto [partition, done] = ShardHarness::slot<partition::Partition*>();
    shard_.set_->when_open(cluster_partition(), std::move(done));
    const auto found = shard_.wait(partition);
    ASSERT_TRUE(found && *found);
    partition::Partition& log = ***found;
    controller_ =
        std::make_unique<Controller>(log, *store_, shard_.machine_.executor(), shard_.machine_.pool(),
                                     shard_.machine_.rng(), [this](const ImagePtr&) { ++images_; });
    if (formed_before_) controller_->expect_formed();
    if (trimming_) controller_->set_trimming(*trimming_);
    auto result = std::make_shared<std::optional<Result<void>>>();
    controller_->start([result](Result<void> ready) { *result = std::move(ready); });
    run_until([&] { return result->has_value(); });
    ASSERT_TRUE(result->has_value());
    ready_ = **result;
    if (!ready_ || !controller_->check_changeable()) return;
    ASSERT_TRUE(propose(RegisterBroker{self()}));
  }
  void SetUp() override {
    start();
    ASSERT_TRUE(ready_) << ready_.error().to_string();
  }
  void TearDown() override { controller_.reset(); }

  void power_cut() {
    controller_.reset();
    shard_.power_cut();
    store_disk_->crash();
    store_.reset();
  }
  template <typename Predicate>
  void run_until(Predicate predicate) {
    (void)shard_.machine_.scheduler().run_until(
        predicate, {.steps_max = 100'000, .duration_max = std::chrono::minutes(5)});
  }
  Result<ImagePtr> submit(Controller::Decide decide) {
    std::optional<Result<ImagePtr>> result;
    controller_->submit(std::move(decide), [&result](Result<ImagePtr> image) { result = std::move(image); });
    run_until([&] { return result.has_value(); });
    return result ? *result : Error{ErrorCode::kInternal, "no answer"};
  }
  Result<ImagePtr> propose(NodeProposal proposal) {
    std::optional<Result<ImagePtr>> result;
    controller_->propose(std::move(proposal),
                         [&result](Result<ImagePtr> image) { result = std::move(image); });
    run_until([&] { return result.has_value(); });
    return result ? *result : Error{ErrorCode::kInternal, "no answer"};
  }
  BrokerRegistration self() const { return {.node = kNode, .disk = shard_.directory_->identity.disk}; }
  log::Voter voter() const { return {kNode, shard_.directory_->identity.disk}; }
  Result<ImagePtr> confirm(const std::string& name, std::uint32_t partitions) {
    return propose(ConfirmPartitions{controller_->image()->find(name)->id, voter(), partitions});
  }
  Result<ImagePtr> create(const std::string& name, std::uint32_t partitions = 1) {
    return submit([&](const ClusterImage& image) -> Result<ClusterRecord> {
      FOREBAY_TRY(auto created,
                  decide_create(image, {.name = name, .partitions = partitions}, controller_->new_id(), {}));
      return ClusterRecord(std::move(created));
    });
  }

  partition::Partition& log() { return *shard_.set_->find(cluster_partition()); }
  std::int64_t log_end() { return log().watermarks().high_watermark.value(); }
  // As if the store had been written from a longer log.
  void put_applied(std::int64_t offset) {
    shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // behind what the controller writes
    kv::WriteBatch batch;
    batch.put("cluster/applied", std::to_string(offset));
    ASSERT_TRUE(store_->write(batch, kv::Durability::kDurable));
  }
  // It serves what it knows, and takes no decision.
  void expect_read_only() {
    ASSERT_TRUE(ready_) << ready_.error().to_string();
    ASSERT_NE(controller_->image(), nullptr);
    const auto refused = create("refused");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
    EXPECT_NE(refused.error().context.find("--topic __cluster --partition 0"), std::string::npos)
        << refused.error().context;
    EXPECT_EQ(controller_->check_changeable().error().code, ErrorCode::kDataLoss);
  }
  // With the node stopped. Returns: how many losses there were.
  std::size_t accept_all() {
    log::RecoveryOptions options{.data_dir = partition::kDataDir,
                                 .shard_count = 1,
                                 .journal = shard_.config_.journal,
                                 .wall_now = shard_.machine_.wall_clock().now(),
                                 .accept = {}};
    auto& fs = shard_.machine_.file_system();
    const auto losses = log::find_losses(fs, options);
    EXPECT_TRUE(losses);
    options.accept = *losses;
    EXPECT_TRUE(log::recover(fs, shard_.machine_.rng(), options));
    return losses->size();
  }

  ShardHarness shard_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<kv::KeyValueStore> store_;
  std::unique_ptr<Controller> controller_;
  Result<void> ready_;
  bool formed_before_ = false;
  std::optional<Trimming> trimming_;
  int images_ = 0;
};

TEST_F(ControllerTest, FirstStartFormsTheClusterOnce) {
  const auto id = controller_->image()->cluster_id;
  EXPECT_FALSE(id.is_nil());
  power_cut();
  start();
  ASSERT_TRUE(ready_);
  EXPECT_EQ(controller_->image()->cluster_id, id);
}

TEST_F(ControllerTest, DecisionIsInTheImageThatItsAnswerCarries) {
  const auto image = create("orders", 3);
  ASSERT_TRUE(image) << image.error().to_string();
  EXPECT_EQ((*image)->find("orders")->partitions.size(), 3U);
  EXPECT_EQ(controller_->image()->find("orders"), (*image)->find("orders"));
}

TEST_F(ControllerTest, RefusedDecisionIsNotLogged) {
  ASSERT_TRUE(create("orders"));
  const auto applied = controller_->image()->applied;
  EXPECT_EQ(create("orders").error().code, ErrorCode::kTopicExists);
  EXPECT_EQ(controller_->image()->applied, applied);
}

TEST_F(ControllerTest, ProposalOfWhatIsSoAlreadySucceedsAndLogsNothing) {
  ASSERT_TRUE(create("orders", 3));
  ASSERT_TRUE(confirm("orders", 3));
  const auto end = log_end();
  ASSERT_TRUE(confirm("orders", 3));
  ASSERT_TRUE(confirm("orders", 2));
  ASSERT_TRUE(propose(RegisterBroker{self()}));
  EXPECT_EQ(log_end(), end);
  EXPECT_EQ(confirm("orders", 4).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(log_end(), end);
}

TEST_F(ControllerTest, DecisionsThatArriveTogetherSeeEachOther) {
  int created = 0, refused = 0;
  for (int i = 0; i < 5; ++i) {
    controller_->submit(
        [this](const ClusterImage& image) -> Result<ClusterRecord> {
          FOREBAY_TRY(auto topic, decide_create(image, {.name = "same"}, controller_->new_id(), {}));
          return ClusterRecord(std::move(topic));
        },
        [&](const Result<ImagePtr>& image) { ++(image ? created : refused); });
  }
  run_until([&] { return created + refused == 5; });
  EXPECT_EQ(created, 1);
  EXPECT_EQ(refused, 4);
}

TEST_F(ControllerTest, EveryAnsweredDecisionSurvivesAPowerCutAtAnyMoment) {
  for (int round = 0; round < 8; ++round) {
    ASSERT_TRUE(create("t" + std::to_string(round), 2));
    // The store may or may not have got it: the log has.
    shard_.machine_.scheduler().run_for(std::chrono::microseconds(round * 50));
    power_cut();
    start();
    ASSERT_TRUE(ready_) << ready_.error().to_string();
    for (int earlier = 0; earlier <= round; ++earlier) {
      EXPECT_NE(controller_->image()->find("t" + std::to_string(earlier)), nullptr) << "round " << round;
    }
  }
}

TEST_F(ControllerTest, LostStoreIsRebuiltFromTheLog) {
  ASSERT_TRUE(create("orders"));
  ASSERT_TRUE(submit([](const ClusterImage& image) -> Result<ClusterRecord> {
    FOREBAY_TRY(auto deleted, decide_delete(image, "orders"));
    return ClusterRecord(deleted);
  }));
  ASSERT_TRUE(create("orders", 4));
  ASSERT_TRUE(confirm("orders", 4));
  const auto before = controller_->image();
  power_cut();
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  start();
  ASSERT_TRUE(ready_) << ready_.error().to_string();
  EXPECT_EQ(controller_->image()->cluster_id, before->cluster_id);
  EXPECT_EQ(*controller_->image()->find("orders"), *before->find("orders"));
  EXPECT_EQ(controller_->image()->deleting.size(), 1U);
}

// The log says it, the store says it, or the store says the beginning and the log the rest: the image is the
// same.
TEST_F(ControllerTest, LogOfANodeAloneIsTrimmedBehindItsStore) {
  power_cut();
  trimming_ = Trimming{10, 4};
  start();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(create("t" + std::to_string(i)));
  run_until([&] { return log().watermarks().log_start > model::Offset(25); });
  EXPECT_GT(log().watermarks().log_start, model::Offset(25));
  EXPECT_LE(log().watermarks().log_start, model::Offset(log_end() - 4));
  power_cut();
  start();
  ASSERT_TRUE(ready_) << ready_.error().to_string();
  EXPECT_EQ(controller_->image()->topics.size(), 40U);
  EXPECT_TRUE(create("more"));
  // Without its store nothing has the decisions that were trimmed.
  power_cut();
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  start();
  const auto refused = create("refused");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(refused.error().context.find("the log begins at"), std::string::npos) << refused.error().context;
}

TEST_F(ControllerTest, ConfirmedPartitionsAreTheSameFromTheLogAndFromTheStore) {
  for (int round = 0; round < 6; ++round) {
    const std::string name = "t" + std::to_string(round);
    ASSERT_TRUE(create(name, 3));
    for (const std::uint32_t count : {1U, 3U}) ASSERT_TRUE(confirm(name, count));
    const auto before = controller_->image();
    EXPECT_EQ(before->find(name)->confirmed_on(model::NodeId(1)), 3U);
    shard_.machine_.scheduler().run_for(std::chrono::microseconds(round * 70));
    power_cut();
    if (round == 3) store_disk_ = std::make_shared<kv::MemoryDisk>();
    start();
    ASSERT_TRUE(ready_) << ready_.error().to_string();
    for (const auto& [known, topic] : before->topics)
      EXPECT_EQ(*controller_->image()->find(known), *topic) << "round " << round;
  }
}

// --- lost metadata

TEST_F(ControllerTest, StoreAheadOfTheLogIsReadOnlyUntilTheLossIsAccepted) {
  ASSERT_TRUE(create("orders"));
  put_applied(log_end() + 1);
  for (int life = 0; life < 2; ++life) {
    power_cut();
    start();
    expect_read_only();
    EXPECT_NE(controller_->image()->find("orders"), nullptr);
    EXPECT_TRUE(log().end_is_lost());
    shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // until the mark is durable
  }
  power_cut();
  ASSERT_EQ(accept_all(), 1U);
  start();
  ASSERT_TRUE(ready_) << ready_.error().to_string();
  EXPECT_NE(controller_->image()->find("orders"), nullptr);
  // The store counts in the log's new offsets before anything is decided: a decision at an offset that the
  // store had seen in the life before is not taken for that one.
  store_disk_->fail_writes(Error{ErrorCode::kStorageFailed, "no more"});
  ASSERT_TRUE(create("new"));
  power_cut();
  store_disk_->fail_writes(std::nullopt);
  start();
  ASSERT_TRUE(ready_) << ready_.error().to_string();
  EXPECT_NE(controller_->image()->find("orders"), nullptr);
  EXPECT_NE(controller_->image()->find("new"), nullptr);
  ASSERT_TRUE(create("more"));
}

TEST_F(ControllerTest, AcceptedEndDoesNotExcuseALaterLoss) {
  ASSERT_TRUE(create("orders"));
  put_applied(log_end() + 1);
  power_cut();
  start();
  shard_.machine_.scheduler().run_for(std::chrono::seconds(1));
  power_cut();
  ASSERT_EQ(accept_all(), 1U);
  start();
  ASSERT_TRUE(create("a"));
  ASSERT_TRUE(create("b"));
  put_applied(log_end() + 5);
  power_cut();
  start();
  expect_read_only();
}

TEST_F(ControllerTest, LostEndOfTheLogIsReadOnlyUntilAccepted) {
  ASSERT_TRUE(create("orders"));
  bool marked = false;
  log().log().report_lost_tail([&marked](const Result<void>& durable) { marked = durable.has_value(); });
  run_until([&] { return marked; });
  power_cut();
  start();
  expect_read_only();
  EXPECT_NE(controller_->image()->find("orders"), nullptr);
  power_cut();
  ASSERT_EQ(accept_all(), 1U);
  start();
  ASSERT_TRUE(ready_);
  ASSERT_TRUE(create("more"));
}

TEST_F(ControllerTest, LostEndOfALogThatNeverFormedACluster) {
  bool marked = false;
  log().log().report_lost_tail([&marked](const Result<void>& durable) { marked = durable.has_value(); });
  run_until([&] { return marked; });
  auto [trimmed, done] = ShardHarness::slot<model::Offset>();
  log().trim(std::nullopt, std::move(done));
  ASSERT_TRUE(shard_.wait(trimmed));
  power_cut();
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  start();  // an empty store, and a log that begins behind all it had
  expect_read_only();
  EXPECT_TRUE(controller_->image()->topics.empty());
}

// There is data of topics: what looks like a first start is a loss.
TEST_F(ControllerTest, EmptyLogAndStoreOfANodeWithTopicsAreALoss) {
  controller_.reset();
  shard_.tear_down();
  shard_.machine_.reboot(sim::Landing::kKeep);
  shard_.machine_.disk().remove(partition::kDataDir);
  store_.reset();
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  formed_before_ = true;
  for (int life = 0; life < 2; ++life) {
    start();
    expect_read_only();
    shard_.machine_.scheduler().run_for(std::chrono::seconds(1));
    power_cut();
  }
  ASSERT_EQ(accept_all(), 1U);
  start();
  ASSERT_TRUE(create("new"));
  EXPECT_FALSE(controller_->image()->cluster_id.is_nil());
}

// What a newer version has written is neither passed over nor taken for damage, while the node runs and at
// every start after it.
TEST_F(ControllerTest, LevelThatThisVersionDoesNotReadStopsTheMetadata) {
  ASSERT_TRUE(create("orders"));
  const auto raised = submit([](const ClusterImage&) -> Result<ClusterRecord> {
    return ClusterRecord(FeatureLevelSet{kMetadataFeature, 99});
  });
  EXPECT_EQ(raised.error().code, ErrorCode::kOutcomeUnknown) << raised.error().to_string();
  EXPECT_NE(controller_->check_changeable().error().context.find("level 99 of the feature 'metadata'"),
            std::string::npos);
  EXPECT_EQ(controller_->check_changeable().error().code, ErrorCode::kNewerFormat);
  EXPECT_FALSE(controller_->image()->features.contains(kMetadataFeature));
  EXPECT_EQ(create("refused").error().code, ErrorCode::kNewerFormat);
  power_cut();
  start();
  ASSERT_FALSE(ready_);
  EXPECT_EQ(ready_.error().code, ErrorCode::kNewerFormat);
  EXPECT_NE(ready_.error().context.find("start this node with the version of the other nodes"),
            std::string::npos)
      << ready_.error().context;
}

TEST_F(ControllerTest, StoreOfALevelThatThisVersionDoesNotReadIsRefused) {
  shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // behind what the controller writes
  kv::WriteBatch batch;
  batch.put("cluster/feature/compression", "2");
  ASSERT_TRUE(store_->write(batch, kv::Durability::kDurable));
  power_cut();
  start();
  ASSERT_FALSE(ready_);
  EXPECT_EQ(ready_.error().code, ErrorCode::kNewerFormat);
  EXPECT_NE(ready_.error().context.find("level 2 of the feature 'compression'"), std::string::npos);
}

// A record that cannot follow is a bug or damage that no checksum sees: what is before it is served.
TEST_F(ControllerTest, RecordThatCannotBeAppliedIsReadOnly) {
  ASSERT_TRUE(create("orders"));
  const auto log_value = [&](const std::string& value) {
    model::BatchBuilder builder;
    ASSERT_TRUE(builder.append(model::NewRecord{
        .key = std::nullopt, .value = as_bytes(value), .headers = {}, .timestamp = model::Timestamp(0)}));
    auto [produced, done] = ShardHarness::slot<partition::ProduceAck>();
    controller_.reset();  // it would see the record at once
    log().produce(std::string(as_text(*builder.build(model::Codec::kNone))), 1, partition::Acks::kAll,
                  std::chrono::seconds(30), std::move(done));
    ASSERT_TRUE(shard_.wait(produced));
  };
  log_value(encode_record(TopicDeleted{model::TopicId{}}));
  store_disk_ = std::make_shared<kv::MemoryDisk>();  // so that it is read together with what is before it
  for (int life = 0; life < 2; ++life) {
    power_cut();
    start();
    ASSERT_TRUE(ready_) << ready_.error().to_string();
    EXPECT_NE(controller_->image()->find("orders"), nullptr);
    const auto refused = create("refused");
    EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
    EXPECT_NE(refused.error().context.find("deletion of an unknown"), std::string::npos);
    EXPECT_EQ(refused.error().context.find("accept-loss"), std::string::npos);  // there is nothing to accept
    shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // the store has what was applied
  }
}

// Rot in a record that only the log has: the store is lost too.
TEST_F(ControllerTest, DamagedRangeStopsTheReplayUntilAcceptedAndIsThenPassedOver) {
  ASSERT_TRUE(create("alpha"));
  ASSERT_TRUE(create("bravo"));
  ASSERT_TRUE(submit([](const ClusterImage& image) -> Result<ClusterRecord> {
    FOREBAY_TRY(auto set, decide_set_config(image, "bravo", {{"retention.ms", "1000"}}));
    return ClusterRecord(std::move(set));
  }));
  ASSERT_TRUE(create("charlie"));
  controller_.reset();
  shard_.tear_down();
  shard_.machine_.reboot(sim::Landing::kKeep);
  store_.reset();
  store_disk_ = std::make_shared<kv::MemoryDisk>();
  bool hurt = false;
  for (const std::string& path : shard_.machine_.disk().files()) {
    if (!path.ends_with(".journal")) continue;
    const auto bytes = *shard_.machine_.disk().content(path);
    const std::size_t at = as_text(bytes).find("bravo");
    if (at == std::string::npos) continue;
    shard_.machine_.disk().flip_bit(path, at * 8);
    hurt = true;
  }
  ASSERT_TRUE(hurt);
  start();
  expect_read_only();
  EXPECT_NE(controller_->image()->find("alpha"), nullptr);
  EXPECT_EQ(controller_->image()->find("charlie"), nullptr);
  power_cut();
  ASSERT_EQ(accept_all(), 1U);
  for (int life = 0; life < 2; ++life) {
    start();
    ASSERT_TRUE(ready_) << ready_.error().to_string();
    EXPECT_NE(controller_->image()->find("alpha"), nullptr);
    EXPECT_EQ(controller_->image()->find("bravo"), nullptr);
    EXPECT_NE(controller_->image()->find("charlie"), nullptr);
    ASSERT_TRUE(create("more" + std::to_string(life)));
    power_cut();
  }
}

// What the pool still has to do belongs to nobody then; address sanitizer sees a use of the controller.
TEST_F(ControllerTest, DestroyedWhileItsWriteWaitsForThePoolTouchesNothing) {
  ASSERT_TRUE(create("orders"));
  controller_.reset();
  shard_.machine_.scheduler().run_for(std::chrono::seconds(1));
  EXPECT_EQ(store_->get("cluster/applied")->has_value(), true);
}

TEST_F(ControllerTest, StopAnswersWhatWaits) {
  std::optional<Result<ImagePtr>> result;
  controller_->submit(
      [this](const ClusterImage& image) -> Result<ClusterRecord> {
        FOREBAY_TRY(auto topic, decide_create(image, {.name = "late"}, controller_->new_id(), {}));
        return ClusterRecord(std::move(topic));
      },
      [&result](Result<ImagePtr> image) { result = std::move(image); });
  bool stopped = false;
  controller_->stop([&stopped] { stopped = true; });
  run_until([&] { return stopped && result.has_value(); });
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(result.has_value());
}

}  // namespace
}  // namespace forebay::cluster
