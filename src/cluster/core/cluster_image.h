// The cluster's metadata as an immutable image, and the records that change it. Pure: applying reads nothing
// but the record.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/ids.h"

namespace forebay::cluster {

using Overrides = std::map<std::string, std::string>;
using Replicas = std::vector<model::NodeId>;  // of one partition, in order of preference for leadership

struct Topic {
  model::TopicId id;
  std::string name;
  std::vector<Replicas> partitions;
  std::uint32_t replication_factor = 1;
  Overrides config;
  std::string partitioner = "murmur2";
  // By node: partitions below this number were ready there once. One that is missing there has been lost; one
  // that is not confirmed may never have been made.
  std::map<model::NodeId, std::uint32_t> confirmed;

  [[nodiscard]] std::uint32_t confirmed_on(model::NodeId node) const {
    const auto at = confirmed.find(node);
    return at == confirmed.end() ? 0 : at->second;
  }
  friend bool operator==(const Topic&, const Topic&) = default;
};

// --- records of __cluster
// ------------------------------------------------------------------------------------------------
struct ClusterFormed {
  model::Uuid cluster_id;
  friend bool operator==(const ClusterFormed&, const ClusterFormed&) = default;
};
struct TopicCreated {
  Topic topic;
  friend bool operator==(const TopicCreated&, const TopicCreated&) = default;
};
struct TopicConfigSet {
  model::TopicId id;
  Overrides config;
  friend bool operator==(const TopicConfigSet&, const TopicConfigSet&) = default;
};
struct PartitionsAdded {
  model::TopicId id;
  std::vector<Replicas> added;
  friend bool operator==(const PartitionsAdded&, const PartitionsAdded&) = default;
};
struct PartitionsConfirmed {
  model::TopicId id;
  model::NodeId node;
  std::uint32_t partitions = 0;  // those below
  friend bool operator==(const PartitionsConfirmed&, const PartitionsConfirmed&) = default;
};
struct TopicDeleted {
  model::TopicId id;
  friend bool operator==(const TopicDeleted&, const TopicDeleted&) = default;
};
struct TopicDeletionConfirmed {
  model::TopicId id;
  friend bool operator==(const TopicDeletionConfirmed&, const TopicDeletionConfirmed&) = default;
};
using ClusterRecord = std::variant<ClusterFormed, TopicCreated, TopicConfigSet, PartitionsAdded,
                                   PartitionsConfirmed, TopicDeleted, TopicDeletionConfirmed>;

using TopicPtr = std::shared_ptr<const Topic>;

// Copying an image copies pointers, not topics.
struct ClusterImage {
  model::Uuid cluster_id;                       // nil: not formed
  std::map<std::string, TopicPtr> topics;       // by name; those that users see
  std::map<model::TopicId, TopicPtr> by_id;     // the same
  std::map<model::TopicId, TopicPtr> deleting;  // deleted, data not yet gone
  model::Offset applied;                        // next offset of __cluster to apply

  [[nodiscard]] TopicPtr find(const std::string& name) const;
  [[nodiscard]] std::size_t partition_count() const;
};

// Folds one record. Errors: kInternal when the record cannot follow this image (a bug or a damaged log): the
// image is unchanged.
[[nodiscard]] Result<void> apply(ClusterImage& image, const ClusterRecord& record);

// --- decisions: request and image in, record or error out
// ----------------------------------------------------------------
struct MemoryLimit {
  std::uint64_t bytes = 0;                // what the node may plan with
  std::uint64_t bytes_for_the_rest = 0;   // of it, whatever the number of partitions
  std::uint64_t bytes_per_partition = 0;  // above 0
};
struct Limits {
  std::uint32_t partitions_per_topic_max = 10'000;
  std::uint32_t partitions_max = 20'000;  // of the node, whatever its memory
  std::optional<MemoryLimit> memory;
};

struct CreateTopic {
  std::string name;  // its rule was checked
  std::uint32_t partitions = 1;
  std::uint32_t replication_factor = 1;
  Overrides config;  // canonical
};
// Errors: kTopicExists, kInvalidArgument, kMemoryBudget.
[[nodiscard]] Result<TopicCreated> decide_create(const ClusterImage& image, const CreateTopic& request,
                                                 model::TopicId new_id,
                                                 const std::vector<model::NodeId>& nodes,
                                                 const Limits& limits);
// Errors: kUnknownTopic.
[[nodiscard]] Result<TopicConfigSet> decide_set_config(const ClusterImage& image, const std::string& name,
                                                       Overrides config);
// Errors: kUnknownTopic, kInvalidArgument (not more than now), kMemoryBudget.
[[nodiscard]] Result<PartitionsAdded> decide_add_partitions(const ClusterImage& image,
                                                            const std::string& name, std::uint32_t total,
                                                            const std::vector<model::NodeId>& nodes,
                                                            const Limits& limits);
// Errors: kUnknownTopic (deleted meanwhile), kFailedPrecondition (confirmed already).
[[nodiscard]] Result<PartitionsConfirmed> decide_confirm(const ClusterImage& image, const model::TopicId& id,
                                                         model::NodeId node, std::uint32_t partitions);
[[nodiscard]] Result<TopicDeleted> decide_delete(const ClusterImage& image, const std::string& name);

[[nodiscard]] Error unknown_topic(const std::string& name);

}  // namespace forebay::cluster
