#include "torture/record_value.h"

#include <charconv>
#include <cstdio>

#include "base/crc32c.h"

namespace forebay::torture {
namespace {

constexpr std::size_t kCrcDigits = 8;

std::string prefix(const RecordPlace& place) {
  return std::string(place.run) + ':' + std::string(place.topic) + '/' + std::to_string(place.partition) +
         ':';
}

std::string crc_text(std::string_view text) {
  char digits[kCrcDigits + 1];
  std::snprintf(digits, sizeof(digits), "%08x", crc32c(std::as_bytes(std::span(text))));
  return digits;
}

}  // namespace

std::string make_record_value(const RecordPlace& place, std::uint64_t value, std::size_t size_bytes) {
  std::string text = prefix(place) + std::to_string(value) + ':';
  const std::size_t rest = 1 + kCrcDigits;
  // Differs from record to record, so that pieces of two of them do not fit together.
  for (std::uint64_t filler = value; text.size() + rest < size_bytes; filler = filler * 25 + 7)
    text += static_cast<char>('a' + filler % 26);
  return text + ':' + crc_text(text);
}

ParsedValue parse_record_value(const RecordPlace& place, std::string_view text) {
  ParsedValue parsed;
  const std::string expected = prefix(place);
  const std::size_t last = text.rfind(':');
  if (last == std::string_view::npos) return parsed;
  // Also of one that lies in a wrong place, so that the report names it.
  const std::size_t topic_colon = text.find(':');
  const std::size_t value_colon = text.find(':', topic_colon + 1);
  if (value_colon == std::string_view::npos) return parsed;
  const char* begin = text.data() + value_colon + 1;
  const auto number = std::from_chars(begin, text.data() + text.size(), parsed.value);
  if (number.ec != std::errc{} || *number.ptr != ':') return {};
  parsed.sound = text.starts_with(expected) && text.substr(last + 1) == crc_text(text.substr(0, last));
  return parsed;
}

}  // namespace forebay::torture
