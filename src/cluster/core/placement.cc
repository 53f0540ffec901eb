#include "cluster/core/placement.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"

namespace forebay::cluster {
namespace {

struct Candidate {
  model::NodeId node;
  model::Uuid disk;
  std::size_t rack = 0;  // a number for it
};

// How many of `replicas` share the rack of `node`.
std::size_t on_rack_of(const ClusterImage& image, const Replicas& replicas, model::NodeId node) {
  const std::string rack = rack_of(image, node);
  return static_cast<std::size_t>(std::count_if(
      replicas.begin(), replicas.end(), [&](model::NodeId one) { return rack_of(image, one) == rack; }));
}

// By rack in turn, so that neighbours differ in rack.
std::vector<Candidate> ring_of(const ClusterImage& image) {
  std::map<std::string, std::deque<Candidate>> racks;
  for (const auto& [node, broker] : image.brokers) {
    if (!image.is_usable(broker)) continue;
    racks[rack_of(image, node)].push_back({node, broker.registration.disk});
  }
  std::vector<std::deque<Candidate>> groups;
  for (auto& [name, group] : racks) {
    for (Candidate& one : group) one.rack = groups.size();
    groups.push_back(std::move(group));
  }
  // In the order of node ids, where racks do not ask for another one.
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.front().node < b.front().node; });
  std::vector<Candidate> ring;
  for (bool more = true; more;) {
    more = false;
    for (auto& group : groups) {
      if (group.empty()) continue;
      ring.push_back(group.front());
      group.pop_front();
      more = true;
    }
  }
  return ring;
}

// Where first replicas go on: at the broker with the fewest of this topic, then of all topics.
std::size_t start_of(const ClusterImage& image, const Topic* topic, const std::vector<Candidate>& ring) {
  std::map<model::NodeId, std::size_t> of_topic, of_all;
  const auto count = [](const Topic& one, auto& leaders) {
    for (const Placement& placement : one.partitions) {
      if (!placement.replicas.empty()) ++leaders[placement.replicas.front()];
    }
  };
  if (topic != nullptr) count(*topic, of_topic);
  for (const auto& [name, one] : image.topics) count(*one, of_all);
  const auto best = std::min_element(ring.begin(), ring.end(), [&](const auto& a, const auto& b) {
    return std::pair(of_topic[a.node], of_all[a.node]) < std::pair(of_topic[b.node], of_all[b.node]);
  });
  return static_cast<std::size_t>(best - ring.begin());
}

// `turn` shifts those that follow the first.
std::vector<std::size_t> choose(const std::vector<Candidate>& ring, std::size_t first, std::size_t turn,
                                std::uint32_t replication_factor) {
  std::vector<std::size_t> chosen{first};
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i)
    left.push_back((first + 1 + (turn + i) % (ring.size() - 1)) % ring.size());
  while (chosen.size() < replication_factor) {
    const auto on_rack = [&](std::size_t candidate) {
      return std::count_if(chosen.begin(), chosen.end(),
                           [&](std::size_t one) { return ring[one].rack == ring[candidate].rack; });
    };
    const auto next = std::min_element(left.begin(), left.end(), [&](std::size_t a, std::size_t b) {
      return on_rack(a) < on_rack(b);  // the first of equals
    });
    chosen.push_back(*next);
    left.erase(next);
  }
  return chosen;
}

}  // namespace

std::string rack_of(const ClusterImage& image, model::NodeId node) {
  const Broker* broker = image.broker(node);
  const std::string rack = broker == nullptr ? std::string() : broker->registration.rack;
  return rack.empty() ? std::string(1, '\0') + std::to_string(node.value()) : rack;
}

std::vector<Placement> place(const ClusterImage& image, const PlacementRequest& request) {
  const std::vector<Candidate> ring = ring_of(image);
  FOREBAY_ASSERT(request.replication_factor >= 1 && request.replication_factor <= ring.size());
  const std::size_t start = start_of(image, request.topic, ring);
  const std::size_t placed_before = image.partition_count();
  std::vector<Placement> placed;
  placed.reserve(request.count);
  for (std::uint32_t i = 0; i < request.count; ++i) {
    const std::size_t turn = (placed_before + i) / ring.size();
    Placement placement;
    for (const std::size_t at : choose(ring, (start + i) % ring.size(), turn, request.replication_factor)) {
      placement.replicas.push_back(ring[at].node);
      placement.founders.push_back({ring[at].node, ring[at].disk});
    }
    std::sort(placement.founders.begin(), placement.founders.end());
    placed.push_back(std::move(placement));
  }
  return placed;
}

Load load_of(const ClusterImage& image) {
  Load load;
  for (const auto& [name, topic] : image.topics) {
    for (const Placement& placement : topic->partitions) {
      for (const model::NodeId node : placement.replicas) ++load[node];
    }
  }
  return load;
}

Replicas resized(const ClusterImage& image, Load& load, const Replicas& now,
                 std::uint32_t replication_factor) {
  Replicas chosen = now;
  while (chosen.size() > replication_factor) {
    // From the end, so that who leads stays.
    const auto goes = std::max_element(chosen.rbegin(), chosen.rend(), [&](model::NodeId a, model::NodeId b) {
      return std::pair(on_rack_of(image, chosen, a), load[a]) <
             std::pair(on_rack_of(image, chosen, b), load[b]);
    });
    --load[*goes];
    chosen.erase(std::next(goes).base());
  }
  while (chosen.size() < replication_factor) {
    std::optional<model::NodeId> best;
    const auto rank = [&](model::NodeId node) {
      return std::pair(on_rack_of(image, chosen, node), load[node]);
    };
    for (const auto& [node, broker] : image.brokers) {
      if (!image.is_usable(broker) || std::find(chosen.begin(), chosen.end(), node) != chosen.end()) continue;
      if (!best || rank(node) < rank(*best)) best = node;
    }
    FOREBAY_ASSERT(best.has_value());
    ++load[*best];
    chosen.push_back(*best);
  }
  return chosen;
}

std::size_t copies_on_a_crowded_rack(const ClusterImage& image, const Replicas& replicas) {
  std::size_t crowd = 0;
  for (const model::NodeId node : replicas) crowd = std::max(crowd, on_rack_of(image, replicas, node));
  if (crowd < 2) return 0;
  const bool other_rack = std::any_of(image.brokers.begin(), image.brokers.end(), [&](const auto& one) {
    return image.is_usable(one.second) && on_rack_of(image, replicas, one.first) == 0;
  });
  return other_rack ? crowd : 0;
}

}  // namespace forebay::cluster
