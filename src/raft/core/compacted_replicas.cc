#include "raft/core/compacted_replicas.h"

#include <algorithm>
#include <set>

namespace forebay::raft {

std::optional<model::LogPosition> CompactedReplicas::everywhere(const log::Membership& members) const {
  std::optional<model::LogPosition> least;
  for (const auto* list : {&members.voters, &members.next_voters, &members.learners}) {
    for (const log::Voter& member : *list) {
      const auto at = said_.find({member.node, member.disk});
      if (at == said_.end()) return std::nullopt;
      least = std::min(least.value_or(at->second), at->second);
    }
  }
  return least;
}

std::vector<model::NodeId> CompactedReplicas::behind(const log::Membership& members,
                                                     model::LogPosition upto) const {
  std::set<model::NodeId> nodes;
  for (const auto* list : {&members.voters, &members.next_voters, &members.learners}) {
    for (const log::Voter& member : *list) {
      const auto at = said_.find({member.node, member.disk});
      if (at == said_.end() || at->second < upto) nodes.insert(member.node);
    }
  }
  return {nodes.begin(), nodes.end()};
}

}  // namespace forebay::raft
