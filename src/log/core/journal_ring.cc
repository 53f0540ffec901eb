#include "log/core/journal_ring.h"

#include <algorithm>

#include "base/assert.h"

namespace forebay::log {

std::size_t JournalRing::usable_count() const {
  return free_.size() + static_cast<std::size_t>(std::count_if(
                            in_use_.begin(), in_use_.end(), [](const File& file) { return !file.broken; }));
}

std::uint64_t JournalRing::take_free() {
  FOREBAY_ASSERT(!free_.empty());
  const std::uint64_t number = free_.front();
  free_.pop_front();
  return number;
}

void JournalRing::use_next(RoundSequence first_sequence) {
  File file;
  file.number = take_free();
  file.first_sequence = first_sequence;
  in_use_.push_back(std::move(file));
}

void JournalRing::truncate(Slot slot, const model::LogPosition& to) {
  for (File& file : in_use_) {
    if (const auto found = file.unflushed.find(slot); found != file.unflushed.end()) {
      found->second = std::min(found->second, to);
    }
  }
}

void JournalRing::flushed(Slot slot, const model::LogPosition& end) {
  for (File& file : in_use_) {
    if (const auto found = file.unflushed.find(slot); found != file.unflushed.end() && found->second <= end) {
      file.unflushed.erase(found);
    }
  }
}

void JournalRing::forget(Slot slot) {
  for (File& file : in_use_) file.unflushed.erase(slot);
}

void JournalRing::checkpoint_taken() {
  for (std::size_t i = 0; i < in_use_.size(); ++i) {
    in_use_[i].flushed_at_snapshot = i + 1 < in_use_.size() && in_use_[i].unflushed.empty();
  }
}

std::vector<std::uint64_t> JournalRing::checkpoint_durable() {
  std::vector<std::uint64_t> to_delete;
  for (File& file : in_use_) {
    if (std::exchange(file.flushed_at_snapshot, false)) ++file.checkpoints_since_flushed;
  }
  while (in_use_.size() > 1 && in_use_.front().checkpoints_since_flushed >= kCheckpointsToFree) {
    if (in_use_.front().broken) {
      to_delete.push_back(in_use_.front().number);
    } else {
      free_.push_back(in_use_.front().number);
    }
    in_use_.pop_front();
  }
  return to_delete;
}

RoundSequence JournalRing::live_from(bool checkpoint) const {
  if (!checkpoint) return in_use_.front().first_sequence;
  for (std::size_t i = 0; i + 1 < in_use_.size(); ++i) {
    if (!would_be_free(in_use_[i])) return in_use_[i].first_sequence;
  }
  return in_use_.back().first_sequence;
}

bool JournalRing::checkpoint_helps() const {
  // Files go back in order, so only the oldest ones matter.
  return in_use_.size() > 1 && in_use_.front().unflushed.empty() &&
         in_use_.front().checkpoints_since_flushed < kCheckpointsToFree;
}

const JournalRing::File* JournalRing::oldest_unflushed() const {
  for (std::size_t i = 0; i + 1 < in_use_.size(); ++i) {
    if (!in_use_[i].unflushed.empty()) return &in_use_[i];
  }
  return nullptr;
}

}  // namespace forebay::log
