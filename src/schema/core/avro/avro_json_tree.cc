#include "schema/core/avro/avro_json_tree.h"

#include <limits>
#include <utility>

#include "schema/core/avro/avro_json_text.h"
#include "schema/core/avro/avro_path.h"

namespace forebay::schema::avro {
namespace {

std::string deeper_than(std::size_t depth_max) {
  return "lists and objects in each other more than " + std::to_string(depth_max) + " deep";
}

// Called by nlohmann's parser with what it finds; false ends the parsing.
class Builder {
 public:
  explicit Builder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() { return add({}); }
  bool boolean(bool value) { return add({.kind = JsonNode::Kind::kBoolean, .boolean = value}); }
  bool number_integer(std::int64_t value) {
    return add({.kind = JsonNode::Kind::kInteger, .integer = value, .real = static_cast<double>(value)});
  }
  bool number_unsigned(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return number_integer(static_cast<std::int64_t>(value));
    return add({.kind = JsonNode::Kind::kReal, .real = static_cast<double>(value)});
  }
  bool number_float(double value, const std::string&) {
    return add({.kind = JsonNode::Kind::kReal, .real = value});
  }
  bool string(std::string& value) { return add({.kind = JsonNode::Kind::kText, .text = std::move(value)}); }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) { return open(JsonNode::Kind::kObject); }
  bool start_array(std::size_t) { return open(JsonNode::Kind::kList); }
  bool key(std::string& name) {
    open_.back()->keys.push_back(std::move(name));
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  template <typename Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception&) {
    error_ = {ErrorCode::kInvalidArgument, "the text is no JSON from its byte " + std::to_string(position)};
    return false;
  }

  [[nodiscard]] JsonNode& root() { return root_; }
  [[nodiscard]] Error& error() { return error_; }

 private:
  bool add(JsonNode node) {
    last_ = open_.empty() ? &root_ : &open_.back()->items.emplace_back();
    *last_ = std::move(node);
    return true;
  }
  bool open(JsonNode::Kind kind) {
    if (open_.size() >= depth_max_) {
      error_ = {ErrorCode::kRecordTooLarge, deeper_than(depth_max_)};
      return false;
    }
    add({.kind = kind});
    open_.push_back(last_);  // stays where it is while it is open: its parent gets no other item
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::size_t depth_max_;
  JsonNode root_;
  JsonNode* last_ = nullptr;
  std::vector<JsonNode*> open_;
  Error error_;
};

// Counts only.
class Bounds {
 public:
  Bounds(std::size_t depth_max, std::size_t members_max) : depth_max_(depth_max), members_max_(members_max) {}

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(std::int64_t) { return true; }
  bool number_unsigned(std::uint64_t) { return true; }
  bool number_float(double, const std::string&) { return true; }
  bool string(const std::string&) { return true; }
  bool binary(const std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) { return open(); }
  bool start_array(std::size_t) { return open(); }
  bool key(const std::string&) {
    if (++members_.back() <= members_max_) return true;
    error_ = {ErrorCode::kRecordTooLarge,
              "an object has more than " + std::to_string(members_max_) + " members"};
    return false;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  template <typename Exception>
  bool parse_error(std::size_t, const std::string&, const Exception&) {
    return false;  // whoever makes the tree tells it
  }
  [[nodiscard]] std::optional<Error>& error() { return error_; }

 private:
  bool open() {
    members_.push_back(0);
    if (members_.size() <= depth_max_) return true;
    error_ = {ErrorCode::kRecordTooLarge, deeper_than(depth_max_)};
    return false;
  }
  bool close() {
    members_.pop_back();
    return true;
  }

  std::size_t depth_max_, members_max_;
  std::vector<std::size_t> members_;  // of each that is open
  std::optional<Error> error_;
};

JsonNode list_of(const Json& value) {
  JsonNode node{.kind = JsonNode::Kind::kList};
  for (const Json& one : value) node.items.push_back(json_node(one));
  return node;
}
JsonNode object_of(const Json& value) {
  JsonNode node{.kind = JsonNode::Kind::kObject};
  for (const auto& [key, one] : value.items()) {
    node.keys.push_back(key);
    node.items.push_back(json_node(one));
  }
  return node;
}

}  // namespace

Result<JsonNode> parse_json(std::string_view text, std::size_t depth_max) {
  Builder builder(depth_max);
  if (!Json::sax_parse(text, &builder)) return std::move(builder.error());
  return std::move(builder.root());
}

JsonNode json_node(const Json& value) {
  if (value.is_boolean()) return {.kind = JsonNode::Kind::kBoolean, .boolean = value.get<bool>()};
  if (value.is_string()) return {.kind = JsonNode::Kind::kText, .text = value.get<std::string>()};
  if (value.is_array()) return list_of(value);
  if (value.is_object()) return object_of(value);
  if (value.is_number()) {
    const auto real = value.get<double>();
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const bool is_whole =
        value.is_number_unsigned() ? value.get<std::uint64_t>() <= kMax : value.is_number_integer();
    if (is_whole)
      return {.kind = JsonNode::Kind::kInteger, .integer = value.get<std::int64_t>(), .real = real};
    return {.kind = JsonNode::Kind::kReal, .real = real};
  }
  return {};
}

std::string shown(const JsonNode& node) {
  std::string text;
  switch (node.kind) {
    case JsonNode::Kind::kNull:
      return "null";
    case JsonNode::Kind::kBoolean:
      return node.boolean ? "true" : "false";
    case JsonNode::Kind::kInteger:
      return std::to_string(node.integer);
    case JsonNode::Kind::kReal:
      append_json_number(text, node.real);
      return text;
    case JsonNode::Kind::kText:
      append_json_string(text, cut_short(node.text));
      return text;
    case JsonNode::Kind::kList:
      return "a list of " + std::to_string(node.items.size());
    case JsonNode::Kind::kObject:
      break;
  }
  for (const std::string& key : node.keys) {
    if (text.size() > 200) return "an object with " + text + ", ...";
    text += (text.empty() ? "" : ", ") + cut_short(key);
  }
  return text.empty() ? "an empty object" : "an object with " + text;
}

Result<void> check_json_bounds(std::string_view text, std::size_t depth_max, std::size_t members_max) {
  Bounds bounds(depth_max, members_max);
  static_cast<void>(Json::sax_parse(text, &bounds, Json::input_format_t::json, true, true));
  if (bounds.error()) return std::move(*bounds.error());
  return {};
}

}  // namespace forebay::schema::avro
