#include "schema/core/json/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

namespace forebay::schema::json {
namespace {

using nlohmann::json;
constexpr std::size_t kBlockBytes = 4096;

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// The number in one form for all ways to write it: digits without zeros at either end, and an exponent.
std::string number_key(std::string_view text) {
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  std::int64_t exponent = 0;
  if (e < text.size()) {
    std::string_view written = text.substr(e + 1);
    if (written.front() == '+') written.remove_prefix(1);
    if (std::from_chars(written.data(), written.data() + written.size(), exponent).ec != std::errc())
      exponent = written.front() == '-' ? -1'000'000'000 : 1'000'000'000;
  }
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c == '.') continue;
    digits += c;
  }
  const std::size_t point = text.substr(0, e).find('.');
  if (point != std::string_view::npos) exponent -= static_cast<std::int64_t>(e - point - 1);
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return "0";
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  return (negative ? "-" : "") + digits + "e" + std::to_string(exponent);
}

std::vector<std::size_t> order_of(const Value& object, bool sorted) {
  std::vector<std::size_t> order(object.items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (sorted)
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return object.names[a] < object.names[b]; });
  return order;
}

enum class Form : std::uint8_t { kAsIs, kSorted, kKey };

constexpr std::size_t kAllBytes = SIZE_MAX / 2;

// Stops somewhere past `bytes_max`, also within a long text.
void append(std::string& out, const Value& value, Form form, std::size_t bytes_max = kAllBytes) {
  if (out.size() > bytes_max) return;
  switch (value.kind) {
    case Value::Kind::kNull:
      out += "null";
      return;
    case Value::Kind::kBoolean:
      out += value.boolean ? "true" : "false";
      return;
    case Value::Kind::kInteger:
    case Value::Kind::kNumber:
      if (form == Form::kKey)
        out += number_key(value.text);
      else
        out += value.text.substr(0, bytes_max + 1);
      return;
    case Value::Kind::kString:
      return append_quoted(out, value.text.substr(0, bytes_max));  // its quotes make it longer
    case Value::Kind::kArray:
      out += '[';
      for (std::size_t i = 0; i < value.items.size() && out.size() <= bytes_max; ++i) {
        if (i > 0) out += ',';
        append(out, value.items[i], form, bytes_max);
      }
      out += ']';
      return;
    case Value::Kind::kObject:
      break;
  }
  out += '{';
  bool first = true;
  for (const std::size_t i : order_of(value, form != Form::kAsIs)) {
    if (out.size() > bytes_max) break;
    if (!first) out += ',';
    first = false;
    append_quoted(out, value.names[i].substr(0, bytes_max));
    out += ':';
    append(out, value.items[i], form, bytes_max);
  }
  out += '}';
}

constexpr std::size_t kManyMembers = 16;  // above it they are found by order

// Fills by_name. The name that is there twice; nothing: none is.
std::optional<std::string_view> ordered(Value& object) {
  const auto& names = object.names;
  if (names.size() <= kManyMembers) {
    for (std::size_t i = 1; i < names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (names[j] == names[i]) return names[i];
    return std::nullopt;
  }
  object.by_name.resize(names.size());
  std::iota(object.by_name.begin(), object.by_name.end(), 0U);
  std::sort(object.by_name.begin(), object.by_name.end(),
            [&](std::uint32_t a, std::uint32_t b) { return names[a] < names[b]; });
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[object.by_name[i - 1]] == names[object.by_name[i]]) return names[object.by_name[i]];
  return std::nullopt;
}

}  // namespace

// Listens to the parser of nlohmann, which recurses nowhere. The names of these functions are its own.
class TreeBuilder {
 public:
  TreeBuilder(std::size_t depth_max, std::size_t text_bytes)
      : depth_max_(depth_max), block_bytes_(std::clamp<std::size_t>(text_bytes, 64, kBlockBytes)) {}

  bool null() { return add({}); }
  bool boolean(bool value) {
    Value one;
    one.kind = Value::Kind::kBoolean;
    one.boolean = value;
    return add(std::move(one));
  }
  bool number_integer(std::int64_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value);
    return add_integer(value, static_cast<double>(value), true,
                       {text, static_cast<std::size_t>(end.ptr - text)});
  }
  bool number_unsigned(std::uint64_t value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value);
    return add_integer(static_cast<std::int64_t>(value), static_cast<double>(value), value <= INT64_MAX,
                       {text, static_cast<std::size_t>(end.ptr - text)});
  }
  bool number_float(double value, const std::string& text) {
    if (text.find_first_of(".eE") == std::string::npos) return add_integer(0, value, false, text);
    Value one;
    one.kind = Value::Kind::kNumber;
    one.number = value;
    one.text = keep(text);
    return add(std::move(one));
  }
  bool string(std::string& text) {
    Value one;
    one.kind = Value::Kind::kString;
    one.text = keep(text);
    return add(std::move(one));
  }
  bool binary(json::binary_t&) { return false; }  // no JSON text has it
  bool key(std::string& name) {
    open_.back().names.push_back(keep(name));
    return true;
  }
  bool start_object(std::size_t) { return open(Value::Kind::kObject); }
  bool end_object() {
    if (const auto twice = ordered(open_.back())) {
      error_ = Error{ErrorCode::kInvalidArgument,
                     "member \"" + std::string(twice->substr(0, 100)) + "\" is there twice in one object"};
      return false;
    }
    return close();
  }
  bool start_array(std::size_t) { return open(Value::Kind::kArray); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) {
    std::string_view why =
        e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const auto bracket = why.find("] "); bracket != std::string_view::npos)
      why.remove_prefix(bracket + 2);
    error_ = Error{ErrorCode::kInvalidArgument,
                   "not JSON at byte " + std::to_string(position) + ": " + std::string(why.substr(0, 200))};
    return false;
  }

  Result<Document> finish(bool is_whole) {
    if (error_) return *error_;
    if (!is_whole || !root_) return Error{ErrorCode::kInvalidArgument, "not JSON"};
    document_.root_ = std::move(root_);
    document_.memory_bytes_ = memory_bytes_;
    return std::move(document_);
  }

 private:
  bool add_integer(std::int64_t integer, double number, bool fits, std::string_view text) {
    Value one;
    one.kind = Value::Kind::kInteger;
    one.integer = integer;
    one.number = number;
    one.fits = fits;
    one.text = keep(text);
    return add(std::move(one));
  }
  bool add(Value&& one) {
    memory_bytes_ += sizeof(Value) + sizeof(std::string_view) + sizeof(std::uint32_t);
    if (open_.empty())
      root_ = std::make_unique<Value>(std::move(one));
    else
      open_.back().items.push_back(std::move(one));
    return true;
  }
  bool open(Value::Kind kind) {
    if (open_.size() >= depth_max_) {
      error_ = Error{ErrorCode::kRecordTooLarge, "arrays and objects lie more than " +
                                                     std::to_string(depth_max_) + " deep in each other"};
      return false;
    }
    open_.emplace_back().kind = kind;
    return true;
  }
  bool close() {
    Value one = std::move(open_.back());
    open_.pop_back();
    return add(std::move(one));
  }
  std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    if (text.size() > left_) {
      left_ = std::max(block_bytes_, text.size());
      document_.blocks_.push_back(std::make_unique<char[]>(left_));
      next_ = document_.blocks_.back().get();
      memory_bytes_ += left_;
    }
    std::memcpy(next_, text.data(), text.size());
    const std::string_view kept(next_, text.size());
    next_ += text.size();
    left_ -= text.size();
    return kept;
  }

  const std::size_t depth_max_, block_bytes_;
  Document document_;
  std::unique_ptr<Value> root_;
  std::vector<Value> open_;
  char* next_ = nullptr;
  std::size_t left_ = 0, memory_bytes_ = 0;
  std::optional<Error> error_;
};

const Value* Value::find(std::string_view name) const {
  if (!by_name.empty()) {
    const auto found =
        std::lower_bound(by_name.begin(), by_name.end(), name,
                         [&](std::uint32_t one, std::string_view key) { return names[one] < key; });
    return found != by_name.end() && names[*found] == name ? &items[*found] : nullptr;
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return &items[i];
  return nullptr;
}

Result<Document> Document::parse(std::string_view text, std::string_view what, const TextLimits& limits) {
  if (text.size() > limits.bytes_max)
    return Error{ErrorCode::kRecordTooLarge, std::string(what) + " has " + std::to_string(text.size()) +
                                                 " bytes; at most " + std::to_string(limits.bytes_max)};
  TreeBuilder builder(limits.depth_max, text.size());
  const bool is_whole = json::sax_parse(text.begin(), text.end(), &builder);
  auto document = builder.finish(is_whole);
  if (!document)
    return Error{document.error().code, std::string(what) + ": " + std::string(document.error().context)};
  return document;
}

std::string to_text(const Value& value, bool sorted) {
  std::string out;
  append(out, value, sorted ? Form::kSorted : Form::kAsIs);
  return out;
}

std::string to_short_text(const Value& value, std::size_t bytes_max) {
  std::string out;
  append(out, value, Form::kAsIs, bytes_max);
  if (out.size() <= bytes_max) return out;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // no half character
  return out.substr(0, end) + "...";
}

std::string key_of(const Value& value) {
  std::string out;
  append(out, value, Form::kKey);
  return out;
}

std::string described(const Value& value, std::size_t bytes_max) {
  static constexpr const char* kNames[] = {"null",   "boolean", "integer", "number",
                                           "string", "array",   "object"};
  std::string out = kNames[static_cast<std::size_t>(value.kind)];
  if (value.kind == Value::Kind::kNull) return out;
  if (value.is_array()) return out + " of " + std::to_string(value.items.size());
  if (value.is_object()) return out + " of " + std::to_string(value.items.size()) + " members";
  return out + " " + to_short_text(value, bytes_max);
}

std::string pointer_step(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string pointer_step_read(std::string_view step) {
  std::string out;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const bool is_escape =
        step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1');
    if (is_escape)
      out += step[++i] == '0' ? '~' : '/';
    else
      out += step[i];
  }
  return out;
}

}  // namespace forebay::schema::json
