// What the producer's queue puts into one batch, when it sends it, and how much of it is out at a time.
#include <gtest/gtest.h>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

TEST(SendQueue, FirstRecordLeavesAtOnce) {
  Hands hands(default_limits());
  hands.append(0, 1);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 1u);
  EXPECT_EQ(*hands.sent[0].topic, "t");
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), std::vector<std::uint64_t>{1});
  hands.queue.acked(hands.sent[0].correlation, ack_at(42), {}, hands.now);
  hands.run();
  EXPECT_EQ(*hands.results.at(1), 42);
  EXPECT_EQ(hands.queue.stats().buffered_bytes, 0u);
}

TEST(SendQueue, EveryBatchIsBoundToItsPlaceAlsoWhenItIsSentAgain) {
  Hands hands(default_limits());
  for (std::int32_t partition = 0; partition < 2; ++partition) {
    hands.append(partition, static_cast<std::uint64_t>(partition));
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 2u);
  hands.queue.refused(hands.sent[0].correlation, {ErrorCode::kResourceExhausted, "full", 50}, hands.now);
  hands.run();
  hands.pass(std::chrono::milliseconds(60));
  ASSERT_EQ(hands.sent.size(), 3u);
  for (const SendQueue::Send& send : hands.sent) {
    EXPECT_EQ(send.destination_crc,
              model::destination_crc("t", model::PartitionIndex(send.partition), send.batch.span()));
  }
  EXPECT_NE(hands.sent[0].destination_crc, hands.sent[1].destination_crc);
}

TEST(SendQueue, GathersWhileTheWindowIsFull) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 3; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 3u);  // in_flight_per_lane_max
  for (std::uint64_t id = 4; id <= 8; ++id) {
    hands.append(0, id);
    hands.run();
  }
  ASSERT_EQ(hands.sent.size(), 3u);
  hands.queue.acked(hands.sent[0].correlation, ack_at(0), {}, hands.now);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 4u);
  EXPECT_EQ(ids_of(hands.sent[3].batch.span()), (std::vector<std::uint64_t>{4, 5, 6, 7, 8}));
}

TEST(SendQueue, ManyPartitionsGatherTooWhileTheStreamIsBusy) {
  Hands hands(default_limits());
  for (std::int32_t partition = 0; partition < 20; ++partition) {
    hands.append(partition, static_cast<std::uint64_t>(partition));
    hands.run();
  }
  EXPECT_LT(hands.sent.size(), 8u);  // not a request for every single record
  std::size_t answered = 0;
  while (answered < hands.sent.size()) {
    hands.queue.acked(hands.sent[answered++].correlation, ack_at(0), {}, hands.now);
    hands.run();
  }
  EXPECT_EQ(hands.results.size(), 20u);
}

TEST(SendQueue, PartitionsWithNothingUnderWayDoNotWaitWhileFewBytesAreOut) {
  auto limits = default_limits();
  limits.batch_bytes_max = 16 * 1024;
  Hands hands(limits);
  for (std::int32_t partition = 0; partition < 20; ++partition) {
    hands.append(partition, static_cast<std::uint64_t>(partition));
    hands.run();
  }
  EXPECT_EQ(hands.sent.size(), 20u);
  hands.append(0, 100);  // behind its own request it gathers, as ever
  hands.run();
  EXPECT_EQ(hands.sent.size(), 20u);
}

TEST(SendQueue, SlowPartitionIsNotStarvedByTheFullBatchesOfOthers) {
  auto limits = default_limits();
  limits.in_flight_per_lane_max = 5;
  Hands hands(limits);
  std::uint64_t id = 100;
  const auto keep_busy = [&] {  // more full batches than may be under way
    while (hands.queue.has_room(2'000)) hands.append(1, id++, 900);
    hands.run();
  };
  keep_busy();
  hands.append(0, 7);
  hands.run();
  const auto sent_to_0 = [&] {
    return std::count_if(hands.sent.begin(), hands.sent.end(),
                         [](const auto& s) { return s.partition == 0; });
  };
  EXPECT_EQ(sent_to_0(), 0);
  for (std::size_t answered = 0; answered < 10; ++answered) {
    hands.now += milliseconds(1);
    hands.queue.acked(hands.sent[answered].correlation, ack_at(0), {}, hands.now);
    hands.run();
    keep_busy();
  }
  EXPECT_EQ(sent_to_0(), 1);
}

TEST(SendQueue, LingerHoldsAnUnfilledBatchBackAndTimeReleasesIt) {
  auto limits = default_limits();
  limits.linger = milliseconds(5);
  Hands hands(limits);
  hands.append(0, 1);
  hands.run();
  EXPECT_TRUE(hands.sent.empty());
  ASSERT_TRUE(hands.queue.next_deadline().has_value());
  EXPECT_EQ(*hands.queue.next_deadline(), hands.now + milliseconds(5));
  hands.append(0, 2);
  hands.pass(milliseconds(5));
  ASSERT_EQ(hands.sent.size(), 1u);
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), (std::vector<std::uint64_t>{1, 2}));
}

TEST(SendQueue, FullBatchDoesNotLinger) {
  auto limits = default_limits();
  limits.linger = milliseconds(1'000);
  Hands hands(limits);
  for (std::uint64_t id = 1; id <= 20; ++id) hands.append(0, id);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);  // 2 x 9 records of 100 bytes in 1 KiB; 2 records linger
  EXPECT_LE(hands.sent[0].batch.size(), limits.batch_bytes_max);
}

TEST(SendQueue, FlushAndPressureEndLingering) {
  for (const bool flush : {true, false}) {
    auto limits = default_limits();
    limits.linger = milliseconds(60'000);
    Hands hands(limits);
    hands.append(0, 1);
    hands.run();
    EXPECT_TRUE(hands.sent.empty());
    std::uint64_t mark = 0;
    if (flush) {
      mark = hands.queue.flush(hands.now);
    } else {
      hands.queue.set_pressure(true, hands.now);
    }
    hands.run();
    ASSERT_EQ(hands.sent.size(), 1u);
    if (!flush) continue;
    EXPECT_FALSE(hands.queue.is_flushed(mark));
    hands.queue.acked(hands.sent[0].correlation, ack_at(0), {}, hands.now);
    hands.run();
    EXPECT_TRUE(hands.queue.is_flushed(mark));
  }
}

TEST(SendQueue, BlockedLaneDoesNotAskToBeWoken) {
  Hands hands(default_limits());
  for (std::uint64_t id = 1; id <= 10; ++id) {
    hands.append(0, id);
    hands.run();
  }
  hands.queue.on_time(hands.now);
  ASSERT_TRUE(hands.queue.next_deadline().has_value());
  EXPECT_GT(*hands.queue.next_deadline(), hands.now + milliseconds(1'000));  // else the alarm would spin
}

TEST(SendQueue, OneWriteAtATime) {
  Hands hands(default_limits());
  hands.write_at_once = false;
  hands.append(0, 1);
  hands.run();
  hands.append(0, 2);
  hands.append(0, 3);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 1u);
  hands.queue.write_done(0);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);
  EXPECT_EQ(ids_of(hands.sent[1].batch.span()), (std::vector<std::uint64_t>{2, 3}));
}

TEST(SendQueue, BytesInFlightAreBounded) {
  auto limits = default_limits();
  limits.in_flight_bytes_max = 3'000;
  Hands hands(limits);
  for (std::uint64_t id = 0; id < 200; ++id) hands.append(static_cast<std::int32_t>(id % 10), id);
  hands.run();
  std::size_t bytes = 0;
  for (const auto& send : hands.sent) bytes += send.batch.size();
  EXPECT_LE(bytes, 3'000u);
  EXPECT_GE(hands.sent.size(), 2u);
}

TEST(SendQueue, RecordLargerThanABatchTravelsAlone) {
  Hands hands(default_limits());
  hands.append(0, 1, 5'000);
  hands.append(0, 2);
  hands.run();
  ASSERT_EQ(hands.sent.size(), 2u);
  EXPECT_EQ(ids_of(hands.sent[0].batch.span()), std::vector<std::uint64_t>{1});
}

TEST(SendQueue, RecordLargerThanTheBufferIsRefused) {
  Hands hands(default_limits());
  const std::vector<std::byte> value(65 * 1024);
  Answer answer(std::uint64_t{1});
  const auto added =
      hands.queue.append(hands.queue.lane("t", 0), {.value = ByteSpan(value)}, answer, hands.now);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, ErrorCode::kRecordTooLarge);
}

}  // namespace
}  // namespace forebay::client
