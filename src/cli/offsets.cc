#include "cli/offsets.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "cli/time_text.h"

namespace forebay::cli {
namespace {

std::optional<std::int64_t> parse_natural(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error not_offsets(std::string_view text, std::string_view why) {
  return Error{ErrorCode::kInvalidArgument,
               "'" + std::string(text) + "' is not a place in a partition" + std::string(why) +
                   ": expected start, end, N, +N, -N, A-B or @TIME; see: forebay help offsets"};
}

}  // namespace

Result<Offsets> parse_offsets(std::string_view text, std::int64_t now_ms) {
  using Kind = Offsets::Kind;
  if (text == "start") return Offsets{Kind::kStart, 0, std::nullopt};
  if (text == "end") return Offsets{Kind::kEnd, 0, std::nullopt};
  if (text.starts_with('@')) {
    FOREBAY_TRY(const std::int64_t ms, parse_moment_ms(text.substr(1), now_ms));
    return Offsets{Kind::kTime, ms, std::nullopt};
  }
  if (text.starts_with('+') || text.starts_with('-')) {
    const auto count = parse_natural(text.substr(1));
    if (!count) return not_offsets(text, "");
    return Offsets{text.front() == '+' ? Kind::kAfterStart : Kind::kBeforeEnd, *count, std::nullopt};
  }
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto first = parse_natural(text.substr(0, dash));
    const auto last = parse_natural(text.substr(dash + 1));
    if (!first || !last) return not_offsets(text, "");
    if (*last < *first) return not_offsets(text, " (the last offset is below the first)");
    return Offsets{Kind::kExact, *first, *last};
  }
  if (const auto offset = parse_natural(text)) return Offsets{Kind::kExact, *offset, std::nullopt};
  return not_offsets(text, "");
}

std::optional<std::int64_t> begin_offset(const Offsets& offsets, std::int64_t log_start, std::int64_t log_end,
                                         std::optional<std::int64_t> found) {
  switch (offsets.kind) {
    case Offsets::Kind::kStart:
      return log_start;
    case Offsets::Kind::kEnd:
      return log_end;
    case Offsets::Kind::kAfterStart:
      return offsets.value > log_end - log_start ? log_end : log_start + offsets.value;
    case Offsets::Kind::kBeforeEnd:
      return offsets.value > log_end - log_start ? log_start : log_end - offsets.value;
    case Offsets::Kind::kExact:
      if (offsets.value < log_start || offsets.value > log_end) return std::nullopt;
      return offsets.value;
    case Offsets::Kind::kTime:
      return std::max(log_start, found.value_or(log_end));
  }
  return std::nullopt;
}

}  // namespace forebay::cli
