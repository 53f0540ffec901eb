// Idempotent producers at their partition: what is judged before it is appended, and fences.
#include <algorithm>
#include <utility>

#include "model/record_batch.h"
#include "partition/partition.h"

namespace forebay::partition {
namespace {

Error invalid(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }
Error shutting_down() { return Error{ErrorCode::kShuttingDown, "the node is stopping", 1000}; }

}  // namespace

bool Partition::knows_producer(model::ProducerId id, model::LogPosition at) const {
  return !producers_ || (producers_->is_loaded() && producers_->is_at_hand(id, at));
}

void Partition::once_known(model::ProducerId id, model::LogPosition at, Producers::Loaded known) {
  if (producers_->is_loaded()) return producers_->when_at_hand(id, at, std::move(known));
  producers_->when_loaded(std::move(known));
}

Result<std::optional<StoredBatch>> Partition::judge(const ProduceInput& input) {
  if (!producers_) return invalid("topic '" + topic_name_ + "' takes no batches of idempotent producers");
  if (input.acks != Acks::kAll) {
    return invalid(
        "a batch of an idempotent producer needs acks=all: with less, what was acknowledged could be lost "
        "and the next batch would not follow");
  }
  const model::BatchHeader batch = model::read_batch_header(as_bytes(input.batch).data());
  const auto leadership =
      config_.durability == Durability::kReplicated ? std::optional(leadership_begin_) : std::nullopt;
  const ProducerStates& states = producers_->states();
  const auto verdict = states.check(batch, leadership);
  if (const auto* refusal = std::get_if<ProducerRefusal>(&verdict))
    return refusal_error(*refusal, batch, producers_->where());
  if (const auto* duplicate = std::get_if<DuplicateBatch>(&verdict)) return std::optional(duplicate->first);
  if (input.position) FOREBAY_CHECK(states.check_position(batch, *input.position));
  return std::optional<StoredBatch>();
}

void Partition::acknowledge_copy(const StoredBatch& first, const ProduceInput& input, Done<ProduceAck> done) {
  ++producer_counts_.duplicates;
  const model::LogPosition end = first.end();
  ProduceAck ack{.base_offset = first.first_offset,
                 .last_offset = first.last_offset(),
                 .append_time = first.append_time,
                 .term = log_.term_before(end).value_or(model::Term()),
                 .log_start = log_.log_start().next_offset,
                 .replicas_total = static_cast<std::uint32_t>(group_->membership().voters.size()),
                 .duplicate = true};
  const bool early = config_.durability == Durability::kReplicated;
  const Wait kind = early ? kHeld : kCommitted;
  const model::LogPosition reached =
      early ? std::max(group_->held_by_majority(), group_->commit()) : group_->commit();
  if (end > reached)
    return wait_for(kind, {end, surroundings_.executor->now() + input.timeout, ack, std::move(done)});
  ack.replicas_flushed = group_->flushed_voters(end);
  ack.flushed = ack.replicas_flushed > 0;
  done(ack);
}

void Partition::fence_producer(model::ProducerId id, model::ProducerEpoch epoch, runtime::Duration timeout,
                               Done<ProducerFenced> done) {
  if (auto appendable = check_appendable(); !appendable) return done(std::move(appendable).error());
  if (!producers_)
    return done(invalid("topic '" + topic_name_ + "' takes no batches of idempotent producers"));
  if (id.value() < 0 || epoch.value() < 0) return done(invalid("producer id and epoch are 0 at least"));
  if (!knows_producer(id)) {
    return once_known(
        id, {},
        [alive = alive_, id, epoch, timeout, done = std::move(done)](const Result<void>& known) mutable {
          if (!known) return done(known.error());
          if (*alive == nullptr) return done(shutting_down());
          (*alive)->fence_producer(id, epoch, timeout, std::move(done));
        });
  }
  const ProducerStates& states = producers_->states();
  const auto verdict = states.check_fence(id, epoch);
  if (const auto* refusal = std::get_if<ProducerRefusal>(&verdict)) {
    count_refusal(refusal->code);
    return done(fence_refusal_error(*refusal, id, epoch, producers_->where()));
  }
  model::LogPosition counts_at;
  if (const auto* known = std::get_if<KnownFence>(&verdict)) {
    counts_at = known->counts_at;
  } else {
    counts_at = group_->append_control(log::ProducerFence{id, epoch}).end;
  }
  if (counts_at <= states.position()) return answer_fence(id, epoch, counts_at, std::move(done));
  wait_for(kCommitted, {counts_at,
                        surroundings_.executor->now() + timeout,
                        {},
                        [this, id, epoch, counts_at,
                         done = std::move(done)](const Result<ProduceAck>& committed) mutable {
                          if (!committed) return done(committed.error());
                          answer_fence(id, epoch, counts_at, std::move(done));
                        }});
}

void Partition::answer_fence(model::ProducerId id, model::ProducerEpoch epoch, model::LogPosition at,
                             Done<ProducerFenced> done) {
  if (!knows_producer(id, at)) {  // what lies before it in the log is of somebody who is looked up
    return once_known(
        id, at, [alive = alive_, id, epoch, at, done = std::move(done)](const Result<void>& known) mutable {
          if (!known) return done(known.error());
          if (*alive == nullptr) return done(shutting_down());
          (*alive)->answer_fence(id, epoch, at, std::move(done));
        });
  }
  const ProducerState* state = producers_->states().find_committed(id);
  if (state == nullptr || !state->named)
    return done(Error{ErrorCode::kInternal, "a fence is committed and is not known"});
  if (state->epoch > epoch) {  // in the same breath
    return done(fence_refusal_error({.code = ErrorCode::kProducerFenced, .epoch = state->epoch}, id, epoch,
                                    producers_->where()));
  }
  done(ProducerFenced{state->named->before});
}

ProducerCounts& ProducerCounts::operator+=(const ProducerCounts& other) {
  duplicates += other.duplicates;
  out_of_order += other.out_of_order;
  fenced += other.fenced;
  unknown += other.unknown;
  early_acks_lost += other.early_acks_lost;
  no_room += other.no_room;
  states += other.states;
  state_bytes += other.state_bytes;
  states_on_disk += other.states_on_disk;
  let_go += other.let_go;
  looked_up += other.looked_up;
  return *this;
}

// Decided here and said by the log, so that no replica's clock, however wrong, makes it forget anybody.
void Partition::forget_silent_producers(model::Timestamp now) {
  if (!producers_ || !check_appendable()) return;
  if (const auto forgotten = producers_->look_for_silent(group_->term(), now))
    group_->append_control(*forgotten);
}

void Partition::count_refusal(ErrorCode code) {
  if (code == ErrorCode::kOutOfOrderSequence) ++producer_counts_.out_of_order;
  if (code == ErrorCode::kProducerFenced) ++producer_counts_.fenced;
  if (code == ErrorCode::kUnknownProducer) ++producer_counts_.unknown;
  if (code == ErrorCode::kEarlyAckLost) ++producer_counts_.early_acks_lost;
  if (code == ErrorCode::kResourceExhausted) ++producer_counts_.no_room;
}

ProducerCounts Partition::producer_counts() const {
  ProducerCounts counts = producer_counts_;
  if (producers_) {
    counts.states = producers_->states().count();
    counts.state_bytes = producers_->states().memory_bytes();
    counts.states_on_disk = producers_->states().table().count_on_disk();
    counts.let_go = producers_->lookups().let_go;
    counts.looked_up = producers_->lookups().looked_up;
  }
  return counts;
}

void Partition::on_frame(const log::Frame& frame) {
  if (producers_) producers_->on_frame(frame);
}
void Partition::on_truncated(model::LogPosition to) {
  if (producers_) producers_->on_truncated(to);
}
void Partition::on_installed(const log::LogBase&) {
  if (producers_) producers_->on_installed();
}

Result<std::optional<log::StateSnapshot>> Partition::state_for_install() {
  if (!producers_) return std::optional<log::StateSnapshot>();
  return producers_->state_for_install();
}

void Partition::on_producers_kept() {
  if (!stopped_) apply_log_start(group_->commit());
}

}  // namespace forebay::partition
