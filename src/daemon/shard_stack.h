// What one shard owns, from the disk up: file system, logs, partitions. Made and destroyed on the shard's
// thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "broker/disk_watch.h"
#include "daemon/group_figures.h"
#include "daemon/replication_figures.h"
#include "group/coordinators.h"
#include "io/file_system.h"
#include "log/shard_logs.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "runtime/shard.h"
#include "schema/registries.h"

namespace forebay::daemon {

// The counters of a shard as they were a moment ago, for other threads: the shard copies them once a second,
// so that a scrape never waits for a shard.
class ShardSnapshot {
 public:
  void set(const log::ShardLogsStats& stats) {
    const std::lock_guard lock(mutex_);
    stats_ = stats;
  }
  [[nodiscard]] log::ShardLogsStats get() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }
  void set(ReplicationFigures figures) {
    const std::lock_guard lock(mutex_);
    figures_ = std::move(figures);
  }
  [[nodiscard]] ReplicationFigures replication() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }
  void set(GroupFigures figures) {
    const std::lock_guard lock(mutex_);
    groups_ = std::move(figures);
  }
  [[nodiscard]] GroupFigures groups() const {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

 private:
  mutable std::mutex mutex_;
  log::ShardLogsStats stats_;
  ReplicationFigures figures_;
  GroupFigures groups_;
};

struct ShardStack {
  std::unique_ptr<io::FileSystem> fs;
  std::unique_ptr<log::ShardLogs> logs;
  std::unique_ptr<raft::Peers> peers;
  std::unique_ptr<partition::PartitionSet> partitions;
  std::unique_ptr<group::Coordinators> coordinators;  // before the partitions
  std::unique_ptr<schema::Registries> registries;     // likewise
  ShardSnapshot snapshot;
  std::uint32_t snapshots = 0;
  std::optional<runtime::TimerId> snapshot_timer;
};

}  // namespace forebay::daemon
