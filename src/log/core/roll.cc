#include "log/core/roll.h"

namespace forebay::log {
namespace {
bool deletes(const LogConfig& config) { return config.cleanup != CleanupPolicy::kCompact; }
}  // namespace

std::uint64_t roll_bytes(const LogConfig& config) {
  if (!deletes(config) || !config.retention_bytes) return config.segment_bytes;
  const std::uint64_t part = std::max(
      *config.retention_bytes / static_cast<std::uint64_t>(kSegmentsPerRetention), kRetentionSegmentBytesMin);
  return std::min(config.segment_bytes, part);
}

std::int64_t roll_ms(const LogConfig& config) {
  if (!deletes(config) || !config.retention_ms) return config.segment_ms;
  return std::min(config.segment_ms, std::max<std::int64_t>(*config.retention_ms / kSegmentsPerRetention, 1));
}

bool is_due(const LogConfig& config, const SegmentTimes& active, model::Timestamp now) {
  return active.has_records && now.value() - active.first_append.value() >= roll_ms(config);
}

bool rolls_before(const LogConfig& config, const SegmentTimes& active, std::uint64_t active_bytes,
                  std::uint64_t frame_bytes, model::Timestamp append_time) {
  if (!active.has_records) return false;
  return active_bytes + frame_bytes > roll_bytes(config) || is_due(config, active, append_time);
}

}  // namespace forebay::log
