#include "daemon/replication_figures.h"

#include <algorithm>
#include <utility>

namespace forebay::daemon {
namespace {

// A partition that was opened anew begins at 0 again.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
  return seconds <= 0 || now < before ? 0 : static_cast<double>(now - before) / seconds;
}

}  // namespace

ReplicationFigures ReplicationMeter::measure(const partition::PartitionSet& partitions,
                                             const raft::Peers& peers, runtime::TimePoint now) {
  ReplicationFigures figures;
  const double seconds = at_ == runtime::TimePoint{} ? 0 : std::chrono::duration<double>(now - at_).count();
  std::map<model::TopicPartition, partition::Partition::Traffic> traffic;
  for (const auto& [id, partition] : partitions.all()) {
    ++figures.replicas;
    const auto leader = partition->leader();
    if (!leader) ++figures.leaderless;
    if (partition->group().is_leader()) ++figures.leaders;
    if (partition->is_under_replicated()) ++figures.under_replicated;
    const partition::Partition::Traffic& sum = partition->traffic();
    traffic.emplace(id, sum);
    const auto before = before_.find(id);
    const partition::Partition::Traffic from =
        before == before_.end() ? partition::Partition::Traffic{} : before->second;
    PartitionRates rates{.topic = partition->topic_name(),
                         .partition = id.partition.value(),
                         .in_records = rate(from.in_records, sum.in_records, seconds),
                         .in_bytes = rate(from.in_bytes, sum.in_bytes, seconds),
                         .out_bytes = rate(from.out_bytes, sum.out_bytes, seconds)};
    if (rates.in_bytes > 0 || rates.out_bytes > 0) figures.busiest.push_back(std::move(rates));
  }
  before_ = std::move(traffic);
  at_ = now;
  const std::size_t count = std::min(kTopPartitions, figures.busiest.size());
  std::partial_sort(figures.busiest.begin(), figures.busiest.begin() + static_cast<std::ptrdiff_t>(count),
                    figures.busiest.end(), busier);
  figures.busiest.resize(count);
  figures.elections = peers.counts().elections;
  figures.leaderships = peers.counts().leaderships;
  figures.installs = peers.counts().installs;
  for (const auto& [node, status] : peers.nodes()) figures.peer_links += status.links;
  return figures;
}

}  // namespace forebay::daemon
