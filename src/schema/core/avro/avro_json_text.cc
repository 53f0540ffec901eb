#include "schema/core/avro/avro_json_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace forebay::schema::avro {
namespace {

void append_escaped(std::string& to, unsigned char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    default:
      to += "\\u00";
      to += kDigits[c >> 4U];
      to += kDigits[c & 0xfU];
  }
}
bool is_plain(unsigned char c) { return c >= 0x20 && c != '"' && c != '\\'; }

template <typename T>
void append_digits(std::string& to, T value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  to.append(text.data(), end);
}

}  // namespace

void append_json_string(std::string& to, std::string_view utf8) {
  to += '"';
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t begin = at;
    while (at < utf8.size() && is_plain(static_cast<unsigned char>(utf8[at]))) ++at;
    to.append(utf8, begin, at - begin);
    if (at < utf8.size()) append_escaped(to, static_cast<unsigned char>(utf8[at++]));
  }
  to += '"';
}

void append_json_bytes(std::string& to, ByteSpan bytes) {
  to += '"';
  for (const std::byte byte : bytes) {
    const auto c = std::to_integer<unsigned char>(byte);
    if (c >= 0x80) {
      to += static_cast<char>(0xc0U | c >> 6U);
      to += static_cast<char>(0x80U | (c & 0x3fU));
    } else if (is_plain(c)) {
      to += static_cast<char>(c);
    } else {
      append_escaped(to, c);
    }
  }
  to += '"';
}

void append_json_number(std::string& to, double value) {
  if (std::isnan(value)) {
    to += "\"NaN\"";
  } else if (std::isinf(value)) {
    to += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    const std::size_t begin = to.size();
    append_digits(to, value);
    if (to.find_first_of(".e", begin) == std::string::npos) to += ".0";
  }
}
void append_json_number(std::string& to, std::int64_t value) { append_digits(to, value); }

}  // namespace forebay::schema::avro
