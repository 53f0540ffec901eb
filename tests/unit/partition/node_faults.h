// What a disk does to a node in the random lives, once in a while; what is read stays sound.
#pragma once

#include <iterator>

#include "sim/sim_disk.h"
#include "sim/sim_rng.h"

namespace forebay::partition {

// One thing that a start does to the disk fails. It may refuse then, and nothing is lost by it.
inline sim::DiskFault fault_of_a_start(sim::SimRng& rng) {
  constexpr sim::DiskOp kOps[] = {sim::DiskOp::kWrite,         sim::DiskOp::kSync,
                                  sim::DiskOp::kCreate,        sim::DiskOp::kSyncDirectory,
                                  sim::DiskOp::kMakeDirectory, sim::DiskOp::kRename};
  sim::DiskFault fault;
  fault.op = kOps[rng.below(std::size(kOps))];
  fault.effect = rng.one_in(3) ? sim::DiskEffect::kNoSpace : sim::DiskEffect::kIoError;
  fault.skip = rng.below(fault.op == sim::DiskOp::kWrite ? 60 : 10);
  return fault;
}

// Writes or syncs fail, the disk is full, or slow; seldom anything else fails.
inline sim::DiskFault fault_of_a_life(sim::SimRng& rng) {
  constexpr sim::DiskOp kRareOps[] = {
      sim::DiskOp::kCreate, sim::DiskOp::kSyncDirectory, sim::DiskOp::kRead,     sim::DiskOp::kOpen,
      sim::DiskOp::kRename, sim::DiskOp::kRemove,        sim::DiskOp::kTruncate, sim::DiskOp::kAllocate};
  sim::DiskFault fault;
  fault.op = rng.one_in(3) ? sim::DiskOp::kSync : sim::DiskOp::kWrite;
  switch (rng.below(5)) {
    case 0:
      fault.effect = sim::DiskEffect::kNoSpace;
      break;
    case 1:
      fault.effect = sim::DiskEffect::kStall;
      fault.stall = std::chrono::milliseconds(rng.between(1, 500));
      break;
    case 2:
      fault.op = kRareOps[rng.below(std::size(kRareOps))];
      break;
    default:
      fault.failed_sync = rng.one_in(2) ? sim::FailedSync::kNewBytesVisible : sim::FailedSync::kOldBytesBack;
      break;
  }
  if (!rng.one_in(4)) fault.path = sim::path_contains(rng.one_in(3) ? "/journal/" : "/topics/");
  fault.skip = rng.below(8);
  fault.times = rng.between(1, 3);
  return fault;
}

}  // namespace forebay::partition
