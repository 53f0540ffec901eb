// Reads of segment files for a shard: bounded bytes in flight, read-ahead for whoever reads on. A buffer that
// was handed out is the caller's; slices of it keep it alive. Thread rules: everything on the shard.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "log/log_shard.h"
#include "log/segment_store.h"

namespace forebay::log {

struct Extent {
  io::AlignedBuffer buffer;
  std::uint64_t file_begin = 0;
  std::size_t bytes = 0;  // fewer than asked at the end of the file
};

class ReadExtents {
 public:
  using ExtentPtr = std::shared_ptr<const Extent>;
  using Done = UniqueFunction<void(Result<ExtentPtr>)>;
  static constexpr runtime::Duration kAheadIdle = std::chrono::seconds(10);

  ReadExtents(LogEnvironment& environment, SegmentStore& store) : env_(environment), store_(store) {}

  // Requires: whole blocks. Errors: kNotFound, kStorageFailed.
  void fetch(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes, Done done);
  // The same bytes will probably be fetched next. Does nothing when the bound does not allow it.
  void fetch_ahead(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes);
  void forget(std::uint64_t serial);
  void drop_idle();

  [[nodiscard]] std::uint64_t bytes_in_flight() const { return in_flight_; }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // serial, file_begin
  struct Ahead {
    ExtentPtr extent;  // null while it is being read
    Done waiter;       // whoever came while it was being read
    std::size_t bytes = 0;
    std::uint64_t ticket = 0;  // a forgotten read must not answer for a later one of the same key
    runtime::TimePoint since;
  };
  struct Waiting {
    SegmentRef segment;
    std::uint64_t file_begin = 0;
    std::size_t bytes = 0;
    Done done;
  };
  [[nodiscard]] bool make_room(std::size_t bytes);
  void read(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes, Done done);
  void release(std::size_t bytes);
  void drop(std::map<Key, Ahead>::iterator it);
  void ahead_done(const Key& key, std::uint64_t ticket, std::size_t bytes, Result<ExtentPtr> result);

  LogEnvironment& env_;
  SegmentStore& store_;
  std::uint64_t in_flight_ = 0;  // also what was read ahead and waits to be asked for
  std::uint64_t next_ticket_ = 1;
  std::map<Key, Ahead> ahead_;
  std::deque<Waiting> waiting_;
  Lifetime lifetime_;
};

}  // namespace forebay::log
