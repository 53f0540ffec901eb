// What a verb answers: one tree, from which every output format is made (output.h). Objects keep the order in
// which their keys were added; that order is what JSON and YAML show.
// Thread rules: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace forebay::cli {

class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;

  Value() = default;                                                        // null
  Value(std::nullptr_t) {}                                                  // NOLINT: implicit by design
  Value(bool value) : state_(value) {}                                      // NOLINT: implicit by design
  Value(std::int32_t value) : state_(static_cast<std::int64_t>(value)) {}   // NOLINT: implicit by design
  Value(std::int64_t value) : state_(value) {}                              // NOLINT: implicit by design
  Value(std::uint32_t value) : state_(static_cast<std::int64_t>(value)) {}  // NOLINT: implicit by design
  Value(std::uint64_t value) : state_(value) {}                             // NOLINT: implicit by design
  Value(double value) : state_(value) {}                                    // NOLINT: implicit by design
  Value(std::string value) : state_(std::move(value)) {}                    // NOLINT: implicit by design
  Value(std::string_view value) : state_(std::string(value)) {}             // NOLINT: implicit by design
  Value(const char* value) : state_(std::string(value)) {}                  // NOLINT: implicit by design
  Value(Array value) : state_(std::move(value)) {}                          // NOLINT: implicit by design
  template <typename T>
  Value(const std::optional<T>& value) {  // NOLINT: implicit by design
    if (value) *this = Value(*value);
  }
  [[nodiscard]] static Value object() { return Value(Object{}, 0); }
  [[nodiscard]] static Value array() { return Value(Array{}); }

  // Adds a member at the end, or replaces the one of that name. Requires: is_object(). Returns *this.
  Value& set(std::string_view key, Value value);
  // Requires: is_array().
  void push(Value value);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(state_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(state_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(state_); }
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] const Object& members() const { return std::get<Object>(state_); }
  [[nodiscard]] const Array& items() const { return std::get<Array>(state_); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&state_); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&state_); }
  [[nodiscard]] std::optional<double> number() const;
  // The member at a path such as "disk.total"; null when there is none.
  [[nodiscard]] const Value& at(std::string_view path) const;
  // Numbers, booleans, text and null ("-") as one word, without quotes.
  [[nodiscard]] std::string plain() const;

  void append_json(std::string& out, int indent_level) const;  // indent_level < 0: everything on one line
  void append_yaml(std::string& out) const;                    // a whole document body, ends with a newline

 private:
  Value(Object value, int) : state_(std::move(value)) {}
  void append_yaml_node(std::string& out, std::size_t depth) const;
  void append_scalar(std::string& out) const;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> state_;
};

// Appends text as a JSON string. What is not UTF-8 becomes U+FFFD: callers who must keep such bytes check
// with is_utf8() first.
void append_json_string(std::string& out, std::string_view text);

}  // namespace forebay::cli
