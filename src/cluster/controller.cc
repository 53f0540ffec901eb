#include "cluster/controller.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "cluster/cluster_codec.h"
#include "cluster/core/features.h"
#include "cluster/image_store.h"
#include "log/core/damage.h"
#include "model/batch_builder.h"
#include "model/random_uuid.h"
#include "model/record_iterator.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

constexpr auto kLogTimeout = std::chrono::seconds(30);
// Damage that others repair takes at least a round trip and a write; nobody waits for it.
constexpr auto kStallRetry = std::chrono::milliseconds(500);
// Decisions take a round of the journal each; whoever stands behind so many would have given up.
constexpr std::size_t kRequestsMax = 10'000;

Result<std::string> batch_of(const std::vector<ClusterRecord>& records) {
  model::BatchBuilder builder;
  for (const ClusterRecord& record : records) {
    const std::string value = encode_record(record);
    FOREBAY_CHECK(builder.append(model::NewRecord{
        .key = std::nullopt, .value = as_bytes(value), .headers = {}, .timestamp = model::Timestamp(0)}));
  }
  FOREBAY_TRY(const auto batch, builder.build(model::Codec::kNone));
  return std::string(as_text(batch));
}

}  // namespace

model::TopicPartition cluster_partition() {
  model::TopicPartition id;
  id.topic.bytes[15] = 1;
  id.partition = model::PartitionIndex(0);
  return id;
}

Controller::Controller(partition::Partition& log, kv::KeyValueStore& kv, runtime::Executor& executor,
                       runtime::BlockingPool& pool, runtime::Rng& rng,
                       UniqueFunction<void(ImagePtr)> on_image)
    : log_(log),
      kv_(kv),
      executor_(executor),
      pool_(pool),
      rng_(rng),
      on_image_(std::move(on_image)),
      state_source_(executor),
      alive_(std::make_shared<Controller*>(this)) {}

Controller::~Controller() {
  *alive_ = nullptr;
  log_.on_role_change({});
  log_.on_state_wanted({});
  for (const auto& timer : {retry_, state_retry_, upkeep_timer_}) {
    if (timer) executor_.cancel(*timer);
  }
  log_.cancel_fetch(fetch_);
}

model::Uuid Controller::new_id() { return model::random_uuid(rng_); }

// --- start and replay
// --------------------------------------------------------------------------------------------------------

void Controller::start(UniqueFunction<void(Result<void>)> ready) {
  ready_ = std::move(ready);
  // Posted: the partition is in the middle of its change.
  log_.on_role_change([alive = alive_, executor = &executor_] {
    executor->post([alive] {
      if (*alive != nullptr) (*alive)->on_role();
    });
  });
  auto loaded = std::make_shared<Result<ClusterImage>>();
  pool_.run([store = &kv_, loaded] { *loaded = load_image(*store); }, executor_,
            [alive = alive_, loaded] {
              if (*alive != nullptr) (*alive)->on_loaded(std::move(*loaded));
            });
}

void Controller::on_loaded(Result<ClusterImage> image) {
  if (!image) return fail(image.error());
  if (auto readable = check_readable(image->features, FOREBAY_VERSION); !readable)
    return fail(readable.error());
  image_ = std::move(*image);
  stored_ = image_.applied;
  phase_ = Phase::kWaiting;
  log_.on_state_wanted([this](model::Offset at_least) { want_state(at_least); });
  log_.state_is_at(stored_);
  begin();
}

// Where the log of an only voter ends is known once it leads.
void Controller::begin() {
  if (log_.is_alone() && !log_.is_ready()) {
    if (const auto& failure = log_.group().failure()) fail(*failure);
    return;
  }
  phase_ = Phase::kAdopting;
  const auto marks = log_.watermarks();
  if (!log_.is_alone()) {
    // The store is written from the log, so the log was longer; or the state came from a leader, which had
    // committed it. The others have that part.
    if (image_.applied > log_.log().end().next_offset && !log_.log().tail_accepted())
      log_.group().lose_tail(image_.applied, [](const Result<void>&) {});
    return replay();
  }
  if (image_.applied > marks.high_watermark && log_.log().tail_accepted()) {
    return adopt_store(marks.high_watermark);
  }
  if (image_.applied > marks.high_watermark) {
    // The store is written only from the log: the log was longer.
    log_.log().report_lost_tail([](const Result<void>&) {});
    return degrade("the log of __cluster ends at offset " + std::to_string(marks.high_watermark.value()) +
                   ", the metadata store has applied it up to " + std::to_string(image_.applied.value()) +
                   ": part of the log is lost");
  }
  if (image_.applied < marks.log_start) {
    return degrade("the metadata store has applied __cluster up to offset " +
                   std::to_string(image_.applied.value()) + " and the log begins at " +
                   std::to_string(marks.log_start.value()) +
                   ": the kv folder is older than the rest of the data directory");
  }
  replay();
}

void Controller::replay() {
  const std::vector<log::Damage> damage = log_.log().status().damage;
  has_holes_ = std::any_of(damage.begin(), damage.end(),
                           [](const log::Damage& one) { return log::is_accepted(one.kind); });
  // One of several does not know how much is committed. What it has stored is true, the rest comes.
  ready_at_ = log_.is_alone() ? log_.watermarks().high_watermark : image_.applied;
  changed_ = true;
  phase_ = Phase::kFollowing;
  on_role();
  read_next();
}

// --- roles
// --------------------------------------------------------------------------------------------------------

void Controller::on_role() {
  if (stopping_) return;
  if (phase_ == Phase::kWaiting && !failed_) return begin();
  if (phase_ != Phase::kFollowing) return;
  const bool leads = log_.is_ready();
  const bool lost = leading_ && (!leads || log_.term() != leading_term_);
  // Requests also wait for a leadership that was never established.
  if (lost || (!log_.group().is_leader() && !requests_.empty())) on_leadership_lost();
  if (!leads || leading_) return;
  leading_ = true;
  leading_term_ = log_.term();
  // All that any leader before has promised is below it.
  decide_at_ = log_.watermarks().high_watermark;
  if (failed_ || degraded_ || wanted_state_) return hand_over_soon();
  if (retry_) {
    executor_.cancel(*std::exchange(retry_, std::nullopt));
    stalled_.reset();
    return read_next();
  }
  after_apply();
}

// What was not logged yet has had no effect; of what was, the next leader knows.
void Controller::on_leadership_lost() {
  leading_ = false;
  const auto serving = log_.check_serving();
  const Error lost =
      serving ? Error{ErrorCode::kNotYet, "leadership of the metadata has just changed; retry", 100}
              : serving.error();
  if (waiting_) {
    auto done = std::move(waiting_->done);
    waiting_.reset();
    deciding_ = false;
    done(Error{
        ErrorCode::kOutcomeUnknown,
        "the decision was logged, but this node lost the leadership of the metadata before it took effect "
        "here; see whether it has"});
  }
  auto requests = std::exchange(requests_, {});
  for (auto& request : requests) request.done(lost);
}

// A leader that cannot decide gives way to one that can. Posted: the partition may be in the middle of
// something.
void Controller::hand_over_soon() {
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->hand_over();
  });
}

void Controller::hand_over() {
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
    telemetry::log_warn("leadership of the metadata not handed over", {{"error", asked.error().to_string()}});
}

// The log lost its end, which was accepted: what the store has of it is all there is. From now on it counts
// from the log's new end, durably before anything is decided: else a crash would take new records for those
// applied before.
void Controller::adopt_store(model::Offset log_end) {
  telemetry::log_warn("metadata store taken as the truth, the log of __cluster lost its end",
                      {{"applied", image_.applied.value()}, {"log_end", log_end.value()}});
  image_.applied = stored_ = log_end;
  log_.state_is_at(stored_);
  auto batch = std::make_shared<kv::WriteBatch>();
  batch->put(std::string(kAppliedKey), std::to_string(log_end.value()));
  auto written = std::make_shared<Result<void>>();
  pool_.run([store = &kv_, batch, written] { *written = store->write(*batch, kv::Durability::kDurable); },
            executor_,
            [alive = alive_, written] {
              Controller* self = *alive;
              if (self == nullptr) return;
              if (!*written) return self->fail(written->error());
              self->replay();
            });
}

void Controller::read_next() {
  if (stopping_ || failed_ || degraded_ || coming_) return;
  after_apply();
  if (degraded_) return;
  fetch_ = log_.fetch({.from = image_.applied,
                       .bytes_max = 1U << 20,
                       .bytes_min = 1,
                       .wait_max = std::chrono::hours(1),
                       .from_any_replica = true},
                      [alive = alive_](Result<partition::FetchOutput> fetched) {
                        if (*alive != nullptr) (*alive)->on_frames(std::move(fetched));
                      });
}

void Controller::on_frames(Result<partition::FetchOutput> fetched) {
  if (stopping_ || coming_) return;
  if (!fetched && fetched.error().code == ErrorCode::kCancelled) return;  // by take_state(), which reads on
  if (!fetched) return on_unreadable(fetched.error());
  stalled_.reset();
  stall_told_ = false;
  for (const auto& frame : fetched->frames) {
    const auto applied = apply_batch(frame->payload.span(), image_.applied);
    const bool newer = !applied && applied.error().code == ErrorCode::kNewerFormat;
    if (!applied && ready_ && !newer)
      return degrade("a record of __cluster cannot be applied: " + applied.error().context);
    if (!applied) return fail(applied.error());
    image_.applied = std::max(image_.applied, frame->header.end.next_offset);
  }
  image_.applied = std::max(image_.applied, fetched->next);
  // Posted: a fetch may answer inside the call, and a long log must not become a deep stack.
  executor_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->read_next();
  });
}

void Controller::on_unreadable(const Error& error) {
  if (error.code == ErrorCode::kOffsetOutOfRange && !log_.is_alone() && peers_ != nullptr &&
      image_.applied < log_.watermarks().log_start) {
    stalled_ = Error{ErrorCode::kNotYet, "the state of __cluster is being fetched from its leader", 1000};
    return want_state(log_.watermarks().log_start);
  }
  if (error.code == ErrorCode::kOffsetOutOfRange) {
    return degrade("the metadata store has applied __cluster up to offset " +
                   std::to_string(image_.applied.value()) +
                   ", and the log does not have what follows: " + error.context);
  }
  if (error.code != ErrorCode::kDataLoss) return fail(error);
  if (log_.is_alone()) return degrade(error.context);
  // After a state was taken, as it has to be: what follows comes with the log.
  const bool regains = log_.end_is_lost() && states_taken_ > 0;
  if (!std::exchange(stall_told_, true) && !regains)
    telemetry::log_error("metadata stands still until it is repaired from another node",
                         {{"error", error.to_string()}});
  if (!regains) stalled_ = error;
  retry_ = executor_.schedule_after(kStallRetry, [this] {
    retry_.reset();
    stalled_.reset();  // perhaps there is nothing to read
    read_next();
  });
}

Result<void> Controller::apply_batch(ByteSpan batch, model::Offset from) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch, model::CrcCheck::kSkip));
  std::vector<std::byte> scratch;
  std::vector<ClusterRecord> records;
  Result<void> decoded;
  FOREBAY_CHECK(model::for_each_record(
      view, std::numeric_limits<std::int32_t>::max(), scratch, [&](const model::RecordView& record) {
        if (record.offset < from || !decoded) return;
        auto one = record.value ? decode_record(*record.value)
                                : Error{ErrorCode::kCorruptBatch, "cluster record without a value"};
        if (!one) {
          decoded = one.error();
          return;
        }
        records.push_back(std::move(*one));
      }));
  FOREBAY_CHECK(std::move(decoded));
  for (const ClusterRecord& record : records) {
    if (const auto* set = std::get_if<FeatureLevelSet>(&record))
      FOREBAY_CHECK(check_readable({{set->name, set->level}}, FOREBAY_VERSION));
    const TouchedEntries touched(image_, record);
    auto applied = apply(image_, record);
    if (!applied && has_holes_) {
      telemetry::log_warn("metadata record left out, it speaks of what was accepted as lost",
                          {{"reason", applied.error().context}});
      continue;
    }
    FOREBAY_CHECK(std::move(applied));
    touched.note(image_, dirty_);
    changed_ = true;
  }
  return {};
}

void Controller::publish() {
  published_ = std::make_shared<const ClusterImage>(image_);
  changed_ = false;
  on_image_(published_);
}

void Controller::after_apply() {
  if (image_.applied < ready_at_) return;
  const bool alone = log_.is_alone();
  if (ready_ && alone && log_.end_is_lost()) {
    return degrade("what the log of __cluster held from offset " + std::to_string(image_.applied.value()) +
                   " on is lost");
  }
  if (ready_ && alone && image_.cluster_id.is_nil() && formed_before_ && !has_holes_) {
    log_.log().report_lost_tail([](const Result<void>&) {});
    return degrade(
        "neither the log of __cluster nor the metadata store has anything, and there is data of topics");
  }
  if (ready_ && image_.cluster_id.is_nil()) {
    const bool is_empty = !wanted_state_ && log_.watermarks().log_start == model::Offset(0);
    if (forms_ && leading_ && !deciding_ && is_empty) {
      log_decision({ClusterFormed{new_id()}}, [this](const Result<ImagePtr>& formed) {
        if (!formed) fail(formed.error());
      });
    }
    return;
  }
  if (changed_) {
    publish();
    write_behind();
  }
  if (ready_) std::exchange(ready_, nullptr)(Result<void>{});
  if (waiting_ && image_.applied > waiting_->offset) {
    auto done = std::move(waiting_->done);
    waiting_.reset();
    deciding_ = false;
    done(published_);
  }
  decide_next();
}

void Controller::degrade(const std::string& why) {
  const bool alone = log_.is_alone();
  std::string text = "topics can be used but not changed, because metadata is lost: " + why +
                     ". Restore the data directory from a copy";
  if (!alone) {
    text = "this node does not follow the cluster's metadata any more: " + why +
           ". The other nodes have it: stop this one, empty its data directory, and start it again";
  } else if (log::is_open(log_.log().status().damage)) {
    text += ", or stop the node and accept the loss: forebay log accept-loss --data-dir DIR --topic " +
            std::string(kClusterTopicName) + " --partition 0";
  }
  degraded_ = Error{ErrorCode::kDataLoss, std::move(text)};
  phase_ = Phase::kFollowing;
  telemetry::log_error("metadata is read only", {{"error", degraded_->to_string()}});
  publish();
  write_behind();
  if (ready_) std::exchange(ready_, nullptr)(Result<void>{});
  if (waiting_) {
    auto done = std::move(waiting_->done);
    waiting_.reset();
    deciding_ = false;
    done(Error{ErrorCode::kOutcomeUnknown, degraded_->context});
  }
  auto requests = std::exchange(requests_, {});
  for (auto& request : requests) request.done(*degraded_);
  hand_over_soon();
}

Result<void> Controller::check_changeable() const {
  if (failed_) return *failed_;
  if (degraded_) return *degraded_;
  if (stalled_) return *stalled_;
  return {};
}

void Controller::fail(const Error& error) {
  if (stopping_) return;
  telemetry::log_error("cluster metadata failed", {{"error", error.to_string()}});
  failed_ = error;
  if (ready_) std::exchange(ready_, nullptr)(error);
  if (waiting_) {
    auto done = std::move(waiting_->done);
    waiting_.reset();
    done(Error{ErrorCode::kOutcomeUnknown, error.context});
  }
  auto requests = std::exchange(requests_, {});
  for (auto& request : requests) request.done(error);
  hand_over_soon();
}

// --- decisions
// ---------------------------------------------------------------------------------------------------------------

void Controller::submit(Decide decide, Decided done) {
  enqueue(
      [decide =
           std::move(decide)](const ClusterImage& image) mutable -> Result<std::optional<ClusterRecord>> {
        FOREBAY_TRY(auto record, decide(image));
        return std::optional(std::move(record));
      },
      std::move(done));
}

void Controller::propose(NodeProposal proposal, Decided done) {
  enqueue([this, proposal = std::move(proposal)](
              const ClusterImage& image) { return cluster::decide(image, proposal, alive()); },
          std::move(done));
}

void Controller::enqueue(DecideChange decide, Decided done) {
  if (stopping_) return done(Error{ErrorCode::kShuttingDown, "the node is stopping", 1000});
  if (auto changeable = check_changeable(); !changeable) return done(std::move(changeable).error());
  if (!log_.group().is_leader()) {
    const auto serving = log_.check_serving();
    return done(serving ? Error{ErrorCode::kNotYet, "the metadata has no leader yet; retry", 100}
                        : serving.error());
  }
  if (requests_.size() >= kRequestsMax) {
    return done(Error{ErrorCode::kResourceExhausted,
                      std::to_string(kRequestsMax) + " decisions about metadata wait already; retry later",
                      1000});
  }
  requests_.push_back({std::move(decide), std::move(done)});
  decide_next();
}

void Controller::decide_next() {
  // A leadership that on_role has not seen yet may have to apply more first.
  const bool may =
      published_ && leading_ && log_.is_ready() && log_.term() == leading_term_ && !failed_ && !degraded_;
  while (may && !deciding_ && !requests_.empty() && image_.applied >= decide_at_) {
    Request request = std::move(requests_.front());
    requests_.pop_front();
    auto record = request.decide(image_);
    if (!record) {
      request.done(std::move(record).error());
      continue;
    }
    if (!*record) {
      request.done(published_);
      continue;
    }
    auto records = with_level(image_, std::move(**record), alive());
    if (!records) {
      request.done(std::move(records).error());
      continue;
    }
    log_decision(*records, std::move(request.done));
  }
  if (may && !deciding_ && !stopping_ && image_.applied >= decide_at_) keep_up();
}

void Controller::log_decision(const std::vector<ClusterRecord>& records, Decided done) {
  auto batch = batch_of(records);
  if (!batch) return done(std::move(batch).error());
  deciding_ = true;
  deciding_done_ = std::move(done);
  log_.produce(std::move(*batch), static_cast<std::int32_t>(records.size()), partition::Acks::kAll,
               kLogTimeout, [alive = alive_](Result<partition::ProduceAck> ack) {
                 if (*alive != nullptr) (*alive)->on_logged(std::move(ack));
               });
}

void Controller::on_logged(Result<partition::ProduceAck> ack) {
  auto done = std::exchange(deciding_done_, nullptr);
  if (!ack) {
    deciding_ = false;
    // It may still take effect: nothing is decided before it is known whether it did.
    if (ack.error().code == ErrorCode::kTimedOut || ack.error().code == ErrorCode::kOutcomeUnknown)
      decide_at_ = std::max(decide_at_, log_.log().end().next_offset);
    done(std::move(ack).error());
    // Posted, so that a queue of requests against a dead log is not a deep stack.
    executor_.post([alive = alive_] {
      if (*alive != nullptr) (*alive)->decide_next();
    });
    return;
  }
  if (stopping_ || failed_) {
    // Logged, but nobody applies any more: it takes effect at the next start.
    return done(Error{ErrorCode::kOutcomeUnknown,
                      "the decision was logged, but the node stopped before it took effect"});
  }
  waiting_ = Waiting{ack->base_offset, std::move(done)};
  if (image_.applied > waiting_->offset) after_apply();
}

// --- the store
// ---------------------------------------------------------------------------------------------------------------

void Controller::write_behind() {
  if (writing_ || coming_ || (dirty_.empty() && stored_ == image_.applied)) return;
  writing_ = true;
  kv::WriteBatch batch;
  for (auto& [name, value] : dirty_) {
    if (value) {
      batch.put(name, std::move(*value));
    } else {
      batch.remove(name);
    }
  }
  dirty_.clear();
  const model::Offset applied = image_.applied;
  batch.put(std::string(kAppliedKey), std::to_string(applied.value()));
  auto shared = std::make_shared<kv::WriteBatch>(std::move(batch));
  auto written = std::make_shared<Result<void>>();
  pool_.run([store = &kv_, shared, written] { *written = store->write(*shared, kv::Durability::kDurable); },
            executor_,
            [alive = alive_, written, applied] {
              Controller* self = *alive;
              if (self == nullptr) return;
              self->on_written(*written, applied);
            });
}

void Controller::on_written(const Result<void>& written, model::Offset applied) {
  writing_ = false;
  if (!written) return fail(written.error());
  if (stop_done_) return std::exchange(stop_done_, nullptr)();
  stored_ = applied;
  log_.state_is_at(stored_);
  trim();
  if (coming_) return take_state();
  write_behind();
}

// By what this node holds durably, and nobody else: each replica moves its own log start only as far as its
// own store goes, so that no decision is ever in neither.
void Controller::trim() {
  if (degraded_ || !log_.is_ready()) return;
  const Trimming trimming = trimming_.value_or(log_.is_alone() ? kTrimmingAlone : kTrimmingAmongOthers);
  if (stored_.value() - log_.watermarks().log_start.value() >= trimming.records_max)
    log_.trim(stored_.plus(-trimming.records_kept), [](const Result<model::Offset>&) {});
}

void Controller::stop(UniqueFunction<void()> done) {
  stopping_ = true;
  for (auto* timer : {&retry_, &state_retry_, &upkeep_timer_}) {
    if (*timer) executor_.cancel(*std::exchange(*timer, std::nullopt));
  }
  state_fetch_.reset();
  log_.cancel_fetch(fetch_);
  const Error error{ErrorCode::kShuttingDown, "the node is stopping", 1000};
  auto requests = std::exchange(requests_, {});
  for (auto& request : requests) request.done(error);
  if (waiting_) std::exchange(waiting_, std::nullopt)->done(error);
  if (writing_) {
    stop_done_ = std::move(done);
  } else {
    done();
  }
}

}  // namespace forebay::cluster
