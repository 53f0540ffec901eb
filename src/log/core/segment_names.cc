#include <charconv>

#include "log/core/journal_record.h"
#include "log/core/state_snapshot.h"

namespace forebay::log {
namespace {

constexpr std::size_t kOffsetDigits = 20;
constexpr std::size_t kControlDigits = 8;
constexpr std::string_view kSuffix = ".log";
constexpr std::string_view kStateSuffix = ".state";
constexpr std::string_view kUnfinishedStateSuffix = ".state.tmp";

std::string padded(std::uint64_t value, std::size_t digits) {
  std::string text = std::to_string(value);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

// All of `text` as a decimal number; leading zeros only where the width is fixed.
template <typename T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && text.front() != '-';
}

template <typename T>
bool parse_plain_number(std::string_view text, T& value) {
  return parse_number(text, value) && (text.size() == 1 || text.front() != '0');
}

// Where what the file holds begins or ends: the first part of its name.
std::string position_name(const model::LogPosition& at) {
  return padded(static_cast<std::uint64_t>(at.next_offset.value()), kOffsetDigits) + "-" +
         padded(at.control_count, kControlDigits);
}

}  // namespace

std::string segment_file_name(const SegmentMeta& meta) {
  std::string name = position_name(meta.begin) + "-" + std::to_string(meta.boot_epoch.value());
  const bool retried = (meta.generation & kRetriedFile) != 0;
  if (meta.generation != 0) name += (retried ? "-r" : "-g") + std::to_string(meta.generation & ~kRetriedFile);
  name += kSuffix;
  return name;
}

std::optional<SegmentMeta> parse_segment_file_name(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  // The control count has 8 digits, or more when it needs them.
  if (name.size() < kOffsetDigits + 1 || name[kOffsetDigits] != '-') return std::nullopt;
  std::int64_t offset = 0;
  if (!parse_number(name.substr(0, kOffsetDigits), offset)) return std::nullopt;
  name.remove_prefix(kOffsetDigits + 1);
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash < kControlDigits) return std::nullopt;
  std::uint32_t control = 0;
  if (!parse_number(name.substr(0, dash), control)) return std::nullopt;
  name.remove_prefix(dash + 1);
  std::uint32_t generation = 0;
  if (const std::size_t mark = name.find('-'); mark != std::string_view::npos) {
    const std::string_view suffix = name.substr(mark);
    const bool retried = suffix.starts_with("-r");
    if (!retried && !suffix.starts_with("-g")) return std::nullopt;
    if (!parse_plain_number(suffix.substr(2), generation) || generation == 0) return std::nullopt;
    if ((generation & kRetriedFile) != 0) return std::nullopt;
    if (retried) generation |= kRetriedFile;
    name = name.substr(0, mark);
  }
  std::uint64_t epoch = 0;
  if (!parse_plain_number(name, epoch)) return std::nullopt;
  SegmentMeta meta;
  meta.begin = {model::Offset(offset), control};
  meta.boot_epoch = model::BootEpoch(epoch);
  meta.generation = generation;
  return meta;
}

std::string state_file_name(const model::LogPosition& position) {
  return position_name(position) + std::string(kStateSuffix);
}

std::optional<model::LogPosition> parse_state_file_name(std::string_view name) {
  if (!name.ends_with(kStateSuffix)) return std::nullopt;
  name.remove_suffix(kStateSuffix.size());
  if (name.size() < kOffsetDigits + 1 + kControlDigits) return std::nullopt;
  std::int64_t offset = 0;
  std::uint32_t control = 0;
  if (!parse_number(name.substr(0, kOffsetDigits), offset) ||
      !parse_number(name.substr(kOffsetDigits + 1), control))
    return std::nullopt;
  const model::LogPosition position{model::Offset(offset), control};
  return position_name(position) == name ? std::optional(position) : std::nullopt;
}

bool is_unfinished_state(std::string_view name) { return name.ends_with(kUnfinishedStateSuffix); }

}  // namespace forebay::log
