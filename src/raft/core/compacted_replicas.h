// How far the replicas of a group have compacted their logs, as its leader hears it: a tombstone may go, in
// time, when nobody has anything any more that it deletes (docs/adr/0016). Pure; owned by the leader's group.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::raft {

class CompactedReplicas {
 public:
  // A leadership begins: of nobody is known anything.
  void begin() { said_.clear(); }
  // What a replica said last: it may be less than before, where frames came from another one.
  void said(const log::Voter& replica, model::LogPosition compacted_to) {
    said_[{replica.node, replica.disk}] = compacted_to;
  }
  // Nothing as long as one of the members, voters and learners, has not been heard.
  [[nodiscard]] std::optional<model::LogPosition> everywhere(const log::Membership& members) const;
  // Of the members those that are not compacted so far, or have not said it; ascending.
  [[nodiscard]] std::vector<model::NodeId> behind(const log::Membership& members,
                                                  model::LogPosition upto) const;

 private:
  std::map<std::pair<model::NodeId, model::Uuid>, model::LogPosition> said_;
};

}  // namespace forebay::raft
