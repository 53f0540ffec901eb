// A node decides on partitions of which it holds nothing itself.
#include <gtest/gtest.h>

#include "broker_harness.h"

namespace forebay::broker {
namespace {

class ReadyElsewhereTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_.start());
    const auto other = node_.register_another();
    ASSERT_TRUE(other) << other.error().to_string();
    other_ = *other;
  }
  enum class Other : std::uint8_t { kConfirms, kIsSilent };
  // A topic of one partition with one copy.
  Result<CreateTopicResult> create(const std::string& name, Other other) {
    return node_.call<CreateTopicResult>([&](auto done) {
      node_.broker_->create_topic({.name = name, .replication_factor = 1, .timeout = std::chrono::seconds(1)},
                                  std::move(done));
      if (other == Other::kConfirms) node_.confirm(other_, name, 1);
    });
  }
  [[nodiscard]] bool is_here(const std::string& topic, std::size_t partition = 0) const {
    return node_.controller_->image()->find(topic)->partitions[partition].is_member(model::NodeId(1));
  }

  BrokerHarness node_;
  log::Voter other_;
};

TEST_F(ReadyElsewhereTest, CreationIsAnsweredWhenTheNodeThatHoldsThePartitionHasIt) {
  // The load is the number of partitions, so that one of two topics is on each node.
  for (const char* name : {"first", "second"}) {
    const auto created = create(name, Other::kConfirms);
    ASSERT_TRUE(created) << name << ": " << created.error().to_string();
  }
  EXPECT_NE(is_here("first"), is_here("second"));
}

TEST_F(ReadyElsewhereTest, CreationIsNotAnsweredAsReadyBeforeThat) {
  std::size_t elsewhere = 0;
  for (const char* name : {"first", "second"}) {
    const auto created = create(name, Other::kIsSilent);
    EXPECT_EQ(created.has_value(), is_here(name)) << name;
    if (is_here(name)) continue;
    ++elsewhere;
    EXPECT_EQ(created.error().code, ErrorCode::kTimedOut);
    EXPECT_NE(created.error().context.find("the topic exists"), std::string::npos) << created.error().context;
  }
  EXPECT_EQ(elsewhere, 1U);
}

TEST_F(ReadyElsewhereTest, AddedPartitionsToo) {
  ASSERT_TRUE(create("orders", Other::kConfirms));
  const auto added = node_.call<AddPartitionsResult>([&](auto done) {
    node_.broker_->add_partitions("orders", 3, false, std::move(done));
    node_.run_until([&] { return node_.controller_->image()->find("orders")->partitions.size() == 3; });
    node_.confirm(other_, "orders", 3);
  });
  ASSERT_TRUE(added) << added.error().to_string();
}

}  // namespace
}  // namespace forebay::broker
