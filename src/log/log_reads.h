// Reads of one log from its segments: find the place, fetch, check every frame, hand out slices. Reads from
// memory are LogReplica's own; it comes here with what is not there. Thread rules: everything on the shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/core/index.h"
#include "log/core/segment_layout.h"
#include "log/log.h"
#include "log/log_shard.h"
#include "log/read_extents.h"
#include "log/segment_store.h"

namespace forebay::log {

// What a read needs to know of its log, and what it tells it.
class LogReadsOwner {
 public:
  virtual ~LogReadsOwner() = default;
  struct Place {
    SegmentRef segment;
    const SegmentIndex* active_index = nullptr;  // of the segment that is being written
    std::optional<SegmentTimes> times;           // where known
  };
  // The flushed segment that holds `offset`; the first one above it when none does; nothing when memory is
  // next.
  [[nodiscard]] virtual std::optional<Place> place_of(model::Offset offset) const = 0;
  // The flushed segment that holds the frame at `position`; nothing when none does.
  [[nodiscard]] virtual std::optional<Place> place_at(model::LogPosition position) const = 0;
  [[nodiscard]] virtual model::LogPosition log_start() const = 0;
  // The end of the damaged range that holds `offset`.
  [[nodiscard]] virtual std::optional<model::Offset> damaged_until(model::Offset offset) const = 0;
  // The frame at `position` is lost, accepted or not.
  [[nodiscard]] virtual bool damaged_at(model::LogPosition position) const = 0;
  // The end of the accepted range that holds `offset`, else `offset`.
  [[nodiscard]] virtual model::Offset past_accepted(model::Offset offset) const = 0;
  [[nodiscard]] virtual std::uint32_t index_interval_bytes() const = 0;
  virtual void on_times(std::uint64_t serial, const SegmentTimes& times) = 0;
  virtual void on_damage(const SegmentRef& segment, const SegmentCursor::Damaged& damage) = 0;
  virtual void on_segment_missing(const SegmentRef& segment) = 0;
  // Goes on in memory, from `request.from` on.
  [[nodiscard]] virtual ReadResult read_memory(const ReadRequest& request) const = 0;
  [[nodiscard]] virtual std::optional<model::Offset> find_in_memory(const FrameSearch& search,
                                                                    model::Offset from,
                                                                    model::Offset upto) const = 0;
};

// The context of a kDataLoss answer names where to go on; these two write and read it.
[[nodiscard]] Error data_loss_error(const model::TopicPartition& id, model::Offset from,
                                    model::Offset next_good);
[[nodiscard]] std::optional<model::Offset> next_good_offset(const Error& error);

class LogReads {
 public:
  using FindDone = UniqueFunction<void(Result<std::optional<model::Offset>>)>;

  LogReads(LogEnvironment& environment, SegmentStore& store, ReadExtents& extents, LogReadsOwner& owner,
           const model::TopicPartition& id)
      : env_(environment), store_(store), extents_(extents), owner_(owner), id_(id) {}
  ~LogReads();
  LogReads(const LogReads&) = delete;
  LogReads& operator=(const LogReads&) = delete;

  // Requires: request.from is not damaged, not below log start, not in memory.
  void read(const ReadRequest& request, ReadResultDone done);
  void find(const FrameSearch& search, model::Offset from, model::Offset upto, FindDone done);
  // The log was cut: pending ones go on with what lies below; those from behind it end with
  // kOffsetOutOfRange.
  void cut(model::LogPosition to);
  // Every pending one is answered so.
  void cancel_all(const Error& error);

 private:
  struct Operation {
    std::uint64_t number = 0;
    ReadRequest request;
    ReadResultDone read_done;
    std::optional<FrameSearch> search;  // frames are looked at, not kept
    FindDone find_done;
    std::optional<std::uint64_t> look_until;  // file position, where the index knows it

    model::Offset at;  // everything below is done with
    SegmentRef segment;
    std::optional<SegmentCursor> cursor;
    ReadExtents::ExtentPtr extent;
    std::vector<FramePtr> frames;
    std::size_t bytes = 0;
    bool sequential = false;
    bool read_again = false;  // a mismatch was met, the bytes were fetched once more
    std::uint32_t moves = 0;  // times that the segment vanished under us
  };
  using Pending = std::map<std::uint64_t, std::unique_ptr<Operation>>;

  // Where a reader stopped, so that it goes on without a search and without reading twice.
  struct Bookmark {
    model::Offset next;
    std::uint64_t serial = 0;
    SegmentCursor::Start start;
  };
  static constexpr std::size_t kBookmarksMax = 16;

  void start(std::unique_ptr<Operation> operation);
  [[nodiscard]] Operation* pending(std::uint64_t number);
  void locate(Operation& op);
  void on_index(std::uint64_t number, const SegmentIndex& index);
  void index_failed(std::uint64_t number, const Error& error);
  void begin_walk(Operation& op, SegmentCursor::Start start);
  void fetch(Operation& op, std::uint64_t bytes);
  void on_extent(std::uint64_t number, Result<ReadExtents::ExtentPtr> extent);
  enum class Verdict { kGoOn, kEnough, kStopBefore, kElsewhere };
  [[nodiscard]] Verdict take(Operation& op, const SegmentCursor::Whole& frame);
  void walk(Operation& op);
  void on_damage(Operation& op, const SegmentCursor::Damaged& damage);
  void segment_failed(Operation& op, const Error& error);
  void finish(Operation& op, std::optional<SegmentCursor::Start> bookmark);
  void fail(Operation& op, const Error& error);
  [[nodiscard]] std::unique_ptr<Operation> remove(Operation& op);
  [[nodiscard]] std::uint64_t fetch_bytes(const Operation& op) const;

  LogEnvironment& env_;
  SegmentStore& store_;
  ReadExtents& extents_;
  LogReadsOwner& owner_;
  model::TopicPartition id_;
  Pending pending_;
  std::uint64_t next_number_ = 1;
  std::vector<Bookmark> bookmarks_;  // the latest last
  Lifetime lifetime_;
};

}  // namespace forebay::log
