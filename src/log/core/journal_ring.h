// Which files of the journal hold what is still needed. Pure. Files are used one after the other; the oldest
// goes back to the free ones when all of its frames are flushed in segments and two complete checkpoints have
// said so since: then one rotten checkpoint loses nothing.
//
// Invariant: files in use are in the order of their sequences, the last one is written on; they go back
// oldest first, so that the sequences from live_from() on have no hole.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "log/core/round.h"

namespace forebay::log {

class JournalRing {
 public:
  using Slot = std::uint32_t;  // LogSlot's value: the journal's name of an open log
  static constexpr std::uint32_t kCheckpointsToFree = 2;

  struct File {
    std::uint64_t number = 0;
    std::uint64_t used_bytes = 0;
    RoundSequence first_sequence;
    bool broken = false;  // a write to it failed: never written again
    std::unordered_map<Slot, model::LogPosition>
        unflushed;  // end of the last frame of each log that needs it
    std::uint32_t checkpoints_since_flushed = 0;
    bool flushed_at_snapshot = false;
  };

  void add_free(std::uint64_t number) { free_.push_back(number); }
  [[nodiscard]] std::size_t free_count() const { return free_.size(); }
  [[nodiscard]] std::uint64_t next_free() const { return free_.empty() ? 0 : free_.front(); }  // 0: none
  [[nodiscard]] std::size_t in_use_count() const { return in_use_.size(); }
  [[nodiscard]] std::size_t usable_count() const;  // free and in use, without broken ones
  [[nodiscard]] File& current() { return in_use_.back(); }
  [[nodiscard]] const File& current() const { return in_use_.back(); }
  [[nodiscard]] bool has_current() const { return !in_use_.empty(); }

  // Requires: free_count() > 0.
  [[nodiscard]] std::uint64_t take_free();
  // Makes `file` the one that is written on (recovery's files, in order; a new file after a failed write).
  void push_in_use(File file) { in_use_.push_back(std::move(file)); }
  // Makes a free file the one that is written on. Requires: free_count() > 0.
  void use_next(RoundSequence first_sequence);

  // A round with frames of `slot` up to `end` is in the current file.
  void add_frames(Slot slot, const model::LogPosition& end) { in_use_.back().unflushed[slot] = end; }
  void truncate(Slot slot, const model::LogPosition& to);
  void flushed(Slot slot, const model::LogPosition& end);
  void forget(Slot slot);

  // The state that a checkpoint will hold was taken now.
  void checkpoint_taken();
  // It is durable. Returns: numbers of broken files that are not needed any more (to be deleted).
  [[nodiscard]] std::vector<std::uint64_t> checkpoint_durable();
  // Sequences below are not needed. With `checkpoint`: once the checkpoint being written is durable.
  [[nodiscard]] RoundSequence live_from(bool checkpoint) const;
  // One more checkpoint brings a file nearer to being free.
  [[nodiscard]] bool checkpoint_helps() const;
  // The oldest file that waits for segments, without the current one.
  [[nodiscard]] const File* oldest_unflushed() const;

 private:
  [[nodiscard]] static bool would_be_free(const File& file) {
    return file.checkpoints_since_flushed + (file.flushed_at_snapshot ? 1U : 0U) >= kCheckpointsToFree;
  }
  std::deque<File> in_use_;
  std::deque<std::uint64_t> free_;
};

}  // namespace forebay::log
