// Compaction by key: which segments, which records survive, what a frame becomes. Pure; the shell reads and
// writes (log/compact.h).
//
// A record goes when a later record of its key is in the range that is looked at. Tombstones (null value)
// that are the last of their key stay until their time is over: it begins, and the batch is given a delete
// horizon, when no replica has anything any more that they delete (docs/adr/0016). Untouched stay control
// frames, transactional and control batches, records without a key, dead letters and batches that cannot be
// decoded; what a transaction wrote, or is a dead letter, does not supersede anything. The last batch of each
// producer keeps its head: for a while, and for ever when the producer has a name (a fence or a position of
// it is in the log). Frames widen over what is gone, so coverage has no hole.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "log/core/frame.h"
#include "log/core/journal_record.h"
#include "log/core/key_map.h"
#include "log/core/log_config.h"
#include "model/record_batch.h"

namespace forebay::log {

struct CompactionSegment {
  SegmentMeta meta;
  std::optional<model::Timestamp> last_append;
};

// Of the segments [0, end), those from dirty_begin on have not been compacted yet.
struct CompactionRange {
  std::size_t end = 0;
  std::size_t dirty_begin = 0;
};
// Tombstones that a compaction has left, and when another one can do something about them. Not sooner than
// after another life of a tombstone: it reads the whole log.
struct TombstonesLeft {
  model::Timestamp next_pass;
  std::optional<model::LogPosition> waiting_to;  // for all replicas to be compacted to there; the lowest
  std::optional<model::Timestamp> horizon;       // the earliest
  [[nodiscard]] bool are_due(model::LogPosition everywhere, model::Timestamp now) const {
    return now >= next_pass && ((waiting_to && *waiting_to <= everywhere) || (horizon && *horizon < now));
  }
};
// Requires: `sealed` are the sealed, flushed segments from log start on, in order.
// Returns: nothing when it is not worth it (min_cleanable_dirty_ratio, and no tombstones are due), or not yet
// allowed (committed, lag).
[[nodiscard]] std::optional<CompactionRange> plan_compaction(const LogConfig& config,
                                                             std::span<const CompactionSegment> sealed,
                                                             const CompactionBounds& bounds,
                                                             model::Timestamp now,
                                                             const TombstonesLeft& left = {});

// Runs of segments that become one file each: [begin, end) indices.
struct CompactionGroup {
  std::size_t begin = 0, end = 0;
};
// `changed[i]`: records of segment i go, or it was never compacted.
[[nodiscard]] std::vector<CompactionGroup> group_segments(std::span<const CompactionSegment> segments,
                                                          const std::vector<bool>& changed,
                                                          std::uint64_t segment_bytes);

class Compaction {
 public:
  struct Rules {
    model::Timestamp now;
    std::int64_t delete_retention_ms = 0;
    model::LogPosition everywhere;  // the time of tombstones in frames up to here begins
    std::size_t map_bytes_max = 32U << 20;
    std::size_t batch_bytes_max = 256U << 20;  // decompressed; larger ones stay untouched
    // No batch becomes larger: it has to pass the journals of replicas that get it later (JournalConfig).
    // What a producer has compressed harder than we do may grow although records go; it stays untouched then.
    std::size_t frame_bytes_max = 8U << 20;
    std::int64_t producer_life_ms =
        7LL * 24 * 3600 * 1000;  // the head of the last batch of one without a name stays this long
  };
  Compaction(const Rules& rules, const std::array<std::uint64_t, 4>& seed);

  // The work goes in passes, each over a part of the keys so that its map fits in memory:
  //   while (begin_pass()) { learn(every dirty frame); judge(every frame); }   then rewrite(every frame).
  [[nodiscard]] bool begin_pass();
  // False: the map is full; go back to begin_pass(), which now takes smaller parts.
  [[nodiscard]] bool learn(const FrameHeader& header, ByteSpan payload);
  // Returns: true when the frame will change.
  bool judge(const FrameHeader& header, ByteSpan payload);
  void begin_rewrite();
  // What is left of the frame: its own payload (kept as it is), new bytes, or nothing at all.
  enum class Fate { kSame, kRewritten, kGone };
  struct Outcome {
    Fate fate = Fate::kSame;
    std::vector<std::byte> batch;
  };
  [[nodiscard]] Outcome rewrite(const FrameHeader& header, ByteSpan payload);

  [[nodiscard]] std::uint64_t records_removed() const { return removed_; }
  [[nodiscard]] std::uint64_t tombstones_removed() const { return tombstones_removed_; }
  [[nodiscard]] const TombstonesLeft& tombstones_left() const { return left_; }

 private:
  struct Batch {
    bool touchable = false;
    model::BatchHeader header;
    ByteSpan records;
  };
  [[nodiscard]] Batch open(const FrameHeader& header, ByteSpan payload);
  // Of a batch with tombstones that stay.
  [[nodiscard]] bool begins_their_time(const FrameHeader& header, const model::BatchHeader& batch) const {
    return !batch.attributes.has_delete_horizon() && header.end <= rules_.everywhere;
  }
  [[nodiscard]] model::Timestamp first_horizon() const {
    return model::Timestamp(rules_.now.value() + rules_.delete_retention_ms);
  }
  void note_producer(const FrameHeader& header, ByteSpan payload);
  [[nodiscard]] bool keeps_head(const FrameHeader& header, const model::BatchHeader& batch) const;
  void leave_tombstone(const FrameHeader& header, const model::BatchHeader& batch);
  [[nodiscard]] bool in_part(const KeyHash& hash) const { return hash.high % parts_ == part_; }
  void restart();

  Rules rules_;
  KeyHasher hasher_;
  KeyMap map_;
  std::vector<std::byte> scratch_;
  std::uint64_t parts_ = 1;
  std::uint64_t part_ = 0;
  bool started_ = false;
  bool overflowed_ = false;
  std::uint64_t record_number_ = 0;  // of touchable batches, in the order of judge() and rewrite()
  std::vector<bool> dead_;           // by that number
  // The last batch of each producer, by the offset where its frame begins.
  std::map<model::ProducerId, std::pair<model::Offset, model::Timestamp>> last_batch_;
  std::set<model::ProducerId> named_;
  std::uint64_t removed_ = 0;
  std::uint64_t tombstones_removed_ = 0;  // that were the last of their key
  TombstonesLeft left_;
};

// Puts what rewrite() left into a row of frames whose ranges cover everything without a hole. Feed every
// frame of a group in order; take what comes out. Control frames are not widened: whoever asks for what lies
// beside one needs a frame that begins there (log::rest_of). Where only those are left beside what went, an
// empty batch covers it.
class FrameWidener {
 public:
  // Returns: a frame that is complete now, if any.
  [[nodiscard]] std::optional<Frame> keep(Frame frame);
  [[nodiscard]] std::optional<Frame> drop(const Frame& frame);
  // The last frame.
  [[nodiscard]] std::optional<Frame> finish();

 private:
  [[nodiscard]] std::optional<Frame> cover_dropped();

  std::optional<Frame> pending_;
  // Gone, and no pending frame covers it: the first such frame, with the range of them all.
  std::optional<Frame> dropped_;
};

}  // namespace forebay::log
