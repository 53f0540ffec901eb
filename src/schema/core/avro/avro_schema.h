// An Avro schema, as the specification 1.11 has it: parsed, its names resolved. Pure; immutable once parsed,
// so any thread may read it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::schema::avro {

using Json = nlohmann::ordered_json;  // properties that the specification does not know keep their order

enum class Kind : std::uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};
[[nodiscard]] std::string_view kind_name(Kind kind);
// Alone such a name is that of no other type, whatever the namespace.
[[nodiscard]] bool is_primitive(std::string_view name);
[[nodiscard]] constexpr bool is_named(Kind kind) {
  return kind == Kind::kRecord || kind == Kind::kEnum || kind == Kind::kFixed;
}

using TypeId = std::uint32_t;  // an index into Schema::types: a type may hold itself

struct Field {
  enum class Order : std::uint8_t { kAscending, kDescending, kIgnore };
  std::string name;
  TypeId type = 0;
  std::optional<std::string> doc;
  std::optional<Json> default_value;
  Order order = Order::kAscending;
  std::vector<std::string> aliases;
  Json properties = Json::object();  // that the specification does not know
};

struct Type {
  Kind kind = Kind::kNull;
  std::string name_space, name;  // of a named type
  std::optional<std::string> doc;
  std::vector<std::string> aliases;  // full names
  std::vector<Field> fields;         // of a record
  bool is_error = false;             // a record that is declared as "error"
  std::vector<std::string> symbols;  // of an enum
  std::optional<std::string> enum_default;
  std::uint64_t size = 0;            // of a fixed, in bytes
  TypeId inner = 0;                  // of an array its items, of a map its values
  std::vector<TypeId> branches;      // of a union
  Json properties = Json::object();  // logicalType with what belongs to it, and those of nobody
  [[nodiscard]] std::string full_name() const { return name_space.empty() ? name : name_space + '.' + name; }
};

struct Schema {
  std::vector<Type> types;
  TypeId root = 0;
  TypeId own_from = 0;                  // those before it are declared in schemas that it refers to
  std::map<std::string, TypeId> named;  // by full name, also those of what it refers to
  [[nodiscard]] const Type& operator[](TypeId id) const { return types[id]; }
  [[nodiscard]] const Type& root_type() const { return types[root]; }
};

}  // namespace forebay::schema::avro
