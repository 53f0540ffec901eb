#include "sim/partition_watch.h"

#include <algorithm>

namespace forebay::sim {
namespace {

std::string since(TimePoint begin, TimePoint now) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now - begin).count()) + " ms";
}

bool speak(const ClusterHealth& health, std::size_t a, std::size_t b) {
  return a == b || (health.reaches[a][b] && health.reaches[b][a]);
}

bool has_majorities(NodeBits present, const std::vector<NodeBits>& electorates) {
  return std::all_of(electorates.begin(), electorates.end(), [present](NodeBits electorate) {
    return 2 * std::popcount(present & electorate) > std::popcount(electorate);
  });
}

// All of them run, are sound and speak with each other.
bool is_sound(const ClusterHealth& health, NodeBits nodes) {
  for (std::size_t a = 0; a < health.nodes.size(); ++a) {
    if ((nodes >> a & 1U) == 0) continue;
    if (!health.nodes[a].runs || !health.nodes[a].sound) return false;
    for (std::size_t b = a + 1; b < health.nodes.size(); ++b) {
      if ((nodes >> b & 1U) != 0 && !speak(health, a, b)) return false;
    }
  }
  return true;
}

}  // namespace

PartitionWatch::PartitionWatch(std::size_t nodes, LivenessWatch::Bounds bounds)
    : nodes_(nodes), bounds_(bounds), spoke_at_(nodes, std::vector<TimePoint>(nodes)) {}

std::string PartitionWatch::look(TimePoint now, const ClusterHealth& health,
                                 const std::vector<PartitionHealth>& partitions) {
  for (std::size_t node = 0; node < nodes_; ++node) {
    for (std::size_t other = 0; other < nodes_; ++other) {
      TimePoint& spoke_at = spoke_at_[node][other];
      const bool speaks = health.nodes[other].runs && speak(health, node, other);
      if (speaks || !health.nodes[node].runs || spoke_at == TimePoint{}) spoke_at = now;
    }
  }
  known_.resize(partitions.size());
  for (std::size_t index = 0; index < partitions.size(); ++index) {
    if (std::string late = judge(now, health, index, partitions[index]); !late.empty()) return late;
  }
  return {};
}

std::string PartitionWatch::judge(TimePoint now, const ClusterHealth& health, std::size_t index,
                                  const PartitionHealth& partition) {
  for (const auto& [node, electorates] : partition.leaders) {
    NodeBits in_touch = 0;
    for (std::size_t other = 0; other < nodes_; ++other) {
      if (now - spoke_at_[node][other] <= bounds_.step_down) in_touch |= NodeBits{1} << other;
    }
    if (has_majorities(in_touch, electorates)) continue;
    return "I24: node " + std::to_string(node + 1) + " leads partition " + std::to_string(index) +
           ", and for " + since(now - bounds_.step_down, now) + " has spoken with no majority of it";
  }
  Known& known = known_[index];
  if (partition.led || known.electorates != partition.electorates) known.able_since.clear();
  known.electorates = partition.electorates;
  if (partition.led || partition.electorates.empty()) return {};
  for (NodeBits nodes = 1; nodes < NodeBits{1} << nodes_; ++nodes) {
    if ((nodes & ~partition.may_vote) != 0 || !has_majorities(nodes, partition.electorates) ||
        !is_sound(health, nodes)) {
      known.able_since.erase(nodes);
      continue;
    }
    const TimePoint begin = known.able_since.try_emplace(nodes, now).first->second;
    if (now - begin > bounds_.elect)
      return "I33: partition " + std::to_string(index) + " has no leader for " + since(begin, now) +
             ", and a majority could elect one";
  }
  return {};
}

}  // namespace forebay::sim
