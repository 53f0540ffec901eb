// From the rounds of a journal to the state of every partition. Pure; feed the rounds of one shard in chain
// order, then finish(). Journal order is the truth: an append below the end truncates, a truncation cuts,
// create and remove void what precedes them (but the hard state), a complete checkpoint replaces what was
// known and proves the ends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/core/journal_scan.h"

namespace forebay::log {

// Stands for "voted, nobody knows for whom": of a term that is known only from frames.
inline constexpr model::NodeId kUnknownVote{0xffffffffU};

struct FoldedPartition {
  PartitionCheckpoint state;
  std::vector<ScannedFrame> tail;  // from segment_end on; gaps are in state.damage
  model::LogPosition end;
  model::Term end_term;
  // No checkpoint and no create record of it was readable: its segments are known from its folder at most.
  bool base_unknown = false;
};

struct FoldResult {
  std::vector<FoldedPartition> partitions;
  std::vector<PartitionCheckpoint> removed;
  std::vector<std::string> notes;
  std::uint64_t frames_seen = 0;
  bool checkpoint_seen = false;
};

class RecoveryFold {
 public:
  // `lost_before`: how many rounds between the one given before and this one are rotten.
  void apply(const ScannedRound& round, std::uint64_t lost_before);
  // Rounds behind the last one may exist and cannot be read: of no log is the end or the vote known.
  void lose_what_follows();
  [[nodiscard]] FoldResult finish();

 private:
  struct Partition {
    PartitionCheckpoint state;
    std::vector<ScannedFrame> frames;
    model::LogPosition end;
    model::Term end_term;
    bool base_known = false;      // from a checkpoint or a create record
    bool end_uncertain = false;   // lost rounds may have held frames of it
    bool vote_uncertain = false;  // ... or votes
  };

  Partition& partition(const model::TopicPartition& id);
  void apply_lost(const ScannedRound& round, std::uint64_t lost);
  void apply_directory(const ScannedRound& round, bool lost);
  void apply_frame(const ScannedFrame& frame);
  void apply_record(const PartitionRecord& record);
  void apply_checkpoint_part(const ScannedRound& round);
  void apply_checkpoint(const std::vector<CheckpointEntry>& entries);
  static void begin_life(Partition& partition, PartitionCheckpoint state);
  static void install(Partition& partition, const InstallBase& record);
  static void cut(Partition& partition, const model::LogPosition& to);
  static void raise_hard_state(Partition& partition, const HardState& state);
  static void raise_term_of_frames(Partition& partition, model::Term term);
  static void collect_damage(Partition& partition);

  std::map<model::TopicPartition, Partition> partitions_;
  // The checkpoint whose parts are coming in.
  RoundSequence checkpoint_id_{};
  std::uint32_t checkpoint_next_part_ = 0;
  std::vector<std::byte> checkpoint_bytes_;
  FoldResult result_;
};

}  // namespace forebay::log
