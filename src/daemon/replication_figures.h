// What the metrics tell of the replicas of one shard, and of its busiest partitions. Made on the shard, every
// few seconds: it walks over all partitions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "partition/partition_set.h"
#include "raft/peers.h"

namespace forebay::daemon {

// Of a shard: together with the shards of a node they bound what a scrape grows to.
inline constexpr std::size_t kTopPartitions = 10;

struct PartitionRates {
  std::string topic;
  std::int32_t partition = 0;
  double in_records = 0, in_bytes = 0, out_bytes = 0;  // per second
};
// The one with more traffic comes first.
[[nodiscard]] inline bool busier(const PartitionRates& a, const PartitionRates& b) {
  return a.in_bytes + a.out_bytes > b.in_bytes + b.out_bytes;
}

struct ReplicationFigures {
  std::uint64_t replicas = 0;
  std::uint64_t leaders = 0;           // of them, led here
  std::uint64_t under_replicated = 0;  // of those led here
  std::uint64_t leaderless = 0;        // replicas that know no leader
  std::uint64_t elections = 0, leaderships = 0;
  std::uint64_t states_taken = 0;       // of the metadata, from its leader
  std::uint64_t states_sent = 0;        // and by this node as the leader
  std::uint64_t installs = 0;           // replicas here that began anew where their leader's log begins
  std::uint64_t peer_links = 0;         // sessions of this shard that stand
  std::uint64_t tombstones_wait_s = 0;  // the longest that tombstones of a partition led here wait for copies
  partition::ProducerCounts producers;  // of all partitions together
  std::vector<PartitionRates> busiest;  // by bytes in and out, at most kTopPartitions
};

[[nodiscard]] ReplicationFigures measure(const partition::PartitionSet& partitions, const raft::Peers& peers);

}  // namespace forebay::daemon
