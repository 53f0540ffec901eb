// What the replicas know of idempotent producers (producer_checks.h).
#include "sim/cluster_checks.h"

namespace forebay::sim {

void ClusterChecks::expect_producers(const ProducerChecks::Rules& rules) {
  producers_.emplace(groups_.size(), rules, [this](const std::string& what) { fail(what); });
}

void ClusterChecks::watch_producers(const ClusterNode& node, std::size_t partition) {
  partition::Partition* const found = node.find(partition);
  Replica& known = replicas_[node.index()][partition];
  if (found == nullptr || known.down || known.stopped) return;
  if (compaction_) producers_->see_compacted(partition, found->log().compacted_to());
  const partition::Producers& producers = *found->producers();
  // Of those that are on the disk only it takes a look there to tell what is known.
  if (!producers.is_loaded() || producers.states().table().count_on_disk() > 0) return;
  const model::LogPosition at = producers.states().position();
  if (at == known.producers_at && producers.counts().loads == known.producer_loads) return;
  known.producers_at = at;
  known.producer_loads = producers.counts().loads;
  producers_->see(partition, at, producers.states().encode(), name(node, partition));
}

}  // namespace forebay::sim
