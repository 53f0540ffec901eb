#include "cluster/core/forming.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"

namespace forebay::cluster {
namespace {

std::string named(const ListedNode& one) {
  return "node " + std::to_string(one.node.value()) + " (" + one.address + ")";
}

Refuse wrong_list(std::string what) {
  return {Error{ErrorCode::kInvalidConfig, "cluster.nodes: " + std::move(what)}};
}
Refuse refused(std::string what) { return {Error{ErrorCode::kFailedPrecondition, std::move(what)}}; }

// What is wrong with the list itself.
std::optional<Refuse> check_list(const FormingInput& input) {
  const auto& listed = input.listed;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (listed[i].node == listed[j].node)
        return wrong_list("node " + std::to_string(listed[i].node.value()) + " is listed twice");
      if (listed[i].address == listed[j].address)
        return wrong_list(named(listed[i]) + " has the address of node " +
                          std::to_string(listed[j].node.value()));
    }
  }
  const bool is_listed =
      std::any_of(listed.begin(), listed.end(), [&](const auto& one) { return one.node == input.self.node; });
  if (listed.empty() || is_listed) return std::nullopt;
  return wrong_list("node " + std::to_string(input.self.node.value()) +
                    ", which is node.id here, is not listed; add it, or correct node.id");
}

// What cannot be right with one that answered.
std::optional<Refuse> check_answer(const FormingInput& input, std::size_t at) {
  const ListedNode& one = input.listed[at];
  const Hello& said = *input.heard[at];
  if (said.node == input.self.node) {
    return refused("two nodes have the id " + std::to_string(said.node.value()) +
                   ": this one and the one at " + one.address +
                   "; correct node.id, or cluster.nodes when that is this node's own address");
  }
  if (said.node != one.node) {
    return refused(named(one) + " answers as node " + std::to_string(said.node.value()) +
                   "; correct cluster.nodes here or node.id there");
  }
  if (said.disk == input.self.disk) {
    return refused(named(one) + " has the same data directory identity as this node (" +
                   said.disk.to_string() + "): one is a copy of the other; empty one of them");
  }
  if (said.first_listed && *said.first_listed != input.listed.front().node) {
    return refused(named(one) + " lists node " + std::to_string(said.first_listed->value()) +
                   " first and this node lists node " + std::to_string(input.listed.front().node.value()) +
                   " first; cluster.nodes must be the same, in the same order, on every node");
  }
  return std::nullopt;
}

struct Heard {
  std::map<model::Uuid, std::vector<std::size_t>> by_cluster;  // places in the list
  std::vector<std::size_t> silent;
};

Heard sort_out(const FormingInput& input) {
  Heard heard;
  for (std::size_t i = 0; i < input.listed.size(); ++i) {
    if (input.listed[i].node == input.self.node) continue;
    if (!input.heard[i]) {
      heard.silent.push_back(i);
    } else if (!input.heard[i]->cluster_id.is_nil()) {
      heard.by_cluster[input.heard[i]->cluster_id].push_back(i);
    }
  }
  return heard;
}

// It has a cluster. A stray node in the list must not stop it; that most of the list is another cluster means
// that it is the stray one.
Forming with_cluster(const FormingInput& input, const Heard& heard) {
  for (const auto& [cluster_id, places] : heard.by_cluster) {
    if (cluster_id == input.self.cluster_id || places.size() * 2 <= input.listed.size()) continue;
    return refused("the data directory of this node belongs to cluster " + input.self.cluster_id.to_string() +
                   ", and " + named(input.listed[places.front()]) + " and most others to cluster " +
                   cluster_id.to_string() +
                   "; nothing was touched: start it with its own data directory, or "
                   "with an empty one to join them");
  }
  return Serve{};
}

Forming without_cluster(const FormingInput& input, const Heard& heard) {
  const auto& listed = input.listed;
  if (heard.by_cluster.size() > 1) {
    const auto& [one, one_at] = *heard.by_cluster.begin();
    const auto& [other, other_at] = *std::next(heard.by_cluster.begin());
    return refused("the listed nodes belong to different clusters: " + named(listed[one_at.front()]) +
                   " to " + one.to_string() + ", " + named(listed[other_at.front()]) + " to " +
                   other.to_string() +
                   "; correct cluster.nodes, or empty the data directory of the one that is to change");
  }
  if (!heard.by_cluster.empty()) {
    const auto& [cluster_id, places] = *heard.by_cluster.begin();
    Join join{cluster_id, {}};
    for (const std::size_t at : places) join.members.push_back(listed[at].node);
    return join;
  }
  if (!heard.silent.empty()) {
    std::string names;
    for (const std::size_t at : heard.silent) names += (names.empty() ? "" : ", ") + named(listed[at]);
    return Wait{"no answer from " + names +
                "; a new cluster is formed only when every listed node answers and is empty"};
  }
  if (listed.empty() || listed.front().node == input.self.node) return Initialise{};
  return Wait{"every listed node is empty; " + named(listed.front()) +
              ", the first listed, forms the cluster"};
}

}  // namespace

Forming next_step(const FormingInput& input) {
  FOREBAY_ASSERT(input.heard.size() == input.listed.size());
  if (auto wrong = check_list(input)) return *wrong;
  const bool formed = !input.self.cluster_id.is_nil();
  for (std::size_t i = 0; i < input.listed.size() && !formed; ++i) {
    if (input.listed[i].node == input.self.node || !input.heard[i]) continue;
    if (auto wrong = check_answer(input, i)) return *wrong;
  }
  const Heard heard = sort_out(input);
  return formed ? with_cluster(input, heard) : without_cluster(input, heard);
}

}  // namespace forebay::cluster
