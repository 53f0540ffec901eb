// What liveness_watch.h says, where each partition has members of its own and they change:
//
//  I24  a node that could not speak with a majority of a partition's members for some time does not lead it
//  I33  where sound nodes that can speak with each other have a majority of whatever any node takes for the
//       members of a partition, it has a leader
//
// Pure: told what can speak with what, what each node knows of the members, and when.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/liveness_watch.h"

namespace forebay::sim {

using NodeBits = std::uint32_t;

struct PartitionHealth {
  bool led = false;  // by one that has proved it, and nothing speaks against
  std::map<std::size_t, std::vector<NodeBits>> leaders;  // by node: of whom it needs majorities
  std::vector<NodeBits> electorates;                     // of whom anybody needs majorities
  NodeBits may_vote = 0;  // has the replica open, and lacks nothing it promised
  friend bool operator==(const PartitionHealth&, const PartitionHealth&) = default;
};

class PartitionWatch {
 public:
  PartitionWatch(std::size_t nodes, LivenessWatch::Bounds bounds);
  // As LivenessWatch::look().
  [[nodiscard]] std::string look(TimePoint now, const ClusterHealth& health,
                                 const std::vector<PartitionHealth>& partitions);

 private:
  struct Known {
    std::vector<NodeBits> electorates;
    std::map<NodeBits, TimePoint> able_since;  // by nodes that could elect a leader
  };
  [[nodiscard]] std::string judge(TimePoint now, const ClusterHealth& health, std::size_t index,
                                  const PartitionHealth& partition);

  const std::size_t nodes_;
  const LivenessWatch::Bounds bounds_;
  std::vector<std::vector<TimePoint>> spoke_at_;  // by node and node; a pause does not count
  std::vector<Known> known_;
};

}  // namespace forebay::sim
