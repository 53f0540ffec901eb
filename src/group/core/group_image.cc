#include "group/core/group_image.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace forebay::group {
namespace {

std::string number_text(MemberNumber number) { return std::to_string(number.value()); }

Error cannot_follow(const std::string& group, const std::string& why) {
  return Error{ErrorCode::kInternal, "a record of group '" + group + "' cannot follow its state: " + why};
}

Error no_member(const std::string& group, MemberNumber number) {
  return cannot_follow(group, "it has no member " + number_text(number));
}

Error no_partition(const std::string& group, const model::TopicPartition& partition) {
  return cannot_follow(group, "it knows no partition " + partition.to_string());
}

Ownership* find(Roster& roster, const model::TopicPartition& partition) {
  return const_cast<Ownership*>(std::as_const(roster).ownership(partition));
}

Result<void> check_partitions(const Roster& roster, const std::string& group, const Partitions& partitions) {
  for (const model::TopicPartition& one : partitions) {
    if (roster.ownership(one) == nullptr) return no_partition(group, one);
  }
  return {};
}

Result<void> check_owned(const Roster& roster, const std::string& group, MemberNumber owner,
                         const Partitions& partitions) {
  FOREBAY_CHECK(check_partitions(roster, group, partitions));
  for (const model::TopicPartition& one : partitions) {
    const MemberNumber there = roster.ownership(one)->owner;
    if (there != owner) {
      return cannot_follow(group, "the owner of " + one.to_string() + " is " + number_text(there) + ", not " +
                                      number_text(owner));
    }
  }
  return {};
}

// --- the roster, by kinds of records
Result<void> apply_to(Roster& roster, const AssignorSet& record) {
  if (!roster.members.empty()) return cannot_follow(record.group, "it has members");
  roster.assignor = record.assignor;
  return {};
}

Result<void> apply_to(Roster& roster, const MemberSet& record) {
  const auto [id, instance] = std::pair(record.settings.id, record.settings.instance);
  if (const MemberNumber other = roster.number_of(id); other != kNobody && other != record.number)
    return cannot_follow(record.group, "member id '" + id + "' is taken");
  if (!instance.empty()) {
    const auto other = roster.by_instance.find(instance);
    if (other != roster.by_instance.end() && other->second != record.number)
      return cannot_follow(record.group, "instance '" + instance + "' is taken");
  }
  if (record.number == kNobody) return cannot_follow(record.group, "member 0");
  Member& member = roster.members[record.number];
  roster.by_id.erase(member.settings.id);
  roster.by_instance.erase(member.settings.instance);
  member.settings = record.settings;
  roster.by_id[id] = record.number;
  if (!instance.empty()) roster.by_instance[instance] = record.number;
  roster.last_number = std::max(roster.last_number, record.number);
  return {};
}

Result<void> apply_to(Roster& roster, const MemberResumed& record) {
  const auto at = roster.members.find(record.number);
  if (at == roster.members.end()) return no_member(record.group, record.number);
  at->second.settings.epoch = record.epoch;
  return {};
}

Result<void> apply_to(Roster& roster, const MemberRemoved& record) {
  const auto at = roster.members.find(record.number);
  if (at == roster.members.end()) return no_member(record.group, record.number);
  roster.by_id.erase(at->second.settings.id);
  roster.by_instance.erase(at->second.settings.instance);
  roster.members.erase(at);
  for (auto& [id, topic] : roster.topics) {
    for (Ownership& one : topic.partitions) {
      if (one.owner == record.number) {
        one.owner = kNobody;
        one.give_up = {};
      }
      if (one.target == record.number) one.target = kNobody;
      if (one.avoided == record.number) one.avoided = kNobody;
    }
  }
  return {};
}

Result<void> apply_to(Roster& roster, const TopicSeen& record) {
  const auto at = roster.topics.find(record.topic);
  if (at != roster.topics.end() && at->second.partitions.size() > record.partitions)
    return cannot_follow(record.group, "topic '" + record.name + "' would lose partitions");
  GroupTopic& topic = at != roster.topics.end() ? at->second : roster.topics[record.topic];
  if (at == roster.topics.end()) topic.first_partitions = record.first_partitions;
  topic.name = record.name;
  topic.partitions.resize(record.partitions);
  roster.topics_version = std::max(roster.topics_version, record.version);
  return {};
}

Result<void> apply_to(Roster& roster, const TopicForgotten& record) {
  if (roster.topics.erase(record.topic) == 0)
    return cannot_follow(record.group, "it knows no topic " + record.topic.to_string());
  roster.topics_version = std::max(roster.topics_version, record.version);
  return {};
}

Result<void> apply_to(Roster& roster, const TargetSet& record) {
  for (const TargetChange& change : record.changes) {
    if (roster.ownership(change.partition) == nullptr) return no_partition(record.group, change.partition);
    if (change.member != kNobody && roster.member(change.member) == nullptr)
      return no_member(record.group, change.member);
  }
  for (const TargetChange& change : record.changes) find(roster, change.partition)->target = change.member;
  roster.epoch = record.epoch;
  return {};
}

Result<void> apply_to(Roster& roster, const OwnershipChanged& record) {
  const auto at = roster.members.find(record.member);
  if (at == roster.members.end()) return no_member(record.group, record.member);
  FOREBAY_CHECK(check_owned(roster, record.group, kNobody, record.granted));
  FOREBAY_CHECK(check_owned(roster, record.group, record.member, record.giving_up));
  for (const model::TopicPartition& one : record.granted) find(roster, one)->owner = record.member;
  for (const model::TopicPartition& one : record.giving_up) find(roster, one)->give_up = record.assignment;
  at->second.assignment = record.assignment;
  return {};
}

Result<void> apply_to(Roster& roster, const PartitionsReleased& record) {
  FOREBAY_CHECK(check_owned(roster, record.group, record.member, record.partitions));
  for (const model::TopicPartition& one : record.partitions) {
    Ownership& ownership = *find(roster, one);
    ownership.owner = kNobody;
    ownership.give_up = {};
  }
  return {};
}

Result<void> apply_to(Roster& roster, const PartitionsAvoided& record) {
  FOREBAY_CHECK(check_partitions(roster, record.group, record.partitions));
  for (const model::TopicPartition& one : record.partitions) find(roster, one)->avoided = record.member;
  return {};
}

template <typename Record>
constexpr bool kChangesRoster =
    std::is_same_v<Record, AssignorSet> || std::is_same_v<Record, MemberSet> ||
    std::is_same_v<Record, MemberResumed> || std::is_same_v<Record, MemberRemoved> ||
    std::is_same_v<Record, TopicSeen> || std::is_same_v<Record, TopicForgotten> ||
    std::is_same_v<Record, TargetSet> || std::is_same_v<Record, OwnershipChanged> ||
    std::is_same_v<Record, PartitionsReleased> || std::is_same_v<Record, PartitionsAvoided>;

// --- the positions, by kinds of records
void apply_to(Positions& positions, const TopicForgotten& record) {
  const auto begin = positions.lower_bound({record.topic, model::PartitionIndex{}});
  auto end = begin;
  while (end != positions.end() && end->first.topic == record.topic) ++end;
  positions.erase(begin, end);
}

void move_to(Positions& positions, const OffsetEntry& entry, model::Timestamp at, MemberNumber by) {
  Position& position = positions[entry.partition];
  position.committed = entry.offset;
  position.metadata = entry.metadata;
  position.at = at;
  position.by = by;
}

void apply_to(Positions& positions, const OffsetsCommitted& record) {
  for (const OffsetEntry& one : record.offsets) move_to(positions, one, record.at, record.by);
}

void apply_to(Positions& positions, const OffsetsReset& record) {
  for (const OffsetEntry& one : record.offsets) move_to(positions, one, record.at, kNobody);
}

void apply_to(Positions& positions, const StartsResolved& record) {
  for (const auto& [partition, start] : record.starts) positions[partition].start = start;
}

template <typename Record>
constexpr bool kChangesPositions =
    std::is_same_v<Record, TopicForgotten> || std::is_same_v<Record, OffsetsCommitted> ||
    std::is_same_v<Record, OffsetsReset> || std::is_same_v<Record, StartsResolved>;

}  // namespace

const Member* Roster::member(MemberNumber number) const {
  const auto at = members.find(number);
  return at == members.end() ? nullptr : &at->second;
}

MemberNumber Roster::number_of(std::string_view member_id) const {
  const auto at = by_id.find(member_id);
  return at == by_id.end() ? kNobody : at->second;
}

const Ownership* Roster::ownership(const model::TopicPartition& partition) const {
  const auto topic = topics.find(partition.topic);
  if (topic == topics.end() || partition.partition.value() < 0) return nullptr;
  const auto index = static_cast<std::size_t>(partition.partition.value());
  return index < topic->second.partitions.size() ? &topic->second.partitions[index] : nullptr;
}

const Group* GroupImage::find(std::string_view name) const {
  const auto at = groups.find(name);
  return at == groups.end() ? nullptr : &at->second;
}

Result<void> apply_to_roster(Roster& roster, const GroupRecord& record) {
  return std::visit(
      [&roster](const auto& one) -> Result<void> {
        if constexpr (kChangesRoster<std::decay_t<decltype(one)>>) return apply_to(roster, one);
        return {};
      },
      record);
}

void apply_to_positions(Positions& positions, const GroupRecord& record) {
  std::visit(
      [&positions](const auto& one) {
        if constexpr (kChangesPositions<std::decay_t<decltype(one)>>) apply_to(positions, one);
      },
      record);
}

Result<void> apply(GroupImage& image, const GroupRecord& record) {
  const std::string& name = group_of(record);
  const auto at = image.groups.find(name);
  if (const auto* created = std::get_if<GroupCreated>(&record)) {
    if (at != image.groups.end()) return cannot_follow(name, "it is there already");
    Group& group = image.groups[name];
    group.start = created->start;
    group.roster.assignor = created->assignor;
    return {};
  }
  if (at == image.groups.end()) return cannot_follow(name, "there is no such group");
  if (std::holds_alternative<GroupDeleted>(record)) {
    if (!at->second.roster.members.empty()) return cannot_follow(name, "it has members");
    image.groups.erase(at);
    return {};
  }
  FOREBAY_CHECK(apply_to_roster(at->second.roster, record));
  apply_to_positions(at->second.positions, record);
  return {};
}

}  // namespace forebay::group
