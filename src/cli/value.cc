#include "cli/value.h"

#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/utf8.h"
#include "cli/bytes_text.h"

namespace forebay::cli {
namespace {

template <typename T>
void append_number(std::string& out, T number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  out.append(buffer, end);
}

// Plain YAML scalars are misread so easily ("no", "1e3", "2026-01-31") that only clearly harmless words go
// bare.
bool yaml_needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_harmless = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '/' ||
           c == ' ' || c == '+' || c == '(' || c == ')';
  };
  if (!is_letter(text.front()) || text.back() == ' ') return true;
  for (const char c : text) {
    if (!is_harmless(c)) return true;
  }
  std::string lower;
  for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const std::string_view word :
       {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"}) {
    if (lower == word) return true;
  }
  return false;
}

void append_yaml_text(std::string& out, std::string_view text) {
  if (yaml_needs_quotes(text)) {
    append_json_string(out, text);  // a JSON string is a YAML double-quoted one
  } else {
    out += text;
  }
}

void new_line(std::string& out, int indent_level) {
  if (indent_level < 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent_level) * 2, ' ');
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  std::size_t done = 0;  // what lies before is in `out`
  std::size_t at = 0;
  const auto escape = [&](std::string_view replacement, std::size_t length) {
    out.append(text.substr(done, at - done));
    out += replacement;
    at += length;
    done = at;
  };
  while (at < text.size()) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\') {
      ++at;
    } else if (c == '"') {
      escape("\\\"", 1);
    } else if (c == '\\') {
      escape("\\\\", 1);
    } else if (c == '\n') {
      escape("\\n", 1);
    } else if (c == '\t') {
      escape("\\t", 1);
    } else if (c == '\r') {
      escape("\\r", 1);
    } else if (byte < 0x20 || byte == 0x7F) {
      const char code[] = {'\\', 'u', '0', '0', kDigits[byte >> 4U], kDigits[byte & 15U]};
      escape({code, sizeof(code)}, 1);
    } else if (const std::size_t length = utf8_character_bytes(text.substr(at)); length != 0) {
      at += length;
    } else {
      escape("\xEF\xBF\xBD", 1);
    }
  }
  out.append(text.substr(done));
  out += '"';
}

Value& Value::set(std::string_view key, Value value) {
  auto& object = std::get<Object>(state_);
  for (Member& member : object) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  object.emplace_back(std::string(key), std::move(value));
  return *this;
}

void Value::push(Value value) { std::get<Array>(state_).push_back(std::move(value)); }

bool Value::is_number() const { return number().has_value(); }

std::optional<double> Value::number() const {
  if (const auto* value = std::get_if<std::int64_t>(&state_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::uint64_t>(&state_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&state_)) return *value;
  return std::nullopt;
}

const Value& Value::at(std::string_view path) const {
  static const Value kNull;
  const Value* here = this;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view key = path.substr(0, dot);
    const Value* next = nullptr;
    if (here->is_object()) {
      for (const Member& member : here->members()) {
        if (member.first == key) next = &member.second;
      }
    }
    if (next == nullptr) return kNull;
    here = next;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return *here;
}

void Value::append_scalar(std::string& out) const {
  if (const auto* value = std::get_if<bool>(&state_)) {
    out += *value ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&state_)) {
    append_number(out, *integer);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&state_)) {
    append_number(out, *natural);
  } else if (const auto* real = std::get_if<double>(&state_)) {
    if (std::isfinite(*real)) {
      append_number(out, *real);
    } else {
      out += "null";  // JSON has no other word for it
    }
  } else {
    FOREBAY_ASSERT(is_null());
    out += "null";
  }
}

std::string Value::plain() const {
  if (const std::string* words = text()) return *words;
  if (is_null()) return "-";
  std::string out;
  if (is_array()) {
    for (const Value& item : items()) {
      if (!out.empty()) out += ',';
      out += item.plain();
    }
    return out.empty() ? "-" : out;
  }
  if (is_object()) {
    for (const auto& [key, value] : members()) {
      if (!out.empty()) out += ',';
      out += key + '=' + value.plain();
    }
    return out.empty() ? "-" : out;
  }
  append_scalar(out);
  return out;
}

void Value::append_json(std::string& out, int indent_level) const {
  const int inner = indent_level < 0 ? -1 : indent_level + 1;
  if (const std::string* words = text()) {
    append_json_string(out, *words);
  } else if (is_array()) {
    out += '[';
    bool first = true;
    for (const Value& item : items()) {
      if (!std::exchange(first, false)) out += ',';
      new_line(out, inner);
      item.append_json(out, inner);
    }
    if (!items().empty()) new_line(out, indent_level);
    out += ']';
  } else if (is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, value] : members()) {
      if (!std::exchange(first, false)) out += ',';
      new_line(out, inner);
      append_json_string(out, key);
      out += indent_level < 0 ? ":" : ": ";
      value.append_json(out, inner);
    }
    if (!members().empty()) new_line(out, indent_level);
    out += '}';
  } else {
    append_scalar(out);
  }
}

void Value::append_yaml_node(std::string& out, std::size_t depth) const {
  // Begins right behind "key:" or "-"; ends with a newline.
  const std::string pad(depth * 2, ' ');
  if (is_array() && !items().empty()) {
    for (const Value& item : items()) {
      out += pad + "-";
      if (item.is_object() && !item.members().empty()) {
        std::string body;  // the first member stands on the dash's line
        item.append_yaml_node(body, depth + 1);
        out += ' ';
        out += std::string_view(body).substr((depth + 1) * 2);
      } else if (item.is_array() && !item.items().empty()) {
        out += '\n';
        item.append_yaml_node(out, depth + 1);
      } else {
        out += ' ';
        item.append_yaml_node(out, depth + 1);
      }
    }
  } else if (is_object() && !members().empty()) {
    for (const auto& [key, value] : members()) {
      out += pad;
      append_yaml_text(out, key);
      out += ':';
      const bool nested =
          (value.is_object() && !value.members().empty()) || (value.is_array() && !value.items().empty());
      out += nested ? '\n' : ' ';
      value.append_yaml_node(out, depth + 1);
    }
  } else {
    if (is_array()) {
      out += "[]";
    } else if (is_object()) {
      out += "{}";
    } else if (const std::string* words = text()) {
      append_yaml_text(out, *words);
    } else {
      append_scalar(out);
    }
    out += '\n';
  }
}

void Value::append_yaml(std::string& out) const { append_yaml_node(out, 0); }

}  // namespace forebay::cli
