#include "cluster/core/decommission.h"

#include <algorithm>
#include <utility>

#include "cluster/core/internal_topics.h"
#include "cluster/core/upkeep.h"

namespace forebay::cluster {
namespace {

constexpr std::size_t kTopicsNamedMax = 5;  // enough to see what it is about

Error refused(std::string why) { return Error{ErrorCode::kFailedPrecondition, std::move(why)}; }

// "topic 'a'", "topics 'a', 'b' and 3 more".
std::string names_of(const std::vector<std::string>& topics) {
  std::string text = topics.size() == 1 ? "topic" : "topics";
  for (std::size_t i = 0; i < topics.size() && i < kTopicsNamedMax; ++i)
    text += (i == 0 ? " '" : ", '") + topics[i] + "'";
  if (topics.size() > kTopicsNamedMax)
    text += " and " + std::to_string(topics.size() - kTopicsNamedMax) + " more";
  return text;
}

// Was one once: what remembers it is the disk that must not come back.
bool was_removed(const ClusterImage& image, model::NodeId node) {
  return image.broker(node) == nullptr && std::any_of(image.retired.begin(), image.retired.end(),
                                                      [node](const auto& one) { return one.second == node; });
}

std::size_t racks_of(const ClusterImage& image, const Replicas& replicas) {
  std::set<std::string> racks;
  for (const model::NodeId node : replicas) racks.insert(rack_of(image, node));
  return racks.size();
}

// What is led by nobody cannot be led anywhere. Disks that are lost for ever count for nothing: the others
// have gone on without them.
bool has_majority(const ClusterImage& image, const Placement& placement, const std::set<log::Voter>& alive) {
  const Replicas& nodes = placement.previous.empty() ? placement.replicas : placement.previous;
  std::size_t members = 0, there = 0;
  for (const model::NodeId node : nodes) {
    const Broker* broker = image.broker(node);
    if (broker != nullptr && image.retired.contains(broker->registration.disk)) continue;
    ++members;
    if (broker != nullptr && alive.contains({node, broker->registration.disk})) ++there;
  }
  return 2 * there > members;
}

struct Obstacles {
  std::vector<std::string> brokers, racks, majorities;  // topics with too few of them
};

Error refusal(const std::string& name, const Obstacles& obstacles) {
  if (!obstacles.majorities.empty()) {
    return refused(
        "partitions of " + names_of(obstacles.majorities) + " with a copy on " + name +
        " have no majority of their replicas in reach and cannot be moved; bring those nodes back, "
        "or decide what is lost first: forebay partition recover-without-majority");
  }
  if (!obstacles.brokers.empty()) {
    return refused("without " + name + " there are too few brokers that can take the replicas of " +
                   names_of(obstacles.brokers) +
                   "; add or undrain a broker first, or keep fewer copies: forebay topic alter TOPIC "
                   "--replication N");
  }
  return refused(
      "without " + name + " copies of " + names_of(obstacles.racks) +
      " that are on different racks would be on the same one; add a broker on another rack first, or "
      "accept it: --allow-fewer-racks");
}

void name_once(std::vector<std::string>& names, const std::string& name) {
  if (names.empty() || names.back() != name) names.push_back(name);
}

}  // namespace

Result<DecommissionDecision> decide_decommission(const ClusterImage& image,
                                                 const DecommissionRequest& request, const Limits& limits,
                                                 const std::set<log::Voter>& alive) {
  const model::NodeId node = request.node;
  if (was_removed(image, node)) return DecommissionDecision{};
  const Broker* broker = image.broker(node);
  if (broker == nullptr) return unknown_broker(image, node);
  const std::string name = "node " + std::to_string(node.value());
  DecommissionDecision decision;
  for (const auto& [topic_name, topic] : image.topics) decision.replicas += topic->replicas_on(node);
  if (broker->is_going()) return decision;
  const bool others = std::any_of(image.brokers.begin(), image.brokers.end(), [node](const auto& one) {
    return one.first != node && !one.second.is_going();
  });
  if (!others) return refused(name + " is the last broker that stays in the cluster; add another one first");

  ClusterImage without = image;
  without.brokers.at(node).decommission = Decommission::kEmptying;
  ClusterImage without_for_schemas = without;
  without_for_schemas.brokers = brokers_for(without, kSchemasTopicName, absent_of(image, alive));
  Load load = load_of(without);
  const Load before = load;
  Obstacles obstacles;
  for (const auto& [topic_name, topic] : image.topics) {
    const ClusterImage& rest = topic_name == kSchemasTopicName ? without_for_schemas : without;
    for (const Placement& placement : topic->partitions) {
      if (std::find(placement.replicas.begin(), placement.replicas.end(), node) == placement.replicas.end())
        continue;
      if (!has_majority(image, placement, alive)) name_once(obstacles.majorities, topic_name);
      const std::uint32_t copies = is_internal(topic_name)
                                       ? internal_replication(rest, topic_name, topic->replication_factor)
                                       : topic->replication_factor;
      const auto to = target_without_going(rest, load, placement.replicas, copies);
      if (!to) {
        name_once(obstacles.brokers, topic_name);
      } else if (racks_of(image, *to) < std::min(racks_of(image, placement.replicas), to->size())) {
        name_once(obstacles.racks, topic_name);
      }
    }
  }
  if (!obstacles.majorities.empty() || !obstacles.brokers.empty() ||
      (!obstacles.racks.empty() && !request.allow_fewer_racks))
    return refusal(name, obstacles);
  for (const auto& [other, count] : load) {
    const auto had = before.find(other);
    const std::size_t now = had == before.end() ? 0 : had->second;
    if (other == node || count <= now) continue;
    FOREBAY_CHECK(check_broker_total(other, count, limits));
    decision.gains[other] = count - now;
  }
  decision.record = BrokerDecommission{node, Decommission::kEmptying};
  return decision;
}

Result<std::optional<BrokerDecommission>> decide_keep_broker(const ClusterImage& image, model::NodeId node) {
  const Broker* broker = image.broker(node);
  if (broker == nullptr && was_removed(image, node)) {
    return refused(
        "node " + std::to_string(node.value()) +
        " is no broker of the cluster any more; start it with an empty data directory, and it joins "
        "as a new one");
  }
  if (broker == nullptr) return unknown_broker(image, node);
  if (!broker->is_going()) return std::optional<BrokerDecommission>();
  return std::optional(BrokerDecommission{node, Decommission::kNone});
}

}  // namespace forebay::cluster
