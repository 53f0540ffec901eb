#include "raft/core/repair_plan.h"

#include <gtest/gtest.h>

namespace forebay::raft {
namespace {

using log::Damage;
using log::DamageKind;
using model::NodeId;
using Nodes = std::vector<NodeId>;

model::LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }
Damage middle(std::int64_t begin, std::int64_t end) { return {DamageKind::kMiddle, at(begin), at(end)}; }

// Node 3 follows node 1, which has matched it up to 80; 50 is committed.
RepairView following() {
  return {.damage = {},
          .commit = at(50),
          .matched = at(80),
          .leader = NodeId(1),
          .others = {NodeId(1), NodeId(2)}};
}

TEST(RepairPlan, WhatIsCommittedComesFromAnybodyTheLeaderFirst) {
  EXPECT_EQ(repair_sources(following(), at(50)), (Nodes{NodeId(1), NodeId(2)}));
}

// Two branches that are not committed: node 2 may have the other one.
TEST(RepairPlan, WhatIsNotCommittedComesFromTheLeaderThatMatchedIt) {
  EXPECT_EQ(repair_sources(following(), at(51)), (Nodes{NodeId(1)}));
  EXPECT_EQ(repair_sources(following(), at(81)), Nodes{});
}

TEST(RepairPlan, WithoutALeaderOnlyWhatIsCommitted) {
  RepairView view = following();
  view.leader.reset();
  view.matched = {};
  EXPECT_EQ(repair_sources(view, at(50)), (Nodes{NodeId(1), NodeId(2)}));
  EXPECT_EQ(repair_sources(view, at(51)), Nodes{});
}

TEST(RepairPlan, LeaderOutOfReachIsNotAsked) {
  RepairView view = following();
  view.others = {NodeId(2)};
  EXPECT_EQ(repair_sources(view, at(50)), (Nodes{NodeId(2)}));
  EXPECT_EQ(repair_sources(view, at(60)), Nodes{});
}

TEST(RepairPlan, RangesThatCanBeRepaired) {
  RepairView view = following();
  view.damage = {{DamageKind::kAcceptedMiddle, at(10), at(20)}, middle(70, 90), middle(60, 70)};
  EXPECT_EQ(repairable(view), (std::vector<log::LogRange>{{at(60), at(70)}}));
  view.damage = {middle(70, 90), {DamageKind::kTail, at(95), at(95)}};
  EXPECT_TRUE(repairable(view).empty());
}

}  // namespace
}  // namespace forebay::raft
