#include "cluster/core/proposals.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "cluster/core/internal_topics.h"

namespace forebay::cluster {
namespace {

using Decided = Result<std::optional<ClusterRecord>>;

Decided nothing_to_log() { return std::optional<ClusterRecord>(); }

Decided log_it(ClusterRecord record) { return std::optional(std::move(record)); }

std::string node_text(model::NodeId node) { return "node " + std::to_string(node.value()); }

Error refused(std::string why) { return Error{ErrorCode::kFailedPrecondition, std::move(why)}; }

Result<void> check_shape(const BrokerRegistration& broker) {
  const auto wrong = [&broker](const char* what) {
    return Error{ErrorCode::kInvalidArgument,
                 "the registration of " + node_text(broker.node) + " cannot be right: " + what};
  };
  if (broker.node.value() == 0) return wrong("it has no node id");
  if (broker.disk.is_nil()) return wrong("it has no disk identity");
  if (broker.shard_count == 0) return wrong("it has no shard");
  for (const std::string* text :
       {&broker.api_address, &broker.peer_address, &broker.http_address, &broker.rack, &broker.version}) {
    if (text->size() > kBrokerTextBytesMax) return wrong("a text in it is too long");
    if (text->find('\0') != std::string::npos) return wrong("a text in it has a NUL");
  }
  if (broker.features.size() > kBrokerFeaturesMax) return wrong("it has too many features");
  for (const auto& [name, level] : broker.features) {
    if (name.empty() || name.size() > kBrokerTextBytesMax)
      return wrong("a feature's name is empty or too long");
  }
  return {};
}

Decided decide_one(const ClusterImage& image, const RegisterBroker& proposal,
                   const std::set<log::Voter>& alive) {
  const BrokerRegistration& wanted = proposal.broker;
  FOREBAY_CHECK(check_shape(wanted));
  if (const auto at = image.retired.find(wanted.disk); at != image.retired.end()) {
    return refused("the data directory of " + node_text(wanted.node) + " (disk " + wanted.disk.to_string() +
                   ") belongs to an earlier life of " + node_text(at->second) +
                   " that was replaced, removed or declared lost; what it holds may differ from what the "
                   "cluster went on with. Move it away, and start the node with an empty data directory");
  }
  for (const auto& [node, broker] : image.brokers) {
    if (node == wanted.node || broker.registration.disk != wanted.disk) continue;
    return refused(node_text(wanted.node) + " has the data directory of " + node_text(node) + " (disk " +
                   wanted.disk.to_string() + "); start it with an empty one of its own");
  }
  for (const auto& [name, level] : image.features) {
    const auto spoken = wanted.features.find(name);
    if (spoken != wanted.features.end() && spoken->second >= level) continue;
    return refused(node_text(wanted.node) + " (version " + wanted.version + ") does not speak feature '" +
                   name + "' at level " + std::to_string(level) + ", which the cluster uses; upgrade it");
  }
  const Broker* known = image.broker(wanted.node);
  if (known == nullptr) {
    if (image.brokers.size() >= kBrokersMax)
      return refused("the cluster has " + std::to_string(kBrokersMax) +
                     " brokers, which is the most it takes");
    return log_it(BrokerRegistered{wanted});
  }
  if (known->registration == wanted) return nothing_to_log();
  if (known->registration.disk == wanted.disk) return log_it(BrokerRegistered{wanted});
  if (alive.contains({wanted.node, known->registration.disk})) {
    return refused("two nodes have the id " + std::to_string(wanted.node.value()) + ": the one at " +
                   known->registration.peer_address + " is alive; give the one at " + wanted.peer_address +
                   " another node.id");
  }
  if (image.retired.size() >= kRetiredDisksMax) {
    return refused("the cluster remembers " + std::to_string(kRetiredDisksMax) +
                   " replaced data directories, which is the most it can; find out why " +
                   node_text(wanted.node) + " comes with a new one");
  }
  return log_it(BrokerRegistered{wanted});
}

// What a node says counts while its disk is the one that is registered.
Result<void> check_life(const ClusterImage& image, const log::Voter& from) {
  const Broker* broker = image.broker(from.node);
  if (broker == nullptr) return refused(node_text(from.node) + " is not registered");
  if (image.retired.contains(from.disk))
    return refused(node_text(from.node) + " speaks for the disk " + from.disk.to_string() +
                   ", which was given up");
  if (broker->registration.disk == from.disk) return {};
  return refused(node_text(from.node) + " speaks for the disk " + from.disk.to_string() +
                 ", and is registered with " + broker->registration.disk.to_string());
}

Decided decide_one(const ClusterImage& image, const ConfirmPartitions& proposal,
                   const std::set<log::Voter>& /*alive*/) {
  FOREBAY_CHECK(check_life(image, proposal.from));
  const auto at = image.by_id.find(proposal.id);
  if (at == image.by_id.end())
    return Error{ErrorCode::kUnknownTopic, "the topic was deleted before its partitions were confirmed"};
  if (proposal.partitions > at->second->partitions.size()) {
    return Error{ErrorCode::kInvalidArgument, "topic '" + at->second->name + "' has " +
                                                  std::to_string(at->second->partitions.size()) +
                                                  " partitions, and " + node_text(proposal.from.node) +
                                                  " confirms " + std::to_string(proposal.partitions)};
  }
  if (proposal.partitions <= at->second->confirmed_on(proposal.from.node)) return nothing_to_log();
  return log_it(PartitionsConfirmed{proposal.id, proposal.from.node, proposal.partitions});
}

Decided decide_one(const ClusterImage& image, const ConfirmDeletion& proposal,
                   const std::set<log::Voter>& /*alive*/) {
  FOREBAY_CHECK(check_life(image, proposal.from));
  if (image.by_id.contains(proposal.id)) {
    return Error{ErrorCode::kInvalidArgument,
                 node_text(proposal.from.node) + " confirms the deletion of a topic that is not deleted"};
  }
  const auto at = image.deleting.find(proposal.id);
  if (at == image.deleting.end() || !at->second.waiting.contains(proposal.from.node)) return nothing_to_log();
  return log_it(TopicDeletionConfirmed{proposal.id, proposal.from.node});
}

Decided decide_one(const ClusterImage& image, const GrantProducerIds& proposal,
                   const std::set<log::Voter>& /*alive*/) {
  if (proposal.count == 0 || proposal.count > kProducerIdsPerGrantMax) {
    return Error{ErrorCode::kInvalidArgument, node_text(proposal.node) + " asks for " +
                                                  std::to_string(proposal.count) + " producer ids; 1 to " +
                                                  std::to_string(kProducerIdsPerGrantMax) +
                                                  " are given at a time"};
  }
  if (image.broker(proposal.node) == nullptr)
    return refused(node_text(proposal.node) + " asks for producer ids and is not registered");
  const auto last = image.producer_ids.find(proposal.node);
  if (last != image.producer_ids.end() && (!proposal.used_up || last->second.first > *proposal.used_up))
    return nothing_to_log();
  constexpr auto kMax = std::numeric_limits<model::ProducerId::value_type>::max();
  if (image.next_producer_id.value() > kMax - static_cast<std::int64_t>(proposal.count))
    return Error{ErrorCode::kInternal, "there are no more producer ids"};
  return log_it(ProducerIdsGranted{proposal.node, image.next_producer_id, proposal.count});
}

Decided decide_one(const ClusterImage& image, const RetireDisk& proposal, const std::set<log::Voter>& alive) {
  const auto& [node, disk] = proposal.voter;
  if (node.value() == 0 || disk.is_nil())
    return Error{ErrorCode::kInvalidArgument, "a disk without a node or an identity cannot be retired"};
  if (image.retired.contains(disk)) return nothing_to_log();
  if (alive.contains(proposal.voter)) {
    return refused(node_text(node) + " is there, with the data directory (disk " + disk.to_string() +
                   ") that was declared lost");
  }
  if (image.retired.size() >= kRetiredDisksMax) {
    return refused("the cluster remembers " + std::to_string(kRetiredDisksMax) +
                   " replaced or lost data directories, which is the most it can");
  }
  return log_it(DiskRetired{proposal.voter});
}

// Of a target that has changed since, or of a topic that is gone, nothing needs to be known any more.
Decided decide_one(const ClusterImage& image, const ConfirmTarget& proposal,
                   const std::set<log::Voter>& /*alive*/) {
  FOREBAY_CHECK(check_life(image, proposal.from));
  const auto at = image.by_id.find(proposal.id);
  const Placement* known = at == image.by_id.end() ? nullptr : at->second->placement(proposal.partition);
  if (known == nullptr || proposal.epoch != known->epoch || known->reached == proposal.epoch)
    return nothing_to_log();
  return log_it(TargetReached{proposal.id, proposal.partition, proposal.epoch});
}

Decided decide_one(const ClusterImage& image, const ConfirmGone& proposal,
                   const std::set<log::Voter>& /*alive*/) {
  FOREBAY_CHECK(check_life(image, proposal.from));
  const auto at = image.by_id.find(proposal.id);
  const Placement* known = at == image.by_id.end() ? nullptr : at->second->placement(proposal.partition);
  const model::NodeId node = proposal.from.node;
  if (known == nullptr ||
      std::find(known->leaving.begin(), known->leaving.end(), node) == known->leaving.end())
    return nothing_to_log();
  return log_it(ReplicaGone{proposal.id, proposal.partition, node});
}

Decided decide_one(const ClusterImage& image, const MakeInternalTopic& proposal,
                   const std::set<log::Voter>& alive) {
  if (proposal.id.is_nil())
    return Error{ErrorCode::kInvalidArgument,
                 "the topic '" + std::string(name_of(proposal.topic)) + "' is to have the nil id"};
  FOREBAY_TRY(auto created, decide_internal_topic(image, proposal.topic, proposal.id, alive));
  if (!created) return nothing_to_log();
  return log_it(std::move(*created));
}

}  // namespace

Decided decide(const ClusterImage& image, const NodeProposal& proposal, const std::set<log::Voter>& alive) {
  return std::visit([&](const auto& one) { return decide_one(image, one, alive); }, proposal);
}

}  // namespace forebay::cluster
