// Majorities of a membership: of its voters and, while it changes, of the next voters too. Learners never
// count.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::raft {

// The highest position that a majority of `voters` has reached.
[[nodiscard]] inline model::LogPosition majority_position(
    const std::vector<log::Voter>& voters, const std::function<model::LogPosition(model::NodeId)>& reached) {
  std::vector<model::LogPosition> positions;
  positions.reserve(voters.size());
  for (const log::Voter& voter : voters) positions.push_back(reached(voter.node));
  const auto majority = positions.begin() + static_cast<std::ptrdiff_t>(voters.size() / 2);
  std::nth_element(positions.begin(), majority, positions.end(), std::greater<>());
  return *majority;
}

[[nodiscard]] inline model::LogPosition quorum_position(
    const log::Membership& membership, const std::function<model::LogPosition(model::NodeId)>& reached) {
  const model::LogPosition now = majority_position(membership.voters, reached);
  if (membership.next_voters.empty()) return now;
  return std::min(now, majority_position(membership.next_voters, reached));
}

[[nodiscard]] inline bool is_majority(const std::vector<log::Voter>& voters,
                                      const std::function<bool(model::NodeId)>& counts) {
  const auto yes = std::count_if(voters.begin(), voters.end(),
                                 [&counts](const log::Voter& voter) { return counts(voter.node); });
  return static_cast<std::size_t>(yes) > voters.size() / 2;
}

[[nodiscard]] inline bool is_quorum(const log::Membership& membership,
                                    const std::function<bool(model::NodeId)>& counts) {
  return is_majority(membership.voters, counts) &&
         (membership.next_voters.empty() || is_majority(membership.next_voters, counts));
}

}  // namespace forebay::raft
