// The journal of one shard: what must be durable now, for all of the shard's partitions, in one durable write
// a round. Format and rules: docs/format/journal.md and docs/architecture.md. Thread rules: everything on the
// shard.
//
// One round is in flight; the next gathers what arrives meanwhile (docs/adr/0007): at least one frame
// whatever its size, then the partitions in turn, `round_partition_bytes` each, `round_bytes_max` in all. The
// ring of files is reused from its oldest file once every partition's segment end has passed the frames in
// it; each file starts with a checkpoint, so the oldest is never needed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "io/file_system.h"
#include "log/core/frame.h"
#include "log/core/journal_record.h"
#include "runtime/executor.h"

namespace forebay::log {

// An open log of this shard, as the journal names it: dense, reused after close.
using LogSlot = StrongId<struct LogSlotTag, std::uint32_t>;

struct JournalConfig {
  std::uint64_t file_bytes = 64ULL << 20;
  std::uint32_t files_max = 8;  // the ring grows up to this in the background
  // Header, directory and frames; a single larger frame is still one round (frame_bytes_max bounds it).
  std::uint32_t round_bytes_max = 4U << 20;
  std::uint32_t round_partition_bytes = 64U << 10;
  std::uint32_t frame_bytes_max = 8U << 20;
  // Rounds are spaced by this (start to start) while 16 or more partitions had something in the last 64
  // rounds and less than an eighth of a full round waits (docs/adr/0005).
  runtime::Duration busy_round_spacing = std::chrono::microseconds(800);
  // A round older than this is reported as stalled.
  runtime::Duration stalled_after = std::chrono::seconds(1);
};

struct JournalStats {
  std::uint64_t rounds = 0, bytes = 0, frames = 0, write_errors = 0, files = 0, files_in_use = 0,
                checkpoints = 0;
  std::uint64_t rounds_gathered = 0;  // filled while the one before was in flight
  std::uint64_t pending_bytes = 0;    // queued, in no round yet
  runtime::Duration last_round{}, longest_round{};
  bool stalled = false;
};

// Whoever owns the logs of the shard. All calls on the shard, never from inside a call into the journal.
class JournalOwner {
 public:
  virtual ~JournalOwner() = default;
  // A round with frames of `slot` is durable; `end` is the end of its last frame in the round. In round
  // order. When `log_epoch` is no longer the log's, only what lies below the truncations that came between
  // counts.
  virtual void on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, model::LogPosition end) = 0;
  // After a round's on_frames_durable calls: once per round, for group effects (answer, wake).
  virtual void on_round_end() = 0;
  // The ring needs its oldest file back: flush these logs into their segments at least up to the position,
  // then call segment_flushed.
  virtual void on_space_wanted(std::span<const std::pair<LogSlot, model::LogPosition>> wanted) = 0;
  // State of every open, recovered or removed-but-remembered partition, as of exactly the records and frames
  // reported durable so far: a create or truncation that still waits is not in it, one that was reported is.
  // A partition left out is forgotten, its hard state too.
  virtual std::vector<PartitionCheckpoint> checkpoint() = 0;
  // Writing failed, also into a new file: nothing more becomes durable. What was not reported durable never
  // will be.
  virtual void on_journal_failed(const Error& error) = 0;
};

class Journal {
 public:
  using RecordDone = UniqueFunction<void(Result<void>)>;
  virtual ~Journal() = default;

  // Of a partition that recovery found, the slot that its frames in the ring already have: what recovery put
  // into `tail` holds the ring back until segment_flushed passes it, or until close.
  [[nodiscard]] virtual LogSlot open(const model::TopicPartition& id) = 0;
  // Its frames no longer hold back the ring; pending ones are dropped, pending records get kCancelled.
  // Records in the round in flight are still reported.
  virtual void close(LogSlot slot) = 0;

  // Queues a frame for the next rounds. Per slot, frames and records keep their order; a record rides in the
  // same round as neighbours where it fits, never before an earlier frame of the slot. A truncation below the
  // segment end needs its Truncate record (an append below the end alone cuts only what the journal holds).
  virtual void add_frame(LogSlot slot, model::LogEpoch log_epoch, FramePtr frame) = 0;
  virtual void add_record(LogSlot slot, JournalRecord record, RecordDone done) = 0;
  // Frames that begin at `from` or behind and are in no round yet will not be written: a truncation, which is
  // to be added next, never waits for room for what it cuts.
  virtual void drop_frames(LogSlot slot, model::LogPosition from) = 0;

  // The log's frames below `end` are flushed in a segment, whose meta the next checkpoint will list.
  // Requires: they were reported durable by the journal, or never will be (trimmed).
  virtual void segment_flushed(LogSlot slot, model::LogPosition end) = 0;

  // A checkpoint is written before anything that is added from now on.
  virtual void want_checkpoint() = 0;

  // Writes what is queued, then a checkpoint marked clean, then reports. What is added afterwards never
  // becomes durable: frames are dropped, records get kShuttingDown.
  virtual void stop(UniqueFunction<void(Result<void>)> done) = 0;
  [[nodiscard]] virtual JournalStats stats() const = 0;
  // The round in flight is older than `stalled_after`.
  [[nodiscard]] virtual bool is_stalled() const = 0;
};

// --- opening
// ------------------------------------------------------------------------------------------------------------
// What recovery found out about one partition.
struct RecoveredPartition {
  PartitionCheckpoint
      state;  // the checkpoint brought up to the journal's end (segment_end as in the last checkpoint)
  std::vector<FramePtr> tail;  // frames from segment_end to the log's end, contiguous but for `state.damage`
  model::LogPosition end;
};

struct RecoveryReport {
  bool first_start = false;
  bool clean = false;  // the last stop was clean
  model::BootEpoch previous_epoch;
  std::uint64_t rounds_read = 0, bytes_read = 0, torn_bytes_cut = 0, rotten_rounds = 0;
  model::Timestamp last_wall_time{-1};  // newest wall time that the old journals hold
  std::vector<std::string> notes;       // one line for each thing an operator should know
};

// The shard of a partition: fixed by the id and the count, the same after every start with that count.
[[nodiscard]] std::uint32_t shard_of(const model::TopicPartition& id, std::uint32_t shard_count);

}  // namespace forebay::log
