// Which whole segments may go: by append time, by size. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "log/core/index.h"
#include "log/core/log_config.h"
#include "model/ids.h"

namespace forebay::log {

// A stretch of the log that can only go as a whole: a segment, or what is still in memory behind the last
// one.
struct RetentionPiece {
  model::LogPosition begin, end;
  std::uint64_t bytes = 0;
  // Of its last frame; nothing when it could not be found out (an unreadable segment never goes by time).
  std::optional<model::Timestamp> last_append;
  // Nobody can read it, and that is accepted: it goes with what is behind it, which is no older.
  bool accepted_as_lost = false;
};

// Requires: pieces are in log order, from the one that holds log_start to the end of the log.
// Returns: where log start should move to; nothing when it should stay. Never above `committed`.
[[nodiscard]] std::optional<model::LogPosition> plan_log_start(const LogConfig& config,
                                                               std::span<const RetentionPiece> pieces,
                                                               model::LogPosition log_start,
                                                               model::LogPosition committed,
                                                               model::Timestamp now);

}  // namespace forebay::log
