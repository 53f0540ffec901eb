// Since when followers lack something that their leader has. Pure; owned by the leader's group.
// A follower under load is always a little behind, so what counts is when it last had all that there was: a
// place that it has reached was the leader's end at a time that is remembered.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "model/ids.h"

namespace forebay::raft {

class ReplicaWatch {
 public:
  using Steady = std::chrono::nanoseconds;  // since an arbitrary zero

  // A leadership begins: of nobody is known what it has.
  void begin(Steady now);
  // The leader's log has grown.
  void appended(model::LogPosition end_before, model::LogPosition end, Steady now);
  // A follower has said how far its disk is.
  void flushed(model::NodeId node, model::LogPosition flushed, model::LogPosition end, Steady now);

  // The last time when it had everything; nothing: it has everything. `end`: of the leader's log.
  // `seen`: it had everything in this leadership at all; else the time is that of its begin.
  struct Behind {
    Steady since{};
    bool seen = false;
  };
  [[nodiscard]] std::optional<Behind> behind(model::NodeId node, model::LogPosition end) const;

 private:
  struct Follower {
    model::LogPosition flushed;
    model::LogPosition mark;  // the leader's end at `mark_at`
    Steady mark_at{};
    Steady had_all_at{};
    bool seen = false;
  };
  std::map<model::NodeId, Follower> followers_;  // those that have answered
  Steady began_{};
};

}  // namespace forebay::raft
