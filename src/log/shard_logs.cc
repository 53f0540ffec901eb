#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/damage.h"
#include "log/core/recovery_fold.h"
#include "log/quarantine.h"
#include "log/segment_io.h"
#include "log/shard_logs_state.h"

namespace forebay::log {
namespace {

constexpr runtime::Duration kTidyEvery = std::chrono::seconds(5);
// A stop flushes memory into segments this long; what is left then stays in the journal and is read at the
// next start.
constexpr runtime::Duration kStopFlushMax = std::chrono::seconds(4);
// Less than this of a log is not worth a file of its own: after a restart a new one begins.
constexpr std::uint64_t kStopFlushBytes = 64U << 10;
constexpr runtime::Duration kStopPoll = std::chrono::milliseconds(2);

ShardLogsConfig completed(ShardLogsConfig config) {
  if (config.pinned_bytes_max == 0)
    config.pinned_bytes_max = config.journal.file_bytes * config.journal.files_max / 4;
  return config;
}

}  // namespace

ShardLogsState::ShardLogsState(const ShardLogsConfig& config, Recovered::Shard recovered,
                               model::BootEpoch epoch, io::FileSystem& fs, runtime::Executor& executor,
                               runtime::BlockingPool& pool, runtime::WallClock& clock, runtime::Rng& rng,
                               const MakeJournal& make_journal)
    : env_{fs, executor, pool, clock, rng, completed(config), epoch},
      memory_(config.cache_bytes_max),
      slots_(config.segment_writes_in_flight_max),
      store_(env_),
      extents_(env_, store_),
      compactor_(env_),
      parts_{env_, memory_, slots_, store_, extents_, compactor_} {
  journal_ = make_journal(*this);
  parts_.journal = journal_.get();
  for (const PartitionCheckpoint& gone : recovered.removed) {
    removed_[gone.id] = gone.hard_state;
    // A crash came between the removal and the move of its folder. Nothing is served yet: this may block.
    static_cast<void>(move_to_trash(fs, config.data_dir, gone.id, clock.now()));
  }
  for (RecoveredPartition& partition : recovered.partitions) open_log(std::move(partition), LogConfig{});
  scrub_ = std::make_unique<Scrub>(env_, Scrub::Logs{[this] {
                                                       std::vector<LogReplica*> all;
                                                       for (const auto& [id, log] : logs_) {
                                                         if (log->adopted()) all.push_back(log.get());
                                                       }
                                                       return all;
                                                     },
                                                     [this](const model::TopicPartition& id) {
                                                       const auto it = logs_.find(id);
                                                       return it == logs_.end() ? nullptr : it->second.get();
                                                     }});
  arm_tidy();
}

ShardLogsState::~ShardLogsState() {
  if (tidy_armed_) env_.executor.cancel(tidy_timer_);
  scrub_.reset();
  logs_.clear();
  journal_.reset();
}

LogReplica& ShardLogsState::open_log(RecoveredPartition recovered, const LogConfig& config) {
  const model::TopicPartition id = recovered.state.id;
  const LogSlot slot = journal_->open(id);
  auto log = std::make_unique<LogReplica>(parts_, std::move(recovered), config, slot);
  LogReplica& opened = *log;
  if (by_slot_.size() <= slot.value()) by_slot_.resize(slot.value() + 1);
  by_slot_[slot.value()] = &opened;
  logs_[id] = std::move(log);
  return opened;
}

LogReplica* ShardLogsState::by_slot(LogSlot slot) const {
  return slot.value() < by_slot_.size() ? by_slot_[slot.value()] : nullptr;
}

std::vector<model::TopicPartition> ShardLogsState::recovered() const {
  std::vector<model::TopicPartition> ids;
  for (const auto& [id, log] : logs_) {
    if (!log->adopted() && !removing_.contains(id)) ids.push_back(id);
  }
  return ids;
}

bool ShardLogsState::has_members(const model::TopicPartition& id) const {
  const auto it = logs_.find(id);
  return it != logs_.end() && !it->second->memberships().empty();
}

bool ShardLogsState::is_there(const model::TopicPartition& id) const { return logs_.contains(id); }

bool ShardLogsState::was_removed(const model::TopicPartition& id) const { return removed_.contains(id); }

Result<Log*> ShardLogsState::adopt(const model::TopicPartition& id, const LogConfig& config) {
  const auto it = logs_.find(id);
  if (it == logs_.end() || it->second->adopted()) {
    return Error{ErrorCode::kNotFound, "no log of " + id.to_string() + " was recovered"};
  }
  it->second->adopt(config);
  if (!it->second->is_wholly_lost()) look_around(*it->second);
  return it->second.get();
}

// The folder is compared with what recovery found, later, on the pool: no partition waits for another one's
// files.
void ShardLogsState::look_around(LogReplica& log) {
  FolderState state;
  state.id = log.id();
  state.end = log.end();
  state.lowest_truncation = log.lowest_truncation();
  state.damaged = !log.status().damage.empty();
  state.current = env_.epoch;
  for (const ReplicaSegment& segment : log.segments()) state.segments.push_back(segment.ref.meta);
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, state] {
        return tidy_partition_folder(fs, data_dir, state);
      },
      [this, id = state.id](const Result<FolderReport>& report) {
        const auto it = logs_.find(id);
        if (it == logs_.end() || !report) return;
        it->second->folder_seen(*report);
        scrub_->start();
      });
}

void ShardLogsState::create(const model::TopicPartition& id, std::string topic_name, const LogConfig& config,
                            UniqueFunction<void(Result<Log*>)> done) {
  PartitionCheckpoint blank;
  blank.id = id;
  begin_life(std::move(blank), std::move(topic_name), config, CreateReplica{}, std::move(done));
}

void ShardLogsState::create_lost(const model::TopicPartition& id, std::string topic_name,
                                 const LogConfig& config, UniqueFunction<void(Result<Log*>)> done) {
  PartitionCheckpoint lost;
  lost.id = id;
  add_lost_tail(lost.damage, {});
  // No term of the life before was higher: each start makes one at most.
  lost.hard_state = {model::Term(env_.epoch.value()), kUnknownVote};
  begin_life(std::move(lost), std::move(topic_name), config, CreateReplica{.lost = true}, std::move(done));
}

void ShardLogsState::begin_life(PartitionCheckpoint state, std::string topic_name, const LogConfig& config,
                                CreateReplica record, UniqueFunction<void(Result<Log*>)> done) {
  const model::TopicPartition id = state.id;
  if (logs_.contains(id)) {
    return done(Error{ErrorCode::kFailedPrecondition, "a log of " + id.to_string() + " is there already"});
  }
  if (removing_.contains(id)) {
    return done(Error{ErrorCode::kFailedPrecondition, "the log of " + id.to_string() + " is being removed"});
  }
  if (stopping_ || journal_failed_)
    return done(Error{ErrorCode::kShuttingDown, "the shard's journal has ended"});
  // What the life before has promised may not be undone by an empty log: it counts as lost until it is here
  // again.
  if (const auto before = removed_.find(id); before != removed_.end()) {
    if (before->second.term > state.hard_state.term) state.hard_state = before->second;
    if (!record.lost) {
      add_renewal(state.damage);
      record.again = true;
    }
  }
  LogReplica& log = open_log({.state = std::move(state), .tail = {}, .end = {}}, config);
  log.adopt(config);
  creating_.insert(id);
  write_name(id.topic, std::move(topic_name));
  journal_->add_record(log.slot(), record,
                       lifetime_.guard([this, id, done = std::move(done)](Result<void> result) mutable {
                         creating_.erase(id);
                         const auto it = logs_.find(id);
                         if (!result) {
                           const LogSlot slot = it->second->slot();
                           by_slot_[slot.value()] = nullptr;
                           logs_.erase(it);
                           journal_->close(slot);
                           return done(std::move(result).error());
                         }
                         removed_.erase(id);
                         done(it->second.get());
                       }));
}

// For people who look into the data directory; nothing depends on it.
void ShardLogsState::write_name(const model::TopicId& topic, std::string name) {
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, directory = topic_directory(env_.config.data_dir, topic),
       name = std::move(name)]() -> Result<void> {
        if (fs.exists(directory + "/NAME")) return {};
        FOREBAY_CHECK(fs.create_directories(directory));
        return io::write_file_atomically(fs, directory + "/NAME", as_bytes(name + "\n"));
      },
      [](const Result<void>&) {});
}

void ShardLogsState::remove(const model::TopicPartition& id, Log::Done done) {
  const auto it = logs_.find(id);
  if (it == logs_.end() && removed_.contains(id) && removing_.insert(id).second)
    return move_away(id, std::move(done));  // its folder may not have gone the last time
  if (it == logs_.end() || creating_.contains(id) || removing_.contains(id)) {
    return done(Error{ErrorCode::kNotFound, "no log of " + id.to_string()});
  }
  LogReplica& log = *it->second;
  removing_.insert(id);
  log.close({ErrorCode::kCancelled, "log " + id.to_string() + " is removed"});
  journal_->add_record(log.slot(), RemoveReplica{},
                       lifetime_.guard([this, id, done = std::move(done)](Result<void> result) mutable {
                         if (!result) {
                           removing_.erase(id);
                           return done(std::move(result));
                         }
                         removed_durably(id, std::move(done));
                       }));
}

void ShardLogsState::removed_durably(const model::TopicPartition& id, Log::Done done) {
  const auto it = logs_.find(id);
  const LogSlot slot = it->second->slot();
  removed_[id] = it->second->hard_state();
  by_slot_[slot.value()] = nullptr;
  for (const ReplicaSegment& segment : it->second->segments()) {
    store_.forget(segment.ref.serial);
    extents_.forget(segment.ref.serial);
  }
  logs_.erase(it);
  journal_->close(slot);
  move_away(id, std::move(done));
}

void ShardLogsState::move_away(const model::TopicPartition& id, Log::Done done) {
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, id, now = env_.clock.now()] {
        return move_to_trash(fs, data_dir, id, now);
      },
      [this, id, done = std::move(done)](Result<void> moved) mutable {
        removing_.erase(id);
        done(std::move(moved));
      });
}

Log* ShardLogsState::find(const model::TopicPartition& id) {
  const auto it = logs_.find(id);
  if (it == logs_.end() || !it->second->adopted()) return nullptr;
  if (creating_.contains(id) || removing_.contains(id)) return nullptr;
  return it->second.get();
}

// --- the journal's side
// ---------------------------------------------------------------------------------------------

void ShardLogsState::on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, model::LogPosition end) {
  LogReplica* log = by_slot(slot);
  if (log != nullptr && log->frames_durable(log_epoch, end)) flushed_now_.push_back(slot);
}

void ShardLogsState::on_round_end() {
  // A listener may create, remove or append: look every log up again.
  for (const LogSlot slot : std::exchange(flushed_now_, {})) {
    if (LogReplica* log = by_slot(slot)) log->tell_flushed();
  }
  relieve_memory();
  arm_tidy();
}

void ShardLogsState::on_space_wanted(std::span<const std::pair<LogSlot, model::LogPosition>> wanted) {
  for (const auto& [slot, position] : wanted) {
    if (LogReplica* log = by_slot(slot)) log->demand_flush(position);
  }
}

// Above half of the bound the logs with the oldest frames are written out, however little they have.
void ShardLogsState::relieve_memory() {
  const std::uint64_t wanted = env_.config.pinned_bytes_max / 2;
  if (memory_.pinned_bytes() <= wanted) return;
  std::uint64_t excess = memory_.pinned_bytes() - wanted;
  std::vector<LogReplica*> oldest;
  for (const auto& [age, memory] : memory_.pinned_logs()) {
    auto* log = static_cast<LogReplica*>(memory->owner());
    oldest.push_back(log);
    if (memory->pinned_bytes() >= excess) break;
    excess -= memory->pinned_bytes();
  }
  for (LogReplica* log : oldest) {
    if (!log->has_demand()) log->demand_flush();
  }
}

std::vector<PartitionCheckpoint> ShardLogsState::checkpoint() {
  std::vector<PartitionCheckpoint> out;
  out.reserve(logs_.size() + removed_.size());
  for (const auto& [id, log] : logs_) {
    if (!creating_.contains(id)) out.push_back(log->checkpoint());
  }
  for (const auto& [id, hard_state] : removed_) {
    PartitionCheckpoint gone;
    gone.id = id;
    gone.hard_state = hard_state;
    gone.removed = true;
    out.push_back(std::move(gone));
  }
  return out;
}

void ShardLogsState::on_journal_failed(const Error& error) {
  journal_failed_ = true;
  std::vector<model::TopicPartition> ids;
  for (const auto& [id, log] : logs_) ids.push_back(id);
  for (const model::TopicPartition& id : ids) {
    if (const auto it = logs_.find(id); it != logs_.end()) it->second->fail(error);
  }
}

bool ShardLogsState::accepts_appends() const {
  return !stopping_ && !journal_failed_ && memory_.pinned_bytes() <= env_.config.pinned_bytes_max;
}

// --- housekeeping
// ---------------------------------------------------------------------------------------------------

void ShardLogsState::arm_tidy() {
  if (tidy_armed_ || stopping_) return;
  tidy_armed_ = true;
  tidy_timer_ = env_.executor.schedule_after(kTidyEvery, [this] {
    tidy_armed_ = false;
    tidy();
  });
}

void ShardLogsState::tidy() {
  const runtime::TimePoint now = env_.executor.now();
  store_.close_idle();
  extents_.drop_idle();
  bool open = store_.open_files() > 0 || extents_.bytes_in_flight() > 0 || memory_.pinned_bytes() > 0;
  for (const auto& [id, log] : logs_) {
    log->tidy(now);
    open = open || log->file_open();
  }
  if (!open) slots_.drop_buffers();
  scrub_->start();
  if (open) arm_tidy();
}

void ShardLogsState::stop(Log::Done done) {
  FOREBAY_ASSERT(!stopping_);
  stopping_ = true;
  stop_done_ = std::move(done);
  stop_deadline_ = env_.executor.now() + kStopFlushMax;
  scrub_->stop();
  if (tidy_armed_) env_.executor.cancel(tidy_timer_);
  tidy_armed_ = false;
  flush_for_stop();
}

void ShardLogsState::flush_for_stop() {
  bool pending = false;
  for (const auto& [id, log] : logs_) {
    if (log->pinned_bytes() < kStopFlushBytes) continue;
    pending = true;
    log->demand_flush();
  }
  if (!pending || journal_failed_ || env_.executor.now() >= stop_deadline_) return finish_stop();
  env_.executor.schedule_after(kStopPoll, lifetime_.guard([this] { flush_for_stop(); }));
}

void ShardLogsState::finish_stop() {
  if (journal_failed_) return stop_done_(Error{ErrorCode::kStorageFailed, "the journal had failed before"});
  journal_->stop(lifetime_.guard([this](Result<void> stopped) {
    for (const auto& [id, log] : logs_) log->close({ErrorCode::kShuttingDown, "the node is stopping"});
    stop_done_(std::move(stopped));
  }));
}

ShardLogsStats ShardLogsState::stats() const {
  ShardLogsStats out = env_.stats;
  out.journal = journal_->stats();
  out.logs = logs_.size();
  out.open_files = store_.open_files();
  out.pinned_bytes = memory_.pinned_bytes();
  out.cached_bytes = memory_.cached_bytes();
  out.read_bytes_in_flight = extents_.bytes_in_flight();
  for (const auto& [id, log] : logs_) {
    if (log->file_open()) ++out.open_files;
    if (is_open(log->damage())) ++out.damaged_logs;
    if (log->lost_tail() && !log->is_renewed()) ++out.lost_tails;
    if (!log->holds_sealed_segments()) continue;
    const auto scrubbed = log->last_full_scrub().value_or(model::Timestamp(0));
    if (!out.oldest_full_scrub || scrubbed < *out.oldest_full_scrub) out.oldest_full_scrub = scrubbed;
  }
  return out;
}

std::unique_ptr<ShardLogs> make_shard_logs(const ShardLogsConfig& config, Recovered::Shard recovered,
                                           model::BootEpoch epoch, io::FileSystem& fs,
                                           runtime::Executor& executor, runtime::BlockingPool& pool,
                                           runtime::WallClock& clock, runtime::Rng& rng) {
  std::shared_ptr<JournalSeed> seed = std::move(recovered.seed);
  return std::make_unique<ShardLogsState>(
      config, std::move(recovered), epoch, fs, executor, pool, clock, rng, [&](JournalOwner& owner) {
        return make_journal(std::move(seed), config.journal, fs, executor, pool, clock, owner);
      });
}

}  // namespace forebay::log
