// The part of Host for a replica whose log does not lead to the state that it needs: it has been away for
// longer than the others keep the log, is new, or has lost its store. It takes the whole state of its leader
// (docs/adr/0017, 0024), and goes on with the log from there.
#include <algorithm>
#include <utility>

#include "machine/host.h"
#include "telemetry/log.h"

namespace forebay::machine {
namespace {

// There may be no leader, or another one in a moment.
constexpr auto kStateRetry = std::chrono::milliseconds(200);

}  // namespace

Result<std::string> Host::answer_state_request(const StateRequest& request) {
  // Whoever leads has applied all that was ever promised, or will not say so.
  if (!is_leading() || stalled_ || coming_)
    return describe(ErrorCode::kNotLeader, "this node does not lead it, or lacks its state");
  auto answer = state_source_.answer(request, leading_term_, applied_, [this] { return machine_.entries(); });
  if (answer && request.from == 0 && peers_ != nullptr) peers_->count_state_sent();
  return answer;
}

void Host::want_state(model::Offset at_least) {
  if (stopping_ || failed_) return;
  wanted_state_ = std::max(wanted_state_.value_or(at_least), at_least);
  fetch_state();
}

void Host::fetch_state() {
  if (!wanted_state_ || state_fetch_ || state_retry_ || coming_ || stopping_ || failed_) return;
  if (stored_ >= *wanted_state_) return wanted_state_.reset();
  // The log led to it after all, and only the store is behind.
  if (applied_ >= *wanted_state_) {
    wanted_state_.reset();
    return write_behind();
  }
  if (log_.group().is_leader()) {
    hand_over_soon();
    return fetch_state_later({ErrorCode::kNotYet, "this node leads, and nobody has taken over yet"});
  }
  const auto leader = log_.leader();
  if (!leader || peers_ == nullptr)
    return fetch_state_later({ErrorCode::kNotYet, "there is no leader that can be reached"});
  state_fetch_ = std::make_unique<StateFetch>(
      *peers_, id_, *leader, *wanted_state_,
      [this](Result<StateFetch::Fetched> fetched) { on_state(std::move(fetched)); });
  state_fetch_->start();
}

void Host::fetch_state_later(const Error& why) {
  if (why.context != state_error_) {
    telemetry::log_info(
        "waiting for the state of a machine",
        {{"topic", log_.topic_name()}, {"partition", id_.partition.value()}, {"reason", why.to_string()}});
  }
  state_error_ = why.context;
  if (state_retry_) return;
  state_retry_ = executor_.schedule_after(kStateRetry, [this] {
    state_retry_.reset();
    fetch_state();
  });
}

void Host::on_state(Result<StateFetch::Fetched> fetched) {
  const model::NodeId from = state_fetch_->from();
  state_fetch_.reset();
  if (stopping_ || failed_) return;
  if (!fetched) return fetch_state_later(fetched.error());
  auto entries = decode_state(as_bytes(fetched->bytes));
  // As with a record that cannot be read: asking again does not help, another version does.
  if (!entries && entries.error().code == ErrorCode::kNewerFormat) return fail(entries.error());
  if (!entries) return fetch_state_later(entries.error());
  if (fetched->applied <= applied_)
    return fetch_state_later({ErrorCode::kNotYet, "the state is known already"});
  coming_ = Coming{{fetched->applied, std::move(*entries)}, fetched->term, from};
  log_.cancel_fetch(fetch_);
  if (!writing_) take_state();  // else when that is written
}

// The state may go further than this log, which was flushed, and promised, only so far. Somebody who knows
// the log alone could then take a history without it for whole, and this replica could help. So before the
// store has it, the log says so: it neither votes nor counts until it has what the state is made of.
void Host::take_state() {
  // Another leader: perhaps one of another history, by an operator's word.
  if (log_.group().is_leader() || log_.term() != coming_->term || log_.leader() != coming_->leader)
    return give_up_taking();
  // Before anything is marked: a state that this version does not read is none.
  if (auto loaded = machine_.load(coming_->state.entries); !loaded) {
    coming_.reset();
    return fail(loaded.error());
  }
  writing_ = true;
  const model::LogPosition known = std::min(log_.group().commit(), log_.log().flushed());
  // An empty log has promised nothing.
  const bool is_empty = log_.log().end() == model::LogPosition{};
  if (is_empty || coming_->state.applied <= known.next_offset) return store_state();
  log_.group().lose_tail(coming_->state.applied, [alive = alive_](const Result<void>& durable) {
    Host* self = *alive;
    if (self == nullptr) return;
    if (durable && !self->stopping_) return self->store_state();
    self->writing_ = false;
    self->coming_.reset();
    if (self->stop_done_) return std::exchange(self->stop_done_, nullptr)();
    self->fail(durable ? Error{ErrorCode::kShuttingDown, "the node is stopping"} : durable.error());
  });
}

void Host::give_up_taking() {
  coming_.reset();
  fetch_state_later({ErrorCode::kNotYet, "the leader has changed"});
  read_next();
}

// One batch: a crash finds the state that was, or the one that comes.
void Host::store_state() {
  write(replacing_batch(id_, coming_->state), [](Host& self, const Result<void>& written) {
    Coming coming = std::move(*std::exchange(self.coming_, std::nullopt));
    if (written && !self.stopping_) {
      telemetry::log_warn("state of a machine taken from the leader, the log here does not lead to it",
                          {{"topic", self.log_.topic_name()},
                           {"partition", self.id_.partition.value()},
                           {"had", self.applied_.value()},
                           {"has", coming.state.applied.value()},
                           {"leader", coming.leader.value()}});
      self.applied_ = coming.state.applied;
      self.stalled_.reset();
      ++self.states_taken_;
      self.peers_->count_state_taken();
      if (self.retry_) self.executor_.cancel(*std::exchange(self.retry_, std::nullopt));
    }
    self.on_written(written, self.applied_);
    if (self.stopping_ || self.failed_) return;
    self.fetch_state();  // the leader may have trimmed further meanwhile
    self.read_next();
  });
}

}  // namespace forebay::machine
