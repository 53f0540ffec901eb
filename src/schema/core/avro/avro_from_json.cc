#include "schema/core/avro/avro_from_json.h"

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/endian.h"
#include "base/varint.h"
#include "schema/core/avro/avro_json_tree.h"
#include "schema/core/avro/avro_path.h"
#include "schema/core/avro/avro_payload.h"

namespace forebay::schema::avro {
namespace {

using Found = JsonNode::Kind;

// The bytes whose characters they are; none if one is beyond U+00FF. Requires: UTF-8.
std::optional<std::string> latin1(std::string_view utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      bytes += utf8[i];
    } else if (c <= 0xc3 && i + 1 < utf8.size()) {
      bytes += static_cast<char>((c & 3U) << 6U | (static_cast<unsigned char>(utf8[++i]) & 0x3fU));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

std::optional<double> real_of(const JsonNode& node) {
  if (node.kind == Found::kInteger || node.kind == Found::kReal) return node.real;
  if (node.kind != Found::kText) return std::nullopt;
  if (node.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (node.text == "Infinity") return std::numeric_limits<double>::infinity();
  if (node.text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}
bool fits_float(double value) {
  return !std::isfinite(value) || std::abs(value) <= std::numeric_limits<float>::max();
}

template <typename T>
bool fits(const JsonNode& node) {
  return node.kind == Found::kInteger && node.integer >= std::numeric_limits<T>::min() &&
         node.integer <= std::numeric_limits<T>::max();
}

// Defaults name no branch of a union: the first one that can hold the value is it.
enum class Source : std::uint8_t { kData, kDefault };

class Encoder {
 public:
  Encoder(const Schema& schema, const Limits& limits)
      : schema_(schema), limits_(limits), empty_left_(limits.empty_values_max) {}

  bool value(TypeId id, const JsonNode& node, Source source, std::size_t depth) {
    const Type& type = schema_[id];
    if (depth > limits_.value_depth_max || out_.size() > limits_.json_bytes_max) return too_large();
    switch (type.kind) {
      case Kind::kNull:
        return node.kind == Found::kNull ? takes_nothing() : mismatch(node, type);
      case Kind::kBoolean:
        if (node.kind != Found::kBoolean) return mismatch(node, type);
        out_ += static_cast<char>(node.boolean);
        return true;
      case Kind::kInt:
        return fits<std::int32_t>(node) ? number(node.integer)
                                        : mismatch(node, "int: a whole number of 32 bits");
      case Kind::kLong:
        return fits<std::int64_t>(node) ? number(node.integer)
                                        : mismatch(node, "long: a whole number of 64 bits");
      case Kind::kFloat:
      case Kind::kDouble:
        return real(type, node);
      case Kind::kString:
        return node.kind == Found::kText ? sized(node.text) : mismatch(node, type);
      case Kind::kBytes:
      case Kind::kFixed:
        return bytes(type, node);
      case Kind::kEnum:
        return symbol(type, node);
      case Kind::kUnion:
        return source == Source::kData ? branch(type, node, depth) : default_branch(type, node, depth);
      case Kind::kRecord:
        return record(type, node, source, depth + 1);
      case Kind::kArray:
        return array(type, node, source, depth + 1);
      case Kind::kMap:
        return map(type, node, source, depth + 1);
    }
    return false;
  }
  [[nodiscard]] std::string& bytes() { return out_; }
  [[nodiscard]] Error error() const {
    Error error = fault_error(fault_);
    if (is_too_large_) error.code = ErrorCode::kRecordTooLarge;
    return error;
  }

 private:
  // Enums may be large, and so may lists of their values.
  std::optional<std::size_t> symbol_of(const Type& type, std::string_view name) {
    const auto [known, is_new] = symbols_.try_emplace(&type);
    if (is_new)
      for (std::size_t i = 0; i < type.symbols.size(); ++i) known->second.emplace(type.symbols[i], i);
    const auto found = known->second.find(name);
    return found == known->second.end() ? std::nullopt : std::optional(found->second);
  }

  // Whether a value without the name of its branch may be of it, by its own look: what is inside is not.
  [[nodiscard]] bool may_be(const JsonNode& node, const Type& type) {
    switch (type.kind) {
      case Kind::kNull:
        return node.kind == Found::kNull;
      case Kind::kBoolean:
        return node.kind == Found::kBoolean;
      case Kind::kInt:
        return fits<std::int32_t>(node);
      case Kind::kLong:
        return fits<std::int64_t>(node);
      case Kind::kFloat:
      case Kind::kDouble:
        return real_of(node).has_value();
      case Kind::kString:
        return node.kind == Found::kText;
      case Kind::kBytes:
        return node.kind == Found::kText && latin1(node.text);
      case Kind::kFixed:
        return node.kind == Found::kText && latin1(node.text).value_or("").size() == type.size;
      case Kind::kEnum:
        return node.kind == Found::kText && symbol_of(type, node.text);
      case Kind::kArray:
        return node.kind == Found::kList;
      case Kind::kMap:
      case Kind::kRecord:
        return node.kind == Found::kObject;
      case Kind::kUnion:
        return false;
    }
    return false;
  }

  bool number(std::int64_t value) {
    std::array<std::byte, kVarlongBytesMax> encoded{};
    const std::byte* end = write_varlong(encoded.data(), value);
    out_.append(reinterpret_cast<const char*>(encoded.data()),
                static_cast<std::size_t>(end - encoded.data()));
    return true;
  }
  bool count(std::size_t value) { return number(static_cast<std::int64_t>(value)); }
  bool sized(std::string_view bytes) {
    count(bytes.size());
    out_ += bytes;
    return true;
  }
  template <typename T>
  bool fixed_width(T value) {
    std::array<std::byte, sizeof(T)> encoded{};
    store_le(encoded.data(), value);
    out_.append(reinterpret_cast<const char*>(encoded.data()), encoded.size());
    return true;
  }

  bool real(const Type& type, const JsonNode& node) {
    const auto value = real_of(node);
    if (!value) {
      return mismatch(node,
                      std::string(kind_name(type.kind)) + R"(: a number, "NaN", "Infinity" or "-Infinity")");
    }
    if (type.kind == Kind::kDouble) return fixed_width(*value);
    if (!fits_float(*value)) return mismatch(node, "float: a number of at most 3.4e38");
    return fixed_width(static_cast<float>(*value));
  }
  bool bytes(const Type& type, const JsonNode& node) {
    const auto found = node.kind == Found::kText ? latin1(node.text) : std::nullopt;
    const bool is_fixed = type.kind == Kind::kFixed;
    if (!found || (is_fixed && found->size() != type.size)) {
      return mismatch(node,
                      described(schema_, type) + ": a text with a character up to U+00FF for each byte");
    }
    if (!is_fixed) return sized(*found);
    out_ += *found;
    return type.size > 0 || takes_nothing();
  }
  bool symbol(const Type& type, const JsonNode& node) {
    const auto index = node.kind == Found::kText ? symbol_of(type, node.text) : std::nullopt;
    if (index) return count(*index);
    return mismatch(node, described(schema_, type) + ": one of " + listed(type.symbols));
  }

  bool branch(const Type& type, const JsonNode& node, std::size_t depth) {
    if (node.kind == Found::kObject && node.keys.size() == 1) {
      for (std::size_t i = 0; i < type.branches.size(); ++i) {
        const Type& one = schema_[type.branches[i]];
        if (one.kind != Kind::kNull && branch_name(one) == node.keys.front())
          return count(i) && value(type.branches[i], node.items.front(), Source::kData, depth);
      }
    }
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < type.branches.size(); ++i)
      if (may_be(node, schema_[type.branches[i]])) fitting.push_back(i);
    if (fitting.size() != 1) return no_branch(type, node, fitting);
    return chosen(type, fitting.front(), node, Source::kData, depth);
  }
  bool default_branch(const Type& type, const JsonNode& node, std::size_t depth) {
    const std::size_t begin = out_.size();
    for (std::size_t i = 0; i < type.branches.size() && !is_too_large_; ++i) {
      if (!may_be(node, schema_[type.branches[i]])) continue;
      if (chosen(type, i, node, Source::kDefault, depth)) return true;
      out_.resize(begin);
      if (!takes_nothing()) return false;  // each attempt counts, since they multiply
    }
    return is_too_large_ ? too_large() : mismatch(node, type);
  }
  bool chosen(const Type& type, std::size_t index, const JsonNode& node, Source source, std::size_t depth) {
    const TypeId id = type.branches[index];
    count(index);
    return schema_[id].kind == Kind::kNull || value(id, node, source, depth);
  }
  bool no_branch(const Type& type, const JsonNode& node, const std::vector<std::size_t>& fitting) {
    std::vector<std::string> forms;
    for (const TypeId id : type.branches) {
      const Type& one = schema_[id];
      forms.push_back(one.kind == Kind::kNull ? "null" : "{\"" + branch_name(one) + "\": ...}");
    }
    std::vector<std::string> names;
    for (const std::size_t i : fitting) names.push_back(branch_name(schema_[type.branches[i]]));
    const std::string may = names.empty() ? "" : ", which may be " + listed(names);
    return fail(shown(node) + may, "one of " + listed(forms));
  }

  bool record(const Type& type, const JsonNode& node, Source source, std::size_t depth) {
    if (node.kind != Found::kObject) return mismatch(node, type);
    std::map<std::string_view, const JsonNode*> members;
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (!members.emplace(node.keys[i], &node.items[i]).second) {
        fail("a second time", "each field once");
        return within(field_step(node.keys[i]));
      }
    }
    for (const Field& field : type.fields) {
      const auto given = members.find(field.name);
      const bool is_given = given != members.end();
      if (is_given ? !value(field.type, *given->second, source, depth) : !missing(field, depth))
        return within(field_step(field.name));
      if (is_given) members.erase(given);
    }
    if (!members.empty()) return unknown(type, members.begin()->first);
    return !type.fields.empty() || takes_nothing();
  }
  bool missing(const Field& field, std::size_t depth) {
    if (!field.default_value)
      return fail("nothing", described(schema_, schema_[field.type]) + ", since the field has no default");
    return value(field.type, json_node(*field.default_value), Source::kDefault, depth);
  }
  bool unknown(const Type& type, std::string_view name) {
    std::vector<std::string> names;
    for (const Field& field : type.fields) names.push_back(field.name);
    fail("a field that " + described(schema_, type) + " does not have",
         names.empty() ? "no field" : "one of " + listed(names));
    return within(field_step(name));
  }

  bool array(const Type& type, const JsonNode& node, Source source, std::size_t depth) {
    if (node.kind != Found::kList) return mismatch(node, type);
    if (!node.items.empty()) count(node.items.size());
    for (std::size_t i = 0; i < node.items.size(); ++i)
      if (!value(type.inner, node.items[i], source, depth)) return within(item_step(i));
    return count(0);
  }
  bool map(const Type& type, const JsonNode& node, Source source, std::size_t depth) {
    if (node.kind != Found::kObject) return mismatch(node, type);
    if (!node.items.empty()) count(node.items.size());
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      sized(node.keys[i]);
      if (!value(type.inner, node.items[i], source, depth)) return within(key_step(node.keys[i]));
    }
    return count(0);
  }

  bool takes_nothing() { return empty_left_-- > 0 || too_large(); }

  bool fail(std::string found, std::string expected) {
    fault_ = {"", std::move(found), std::move(expected)};
    return false;
  }
  bool mismatch(const JsonNode& node, std::string expected) { return fail(shown(node), std::move(expected)); }
  bool mismatch(const JsonNode& node, const Type& type) {
    return fail(shown(node), described(schema_, type));
  }
  bool within(const std::string& step) {
    prepend_step(fault_.path, step);
    return false;
  }
  bool too_large() {
    is_too_large_ = true;
    return fail("more", "values at most " + std::to_string(limits_.value_depth_max) + " deep, of at most " +
                            std::to_string(limits_.json_bytes_max) + " bytes, and at most " +
                            std::to_string(limits_.empty_values_max) + " that take no bytes");
  }
  const Schema& schema_;
  const Limits& limits_;
  std::string out_;
  std::size_t empty_left_;
  std::map<const Type*, std::map<std::string_view, std::size_t>> symbols_;  // looked up, never listed
  bool is_too_large_ = false;
  PayloadFault fault_;
};

}  // namespace

Result<std::string> payload_from_json(const Schema& schema, std::string_view json, const Limits& limits) {
  // A value takes up to two levels: itself, and the name of its branch.
  auto root = parse_json(json, 2 * limits.value_depth_max + 2);
  if (!root) {
    Error error = std::move(root).error();
    if (error.code == ErrorCode::kInvalidArgument) error.code = ErrorCode::kInvalidRecord;
    return error;
  }
  Encoder encoder(schema, limits);
  if (!encoder.value(schema.root, *root, Source::kData, 0)) return encoder.error();
  return std::move(encoder.bytes());
}

}  // namespace forebay::schema::avro
