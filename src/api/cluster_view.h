// What nodes say of themselves and of each other, put together to one view of the cluster. Pure: messages in,
// messages out.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/broker.h"
#include "forebay/v1/admin.pb.h"

namespace forebay::api {

// But for api_address, which depends on who asks.
void fill_node(const broker::NodeDescription& from, v1::DescribeNodeResponse* to);
// What one node sees. `self`: what it says of itself.
void fill_cluster(const broker::ClusterDescription& from, const broker::NodeDescription& self,
                  v1::DescribeClusterResponse* to);
void fill_partitions(const std::vector<broker::PartitionReplicas>& from, v1::ListPartitionsResponse* to);

// When a node was asked and when its answer came, by the clock of who asked.
struct AskedAt {
  model::Timestamp begin;
  model::Timestamp end;
};
// Adds the view of another node: who it can reach is alive, what it says of itself counts, and the last word
// that anybody heard of a node that is gone.
void merge_cluster(v1::DescribeClusterResponse& into, const v1::DescribeClusterResponse& theirs,
                   const AskedAt& asked);
// Once all have been heard.
void finish_cluster(v1::DescribeClusterResponse& cluster);

// Adds what node `from` says of the partitions: all that it says of what it leads, else only of its own
// replica.
void merge_partitions(v1::ListPartitionsResponse& into, const v1::ListPartitionsResponse& theirs,
                      std::uint32_t from);
void finish_partitions(v1::ListPartitionsResponse& partitions);
// What was put together, for those who decide by it: the nodes, roles and states of replicas, and the
// leaders.
[[nodiscard]] std::vector<broker::PartitionReplicas> read_partitions(const v1::ListPartitionsResponse& from);

}  // namespace forebay::api
