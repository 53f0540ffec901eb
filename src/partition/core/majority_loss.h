// Whether the voters of a partition that are left may go on without those that are lost, and with what. An
// operator's decision needs it (ADR 13): while a majority may come back it is refused. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/core/control.h"
#include "model/ids.h"
#include "partition/core/replica_report.h"

namespace forebay::partition {

// For so long this node must have seen no leader and no majority: after a start, or a break of the network,
// the others may just not have come yet.
inline constexpr std::chrono::seconds kMajorityGoneAtLeast{10};

struct MajorityLossFacts {
  log::Membership members;
  log::Voter self;
  std::vector<log::Voter> out_of_reach;  // voters
  std::optional<model::NodeId> leader;
  std::optional<Steady> leaderless_since;
  model::LogPosition end, commit;  // of this replica
  bool tail_lost = false;
  std::string failure;  // why this replica stopped; empty: it did not
};

struct MajorityLoss {
  std::vector<log::Voter> lost;
  std::vector<log::Voter> left;  // this node among them
  model::Offset end;             // records below are here
  model::Offset committed;       // of them, those below are known to be committed
  friend bool operator==(const MajorityLoss&, const MajorityLoss&) = default;
};

// Errors: kFailedPrecondition, with what stands against it.
[[nodiscard]] Result<MajorityLoss> judge_majority_loss(const MajorityLossFacts& facts, Steady now);

}  // namespace forebay::partition
