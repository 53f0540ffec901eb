// Reads of one log's frames from its segments, by position: for other replicas, which need every frame as it
// is. What is in memory is LogReplica's own; it comes here with the rest. Thread rules: everything on the
// shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "log/core/segment_layout.h"
#include "log/log.h"
#include "log/log_reads.h"
#include "log/log_shard.h"
#include "log/read_extents.h"
#include "log/segment_store.h"

namespace forebay::log {

class FrameReads {
 public:
  FrameReads(LogEnvironment& environment, SegmentStore& store, ReadExtents& extents, LogReadsOwner& owner,
             const model::TopicPartition& id)
      : env_(environment), store_(store), extents_(extents), owner_(owner), id_(id) {}
  ~FrameReads();
  FrameReads(const FrameReads&) = delete;
  FrameReads& operator=(const FrameReads&) = delete;

  // Requires: request.from < request.upto; neither that nor log start, where it lies above, is in memory.
  void read(const FramesRequest& request, FramesDone done);
  // The log was cut: pending ones go on with what lies below; those from behind it end with kNotFound.
  void cut(model::LogPosition to);
  // Every pending one is answered so.
  void cancel_all(const Error& error);

 private:
  struct Operation {
    std::uint64_t number = 0;
    FramesRequest request;
    model::LogPosition first;  // where it begins, above what is trimmed
    FramesDone done;
    SegmentRef segment;
    std::optional<SegmentCursor> cursor;
    ReadExtents::ExtentPtr extent;
    std::vector<FramePtr> frames;
    std::size_t bytes = 0;
    bool sequential = false;
    bool read_again = false;  // a mismatch was met, the bytes were fetched once more
    std::uint32_t moves = 0;  // times that the segment vanished under us
  };
  // Where a reader stopped, so that it goes on without a search.
  struct Bookmark {
    std::uint64_t serial = 0;
    SegmentCursor::Start start;
  };
  static constexpr std::size_t kBookmarksMax = 16;

  [[nodiscard]] Operation* pending(std::uint64_t number);
  void locate(Operation& op);
  void on_index(Operation& op, const SegmentIndex& index);
  void begin_walk(Operation& op, SegmentCursor::Start start);
  [[nodiscard]] std::uint64_t fetch_bytes(const Operation& op) const;
  void fetch(Operation& op, std::uint64_t bytes);
  void walk(Operation& op);
  void on_damage(Operation& op, const SegmentCursor::Damaged& damage);
  void segment_failed(Operation& op, const Error& error);
  void stop_at(Operation& op, SegmentCursor::Start next);
  void finish(Operation& op, Result<std::vector<FramePtr>> result);

  LogEnvironment& env_;
  SegmentStore& store_;
  ReadExtents& extents_;
  LogReadsOwner& owner_;
  model::TopicPartition id_;
  std::map<std::uint64_t, std::unique_ptr<Operation>> pending_;
  std::uint64_t next_number_ = 1;
  std::vector<Bookmark> bookmarks_;  // the latest last
  Lifetime lifetime_;
};

// Of the frame that covers `request.from`, or `log_start` where that is trimmed: what the answer begins with.
// Null when no frame begins where it was asked for.
[[nodiscard]] FramePtr first_frame(const FramesRequest& request, model::LogPosition log_start,
                                   FramePtr covering);
// What read_frames answers where no frame begins at `from`, or where it is lost.
[[nodiscard]] Error no_frame_error(const model::TopicPartition& id, model::LogPosition from);
[[nodiscard]] Error frames_lost_error(const model::TopicPartition& id, model::LogPosition from);

}  // namespace forebay::log
