// What a topic's configuration tells the log.
#pragma once

#include <cstdint>
#include <optional>

#include "model/ids.h"

namespace forebay::log {

enum class CleanupPolicy : std::uint8_t { kDelete, kCompact, kCompactAndDelete };

// The part of a topic's configuration that the log obeys. Durations in milliseconds, of append time unless
// said.
struct LogConfig {
  std::uint64_t segment_bytes = 256ULL << 20;                         // roll above this
  std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;                   // roll when the first record is older
  std::optional<std::int64_t> retention_ms = 7LL * 24 * 3600 * 1000;  // none = for ever
  std::optional<std::uint64_t> retention_bytes;                       // none = no bound
  CleanupPolicy cleanup = CleanupPolicy::kDelete;
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;  // life of a tombstone
  std::int64_t min_compaction_lag_ms = 0;
  double min_cleanable_dirty_ratio = 0.5;
  std::uint32_t index_interval_bytes = 64U << 10;
};

// What the group says of its log to whoever compacts it.
struct CompactionBounds {
  model::LogPosition committed;
  model::LogPosition everywhere;  // every replica has compacted its log up to here (docs/adr/0016)
};

}  // namespace forebay::log
