// How long groups take until they have read all, if they and those who write go on as of late. Fed with what
// is seen now and then. Pure; owned by the coordinator; nothing of it is logged: a new coordinator knows it
// when it has looked for a while.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "group/core/limits.h"
#include "group/core/stall_watch.h"

namespace forebay::group {

class CatchUp {
 public:
  using Time = StallWatch::Time;
  // What was seen so long ago counts 1/e of what is seen now.
  static constexpr Milliseconds kMemory{60'000};
  // Of less nothing is said: members commit every few seconds, all at once.
  static constexpr Milliseconds kSpanMin{5'000};
  // Between two looks that are compared: of those that come faster the later ones are left out.
  static constexpr Milliseconds kStepMin{1'000};
  // Who would need longer does not catch up.
  static constexpr Milliseconds kLongest{std::chrono::hours(24 * 365)};

  // All partitions of a group. Those that are not among them are forgotten.
  void see(const std::string& group, const std::vector<PartitionSight>& partitions, Time now);
  void forget(const std::string& group) { groups_.erase(group); }
  void clear() { groups_.clear(); }

  // Zero: it had all when it was seen last. Nothing: it does not catch up at this pace, nobody owns it, or
  // too little was seen.
  [[nodiscard]] std::optional<Milliseconds> of(const std::string& group,
                                               const model::TopicPartition& partition) const;
  // Of all partitions that are behind, as if each helped the others. Nothing also: one of them is nobody's,
  // or has not been looked at for long enough.
  [[nodiscard]] std::optional<Milliseconds> of(const std::string& group) const;

 private:
  // The records that were read and written in a time; what is long ago has faded in all three.
  struct Pace {
    double read = 0, written = 0;
    double span_ms = 0;    // of that time
    Milliseconds seen{0};  // of that time, not faded
  };
  struct Seen {
    model::Offset next, end;
    Time at{0};
    MemberNumber owner;
    std::uint64_t lag_records = 0;
    Pace pace;
  };
  using Partitions = std::map<model::TopicPartition, Seen>;
  static void follow(Seen& seen, const PartitionSight& sight, Time now);

  std::map<std::string, Partitions> groups_;
};

}  // namespace forebay::group
