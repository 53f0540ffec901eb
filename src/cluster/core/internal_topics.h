// Topics that the cluster makes for itself, when something first needs them: state machines live on their
// partitions (machine/host.h). In the image they are topics like any other: placed, moved, and repaired in
// the same way. Users see them when they ask for internal ones, and may read and move them; only their state
// machine writes and trims them, and nobody deletes them or changes their partitions. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

// Consumer groups (src/group). A group lives in one partition, by a hash of its name: the number can never
// change. 16 spread the coordinators over the shards of more nodes than __cluster has voters, and an idle one
// costs a node next to nothing.
inline constexpr std::string_view kGroupsTopicName = "__groups";
inline constexpr std::uint32_t kGroupsPartitions = 16;

// The schema registry (src/schema). One partition: its ids come from one log, and what it holds is small.
inline constexpr std::string_view kSchemasTopicName = "__schemas";
inline constexpr std::uint32_t kSchemasPartitions = 1;

// A commit must survive what a record survives.
inline constexpr std::uint32_t kGroupsReplicationMax = 3;
// Every node that leads partitions checks their records against schemas, and does that from its own copy:
// what has none takes no record of a topic that is validated.
inline constexpr std::uint32_t kSchemasReplicationMax = 15;

// By its name; no user can make such a topic.
[[nodiscard]] inline bool is_internal(std::string_view topic) { return topic.starts_with("__"); }
// Errors: kInvalidArgument, of which topic and what cannot be done.
[[nodiscard]] Result<void> check_not_internal(std::string_view topic, std::string_view change);

// Those that are made when they are first used.
enum class InternalTopic : std::uint8_t { kGroups = 1, kSchemas = 2 };  // on the wire: never renumber one
[[nodiscard]] std::string_view name_of(InternalTopic topic);
[[nodiscard]] std::uint32_t partitions_of(InternalTopic topic);

// Nothing: it is there. On as many brokers as there are, up to the number above. `alive`: who is connected to
// the decider. Errors: kNotYet while no broker is registered; kMemoryBudget only of the number of partitions:
// commits are what consumers live on.
[[nodiscard]] Result<std::optional<TopicCreated>> decide_internal_topic(const ClusterImage& image,
                                                                        InternalTopic topic,
                                                                        model::TopicId new_id,
                                                                        const std::set<log::Voter>& alive);

// A node checks records by its own copy of __schemas. So of that topic, and of no other, who is drained gets
// a copy, for he may be the only one that can lead something; and who is decommissioned gives up this one
// last, for he may lead until the leaders of all his partitions say that he is no member any more.
using Brokers = std::map<model::NodeId, Broker>;
// The brokers as they count when copies of `topic` are placed for good: who is decommissioned holds none. Who
// is away gets nothing new.
[[nodiscard]] Brokers brokers_for(const ClusterImage& image, std::string_view topic,
                                  const std::set<model::NodeId>& away);
// The same for now: who is decommissioned and does not have to give up his copy yet counts like any other.
[[nodiscard]] Brokers brokers_now(const ClusterImage& image, std::string_view topic,
                                  const std::set<model::NodeId>& away);
// It is decommissioned, and its copies of `topic` are to go now.
[[nodiscard]] bool is_to_leave(const ClusterImage& image, std::string_view topic, model::NodeId node);
// Of the brokers that get no other copies those that are not alive: they get none of __schemas either.
[[nodiscard]] std::set<model::NodeId> absent_of(const ClusterImage& image, const std::set<log::Voter>& alive);

// Of a topic that is to be made or configured so, and had `before`: that records can be checked wherever they
// are led. Errors: kFailedPrecondition: there are more brokers than copies of __schemas. One that validates
// already may be configured all the same.
[[nodiscard]] Result<void> check_schemas_reach(const ClusterImage& image, const std::string& topic,
                                               const Overrides& before, const Overrides& config);

// How many replicas an internal topic that has `now` is to have: one that was made when there were fewer
// brokers gets copies on those that have come, and where too few stay, for others are decommissioned, it goes
// on with fewer. Nobody has to know of it. `image`: with the brokers as they count for the topic.
[[nodiscard]] std::uint32_t internal_replication(const ClusterImage& image, std::string_view topic,
                                                 std::uint32_t now);
// The next internal topic whose number of replicas is to change. What follows from that is done as for any
// topic (upkeep.h).
[[nodiscard]] std::optional<TargetsChanged> next_internal_change(const ClusterImage& image,
                                                                 const std::set<model::NodeId>& away);

}  // namespace forebay::cluster
