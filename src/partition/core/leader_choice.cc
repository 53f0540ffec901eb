#include "partition/core/leader_choice.h"

#include <algorithm>

namespace forebay::partition {

std::optional<model::NodeId> choose_leader(const LeaderView& view) {
  const auto can_lead = [&](model::NodeId node) {
    return std::any_of(view.others.begin(), view.others.end(), [node](const LeaderCandidate& one) {
      return one.node == node && one.able && one.fit;
    });
  };
  for (const model::NodeId node : view.preferred) {
    if (node == view.self && view.self_fit) return std::nullopt;
    if (can_lead(node)) return node;
  }
  if (view.self_fit) return std::nullopt;
  const auto any = std::find_if(view.others.begin(), view.others.end(),
                                [](const LeaderCandidate& one) { return one.able && one.fit; });
  return any == view.others.end() ? std::nullopt : std::optional(any->node);
}

}  // namespace forebay::partition
