// How fast members that are far behind are sent what is read from the disk for them, so that those who write
// and read now do not wait for it. Pure; of one shard.
//
// As fast as it goes while nobody writes. Else a fixed rate for each member, and never less than twice what
// is written: who is slower than that would be behind for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "model/ids.h"

namespace forebay::raft {

class CatchUpPace {
 public:
  using Steady = std::chrono::nanoseconds;  // since an arbitrary zero

  // `bytes_per_second`: 0 is no bound.
  explicit CatchUpPace(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // Clients have written so much into partitions that are led here.
  void written(std::size_t bytes, Steady now);
  // So much was read for that member.
  void took(model::NodeId member, std::size_t bytes, Steady now);
  // When more may be read for it; not after `now`: at once.
  [[nodiscard]] Steady ready_at(model::NodeId member, Steady now) const;

 private:
  static constexpr Steady kWindow = std::chrono::seconds(1);
  void turn_window(Steady now);
  [[nodiscard]] double rate(Steady now) const;  // 0: as fast as it goes

  std::uint64_t bytes_per_second_;
  Steady window_begin_{};
  std::uint64_t in_window_ = 0, in_window_before_ = 0;
  std::map<model::NodeId, Steady> from_;
};

}  // namespace forebay::raft
