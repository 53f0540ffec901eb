// How a named producer writes down where it stands in its source, and where it goes on by what the partitions
// have kept of that (docs/format/source-position.md). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forebay/source_place.h"

namespace forebay::client {

// The broker keeps 256 bytes; five of them are ours.
inline constexpr std::size_t kSourceIdentityBytesMax = 251;

[[nodiscard]] std::string encode_source(std::string_view identity, std::int32_t partition_count);
[[nodiscard]] std::string encode_position(const SourcePlace& place);

// Where a record without key goes. The same in every version: a resumed record must go where it went.
[[nodiscard]] std::int32_t partition_for_position(std::uint64_t position, std::int32_t partition_count);

// What a partition has kept of the last session.
struct StoredPosition {
  std::int32_t partition = 0;
  std::string source;
  std::string position;
};

struct ResumePlan {
  std::vector<std::optional<SourcePlace>> stored;  // by partition
  std::optional<std::uint64_t> start_after;        // the lowest; absent: some partition has none
  std::optional<std::uint64_t> furthest;           // the highest
  std::string identity;  // of the source, for what is sent now: as stored, when it is stored
};
// Errors: kFailedPrecondition: another source, another number of partitions, or what a newer version has
// written.
[[nodiscard]] Result<ResumePlan> plan_resume(const std::vector<StoredPosition>& partitions,
                                             std::int32_t partition_count, std::string_view identity,
                                             const std::function<bool(std::string_view)>& is_same_source);

}  // namespace forebay::client
