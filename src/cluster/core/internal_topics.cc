#include "cluster/core/internal_topics.h"

#include <algorithm>
#include <string>

#include "cluster/core/decisions.h"

namespace forebay::cluster {
namespace {

// Something other than __schemas counts on it, so that it may lead there.
bool is_in_use(const ClusterImage& image, model::NodeId node) {
  return std::any_of(image.topics.begin(), image.topics.end(), [node](const auto& one) {
    const auto& [name, topic] = one;
    return name != kSchemasTopicName &&
           std::any_of(topic->partitions.begin(), topic->partitions.end(),
                       [node](const Placement& placement) { return placement.counts_on(node); });
  });
}

bool validates(const Overrides& config) {
  const auto at = config.find("schema.validation");
  return at != config.end() && at->second != "none";
}

// A broker may be kept after all when fewer copies of __schemas are decided already and none is taken away
// yet: another one would lose his.
std::uint32_t number_now(const ClusterImage& image, const Topic& topic) {
  if (topic.name != kSchemasTopicName) return topic.replication_factor;
  const Replicas& nodes = topic.partitions.front().replicas;
  const auto staying = std::count_if(
      nodes.begin(), nodes.end(), [&](model::NodeId node) { return !is_to_leave(image, topic.name, node); });
  return std::max(topic.replication_factor, static_cast<std::uint32_t>(staying));
}

}  // namespace

Result<void> check_not_internal(std::string_view topic, std::string_view change) {
  if (!is_internal(topic)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "topic '" + std::string(topic) + "' is internal; it cannot be " + std::string(change)};
}

std::string_view name_of(InternalTopic topic) {
  switch (topic) {
    case InternalTopic::kGroups:
      return kGroupsTopicName;
    case InternalTopic::kSchemas:
      return kSchemasTopicName;
  }
  return {};
}

std::uint32_t partitions_of(InternalTopic topic) {
  return topic == InternalTopic::kGroups ? kGroupsPartitions : kSchemasPartitions;
}

Result<std::optional<TopicCreated>> decide_internal_topic(const ClusterImage& image, InternalTopic topic,
                                                          model::TopicId new_id,
                                                          const std::set<log::Voter>& alive) {
  const std::string name(name_of(topic));
  if (image.find(name)) return std::optional<TopicCreated>();
  ClusterImage now = image;
  now.brokers = brokers_now(image, name, absent_of(image, alive));
  const CreateTopic request{.name = name,
                            .partitions = partitions_of(topic),
                            .replication_factor = internal_replication(now, name, 1),
                            .config = {},
                            .allow_single_copy = true};
  FOREBAY_TRY(auto created, decide_create(now, request, new_id, Limits{}));
  // Who is drained has a copy, and others are to lead it.
  for (Placement& placement : created.topic.partitions) {
    std::stable_partition(placement.replicas.begin(), placement.replicas.end(),
                          [&image](model::NodeId node) { return !image.broker(node)->gives_way(); });
  }
  return std::optional(std::move(created));
}

Brokers brokers_for(const ClusterImage& image, std::string_view topic, const std::set<model::NodeId>& away) {
  Brokers brokers = image.brokers;
  for (auto& [node, broker] : brokers)
    broker.drained = away.contains(node) || (broker.drained && topic != kSchemasTopicName);
  return brokers;
}

Brokers brokers_now(const ClusterImage& image, std::string_view topic, const std::set<model::NodeId>& away) {
  Brokers brokers = brokers_for(image, topic, away);
  for (auto& [node, broker] : brokers) {
    if (!is_to_leave(image, topic, node)) broker.decommission = Decommission::kNone;
  }
  return brokers;
}

bool is_to_leave(const ClusterImage& image, std::string_view topic, model::NodeId node) {
  const Broker* broker = image.broker(node);
  return broker != nullptr && broker->is_going() && (topic != kSchemasTopicName || !is_in_use(image, node));
}

std::set<model::NodeId> absent_of(const ClusterImage& image, const std::set<log::Voter>& alive) {
  std::set<model::NodeId> absent;
  for (const auto& [node, broker] : image.brokers) {
    if (broker.gives_way() && !alive.contains({node, broker.registration.disk})) absent.insert(node);
  }
  return absent;
}

Result<void> check_schemas_reach(const ClusterImage& image, const std::string& topic, const Overrides& before,
                                 const Overrides& config) {
  if (image.brokers.size() <= kSchemasReplicationMax || validates(before) || !validates(config)) return {};
  return Error{ErrorCode::kFailedPrecondition,
               "topic '" + topic + "' cannot have schema.validation=" + config.at("schema.validation") +
                   ": a node checks records by its own copy of the schemas, at most " +
                   std::to_string(kSchemasReplicationMax) + " nodes have one, and the cluster has " +
                   std::to_string(image.brokers.size()) + " brokers"};
}

std::uint32_t internal_replication(const ClusterImage& image, std::string_view topic, std::uint32_t now) {
  const std::uint32_t bound = topic == kSchemasTopicName ? kSchemasReplicationMax : kGroupsReplicationMax;
  std::uint32_t usable = 0, staying = 0;
  for (const auto& [node, broker] : image.brokers) {
    usable += image.is_usable(broker) ? 1 : 0;
    staying += broker.is_going() ? 0 : 1;
  }
  const std::uint32_t most = std::max(1U, std::min(bound, staying));
  return std::min(most, std::max(now, std::min(bound, usable)));
}

std::optional<TargetsChanged> next_internal_change(const ClusterImage& image,
                                                   const std::set<model::NodeId>& away) {
  for (const auto& [name, topic] : image.topics) {
    if (!is_internal(name)) continue;
    ClusterImage now;
    now.brokers = brokers_now(image, name, away);
    now.retired = image.retired;
    const std::uint32_t wanted = internal_replication(now, name, number_now(image, *topic));
    if (wanted != topic->replication_factor) return TargetsChanged{topic->id, {}, wanted};
  }
  return std::nullopt;
}

}  // namespace forebay::cluster
