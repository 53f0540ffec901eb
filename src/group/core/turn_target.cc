// From who is there and what there is to who is to own what, and from that, step by step, to who does.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "group/core/turn.h"

namespace forebay::group {
namespace {

model::TopicPartition partition_of(const model::TopicId& topic, std::size_t index) {
  return {topic, model::PartitionIndex(static_cast<std::int32_t>(index))};
}

// Ascending.
MemberIndex index_of(const std::vector<MemberNumber>& members, MemberNumber number) {
  const auto at = std::lower_bound(members.begin(), members.end(), number);
  return at == members.end() || *at != number ? kNoMember : static_cast<MemberIndex>(at - members.begin());
}

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

// It was made before the group has last learnt of topics: what is missing in it is not missing. So happens
// when a coordinator begins on a node that is behind with the metadata.
bool Turn::snapshot_is_old() const { return context_.topics.version < group_.roster().topics_version; }

std::vector<std::string> Turn::wanted_by(const Subscription& subscription) const {
  std::vector<std::string> names = subscription.topics;
  if (subscription.pattern.empty()) return names;
  const auto matches = context_.topics.matches.find(subscription.pattern);
  FOREBAY_ASSERT(matches != context_.topics.matches.end());
  names.insert(names.end(), matches->second.begin(), matches->second.end());
  sort_unique(names);
  return names;
}

bool Turn::wants(const Subscription& subscription, const std::string& topic) const {
  if (std::binary_search(subscription.topics.begin(), subscription.topics.end(), topic)) return true;
  if (subscription.pattern.empty()) return false;
  const auto matches = context_.topics.matches.find(subscription.pattern);
  FOREBAY_ASSERT(matches != context_.topics.matches.end());
  return std::binary_search(matches->second.begin(), matches->second.end(), topic);
}

bool Turn::is_wanted_besides(MemberNumber number, const std::string& topic) const {
  const auto& members = group_.roster().members;
  return std::any_of(members.begin(), members.end(), [&](const auto& one) {
    return one.first != number && wants(one.second.settings.subscription, topic);
  });
}

// A member asked for it before this turn, when it was not there: it was made later.
bool Turn::was_wanted(const std::string& topic) const {
  if (applied_ == nullptr) return false;
  const auto& members = applied_->roster.members;
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& one) { return wants(one.second.settings.subscription, topic); });
}

// Returns: whether there is more of it than the group knew.
bool Turn::see_topic(const std::string& name) {
  const TopicView* view = context_.topics.find(name);
  if (view == nullptr) return false;
  const auto partitions = static_cast<std::uint32_t>(view->leader_racks.size());
  const auto known = group_.roster().topics.find(view->id);
  const bool is_new = known == group_.roster().topics.end();
  // An old snapshot may still hold a topic that is deleted, or another one's name.
  if (is_new && snapshot_is_old()) return false;
  if (!is_new && known->second.partitions.size() >= partitions) return false;
  group_.decide(TopicSeen{group_.name(), view->id, name, partitions,
                          is_new && was_wanted(name) ? 0 : partitions, context_.topics.version});
  return true;
}

bool Turn::forget_deleted() {
  if (snapshot_is_old()) return false;
  std::vector<model::TopicId> gone;
  for (const auto& [id, topic] : group_.roster().topics) {
    if (context_.topics.find(topic.name, id) != nullptr) continue;
    gone.push_back(id);
    for (const Ownership& one : topic.partitions) {
      if (one.owner != kNobody) touched_.insert(one.owner);
    }
  }
  for (const model::TopicId& id : gone)
    group_.decide(TopicForgotten{group_.name(), id, context_.topics.version});
  return !gone.empty();
}

// `another`: one more subscription; nothing: none.
std::vector<std::string> Turn::wanted_by_all(const Subscription* another) const {
  std::vector<std::string> names;
  if (another != nullptr) names = wanted_by(*another);
  if (!group_.exists()) return names;
  const Subscription* last = another;  // most members of a group want the same
  for (const auto& [number, member] : group_.roster().members) {
    if (last != nullptr && *last == member.settings.subscription) continue;
    last = &member.settings.subscription;
    const auto wanted = wanted_by(*last);
    names.insert(names.end(), wanted.begin(), wanted.end());
  }
  sort_unique(names);
  return names;
}

// As the metadata has it; none of a topic that is not there.
std::size_t Turn::partitions_of(const std::string& topic) const {
  const TopicView* view = context_.topics.find(topic);
  return view == nullptr ? 0 : view->leader_racks.size();
}

// Of a subscription that the group does not have yet.
Result<void> Turn::check_partitions(const Subscription& subscription) const {
  if (group_.exists()) {
    const auto& members = group_.roster().members;
    if (std::any_of(members.begin(), members.end(),
                    [&](const auto& one) { return one.second.settings.subscription == subscription; })) {
      return {};
    }
  }
  std::size_t partitions = 0;
  for (const std::string& name : wanted_by_all(&subscription)) partitions += partitions_of(name);
  if (partitions <= context_.partitions_max) return {};
  return Error{ErrorCode::kResourceExhausted,
               "with this subscription group '" + group_.name() + "' would have " +
                   std::to_string(partitions) + " partitions; at most " +
                   std::to_string(context_.partitions_max) +
                   " are allowed (group.partitions_max): use several groups, or fewer topics"};
}

// Returns: whether the target has to be made anew.
bool Turn::refresh_topics() {
  bool changed = forget_deleted();
  const std::vector<std::string> names = wanted_by_all(nullptr);
  const auto known_partitions = [this](const std::string& name) {
    const TopicView* view = context_.topics.find(name);
    const auto known = view == nullptr ? group_.roster().topics.end() : group_.roster().topics.find(view->id);
    return known == group_.roster().topics.end() ? std::size_t{0} : known->second.partitions.size();
  };
  std::size_t partitions = 0;
  for (const std::string& name : names) partitions += known_partitions(name);
  topics_left_ = false;
  left_out_ = 0;
  for (const std::string& name : names) {
    const std::size_t known = known_partitions(name);
    const std::size_t there = partitions_of(name);
    if (there <= known) continue;
    if (partitions + there - known > context_.partitions_max) {
      ++left_out_;
    } else if (is_full()) {
      topics_left_ = true;
    } else if (see_topic(name)) {
      partitions += there - known;
      changed = true;
    }
  }
  see_what_nobody_wants(names);
  return changed;
}

// Topics that the group has committed something of: how far it is behind counts in all their partitions.
// `wanted`: sorted.
void Turn::see_what_nobody_wants(const std::vector<std::string>& wanted) {
  std::vector<std::string> grown;
  for (const auto& [id, topic] : group_.roster().topics) {
    const TopicView* view = context_.topics.find(topic.name, id);
    if (view == nullptr || view->leader_racks.size() <= topic.partitions.size()) continue;
    if (!std::binary_search(wanted.begin(), wanted.end(), topic.name)) grown.push_back(topic.name);
  }
  for (const std::string& name : grown) see_topic(name);
}

void Turn::follow_topics() {
  if (group_.exists() && refresh_topics()) want(Retarget::kBalance);
}

// `topics`: filled with the topics of the problem, in their order.
AssignProblem Turn::problem(const std::vector<MemberNumber>& members,
                            std::vector<model::TopicId>& topics) const {
  const Roster& roster = group_.roster();
  AssignProblem problem;
  problem.balance = retarget_ == Retarget::kBalance;
  std::map<std::string, std::size_t, std::less<>> by_name;
  for (const auto& [id, topic] : roster.topics) {
    by_name[topic.name] = topics.size();
    topics.push_back(id);
    const TopicView* view = context_.topics.find(topic.name, id);
    AssignTopic& to = problem.topics.emplace_back();
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Ownership& one = topic.partitions[i];
      to.partitions.push_back(
          {index_of(members, one.target), index_of(members, one.avoided),
           view != nullptr && i < view->leader_racks.size() ? view->leader_racks[i] : ""});
    }
  }
  const Subscription* last = nullptr;
  std::vector<std::string> wanted;
  for (const MemberNumber number : members) {
    const MemberSettings& settings = roster.member(number)->settings;
    if (last == nullptr || *last != settings.subscription) wanted = wanted_by(settings.subscription);
    last = &settings.subscription;
    const auto index = static_cast<MemberIndex>(problem.members.size());
    problem.members.push_back({settings.instance.empty() ? settings.id : settings.instance, settings.rack});
    for (const std::string& name : wanted) {
      if (const auto at = by_name.find(name); at != by_name.end())
        problem.topics[at->second].members.push_back(index);
    }
  }
  return problem;
}

void Turn::set_target() {
  const Roster& roster = group_.roster();
  std::vector<MemberNumber> members;
  for (const auto& [number, member] : roster.members) members.push_back(number);
  std::vector<model::TopicId> topics;
  const AssignProblem asked = problem(members, topics);
  AssignTarget target;
  switch (roster.assignor) {
    case Assignor::kUniformSticky:
      target = assign_uniform_sticky(asked);
      break;
    case Assignor::kRange:
      target = assign_range(asked);
      break;
  }
  TargetSet record{group_.name(), roster.epoch.next(), {}};
  for (std::size_t t = 0; t < topics.size(); ++t) {
    const auto& before = roster.topics.find(topics[t])->second.partitions;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const MemberNumber now = target[t][i] == kNoMember ? kNobody : members[target[t][i]];
      if (now != before[i].target) record.changes.push_back({partition_of(topics[t], i), now});
    }
  }
  if (!record.changes.empty()) group_.decide(std::move(record));
}

// Grants what nobody owns, and asks back what is to be somebody else's.
void Turn::change_ownership() {
  std::map<MemberNumber, OwnershipChanged> changes;
  for (const MemberNumber number : touched_) changes[number];
  for (const auto& [id, topic] : group_.roster().topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Ownership& one = topic.partitions[i];
      if (one.owner == kNobody) {
        if (one.target != kNobody) changes[one.target].granted.push_back(partition_of(id, i));
      } else if (one.owner != one.target && !one.is_given_up()) {
        changes[one.owner].giving_up.push_back(partition_of(id, i));
      }
    }
  }
  for (auto& [number, change] : changes) {
    change.group = group_.name();
    change.member = number;
    change.assignment = group_.roster().member(number)->assignment.next();
    group_.decide(std::move(change));
    attached_.insert(number);
  }
}

std::vector<WantedStart> Turn::wanted_starts() const {
  return starts_wanted(group_.start(), group_.roster(),
                       [this](const model::TopicPartition& partition) { return group_.position(partition); });
}

}  // namespace forebay::group
