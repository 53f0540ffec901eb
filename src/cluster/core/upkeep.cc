#include "cluster/core/upkeep.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cluster/core/internal_topics.h"
#include "cluster/core/moves.h"

namespace forebay::cluster {
namespace {

bool contains(const std::vector<model::NodeId>& nodes, model::NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool is_going(const ClusterImage& image, model::NodeId node) {
  const Broker* broker = image.broker(node);
  return broker != nullptr && broker->is_going();
}

bool has_going(const ClusterImage& image, const std::vector<model::NodeId>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [&](model::NodeId node) { return is_going(image, node); });
}

bool has_leaver(const ClusterImage& image, const Topic& topic, const std::vector<model::NodeId>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](model::NodeId node) { return is_to_leave(image, topic.name, node); });
}

// A change that waits for a broker that goes would wait for ever if that one is dead.
bool must_wait(const ClusterImage& image, const Placement& now) {
  const bool hopeless = has_going(image, now.joining) || (now.rebuilding && is_going(image, *now.rebuilding));
  return is_bound(now) && !hopeless;
}

// What copies of the topic are placed by: no more of the image than that, it is made at every look.
ClusterImage usable_for(const ClusterImage& image, std::string_view topic,
                        const std::set<model::NodeId>& away) {
  ClusterImage usable;
  usable.brokers = brokers_now(image, topic, away);
  usable.retired = image.retired;
  return usable;
}

class Targets {
 public:
  Targets(const ClusterImage& image, const Limits& limits, const UpkeepView& view)
      : image_(image),
        limits_(limits),
        usable_(usable_for(image, {}, view.away)),
        usable_for_schemas_(usable_for(image, kSchemasTopicName, view.away)),
        load_(load_of(image)) {}

  // The changes of the first topic that may have some now.
  std::optional<TargetsChanged> next() {
    std::size_t room = room_for_moves(image_, limits_);
    std::optional<TargetsChanged> record;
    for (const auto& [name, topic] : image_.topics) {
      TargetsChanged changed{topic->id, {}, std::nullopt};
      for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        const Placement& now = topic->partitions[i];
        if (!is_to_change(image_, *topic, now)) continue;
        const std::string partition = "partition " + std::to_string(i) + " of topic '" + name + "'";
        // Another way for one that is on its way already takes nobody's turn; else those that go where nobody
        // is any more would wait for each other.
        const bool has_turn = now.is_moving();
        if (must_wait(image_, now)) {
          wait(now, "a change of " + partition + " that is under way to end");
        } else if (record) {
          wait(now, "its turn: topics are decided on one after the other");
        } else if (room == 0 && !has_turn) {
          wait(now, "others to end: " + std::to_string(limits_.moves_max) +
                        " partitions are on their way at a time (cluster.moves_max)");
        } else if (auto change = change_of(*topic, i, partition)) {
          changed.changes.push_back(std::move(*change));
          if (!has_turn) --room;
        }
      }
      if (changed.changes.empty() || record) continue;
      record = std::move(changed);  // the other topics wait for the next one
    }
    return record;
  }
  [[nodiscard]] std::map<model::NodeId, std::string> take_waits() { return std::move(waits_for_); }

 private:
  std::optional<TargetChange> change_of(const Topic& topic, std::size_t index, const std::string& partition) {
    const Placement& now = topic.partitions[index];
    const ClusterImage& usable = topic.name == kSchemasTopicName ? usable_for_schemas_ : usable_;
    Load load = load_;
    const auto to = target_without_going(usable, load, now.replicas, topic.replication_factor);
    if (!to) {
      wait(now, "brokers that are there and may take a copy of " + partition + ", too few for " +
                    std::to_string(topic.replication_factor) + " replicas");
      return std::nullopt;
    }
    for (const model::NodeId node : *to) {
      if (now.is_member(node)) continue;
      const auto fits = check_broker_total(node, load[node], limits_);
      if (fits) continue;
      wait(now, "room for a copy of " + partition + ": " + fits.error().context);
      return std::nullopt;
    }
    load_ = std::move(load);
    // Not to be cancelled by itself: it would be begun again.
    return TargetChange{.partition = model::PartitionIndex(static_cast<std::int32_t>(index)),
                        .epoch = now.epoch + 1,
                        .replicas = *to,
                        .previous = {},
                        .rebuild = std::nullopt};
  }

  // The first reason is told.
  void wait(const Placement& now, const std::string& why) {
    for (const model::NodeId node : now.replicas) {
      if (is_going(image_, node)) waits_for_.emplace(node, why);
    }
  }

  const ClusterImage& image_;
  const Limits& limits_;
  const ClusterImage usable_, usable_for_schemas_;
  Load load_;
  std::map<model::NodeId, std::string> waits_for_;
};

// Data that the broker may still have: of partitions that left it, and of topics that were deleted.
std::size_t data_left(const ClusterImage& image, model::NodeId node) {
  std::size_t count = 0;
  for (const auto& [name, topic] : image.topics) {
    for (const Placement& placement : topic->partitions) count += contains(placement.leaving, node) ? 1 : 0;
  }
  for (const auto& [id, deletion] : image.deleting) count += deletion.waiting.contains(node) ? 1 : 0;
  return count;
}

// The next step of a broker that is to go, or what it waits for.
std::optional<ClusterRecord> advance(const ClusterImage& image, model::NodeId node, Decommission stage,
                                     const UpkeepView& view, std::string& waits_for) {
  if (!check_not_needed(image, node)) {
    if (waits_for.empty()) waits_for = "partitions that are on their way from it to others";
    return std::nullopt;
  }
  if (stage == Decommission::kEmptying) {
    const std::size_t left = view.away.contains(node) ? 0 : data_left(image, node);
    if (left == 0) return BrokerDecommission{node, Decommission::kEmptied};
    waits_for =
        "its word that its data of " + std::to_string(left) + " partitions or deleted topics is removed";
    return std::nullopt;
  }
  if (view.metadata_members.contains(node)) {
    waits_for = "the metadata's group to go on without it";
    return std::nullopt;
  }
  auto removed = decide_remove_broker(image, node);
  if (removed) return ClusterRecord(*removed);
  waits_for = removed.error().context;
  return std::nullopt;
}

}  // namespace

bool is_to_change(const ClusterImage& image, const Topic& topic, const Placement& now) {
  return now.replicas.size() != topic.replication_factor || has_leaver(image, topic, now.replicas);
}

bool has_upkeep(const ClusterImage& image) {
  const bool any_goes = std::any_of(image.brokers.begin(), image.brokers.end(),
                                    [](const auto& one) { return one.second.is_going(); });
  return any_goes || next_internal_change(image, {}) ||
         std::any_of(image.topics.begin(), image.topics.end(), [](const auto& one) {
           const Topic& topic = *one.second;
           return std::any_of(topic.partitions.begin(), topic.partitions.end(),
                              [&topic](const Placement& placement) {
                                return placement.replicas.size() != topic.replication_factor;
                              });
         });
}

UpkeepStep next_upkeep(const ClusterImage& image, const Limits& limits, const UpkeepView& view) {
  UpkeepStep step;
  step.unfinished = has_upkeep(image);
  if (!step.unfinished) return step;
  // By who is there: a copy on a broker that is away would be waited for. Before any target: one that is made
  // for a number that is not right any more would take a copy from somebody.
  if (auto change = next_internal_change(image, view.away)) step.record = std::move(*change);
  Targets targets(image, limits, view);
  auto changed = targets.next();
  step.waits_for = targets.take_waits();
  if (changed && !step.record) step.record = std::move(*changed);
  for (const auto& [node, broker] : image.brokers) {
    if (!broker.is_going()) continue;
    auto record = advance(image, node, broker.decommission, view, step.waits_for[node]);
    if (record && !step.record) step.record = std::move(record);
  }
  return step;
}

std::optional<Replicas> target_without_going(const ClusterImage& image, Load& load, const Replicas& now,
                                             std::uint32_t replication_factor) {
  Replicas kept;
  for (const model::NodeId node : now) {
    if (!is_going(image, node)) kept.push_back(node);
  }
  std::size_t candidates = kept.size();
  for (const auto& [node, broker] : image.brokers)
    candidates += image.is_usable(broker) && !contains(kept, node) ? 1 : 0;
  if (candidates < replication_factor || replication_factor == 0) return std::nullopt;
  for (const model::NodeId node : now) load[node] -= is_going(image, node) && load[node] > 0 ? 1 : 0;
  const Replicas chosen = resized(image, load, kept, replication_factor);
  // Who comes takes the place, and with it the leadership, of who goes.
  std::vector<model::NodeId> added;
  for (const model::NodeId node : chosen) {
    if (!contains(kept, node)) added.push_back(node);
  }
  Replicas target;
  auto next = added.begin();
  for (const model::NodeId node : now) {
    if (contains(chosen, node)) {
      target.push_back(node);
    } else if (is_going(image, node) && next != added.end()) {
      target.push_back(*next++);
    }
  }
  target.insert(target.end(), next, added.end());
  return target;
}

}  // namespace forebay::cluster
