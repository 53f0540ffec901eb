// The one grammar for places in a partition, on every verb that takes one (`forebay help offsets`):
//   start  end  N  +N (N after the start)  -N (N before the end)  A-B (both included)  @TIME (time_text.h)
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace forebay::cli {

struct Offsets {
  enum class Kind : std::uint8_t { kStart, kEnd, kAfterStart, kBeforeEnd, kExact, kTime };
  Kind kind = Kind::kStart;
  std::int64_t value = 0;  // the count, the offset, or ms since 1970 UTC; none is negative but a time
  std::optional<std::int64_t> last;  // A-B: the last offset, included; kind is kExact
  friend bool operator==(const Offsets&, const Offsets&) = default;
};

// Errors: kInvalidArgument, with the grammar.
[[nodiscard]] Result<Offsets> parse_offsets(std::string_view text, std::int64_t now_ms);

// Where to begin in a partition that holds [log_start, log_end). `found` is what the broker answered for
// kTime: the first offset at or after the time; nothing = none that late. Returns nothing when an exact
// offset is outside (log_end itself is inside: the next record will be there).
[[nodiscard]] std::optional<std::int64_t> begin_offset(const Offsets& offsets, std::int64_t log_start,
                                                       std::int64_t log_end,
                                                       std::optional<std::int64_t> found);

}  // namespace forebay::cli
