// The log of one replica: frames in memory until they are in a segment, segments on disk, one order.
// Durability comes from the shard's journal; the segments are written from memory later. Thread rules:
// everything on the shard.
//
//   log start ... segments ... segment end ... [pinned in memory, in the journal] ... end
//                      [recent frames stay in memory as cache, evictable]
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "log/core/frame.h"
#include "log/core/frame_search.h"
#include "log/core/journal_record.h"
#include "log/core/log_config.h"
#include "log/core/splice.h"
#include "log/core/state_snapshot.h"
#include "model/ids.h"
#include "runtime/executor.h"

namespace forebay::log {

struct ReadRequest {
  model::Offset from;
  model::Offset upto;                // exclusive: the high watermark; nothing at or above it is returned
  std::size_t bytes_max = 1U << 20;  // of payload; at least one frame is returned whatever its size
};
struct ReadResult {
  std::vector<FramePtr>
      frames;          // kRecords only, ordered; the first one covers `from` (it may begin below it)
  model::Offset next;  // where to go on: above skipped control frames, compacted and accepted ranges
};
using ReadResultDone = UniqueFunction<void(Result<ReadResult>)>;

// For another replica: frames of every kind.
enum class FirstFrame : std::uint8_t {
  kThere,         // begins at `from`, nowhere else
  kAfterTrimmed,  // likewise; where that is trimmed, the one that covers log start, or nothing at its end
  kCovering,      // likewise; and where `from` lies within a batch, the frame with that batch
};
struct FramesRequest {
  model::LogPosition from;
  model::LogPosition upto;           // no frame that ends above it
  std::size_t bytes_max = 1U << 20;  // encoded; at least one frame is returned whatever its size
  FirstFrame first = FirstFrame::kThere;
};
using FramesDone = UniqueFunction<void(Result<std::vector<FramePtr>>)>;

// Gives good frames of what is lost, from another replica: those that cover the range from its begin on, in
// order, one at least. The first may begin below the range and the last one end behind it, where the other
// log was compacted differently.
using RepairSource = UniqueFunction<void(const LogRange& range, FramesDone done)>;

// The highest first.
using StatesDone = UniqueFunction<void(Result<std::vector<StateSnapshot>>)>;
using StatePartsDone = UniqueFunction<void(Result<std::vector<SharedBytes>>)>;
// Runs on the pool: the bytes of another state.
using StateMaking = std::function<Result<SharedBytes>(ByteSpan base)>;

struct SegmentStatus {
  SegmentMeta meta;
  bool active = false;
  model::Timestamp max_append_time{-1};
  model::Timestamp max_event_time{-1};
};

struct LogStatus {
  model::LogPosition log_start, end, flushed, segment_end;
  std::uint64_t disk_bytes = 0;  // allocated for segments, indexes and states of this replica
  std::uint64_t pinned_bytes = 0, cached_bytes = 0;
  std::vector<SegmentStatus> segments;
  std::vector<Damage> damage;
  std::optional<model::Timestamp>
      last_full_scrub;  // wall time of the end of the last pass over all sealed segments
  std::uint64_t scrub_errors = 0;
};

class Log {
 public:
  using Done = UniqueFunction<void(Result<void>)>;
  virtual ~Log() = default;

  [[nodiscard]] virtual const model::TopicPartition& id() const = 0;
  [[nodiscard]] virtual HardState hard_state() const = 0;
  // Where readers begin. Durable: what was told never goes back, also over a crash.
  [[nodiscard]] virtual model::LogPosition log_start() const = 0;
  // Where the LogStart frames below `committed` put it; log_start() at least. Of frames that were there
  // before the log was opened it knows those that the journal holds.
  [[nodiscard]] virtual model::LogPosition log_start_upto(model::LogPosition committed) const = 0;
  [[nodiscard]] virtual model::LogPosition end() const = 0;
  [[nodiscard]] virtual model::LogPosition flushed()
      const = 0;                                            // durable here, in the journal or in a segment
  [[nodiscard]] virtual model::Term last_term() const = 0;  // of the last frame; 0 when the log is empty
  // Append time never decreases: of the last frame; after a cut below what memory has, perhaps a little
  // later.
  [[nodiscard]] virtual model::Timestamp max_append_time() const = 0;
  [[nodiscard]] virtual std::vector<TermBegin> terms() const = 0;
  // Of the frame that ends at `position`, or covers it; 0 at the very begin. Nothing where that is not known:
  // above the end, and below what is known of the time before log_start().
  [[nodiscard]] virtual std::optional<model::Term> term_before(const model::LogPosition& position) const = 0;
  // In the log, each with the begin of its frame: the last committed one at least, and all later ones.
  [[nodiscard]] virtual std::vector<std::pair<model::LogPosition, Membership>> memberships() const = 0;
  [[nodiscard]] virtual LogStatus status() const = 0;

  // Where the log ends as far as is known, when what followed it is lost and nobody has accepted that: no
  // record may be appended, or an offset that was acknowledged would be given out again.
  [[nodiscard]] virtual std::optional<model::LogPosition> lost_tail() const = 0;
  // That is so because a replica was removed here before: what it had promised is regained from others.
  [[nodiscard]] virtual bool is_renewed() const = 0;
  // Somebody accepted that the log ends at this offset, which it still does.
  [[nodiscard]] virtual bool tail_accepted() const = 0;
  // Somebody knows that records followed end(): lost_tail() from now on.
  virtual void report_lost_tail(Done durable) = 0;
  // What was lost at the end is here again, from another replica.
  virtual void tail_regained(Done durable) = 0;

  // What cannot be read, in order.
  [[nodiscard]] virtual const std::vector<Damage>& damage() const = 0;
  // Called when damage() has changed, possibly inside of a call of this log. One listener.
  virtual void on_damage(UniqueFunction<void()> listener) = 0;
  // Puts good frames in the place of the damaged range, and of other damage in the segments that it touches:
  // into new files, durably, before those in use go. The source is asked as long as the repair runs; what it
  // gives must be what this log had. done: whether all of the range is good now. Errors: kNotYet (first
  // something has to be written, a cut to become durable, or another repair to end: try again), those of the
  // source, kCorruptBatch (what the source gave does not fit), kDiskFull, kStorageFailed, kCancelled.
  virtual void repair(const LogRange& range, RepairSource source, Done done) = 0;

  // Called after each journal round that moved flushed(). One listener.
  virtual void on_flushed(UniqueFunction<void(model::LogPosition flushed)> listener) = 0;
  // The log stopped (journal or segment write failed for good): no append will ever become durable. Called
  // soon when that was before.
  virtual void on_failed(UniqueFunction<void(const Error&)> listener) = 0;

  // Requires: frame->header.begin == end(). Visible to read() at once, durable when flushed() passes it.
  virtual void append(FramePtr frame) = 0;
  // Cuts the log: what lies at `to` and behind it is gone for readers at once, flushed() falls to it at most,
  // and what was on its way to the disk never counts. Durable before, or in the same round as, what is
  // appended next. Reads under way end at the cut. Does nothing when `to` is end().
  // Requires: a frame begins at `to`, or it is end(); nothing committed lies behind it, so that it is not
  // below log_start() either, nor below what set_log_start asked for.
  virtual void truncate(model::LogPosition to) = 0;
  // The log begins at `base` from now on; what was in it is void, but the hard state and a lost tail. end()
  // is there at once, log_start() and flushed() when the journal has it, with a call of the listener: a crash
  // before finds the log as it was. What is appended next is durable no earlier. Reads under way end with
  // kCancelled, so do waiting writes of states; the last state that is durable stays. Requires: base.begin
  // lies above log_start(), and everything below it was trimmed by a committed LogStart frame.
  virtual void install(const LogBase& base) = 0;
  virtual void set_hard_state(HardState state, Done durable) = 0;
  // Moves log_start(), and lets memory and files below go, once the journal has it. It never moves back.
  // Requires: a committed LogStart frame says so.
  virtual void set_log_start(model::LogPosition begin, Done durable) = 0;
  virtual void set_config(const LogConfig& config) = 0;

  // --- what somebody folds from this log, kept beside it
  // Keeps the state, durably when it calls back, and with it one below; then others go. A crash finds the one
  // or the other. Requires: no state that is kept and lies above was right. It may lie above end(), or below
  // log_start(). Errors: kInvalidArgument (too large), kDiskFull, kStorageFailed, kCancelled; what was kept
  // before is kept then.
  virtual void write_state(StateSnapshot state, Done durable) = 0;
  // What is kept, the highest first. Whether it is of this log, and not of a history that was given up, the
  // caller judges: by term_before(), where that is known. Damaged ones are put aside, in quarantine. Errors:
  // kStorageFailed, kCancelled.
  virtual void read_states(StatesDone done) = 0;
  // As write_state(), of a state whose bytes are made of those that are kept at `base`; what `head` has of
  // them does not count. Errors: also those of `make`, kNotFound (nothing is kept there), kCorruptBatch.
  virtual void rewrite_state(model::LogPosition base, StateSnapshot head, StateMaking make, Done durable) = 0;
  // Parts of the state that is kept at `position`. No checksum is looked at: that one is of the whole. Does
  // not wait for what is being written. Errors: kNotFound, kCorruptBatch (it ends before that),
  // kStorageFailed, kCancelled.
  virtual void read_state_parts(model::LogPosition position, std::vector<StateRange> parts,
                                StatePartsDone done) = 0;
  // Called when a segment has been sealed and another one begins: a good moment to write a state. One
  // listener.
  virtual void on_sealed(UniqueFunction<void()> listener) = 0;

  // Answers from memory at once (before returning) when it can, else from disk later; every checksum is
  // verified. What is accepted as lost is passed over. Errors: kOffsetOutOfRange (from below log start or
  // above end), kDataLoss (the range is damaged; `next` good offset in the context), kStorageFailed,
  // kCancelled (closed meanwhile).
  virtual void read(const ReadRequest& request, ReadResultDone done) = 0;
  // Frames without a hole from exactly `from` on, also what is not flushed yet; none when `from` is `upto` or
  // the end. Where compaction has widened a frame over `from`, the first one is the rest of it. Fewer than
  // asked for where a segment or a damaged range begins. Answers from memory at once when it can; every
  // checksum is verified. Errors: kNotFound (no frame begins there: trimmed, above the end, or within a
  // batch), kDataLoss (damaged, accepted or not), kStorageFailed, kCancelled.
  virtual void read_frames(const FramesRequest& request, FramesDone done) = 0;
  // A read_frames from there would answer from memory.
  [[nodiscard]] virtual bool is_in_memory(model::LogPosition from) const = 0;
  // First offset whose batch has max event time / append time >= `time`, below `upto`; nothing when there is
  // none.
  virtual void find_by_time(TimeKind kind, model::Timestamp time, model::Offset upto,
                            UniqueFunction<void(Result<std::optional<model::Offset>>)> done) = 0;

  // The first offset from `from` on whose batch has dead letters, below `upto`; nothing when there is none.
  // Answers from memory at once when it can. Errors: kDataLoss when a range before it is damaged (`next` good
  // offset in the context), kStorageFailed, kCancelled.
  virtual void find_dead_letters(model::Offset from, model::Offset upto,
                                 UniqueFunction<void(Result<std::optional<model::Offset>>)> done) = 0;

  // Where log start should move, by retention time and size (whole segments only; may roll the active one
  // first). Committed data only.
  virtual void plan_retention(model::Timestamp now, model::LogPosition committed,
                              UniqueFunction<void(std::optional<model::LogPosition>)> done) = 0;
  virtual void roll() = 0;  // seals the active segment when it holds anything
  // One pass over sealed, committed, flushed segments. done: bytes reclaimed.
  virtual void compact(model::Timestamp now, const CompactionBounds& bounds,
                       UniqueFunction<void(Result<std::uint64_t>)> done) = 0;
  // Below it nothing is left, durably, that a later record of its key below it supersedes. Falls where frames
  // are lost or come from another replica.
  [[nodiscard]] virtual model::LogPosition compacted_to() const = 0;
  // The lowest position up to which every replica has to be compacted before the time of some tombstone
  // begins. By the last compaction: nothing from a start until the first one.
  [[nodiscard]] virtual std::optional<model::LogPosition> tombstones_wait_for() const = 0;
};

}  // namespace forebay::log
