// Who comes, goes and confirms. Offsets are in turn_offsets.cc, targets in turn_target.cc.
#include "group/core/turn.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "group/core/texts.h"

namespace forebay::group {
namespace {

Error refused(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

Result<void> check_length(const char* what, const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return {};
  return refused(std::string(what) + " has " + std::to_string(text.size()) + " bytes; at most " +
                 std::to_string(bytes_max) + " are allowed");
}

Result<Milliseconds> time_within(const char* what, Milliseconds asked, Milliseconds otherwise,
                                 Milliseconds min, Milliseconds max) {
  if (asked == Milliseconds{0}) return otherwise;
  if (asked >= min && asked <= max) return asked;
  return refused(std::string(what) + " of " + std::to_string(asked.count()) +
                 " ms is not possible; it is from " + std::to_string(min.count()) + " to " +
                 std::to_string(max.count()) + " ms");
}

// In its one form. Errors: kInvalidArgument.
Result<Subscription> checked(Subscription subscription) {
  std::sort(subscription.topics.begin(), subscription.topics.end());
  subscription.topics.erase(std::unique(subscription.topics.begin(), subscription.topics.end()),
                            subscription.topics.end());
  if (subscription.topics.empty() && subscription.pattern.empty())
    return refused("the subscription is empty; name topics, or a pattern");
  if (subscription.topics.size() > kTopicsPerSubscriptionMax) {
    return refused("the subscription has " + std::to_string(subscription.topics.size()) +
                   " topics; at most " + std::to_string(kTopicsPerSubscriptionMax) +
                   " are allowed: use a pattern");
  }
  FOREBAY_CHECK(check_length("the pattern", subscription.pattern, kPatternBytesMax));
  std::size_t bytes = 0;
  for (const std::string& topic : subscription.topics) {
    bytes += topic.size();
    if (topic.empty()) return refused("the subscription has a topic without a name");
    FOREBAY_CHECK(check_length("a topic name in the subscription", topic, kGroupNameBytesMax));
    if (topic.starts_with("__"))
      return refused("topic '" + topic + "' is internal; groups cannot subscribe to it");
  }
  if (bytes > kSubscriptionBytesMax) {
    return refused("the topics of the subscription have names of " + std::to_string(bytes) +
                   " bytes in all; at most " + std::to_string(kSubscriptionBytesMax) +
                   " are allowed: use a pattern");
  }
  return subscription;
}

Result<void> check_names(const JoinInput& input) {
  FOREBAY_CHECK(check_length("the instance id", input.instance, kNameBytesMax));
  FOREBAY_CHECK(check_length("the client id", input.client_id, kNameBytesMax));
  FOREBAY_CHECK(check_length("the rack", input.rack, kNameBytesMax));
  return check_length("the host", input.host, kNameBytesMax);
}

Result<MemberSettings> settings_of(const JoinInput& input) {
  FOREBAY_CHECK(check_names(input));
  MemberSettings settings;
  settings.instance = input.instance;
  settings.client_id = input.client_id;
  settings.host = input.host;
  settings.rack = input.rack;
  FOREBAY_TRY(settings.subscription, checked(input.subscription));
  FOREBAY_TRY(settings.session,
              time_within("a session timeout", input.session, kSessionDefault, kSessionMin, kSessionMax));
  FOREBAY_TRY(settings.revoke,
              time_within("a revoke timeout", input.revoke, std::max(kRevokeDefault, settings.session),
                          kRevokeMin, kRevokeMax));
  if (settings.revoke < settings.session) {
    return refused("a revoke timeout of " + std::to_string(settings.revoke.count()) +
                   " ms is shorter than the session timeout of " + std::to_string(settings.session.count()) +
                   " ms; a member that is cut off would lose partitions before it stops");
  }
  return settings;
}

Error unknown_member(const std::string& group, const std::string& id) {
  return Error{ErrorCode::kUnknownMember,
               "group '" + group + "' has no member '" + id + "', or no longer; join again, without an id"};
}

Error replaced(const std::string& group, const std::string& instance, const std::string& id) {
  return Error{ErrorCode::kMemberFenced, "another instance has taken the place of member '" + id +
                                             "' as static member '" + instance + "' of group '" + group +
                                             "'; stop this one, or give it an instance id of its own"};
}

Error other_epoch(const std::string& id, MemberEpoch asked, MemberEpoch now) {
  return Error{ErrorCode::kMemberFenced, "member '" + id + "' has attached again, in epoch " +
                                             std::to_string(now.value()) + "; what speaks in epoch " +
                                             std::to_string(asked.value()) + " has to stop"};
}

Error removed_error(const std::string& group, const MemberSettings& member, Removal why) {
  if (why == Removal::kRevokeTimedOut) {
    return Error{ErrorCode::kMemberFenced,
                 "member '" + member.id + "' did not give up its partitions within " +
                     std::to_string(member.revoke.count()) + " ms and is out of group '" + group +
                     "'; join again, with a longer revoke timeout if the work needs it"};
  }
  return Error{ErrorCode::kUnknownMember, "nothing was heard of member '" + member.id + "' for " +
                                              std::to_string(member.session.count()) +
                                              " ms and it is out of group '" + group +
                                              "'; join again, without an id"};
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

}  // namespace

Result<void> check_group_name(std::string_view name) {
  if (!name.empty() && name.size() <= kGroupNameBytesMax &&
      std::all_of(name.begin(), name.end(), is_name_character)) {
    return {};
  }
  return refused("group name '" + std::string(name.substr(0, kGroupNameBytesMax)) +
                 "' is not possible; it is 1 to " + std::to_string(kGroupNameBytesMax) +
                 " letters, digits, '.', '_' and '-'");
}

Turn::Turn(std::string group, const Group* applied, const TurnContext& context)
    : group_(std::move(group), applied), applied_(applied), context_(context) {}

Result<void> Turn::check_exists() const {
  if (group_.exists()) return {};
  return Error{ErrorCode::kUnknownGroup, "there is no group '" + group_.name() +
                                             "'; its first member makes it, or 'forebay group create'"};
}

Result<MemberNumber> Turn::find(const MemberRef& member) const {
  FOREBAY_CHECK(check_exists());
  const Roster& roster = group_.roster();
  const MemberNumber number = roster.number_of(member.id);
  if (number == kNobody) {
    for (const auto& [other, there] : roster.members) {
      if (!member.id.empty() && there.settings.replaced_id == member.id)
        return replaced(group_.name(), there.settings.instance, member.id);
    }
    return unknown_member(group_.name(), member.id);
  }
  const MemberEpoch now = roster.member(number)->settings.epoch;
  if (now != member.epoch) return other_epoch(member.id, member.epoch, now);
  return number;
}

// Makes the group, or sees that it is what is asked for.
Result<void> Turn::settle_group(const std::optional<StartRule>& start,
                                const std::optional<Assignor>& assignor) {
  if (!group_.exists()) {
    FOREBAY_CHECK(check_group_name(group_.name()));
    if (context_.group_count >= kGroupsPerCoordinatorMax) {
      return Error{ErrorCode::kResourceExhausted,
                   "the coordinator of group '" + group_.name() + "' has " +
                       std::to_string(context_.group_count) +
                       " groups, which is all that it takes; delete those that nobody needs"};
    }
    group_.decide(GroupCreated{group_.name(), start.value_or(StartRule{}),
                               assignor.value_or(Assignor::kUniformSticky)});
    return {};
  }
  if (start && *start != group_.start()) {
    return Error{ErrorCode::kStartRuleConflict,
                 "group '" + group_.name() + "' was created with start rule '" + to_text(group_.start()) +
                     "' and '" + to_text(*start) +
                     "' is asked for; leave it out, or move the offsets with 'forebay group reset'"};
  }
  const Assignor present = group_.roster().assignor;
  if (!assignor || *assignor == present) return {};
  if (!group_.roster().members.empty()) {
    return Error{ErrorCode::kFailedPrecondition,
                 "group '" + group_.name() + "' uses assignor " + std::string(assignor_name(present)) +
                     " and " + std::string(assignor_name(*assignor)) +
                     " is asked for; leave it out, or stop all members first"};
  }
  group_.decide(AssignorSet{group_.name(), *assignor});
  return {};
}

Result<Joined> Turn::join(const JoinInput& input) {
  FOREBAY_TRY(MemberSettings settings, settings_of(input));
  if (!group_.exists()) {
    if (!input.member_id.empty()) return unknown_member(group_.name(), input.member_id);
    FOREBAY_CHECK(check_partitions(settings.subscription));
    FOREBAY_CHECK(settle_group(input.start, input.assignor));
    return join_as(kNobody, std::move(settings), input);
  }
  const Roster& roster = group_.roster();
  const auto instance = roster.by_instance.find(input.instance);
  const MemberNumber place = instance != roster.by_instance.end() ? instance->second : kNobody;
  MemberNumber number = place;
  if (!input.member_id.empty()) {
    number = roster.number_of(input.member_id);
    if (number == kNobody && place != kNobody)
      return replaced(group_.name(), input.instance, input.member_id);
    if (number == kNobody) return find({input.member_id, input.epoch}).error();
    const MemberSettings& there = roster.member(number)->settings;
    if (there.instance != input.instance) {
      return refused("member '" + input.member_id + "' has instance id '" + there.instance + "', not '" +
                     input.instance + "'");
    }
    if (input.epoch > there.epoch) return other_epoch(input.member_id, input.epoch, there.epoch);
  } else if (const MemberNumber same = roster.number_of(input.new_id); same != kNobody) {
    // The answer to its first join was lost.
    if (roster.member(same)->settings.instance != input.instance)
      return refused("new member id '" + input.new_id + "' is that of another member");
    number = same;
  } else if (number == kNobody && roster.members.size() >= kMembersPerGroupMax) {
    return Error{ErrorCode::kResourceExhausted,
                 "group '" + group_.name() + "' has " + std::to_string(roster.members.size()) +
                     " members, which is all that a group may have; use more groups, or fewer members"};
  }
  FOREBAY_CHECK(check_partitions(settings.subscription));
  FOREBAY_CHECK(settle_group(input.start, input.assignor));
  return join_as(number, std::move(settings), input);
}

// `number`: of the member that comes back or whose place is taken; kNobody: a new one.
Result<Joined> Turn::join_as(MemberNumber number, MemberSettings settings, const JoinInput& input) {
  if (number == kNobody) {
    number = group_.roster().last_number.next();
    settings.id = input.new_id;
    settings.epoch = MemberEpoch(1);
    set_member(number, std::move(settings));
    return joined(number);
  }
  const MemberSettings before = group_.roster().member(number)->settings;
  const bool comes_back = !input.member_id.empty() || before.id == input.new_id;
  settings.id = comes_back ? before.id : input.new_id;
  settings.replaced_id = comes_back ? before.replaced_id : before.id;
  settings.epoch = before.epoch.next();
  ended_.push_back({number, before.id, before.epoch,
                    comes_back ? other_epoch(before.id, before.epoch, settings.epoch)
                               : replaced(group_.name(), before.instance, before.id)});
  MemberSettings as_before = settings;
  as_before.epoch = before.epoch;
  if (as_before == before) {
    group_.decide(MemberResumed{group_.name(), number, settings.epoch});
    attached_.insert(number);
  } else {
    set_member(number, std::move(settings));
  }
  // What it does not hold any more it has stopped with: nobody needs to wait for it.
  release_given_up(number, group_.roster().member(number)->assignment,
                   comes_back ? input.owned : Partitions{});
  return joined(number);
}

void Turn::set_member(MemberNumber number, MemberSettings settings) {
  const Member* before = group_.roster().member(number);
  if (before == nullptr || before->settings.subscription != settings.subscription) want(Retarget::kBalance);
  group_.decide(MemberSet{group_.name(), number, std::move(settings)});
  attached_.insert(number);
}

Joined Turn::joined(MemberNumber number) const {
  const MemberSettings& settings = group_.roster().member(number)->settings;
  return {number,
          settings.id,
          settings.epoch,
          settings.session,
          heartbeat_interval_of(settings.session),
          group_.start(),
          group_.roster().assignor};
}

Result<void> Turn::subscribe(const MemberRef& member, Subscription subscription) {
  FOREBAY_TRY(const MemberNumber number, find(member));
  FOREBAY_TRY(Subscription wanted, checked(std::move(subscription)));
  MemberSettings settings = group_.roster().member(number)->settings;
  if (settings.subscription == wanted) return {};
  FOREBAY_CHECK(check_partitions(wanted));
  settings.subscription = std::move(wanted);
  set_member(number, std::move(settings));
  return {};
}

// Of what the member has been told to give up by these assignments, all but `except`.
void Turn::release_given_up(MemberNumber number, AssignmentNumber up_to, const Partitions& except) {
  const std::set<model::TopicPartition> kept(except.begin(), except.end());
  Partitions released;
  for (const auto& [id, topic] : group_.roster().topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Ownership& one = topic.partitions[i];
      if (one.owner != number || !one.is_given_up() || one.give_up > up_to) continue;
      const model::TopicPartition partition{id, model::PartitionIndex(static_cast<std::int32_t>(i))};
      if (!kept.contains(partition)) released.push_back(partition);
    }
  }
  if (!released.empty()) group_.decide(PartitionsReleased{group_.name(), number, std::move(released)});
}

Result<void> Turn::confirm(const MemberRef& member, AssignmentNumber assignment) {
  FOREBAY_TRY(const MemberNumber number, find(member));
  const AssignmentNumber last = group_.roster().member(number)->assignment;
  if (assignment > last) {
    return refused("assignment " + std::to_string(assignment.value()) +
                   " is confirmed; the last one of member '" + member.id + "' is " +
                   std::to_string(last.value()));
  }
  release_given_up(number, assignment, {});
  return {};
}

Result<ReleaseOutcome> Turn::release(const MemberRef& member, const Partitions& partitions) {
  FOREBAY_TRY(const MemberNumber number, find(member));
  const Roster& roster = group_.roster();
  ReleaseOutcome outcome;
  Partitions avoided;
  std::map<model::TopicId, bool> another;  // member is subscribed to it
  for (const model::TopicPartition& one : partitions) {
    const Ownership* ownership = roster.ownership(one);
    if (ownership == nullptr || ownership->owner != number) {
      return Error{ErrorCode::kNotOwner, "partition " + one.to_string() + " does not belong to member '" +
                                             member.id + "'; nothing is given back"};
    }
    if (!another.contains(one.topic))
      another[one.topic] = is_wanted_besides(number, roster.topics.find(one.topic)->second.name);
    (another[one.topic] || ownership->is_given_up() ? outcome.move : outcome.stay).push_back(one);
    if (ownership->avoided != number) avoided.push_back(one);
  }
  if (!avoided.empty()) {
    group_.decide(PartitionsAvoided{group_.name(), number, std::move(avoided)});
    want(Retarget::kPlace);
  }
  return outcome;
}

void Turn::remove_member(MemberNumber number, Removal why) {
  group_.decide(MemberRemoved{group_.name(), number, why});
  touched_.erase(number);
  attached_.erase(number);
  want(Retarget::kBalance);
}

Result<Leaving> Turn::leave(const MemberRef& member) {
  FOREBAY_TRY(const MemberNumber number, find(member));
  if (!group_.roster().member(number)->settings.instance.empty()) return Leaving::kWaitsForSession;
  remove_member(number, Removal::kLeft);
  return Leaving::kGone;
}

void Turn::end_session(MemberNumber number, MemberEpoch epoch) {
  const Member* member = group_.exists() ? group_.roster().member(number) : nullptr;
  if (member == nullptr || member->settings.epoch != epoch) return;
  ended_.push_back({number, member->settings.id, epoch,
                    removed_error(group_.name(), member->settings, Removal::kSessionEnded)});
  remove_member(number, Removal::kSessionEnded);
}

void Turn::end_revoke(MemberNumber number, MemberEpoch epoch, AssignmentNumber give_up) {
  const Member* member = group_.exists() ? group_.roster().member(number) : nullptr;
  if (member == nullptr || member->settings.epoch != epoch) return;
  const auto& topics = group_.roster().topics;
  const bool waits = std::any_of(topics.begin(), topics.end(), [&](const auto& topic) {
    const auto& partitions = topic.second.partitions;
    return std::any_of(partitions.begin(), partitions.end(),
                       [&](const Ownership& one) { return one.owner == number && one.give_up == give_up; });
  });
  if (!waits) return;
  ended_.push_back({number, member->settings.id, epoch,
                    removed_error(group_.name(), member->settings, Removal::kRevokeTimedOut)});
  remove_member(number, Removal::kRevokeTimedOut);
}

Result<bool> Turn::create(const std::optional<StartRule>& start, const std::optional<Assignor>& assignor) {
  const bool is_new = !group_.exists();
  FOREBAY_CHECK(settle_group(start, assignor));
  return is_new;
}

Result<void> Turn::remove() {
  FOREBAY_CHECK(check_exists());
  const std::size_t members = group_.roster().members.size();
  if (members > 0) {
    return Error{ErrorCode::kFailedPrecondition,
                 "group '" + group_.name() + "' has " + members_text(members) + "; stop " +
                     (members == 1 ? "it" : "them") + ", then delete the group; " + kWhoDied};
  }
  group_.decide(GroupDeleted{group_.name()});
  applied_ = nullptr;
  retarget_ = Retarget::kNothing;
  touched_.clear();
  return {};
}

Decision Turn::finish() {
  Decision decision;
  if (group_.exists()) {
    if (retarget_ != Retarget::kNothing) {
      refresh_topics();
      set_target();
    }
    if (group_.roster_changed() || !touched_.empty()) change_ownership();
    if (group_.roster_changed()) decision.starts_wanted = wanted_starts();
    decision.assigned.assign(attached_.begin(), attached_.end());
  }
  decision.ended = std::move(ended_);
  decision.topics_left = topics_left_;
  decision.left_out = left_out_;
  decision.records = group_.take_records();
  // Also of a group that is deleted: its members' times go too.
  decision.roster_changed = group_.exists() ? group_.roster_changed() : !decision.records.empty();
  return decision;
}

}  // namespace forebay::group
