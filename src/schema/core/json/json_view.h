// A schema as compatibility is judged on it: of one class each, as the library has it whose verdicts are the
// convention. A schema with keywords of several classes is the product ("allOf") of one part for each.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/core/json/json_schema.h"

namespace forebay::schema::json {

enum class Class : std::uint8_t {
  kEmpty,  // takes everything
  kFalse,
  kString,
  kNumber,
  kBoolean,
  kNull,
  kArray,
  kObject,
  kEnum,
  kConst,
  kNot,
  kCombined,
  kConditional,
};
enum class Criterion : std::uint8_t { kAll, kAny, kOne };

struct View;
struct Sub {
  NodeId node = kNoNode;
  const View* part = nullptr;  // instead: made of some keywords of a schema
};
struct View {
  const Node* node = nullptr;
  Class type = Class::kEmpty;
  bool integer = false;  // kNumber
  Criterion criterion = Criterion::kAll;
  std::vector<Sub> subs;  // kCombined
};

// What an array says of items beyond its tuple, and an object of members that it does not name.
struct Rest {
  bool permitted = true;
  NodeId schema = kNoNode;
};

class Views {
 public:
  explicit Views(const Schema& schema) : schema_(schema), by_node_(schema.nodes.size(), nullptr) {}
  [[nodiscard]] const Schema& schema() const { return schema_; }
  // References are followed. Null for kNoNode.
  [[nodiscard]] const View* of(NodeId id);
  [[nodiscard]] const View* of(const Sub& sub) { return sub.part != nullptr ? sub.part : of(sub.node); }

  [[nodiscard]] NodeId all_items(const Node& array) const;
  [[nodiscard]] Rest further_items(const Node& array) const;
  [[nodiscard]] Rest further_properties(const Node& object) const;

 private:
  const View* make(NodeId id);
  void add_parts(const Node& node, std::vector<Sub>& parts);
  const View* part(const Node& node, Class type);
  const View* typed(const Node& node, const std::string& type);
  const View* combined(const Node& node, Criterion criterion, std::vector<Sub> subs);
  [[nodiscard]] Rest rest_of(NodeId id) const;

  const Schema& schema_;
  std::vector<const View*> by_node_;
  std::deque<View> store_;
};

// In a few words, for a message: "string", "one of 2 schemas (oneOf)".
[[nodiscard]] std::string words_of(const View& view);
[[nodiscard]] std::string_view criterion_name(Criterion criterion);

}  // namespace forebay::schema::json
