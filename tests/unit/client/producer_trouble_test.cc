// The producer against a broker that refuses, is silent, goes and comes back: whom it asks again, and what
// its user is told.
#include "forebay/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "producer_fixture.h"

namespace forebay::client {
namespace {

TEST(Producer, FatalRefusalReachesTheCaller) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
    return FakeBroker::Verdict{Kind::kRefuse, detail(v1::RECORD_TOO_LARGE, "max.message.bytes is 10")};
  };
  auto producer = producer_for(broker);
  const auto result = producer->send("t", record_of("v")).get();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(result.error().context, "max.message.bytes is 10");
  EXPECT_EQ(broker.requests().size(), 1u);
}

TEST(Producer, RetryableRefusalIsRepeated) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t number) {
    if (number < 3) return FakeBroker::Verdict{Kind::kRefuse, detail(v1::RESOURCE_EXHAUSTED, "wait", 1)};
    return FakeBroker::Verdict{};
  };
  auto producer = producer_for(broker, {.retry_delay = milliseconds(1)});
  EXPECT_EQ(producer->send("t", record_of("v")).get()->offset, 0);
  EXPECT_EQ(producer->stats().batches_retried, 3u);
}

TEST(Producer, DeliveryTimeoutIsHonouredWhateverTheBrokerDoes) {
  for (const bool reachable : {true, false}) {
    FakeBroker broker;
    broker.add_topic("t", 1);
    broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
      return FakeBroker::Verdict{Kind::kHold, {}};
    };
    auto producer = producer_for(broker, {.delivery_timeout = milliseconds(100)});
    auto first = producer->send("t", record_of("v"));
    if (!reachable) broker.stop();
    const auto begin = std::chrono::steady_clock::now();
    const auto result = first.get();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kTimedOut);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(20));
    EXPECT_EQ(producer->stats().buffered_bytes, 0u);
  }
}

TEST(Producer, NextServerIsUsedWhenOneIsDead) {
  FakeBroker dead;
  dead.stop();
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = std::move(Producer::create({.servers = {dead.address(), broker.address()},
                                              .connect_timeout = seconds(2)},
                                             {.block_timeout = milliseconds(2'000)}))
                      .value();
  EXPECT_TRUE(producer->send("t", record_of("v")).get().has_value());
}

TEST(Producer, DeadServerTakesNoTimeFromTheNextOne) {
  FakeBroker dead;
  dead.stop();
  FakeBroker broker;
  broker.add_topic("t", 1);
  // Waiting for the dead one for its share of the time to connect would take all that send() has.
  auto producer = std::move(Producer::create({.servers = {dead.address(), broker.address()},
                                              .connect_timeout = seconds(600)},
                                             {.block_timeout = milliseconds(5'000)}))
                      .value();
  const Result<Ack> ack = producer->send("t", record_of("v")).get();
  EXPECT_TRUE(ack.has_value()) << ack.error().to_string();
}

TEST(Producer, BrokerThatComesBackIsFoundAgain) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = producer_for(broker);
  ASSERT_TRUE(producer->send("t", record_of("1")).get().has_value());
  broker.stop();
  auto waiting = producer->send("t", record_of("2"));
  broker.start();
  EXPECT_TRUE(waiting.get().has_value());
  const auto log = broker.log("t", 0);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1].value, "2");
}

TEST(Producer, BatchThatWasStoredIsAcknowledgedAsADuplicateWithItsFirstPlace) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t number) {
    return FakeBroker::Verdict{number == 1 ? Kind::kAppendDrop : Kind::kAppend, {}, {}};
  };
  auto producer = producer_for(broker);
  ASSERT_TRUE(producer->send("t", record_of("1")).get().has_value());
  const auto ack = producer->send("t", record_of("2")).get();
  ASSERT_TRUE(ack.has_value()) << ack.error().to_string();
  EXPECT_EQ(ack->offset, 1);
  EXPECT_TRUE(ack->duplicate);
  EXPECT_EQ(producer->stats().duplicates, 1u);
  EXPECT_EQ(broker.log("t", 0).size(), 2u);
}

TEST(Producer, IdentityIsAskedForOnceAndAgainAfterAFailure) {
  FakeBroker broker;
  broker.add_topic("t", 2);
  std::atomic<int> asked{0};
  broker.on_init_producer = [&](const v1::InitProducerRequest&,
                                std::size_t number) -> std::optional<v1::ErrorDetail> {
    ++asked;
    if (number == 0) return detail(v1::STORAGE_FAILED, "not now");
    if (number == 1) return detail(v1::INTERNAL, "not now");
    return std::nullopt;
  };
  auto producer = producer_for(broker);
  EXPECT_EQ(producer->send("t", 0, record_of("1")).get().error().code, ErrorCode::kStorageFailed);
  EXPECT_TRUE(producer->send("t", 0, record_of("2")).get().has_value());
  EXPECT_TRUE(producer->send("t", 1, record_of("3")).get().has_value());
  EXPECT_EQ(asked, 3);
}

TEST(Producer, BrokerWithoutProducerIdsIsNamedWithTheWayOut) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_init_producer = [](const v1::InitProducerRequest&, std::size_t) {
    return std::optional<v1::ErrorDetail>(detail(v1::UNSUPPORTED, "no such method"));
  };
  const auto ack = producer_for(broker)->send("t", record_of("1")).get();
  ASSERT_FALSE(ack.has_value());
  EXPECT_EQ(ack.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(ack.error().context, testing::HasSubstr("ProducerOptions::idempotent"));
  EXPECT_TRUE(producer_for(broker, {.idempotent = false})->send("t", record_of("2")).get().has_value());
}

TEST(Producer, LossOfAcknowledgedRecordsIsTold) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t number) {
    FakeBroker::Verdict verdict;
    if (number != 2) return verdict;
    verdict.kind = Kind::kRefuse;
    verdict.error = detail(v1::EARLY_ACK_LOST, "the copies that had it are gone");
    verdict.error.set_last_sequence(0);
    return verdict;
  };
  std::vector<std::string> told;
  ProducerOptions options;
  options.on_early_ack_loss = [&](const EarlyAckLoss& loss) {
    told.push_back(std::string(loss.topic) + "/" + std::to_string(loss.partition) + ": " +
                   std::to_string(loss.records));
  };
  auto producer = producer_for(broker, options);
  for (const char* value : {"1", "2", "3"})
    EXPECT_TRUE(producer->send("t", record_of(value)).get().has_value());
  producer.reset();
  EXPECT_THAT(told, testing::ElementsAre("t/0: 1"));
}

// Several threads send while the broker refuses, drops streams after and before it appended, and restarts.

TEST(Producer, TroubleLosesNoAnswerAndKeepsTheOrder) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SCOPED_TRACE(seed);
    FakeBroker broker;
    broker.add_topic("t", 3);
    std::mt19937_64 random(seed);
    bool heal = false;
    broker.on_produce = [&](const v1::ProduceRequest&, std::size_t number) -> FakeBroker::Verdict {
      if (heal || number > 400) return {};
      switch (random() % 12) {
        case 0:
          return {Kind::kDrop, {}};
        case 1:
          return {Kind::kAppendDrop, {}};
        case 2:
        case 3:
          return {Kind::kRefuse, detail(v1::RESOURCE_EXHAUSTED, "busy", 1)};
        case 4:
          return {Kind::kRefuse, detail(v1::NOT_YET, "young")};
        default:
          return {};
      }
    };
    auto producer =
        std::move(Producer::create({.servers = {broker.address()}, .reconnect_delay = milliseconds(1)},
                                   {.batch_bytes_max = 2048,
                                    .retry_delay = milliseconds(1),
                                    .retry_delay_max = milliseconds(5)}))
            .value();
    constexpr int kThreads = 3;
    constexpr int kRecords = 2'000;
    std::vector<std::vector<std::future<Result<Ack>>>> acks(kThreads);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kRecords; ++i) {
          acks[static_cast<std::size_t>(thread)].push_back(
              producer->send("t", thread, record_of(std::to_string(i) + std::string(40, '.'))));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_TRUE(producer->flush(kLong).has_value());
    for (int thread = 0; thread < kThreads; ++thread) {
      const auto log = broker.log("t", thread);
      for (int i = 0; i < kRecords; ++i) {
        const auto ack = acks[static_cast<std::size_t>(thread)][static_cast<std::size_t>(i)].get();
        ASSERT_TRUE(ack.has_value()) << ack.error().to_string();
        ASSERT_EQ(std::stoi(*log.at(static_cast<std::size_t>(ack->offset)).value), i);
      }
      EXPECT_EQ(log.size(), static_cast<std::size_t>(kRecords));  // each once
    }
  }
}

}  // namespace
}  // namespace forebay::client
