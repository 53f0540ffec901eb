// When a segment is full or old enough, and a new one begins. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "log/core/index.h"
#include "log/core/log_config.h"
#include "model/ids.h"

namespace forebay::log {

// A segment is the least that retention can remove, so it must not be larger or older than a part of what
// retention keeps; else data would outlive its time by as much again.
inline constexpr std::int64_t kSegmentsPerRetention = 4;
inline constexpr std::uint64_t kRetentionSegmentBytesMin = 1U << 20;

[[nodiscard]] std::uint64_t roll_bytes(const LogConfig& config);
[[nodiscard]] std::int64_t roll_ms(const LogConfig& config);

// True when a record frame of `frame_bytes`, appended at `append_time`, should begin a new segment. Control
// frames never ask: by themselves they make no segment roll.
[[nodiscard]] bool rolls_before(const LogConfig& config, const SegmentTimes& active,
                                std::uint64_t active_bytes, std::uint64_t frame_bytes,
                                model::Timestamp append_time);

// True when the segment is due by age at `now`, whether or not anything more is appended.
[[nodiscard]] bool is_due(const LogConfig& config, const SegmentTimes& active, model::Timestamp now);

}  // namespace forebay::log
