#include "sim/group_checks.h"

#include <algorithm>
#include <utility>

#include "group/group_codec.h"

namespace forebay::sim {
namespace {

std::string text(const model::TopicPartition& partition) { return partition.to_string(); }
std::string text(group::MemberNumber member) { return "member " + std::to_string(member.value()); }
std::string text(model::Offset offset) { return std::to_string(offset.value()); }

std::uint64_t hash_of(ByteSpan bytes) {
  TraceHash hash;
  hash.add(as_text(bytes));
  return hash.value();
}

}  // namespace

void GroupChecks::logged(model::Offset at, ByteSpan record) {
  if (at < next_) {
    const auto known = folded_.find(at);
    if (known != folded_.end() && known->second != hash_of(record))
      fail_("two nodes hold different records at offset " + text(at) + " of __groups");
    return;
  }
  ahead_.emplace(at, as_text(record));
  while (!ahead_.empty() && ahead_.begin()->first == next_) {
    const std::string bytes = std::move(ahead_.begin()->second);
    ahead_.erase(ahead_.begin());
    folded_[next_] = hash_of(as_bytes(bytes));
    trace_.add(bytes);
    const auto decoded = group::decode_record(as_bytes(bytes));
    if (!decoded) return fail_("record at " + text(next_) + " of __groups: " + decoded.error().to_string());
    ++counts_.records;
    fold(*decoded);
    next_ = next_.next();
  }
  while (!waiting_.empty() && waiting_.front().applied <= next_) {
    look_for(waiting_.front());
    waiting_.pop_front();
  }
}

void GroupChecks::fold(const group::GroupRecord& record) {
  if (auto applied = apply(image_, record); !applied)
    return fail_("a record of __groups cannot follow: " + applied.error().to_string());
  fold_members(record);
  fold_ownership(record);
  if (const auto* committed = std::get_if<group::OffsetsCommitted>(&record)) {
    fold_commit(*committed);
  } else if (const auto* reset = std::get_if<group::OffsetsReset>(&record)) {
    for (const group::OffsetEntry& one : reset->offsets) {
      if (owners_.contains(one.partition)) fail_(text(one.partition) + " is reset under its owner");
      committed_[one.partition].push_back({next_, one.offset, true});
      done_[one.partition].all_below(one.offset.value());
      ++counts_.resets;
    }
  } else if (const auto* starts = std::get_if<group::StartsResolved>(&record)) {
    for (const auto& [partition, start] : starts->starts) {
      done_[partition].all_below(start.value());
      ++counts_.starts;
    }
  }
}

void GroupChecks::fold_members(const group::GroupRecord& record) {
  const auto begins = [this](group::MemberNumber number, group::MemberEpoch epoch) {
    const auto before = epochs_.find(number);
    if (before != epochs_.end() && before->second > epoch)
      fail_("the epoch of " + text(number) + " goes back");
    epochs_[number] = epoch;
  };
  if (const auto* set = std::get_if<group::MemberSet>(&record)) {
    counts_.joins += epochs_.contains(set->number) ? 0U : 1U;
    begins(set->number, set->settings.epoch);
  } else if (const auto* resumed = std::get_if<group::MemberResumed>(&record)) {
    ++counts_.returns;
    begins(resumed->number, resumed->epoch);
  } else if (const auto* removed = std::get_if<group::MemberRemoved>(&record)) {
    counts_.left += removed->why == group::Removal::kLeft ? 1U : 0U;
    counts_.sessions_ended += removed->why == group::Removal::kSessionEnded ? 1U : 0U;
    counts_.revokes_timed_out += removed->why == group::Removal::kRevokeTimedOut ? 1U : 0U;
  }
}

void GroupChecks::release(
    const std::function<bool(const model::TopicPartition&, group::MemberNumber)>& which) {
  std::erase_if(owners_, [&](const auto& one) { return which(one.first, one.second); });
}

void GroupChecks::fold_ownership(const group::GroupRecord& record) {
  if (const auto* changed = std::get_if<group::OwnershipChanged>(&record)) {
    for (const auto& one : changed->granted) {
      if (owners_.contains(one)) {
        fail_(text(one) + " is granted to " + text(changed->member) + " and belongs to " +
              text(owners_.at(one)));
      }
      owners_[one] = changed->member;
      ++counts_.granted;
    }
    counts_.asked_back += changed->giving_up.size();
  } else if (const auto* released = std::get_if<group::PartitionsReleased>(&record)) {
    for (const auto& one : released->partitions) {
      const auto owner = owners_.find(one);
      if (owner == owners_.end() || owner->second != released->member)
        fail_(text(one) + " is released by " + text(released->member) + ", who does not own it");
      owners_.erase(one);
      ++counts_.confirmed;
    }
  } else if (const auto* removed = std::get_if<group::MemberRemoved>(&record)) {
    release([&](const auto&, group::MemberNumber owner) { return owner == removed->number; });
  } else if (const auto* forgotten = std::get_if<group::TopicForgotten>(&record)) {
    ++counts_.topics_forgotten;
    if (topics_.exists(forgotten->topic)) fail_("a topic that is there is forgotten, with its offsets");
    release([&](const auto& partition, group::MemberNumber) { return partition.topic == forgotten->topic; });
    std::erase_if(committed_, [&](const auto& one) { return one.first.topic == forgotten->topic; });
  } else if (const auto* avoided = std::get_if<group::PartitionsAvoided>(&record)) {
    counts_.avoided += avoided->partitions.size();
  }
}

void GroupChecks::fold_commit(const group::OffsetsCommitted& record) {
  for (const group::OffsetEntry& one : record.offsets) {
    const std::string what = "offset " + text(one.offset) + " of " + text(one.partition);
    const auto owner = owners_.find(one.partition);
    const group::MemberNumber owns = owner == owners_.end() ? group::kNobody : owner->second;
    if (owns != record.by)
      fail_(what + " is committed by " + text(record.by) + "; it belongs to " + text(owns));
    std::vector<Committed>& before = committed_[one.partition];
    if (!before.empty() && before.back().offset > one.offset)
      fail_(what + " is committed below " + text(before.back().offset));
    if (one.offset.value() > topics_.end(one.partition))
      fail_(what + " is committed beyond the high watermark");
    if (one.offset.value() > done_[one.partition].below()) {
      fail_(what + " is committed by " + text(record.by) + ", and only what is below " +
            std::to_string(done_[one.partition].below()) + " is done");
    }
    before.push_back({next_, one.offset, false});
    ++counts_.commits;
  }
}

void GroupChecks::acknowledged(const model::TopicPartition& partition, model::Offset offset,
                               model::Offset applied) {
  ++counts_.acknowledged;
  waiting_.push_back({partition, offset, applied});
}

// It was there when it was acknowledged. What is there stays, for all nodes hold the same records.
void GroupChecks::look_for(const Acknowledged& one) {
  const auto at = committed_.find(one.partition);
  if (at == committed_.end() && counts_.topics_forgotten > 0) return;
  const Committed* last = nullptr;
  if (at != committed_.end()) {
    for (const Committed& committed : at->second) {
      if (committed.at < one.applied) last = &committed;
    }
  }
  if (last != nullptr && (last->reset || last->offset >= one.offset)) return;
  fail_("the commit of offset " + text(one.offset) + " of " + text(one.partition) +
        " was acknowledged and is not in the log that was applied by then, up to " + text(one.applied));
}

void GroupChecks::believes(std::uint32_t member, std::set<Name> owned) {
  for (const auto& [other, others] : beliefs_) {
    if (other == member) continue;
    for (const Name& one : owned) {
      if (others.contains(one)) {
        fail_(one.first + "-" + std::to_string(one.second) + " is in the hands of members " +
              std::to_string(member) + " and " + std::to_string(other));
      }
    }
  }
  beliefs_[member] = std::move(owned);
}

void GroupChecks::finish() {
  if (!ahead_.empty()) fail_("offset " + text(next_) + " of __groups was shown by no node");
  for (const Acknowledged& one : waiting_) look_for(one);
  waiting_.clear();
  for (const auto& [partition, committed] : committed_) {
    const auto& groups = image_.groups;
    const bool agrees = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
      const auto at = group.second.positions.find(partition);
      return at != group.second.positions.end() && at->second.committed == committed.back().offset;
    });
    if (!agrees) fail_("the state has another committed offset of " + text(partition) + " than the records");
  }
}

}  // namespace forebay::sim
