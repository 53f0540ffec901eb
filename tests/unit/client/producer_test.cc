// The producer against a real gRPC stream and a broker that misbehaves. What the queue decides is tested in
// send_queue_test.cc.
#include "forebay/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/murmur2.h"
#include "producer_fixture.h"

namespace forebay::client {
namespace {

TEST(Producer, AckSaysWhereTheRecordIsAndWhatWasAchieved) {
  FakeBroker broker;
  broker.add_topic("orders", 3);
  auto producer = producer_for(broker);
  Record record = keyed("k", "v");
  record.headers = {{"a", "1"}, {"b", std::nullopt}};
  record.event_time_ms = 1'234;
  const Result<Ack> ack = producer->send("orders", 2, record).get();
  ASSERT_TRUE(ack.has_value()) << ack.error().to_string();
  EXPECT_EQ(*ack, (Ack{.partition = 2,
                       .offset = 0,
                       .append_time_ms = 1'000,
                       .term = 3,
                       .flushed = true,
                       .replicas_flushed = 1,
                       .replicas_total = 1}));
  const auto log = broker.log("orders", 2);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0].key, "k");
  EXPECT_EQ(log[0].value, "v");
  EXPECT_EQ(log[0].headers, record.headers);
  EXPECT_EQ(log[0].event_time_ms, 1'234);
  EXPECT_EQ(broker.requests()[0].timeout_ms(), 30'000u);
  EXPECT_EQ(broker.requests()[0].acks(), v1::ACKS_ALL);
}

TEST(Producer, NullKeyAndNullValueStayNull) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = producer_for(broker);
  ASSERT_TRUE(producer->send("t", Record{}).get().has_value());
  EXPECT_EQ(broker.log("t", 0)[0].key, std::nullopt);
  EXPECT_EQ(broker.log("t", 0)[0].value, std::nullopt);
}

TEST(Producer, KeyChoosesThePartitionAsKafkasClientsDo) {
  FakeBroker broker;
  broker.add_topic("t", 12);
  auto producer = producer_for(broker);
  // By org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 12.
  const std::map<std::string, std::int32_t> known{
      {"21", static_cast<std::int32_t>((-973932308 & 0x7fffffff) % 12)},
      {"foobar", static_cast<std::int32_t>((-790332482 & 0x7fffffff) % 12)},
      {"abc", static_cast<std::int32_t>(479470107 % 12)}};
  for (const auto& [key, partition] : known) {
    EXPECT_EQ(producer->send("t", keyed(key, "v")).get()->partition, partition) << key;
  }
  for (int i = 0; i < 50; ++i) {
    const std::string key = "key-" + std::to_string(i);
    EXPECT_EQ(producer->send("t", keyed(key, "v")).get()->partition, partition_for_key(as_bytes(key), 12));
  }
}

TEST(Producer, RecordsWithoutKeyGoAroundThePartitionsABatchEach) {
  FakeBroker broker;
  broker.add_topic("t", 4);
  auto producer = producer_for(broker, {.linger = milliseconds(60'000)});
  std::vector<std::future<Result<Ack>>> acks;
  for (int batch = 0; batch < 4; ++batch) {
    for (int i = 0; i < 10; ++i) acks.push_back(producer->send("t", record_of("v")));
    ASSERT_TRUE(producer->flush(kLong).has_value());
  }
  std::map<std::int32_t, int> records;
  for (std::size_t i = 0; i < acks.size(); ++i) {
    const Ack ack = acks[i].get().value();
    ++records[ack.partition];
    EXPECT_EQ(ack.offset, static_cast<std::int64_t>(i % 10));
  }
  EXPECT_EQ(records, (std::map<std::int32_t, int>{{0, 10}, {1, 10}, {2, 10}, {3, 10}}));
  EXPECT_EQ(broker.requests().size(), 4u);
}

TEST(Producer, RecordsWithoutKeyGoAroundAlsoWhenTheBatchesFillUp) {
  FakeBroker broker;
  broker.add_topic("t", 4);
  auto producer = producer_for(broker, {.batch_bytes_max = 1024, .linger = milliseconds(60'000)});
  std::vector<std::future<Result<Ack>>> acks;
  // No number of these is exactly a batch: each batch is closed because the next record does not fit.
  for (int i = 0; i < 80; ++i) acks.push_back(producer->send("t", record_of(std::string(200, 'x'))));
  ASSERT_TRUE(producer->flush(kLong).has_value());
  std::map<std::int32_t, int> records;
  for (auto& ack : acks) ++records[ack.get().value().partition];
  EXPECT_EQ(records, (std::map<std::int32_t, int>{{0, 20}, {1, 20}, {2, 20}, {3, 20}}));
}

TEST(Producer, EveryCompressionArrives) {
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                        Compression::kLz4, Compression::kZstd}) {
    SCOPED_TRACE(compression_name(compression));
    FakeBroker broker;
    broker.add_topic("t", 1);
    auto producer = producer_for(broker, {.compression = compression, .linger = milliseconds(1'000)});
    for (int i = 0; i < 100; ++i)
      producer->send("t", record_of(std::string(1'000, 'x') + std::to_string(i)), [](const auto&) {});
    ASSERT_TRUE(producer->flush(kLong).has_value());
    const auto log = broker.log("t", 0);
    ASSERT_EQ(log.size(), 100u);
    EXPECT_EQ(log[99].value, std::string(1'000, 'x') + "99");
    EXPECT_EQ(producer->stats().bytes_sent < 50'000, compression != Compression::kNone);
  }
}

TEST(Producer, UnknownTopicAndPartitionAreAnswered) {
  FakeBroker broker;
  broker.add_topic("t", 2);
  auto producer = producer_for(broker);
  EXPECT_EQ(producer->send("nope", record_of("v")).get().error().code, ErrorCode::kUnknownTopic);
  const auto far = producer->send("t", 2, record_of("v")).get();
  ASSERT_FALSE(far.has_value());
  EXPECT_EQ(far.error().code, ErrorCode::kUnknownPartition);
  EXPECT_EQ(producer->send("t", -1, record_of("v")).get().error().code, ErrorCode::kInvalidArgument);
  broker.add_topic("nope", 1);  // and it is not remembered
  EXPECT_TRUE(producer->send("nope", record_of("v")).get().has_value());
}

TEST(Producer, PartitionsAddedLaterAreFound) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = producer_for(broker);
  ASSERT_TRUE(producer->send("t", record_of("v")).get().has_value());
  broker.add_topic("t", 3);
  ASSERT_TRUE(broker.wait_until([&] { return producer->send("t", 2, record_of("v")).get().has_value(); }));
}

TEST(Producer, CloseAnswersWhatIsLeftOnceAndRefusesTheRest) {
  FakeBroker broker;
  broker.add_topic("t", 2);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
    return FakeBroker::Verdict{Kind::kHold, {}};
  };
  auto producer = producer_for(broker);
  std::vector<std::future<Result<Ack>>> acks;
  for (int i = 0; i < 100; ++i) acks.push_back(producer->send("t", i % 2, record_of("v")));
  EXPECT_EQ(producer->close(milliseconds(10)).error().code, ErrorCode::kTimedOut);
  for (auto& ack : acks) {
    ASSERT_EQ(ack.wait_for(seconds(0)), std::future_status::ready);
    EXPECT_EQ(ack.get().error().code, ErrorCode::kCancelled);
  }
  EXPECT_EQ(producer->send("t", record_of("v")).get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(producer->close(milliseconds(10)).has_value());
}

TEST(Producer, DestructorAnswersToo) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
    return FakeBroker::Verdict{Kind::kHold, {}};
  };
  auto producer = producer_for(broker);
  auto ack = producer->send("t", record_of("v"));
  producer.reset();
  EXPECT_EQ(ack.get().error().code, ErrorCode::kCancelled);
}

TEST(Producer, CloseSendsWhatLingers) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = producer_for(broker, {.linger = milliseconds(60'000)});
  auto ack = producer->send("t", record_of("v"));
  EXPECT_TRUE(producer->close(kLong).has_value());
  EXPECT_TRUE(ack.get().has_value());
}

TEST(Producer, WindowBoundsWhatIsUnanswered) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
    return FakeBroker::Verdict{Kind::kHold, {}};
  };
  auto producer = producer_for(broker, {.batch_bytes_max = 1024, .in_flight_per_partition_max = 2});
  std::vector<std::future<Result<Ack>>> acks;
  for (int i = 0; i < 20; ++i) acks.push_back(producer->send("t", record_of(std::string(900, 'x'))));
  ASSERT_TRUE(broker.wait_until([&] { return broker.requests().size() == 2; }));
  EXPECT_EQ(producer->flush(milliseconds(50)).error().code, ErrorCode::kTimedOut);
  EXPECT_EQ(broker.requests().size(), 2u);
  broker.release();
  for (auto& ack : acks) EXPECT_TRUE(ack.get().has_value());
}

TEST(Producer, FullBufferFailsOrBlocksAsAsked) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.on_produce = [](const v1::ProduceRequest&, std::size_t) {
    return FakeBroker::Verdict{Kind::kHold, {}};
  };
  const ProducerOptions tight{.batch_bytes_max = 4096, .buffer_bytes_max = 16 * 1024};
  auto failing_options = tight;
  failing_options.when_full = WhenFull::kFail;
  auto failing = producer_for(broker, failing_options);
  int refused = 0;
  std::vector<std::future<Result<Ack>>> acks;
  for (int i = 0; i < 40; ++i) acks.push_back(failing->send("t", record_of(std::string(1'000, 'x'))));
  EXPECT_LE(failing->stats().buffered_bytes, tight.buffer_bytes_max + tight.batch_bytes_max);
  for (auto& ack : acks) {
    if (ack.wait_for(seconds(0)) == std::future_status::ready) ++refused;
  }
  EXPECT_GT(refused, 20);

  auto impatient_options = tight;
  impatient_options.block_timeout = milliseconds(50);
  auto impatient = producer_for(broker, impatient_options);
  ErrorCode last = ErrorCode::kInternal;
  std::vector<std::future<Result<Ack>>> blocked_acks;
  for (int i = 0; i < 20 && last != ErrorCode::kResourceExhausted; ++i) {
    auto ack = impatient->send("t", record_of(std::string(1'000, 'x')));
    if (ack.wait_for(seconds(0)) == std::future_status::ready) {
      last = ack.get().error().code;
    } else {
      blocked_acks.push_back(std::move(ack));
    }
  }
  EXPECT_EQ(last, ErrorCode::kResourceExhausted);

  std::atomic<int> sent{0};
  auto patient = producer_for(broker, tight);
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) {
      patient->send("t", record_of(std::string(1'000, 'x')),
                    [](const Result<Ack>& ack) { EXPECT_TRUE(ack.has_value()); });
      ++sent;
    }
  });
  ASSERT_TRUE(broker.wait_until([&] { return sent > 5; }));
  EXPECT_LT(sent, 100);
  broker.release();
  sender.join();
  EXPECT_TRUE(patient->flush(kLong).has_value());
}

TEST(Producer, CallbackMaySendAndDoesNotWaitForRoom) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  auto producer = producer_for(broker, {.batch_bytes_max = 1024, .buffer_bytes_max = 4096});
  std::promise<void> done;
  std::atomic<int> left{200};
  std::function<void(const Result<Ack>&)> again = [&](const Result<Ack>& ack) {
    EXPECT_TRUE(ack.has_value());
    if (--left == 0) return done.set_value();
    producer->send("t", record_of("next"), again);
  };
  producer->send("t", record_of("first"), again);
  ASSERT_EQ(done.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(broker.log("t", 0).size(), 200u);
}

TEST(Producer, TokensComeBackInRuns) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  Sink sink;
  auto producer = producer_for(broker, {.linger = milliseconds(1'000), .sink = &sink});
  for (std::uint64_t token = 0; token < 100; ++token) {
    ASSERT_TRUE(producer
                    ->send_token("t", -1,
                                 {.key = std::nullopt, .value = "v", .headers = {}, .event_time_ms = 5},
                                 token)
                    .has_value());
  }
  ASSERT_TRUE(producer->flush(kLong).has_value());
  EXPECT_EQ(sink.calls, 1u);
  ASSERT_EQ(sink.offsets.size(), 100u);
  for (const auto& [token, offset] : sink.offsets) EXPECT_EQ(offset, static_cast<std::int64_t>(token));
  EXPECT_EQ(producer_for(broker)->send_token("t", -1, {}, 1).error().code, ErrorCode::kInvalidArgument);
}

TEST(Producer, BatchesAreAsSmallAsTheTopicWantsThem) {
  for (const Compression compression : {Compression::kNone, Compression::kSnappy}) {
    FakeBroker broker;
    broker.add_topic("t", 2);
    broker.say_batch_bytes_max(2'000);
    std::size_t largest = 0;
    broker.on_produce = [&](const v1::ProduceRequest& request, std::size_t) {
      largest = std::max(largest, request.batch().size());
      return FakeBroker::Verdict{};
    };
    auto producer = producer_for(broker, {.compression = compression, .linger = milliseconds(60'000)});
    std::minstd_rand random(1);
    std::vector<std::future<Result<Ack>>> acks;
    for (int i = 0; i < 100; ++i) {
      std::string value(100, ' ');
      for (char& c : value) c = static_cast<char>(random());  // does not compress
      acks.push_back(producer->send("t", keyed(std::to_string(i), value)));
    }
    ASSERT_TRUE(producer->flush(kLong).has_value());
    for (auto& ack : acks) EXPECT_TRUE(ack.get().has_value());
    EXPECT_LE(largest, 2'000u);
    EXPECT_GT(largest, 1'000u);  // not one by one
  }
}

TEST(Producer, RecordThatTheTopicCannotTakeIsRefusedAtOnce) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.say_batch_bytes_max(2'000);
  auto producer = producer_for(broker);
  const auto refused = producer->send("t", record_of(std::string(2'000, 'x'))).get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kRecordTooLarge);
  EXPECT_THAT(refused.error().context,
              testing::HasSubstr("topic 't' takes at most 2000 (max.message.bytes)"));
  EXPECT_TRUE(producer->send("t", record_of(std::string(1'900, 'x'))).get().has_value());
  EXPECT_EQ(broker.requests().size(), 1u);
}

TEST(Producer, RefusedBatchMakesItLookAtTheLimitAgain) {
  FakeBroker broker;
  broker.add_topic("t", 1);
  broker.say_batch_bytes_max(5'000);
  broker.on_produce = [&](const v1::ProduceRequest& request, std::size_t) {
    if (request.batch().size() <= 2'000) return FakeBroker::Verdict{};
    return FakeBroker::Verdict{Kind::kRefuse, detail(v1::RECORD_TOO_LARGE, "too large")};
  };
  auto producer = producer_for(broker);
  ASSERT_TRUE(producer->send("t", record_of("v")).get().has_value());
  broker.say_batch_bytes_max(2'000);
  const std::string large(3'000, 'x');
  bool refused_here = false;
  for (int tries = 0; tries < 2'000 && !refused_here; ++tries) {  // until then the broker does it
    const auto refused = producer->send("t", record_of(large)).get();
    ASSERT_FALSE(refused.has_value());
    refused_here = refused.error().context.find("max.message.bytes") != std::string::npos;
  }
  EXPECT_TRUE(refused_here);
}

TEST(Producer, BadOptionsAreNamed) {
  const auto refused = [](const ProducerOptions& options) {
    return Producer::create({}, options).error().context;
  };
  EXPECT_THAT(refused({.batch_bytes_max = 10}), testing::HasSubstr("batch_bytes_max"));
  EXPECT_THAT(refused({.linger = milliseconds(-1)}), testing::HasSubstr("linger"));
  EXPECT_THAT(refused({.in_flight_per_partition_max = 0}), testing::HasSubstr("in_flight_per_partition_max"));
  EXPECT_THAT(refused({.in_flight_per_partition_max = 6}), testing::HasSubstr("idempotent"));
  EXPECT_THAT(refused({.acks = Acks::kLeader, .idempotent = true}), testing::HasSubstr("acks"));
  EXPECT_TRUE(Producer::create({}, {.acks = Acks::kLeader, .in_flight_per_partition_max = 6}).has_value());
  EXPECT_TRUE(Producer::create({}, {.idempotent = false, .in_flight_per_partition_max = 6}).has_value());
  EXPECT_THAT(refused({.buffer_bytes_max = 10}), testing::HasSubstr("buffer_bytes_max"));
  EXPECT_THAT(refused({.delivery_timeout = milliseconds(0)}), testing::HasSubstr("delivery_timeout"));
  for (const char* server :
       {"nohost", ":7400", "host:", "host:0", "host:65536", "host:7x", "a b:1", "::1:7400"}) {
    EXPECT_EQ(Producer::create({.servers = {server}}).error().code, ErrorCode::kInvalidArgument) << server;
  }
  EXPECT_FALSE(Producer::create({.servers = {}}).has_value());
}

}  // namespace
}  // namespace forebay::client
