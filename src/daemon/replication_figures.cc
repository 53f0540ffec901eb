#include "daemon/replication_figures.h"

#include <algorithm>
#include <utility>

namespace forebay::daemon {
ReplicationFigures measure(const partition::PartitionSet& partitions, const raft::Peers& peers) {
  ReplicationFigures figures;
  for (const auto& [id, partition] : partitions.all()) {
    ++figures.replicas;
    const auto leader = partition->leader();
    if (!leader) ++figures.leaderless;
    if (partition->group().is_leader()) ++figures.leaders;
    if (partition->is_under_replicated()) ++figures.under_replicated;
    figures.tombstones_wait_s = std::max(figures.tombstones_wait_s, partition->tombstones_wait_seconds());
    figures.producers += partition->producer_counts();
    partition->measure_traffic();
    const partition::TrafficRates measured = partition->rates().value_or(partition::TrafficRates{});
    PartitionRates rates{.topic = partition->topic_name(),
                         .partition = id.partition.value(),
                         .in_records = measured.in_records,
                         .in_bytes = measured.in_bytes,
                         .out_bytes = measured.out_bytes};
    if (rates.in_bytes > 0 || rates.out_bytes > 0) figures.busiest.push_back(std::move(rates));
  }
  const std::size_t count = std::min(kTopPartitions, figures.busiest.size());
  std::partial_sort(figures.busiest.begin(), figures.busiest.begin() + static_cast<std::ptrdiff_t>(count),
                    figures.busiest.end(), busier);
  figures.busiest.resize(count);
  figures.elections = peers.counts().elections;
  figures.leaderships = peers.counts().leaderships;
  figures.installs = peers.counts().installs;
  figures.states_taken = peers.counts().states_taken;
  figures.states_sent = peers.counts().states_sent;
  for (const auto& [node, status] : peers.nodes()) figures.peer_links += status.links;
  return figures;
}

}  // namespace forebay::daemon
