// The part of Controller for a replica whose log does not lead to the state that it needs: it has been away
// for longer than the others keep the log, is new, or has lost its store. It takes the whole state of its
// leader (docs/adr/0017), and goes on with the log from there.
#include <algorithm>
#include <utility>

#include "cluster/controller.h"
#include "cluster/state_export.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

// There may be no leader, or another one in a moment.
constexpr auto kStateRetry = std::chrono::milliseconds(200);

}  // namespace

bool is_metadata_request(ByteSpan body) {
  if (!machine::is_state_request(body)) return false;
  const auto request = machine::decode_request(body);
  return request && request->id == cluster_partition();
}

Result<std::string> Controller::answer_state_request(const std::string& body) {
  // Whoever leads has applied all that was ever promised, or will not say so.
  if (!decides() || !leading_ || image_.applied < decide_at_ || failed_ || degraded_ || stalled_ || coming_)
    return Error{ErrorCode::kNotLeader, "this node is not the controller of the cluster"};
  FOREBAY_TRY(const machine::StateRequest request, machine::decode_request(as_bytes(body)));
  auto answer =
      state_source_.answer(request, log_.term(), image_.applied, [this] { return entries_of(image_); });
  if (answer && request.from == 0 && peers_ != nullptr) peers_->count_state_sent();
  return answer;
}

void Controller::want_state(model::Offset at_least) {
  if (stopping_ || failed_) return;
  wanted_state_ = std::max(wanted_state_.value_or(at_least), at_least);
  fetch_state();
}

void Controller::fetch_state() {
  if (!wanted_state_ || state_fetch_ || state_retry_ || coming_ || stopping_ || failed_) return;
  if (stored_ >= *wanted_state_) return wanted_state_.reset();
  // The log led to it after all, and only the store is behind.
  if (image_.applied >= *wanted_state_) {
    wanted_state_.reset();
    return write_behind();
  }
  if (log_.group().is_leader()) {
    hand_over_soon();
    return fetch_state_later({ErrorCode::kNotYet, "this node leads, and nobody has taken over yet"});
  }
  const auto leader = log_.leader();
  if (!leader || peers_ == nullptr)
    return fetch_state_later({ErrorCode::kNotYet, "__cluster has no leader that can be reached"});
  state_fetch_ = std::make_unique<machine::StateFetch>(
      *peers_, cluster_partition(), *leader, *wanted_state_,
      [this](Result<machine::StateFetch::Fetched> fetched) { on_state(std::move(fetched)); });
  state_fetch_->start();
}

void Controller::fetch_state_later(const Error& why) {
  if (why.context != state_error_.context)
    telemetry::log_info("waiting for the state of the metadata", {{"reason", why.to_string()}});
  state_error_ = why;
  if (state_retry_) return;
  state_retry_ = executor_.schedule_after(kStateRetry, [this] {
    state_retry_.reset();
    fetch_state();
  });
}

void Controller::on_state(Result<machine::StateFetch::Fetched> fetched) {
  const model::NodeId from = state_fetch_->from();
  state_fetch_.reset();
  if (stopping_ || failed_) return;
  if (!fetched) return fetch_state_later(fetched.error());
  auto image = decode_state(as_bytes(fetched->bytes));
  // As with a record that cannot be read: asking again does not help, another version does.
  if (!image && image.error().code == ErrorCode::kNewerFormat) return fail(image.error());
  if (!image) return fetch_state_later(image.error());
  if (!image_.cluster_id.is_nil() && image->cluster_id != image_.cluster_id)
    return fetch_state_later({ErrorCode::kFailedPrecondition, "the leader has the state of another cluster"});
  if (image->applied <= image_.applied)
    return fetch_state_later({ErrorCode::kNotYet, "the state is known already"});
  coming_ = Coming{std::move(*image), fetched->term, from};
  log_.cancel_fetch(fetch_);
  if (!writing_) take_state();  // else when that is written
}

// The state may go further than this log, which was flushed, and promised, only so far. Somebody who knows
// the log alone could then take a history without it for whole, and this replica could help. So before the
// store has it, the log says so: it neither votes nor counts until it has what the state is made of.
void Controller::take_state() {
  // Another leader: perhaps one of another history, by an operator's word.
  if (log_.group().is_leader() || log_.term() != coming_->term || log_.leader() != coming_->leader)
    return give_up_taking();
  writing_ = true;
  const model::LogPosition known = std::min(log_.group().commit(), log_.log().flushed());
  // An empty log has promised nothing.
  const bool is_empty = log_.log().end() == model::LogPosition{};
  if (is_empty || coming_->image.applied <= known.next_offset) return store_state();
  log_.group().lose_tail(coming_->image.applied, [alive = alive_](const Result<void>& durable) {
    Controller* self = *alive;
    if (self == nullptr) return;
    if (durable && !self->stopping_) return self->store_state();
    self->writing_ = false;
    if (self->stop_done_) return std::exchange(self->stop_done_, nullptr)();
    self->coming_.reset();
    self->fail(durable ? Error{ErrorCode::kShuttingDown, "the node is stopping"} : durable.error());
  });
}

void Controller::give_up_taking() {
  coming_.reset();
  fetch_state_later({ErrorCode::kNotYet, "the leader of __cluster has changed"});
  read_next();
}

// One batch: a crash finds the state that was, or the one that comes.
void Controller::store_state() {
  auto batch = std::make_shared<kv::WriteBatch>(replace_store_by(coming_->image));
  auto written = std::make_shared<Result<void>>();
  pool_.run([store = &kv_, batch, written] { *written = store->write(*batch, kv::Durability::kDurable); },
            executor_,
            [alive = alive_, written] {
              Controller* self = *alive;
              if (self == nullptr) return;
              Coming coming = std::move(*std::exchange(self->coming_, std::nullopt));
              if (*written && !self->stopping_) {
                telemetry::log_warn(
                    "state of the metadata taken from the leader, the log here does not lead to it",
                    {{"had", self->image_.applied.value()},
                     {"has", coming.image.applied.value()},
                     {"leader", coming.leader.value()}});
                self->image_ = std::move(coming.image);
                self->dirty_.clear();
                self->changed_ = true;
                self->stalled_.reset();
                ++self->states_taken_;
                self->peers_->count_state_taken();
                if (self->retry_) self->executor_.cancel(*std::exchange(self->retry_, std::nullopt));
              }
              self->on_written(*written, self->image_.applied);
              if (self->stopping_ || self->failed_) return;
              self->fetch_state();  // the leader may have trimmed further meanwhile
              self->read_next();
            });
}

}  // namespace forebay::cluster
