#include "cluster/core/internal_topics.h"

#include <algorithm>
#include <string>

#include "cluster/core/decisions.h"

namespace forebay::cluster {
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
                                                          model::TopicId new_id) {
  const std::string name(name_of(topic));
  if (image.find(name)) return std::optional<TopicCreated>();
  const CreateTopic request{.name = name,
                            .partitions = partitions_of(topic),
                            .replication_factor = internal_replication(image, name, 1),
                            .config = {},
                            .allow_single_copy = true};
  FOREBAY_TRY(auto created, decide_create(image, request, new_id, Limits{}));
  return std::optional(std::move(created));
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

std::optional<TargetsChanged> next_internal_change(const ClusterImage& image) {
  for (const auto& [name, topic] : image.topics) {
    if (!is_internal(name)) continue;
    const std::uint32_t wanted = internal_replication(image, name, topic->replication_factor);
    if (wanted != topic->replication_factor) return TargetsChanged{topic->id, {}, wanted};
  }
  return std::nullopt;
}

}  // namespace forebay::cluster
