#include "partition/core/membership_plan.h"

#include <algorithm>

namespace forebay::partition {
namespace {

using log::Membership;
using log::Voter;

bool contains(const std::vector<Voter>& voters, const Voter& voter) {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

const Voter* of_node(const std::vector<Voter>& voters, model::NodeId node) {
  const auto at =
      std::find_if(voters.begin(), voters.end(), [node](const Voter& v) { return v.node == node; });
  return at == voters.end() ? nullptr : &*at;
}

std::string name_of(model::NodeId node) { return "node " + std::to_string(node.value()); }

std::vector<Voter> sorted(std::vector<Voter> voters) {
  std::sort(voters.begin(), voters.end());
  return voters;
}

}  // namespace

MembershipStep plan_membership(const MembershipView& view, const std::vector<Voter>& wanted) {
  MembershipStep step;
  const std::vector<Voter> target = sorted(wanted);
  if (!view.settled) {
    step.waits_for = "a change of the members to be committed";
    return step;
  }
  const Membership& now = view.now;
  if (sorted(now.voters) == target && now.learners.empty()) return step;

  // A node with another disk than before is somebody else: the one that it was can never vote again.
  Membership without_wiped = now;
  std::erase_if(without_wiped.voters, [&](const Voter& voter) {
    const Voter* named = of_node(target, voter.node);
    return named != nullptr && named->disk != voter.disk && voter != view.self;
  });
  std::erase_if(without_wiped.learners, [&](const Voter& learner) { return !contains(target, learner); });
  for (const Voter& voter : target) {
    if (!contains(without_wiped.voters, voter) && !contains(without_wiped.learners, voter) &&
        of_node(without_wiped.voters, voter.node) == nullptr) {
      without_wiped.learners.push_back(voter);
    }
  }
  without_wiped.learners = sorted(without_wiped.learners);
  if (without_wiped != now) {
    step.change = std::move(without_wiped);
    return step;
  }

  std::vector<Voter> ready = now.voters;
  std::vector<Voter> learning;
  for (const Voter& learner : now.learners) {
    const MemberProgress progress = view.progress(learner.node);
    if (progress.reachable && progress.flushed >= view.commit) {
      ready.push_back(learner);
    } else {
      learning.push_back(learner);
      if (step.waits_for.empty())
        step.waits_for = name_of(learner.node) + (progress.reachable ? " to catch up" : " to be reachable");
    }
  }
  const bool all_ready = std::all_of(target.begin(), target.end(),
                                     [&ready](const Voter& voter) { return contains(ready, voter); });
  if (all_ready) {
    std::erase_if(ready, [&target](const Voter& voter) { return !contains(target, voter); });
    learning.clear();
  }
  ready = sorted(ready);
  if (all_ready && !contains(target, view.self)) {
    // The best of those who stay and vote already; a learner must become a voter first.
    std::optional<model::NodeId> heir;
    for (const Voter& voter : target) {
      if (!contains(now.voters, voter)) continue;
      const MemberProgress progress = view.progress(voter.node);
      if (progress.reachable && (!heir || progress.flushed > view.progress(*heir).flushed)) heir = voter.node;
    }
    if (heir) {
      step.waits_for.clear();
      step.transfer_to = heir;
      return step;
    }
    // Nobody could take over yet: those who are ready vote beside this node first.
    ready = now.voters;
    for (const Voter& learner : now.learners) ready.push_back(learner);
    ready = sorted(ready);
  }
  if (ready == sorted(now.voters) && learning.size() == now.learners.size()) return step;
  step.waits_for.clear();
  step.change = Membership{std::move(ready), {}, std::move(learning)};
  return step;
}

}  // namespace forebay::partition
