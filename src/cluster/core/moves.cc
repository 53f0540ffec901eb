#include "cluster/core/moves.h"
#include "cluster/core/dead_letter_topics.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cluster/core/placement.h"

namespace forebay::cluster {
namespace {

struct Found {
  TopicPtr topic;
  const Placement* placement = nullptr;  // of it
  std::string name;                      // of the partition, for people
};

Error refused(std::string why) { return Error{ErrorCode::kFailedPrecondition, std::move(why)}; }
Error wrong(std::string why) { return Error{ErrorCode::kInvalidArgument, std::move(why)}; }

std::string text_of(const Replicas& nodes) {
  std::string text;
  for (const model::NodeId node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node.value());
  return text;
}

Result<Found> find(const ClusterImage& image, const MoveSubject& subject) {
  FOREBAY_CHECK(check_not_dead_letters(image, subject.topic, "moved"));
  const TopicPtr topic = image.find(subject.topic);
  if (!topic) return unknown_topic(subject.topic);
  const Placement* placement = topic->placement(subject.partition);
  if (placement == nullptr) {
    return Error{ErrorCode::kUnknownPartition, "topic '" + topic->name + "' has partitions 0 to " +
                                                   std::to_string(topic->partitions.size() - 1) +
                                                   "; there is no partition " +
                                                   std::to_string(subject.partition.value())};
  }
  Found found{topic, placement,
              "partition " + std::to_string(subject.partition.value()) + " of topic '" + topic->name + "'"};
  if (subject.epoch && *subject.epoch != placement->epoch) {
    return refused(found.name + " has another target by now (change " + std::to_string(placement->epoch) +
                   ", not " + std::to_string(*subject.epoch) + "): replicas on nodes " +
                   text_of(placement->replicas) + "; see: forebay partition status " + topic->name);
  }
  return found;
}

// A change that only goes back may be followed by another one: the leader goes there from wherever it is.
Result<void> check_idle(const Found& found) {
  const Placement& now = *found.placement;
  if (!is_bound(now)) return {};
  return refused(found.name + " is on its way to nodes " + text_of(now.replicas) +
                 " already; wait for it (forebay partition status), or cancel it first: forebay partition "
                 "cancel " +
                 found.topic->name);
}

Result<void> check_target(const ClusterImage& image, const Found& found, const Replicas& to) {
  if (to.size() != found.topic->replication_factor) {
    return wrong("topic '" + found.topic->name + "' has " + std::to_string(found.topic->replication_factor) +
                 " replicas of each partition, and " + std::to_string(to.size()) +
                 " nodes were named; name as many, or change the number: forebay topic alter " +
                 found.topic->name + " --replication " + std::to_string(to.size()));
  }
  Replicas seen;
  for (const model::NodeId node : to) {
    const std::string name = "node " + std::to_string(node.value());
    if (std::find(seen.begin(), seen.end(), node) != seen.end())
      return wrong(name + " is named twice; a node holds one copy of a partition");
    seen.push_back(node);
    const Broker* broker = image.broker(node);
    if (broker == nullptr) return unknown_broker(image, node);
    const Replicas& now = found.placement->replicas;
    if (!image.is_usable(*broker) && std::find(now.begin(), now.end(), node) == now.end()) {
      if (broker->is_going()) return refused(name + " is being decommissioned and gets no new replicas");
      return refused(name +
                     (broker->drained
                          ? " is drained and gets no new replicas; name another one, or undrain it first"
                          : " has lost its disk and gets replicas when it comes with another one"));
    }
  }
  return {};
}

std::vector<std::string> warnings_of(const ClusterImage& image, const Replicas& to) {
  const std::size_t crowd = copies_on_a_crowded_rack(image, to);
  if (crowd == 0) return {};
  return {std::to_string(crowd) + " of the " + std::to_string(to.size()) + " copies on nodes " + text_of(to) +
          " would be on one rack, and another rack has none of them"};
}

TargetChange change_to(const MoveSubject& subject, const Placement& now, Replicas to) {
  return {.partition = subject.partition,
          .epoch = now.epoch + 1,
          .replicas = std::move(to),
          .previous = now.replicas,
          .rebuild = std::nullopt};
}

}  // namespace

bool is_bound(const Placement& now) { return now.is_moving() && (!now.previous.empty() || now.rebuilding); }

std::size_t moves_under_way(const ClusterImage& image) {
  std::size_t count = 0;
  for (const auto& [name, topic] : image.topics) {
    count += static_cast<std::size_t>(std::count_if(topic->partitions.begin(), topic->partitions.end(),
                                                    [](const Placement& one) { return one.is_moving(); }));
  }
  return count;
}

std::size_t room_for_moves(const ClusterImage& image, const Limits& limits) {
  if (limits.moves_max == 0) return std::numeric_limits<std::size_t>::max();
  const std::size_t now = moves_under_way(image);
  return now < limits.moves_max ? limits.moves_max - now : 0;
}

Result<MoveDecision> decide_move(const ClusterImage& image, const MoveSubject& subject, const Replicas& to,
                                 const Limits& limits) {
  FOREBAY_TRY(const Found found, find(image, subject));
  FOREBAY_CHECK(check_target(image, found, to));
  const Placement& now = *found.placement;
  if (now.replicas == to && !now.rebuilding) return MoveDecision{};
  FOREBAY_CHECK(check_idle(found));
  for (const model::NodeId node : to) {
    if (!now.is_member(node)) FOREBAY_CHECK(check_broker_budget(image, node, 1, limits));
  }
  return MoveDecision{TargetsChanged{found.topic->id, {change_to(subject, now, to)}, std::nullopt},
                      warnings_of(image, to)};
}

Result<MoveDecision> decide_cancel(const ClusterImage& image, const MoveSubject& subject) {
  FOREBAY_TRY(const Found found, find(image, subject));
  const Placement& now = *found.placement;
  if (!now.is_moving())
    return refused(found.name + " is where it is to be, on nodes " + text_of(now.replicas) +
                   "; there is nothing to cancel");
  if (now.previous.empty()) {
    return refused(found.name + " goes to nodes " + text_of(now.replicas) +
                   " because it goes back already, or the topic's number of replicas or a decommission asks "
                   "for it; that cannot be cancelled, but it can be moved elsewhere");
  }
  for (const model::NodeId node : now.previous) {
    const Broker* broker = image.broker(node);
    if (broker == nullptr || !broker->is_going()) continue;
    const std::string id = std::to_string(node.value());
    return refused(found.name + " would go back to node " + id +
                   ", which is being decommissioned; to keep that node: forebay node decommission " + id +
                   " --cancel");
  }
  TargetChange change = change_to(subject, now, now.previous);
  change.previous.clear();
  return MoveDecision{TargetsChanged{found.topic->id, {std::move(change)}, std::nullopt}, {}};
}

Result<MoveDecision> decide_rebuild(const ClusterImage& image, const MoveSubject& subject,
                                    model::NodeId node) {
  FOREBAY_TRY(const Found found, find(image, subject));
  const Placement& now = *found.placement;
  const std::string name = "node " + std::to_string(node.value());
  if (image.broker(node) == nullptr) return unknown_broker(image, node);
  if (std::find(now.replicas.begin(), now.replicas.end(), node) == now.replicas.end())
    return wrong(found.name + " has no copy on " + name + "; it is on nodes " + text_of(now.replicas));
  if (now.rebuilding == node) return MoveDecision{};
  FOREBAY_CHECK(check_idle(found));
  if (now.is_moving())
    return refused(found.name + " is still going back to nodes " + text_of(now.replicas) + "; wait for it");
  if (now.replicas.size() == 1)
    return refused("the copy of " + found.name + " on " + name +
                   " is the only one and cannot be made anew from others");
  TargetChange change = change_to(subject, now, now.replicas);
  change.rebuild = node;
  return MoveDecision{TargetsChanged{found.topic->id, {std::move(change)}, std::nullopt}, {}};
}

Result<MoveDecision> decide_replication(const ClusterImage& image, const ChangeReplication& request,
                                        const Limits& limits) {
  FOREBAY_CHECK(check_not_dead_letters(image, request.topic, "given another replication factor"));
  const TopicPtr topic = image.find(request.topic);
  if (!topic) return unknown_topic(request.topic);
  if (request.replication_factor == 0) return wrong("a topic needs at least 1 replica of each partition");
  FOREBAY_CHECK(check_replication(image, request.replication_factor));
  FOREBAY_CHECK(check_single_copy(image, request.replication_factor, request.allow_single_copy));
  MoveDecision decision;
  TargetsChanged record{topic->id, {}, request.replication_factor};
  Load load = load_of(image);
  std::map<model::NodeId, std::size_t> gained;
  for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
    const MoveSubject subject{topic->name, model::PartitionIndex(static_cast<std::int32_t>(i)), std::nullopt};
    FOREBAY_TRY(const Found found, find(image, subject));
    const Placement& now = *found.placement;
    if (now.replicas.size() == request.replication_factor && !now.is_moving()) continue;
    FOREBAY_CHECK(check_idle(found));
    Replicas to = resized(image, load, now.replicas, request.replication_factor);
    for (const model::NodeId node : to) gained[node] += now.is_member(node) ? 0 : 1;
    for (std::string& warning : warnings_of(image, to))
      decision.warnings.push_back(found.name + ": " + warning);
    // Not to be cancelled for one partition: it would be begun again.
    TargetChange change = change_to(subject, now, std::move(to));
    change.previous.clear();
    record.changes.push_back(std::move(change));
  }
  for (const auto& [node, count] : gained) {
    if (count > 0) FOREBAY_CHECK(check_broker_budget(image, node, count, limits));
  }
  const std::size_t all = record.changes.size();
  const std::size_t room = room_for_moves(image, limits);
  if (all > room) {
    record.changes.resize(room);
    decision.warnings.push_back(std::to_string(all - room) + " of " + std::to_string(all) +
                                " partitions wait for their turn: at most " +
                                std::to_string(limits.moves_max) +
                                " are on their way at a time (cluster.moves_max)");
  }
  const bool is_so = all == 0 && topic->replication_factor == request.replication_factor;
  if (!is_so) decision.record = std::move(record);
  return decision;
}

}  // namespace forebay::cluster
