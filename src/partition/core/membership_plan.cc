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

std::string comma_separated(const std::vector<model::NodeId>& nodes) {
  std::string text;
  for (const model::NodeId node : nodes) text += (text.empty() ? "" : ", ") + std::to_string(node.value());
  return text;
}

bool is_in_step(const MembershipView& view, const Voter& voter) {
  if (voter == view.self) return true;
  const MemberProgress progress = view.progress(voter.node);
  return progress.reachable && progress.flushed >= view.commit;
}

// Who leaves holds a copy that may be needed as long as too few of the others have everything. Empty: they
// do.
std::string missing_majority(const MembershipView& view, const std::vector<Voter>& target) {
  std::vector<model::NodeId> behind;
  for (const Voter& voter : target) {
    if (!is_in_step(view, voter)) behind.push_back(voter.node);
  }
  if (2 * (target.size() - behind.size()) > target.size()) return {};
  return std::string(behind.size() == 1 ? "node " : "nodes ") + comma_separated(behind) +
         " to be reachable and caught up, before others leave";
}

// The best of those who stay and vote already; a learner must become a voter first.
const Voter* heir_of(const MembershipView& view, const std::vector<Voter>& target) {
  const Voter* heir = nullptr;
  for (const Voter& voter : target) {
    if (!contains(view.now.voters, voter) || !is_in_step(view, voter)) continue;
    if (heir == nullptr || view.progress(voter.node).flushed > view.progress(heir->node).flushed)
      heir = &voter;
  }
  return heir;
}

std::vector<Voter> sorted(std::vector<Voter> voters) {
  std::sort(voters.begin(), voters.end());
  return voters;
}

}  // namespace

MembershipStep plan_membership(const MembershipView& view, const WantedMembers& wanted) {
  MembershipStep step;
  const std::vector<Voter> target = sorted(wanted.voters);
  const std::vector<Voter> learners = sorted(wanted.learners);
  std::vector<Voter> everybody = target;
  everybody.insert(everybody.end(), learners.begin(), learners.end());
  if (!view.settled) {
    step.waits_for = "a change of the members to be committed";
    return step;
  }
  const Membership& now = view.now;
  if (sorted(now.voters) == target && sorted(now.learners) == learners) return step;

  // A node with another disk than before is somebody else: the one that it was can never vote again.
  Membership without_wiped = now;
  std::erase_if(without_wiped.voters, [&](const Voter& voter) {
    const Voter* named = of_node(everybody, voter.node);
    return named != nullptr && named->disk != voter.disk && voter != view.self;
  });
  std::erase_if(without_wiped.learners, [&](const Voter& learner) { return !contains(everybody, learner); });
  for (const Voter& voter : everybody) {
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
    if (contains(learners, learner)) {
      learning.push_back(learner);
      continue;
    }
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
    if (std::string missing = missing_majority(view, target); !missing.empty()) {
      step.waits_for = std::move(missing);
      return step;
    }
    std::erase_if(ready, [&target](const Voter& voter) { return !contains(target, voter); });
    // Among them those that give up their vote now.
    learning = learners;
  }
  ready = sorted(ready);
  if (all_ready && !contains(target, view.self)) {
    if (const Voter* heir = heir_of(view, target); heir != nullptr) {
      step.waits_for.clear();
      step.transfer_to = heir->node;
      return step;
    }
    // Nobody could take over yet: those who are ready vote beside this node first.
    ready = now.voters;
    learning.clear();
    for (const Voter& learner : now.learners)
      (contains(learners, learner) ? learning : ready).push_back(learner);
    ready = sorted(ready);
    if (ready == sorted(now.voters)) {
      step.waits_for = "a voter that stays to catch up, to take over the leadership";
      return step;
    }
  }
  if (ready == sorted(now.voters) && sorted(learning) == sorted(now.learners)) return step;
  step.waits_for.clear();
  step.change = Membership{std::move(ready), {}, std::move(learning)};
  return step;
}

}  // namespace forebay::partition
