// Judges when producers were served: I33, after a fault that leaves a majority in peace, within what is
// promised for that fault; I16, without a fault, within kHealNs of the end of the last one. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/history_check.h"
#include "torture/run_reader.h"

namespace forebay::torture {

// T_heal of docs/reliability.md: everything is served again so long after the last fault.
inline constexpr std::uint64_t kHealNs = 10'000'000'000;
// From a failure to the first acknowledgement about so many threads wake one after another, on both sides:
// each may be late by what the monitor saw timers to be late.
inline constexpr std::uint64_t kWakesInAChain = 10;

struct FaultReport {
  FaultSpan span;
  std::uint64_t acks = 0;        // records sent and acknowledged meanwhile
  std::uint64_t worst_ns = 0;    // longest time without an acknowledgement of a partition
  std::uint64_t allowed_ns = 0;  // 0: nothing is promised
  std::string partition;         // of worst_ns
};

struct Availability {
  std::vector<FaultReport> faults;
  std::uint64_t worst_healed_ns = 0;  // without a fault
  std::vector<sim::Violation> violations;
  std::string unknown;  // why nothing is proved; empty: it is
};

[[nodiscard]] Availability check_availability(const Run& run);

}  // namespace forebay::torture
