// The part of ShardJournal that makes rounds: whose turn it is, what goes in, and the header that seals them.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/shard_journal.h"

namespace forebay::log {
namespace {

constexpr std::uint32_t kWindowRounds = 64;  // so many are looked at for how many partitions are busy

}  // namespace

// Buffers are sized for the usual round, grown for a large frame, and given back after it.
void ShardJournal::begin_fill(Round& round, ByteSpan directory, std::size_t bytes) {
  const std::size_t whole = round_blocks_bytes(bytes);
  const std::size_t usual = round_blocks_bytes(config_.round_bytes_max);
  if (round.buffer->size() < whole || round.buffer->size() > std::max(whole, usual)) {
    round.buffer = std::make_shared<io::AlignedBuffer>(std::max(whole, usual));
  }
  round.writer = RoundWriter(round.buffer->span());
  round.writer.add_directory(directory);
}

void ShardJournal::fill(Round& round, bool control_only) {
  // A log whose turn brings nothing is passed over once; when all have been, the round is full.
  std::size_t barren = 0;
  while (queue_.turns() > 0 && barren < queue_.turns()) {
    const std::uint32_t slot = queue_.next_turn();
    const bool first = round.completions.empty();
    const std::size_t taken = take_turn(round, slot, control_only, first);
    if (taken == 0) {
      // What does not fit any more keeps its turn for the next round.
      if (!control_only) return;
      ++barren;
    } else {
      barren = 0;
    }
    round.budget_bytes -= taken;
    queue_.end_turn();
  }
}

std::size_t ShardJournal::take_turn(Round& round, std::uint32_t slot, bool control_only, bool first) {
  const std::size_t turn_bytes = std::min<std::size_t>(round.budget_bytes, config_.round_partition_bytes);
  std::size_t taken = 0;
  while (const JournalQueue::Item* head = queue_.head(slot)) {
    if (control_only && !head->is_control()) break;
    const std::size_t bytes = head->bytes();
    // One item larger than a turn is let in alone; what the budget cannot hold never is, but for the first.
    const bool alone = taken == 0 && (first || bytes <= round.budget_bytes);
    if (taken + bytes > turn_bytes && !alone) break;
    put_item(round, slot, queue_.take(slot));
    taken += bytes;
  }
  return taken;
}

void ShardJournal::put_item(Round& round, std::uint32_t place, JournalQueue::Item item) {
  Slot& slot = slots_[place];
  if (!slot.in_round) {
    slot.in_round = true;
    in_round_.push_back(place);
    if (std::exchange(slot.counted_in, window_) != window_) ++window_partitions_;
  }
  if (item.frame) {
    const FrameHeader& header = item.frame->header;
    round.writer.add_frame(*item.frame);
    ring_.add_frames(place, header.end);
    slot.end = KnownEnd{header.end, header.term};
    ++stats_.frames;
    Completion* last = round.completions.empty() ? nullptr : &round.completions.back();
    if (last != nullptr && !last->is_record && last->slot == place && last->log_epoch == item.log_epoch) {
      last->end = header.end;
      return;
    }
    round.completions.push_back({place, slot.generation, item.log_epoch, header.end, {}, false});
    return;
  }
  JournalQueue::Record& record = *item.record;
  round.writer.add_record(record.entry);
  repeated_.insert(repeated_.end(), record.entry.begin(), record.entry.end());
  const bool cuts = std::holds_alternative<Truncate>(record.record) ||
                    std::holds_alternative<CreateReplica>(record.record) ||
                    std::holds_alternative<RemoveReplica>(record.record) ||
                    std::holds_alternative<InstallBase>(record.record);
  if (cuts && !slot.cut_in_flight) {
    slot.cut_in_flight = true;
    cut_slots_.push_back(place);
  }
  if (const auto* hard = std::get_if<SetHardState>(&record.record)) {
    slot.hard_state = hard->state;
  } else if (const auto* cut = std::get_if<Truncate>(&record.record)) {
    slot.cut = slot.cut ? std::min(*slot.cut, cut->to) : cut->to;
    if (slot.end) slot.end->end = std::min(slot.end->end, cut->to);
    ring_.truncate(place, cut->to);
  } else if (std::holds_alternative<CreateReplica>(record.record) ||
             std::holds_alternative<RemoveReplica>(record.record)) {
    slot.end = KnownEnd{};
    ring_.forget(place);
  } else if (const auto* install = std::get_if<InstallBase>(&record.record)) {
    slot.end = KnownEnd{install->base.begin, install->base.before.term};
    slot.cut.reset();  // of the log that was there before
    ring_.forget(place);
  }
  round.completions.push_back({place, slot.generation, {}, {}, std::move(record.done), true});
}

// The directory of this round, for the next one: the records again, then where each log ends.
void ShardJournal::end_fill(Round& round) {
  round.directory.swap(repeated_);
  repeated_.clear();
  WireWriter out(round.directory);
  for (const std::uint32_t place : in_round_) {
    Slot& slot = slots_[place];
    put_directory_entry(out, {slot.id, slot.end, slot.hard_state, slot.cut});
    slot.in_round = false;
    slot.cut.reset();
  }
  if (++window_rounds_ == kWindowRounds) {
    ++window_;
    window_rounds_ = 0;
    last_window_partitions_ = std::exchange(window_partitions_, 0);
  }
  in_round_.clear();
}

RoundHeader ShardJournal::next_header(RoundKind kind) {
  RoundHeader header;
  header.kind = kind;
  header.boot_epoch = epoch_;
  header.epoch_seed = epoch_seed_;
  header.shard = shard_;
  header.file_number = ring_.current().number;
  used_sequence_ = used_sequence_.next();
  header.sequence = used_sequence_;
  header.previous = last_sequence_;
  header.previous_crc = last_crc_;
  header.live_from = ring_.live_from(false);
  header.next_file = ring_.next_free();
  header.wall_time = ports_.clock.now();
  return header;
}

void ShardJournal::write_round(const RoundHeader& header) {
  round_.header = header;
  submit(round_.writer.seal(round_.header));
}

void ShardJournal::submit(ByteSpan bytes) {
  JournalRing::File& current = ring_.current();
  FOREBAY_ASSERT(current.used_bytes + bytes.size() <= config_.file_bytes && !current.broken);
  in_flight_ = true;
  round_started_ = ports_.executor.now();
  const std::shared_ptr<io::File> file = files_.at(current.number);
  // The buffer and the file outlive the journal while the disk uses them.
  file->write(current.used_bytes, bytes, io::WriteMode::kDurable,
              [this, alive = std::weak_ptr(alive_), keep = round_.buffer, file](Result<void> result) {
                if (!alive.expired()) on_written(std::move(result));
              });
  current.used_bytes += bytes.size();
}

}  // namespace forebay::log
