#include "schema/core/json/json_view.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace forebay::schema::json {
namespace {

bool has_any(const Node& node, std::initializer_list<const char*> keywords) {
  return std::any_of(keywords.begin(), keywords.end(),
                     [&](const char* keyword) { return node.keyword(keyword) != nullptr; });
}

bool speaks_of_arrays(const Node& node) {
  if (has_any(node, {"items", "minItems", "maxItems", "uniqueItems"})) return true;
  if (node.draft <= Draft::k2019 && has_any(node, {"additionalItems"})) return true;
  if (node.draft >= Draft::k6 && has_any(node, {"contains"})) return true;
  return (node.draft >= Draft::k2019 && has_any(node, {"unevaluatedItems"})) ||
         (node.draft >= Draft::k2020 && has_any(node, {"prefixItems"}));
}

bool speaks_of_objects(const Node& node) {
  if (has_any(node, {"properties", "required", "minProperties", "maxProperties", "patternProperties",
                     "additionalProperties"}))
    return true;
  if (node.draft >= Draft::k6 && has_any(node, {"propertyNames"})) return true;
  if (node.draft <= Draft::k7) return has_any(node, {"dependencies"});
  return has_any(node, {"dependentRequired", "dependentSchemas", "unevaluatedProperties"});
}

bool speaks_of_numbers(const Node& node) {
  return has_any(node, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"});
}

bool speaks_of_strings(const Node& node) {
  if (has_any(node, {"minLength", "maxLength", "pattern"})) return true;
  return node.draft <= Draft::k7 && has_any(node, {"format"});
}

std::vector<Sub> subs_of(const std::vector<NodeId>& nodes) {
  std::vector<Sub> all;
  for (const NodeId one : nodes) all.push_back({one, nullptr});
  return all;
}

}  // namespace

const View* Views::of(NodeId id) {
  if (id == kNoNode) return nullptr;
  // A chain of references ends: no loop of them gets past compile().
  for (;;) {
    const Node& node = schema_.nodes[id];
    const bool ends = node.ref == kNoNode || by_node_[id] != nullptr;
    if (!ends && node.draft <= Draft::k7) {
      id = node.ref;
      continue;
    }
    if (ends) break;
    std::vector<Sub> parts;
    add_parts(node, parts);
    if (parts.size() > 1) break;
    id = node.ref;  // of the newer drafts, a reference and no more
  }
  if (by_node_[id] == nullptr) by_node_[id] = make(id);
  return by_node_[id];
}

const View* Views::make(NodeId id) {
  const Node& node = schema_.nodes[id];
  if (node.verdict) return part(node, *node.verdict ? Class::kEmpty : Class::kFalse);
  std::vector<Sub> parts;
  add_parts(node, parts);
  if (parts.empty()) return part(node, Class::kEmpty);
  // A dynamic reference alone stays one below a product: it could lead in a circle.
  if (parts.size() > 1 || parts.front().part == nullptr)
    return combined(node, Criterion::kAll, std::move(parts));
  return parts.front().part;
}

void Views::add_parts(const Node& node, std::vector<Sub>& parts) {
  const auto add = [&](const View* view) { parts.push_back({kNoNode, view}); };
  if (node.enum_keys) add(part(node, Class::kEnum));
  if (!node.all_of.empty()) add(combined(node, Criterion::kAll, subs_of(node.all_of)));
  if (!node.any_of.empty()) add(combined(node, Criterion::kAny, subs_of(node.any_of)));
  if (!node.one_of.empty()) add(combined(node, Criterion::kOne, subs_of(node.one_of)));
  if (node.negated != kNoNode) add(part(node, Class::kNot));
  if (node.const_key) add(part(node, Class::kConst));
  const Value* type = node.keyword("type");
  if (type != nullptr && type->is_array()) {
    std::vector<Sub> types;
    for (const std::string& one : node.type_order) types.push_back({kNoNode, typed(node, one)});
    add(combined(node, Criterion::kAny, std::move(types)));
  } else if (type != nullptr) {
    add(typed(node, node.type_order.front()));
  }
  if ((node.types & kArrayBit) == 0 && speaks_of_arrays(node)) add(part(node, Class::kArray));
  if ((node.types & kObjectBit) == 0 && speaks_of_objects(node)) add(part(node, Class::kObject));
  if ((node.types & (kNumberBit | kIntegerBit)) == 0 && speaks_of_numbers(node))
    add(part(node, Class::kNumber));
  if ((node.types & kStringBit) == 0 && speaks_of_strings(node)) add(part(node, Class::kString));
  if (node.if_ != kNoNode || (node.draft == Draft::k7 && (node.then_ != kNoNode || node.else_ != kNoNode)))
    add(part(node, Class::kConditional));
  if (node.ref != kNoNode) parts.push_back({node.ref, nullptr});
  if (node.dynamic_ref != kNoNode) parts.push_back({node.dynamic_ref, nullptr});
}

const View* Views::part(const Node& node, Class type) {
  View view;
  view.node = &node;
  view.type = type;
  store_.push_back(std::move(view));
  return &store_.back();
}

const View* Views::typed(const Node& node, const std::string& type) {
  if (type == "string") return part(node, Class::kString);
  if (type == "boolean") return part(node, Class::kBoolean);
  if (type == "null") return part(node, Class::kNull);
  if (type == "array") return part(node, Class::kArray);
  if (type == "object") return part(node, Class::kObject);
  part(node, Class::kNumber);
  store_.back().integer = type == "integer";
  return &store_.back();
}

const View* Views::combined(const Node& node, Criterion criterion, std::vector<Sub> subs) {
  part(node, Class::kCombined);
  store_.back().criterion = criterion;
  store_.back().subs = std::move(subs);
  return &store_.back();
}

Rest Views::rest_of(NodeId id) const {
  if (id == kNoNode) return {};
  const std::optional<bool> verdict = schema_.nodes[id].verdict;
  return verdict ? Rest{*verdict, kNoNode} : Rest{true, id};
}

NodeId Views::all_items(const Node& array) const {
  if (array.has_tuple) return kNoNode;
  // In the newest draft "items" is what "additionalItems" was: true and false are no schemas there.
  const bool is_rest =
      array.draft >= Draft::k2020 && array.items != kNoNode && schema_.nodes[array.items].verdict;
  return is_rest ? kNoNode : array.items;
}

Rest Views::further_items(const Node& array) const {
  if (array.draft <= Draft::k2019) return rest_of(array.additional_items);
  return array.has_tuple || all_items(array) == kNoNode ? rest_of(array.items) : Rest{};
}

Rest Views::further_properties(const Node& object) const { return rest_of(object.additional_properties); }

std::string_view criterion_name(Criterion criterion) {
  return criterion == Criterion::kAll ? "allOf" : criterion == Criterion::kAny ? "anyOf" : "oneOf";
}

std::string words_of(const View& view) {
  switch (view.type) {
    case Class::kEmpty:
      return "anything";
    case Class::kFalse:
      return "nothing (false)";
    case Class::kString:
      return "string";
    case Class::kNumber:
      return view.integer ? "integer" : "number";
    case Class::kBoolean:
      return "boolean";
    case Class::kNull:
      return "null";
    case Class::kArray:
      return "array";
    case Class::kObject:
      return "object";
    case Class::kEnum:
      return "enum";
    case Class::kConst:
      return "const";
    case Class::kNot:
      return "not";
    case Class::kConditional:
      return "if, then, else";
    case Class::kCombined:
      break;
  }
  std::string words;
  if (view.subs.size() <= 4 &&
      std::all_of(view.subs.begin(), view.subs.end(), [](const Sub& sub) { return sub.part != nullptr; })) {
    for (const Sub& sub : view.subs) words += (words.empty() ? "" : ", ") + words_of(*sub.part);
    return std::string(criterion_name(view.criterion)) + " (" + words + ")";
  }
  return std::string(criterion_name(view.criterion)) + " of " + std::to_string(view.subs.size()) + " schemas";
}

}  // namespace forebay::schema::json
