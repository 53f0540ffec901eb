// What a frame, a round, a partition's state look like as values. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/log_files.h"
#include "log/core/frame.h"
#include "log/core/journal_scan.h"
#include "log/core/recovery_fold.h"
#include "log/core/state_snapshot.h"

namespace forebay::cli {

[[nodiscard]] Value frame_line(const std::string& file, std::uint64_t position,
                               const log::FrameHeader& header, ByteSpan payload);
[[nodiscard]] Value state_line(const std::string& file, const model::TopicPartition& id,
                               const log::StateSnapshot& state);
[[nodiscard]] Value damage_line(const std::string& file, std::uint64_t position,
                                const model::LogPosition& begin, const model::LogPosition& end);
[[nodiscard]] Value round_line(const std::string& file, const log::ScannedRound& round);
[[nodiscard]] Value broken_round_line(const std::string& file, const log::BrokenRound& broken);
[[nodiscard]] Value partition_line(const std::string& topic_name, const log::FoldedPartition& partition);

// Each record of a frame's batch, in the shape that `consume` has, its topic being the topic's id. Returns
// false when `emit` did.
bool emit_records(const log::FrameHeader& header, ByteSpan payload, std::size_t records_bytes_max,
                  std::vector<std::byte>& scratch, const EmitLine& emit);

}  // namespace forebay::cli
