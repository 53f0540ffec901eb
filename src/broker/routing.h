// From a topic's name to its partitions' shards and rules: an immutable snapshot that any thread may read,
// made anew by the controller's shard after each change of metadata.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "config/topic_config.h"
#include "model/batch_validation.h"
#include "model/dead_letters.h"
#include "partition/partition.h"
#include "schema/core/record_guard.h"

namespace forebay::broker {

struct TopicRoute {
  cluster::TopicPtr topic;
  config::TopicConfig config;                         // effective
  std::vector<std::uint32_t> shards;                  // of each partition
  bool internal = false;                              // for state machines, and for nobody to write to
  schema::GuardRules guard;                           // what its records have to keep to
  model::Reading reading = model::Reading::kRecords;  // which records it shows

  // As users see it.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] model::TopicId id() const;
  [[nodiscard]] std::string dead_letters_of() const {
    return reading == model::Reading::kDeadLetters ? topic->name : std::string();
  }
  [[nodiscard]] model::TopicPartition id_of(model::PartitionIndex partition) const {
    return {topic->id, partition};
  }
  [[nodiscard]] Result<std::uint32_t> shard_of(model::PartitionIndex partition) const;  // kUnknownPartition
  // Whether `node` is to have a replica of it. Requires: the partition is there.
  [[nodiscard]] bool is_hosted_by(model::NodeId node, model::PartitionIndex partition) const;
  // What to demand of a batch at wall time `now`.
  [[nodiscard]] model::BatchRules rules(model::Timestamp now) const;
  // kInvalidRecord when compression.type asks for another codec.
  [[nodiscard]] Result<void> check_codec(model::Codec codec) const;
};

struct RoutingTable {
  // What is not in it does not exist. Else it may: the node has started, and does not know yet what it
  // missed.
  bool current = false;
  std::unordered_map<std::string, TopicRoute> topics;
  // By their own names: other readings of the partitions of `topics`.
  std::unordered_map<std::string, TopicRoute> dead_letters;
  std::map<model::NodeId, std::string> api_addresses;  // of the brokers that have registered, for clients
  std::string cluster_id;                              // empty: not known yet
  bool may_fence = false;  // every node reads what sessions of named producers write into logs
  // Empty: nobody knows.
  [[nodiscard]] std::string address_of(model::NodeId node) const {
    const auto at = api_addresses.find(node);
    return at == api_addresses.end() ? std::string() : at->second;
  }
  // Errors: kUnknownTopic; kNotYet when it is not current; kInvalidArgument: they are dead letters, which
  // cannot be `change`d.
  [[nodiscard]] Result<const TopicRoute*> find(const std::string& name, std::string_view change) const;
  // Dead letters too. Errors: kUnknownTopic, kNotYet.
  [[nodiscard]] Result<const TopicRoute*> find_readable(const std::string& name) const;
  [[nodiscard]] const TopicRoute* find_known(const std::string& name) const;  // nothing: not known
};
using RoutingPtr = std::shared_ptr<const RoutingTable>;

// Topics whose stored configuration this version cannot read fall back to the defaults; they are named in
// `problems`.
[[nodiscard]] std::shared_ptr<RoutingTable> make_routing(model::NodeId node,
                                                         const cluster::ClusterImage& image,
                                                         const config::TopicConfig& defaults,
                                                         std::uint32_t shard_count,
                                                         std::vector<std::string>& problems);

[[nodiscard]] partition::PartitionConfig partition_config(const TopicRoute& route);
// Of __cluster: kept whole until its state machine trims it.
[[nodiscard]] partition::PartitionConfig internal_partition_config();

}  // namespace forebay::broker
