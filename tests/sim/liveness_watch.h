// What must happen within a bounded time while faults are under way:
//
//  I24  a node that could not speak with a majority, both ways, for some time leads nothing (it does not
//  matter
//       when with whom: an end notices a broken link later than one that is whole again)
//  I33  where a majority of sound nodes can speak with each other, every partition has a leader
//
// Pure: told what can speak with what, and when.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/sim_executor.h"

namespace forebay::sim {

struct NodeHealth {
  bool runs = false;   // up and not paused
  bool sound = false;  // nothing is wrong with its disk
  bool leads = false;  // any partition
};

// How the world is at one moment.
struct ClusterHealth {
  std::vector<NodeHealth> nodes;
  std::vector<std::vector<bool>> reaches;  // [from][to]
  // Every partition has a leader that has proved it, on a node that nothing speaks against.
  bool all_led = false;
};

class LivenessWatch {
 public:
  struct Bounds {
    Duration step_down;
    Duration elect;
  };
  LivenessWatch(std::size_t nodes, Bounds bounds);
  // Returns what has lasted too long; empty: nothing. Call it often: a state counts as lasting from one look
  // to the next.
  [[nodiscard]] std::string look(TimePoint now, const ClusterHealth& health);

 private:
  const std::size_t nodes_;
  const Bounds bounds_;
  // By node and node. While a node is paused, its time does not count.
  std::vector<std::vector<TimePoint>> spoke_at_;
  std::map<std::uint32_t, std::optional<TimePoint>> able_since_;  // by majority, a set of bits
};

}  // namespace forebay::sim
