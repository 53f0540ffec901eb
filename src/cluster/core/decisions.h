// Decisions: image and request in, record or error out. Pure; whoever logs the record takes them against all
// that is committed (controller.h).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

struct MemoryLimit {
  std::uint64_t bytes = 0;                // what a node may plan with
  std::uint64_t bytes_for_the_rest = 0;   // of it, whatever the number of partitions
  std::uint64_t bytes_per_partition = 0;  // above 0
};
struct Limits {
  std::uint32_t partitions_per_topic_max = 10'000;
  std::uint32_t partitions_max = 20'000;         // replicas on one node, whatever its memory
  std::optional<MemoryLimit> memory;             // of each node
  std::uint32_t replication_factor_default = 0;  // 0: kReplicationFactorDefault, or all brokers when fewer
  // Some 300 bytes each in memory on every node, 30 MB in all; who needs more names has one for each run.
  std::size_t producer_names_max = 100'000;
  std::uint32_t moves_max = 0;  // changes of targets under way before more are begun unasked; 0: no bound
};

// One copy may be lost while another one is being serviced.
inline constexpr std::uint32_t kReplicationFactorDefault = 3;
// From so many brokers on a single copy has to be asked for by name.
inline constexpr std::size_t kSingleCopyBrokersMax = 2;

// What decisions of several kinds look at.
// Errors: kInvalidArgument, with those that there are.
[[nodiscard]] Error unknown_broker(const ClusterImage& image, model::NodeId node);
// Errors: kInvalidArgument (fewer brokers that are not drained), kNotYet while there is none.
[[nodiscard]] Result<void> check_replication(const ClusterImage& image, std::uint32_t replication_factor);
// Errors: kInvalidArgument (one copy among many brokers, and nobody asked for it by name).
[[nodiscard]] Result<void> check_single_copy(const ClusterImage& image, std::uint32_t replication_factor,
                                             bool allowed);
// That the broker can hold `wanted` replicas more. Errors: kMemoryBudget.
[[nodiscard]] Result<void> check_broker_budget(const ClusterImage& image, model::NodeId node,
                                               std::size_t wanted, const Limits& limits);

// The same for a number of replicas in all.
[[nodiscard]] Result<void> check_broker_total(model::NodeId node, std::size_t replicas, const Limits& limits);

struct CreateTopic {
  std::string name;  // its rule was checked
  std::uint32_t partitions = 1;
  std::uint32_t replication_factor = 0;  // 0: the default
  Overrides config;                      // canonical
  bool allow_single_copy = false;
};
// Errors: kTopicExists, kInvalidArgument, kMemoryBudget, kNotYet while no broker is registered,
// kFailedPrecondition (schema.validation, with more brokers than copies of the schemas).
[[nodiscard]] Result<TopicCreated> decide_create(const ClusterImage& image, const CreateTopic& request,
                                                 model::TopicId new_id, const Limits& limits);
// Errors of these three: also kInvalidArgument for internal topics.
// Errors: kUnknownTopic, kFailedPrecondition as above.
[[nodiscard]] Result<TopicConfigSet> decide_set_config(const ClusterImage& image, const std::string& name,
                                                       Overrides config);
// Errors: kUnknownTopic, kInvalidArgument (not more than now, or too few brokers), kMemoryBudget, kNotYet.
[[nodiscard]] Result<PartitionsAdded> decide_add_partitions(const ClusterImage& image,
                                                            const std::string& name, std::uint32_t total,
                                                            const Limits& limits);
[[nodiscard]] Result<TopicDeleted> decide_delete(const ClusterImage& image, const std::string& name);

// Nothing: it is so already. Errors: kInvalidArgument (no such broker); kFailedPrecondition: not to be
// undrained, for it is being decommissioned.
[[nodiscard]] Result<std::optional<BrokerDrained>> decide_drain(const ClusterImage& image, model::NodeId node,
                                                                bool drained);
// That no partition counts on the broker: none is to be there, or may go back there, or has it among its
// members still, though the target is another one by now. Errors: kFailedPrecondition.
[[nodiscard]] Result<void> check_not_needed(const ClusterImage& image, model::NodeId node);
// What it has on its disk does not matter any more: it never comes back with that. Errors: kInvalidArgument
// (no such broker), kFailedPrecondition (it is needed, or it is the last one).
[[nodiscard]] Result<BrokerRemoved> decide_remove_broker(const ClusterImage& image, model::NodeId node);
// Nothing: it is so already. Errors: kInvalidArgument (lower than now), kFailedPrecondition when a broker
// does not speak it, with its number and version.
[[nodiscard]] Result<std::optional<FeatureLevelSet>> decide_feature_level(const ClusterImage& image,
                                                                          const std::string& name,
                                                                          std::uint32_t level);

}  // namespace forebay::cluster
