#include "partition/core/majority_loss.h"

#include <algorithm>

#include "raft/core/quorum.h"

namespace forebay::partition {
namespace {

using log::Voter;

bool contains(const std::vector<Voter>& voters, const Voter& voter) {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

Error refused(std::string why) { return Error{ErrorCode::kFailedPrecondition, std::move(why)}; }

std::string node_text(model::NodeId node) { return "node " + std::to_string(node.value()); }

std::vector<Voter> voters_left(const MajorityLossFacts& facts) {
  std::vector<Voter> left;
  for (const auto* voters : {&facts.members.voters, &facts.members.next_voters}) {
    for (const Voter& voter : *voters) {
      if (!contains(facts.out_of_reach, voter) && !contains(left, voter)) left.push_back(voter);
    }
  }
  std::sort(left.begin(), left.end());
  return left;
}

}  // namespace

Result<MajorityLoss> judge_majority_loss(const MajorityLossFacts& facts, Steady now) {
  if (!facts.failure.empty())
    return refused("the replica on " + node_text(facts.self.node) + " has stopped: " + facts.failure);
  if (facts.leader) {
    return refused(
        node_text(*facts.leader) +
        " leads the partition: a majority of its voters is there, and nothing needs to be recovered");
  }
  const std::vector<Voter> left = voters_left(facts);
  if (!contains(left, facts.self))
    return refused(node_text(facts.self.node) + " is no voter of the partition; name one that is");
  if (facts.tail_lost) {
    return refused(
        "the end of the log on " + node_text(facts.self.node) +
        " is lost as well; name another replica, or accept that loss first: forebay log accept-loss");
  }
  const bool majority = raft::is_quorum(facts.members, [&left](model::NodeId node) {
    return std::any_of(left.begin(), left.end(), [node](const Voter& one) { return one.node == node; });
  });
  if (majority) {
    return refused(
        "a majority of the voters can be reached: they elect a leader by themselves within seconds");
  }
  const Steady alone_for = facts.leaderless_since ? now - *facts.leaderless_since : Steady{};
  if (alone_for < kMajorityGoneAtLeast) {
    return refused("this node has missed the others for " +
                   std::to_string(std::chrono::duration_cast<std::chrono::seconds>(alone_for).count()) +
                   " s only; ask again when it has for " + std::to_string(kMajorityGoneAtLeast.count()) +
                   " s");
  }
  return MajorityLoss{facts.out_of_reach, left, facts.end.next_offset, facts.commit.next_offset};
}

}  // namespace forebay::partition
