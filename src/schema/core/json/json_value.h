// A JSON text as a tree that keeps what a number was written as and where members stood. Strings and names
// lie in one block that belongs to the tree, so that reading a payload takes few allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::schema::json {

// Bounds a text of any origin: a schema, a schema referred to, or a payload.
struct TextLimits {
  std::size_t bytes_max = 0;
  std::size_t depth_max = 0;  // of arrays and objects within each other
};

struct Value {
  enum class Kind : std::uint8_t { kNull, kBoolean, kInteger, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  bool fits = false;  // kInteger: `integer` has it; else only `number` and `text` do
  std::int64_t integer = 0;
  double number = 0;                    // of both kinds of number, rounded where it must be
  std::string_view text;                // of a string: unescaped; of a number: as it is written
  std::vector<Value> items;             // of an array, and the values of an object
  std::vector<std::string_view> names;  // of an object, in their order; as many as items
  std::vector<std::uint32_t> by_name;   // of an object with many: which is first by name, second, ...

  [[nodiscard]] bool is_number() const { return kind == Kind::kInteger || kind == Kind::kNumber; }
  [[nodiscard]] bool is_string() const { return kind == Kind::kString; }
  [[nodiscard]] bool is_array() const { return kind == Kind::kArray; }
  [[nodiscard]] bool is_object() const { return kind == Kind::kObject; }
  [[nodiscard]] bool is_boolean() const { return kind == Kind::kBoolean; }
  // The member of that name; null if there is none or this is no object.
  [[nodiscard]] const Value* find(std::string_view name) const;
};

// Owns a tree; addresses of its values stay as they are until it goes.
class Document {
 public:
  // Errors: kInvalidArgument with what is wrong and where; kRecordTooLarge above the limits. `what` names the
  // text in errors: "the schema".
  [[nodiscard]] static Result<Document> parse(std::string_view text, std::string_view what,
                                              const TextLimits& limits);
  [[nodiscard]] const Value& root() const { return *root_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  friend class TreeBuilder;
  std::unique_ptr<Value> root_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t memory_bytes_ = 0;
};

// On one line, without space. Sorted: the members of every object by name.
[[nodiscard]] std::string to_text(const Value& value, bool sorted = false);
// The beginning of it: at most `bytes_max` bytes, and "..." if that is not all. Takes time by what it
// returns.
[[nodiscard]] std::string to_short_text(const Value& value, std::size_t bytes_max);
// Equal for equal values in the sense of JSON Schema, and only for those: 1 and 1.0 are equal, and the order
// of members is of no account.
[[nodiscard]] std::string key_of(const Value& value);
// For a message: at most `bytes_max` bytes, and with its type: string "abc".
[[nodiscard]] std::string described(const Value& value, std::size_t bytes_max = 60);
// One step of a JSON pointer: "~" and "/" escaped.
[[nodiscard]] std::string pointer_step(std::string_view name);
// The other way, without the '/' before it.
[[nodiscard]] std::string pointer_step_read(std::string_view step);

}  // namespace forebay::schema::json
