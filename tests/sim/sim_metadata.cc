#include "sim/sim_metadata.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::sim {

void SimMetadata::apply(const cluster::ClusterRecord& record) {
  cluster::ClusterImage next = versions_.empty() ? cluster::ClusterImage() : latest();
  FOREBAY_ASSERT(cluster::apply(next, record).has_value());
  next.applied = next.applied.next();
  versions_.push_back(std::make_shared<const cluster::ClusterImage>(std::move(next)));
}

void SimMetadata::form(const std::vector<model::TopicPartition>& partitions,
                       const std::vector<log::Voter>& nodes, std::uint32_t replication_factor) {
  for (const log::Voter& node : nodes) {
    cluster::BrokerRegistration broker{.node = node.node, .disk = node.disk};
    apply(cluster::BrokerRegistered{std::move(broker)});
  }
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    cluster::Topic topic;
    topic.id = partitions[i].topic;
    topic.name = "topic-" + std::to_string(i);
    topic.replication_factor = replication_factor;
    cluster::Placement placement;
    for (std::size_t n = 0; n < replication_factor; ++n) {
      const log::Voter& node = nodes[(i + n) % nodes.size()];
      placement.replicas.push_back(node.node);
      placement.founders.push_back(node);
    }
    std::sort(placement.founders.begin(), placement.founders.end());
    topic.partitions.push_back(std::move(placement));
    apply(cluster::TopicCreated{std::move(topic)});
  }
}

bool SimMetadata::take(const Result<cluster::MoveDecision>& decision, std::uint64_t& count) {
  if (!decision || !decision->record) return false;
  apply(*decision->record);
  ++count;
  return true;
}

std::string SimMetadata::change(const model::TopicPartition& id, SimRng& rng) {
  const cluster::TopicPtr topic = latest().by_id.at(id.topic);
  const cluster::MoveSubject subject{topic->name, id.partition, std::nullopt};
  cluster::Replicas nodes;
  for (const auto& [node, broker] : latest().brokers) nodes.push_back(node);
  for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[rng.below(i)]);
  const std::uint64_t kind = rng.below(8);
  if (kind == 0) {
    const auto factor = static_cast<std::uint32_t>(rng.between(1, 3));
    if (take(cluster::decide_replication(latest(), {topic->name, factor, true}, {}),
             counts_.replication_changes))
      return "replication factor " + std::to_string(factor);
  } else if (kind == 1) {
    const model::NodeId node = topic->partitions.front().replicas.front();
    if (take(cluster::decide_rebuild(latest(), subject, node), counts_.rebuilds))
      return "rebuild on node " + std::to_string(node.value());
  }
  if (rng.one_in(2) && take(cluster::decide_cancel(latest(), subject), counts_.cancelled)) return "cancel";
  nodes.resize(std::min<std::size_t>(nodes.size(), topic->replication_factor));
  if (!take(cluster::decide_move(latest(), subject, nodes, {}), counts_.moves)) return {};
  std::string text = "move to nodes";
  for (const model::NodeId node : nodes) text += " " + std::to_string(node.value());
  return text;
}

bool SimMetadata::decommission(model::NodeId node, const std::set<log::Voter>& alive) {
  const auto decided = cluster::decide_decommission(latest(), {node}, {}, alive);
  if (!decided || !decided->record) return false;
  apply(*decided->record);
  ++counts_.decommissioned;
  return true;
}

bool SimMetadata::keep_up(const std::set<model::NodeId>& away) {
  // One at a time, so that some wait for others.
  const cluster::Limits limits{.moves_max = 1};
  bool any = false;
  while (true) {
    // The group of __cluster is no part of these worlds.
    const cluster::UpkeepStep step = cluster::next_upkeep(latest(), limits, {away, {}});
    if (!step.record) return any;
    if (std::holds_alternative<cluster::TargetsChanged>(*step.record)) ++counts_.taken_away;
    if (std::holds_alternative<cluster::BrokerRemoved>(*step.record)) ++counts_.removed;
    apply(*step.record);
    any = true;
  }
}

bool SimMetadata::propose(const cluster::NodeProposal& proposal) {
  const auto decided = cluster::decide(latest(), proposal);
  if (!decided || !*decided) return false;
  if (std::holds_alternative<cluster::TargetReached>(**decided)) ++counts_.reached;
  if (std::holds_alternative<cluster::ReplicaGone>(**decided)) ++counts_.gone;
  apply(**decided);
  return true;
}

}  // namespace forebay::sim
