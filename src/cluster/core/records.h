// What __cluster holds: brokers, topics with their target placement, and the records that change them. Plain
// values; the log is their fold (cluster_image.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::cluster {

using Overrides = std::map<std::string, std::string>;
using Replicas = std::vector<model::NodeId>;  // of one partition, in order of preference for leadership
// The first membership of a partition's group, sorted; fixed when the partition is decided, so that every
// replica opens it with the very same one, whoever is registered by then.
using Founders = std::vector<log::Voter>;
using Features = std::map<std::string, std::uint32_t>;  // by name: a level

// What a broker says of itself.
struct BrokerRegistration {
  model::NodeId node;
  model::Uuid disk;
  std::string api_address, peer_address, http_address;  // HOST:PORT, as others are to dial them
  std::string rack;                                     // empty: none
  std::uint32_t shard_count = 1;
  std::string version;  // of its program; for people
  Features features;    // the highest level of each that it speaks
  friend bool operator==(const BrokerRegistration&, const BrokerRegistration&) = default;
};

struct Placement {
  Replicas replicas;  // the target
  Founders founders;  // empty: decided by a version that knew one node only; the founder is that node
  // Counts the changes of the target, so that nobody decides against one that he has not seen.
  std::uint32_t epoch = 0;
  std::uint32_t reached = 0;  // the epoch whose target the group's members were the last time it was told
  Replicas previous;          // what a cancellation of the change under way goes back to; empty: nothing
  // In the target since a change that is not reached: what is not found there was not made yet.
  std::vector<model::NodeId> joining;
  // Not in the target any more, and perhaps still with data.
  std::vector<model::NodeId> leaving;
  // Founders that were out of the target once: another replica made there is no founder.
  std::vector<model::NodeId> departed;
  // Its copy is dropped first, and then made anew from the others.
  std::optional<model::NodeId> rebuilding;

  // A change of the target is under way.
  [[nodiscard]] bool is_moving() const { return reached != epoch || rebuilding; }
  // Who is to be a member now.
  [[nodiscard]] Replicas members() const {
    Replicas now = replicas;
    if (rebuilding) std::erase(now, *rebuilding);
    return now;
  }
  [[nodiscard]] bool is_member(model::NodeId node) const {
    return node != rebuilding && std::find(replicas.begin(), replicas.end(), node) != replicas.end();
  }
  // It is to be there, or may go back there, or is among the members still, though the target is another one
  // by now.
  [[nodiscard]] bool counts_on(model::NodeId node) const {
    const auto has = [node](const std::vector<model::NodeId>& nodes) {
      return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
    };
    return has(replicas) || has(previous) || (is_moving() && has(leaving));
  }
  friend bool operator==(const Placement&, const Placement&) = default;
};

struct Topic {
  model::TopicId id;
  std::string name;
  std::vector<Placement> partitions;
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
  // Of its partitions, how many are to have a replica there.
  [[nodiscard]] std::size_t replicas_on(model::NodeId node) const {
    return static_cast<std::size_t>(std::count_if(partitions.begin(), partitions.end(), [&](const auto& one) {
      return std::find(one.replicas.begin(), one.replicas.end(), node) != one.replicas.end();
    }));
  }
  // It was ready on that node once, or may have left data there: what the loss of its disk changes.
  [[nodiscard]] bool knows_of(model::NodeId node) const {
    return confirmed.contains(node) ||
           std::any_of(partitions.begin(), partitions.end(), [&](const auto& one) {
             return std::find(one.leaving.begin(), one.leaving.end(), node) != one.leaving.end();
           });
  }
  // Nothing: there is no such partition.
  [[nodiscard]] const Placement* placement(model::PartitionIndex partition) const {
    const auto at = static_cast<std::size_t>(partition.value());
    return partition.value() < 0 || at >= partitions.size() ? nullptr : &partitions[at];
  }
  friend bool operator==(const Topic&, const Topic&) = default;
};

// --- records
// ------------------------------------------------------------------------------------------------
struct ClusterFormed {
  model::Uuid cluster_id;
  friend bool operator==(const ClusterFormed&, const ClusterFormed&) = default;
};
// A new broker, or one that says something else of itself. With another disk it is a node that was wiped or
// replaced: what was on the old disk is gone, and that disk must not come back.
struct BrokerRegistered {
  BrokerRegistration broker;
  friend bool operator==(const BrokerRegistered&, const BrokerRegistered&) = default;
};
struct BrokerDrained {
  model::NodeId node;
  bool drained = false;  // gets no new replicas
  friend bool operator==(const BrokerDrained&, const BrokerDrained&) = default;
};
// How far a broker is on its way out of the cluster.
enum class Decommission : std::uint8_t {
  kNone,
  kEmptying,  // gets no new replicas, and those that it has move to others
  kEmptied,   // no partition counts on it: the metadata's group goes on without it
};
struct BrokerDecommission {
  model::NodeId node;
  Decommission stage = Decommission::kNone;  // back to none while it is a broker
  friend bool operator==(const BrokerDecommission&, const BrokerDecommission&) = default;
};
struct BrokerRemoved {
  model::NodeId node;
  friend bool operator==(const BrokerRemoved&, const BrokerRemoved&) = default;
};
// Producer ids from `first` on, to be handed out by one broker and nobody else.
struct ProducerIdsGranted {
  model::NodeId node;
  model::ProducerId first;
  std::uint32_t count = 0;
  friend bool operator==(const ProducerIdsGranted&, const ProducerIdsGranted&) = default;
};
// From here on the cluster may use what this level brings; brokers that do not speak it cannot join.
struct FeatureLevelSet {
  std::string name;
  std::uint32_t level = 0;
  friend bool operator==(const FeatureLevelSet&, const FeatureLevelSet&) = default;
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
  std::vector<Placement> added;
  friend bool operator==(const PartitionsAdded&, const PartitionsAdded&) = default;
};
// The target of a partition from now on.
struct TargetChange {
  model::PartitionIndex partition;
  std::uint32_t epoch = 0;  // the one after the present one
  Replicas replicas;
  Replicas previous;  // what a cancellation goes back to; empty: this one is none to be cancelled
  std::optional<model::NodeId> rebuild;  // of `replicas`: its copy is dropped and made anew
  friend bool operator==(const TargetChange&, const TargetChange&) = default;
};
// All changes of one decision, so that a crash leaves none of them half made.
struct TargetsChanged {
  model::TopicId id;
  std::vector<TargetChange> changes;
  std::optional<std::uint32_t> replication_factor;  // of the topic, from now on
  friend bool operator==(const TargetsChanged&, const TargetsChanged&) = default;
};
// The members of the partition's group are those of the target, by a committed membership.
struct TargetReached {
  model::TopicId id;
  model::PartitionIndex partition;
  std::uint32_t epoch = 0;
  friend bool operator==(const TargetReached&, const TargetReached&) = default;
};
// Nothing of the replica is left on a node that left the target.
struct ReplicaGone {
  model::TopicId id;
  model::PartitionIndex partition;
  model::NodeId node;
  friend bool operator==(const ReplicaGone&, const ReplicaGone&) = default;
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
  std::optional<model::NodeId> node;  // none: by a version that knew one node only
  friend bool operator==(const TopicDeletionConfirmed&, const TopicDeletionConfirmed&) = default;
};
// An operator's word that a disk is lost for ever, though nothing has taken its place yet: it never comes
// back, and nothing is to be expected of it.
struct DiskRetired {
  log::Voter voter;
  friend bool operator==(const DiskRetired&, const DiskRetired&) = default;
};
// A session of a named producer has begun. A new id is one that nobody ever had; with the id that the name
// has the epoch is higher than before.
struct ProducerNamed {
  std::string name;
  model::ProducerId id;
  model::ProducerEpoch epoch{0};
  friend bool operator==(const ProducerNamed&, const ProducerNamed&) = default;
};
// Nobody has the name any more.
struct ProducerNameRemoved {
  std::string name;
  friend bool operator==(const ProducerNameRemoved&, const ProducerNameRemoved&) = default;
};
using ClusterRecord =
    std::variant<ClusterFormed, BrokerRegistered, BrokerDrained, BrokerRemoved, ProducerIdsGranted,
                 FeatureLevelSet, TopicCreated, TopicConfigSet, PartitionsAdded, PartitionsConfirmed,
                 TopicDeleted, TopicDeletionConfirmed, TargetsChanged, TargetReached, ReplicaGone,
                 DiskRetired, BrokerDecommission, ProducerNamed, ProducerNameRemoved>;

}  // namespace forebay::cluster
