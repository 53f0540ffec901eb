// Which partitions of groups stand still although there is something to read, and why: what an operator is
// told before anybody misses the records. Fed with what is seen now and then; what it says is as old as that.
// Pure; owned by the coordinator; nothing of it is logged: a new coordinator begins to count anew.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "group/core/group_image.h"
#include "group/core/limits.h"

namespace forebay::group {

enum class StallCause : std::uint8_t {
  kNoMembers,      // the group has none
  kNotSubscribed,  // it has, but none of them wants the topic
  kNotTaken,       // nobody owns it yet, though somebody is to
  kStartUnknown,   // the start rule is fail, and nobody has said where to begin
  kOwnerGone,      // the owner's stream is broken; its session is running out
  kOwnerHolds,     // the owner was told to give it up, and has not confirmed
  kOwnerIsSilent,  // the owner is there, and does not commit
};
[[nodiscard]] std::string_view stall_cause_name(StallCause cause);

// One partition of a group, as it is seen.
struct PartitionSight {
  model::TopicPartition partition;
  model::Offset next;  // where the group goes on
  model::Offset end;   // the high watermark
  std::uint64_t lag_records = 0;
  bool start_is_known = true;  // false: nothing is committed, and the start rule is fail
  MemberNumber owner, target;  // kNobody: none
  bool owner_is_attached = false;
  bool is_given_up = false;  // the owner was told to give it up
};

struct Stall {
  StallCause cause = StallCause::kNoMembers;
  std::chrono::milliseconds since{0};  // steady: when it last went on, or was first seen to wait
  friend bool operator==(const Stall&, const Stall&) = default;
};

class StallWatch {
 public:
  using Time = std::chrono::milliseconds;  // since an arbitrary zero
  // Longer than an owner takes between two commits when nothing is wrong: clients commit every few seconds,
  // and a hand-over takes a session at most by default.
  static constexpr Milliseconds kStillMax{30'000};

  // All partitions of a group. Those that are not among them are forgotten.
  void see(const std::string& group, bool has_members, const std::vector<PartitionSight>& partitions,
           Time now);
  void forget(const std::string& group) { groups_.erase(group); }
  void clear() { groups_.clear(); }

  // Nothing: it goes on, or has nothing to read, or has stood for less than kStillMax when it was seen last.
  [[nodiscard]] std::optional<Stall> stall(const std::string& group,
                                           const model::TopicPartition& partition) const;
  // All that stand still.
  [[nodiscard]] std::map<model::TopicPartition, Stall> stalls(const std::string& group) const;

 private:
  struct Seen {
    model::Offset next;
    Time since{0};  // it has been there, with something to read
    std::optional<StallCause> stalled;
  };
  using Partitions = std::map<model::TopicPartition, Seen>;
  std::map<std::string, Partitions> groups_;
};

}  // namespace forebay::group
