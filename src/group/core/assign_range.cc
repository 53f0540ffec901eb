#include <algorithm>

#include "group/core/assignment.h"

namespace forebay::group {
namespace {

// What was given back as too slow goes to whoever has least of the topic, of the others.
void go_round_avoided(const AssignTopic& topic, std::vector<MemberIndex>& target) {
  if (topic.members.size() < 2) return;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != topic.partitions[i].avoided || target[i] == kNoMember) continue;
    const auto load = [&](MemberIndex member) { return std::count(target.begin(), target.end(), member); };
    MemberIndex best = kNoMember;
    for (const MemberIndex member : topic.members) {
      if (member != target[i] && (best == kNoMember || load(member) < load(best))) best = member;
    }
    target[i] = best;
  }
}

}  // namespace

AssignTarget assign_range(const AssignProblem& problem) {
  AssignTarget target;
  for (const AssignTopic& topic : problem.topics) {
    auto& owners = target.emplace_back(topic.partitions.size(), kNoMember);
    if (topic.members.empty()) continue;
    std::vector<MemberIndex> members = topic.members;
    std::stable_sort(members.begin(), members.end(), [&](MemberIndex a, MemberIndex b) {
      return problem.members[a].order < problem.members[b].order;
    });
    const std::size_t each = owners.size() / members.size();
    const std::size_t one_more = owners.size() % members.size();
    std::size_t next = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const std::size_t end = next + each + (i < one_more ? 1 : 0);
      std::fill(owners.begin() + static_cast<std::ptrdiff_t>(next),
                owners.begin() + static_cast<std::ptrdiff_t>(end), members[i]);
      next = end;
    }
    go_round_avoided(topic, owners);
  }
  return target;
}

}  // namespace forebay::group
