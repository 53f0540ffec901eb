// Keep what may be kept, place what is left over where there is least, then mend the balance along shortest
// chains of moves (a semi-matching: when no such chain is left the loads are as even as the subscriptions
// allow).
#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

#include "base/assert.h"
#include "group/core/assignment.h"

namespace forebay::group {
namespace {

struct Spot {
  std::uint32_t topic = 0;
  std::uint32_t index = 0;
};

class Balancer {
 public:
  explicit Balancer(const AssignProblem& problem) : problem_(problem), held_(problem.members.size()) {
    for (const AssignTopic& topic : problem.topics) {
      target_.emplace_back(topic.partitions.size(), kNoMember);
      auto& may = may_have_.emplace_back(problem.members.size(), false);
      for (const MemberIndex member : topic.members) may[member] = true;
    }
  }

  AssignTarget solve() {
    std::vector<Spot> left = keep();
    place(left);
    if (problem_.balance) balance();
    return std::move(target_);
  }

 private:
  const AssignPartition& partition(Spot spot) const {
    return problem_.topics[spot.topic].partitions[spot.index];
  }
  std::size_t load(MemberIndex member) const { return held_[member].size(); }
  bool may_have(Spot spot, MemberIndex member) const {
    if (!may_have_[spot.topic][member]) return false;
    return partition(spot).avoided != member || problem_.topics[spot.topic].members.size() == 1;
  }
  bool is_near(Spot spot, MemberIndex member) const {
    const std::string& rack = partition(spot).rack;
    return !rack.empty() && rack == problem_.members[member].rack;
  }
  void give(Spot spot, MemberIndex member) {
    target_[spot.topic][spot.index] = member;
    held_[member].push_back(spot);
  }

  // Returns: what has no owner, those first that fewer members may have.
  std::vector<Spot> keep() {
    std::vector<Spot> left;
    std::vector<std::uint32_t> order(problem_.topics.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
      return problem_.topics[a].members.size() < problem_.topics[b].members.size();
    });
    for (const std::uint32_t topic : order) {
      if (problem_.topics[topic].members.empty()) continue;
      for (std::uint32_t i = 0; i < target_[topic].size(); ++i) {
        const Spot spot{topic, i};
        const MemberIndex previous = partition(spot).previous;
        if (previous != kNoMember && may_have(spot, previous)) {
          give(spot, previous);
        } else {
          left.push_back(spot);
        }
      }
    }
    return left;
  }

  // The one with least, near ones first among equals. kNoMember: none with less than `below`.
  MemberIndex least_loaded(Spot spot, bool near_only, std::size_t below) const {
    MemberIndex best = kNoMember;
    for (const MemberIndex member : problem_.topics[spot.topic].members) {
      if (load(member) >= below || !may_have(spot, member)) continue;
      const bool near = is_near(spot, member);
      if (near_only && !near) continue;
      if (best == kNoMember || std::pair(load(member), !near) < std::pair(load(best), !is_near(spot, best)))
        best = member;
    }
    return best;
  }

  void place(std::vector<Spot>& left) {
    std::size_t total = left.size();
    for (const auto& held : held_) total += held.size();
    // Up to its share a member takes what is near; balance has the last word.
    const std::size_t share = problem_.members.empty() ? 0 : total / problem_.members.size();
    std::erase_if(left, [&](Spot spot) {
      if (partition(spot).rack.empty()) return false;
      const MemberIndex member = least_loaded(spot, true, share);
      if (member == kNoMember) return false;
      give(spot, member);
      return true;
    });
    for (const Spot spot : left)
      give(spot, least_loaded(spot, false, std::numeric_limits<std::size_t>::max()));
  }

  // What it costs to move this partition there: a partition that was not there before has to move anyway.
  auto cost(Spot spot, MemberIndex from, MemberIndex to) const {
    return std::tuple(partition(spot).previous != to, partition(spot).previous == from, !is_near(spot, to),
                      is_near(spot, from));
  }

  struct Step {
    MemberIndex from = kNoMember;
    std::uint32_t topic = 0;
  };

  void move_along(const std::vector<Step>& steps, MemberIndex source, MemberIndex sink) {
    for (MemberIndex to = sink; to != source; to = steps[to].from) {
      const auto [from, topic] = steps[to];
      auto& held = held_[from];
      auto best = held.end();
      for (auto one = held.begin(); one != held.end(); ++one) {
        if (one->topic != topic || !may_have(*one, to)) continue;
        if (best == held.end() || cost(*one, from, to) <= cost(*best, from, to)) best = one;
      }
      FOREBAY_ASSERT(best != held.end());
      const Spot spot = *best;
      held.erase(best);
      give(spot, to);
    }
  }

  // One member's search for somebody who has two less. A region that was searched in vain is closed: nobody
  // in it can reach such a one, and as sources come in the order of their loads it stays so (`settled`).
  void relieve(MemberIndex source, std::vector<bool>& settled) {
    std::vector<Step> steps(problem_.members.size());
    std::vector<bool> seen = settled;
    std::vector<bool> topic_done(problem_.topics.size(), false);
    std::vector<MemberIndex> reached{source};
    seen[source] = true;
    MemberIndex sink = source;
    for (std::size_t next = 0; next < reached.size(); ++next) {
      const MemberIndex from = reached[next];
      for (auto at = held_[from].rbegin(); at != held_[from].rend(); ++at) {  // the last ones came last
        const Spot held = *at;
        if (topic_done[held.topic]) continue;
        bool all = true;  // whom any partition of this topic may reach is reached
        for (const MemberIndex to : problem_.topics[held.topic].members) {
          if (seen[to]) continue;
          if (!may_have(held, to)) {
            all = false;
            continue;
          }
          seen[to] = true;
          steps[to] = {from, held.topic};
          reached.push_back(to);
          if (load(to) < load(sink)) sink = to;
        }
        topic_done[held.topic] = all;
      }
    }
    if (load(sink) + 2 > load(source)) {
      for (const MemberIndex member : reached) settled[member] = true;
      return;
    }
    move_along(steps, source, sink);
  }

  void balance() {
    std::vector<bool> settled(problem_.members.size(), false);
    for (;;) {
      MemberIndex source = kNoMember;
      for (MemberIndex member = 0; member < problem_.members.size(); ++member) {
        if (!settled[member] && (source == kNoMember || load(member) > load(source))) source = member;
      }
      if (source == kNoMember) return;
      relieve(source, settled);
    }
  }

  const AssignProblem& problem_;
  std::vector<std::vector<Spot>> held_;
  std::vector<std::vector<bool>> may_have_;  // by topic and member
  AssignTarget target_;
};

}  // namespace

AssignTarget assign_uniform_sticky(const AssignProblem& problem) { return Balancer(problem).solve(); }

}  // namespace forebay::group
