#include "cluster/core/decisions.h"

#include <algorithm>
#include <utility>

#include "cluster/core/dead_letter_topics.h"
#include "cluster/core/internal_topics.h"
#include "cluster/core/placement.h"

namespace forebay::cluster {
namespace {

std::string counted(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// What may be placed on.
Result<std::size_t> usable_brokers(const ClusterImage& image) {
  if (image.brokers.empty()) {
    return Error{ErrorCode::kNotYet, "no broker has registered itself yet, the cluster is starting; retry",
                 100};
  }
  return static_cast<std::size_t>(
      std::count_if(image.brokers.begin(), image.brokers.end(),
                    [&image](const auto& one) { return image.is_usable(one.second); }));
}

std::uint32_t default_replication(const ClusterImage& image, const Limits& limits) {
  if (limits.replication_factor_default != 0) return limits.replication_factor_default;
  // Also with a broker drained for an hour: a topic lives longer than that.
  return std::min(kReplicationFactorDefault,
                  std::max<std::uint32_t>(1, static_cast<std::uint32_t>(image.brokers.size())));
}

std::uint64_t mebibytes_above(std::uint64_t bytes) { return (bytes + (1U << 20) - 1) >> 20; }

Result<void> check_topic_size(std::uint32_t partitions, const Limits& limits) {
  if (partitions <= limits.partitions_per_topic_max) return {};
  return Error{ErrorCode::kInvalidArgument,
               "a topic may have " + std::to_string(limits.partitions_per_topic_max) +
                   " partitions at most; " + std::to_string(partitions) + " were asked for"};
}

// Places, when every broker can hold what it would get. Requires: check_replication.
Result<std::vector<Placement>> placed_within(const ClusterImage& image, const PlacementRequest& request,
                                             const Limits& limits) {
  std::vector<Placement> placed = place(image, request);
  std::map<model::NodeId, std::size_t> wanted;
  for (const Placement& placement : placed) {
    for (const model::NodeId node : placement.replicas) ++wanted[node];
  }
  for (const auto& [node, count] : wanted) FOREBAY_CHECK(check_broker_budget(image, node, count, limits));
  return placed;
}

}  // namespace

Error unknown_broker(const ClusterImage& image, model::NodeId node) {
  constexpr std::size_t kListedMax = 20;  // enough to see a typing error
  std::string known;
  std::size_t listed = 0;
  for (const auto& [id, broker] : image.brokers) {
    if (listed++ == kListedMax) {
      known += ", ...";
      break;
    }
    known += (known.empty() ? "" : ", ") + std::to_string(id.value());
  }
  return Error{ErrorCode::kInvalidArgument, "the cluster has no broker " + std::to_string(node.value()) +
                                                "; it has " + (known.empty() ? "none" : known)};
}

Result<void> check_replication(const ClusterImage& image, std::uint32_t replication_factor) {
  FOREBAY_TRY(const std::size_t usable, usable_brokers(image));
  if (replication_factor <= usable) return {};
  const std::size_t unusable = image.brokers.size() - usable;
  std::string text = "replication factor " + std::to_string(replication_factor) +
                     " is not possible: the cluster has " + counted(image.brokers.size(), "broker");
  if (unusable > 0) {
    text += ", of which " + std::to_string(unusable) + (unusable == 1 ? " is" : " are") +
            " drained, decommissioned or lost; undrain one or ask for --replication " +
            std::to_string(usable);
  } else {
    text += "; add brokers or ask for --replication " + std::to_string(usable);
  }
  return Error{ErrorCode::kInvalidArgument, std::move(text)};
}

Result<void> check_single_copy(const ClusterImage& image, std::uint32_t replication_factor, bool allowed) {
  if (replication_factor != 1 || image.brokers.size() <= kSingleCopyBrokersMax || allowed) return {};
  return Error{ErrorCode::kInvalidArgument,
               "replication factor 1 keeps a single copy, which is lost with its disk, and the cluster has " +
                   counted(image.brokers.size(), "broker") +
                   "; ask for --replication 3, or for the single copy with --allow-single-copy"};
}

Result<void> check_broker_budget(const ClusterImage& image, model::NodeId node, std::size_t wanted,
                                 const Limits& limits) {
  std::size_t total = wanted;
  for (const auto& [name, topic] : image.topics) total += topic->replicas_on(node);
  return check_broker_total(node, total, limits);
}

Result<void> check_broker_total(model::NodeId node, std::size_t total, const Limits& limits) {
  const std::string would_have =
      "node " + std::to_string(node.value()) + " would have " + counted(total, "partition");
  if (total > limits.partitions_max) {
    return Error{ErrorCode::kMemoryBudget, would_have + " and takes " +
                                               std::to_string(limits.partitions_max) +
                                               " at most; use fewer partitions"};
  }
  if (!limits.memory) return {};
  const MemoryLimit& memory = *limits.memory;
  const std::uint64_t needed = memory.bytes_for_the_rest + total * memory.bytes_per_partition;
  if (needed <= memory.bytes) return {};
  const std::uint64_t left = memory.bytes - std::min(memory.bytes, memory.bytes_for_the_rest);
  return Error{ErrorCode::kMemoryBudget,
               would_have + " and its memory limit allows " +
                   std::to_string(left / memory.bytes_per_partition) + "; raise memory.limit to at least " +
                   std::to_string(mebibytes_above(needed)) + "MiB or use fewer partitions"};
}

Result<TopicCreated> decide_create(const ClusterImage& image, const CreateTopic& request,
                                   model::TopicId new_id, const Limits& limits) {
  if (image.topics.contains(request.name)) {
    return Error{ErrorCode::kTopicExists,
                 "topic '" + request.name + "' exists already; see: forebay topic describe " + request.name};
  }
  FOREBAY_CHECK(check_dead_letter_names(image, request.name, request.config));
  FOREBAY_CHECK(check_schemas_reach(image, request.name, {}, request.config));
  if (request.partitions == 0)
    return Error{ErrorCode::kInvalidArgument, "a topic needs at least 1 partition"};
  FOREBAY_CHECK(check_topic_size(request.partitions, limits));
  const std::uint32_t replication_factor =
      request.replication_factor != 0 ? request.replication_factor : default_replication(image, limits);
  FOREBAY_CHECK(check_replication(image, replication_factor));
  FOREBAY_CHECK(check_single_copy(image, replication_factor, request.allow_single_copy));
  FOREBAY_TRY(auto placed, placed_within(image, {request.partitions, replication_factor, nullptr}, limits));
  return TopicCreated{Topic{.id = new_id,
                            .name = request.name,
                            .partitions = std::move(placed),
                            .replication_factor = replication_factor,
                            .config = request.config,
                            .partitioner = "murmur2",
                            .confirmed = {}}};
}

Result<TopicConfigSet> decide_set_config(const ClusterImage& image, const std::string& name,
                                         Overrides config) {
  FOREBAY_CHECK(check_not_dead_letters(image, name, "configured"));
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  FOREBAY_CHECK(check_not_internal(name, "configured"));
  FOREBAY_CHECK(check_dead_letter_names(image, name, config));
  FOREBAY_CHECK(check_schemas_reach(image, name, topic->config, config));
  return TopicConfigSet{topic->id, std::move(config)};
}

Result<PartitionsAdded> decide_add_partitions(const ClusterImage& image, const std::string& name,
                                              std::uint32_t total, const Limits& limits) {
  FOREBAY_CHECK(check_not_dead_letters(image, name, "given more partitions"));
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  FOREBAY_CHECK(check_not_internal(name, "given more partitions"));
  const auto now = static_cast<std::uint32_t>(topic->partitions.size());
  if (total <= now) {
    return Error{ErrorCode::kInvalidArgument, "topic '" + name + "' has " + std::to_string(now) +
                                                  " partitions already, and " + std::to_string(total) +
                                                  " is not more; the count can only grow"};
  }
  FOREBAY_CHECK(check_topic_size(total, limits));
  FOREBAY_CHECK(check_replication(image, topic->replication_factor));
  FOREBAY_TRY(auto placed,
              placed_within(image, {total - now, topic->replication_factor, topic.get()}, limits));
  return PartitionsAdded{topic->id, std::move(placed)};
}

Result<TopicDeleted> decide_delete(const ClusterImage& image, const std::string& name) {
  FOREBAY_CHECK(check_not_dead_letters(image, name, "deleted"));
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  FOREBAY_CHECK(check_not_internal(name, "deleted"));
  return TopicDeleted{topic->id};
}

Result<std::optional<BrokerDrained>> decide_drain(const ClusterImage& image, model::NodeId node,
                                                  bool drained) {
  const Broker* broker = image.broker(node);
  if (broker == nullptr) return unknown_broker(image, node);
  if (!drained && broker->is_going()) {
    const std::string id = std::to_string(node.value());
    return Error{
        ErrorCode::kFailedPrecondition,
        "node " + id + " is being decommissioned; to keep it: forebay node decommission " + id + " --cancel"};
  }
  if (broker->drained == drained) return std::optional<BrokerDrained>();
  return std::optional(BrokerDrained{node, drained});
}

Result<void> check_not_needed(const ClusterImage& image, model::NodeId node) {
  std::size_t partitions = 0, topics = 0;
  for (const auto& [name, topic] : image.topics) {
    const auto here =
        static_cast<std::size_t>(std::count_if(topic->partitions.begin(), topic->partitions.end(),
                                               [node](const Placement& one) { return one.counts_on(node); }));
    partitions += here;
    topics += here > 0 ? 1 : 0;
  }
  if (partitions == 0) return {};
  return Error{ErrorCode::kFailedPrecondition, "broker " + std::to_string(node.value()) +
                                                   " still is to hold " + counted(partitions, "partition") +
                                                   " of " + counted(topics, "topic") +
                                                   "; move them away first, or delete those topics"};
}

Result<BrokerRemoved> decide_remove_broker(const ClusterImage& image, model::NodeId node) {
  if (image.broker(node) == nullptr) return unknown_broker(image, node);
  FOREBAY_CHECK(check_not_needed(image, node));
  if (image.brokers.size() == 1)
    return Error{ErrorCode::kFailedPrecondition, "the last broker of a cluster cannot be removed"};
  return BrokerRemoved{node};
}

Result<std::optional<FeatureLevelSet>> decide_feature_level(const ClusterImage& image,
                                                            const std::string& name, std::uint32_t level) {
  const auto level_in = [&name](const Features& features) {
    const auto at = features.find(name);
    return at == features.end() ? 0 : at->second;
  };
  const std::uint32_t now = level_in(image.features);
  if (level == now) return std::optional<FeatureLevelSet>();
  if (name.empty() || level < now) {
    return Error{ErrorCode::kInvalidArgument, "feature '" + name + "' is at level " + std::to_string(now) +
                                                  " and cannot go to " + std::to_string(level) +
                                                  ": what it has written may not be read by less"};
  }
  for (const auto& [node, broker] : image.brokers) {
    const std::uint32_t spoken = level_in(broker.registration.features);
    if (spoken >= level) continue;
    return Error{ErrorCode::kFailedPrecondition, "broker " + std::to_string(node.value()) + " (version " +
                                                     broker.registration.version + ") speaks feature '" +
                                                     name + "' up to level " + std::to_string(spoken) +
                                                     ", not " + std::to_string(level) + "; upgrade it first"};
  }
  return std::optional(FeatureLevelSet{name, level});
}

}  // namespace forebay::cluster
