#include "torture/history_line.h"

namespace forebay::torture {
namespace {

std::string_view next_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  return word;
}

// OFFSET:VALUE[xCOUNT][!]
[[nodiscard]] bool append_run(std::string_view text, std::vector<sim::SeenRecord>& records) {
  const bool sound = !text.ends_with('!');
  if (!sound) text.remove_suffix(1);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::size_t times = text.find('x', colon);
  sim::SeenRecord record{.sound = sound};
  std::uint64_t count = 1;
  if (!parse_number(text.substr(0, colon), record.offset)) return false;
  if (times != std::string_view::npos && !parse_number(text.substr(times + 1), count)) return false;
  const std::size_t length = times == std::string_view::npos ? times : times - colon - 1;
  if (!parse_number(text.substr(colon + 1, length), record.value)) return false;
  for (std::uint64_t i = 0; i < count; ++i, ++record.offset, ++record.value) records.push_back(record);
  return true;
}

}  // namespace

Error wrong_line(std::string_view what, std::string_view line) {
  constexpr std::size_t kShown = 300;
  return Error{ErrorCode::kInvalidArgument, std::string(what) + ": " + std::string(line.substr(0, kShown))};
}

bool parse_records(std::string_view text, std::vector<sim::SeenRecord>& records) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (!append_run(text.substr(0, comma), records)) return false;
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return true;
}

Result<HistoryLine> HistoryLine::parse(std::string_view whole) {
  HistoryLine line{.whole = whole};
  std::string_view rest = whole;
  if (!parse_number(next_word(rest), line.at)) return wrong_line("no time", whole);
  line.process = next_word(rest);
  line.type = next_word(rest);
  line.op = next_word(rest);
  line.topic = next_word(rest);
  line.partition = next_word(rest);
  line.fields = rest;
  if (line.partition.empty()) return wrong_line("too short", whole);
  if (line.type != "invoke" && line.type != "ok" && line.type != "fail" && line.type != "info")
    return wrong_line("unknown type", whole);
  return line;
}

std::optional<std::string_view> HistoryLine::text(std::string_view name) const {
  std::string_view rest = fields;
  while (!rest.empty()) {
    const std::string_view word = next_word(rest);
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
      return word.substr(name.size() + 1);
  }
  return std::nullopt;
}

}  // namespace forebay::torture
