// Which damaged range of a replica may be repaired now, and from whom. Pure.
//
// What replaces a lost range must be what was lost. That is so where both logs are the same: in the log of
// the leader that has matched this one behind the range, in that term; and below commit in the log of
// everybody whose commit lies behind the range too, for what is committed is the same everywhere. Anybody
// else may have another branch there.
#pragma once

#include <optional>
#include <vector>

#include "log/core/journal_record.h"
#include "log/core/splice.h"
#include "model/ids.h"

namespace forebay::raft {

struct RepairView {
  std::vector<log::Damage> damage;
  model::LogPosition commit;
  model::LogPosition matched;           // with the log of `leader`
  std::optional<model::NodeId> leader;  // another node, that is followed
  std::vector<model::NodeId> others;    // other members that can be reached
};

// The ranges for which somebody may be asked.
[[nodiscard]] std::vector<log::LogRange> repairable(const RepairView& view);
// Who may be asked for frames up to there, the leader first.
[[nodiscard]] std::vector<model::NodeId> repair_sources(const RepairView& view, model::LogPosition upto);

}  // namespace forebay::raft
