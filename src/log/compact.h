// Runs compactions (core/compaction.h): reads sealed segments, writes their successors, puts them in place
// through the journal. One at a time per shard, in small turns on the blocking pool, at a bounded rate. A
// crash at any point leaves the old files or the new ones in force; the others are tidied away at the next
// start. Thread rules: everything on the shard.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "log/core/compaction.h"
#include "log/log_shard.h"
#include "log/sealed_file.h"
#include "log/segment_io.h"

namespace forebay::log {

// The log that is compacted, as the compactor sees it.
class CompactionOwner {
 public:
  virtual ~CompactionOwner() = default;
  [[nodiscard]] virtual bool closed() const = 0;
  [[nodiscard]] virtual const LogConfig& compaction_config() const = 0;
  // Damaged logs are left alone until they are healed, also where the damage is accepted: a tombstone must
  // not go while an older value of its key may come back from what nobody can read.
  [[nodiscard]] virtual bool damaged() const = 0;
  // Sealed and flushed, from log start on; nothing is evaluated lazily, times may be missing.
  [[nodiscard]] virtual std::vector<CompactionSegment> compactable() const = 0;
  // By the last compaction.
  [[nodiscard]] virtual const TombstonesLeft& tombstones_left() const = 0;
  // One is done, and has left these.
  virtual void compacted(const TombstonesLeft& left) = 0;
  // Finds out the times that are missing, then goes on.
  virtual void load_times(UniqueFunction<void()> then) = 0;
  // False when the segments are not there any more, as they were: the new file is of no use then.
  [[nodiscard]] virtual bool still_there(const std::vector<SegmentMeta>& segments) const = 0;
  // Journal first, then the list of segments, then the old files go.
  virtual void replace_segments(std::vector<SegmentMeta> removed, SealedSegment added,
                                UniqueFunction<void(Result<void>)> done) = 0;
};

class Compactor {
 public:
  static constexpr std::uint64_t kBytesPerSecond = 64U << 20;
  using Done = UniqueFunction<void(Result<std::uint64_t>)>;

  explicit Compactor(LogEnvironment& environment, Compaction::Rules rules = {})
      : env_(environment), rules_(rules) {}
  ~Compactor();
  Compactor(const Compactor&) = delete;
  Compactor& operator=(const Compactor&) = delete;

  // done: bytes reclaimed. Errors: kStorageFailed, kDiskFull, kDataLoss (damaged), kCancelled.
  void start(CompactionOwner& owner, const model::TopicPartition& id, model::Timestamp now,
             const CompactionBounds& bounds, Done done);
  // The log goes away: what runs or waits for it ends with kCancelled.
  void cancel(CompactionOwner& owner);

 private:
  struct Request {
    CompactionOwner* owner = nullptr;
    model::TopicPartition id;
    model::Timestamp now;
    CompactionBounds bounds;
    Done done;
  };
  class Job;  // the work on the pool
  struct Turn;

  void begin_next();
  void plan();
  void turn();
  void after_turn(Turn turn);
  void file_ready(Turn turn);
  void discard_file(const SegmentMeta& meta);
  void finish(Result<std::uint64_t> result);
  void rest(std::uint64_t bytes);

  LogEnvironment& env_;
  Compaction::Rules rules_;
  std::deque<Request> waiting_;
  std::optional<Request> running_;
  std::shared_ptr<Job> job_;
  std::uint64_t reclaimed_ = 0;
  std::optional<runtime::TimerId> timer_;
  Lifetime lifetime_;
};

}  // namespace forebay::log
