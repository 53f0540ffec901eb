#include "cluster/core/cluster_image.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cluster/core/producer_sessions.h"
#include "config/topic_name.h"

namespace forebay::cluster {
namespace {

Error out_of_place(const std::string& what) {
  return Error{ErrorCode::kInternal, "cluster record out of place: " + what};
}
Error cannot_follow(const char* what, const model::TopicId& id) {
  return out_of_place(std::string(what) + " topic " + id.to_string());
}
Error cannot_follow(const char* what, model::NodeId node) {
  return out_of_place(std::string(what) + " broker " + std::to_string(node.value()));
}

// Replaces a topic in both maps by a changed copy.
void put(ClusterImage& image, Topic topic) {
  auto shared = std::make_shared<const Topic>(std::move(topic));
  image.topics[shared->name] = shared;
  image.by_id[shared->id] = std::move(shared);
}

bool contains(const std::vector<model::NodeId>& nodes, model::NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Keeps the list sorted and each node once.
void add(std::vector<model::NodeId>& nodes, model::NodeId node) {
  const auto at = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (at == nodes.end() || *at != node) nodes.insert(at, node);
}

// The copy on a node is no more. One that was to be rebuilt may be made anew.
void note_gone(Placement& placement, model::NodeId node) {
  std::erase(placement.leaving, node);
  if (placement.rebuilding != node) return;
  placement.rebuilding.reset();
  ++placement.epoch;
  add(placement.joining, node);
}

// What was on the disk is gone: nothing of it is expected there any more, and no deletion waits for it.
void retire_disk(ClusterImage& image, model::NodeId node, const model::Uuid& disk) {
  image.retired.emplace(disk, node);
  std::vector<TopicPtr> touched;
  for (const auto& [id, topic] : image.by_id) {
    if (topic->knows_of(node)) touched.push_back(topic);
  }
  for (const TopicPtr& topic : touched) {
    Topic changed = *topic;
    changed.confirmed.erase(node);
    for (Placement& placement : changed.partitions) {
      if (contains(placement.leaving, node)) note_gone(placement, node);
    }
    put(image, std::move(changed));
  }
  for (auto& [id, deletion] : image.deleting) deletion.waiting.erase(node);
  std::erase_if(image.deleting, [](const auto& one) { return one.second.waiting.empty(); });
}

Result<void> apply_one(ClusterImage& image, const ClusterFormed& record) {
  if (!image.cluster_id.is_nil()) return out_of_place("the cluster is formed already");
  image.cluster_id = record.cluster_id;
  return {};
}

Result<void> apply_one(ClusterImage& image, const BrokerRegistered& record) {
  const model::NodeId node = record.broker.node;
  if (image.retired.contains(record.broker.disk)) return cannot_follow("a retired disk of", node);
  const auto at = image.brokers.find(node);
  if (at == image.brokers.end()) {
    image.brokers.emplace(node, Broker{record.broker});
    return {};
  }
  const model::Uuid before = at->second.registration.disk;
  at->second.registration = record.broker;
  if (before != record.broker.disk) retire_disk(image, node, before);
  return {};
}

Result<void> apply_one(ClusterImage& image, const BrokerDrained& record) {
  const auto at = image.brokers.find(record.node);
  if (at == image.brokers.end()) return cannot_follow("draining of an unknown", record.node);
  at->second.drained = record.drained;
  return {};
}

Result<void> apply_one(ClusterImage& image, const BrokerDecommission& record) {
  const auto at = image.brokers.find(record.node);
  if (at == image.brokers.end()) return cannot_follow("decommissioning of an unknown", record.node);
  at->second.decommission = record.stage;
  return {};
}

Result<void> apply_one(ClusterImage& image, const BrokerRemoved& record) {
  const auto at = image.brokers.find(record.node);
  if (at == image.brokers.end()) return cannot_follow("removal of an unknown", record.node);
  const model::Uuid disk = at->second.registration.disk;
  image.brokers.erase(at);
  image.producer_ids.erase(record.node);
  retire_disk(image, record.node, disk);
  return {};
}

// A hole is allowed: a record before this one may have been accepted as lost, and ids must never be granted
// twice.
Result<void> apply_one(ClusterImage& image, const ProducerIdsGranted& record) {
  constexpr auto kMax = std::numeric_limits<model::ProducerId::value_type>::max();
  if (record.count == 0 || record.first < image.next_producer_id ||
      record.first.value() > kMax - static_cast<std::int64_t>(record.count)) {
    return cannot_follow("producer ids that are taken, for", record.node);
  }
  image.next_producer_id = record.first.plus(record.count);
  image.producer_ids[record.node] = ProducerIds{record.first, record.count};
  return {};
}

// Holes are allowed here too: epochs may be left out, and ids.
Result<void> apply_one(ClusterImage& image, const ProducerNamed& record) {
  constexpr auto kMax = std::numeric_limits<model::ProducerId::value_type>::max();
  const NamedProducer* known = image.producer_names.find(record.name);
  const bool goes_on = known != nullptr && known->id == record.id && known->epoch < record.epoch;
  const bool is_new = record.id >= image.next_producer_id && record.id.value() < kMax;
  if (record.name.empty() || record.epoch < model::ProducerEpoch(0) || (!goes_on && !is_new))
    return out_of_place("a session that others may have, of the producer '" + record.name + "'");
  if (!goes_on) image.next_producer_id = record.id.next();
  image.producer_names.set(record.name, {record.id, record.epoch, previous_id(image, record)});
  return {};
}

Result<void> apply_one(ClusterImage& image, const ProducerNameRemoved& record) {
  if (image.producer_names.find(record.name) == nullptr)
    return out_of_place("removal of a name that no producer has, '" + record.name + "'");
  image.producer_names.erase(record.name);
  return {};
}

Result<void> apply_one(ClusterImage& image, const FeatureLevelSet& record) {
  const auto at = image.features.find(record.name);
  if (record.name.empty() || record.level <= (at == image.features.end() ? 0 : at->second))
    return out_of_place("feature '" + record.name + "' does not go to level " + std::to_string(record.level));
  image.features[record.name] = record.level;
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

void change_target(Placement& placement, const TargetChange& change) {
  const Replicas before = placement.members();
  placement.epoch = change.epoch;
  placement.replicas = change.replicas;
  placement.previous = change.previous;
  placement.rebuilding = change.rebuild;
  for (const model::NodeId node : before) {
    if (placement.is_member(node)) continue;
    add(placement.leaving, node);
    std::erase(placement.joining, node);
    const bool founded = std::any_of(placement.founders.begin(), placement.founders.end(),
                                     [node](const log::Voter& founder) { return founder.node == node; });
    if (founded) add(placement.departed, node);
  }
  for (const model::NodeId node : placement.members()) {
    if (contains(before, node)) continue;
    add(placement.joining, node);
    std::erase(placement.leaving, node);
  }
}

Result<void> apply_one(ClusterImage& image, const TargetsChanged& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("targets of an unknown", record.id);
  Topic changed = *at->second;
  if (record.replication_factor) changed.replication_factor = *record.replication_factor;
  for (const TargetChange& change : record.changes) {
    const Placement* known = changed.placement(change.partition);
    if (known == nullptr || change.replicas.empty() || change.epoch != known->epoch + 1)
      return cannot_follow("a target that does not follow the one before, of", record.id);
    change_target(changed.partitions[static_cast<std::size_t>(change.partition.value())], change);
  }
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const TargetReached& record) {
  const auto at = image.by_id.find(record.id);
  const Placement* known = at == image.by_id.end() ? nullptr : at->second->placement(record.partition);
  if (known == nullptr || record.epoch > known->epoch || record.epoch < known->reached)
    return cannot_follow("a target that was not set is reached, of", record.id);
  Topic changed = *at->second;
  Placement& placement = changed.partitions[static_cast<std::size_t>(record.partition.value())];
  placement.reached = record.epoch;
  if (placement.reached == placement.epoch) {
    placement.previous.clear();
    placement.joining.clear();
  }
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const ReplicaGone& record) {
  const auto at = image.by_id.find(record.id);
  const Placement* known = at == image.by_id.end() ? nullptr : at->second->placement(record.partition);
  if (known == nullptr || !contains(known->leaving, record.node))
    return cannot_follow("a replica is gone that did not leave, of", record.id);
  Topic changed = *at->second;
  note_gone(changed.partitions[static_cast<std::size_t>(record.partition.value())], record.node);
  put(image, std::move(changed));
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicDeleted& record) {
  const auto at = image.by_id.find(record.id);
  if (at == image.by_id.end()) return cannot_follow("deletion of an unknown", record.id);
  const TopicPtr topic = at->second;
  image.by_id.erase(at);
  image.topics.erase(topic->name);
  if (auto waiting = holders(*topic); !waiting.empty())
    image.deleting.emplace(topic->id, Deletion{topic, std::move(waiting)});
  return {};
}

Result<void> apply_one(ClusterImage& image, const TopicDeletionConfirmed& record) {
  const auto at = image.deleting.find(record.id);
  if (at == image.deleting.end()) return cannot_follow("confirmed deletion of an unknown", record.id);
  if (record.node && at->second.waiting.erase(*record.node) == 0)
    return cannot_follow("confirmed deletion by a broker that had nothing of", record.id);
  if (!record.node || at->second.waiting.empty()) image.deleting.erase(at);
  return {};
}

Result<void> apply_one(ClusterImage& image, const DiskRetired& record) {
  const auto& [node, disk] = record.voter;
  if (image.retired.contains(disk)) return cannot_follow("a disk that is retired already, of", node);
  const Broker* broker = image.broker(node);
  if (broker != nullptr && broker->registration.disk == disk) {
    retire_disk(image, node, disk);
  } else {
    image.retired.emplace(disk, node);
  }
  return {};
}

}  // namespace

TopicPtr ClusterImage::find(const std::string& name) const {
  const auto at = topics.find(name);
  return at == topics.end() ? nullptr : at->second;
}

const Broker* ClusterImage::broker(model::NodeId node) const {
  const auto at = brokers.find(node);
  return at == brokers.end() ? nullptr : &at->second;
}

std::size_t ClusterImage::partition_count() const {
  std::size_t count = 0;
  for (const auto& [name, topic] : topics) count += topic->partitions.size();
  return count;
}

Result<void> apply(ClusterImage& image, const ClusterRecord& record) {
  return std::visit([&image](const auto& one) { return apply_one(image, one); }, record);
}

std::set<model::NodeId> holders(const Topic& topic) {
  std::set<model::NodeId> nodes;
  for (const Placement& placement : topic.partitions) {
    nodes.insert(placement.replicas.begin(), placement.replicas.end());
    nodes.insert(placement.leaving.begin(), placement.leaving.end());
  }
  // Also where a replica was made before the target moved on.
  for (const auto& [node, partitions] : topic.confirmed) nodes.insert(node);
  return nodes;
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

}  // namespace forebay::cluster
