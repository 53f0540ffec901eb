// A topic that the cluster made for a state machine: opened as one, and for nobody to write to or to delete.
#include <gtest/gtest.h>

#include <set>

#include "broker_harness.h"
#include "cluster/core/internal_topics.h"

namespace forebay::broker {
namespace {

class InternalTopicTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(broker_.start());
    model::TopicId id;
    id.bytes[0] = 3;
    const auto made = broker_.call<cluster::ImagePtr>([&](auto done) {
      broker_.controller_->propose(cluster::MakeInternalTopic{cluster::InternalTopic::kGroups, id},
                                   std::move(done));
    });
    ASSERT_TRUE(made) << made.error().to_string();
    id_ = (*made)->find(name_)->id;
  }
  [[nodiscard]] std::vector<TopicSummary> list(bool include_internal) {
    return *broker_.call<std::vector<TopicSummary>>(
        [&](auto done) { broker_.broker_->list_topics(include_internal, std::move(done)); });
  }

  const std::string name_{cluster::kGroupsTopicName};
  BrokerHarness broker_;
  model::TopicId id_;
};

TEST_F(InternalTopicTest, ItsPartitionsHoldAState) {
  std::set<model::PartitionIndex> opened, closed;
  broker_.shard_.set_->on_state_partitions(
      std::string(cluster::kGroupsTopicName),
      {.opened =
           [&](const model::TopicPartition& id, partition::Partition& partition) {
             if (id.topic != id_) return;
             EXPECT_EQ(partition.topic_name(), name_);
             opened.insert(id.partition);
           },
       .closing = [&](const model::TopicPartition& id) { closed.insert(id.partition); }});
  broker_.run_until([&] { return opened.size() == cluster::kGroupsPartitions; });
  EXPECT_EQ(opened.size(), cluster::kGroupsPartitions);
  const model::PartitionIndex third(3);
  const auto removed = broker_.call<std::monostate>([&](auto done) {
    broker_.shard_.set_->remove({id_, third}, std::move(done));
  });
  EXPECT_TRUE(removed);
  EXPECT_EQ(closed, std::set{third});
}

TEST_F(InternalTopicTest, NobodyWritesToIt) {
  const auto produced = broker_.produce(name_, 0, partition::batch_of({"x"}));
  EXPECT_EQ(produced.error().code, ErrorCode::kInvalidArgument);
  const auto deleted =
      broker_.call<std::monostate>([&](auto done) { broker_.broker_->delete_topic(name_, std::move(done)); });
  EXPECT_EQ(deleted.error().code, ErrorCode::kInvalidArgument);
  const auto trimmed = broker_.call<std::vector<TrimResult>>([&](auto done) {
    broker_.broker_->trim_topic(name_, {{model::PartitionIndex(0), {}}}, std::move(done));
  });
  EXPECT_EQ(trimmed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(broker_.create(name_).error().code, ErrorCode::kInvalidTopicName);
}

TEST_F(InternalTopicTest, ShownOnlyToWhoAsksForIt) {
  EXPECT_TRUE(list(false).empty());
  const auto all = list(true);
  ASSERT_EQ(all.size(), 2U) << "__cluster and it";
  EXPECT_EQ(all[1].name, name_);
  EXPECT_TRUE(all[1].internal);
  EXPECT_EQ(all[1].partitions, cluster::kGroupsPartitions);
}

}  // namespace
}  // namespace forebay::broker
