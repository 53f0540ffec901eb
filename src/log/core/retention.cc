#include "log/core/retention.h"

#include <algorithm>

namespace forebay::log {

std::optional<model::LogPosition> plan_log_start(const LogConfig& config,
                                                 std::span<const RetentionPiece> pieces,
                                                 model::LogPosition log_start, model::LogPosition committed,
                                                 model::Timestamp now) {
  if (config.cleanup == CleanupPolicy::kCompact) return std::nullopt;
  std::uint64_t total = 0;
  for (const RetentionPiece& piece : pieces) total += piece.bytes;

  model::LogPosition begin = log_start;
  for (auto at = pieces.begin(); at != pieces.end(); ++at) {
    const RetentionPiece& piece = *at;
    if (piece.end > committed) break;
    const auto dated = std::find_if(
        at, pieces.end(), [](const RetentionPiece& one) { return one.last_append || !one.accepted_as_lost; });
    const bool too_old = config.retention_ms && dated != pieces.end() && dated->last_append &&
                         now.value() - dated->last_append->value() > *config.retention_ms;
    // What remains must still hold retention_bytes: the bound says how much is kept, not how much may be
    // lost.
    const bool too_much = config.retention_bytes && total - piece.bytes >= *config.retention_bytes;
    if (!too_old && !too_much) break;
    total -= piece.bytes;
    if (piece.end > begin) begin = piece.end;
  }
  if (begin == log_start) return std::nullopt;
  return begin;
}

}  // namespace forebay::log
