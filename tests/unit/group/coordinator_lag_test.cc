// What a coordinator says of how long its groups take to catch up: from its own looks, and from those of who
// asks.
#include "coordinator_fixture.h"

namespace forebay::group {
namespace {

class CoordinatorLag : public CoordinatorTest {
 protected:
  GroupLag lag() {
    auto said = call<GroupLag>([&](auto done) { coordinator_->lag("g", std::move(done)); });
    EXPECT_TRUE(said) << said.error().to_string();
    return said ? std::move(*said) : GroupLag{};
  }
  // Two records a second of partition 0, up to 60.
  void work_half_a_minute(const Client& one) {
    for (int i = 1; i <= 6; ++i) {
      heartbeats(one, seconds(5));
      ASSERT_TRUE((*commit(one.ref(), 10 * i, "b"))[0]);
    }
  }
};

TEST_F(CoordinatorLag, SaysHowLongCatchingUpTakes) {
  Client one = join({"b"});
  settle({&one});
  EXPECT_EQ(lag().catch_up, std::nullopt) << "one look";
  work_half_a_minute(one);
  const GroupLag now = lag();
  ASSERT_EQ(now.partitions.size(), 2U);
  // Commits come every 5 s, and looks whenever: within the records of one commit.
  ASSERT_TRUE(now.partitions[0].catch_up);
  EXPECT_NEAR(static_cast<double>(now.partitions[0].catch_up->count()), 20'000, 4'000) << "40 by 2 a second";
  EXPECT_EQ(now.partitions[1].catch_up, std::nullopt) << "nothing of it is read";
  ASSERT_TRUE(now.catch_up);
  EXPECT_NEAR(static_cast<double>(now.catch_up->count()), 70'000, 14'000) << "140 by 2 a second";
}

TEST_F(CoordinatorLag, NeedsNobodyToAskBefore) {
  Client one = join({"b"});
  settle({&one});
  work_half_a_minute(one);
  EXPECT_TRUE(lag().catch_up);
}

TEST_F(CoordinatorLag, SaysNothingOfAGroupOfWhichALeaderDoesNotAnswer) {
  Client one = join({"b"});
  settle({&one});
  work_half_a_minute(one);
  places_->lags_failing = {{image_.topics.at("b")->id, model::PartitionIndex(1)}};
  const GroupLag now = lag();
  EXPECT_EQ(now.catch_up, std::nullopt);
  EXPECT_TRUE(now.partitions[0].catch_up);
  EXPECT_EQ(now.partitions[1].catch_up, std::nullopt);
}

TEST_F(CoordinatorLag, IsZeroOfWhoHasAll) {
  Client one = join({"b"});
  settle({&one});
  for (const std::int32_t partition : {0, 1}) ASSERT_TRUE((*commit(one.ref(), 100, "b", partition))[0]);
  EXPECT_EQ(lag().catch_up, seconds(0));
}

// What the coordinator before had seen is not known to the next one.
TEST_F(CoordinatorLag, BeginsAnewWithTheNextCoordinator) {
  Client one = join({"b"});
  settle({&one});
  work_half_a_minute(one);
  EXPECT_TRUE(lag().catch_up);
  power_cut();
  EXPECT_EQ(lag().catch_up, std::nullopt);
}

}  // namespace
}  // namespace forebay::group
