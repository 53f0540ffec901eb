#include "partition/core/leader_choice.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

using model::NodeId;

constexpr bool kFit = true, kUnfit = false;

struct Case {
  const char* name;
  bool self_fit;
  std::vector<NodeId> preferred;
  std::vector<LeaderCandidate> others;
  std::optional<NodeId> want;
};

// Node 2 leads and asks.
TEST(LeaderChoice, WhoShouldLeadInstead) {
  const LeaderCandidate one{NodeId(1), true, true}, three{NodeId(3), true, true};
  const LeaderCandidate one_behind{NodeId(1), false, true}, one_low{NodeId(1), true, false};
  const LeaderCandidate three_low{NodeId(3), true, false};
  const std::vector<NodeId> in_order{NodeId(1), NodeId(2), NodeId(3)};
  const Case cases[] = {
      {"the first in the placement", kFit, in_order, {one, three}, NodeId(1)},
      {"the first is behind", kFit, in_order, {one_behind, three}, std::nullopt},
      {"the first is not fit", kFit, in_order, {one_low, three}, std::nullopt},
      {"nobody is preferred", kFit, {}, {one, three}, std::nullopt},
      {"not fit: the first", kUnfit, in_order, {one, three}, NodeId(1)},
      {"not fit: whoever is", kUnfit, in_order, {one_low, three}, NodeId(3)},
      {"not fit: one that is not preferred", kUnfit, {NodeId(2)}, {one_behind, three}, NodeId(3)},
      {"not fit, and nobody is preferred", kUnfit, {}, {one_behind, three}, NodeId(3)},
      {"nobody is fit", kUnfit, in_order, {one_low, three_low}, std::nullopt},
      {"alone", kUnfit, {NodeId(2)}, {}, std::nullopt},
  };
  for (const Case& one_case : cases) {
    SCOPED_TRACE(one_case.name);
    EXPECT_EQ(choose_leader({.self = NodeId(2),
                             .self_fit = one_case.self_fit,
                             .preferred = one_case.preferred,
                             .others = one_case.others}),
              one_case.want);
  }
}

}  // namespace
}  // namespace forebay::partition
