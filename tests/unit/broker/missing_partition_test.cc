// A partition that the metadata knows and recovery does not: made when it may never have been, else said to
// be lost.
#include <gtest/gtest.h>

#include "broker_harness.h"
#include "log/acceptance.h"
#include "log/core/damage.h"

namespace forebay::broker {
namespace {

using model::Offset;
using partition::batch_of;

template <typename T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

class MissingPartitionTest : public testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    const auto started = node_.start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void restart() {
    node_.power_cut();
    start();
  }
  model::TopicPartition id_of(const std::string& topic, std::int32_t partition) {
    return {node_.broker_->topic_head(topic)->id, model::PartitionIndex(partition)};
  }
  // Behind the metadata's back: recovery will not know it.
  void lose(const model::TopicPartition& id) {
    ASSERT_TRUE(
        node_.call<std::monostate>([&](auto done) { node_.shard_.set_->remove(id, std::move(done)); }));
  }
  std::vector<UnreadyPartition> unready() {
    return *node_.call<std::vector<UnreadyPartition>>(
        [&](auto done) { node_.broker_->unready_partitions(std::move(done)); });
  }
  // Until each partition is ready or says why it never will be.
  void wait_opened() {
    node_.run_until([&] {
      const auto waiting = unready();
      return std::all_of(waiting.begin(), waiting.end(),
                         [](const auto& one) { return one.reason.find("DATA_LOSS") != std::string::npos; });
    });
  }
  std::uint32_t confirmed(const std::string& topic) {
    return node_.controller_->image()->find(topic)->confirmed_on(model::NodeId(1));
  }
  // Decided, and not carried out yet.
  void create_without_confirmation(const std::string& name, std::uint32_t partitions) {
    const auto id = node_.controller_->new_id();
    ASSERT_TRUE(node_.call<cluster::ImagePtr>([&](auto done) {
      node_.controller_->submit(
          [&](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
            FOREBAY_TRY(auto created,
                        cluster::decide_create(image, {.name = name, .partitions = partitions}, id, {}));
            return cluster::ClusterRecord(std::move(created));
          },
          std::move(done));
    }));
  }

  BrokerHarness node_;
};

TEST_F(MissingPartitionTest, IsConfirmedBeforeItsCreationIsAnswered) {
  ASSERT_TRUE(node_.create("orders", 3));
  EXPECT_EQ(confirmed("orders"), 3U);
  ASSERT_TRUE(node_.call<AddPartitionsResult>(
      [&](auto done) { node_.broker_->add_partitions("orders", 5, false, std::move(done)); }));
  EXPECT_EQ(confirmed("orders"), 5U);
  restart();
  EXPECT_EQ(confirmed("orders"), 5U);
}

TEST_F(MissingPartitionTest, ConfirmedOneIsNeverMadeAnew) {
  ASSERT_TRUE(node_.create("orders", 3));
  ASSERT_TRUE(node_.create("other"));
  for (std::int32_t partition = 0; partition < 3; ++partition)
    ASSERT_TRUE(node_.produce("orders", partition, batch_of({"a", "b"})));
  lose(id_of("orders", 1));
  for (int start = 0; start < 3; ++start) {
    restart();
    wait_opened();
    EXPECT_EQ(code_of(node_.produce("orders", 1, batch_of({"c"}))), ErrorCode::kDataLoss);
    EXPECT_EQ(code_of(node_.fetch("orders", 1, 0)), ErrorCode::kDataLoss);
    EXPECT_EQ(code_of(node_.fetch("orders", 1, 2)), ErrorCode::kDataLoss);
    const auto waiting = unready();
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].topic, "orders");
    EXPECT_EQ(waiting[0].partition, model::PartitionIndex(1));
    EXPECT_NE(waiting[0].reason.find("DATA_LOSS"), std::string::npos) << waiting[0].reason;
    const auto described = node_.call<TopicDescription>(
        [&](auto done) { node_.broker_->describe_topic("orders", std::move(done)); });
    ASSERT_TRUE(described);
    EXPECT_NE(described->partitions[1].state.find("all of it is lost"), std::string::npos)
        << described->partitions[1].state;
    // Everything else is served.
    EXPECT_TRUE(node_.produce("orders", 0, batch_of({"c"})));
    EXPECT_EQ(node_.fetch("orders", 2, 0)->high_watermark, Offset(2));
    EXPECT_TRUE(node_.produce("other", 0, batch_of({"c"})));
  }
  // It can be deleted like any other.
  EXPECT_TRUE(
      node_.call<std::monostate>([&](auto done) { node_.broker_->delete_topic("orders", std::move(done)); }));
  EXPECT_TRUE(unready().empty());
}

TEST_F(MissingPartitionTest, UnconfirmedTopicIsMadeAndConfirmedByTheNextStart) {
  create_without_confirmation("known", 2);
  ASSERT_EQ(confirmed("known"), 0U);
  restart();
  ASSERT_EQ(confirmed("known"), 0U);
  wait_opened();
  node_.run_until([&] { return confirmed("known") == 2U; });
  EXPECT_EQ(confirmed("known"), 2U);
  EXPECT_TRUE(node_.produce("known", 1, batch_of({"a"})));
  lose(id_of("known", 0));
  restart();
  wait_opened();
  EXPECT_EQ(code_of(node_.produce("known", 0, batch_of({"a"}))), ErrorCode::kDataLoss);
  EXPECT_EQ(node_.fetch("known", 1, 0)->high_watermark, Offset(1));
}

// The offline verb sees it once a start has found it missing; accepted, it begins again at offset 0, in a
// term higher than that of its first life.
TEST_F(MissingPartitionTest, BeginsAgainOnceItsLossIsAccepted) {
  ASSERT_TRUE(node_.create("orders", 2));
  model::Term before;
  for (int start = 0; start < 4; ++start) {
    if (start > 0) restart();
    wait_opened();
    const auto ack = node_.produce("orders", 1, batch_of({"first life"}));
    ASSERT_TRUE(ack) << ack.error().to_string();
    before = ack->term;
  }
  const auto id = id_of("orders", 1);
  lose(id);
  restart();
  wait_opened();
  node_.power_cut();
  const auto options = [this] {
    return log::RecoveryOptions{.data_dir = partition::kDataDir,
                                .shard_count = 1,
                                .journal = node_.shard_.config_.journal,
                                .wall_now = node_.shard_.machine_.wall_clock().now(),
                                .accept = {}};
  };
  auto& machine = node_.shard_.machine_;
  const auto losses = log::find_losses(machine.file_system(), options());
  ASSERT_TRUE(losses) << losses.error().to_string();
  ASSERT_EQ(losses->size(), 1U);
  EXPECT_EQ((*losses)[0].id, id);
  EXPECT_EQ((*losses)[0].kind, log::LossKind::kTail);
  EXPECT_EQ((*losses)[0].begin.next_offset, Offset(0));
  EXPECT_NE(log::describe((*losses)[0]).find("begin again at offset 0"), std::string::npos);
  ASSERT_TRUE(log::accept_losses(machine.file_system(), machine.rng(), options(), *losses, "accepted\n"));
  start();
  wait_opened();
  EXPECT_TRUE(unready().empty());
  const auto ack = node_.produce("orders", 1, batch_of({"second life"}));
  ASSERT_TRUE(ack) << ack.error().to_string();
  EXPECT_EQ(ack->base_offset, Offset(0));
  EXPECT_GT(ack->term, before);
  restart();
  wait_opened();
  EXPECT_EQ(node_.fetch("orders", 1, 0)->high_watermark, Offset(1));
}

// Data of which the metadata knows nothing is nobody's to delete.
TEST_F(MissingPartitionTest, DataThatTheMetadataDoesNotKnowIsKeptAndNamed) {
  const auto id = partition::topic_partition(9, 4);
  const auto described = [&] {
    return *node_.call<NodeDescription>([&](auto done) { node_.broker_->describe_node(std::move(done)); });
  };
  auto& stray = node_.shard_.open(id);
  ASSERT_TRUE(*node_.shard_.produce(stray, {"a"}));
  EXPECT_TRUE(described().warnings.empty());
  for (int start = 0; start < 3; ++start) {
    restart();
    const auto warnings = described().warnings;
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find(id.topic.to_string()), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[0].find("partition 4"), std::string::npos) << warnings[0];
  }
  auto& kept = node_.shard_.open(id);
  const std::vector<std::pair<std::int64_t, std::string>> want{{0, "a"}};
  EXPECT_EQ(node_.shard_.read_all(kept), want);
}

// The power goes at any step of the start that finds a partition missing: no later start takes it for a blank
// one.
TEST(MissingPartition, PowerCutWhileItIsFoundMissingNeverMakesItBlank) {
  bool whole = false;
  for (std::uint64_t step = 1; !whole; ++step) {
    SCOPED_TRACE(step);
    ASSERT_LT(step, 500U);
    BrokerHarness node(step);
    ASSERT_TRUE(node.start());
    ASSERT_TRUE(node.create("orders", 2));
    ASSERT_TRUE(node.produce("orders", 1, batch_of({"a"})));
    const model::TopicPartition id{node.broker_->topic_head("orders")->id, model::PartitionIndex(1)};
    ASSERT_TRUE(node.call<std::monostate>([&](auto done) { node.shard_.set_->remove(id, std::move(done)); }));
    node.power_cut();
    const auto wait_open = [&node, id] {
      node.run_until([&] {
        const auto* lost = node.shard_.set_->find(id);
        return node.shard_.machine_.disk().power_is_off() || (lost != nullptr && lost->is_ready());
      });
      return !node.shard_.machine_.disk().power_is_off();
    };
    ASSERT_TRUE(node.start());
    node.shard_.machine_.disk().crash_at_step(step);
    whole = wait_open();
    node.power_cut();
    ASSERT_TRUE(node.start());
    ASSERT_TRUE(wait_open());
    EXPECT_EQ(code_of(node.produce("orders", 1, batch_of({"b"}))), ErrorCode::kDataLoss);
    EXPECT_EQ(code_of(node.fetch("orders", 1, 0)), ErrorCode::kDataLoss);
    EXPECT_TRUE(node.produce("orders", 0, batch_of({"b"})));
  }
}

// The power goes at any step of a creation and of an addition: what the metadata knows becomes ready, and
// what was answered is confirmed.
TEST(MissingPartition, PowerCutAtEveryStepOfACreationLeavesItUsable) {
  bool whole = false;
  int made_again = 0;
  for (std::uint64_t step = 1; !whole; ++step) {
    SCOPED_TRACE(step);
    ASSERT_LT(step, 500U);
    BrokerHarness node(step);
    ASSERT_TRUE(node.start());
    node.shard_.machine_.disk().crash_at_step(step);
    bool created = false, added = false;
    node.broker_->create_topic({.name = "orders", .partitions = 2}, [&](Result<CreateTopicResult> result) {
      if (!result) return;
      created = true;
      node.broker_->add_partitions("orders", 4, false, [&added](const Result<AddPartitionsResult>& more) {
        added = more.has_value();
      });
    });
    node.run_until([&] { return added || node.shard_.machine_.disk().power_is_off(); });
    whole = added;
    node.power_cut();
    const auto started = node.start();
    ASSERT_TRUE(started) << started.error().to_string();
    const auto topic = node.controller_->image()->find("orders");
    EXPECT_TRUE(topic || !created);
    if (!topic) continue;
    const auto confirmed = topic->confirmed_on(model::NodeId(1));
    EXPECT_GE(confirmed, added ? 4U : created ? 2U : 0U);
    if (confirmed < topic->partitions.size()) ++made_again;
    node.run_until([&] {
      const auto image = node.controller_->image()->find("orders");
      const auto waiting = node.call<std::vector<UnreadyPartition>>(
          [&](auto done) { node.broker_->unready_partitions(std::move(done)); });
      return image->confirmed_on(model::NodeId(1)) == image->partitions.size() && waiting->empty();
    });
    for (std::size_t partition = 0; partition < topic->partitions.size(); ++partition) {
      const auto ack = node.produce("orders", static_cast<std::int32_t>(partition), batch_of({"a"}));
      ASSERT_TRUE(ack) << ack.error().to_string();
      EXPECT_EQ(ack->base_offset, Offset(0));
    }
  }
  EXPECT_GT(made_again, 0);
}

// Whether it was confirmed may be in what is lost of the metadata.
TEST_F(MissingPartitionTest, NothingIsMadeAnewWhileMetadataIsLostInPart) {
  create_without_confirmation("new", 1);
  const auto id = id_of("new", 0);
  auto& log = node_.shard_.set_->find(cluster::cluster_partition())->log();
  bool marked = false;
  log.report_lost_tail([&marked](const Result<void>& durable) { marked = durable.has_value(); });
  node_.run_until([&] { return marked && node_.shard_.set_->find(id) != nullptr; });
  lose(id);
  ASSERT_EQ(confirmed("new"), 0U);
  restart();
  wait_opened();
  EXPECT_EQ(node_.shard_.set_->find(id), nullptr);
  EXPECT_EQ(code_of(node_.produce("new", 0, batch_of({"a"}))), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace forebay::broker
