// Takes the frames of one log from memory to its segment files: gathers pieces, writes and syncs them, begins
// new files, grows and seals them. What a write error leaves behind is written again, to a new file, from
// memory. One step at a time per log; a bounded number of steps per shard (WriteSlots). Thread rules:
// everything on the shard.
//
// Only frames that the journal has are written, in order; a frame stays pinned until a sync that covers it is
// through.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "log/core/index.h"
#include "log/core/roll.h"
#include "log/log_memory.h"
#include "log/log_shard.h"

namespace forebay::log {

class SegmentWriter;

// How many writers of a shard may use the disk at once, and the buffers of their pieces.
class WriteSlots {
 public:
  explicit WriteSlots(std::uint32_t slots) : free_(slots) {}
  enum class Order { kLast, kFirst };
  void request(SegmentWriter& writer, Order order);
  void withdraw(SegmentWriter& writer);
  void release();

  [[nodiscard]] io::AlignedBuffer take_buffer(std::size_t bytes);
  void give_back(io::AlignedBuffer buffer);
  void drop_buffers() { buffers_.clear(); }

 private:
  static constexpr std::size_t kKeptBuffersMax = 4;
  void grant();
  std::uint32_t free_;
  bool granting_ = false;
  std::deque<SegmentWriter*> waiting_;
  std::vector<io::AlignedBuffer> buffers_;
};

class SegmentWriterOwner {
 public:
  virtual ~SegmentWriterOwner() = default;
  [[nodiscard]] virtual const LogConfig& config() const = 0;
  // A file is there, empty; it is the log's last segment from now on.
  virtual void on_segment_opened(const SegmentRef& segment, std::uint64_t disk_bytes) = 0;
  virtual void on_segment_disk_bytes(std::uint64_t serial, std::uint64_t disk_bytes) = 0;
  // Frames below segment.meta.end are in the file and flushed.
  virtual void on_segment_flushed(const SegmentRef& segment) = 0;
  // Nothing more is added to it. `index` is empty when it is not known.
  virtual void on_segment_sealed(std::uint64_t serial, std::shared_ptr<const SegmentIndex> index) = 0;
  // Nothing in it counts; the file goes.
  virtual void on_segment_abandoned(std::uint64_t serial) = 0;
  // Writing failed, also to a new file. It is tried again, seldom.
  virtual void on_segment_writes_failed(const Error& error) = 0;
};

class SegmentWriter {
 public:
  SegmentWriter(LogEnvironment& environment, WriteSlots& slots, SegmentWriterOwner& owner,
                const model::TopicPartition& id, LogMemory& memory);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // The journal has the frames before this number.
  void durable_before(LogMemory::Number number);
  // Write and sync what is below, however little; oldest first goes without saying.
  void demand(model::LogPosition upto);
  // Frames from here on go to another file than those before.
  void roll(model::LogPosition at);
  // Frames were dropped from the front of memory.
  void on_trimmed();
  // The log was cut: frames from `to` on are gone from memory. A file that holds any of them, or will, is not
  // gone on with: the owner takes it as it is flushed.
  void cut(model::LogPosition to);
  // All frames are gone from memory, and what comes next follows none of them.
  void start_over();
  // The active segment is wanted no more (it lies below log start).
  void drop_active();
  // Closes the file when nothing happened for a while.
  void close_if_idle();

  [[nodiscard]] bool has_demand() const { return demand_.has_value(); }
  [[nodiscard]] bool file_open() const { return active_ && active_->file != nullptr; }
  [[nodiscard]] std::optional<std::uint64_t> active_serial() const;
  [[nodiscard]] const SegmentIndex* active_index() const;
  // Of everything in the active segment, also what is not flushed yet.
  [[nodiscard]] SegmentTimes active_times() const { return active_ ? active_->times() : SegmentTimes{}; }
  [[nodiscard]] std::uint64_t active_bytes() const { return active_ ? active_->written_bytes : 0; }

  void run();  // for WriteSlots: a slot is yours

 private:
  struct Active {
    SegmentRef segment;  // end and size: flushed
    std::shared_ptr<io::File> file;
    std::uint64_t allocated_bytes = 0;
    std::uint64_t written_bytes = 0;
    model::LogPosition written_end;
    SegmentIndex index;
    runtime::TimePoint used;
    bool dropped = false;
    [[nodiscard]] const SegmentTimes& times() const { return index.times(); }
    [[nodiscard]] std::uint64_t unsynced() const { return written_bytes - segment.meta.size_bytes; }
  };
  // Frames [begin, end) as one write.
  struct Piece {
    LogMemory::Number begin = 0, end = 0;
    std::uint64_t bytes = 0;  // without padding
  };
  enum class Step { kNone, kCreate, kReopen, kGrow, kWrite, kSync, kSeal };

  void poke();
  [[nodiscard]] Step plan();
  [[nodiscard]] Piece plan_piece();
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] bool wants_sync() const;
  [[nodiscard]] bool demanded_beyond(model::LogPosition position) const {
    return demand_ && *demand_ > position;
  }

  void take(Step step);
  void create();
  void reopen();
  void grow();
  void write();
  void sync();
  void seal();
  void step_done();
  void step_failed(const Error& error, bool file_is_suspect);
  void abandon_active();
  void count_unwritten();
  void settle_demand();

  LogEnvironment& env_;
  WriteSlots& slots_;
  SegmentWriterOwner& owner_;
  model::TopicPartition id_;
  LogMemory& memory_;

  std::optional<Active> active_;
  Piece piece_;                    // what plan() found
  LogMemory::Number written_ = 0;  // next frame to write
  LogMemory::Number durable_ = 0;
  std::uint64_t unwritten_bytes_ = 0;  // durable and not written
  std::optional<model::LogPosition> demand_;
  std::optional<model::LogPosition> roll_at_;
  bool must_seal_ = false;
  bool waiting_ = false;  // for a slot
  bool busy_ = false;     // has one
  bool resting_ = false;  // after an error, until the timer
  bool closing_ = false;  // the file is being cut to its size
  std::uint32_t failures_ = 0;
  bool folder_synced_ = false;  // all names on the way to the folder, by this process
  // A new file for the same place needs another name.
  model::LogPosition last_begin_;
  std::uint32_t last_generation_ = 0;
  std::uint32_t highest_generation_ = 0;
  std::uint32_t generation_floor_ = 0;  // raised by each cut: places are taken once more
  bool had_file_ = false;
  std::optional<model::LogPosition> creating_;     // begin of the file that is being made and still wanted
  std::optional<model::LogPosition> writing_end_;  // of the piece that is being written
  runtime::TimerId timer_{};
  Lifetime lifetime_;
};

}  // namespace forebay::log
