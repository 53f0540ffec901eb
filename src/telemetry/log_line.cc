#include <array>
#include <charconv>

#include "telemetry/log.h"

namespace forebay::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"error", "warn", "info", "debug"};

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (u < 0x20 || u == 0x7f) {
          out += "\\x";
          out += kHex[u >> 4];
          out += kHex[u & 15];
        } else {
          out += c;
        }
    }
  }
}

template <typename T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

struct AppendValue {
  std::string& out;
  void operator()(std::string_view text) const {
    if (!needs_quotes(text)) {
      out += text;
      return;
    }
    out += '"';
    append_escaped(out, text);
    out += '"';
  }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  template <typename T>
  void operator()(T value) const {
    append_number(out, value);
  }
};

}  // namespace

std::string_view level_name(Level level) { return kLevelNames.at(static_cast<std::size_t>(level)); }

std::optional<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames.at(i) == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::string format_event(std::string_view event, Fields fields) {
  std::string line;
  line.reserve(event.size() + fields.size() * 24);
  append_escaped(line, event);
  if (fields.size() != 0) line += ':';
  for (const Field& field : fields) {
    line += ' ';
    append_escaped(line, field.key());
    line += '=';
    std::visit(AppendValue{line}, field.value());
  }
  return line;
}

}  // namespace forebay::telemetry
