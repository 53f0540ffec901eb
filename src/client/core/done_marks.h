// Which records of one partition are done, and so how far a group may commit it: past a record when it and
// all before it, from the committed offset on, are marked. Pure: time is an argument.
//
// Invariant: position() <= delivered_end(); every offset below position() was marked, or has no record, or
// was skipped by restart().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/result.h"

namespace forebay::client {

class DoneMarks {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Nothing is handed out yet; everything below `position` is done. `ranges_max`: see mark().
  DoneMarks(std::int64_t position, std::size_t ranges_max)
      : position_(position), delivered_end_(position), ranges_max_(ranges_max) {}

  // Every offset of [begin, end) is a record that is handed out now; offsets before it that were not
  // handed out have no record. Requires: delivered_end() <= begin < end.
  void delivered(std::int64_t begin, std::int64_t end, TimePoint now);
  // Up to `end` there is no record more.
  void passed(std::int64_t end);
  // [begin, end) is done. Errors: kInvalidArgument (not handed out); kResourceExhausted (there are more
  // than ranges_max runs of done records behind one that is not).
  [[nodiscard]] Result<void> mark(std::int64_t begin, std::int64_t end);
  // Reading goes on at `offset`, wherever that is. What was handed out below it stays to be marked; what
  // was not counts as done. From it on nothing is done.
  void restart(std::int64_t offset);

  [[nodiscard]] std::int64_t position() const { return position_; }
  [[nodiscard]] std::int64_t delivered_end() const { return delivered_end_; }
  [[nodiscard]] bool has_unmarked() const { return position_ < delivered_end_; }
  // When the oldest record was handed out that is not marked.
  [[nodiscard]] std::optional<TimePoint> oldest_unmarked() const;

 private:
  struct Delivery {
    std::int64_t end;
    TimePoint at;
  };
  void add(std::int64_t begin, std::int64_t end);

  std::int64_t position_;
  std::int64_t delivered_end_;
  std::size_t ranges_max_;
  std::map<std::int64_t, std::int64_t> ranges_;  // above position_, apart from one another: begin -> end
  std::deque<Delivery> deliveries_;              // that hold something unmarked, in order
};

}  // namespace forebay::client
