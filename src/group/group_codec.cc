#include "group/group_codec.h"

#include <cstring>
#include <limits>
#include <utility>

#include "forebay/internal/v1/groups.pb.h"

namespace forebay::group {
namespace {

namespace pb = forebay::internal::v1;

Error malformed(const std::string& what) {
  return Error{ErrorCode::kCorruptBatch, "a record of groups cannot be read: " + what};
}
Error newer(const std::string& what) {
  return Error{ErrorCode::kNewerFormat,
               "a record of groups has " + what + " that this version does not know; upgrade this node"};
}

std::string bytes_of(const model::TopicId& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}
Result<model::TopicId> topic_of(const std::string& bytes) {
  model::TopicId id;
  if (bytes.size() != id.bytes.size()) return malformed("the id of a topic is not 16 bytes long");
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}
Result<model::TopicPartition> partition_of(const model::TopicId& topic, std::int32_t partition) {
  if (partition < 0) return malformed("a partition is below 0");
  return model::TopicPartition{topic, model::PartitionIndex(partition)};
}

// --- to bytes
pb::GroupAssignor put(Assignor assignor) {
  switch (assignor) {
    case Assignor::kUniformSticky:
      return pb::GROUP_ASSIGNOR_UNIFORM_STICKY;
    case Assignor::kRange:
      return pb::GROUP_ASSIGNOR_RANGE;
  }
  return pb::GROUP_ASSIGNOR_UNSPECIFIED;
}

// Neighbours of one topic share its id: a target of a large topic is a few bytes a partition.
template <typename Repeated>
void put_partitions(const Partitions& partitions, Repeated* to) {
  const model::TopicId* last = nullptr;
  for (const model::TopicPartition& one : partitions) {
    if (last == nullptr || *last != one.topic) to->Add()->set_topic(bytes_of(one.topic));
    last = &one.topic;
    to->rbegin()->add_partitions(one.partition.value());
  }
}

void put_offset(const model::TopicPartition& partition, model::Offset offset, const std::string& metadata,
                pb::GroupOffset* to) {
  to->set_topic(bytes_of(partition.topic));
  to->set_partition(partition.partition.value());
  to->set_offset(offset.value());
  to->set_metadata(metadata);
}

void put_offsets(const std::vector<OffsetEntry>& offsets, pb::GroupOffsets* to) {
  for (const OffsetEntry& one : offsets)
    put_offset(one.partition, one.offset, one.metadata, to->add_offsets());
}

void put_settings(const MemberSettings& settings, pb::GroupMemberSet* to) {
  to->set_id(settings.id);
  to->set_epoch(settings.epoch.value());
  to->set_instance(settings.instance);
  to->set_replaced_id(settings.replaced_id);
  to->set_client_id(settings.client_id);
  to->set_host(settings.host);
  to->set_rack(settings.rack);
  for (const std::string& topic : settings.subscription.topics) to->add_topics(topic);
  to->set_pattern(settings.subscription.pattern);
  to->set_session_ms(static_cast<std::uint32_t>(settings.session.count()));
  to->set_revoke_ms(static_cast<std::uint32_t>(settings.revoke.count()));
}

struct Encoder {
  pb::GroupRecord& to;
  void operator()(const GroupCreated& r) const {
    auto* created = to.mutable_created();
    created->mutable_start()->set_point(static_cast<std::uint32_t>(r.start.point));
    created->mutable_start()->set_time_ms(r.start.time.value());
    created->set_assignor(put(r.assignor));
  }
  void operator()(const GroupDeleted&) const { to.mutable_deleted(); }
  void operator()(const AssignorSet& r) const { to.mutable_assignor_set()->set_assignor(put(r.assignor)); }
  void operator()(const MemberSet& r) const {
    to.mutable_member_set()->set_number(r.number.value());
    put_settings(r.settings, to.mutable_member_set());
  }
  void operator()(const MemberResumed& r) const {
    to.mutable_member_resumed()->set_number(r.number.value());
    to.mutable_member_resumed()->set_epoch(r.epoch.value());
  }
  void operator()(const MemberRemoved& r) const {
    to.mutable_member_removed()->set_number(r.number.value());
    to.mutable_member_removed()->set_why(static_cast<std::uint32_t>(r.why));
  }
  void operator()(const TopicSeen& r) const {
    auto* seen = to.mutable_topic_seen();
    seen->set_topic(bytes_of(r.topic));
    seen->set_name(r.name);
    seen->set_partitions(r.partitions);
    seen->set_first_partitions(r.first_partitions);
    seen->set_version(r.version.value());
  }
  void operator()(const TopicForgotten& r) const {
    to.mutable_topic_forgotten()->set_topic(bytes_of(r.topic));
    to.mutable_topic_forgotten()->set_version(r.version.value());
  }
  void operator()(const TargetSet& r) const {
    auto* set = to.mutable_target_set();
    set->set_epoch(r.epoch.value());
    const model::TopicId* last = nullptr;
    for (const TargetChange& change : r.changes) {
      if (last == nullptr || *last != change.partition.topic)
        set->add_changes()->set_topic(bytes_of(change.partition.topic));
      last = &change.partition.topic;
      auto& targets = *set->mutable_changes()->rbegin();
      targets.add_partitions(change.partition.partition.value());
      targets.add_members(change.member.value());
    }
  }
  void operator()(const OwnershipChanged& r) const {
    auto* changed = to.mutable_ownership_changed();
    changed->set_member(r.member.value());
    changed->set_assignment(r.assignment.value());
    put_partitions(r.granted, changed->mutable_granted());
    put_partitions(r.giving_up, changed->mutable_giving_up());
  }
  void operator()(const PartitionsReleased& r) const {
    to.mutable_released()->set_member(r.member.value());
    put_partitions(r.partitions, to.mutable_released()->mutable_partitions());
  }
  void operator()(const PartitionsAvoided& r) const {
    to.mutable_avoided()->set_member(r.member.value());
    put_partitions(r.partitions, to.mutable_avoided()->mutable_partitions());
  }
  void operator()(const OffsetsCommitted& r) const {
    to.mutable_committed()->set_by(r.by.value());
    to.mutable_committed()->set_at_ms(r.at.value());
    put_offsets(r.offsets, to.mutable_committed());
  }
  void operator()(const OffsetsReset& r) const {
    to.mutable_reset()->set_at_ms(r.at.value());
    put_offsets(r.offsets, to.mutable_reset());
  }
  void operator()(const StartsResolved& r) const {
    auto* resolved = to.mutable_starts_resolved();
    for (const auto& [partition, start] : r.starts) put_offset(partition, start, {}, resolved->add_starts());
  }
};

// --- from bytes
Result<Assignor> assignor_from(pb::GroupAssignor from) {
  switch (from) {
    case pb::GROUP_ASSIGNOR_UNIFORM_STICKY:
      return Assignor::kUniformSticky;
    case pb::GROUP_ASSIGNOR_RANGE:
      return Assignor::kRange;
    default:
      break;
  }
  return newer("an assignor");
}

Result<StartRule> start_from(const pb::GroupStart& from) {
  if (from.point() < static_cast<std::uint32_t>(StartPoint::kEarliest) ||
      from.point() > static_cast<std::uint32_t>(StartPoint::kFail)) {
    return newer("a start rule");
  }
  return StartRule{static_cast<StartPoint>(from.point()), model::Timestamp(from.time_ms())};
}

template <typename Repeated>
Result<Partitions> partitions_from(const Repeated& from) {
  Partitions partitions;
  for (const auto& topic : from) {
    FOREBAY_TRY(const auto id, topic_of(topic.topic()));
    for (const std::int32_t index : topic.partitions()) {
      FOREBAY_TRY(const auto partition, partition_of(id, index));
      partitions.push_back(partition);
    }
  }
  return partitions;
}

Result<OffsetEntry> offset_from(const pb::GroupOffset& from) {
  FOREBAY_TRY(const auto topic, topic_of(from.topic()));
  FOREBAY_TRY(const auto partition, partition_of(topic, from.partition()));
  if (from.offset() < 0) return malformed("an offset is below 0");
  return OffsetEntry{partition, model::Offset(from.offset()), from.metadata()};
}

template <typename Repeated>
Result<std::vector<OffsetEntry>> offsets_from(const Repeated& from) {
  std::vector<OffsetEntry> offsets;
  for (const auto& one : from) {
    FOREBAY_TRY(auto entry, offset_from(one));
    offsets.push_back(std::move(entry));
  }
  return offsets;
}

MemberSettings settings_from(const pb::GroupMemberSet& from) {
  MemberSettings settings;
  settings.id = from.id();
  settings.epoch = MemberEpoch(from.epoch());
  settings.instance = from.instance();
  settings.replaced_id = from.replaced_id();
  settings.client_id = from.client_id();
  settings.host = from.host();
  settings.rack = from.rack();
  settings.subscription.topics.assign(from.topics().begin(), from.topics().end());
  settings.subscription.pattern = from.pattern();
  settings.session = Milliseconds(from.session_ms());
  settings.revoke = Milliseconds(from.revoke_ms());
  return settings;
}

Result<TargetSet> target_from(const pb::GroupTargetSet& from) {
  TargetSet record{{}, GroupEpoch(from.epoch()), {}};
  for (const auto& topic : from.changes()) {
    FOREBAY_TRY(const auto id, topic_of(topic.topic()));
    if (topic.partitions_size() != topic.members_size())
      return malformed("a target has more partitions than members");
    for (int i = 0; i < topic.partitions_size(); ++i) {
      FOREBAY_TRY(const auto partition, partition_of(id, topic.partitions(i)));
      record.changes.push_back({partition, MemberNumber(topic.members(i))});
    }
  }
  return record;
}

Result<TopicSeen> seen_from(const pb::GroupTopicSeen& from) {
  FOREBAY_TRY(const auto id, topic_of(from.topic()));
  if (from.partitions() > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
    return malformed("a topic has more partitions than there are numbers for");
  return TopicSeen{
      {}, id, from.name(), from.partitions(), from.first_partitions(), model::Offset(from.version())};
}

Result<GroupRecord> kind_from(const pb::GroupRecord& from) {
  switch (from.kind_case()) {
    case pb::GroupRecord::kCreated: {
      FOREBAY_TRY(const auto start, start_from(from.created().start()));
      FOREBAY_TRY(const auto assignor, assignor_from(from.created().assignor()));
      return GroupRecord(GroupCreated{{}, start, assignor});
    }
    case pb::GroupRecord::kDeleted:
      return GroupRecord(GroupDeleted{});
    case pb::GroupRecord::kAssignorSet: {
      FOREBAY_TRY(const auto assignor, assignor_from(from.assignor_set().assignor()));
      return GroupRecord(AssignorSet{{}, assignor});
    }
    case pb::GroupRecord::kMemberSet:
      return GroupRecord(
          MemberSet{{}, MemberNumber(from.member_set().number()), settings_from(from.member_set())});
    case pb::GroupRecord::kMemberResumed:
      return GroupRecord(MemberResumed{
          {}, MemberNumber(from.member_resumed().number()), MemberEpoch(from.member_resumed().epoch())});
    case pb::GroupRecord::kMemberRemoved: {
      const std::uint32_t why = from.member_removed().why();
      if (why < static_cast<std::uint32_t>(Removal::kLeft) ||
          why > static_cast<std::uint32_t>(Removal::kRevokeTimedOut)) {
        return newer("a reason for a removal");
      }
      return GroupRecord(
          MemberRemoved{{}, MemberNumber(from.member_removed().number()), static_cast<Removal>(why)});
    }
    case pb::GroupRecord::kTopicSeen: {
      FOREBAY_TRY(auto seen, seen_from(from.topic_seen()));
      return GroupRecord(std::move(seen));
    }
    case pb::GroupRecord::kTopicForgotten: {
      FOREBAY_TRY(const auto id, topic_of(from.topic_forgotten().topic()));
      return GroupRecord(TopicForgotten{{}, id, model::Offset(from.topic_forgotten().version())});
    }
    case pb::GroupRecord::kTargetSet: {
      FOREBAY_TRY(auto target, target_from(from.target_set()));
      return GroupRecord(std::move(target));
    }
    case pb::GroupRecord::kOwnershipChanged: {
      const auto& changed = from.ownership_changed();
      FOREBAY_TRY(auto granted, partitions_from(changed.granted()));
      FOREBAY_TRY(auto giving_up, partitions_from(changed.giving_up()));
      return GroupRecord(OwnershipChanged{{},
                                          MemberNumber(changed.member()),
                                          AssignmentNumber(changed.assignment()),
                                          std::move(granted),
                                          std::move(giving_up)});
    }
    case pb::GroupRecord::kReleased: {
      FOREBAY_TRY(auto partitions, partitions_from(from.released().partitions()));
      return GroupRecord(
          PartitionsReleased{{}, MemberNumber(from.released().member()), std::move(partitions)});
    }
    case pb::GroupRecord::kAvoided: {
      FOREBAY_TRY(auto partitions, partitions_from(from.avoided().partitions()));
      return GroupRecord(PartitionsAvoided{{}, MemberNumber(from.avoided().member()), std::move(partitions)});
    }
    case pb::GroupRecord::kCommitted: {
      const auto& committed = from.committed();
      FOREBAY_TRY(auto offsets, offsets_from(committed.offsets()));
      return GroupRecord(OffsetsCommitted{
          {}, MemberNumber(committed.by()), model::Timestamp(committed.at_ms()), std::move(offsets)});
    }
    case pb::GroupRecord::kReset: {
      FOREBAY_TRY(auto offsets, offsets_from(from.reset().offsets()));
      return GroupRecord(OffsetsReset{{}, model::Timestamp(from.reset().at_ms()), std::move(offsets)});
    }
    case pb::GroupRecord::kStartsResolved: {
      FOREBAY_TRY(const auto starts, offsets_from(from.starts_resolved().starts()));
      StartsResolved record;
      for (const OffsetEntry& one : starts) record.starts.emplace_back(one.partition, one.offset);
      return GroupRecord(std::move(record));
    }
    case pb::GroupRecord::KIND_NOT_SET:
      break;
  }
  return newer("a kind");
}

}  // namespace

std::string encode_record(const GroupRecord& record) {
  pb::GroupRecord message;
  message.set_group(group_of(record));
  std::visit(Encoder{message}, record);
  return message.SerializeAsString();
}

Result<GroupRecord> decode_record(ByteSpan bytes) {
  pb::GroupRecord message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("it is no valid message");
  FOREBAY_TRY(GroupRecord record, kind_from(message));
  std::visit([&message](auto& one) { one.group = message.group(); }, record);
  return record;
}

}  // namespace forebay::group
