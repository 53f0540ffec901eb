// Named producers against a broker that keeps their positions: whatever dies when, each record is there once.
#include "forebay/named_producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>

#include "fake_broker.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using Kind = FakeBroker::Verdict::Kind;

constexpr std::chrono::seconds kLong{60};

// Records 1, 2, ... with their numbers as positions and values; every third has a key.
struct Numbered {
  explicit Numbered(std::uint64_t number)
      : value(std::to_string(number)), key("key-" + std::to_string(number % 5)) {
    view.value = value;
    if (number % 3 == 0) view.key = key;
  }
  std::string value;
  std::string key;
  RecordView view;
};

class NamedProducerTest : public testing::Test {
 protected:
  void SetUp() override { broker_.add_topic("t", 3); }
  [[nodiscard]] Result<std::unique_ptr<NamedProducer>> resume(NamedProducerOptions options = {}) {
    options.name = "import";
    options.topic = "t";
    if (options.source.empty()) options.source = "file";
    options.producer.batch_bytes_max = 1024;
    options.producer.retry_delay = milliseconds(1);
    return NamedProducer::resume(
        {.servers = {broker_.address()}, .reconnect_delay = milliseconds(1), .client_id = "importer"},
        options);
  }
  // Sends up to `end`; returns how many were not there yet.
  std::size_t send(NamedProducer& producer, std::uint64_t end) {
    std::size_t sent = 0;
    for (std::uint64_t number = producer.start_after().value_or(0) + 1; number <= end; ++number) {
      const auto one = producer.send(number, Numbered(number).view, [this](const Result<Ack>& ack) {
        if (!ack) ++failed_;
        ++answered_;
        answered_.notify_all();
      });
      if (!one) break;
      sent += *one ? 1 : 0;
    }
    return sent;
  }
  void wait_for_answers(std::size_t count) {
    for (std::size_t seen = answered_; seen < count; seen = answered_) answered_.wait(seen);
  }
  void expect_each_once(std::uint64_t end) {
    std::set<std::uint64_t> all;
    for (std::int32_t partition = 0; partition < 3; ++partition) {
      std::uint64_t last = 0;
      for (const Record& record : broker_.log("t", partition)) {
        const std::uint64_t number = std::stoull(*record.value);
        EXPECT_GT(number, last);
        last = number;
        EXPECT_TRUE(all.insert(number).second);
      }
    }
    EXPECT_EQ(all.size(), end);
  }
  FakeBroker broker_;
  std::atomic<int> failed_{0};
  std::atomic<std::size_t> answered_{0};
};

TEST_F(NamedProducerTest, SecondRunSendsOnlyWhatIsMissing) {
  auto first = resume().value();
  EXPECT_EQ(first->start_after(), std::nullopt);
  EXPECT_EQ(send(*first, 100), 100u);
  EXPECT_TRUE(first->close(kLong));
  auto second = resume().value();
  ASSERT_TRUE(second->start_after().has_value());
  EXPECT_EQ(second->furthest(), 100u);
  EXPECT_EQ(send(*second, 150), 50u);
  EXPECT_TRUE(second->close(kLong));
  EXPECT_EQ(failed_, 0);
  expect_each_once(150);
}

TEST_F(NamedProducerTest, RunsThatDieAnywhereLeaveEachRecordOnce) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::mt19937_64 moments(seed);
    broker_.on_produce = [&](const v1::ProduceRequest&, std::size_t) {
      const auto roll = random() % 10;
      return FakeBroker::Verdict{roll == 0   ? Kind::kDrop
                                 : roll == 1 ? Kind::kAppendDrop
                                             : Kind::kAppend,
                                 {},
                                 {}};
    };
    std::size_t runs = 0;
    for (bool done = false; !done && runs < 100; ++runs) {
      auto producer = resume().value();
      const std::uint64_t end = std::min<std::uint64_t>(2'000 * seed, producer->furthest().value_or(0) + 700);
      answered_ = 0;
      const std::size_t sent = send(*producer, end);
      // It dies with some of them under way; at least half have arrived, so that the runs come to an end.
      if (sent > 0) wait_for_answers(sent / 2 + moments() % sent / 2);
      done = end == 2'000 * seed && producer->close(kLong).has_value() && failed_ == 0;
      producer.reset();  // with what is under way
      failed_ = 0;
    }
    EXPECT_GT(runs, 1u);
    expect_each_once(2'000 * seed);
  }
}

TEST_F(NamedProducerTest, NewerSessionStopsTheOlderOne) {
  auto first = resume().value();
  EXPECT_EQ(send(*first, 10), 10u);
  ASSERT_TRUE(first->flush(kLong));
  auto second = resume().value();
  std::optional<ErrorCode> code;
  ASSERT_TRUE(first->send(11, Numbered(11).view, [&](const Result<Ack>& ack) { code = ack.error().code; }));
  ASSERT_TRUE(first->flush(kLong));
  EXPECT_EQ(code, ErrorCode::kProducerFenced);
  EXPECT_EQ(first->send(12, Numbered(12).view, {}).error().code, ErrorCode::kProducerFenced);
  EXPECT_EQ(send(*second, 20), 10u);
  EXPECT_TRUE(second->close(kLong));
  expect_each_once(20);
}

TEST_F(NamedProducerTest, NameWhoseEpochsAreUsedUpGoesOnWhereItWas) {
  auto first = resume().value();
  EXPECT_EQ(send(*first, 100), 100u);
  ASSERT_TRUE(first->flush(kLong));
  broker_.use_up_epochs("import");
  auto second = resume().value();
  EXPECT_EQ(second->furthest(), 100u);
  std::optional<ErrorCode> code;
  ASSERT_TRUE(first->send(101, Numbered(101).view, [&](const Result<Ack>& ack) {
    code = ack ? ErrorCode::kInternal : ack.error().code;
  }));
  ASSERT_TRUE(first->flush(kLong));
  EXPECT_EQ(code, ErrorCode::kProducerFenced);
  second.reset();
  // Of the id before something counts as long as a partition has nothing of this one.
  auto third = resume().value();
  EXPECT_EQ(send(*third, 101), 1u);
  EXPECT_TRUE(third->close(kLong));
  auto fourth = resume().value();
  EXPECT_EQ(fourth->furthest(), 101u);
  EXPECT_EQ(send(*fourth, 150), 49u);
  EXPECT_TRUE(fourth->close(kLong));
  expect_each_once(150);
}

TEST_F(NamedProducerTest, SaysWhichClientItIs) {
  std::string named;
  broker_.on_init_producer = [&](const v1::InitProducerRequest& request,
                                 std::size_t) -> std::optional<v1::ErrorDetail> {
    named = request.client_id();
    return std::nullopt;
  };
  auto producer = resume().value();
  EXPECT_EQ(named, "importer");
  send(*producer, 10);
  ASSERT_TRUE(producer->flush(kLong));
  send(*producer, 20);
  ASSERT_TRUE(producer->close(kLong));
  const auto requests = broker_.requests();
  ASSERT_GT(requests.size(), 1u);
  EXPECT_EQ(requests.front().client_id(), "importer");
  EXPECT_EQ(requests.back().client_id(), "") << "the stream has said it";
}

TEST_F(NamedProducerTest, RefusedRecordStopsItAndTheNextRunBeginsThere) {
  broker_.on_produce = [&](const v1::ProduceRequest&, std::size_t number) {
    return FakeBroker::Verdict{
        number == 3 ? Kind::kRefuse : Kind::kAppend, detail(v1::INVALID_RECORD, "bad"), {}};
  };
  auto first = resume().value();
  send(*first, 1'000);
  (void)first->close(kLong);
  EXPECT_GT(failed_, 0);
  auto second = resume().value();
  send(*second, 1'000);
  EXPECT_TRUE(second->close(kLong));
  expect_each_once(1'000);
}

TEST_F(NamedProducerTest, WhatDoesNotMatchTheEarlierRunIsRefused) {
  auto first = resume().value();
  send(*first, 10);
  ASSERT_TRUE(first->close(kLong));
  EXPECT_EQ(resume({.source = "another"}).error().code, ErrorCode::kFailedPrecondition);
  const auto same = [](std::string_view stored) { return stored == "file"; };
  EXPECT_TRUE(resume({.source = "another", .is_same_source = same}));
  broker_.add_topic("t", 4);
  const auto refused = resume();
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().context, testing::HasSubstr("has 4 partitions, and had 3"));
}

TEST_F(NamedProducerTest, WaitsForAPartitionThatCannotAnswerYet) {
  broker_.on_fence = [](std::int32_t partition, std::size_t number) -> std::optional<v1::ErrorDetail> {
    if (partition == 1 && number == 0) return detail(v1::NOT_YET, "the leadership is young");
    return std::nullopt;
  };
  EXPECT_TRUE(resume());
}

TEST_F(NamedProducerTest, BadPositionsAndOptionsAreNamed) {
  auto producer = resume().value();
  ASSERT_TRUE(producer->send(5, Numbered(5).view, [](const Result<Ack>&) {}));
  EXPECT_EQ(producer->send(5, Numbered(5).view, {}).error().code, ErrorCode::kInvalidArgument);
  const auto refused = [](const NamedProducerOptions& options) {
    return NamedProducer::resume({}, options).error().context;
  };
  EXPECT_THAT(refused({.name = "a b", .topic = "t"}), testing::HasSubstr("name must"));
  EXPECT_THAT(refused({.name = "a"}), testing::HasSubstr("topic"));
  EXPECT_THAT(refused({.name = "a", .topic = "t", .source = std::string(252, 'x')}),
              testing::HasSubstr("source"));
  EXPECT_THAT(refused({.name = "a", .topic = "t", .producer = {.acks = Acks::kLeader}}),
              testing::HasSubstr("acks"));
}

}  // namespace
}  // namespace forebay::client
