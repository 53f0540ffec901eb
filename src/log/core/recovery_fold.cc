#include "log/core/recovery_fold.h"

#include <algorithm>
#include <utility>

#include "log/core/damage.h"

namespace forebay::log {
namespace {

using model::LogPosition;

void replace_segments(std::vector<SegmentMeta>& segments, const ReplaceSegments& record) {
  const auto same_file = [](const SegmentMeta& a, const SegmentMeta& b) {
    return a.begin == b.begin && a.boot_epoch == b.boot_epoch && a.generation == b.generation;
  };
  std::erase_if(segments, [&](const SegmentMeta& segment) {
    const auto names = [&](const SegmentMeta& other) { return same_file(segment, other); };
    return std::any_of(record.removed.begin(), record.removed.end(), names) ||
           std::any_of(record.added.begin(), record.added.end(), names);
  });
  segments.insert(segments.end(), record.added.begin(), record.added.end());
  std::sort(segments.begin(), segments.end(),
            [](const SegmentMeta& a, const SegmentMeta& b) { return a.begin < b.begin; });
}

// A compaction may have replaced segments that no checkpoint lists yet: what follows on without a hole
// counts, also beyond the segment end. What comes after a hole does not, for good: the journal has those
// frames, and the next life makes other segments of them.
void drop_behind_a_hole(PartitionCheckpoint& state) {
  LogPosition covered = state.segment_end;
  const auto hole =
      std::find_if(state.segments.begin(), state.segments.end(), [&](const SegmentMeta& segment) {
        if (segment.begin > covered) return true;
        covered = std::max(covered, segment.end);
        return false;
      });
  state.segments.erase(hole, state.segments.end());
}

}  // namespace

// All that is known of a log that begins there, without the hard state.
PartitionCheckpoint state_of(const LogBase& base) {
  PartitionCheckpoint state;
  state.log_start = state.segment_end = base.begin;
  if (base.before.term > model::Term()) state.terms = {base.before};
  state.memberships = base.memberships;
  // Whatever the folder holds is of the log that was there before.
  state.lowest_truncation = LogPosition{};
  return state;
}

RecoveryFold::Partition& RecoveryFold::partition(const model::TopicPartition& id) {
  Partition& found = partitions_[id];
  found.state.id = id;
  return found;
}

void RecoveryFold::cut(Partition& p, const LogPosition& to) {
  while (!p.frames.empty() && p.frames.back().header.end > to) p.frames.pop_back();
  p.end = std::min(p.end, to);
  PartitionCheckpoint& state = p.state;
  cut_damage(state.damage, to);
  state.scrub.upto = std::min(state.scrub.upto, to);
  std::erase_if(state.memberships, [&](const auto& entry) { return entry.first >= to; });
  if (to >= state.segment_end) return;
  state.segment_end = to;
  std::erase_if(state.segments, [&](const SegmentMeta& segment) { return segment.begin >= to; });
  if (!state.segments.empty()) state.segments.back().end = std::min(state.segments.back().end, to);
  std::erase_if(state.terms, [&](const TermBegin& term) { return term.begin >= to; });
}

void RecoveryFold::raise_hard_state(Partition& p, const HardState& state) {
  HardState& mine = p.state.hard_state;
  // A vote that is only inferred from frames never takes the place of the one that was given.
  const bool says_more = state.vote && (*state.vote != kUnknownVote || !mine.vote);
  if (state.term > mine.term || (state.term == mine.term && says_more)) mine = state;
}

void RecoveryFold::raise_term_of_frames(Partition& p, model::Term term) {
  if (term > p.state.hard_state.term) p.state.hard_state = {term, kUnknownVote};
}

void RecoveryFold::apply(const ScannedRound& round, std::uint64_t lost_before) {
  if (lost_before > 0) apply_lost(round, lost_before);
  apply_directory(round, lost_before > 0);
  if (round.unreadable_entries > 0) {
    result_.notes.push_back("frames of journal round " + std::to_string(round.header.sequence.value()) +
                            " that cannot be read: " + std::to_string(round.unreadable_entries));
  }
  for (const auto& entry : round.entries) {
    if (const auto* frame = std::get_if<ScannedFrame>(&entry)) {
      apply_frame(*frame);
    } else {
      apply_record(std::get<PartitionRecord>(entry));
    }
  }
  if (round.header.kind == RoundKind::kCheckpoint) apply_checkpoint_part(round);
}

void RecoveryFold::apply_lost(const ScannedRound& round, std::uint64_t lost) {
  result_.notes.push_back(std::to_string(lost) + " journal rounds before round " +
                          std::to_string(round.header.sequence.value()) + " are rotten");
  // The directory says all that the last of them did; of the others nobody knows.
  if (lost > 1) lose_what_follows();
}

void RecoveryFold::apply_directory(const ScannedRound& round, bool lost) {
  if (lost) {
    for (const PartitionRecord& record : round.repeated) apply_record(record);
  }
  for (const RoundDirectoryEntry& entry : round.directory) {
    Partition& p = partition(entry.id);
    if (lost && entry.cut) cut(p, *entry.cut);
    if (entry.end) {
      if (lost && entry.end->end < p.end) cut(p, entry.end->end);
      if (entry.end->end > p.end) p.end = entry.end->end;
      p.end_term = entry.end->term;
      raise_term_of_frames(p, entry.end->term);
      p.end_uncertain = false;
    }
    if (entry.hard_state) {
      raise_hard_state(p, *entry.hard_state);
      p.vote_uncertain = false;
    }
  }
}

void RecoveryFold::apply_frame(const ScannedFrame& frame) {
  ++result_.frames_seen;
  const FrameHeader& header = frame.header;
  Partition& p = partition(header.partition);
  raise_term_of_frames(p, header.term);
  // Flushed in a segment before its round was written; a truncation below the segment end has its record.
  if (header.end <= p.state.segment_end) return;
  if (header.begin < p.end) cut(p, std::max(header.begin, p.state.segment_end));
  p.frames.push_back(frame);
  p.end = header.end;
  p.end_term = header.term;
  p.end_uncertain = false;
}

// What precedes is void, but the hard state.
void RecoveryFold::begin_life(Partition& p, PartitionCheckpoint state) {
  state.id = p.state.id;
  state.hard_state = p.state.hard_state;
  p = Partition{};
  p.end = state.segment_end;
  p.state = std::move(state);
  p.base_known = true;
}

// The replica is the same as before: a vote that nobody knows and a lost tail are not forgotten with the log.
void RecoveryFold::install(Partition& p, const InstallBase& record) {
  const bool vote_uncertain = p.vote_uncertain;
  PartitionCheckpoint state = state_of(record.base);
  state.log_epoch = std::max(p.state.log_epoch, record.log_epoch);
  state.damage = kept_by_install(p.state.damage, record.base.begin);
  begin_life(p, std::move(state));
  p.end_term = record.base.before.term;
  p.vote_uncertain = vote_uncertain;
}

void RecoveryFold::apply_record(const PartitionRecord& record) {
  Partition& p = partition(record.id);
  if (const auto* create = std::get_if<CreateReplica>(&record.record)) {
    begin_life(p, {});
    if (create->lost) add_lost_tail(p.state.damage, {});
    if (create->again) add_renewal(p.state.damage);
  } else if (std::holds_alternative<RemoveReplica>(record.record)) {
    begin_life(p, {});
    p.state.removed = true;
  } else if (const auto* base = std::get_if<InstallBase>(&record.record)) {
    install(p, *base);
  } else if (const auto* hard = std::get_if<SetHardState>(&record.record)) {
    raise_hard_state(p, hard->state);
    p.vote_uncertain = false;
  } else if (const auto* truncate = std::get_if<Truncate>(&record.record)) {
    cut(p, truncate->to);
    auto& lowest = p.state.lowest_truncation;
    lowest = std::min(lowest.value_or(truncate->to), truncate->to);
    p.state.log_epoch = std::max(p.state.log_epoch, truncate->log_epoch);
  } else if (const auto* start = std::get_if<SetLogStart>(&record.record)) {
    p.state.log_start = std::max(p.state.log_start, start->begin);
  } else if (const auto* replace = std::get_if<ReplaceSegments>(&record.record)) {
    replace_segments(p.state.segments, *replace);
  } else {
    p.state.damage = std::get<SetDamage>(record.record).damage;
  }
}

void RecoveryFold::apply_checkpoint_part(const ScannedRound& round) {
  const RoundHeader& header = round.header;
  if (header.checkpoint_part == 0) {
    checkpoint_id_ = header.checkpoint_id;
    checkpoint_next_part_ = 0;
    checkpoint_bytes_.clear();
  }
  if (header.checkpoint_id != checkpoint_id_ || header.checkpoint_part != checkpoint_next_part_) return;
  checkpoint_bytes_.insert(checkpoint_bytes_.end(), round.checkpoint_part.begin(),
                           round.checkpoint_part.end());
  if (++checkpoint_next_part_ < header.checkpoint_parts) return;
  auto entries = decode_checkpoint(checkpoint_bytes_);
  checkpoint_bytes_.clear();
  checkpoint_id_ = {};
  if (entries) {
    apply_checkpoint(*entries);
  } else {
    result_.notes.push_back("a checkpoint cannot be decoded: " + entries.error().context);
  }
}

void RecoveryFold::apply_checkpoint(const std::vector<CheckpointEntry>& entries) {
  result_.checkpoint_seen = true;
  std::map<model::TopicPartition, Partition> before;
  before.swap(partitions_);
  for (const CheckpointEntry& entry : entries) {
    Partition p;
    if (const auto found = before.find(entry.state.id); found != before.end()) p = std::move(found->second);
    const HardState known = p.state.hard_state;
    const bool end_was_uncertain = p.end_uncertain;
    p.state = entry.state;
    p.base_known = true;
    p.vote_uncertain = p.end_uncertain = false;
    raise_hard_state(p, known);
    for (const TermBegin& term : p.state.terms) raise_term_of_frames(p, term.term);
    if (entry.end) raise_term_of_frames(p, entry.end->term);
    if (p.state.removed) {
      p.frames.clear();
      p.end = {};
    } else {
      std::erase_if(p.frames, [&](const ScannedFrame& f) { return f.header.end <= p.state.segment_end; });
      p.end = std::max(p.end, p.state.segment_end);
      p.end_uncertain = end_was_uncertain && !entry.end;
      if (entry.end) {
        const LogPosition proven = std::max(entry.end->end, p.state.segment_end);
        if (p.end > proven) cut(p, proven);
        p.end = proven;
        p.end_term = entry.end->term;
      }
    }
    partitions_.emplace(entry.state.id, std::move(p));
  }
}

void RecoveryFold::collect_damage(Partition& p) {
  std::vector<Damage>& damage = p.state.damage;
  LogPosition at = p.state.segment_end;
  for (const ScannedFrame& frame : p.frames) {
    add_lost_range(damage, at, frame.header.begin);
    at = frame.header.end;
  }
  add_lost_range(damage, at, p.end);
  if (p.end_uncertain || p.vote_uncertain) add_lost_tail(damage, p.end);
  drop_damage_below(damage, p.state.log_start);
}

void RecoveryFold::lose_what_follows() {
  for (auto& [id, p] : partitions_) p.end_uncertain = p.vote_uncertain = true;
}

FoldResult RecoveryFold::finish() {
  for (auto& [id, p] : partitions_) {
    if (p.state.removed) {
      result_.removed.push_back(std::move(p.state));
      continue;
    }
    drop_behind_a_hole(p.state);
    drop_damage_below(p.state.damage, p.state.log_start);
    const std::vector<Damage> known = p.state.damage;
    collect_damage(p);
    if (is_open(p.state.damage) && p.state.damage != known) {
      result_.notes.push_back("partition " + id.to_string() + ": part of the log is lost; it ends at " +
                              p.end.to_string());
    }
    FoldedPartition folded;
    folded.state = std::move(p.state);
    folded.tail = std::move(p.frames);
    folded.end = p.end;
    folded.end_term = p.end_term;
    folded.base_unknown = !p.base_known;
    result_.partitions.push_back(std::move(folded));
  }
  partitions_.clear();
  return std::move(result_);
}

}  // namespace forebay::log
