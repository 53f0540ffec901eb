// A replica that begins anew behind what was trimmed gets the state that is folded from the log first; and
// what a listener hears of the log is the log.
#include "group_world.h"
#include "sim/sim_rng.h"

namespace forebay::raft::testing {
namespace {

log::StateSnapshot state_of(GroupNode& node, std::size_t bytes, char fill) {
  const model::LogPosition commit = node.group().commit();
  return {commit, *node.log().term_before(commit), SharedBytes::take(std::string(bytes, fill))};
}

std::vector<log::StateSnapshot> states(GroupWorld& world, GroupNode& node) {
  std::optional<Result<std::vector<log::StateSnapshot>>> read;
  node.log().read_states([&](auto result) { read = std::move(result); });
  EXPECT_TRUE(world.run_until([&] { return read.has_value(); }));
  if (!read || !*read) return {};
  return **std::move(read);
}

// The third one is away while the others trim. Nothing of its log is of use any more.
struct GroupInstall : ::testing::Test {
  GroupInstall() {
    for (std::size_t i = 0; i < 3; ++i) world.start(i);
    leader = world.leader();
    EXPECT_TRUE(leader != nullptr);
    leader->append(2);
    EXPECT_TRUE(world.settle());
    away = leader == &world.node(2) ? &world.node(1) : &world.node(2);
    other = leader == &world.node(0) ? &world.node(leader == &world.node(2) || away != &world.node(1) ? 1 : 2)
                                     : &world.node(0);
    away->kill();
    world.trim(*leader);
  }
  void return_it() { world.start(away->id().value() - 1); }

  GroupWorld world;
  GroupNode* leader = nullptr;
  GroupNode* other = nullptr;
  GroupNode* away = nullptr;
};

TEST_F(GroupInstall, StateIsOnTheDiskBeforeTheLogBeginsAnew) {
  leader->state = [&] { return std::optional(state_of(*leader, 1'000'000, 's')); };
  return_it();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(away->installs, 1);
  EXPECT_EQ(leader->states_asked, 1) << "in several pieces of one state";
  const auto kept = states(world, *away);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(as_text(kept[0].bytes.span()), std::string(1'000'000, 's'));
  EXPECT_GE(kept[0].position, away->log().log_start());
  EXPECT_EQ(away->log().term_before(kept[0].position), kept[0].term);
  EXPECT_EQ(away->states_at_install, std::vector{log::state_file_name(kept[0].position)});
  world.check_mirrors();
}

TEST_F(GroupInstall, WithoutAStateItBeginsAnewAtOnce) {
  return_it();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(away->installs, 1);
  EXPECT_EQ(leader->states_asked, 1);
  EXPECT_TRUE(states(world, *away).empty());
  world.check_mirrors();
}

TEST_F(GroupInstall, EmptyStateIsAState) {
  leader->state = [&] { return std::optional(state_of(*leader, 0, 's')); };
  return_it();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(states(world, *away).size(), 1U);
}

TEST_F(GroupInstall, WaitsForALeaderThatIsStillLoading) {
  leader->state = [&]() -> Result<std::optional<log::StateSnapshot>> {
    if (leader->states_asked < 4) return Error{ErrorCode::kNotYet, "loading"};
    return std::optional(state_of(*leader, 10, 's'));
  };
  return_it();
  ASSERT_TRUE(world.run_until([&] { return leader->states_asked == 3; }));
  world.run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(away->installs, 0);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(away->installs, 1);
  EXPECT_EQ(states(world, *away).size(), 1U);
}

// What lies below where the log begins would be missing from it.
TEST_F(GroupInstall, StateThatIsNotFarEnoughIsNotTaken) {
  leader->state = [&] {
    auto state = state_of(*leader, 10, 's');
    if (leader->states_asked < 4) state.position = {model::Offset(1), 0};
    return std::optional(state);
  };
  return_it();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(leader->states_asked, 4);
  const auto kept = states(world, *away);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_GE(kept[0].position, away->log().log_start());
}

TEST_F(GroupInstall, FullDiskHoldsItBackAndNothingIsLost) {
  leader->state = [&] { return std::optional(state_of(*leader, 10, 's')); };
  away->disk().inject({.op = sim::DiskOp::kWrite,
                       .effect = sim::DiskEffect::kNoSpace,
                       .path = sim::path_contains(".state"),
                       .times = 3});
  return_it();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(away->installs, 1);
  EXPECT_EQ(away->states_at_install.size(), 1U);
}

// The one that gives it dies at any moment of it: the next leader's is taken, whole.
TEST(GroupInstallRandom, LeaderDiesInTheMiddle) {
  int taken_from_second = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    GroupWorld world(seed);
    for (std::size_t i = 0; i < 3; ++i) world.start(i);
    GroupNode* first = world.leader();
    ASSERT_TRUE(first != nullptr);
    ASSERT_TRUE(world.settle());
    GroupNode& away = world.node(first == &world.node(2) ? 1 : 2);
    away.kill();
    world.trim(*first);
    for (std::size_t i = 0; i < 3; ++i) {
      GroupNode& node = world.node(i);
      node.state = [&node, i] {
        return std::optional(state_of(node, 3'000'000, static_cast<char>('a' + i)));
      };
    }
    world.start(away.id().value() - 1);
    world.run_for(std::chrono::microseconds(rng.below(60'000)));
    if (rng.one_in(3)) away.kill();
    first->kill();
    if (!away.runs()) world.start(away.id().value() - 1);
    GroupNode* second = world.leader();
    ASSERT_TRUE(second != nullptr);
    second->append(1);
    ASSERT_TRUE(world.settle());
    world.start(first->id().value() - 1);
    ASSERT_TRUE(world.settle());
    world.check_mirrors();
    const auto kept = states(world, away);
    ASSERT_FALSE(kept.empty());
    const std::string_view text = as_text(kept[0].bytes.span());
    EXPECT_EQ(text, std::string(3'000'000, text.front())) << "of one leader";
    EXPECT_GE(kept[0].position, away.log().log_start());
    EXPECT_EQ(away.log().term_before(kept[0].position), kept[0].term);
    taken_from_second += text.front() == static_cast<char>('a' + second->id().value() - 1) ? 1 : 0;
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(taken_from_second, 0);
}

TEST(GroupListenerRandom, WhatItHearsIsTheLog) {
  int truncations = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    GroupWorld world(seed);
    for (std::size_t i = 0; i < 3; ++i) world.start(i);
    for (int round = 0; round < 6; ++round) {
      GroupNode* leader = world.leader();
      ASSERT_TRUE(leader != nullptr);
      for (std::uint64_t n = rng.below(20); n > 0; --n) leader->append(static_cast<int>(rng.between(1, 4)));
      if (rng.one_in(3)) leader->group().append_control(log::ProducerFence{});
      if (rng.one_in(4)) {
        ASSERT_TRUE(world.settle());
        leader = world.leader();
        leader->group().append_control(log::LogStart{leader->group().commit()});
      }
      world.run_for(std::chrono::microseconds(rng.below(3'000)));
      GroupNode& victim = rng.one_in(2) ? *leader : world.node(rng.below(3));
      victim.kill();
      if (rng.one_in(2)) world.run_for(std::chrono::microseconds(rng.below(2'000'000)));
      world.start(victim.id().value() - 1);
    }
    ASSERT_TRUE(world.settle());
    world.check_mirrors();
    for (std::size_t i = 0; i < 3; ++i) truncations += world.node(i).truncations;
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(truncations, 0);
}

}  // namespace
}  // namespace forebay::raft::testing
