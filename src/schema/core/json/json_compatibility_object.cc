// Of objects: what they name, and what they leave open.
#include <algorithm>

#include "schema/core/json/json_comparer.h"

namespace forebay::schema::json {
namespace {

bool is_required(const Node& node, const std::string& name) {
  return std::binary_search(node.required.begin(), node.required.end(), name);
}

}  // namespace

void Comparer::objects(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  required(pair, out);
  properties(pair, out);
  dependencies(pair, out);
  additional_properties(pair, out);
  unevaluated(pair, "unevaluatedProperties", &Node::unevaluated_properties, out);
  bound(out, "maxProperties", "MAX_PROPERTIES", writer.max_properties, reader.max_properties, true);
  bound(out, "minProperties", "MIN_PROPERTIES", writer.min_properties, reader.min_properties, false);
}

void Comparer::required(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  const Schema& schema = of_reader().schema();
  for (const Property& one : writer.properties) {
    const NodeId reads = reader.property(one.name);
    if (reads == kNoNode || is_required(writer, one.name) || !is_required(reader, one.name)) continue;
    if (schema.node(reads).verdict || schema.node(reads).keyword("default") == nullptr)
      add(out, "REQUIRED_ATTRIBUTE_ADDED", "/required" + step_of(one.name), "optional", "required");
  }
}

void Comparer::properties(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  auto writes = writer.properties.begin();
  auto reads = reader.properties.begin();
  while (writes != writer.properties.end() || reads != reader.properties.end()) {
    if (reads == reader.properties.end() ||
        (writes != writer.properties.end() && writes->name < reads->name)) {
      property_removed(pair, *writes++, out);
    } else if (writes == writer.properties.end() || reads->name < writes->name) {
      property_added(pair, *reads++, out);
    } else {
      below("/properties" + step_of(reads->name), of_writer().of(writes->node), of_reader().of(reads->node),
            out);
      ++writes;
      ++reads;
    }
  }
}

void Comparer::property_removed(Pair pair, const Property& property, Outcome& out) {
  const Node& reader = *pair.second->node;
  if (is_open(of_reader(), reader)) return;
  const std::string path = "/properties" + step_of(property.name);
  const View* writes = of_writer().of(property.node);
  if (const View* covers = partly_open(of_reader(), reader, property.name)) {
    if (!below(path, writes, covers, out))
      add(out, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path, words_of(*writes),
          words_of(*covers));
  } else if (writes->type != Class::kFalse) {
    add(out, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", path, words_of(*writes), "");
  }
}

void Comparer::property_added(Pair pair, const Property& property, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  const std::string path = "/properties" + step_of(property.name);
  const View* reads = of_reader().of(property.node);
  const Node& written = of_reader().schema().node(property.node);
  const bool needed = is_required(reader, property.name);
  const bool has_default = !written.verdict && written.keyword("default") != nullptr;
  if (is_open(of_writer(), writer)) {
    if (reads->type == Class::kEmpty) return;
    add(out,
        !needed       ? "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
        : has_default ? "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"
                      : "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        path, "", words_of(*reads));
    return;
  }
  if (const View* covers = partly_open(of_writer(), writer, property.name))
    if (!below(path, covers, reads, out))
      add(out, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path, words_of(*covers),
          words_of(*reads));
  if (needed && !has_default)
    add(out, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", path, "", words_of(*reads) + ", required");
}

void Comparer::dependencies(Pair pair, Outcome& out) {
  const auto words = [](const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
    return all;
  };
  for (const Dependency& reads : pair.second->node->dependencies) {
    const auto& others = pair.first->node->dependencies;
    const auto writes = std::find_if(others.begin(), others.end(), [&](const Dependency& one) {
      return one.name == reads.name && (one.node == kNoNode) == (reads.node == kNoNode);
    });
    const std::string path = "/dependencies" + step_of(reads.name);
    if (reads.node != kNoNode) {
      if (writes == others.end())
        add(out, "DEPENDENCY_SCHEMA_ADDED", path, "", words_of(*of_reader().of(reads.node)));
      else
        below(path, of_writer().of(writes->node), of_reader().of(reads.node), out);
      continue;
    }
    if (writes == others.end()) {
      add(out, "DEPENDENCY_ARRAY_ADDED", path, "", words(reads.needs));
      continue;
    }
    const std::set<std::string> before(writes->needs.begin(), writes->needs.end());
    const std::set<std::string> now(reads.needs.begin(), reads.needs.end());
    if (std::includes(before.begin(), before.end(), now.begin(), now.end())) continue;
    const bool extended = std::includes(now.begin(), now.end(), before.begin(), before.end());
    add(out, extended ? "DEPENDENCY_ARRAY_EXTENDED" : "DEPENDENCY_ARRAY_CHANGED", path, words(writes->needs),
        words(reads.needs));
  }
}

void Comparer::additional_properties(Pair pair, Outcome& out) {
  const Rest writes = of_writer().further_properties(*pair.first->node);
  const Rest reads = of_reader().further_properties(*pair.second->node);
  const std::string path = "/additionalProperties";
  if (writes.permitted != reads.permitted) {
    if (!reads.permitted) add(out, "ADDITIONAL_PROPERTIES_REMOVED", path, "permitted", "false");
  } else if (writes.schema == kNoNode && reads.schema != kNoNode) {
    add(out, "ADDITIONAL_PROPERTIES_NARROWED", path, "anything", words_of(*of_reader().of(reads.schema)));
  } else if (reads.schema != kNoNode) {
    below(path, of_writer().of(writes.schema), of_reader().of(reads.schema), out);
  }
}

void Comparer::unevaluated(Pair pair, const char* keyword, NodeId Node::*field, Outcome& out) {
  const View* writes = of_writer().of(pair.first->node->*field);
  const View* reads = of_reader().of(pair.second->node->*field);
  if (reads == nullptr || reads->type == Class::kEmpty) return;
  if (writes != nullptr && writes->type == Class::kFalse) return;
  const std::string path = std::string("/") + keyword;
  const std::string rule = field == &Node::unevaluated_items ? "UNEVALUATED_ITEMS" : "UNEVALUATED_PROPERTIES";
  if (reads->type == Class::kFalse)
    add(out, rule + "_REMOVED", path, writes == nullptr ? "anything" : words_of(*writes), "false");
  else if (writes == nullptr || writes->type == Class::kEmpty)
    add(out, rule + "_NARROWED", path, "anything", words_of(*reads));
  else
    below(path, writes, reads, out);
}

bool Comparer::is_open(Views& views, const Node& node) {
  const Rest rest = views.further_properties(node);
  if (!node.pattern_properties.empty() || !rest.permitted || rest.schema != kNoNode) return false;
  const View* others = views.of(node.unevaluated_properties);
  return node.additional_properties != kNoNode || others == nullptr || others->type == Class::kEmpty;
}

bool Comparer::matches(const Pattern& pattern, std::string_view name) {
  const Match match = pattern.find_in(name, match_steps_);
  if (match_steps_.are_used_up()) too_large_ = true;
  return !too_large_ && match == Match::kFound;
}

// The schema that a member has which is not named; null: there may be none, or any.
const View* Comparer::partly_open(Views& views, const Node& node, const std::string& name) {
  for (const PatternProperty& one : node.pattern_properties)
    if (matches(*one.pattern, name)) return views.of(one.node);
  const Rest rest = views.further_properties(node);
  if (rest.schema != kNoNode) return views.of(rest.schema);
  if (node.additional_properties != kNoNode) return nullptr;
  const View* others = views.of(node.unevaluated_properties);
  return others != nullptr && others->type != Class::kFalse && others->type != Class::kEmpty ? others
                                                                                             : nullptr;
}

}  // namespace forebay::schema::json
