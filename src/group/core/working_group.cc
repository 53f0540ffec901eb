#include "group/core/working_group.h"

#include <utility>

#include "base/assert.h"

namespace forebay::group {
namespace {

// The head of a record, with the name of its group left out; a partition with its number and a member or an
// offset.
constexpr std::size_t kHeadBytes = 32, kPartitionBytes = 16, kOffsetBytes = 40;

std::size_t bytes_of(const MemberSettings& settings) {
  std::size_t bytes = settings.id.size() + settings.instance.size() + settings.replaced_id.size() +
                      settings.client_id.size() + settings.host.size() + settings.rack.size() +
                      settings.subscription.pattern.size();
  for (const std::string& topic : settings.subscription.topics) bytes += topic.size() + 2;
  return bytes;
}

std::size_t bytes_of(const std::vector<OffsetEntry>& offsets) {
  std::size_t bytes = offsets.size() * kOffsetBytes;
  for (const OffsetEntry& one : offsets) bytes += one.metadata.size();
  return bytes;
}

std::size_t about_bytes(const GroupRecord& record) {
  const std::size_t head = kHeadBytes + group_of(record).size();
  if (const auto* set = std::get_if<MemberSet>(&record)) return head + bytes_of(set->settings);
  if (const auto* committed = std::get_if<OffsetsCommitted>(&record))
    return head + bytes_of(committed->offsets);
  if (const auto* reset = std::get_if<OffsetsReset>(&record)) return head + bytes_of(reset->offsets);
  if (const auto* released = std::get_if<PartitionsReleased>(&record))
    return head + released->partitions.size() * kPartitionBytes;
  if (const auto* avoided = std::get_if<PartitionsAvoided>(&record))
    return head + avoided->partitions.size() * kPartitionBytes;
  if (const auto* seen = std::get_if<TopicSeen>(&record)) return head + seen->name.size();
  if (const auto* resolved = std::get_if<StartsResolved>(&record))
    return head + resolved->starts.size() * kOffsetBytes;
  return head;
}

bool is_of_positions(const GroupRecord& record) {
  return std::holds_alternative<OffsetsCommitted>(record) || std::holds_alternative<OffsetsReset>(record) ||
         std::holds_alternative<StartsResolved>(record);
}

}  // namespace

WorkingGroup::WorkingGroup(std::string name, const Group* applied)
    : name_(std::move(name)), applied_(applied) {
  if (applied_ != nullptr) start_ = applied_->start;
}

const Roster& WorkingGroup::roster() const {
  FOREBAY_ASSERT(exists());
  return roster_ ? *roster_ : applied_->roster;
}

const Position* WorkingGroup::applied_position(const model::TopicPartition& partition) const {
  if (applied_ == nullptr || forgotten_.contains(partition.topic)) return nullptr;
  const auto at = applied_->positions.find(partition);
  return at == applied_->positions.end() ? nullptr : &at->second;
}

const Position* WorkingGroup::position(const model::TopicPartition& partition) const {
  const auto at = positions_.find(partition);
  return at != positions_.end() ? &at->second : applied_position(partition);
}

// What a record changes is changed here, from what it was.
void WorkingGroup::load_positions(const GroupRecord& record) {
  const auto load = [this](const model::TopicPartition& partition) {
    if (positions_.contains(partition)) return;
    const Position* before = applied_position(partition);
    positions_[partition] = before != nullptr ? *before : Position{};
  };
  if (const auto* committed = std::get_if<OffsetsCommitted>(&record)) {
    for (const OffsetEntry& one : committed->offsets) load(one.partition);
  } else if (const auto* reset = std::get_if<OffsetsReset>(&record)) {
    for (const OffsetEntry& one : reset->offsets) load(one.partition);
  } else if (const auto* resolved = std::get_if<StartsResolved>(&record)) {
    for (const auto& [partition, start] : resolved->starts) load(partition);
  } else if (const auto* forgotten = std::get_if<TopicForgotten>(&record)) {
    forgotten_.insert(forgotten->topic);
  }
}

void WorkingGroup::decide(GroupRecord record) {
  if (const auto* created = std::get_if<GroupCreated>(&record)) {
    FOREBAY_ASSERT(!exists());
    start_ = created->start;
    roster_.emplace();
    roster_->assignor = created->assignor;
  } else if (std::holds_alternative<GroupDeleted>(record)) {
    FOREBAY_ASSERT(exists() && roster().members.empty());
    start_.reset();
    roster_.reset();
    positions_.clear();
    applied_ = nullptr;
  } else {
    FOREBAY_ASSERT(exists());
    load_positions(record);
    apply_to_positions(positions_, record);
    if (!is_of_positions(record)) {
      if (!roster_) roster_ = applied_->roster;
      const Result<void> applied = apply_to_roster(*roster_, record);
      FOREBAY_ASSERT(applied.has_value());
    }
  }
  record_bytes_ += about_bytes(record);
  records_.push_back(std::move(record));
}

}  // namespace forebay::group
