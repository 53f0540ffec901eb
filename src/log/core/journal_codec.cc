#include "log/core/journal_codec.h"

#include <algorithm>

#include "log/core/control_codec.h"

namespace forebay::log {
namespace {

enum class RecordType : std::uint16_t {
  kCreateReplica = 1,
  kRemoveReplica = 2,
  kSetHardState = 3,
  kTruncate = 4,
  kSetLogStart = 5,
  kReplaceSegments = 6,
  kSetDamage = 7,
  kCreateLostReplica = 8,
  kInstallBase = 9,
  kCreateReplicaAgain = 10,
};

// Smallest encodings, so that a count that lies is refused before anything is allocated.
constexpr std::size_t kSegmentBytes = 12 + 8 + 4 + 12 + 8;
constexpr std::size_t kDamageBytes = 1 + 12 + 12;
constexpr std::size_t kTermBytes = 8 + 12;
constexpr std::size_t kMembershipBytesMin = 12 + 3 * 4;
constexpr std::size_t kCheckpointEntryBytesMin = 90;

enum CheckpointFlags : std::uint8_t {
  kRemoved = 1,
  kHasTruncation = 2,
  kHasEnd = 4,
  kHasScrub = 8,
  kAllFlags = 15
};

void put_hard_state(WireWriter& out, const HardState& state) {
  out.put(state.term.value());
  out.put(static_cast<std::uint8_t>(state.vote ? 1 : 0));
  out.put(state.vote ? state.vote->value() : 0U);
}

HardState get_hard_state(WireReader& in) {
  HardState state;
  state.term = model::Term(in.get<std::uint64_t>());
  const auto has_vote = in.get<std::uint8_t>();
  const auto vote = in.get<std::uint32_t>();
  if (has_vote > 1) in.fail();
  if (has_vote == 1) state.vote = model::NodeId(vote);
  return state;
}

void put_segments(WireWriter& out, const std::vector<SegmentMeta>& segments) {
  out.put(static_cast<std::uint32_t>(segments.size()));
  for (const SegmentMeta& segment : segments) {
    out.position(segment.begin);
    out.put(segment.boot_epoch.value());
    out.put(segment.generation);
    out.position(segment.end);
    out.put(segment.size_bytes);
  }
}

std::vector<SegmentMeta> get_segments(WireReader& in) {
  std::vector<SegmentMeta> segments(in.count(kSegmentBytes));
  for (SegmentMeta& segment : segments) {
    segment.begin = in.position();
    segment.boot_epoch = model::BootEpoch(in.get<std::uint64_t>());
    segment.generation = in.get<std::uint32_t>();
    segment.end = in.position();
    segment.size_bytes = in.get<std::uint64_t>();
  }
  return segments;
}

void put_damage(WireWriter& out, const std::vector<Damage>& damage) {
  out.put(static_cast<std::uint32_t>(damage.size()));
  for (const Damage& range : damage) {
    out.put(static_cast<std::uint8_t>(range.kind));
    out.position(range.begin);
    out.position(range.end);
  }
}

std::vector<Damage> get_damage(WireReader& in) {
  std::vector<Damage> damage(in.count(kDamageBytes));
  for (Damage& range : damage) {
    const auto kind = in.get<std::uint8_t>();
    if (kind < static_cast<std::uint8_t>(DamageKind::kMiddle) ||
        kind > static_cast<std::uint8_t>(DamageKind::kRenewal)) {
      in.fail();
    }
    range.kind = static_cast<DamageKind>(kind);
    range.begin = in.position();
    range.end = in.position();
  }
  return damage;
}

void put_memberships(WireWriter& out,
                     const std::vector<std::pair<model::LogPosition, Membership>>& memberships) {
  out.put(static_cast<std::uint32_t>(memberships.size()));
  for (const auto& [at, membership] : memberships) {
    out.position(at);
    put_membership(out, membership);
  }
}

std::vector<std::pair<model::LogPosition, Membership>> get_memberships(WireReader& in) {
  std::vector<std::pair<model::LogPosition, Membership>> memberships(in.count(kMembershipBytesMin));
  for (auto& [at, membership] : memberships) {
    at = in.position();
    membership = get_membership(in);
  }
  return memberships;
}

void put_entry(WireWriter& out, const CheckpointEntry& entry) {
  const PartitionCheckpoint& state = entry.state;
  out.partition(state.id);
  out.put(static_cast<std::uint8_t>(
      (state.removed ? kRemoved : 0) | (state.lowest_truncation ? kHasTruncation : 0) |
      (entry.end ? kHasEnd : 0) | (state.scrub != ScrubState{} ? kHasScrub : 0)));
  put_hard_state(out, state.hard_state);
  out.put(state.log_epoch.value());
  out.position(state.log_start);
  out.position(state.segment_end);
  out.put(state.max_append_time.value());
  if (state.lowest_truncation) out.position(*state.lowest_truncation);
  if (entry.end) {
    out.position(entry.end->end);
    out.put(entry.end->term.value());
  }
  if (state.scrub != ScrubState{}) {
    out.put(state.scrub.last_full.value());
    out.put(state.scrub.pass_begin.value());
    out.position(state.scrub.upto);
  }
  put_segments(out, state.segments);
  out.put(static_cast<std::uint32_t>(state.terms.size()));
  for (const TermBegin& term : state.terms) {
    out.put(term.term.value());
    out.position(term.begin);
  }
  put_damage(out, state.damage);
  put_memberships(out, state.memberships);
}

CheckpointEntry get_entry(WireReader& in) {
  CheckpointEntry entry;
  PartitionCheckpoint& state = entry.state;
  state.id = in.partition();
  const auto flags = in.get<std::uint8_t>();
  if ((flags & ~kAllFlags) != 0) in.fail();
  state.removed = (flags & kRemoved) != 0;
  state.hard_state = get_hard_state(in);
  state.log_epoch = model::LogEpoch(in.get<std::uint64_t>());
  state.log_start = in.position();
  state.segment_end = in.position();
  state.max_append_time = model::Timestamp(in.get<std::int64_t>());
  if ((flags & kHasTruncation) != 0) state.lowest_truncation = in.position();
  if ((flags & kHasEnd) != 0) {
    KnownEnd end;
    end.end = in.position();
    end.term = model::Term(in.get<std::uint64_t>());
    entry.end = end;
  }
  if ((flags & kHasScrub) != 0) {
    state.scrub.last_full = model::Timestamp(in.get<std::int64_t>());
    state.scrub.pass_begin = model::Timestamp(in.get<std::int64_t>());
    state.scrub.upto = in.position();
  }
  state.segments = get_segments(in);
  state.terms.resize(in.count(kTermBytes));
  for (TermBegin& term : state.terms) {
    term.term = model::Term(in.get<std::uint64_t>());
    term.begin = in.position();
  }
  state.damage = get_damage(in);
  state.memberships = get_memberships(in);
  return entry;
}

}  // namespace

void put_log_base(WireWriter& out, const LogBase& base) {
  out.position(base.begin);
  out.put(base.before.term.value());
  out.position(base.before.begin);
  put_memberships(out, base.memberships);
}

LogBase get_log_base(WireReader& in) {
  LogBase base;
  base.begin = in.position();
  base.before.term = model::Term(in.get<std::uint64_t>());
  base.before.begin = in.position();
  base.memberships = get_memberships(in);
  const bool term_in_front = base.before.term == model::Term() || base.before.begin < base.begin;
  const bool members_in_front =
      base.memberships.empty() || (base.memberships.size() == 1 && base.memberships[0].first < base.begin);
  if (!term_in_front || !members_in_front) in.fail();
  return base;
}

void put_record(WireWriter& out, const model::TopicPartition& id, const JournalRecord& record) {
  out.partition(id);
  const auto head = [&](RecordType type) { out.put(static_cast<std::uint16_t>(type)); };
  if (const auto* create = std::get_if<CreateReplica>(&record)) {
    head(create->lost    ? RecordType::kCreateLostReplica
         : create->again ? RecordType::kCreateReplicaAgain
                         : RecordType::kCreateReplica);
  } else if (std::holds_alternative<RemoveReplica>(record)) {
    head(RecordType::kRemoveReplica);
  } else if (const auto* hard = std::get_if<SetHardState>(&record)) {
    head(RecordType::kSetHardState);
    put_hard_state(out, hard->state);
  } else if (const auto* cut = std::get_if<Truncate>(&record)) {
    head(RecordType::kTruncate);
    out.position(cut->to);
    out.put(cut->log_epoch.value());
  } else if (const auto* start = std::get_if<SetLogStart>(&record)) {
    head(RecordType::kSetLogStart);
    out.position(start->begin);
  } else if (const auto* replace = std::get_if<ReplaceSegments>(&record)) {
    head(RecordType::kReplaceSegments);
    put_segments(out, replace->removed);
    put_segments(out, replace->added);
  } else if (const auto* install = std::get_if<InstallBase>(&record)) {
    head(RecordType::kInstallBase);
    put_log_base(out, install->base);
    out.put(install->log_epoch.value());
  } else {
    head(RecordType::kSetDamage);
    put_damage(out, std::get<SetDamage>(record).damage);
  }
}

Result<PartitionRecord> decode_record(ByteSpan bytes) {
  WireReader in(bytes);
  PartitionRecord result;
  result.id = in.partition();
  const auto type = in.get<std::uint16_t>();
  switch (static_cast<RecordType>(type)) {
    case RecordType::kCreateReplica:
      result.record = CreateReplica{};
      break;
    case RecordType::kCreateReplicaAgain:
      result.record = CreateReplica{.again = true};
      break;
    case RecordType::kCreateLostReplica:
      result.record = CreateReplica{.lost = true};
      break;
    case RecordType::kRemoveReplica:
      result.record = RemoveReplica{};
      break;
    case RecordType::kSetHardState:
      result.record = SetHardState{get_hard_state(in)};
      break;
    case RecordType::kTruncate: {
      Truncate cut;
      cut.to = in.position();
      cut.log_epoch = model::LogEpoch(in.get<std::uint64_t>());
      result.record = cut;
      break;
    }
    case RecordType::kSetLogStart:
      result.record = SetLogStart{in.position()};
      break;
    case RecordType::kReplaceSegments: {
      ReplaceSegments replace;
      replace.removed = get_segments(in);
      replace.added = get_segments(in);
      result.record = std::move(replace);
      break;
    }
    case RecordType::kSetDamage:
      result.record = SetDamage{get_damage(in)};
      break;
    case RecordType::kInstallBase: {
      InstallBase install;
      install.base = get_log_base(in);
      install.log_epoch = model::LogEpoch(in.get<std::uint64_t>());
      result.record = std::move(install);
      break;
    }
    default:
      if (in.failed()) return Error{ErrorCode::kCorruptBatch, "journal record cut short"};
      return Error{ErrorCode::kNewerFormat, "journal record of type " + std::to_string(type)};
  }
  if (!in.finished()) return Error{ErrorCode::kCorruptBatch, "journal record of a wrong length"};
  return result;
}

std::vector<std::byte> encode_checkpoint(const std::vector<CheckpointEntry>& entries) {
  std::vector<std::byte> bytes;
  bytes.reserve(16 + entries.size() * 256);
  WireWriter out(bytes);
  out.put(static_cast<std::uint32_t>(entries.size()));
  for (const CheckpointEntry& entry : entries) put_entry(out, entry);
  return bytes;
}

Result<std::vector<CheckpointEntry>> decode_checkpoint(ByteSpan bytes) {
  WireReader in(bytes);
  const std::uint32_t count = in.count(kCheckpointEntryBytesMin);
  std::vector<CheckpointEntry> entries;
  entries.reserve(count);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) entries.push_back(get_entry(in));
  if (!in.finished()) return Error{ErrorCode::kCorruptBatch, "checkpoint of a wrong length"};
  return entries;
}

}  // namespace forebay::log
