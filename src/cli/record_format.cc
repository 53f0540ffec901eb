#include "cli/record_format.h"

#include <charconv>
#include <optional>

#include "base/utf8.h"
#include "cli/bytes_text.h"
#include "cli/time_text.h"

namespace forebay::cli {
namespace {

void append_integer(std::string& out, std::int64_t number) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
}

void append_json_bytes(std::string& out, const std::optional<std::string_view>& bytes) {
  if (!bytes) {
    out += "null";
  } else if (is_utf8(*bytes)) {
    append_json_string(out, *bytes);
  } else {
    out += "{\"base64\":\"";
    append_base64(out, *bytes);
    out += "\"}";
  }
}

void append_json_time(std::string& out, std::int64_t ms) {
  out += '"';
  append_iso_ms(out, ms);
  out += '"';
}

bool seen_before(std::span<const HeaderView> headers, std::size_t index) {
  for (std::size_t i = 0; i < index; ++i) {
    if (headers[i].name == headers[index].name) return true;
  }
  return false;
}

void append_json_headers(std::string& out, std::span<const HeaderView> headers) {
  out += '{';
  bool first = true;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (seen_before(headers, i)) continue;
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, headers[i].name);
    out += ':';
    std::string values;
    std::size_t count = 0;
    for (std::size_t j = i; j < headers.size(); ++j) {
      if (headers[j].name != headers[i].name) continue;
      if (count++ != 0) values += ',';
      append_json_bytes(values, headers[j].value);
    }
    out += count == 1 ? values : '[' + values + ']';
  }
  out += '}';
}

Value bytes_value(const std::optional<std::string_view>& bytes) {
  if (!bytes) return {};
  if (is_utf8(*bytes)) return Value(*bytes);
  std::string encoded;
  append_base64(encoded, *bytes);
  Value value = Value::object();
  value.set("base64", std::move(encoded));
  return value;
}

std::optional<char> hex_byte(std::string_view digits) {
  unsigned value = 0;
  if (digits.size() != 2) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, value, 16);
  if (error != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

void append_record_json(std::string& out, const ShownRecord& shown) {
  const RecordView& record = *shown.record;
  out += "{\"topic\":";
  append_json_string(out, shown.topic);
  out += ",\"partition\":";
  append_integer(out, shown.partition);
  out += ",\"offset\":";
  append_integer(out, record.offset);
  out += ",\"event_time\":";
  append_json_time(out, record.event_time_ms.value_or(shown.append_time_ms));
  out += ",\"append_time\":";
  append_json_time(out, shown.append_time_ms);
  out += ",\"key\":";
  append_json_bytes(out, record.key);
  out += ",\"value\":";
  append_json_bytes(out, record.value);
  out += ",\"headers\":";
  append_json_headers(out, record.headers);
  out += "}\n";
}

Value record_value(const ShownRecord& shown) {
  const RecordView& record = *shown.record;
  Value headers = Value::object();
  for (std::size_t i = 0; i < record.headers.size(); ++i) {
    if (seen_before(record.headers, i)) continue;
    Value::Array values;
    for (std::size_t j = i; j < record.headers.size(); ++j) {
      if (record.headers[j].name == record.headers[i].name)
        values.push_back(bytes_value(record.headers[j].value));
    }
    headers.set(record.headers[i].name,
                values.size() == 1 ? std::move(values.front()) : Value(std::move(values)));
  }
  Value tree = Value::object();
  tree.set("topic", shown.topic)
      .set("partition", shown.partition)
      .set("offset", record.offset)
      .set("event_time", iso_ms(record.event_time_ms.value_or(shown.append_time_ms)))
      .set("append_time", iso_ms(shown.append_time_ms))
      .set("key", bytes_value(record.key))
      .set("value", bytes_value(record.value))
      .set("headers", std::move(headers));
  return tree;
}

void append_record_yaml(std::string& out, const ShownRecord& shown) {
  out += "---\n";
  record_value(shown).append_yaml(out);
}

void RecordTemplate::literal(char c) {
  if (pieces_.empty() || pieces_.back().field != Field::kLiteral) pieces_.emplace_back();
  pieces_.back().literal += c;
}

Result<RecordTemplate::Piece> RecordTemplate::parse_field(std::string_view text, std::size_t& at) {
  // `at` is on the '%'; afterwards behind the field.
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::kInvalidArgument, "template '" + std::string(text) + "', place " +
                                                  std::to_string(at + 1) + ": " + std::string(why) +
                                                  "; see: forebay help templates"};
  };
  if (at + 1 >= text.size()) return refuse("a lone %; write %% for a percent sign");
  Piece piece;
  switch (text[at + 1]) {
    case 't':
      piece.field = Field::kTopic;
      break;
    case 'p':
      piece.field = Field::kPartition;
      break;
    case 'o':
      piece.field = Field::kOffset;
      break;
    case 'k':
      piece.field = Field::kKey;
      break;
    case 'v':
      piece.field = Field::kValue;
      break;
    case 'h':
      piece.field = Field::kHeaders;
      break;
    case 'd':
      piece.field = Field::kEventTime;
      break;
    case 'a':
      piece.field = Field::kAppendTime;
      break;
    default:
      return refuse("unknown field %" + std::string(1, text[at + 1]));
  }
  std::size_t next = at + 2;
  if (next < text.size() && text[next] == '{') {
    const std::size_t close = text.find('}', next);
    if (close == std::string_view::npos) return refuse("no } behind the {");
    const std::string_view name = text.substr(next + 1, close - next - 1);
    const bool is_bytes = piece.field == Field::kKey || piece.field == Field::kValue;
    const bool is_time = piece.field == Field::kEventTime || piece.field == Field::kAppendTime;
    if (is_bytes && name == "base64") {
      piece.form = Form::kBase64;
    } else if (is_bytes && name == "hex") {
      piece.form = Form::kHex;
    } else if (is_bytes && name == "json") {
      piece.form = Form::kJson;
    } else if (is_time && name == "ms") {
      piece.form = Form::kMs;
    } else {
      return refuse("unknown modifier {" + std::string(name) + "}");
    }
    next = close + 1;
  }
  at = next;
  return piece;
}

Result<RecordTemplate> RecordTemplate::parse(std::string_view text) {
  RecordTemplate result;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '%' && text.substr(at).starts_with("%%")) {
      result.literal('%');
      at += 2;
    } else if (c == '%') {
      FOREBAY_TRY(Piece piece, parse_field(text, at));
      result.pieces_.push_back(std::move(piece));
    } else if (c == '\\' && at + 1 < text.size()) {
      const char escaped = text[at + 1];
      at += 2;
      switch (escaped) {
        case 'n':
          result.literal('\n');
          break;
        case 't':
          result.literal('\t');
          break;
        case 'r':
          result.literal('\r');
          break;
        case '0':
          result.literal('\0');
          break;
        case '\\':
          result.literal('\\');
          break;
        case 'x': {
          const auto byte = hex_byte(text.substr(at, 2));
          if (!byte) {
            return Error{ErrorCode::kInvalidArgument,
                         "template '" + std::string(text) + "': \\x wants two hexadecimal digits"};
          }
          result.literal(*byte);
          at += 2;
          break;
        }
        default:
          result.literal('\\');
          result.literal(escaped);
      }
    } else {
      result.literal(c);
      ++at;
    }
  }
  return result;
}

void RecordTemplate::append(std::string& out, const ShownRecord& shown) const {
  const RecordView& record = *shown.record;
  const auto append_bytes = [&](const std::optional<std::string_view>& bytes, Form form) {
    if (form == Form::kJson) {
      append_json_bytes(out, bytes);
    } else if (!bytes) {
      return;
    } else if (form == Form::kBase64) {
      append_base64(out, *bytes);
    } else if (form == Form::kHex) {
      append_hex(out, *bytes);
    } else {
      out += *bytes;
    }
  };
  const auto append_time = [&](std::int64_t ms, Form form) {
    if (form == Form::kMs) {
      append_integer(out, ms);
    } else {
      append_iso_ms(out, ms);
    }
  };
  for (const Piece& piece : pieces_) {
    switch (piece.field) {
      case Field::kLiteral:
        out += piece.literal;
        break;
      case Field::kTopic:
        out += shown.topic;
        break;
      case Field::kPartition:
        append_integer(out, shown.partition);
        break;
      case Field::kOffset:
        append_integer(out, record.offset);
        break;
      case Field::kKey:
        append_bytes(record.key, piece.form);
        break;
      case Field::kValue:
        append_bytes(record.value, piece.form);
        break;
      case Field::kHeaders: {
        bool first = true;
        for (const HeaderView& header : record.headers) {
          if (!std::exchange(first, false)) out += ',';
          out += header.name;
          if (header.value) (out += '=') += *header.value;
        }
        break;
      }
      case Field::kEventTime:
        append_time(record.event_time_ms.value_or(shown.append_time_ms), piece.form);
        break;
      case Field::kAppendTime:
        append_time(shown.append_time_ms, piece.form);
        break;
    }
  }
}

}  // namespace forebay::cli
