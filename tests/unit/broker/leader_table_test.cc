#include "broker/leader_table.h"

#include <gtest/gtest.h>

namespace forebay::broker {
namespace {

model::TopicPartition partition_of(std::uint8_t topic, std::int32_t index) {
  model::TopicPartition id;
  id.topic.bytes[15] = topic;
  id.partition = model::PartitionIndex(index);
  return id;
}
using Leader = LeaderTable::Leader;

TEST(LeaderTable, KnowsNothingBeforeItIsTold) { EXPECT_FALSE(LeaderTable().of(partition_of(1, 0))); }

TEST(LeaderTable, LowerTermNeverReplacesAHigherOne) {
  LeaderTable table;
  const auto id = partition_of(1, 0);
  table.leads(id, model::Term(5), model::NodeId(2));
  table.leads(id, model::Term(4), model::NodeId(3));
  EXPECT_EQ(table.of(id), (Leader{model::Term(5), model::NodeId(2)}));
  table.leads(id, model::Term(6), model::NodeId(1));
  EXPECT_EQ(table.of(id), (Leader{model::Term(6), model::NodeId(1)}));
}

TEST(LeaderTable, ForgetsATopicAndNoOther) {
  LeaderTable table;
  for (std::uint8_t topic = 1; topic <= 3; ++topic) {
    for (const std::int32_t index : {0, 1})
      table.leads(partition_of(topic, index), model::Term(1), model::NodeId(1));
  }
  table.forget(partition_of(2, 0).topic);
  for (const std::int32_t index : {0, 1}) {
    EXPECT_TRUE(table.of(partition_of(1, index)));
    EXPECT_FALSE(table.of(partition_of(2, index)));
    EXPECT_TRUE(table.of(partition_of(3, index)));
  }
}

}  // namespace
}  // namespace forebay::broker
