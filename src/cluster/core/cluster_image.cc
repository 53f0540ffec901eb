#include "cluster/core/cluster_image.h"

#include <algorithm>
#include <utility>

#include "config/topic_name.h"

namespace forebay::cluster {
namespace {

Error cannot_follow(const char* what, const model::TopicId& id) {
  return Error{ErrorCode::kInternal,
               std::string("cluster record out of place: ") + what + " topic " + id.to_string()};
}

// Replaces a topic in both maps by a changed copy.
void put(ClusterImage& image, Topic topic) {
  auto shared = std::make_shared<const Topic>(std::move(topic));
  image.topics[shared->name] = shared;
  image.by_id[shared->id] = std::move(shared);
}

Result<void> apply_one(ClusterImage& image, const ClusterFormed& record) {
  if (!image.cluster_id.is_nil())
    return Error{ErrorCode::kInternal, "cluster record out of place: the cluster is formed already"};
  image.cluster_id = record.cluster_id;
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicCreated& record) {
  if (image.topics.contains(record.topic.name) || image.by_id.contains(record.topic.id) ||
      image.deleting.contains(record.topic.id)) {
    return cannot_follow("created a second time:", record.topic.id);
  }
  put(image, record.topic);
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicConfigSet& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("configuration of an unknown", record.id);
  Topic changed = *at->second;
  changed.config = record.config;
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const PartitionsAdded& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("partitions of an unknown", record.id);
  Topic changed = *at->second;
  changed.partitions.insert(changed.partitions.end(), record.added.begin(), record.added.end());
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const PartitionsConfirmed& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("confirmed partitions of an unknown", record.id);
  if (record.partitions <= at->second->confirmed_on(record.node) ||
      record.partitions > at->second->partitions.size()) {
    return cannot_follow("confirmed partitions that it cannot have:", record.id);
  }
  Topic changed = *at->second;
  changed.confirmed[record.node] = record.partitions;
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicDeleted& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("deletion of an unknown", record.id);
  const TopicPtr topic = at->second;
  image.by_id.erase(at);
  image.topics.erase(topic->name);
  image.deleting.emplace(topic->id, topic);
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicDeletionConfirmed& record) {
  if (image.deleting.erase(record.id) == 0)
    return cannot_follow("confirmed deletion of an unknown", record.id);
  return {};
}

// The first replica of consecutive partitions goes round the nodes, so that leadership spreads.
std::vector<Replicas> place(std::uint32_t first, std::uint32_t count, std::uint32_t replication_factor,
                            const std::vector<model::NodeId>& nodes) {
  std::vector<Replicas> placed;
  placed.reserve(count);
  for (std::uint32_t partition = first; partition < first + count; ++partition) {
    Replicas replicas;
    for (std::uint32_t i = 0; i < replication_factor; ++i)
      replicas.push_back(nodes[(partition + i) % nodes.size()]);
    placed.push_back(std::move(replicas));
  }
  return placed;
}

std::uint64_t mebibytes_above(std::uint64_t bytes) { return (bytes + (1U << 20) - 1) >> 20; }

Result<void> check_budget(const ClusterImage& image, std::uint32_t wanted, std::uint32_t topic_total,
                          const Limits& limits) {
  if (topic_total > limits.partitions_per_topic_max) {
    return Error{ErrorCode::kInvalidArgument,
                 "a topic may have " + std::to_string(limits.partitions_per_topic_max) +
                     " partitions at most; " + std::to_string(topic_total) + " were asked for"};
  }
  const std::size_t total = image.partition_count() + wanted;
  if (total > limits.partitions_max) {
    return Error{ErrorCode::kMemoryBudget,
                 "the node would have " + std::to_string(total) + " partitions and takes " +
                     std::to_string(limits.partitions_max) + " at most; use fewer partitions"};
  }
  if (!limits.memory) return {};
  const MemoryLimit& memory = *limits.memory;
  const std::uint64_t needed = memory.bytes_for_the_rest + total * memory.bytes_per_partition;
  if (needed > memory.bytes) {
    const std::uint64_t left = memory.bytes - std::min(memory.bytes, memory.bytes_for_the_rest);
    return Error{ErrorCode::kMemoryBudget,
                 "the node would have " + std::to_string(total) + " partitions and its memory limit allows " +
                     std::to_string(left / memory.bytes_per_partition) + "; raise memory.limit to at least " +
                     std::to_string(mebibytes_above(needed)) + "MiB or use fewer partitions"};
  }
  return {};
}

}  // namespace

TopicPtr ClusterImage::find(const std::string& name) const {
  const auto at = topics.find(name);
  return at == topics.end() ? nullptr : at->second;
}

std::size_t ClusterImage::partition_count() const {
  std::size_t count = 0;
  for (const auto& [name, topic] : topics) count += topic->partitions.size();
  return count;
}

Result<void> apply(ClusterImage& image, const ClusterRecord& record) {
  return std::visit([&image](const auto& one) { return apply_one(image, one); }, record);
}

Error unknown_topic(const std::string& name) {
  if (name.starts_with("__")) {
    return Error{ErrorCode::kUnknownTopic,
                 "topic '" + name + "' is internal or does not exist; it cannot be changed by clients"};
  }
  // Who is told to create it must be able to.
  if (auto named = config::check_topic_name(name); !named) {
    return Error{ErrorCode::kUnknownTopic, "no such topic: " + named.error().context};
  }
  return Error{ErrorCode::kUnknownTopic,
               "topic '" + name + "' does not exist; create it with: forebay topic create " + name};
}

Result<TopicCreated> decide_create(const ClusterImage& image, const CreateTopic& request,
                                   model::TopicId new_id, const std::vector<model::NodeId>& nodes,
                                   const Limits& limits) {
  if (image.topics.contains(request.name)) {
    return Error{ErrorCode::kTopicExists,
                 "topic '" + request.name + "' exists already; see: forebay topic describe " + request.name};
  }
  if (request.partitions == 0)
    return Error{ErrorCode::kInvalidArgument, "a topic needs at least 1 partition"};
  if (request.replication_factor == 0 || request.replication_factor > nodes.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 "replication factor " + std::to_string(request.replication_factor) +
                     " is not possible: the cluster has " + std::to_string(nodes.size()) +
                     (nodes.size() == 1 ? " node" : " nodes")};
  }
  FOREBAY_CHECK(check_budget(image, request.partitions, request.partitions, limits));
  return TopicCreated{Topic{.id = new_id,
                            .name = request.name,
                            .partitions = place(0, request.partitions, request.replication_factor, nodes),
                            .replication_factor = request.replication_factor,
                            .config = request.config,
                            .partitioner = "murmur2"}};
}

Result<TopicConfigSet> decide_set_config(const ClusterImage& image, const std::string& name,
                                         Overrides config) {
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  return TopicConfigSet{topic->id, std::move(config)};
}

Result<PartitionsAdded> decide_add_partitions(const ClusterImage& image, const std::string& name,
                                              std::uint32_t total, const std::vector<model::NodeId>& nodes,
                                              const Limits& limits) {
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  const auto now = static_cast<std::uint32_t>(topic->partitions.size());
  if (total <= now) {
    return Error{ErrorCode::kInvalidArgument, "topic '" + name + "' has " + std::to_string(now) +
                                                  " partitions already, and " + std::to_string(total) +
                                                  " is not more; the count can only grow"};
  }
  FOREBAY_CHECK(check_budget(image, total - now, total, limits));
  return PartitionsAdded{topic->id, place(now, total - now, topic->replication_factor, nodes)};
}

Result<PartitionsConfirmed> decide_confirm(const ClusterImage& image, const model::TopicId& id,
                                           model::NodeId node, std::uint32_t partitions) {
  const auto at = image.by_id.find(id);
  if (at == image.by_id.end())
    return Error{ErrorCode::kUnknownTopic, "the topic was deleted before its partitions were confirmed"};
  if (partitions <= at->second->confirmed_on(node))
    return Error{ErrorCode::kFailedPrecondition, "the partitions are confirmed already"};
  return PartitionsConfirmed{id, node, partitions};
}

Result<TopicDeleted> decide_delete(const ClusterImage& image, const std::string& name) {
  const TopicPtr topic = image.find(name);
  if (!topic) return unknown_topic(name);
  return TopicDeleted{topic->id};
}

}  // namespace forebay::cluster
