// What the parts of a shard's logs share: the ports, the configuration, the counters, and how blocking work
// is done. Internal to this module. Thread rules: everything on the shard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "log/core/journal_record.h"
#include "log/journal.h"
#include "log/log_lifetime.h"
#include "log/shard_logs.h"
#include "runtime/executor.h"

namespace forebay::log {

// One data file of a log, as the shard knows it. `serial` names it within the shard, for this run; never
// reused.
struct SegmentRef {
  std::uint64_t serial = 0;
  model::TopicPartition id;
  SegmentMeta meta;
};

// What a truncation means for a log's files.
struct CutFiles {
  std::vector<SegmentRef> gone;      // nothing of them is left
  std::optional<SegmentRef> ended;   // was written to
  std::vector<std::uint64_t> stale;  // serials that mean nothing any more
};

struct LogEnvironment {
  io::FileSystem& fs;
  runtime::Executor& executor;
  runtime::BlockingPool& pool;
  runtime::WallClock& clock;
  runtime::Rng& rng;
  ShardLogsConfig config;
  model::BootEpoch epoch;
  ShardLogsStats stats{};
  std::uint64_t next_serial = 1;

  // Runs `work` (no argument, returns a T, touches nothing of the shard) on the pool, then `then(T)` on the
  // shard if `owner` still lives.
  template <typename Work, typename Then>
  void run_blocking(const Lifetime& owner, Work work, Then then) {
    using T = decltype(work());
    auto slot = std::make_shared<std::optional<T>>();
    pool.run([slot, work = std::move(work)]() mutable { slot->emplace(work()); }, executor,
             owner.guard([slot, then = std::move(then)]() mutable { then(*std::move(*slot)); }));
  }
};

}  // namespace forebay::log
