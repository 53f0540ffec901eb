// The frames of logs that are in memory. Per log one list, oldest first: a front that is in a segment too
// (cache) and a rest that is not (pinned). Per shard one account of both, bounded: cache is evicted oldest
// first over all logs. Thread rules: everything on the shard.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "log/core/frame.h"
#include "model/ids.h"

namespace forebay::log {

class LogMemory;

// The account of a shard. Bytes are retained capacity, not payload.
class MemoryAccount {
 public:
  explicit MemoryAccount(std::uint64_t cache_bytes_max) : cache_bytes_max_(cache_bytes_max) {}
  [[nodiscard]] std::uint64_t pinned_bytes() const { return pinned_bytes_; }
  [[nodiscard]] std::uint64_t cached_bytes() const { return cached_bytes_; }
  // Logs with pinned frames, the one with the oldest first.
  [[nodiscard]] auto& pinned_logs() const { return pinned_logs_; }
  void evict_over_bound();

 private:
  friend class LogMemory;
  using Order = std::set<std::pair<std::uint64_t, LogMemory*>>;  // by the age of a log's first such frame
  std::uint64_t cache_bytes_max_;
  std::uint64_t pinned_bytes_ = 0;
  std::uint64_t cached_bytes_ = 0;
  std::uint64_t next_age_ = 1;
  Order pinned_logs_;
  Order cached_logs_;
};

// The frames of one log. Frames have numbers, from 0, in the order they came; a number never changes
// its frame but when the log is cut.
class LogMemory {
 public:
  using Number = std::uint64_t;

  // `owner` is for whoever walks pinned_logs().
  LogMemory(MemoryAccount& account, void* owner) : account_(account), owner_(owner) {}
  ~LogMemory();
  LogMemory(const LogMemory&) = delete;
  LogMemory& operator=(const LogMemory&) = delete;

  // Copies the payload if its buffer is much larger than it: a small batch never pins a large buffer.
  FramePtr push(FramePtr frame);
  [[nodiscard]] bool empty() const { return frames_.empty(); }
  [[nodiscard]] Number begin() const { return begin_; }
  [[nodiscard]] Number end() const { return begin_ + frames_.size(); }
  [[nodiscard]] Number pinned_begin() const { return pinned_begin_; }
  [[nodiscard]] const FramePtr& frame(Number number) const { return frames_[number - begin_].frame; }
  [[nodiscard]] std::uint64_t charge(Number number) const { return frames_[number - begin_].charge; }
  // First frame whose covered range ends above `offset` / that begins at or above `position`; end() if none.
  [[nodiscard]] Number find(model::Offset offset) const;
  [[nodiscard]] Number find_begin(model::LogPosition position) const;

  // Frames before this number are in a flushed segment: evictable from now on.
  void unpin_before(Number number);
  // Gone for good (below log start), pinned or not.
  void drop_before(Number number);
  // The same from the other end (the log was cut): frames that come later take the numbers again.
  void drop_from(Number number);
  void drop_cache() { drop_before(pinned_begin_); }

  [[nodiscard]] std::uint64_t pinned_bytes() const { return pinned_bytes_; }
  [[nodiscard]] std::uint64_t cached_bytes() const { return cached_bytes_; }
  [[nodiscard]] void* owner() const { return owner_; }

 private:
  friend class MemoryAccount;
  struct Entry {
    FramePtr frame;
    std::uint64_t charge = 0;
    std::uint64_t age = 0;
  };
  void pop_front();
  void enlist();  // after a change of begin_ or pinned_begin_

  MemoryAccount& account_;
  void* owner_;
  std::deque<Entry> frames_;
  Number begin_ = 0;
  Number pinned_begin_ = 0;
  std::uint64_t pinned_bytes_ = 0;
  std::uint64_t cached_bytes_ = 0;
  std::uint64_t pinned_age_ = 0;  // as it stands in the account; 0 = not there
  std::uint64_t cached_age_ = 0;
};

}  // namespace forebay::log
