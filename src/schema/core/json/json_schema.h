// A JSON Schema as nodes: every subschema once, references resolved, numbers and patterns ready for use.
// Built by compile(), immutable since.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schema/core/json/json_pattern.h"
#include "schema/core/json/json_value.h"

namespace forebay::schema::json {

enum class Draft : std::uint8_t { k4 = 4, k6 = 6, k7 = 7, k2019 = 19, k2020 = 20 };  // in their order

using NodeId = std::uint32_t;
constexpr NodeId kNoNode = std::numeric_limits<NodeId>::max();

// Bits, as "type" names them. An integer is also a number.
enum TypeBit : std::uint8_t {
  kNullBit = 1,
  kBooleanBit = 2,
  kIntegerBit = 4,
  kNumberBit = 8,
  kStringBit = 16,
  kArrayBit = 32,
  kObjectBit = 64
};
struct TypeName {
  const char* name;
  TypeBit bit;
};
constexpr std::array<TypeName, 7> kTypeNames = {{{"null", kNullBit},
                                                 {"boolean", kBooleanBit},
                                                 {"integer", kIntegerBit},
                                                 {"number", kNumberBit},
                                                 {"string", kStringBit},
                                                 {"array", kArrayBit},
                                                 {"object", kObjectBit}}};

struct Property {
  std::string name;
  NodeId node;
};
struct PatternProperty {
  std::shared_ptr<const Pattern> pattern;
  NodeId node;
};
struct Dependency {  // of "dependencies", "dependentRequired" and "dependentSchemas"
  std::string name;
  std::vector<std::string> needs;
  NodeId node = kNoNode;  // instead of `needs`
};

struct Node {
  const Value* source = nullptr;
  std::string pointer;  // where it stands in its text, for messages
  Draft draft = Draft::k7;
  std::uint32_t resource = 0;   // index into Schema::resources
  std::optional<bool> verdict;  // of a schema that is just true or false

  NodeId ref = kNoNode;
  NodeId dynamic_ref = kNoNode;  // where it leads if nothing around says otherwise
  std::string dynamic_name;      // empty: it is a plain reference after all; "#": of "$recursiveRef"

  std::vector<std::string> type_order;  // as written; `types` are their bits, 0: any
  std::uint8_t types = 0;
  std::optional<std::set<std::string>> enum_keys;  // key_of() each
  std::optional<std::string> const_key;

  const Value* minimum = nullptr;  // all of these: numbers
  const Value* maximum = nullptr;
  const Value* exclusive_minimum = nullptr;
  const Value* exclusive_maximum = nullptr;
  const Value* multiple_of = nullptr;
  std::optional<std::uint64_t> min_length, max_length, min_items, max_items, min_properties, max_properties,
      min_contains, max_contains;
  std::shared_ptr<const Pattern> pattern;

  std::vector<NodeId> all_of, any_of, one_of;
  NodeId negated = kNoNode, if_ = kNoNode, then_ = kNoNode, else_ = kNoNode;

  std::vector<NodeId> tuple;  // "items" as an array, "prefixItems"
  NodeId items = kNoNode;     // of every item, or (has_tuple) of those after the tuple
  bool has_tuple = false;
  NodeId additional_items = kNoNode;  // up to 2019-09, as it stands: without a tuple it says nothing
  NodeId contains = kNoNode;
  NodeId unevaluated_items = kNoNode;
  bool unique_items = false;

  std::vector<Property> properties;  // sorted by name
  std::vector<PatternProperty> pattern_properties;
  NodeId additional_properties = kNoNode;
  NodeId property_names = kNoNode;
  NodeId unevaluated_properties = kNoNode;
  std::vector<std::string> required;     // sorted
  std::vector<Dependency> dependencies;  // sorted by name

  [[nodiscard]] NodeId property(std::string_view name) const;
  // Whether the schema has the keyword, in a draft that knows it or not.
  [[nodiscard]] const Value* keyword(std::string_view name) const { return source->find(name); }
};

// A (part of a) document with a URI of its own.
struct Resource {
  std::string uri;
  bool recursive_anchor = false;
  std::map<std::string, NodeId, std::less<>> dynamic_anchors;
  NodeId root = kNoNode;
};

struct Schema {
  std::vector<std::unique_ptr<Document>> documents;  // the first is the schema itself
  std::vector<Node> nodes;
  std::vector<Resource> resources;
  NodeId root = 0;
  bool uses_unevaluated = false;
  std::size_t memory_bytes = 0;
  [[nodiscard]] const Value& text_root() const { return documents.front()->root(); }
  [[nodiscard]] const Node& node(NodeId id) const { return nodes[id]; }
};

// Errors: kInvalidArgument with the place of a schema that judges a value by judging it first.
[[nodiscard]] Result<void> check_no_loop(const Schema& schema);

// The words of a message: "/properties/a" or "the top".
[[nodiscard]] std::string place_of(std::string_view pointer);

}  // namespace forebay::schema::json
