// What a node exports at /metrics beside the process's own figures. Names: docs/operations.md.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "broker/disk_watch.h"
#include "broker/node_broker.h"
#include "daemon/shard_stack.h"
#include "telemetry/metrics.h"

namespace forebay::daemon {

// Bytes of memory that the process has resident.
[[nodiscard]] std::uint64_t resident_bytes();

class NodeMetrics {
 public:
  // Everything outlives this object, which ends the sampling when it dies.
  NodeMetrics(telemetry::Metrics& metrics, const broker::NodeBroker& broker,
              const std::vector<std::unique_ptr<ShardStack>>& stacks, const broker::DiskWatch* disk);
  [[nodiscard]] telemetry::Histogram produce_latency() const { return produce_latency_; }
  // Before a scrape: has series for the kTopPartitions busiest partitions of the node, and for no others.
  // Thread rules: any thread.
  void choose_busiest();
  // The same of the kTopGroups consumer groups that are worst off.
  void choose_groups();

 private:
  void broker_counters(telemetry::Metrics& metrics, const broker::NodeBroker& broker);
  void shard_figures(telemetry::Metrics& metrics, const std::vector<std::unique_ptr<ShardStack>>& stacks);
  void group_figures(telemetry::Metrics& metrics, const std::vector<std::unique_ptr<ShardStack>>& stacks);
  void replication_figures(telemetry::Metrics& metrics,
                           const std::vector<std::unique_ptr<ShardStack>>& stacks);

  telemetry::Metrics& metrics_;
  const std::vector<std::unique_ptr<ShardStack>>& stacks_;
  telemetry::Histogram produce_latency_;
  std::vector<telemetry::Metrics::Sampled> sampled_;
  std::mutex busiest_mutex_;
  std::vector<telemetry::Metrics::Sampled> busiest_;
  std::mutex groups_mutex_;
  std::vector<telemetry::Metrics::Sampled> groups_;
};

}  // namespace forebay::daemon
