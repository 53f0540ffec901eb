// Offsets: commits, resets, and where the start rule leads.
#include <algorithm>
#include <utility>

#include "group/core/texts.h"
#include "group/core/turn.h"

namespace forebay::group {
namespace {

constexpr std::uint32_t kRetryMs = 100;

std::string text_of(const CommitEntry& entry) {
  return "partition " + std::to_string(entry.partition.partition.value()) + " of topic '" + entry.topic + "'";
}

std::string text_of(model::Offset offset) { return std::to_string(offset.value()); }

// Errors: kInvalidArgument. `what`: "a commit".
Result<void> check_entries(const char* what, const std::vector<CommitEntry>& entries) {
  if (entries.size() > kOffsetsPerCommitMax) {
    return Error{ErrorCode::kInvalidArgument,
                 std::string(what) + " may have " + std::to_string(kOffsetsPerCommitMax) +
                     " offsets at most; this one has " + std::to_string(entries.size())};
  }
  std::size_t metadata = 0;
  std::set<model::TopicPartition> named;
  for (const CommitEntry& entry : entries) {
    metadata += entry.metadata.size();
    if (entries.size() > 1 && !named.insert(entry.partition).second)
      return Error{ErrorCode::kInvalidArgument, std::string(what) + " names " + text_of(entry) + " twice"};
  }
  if (metadata <= kCommitMetadataBytesMax) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::string(what) + " may have " + std::to_string(kCommitMetadataBytesMax) +
                   " bytes of metadata at most; this one has " + std::to_string(metadata) + ": use several"};
}

}  // namespace

// That there is such a place, and that the log has got so far.
Result<void> Turn::check_place(const CommitEntry& entry) const {
  if (entry.metadata.size() > kMetadataBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "the metadata for " + text_of(entry) + " has " +
                                                  std::to_string(entry.metadata.size()) + " bytes; at most " +
                                                  std::to_string(kMetadataBytesMax) + " are allowed"};
  }
  const TopicView* view = context_.topics.find(entry.topic, entry.partition.topic);
  const auto index = entry.partition.partition.value();
  if (view == nullptr || index < 0 || static_cast<std::size_t>(index) >= view->leader_racks.size()) {
    if (snapshot_is_old() && group_.roster().ownership(entry.partition) != nullptr) {
      return Error{ErrorCode::kNotYet,
                   "the coordinator has older metadata than group '" + group_.name() +
                       "' and does not know how far " + text_of(entry) + " goes; nothing is changed, retry",
                   kRetryMs};
    }
    if (view == nullptr)
      return Error{ErrorCode::kUnknownTopic, "topic '" + entry.topic + "' does not exist; create it first"};
    return Error{ErrorCode::kUnknownPartition, "there is no " + text_of(entry)};
  }
  if (!entry.high_watermark) {
    return Error{ErrorCode::kNotYet,
                 "the coordinator has just learnt of " + text_of(entry) +
                     " and does not know how far it goes; nothing is changed, retry",
                 kRetryMs};
  }
  if (entry.offset < model::Offset{} || entry.offset > *entry.high_watermark) {
    return Error{ErrorCode::kOffsetOutOfRange, "offset " + text_of(entry.offset) + " of " + text_of(entry) +
                                                   " is not in the log, which ends at " +
                                                   text_of(*entry.high_watermark) + "; nothing is changed"};
  }
  return {};
}

Result<void> Turn::check_commit(const CommitEntry& entry, MemberNumber by) const {
  if (by != kNobody) {
    const Ownership* ownership = group_.roster().ownership(entry.partition);
    if (ownership == nullptr || ownership->owner != by) {
      return Error{ErrorCode::kNotOwner, text_of(entry) + " does not belong to this member of group '" +
                                             group_.name() +
                                             "'; nothing is committed, drop what is left of it"};
    }
  }
  FOREBAY_CHECK(check_place(entry));
  const Position* position = group_.position(entry.partition);
  if (position == nullptr || !position->committed || *position->committed <= entry.offset) return {};
  return Error{ErrorCode::kOffsetMovedBack, "offset " + text_of(entry.offset) + " of " + text_of(entry) +
                                                " is below " + text_of(*position->committed) +
                                                ", which group '" + group_.name() +
                                                "' has committed; only 'forebay group reset' goes back"};
}

// Requires: it is there.
void Turn::see(const CommitEntry& entry) {
  if (group_.roster().ownership(entry.partition) != nullptr) return;
  const TopicView* view = context_.topics.find(entry.topic, entry.partition.topic);
  const auto partitions = static_cast<std::uint32_t>(view->leader_racks.size());
  group_.decide(
      TopicSeen{group_.name(), view->id, entry.topic, partitions, partitions, context_.topics.version});
}

Result<EntryResults> Turn::commit(const std::optional<MemberRef>& member, model::Timestamp now,
                                  const std::vector<CommitEntry>& entries) {
  MemberNumber by = kNobody;
  if (member) {
    FOREBAY_TRY(by, find(*member));
  } else {
    FOREBAY_CHECK(check_exists());
    if (const std::size_t members = group_.roster().members.size(); members > 0) {
      return Error{ErrorCode::kFailedPrecondition, "group '" + group_.name() + "' has " +
                                                       members_text(members) +
                                                       "; commit as one of them, or stop them; " + kWhoDied};
    }
  }
  FOREBAY_CHECK(check_entries("a commit", entries));
  EntryResults results;
  results.reserve(entries.size());
  OffsetsCommitted record{group_.name(), by, now, {}};
  for (const CommitEntry& entry : entries) {
    Result<void> result = check_commit(entry, by);
    if (result) {
      const Position* position = group_.position(entry.partition);
      const bool same =
          position != nullptr && position->committed == entry.offset && position->metadata == entry.metadata;
      if (!same) {
        see(entry);
        record.offsets.push_back({entry.partition, entry.offset, entry.metadata});
      }
    }
    results.push_back(std::move(result));
  }
  if (!record.offsets.empty()) group_.decide(std::move(record));
  return results;
}

Result<void> Turn::check_reset(const CommitEntry& entry) const {
  FOREBAY_CHECK(check_place(entry));
  const Ownership* ownership = group_.roster().ownership(entry.partition);
  if (ownership == nullptr || ownership->owner == kNobody) return {};
  return Error{ErrorCode::kFailedPrecondition, text_of(entry) + " belongs to member '" +
                                                   group_.roster().member(ownership->owner)->settings.id +
                                                   "' of group '" + group_.name() + "'; stop it first; " +
                                                   kWhoDied};
}

Result<std::vector<ResetResult>> Turn::reset(model::Timestamp now, const std::vector<CommitEntry>& entries,
                                             ResetMode mode) {
  FOREBAY_CHECK(check_exists());
  FOREBAY_CHECK(check_entries("a reset", entries));
  std::vector<ResetResult> results;
  OffsetsReset record{group_.name(), now, {}};
  bool all = true;
  for (const CommitEntry& entry : entries) {
    const Position* position = group_.position(entry.partition);
    results.push_back({position != nullptr ? position->committed : std::nullopt, check_reset(entry)});
    all = all && results.back().result.has_value();
    record.offsets.push_back({entry.partition, entry.offset, entry.metadata});
  }
  if (!all || mode == ResetMode::kTry || entries.empty()) return results;
  for (const CommitEntry& entry : entries) see(entry);
  group_.decide(std::move(record));
  return results;
}

void Turn::resolve_starts(const std::vector<std::pair<WantedStart, model::Offset>>& starts) {
  if (!group_.exists()) return;
  StartsResolved record{group_.name(), {}};
  std::set<model::TopicPartition> named;
  for (const auto& [wanted, start] : starts) {
    const model::TopicPartition& partition = wanted.partition;
    const Ownership* ownership = group_.roster().ownership(partition);
    const Position* position = group_.position(partition);
    if (ownership == nullptr || (position != nullptr && position->next())) continue;
    const GroupTopic& topic = group_.roster().topics.find(partition.topic)->second;
    if (rule_to_resolve(group_.start(), topic, partition) != wanted.rule) continue;
    if (!named.insert(partition).second) continue;
    record.starts.emplace_back(partition, start);
    if (ownership->owner != kNobody) touched_.insert(ownership->owner);
  }
  if (!record.starts.empty()) group_.decide(std::move(record));
}

}  // namespace forebay::group
