#include "partition/partition.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/damage.h"
#include "model/record_batch.h"
#include "telemetry/log.h"

namespace forebay::partition {
namespace {

constexpr std::uint32_t kNotYetRetryMs = 20;
constexpr std::uint32_t kElectionRetryMs = 100;

Error shutting_down() {
  return Error{ErrorCode::kShuttingDown, "the node is stopping; retry when it is back", 1000};
}

}  // namespace

Result<std::unique_ptr<Partition>> Partition::open(log::Log& log, std::string topic_name,
                                                   const PartitionConfig& config,
                                                   const std::optional<raft::Founding>& founding,
                                                   const Surroundings& surroundings) {
  std::unique_ptr<Partition> partition(new Partition(log, std::move(topic_name), config, surroundings));
  const raft::GroupSurroundings group{.executor = surroundings.executor,
                                      .clock = surroundings.clock,
                                      .rng = surroundings.rng,
                                      .peers = surroundings.peers,
                                      .self = surroundings.self};
  FOREBAY_TRY(partition->group_, raft::RaftGroup::open(log, founding, group, *partition));
  return partition;
}

Partition::Partition(log::Log& log, std::string topic_name, const PartitionConfig& config,
                     const Surroundings& surroundings)
    : log_(log),
      topic_name_(std::move(topic_name)),
      config_(config),
      surroundings_(surroundings),
      proposed_log_start_(log.log_start()),
      applied_log_start_(log.log_start()),
      holds_state_(config.holds_state),
      alive_(std::make_shared<Partition*>(this)) {
  log_.set_config(config.log);
  if (holds_state_) return;
  std::string where =
      "partition " + std::to_string(log.id().partition.value()) + " of topic '" + topic_name_ + "'";
  producers_ = std::make_unique<Producers>(log, *surroundings.executor, static_cast<ProducersOwner&>(*this),
                                           std::move(where), surroundings.producers);
}

Partition::~Partition() {
  *alive_ = nullptr;
  for (const auto& timer : {produce_timer_, membership_timer_, recovery_timer_, leave_timer_}) {
    if (timer) surroundings_.executor->cancel(*timer);
  }
  for (auto& [id, fetch] : fetches_) {
    if (fetch.timer) surroundings_.executor->cancel(*fetch.timer);
  }
}

void Partition::start(Done<std::monostate> ready) {
  ready_ = std::move(ready);
  group_->want_receipts(config_.durability == Durability::kReplicated);
  group_->start();
}

Watermarks Partition::watermarks() const {
  return {log_.log_start().next_offset, group_->commit().next_offset};
}

void Partition::set_config(const PartitionConfig& config) {
  config_ = config;
  group_->want_receipts(config.durability == Durability::kReplicated);
  log_.set_config(config.log);
}

bool Partition::is_alone() const {
  const log::Membership& now = group_->membership();
  return now.voters.size() == 1 && now.next_voters.empty() && now.voters.front() == surroundings_.self;
}

Error Partition::not_leader() const {
  const std::string partition =
      "partition " + std::to_string(log_.id().partition.value()) + " of topic '" + topic_name_ + "'";
  if (const auto leader = group_->leader()) {
    return Error{ErrorCode::kNotLeader,
                 "node " + std::to_string(leader->value()) + " leads " + partition + ", not this node"};
  }
  return Error{ErrorCode::kNotYet, partition + " has no leader that can be reached at the moment; retry",
               kElectionRetryMs};
}

Result<void> Partition::check_serving() const {
  if (stopped_) return shutting_down();
  if (group_->failure() && !is_alone()) {
    return Error{ErrorCode::kNotLeader,
                 "the replica on this node stopped after a disk error: " + group_->failure()->context};
  }
  if (group_->failure()) {
    return Error{ErrorCode::kStorageFailed,
                 "the partition stopped after a disk error: " + group_->failure()->context +
                     "; see the node's log, repair the disk and restart the node"};
  }
  if (!group_->is_leader() && !is_alone()) return not_leader();
  if (group_->is_established() && !group_->takes_appends()) {
    return Error{ErrorCode::kNotYet, "leadership of the partition is being handed over; retry",
                 kNotYetRetryMs};
  }
  if (!group_->is_established()) {
    return Error{ErrorCode::kNotYet, "the partition has just been opened and is not ready yet; retry",
                 kNotYetRetryMs};
  }
  return {};
}

Error Partition::lost_end_error(const model::LogPosition& end) const {
  const std::string partition = std::to_string(log_.id().partition.value());
  const bool all = end.next_offset == model::Offset(0);
  return Error{
      ErrorCode::kDataLoss,
      (all ? "all of topic '" : "the end of topic '") + topic_name_ + "' partition " + partition +
          " is lost: what was acknowledged from offset " + std::to_string(end.next_offset.value()) +
          " on cannot be read, and nothing is appended so that no offset is given out twice. Restore the "
          "data directory from a copy, or stop the node and accept the loss: forebay log accept-loss "
          "--data-dir DIR --topic " +
          topic_name_ + " --partition " + partition};
}

Result<void> Partition::check_appendable() const {
  FOREBAY_CHECK(check_serving());
  if (const auto end = log_.lost_tail()) return lost_end_error(*end);
  return {};
}

Result<void> Partition::check_readable() const {
  if (stopped_) return shutting_down();
  if (group_->is_established() || (is_alone() && group_->was_established())) return {};
  return check_serving();
}

// --- produce
// -----------------------------------------------------------------------------------------------------------------

void Partition::produce(ProduceInput input, Done<ProduceAck> done) {
  if (auto appendable = check_appendable(); !appendable) return done(std::move(appendable).error());
  if (model::producer_id_of(as_bytes(input.batch)) == model::kNoProducerId) {
    if (input.refusal) return done(*std::move(input.refusal));
    if (!input.position) return append(std::move(input), std::move(done));
    return done(
        Error{ErrorCode::kInvalidArgument,
              "a source position without a producer: send the producer's id, epoch and sequence too"});
  }
  const model::ProducerId producer = model::producer_id_of(as_bytes(input.batch));
  if (!knows_producer(producer)) {
    return once_known(producer, {},
                      [alive = alive_, input = std::move(input),
                       done = std::move(done)](const Result<void>& known) mutable {
                        if (!known) return done(known.error());
                        if (*alive == nullptr) return done(shutting_down());
                        (*alive)->produce(std::move(input), std::move(done));
                      });
  }
  auto first = judge(input);
  if (!first) {
    count_refusal(first.error().code);
    return done(std::move(first).error());
  }
  if (first->has_value()) return acknowledge_copy(**first, input, std::move(done));
  if (input.refusal) return done(*std::move(input.refusal));
  append(std::move(input), std::move(done));
}

void Partition::append(ProduceInput input, Done<ProduceAck> done) {
  if (config_.admission == Admission::kBounded) {
    if (auto admitted = (*surroundings_.admission)(input.batch.size()); !admitted)
      return done(std::move(admitted).error());
  }
  if (input.position) {
    const model::BatchHeader head = model::read_batch_header(as_bytes(input.batch).data());
    group_->append_control(log::ProducerPosition{head.producer_id, head.producer_epoch, head.last_sequence(),
                                                 std::move(input.position->source),
                                                 std::move(input.position->position)});
  }
  const std::uint64_t batch_bytes = input.batch.size();
  const model::ProducerId producer = model::producer_id_of(as_bytes(input.batch));
  const std::int32_t record_count = input.record_count;
  const auto appended = group_->append_records(std::move(input.batch), record_count, config_.log_append_time);
  if (producer != model::kNoProducerId) producers_->used_by(producer, input.client_id);
  traffic_.appended(static_cast<std::uint64_t>(record_count), batch_bytes);
  const ProduceAck ack{.base_offset = appended.base_offset,
                       .last_offset = appended.base_offset.plus(record_count - 1),
                       .append_time = appended.append_time,
                       .term = appended.term,
                       .log_start = log_.log_start().next_offset,
                       .replicas_total = static_cast<std::uint32_t>(group_->membership().voters.size())};
  const bool early = input.acks == Acks::kAll && config_.durability == Durability::kReplicated;
  // A majority of one holds it in memory already.
  if (input.acks == Acks::kNone || (early && group_->held_by_majority() >= appended.end)) return done(ack);
  const Wait kind = early ? kHeld : input.acks == Acks::kLeader ? kFlushedHere : kCommitted;
  wait_for(kind, {appended.end, surroundings_.executor->now() + input.timeout, ack, std::move(done)});
}

// A copy waits for its first one, which others may stand behind already.
void Partition::wait_for(Wait kind, PendingProduce pending) {
  auto& waiting = pending_[kind];
  const auto at = std::upper_bound(
      waiting.begin(), waiting.end(), pending.end,
      [](const model::LogPosition& end, const PendingProduce& other) { return end < other.end; });
  waiting.insert(at, std::move(pending));
  if (!produce_timer_) arm_produce_timer();
}

// One timer for the oldest waiting requests: answers come in order, so the others cannot be answered before
// them.
void Partition::arm_produce_timer() {
  std::optional<runtime::TimePoint> first;
  for (const auto& waiting : pending_) {
    if (!waiting.empty() && (!first || waiting.front().deadline < *first)) first = waiting.front().deadline;
  }
  if (!first) return;
  const auto delay = std::max(*first - surroundings_.executor->now(), runtime::Duration(0));
  produce_timer_ = surroundings_.executor->schedule_after(delay, [this] { on_produce_timer(); });
}

void Partition::on_produce_timer() {
  produce_timer_.reset();
  const auto now = surroundings_.executor->now();
  for (auto& waiting : pending_) {
    while (!waiting.empty() && waiting.front().deadline <= now) {
      auto done = std::move(waiting.front().done);
      waiting.pop_front();
      done(Error{ErrorCode::kTimedOut, "the write was not durable in time; it may still become so"});
    }
  }
  if (!produce_timer_) arm_produce_timer();
}

void Partition::acknowledge(Wait kind, model::LogPosition reached) {
  auto& waiting = pending_[kind];
  while (!waiting.empty() && waiting.front().end <= reached) {
    PendingProduce pending = std::move(waiting.front());
    waiting.pop_front();
    pending.ack.replicas_flushed = group_->flushed_voters(pending.end);
    pending.ack.flushed = pending.ack.replicas_flushed > 0;
    pending.done(pending.ack);
  }
}

void Partition::on_commit(model::LogPosition commit) {
  if (producers_) producers_->on_commit(commit);
  acknowledge(kCommitted, commit);
  apply_log_start(commit);
  wake_fetches();
}

void Partition::on_flushed(model::LogPosition flushed) {
  acknowledge(kFlushedHere, flushed);
  // What others have flushed may be committed before it is on this disk, also where this node leads.
  wake_state_machines();
}

void Partition::on_role() {
  const bool leads = group_->is_leader();
  if (leads && !led_) {
    proposed_log_start_ = log_.log_start_upto(log_.end());
    leadership_begin_ = log_.end().next_offset;
  }
  if (!leads && led_) {
    if (producers_) producers_->fail_waiting(not_leader());
    fail_writes(
        Error{ErrorCode::kOutcomeUnknown,
              "leadership of the partition was lost while the write was under way; another leader may "
              "or may not have it"});
    end_fetches_of_consumers();
  }
  if (!leads || !led_) reached_epoch_.reset();
  led_ = leads;
  const bool follows = group_->leader() && !leads;
  if (ready_ && (group_->is_established() || follows)) std::exchange(ready_, nullptr)(std::monostate{});
  if (group_->is_established()) end_recovery({});
  drive_membership();
  if (role_listener_) role_listener_();
}

// What is being read from disk answers by itself; those that wait would never hear of what the new leader
// has.
void Partition::end_fetches_of_consumers() {
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) {
    if (!fetch.input.from_any_replica) ids.push_back(id);
  }
  for (const FetchId id : ids) finish_fetch(id, not_leader());
}

void Partition::on_log_failed(const Error& error) {
  if (ready_) std::exchange(ready_, nullptr)(error);
  end_recovery(error);
  if (producers_) {
    producers_->stop();
    producers_->fail_waiting(error);
  }
  fail_writes(
      Error{ErrorCode::kOutcomeUnknown, "the disk failed while the write was under way: " + error.context});
}

void Partition::fail_writes(const Error& error) {
  auto pending = std::exchange(pending_, {});
  for (auto& waiting : pending) {
    for (auto& one : waiting) one.done(error);
  }
  fail_trims(error);
}

void Partition::fail_trims(const Error& error) {
  auto trims = std::exchange(trims_, {});
  for (auto& one : trims) one.done(error);
}

void Partition::end_fetches(const Error& error) {
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) ids.push_back(id);
  for (const FetchId id : ids) finish_fetch(id, error);
}

void Partition::stop() {
  if (stopped_) return;
  stopped_ = true;
  if (ready_) std::exchange(ready_, nullptr)(shutting_down());
  end_recovery(shutting_down());
  if (producers_) {
    producers_->stop();
    producers_->fail_waiting(shutting_down());
  }
  // Appended but not yet committed: it may become durable in the last rounds, or another leader commits it.
  fail_writes(Error{ErrorCode::kOutcomeUnknown, "the node stopped while the write was under way", 1000});
  end_fetches(shutting_down());
}

// --- log start, retention, compaction
// ----------------------------------------------------------------------------------------

void Partition::trim(std::optional<model::Offset> before, Done<model::Offset> done) {
  if (auto serving = check_serving(); !serving) return done(std::move(serving).error());
  const Watermarks marks = watermarks();
  const model::Offset to = before.value_or(marks.high_watermark);
  if (to > marks.high_watermark || to < model::Offset(0)) {
    return done(Error{ErrorCode::kOffsetOutOfRange, "cannot trim before offset " +
                                                        std::to_string(to.value()) + ": the log ends at " +
                                                        std::to_string(marks.high_watermark.value())});
  }
  if (to <= marks.log_start) return done(marks.log_start);  // log start only grows
  trims_.push_back({{to, 0}, std::move(done)});
  propose_log_start({to, 0});
}

void Partition::propose_log_start(model::LogPosition begin) {
  proposed_log_start_ = std::max(proposed_log_start_, begin);
  group_->append_control(log::LogStart{begin});
}

// By what the log says, not by who asked: after a restart a frame that was committed before counts too, and
// on a follower its leader's.
void Partition::apply_log_start(model::LogPosition commit) {
  const model::LogPosition begin = log_.log_start_upto(commit);
  if (begin <= applied_log_start_) return;
  if (holds_state_ && begin.next_offset > state_at_) return;  // state_is_at() comes back to it
  if (producers_ && !producers_->may_forget(begin)) return;   // on_producers_kept() does
  applied_log_start_ = begin;
  proposed_log_start_ = std::max(proposed_log_start_, begin);
  log_.set_log_start(begin, [alive = alive_](const Result<void>& durable) {
    if (*alive != nullptr) (*alive)->on_log_start(durable);
  });
}

void Partition::state_is_at(model::Offset applied) {
  state_at_ = applied;
  if (stopped_) return;
  apply_log_start(group_->commit());
  group_->give_up_allowed();
}

bool Partition::may_give_up(model::LogPosition begin) {
  if (!holds_state_ || begin.next_offset <= state_at_) return true;
  if (!state_wanted_) return false;
  // Posted: the group is in the middle of something.
  surroundings_.executor->post([alive = alive_, at = begin.next_offset] {
    if (*alive != nullptr && (*alive)->state_wanted_) (*alive)->state_wanted_(at);
  });
  return false;
}

void Partition::on_log_start(const Result<void>& durable) {
  if (!durable) return fail_trims(durable.error());
  while (!trims_.empty() && trims_.front().log_start <= log_.log_start()) {
    auto done = std::move(trims_.front().done);
    trims_.pop_front();
    done(log_.log_start().next_offset);
  }
}

void Partition::maintain(model::Timestamp now) {
  if (stopped_ || group_->failure()) return;
  apply_log_start(group_->commit());  // the state of producers could not be written before
  if (check_serving() && !retention_running_ && proposed_log_start_ <= log_.log_start()) {
    retention_running_ = true;
    log_.plan_retention(now, group_->commit(), [alive = alive_](std::optional<model::LogPosition> begin) {
      Partition* self = *alive;
      if (self == nullptr) return;
      self->retention_running_ = false;
      if (begin && self->check_serving() && *begin > self->proposed_log_start_)
        self->propose_log_start(*begin);
    });
  }
  forget_silent_producers(now);
  if (config_.log.cleanup == log::CleanupPolicy::kDelete) return;
  group_->exchange_compacted();
  if (!compaction_running_) {
    compaction_running_ = true;
    log_.compact(now, {group_->commit(), group_->compacted_everywhere()},
                 [alive = alive_](Result<std::uint64_t>) {
                   if (*alive != nullptr) (*alive)->compaction_running_ = false;
                 });
  }
}

}  // namespace forebay::partition
