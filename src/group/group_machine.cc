#include "group/group_machine.h"

#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "group/group_codec.h"
#include "log/core/wire.h"

namespace forebay::group {
namespace {

constexpr std::uint8_t kEntryVersion = 1;

// "KIND/GROUP[/MEMBER | /TOPIC[/PARTITION]]": no name of a group has a slash.
constexpr char kHeadMark = 'g', kMemberMark = 'm', kTopicMark = 't', kPositionMark = 'p';

Error unreadable(const std::string& key) {
  return Error{ErrorCode::kCorruptBatch, "the entry " + key + " of the state of groups cannot be read"};
}

class Writer {
 public:
  Writer() : out_(bytes_) { out_.put(kEntryVersion); }
  template <typename T>
  Writer& put(T value) {
    out_.put(value);
    return *this;
  }
  Writer& text(const std::string& value) {
    out_.put(static_cast<std::uint32_t>(value.size()));
    out_.bytes(as_bytes(value));
    return *this;
  }
  [[nodiscard]] std::string take() const { return std::string(as_text(bytes_)); }

 private:
  std::vector<std::byte> bytes_;
  log::WireWriter out_;
};

std::string text_from(log::WireReader& in) {
  const auto size = in.get<std::uint32_t>();
  return std::string(as_text(in.bytes(size)));
}

std::string head_value(const Group& group) {
  return Writer()
      .put(static_cast<std::uint8_t>(group.start.point))
      .put(group.start.time.value())
      .put(static_cast<std::uint8_t>(group.roster.assignor))
      .put(group.roster.epoch.value())
      .put(group.roster.last_number.value())
      .put(group.roster.topics_version.value())
      .take();
}
void read_head(log::WireReader& in, Group& group) {
  const auto point = in.get<std::uint8_t>();
  group.start.point = static_cast<StartPoint>(point);
  group.start.time = model::Timestamp(in.get<std::int64_t>());
  const auto assignor = in.get<std::uint8_t>();
  group.roster.assignor = static_cast<Assignor>(assignor);
  group.roster.epoch = GroupEpoch(in.get<std::uint64_t>());
  group.roster.last_number = MemberNumber(in.get<std::uint32_t>());
  group.roster.topics_version = model::Offset(in.get<std::int64_t>());
  const bool known = point >= static_cast<std::uint8_t>(StartPoint::kEarliest) &&
                     point <= static_cast<std::uint8_t>(StartPoint::kFail) &&
                     assignor >= static_cast<std::uint8_t>(Assignor::kUniformSticky) &&
                     assignor <= static_cast<std::uint8_t>(Assignor::kRange);
  if (!known) in.fail();
}

std::string member_value(const Member& member) {
  const MemberSettings& settings = member.settings;
  Writer out;
  out.put(member.assignment.value()).text(settings.id).put(settings.epoch.value());
  out.text(settings.instance).text(settings.replaced_id).text(settings.client_id).text(settings.host);
  out.text(settings.rack).text(settings.subscription.pattern);
  out.put(static_cast<std::uint32_t>(settings.subscription.topics.size()));
  for (const std::string& topic : settings.subscription.topics) out.text(topic);
  return out.put(static_cast<std::int64_t>(settings.session.count()))
      .put(static_cast<std::int64_t>(settings.revoke.count()))
      .take();
}
Member read_member(log::WireReader& in) {
  Member member;
  MemberSettings& settings = member.settings;
  member.assignment = AssignmentNumber(in.get<std::uint64_t>());
  settings.id = text_from(in);
  settings.epoch = MemberEpoch(in.get<std::uint32_t>());
  settings.instance = text_from(in);
  settings.replaced_id = text_from(in);
  settings.client_id = text_from(in);
  settings.host = text_from(in);
  settings.rack = text_from(in);
  settings.subscription.pattern = text_from(in);
  const std::uint32_t topics = in.count(sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < topics && !in.failed(); ++i)
    settings.subscription.topics.push_back(text_from(in));
  settings.session = Milliseconds(in.get<std::int64_t>());
  settings.revoke = Milliseconds(in.get<std::int64_t>());
  return member;
}

constexpr std::size_t kOwnershipBytes = 4 + 4 + 8 + 4;
std::string topic_value(const GroupTopic& topic) {
  Writer out;
  out.text(topic.name).put(topic.first_partitions).put(static_cast<std::uint32_t>(topic.partitions.size()));
  for (const Ownership& one : topic.partitions) {
    out.put(one.target.value()).put(one.owner.value()).put(one.give_up.value()).put(one.avoided.value());
  }
  return out.take();
}
GroupTopic read_topic(log::WireReader& in) {
  GroupTopic topic;
  topic.name = text_from(in);
  topic.first_partitions = in.get<std::uint32_t>();
  const std::uint32_t count = in.count(kOwnershipBytes);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    Ownership one;
    one.target = MemberNumber(in.get<std::uint32_t>());
    one.owner = MemberNumber(in.get<std::uint32_t>());
    one.give_up = AssignmentNumber(in.get<std::uint64_t>());
    one.avoided = MemberNumber(in.get<std::uint32_t>());
    topic.partitions.push_back(one);
  }
  return topic;
}

// -1: none.
std::int64_t offset_or_none(const std::optional<model::Offset>& offset) {
  return offset ? offset->value() : -1;
}
std::optional<model::Offset> offset_from(log::WireReader& in) {
  const auto value = in.get<std::int64_t>();
  if (value < -1) in.fail();
  return value < 0 ? std::nullopt : std::optional(model::Offset(value));
}
std::string position_value(const Position& position) {
  return Writer()
      .put(offset_or_none(position.committed))
      .put(offset_or_none(position.start))
      .text(position.metadata)
      .put(position.at.value())
      .put(position.by.value())
      .take();
}
Position read_position(log::WireReader& in) {
  Position position;
  position.committed = offset_from(in);
  position.start = offset_from(in);
  position.metadata = text_from(in);
  position.at = model::Timestamp(in.get<std::int64_t>());
  position.by = MemberNumber(in.get<std::uint32_t>());
  return position;
}

std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}
template <typename Number>
std::optional<Number> number_from(const std::string& text) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

}  // namespace

Result<void> GroupMachine::apply(model::Offset /*offset*/, ByteSpan bytes) {
  FOREBAY_TRY(const GroupRecord record, decode_record(bytes));
  // A group that goes takes its entries with it: they have to be known before.
  if (const auto* deleted = std::get_if<GroupDeleted>(&record)) changed_.merge(all_of(deleted->group));
  const auto* forgotten = std::get_if<TopicForgotten>(&record);
  if (forgotten != nullptr) touch(record);
  if (auto applied = group::apply(image_, record); !applied)
    return Error{ErrorCode::kCorruptBatch, applied.error().context};
  if (forgotten == nullptr) touch(record);
  return {};
}

void GroupMachine::touch_topics(const std::string& group, const Partitions& partitions) {
  for (const model::TopicPartition& one : partitions)
    changed_.insert({group, Kind::kTopic, {}, {one.topic, {}}});
}

void GroupMachine::touch(const GroupRecord& record) {
  const std::string& group = group_of(record);
  const auto head = [&] { changed_.insert({group, Kind::kHead, {}, {}}); };
  const auto member = [&](MemberNumber number) { changed_.insert({group, Kind::kMember, number, {}}); };
  const auto topic = [&](const model::TopicId& id) { changed_.insert({group, Kind::kTopic, {}, {id, {}}}); };
  const auto position = [&](const model::TopicPartition& at) {
    changed_.insert({group, Kind::kPosition, {}, at});
  };
  if (std::holds_alternative<GroupCreated>(record) || std::holds_alternative<AssignorSet>(record)) head();
  if (const auto* r = std::get_if<MemberSet>(&record)) {
    member(r->number);
    head();
  }
  if (const auto* r = std::get_if<MemberResumed>(&record)) member(r->number);
  if (const auto* r = std::get_if<MemberRemoved>(&record)) {
    member(r->number);
    const Group* now = image_.find(group);
    for (const auto& [id, one] : now->roster.topics) topic(id);
  }
  if (const auto* r = std::get_if<TopicSeen>(&record)) {
    topic(r->topic);
    head();
  }
  if (const auto* r = std::get_if<TopicForgotten>(&record)) {
    topic(r->topic);
    head();
    const Group* now = image_.find(group);
    if (now == nullptr) return;
    for (auto at = now->positions.lower_bound({r->topic, {}});
         at != now->positions.end() && at->first.topic == r->topic; ++at)
      position(at->first);
  }
  if (const auto* r = std::get_if<TargetSet>(&record)) {
    head();
    for (const TargetChange& one : r->changes) topic(one.partition.topic);
  }
  if (const auto* r = std::get_if<OwnershipChanged>(&record)) {
    member(r->member);
    touch_topics(group, r->granted);
    touch_topics(group, r->giving_up);
  }
  if (const auto* r = std::get_if<PartitionsReleased>(&record)) touch_topics(group, r->partitions);
  if (const auto* r = std::get_if<PartitionsAvoided>(&record)) touch_topics(group, r->partitions);
  if (const auto* r = std::get_if<OffsetsCommitted>(&record)) {
    for (const OffsetEntry& one : r->offsets) position(one.partition);
  }
  if (const auto* r = std::get_if<OffsetsReset>(&record)) {
    for (const OffsetEntry& one : r->offsets) position(one.partition);
  }
  if (const auto* r = std::get_if<StartsResolved>(&record)) {
    for (const auto& [at, offset] : r->starts) position(at);
  }
}

std::string GroupMachine::key_of(const Entry& entry) {
  switch (entry.kind) {
    case Kind::kHead:
      return std::string(1, kHeadMark) + "/" + entry.group;
    case Kind::kMember:
      return std::string(1, kMemberMark) + "/" + entry.group + "/" + std::to_string(entry.member.value());
    case Kind::kTopic:
      return std::string(1, kTopicMark) + "/" + entry.group + "/" + entry.partition.topic.to_string();
    case Kind::kPosition:
      return std::string(1, kPositionMark) + "/" + entry.group + "/" + entry.partition.topic.to_string() +
             "/" + std::to_string(entry.partition.partition.value());
  }
  return {};
}

std::optional<std::string> GroupMachine::value_of(const Entry& entry) const {
  const Group* group = image_.find(entry.group);
  if (group == nullptr) return std::nullopt;
  switch (entry.kind) {
    case Kind::kHead:
      return head_value(*group);
    case Kind::kMember: {
      const Member* member = group->roster.member(entry.member);
      return member == nullptr ? std::nullopt : std::optional(member_value(*member));
    }
    case Kind::kTopic: {
      const auto at = group->roster.topics.find(entry.partition.topic);
      return at == group->roster.topics.end() ? std::nullopt : std::optional(topic_value(at->second));
    }
    case Kind::kPosition: {
      const auto at = group->positions.find(entry.partition);
      return at == group->positions.end() ? std::nullopt : std::optional(position_value(at->second));
    }
  }
  return std::nullopt;
}

std::set<GroupMachine::Entry> GroupMachine::all_of(const std::string& name) const {
  const Group* group = image_.find(name);
  if (group == nullptr) return {};
  std::set<Entry> all{{name, Kind::kHead, {}, {}}};
  for (const auto& [number, member] : group->roster.members) all.insert({name, Kind::kMember, number, {}});
  for (const auto& [id, topic] : group->roster.topics) all.insert({name, Kind::kTopic, {}, {id, {}}});
  for (const auto& [at, position] : group->positions) all.insert({name, Kind::kPosition, {}, at});
  return all;
}

machine::Changes GroupMachine::take_changes() {
  machine::Changes changes;
  for (const Entry& entry : std::exchange(changed_, {})) changes.emplace(key_of(entry), value_of(entry));
  return changes;
}

machine::Entries GroupMachine::entries() const {
  machine::Entries entries;
  for (const auto& [name, group] : image_.groups) {
    for (const Entry& entry : all_of(name)) entries.emplace(key_of(entry), *value_of(entry));
  }
  return entries;
}

Result<void> GroupMachine::load(const machine::Entries& entries) {
  image_ = {};
  changed_.clear();
  for (const auto& [key, value] : entries) FOREBAY_CHECK(load_entry(key, value));
  for (const auto& [name, group] : image_.groups) {
    // What belongs to a group that has no head of its own.
    if (!entries.contains(key_of({name, Kind::kHead, {}, {}})))
      return unreadable(key_of({name, Kind::kHead, {}, {}}));
  }
  return {};
}

Result<void> GroupMachine::load_entry(const std::string& key, const std::string& value) {
  log::WireReader in(as_bytes(value));
  if (in.get<std::uint8_t>() != kEntryVersion) {
    if (value.empty()) return unreadable(key);
    return Error{ErrorCode::kNewerFormat,
                 "the entry " + key + " of the state of groups was written by a later version"};
  }
  const std::vector<std::string> parts = parts_of(key);
  const char kind = parts[0].size() == 1 ? parts[0][0] : '\0';
  if (parts.size() < 2 || parts[1].empty()) return unreadable(key);
  Group& group = image_.groups[parts[1]];
  if (kind == kHeadMark && parts.size() == 2) {
    read_head(in, group);
  } else if (kind == kMemberMark && parts.size() == 3) {
    const auto number = number_from<std::uint32_t>(parts[2]);
    if (!number) return unreadable(key);
    Member member = read_member(in);
    const MemberNumber at(*number);
    group.roster.by_id[member.settings.id] = at;
    if (!member.settings.instance.empty()) group.roster.by_instance[member.settings.instance] = at;
    group.roster.members[at] = std::move(member);
  } else if (kind == kTopicMark && parts.size() == 3) {
    const auto id = model::Uuid::parse(parts[2]);
    if (!id) return unreadable(key);
    group.roster.topics[*id] = read_topic(in);
  } else if (kind == kPositionMark && parts.size() == 4) {
    const auto id = model::Uuid::parse(parts[2]);
    const auto number = number_from<std::int32_t>(parts[3]);
    if (!id || !number) return unreadable(key);
    group.positions[{*id, model::PartitionIndex(*number)}] = read_position(in);
  } else {
    return unreadable(key);
  }
  return in.finished() ? Result<void>{} : unreadable(key);
}

}  // namespace forebay::group
