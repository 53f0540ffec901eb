// Idempotent producers over a change of the leader: what one replica has judged by its own log, another
// judges by what it has followed, or was given.
#include <gtest/gtest.h>

#include "replica_world.h"

namespace forebay::partition {
namespace {

using namespace std::chrono_literals;
using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;

using AckSlot = std::shared_ptr<std::optional<Result<ProduceAck>>>;

class PartitionReplicasTest : public testing::TestWithParam<std::size_t> {
 protected:
  AckSlot send(ReplicaNode& node, std::int64_t id, std::int32_t sequence) {
    auto [result, done] = ShardHarness::slot<ProduceAck>();
    node.partition()->produce({idempotent_batch(id, 0, sequence), 1, Acks::kAll, 30s}, std::move(done));
    return result;
  }
  // Again as long as it is asked to: a state is loaded, or leadership has just come.
  Result<ProduceAck> produce(ReplicaNode& node, std::int64_t id, std::int32_t sequence) {
    for (int tries = 0; tries < 100; ++tries) {
      const AckSlot ack = send(node, id, sequence);
      if (!world_.run_until([&] { return ack->has_value(); })) break;
      if (**ack || (*ack)->error().code != ErrorCode::kNotYet) return **ack;
      world_.run_for(100ms);
    }
    return Error{ErrorCode::kTimedOut, "never answered"};
  }
  void trim(ReplicaNode& node) {
    auto [trimmed, done] = ShardHarness::slot<Offset>();
    node.partition()->trim(std::nullopt, std::move(done));
    ASSERT_TRUE(world_.run_until([&, slot = trimmed] { return slot->has_value(); }));
    ASSERT_TRUE(**trimmed) << (*trimmed)->error().to_string();
  }
  ReplicaWorld world_{ProducerLimits{.in_memory_per_client = GetParam()}};
};

// What it has appended and lost is as if it had never come.
TEST_P(PartitionReplicasTest, DeposedLeaderJudgesByWhatIsLeft) {
  ReplicaNode* first = world_.leader();
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(produce(*first, 1, 0));
  ASSERT_TRUE(world_.settle());
  world_.isolate(*first);
  const AckSlot lost = send(*first, 1, 1);
  static_cast<void>(send(*first, 7, 0));
  static_cast<void>(send(*first, 9, 0));
  ReplicaNode* second = world_.leader(first);
  ASSERT_NE(second, nullptr);
  const auto stored = produce(*second, 7, 0);
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_FALSE(stored->duplicate);
  world_.network().heal_all();
  ASSERT_TRUE(world_.run_until([&] { return lost->has_value(); }));
  EXPECT_EQ((*lost)->error().code, ErrorCode::kOutcomeUnknown);
  ASSERT_TRUE(world_.lead(*first));
  const auto copy = produce(*first, 7, 0);
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->duplicate);
  EXPECT_EQ(copy->base_offset, stored->base_offset);
  EXPECT_EQ(produce(*first, 9, 1).error().code, ErrorCode::kUnknownProducer);
  EXPECT_FALSE(produce(*first, 9, 0)->duplicate);
  EXPECT_TRUE(produce(*first, 1, 0)->duplicate);
  EXPECT_FALSE(produce(*first, 1, 1)->duplicate);
}

TEST_P(PartitionReplicasTest, FollowerKnowsWhomItsLeaderKnew) {
  constexpr std::int64_t kMany = 40;
  ReplicaNode* first = world_.leader();
  ASSERT_NE(first, nullptr);
  for (std::int64_t id = 0; id < kMany; ++id) ASSERT_TRUE(produce(*first, id, 0));
  for (std::int64_t id = 0; id < kMany; id += 2) ASSERT_TRUE(produce(*first, id, 1));
  for (std::size_t i = 0; i < world_.size(); ++i) {
    ASSERT_TRUE(world_.lead(world_.node(i)));
    for (std::int64_t id = 0; id < kMany; ++id) {
      const auto copy = produce(world_.node(i), id, id % 2 == 0 ? 1 : 0);
      ASSERT_TRUE(copy) << copy.error().to_string();
      ASSERT_TRUE(copy->duplicate) << id;
      ASSERT_EQ(copy->base_offset, Offset(id % 2 == 0 ? kMany + id / 2 : id));
    }
  }
}

// The frames that say it are on no disk any more.
TEST_P(PartitionReplicasTest, ReplicaThatBeginsAnewIsGivenWhatIsKnown) {
  constexpr std::int64_t kMany = 40;
  ReplicaNode* first = world_.leader();
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(produce(*first, 0, 0));
  ASSERT_TRUE(world_.settle());
  ReplicaNode& late = world_.node(first == &world_.node(2) ? 1 : 2);
  late.kill();
  for (std::int64_t id = 1; id < kMany; ++id) ASSERT_TRUE(produce(*first, id, 0));
  trim(*first);
  const Offset begin = first->partition()->log().log_start().next_offset;
  ASSERT_EQ(begin, Offset(kMany));
  world_.start(static_cast<std::size_t>(late.id().value() - 1));
  ASSERT_TRUE(world_.run_until([&] {
    return late.partition() != nullptr && late.partition()->log().log_start().next_offset == begin;
  }));
  ASSERT_TRUE(world_.lead(late));
  for (std::int64_t id = 0; id < kMany; ++id) {
    const auto copy = produce(late, id, 0);
    ASSERT_TRUE(copy) << copy.error().to_string();
    ASSERT_TRUE(copy->duplicate) << id;
    ASSERT_EQ(copy->base_offset, Offset(id));
  }
  EXPECT_EQ(produce(late, kMany, 1).error().code, ErrorCode::kUnknownProducer);
}

// All in memory, and most of them on the disk only.
INSTANTIATE_TEST_SUITE_P(InMemory, PartitionReplicasTest, testing::Values(1'000, 3),
                         [](const auto& size) { return "Of" + std::to_string(size.param); });

}  // namespace
}  // namespace forebay::partition
