// The consumer against a real gRPC stream and a broker that misbehaves. What is read when is tested in
// read_ahead_test.cc.
#include "forebay/consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "fake_broker.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLong{30};

std::unique_ptr<Consumer> consumer_for(const FakeBroker& broker, const ConsumerOptions& options = {}) {
  return std::move(
             Consumer::create({.servers = {broker.address()}, .reconnect_delay = milliseconds(1)}, options))
      .value();
}

std::vector<Record> numbered(int begin, int end) {
  std::vector<Record> records;
  for (int i = begin; i < end; ++i) {
    Record& record = records.emplace_back();
    record.key = "k" + std::to_string(i);
    record.value = std::to_string(i);
    record.event_time_ms = 100 + i;
  }
  return records;
}

// Polls until `count` records are there. The values, as numbers.
std::vector<int> read(Consumer& consumer, std::size_t count) {
  std::vector<int> values;
  while (values.size() < count) {
    const auto polled = consumer.poll(kLong);
    EXPECT_TRUE(polled.has_value()) << polled.error().to_string();
    if (!polled || polled->empty()) break;
    for (const Record& record : *polled) values.push_back(std::stoi(*record.value));
  }
  return values;
}
std::vector<int> range(int begin, int end) {
  std::vector<int> out;
  for (int i = begin; i < end; ++i) out.push_back(i);
  return out;
}

class ConsumerTest : public testing::Test {
 protected:
  ConsumerTest() { broker.add_topic("t", 2); }
  FakeBroker broker;
};

TEST_F(ConsumerTest, RecordsComeWhole) {
  Record record = numbered(0, 1)[0];
  record.headers = {{"a", "1"}, {"a", std::nullopt}, {"b", ""}};
  broker.append("t", 1, {record, Record{}});
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {1}, OffsetSpec::start()).has_value());
  const auto polled = consumer->poll(kLong);
  ASSERT_TRUE(polled.has_value());
  ASSERT_EQ(polled->size(), 2u);
  Record expected = record;
  expected.topic = "t";
  expected.partition = 1;
  expected.offset = 0;
  expected.append_time_ms = 1'000;
  expected.term = 3;
  EXPECT_EQ((*polled)[0], expected);
  EXPECT_EQ((*polled)[1].key, std::nullopt);
  EXPECT_EQ((*polled)[1].value, std::nullopt);
  EXPECT_EQ((*polled)[1].offset, 1);
  EXPECT_EQ(*consumer->position({"t", 1}), 2);
}

TEST_F(ConsumerTest, EveryCompressionIsRead) {
  int next = 0;
  for (const model::Codec codec : model::kCodecs) {
    broker.append("t", 0, numbered(next, next + 50), codec);
    next += 50;
  }
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(read(*consumer, 250), range(0, 250));
}

TEST_F(ConsumerTest, StartsWhereItIsTold) {
  for (int i = 0; i < 10; ++i) broker.append("t", 0, numbered(i * 10, i * 10 + 10));
  auto consumer = consumer_for(broker);
  for (const auto& [spec, first] : {std::pair{OffsetSpec::at(37), 37}, std::pair{OffsetSpec::start(), 0},
                                    std::pair{OffsetSpec::event_time(55), 55}}) {
    ASSERT_TRUE(consumer->assign("t", {0}, spec).has_value());
    EXPECT_EQ(*consumer->position({"t", 0}), first);
    EXPECT_EQ(read(*consumer, static_cast<std::size_t>(100 - first)), range(first, 100));
  }
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::end()).has_value());
  broker.append("t", 0, numbered(100, 103));
  EXPECT_EQ(read(*consumer, 3), range(100, 103));
  ASSERT_TRUE(
      consumer->assign("t", {0}, OffsetSpec::event_time(5'000)).has_value());  // none that late: the end
  EXPECT_EQ(*consumer->position({"t", 0}), 103);
}

TEST_F(ConsumerTest, AllPartitionsWhenNoneIsNamed) {
  broker.append("t", 0, numbered(0, 5));
  broker.append("t", 1, numbered(5, 10));
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {}, OffsetSpec::start()).has_value());
  EXPECT_EQ(consumer->assignment(), (std::vector<TopicPartition>{{"t", 0}, {"t", 1}}));
  EXPECT_THAT(read(*consumer, 10), testing::UnorderedElementsAreArray(range(0, 10)));
  EXPECT_EQ(*consumer->end_offsets(), (std::vector<std::int64_t>{5, 5}));
  consumer->unassign("t", {0});
  EXPECT_EQ(consumer->assignment(), (std::vector<TopicPartition>{{"t", 1}}));
}

TEST_F(ConsumerTest, DamagedPartitionDoesNotKeepTheOthers) {
  broker.append("t", 1, numbered(0, 5));
  broker.on_list_offsets = [](std::int32_t partition) -> std::optional<v1::ErrorDetail> {
    if (partition == 0) return detail(v1::DATA_LOSS, "gone");
    return std::nullopt;
  };
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {}, OffsetSpec::start()).has_value());
  EXPECT_EQ(consumer->assignment(), (std::vector<TopicPartition>{{"t", 0}, {"t", 1}}));
  const auto failed = consumer->poll(kLong);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(failed.error().context, testing::HasSubstr("t/0"));
  EXPECT_EQ(read(*consumer, 5), range(0, 5));
  ASSERT_EQ(consumer->failures().size(), 1u);
  EXPECT_EQ(consumer->failures()[0].partition, (TopicPartition{"t", 0}));
  EXPECT_EQ(consumer->end_offsets().error().code, ErrorCode::kDataLoss);
}

TEST_F(ConsumerTest, DamageOfAllThatIsAssignedChangesNothing) {
  broker.append("t", 0, numbered(0, 5));
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::at(2)).has_value());
  broker.on_list_offsets = [](std::int32_t) { return detail(v1::DATA_LOSS, "gone"); };
  EXPECT_EQ(consumer->assign("t", {}, OffsetSpec::start()).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(consumer->seek({"t", 0}, OffsetSpec::end()).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(consumer->assignment(), (std::vector<TopicPartition>{{"t", 0}}));
  EXPECT_EQ(read(*consumer, 3), range(2, 5));
}

TEST_F(ConsumerTest, UnknownTopicAndPartitionChangeNothing) {
  auto consumer = consumer_for(broker);
  EXPECT_EQ(consumer->assign("nope", {}, OffsetSpec::start()).error().code, ErrorCode::kUnknownTopic);
  EXPECT_EQ(consumer->assign("t", {7}, OffsetSpec::start()).error().code, ErrorCode::kUnknownPartition);
  EXPECT_EQ(consumer->assign("t", {0}, OffsetSpec::at(-1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(consumer->assignment().empty());
  EXPECT_EQ(consumer->seek({"t", 0}, OffsetSpec::start()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(consumer->pause({"t", 0}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ConsumerTest, PollReturnsEmptyInTimeAndWhenWoken) {
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_TRUE(consumer->poll(milliseconds(10))->empty());
  consumer->wake();  // before the poll
  EXPECT_TRUE(consumer->poll(std::chrono::hours(24 * 365 * 100))->empty());
  std::thread waker([&] {
    ASSERT_TRUE(broker.wait_until([&] { return broker.subscriptions().size() == 1; }));
    consumer->wake();
  });
  EXPECT_TRUE(consumer->poll_batches(milliseconds::max())->empty());
  waker.join();
}

TEST_F(ConsumerTest, BoundOfAPollIsKeptWithinABatch) {
  broker.append("t", 0, numbered(0, 100));
  auto consumer = consumer_for(broker, {.poll_records_max = 7});
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  const auto polled = consumer->poll(kLong);
  EXPECT_EQ(polled->size(), 7u);
  EXPECT_EQ(*consumer->position({"t", 0}), 7);
  const auto rest = consumer->poll_batches(kLong);  // goes on in the middle of the batch
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().begin_offset(), 7);
  EXPECT_EQ(rest->front().record_count(), 93u);
  EXPECT_EQ(rest->front().to_records().front().offset, 7);
  EXPECT_EQ(*consumer->position({"t", 0}), 100);
}

TEST_F(ConsumerTest, BatchesSayWhatTheyHold) {
  broker.append("t", 0, numbered(0, 10), model::Codec::kZstd);
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::at(4)).has_value());
  const auto polled = consumer->poll_batches(kLong);
  ASSERT_EQ(polled->size(), 1u);
  const ConsumedBatch& batch = polled->front();
  EXPECT_EQ(batch.topic(), "t");
  EXPECT_EQ(batch.partition(), 0);
  EXPECT_EQ(batch.begin_offset(), 4);
  EXPECT_EQ(batch.end_offset(), 10);
  EXPECT_EQ(batch.record_count(), 6u);
  EXPECT_EQ(batch.payload_bytes(), 6u * 3);
  EXPECT_EQ(batch.compression(), Compression::kZstd);
  EXPECT_EQ(batch.term(), 3u);
  auto cursor = batch.records();
  RecordView view;
  std::int64_t offset = 4;
  while (cursor.next(view)) {
    EXPECT_EQ(view.offset, offset);
    EXPECT_EQ(view.value, std::to_string(offset));
    EXPECT_EQ(view.event_time_ms, 100 + offset);
    ++offset;
  }
  EXPECT_EQ(offset, 10);
  EXPECT_FALSE(cursor.next(view));
}

TEST_F(ConsumerTest, SeekGoesBackAndDropsWhatWasReadAhead) {
  for (int i = 0; i < 20; ++i) broker.append("t", 0, numbered(i * 10, i * 10 + 10));
  auto consumer = consumer_for(broker, {.poll_records_max = 15});
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  read(*consumer, 15);
  ASSERT_TRUE(consumer->seek({"t", 0}, OffsetSpec::at(3)).has_value());
  EXPECT_EQ(*consumer->position({"t", 0}), 3);
  EXPECT_EQ(read(*consumer, 197), range(3, 200));
}

TEST_F(ConsumerTest, PausedPartitionHandsOutNothingUntilResumed) {
  broker.append("t", 0, numbered(0, 10));
  broker.append("t", 1, numbered(100, 110));
  auto consumer = consumer_for(broker, {.poll_records_max = 4});
  ASSERT_TRUE(consumer->assign("t", {0, 1}, OffsetSpec::start()).has_value());
  ASSERT_TRUE(consumer->pause({"t", 0}).has_value());
  EXPECT_EQ(read(*consumer, 10), range(100, 110));
  EXPECT_TRUE(consumer->poll(milliseconds(10))->empty());
  EXPECT_EQ(*consumer->position({"t", 0}), 0);
  ASSERT_TRUE(consumer->resume({"t", 0}).has_value());
  EXPECT_EQ(read(*consumer, 4), range(0, 4));
  ASSERT_TRUE(consumer->pause({"t", 0}).has_value());  // in the middle of a batch
  EXPECT_TRUE(consumer->poll(milliseconds(10))->empty());
  EXPECT_TRUE(consumer->poll_batches(milliseconds(10))->empty());
  ASSERT_TRUE(consumer->resume({"t", 0}).has_value());
  EXPECT_EQ(read(*consumer, 6), range(4, 10));
}

TEST_F(ConsumerTest, TightBoundsStillReadEverything) {
  const std::string value(10'000, 'x');
  for (int i = 0; i < 400; ++i) {
    Record record;
    record.value = value;
    broker.append("t", i % 2, {record});
  }
  auto consumer = consumer_for(broker, {.prefetch_bytes_max = 1, .response_bytes_max = 1'024});
  ASSERT_TRUE(consumer->assign("t", {}, OffsetSpec::start()).has_value());
  std::size_t records = 0;
  while (records < 400) records += consumer->poll(kLong)->size();
  EXPECT_EQ(records, 400u);
  ASSERT_EQ(broker.subscriptions().size(), 2u);
  EXPECT_EQ(broker.subscriptions()[0].max_bytes(), 1'024u);
  EXPECT_EQ(broker.subscriptions()[0].shape(), v1::SHAPE_RAW);
}

TEST_F(ConsumerTest, GoesOnExactlyAfterBrokenStreamsAndRestarts) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    FakeBroker fragile;
    fragile.add_topic("t", 1);
    for (int i = 0; i < 300; ++i) fragile.append("t", 0, numbered(i * 10, i * 10 + 10));
    std::mt19937_64 random(seed);
    fragile.on_response = [&](v1::FetchResponse& response, std::size_t number) {
      if (number > 200) return true;
      if (random() % 4 == 0) return false;
      while (response.batches_size() > 1 && random() % 3 == 0) response.mutable_batches()->RemoveLast();
      response.set_next_offset(response.batches(response.batches_size() - 1).end_offset());
      return random() % 5 != 0;
    };
    auto consumer = consumer_for(fragile, {.response_bytes_max = 1'024});
    ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
    EXPECT_EQ(read(*consumer, 3'000), range(0, 3'000));
    EXPECT_GT(fragile.subscriptions().size(), 10u);
  }
}

TEST_F(ConsumerTest, BrokerThatComesBackIsFoundAgain) {
  broker.append("t", 0, numbered(0, 10));
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(read(*consumer, 10), range(0, 10));
  broker.stop();
  EXPECT_TRUE(consumer->poll(milliseconds(50))->empty());  // no error: it is being retried
  EXPECT_TRUE(broker.wait_until([&] {
    auto polled = consumer->poll(milliseconds(10));
    return polled.has_value() && !consumer->failures().empty();
  }));
  EXPECT_EQ(consumer->failures()[0].error.code, ErrorCode::kUnavailable);
  broker.start();
  broker.append("t", 0, numbered(10, 20));
  EXPECT_EQ(read(*consumer, 10), range(10, 20));
  EXPECT_TRUE(consumer->failures().empty());
}

TEST_F(ConsumerTest, NotYetIsWaitedFor) {
  broker.append("t", 0, numbered(0, 3));
  broker.on_subscribe = [](const v1::SubscribeRequest&,
                           std::size_t number) -> std::optional<v1::ErrorDetail> {
    if (number < 3) return detail(v1::NOT_YET, "the leadership is young", 1);
    return std::nullopt;
  };
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(read(*consumer, 3), range(0, 3));
}

TEST_F(ConsumerTest, OutOfRangeIsAnErrorUnlessAResetWasAskedFor) {
  for (int i = 0; i < 10; ++i) broker.append("t", 0, numbered(i * 10, i * 10 + 10));
  broker.trim("t", 0, 50);
  auto strict = consumer_for(broker);
  ASSERT_TRUE(strict->assign("t", {0}, OffsetSpec::at(5)).has_value());
  const auto failed = strict->poll(kLong);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_THAT(failed.error().context, testing::HasSubstr("t/0 at offset 5"));
  ASSERT_EQ(strict->failures().size(), 1u);
  EXPECT_EQ(strict->failures()[0].log_start, 50);
  EXPECT_TRUE(strict->poll(milliseconds(10)).has_value());  // said once
  ASSERT_TRUE(strict->seek({"t", 0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(read(*strict, 50), range(50, 100));

  auto earliest = consumer_for(broker, {.auto_reset = AutoReset::kEarliest});
  ASSERT_TRUE(earliest->assign("t", {0}, OffsetSpec::at(5)).has_value());
  EXPECT_EQ(read(*earliest, 50), range(50, 100));
}

TEST_F(ConsumerTest, DamagedBatchIsAnErrorAfterTheGoodOnesAndNothingOfItIsHandedOut) {
  const auto damage = [](int kind, std::string& batch) {
    if (kind == 0) batch[70] = static_cast<char>(batch[70] ^ 1);     // CRC
    if (kind == 1) batch.resize(batch.size() - 1);                   // cut
    if (kind == 2) batch[11] = static_cast<char>(batch[11] ^ 0x40);  // length field
    if (kind == 3) batch[16] = 9;                                    // magic
    if (kind == 4) batch.clear();
  };
  for (int kind = 0; kind < 5; ++kind) {
    SCOPED_TRACE(kind);
    FakeBroker rotten;
    rotten.add_topic("t", 2);
    rotten.append("t", 0, numbered(0, 10));
    rotten.append("t", 0, numbered(10, 20));
    rotten.append("t", 0, numbered(20, 30));
    rotten.append("t", 1, numbered(100, 103));
    rotten.on_response = [&](v1::FetchResponse& response, std::size_t) {
      for (auto& batch : *response.mutable_batches()) {
        if (batch.begin_offset() == 10) damage(kind, *batch.mutable_batch());
      }
      return true;
    };
    auto consumer = consumer_for(rotten);
    ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
    EXPECT_EQ(read(*consumer, 10), range(0, 10));
    const auto failed = consumer->poll(kLong);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, kind == 3 ? ErrorCode::kUnsupported : ErrorCode::kCorruptBatch);
    EXPECT_EQ(*consumer->position({"t", 0}), 10);
    EXPECT_TRUE(consumer->poll(milliseconds(10))->empty());
    ASSERT_TRUE(consumer->assign("t", {1}, OffsetSpec::start()).has_value());  // others go on
    EXPECT_EQ(read(*consumer, 3), range(100, 103));
    ASSERT_TRUE(consumer->seek({"t", 0}, OffsetSpec::at(20)).has_value());
    EXPECT_EQ(read(*consumer, 10), range(20, 30));
  }
}

TEST_F(ConsumerTest, DecompressionBombIsRefused) {
  Record bomb;
  bomb.value = std::string(10'000'000, '\0');
  broker.append("t", 0, {bomb}, model::Codec::kZstd);
  auto consumer = consumer_for(broker, {.decompressed_bytes_max = 1'000'000});
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(consumer->poll(kLong).error().code, ErrorCode::kCorruptBatch);
}

TEST_F(ConsumerTest, GapFromTheBrokerIsAnError) {
  broker.append("t", 0, numbered(0, 10));
  broker.on_response = [](v1::FetchResponse& response, std::size_t) {
    response.mutable_batches(0)->set_begin_offset(5);
    return true;
  };
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(consumer->poll(kLong).error().code, ErrorCode::kInternal);
}

TEST_F(ConsumerTest, OffsetsWithoutRecordsArePassed) {
  // What compaction leaves: a batch that covers ten offsets and has two records; an empty one; and a
  // transaction marker.
  model::BatchBuilder builder;
  for (int i = 0; i < 10; ++i) {
    const std::string value = std::to_string(i);
    ASSERT_TRUE(builder.append(model::NewRecord{.value = as_bytes(value)}).has_value());
  }
  const auto original = builder.build(model::Codec::kNone).value();
  const auto header = model::RecordBatchView::parse(ByteSpan(original))->header();
  auto kept = model::BatchBuilder::rewriting(header);
  std::vector<std::byte> scratch;
  const auto visited = model::for_each_record(*model::RecordBatchView::parse(ByteSpan(original)), 1U << 20,
                                              scratch, [&](const model::RecordView& record) {
                                                const bool keep = record.offset.value() % 5 == 3;
                                                EXPECT_TRUE(!keep || kept.keep(record).has_value());
                                              });
  ASSERT_TRUE(visited.has_value());
  broker.append_raw("t", 0, std::string(as_text(kept.build(model::Codec::kNone).value())), 10);
  broker.append_raw("t", 0, std::string(as_text(model::build_empty(header))), 10);
  model::BatchBuilder marker({.base_offset = model::Offset(20), .transactional = true, .control = true});
  const std::string control_key(4, '\0');
  ASSERT_TRUE(marker.append(model::NewRecord{.key = as_bytes(control_key), .value = as_bytes(control_key)})
                  .has_value());
  broker.append_raw("t", 0, std::string(as_text(marker.build(model::Codec::kNone).value())), 1);
  auto consumer = consumer_for(broker);
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::start()).has_value());
  EXPECT_EQ(read(*consumer, 2), (std::vector<int>{3, 8}));
  EXPECT_TRUE(broker.wait_until([&] {
    return consumer->poll(milliseconds(1))->empty() && *consumer->position({"t", 0}) == 21;
  }));
  EXPECT_EQ(consumer->progress({"t", 0})->lag(), 0);
}

TEST_F(ConsumerTest, NextServerIsUsedWhenOneIsDead) {
  broker.append("t", 0, numbered(0, 3));
  FakeBroker dead;
  dead.stop();
  auto consumer = std::move(Consumer::create({.servers = {dead.address(), broker.address()},
                                              .connect_timeout = milliseconds(500)}))
                      .value();
  ASSERT_TRUE(consumer->assign("t", {0}, OffsetSpec::at(0)).has_value());  // needs no looking up
  EXPECT_EQ(read(*consumer, 3), range(0, 3));
}

TEST_F(ConsumerTest, DestructionInTheMiddleIsQuiet) {
  for (int i = 0; i < 20; ++i) broker.append("t", 0, numbered(i * 10, i * 10 + 10));
  for (int i = 0; i < 10; ++i) {
    auto consumer = consumer_for(broker);
    ASSERT_TRUE(consumer->assign("t", {}, OffsetSpec::start()).has_value());
    EXPECT_TRUE(i % 2 == 0 || consumer->poll(milliseconds(i)).has_value());
  }
}

TEST_F(ConsumerTest, BadOptionsAreNamed) {
  EXPECT_THAT(Consumer::create({}, {.response_bytes_max = 1}).error().context,
              testing::HasSubstr("response_bytes_max"));
  EXPECT_THAT(Consumer::create({}, {.poll_records_max = 0}).error().context,
              testing::HasSubstr("poll_records_max"));
}

}  // namespace
}  // namespace forebay::client
