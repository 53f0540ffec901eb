// All logs of one shard: opens, creates and removes them, owns their memory (pinned and cache, bounded),
// decides what is written to segments when, gives the journal its space back, scrubs. Thread rules:
// everything on the shard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/journal.h"
#include "log/log.h"
#include "log/recovery.h"

namespace forebay::log {

struct ShardLogsConfig {
  std::string data_dir;
  JournalConfig journal;
  std::uint64_t cache_bytes_max = 64ULL << 20;   // evictable frames, beside the pinned ones
  std::uint64_t pinned_bytes_max = 0;            // 0 = a quarter of the ring
  std::uint32_t segment_write_bytes = 1U << 20;  // a log is written out when it has this much
  std::uint32_t segment_writes_in_flight_max = 4;
  std::uint64_t read_bytes_in_flight_max = 32ULL << 20;
  std::uint64_t scrub_bytes_per_second = 8ULL << 20;
  runtime::Duration scrub_pause = std::chrono::hours(24);  // between two full passes
};

struct ShardLogsStats {
  JournalStats journal;
  std::uint64_t logs = 0, open_files = 0, pinned_bytes = 0, cached_bytes = 0, read_bytes_in_flight = 0;
  std::uint64_t segment_bytes_written = 0, segment_syncs = 0, disk_reads = 0, disk_read_bytes = 0,
                cache_reads = 0;
  std::uint64_t segment_write_errors = 0;  // steps that failed for another reason than lack of space
  std::uint64_t scrubbed_bytes = 0, scrub_errors = 0;
  std::uint64_t repairs = 0;          // damaged ranges that another replica's frames were put in the place of
  std::uint64_t compacted_files = 0;  // that took the place of others
  std::uint64_t tombstones_removed = 0;  // whose time was over
  std::uint64_t states_written = 0;
  std::uint64_t damaged_states = 0;  // that were found and put aside
  std::uint64_t damaged_logs = 0,
                lost_tails = 0;  // with damage that nobody accepted; those without their end
  std::optional<model::Timestamp> oldest_full_scrub;  // over the logs that hold sealed segments
};

class ShardLogs {
 public:
  virtual ~ShardLogs() = default;
  // The logs that recovery found and that nobody has adopted or removed. They are kept as they are, also over
  // further starts.
  // Of one of recovered(): its log says who its members are.
  [[nodiscard]] virtual bool has_members(const model::TopicPartition& id) const = 0;
  // Adopted or not, and also while it is being removed.
  [[nodiscard]] virtual bool is_there(const model::TopicPartition& id) const = 0;
  // A replica ended its life here, and none has begun since.
  [[nodiscard]] virtual bool was_removed(const model::TopicPartition& id) const = 0;
  [[nodiscard]] virtual std::vector<model::TopicPartition> recovered() const = 0;
  // Errors: kNotFound (not recovered).
  [[nodiscard]] virtual Result<Log*> adopt(const model::TopicPartition& id, const LogConfig& config) = 0;
  // Durable when done is called. `topic_name` goes to the NAME file. Where a replica was removed before,
  // lost_tail() is the very begin: this one has to regain from others what that one had promised. Errors:
  // kFailedPrecondition when it is open already, or is being removed.
  virtual void create(const model::TopicPartition& id, std::string topic_name, const LogConfig& config,
                      UniqueFunction<void(Result<Log*>)> done) = 0;
  // The same for one of which nothing is left where something was: its lost_tail() is the very begin, until
  // an operator accepts that. What may lie in its folder stays there, and is tried again at each start.
  virtual void create_lost(const model::TopicPartition& id, std::string topic_name, const LogConfig& config,
                           UniqueFunction<void(Result<Log*>)> done) = 0;
  // Ends the replica's life: journal first, then its folder moves to <data>/trash/<topic
  // id>-<partition>-<time>/. Pending reads and listeners get kCancelled; the Log is gone when done is called.
  // After an error it may be asked for again, also at a later start.
  virtual void remove(const model::TopicPartition& id, Log::Done done) = 0;
  [[nodiscard]] virtual Log* find(const model::TopicPartition& id) = 0;

  [[nodiscard]] virtual ShardLogsStats stats() const = 0;
  // Every produce asks: false above the pinned bound (answer RESOURCE_EXHAUSTED, retry soon).
  [[nodiscard]] virtual bool accepts_appends() const = 0;
  // A write of the journal hangs.
  [[nodiscard]] virtual bool writes_stall() const = 0;
  virtual void stop(Log::Done done) = 0;  // flushes memory into segments, seals the journal
};

[[nodiscard]] std::unique_ptr<ShardLogs> make_shard_logs(const ShardLogsConfig& config,
                                                         Recovered::Shard recovered, model::BootEpoch epoch,
                                                         io::FileSystem& fs, runtime::Executor& executor,
                                                         runtime::BlockingPool& pool,
                                                         runtime::WallClock& clock, runtime::Rng& rng);

}  // namespace forebay::log
