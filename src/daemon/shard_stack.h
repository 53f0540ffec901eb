// What one shard owns, from the disk up: file system, logs, partitions. Made and destroyed on the shard's
// thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "broker/disk_watch.h"
#include "io/file_system.h"
#include "log/shard_logs.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "runtime/shard.h"

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

 private:
  mutable std::mutex mutex_;
  log::ShardLogsStats stats_;
};

struct ShardStack {
  std::unique_ptr<io::FileSystem> fs;
  std::unique_ptr<log::ShardLogs> logs;
  std::unique_ptr<raft::Peers> peers;
  std::unique_ptr<partition::PartitionSet> partitions;
  ShardSnapshot snapshot;
  std::optional<runtime::TimerId> snapshot_timer;
};

}  // namespace forebay::daemon
