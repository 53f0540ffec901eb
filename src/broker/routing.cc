#include "broker/routing.h"

#include <algorithm>

#include "cluster/controller.h"
#include "cluster/core/dead_letter_topics.h"
#include "cluster/core/features.h"
#include "cluster/core/internal_topics.h"
#include "log/journal.h"

namespace forebay::broker {
namespace {

// About what a node takes to learn what it missed, when there is a controller.
constexpr std::uint32_t kStartingRetryMs = 200;

log::CleanupPolicy cleanup_of(config::CleanupPolicy policy) {
  switch (policy) {
    case config::CleanupPolicy::kDelete:
      return log::CleanupPolicy::kDelete;
    case config::CleanupPolicy::kCompact:
      return log::CleanupPolicy::kCompact;
    case config::CleanupPolicy::kCompactAndDelete:
      return log::CleanupPolicy::kCompactAndDelete;
  }
  return log::CleanupPolicy::kDelete;
}

std::optional<model::Codec> demanded(config::CompressionType type) {
  switch (type) {
    case config::CompressionType::kProducer:
      return std::nullopt;
    case config::CompressionType::kUncompressed:
      return model::Codec::kNone;
    case config::CompressionType::kGzip:
      return model::Codec::kGzip;
    case config::CompressionType::kSnappy:
      return model::Codec::kSnappy;
    case config::CompressionType::kLz4:
      return model::Codec::kLz4;
    case config::CompressionType::kZstd:
      return model::Codec::kZstd;
  }
  return std::nullopt;
}

TopicRoute internal_route(model::NodeId node, std::uint32_t shard_count) {
  TopicRoute route;
  cluster::Topic topic;
  topic.id = cluster::cluster_partition().topic;
  topic.name = cluster::kClusterTopicName;
  topic.partitions = {{.replicas = {node}, .founders = {}}};
  route.topic = std::make_shared<const cluster::Topic>(std::move(topic));
  route.config.retention.reset();
  route.shards = {log::shard_of(cluster::cluster_partition(), shard_count)};
  route.internal = true;
  return route;
}

}  // namespace

Result<std::uint32_t> TopicRoute::shard_of(model::PartitionIndex partition) const {
  const auto index = static_cast<std::size_t>(partition.value());
  if (partition.value() < 0 || index >= shards.size()) {
    return Error{ErrorCode::kUnknownPartition,
                 "topic '" + topic->name + "' has partitions 0 to " + std::to_string(shards.size() - 1) +
                     "; there is no partition " + std::to_string(partition.value())};
  }
  return shards[index];
}

bool TopicRoute::is_hosted_by(model::NodeId node, model::PartitionIndex partition) const {
  return topic->placement(partition)->is_member(node);
}

model::BatchRules TopicRoute::rules(model::Timestamp now) const {
  model::BatchRules rules;
  rules.batch_bytes_max = config.max_message_bytes;
  rules.key_required = config.cleanup_policy != config::CleanupPolicy::kDelete;
  if (config.timestamp_type == config::TimestampType::kCreateTime) {
    if (config.timestamp_before_max) rules.earliest = now.plus(-config.timestamp_before_max->count());
    if (config.timestamp_after_max) rules.latest = now.plus(config.timestamp_after_max->count());
  }
  return rules;
}

Result<void> TopicRoute::check_codec(model::Codec codec) const {
  const auto wanted = demanded(config.compression_type);
  if (!wanted || *wanted == codec) return {};
  return Error{ErrorCode::kInvalidRecord,
               "topic '" + topic->name + "' takes batches compressed with " +
                   std::string(model::codec_name(*wanted)) + " only (compression.type), this one has " +
                   std::string(model::codec_name(codec)) + "; set the producer's compression to the topic's"};
}

std::string TopicRoute::name() const {
  return reading == model::Reading::kDeadLetters ? cluster::dead_letter_name(topic->name) : topic->name;
}

model::TopicId TopicRoute::id() const {
  return reading == model::Reading::kDeadLetters ? model::dead_letters_id(topic->id) : topic->id;
}

const TopicRoute* RoutingTable::find_known(const std::string& name) const {
  if (const auto at = topics.find(name); at != topics.end()) return &at->second;
  const auto at = dead_letters.find(name);
  return at == dead_letters.end() ? nullptr : &at->second;
}

Result<const TopicRoute*> RoutingTable::find(const std::string& name, std::string_view change) const {
  FOREBAY_TRY(const TopicRoute* route, find_readable(name));
  if (route->reading == model::Reading::kDeadLetters)
    return cluster::dead_letters_follow(route->topic->name, change);
  return route;
}

Result<const TopicRoute*> RoutingTable::find_readable(const std::string& name) const {
  if (const TopicRoute* route = find_known(name)) return route;
  if (!current) {
    return Error{ErrorCode::kNotYet,
                 "the node is starting and does not know yet whether there is a topic '" + name + "'; retry",
                 kStartingRetryMs};
  }
  Error unknown = cluster::unknown_topic(name);
  if (name.ends_with(cluster::kDeadLetterSuffix)) {
    const std::string source = name.substr(0, name.size() - cluster::kDeadLetterSuffix.size());
    if (topics.contains(source))
      unknown.context +=
          "; dead letters of topic '" + source + "' are shown while it has on.violation=quarantine";
  }
  return unknown;
}

std::shared_ptr<RoutingTable> make_routing(model::NodeId node, const cluster::ClusterImage& image,
                                           const config::TopicConfig& defaults, std::uint32_t shard_count,
                                           std::vector<std::string>& problems) {
  auto table = std::make_shared<RoutingTable>();
  if (!image.cluster_id.is_nil()) table->cluster_id = image.cluster_id.to_string();
  table->may_fence = cluster::may_fence_producers(image);
  table->topics.emplace(cluster::kClusterTopicName, internal_route(node, shard_count));
  for (const auto& [id, broker] : image.brokers) {
    if (!broker.registration.api_address.empty())
      table->api_addresses.emplace(id, broker.registration.api_address);
  }
  for (const auto& [name, topic] : image.topics) {
    TopicRoute route;
    route.topic = topic;
    route.internal = cluster::is_internal(name);
    auto parsed = config::parse_topic_config(topic->config, defaults);
    if (parsed) {
      route.config = std::move(*parsed);
    } else {
      route.config = defaults;
      problems.push_back("topic '" + name +
                         "': stored configuration cannot be used, defaults apply: " + parsed.error().context);
    }
    route.guard = {.validation = route.config.schema_validation,
                   .key = route.config.schema_key_strategy,
                   .value = route.config.schema_value_strategy,
                   .topic = name};
    if (route.internal) route.config.retention.reset();
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      route.shards.push_back(
          log::shard_of({topic->id, model::PartitionIndex(static_cast<std::int32_t>(i))}, shard_count));
    }
    if (cluster::has_dead_letter_topic(*topic)) {
      TopicRoute letters = route;
      letters.reading = model::Reading::kDeadLetters;
      table->dead_letters.emplace(letters.name(), std::move(letters));
    }
    table->topics.emplace(name, std::move(route));
  }
  return table;
}

partition::PartitionConfig partition_config(const TopicRoute& route) {
  if (route.internal) {
    // What is written there comes from users in the end: it waits where their records do.
    partition::PartitionConfig result = internal_partition_config();
    result.admission = partition::Admission::kBounded;
    return result;
  }
  const config::TopicConfig& config = route.config;
  partition::PartitionConfig result;
  result.log.segment_bytes = config.segment_bytes;
  result.log.segment_ms = config.segment_age_max.count();
  result.log.retention_ms.reset();
  if (config.retention) result.log.retention_ms = config.retention->count();
  result.log.retention_bytes = config.retention_bytes;
  result.log.cleanup = cleanup_of(config.cleanup_policy);
  result.log.delete_retention_ms = config.delete_retention.count();
  result.log.min_compaction_lag_ms = config.min_compaction_lag.count();
  result.log.min_cleanable_dirty_ratio = config.min_cleanable_dirty_ratio;
  result.log.index_interval_bytes = config.index_interval_bytes;
  result.log_append_time = config.timestamp_type == config::TimestampType::kLogAppendTime;
  result.durability = config.durability == config::Durability::kReplicated
                          ? partition::Durability::kReplicated
                          : partition::Durability::kFlushed;
  return result;
}

partition::PartitionConfig internal_partition_config() {
  partition::PartitionConfig config;
  config.log.retention_ms.reset();
  config.log.segment_bytes = 16ULL << 20;
  config.admission = partition::Admission::kAlways;
  config.holds_state = true;
  return config;
}

}  // namespace forebay::broker
