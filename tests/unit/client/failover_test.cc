// Producer, consumer and admin against several brokers, of which one leads.
#include <gtest/gtest.h>

#include <atomic>

#include "fake_broker.h"
#include "forebay/admin.h"
#include "forebay/consumer.h"
#include "forebay/producer.h"
#include "tcp_relay.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = FakeBroker::Verdict;

v1::ErrorDetail not_leader(const std::string& leader) {
  v1::ErrorDetail error = detail(v1::NOT_LEADER, "another node leads it");
  error.set_leader(leader);
  return error;
}
Record record_of(std::int64_t number) {
  Record record;
  record.value = std::to_string(number);
  return record;
}
std::vector<std::string> values(const std::vector<Record>& records) {
  std::vector<std::string> out;
  for (const Record& record : records) out.push_back(*record.value);
  return out;
}

class FailoverTest : public testing::Test {
 protected:
  void SetUp() override {
    for (FakeBroker* broker : {&a_, &b_, &c_}) broker->add_topic("t", 2);
  }
  [[nodiscard]] ClientOptions to(const std::vector<const FakeBroker*>& brokers) const {
    ClientOptions options;
    options.servers.clear();
    for (const FakeBroker* broker : brokers) options.servers.push_back(broker->address());
    options.request_timeout = seconds(20);
    return options;
  }
  [[nodiscard]] static std::unique_ptr<Producer> producer(const ClientOptions& client,
                                                          const ProducerOptions& options = {}) {
    auto made = Producer::create(client, options);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  FakeBroker a_, b_, c_;
};

// --- Producer --------------------------------------------------------------------------------------------

TEST_F(FailoverTest, ProducerGoesStraightToTheLeaderThatAnAnswerNames) {
  a_.on_produce = [&](const auto&, std::size_t) { return Verdict{Verdict::Kind::kAppend, {}, b_.address()}; };
  const auto sender = producer(to({&a_}));
  for (std::int64_t number = 0; number < 10; ++number)
    ASSERT_TRUE(sender->send("t", 0, record_of(number)).get());
  EXPECT_EQ(values(a_.log("t", 0)), std::vector<std::string>{"0"});
  EXPECT_EQ(b_.log("t", 0).size(), 9U);
  EXPECT_EQ(sender->stats().connects, 2U);
}

TEST_F(FailoverTest, ProducerGoesWhereARefusalSays) {
  a_.on_produce = [&](const auto&, std::size_t) {
    return Verdict{Verdict::Kind::kRefuse, not_leader(b_.address()), {}};
  };
  const auto sender = producer(to({&a_}));
  std::vector<std::future<Result<Ack>>> acks;
  for (std::int64_t number = 0; number < 50; ++number)
    acks.push_back(sender->send("t", 0, record_of(number)));
  for (auto& ack : acks) EXPECT_TRUE(ack.get());
  EXPECT_TRUE(a_.log("t", 0).empty());
  const auto stored = values(b_.log("t", 0));
  ASSERT_EQ(stored.size(), 50U);
  for (std::size_t number = 0; number < 50; ++number) EXPECT_EQ(stored[number], std::to_string(number));
}

TEST_F(FailoverTest, ProducerFallsBackToTheOthersWhenTheLeaderDies) {
  std::atomic<bool> a_leads{false};
  a_.on_produce = [&](const auto&, std::size_t) {
    if (a_leads) return Verdict{};
    return Verdict{Verdict::Kind::kRefuse, not_leader(b_.address()), {}};
  };
  const auto sender = producer(to({&a_}));
  ASSERT_TRUE(sender->send("t", 0, record_of(0)).get());
  EXPECT_EQ(b_.log("t", 0).size(), 1U);
  b_.stop();
  // A record may leave before the producer sees that the node is gone, so that its outcome is unknown. It is
  // stored by a leader that knows what is before it, as every replica does.
  a_.replicate(b_);
  std::vector<std::future<Result<Ack>>> acks;
  for (std::int64_t number = 1; number <= 50; ++number)
    acks.push_back(sender->send("t", 0, record_of(number)));
  // It asks the other node, which does not know yet that the leader is gone.
  EXPECT_TRUE(a_.wait_until([&] { return a_.requests().size() >= 2; }));
  a_leads = true;
  for (auto& ack : acks) {
    const auto result = ack.get();
    EXPECT_TRUE(result) << result.error().to_string();
  }
  const auto stored = values(a_.log("t", 0));
  ASSERT_EQ(stored.size(), 51U);
  for (std::size_t number = 0; number < 51; ++number) EXPECT_EQ(stored[number], std::to_string(number));
}

TEST_F(FailoverTest, ProducerKnowsNodesThatItWasNotTold) {
  a_.on_produce = [&](const auto&, std::size_t) { return Verdict{Verdict::Kind::kAppend, {}, b_.address()}; };
  const auto sender = producer(to({&a_}));
  ASSERT_TRUE(sender->send("t", 0, record_of(0)).get());
  a_.stop();
  ASSERT_TRUE(sender->send("t", 0, record_of(1)).get());
  ASSERT_TRUE(sender->send("t", 1, record_of(2)).get());  // of this one nobody named the leader
  EXPECT_EQ(b_.log("t", 0).size(), 1U);
  EXPECT_EQ(b_.log("t", 1).size(), 1U);
}

TEST_F(FailoverTest, ProducerSkipsServersThatDoNotAnswer) {
  a_.stop();
  const auto sender = producer(to({&a_, &b_}));
  EXPECT_TRUE(sender->send("t", 0, record_of(0)).get());
}

TEST_F(FailoverTest, UnknownOutcomeIsRetriedAndMayLeaveASecondCopy) {
  b_.on_produce = [](const auto&, std::size_t number) {
    return Verdict{number == 0 ? Verdict::Kind::kAppendDrop : Verdict::Kind::kAppend, {}, {}};
  };
  ProducerOptions options;
  options.idempotent = false;
  const auto sender = producer(to({&b_}), options);
  EXPECT_TRUE(sender->send("t", 0, record_of(0)).get());
  EXPECT_EQ(values(b_.log("t", 0)), (std::vector<std::string>{"0", "0"}));
}

TEST_F(FailoverTest, UnknownOutcomeIsAnsweredWhenTheProducerWasToldSo) {
  b_.on_produce = [](const auto&, std::size_t number) {
    return Verdict{number == 0 ? Verdict::Kind::kAppendDrop : Verdict::Kind::kAppend, {}, {}};
  };
  ProducerOptions options;
  options.idempotent = false;
  options.retry_unknown_outcome = false;
  const auto sender = producer(to({&b_}), options);
  const auto ack = sender->send("t", 0, record_of(0)).get();
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(sender->send("t", 0, record_of(1)).get());
  EXPECT_EQ(values(b_.log("t", 0)), (std::vector<std::string>{"0", "1"}));
}

TEST_F(FailoverTest, NodeThatCannotBeReachedIsNoUnknownOutcome) {
  ProducerOptions options;
  options.idempotent = false;
  options.retry_unknown_outcome = false;
  b_.stop();  // never connected: what leaves on a connection whose end is not seen yet has an unknown outcome
  a_.on_produce = [&](const auto&, std::size_t) {
    return Verdict{Verdict::Kind::kRefuse, not_leader(b_.address()), {}};
  };
  const auto sender = producer(to({&a_}), options);
  auto ack = sender->send("t", 0, record_of(1));
  EXPECT_TRUE(a_.wait_until([&] { return a_.requests().size() >= 2; }));  // it has come back
  b_.start();
  const auto result = ack.get();
  EXPECT_TRUE(result) << result.error().to_string();
}

// --- Consumer --------------------------------------------------------------------------------------------

TEST_F(FailoverTest, ConsumerGoesOnAtTheLeaderAndThenAtTheNext) {
  for (std::int64_t number = 0; number < 20; ++number) {
    for (FakeBroker* broker : {&a_, &b_, &c_}) broker->append("t", 0, {record_of(number)});
  }
  // a relays what b leads, until c does.
  std::atomic<bool> c_leads{false};
  a_.on_response = [&](v1::FetchResponse& response, std::size_t) {
    response.set_leader(b_.address());
    return true;
  };
  a_.on_subscribe = [&](const auto&, std::size_t) -> std::optional<v1::ErrorDetail> {
    if (c_leads) return not_leader(c_.address());
    return std::nullopt;
  };
  auto made = Consumer::create(to({&a_, &c_}), {.response_bytes_max = 1024});
  ASSERT_TRUE(made);
  Consumer& consumer = **made;
  ASSERT_TRUE(consumer.assign("t", {0}, OffsetSpec::start()));
  std::vector<std::string> read;
  const auto read_until = [&](std::size_t count) {
    while (read.size() < count) {
      const auto records = consumer.poll(seconds(10));
      ASSERT_TRUE(records) << records.error().to_string();
      ASSERT_FALSE(records->empty());
      for (const Record& record : *records) {
        EXPECT_EQ(record.offset, static_cast<std::int64_t>(read.size()));
        read.push_back(*record.value);
      }
    }
  };
  read_until(20);
  EXPECT_TRUE(b_.wait_until([&] { return !b_.subscriptions().empty(); }));
  for (std::int64_t number = 20; number < 30; ++number) c_.append("t", 0, {record_of(number)});
  c_leads = true;
  b_.stop();
  read_until(30);
  for (std::size_t number = 0; number < 30; ++number) EXPECT_EQ(read[number], std::to_string(number));
  const auto progress = consumer.progress({"t", 0});
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->position, 30);
}

TEST_F(FailoverTest, ConsumerPassesOverServersThatAreNotReady) {
  a_.on_subscribe = [](const auto&, std::size_t) { return detail(v1::NOT_YET, "no leader", 1); };
  b_.append("t", 0, {record_of(7)});
  auto consumer = Consumer::create(to({&a_, &b_}));
  ASSERT_TRUE(consumer);
  ASSERT_TRUE((*consumer)->assign("t", {0}, OffsetSpec::at(0)));
  const auto records = (*consumer)->poll(seconds(10));
  ASSERT_TRUE(records);
  EXPECT_EQ(values(*records), std::vector<std::string>{"7"});
}

TEST_F(FailoverTest, EndOffsetsNeverGoBack) {
  for (std::int64_t number = 0; number < 5; ++number) a_.append("t", 0, {record_of(number)});
  auto consumer = Consumer::create(to({&a_, &b_}));
  ASSERT_TRUE(consumer);
  ASSERT_TRUE((*consumer)->assign("t", {0}, OffsetSpec::at(0)));
  ASSERT_TRUE((*consumer)->poll(seconds(10)));
  a_.stop();  // b has less
  const auto ends = (*consumer)->end_offsets();
  ASSERT_TRUE(ends) << ends.error().to_string();
  EXPECT_EQ(*ends, std::vector<std::int64_t>{5});
}

// --- nodes that hang ---------------------------------------------------------------------------------------

// Real time, for gRPC's pings have no other: nothing else tells a node that hangs from a quiet one.
TEST_F(FailoverTest, NodeThatHangsIsLeftByProducerAndConsumer) {
  for (FakeBroker* broker : {&a_, &b_}) broker->append("t", 1, {record_of(0)});
  TcpRelay relay(a_.address());
  ClientOptions client = to({&b_});
  client.servers.insert(client.servers.begin(), relay.address());
  ProducerOptions options;
  options.idempotent =
      false;  // these two share no log, so that the second knows nothing of what the first took
  const auto sender = producer(client, options);
  ASSERT_TRUE(sender->send("t", 0, record_of(0)).get());
  auto made = Consumer::create(client);
  ASSERT_TRUE(made);
  Consumer& consumer = **made;
  ASSERT_TRUE(consumer.assign("t", {1}, OffsetSpec::at(0)));
  ASSERT_EQ(consumer.poll(seconds(10))->size(), 1U);
  relay.freeze();
  b_.append("t", 1, {record_of(1)});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(sender->send("t", 0, record_of(1)).get());
  EXPECT_EQ(values(b_.log("t", 0)), std::vector<std::string>{"1"});
  const auto records = consumer.poll(seconds(20));
  ASSERT_TRUE(records);
  EXPECT_EQ(values(*records), std::vector<std::string>{"1"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin,
            seconds(15));  // about 3 s on a machine that is not busy
}

// --- Admin -----------------------------------------------------------------------------------------------

TEST_F(FailoverTest, AdminGoesToTheControllerThatIsNamed) {
  a_.on_create = [&] { return not_leader(c_.address()); };
  auto admin = Admin::create(to({&a_}));
  ASSERT_TRUE(admin);
  TopicSpec spec;
  spec.name = "made";
  spec.partitions = 3;
  const auto made = (*admin)->create_topic(spec);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(c_.log("made", 2).size(), 0U);
}

TEST_F(FailoverTest, AdminTriesTheOthersWhileOneIsNotReady) {
  a_.on_list_offsets = [](std::int32_t) { return detail(v1::NOT_YET, "no leader", 1); };
  b_.append("t", 0, {record_of(0)});
  auto consumer = Consumer::create(to({&a_, &b_}));
  ASSERT_TRUE(consumer);
  ASSERT_TRUE((*consumer)->assign("t", {0}, OffsetSpec::end()));
  EXPECT_EQ(*(*consumer)->position({"t", 0}), 1);
}

}  // namespace
}  // namespace forebay::client
