// Worlds whose partitions have replicas on some of the nodes, and move.
#include <algorithm>
#include <set>

#include "sim/sim_cluster.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

// News of the metadata, and proposals to it.
constexpr Duration kNewsMax = 300ms;
// Longer than any world.
constexpr Duration kForEver = 1h;
// From a version of the metadata to its being in the store.
constexpr Duration kStoreMax = 50ms;

Duration drawn(SimRng& rng, Duration most) {
  return Duration(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

}  // namespace

void ClusterOptions::draw_moves(SimRng& rng) {
  moving = true;
  // The faults are drawn already, for so many at most.
  setup.node_count = std::max(setup.node_count, static_cast<std::uint32_t>(rng.between(4, 5)));
  setup.partitions.clear();
  for (std::uint64_t i = rng.between(1, 3); i > 0; --i) {
    model::TopicPartition id;
    id.topic.bytes[0] = static_cast<std::uint8_t>(i);
    setup.partitions.push_back(id);
  }
  replication_factor = static_cast<std::uint32_t>(rng.one_in(4) ? rng.between(1, 2) : 3);
  // What rots on the only copy is lost.
  std::erase_if(plan, [](const Fault& fault) { return fault.kind == FaultKind::kBitRot; });
  const Duration mean_pause = std::chrono::milliseconds(rng.between(200, 2'000));
  for (Duration at = drawn(rng, mean_pause * 2); at < duration; at += drawn(rng, mean_pause * 2))
    plan.push_back({.at = at, .kind = FaultKind::kMove, .seed = rng.next()});
  if (rng.one_in(3)) {
    const Duration at = drawn(rng, duration);
    plan.push_back({.at = at, .kind = FaultKind::kDecommission, .seed = rng.next()});
  }
  std::stable_sort(plan.begin(), plan.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
}

void SimCluster::form_metadata() {
  metadata_rng_.emplace(scheduler_.fork_rng());
  metadata_executor_.emplace(scheduler_);
  metadata_.form(options_.setup.partitions, founders_, options_.replication_factor);
  versions_.assign(nodes_.size(), metadata_.versions() - 1);
  stored_ = versions_;
}

void SimCluster::join_by_metadata(ClusterNode& node) {
  node.join_by_metadata(founders_, [this](const cluster::NodeProposal& proposal) {
    later([this, proposal] {
      if (metadata_.propose(proposal)) spread_news();
    });
  });
  tell(node, stored_[node.index()]);
  bring_news(node);
}

void SimCluster::tell(ClusterNode& node, std::size_t version) {
  versions_[node.index()] = version;
  node.on_image(metadata_.version(version));
  scheduler_.add_event(
      drawn(*metadata_rng_, kStoreMax), &node.machine().executor(), &node.machine().executor(),
      [this, &node, version] { stored_[node.index()] = std::max(stored_[node.index()], version); });
}

// Not an act: what is on its way arrives, whatever is healed.
void SimCluster::later(std::function<void()> act) {
  scheduler_.add_event(drawn(*metadata_rng_, kNewsMax), &*metadata_executor_, &*metadata_executor_,
                       std::move(act));
}

void SimCluster::bring_news(ClusterNode& node) {
  later([this, &node, life = node.life(), latest = metadata_.versions() - 1] {
    const std::size_t version = versions_[node.index()];
    if (!node.is_up() || node.life() != life || version >= latest) return;
    // Each in turn, or only the last: a node that was away reads many at once.
    tell(node, metadata_rng_->one_in(2) ? latest : version + 1);
    if (versions_[node.index()] < latest) bring_news(node);
  });
}

void SimCluster::spread_news() {
  for (const auto& node : nodes_) {
    if (node->is_up()) bring_news(*node);
  }
}

void SimCluster::move_something(SimRng& rng) {
  const std::size_t partition = rng.below(options_.setup.partitions.size());
  const std::string what = metadata_.change(options_.setup.partitions[partition], rng);
  if (what.empty()) return;
  trace("partition " + std::to_string(partition) + ": " + what);
  spread_news();
}

// Sometimes it is killed and comes back only when everything is healed, with what it had: then it is nobody.
void SimCluster::decommission_one(SimRng& rng) {
  ClusterNode& node = *nodes_[rng.below(nodes_.size())];
  if (rng.one_in(2) && node.is_up())
    end_node(node, rng.one_in(2) ? ClusterNode::End::kKill : ClusterNode::End::kPower, kForEver);
  std::set<log::Voter> alive;
  for (const auto& one : nodes_) {
    if (one->is_up()) alive.insert(one->voter());
  }
  if (!metadata_.decommission(node.id(), alive)) return;
  trace("node " + std::to_string(node.id().value()) + " is to go, " + (node.is_up() ? "alive" : "dead"));
  spread_news();
  keeps_up_ = true;
  keep_up();
}

// The controller, where it is of no consequence.
void SimCluster::keep_up() {
  std::set<model::NodeId> away;
  for (const auto& node : nodes_) {
    if (!node->is_up()) away.insert(node->id());
  }
  if (metadata_.keep_up(away)) spread_news();
  for (const auto& node : nodes_) {
    if (!metadata_.is_broker(node->id())) checks_.disk_is_given_up(*node);
  }
  if (cluster::has_upkeep(metadata_.latest())) later([this] { keep_up(); });
}

bool SimCluster::is_hosted(const ClusterNode& node, std::size_t partition) const {
  if (is_lost(node)) return false;
  return !options_.moving || metadata_.placement(options_.setup.partitions[partition]).is_member(node.id());
}

// Also of nodes that are down: what they know will count again.
void SimCluster::note_members() {
  members_.resize(nodes_.size(), std::vector<log::Membership>(options_.setup.partitions.size()));
  for (const auto& node : nodes_) {
    for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
      partition::Partition* const found = node->find(partition);
      log::Membership& known = members_[node->index()][partition];
      if (found != nullptr) {
        if (known != found->group().membership()) known = found->group().membership();
      } else if (node->is_up() && !node->logs()->is_there(options_.setup.partitions[partition])) {
        known = {};
      }
    }
  }
}

std::vector<PartitionHealth> SimCluster::partition_health() const {
  const auto bits_of = [](const std::vector<log::Voter>& voters) {
    NodeBits bits = 0;
    for (const log::Voter& voter : voters) bits |= NodeBits{1} << (voter.node.value() - 1);
    return bits;
  };
  const auto needed = [&bits_of](const log::Membership& members) {
    std::vector<NodeBits> electorates;
    for (const auto* voters : {&members.voters, &members.next_voters}) {
      if (!voters->empty()) electorates.push_back(bits_of(*voters));
    }
    return electorates;
  };
  std::vector<PartitionHealth> all(options_.setup.partitions.size());
  for (std::size_t partition = 0; partition < all.size(); ++partition) {
    PartitionHealth& health = all[partition];
    const ClusterNode* const leader = leader_of(partition);
    health.led = leader != nullptr && !leader->is_hard_up();
    for (const auto& node : nodes_) {
      for (const NodeBits electorate : needed(members_[node->index()][partition]))
        health.electorates.push_back(electorate);
      partition::Partition* const found = node->find(partition);
      if (found == nullptr) continue;
      if (found->group().is_leader()) health.leaders[node->index()] = needed(found->group().membership());
      if (!found->log().is_renewed() && !found->log().lost_tail())
        health.may_vote |= NodeBits{1} << node->index();
    }
    std::sort(health.electorates.begin(), health.electorates.end());
    const auto same = std::unique(health.electorates.begin(), health.electorates.end());
    health.electorates.erase(same, health.electorates.end());
  }
  return all;
}

bool SimCluster::all_moved() const {
  if (!options_.moving) return true;
  if (keeps_up_ && cluster::has_upkeep(metadata_.latest())) return false;
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    const cluster::Placement& placement = metadata_.placement(options_.setup.partitions[partition]);
    if (placement.is_moving() || !placement.leaving.empty()) return false;
    for (const auto& node : nodes_) {
      // What a removed node has matters to nobody.
      if (!metadata_.is_broker(node->id())) continue;
      if (is_hosted(*node, partition) == (node->find(partition) == nullptr)) return false;
    }
  }
  return true;
}

}  // namespace forebay::sim
