// What a partition answers to those who read its dead letters.
#include <gtest/gtest.h>

#include "model/dead_letters.h"
#include "model/record_iterator.h"
#include "shard_harness.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;
using model::Reading;
using model::Timestamp;

// One record per time; those of the times below zero are dead letters, at the time without the sign. About
// `bytes` when it is decompressed.
std::string batch_at(const std::vector<std::int64_t>& times, std::size_t bytes = 0) {
  const std::string value(std::max<std::size_t>(1, bytes / times.size()), 'v');
  model::BatchBuilder builder;
  std::vector<model::DeadLetter> letters;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] < 0) letters.push_back({static_cast<std::int32_t>(i), 8, "wrong"});
    EXPECT_TRUE(builder.append(
        model::NewRecord{.value = as_bytes(value), .timestamp = Timestamp(std::abs(times[i]))}));
  }
  auto batch = *builder.build(model::Codec::kZstd);
  if (!letters.empty()) {
    const auto view = model::RecordBatchView::parse(batch);
    std::vector<std::byte> scratch;
    batch = *model::mark_dead_letters(*view, *model::records_of(*view, 1U << 24, scratch), letters);
  }
  return std::string(as_text(batch));
}

class DeadLetterReadTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(shard_.start()); }
  void produce(const std::vector<std::int64_t>& times, std::size_t bytes = 0) {
    auto [produced, done] = ShardHarness::slot<ProduceAck>();
    partition().produce(batch_at(times, bytes), static_cast<std::int32_t>(times.size()), Acks::kAll, 30s,
                        std::move(done));
    const auto ack = shard_.wait(produced);
    ASSERT_TRUE(ack && *ack);
  }
  Partition& partition() {
    Partition* there = shard_.set_->find(topic_partition(1));
    return there != nullptr ? *there : shard_.open(topic_partition(1));
  }
  // The begins of the batches, and where to go on.
  std::pair<std::vector<std::int64_t>, std::int64_t> fetch(std::int64_t from,
                                                           std::size_t bytes_max = 1U << 20) {
    auto [fetched, done] = ShardHarness::slot<FetchOutput>();
    partition().fetch({.from = Offset(from), .bytes_max = bytes_max, .reading = Reading::kDeadLetters},
                      std::move(done));
    const auto output = shard_.wait(fetched);
    EXPECT_TRUE(output && *output);
    std::pair<std::vector<std::int64_t>, std::int64_t> told{{}, (*output)->next.value()};
    for (const auto& frame : (*output)->frames) told.first.push_back(frame->header.begin.next_offset.value());
    return told;
  }
  Partition::Backlog backlog(std::int64_t next) {
    auto [told, done] = ShardHarness::slot<Partition::Backlog>();
    partition().backlog(Offset(next), Reading::kDeadLetters, std::move(done));
    return **shard_.wait(told);
  }
  std::optional<Offset> find(std::int64_t time, Reading reading) {
    auto [told, done] = ShardHarness::slot<Partition::TimeLookup>();
    partition().find_by_time(log::TimeKind::kEvent, Timestamp(time), reading, std::move(done));
    return (**shard_.wait(told)).offset;
  }
  using Begins = std::vector<std::int64_t>;
  ShardHarness shard_;
};

TEST_F(DeadLetterReadTest, BatchesWithoutThemArePassedOver) {
  produce({1, 2});
  produce({3, -4});   // 2, 3
  produce({5});       // 4
  produce({-6, -7});  // 5, 6
  produce({8});       // 7
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(fetch(0), std::pair(Begins({2, 5}), std::int64_t{8}));
    EXPECT_EQ(fetch(0, 1), std::pair(Begins({2}), std::int64_t{5})) << "one, whatever its size";
    EXPECT_EQ(fetch(3), std::pair(Begins({2, 5}), std::int64_t{8})) << "the batch that covers it";
    EXPECT_EQ(fetch(4), std::pair(Begins({5}), std::int64_t{8}));
    EXPECT_EQ(fetch(7), std::pair(Begins(), std::int64_t{8}));
    EXPECT_EQ(fetch(8), std::pair(Begins(), std::int64_t{8}));
    shard_.power_cut();
    ASSERT_TRUE(shard_.start());
  }
}

TEST_F(DeadLetterReadTest, WhoWaitsIsNotWokenByOtherRecords) {
  produce({1});
  auto [fetched, done] = ShardHarness::slot<FetchOutput>();
  partition().fetch({.from = Offset(0), .wait_max = 60s, .reading = Reading::kDeadLetters}, std::move(done));
  for (int i = 0; i < 20; ++i) produce({i});
  EXPECT_FALSE(fetched->has_value());
  produce({9, -9});
  const auto output = shard_.wait(fetched);
  ASSERT_TRUE(output && *output);
  ASSERT_EQ((*output)->frames.size(), 1U);
  EXPECT_EQ((*output)->frames[0]->header.begin.next_offset, Offset(21));
  EXPECT_EQ((*output)->next, Offset(23));
}

// Who reads to the end, or commits how far he is, does not wait for the next dead letter.
TEST_F(DeadLetterReadTest, WhoPassesOtherRecordsLearnsItSoon) {
  produce({-1, 2, 3});
  auto [fetched, done] = ShardHarness::slot<FetchOutput>();
  partition().fetch({.from = Offset(3), .wait_max = 1h, .reading = Reading::kDeadLetters}, std::move(done));
  produce({4});  // while it waits
  const auto output = shard_.wait(fetched);
  ASSERT_TRUE(output && *output);
  EXPECT_TRUE((*output)->frames.empty());
  EXPECT_EQ((*output)->next, Offset(4));
}

TEST_F(DeadLetterReadTest, WhoHasWaitedLearnsHowFarThereIsNone) {
  produce({1});
  auto [fetched, done] = ShardHarness::slot<FetchOutput>();
  partition().fetch({.from = Offset(0), .wait_max = 5s, .reading = Reading::kDeadLetters}, std::move(done));
  produce({2});
  const auto output = shard_.wait(fetched);
  ASSERT_TRUE(output && *output);
  EXPECT_TRUE((*output)->frames.empty());
  EXPECT_EQ((*output)->next, Offset(2));
}

TEST_F(DeadLetterReadTest, BacklogCountsThemAlone) {
  produce({1, 2, -30});
  produce({4});
  produce({-50, -60});
  produce({7});
  EXPECT_EQ(backlog(0).records, 3U);
  EXPECT_EQ(backlog(0).oldest, Timestamp(30));
  EXPECT_EQ(backlog(3).records, 2U);
  EXPECT_EQ(backlog(5).records, 1U);
  EXPECT_EQ(backlog(5).oldest, Timestamp(60));
  EXPECT_EQ(backlog(6).records, 0U);
  EXPECT_EQ(backlog(6).oldest, std::nullopt);
  EXPECT_EQ(backlog(6).bytes, 0U);
}

// So many that they are not all counted, one of them beside each hundred records.
TEST_F(DeadLetterReadTest, BacklogOfManyIsAnEstimate) {
  std::vector<std::int64_t> times(100, 1);
  times.back() = -1;
  constexpr std::int64_t kBatches = 40;
  for (std::int64_t i = 0; i < kBatches; ++i) produce(times, 1'000'000);
  const Partition::Backlog all = backlog(0);
  EXPECT_NEAR(static_cast<double>(all.records), kBatches, 1);
  EXPECT_NEAR(static_cast<double>(all.bytes),
              kBatches * static_cast<double>(batch_at(times, 1'000'000).size()), 1'000);
  EXPECT_EQ(backlog((kBatches - 5) * 100).records, 5U);
}

TEST_F(DeadLetterReadTest, SearchBeginsWithinABatchWhereTheLogDoes) {
  produce({-10, -20, 5, -30});
  auto [trimmed, done] = ShardHarness::slot<Offset>();
  partition().trim(Offset(2), std::move(done));
  ASSERT_TRUE(shard_.wait(trimmed) && shard_.wait(trimmed)->has_value());
  EXPECT_EQ(find(10, Reading::kDeadLetters), Offset(3));
}

TEST_F(DeadLetterReadTest, SearchesByTimeAreForOneOfBoth) {
  produce({10, -90, 20});
  produce({-40});
  produce({30, -50});
  EXPECT_EQ(find(20, Reading::kRecords), Offset(2));
  EXPECT_EQ(find(25, Reading::kRecords), Offset(4)) << "the dead letters between are later, and no records";
  EXPECT_EQ(find(31, Reading::kRecords), std::nullopt);
  EXPECT_EQ(find(10, Reading::kDeadLetters), Offset(1));
  EXPECT_EQ(find(91, Reading::kDeadLetters), std::nullopt);
}

}  // namespace
}  // namespace forebay::partition
