#include "log/shard_journal.h"

#include <algorithm>

#include "base/assert.h"
#include "log/data_directory.h"

namespace forebay::log {
namespace {

// So many partitions that had something in the last rounds are many: space the rounds. Their number, unlike
// that of each round, does not depend on whether rounds are spaced.
constexpr std::uint32_t kBusyPartitions = 16;
// One part in so many of a full round waits: it is worth a flush of its own.
constexpr std::uint32_t kWorthARound = 8;
// So much is gathered in one task: the completion of the round in flight should not have to wait for more.
constexpr std::size_t kGatherBytes = 512U << 10;
constexpr runtime::Duration kIdleAfter = std::chrono::milliseconds(10);

}  // namespace

ShardJournal::ShardJournal(JournalSeed seed, const JournalConfig& config, const Ports& ports)
    : config_(config),
      data_dir_(seed.data_dir),
      directory_path_(journal_directory(seed.data_dir, seed.epoch)),
      epoch_(seed.epoch),
      epoch_seed_(seed.epoch_seed),
      shard_(seed.shard),
      ports_(ports),
      last_sequence_(seed.last_sequence),
      last_crc_(seed.last_crc),
      used_sequence_(seed.last_sequence) {
  for (const JournalSeed::Known& known : seed.known) {
    Slot slot;
    slot.id = known.id;
    slot.hard_state = known.hard_state;
    slot.end = known.end;
    slot_of_[known.id] = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(std::move(slot));
  }
  for (const JournalSeed::File& file : seed.files) {
    JournalRing::File in_use;
    in_use.number = file.number;
    in_use.used_bytes = file.used_bytes;
    in_use.first_sequence = file.first_sequence;
    for (const auto& [id, end] : file.highest) in_use.unflushed[slot_of_.at(id)] = end;
    ring_.push_in_use(std::move(in_use));
    next_file_number_ = file.number + 1;
    auto opened = ports_.fs.open(directory_path_ + "/" + journal_file_name(shard_, file.number),
                                 io::OpenMode::kReadWrite, io::Caching::kDirect);
    if (opened) {
      files_[file.number] = std::move(*opened);
    } else if (!failed_) {
      failed_ = true;
      ports_.executor.post([this, alive = std::weak_ptr(alive_), error = opened.error()] {
        if (!alive.expired()) ports_.owner.on_journal_failed(error);
      });
    }
  }
  for (const std::string& stale : seed.stale_directories) delete_in_background(stale, true);
  if (!failed_) look_for_space();
}

ShardJournal::~ShardJournal() {
  alive_.reset();
  for (const auto& timer : {idle_timer_, spacing_timer_, space_timer_}) {
    if (timer) ports_.executor.cancel(*timer);
  }
}

LogSlot ShardJournal::open(const model::TopicPartition& id) {
  // A log that recovery found has its slot already, so that its frames hold back the ring.
  if (const auto known = slot_of_.find(id); known != slot_of_.end()) {
    Slot& slot = slots_[known->second];
    FOREBAY_ASSERT(!slot.open);
    slot.open = true;
    return LogSlot(known->second);
  }
  std::uint32_t place = 0;
  if (free_slots_.empty()) {
    place = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    place = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[place];
  slot.id = id;
  slot.open = true;
  slot_of_[id] = place;
  return LogSlot(place);
}

void ShardJournal::close(LogSlot slot_id) {
  const std::uint32_t place = slot_id.value();
  Slot& slot = slots_.at(place);
  FOREBAY_ASSERT(slot.open);
  if (slot.in_round) close_gathered();
  std::vector<JournalQueue::Item> dropped = queue_.drop(place);
  ring_.forget(place);
  slot_of_.erase(slot.id);
  const std::uint32_t generation = slot.generation + 1;
  slot = Slot{};
  slot.generation = generation;
  free_slots_.push_back(place);
  for (JournalQueue::Item& item : dropped) {
    if (!item.record || !item.record->done) continue;
    ports_.executor.post([done = std::move(item.record->done)]() mutable {
      done(Error{ErrorCode::kCancelled, "the log was closed before its record was written"});
    });
  }
  look_for_space();
}

void ShardJournal::add_frame(LogSlot slot, model::LogEpoch log_epoch, FramePtr frame) {
  FOREBAY_ASSERT(slots_.at(slot.value()).open);
  FOREBAY_ASSERT(frame->header.payload_bytes <= config_.frame_bytes_max);
  if (failed_ || stopping_) return;  // the owner was told; it never becomes durable
  JournalQueue::Item item;
  item.frame = std::move(frame);
  item.log_epoch = log_epoch;
  queue_.add(slot.value(), std::move(item));
  wake();
}

void ShardJournal::add_record(LogSlot slot, JournalRecord record, RecordDone done) {
  FOREBAY_ASSERT(slots_.at(slot.value()).open);
  if (failed_ || stopping_) {
    // What was under way when the stop came (an election, a repair, a compaction) may still ask.
    const Error error = failed_ ? Error{ErrorCode::kStorageFailed, "the journal has failed"}
                                : Error{ErrorCode::kShuttingDown, "the node is stopping"};
    ports_.executor.post([done = std::move(done), error]() mutable {
      if (done) done(error);
    });
    return;
  }
  auto queued = std::make_unique<JournalQueue::Record>();
  put_record_entry(queued->entry, slots_[slot.value()].id, record);
  queued->record = std::move(record);
  queued->done = std::move(done);
  JournalQueue::Item item;
  item.record = std::move(queued);
  queue_.add(slot.value(), std::move(item));
  wake();
}

void ShardJournal::drop_frames(LogSlot slot, model::LogPosition from) {
  FOREBAY_ASSERT(slots_.at(slot.value()).open);
  queue_.drop_frames(slot.value(), from);
}

void ShardJournal::segment_flushed(LogSlot slot, model::LogPosition end) {
  // The owner speaks of frames from before the cut: the round in flight may hold others at their positions,
  // which are in no segment. Its files wait for the next word.
  if (slots_.at(slot.value()).cut_in_flight) return;
  ring_.flushed(slot.value(), end);
  if (records_blocked_ || ring_.free_count() < 2) look_for_space();
}

void ShardJournal::want_checkpoint() {
  checkpoint_due_ = true;
  wake();
}

void ShardJournal::stop(UniqueFunction<void(Result<void>)> done) {
  FOREBAY_ASSERT(!stopping_);
  stopping_ = true;
  stop_done_ = std::move(done);
  wake();
}

JournalStats ShardJournal::stats() const {
  JournalStats stats = stats_;
  stats.files = ring_.usable_count();
  stats.files_in_use = ring_.in_use_count();
  stats.pending_bytes = queue_.pending_bytes();
  stats.stalled = is_stalled();
  return stats;
}

bool ShardJournal::is_stalled() const {
  return in_flight_ && ports_.executor.now() - round_started_ > config_.stalled_after;
}

// Rounds start from a posted task: frames of one burst share a round, and no timer delays them.
void ShardJournal::wake() {
  if (spacing_timer_ && is_worth_a_round()) {
    ports_.executor.cancel(*spacing_timer_);
    spacing_timer_.reset();
  }
  if (scheduled_ || failed_ || spacing_timer_ || (in_flight_ && !may_gather())) return;
  scheduled_ = true;
  ports_.executor.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    scheduled_ = false;
    if (in_flight_) {
      if (may_gather()) gather();
    } else {
      start_round();
    }
  });
}

void ShardJournal::start_round() {
  if (in_flight_ || failed_ || recovering_write_) return;
  if (checkpoint_) return write_checkpoint_part();
  if (checkpoint_due_) return begin_checkpoint();
  if (queue_.empty()) {
    if (stopping_ && !clean_checkpoint_) {
      clean_checkpoint_ = true;
      begin_checkpoint();
    } else if (idle_wanted_) {
      arm_idle_round();
    }
    return;
  }
  if (spacing_says_wait()) return;
  if (!start_data_round() && checkpoint_due_) begin_checkpoint();
}

bool ShardJournal::is_worth_a_round() const {
  return queue_.pending_bytes() >= config_.round_bytes_max / kWorthARound;
}

bool ShardJournal::may_be_spaced() const {
  const bool many = std::max(window_partitions_, last_window_partitions_) >= kBusyPartitions;
  return many && !is_worth_a_round();
}

bool ShardJournal::spacing_says_wait() {
  if (!may_be_spaced()) return false;
  const runtime::TimePoint next = round_started_ + config_.busy_round_spacing;
  const runtime::TimePoint now = ports_.executor.now();
  if (now >= next) return false;
  spacing_timer_ = ports_.executor.schedule_after(next - now, [this] {
    spacing_timer_.reset();
    start_round();
  });
  return true;
}

// Bytes of what stands first in the turn; 0 when it may not be written now.
std::size_t ShardJournal::first_in_turn_bytes(bool control_only) const {
  const JournalQueue::Item* head = queue_.head(queue_.next_turn());
  return control_only && !head->is_control() ? 0 : head->bytes();
}

// Header, directory and entries fit a usual buffer; a long directory leaves half of it all the same.
std::size_t ShardJournal::entries_bytes_max(std::size_t fixed_bytes) const {
  const std::size_t whole = config_.round_bytes_max;
  return whole - std::min(fixed_bytes, whole / 2);
}

bool ShardJournal::start_data_round() {
  const std::size_t fixed = kRoundHeaderBytes + directory_.size();
  // The first in turn always fits; beyond it a round takes what there is room for.
  bool control_only = false;
  std::size_t first = first_in_turn_bytes(false);
  const std::size_t wanted =
      std::max(first, std::min<std::size_t>(queue_.pending_bytes(), entries_bytes_max(fixed)));
  const std::size_t left = config_.file_bytes - ring_.current().used_bytes;
  const bool nearly_full = left < config_.file_bytes / 16 && round_blocks_bytes(fixed + wanted) > left;
  const bool switch_early = nearly_full && ring_.free_count() >= 2;
  if (!make_room(round_blocks_bytes(fixed + (switch_early ? wanted : first)), false)) {
    records_blocked_ = true;
    look_for_space();
    // The ring's last file takes control frames and records only.
    for (std::size_t skipped = 0; skipped < queue_.turns(); ++skipped) {
      first = first_in_turn_bytes(true);
      if (first != 0) break;
      queue_.end_turn();
    }
    if (first == 0 || !make_room(round_blocks_bytes(fixed + first), true)) return false;
    control_only = true;
  } else {
    records_blocked_ = false;
  }
  if (checkpoint_due_) return false;  // a new file begins with a checkpoint
  const std::size_t room = room_left() - fixed;
  round_.budget_bytes = std::min(room, std::max(first, entries_bytes_max(fixed)));
  begin_fill(round_, directory_, fixed + std::min(round_.budget_bytes, queue_.pending_bytes()));
  fill(round_, control_only);
  end_fill(round_);
  write_round(next_header(RoundKind::kData));
  return true;
}

// Only where the round can follow the one in flight without a look at the ring, and would not be spaced.
bool ShardJournal::may_gather() const {
  if (gathering_ == Gathering::kClosed || recovering_write_ || failed_ || queue_.empty() ||
      queue_.has_records())
    return false;
  if (gathering_ == Gathering::kOpen) return gathered_.budget_bytes > 0;
  return round_.header.kind == RoundKind::kData && !checkpoint_due_ && !may_be_spaced();
}

void ShardJournal::gather() {
  if (gathering_ == Gathering::kNone) {
    const std::size_t fixed = kRoundHeaderBytes + round_.directory.size();
    const std::size_t most = entries_bytes_max(fixed);
    if (!records_may_use(round_blocks_bytes(fixed + most)) || first_in_turn_bytes(false) > most) return;
    gathered_.budget_bytes = most;
    begin_fill(gathered_, round_.directory, fixed + most);
    gathering_ = Gathering::kOpen;
  }
  const std::size_t left = gathered_.budget_bytes;
  const std::size_t step = std::min(left, std::max(first_in_turn_bytes(false), kGatherBytes));
  gathered_.budget_bytes = step;
  fill(gathered_, false);
  const std::size_t taken = step - gathered_.budget_bytes;
  gathered_.budget_bytes = left - taken;
  if (taken == 0) return close_gathered();  // what is next in turn does not fit any more
  gathered_.writer.checksum();
  wake();  // for the rest, if there is one
}

void ShardJournal::close_gathered() {
  if (gathering_ != Gathering::kOpen) return;
  end_fill(gathered_);
  gathering_ = Gathering::kClosed;
}

void ShardJournal::submit_gathered() {
  FOREBAY_ASSERT(!gathered_.completions.empty());
  close_gathered();
  gathering_ = Gathering::kNone;
  std::swap(round_, gathered_);
  ++stats_.rounds_gathered;
  write_round(next_header(RoundKind::kData));
}

void ShardJournal::on_written(Result<void> result) {
  in_flight_ = false;
  if (!result) return on_write_failed(result.error());
  last_round_end_ = ports_.executor.now();
  stats_.last_round = last_round_end_ - round_started_;
  stats_.longest_round = std::max(stats_.longest_round, stats_.last_round);
  ++stats_.rounds;
  stats_.bytes += round_.header.blocks_bytes();
  last_sequence_ = round_.header.sequence;
  last_crc_ = round_.header.crc;
  directory_.swap(round_.directory);
  round_.directory.clear();
  recovering_write_ = false;
  for (const std::uint32_t place : cut_slots_) slots_[place].cut_in_flight = false;
  cut_slots_.clear();
  const RoundKind kind = round_.header.kind;
  std::vector<Completion> completions = std::exchange(round_.completions, {});
  // The disk has work again before anybody hears of what it has done.
  if (gathering_ != Gathering::kNone) submit_gathered();
  if (kind == RoundKind::kCheckpoint) {
    checkpoint_part_written();
  } else {
    idle_wanted_ = kind == RoundKind::kData;
    hand_out(std::move(completions));
  }
  after_round();
}

void ShardJournal::hand_out(std::vector<Completion> completions) {
  if (completions.empty()) return;
  // The owner may add to the journal or close logs meanwhile.
  for (Completion& completion : completions) {
    if (completion.is_record) {
      if (completion.record_done) completion.record_done({});
    } else if (slots_[completion.slot].generation == completion.generation) {
      ports_.owner.on_frames_durable(LogSlot(completion.slot), completion.log_epoch, completion.end);
    }
  }
  ports_.owner.on_round_end();
}

void ShardJournal::after_round() {
  if (failed_) return;
  if (ring_.free_count() < 2) look_for_space();
  if (!queue_.empty() || checkpoint_ || checkpoint_due_ || stopping_) {
    wake();
  } else if (idle_wanted_) {
    arm_idle_round();
  }
}

// A shard that goes idle writes one empty round: its directory proves the round before, so that rot there is
// not taken for a torn write.
void ShardJournal::arm_idle_round() {
  if (idle_timer_) return;
  idle_timer_ = ports_.executor.schedule_after(kIdleAfter, [this] {
    idle_timer_.reset();
    if (!idle_wanted_ || in_flight_ || failed_ || recovering_write_ || stopping_) return;
    if (!queue_.empty() || checkpoint_ || checkpoint_due_) return;  // the round after those will arm it again
    if (ports_.executor.now() - last_round_end_ < kIdleAfter) return arm_idle_round();
    write_idle_round();
  });
}

void ShardJournal::write_idle_round() {
  const std::size_t bytes = round_blocks_bytes(kRoundHeaderBytes + directory_.size());
  // It is not worth the ring's last file.
  if (!make_room(bytes, false)) return;
  if (checkpoint_due_) return begin_checkpoint();  // proves as much
  begin_fill(round_, directory_, bytes);
  write_round(next_header(RoundKind::kIdle));
}

void ShardJournal::finish_stop(Result<void> result) {
  if (!stop_done_) return;
  auto done = std::move(stop_done_);
  stop_done_ = nullptr;
  done(std::move(result));
}

void ShardJournal::fail_records(const Error& error) {
  std::vector<RecordDone> waiting;
  for (Completion& completion : round_.completions) {
    if (completion.record_done) waiting.push_back(std::move(completion.record_done));
  }
  round_.completions.clear();
  gathering_ = Gathering::kNone;  // frames only: nobody waits for a word
  while (queue_.turns() > 0) {
    for (JournalQueue::Item& item : queue_.drop(queue_.next_turn())) {
      if (item.record && item.record->done) waiting.push_back(std::move(item.record->done));
    }
  }
  for (RecordDone& done : waiting) done(error);
}

void ShardJournal::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  ports_.owner.on_journal_failed(error);
  fail_records(error);
  finish_stop(error);
}

std::unique_ptr<Journal> make_journal(std::shared_ptr<JournalSeed> seed, const JournalConfig& config,
                                      io::FileSystem& fs, runtime::Executor& executor,
                                      runtime::BlockingPool& pool, runtime::WallClock& clock,
                                      JournalOwner& owner) {
  return std::make_unique<ShardJournal>(std::move(*seed), config,
                                        ShardJournal::Ports{fs, executor, pool, clock, owner});
}

}  // namespace forebay::log
