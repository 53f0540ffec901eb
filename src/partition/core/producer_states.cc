#include "partition/core/producer_states.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/control.h"

namespace forebay::partition {

void ProducerStates::reset(model::LogPosition at) {
  position_ = at;
  table_.clear();
  events_.clear();
  forgotten_.clear();
  tips_.clear();
  awaited_.clear();
}

Result<void> ProducerStates::restore(model::LogPosition at, ByteSpan encoded) {
  ProducerTable restored(limits());
  FOREBAY_CHECK(restored.restore(at, encoded));
  reset(at);
  table_ = std::move(restored);
  return {};
}

std::vector<std::byte> ProducerStates::encode() const {
  const ProducerDraft draft = table_.draft(position_);
  FOREBAY_ASSERT(!draft.base);
  auto encoded = finish_draft(draft, {});
  FOREBAY_ASSERT(encoded.has_value());
  return std::move(encoded->bytes);
}

// --- the log

void ProducerStates::extend_tips(const ProducerEvent& event) {
  if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&event.what)) {
    for (auto& [id, tip] : tips_) tip.state.forget(*forgotten);
    forgotten_.push_back(*forgotten);
    return;
  }
  if (is_away(event.id)) {
    awaited_.insert(event.id);
    return;
  }
  auto [at, is_new] = tips_.try_emplace(event.id);
  Tip& tip = at->second;
  if (is_new) {
    table_.hold(event.id);
    if (const auto* known = find_committed(event.id)) tip.state = *known;
    for (const auto& forgotten : forgotten_) tip.state.forget(forgotten);
  }
  apply(event, tip.state);
  ++tip.events;
  tip.end = event.end;
}

void ProducerStates::rebuild_tips() {
  tips_.clear();
  awaited_.clear();
  forgotten_.clear();
  for (const ProducerEvent& event : events_) extend_tips(event);
}

void ProducerStates::appended(const log::Frame& frame) {
  auto event = producer_event(frame, position_);
  if (!event) return;
  extend_tips(*event);
  events_.push_back(*std::move(event));
}

bool ProducerStates::waits(const ProducerEvent& event) const {
  return !std::holds_alternative<log::ProducersForgotten>(event.what) && awaited_.contains(event.id);
}

void ProducerStates::commit(const ProducerEvent& event) {
  if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&event.what)) {
    forgotten_.pop_front();
    return table_.forget(*forgotten, event.end);
  }
  const auto tip = tips_.find(event.id);
  FOREBAY_ASSERT(tip != tips_.end() && tip->second.events > 0);
  const bool is_last = --tip->second.events == 0;
  table_.change(event.id, event.end, [&](ProducerState& state) {
    if (is_last && forgotten_.empty()) {
      state = std::move(tip->second.state);  // it has nothing but this one
    } else {
      apply(event, state);
    }
  });
  if (is_last) tips_.erase(tip);
}

void ProducerStates::committed(model::LogPosition upto) {
  if (upto <= position_) return;
  while (!events_.empty() && events_.front().end <= upto) {
    if (waits(events_.front())) return;
    position_ = events_.front().end;
    commit(events_.front());
    events_.pop_front();
  }
  position_ = upto;
}

bool ProducerStates::truncated(model::LogPosition to) {
  FOREBAY_ASSERT(to >= position_);
  if (events_.empty() || events_.back().end <= to) return false;
  std::vector<model::ProducerId> cut;
  while (!events_.empty() && events_.back().end > to) {
    cut.push_back(events_.back().id);
    events_.pop_back();
  }
  rebuild_tips();
  for (const model::ProducerId id : cut) {
    if (!tips_.contains(id)) table_.release(id);
  }
  return true;
}

ProducerStates::Forgettable ProducerStates::count(const log::ProducersForgotten& forgotten) const {
  Forgettable total;
  table_.for_each([&](const ProducerState& state) {
    if (state.is_silent(forgotten)) {
      ++total.producers;
    } else if (state.is_quiet(forgotten)) {
      total.batches += state.batches.size() - 1;
    }
  });
  total.producers += table_.blocks_to_forget(forgotten);
  return total;
}

// --- producers that are on the disk only

ProducerTable::IsHeld ProducerStates::is_held() const {
  return [this](model::ProducerId id) { return tips_.contains(id); };
}

void ProducerStates::bring(std::vector<Found> found) {
  bool is_awaited = false;
  for (auto& [id, state] : found) {
    is_awaited = is_awaited || awaited_.contains(id);
    table_.bring(id, std::move(state));
  }
  if (is_awaited) rebuild_tips();
}

ProducerDraft ProducerStates::draft() {
  table_.expect_base();
  return table_.draft(position_);
}

void ProducerStates::written(model::LogPosition position, ProducerIndex index) {
  table_.written(position, std::move(index), is_held());
  if (!awaited_.empty()) rebuild_tips();  // another base may know that somebody is not there
}

ProducerTable::LetGo ProducerStates::let_go() { return table_.let_go(is_held()); }

// --- verdicts

const ProducerState* ProducerStates::find(model::ProducerId id, ProducerState& made) const {
  const auto tip = tips_.find(id);
  const ProducerState* state = tip != tips_.end() ? &tip->second.state : find_committed(id);
  if (state == nullptr) return nullptr;
  if (tip == tips_.end() && !forgotten_.empty()) {
    made = *state;
    for (const auto& forgotten : forgotten_) made.forget(forgotten);
    state = &made;
  }
  // The position of a producer that nothing else is known of says nothing.
  return state->is_nobody() ? nullptr : state;
}

BatchVerdict ProducerStates::check(const model::BatchHeader& batch,
                                   std::optional<model::Offset> leadership) const {
  ProducerState made;
  const ProducerState* state = find(batch.producer_id, made);
  if (state == nullptr) {
    if (batch.base_sequence != 0) {
      return ProducerRefusal{.code = leadership ? ErrorCode::kEarlyAckLost : ErrorCode::kUnknownProducer};
    }
    if (is_full()) return ProducerRefusal{.code = ErrorCode::kResourceExhausted};
    return FreshBatch{};
  }
  if (batch.producer_epoch < state->epoch)
    return ProducerRefusal{.code = ErrorCode::kProducerFenced, .epoch = state->epoch};
  const bool same_session = batch.producer_epoch == state->epoch;
  const std::int32_t last = same_session ? state->last_sequence() : -1;
  const std::int32_t expected = last < 0 ? 0 : next_sequence(last);
  // Before copies: where compaction has left gaps, a batch is remembered from before the numbers wrapped.
  if (batch.base_sequence == expected) return FreshBatch{};
  if (same_session) {
    if (const auto* first = state->find(batch.base_sequence, batch.last_sequence()))
      return DuplicateBatch{*first};
  }
  // What this leadership has stored it has not lost: then the batch before this one never came.
  const bool stored_here = leadership && last >= 0 && state->batches.back().first_offset >= *leadership;
  return ProducerRefusal{
      .code = leadership && !stored_here ? ErrorCode::kEarlyAckLost : ErrorCode::kOutOfOrderSequence,
      .last_sequence = last,
      .epoch = state->epoch};
}

Result<void> ProducerStates::check_position(const model::BatchHeader& batch,
                                            const SourcePosition& position) const {
  const auto invalid = [](std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (position.source.size() > log::kProducerTextBytesMax ||
      position.position.size() > log::kProducerTextBytesMax) {
    return invalid("the source or the position of a producer is longer than " +
                   std::to_string(log::kProducerTextBytesMax) + " bytes");
  }
  ProducerState made;
  const ProducerState* state = find(batch.producer_id, made);
  if (state == nullptr || !state->named || state->epoch != batch.producer_epoch) {
    return invalid("producer " + std::to_string(batch.producer_id.value()) +
                   " sends a source position in epoch " + std::to_string(batch.producer_epoch.value()) +
                   ", which has fenced nothing here: call FenceProducer first");
  }
  // Positions grow what is known of a producer; so much lies between this and what can be written.
  if (table_.total_bytes() >= 2 * limits().bytes_max)
    return refusal_error({.code = ErrorCode::kResourceExhausted}, batch, "the partition");
  return {};
}

FenceVerdict ProducerStates::check_fence(model::ProducerId id, model::ProducerEpoch epoch) const {
  ProducerState made;
  const ProducerState* state = find(id, made);
  if (state == nullptr) {
    if (is_full()) return ProducerRefusal{.code = ErrorCode::kResourceExhausted};
    return FreshFence{};
  }
  if (epoch < state->epoch) return ProducerRefusal{.code = ErrorCode::kProducerFenced, .epoch = state->epoch};
  if (epoch > state->epoch || !state->named) return FreshFence{};
  const auto tip = tips_.find(id);
  return KnownFence{tip == tips_.end() ? position_ : tip->second.end};
}

// --- texts

namespace {

std::string session_text(model::ProducerId id, model::ProducerEpoch epoch) {
  return "producer " + std::to_string(id.value()) + " epoch " + std::to_string(epoch.value());
}

Error full_error(std::string_view where) {
  // A minute: a full partition looks that often for who has expired (kLookWhenFullMs).
  return Error{ErrorCode::kResourceExhausted,
               std::string(where) +
                   " knows as many producers as it has room for, and takes no new one until some expire; use "
                   "fewer and longer-lived producers, or lower producer.id_expiration",
               60'000};
}

Error fenced_error(const std::string& session, model::ProducerEpoch known, std::string_view where) {
  return Error{ErrorCode::kProducerFenced, session + " is fenced at " + std::string(where) +
                                               ": a newer session, epoch " + std::to_string(known.value()) +
                                               ", has begun; this one must stop"};
}

}  // namespace

Error refusal_error(const ProducerRefusal& refusal, const model::BatchHeader& batch, std::string_view where) {
  const std::string session = session_text(batch.producer_id, batch.producer_epoch);
  const std::string sent = "sequence " + std::to_string(batch.base_sequence);
  if (refusal.code == ErrorCode::kResourceExhausted) return full_error(where);
  if (refusal.code == ErrorCode::kProducerFenced) return fenced_error(session, refusal.epoch, where);
  if (refusal.code == ErrorCode::kUnknownProducer) {
    return Error{
        ErrorCode::kUnknownProducer,
        std::string(where) + " knows nothing of " + session + ", and " + sent +
            " is not its first: it was silent for longer than producer.id_expiration, or its records were "
            "deleted; begin a new session (InitProducer) with sequence 0"};
  }
  const std::int32_t last = refusal.last_sequence;
  const std::string held =
      last < 0 ? "nothing of this session" : "this session up to sequence " + std::to_string(last);
  const std::string expected = std::to_string(last < 0 ? 0 : next_sequence(last));
  std::string text = session + ": " + sent + " does not follow at " + std::string(where) + ", which has " +
                     held + " and expects " + expected;
  if (refusal.code == ErrorCode::kEarlyAckLost) {
    text +=
        "; what lies between was perhaps acknowledged before it was durable (durability=replicated) and is "
        "lost: begin a new session after that sequence";
  } else {
    text += "; send what is missing first, and keep at most " + std::to_string(kRememberedBatches) +
            " batches unanswered: older copies are not recognised";
  }
  Error error{refusal.code, std::move(text)};
  error.last_sequence = last;
  return error;
}

Error fence_refusal_error(const ProducerRefusal& refusal, model::ProducerId id, model::ProducerEpoch epoch,
                          std::string_view where) {
  if (refusal.code == ErrorCode::kResourceExhausted) return full_error(where);
  return fenced_error(session_text(id, epoch), refusal.epoch, where);
}

}  // namespace forebay::partition
