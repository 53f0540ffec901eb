// What is done to a simulated cluster, as a list that is drawn before anything runs: so a run that fails is
// shrunk by leaving items out. Each item draws its details from a seed of its own, so that leaving one out
// changes nothing of the others. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/sim_executor.h"

namespace forebay::sim {

enum class FaultKind : std::uint8_t {
  kKill,           // SIGKILL; starts again after `length`
  kPowerCut,       // of the node, at its disk's next steps; starts again after `length`
  kPowerCutAll,    // of all nodes in the same instant; each starts again after a drawn part of `length`
  kPause,          // SIGSTOP; goes on after `length`, with all its timers late at once
  kCutOneWay,      // nothing from `node` reaches `other`, for `length`
  kCut,            // neither way
  kIsolate,        // `node` from all others
  kDeaf,           // nothing reaches `node`, what it sends arrives
  kReset,          // the sessions between `node` and `other` end
  kSlowDisk,       // writes and syncs take longer, for `length`
  kStalledWrites,  // writes of the node complete only after `length`
  kWriteErrors,    // some writes fail with EIO
  kDiskFull,       // some writes fail with ENOSPC
  kClockJump,      // the wall clock of the node
  kTransfer,       // the leader of a partition is asked to hand over to `node`
  kDiskLow,        // the node's disk is below its reserve: it refuses records, for `length`
  kBitRot,         // bits in segments of one node, the same one in all of a run, are not what they were
  kMove,           // of a partition; drawn apart from the others, in worlds that have metadata
  kDecommission,   // of a node that is alive, or is killed with it; likewise
};
inline constexpr std::size_t kFaultKinds = 17;  // drawn together
[[nodiscard]] const char* name_of(FaultKind kind);

struct Fault {
  Duration at{};  // from the begin of the run
  FaultKind kind = FaultKind::kKill;
  std::uint32_t node = 0;   // index
  std::uint32_t other = 0;  // index, another one
  // Instead of `node`: who leads a partition then, if anybody does.
  bool leader = false;
  Duration length{};
  std::uint64_t seed = 0;  // of what is drawn when it happens
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Fault&, const Fault&) = default;
};
using NemesisPlan = std::vector<Fault>;  // by time

// How much of what, drawn anew for each seed; many are zero.
struct NemesisOptions {
  std::uint32_t nodes = 3;
  Duration duration = std::chrono::seconds(6);
  Duration mean_pause = std::chrono::milliseconds(500);  // between two faults
  Duration length_max = std::chrono::seconds(4);
  std::array<std::uint32_t, kFaultKinds> weights{};
  [[nodiscard]] static NemesisOptions draw(SimRng& rng, std::uint32_t nodes);
};

[[nodiscard]] NemesisPlan draw_plan(const NemesisOptions& options, SimRng& rng);
[[nodiscard]] std::string to_string(const NemesisPlan& plan);

// A plan that still fails and from which no item can be left out (or `runs_max` runs were made). Requires:
// fails(plan).
[[nodiscard]] NemesisPlan shrink(NemesisPlan plan, const std::function<bool(const NemesisPlan&)>& fails,
                                 std::uint32_t runs_max);

}  // namespace forebay::sim
