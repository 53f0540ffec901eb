// The journal's files: which one is written on, when a checkpoint is due, how the ring grows and is reused,
// and what happens when a write fails.
#include <algorithm>

#include "base/assert.h"
#include "log/data_directory.h"
#include "log/recovery_writer.h"
#include "log/shard_journal.h"

namespace forebay::log {
namespace {

constexpr std::size_t kFreeWanted = 2;  // one to go on in, one in reserve
constexpr runtime::Duration kGrowRetry = std::chrono::seconds(1);
constexpr runtime::Duration kSpaceRetry = std::chrono::milliseconds(20);

}  // namespace

bool ShardJournal::growable() const {
  return ring_.usable_count() < config_.files_max &&
         (growing_ || !grow_again_at_ || ports_.executor.now() >= *grow_again_at_);
}

// In the very last file, and while the others are still being made, a quarter is left for checkpoints: they
// make the others free.
std::size_t ShardJournal::room_left() const {
  const std::uint64_t kept = ring_.free_count() == 0 ? config_.file_bytes / 4 : 0;
  const std::uint64_t used = ring_.current().used_bytes + kept;
  return ring_.current().broken || used >= config_.file_bytes ? 0 : config_.file_bytes - used;
}

bool ShardJournal::control_may_use(std::size_t bytes) const { return bytes <= room_left(); }

// Record frames leave one whole file to control frames, votes and checkpoints.
bool ShardJournal::records_may_use(std::size_t bytes) const {
  return bytes <= room_left() && (ring_.free_count() >= 1 || growing_);
}

// True when a round of `bytes` may go into the current file, if need be a new one (then a checkpoint is due).
bool ShardJournal::make_room(std::size_t bytes, bool control_only) {
  if (control_only ? control_may_use(bytes) : records_may_use(bytes)) return true;
  const JournalRing::File& current = ring_.current();
  const bool full = current.broken || current.used_bytes + bytes > config_.file_bytes;
  if (!full) return false;
  const std::size_t needed = control_only || growing_ ? 1 : kFreeWanted;
  if (ring_.free_count() < needed) return false;
  switch_file();
  return control_only ? control_may_use(bytes) : records_may_use(bytes);
}

void ShardJournal::switch_file() {
  ring_.use_next(used_sequence_.next());
  if (!checkpoint_) checkpoint_due_ = true;
}

void ShardJournal::begin_checkpoint() {
  checkpoint_due_ = false;
  std::vector<CheckpointEntry> entries;
  for (PartitionCheckpoint& state : ports_.owner.checkpoint()) {
    std::optional<KnownEnd> end;
    if (const auto known = slot_of_.find(state.id); known != slot_of_.end()) end = slots_[known->second].end;
    entries.push_back({std::move(state), end});
  }
  ring_.checkpoint_taken();
  CheckpointWrite write;
  write.bytes = encode_checkpoint(entries);
  const std::size_t part_bytes = checkpoint_part_bytes(config_);
  write.parts = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, (write.bytes.size() + part_bytes - 1) / part_bytes));
  checkpoint_ = std::move(write);
  write_checkpoint_part();
}

void ShardJournal::write_checkpoint_part() {
  CheckpointWrite& checkpoint = *checkpoint_;
  const std::size_t part_bytes = checkpoint_part_bytes(config_);
  const std::size_t begin = checkpoint.part * part_bytes;
  const ByteSpan part =
      ByteSpan(checkpoint.bytes).subspan(begin, std::min(part_bytes, checkpoint.bytes.size() - begin));
  const std::size_t bytes =
      round_blocks_bytes(kRoundHeaderBytes + directory_.size() + kRoundEntryHeaderBytes + part.size());
  JournalRing::File& current = ring_.current();
  if (current.broken || current.used_bytes + bytes > config_.file_bytes) {
    if (ring_.free_count() == 0) {
      // Nowhere to put it yet: a file that is being made, or segments that are being flushed, will help.
      checkpoint_.reset();
      checkpoint_due_ = true;
      look_for_space();
      return;
    }
    switch_file();
  }
  const bool last = checkpoint.part + 1 == checkpoint.parts;
  begin_fill(round_, directory_, bytes);
  round_.writer.add_checkpoint_part(part);
  RoundHeader header = next_header(RoundKind::kCheckpoint);
  if (checkpoint.part == 0) checkpoint.id = header.sequence;
  header.checkpoint_id = checkpoint.id;
  header.checkpoint_part = checkpoint.part;
  header.checkpoint_parts = checkpoint.parts;
  header.clean = last && clean_checkpoint_ && queue_.empty();
  if (last) header.live_from = ring_.live_from(true);
  write_round(header);
}

void ShardJournal::checkpoint_part_written() {
  if (!checkpoint_ || ++checkpoint_->part < checkpoint_->parts) return;
  checkpoint_.reset();
  ++stats_.checkpoints;
  for (const std::uint64_t number : ring_.checkpoint_durable()) {
    delete_in_background(directory_path_ + "/" + journal_file_name(shard_, number), false);
  }
  space_wanted_for_.reset();
  if (round_.header.clean) finish_stop({});
}

// Called whenever files may be short. Every way to more space is tried: a new file, a checkpoint that brings
// flushed files back, segments.
void ShardJournal::look_for_space() {
  if (failed_ || ring_.free_count() >= kFreeWanted) {
    if (records_blocked_ && !failed_) wake();
    return;
  }
  if (!growing_ && growable()) grow();
  if (growing_) return;
  if (ring_.checkpoint_helps() && !checkpoint_ && !checkpoint_due_) {
    checkpoint_due_ = true;
    wake();
  }
  want_segments();
  if (!records_blocked_ || space_timer_) return;
  // Nothing else may happen on this shard until there is space: try again by the clock.
  space_timer_ = ports_.executor.schedule_after(kSpaceRetry, [this] {
    space_timer_.reset();
    if (!records_blocked_) return;
    space_wanted_for_.reset();
    look_for_space();
    wake();
  });
}

void ShardJournal::want_segments() {
  const JournalRing::File* file = ring_.oldest_unflushed();
  if (file == nullptr || space_wanted_for_ == file->number) return;
  space_wanted_for_ = file->number;
  std::vector<std::pair<LogSlot, model::LogPosition>> wanted;
  wanted.reserve(file->unflushed.size());
  for (const auto& [slot, end] : file->unflushed) wanted.emplace_back(LogSlot(slot), end);
  std::sort(wanted.begin(), wanted.end());
  // Never from inside a call of the owner's.
  ports_.executor.post([this, alive = std::weak_ptr(alive_), wanted = std::move(wanted)] {
    if (!alive.expired()) ports_.owner.on_space_wanted(wanted);
  });
}

void ShardJournal::grow() {
  growing_ = true;
  const std::uint64_t number = next_file_number_++;
  auto made = std::make_shared<Result<std::unique_ptr<io::File>>>();
  ports_.pool.run(
      [&fs = ports_.fs, directory = directory_path_, name = journal_file_name(shard_, number),
       bytes = config_.file_bytes, made] {
        const auto created = create_journal_file(fs, directory, name, bytes);
        *made = created ? fs.open(directory + "/" + name, io::OpenMode::kReadWrite, io::Caching::kDirect)
                        : Result<std::unique_ptr<io::File>>(created.error());
      },
      ports_.executor,
      [this, alive = std::weak_ptr(alive_), number, made] {
        if (!alive.expired()) on_file_made(number, std::move(*made));
      });
}

void ShardJournal::on_file_made(std::uint64_t number, Result<std::unique_ptr<io::File>> made) {
  growing_ = false;
  if (failed_) return;
  if (recovering_write_ && !in_flight_) {
    if (made) return continue_in(number, std::move(*made));
    // No new one: a free file of the ring will do.
    if (ring_.free_count() == 0) return fail(made.error());
    const std::uint64_t taken = ring_.take_free();
    return continue_in(taken, files_.at(taken));
  }
  if (made) {
    files_[number] = std::move(*made);
    ring_.add_free(number);
    grow_again_at_.reset();
  } else {
    grow_again_at_ = ports_.executor.now() + kGrowRetry;
  }
  look_for_space();
  wake();
}

// The file is never written again. All that is not durable goes to a new one, whose first round names the
// last good one: what lies behind that in the old file is abandoned.
void ShardJournal::on_write_failed(const Error& error) {
  ++stats_.write_errors;
  ring_.current().broken = true;
  files_.erase(ring_.current().number);
  if (recovering_write_) return fail(error);
  recovering_write_ = true;
  if (!growing_) grow();  // else the file that is being made will do
}

void ShardJournal::continue_in(std::uint64_t number, std::shared_ptr<io::File> file) {
  files_[number] = std::move(file);
  JournalRing::File next;
  next.number = number;
  next.first_sequence = used_sequence_.next();
  // What the round in flight holds is in this file now; the broken one keeps its claim too, which only delays
  // its end.
  next.unflushed = ring_.current().unflushed;
  ring_.push_in_use(std::move(next));
  used_sequence_ = used_sequence_.next();
  RoundHeader& header = round_.header;
  header.sequence = used_sequence_;
  header.file_number = ring_.current().number;
  if (header.kind != RoundKind::kCheckpoint && !checkpoint_) checkpoint_due_ = true;
  if (header.kind == RoundKind::kCheckpoint && header.checkpoint_part == 0) {
    header.checkpoint_id = header.sequence;
    checkpoint_->id = header.sequence;
  }
  header.live_from = ring_.live_from(false);
  header.next_file = ring_.next_free();
  submit(reseal_round(round_.buffer->span(), header));
}

void ShardJournal::delete_in_background(std::string path, bool directory) {
  ports_.pool.run(
      [&fs = ports_.fs, path, directory] {
        // What cannot be deleted now is tried again at the next start.
        [[maybe_unused]] const auto removed = directory ? fs.remove_all(path) : fs.remove_file(path);
      },
      ports_.executor, [] {});
}

}  // namespace forebay::log
