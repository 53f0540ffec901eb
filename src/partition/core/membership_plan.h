// The way from the members that a partition has to those that it should have, one step at a time. Pure; asked
// again by the leader whenever something has changed.
//
// Who is new learns first and votes when it has what the leader has: a voter that lacks the log makes the
// partition stop as soon as another one is lost. Who leaves goes when all who stay are voters, and a majority
// of those is in step; a leader that leaves hands over first, to one that has all that is committed. Who is
// to learn only never votes; a voter that is to do so from now on gives its vote up as if it left.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::partition {

struct MemberProgress {
  bool reachable = false;
  model::LogPosition flushed;
};

struct MembershipView {
  log::Membership now;
  bool settled = false;  // committed, and no joint one
  log::Voter self;       // the leader
  model::LogPosition commit;
  std::function<MemberProgress(model::NodeId)> progress;  // of the others
};

struct MembershipStep {
  std::optional<log::Membership> change;
  std::optional<model::NodeId> transfer_to;
  // What it waits for, in words; empty when there is a step or nothing is left to do.
  std::string waits_for;
  [[nodiscard]] bool done() const { return !change && !transfer_to && waits_for.empty(); }
};

struct WantedMembers {
  std::vector<log::Voter> voters;
  std::vector<log::Voter> learners;  // that are to stay such; none of the voters
  friend bool operator==(const WantedMembers&, const WantedMembers&) = default;
};
// There are wanted voters.
[[nodiscard]] MembershipStep plan_membership(const MembershipView& view, const WantedMembers& wanted);

}  // namespace forebay::partition
