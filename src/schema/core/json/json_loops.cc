#include <algorithm>
#include <utility>

#include "schema/core/json/json_schema.h"

namespace forebay::schema::json {
namespace {

// The schemas that judge the same value as this one.
std::vector<NodeId> in_place(const Node& node) {
  std::vector<NodeId> all = node.all_of;
  all.insert(all.end(), node.any_of.begin(), node.any_of.end());
  all.insert(all.end(), node.one_of.begin(), node.one_of.end());
  for (const NodeId one : {node.ref, node.negated, node.if_, node.then_, node.else_})
    if (one != kNoNode) all.push_back(one);
  for (const Dependency& one : node.dependencies)
    if (one.node != kNoNode) all.push_back(one.node);
  return all;
}

}  // namespace

Result<void> check_no_loop(const Schema& schema) {
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  std::vector<State> states(schema.nodes.size(), State::kNew);
  std::vector<std::pair<NodeId, std::vector<NodeId>>> open;
  const auto enter = [&](NodeId id) {
    states[id] = State::kOpen;
    open.emplace_back(id, in_place(schema.nodes[id]));
  };
  for (NodeId start = 0; start < schema.nodes.size(); ++start) {
    if (states[start] == State::kNew) enter(start);
    while (!open.empty()) {
      auto& [id, next] = open.back();
      if (next.empty()) {
        states[id] = State::kDone;
        open.pop_back();
        continue;
      }
      const NodeId child = next.back();
      next.pop_back();
      if (states[child] == State::kOpen)
        return Error{
            ErrorCode::kInvalidArgument,
            "at " + place_of(schema.nodes[child].pointer) +
                ": it refers to itself without a property or an item between, so no value could ever be "
                "judged; put the reference below \"properties\" or \"items\""};
      if (states[child] == State::kNew) enter(child);
    }
  }
  return {};
}

std::string place_of(std::string_view pointer) { return pointer.empty() ? "the top" : std::string(pointer); }

NodeId Node::property(std::string_view name) const {
  const auto found =
      std::lower_bound(properties.begin(), properties.end(), name,
                       [](const Property& one, std::string_view key) { return one.name < key; });
  return found != properties.end() && found->name == name ? found->node : kNoNode;
}

}  // namespace forebay::schema::json
