// Sessions and names of producers, asked of a whole broker.
#include <set>

#include "broker_harness.h"

namespace forebay::broker {
namespace {

class ProducerHandlersTest : public testing::Test {
 protected:
  void begin(NodeBrokerConfig config = {}) {
    harness_ = std::make_unique<BrokerHarness>(1, std::move(config));
    ASSERT_TRUE(harness_->start());
  }
  Result<ProducerSession> session(const std::string& name = {}) {
    return harness_->call<ProducerSession>([&](auto done) {
      harness_->broker_->init_producer({.name = name, .client_id = "test"}, std::move(done));
    });
  }
  ProducerPage list(ListProducersRequest request = {}) {
    auto page = harness_->call<ProducerPage>(
        [&](auto done) { harness_->broker_->list_producers(std::move(request), std::move(done)); });
    EXPECT_TRUE(page) << page.error().to_string();
    return page ? *page : ProducerPage{};
  }
  Result<std::monostate> forget(const std::string& name, bool validate_only = false) {
    return harness_->call<std::monostate>([&](auto done) {
      harness_->broker_->delete_producer_name({name, validate_only}, std::move(done));
    });
  }
  std::unique_ptr<BrokerHarness> harness_;
};

TEST_F(ProducerHandlersTest, SessionsWithoutANameHaveEachAnIdOfTheirOwnAlsoAfterARestart) {
  begin();
  std::set<std::int64_t> ids;
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 20; ++i) {
      const auto one = session();
      ASSERT_TRUE(one) << one.error().to_string();
      EXPECT_TRUE(ids.insert(one->id.value()).second) << one->id.value();
      EXPECT_EQ(one->epoch, model::ProducerEpoch(0));
    }
    harness_->power_cut();
    ASSERT_TRUE(harness_->start());
  }
}

TEST_F(ProducerHandlersTest, NameKeepsItsIdOverARestartAndEachSessionHasTheNextEpoch) {
  begin();
  const auto first = session("meter");
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->epoch, model::ProducerEpoch(0));
  EXPECT_EQ(*session("meter"), (ProducerSession{first->id, model::ProducerEpoch(1)}));
  EXPECT_NE(session("another")->id, first->id);
  EXPECT_NE(session()->id, first->id);
  harness_->power_cut();
  ASSERT_TRUE(harness_->start());
  EXPECT_EQ(*session("meter"), (ProducerSession{first->id, model::ProducerEpoch(2)}));
}

TEST_F(ProducerHandlersTest, NamesThatBreakTheRuleAreRefused) {
  begin();
  const auto refused = session("not this one");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(list().producers.size(), 0U);
}

TEST_F(ProducerHandlersTest, NamesAboveTheBoundAreRefusedUntilOneIsDeleted) {
  NodeBrokerConfig config;
  config.limits.producer_names_max = 1;
  begin(config);
  ASSERT_TRUE(session("a"));
  EXPECT_EQ(session("b").error().code, ErrorCode::kMemoryBudget);
  EXPECT_TRUE(session("a"));
  EXPECT_TRUE(session());
  ASSERT_TRUE(forget("a"));
  EXPECT_TRUE(session("b"));
}

TEST_F(ProducerHandlersTest, ListIsInPagesInTheOrderOfTheNames) {
  begin();
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(session(name));
  const ProducerPage first = list({.after = "", .count_max = 2});
  ASSERT_EQ(first.producers.size(), 2U);
  EXPECT_EQ(first.producers[0].name, "a");
  EXPECT_EQ(first.producers[1].name, "b");
  EXPECT_TRUE(first.more);
  const ProducerPage second = list({.after = "b", .count_max = 2});
  ASSERT_EQ(second.producers.size(), 1U);
  EXPECT_EQ(second.producers[0].name, "c");
  EXPECT_FALSE(second.more);
}

TEST_F(ProducerHandlersTest, DeletedNameIsAnotherProducerNextTime) {
  begin();
  const auto before = session("meter");
  ASSERT_TRUE(before);
  EXPECT_TRUE(forget("meter", true));
  EXPECT_EQ(list().producers.size(), 1U);
  EXPECT_TRUE(forget("meter"));
  EXPECT_EQ(forget("meter").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(forget("meter", true).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(list().producers.size(), 0U);
  EXPECT_NE(session("meter")->id, before->id);
}

TEST_F(ProducerHandlersTest, StopAnswersWhoeverWaits) {
  begin();
  std::optional<Result<ProducerSession>> answer;
  harness_->broker_->init_producer({}, [&answer](Result<ProducerSession> one) { answer = std::move(one); });
  harness_->broker_->stop_intake();
  harness_->shard_.machine_.executor().post([this] { harness_->broker_->stop([] {}); });
  harness_->run_until([&] { return answer.has_value(); });
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kShuttingDown);
}

}  // namespace
}  // namespace forebay::broker
