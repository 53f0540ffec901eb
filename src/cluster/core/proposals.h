// What nodes themselves propose to the controller, in a form that can travel. Every decision is idempotent:
// what is so already, also because an earlier copy of the proposal got through, is a success without a
// record. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <variant>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/internal_topics.h"

namespace forebay::cluster {

struct RegisterBroker {
  BrokerRegistration broker;
  friend bool operator==(const RegisterBroker&, const RegisterBroker&) = default;
};
// Both confirmations count for the life that sends them only: of a disk that was replaced since, nothing
// holds.
struct ConfirmPartitions {
  model::TopicId id;
  log::Voter from;
  std::uint32_t partitions = 0;  // its replicas of those below have been ready
  friend bool operator==(const ConfirmPartitions&, const ConfirmPartitions&) = default;
};
struct ConfirmDeletion {
  model::TopicId id;
  log::Voter from;
  friend bool operator==(const ConfirmDeletion&, const ConfirmDeletion&) = default;
};
// A block behind the one that the node used up. One that it has behind that already is the answer too.
struct GrantProducerIds {
  model::NodeId node;
  std::optional<model::ProducerId> used_up;  // the first id of that block; none: it never had one
  std::uint32_t count = 0;
  friend bool operator==(const GrantProducerIds&, const GrantProducerIds&) = default;
};
// The answer to it: the last block of the node from then on. `is_new`: given to this very copy of the
// request. Else an earlier copy got it, or an earlier life of the node, which may have handed out some of it:
// it is not to be used.
struct GrantedIds {
  ProducerIds block;
  bool is_new = false;
  friend bool operator==(const GrantedIds&, const GrantedIds&) = default;
};
// An operator has declared the disk of a node lost, on the node that recovers a partition without it.
struct RetireDisk {
  log::Voter voter;
  friend bool operator==(const RetireDisk&, const RetireDisk&) = default;
};
// By the leader of the partition: its members are those of the target of that epoch.
struct ConfirmTarget {
  model::TopicId id;
  log::Voter from;
  model::PartitionIndex partition;
  std::uint32_t epoch = 0;
  friend bool operator==(const ConfirmTarget&, const ConfirmTarget&) = default;
};
// Nothing of the partition is left there.
struct ConfirmGone {
  model::TopicId id;
  log::Voter from;
  model::PartitionIndex partition;
  friend bool operator==(const ConfirmGone&, const ConfirmGone&) = default;
};
// Somebody wants to use what lives on an internal topic, and it is not there yet.
struct MakeInternalTopic {
  InternalTopic topic = InternalTopic::kGroups;
  model::TopicId id;  // for it, drawn by who proposes
  friend bool operator==(const MakeInternalTopic&, const MakeInternalTopic&) = default;
};
using NodeProposal = std::variant<RegisterBroker, ConfirmPartitions, ConfirmDeletion, GrantProducerIds,
                                  ConfirmTarget, ConfirmGone, RetireDisk, MakeInternalTopic>;

// A node that asks for more is wrong.
inline constexpr std::uint32_t kProducerIdsPerGrantMax = 1'000'000;
// Lives of disks that are remembered. Each is a decision of an operator, or a node that loses its disk at
// every start: that must not go on for ever.
inline constexpr std::size_t kRetiredDisksMax = 10'000;
inline constexpr std::size_t kBrokersMax = 1'000;
inline constexpr std::size_t kBrokerTextBytesMax = 512;  // of each text in a registration
inline constexpr std::size_t kBrokerFeaturesMax = 256;

// Nothing: success, and nothing to log. `alive`: who is connected to the decider right now; a node that lives
// is not replaced by another one that calls itself the same.
// Errors: kFailedPrecondition (registration: a retired disk, a disk of another node, a node of that id that
// lives with another disk, a feature level in use that it does not speak; a disk that is there is not
// retired; the others: not registered with this disk); kUnknownTopic (confirmation: deleted meanwhile);
// kInvalidArgument (cannot be right, whatever else is so).
[[nodiscard]] Result<std::optional<ClusterRecord>> decide(const ClusterImage& image,
                                                          const NodeProposal& proposal,
                                                          const std::set<log::Voter>& alive = {});

}  // namespace forebay::cluster
