#include "group_world.h"

#include <gtest/gtest.h>

namespace forebay::group::testing {
namespace {

void run(std::uint64_t seed, int steps) {
  GroupWorld world(seed);
  for (int i = 0; i < steps; ++i) {
    world.step();
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed << ", step " << i;
  }
  world.settle();
  if (::testing::Test::HasFailure()) FAIL() << "seed " << seed << ", at the end";
}

TEST(GroupWorld, NothingIsOwnedTwiceGoesBackOrIsSkippedAndAllComesToRest) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    run(seed, 600);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::group::testing
