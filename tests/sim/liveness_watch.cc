#include "sim/liveness_watch.h"

#include <bit>

namespace forebay::sim {
namespace {

std::string since(TimePoint begin, TimePoint now) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now - begin).count()) + " ms";
}

bool speak(const ClusterHealth& health, std::size_t a, std::size_t b) {
  return a == b || (health.reaches[a][b] && health.reaches[b][a]);
}

// All members run, are sound and speak with each other.
bool is_able(const ClusterHealth& health, std::uint32_t members) {
  for (std::size_t a = 0; a < health.nodes.size(); ++a) {
    if ((members >> a & 1U) == 0) continue;
    if (!health.nodes[a].runs || !health.nodes[a].sound) return false;
    for (std::size_t b = a + 1; b < health.nodes.size(); ++b) {
      if ((members >> b & 1U) != 0 && !speak(health, a, b)) return false;
    }
  }
  return true;
}

}  // namespace

LivenessWatch::LivenessWatch(std::size_t nodes, Bounds bounds)
    : nodes_(nodes), bounds_(bounds), spoke_at_(nodes, std::vector<TimePoint>(nodes)) {
  for (std::uint32_t members = 1; members < 1U << nodes; ++members) {
    if (static_cast<std::size_t>(std::popcount(members)) == nodes / 2 + 1)
      able_since_.emplace(members, std::nullopt);
  }
}

std::string LivenessWatch::look(TimePoint now, const ClusterHealth& health) {
  for (std::size_t node = 0; node < nodes_; ++node) {
    std::size_t in_touch = 0;
    for (std::size_t other = 0; other < nodes_; ++other) {
      TimePoint& spoke_at = spoke_at_[node][other];
      const bool speaks = health.nodes[other].runs && speak(health, node, other);
      if (speaks || !health.nodes[node].runs || spoke_at == TimePoint{}) spoke_at = now;
      if (now - spoke_at <= bounds_.step_down) ++in_touch;
    }
    if (health.nodes[node].leads && in_touch <= nodes_ / 2) {
      return "I24: node " + std::to_string(node + 1) + " leads, and for " +
             since(now - bounds_.step_down, now) + " has spoken with no majority";
    }
  }
  for (auto& [members, begin] : able_since_) {
    if (health.all_led || !is_able(health, members)) {
      begin.reset();
    } else if (!begin) {
      begin = now;
    } else if (now - *begin > bounds_.elect) {
      return "I33: a partition has no leader for " + since(*begin, now) + ", and a majority could elect one";
    }
  }
  return {};
}

}  // namespace forebay::sim
