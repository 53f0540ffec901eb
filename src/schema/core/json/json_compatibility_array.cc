// Of arrays: their items one by one, and what follows.
#include <algorithm>

#include "schema/core/json/json_comparer.h"

namespace forebay::schema::json {

void Comparer::arrays(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  items(pair, out);
  additional_items(pair, out);
  unevaluated(pair, "unevaluatedItems", &Node::unevaluated_items, out);
  bound(out, "maxItems", "MAX_ITEMS", writer.max_items, reader.max_items, true);
  bound(out, "minItems", "MIN_ITEMS", writer.min_items, reader.min_items, false);
  if (reader.unique_items && !writer.unique_items)
    add(out, "UNIQUE_ITEMS_ADDED", "/uniqueItems", "false", "true");
  contains(pair, out);
}

void Comparer::items(Pair pair, Outcome& out) {
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  below("/items", of_writer().of(of_writer().all_items(writer)),
        of_reader().of(of_reader().all_items(reader)), out);
  const std::size_t both = std::min(writer.tuple.size(), reader.tuple.size());
  for (std::size_t i = 0; i < both; ++i)
    below("/items/" + std::to_string(i), of_writer().of(writer.tuple[i]), of_reader().of(reader.tuple[i]),
          out);
  for (std::size_t i = both; i < writer.tuple.size(); ++i) item_removed(pair, i, out);
  for (std::size_t i = both; i < reader.tuple.size(); ++i) item_added(pair, i, out);
}

void Comparer::item_removed(Pair pair, std::size_t index, Outcome& out) {
  const Node& reader = *pair.second->node;
  if (is_open_array(of_reader(), reader)) return;
  const std::string path = "/items/" + std::to_string(index);
  const View* writes = of_writer().of(pair.first->node->tuple[index]);
  if (const View* covers = partly_open_array(of_reader(), reader)) {
    if (!below(path, writes, covers, out))
      add(out, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path, words_of(*writes),
          words_of(*covers));
  } else if (writes->type != Class::kFalse) {
    add(out, "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", path, words_of(*writes), "");
  }
}

void Comparer::item_added(Pair pair, std::size_t index, Outcome& out) {
  const Node& writer = *pair.first->node;
  const std::string path = "/items/" + std::to_string(index);
  const View* reads = of_reader().of(pair.second->node->tuple[index]);
  if (is_open_array(of_writer(), writer)) {
    if (reads->type != Class::kEmpty)
      add(out, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL", path, "", words_of(*reads));
  } else if (const View* covers = partly_open_array(of_writer(), writer)) {
    if (!below(path, covers, reads, out))
      add(out, "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", path, words_of(*covers),
          words_of(*reads));
  }
}

void Comparer::additional_items(Pair pair, Outcome& out) {
  const Rest writes = of_writer().further_items(*pair.first->node);
  const Rest reads = of_reader().further_items(*pair.second->node);
  const std::string path = "/additionalItems";
  if (writes.permitted != reads.permitted) {
    if (!reads.permitted) add(out, "ADDITIONAL_ITEMS_REMOVED", path, "permitted", "false");
  } else if (writes.schema == kNoNode && reads.schema != kNoNode) {
    add(out, "ADDITIONAL_ITEMS_NARROWED", path, "anything", words_of(*of_reader().of(reads.schema)));
  } else if (reads.schema != kNoNode) {
    below(path, of_writer().of(writes.schema), of_reader().of(reads.schema), out);
  }
}

void Comparer::contains(Pair pair, Outcome& out) {
  const auto least = [](const Node& node) -> std::optional<std::uint64_t> {
    if (node.draft < Draft::k2019 || node.contains == kNoNode) return std::nullopt;
    return node.min_contains.value_or(1);
  };
  const auto most = [](const Node& node) {
    return node.contains == kNoNode ? std::nullopt : node.max_contains;
  };
  const Node &writer = *pair.first->node, &reader = *pair.second->node;
  bound(out, "maxContains", "MAX_CONTAINS", most(writer), most(reader), true);
  bound(out, "minContains", "MIN_CONTAINS", least(writer), least(reader), false);
}

bool Comparer::is_open_array(Views& views, const Node& node) {
  const Rest rest = views.further_items(node);
  if (!rest.permitted || rest.schema != kNoNode) return false;
  const View* others = views.of(node.unevaluated_items);
  return others == nullptr || others->type == Class::kEmpty;
}

const View* Comparer::partly_open_array(Views& views, const Node& node) {
  const Rest rest = views.further_items(node);
  if (rest.schema != kNoNode) return views.of(rest.schema);
  if (!rest.permitted) return nullptr;
  const View* others = views.of(node.unevaluated_items);
  return others != nullptr && others->type != Class::kFalse && others->type != Class::kEmpty ? others
                                                                                             : nullptr;
}

}  // namespace forebay::schema::json
