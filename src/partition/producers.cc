#include "partition/producers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/damage.h"
#include "telemetry/log.h"

namespace forebay::partition {
namespace {

// After so much, and after many times the size of the state itself: reading that again takes 50 ms.
constexpr std::uint64_t kSnapshotEveryBytes = 64U << 20;
constexpr std::uint64_t kSnapshotEveryStates = 16;
// At a clean stop. Ten thousand partitions of which each has a little must not hold it up.
constexpr std::uint64_t kSnapshotAtStopBytes = 16U << 20;
constexpr std::size_t kReadBytes = 1U << 20;
// Requests that wait for the state to be loaded; each is also counted in memory.produce_bytes_max.
constexpr std::size_t kWaitingMax = 1'000;
constexpr std::uint32_t kNotYetRetryMs = 50;
constexpr runtime::Duration kReadAgainAfter = std::chrono::milliseconds(250);
// Then an error of the disk is taken for one that stays.
constexpr std::uint32_t kFailedReadsMax = 4;
constexpr runtime::Duration kWriteAgainAfter = std::chrono::seconds(10);
// Looked up with one task of the pool: the reads are of 4 KiB each, and others want the pool too.
constexpr std::size_t kLookupMax = 32;
constexpr runtime::Duration kTellAgainAfter = std::chrono::hours(1);

Error not_loaded(const std::string& where) {
  return Error{ErrorCode::kNotYet, where + " is still reading what it knows of its producers; retry",
               kNotYetRetryMs};
}

}  // namespace

Producers::Producers(log::Log& log, runtime::Executor& executor, ProducersOwner& owner, std::string where,
                     const ProducerLimits& limits)
    : log_(log),
      executor_(executor),
      owner_(owner),
      where_(std::move(where)),
      states_(limits),
      alive_(std::make_shared<Producers*>(this)) {
  if (log.end() == model::LogPosition{}) step_ = Step::kLoaded;  // of a new log there is nothing to know
}

Producers::~Producers() {
  *alive_ = nullptr;
  if (timer_) executor_.cancel(*timer_);
}

// --- loading

void Producers::when_loaded(Loaded loaded) {
  if (is_loaded()) return loaded({});
  if (stopped_ || waiting_.size() >= kWaitingMax) return loaded(not_loaded(where_));
  waiting_.push_back(std::move(loaded));
  load_if_wanted();
}

void Producers::fail_waiting(const Error& error) {
  auto waiting = std::exchange(waiting_, {});
  auto at_hand = std::exchange(wait_at_hand_, {});
  for (Loaded& loaded : waiting) loaded(error);
  for (AtHand& one : at_hand) one.done(error);
}

template <typename T>
UniqueFunction<void(T)> Producers::of_this_load(void (Producers::*then)(T)) {
  return [alive = alive_, load = load_, then](T value) {
    Producers* self = *alive;
    if (self != nullptr && self->load_ == load && !self->stopped_) (self->*then)(std::move(value));
  };
}

void Producers::arm(runtime::Duration delay, void (Producers::*then)()) {
  if (timer_) executor_.cancel(*timer_);
  timer_ = executor_.schedule_after(delay, [this, then] {
    timer_.reset();
    (this->*then)();
  });
}

void Producers::load_if_wanted() {
  if (step_ != Step::kUnknown || stopped_) return;
  if (waiting_.empty() && !records_came_ && !keep_ && !install_waits_) return;
  // A follower learns only by and by what is committed, and a snapshot from above that would be a guess.
  if (!owner_.commit_is_certain() && owner_.committed() < std::max(not_before_, log_.log_start())) return;
  step_ = Step::kReadingStates;
  log_.read_states(of_this_load(&Producers::choose));
}

bool Producers::is_of_this_log(const log::StateSnapshot& snapshot) const {
  // Below log start frames between the two are gone; above the commit of a leader nothing was ever right.
  if (snapshot.position < log_.log_start() || snapshot.position > owner_.committed()) return false;
  return log_.term_before(snapshot.position) == snapshot.term;
}

void Producers::choose(Result<std::vector<log::StateSnapshot>> snapshots) {
  if (!snapshots) return on_unreadable(snapshots.error());
  if (!owner_.commit_is_certain() && !snapshots->empty() &&
      snapshots->front().position > owner_.committed()) {
    not_before_ = snapshots->front().position;
    step_ = Step::kUnknown;
    return;
  }
  states_.reset(log_.log_start());
  kept_ = {};
  for (const log::StateSnapshot& snapshot : *snapshots) {
    if (!is_of_this_log(snapshot)) continue;
    const auto restored = states_.restore(snapshot.position, snapshot.bytes.span());
    if (restored) {
      kept_ = snapshot.position;
      ++(installed_ ? counts_.from_leader : counts_.from_snapshot);
      break;
    }
    telemetry::log_warn("state of producers cannot be used, an older one or the log itself says the same",
                        {{"partition", where_},
                         {"position", snapshot.position.to_string()},
                         {"error", restored.error().to_string()}});
  }
  next_ = states_.position();
  bytes_since_ = 0;
  step_ = Step::kReadingFrames;
  read_on();
}

void Producers::read_on() {
  step_ = Step::kReadingFrames;
  if (!states_.awaited().empty()) return look_up();  // on_brought() goes on
  if (next_ >= log_.end()) return finish_loading();
  log_.read_frames(
      {.from = next_, .upto = log_.end(), .bytes_max = kReadBytes, .first = log::FirstFrame::kCovering},
      of_this_load(&Producers::on_frames));
}

void Producers::on_frames(Result<std::vector<log::FramePtr>> frames) {
  if (!frames) return on_unreadable(frames.error());
  if (frames->empty()) return on_unreadable(Error{ErrorCode::kNotFound, "nothing to read"});
  for (const log::FramePtr& frame : *frames) {
    states_.appended(*frame);
    bytes_since_ += frame->encoded_bytes();
  }
  next_ = std::max(next_, frames->back()->header.end);
  states_.committed(std::min(owner_.committed(), next_));
  let_go();
  if (next_ >= log_.end() && states_.awaited().empty()) return finish_loading();
  // The shard has other work too.
  executor_.post([alive = alive_, load = load_] {
    Producers* self = *alive;
    if (self != nullptr && self->load_ == load && !self->stopped_) self->read_on();
  });
}

// A range that is lost for good holds nothing that could be read, nor copied a second time: what stands
// behind it is what counts.
void Producers::on_unreadable(const Error& error) {
  if (error.code == ErrorCode::kDataLoss && !owner_.repair_is_hopeful()) {
    for (const log::Damage& damage : log_.damage()) {
      if (damage.begin <= next_ && next_ < damage.end && damage.end <= log_.end()) {
        next_ = damage.end;
        step_ = Step::kWaiting;
        return arm(runtime::Duration(0), &Producers::read_on);
      }
    }
  }
  if (error.code == ErrorCode::kStorageFailed && step_ == Step::kReadingFrames && owner_.is_only_copy() &&
      ++failed_reads_ >= kFailedReadsMax && pass_over_segment(error)) {
    return;
  }
  fail_waiting(not_loaded(where_));
  step_ = Step::kWaiting;
  arm(kReadAgainAfter, &Producers::begin_anew);
}

// A disk that cannot read one place must not keep everybody from writing; nobody else could say what is
// there.
bool Producers::pass_over_segment(const Error& error) {
  for (const log::SegmentStatus& segment : log_.status().segments) {
    if (segment.meta.begin > next_ || next_ >= segment.meta.end) continue;
    telemetry::log_error(
        "what these records say of producers cannot be read: who wrote them is not known any more",
        {{"partition", where_},
         {"from", next_.to_string()},
         {"to", segment.meta.end.to_string()},
         {"error", error.to_string()}});
    next_ = segment.meta.end;
    step_ = Step::kWaiting;
    arm(runtime::Duration(0), &Producers::read_on);
    return true;
  }
  return false;
}

void Producers::finish_loading() {
  step_ = Step::kLoaded;
  ++counts_.loads;
  installed_ = false;
  failed_reads_ = 0;
  fold(std::min(owner_.committed(), log_.end()));
  auto waiting = std::exchange(waiting_, {});
  for (Loaded& loaded : waiting) loaded({});
  if (keep_) owner_.on_producers_kept();
}

void Producers::begin_anew() {
  ++load_;
  lookup_.reset();
  if (timer_) executor_.cancel(*std::exchange(timer_, std::nullopt));
  step_ = Step::kUnknown;
  load_if_wanted();
}

// --- the log

void Producers::on_frame(const log::Frame& frame) {
  records_came_ = records_came_ || frame.header.kind == log::FrameKind::kRecords;
  if (!is_loaded()) return;  // it is going to be read
  states_.appended(frame);
  bytes_since_ += frame.encoded_bytes();
}

void Producers::on_truncated(model::LogPosition to) {
  if (is_loaded()) {
    counts_.rolled_back += states_.truncated(to) ? 1 : 0;
    return;
  }
  if (step_ == Step::kUnknown) return;
  // What was read may be what is gone now.
  ++load_;
  lookup_.reset();
  step_ = Step::kWaiting;
  arm(runtime::Duration(0), &Producers::begin_anew);
}

// The snapshot that came with it lies on the disk.
void Producers::on_installed() {
  ++load_;
  lookup_.reset();
  for_install_.reset();
  installed_ = true;
  kept_ = not_before_ = {};
  keep_.reset();
  step_ = Step::kWaiting;
  arm(runtime::Duration(0), &Producers::begin_anew);
}

void Producers::on_commit(model::LogPosition commit) {
  if (!is_loaded()) return load_if_wanted();
  fold(commit);
}

void Producers::fold(model::LogPosition upto) {
  states_.committed(upto);
  serve_at_hand();  // before they go again
  let_go();
  write_if_due();
  look_up();
}

// --- snapshots

std::optional<log::StateSnapshot> Producers::head() const {
  const auto term = log_.term_before(states_.position());
  if (!term) return std::nullopt;
  return log::StateSnapshot{states_.position(), *term, {}};
}

Result<std::optional<log::StateSnapshot>> Producers::state_for_install() {
  if (!is_loaded()) {
    install_waits_ = true;
    load_if_wanted();
    return not_loaded(where_);
  }
  install_waits_ = false;
  if (states_.is_empty()) return std::optional<log::StateSnapshot>();
  if (states_.table().count_on_disk() > 0) {
    if (for_install_ && for_install_->position == kept_) return std::exchange(for_install_, std::nullopt);
    read_for_install();
    return not_loaded(where_);
  }
  auto state = head();
  if (state) state->bytes = SharedBytes::take(states_.encode());
  return state;
}

// Not all of it is in memory: then what was written last serves, which covers what was trimmed.
void Producers::read_for_install() {
  if (kept_ < log_.log_start()) return write();
  log_.read_states([alive = alive_, load = load_](Result<std::vector<log::StateSnapshot>> states) {
    Producers* self = *alive;
    if (self == nullptr || self->load_ != load || !states) return;  // it is asked for again
    for (log::StateSnapshot& state : *states) {
      if (state.position == self->kept_ && self->is_of_this_log(state)) self->for_install_ = std::move(state);
    }
  });
}

bool Producers::may_forget(model::LogPosition begin) {
  if (begin <= kept_ || (no_room_ && is_loaded() && states_.position() >= begin)) {
    keep_.reset();
    return true;
  }
  keep_ = begin;
  if (!is_loaded()) {
    load_if_wanted();
    return false;
  }
  if (states_.position() < begin) return false;  // soon: on_commit()
  if (states_.is_empty()) {
    keep_.reset();
    return true;
  }
  write();
  return false;
}

void Producers::write_if_due() {
  const auto often =
      std::max<std::uint64_t>(kSnapshotEveryBytes, kSnapshotEveryStates * states_.table().total_bytes());
  if (bytes_since_ >= often || states_.table().is_crowded()) write();
}

void Producers::write() {
  if (writing_ || stopped_ || states_.position() <= kept_) return;
  if (write_again_at_ && executor_.now() < *write_again_at_) return;
  auto state = head();
  if (!state) return;
  writing_ = true;
  write_again_at_.reset();
  const auto index = std::make_shared<std::optional<ProducerIndex>>();
  auto written = [alive = alive_, load = load_, position = states_.position(), covered = bytes_since_,
                  index](const Result<void>& result) {
    Producers* self = *alive;
    if (self == nullptr) return;
    self->writing_ = false;
    if (self->load_ == load) self->on_written(position, covered, result, std::move(*index));
  };
  const auto draft = std::make_shared<const ProducerDraft>(states_.draft());
  const auto make = [draft, index](ByteSpan base) -> Result<SharedBytes> {
    FOREBAY_TRY(auto encoded, finish_draft(*draft, base));
    *index = std::move(encoded.index);
    return SharedBytes::take(std::move(encoded.bytes));
  };
  if (draft->base) return log_.rewrite_state(*draft->base, *std::move(state), make, std::move(written));
  auto bytes = make({});
  FOREBAY_ASSERT(bytes.has_value());
  state->bytes = *std::move(bytes);
  log_.write_state(*std::move(state), std::move(written));
}

void Producers::on_written(model::LogPosition position, std::uint64_t covered, const Result<void>& written,
                           std::optional<ProducerIndex> index) {
  if (!written) {
    write_again_at_ = executor_.now() + kWriteAgainAfter;
    if (stopped_) return;
    telemetry::log_warn("state of producers is not written, it is tried again",
                        {{"partition", where_}, {"error", written.error().to_string()}});
    // The file that those lie in who are not in memory is damaged, or gone.
    const bool is_lost =
        written.error().code == ErrorCode::kNotFound || written.error().code == ErrorCode::kCorruptBatch;
    arm(kWriteAgainAfter, is_lost ? &Producers::begin_anew : &Producers::write);
    // Room comes first: a trim needs none.
    no_room_ = written.error().code == ErrorCode::kDiskFull;
    if (keep_ && no_room_) owner_.on_producers_kept();
    return;
  }
  no_room_ = false;
  for_install_.reset();
  kept_ = position;
  bytes_since_ -= std::min(bytes_since_, covered);
  if (is_loaded()) {
    states_.written(position, *std::move(index));
    let_go();
    look_up();  // where it is now
  }
  if (keep_) owner_.on_producers_kept();
}

// --- who is not in memory

bool Producers::is_at_hand(model::ProducerId id, model::LogPosition at) const {
  return !states_.is_away(id) && states_.position() >= at;
}

void Producers::when_at_hand(model::ProducerId id, model::LogPosition at, Loaded at_hand) {
  if (stopped_ || wait_at_hand_.size() >= kWaitingMax) return at_hand(not_loaded(where_));
  wait_at_hand_.push_back({id, at, std::move(at_hand)});
  look_up();
}

void Producers::look_up() {
  if (lookup_ || stopped_) return;
  Lookup next{.base = states_.table().base(), .ids = {}, .blocks = {}};
  const auto add = [&](model::ProducerId id) {
    if (next.ids.size() == kLookupMax || !states_.is_away(id)) return;
    const auto block = *states_.table().index()->block_of(id);
    next.ids.push_back(id);
    if (std::find(next.blocks.begin(), next.blocks.end(), block) == next.blocks.end())
      next.blocks.push_back(block);
  };
  for (const model::ProducerId id : states_.awaited()) add(id);
  for (const AtHand& one : wait_at_hand_) add(one.id);
  if (next.ids.empty()) return;
  std::vector<log::StateRange> parts;
  for (const ProducerIndex::Block& block : next.blocks) parts.push_back({block.begin, block.end});
  lookup_ = std::move(next);
  log_.read_state_parts(lookup_->base, std::move(parts), of_this_load(&Producers::on_parts));
}

void Producers::on_parts(Result<std::vector<SharedBytes>> parts) {
  if (states_.table().base() != lookup_->base) {  // it has been written anew, and the file may be gone
    lookup_.reset();
    return look_up();
  }
  const auto brought = parts ? bring(*parts) : Result<void>(parts.error());
  lookup_.reset();
  if (brought) return on_brought();
  telemetry::log_warn("state of producers cannot be read, it is loaded anew",
                      {{"partition", where_}, {"error", brought.error().to_string()}});
  fail_waiting(not_loaded(where_));
  step_ = Step::kWaiting;
  arm(kReadAgainAfter, &Producers::begin_anew);
}

Result<void> Producers::bring(const std::vector<SharedBytes>& parts) {
  std::vector<ProducerStates::Found> found;
  for (const model::ProducerId id : lookup_->ids) found.emplace_back(id, std::nullopt);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!lookup_->blocks[i].is_whole(parts[i].span()))
      return Error{ErrorCode::kCorruptBatch, "a part of the state is damaged"};
    ProducerReader in(parts[i].span());
    for (;;) {
      FOREBAY_TRY(auto entry, in.next());
      if (!entry) break;
      for (auto& [id, state] : found) {
        if (id == entry->first) state = entry->second;
      }
    }
  }
  lookups_.looked_up += found.size();
  states_.bring(std::move(found));
  return {};
}

void Producers::on_brought() {
  if (!is_loaded()) {
    states_.committed(std::min(owner_.committed(), next_));
    return read_on();
  }
  fold(std::min(owner_.committed(), log_.end()));
  if (keep_) owner_.on_producers_kept();
}

void Producers::serve_at_hand() {
  for (auto at = wait_at_hand_.begin(); at != wait_at_hand_.end();) {
    if (!is_at_hand(at->id, at->at)) {
      ++at;
      continue;
    }
    Loaded done = std::move(at->done);
    wait_at_hand_.erase(at);
    done({});
    at = wait_at_hand_.begin();  // whoever was called may have changed it
  }
}

void Producers::let_go() {
  const auto gone = states_.let_go();
  lookups_.let_go += gone.producers;
  if (gone.producers == 0 || (told_at_ && executor_.now() - *told_at_ < kTellAgainAfter)) return;
  told_at_ = executor_.now();
  telemetry::log_warn(
      "a client has more producers than are kept in memory, the silent ones are looked up on the disk from "
      "now on: it should begin fewer sessions, or producer.states_in_memory_per_client is too low",
      {{"partition", where_},
       {"client", gone.client.empty() ? "(without a client id)" : gone.client},
       {"in_memory", states_.count()},
       {"on_disk", states_.table().count_on_disk()}});
}

std::optional<log::ProducersForgotten> Producers::look_for_silent(model::Term term, model::Timestamp now) {
  if (!is_loaded()) return std::nullopt;
  return expiry_.look({.term = term,
                       .steady = executor_.now().time_since_epoch(),
                       .now = now,
                       .last_append = log_.max_append_time()},
                      states_);
}

void Producers::stop() {
  if (stopped_) return;
  if (is_loaded() && bytes_since_ >= kSnapshotAtStopBytes) write();
  stopped_ = true;
}

}  // namespace forebay::partition
