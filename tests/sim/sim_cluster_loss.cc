// Worlds in which a majority of the disks is gone for ever, and the operator's verb is used.
#include <algorithm>

#include "sim/sim_cluster.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

// Longer than a node must have missed the others (partition::kMajorityGoneAtLeast), and it may start first.
constexpr Duration kMissedWithin = 25s;
constexpr Duration kVerbTimeout = 3s;
constexpr int kTriesMax = 8;

}  // namespace

void ClusterOptions::draw_loss() {
  losing = true;
  // What rots on the only copy is lost.
  std::erase_if(plan, [](const Fault& fault) { return fault.kind == FaultKind::kBitRot; });
}

bool SimCluster::is_lost(const ClusterNode& node) const { return lost_.contains(node.index()); }

// In the middle of everything, so that those that are left lack something.
void SimCluster::lose_majority() {
  SimRng rng(options_.seed * 15'485'863 + 3);
  std::vector<std::uint32_t> order(nodes_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  order.resize(rng.between(nodes_.size() / 2 + 1, nodes_.size() - 1));
  for (const std::uint32_t index : order) {
    lost_.insert(index);
    checks_.node_is_lost(*nodes_[index]);
    if (nodes_[index]->is_up()) end_node(*nodes_[index], ClusterNode::End::kPower, {});
    trace("the disk of node " + std::to_string(index + 1) + " is lost");
  }
}

// The operator names the one with the longest log, or guesses first.
ClusterNode* SimCluster::chosen_for(std::size_t partition, SimRng& rng) const {
  std::vector<ClusterNode*> left;
  for (const auto& node : nodes_) {
    if (!is_lost(*node)) left.push_back(node.get());
  }
  if (rng.one_in(4)) return left[rng.below(left.size())];
  return *std::max_element(left.begin(), left.end(), [partition](ClusterNode* a, ClusterNode* b) {
    log::Log& first = a->find(partition)->log();
    log::Log& second = b->find(partition)->log();
    const auto rank = [](log::Log& log) {
      return std::pair(log.terms().empty() ? model::Term{} : log.terms().back().term, log.end());
    };
    return rank(first) < rank(second);
  });
}

void SimCluster::recover(std::size_t partition) {
  SimRng rng(options_.seed * 32'452'843 + partition);
  // Who led before does so for a moment yet.
  const auto goes_on = [&] { return checks_.goes_on(partition) && leader_of(partition) != nullptr; };
  // As the verb itself asks, of all that are left.
  const auto judged = [&] {
    return goes_on() || std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
             const partition::Partition* const found = node->find(partition);
             return is_lost(*node) || (found != nullptr && found->majority_loss().has_value());
           });
  };
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (!wait_until(kMissedWithin, judged)) {
      if (!failed()) checks_.fail("the loss of a majority is not seen\n" + describe());
      return;
    }
    // The members were on the disk before it died in the middle of the verb.
    if (goes_on()) return checks_.recovery_ends(partition);
    ClusterNode& node = *chosen_for(partition, rng);
    const auto loss = node.find(partition)->majority_loss();
    if (loss->lost.size() != lost_.size())
      return checks_.fail("of " + std::to_string(lost_.size()) + " lost voters " +
                          std::to_string(loss->lost.size()) + " are named");
    checks_.expect_recovery(partition, node);
    const std::uint64_t life = node.life();
    const auto answer = std::make_shared<std::optional<Result<std::monostate>>>();
    trace("partition " + std::to_string(partition) + " is to go on on node " +
          std::to_string(node.id().value()));
    node.find(partition)->recover_without(
        loss->lost, kVerbTimeout, [answer](Result<std::monostate> result) { *answer = std::move(result); });
    if (rng.one_in(3)) {
      restart_after_[node.index()] = 100ms;
      node.disk().crash_at_step(rng.between(1, 8));
    }
    const auto done = [&] { return answer->has_value() || !node.is_up() || node.life() != life; };
    if (!wait_until(2 * kVerbTimeout, done) && !failed())
      return checks_.fail("a recovery without a majority is never answered\n" + describe());
    node.disk().crash_at_step(~std::uint64_t{0} >> 1U);  // none
    if (answer->has_value() && (*answer)->has_value()) return checks_.recovery_ends(partition);
    ++counts_.recoveries_again;
  }
  if (!failed()) checks_.fail("a partition cannot go on without its majority\n" + describe());
}

void SimCluster::recover_all() {
  for (std::size_t partition = 0; partition < options_.setup.partitions.size() && !failed(); ++partition)
    recover(partition);
}

}  // namespace forebay::sim
