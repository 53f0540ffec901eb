#include "raft/core/repair_plan.h"

#include <algorithm>

namespace forebay::raft {

std::vector<model::NodeId> repair_sources(const RepairView& view, model::LogPosition upto) {
  std::vector<model::NodeId> sources;
  const bool leader_in_reach =
      view.leader && std::find(view.others.begin(), view.others.end(), *view.leader) != view.others.end();
  if (leader_in_reach && upto <= std::max(view.matched, view.commit)) sources.push_back(*view.leader);
  if (upto > view.commit) return sources;
  for (const model::NodeId other : view.others) {
    if (other != view.leader) sources.push_back(other);
  }
  return sources;
}

std::vector<log::LogRange> repairable(const RepairView& view) {
  std::vector<log::LogRange> ranges;
  for (const log::Damage& one : view.damage) {
    if (one.kind == log::DamageKind::kMiddle && !repair_sources(view, one.end).empty())
      ranges.push_back({one.begin, one.end});
  }
  return ranges;
}

}  // namespace forebay::raft
