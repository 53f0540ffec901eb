#include "sim/nemesis.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::sim {
namespace {

TEST(Nemesis, PlanIsDrawnFromItsSeedAloneAndLiesWithinItsTime) {
  std::set<FaultKind> kinds;
  std::size_t empty = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimRng rng(seed), same(seed);
    const NemesisOptions options = NemesisOptions::draw(rng, 3);
    const NemesisPlan plan = draw_plan(options, rng);
    EXPECT_EQ(draw_plan(NemesisOptions::draw(same, 3), same), plan);
    if (plan.empty()) ++empty;
    Duration last{};
    for (const Fault& fault : plan) {
      kinds.insert(fault.kind);
      EXPECT_GE(fault.at, last);
      EXPECT_LT(fault.at, options.duration);
      EXPECT_LE(fault.length, options.length_max);
      EXPECT_LT(fault.node, 3U);
      EXPECT_LT(fault.other, 3U);
      EXPECT_NE(fault.node, fault.other);
      EXPECT_GT(options.weights[static_cast<std::size_t>(fault.kind)], 0U);
      last = fault.at;
    }
  }
  EXPECT_EQ(kinds.size(), kFaultKinds);
  EXPECT_LT(empty, 20U);
}

NemesisPlan numbered(std::uint32_t count) {
  NemesisPlan plan;
  for (std::uint32_t i = 0; i < count; ++i) plan.push_back({.at = Duration(i), .seed = i});
  return plan;
}

bool has(const NemesisPlan& plan, std::uint64_t seed) {
  return std::any_of(plan.begin(), plan.end(), [seed](const Fault& fault) { return fault.seed == seed; });
}

TEST(Nemesis, ShrunkPlanHoldsWhatIsNeededAndNothingElse) {
  for (std::uint32_t count : {2U, 3U, 10U, 33U}) {
    std::uint32_t runs = 0;
    const auto fails = [&](const NemesisPlan& plan) {
      ++runs;
      return has(plan, 0) && has(plan, count - 1);
    };
    const NemesisPlan shrunk = shrink(numbered(count), fails, 1000);
    ASSERT_EQ(shrunk.size(), 2U) << count;
    EXPECT_TRUE(has(shrunk, 0) && has(shrunk, count - 1));
    EXPECT_LT(runs, 100U);
  }
}

TEST(Nemesis, FailureThatNeedsNoFaultShrinksToNone) {
  EXPECT_TRUE(shrink(
                  numbered(20), [](const NemesisPlan&) { return true; }, 1000)
                  .empty());
}

TEST(Nemesis, ShrinkingStopsAtItsLimit) {
  std::uint32_t runs = 0;
  const auto fails = [&](const NemesisPlan& plan) {
    ++runs;
    return has(plan, 3);
  };
  EXPECT_TRUE(has(shrink(numbered(50), fails, 5), 3));
  EXPECT_EQ(runs, 5U);
}

}  // namespace
}  // namespace forebay::sim
