// What a round of the journal carries beside frames, and what a checkpoint says. Encodings:
// docs/format/journal.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::log {

// Set in the generation of a file that a failed write made necessary at a place where another one begins: not
// as first written, and not compacted either. Likewise after a truncation.
inline constexpr std::uint32_t kRetriedFile = 1U << 31;

// By so much the number of a file grows by a repair: files that compactions, retries and truncations make at
// the same place have the next ones, and must not be named like it.
inline constexpr std::uint32_t kRepairedFileStep = 1U << 20;

// One data file of a partition, as the checkpoint lists it.
struct SegmentMeta {
  model::LogPosition begin;     // also in the file's name
  model::BootEpoch boot_epoch;  // of the start that created the file; in its name
  // 0 as written; n after the n-th compaction; kRetriedFile | n for the n-th file at one place, or after a
  // truncation, or after a repair, which adds kRepairedFileStep to n. In its name when not 0.
  std::uint32_t generation = 0;
  model::LogPosition end;  // frames up to here are in the file and flushed
  // Whole blocks up to `end`, or more where the log was cut: what lies behind is void.
  std::uint64_t size_bytes = 0;
  // How often its frames were compacted. Not at all after a repair: what came from another replica may hold
  // what this one had compacted away.
  [[nodiscard]] std::uint32_t compactions() const {
    return (generation & kRetriedFile) != 0 ? 0 : generation;
  }
  // How often it was made out of others, by compactions and repairs: of two files with the same frames the
  // one with more is the later one.
  [[nodiscard]] std::uint32_t remakes() const {
    const std::uint32_t number = generation & ~kRetriedFile;
    return compactions() > 0 || number >= kRepairedFileStep ? number : 0;
  }
  friend bool operator==(const SegmentMeta&, const SegmentMeta&) = default;
};
// <20-digit offset>-<8-digit control count>-<boot epoch>[-g<compactions> or -r<retries>].log
[[nodiscard]] std::string segment_file_name(const SegmentMeta& meta);
[[nodiscard]] std::optional<SegmentMeta> parse_segment_file_name(
    std::string_view name);  // end and size are left empty

struct TermBegin {
  model::Term term;
  model::LogPosition begin;  // of the term's first frame
  friend bool operator==(const TermBegin&, const TermBegin&) = default;
};

struct HardState {
  model::Term term;
  std::optional<model::NodeId> vote;
  friend bool operator==(const HardState&, const HardState&) = default;
};

enum class DamageKind : std::uint8_t {
  kMiddle = 1,          // a range is lost, with good frames or a proven end behind it
  kTail = 2,            // the log may have gone on, and the vote is unknown
  kAcceptedMiddle = 3,  // likewise, and an operator has accepted it: readers pass over the range
  kAcceptedTail = 4,    // ... and the log goes on from there
  // A replica had a life here before, which was ended on purpose: what it had promised has to be regained
  // from others before this one promises anything. `begin` and `end` are the begin of the log.
  kRenewal = 5,
};
struct Damage {
  DamageKind kind = DamageKind::kMiddle;
  model::LogPosition begin;  // first position that cannot be trusted
  model::LogPosition end;    // middle: first good position behind; tail: equal to begin (the end is unknown)
  friend bool operator==(const Damage&, const Damage&) = default;
};

// Where a log begins whose older part is gone: what must be known of that part to go on behind it.
struct LogBase {
  model::LogPosition begin;
  // Of the frame that ended there; without a term it is not known.
  TermBegin before;
  // What counts from there on, with a position below: none, or one.
  std::vector<std::pair<model::LogPosition, Membership>> memberships;
  friend bool operator==(const LogBase&, const LogBase&) = default;
};

// --- records of a round, each for one partition
// -------------------------------------------------------------------------
// The replica's life begins; whatever precedes is void but the hard state.
struct CreateReplica {
  bool lost = false;   // it had a life before, of which nothing is left: a lost tail at the very begin
  bool again = false;  // it had a life before that was removed: a renewal
};
struct RemoveReplica {};  // ... and ends
struct SetHardState {
  HardState state;
};
struct Truncate {
  model::LogPosition to;
  model::LogEpoch log_epoch;
};  // log_epoch: the value after the truncation
struct SetLogStart {
  model::LogPosition begin;
};  // durable before any file below it goes
// Compaction or repair put `added` in the place of `removed`; both cover the same range.
struct ReplaceSegments {
  std::vector<SegmentMeta> removed;
  std::vector<SegmentMeta> added;
};
struct SetDamage {
  std::vector<Damage> damage;
};  // the complete list as it is now
// The log begins at `base` from now on; whatever precedes is void but the hard state and an open lost tail.
struct InstallBase {
  LogBase base;
  model::LogEpoch log_epoch;  // the value after it
};
using JournalRecord = std::variant<CreateReplica, RemoveReplica, SetHardState, Truncate, SetLogStart,
                                   ReplaceSegments, SetDamage, InstallBase>;

// How far the scrub (log/scrub.h) has come with a log. Wall times.
struct ScrubState {
  model::Timestamp last_full = model::kNoTimestamp;   // when the last full pass ended
  model::Timestamp pass_begin = model::kNoTimestamp;  // of the pass under way
  model::LogPosition upto;                            // what lies below has been read in that pass
  friend bool operator==(const ScrubState&, const ScrubState&) = default;
};

// Everything that must survive the reuse of the journal's oldest file, for one partition.
struct PartitionCheckpoint {
  model::TopicPartition id;
  HardState hard_state;
  model::LogEpoch log_epoch;
  model::LogPosition log_start;
  model::LogPosition segment_end;  // all below is in `segments`, flushed
  // Ordered, contiguous, from the one that holds log_start to segment_end; after recovery perhaps beyond:
  // what a compaction made of segments that no checkpoint listed yet.
  std::vector<SegmentMeta> segments;
  // Terms of frames in [log_start, segment_end), and of the one that ended at log_start: the first entry
  // begins below it.
  std::vector<TermBegin> terms;
  // Since the folder was last looked through at a start: what files hold from here on, beyond the log's end,
  // was cut.
  std::optional<model::LogPosition> lowest_truncation;
  std::vector<Damage> damage;
  // The last committed membership and all later ones, each with the position of its frame.
  std::vector<std::pair<model::LogPosition, Membership>> memberships;
  // Of frames below segment_end: append time never decreases. After a truncation perhaps a little later.
  model::Timestamp max_append_time{-1};
  ScrubState scrub;
  bool removed = false;  // only term and vote still count
};

}  // namespace forebay::log
