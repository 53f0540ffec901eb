// Targets: tables, and random questions against slow, obvious checks.
#include "group/core/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace forebay::group {
namespace {

using Rng = std::mt19937_64;

std::vector<MemberIndex> everybody(std::size_t members) {
  std::vector<MemberIndex> all(members);
  for (std::size_t i = 0; i < members; ++i) all[i] = static_cast<MemberIndex>(i);
  return all;
}

AssignProblem equal_problem(std::size_t members, const std::vector<std::size_t>& topics) {
  AssignProblem problem;
  for (std::size_t i = 0; i < members; ++i) problem.members.push_back({"m" + std::to_string(i), ""});
  for (const std::size_t partitions : topics)
    problem.topics.push_back({everybody(members), std::vector<AssignPartition>(partitions)});
  return problem;
}

std::vector<std::size_t> loads_of(const AssignProblem& problem, const AssignTarget& target) {
  std::vector<std::size_t> loads(problem.members.size());
  for (const auto& topic : target) {
    for (const MemberIndex member : topic) {
      if (member != kNoMember) ++loads[member];
    }
  }
  return loads;
}

std::size_t spread(const std::vector<std::size_t>& loads) {
  const auto [least, most] = std::minmax_element(loads.begin(), loads.end());
  return *most - *least;
}

bool may_have(const AssignTopic& topic, std::size_t index, MemberIndex member) {
  return std::find(topic.members.begin(), topic.members.end(), member) != topic.members.end() &&
         (topic.partitions[index].avoided != member || topic.members.size() == 1);
}

// The whole of the owner's rule, without any cleverness.
void expect_everything_is_where_it_may_be(const AssignProblem& problem, const AssignTarget& target) {
  ASSERT_EQ(target.size(), problem.topics.size());
  for (std::size_t t = 0; t < target.size(); ++t) {
    const AssignTopic& topic = problem.topics[t];
    ASSERT_EQ(target[t].size(), topic.partitions.size());
    for (std::size_t i = 0; i < target[t].size(); ++i) {
      if (topic.members.empty()) {
        EXPECT_EQ(target[t][i], kNoMember);
      } else {
        EXPECT_TRUE(may_have(topic, i, target[t][i])) << "topic " << t << " partition " << i;
      }
    }
  }
}

// From whom a partition may go to whom, closed over any number of steps; nobody reaches one with two less.
void expect_no_chain_mends_more(const AssignProblem& problem, const AssignTarget& target) {
  const std::size_t count = problem.members.size();
  std::vector<std::vector<bool>> reaches(count, std::vector<bool>(count, false));
  for (std::size_t t = 0; t < target.size(); ++t) {
    for (std::size_t i = 0; i < target[t].size(); ++i) {
      for (MemberIndex to = 0; to < count; ++to) {
        if (target[t][i] != kNoMember && may_have(problem.topics[t], i, to)) reaches[target[t][i]][to] = true;
      }
    }
  }
  for (std::size_t via = 0; via < count; ++via) {
    for (std::size_t from = 0; from < count; ++from) {
      for (std::size_t to = 0; to < count; ++to)
        if (reaches[from][via] && reaches[via][to]) reaches[from][to] = true;
    }
  }
  const auto loads = loads_of(problem, target);
  for (std::size_t from = 0; from < count; ++from) {
    for (std::size_t to = 0; to < count; ++to) {
      if (reaches[from][to]) {
        EXPECT_LE(loads[from], loads[to] + 1) << from << " could relieve itself to " << to;
      }
    }
  }
}

std::size_t moves_of(const AssignProblem& problem, const AssignTarget& target) {
  std::size_t moves = 0;
  for (std::size_t t = 0; t < target.size(); ++t) {
    for (std::size_t i = 0; i < target[t].size(); ++i) {
      const MemberIndex previous = problem.topics[t].partitions[i].previous;
      if (previous != kNoMember && target[t][i] != previous) ++moves;
    }
  }
  return moves;
}

// With equal subscriptions: those that must go because somebody has too many.
std::size_t fewest_moves(const AssignProblem& problem) {
  std::vector<std::size_t> before(problem.members.size());
  std::size_t total = 0;
  for (const AssignTopic& topic : problem.topics) {
    for (const AssignPartition& one : topic.partitions) {
      ++total;
      if (one.previous != kNoMember) ++before[one.previous];
    }
  }
  std::sort(before.begin(), before.end(), std::greater<>());
  std::size_t moves = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::size_t quota = total / before.size() + (i < total % before.size() ? 1 : 0);
    moves += before[i] - std::min(before[i], quota);
  }
  return moves;
}

void remember(AssignProblem& problem, const AssignTarget& target) {
  for (std::size_t t = 0; t < target.size(); ++t) {
    for (std::size_t i = 0; i < target[t].size(); ++i)
      problem.topics[t].partitions[i].previous = target[t][i];
  }
}

TEST(UniformSticky, NobodyIsSubscribedAndNobodyOwns) {
  AssignProblem problem = equal_problem(0, {3});
  EXPECT_EQ(assign_uniform_sticky(problem), (AssignTarget{{kNoMember, kNoMember, kNoMember}}));
}

TEST(UniformSticky, AFirstMemberGetsEverything) {
  EXPECT_EQ(assign_uniform_sticky(equal_problem(1, {2, 1})), (AssignTarget{{0, 0}, {0}}));
}

TEST(UniformSticky, SmallTopicsDoNotAllGoToTheSameMember) {
  const AssignProblem problem = equal_problem(3, {1, 1, 1});
  EXPECT_EQ(spread(loads_of(problem, assign_uniform_sticky(problem))), 0U);
}

TEST(UniformSticky, ANewcomerTakesItsShareAndNothingElseMoves) {
  AssignProblem problem = equal_problem(2, {10});
  remember(problem, assign_uniform_sticky(problem));
  problem.members.push_back({"m2", ""});
  problem.topics[0].members = everybody(3);
  const AssignTarget target = assign_uniform_sticky(problem);
  EXPECT_EQ(moves_of(problem, target), 3U);
  EXPECT_EQ(spread(loads_of(problem, target)), 1U);
}

TEST(UniformSticky, WhatSomebodyLeavesIsSharedAndNothingElseMoves) {
  AssignProblem problem = equal_problem(3, {9});
  remember(problem, assign_uniform_sticky(problem));
  for (AssignPartition& one : problem.topics[0].partitions)
    one.previous = one.previous == 2 ? kNoMember : one.previous;
  problem.members.pop_back();
  problem.topics[0].members = everybody(2);
  const AssignTarget target = assign_uniform_sticky(problem);
  EXPECT_EQ(moves_of(problem, target), 0U);
  EXPECT_EQ(spread(loads_of(problem, target)), 1U);
}

// 0 and 1 share topic 0, 1 and 2 share topic 1: what is too much at 0 goes by way of 1.
TEST(UniformSticky, MixedSubscriptionsAreBalancedAlongChains) {
  AssignProblem problem = equal_problem(3, {});
  problem.topics.push_back({{0, 1}, std::vector<AssignPartition>(4)});
  problem.topics.push_back({{1, 2}, std::vector<AssignPartition>(2)});
  for (auto& one : problem.topics[0].partitions) one.previous = 0;
  problem.topics[1].partitions[0].previous = 1;
  problem.topics[1].partitions[1].previous = 1;
  EXPECT_EQ(loads_of(problem, assign_uniform_sticky(problem)), (std::vector<std::size_t>{2, 2, 2}));
}

TEST(UniformSticky, RacksDecideBetweenEquals) {
  AssignProblem problem = equal_problem(2, {6});
  problem.members[0].rack = "a";
  problem.members[1].rack = "b";
  for (std::size_t i = 0; i < 6; ++i) problem.topics[0].partitions[i].rack = i < 3 ? "b" : "a";
  EXPECT_EQ(assign_uniform_sticky(problem), (AssignTarget{{1, 1, 1, 0, 0, 0}}));
}

TEST(UniformSticky, RacksDoNotOutweighBalance) {
  AssignProblem problem = equal_problem(2, {6});
  problem.members[0].rack = "a";
  for (auto& one : problem.topics[0].partitions) one.rack = "a";
  EXPECT_EQ(spread(loads_of(problem, assign_uniform_sticky(problem))), 0U);
}

TEST(UniformSticky, RacksMoveNothing) {
  AssignProblem problem = equal_problem(2, {2});
  problem.members[0].rack = "a";
  problem.members[1].rack = "b";
  problem.topics[0].partitions[0] = {1, kNoMember, "a"};
  problem.topics[0].partitions[1] = {0, kNoMember, "b"};
  EXPECT_EQ(assign_uniform_sticky(problem), (AssignTarget{{1, 0}}));
}

TEST(UniformSticky, WhatIsGivenBackGoesToAnother) {
  AssignProblem problem = equal_problem(2, {4});
  remember(problem, {{0, 0, 1, 1}});
  problem.topics[0].partitions[1].avoided = 0;
  problem.balance = false;
  EXPECT_EQ(assign_uniform_sticky(problem), (AssignTarget{{0, 1, 1, 1}}));
}

TEST(UniformSticky, WhatIsGivenBackStaysWhereNobodyElseIs) {
  AssignProblem problem = equal_problem(1, {2});
  remember(problem, {{0, 0}});
  problem.topics[0].partitions[1].avoided = 0;
  EXPECT_EQ(assign_uniform_sticky(problem), (AssignTarget{{0, 0}}));
}

TEST(UniformSticky, EqualSubscriptionsAreEvenWithTheFewestMoves) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    AssignProblem problem = equal_problem(1 + rng() % 9, {rng() % 12, rng() % 12, rng() % 3});
    for (AssignTopic& topic : problem.topics) {
      for (AssignPartition& one : topic.partitions) {
        const auto member = static_cast<MemberIndex>(rng() % (problem.members.size() + 2));
        one.previous = member < problem.members.size() ? member : kNoMember;
      }
    }
    const AssignTarget target = assign_uniform_sticky(problem);
    expect_everything_is_where_it_may_be(problem, target);
    EXPECT_LE(spread(loads_of(problem, target)), 1U) << "seed " << seed;
    EXPECT_EQ(moves_of(problem, target), fewest_moves(problem)) << "seed " << seed;
  }
}

AssignProblem drawn_problem(Rng& rng) {
  AssignProblem problem = equal_problem(1 + rng() % 8, {});
  const std::vector<std::string> racks{"", "a", "b"};
  for (AssignMember& member : problem.members) member.rack = racks[rng() % 3];
  const std::size_t topics = 1 + rng() % 5;
  for (std::size_t t = 0; t < topics; ++t) {
    AssignTopic& topic = problem.topics.emplace_back();
    for (MemberIndex member = 0; member < problem.members.size(); ++member)
      if (rng() % 2 == 0) topic.members.push_back(member);
    topic.partitions.resize(rng() % 10);
    for (AssignPartition& one : topic.partitions) {
      if (rng() % 3 != 0) one.previous = static_cast<MemberIndex>(rng() % problem.members.size());
      if (rng() % 8 == 0) one.avoided = static_cast<MemberIndex>(rng() % problem.members.size());
      one.rack = racks[rng() % 3];
    }
  }
  return problem;
}

TEST(UniformSticky, MixedSubscriptionsAreAsEvenAsTheyCanBe) {
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    Rng rng(seed);
    AssignProblem problem = drawn_problem(rng);
    const AssignTarget target = assign_uniform_sticky(problem);
    expect_everything_is_where_it_may_be(problem, target);
    expect_no_chain_mends_more(problem, target);
    EXPECT_EQ(assign_uniform_sticky(problem), target) << "seed " << seed;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(UniformSticky, WhatIsBalancedStaysAsItIs) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    AssignProblem problem = drawn_problem(rng);
    const AssignTarget first = assign_uniform_sticky(problem);
    remember(problem, first);
    EXPECT_EQ(assign_uniform_sticky(problem), first) << "seed " << seed;
  }
}

TEST(UniformSticky, WithoutBalanceOnlyWhatHasNoPlaceIsPlaced) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    AssignProblem problem = drawn_problem(rng);
    problem.balance = false;
    const AssignTarget target = assign_uniform_sticky(problem);
    expect_everything_is_where_it_may_be(problem, target);
    for (std::size_t t = 0; t < target.size(); ++t) {
      for (std::size_t i = 0; i < target[t].size(); ++i) {
        const MemberIndex previous = problem.topics[t].partitions[i].previous;
        if (previous != kNoMember && may_have(problem.topics[t], i, previous)) {
          EXPECT_EQ(target[t][i], previous) << "seed " << seed;
        }
      }
    }
  }
}

TEST(Range, PartitionsAreConsecutiveAndTheFirstGetOneMore) {
  EXPECT_EQ(assign_range(equal_problem(3, {7, 2})), (AssignTarget{{0, 0, 0, 1, 1, 2, 2}, {0, 1}}));
}

TEST(Range, MembersAreInTheOrderOfTheirNames) {
  AssignProblem problem = equal_problem(2, {2});
  problem.members[0].order = "z";
  EXPECT_EQ(assign_range(problem), (AssignTarget{{1, 0}}));
}

TEST(Range, OnlySubscribersCount) {
  AssignProblem problem = equal_problem(3, {2});
  problem.topics[0].members = {1};
  EXPECT_EQ(assign_range(problem), (AssignTarget{{1, 1}}));
}

TEST(Range, WhatIsGivenBackGoesToAnother) {
  AssignProblem problem = equal_problem(2, {4});
  problem.topics[0].partitions[0].avoided = 0;
  EXPECT_EQ(assign_range(problem), (AssignTarget{{1, 0, 1, 1}}));
}

}  // namespace
}  // namespace forebay::group
