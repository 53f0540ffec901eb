#include "machine/host.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "log/core/damage.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"
#include "telemetry/log.h"

namespace forebay::machine {
namespace {

// What was appended is committed, or its term ends: then its outcome is known, or unknown for good. A time
// after which it may still be one or the other would leave a leader that cannot decide what comes next.
constexpr auto kOutcomeTimeout = std::chrono::hours(24 * 365);
// Damage that others repair takes at least a round trip and a write; nobody waits for it.
constexpr auto kStallRetry = std::chrono::milliseconds(500);
constexpr auto kDiskFullRetry = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = 1U << 20;
constexpr std::uint32_t kRetryMs = 100;

Result<std::string> batch_of(const std::vector<std::string>& records) {
  std::size_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  if (records.empty() || bytes > kProposalBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "a proposal of " + std::to_string(records.size()) +
                                                  " records with " + std::to_string(bytes) +
                                                  " bytes: at least one, and at most " +
                                                  std::to_string(kProposalBytesMax) + " bytes"};
  }
  model::BatchBuilder builder;
  for (const std::string& record : records) {
    FOREBAY_CHECK(builder.append(model::NewRecord{
        .key = std::nullopt, .value = as_bytes(record), .headers = {}, .timestamp = model::Timestamp(0)}));
  }
  FOREBAY_TRY(const auto batch, builder.build(model::Codec::kNone));
  return std::string(as_text(batch));
}

}  // namespace

Host::Host(const HostParts& parts, const HostConfig& config, Listener listener)
    : log_(*parts.log),
      machine_(*parts.machine),
      store_(*parts.store),
      executor_(*parts.executor),
      pool_(*parts.pool),
      peers_(parts.peers),
      config_(config),
      listener_(std::move(listener)),
      id_(parts.log->log().id()),
      after_write_(std::make_shared<UniqueFunction<void()>>()),
      state_source_(*parts.executor),
      alive_(std::make_shared<Host*>(this)) {}

Host::~Host() {
  *alive_ = nullptr;
  log_.on_role_change({});
  log_.on_state_wanted({});
  for (const auto& timer : {retry_, state_retry_, write_timer_, rewrite_timer_}) {
    if (timer) executor_.cancel(*timer);
  }
  log_.cancel_fetch(fetch_);
}

// --- start and replay
// --------------------------------------------------------------------------------------------------------

void Host::start() {
  // Posted: the partition is in the middle of its change.
  log_.on_role_change([alive = alive_, executor = &executor_] {
    executor->post([alive] {
      if (*alive != nullptr) (*alive)->on_role();
    });
  });
  auto loaded = std::make_shared<Result<StoredState>>();
  pool_.run([store = &store_, id = id_, loaded] { *loaded = load_state(*store, id); }, executor_,
            [alive = alive_, loaded] {
              if (*alive != nullptr) (*alive)->on_loaded(std::move(*loaded));
            });
}

void Host::on_loaded(Result<StoredState> loaded) {
  if (stopping_) return;
  if (!loaded) return fail(loaded.error());
  loaded_ = std::move(*loaded);
  phase_ = Phase::kWaiting;
  begin();
}

// Where the log of an only voter ends is known once it leads.
void Host::begin() {
  const bool alone = log_.is_alone();
  if (alone && !log_.is_ready()) {
    if (const auto& failure = log_.group().failure()) fail(*failure);
    return;
  }
  const bool accepted = log_.log().tail_accepted();
  const model::Offset log_end = log_.log().end().next_offset;
  const bool never_held =
      log_end == model::Offset(0) && !accepted && (!log_.log().lost_tail() || log_.log().is_renewed());
  if (never_held && loaded_.applied > log_end) return adopt({});
  if (auto state = machine_.load(loaded_.entries); !state) return fail(state.error());
  applied_ = stored_ = loaded_.applied;
  loaded_.entries.clear();
  if (!alone) {
    // The store is written from the log, so the log was longer; or the state came from a leader, which had
    // committed it. The others have that part.
    if (applied_ > log_end && !accepted) log_.group().lose_tail(applied_, [](const Result<void>&) {});
    return follow();
  }
  const auto marks = log_.watermarks();
  if (applied_ > marks.high_watermark && accepted) return adopt({marks.high_watermark, machine_.entries()});
  if (applied_ > marks.high_watermark) {
    log_.log().report_lost_tail([](const Result<void>&) {});
    return fail(describe(ErrorCode::kDataLoss,
                         "the log ends at offset " + std::to_string(marks.high_watermark.value()) +
                             ", and the store has applied it up to " + std::to_string(applied_.value()) +
                             ": part of the log is lost. Restore the data directory from a copy, or stop "
                             "the node and accept the loss: forebay log accept-loss --data-dir DIR --topic " +
                             log_.topic_name() + " --partition " + std::to_string(id_.partition.value())));
  }
  if (applied_ < marks.log_start) {
    return fail(describe(ErrorCode::kDataLoss,
                         "the store has applied the log up to offset " + std::to_string(applied_.value()) +
                             ", and it begins at " + std::to_string(marks.log_start.value()) +
                             ": the kv folder is lost, or older than the rest of the data directory. "
                             "Restore the data directory from a copy"));
  }
  follow();
}

// From now on this is the state, durably before anything is applied or trimmed: else a crash would take new
// records for those that another state had applied.
void Host::adopt(StoredState state) {
  phase_ = Phase::kAdopting;
  telemetry::log_warn("state of a machine set to what the log has", {{"topic", log_.topic_name()},
                                                                     {"partition", id_.partition.value()},
                                                                     {"had", loaded_.applied.value()},
                                                                     {"has", state.applied.value()}});
  if (auto loaded = machine_.load(state.entries); !loaded) return fail(loaded.error());
  applied_ = stored_ = state.applied;
  loaded_.entries.clear();
  write(replacing_batch(id_, state), [](Host& self, const Result<void>& written) {
    if (!written) return self.fail(written.error());
    if (self.stop_done_) return std::exchange(self.stop_done_, nullptr)();
    self.follow();
  });
}

void Host::follow() {
  const std::vector<log::Damage> damage = log_.log().status().damage;
  has_holes_ = std::any_of(damage.begin(), damage.end(),
                           [](const log::Damage& one) { return log::is_accepted(one.kind); });
  phase_ = Phase::kFollowing;
  log_.on_state_wanted([this](model::Offset at_least) { want_state(at_least); });
  log_.state_is_at(stored_);
  on_role();
  read_next();
}

// --- roles
// --------------------------------------------------------------------------------------------------------

bool Host::is_leading() const {
  return leading_ && !failed_ && !stopping_ && log_.is_ready() && log_.term() == leading_term_;
}

Result<void> Host::check() const {
  if (stopping_) return Error{ErrorCode::kShuttingDown, "the node is stopping; retry when it is back", 1000};
  FOREBAY_CHECK(log_.check_serving());  // first: another node may lead, and be well
  if (failed_) return *failed_;
  if (stalled_) return *stalled_;
  if (!is_leading()) {
    return describe(ErrorCode::kNotYet, "leadership has just changed; retry", kRetryMs);
  }
  return {};
}

void Host::on_role() {
  if (stopping_ || failed_) return;
  if (phase_ == Phase::kWaiting) return begin();
  if (phase_ != Phase::kFollowing) return;
  const bool leads = log_.is_ready();
  if (leading_ && (!leads || log_.term() != leading_term_))
    end_leadership(describe(ErrorCode::kOutcomeUnknown, "leadership was lost"));
  if (!leads) return standing_.reset();
  if (leading_) return;
  // All that any leader before has promised is below it.
  if (!standing_ || standing_->term != log_.term())
    standing_ = Standing{log_.term(), log_.watermarks().high_watermark};
  if (wanted_state_) return hand_over_soon();
  if (retry_) {
    executor_.cancel(*std::exchange(retry_, std::nullopt));
    stalled_.reset();
    return read_next();
  }
  lead_when_applied();
}

void Host::lead_when_applied() {
  const bool may = standing_ && !leading_ && !coming_ && log_.is_ready() && log_.term() == standing_->term;
  if (!may || applied_ < standing_->at) return;
  leading_ = true;
  leading_term_ = standing_->term;
  standing_.reset();
  listener_.leads(leading_term_);
}

// In the order of the proposals; what was appended the next leader knows.
void Host::end_leadership(const Error& why) {
  leading_ = false;
  auto proposals = std::exchange(in_flight_, {});
  for (Proposal& one : proposals) {
    one.done(describe(ErrorCode::kOutcomeUnknown, "it was logged, and before it took effect here: " +
                                                      why.context + "; see whether it has"));
  }
  auto barriers = std::exchange(barriers_, {});
  for (Barrier& one : barriers)
    one.done(describe(ErrorCode::kNotYet, "leadership has just changed; retry", kRetryMs));
  listener_.lost();
}

// A leader that lacks the state gives way to one that has it. Posted: the partition may be in the middle of
// something.
void Host::hand_over_soon() {
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->hand_over();
  });
}

void Host::hand_over() {
  if (!log_.is_ready() || log_.is_alone() || stopping_) return;
  auto& group = log_.group();
  std::optional<model::NodeId> target;
  model::LogPosition furthest;
  for (const log::Voter& voter : group.membership().voters) {
    const auto progress = group.progress(voter.node);
    if (!progress || (target && progress->flushed <= furthest)) continue;
    target = voter.node;
    furthest = progress->flushed;
  }
  if (!target) return;
  if (auto asked = group.transfer_to(*target); !asked)
    telemetry::log_warn("leadership not handed over", {{"topic", log_.topic_name()},
                                                       {"partition", id_.partition.value()},
                                                       {"error", asked.error().to_string()}});
}

// --- the log
// --------------------------------------------------------------------------------------------------------

void Host::read_next() {
  if (stopping_ || failed_ || coming_) return;
  if (applied_ > stored_) write_soon();
  answer_applied();
  lead_when_applied();
  // What was called back may have ended it.
  if (stopping_ || failed_) return;
  fetch_ = log_.fetch({.from = applied_,
                       .bytes_max = kReadBytes,
                       .bytes_min = 1,
                       .wait_max = std::chrono::hours(1),
                       .from_any_replica = true},
                      [alive = alive_](Result<partition::FetchOutput> fetched) {
                        if (*alive != nullptr) (*alive)->on_frames(std::move(fetched));
                      });
}

void Host::on_frames(Result<partition::FetchOutput> fetched) {
  if (stopping_ || failed_ || coming_) return;
  if (!fetched && fetched.error().code == ErrorCode::kCancelled) return;  // by who reads on afterwards
  if (!fetched) return on_unreadable(fetched.error());
  stalled_.reset();
  stall_told_ = false;
  for (const auto& frame : fetched->frames) {
    if (auto applied = apply_batch(frame->payload.span(), applied_); !applied) return fail(applied.error());
    applied_ = std::max(applied_, frame->header.end.next_offset);
  }
  applied_ = std::max(applied_, fetched->next);
  // Posted: a fetch may answer inside the call, and a long log must not become a deep stack.
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->read_next();
  });
}

void Host::on_unreadable(const Error& error) {
  if (error.code == ErrorCode::kShuttingDown) return;
  if (error.code == ErrorCode::kOffsetOutOfRange && !log_.is_alone() && peers_ != nullptr &&
      applied_ < log_.watermarks().log_start) {
    stalled_ = describe(ErrorCode::kNotYet, "the state is being fetched from the leader", kRetryMs);
    return want_state(log_.watermarks().log_start);
  }
  if (error.code != ErrorCode::kDataLoss || log_.is_alone()) return fail(error);
  // After a state was taken, as it has to be: what follows comes with the log.
  const bool regains = log_.end_is_lost() && states_taken_ > 0;
  if (!std::exchange(stall_told_, true) && !regains) {
    telemetry::log_error(
        "a machine stands still until its log is repaired from another node",
        {{"topic", log_.topic_name()}, {"partition", id_.partition.value()}, {"error", error.to_string()}});
  }
  if (!regains) stalled_ = error;
  retry_ = executor_.schedule_after(kStallRetry, [this] {
    retry_.reset();
    stalled_.reset();  // perhaps there is nothing to read
    read_next();
  });
}

Result<void> Host::apply_batch(ByteSpan batch, model::Offset from) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  Result<void> result;
  FOREBAY_CHECK(model::for_each_record(
      view, std::numeric_limits<std::int32_t>::max(), scratch, [&](const model::RecordView& record) {
        if (record.offset < from || !result) return;
        auto applied = record.value
                           ? machine_.apply(record.offset, *record.value)
                           : Result<void>(Error{ErrorCode::kCorruptBatch, "a record without a value"});
        if (!applied && has_holes_ && applied.error().code != ErrorCode::kNewerFormat) {
          telemetry::log_warn("record of a machine left out, it speaks of what was accepted as lost",
                              {{"topic", log_.topic_name()},
                               {"partition", id_.partition.value()},
                               {"offset", record.offset.value()},
                               {"reason", applied.error().context}});
          return;
        }
        if (!applied) {
          result =
              describe(applied.error().code, "the record at offset " + std::to_string(record.offset.value()) +
                                                 " cannot be applied: " + applied.error().context);
        }
      }));
  return result;
}

// --- proposals
// ---------------------------------------------------------------------------------------------------------------

Result<void> Host::propose(const std::vector<std::string>& records, Done<model::Offset> done) {
  FOREBAY_CHECK(check());
  if (in_flight_.size() >= kInFlightMax) {
    return describe(ErrorCode::kResourceExhausted,
                    std::to_string(kInFlightMax) + " proposals are under way already; retry", kRetryMs);
  }
  FOREBAY_TRY(auto batch, batch_of(records));
  const std::uint64_t id = next_proposal_++;
  in_flight_.push_back({id, std::nullopt, std::move(done)});
  proposing_ = id;
  log_.produce(std::move(batch), static_cast<std::int32_t>(records.size()), partition::Acks::kAll,
               kOutcomeTimeout, [alive = alive_, id](Result<partition::ProduceAck> ack) {
                 if (*alive != nullptr) (*alive)->on_ack(id, std::move(ack));
               });
  proposing_.reset();
  if (refused_) return *std::exchange(refused_, std::nullopt);
  return {};
}

void Host::on_ack(std::uint64_t id, Result<partition::ProduceAck> ack) {
  if (!ack && proposing_ == id) {  // refused before anything was appended
    in_flight_.pop_back();
    next_proposal_ = id;  // ids in flight follow one another
    refused_ = std::move(ack).error();
    return;
  }
  if (in_flight_.empty() || id < in_flight_.front().id) return;  // answered with the end of the leadership
  if (!ack) {
    // It may still take effect: nothing is led before it is known whether it did.
    standing_ = Standing{log_.term(), log_.log().end().next_offset};
    return end_leadership(ack.error());
  }
  in_flight_[id - in_flight_.front().id].ack = *ack;
  // Posted when inside of propose(): an only voter may commit at once.
  if (proposing_ != id) return answer_applied();
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->answer_applied();
  });
}

void Host::answer_applied() {
  while (!in_flight_.empty() && in_flight_.front().ack && applied_ > in_flight_.front().ack->last_offset) {
    Proposal one = std::move(in_flight_.front());
    in_flight_.pop_front();
    one.done(one.ack->base_offset);
  }
  while (!barriers_.empty() && applied_ >= barriers_.front().at) {
    Barrier one = std::move(barriers_.front());
    barriers_.pop_front();
    one.done(std::monostate{});
  }
}

void Host::confirm(Done<std::monostate> done) {
  if (auto leads = check(); !leads) return done(std::move(leads).error());
  log_.read_end([alive = alive_, term = leading_term_,
                 done = std::move(done)](Result<partition::Watermarks> marks) mutable {
    if (!marks) return done(std::move(marks).error());
    if (*alive == nullptr)
      return done(Error{ErrorCode::kShuttingDown, "the node is stopping; retry when it is back", 1000});
    Host& self = **alive;
    if (auto leads = self.check(); !leads) return done(std::move(leads).error());
    if (self.leading_term_ != term)
      return done(self.describe(ErrorCode::kNotYet, "leadership has just changed; retry", kRetryMs));
    self.barriers_.push_back({marks->high_watermark, std::move(done)});
    self.answer_applied();
  });
}

// --- the store
// ---------------------------------------------------------------------------------------------------------------

void Host::write_soon() {
  if (applied_.value() - stored_.value() >= config_.write_after_records) return write_behind();
  if (writing_ || write_timer_) return;
  write_timer_ = executor_.schedule_after(config_.write_after, [this] {
    write_timer_.reset();
    write_behind();
  });
}

void Host::write_behind() {
  if (coming_ || failed_ || stored_ == applied_) return;
  if (writing_) {
    write_again_ = true;
    return;
  }
  if (write_timer_) executor_.cancel(*std::exchange(write_timer_, std::nullopt));
  write(changes_batch(id_, machine_.take_changes(), applied_),
        [applied = applied_](Host& self, const Result<void>& written) { self.on_written(written, applied); });
}

void Host::write(kv::WriteBatch batch, Written then) {
  writing_ = true;
  put(std::make_shared<kv::WriteBatch>(std::move(batch)), std::move(then));
}

void Host::put(std::shared_ptr<kv::WriteBatch> batch, Written then) {
  auto written = std::make_shared<Result<void>>();
  pool_.run([store = &store_, batch, written] { *written = store->write(*batch, kv::Durability::kDurable); },
            executor_,
            [alive = alive_, after = after_write_, batch, written, then = std::move(then)]() mutable {
              if (*after) return std::exchange(*after, nullptr)();
              if (*alive == nullptr) return;
              Host& self = **alive;
              const bool is_full = !*written && written->error().code == ErrorCode::kDiskFull;
              if (is_full && !self.stopping_) return self.put_later(batch, std::move(then), written->error());
              self.disk_full_told_ = false;
              self.writing_ = false;
              then(self, *written);
            });
}

// A full disk stops nothing. What was not written is still in the log.
void Host::put_later(std::shared_ptr<kv::WriteBatch> batch, Written then, const Error& why) {
  if (!std::exchange(disk_full_told_, true)) {
    telemetry::log_warn("state of a machine not written, it is tried again every second",
                        {{"topic", log_.topic_name()}, {"error", why.to_string()}});
  }
  rewrite_timer_ = executor_.schedule_after(
      kDiskFullRetry, [this, batch = std::move(batch), then = std::move(then)]() mutable {
        rewrite_timer_.reset();
        put(std::move(batch), std::move(then));
      });
}

void Host::on_written(const Result<void>& written, model::Offset applied) {
  if (!written) return fail(written.error());
  stored_ = applied;
  if (stop_done_) return std::exchange(stop_done_, nullptr)();
  log_.state_is_at(stored_);
  // By what this node holds durably, and nobody else: each replica moves its own log start only as far as its
  // own store goes, so that nothing is ever in neither.
  if (log_.is_ready()) {
    if (const auto to = trim_to(log_.watermarks().log_start, stored_, config_.trimming))
      log_.trim(*to, [](const Result<model::Offset>&) {});
  }
  if (coming_) return take_state();
  if (std::exchange(write_again_, false)) return write_behind();
  if (applied_ > stored_) write_soon();
}

void Host::fail(const Error& error) {
  if (stop_done_) std::exchange(stop_done_, nullptr)();
  if (stopping_ || failed_) return;
  telemetry::log_error(
      "a machine has stopped",
      {{"topic", log_.topic_name()}, {"partition", id_.partition.value()}, {"error", error.to_string()}});
  failed_ = error;
  log_.cancel_fetch(fetch_);
  if (leading_) end_leadership(error);
  if (listener_.failed) listener_.failed();
  hand_over_soon();
}

Error Host::describe(ErrorCode code, const std::string& text, std::uint32_t retry_ms) const {
  return Error{code, log_.topic_name() + " partition " + std::to_string(id_.partition.value()) + ": " + text,
               retry_ms};
}

void Host::quit(const Error& why) {
  stopping_ = true;
  for (auto* timer : {&retry_, &state_retry_, &write_timer_}) {
    if (*timer) executor_.cancel(*std::exchange(*timer, std::nullopt));
  }
  state_fetch_.reset();
  log_.cancel_fetch(fetch_);
  if (leading_) end_leadership(why);
}

// Nothing that comes later may be written without it: whoever starts next has the state before it, and the
// log.
bool Host::drop_unwritten() {
  if (!rewrite_timer_) return false;
  executor_.cancel(*std::exchange(rewrite_timer_, std::nullopt));
  writing_ = false;
  return true;
}

void Host::stop(UniqueFunction<void()> done) {
  quit({ErrorCode::kShuttingDown, "the node stopped"});
  if (drop_unwritten()) return done();
  if (!writing_ && phase_ == Phase::kFollowing) write_behind();
  if (!writing_) return done();
  stop_done_ = std::move(done);
}

void Host::erase(UniqueFunction<void()> done) {
  quit({ErrorCode::kNotLeader, "the replica goes from this node"});
  auto erase_now = [store = &store_, pool = &pool_, executor = &executor_, id = id_,
                    done = std::move(done)]() mutable {
    pool->run([store, id] { static_cast<void>(store->write(erasing_batch(id), kv::Durability::kDurable)); },
              *executor, std::move(done));
  };
  static_cast<void>(drop_unwritten());
  // What is on its way to the store would come back behind it.
  if (writing_) {
    *after_write_ = std::move(erase_now);
  } else {
    erase_now();
  }
}

}  // namespace forebay::machine
