#include "cluster/controller.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "cluster/cluster_codec.h"
#include "cluster/image_store.h"
#include "log/core/damage.h"
#include "model/batch_builder.h"
#include "model/record_iterator.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

constexpr auto kLogTimeout = std::chrono::seconds(30);
// The log of __cluster is trimmed to what the store holds durably, but only when it has grown out of
// proportion: while it is whole, a damaged store can be rebuilt from it, and a million decisions are some
// hundred MiB.
constexpr std::int64_t kTrimRecordsMin = 1'000'000;

Result<std::string> batch_of(const ClusterRecord& record) {
  const std::string value = encode_record(record);
  model::BatchBuilder builder;
  FOREBAY_CHECK(builder.append(model::NewRecord{
      .key = std::nullopt, .value = as_bytes(value), .headers = {}, .timestamp = model::Timestamp(0)}));
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
      alive_(std::make_shared<Controller*>(this)) {}

Controller::~Controller() {
  *alive_ = nullptr;
  log_.cancel_fetch(fetch_);
}

model::Uuid Controller::new_id() {
  model::Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 8) {
    const std::uint64_t word = rng_.next();
    std::memcpy(id.bytes.data() + i, &word, sizeof word);
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);  // RFC 4122: random
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

// --- start and replay
// --------------------------------------------------------------------------------------------------------

void Controller::start(UniqueFunction<void(Result<void>)> ready) {
  ready_ = std::move(ready);
  auto loaded = std::make_shared<Result<ClusterImage>>();
  pool_.run([store = &kv_, loaded] { *loaded = load_image(*store); }, executor_,
            [alive = alive_, loaded] {
              if (*alive != nullptr) (*alive)->on_loaded(std::move(*loaded));
            });
}

void Controller::on_loaded(Result<ClusterImage> image) {
  if (!image) return fail(image.error());
  image_ = std::move(*image);
  const auto marks = log_.watermarks();
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
  replay_until_ = log_.watermarks().high_watermark;
  changed_ = true;
  read_next();
}

// The log lost its end, which was accepted: what the store has of it is all there is. From now on it counts
// from the log's new end, durably before anything is decided: else a crash would take new records for those
// applied before.
void Controller::adopt_store(model::Offset log_end) {
  telemetry::log_warn("metadata store taken as the truth, the log of __cluster lost its end",
                      {{"applied", image_.applied.value()}, {"log_end", log_end.value()}});
  image_.applied = log_end;
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
  if (stopping_ || failed_ || degraded_) return;
  after_apply();
  if (degraded_) return;
  fetch_ = log_.fetch(
      {.from = image_.applied, .bytes_max = 1U << 20, .bytes_min = 1, .wait_max = std::chrono::hours(1)},
      [alive = alive_](Result<partition::FetchOutput> fetched) {
        if (*alive != nullptr) (*alive)->on_frames(std::move(fetched));
      });
}

void Controller::on_frames(Result<partition::FetchOutput> fetched) {
  if (stopping_) return;
  if (!fetched && fetched.error().code == ErrorCode::kDataLoss) return degrade(fetched.error().context);
  if (!fetched) return fail(fetched.error());
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
  if (image_.applied < replay_until_) return;
  if (ready_ && log_.end_is_lost()) {
    return degrade("what the log of __cluster held from offset " + std::to_string(image_.applied.value()) +
                   " on is lost");
  }
  if (ready_ && image_.cluster_id.is_nil() && formed_before_ && !has_holes_) {
    log_.log().report_lost_tail([](const Result<void>&) {});
    return degrade(
        "neither the log of __cluster nor the metadata store has anything, and there is data of topics");
  }
  if (ready_ && image_.cluster_id.is_nil()) {
    if (!deciding_ && requests_.empty()) {
      submit([id = new_id()](
                 const ClusterImage&) -> Result<ClusterRecord> { return ClusterRecord(ClusterFormed{id}); },
             [](const Result<ImagePtr>&) {});
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
  std::string text = "topics can be used but not changed, because metadata is lost: " + why +
                     ". Restore the data directory from a copy";
  if (log::is_open(log_.log().status().damage)) {
    text += ", or stop the node and accept the loss: forebay log accept-loss --data-dir DIR --topic " +
            std::string(kClusterTopicName) + " --partition 0";
  }
  degraded_ = Error{ErrorCode::kDataLoss, std::move(text)};
  telemetry::log_error("metadata is read only", {{"error", degraded_->to_string()}});
  publish();
  write_behind();
  if (ready_) std::exchange(ready_, nullptr)(Result<void>{});
  auto requests = std::exchange(requests_, {});
  for (auto& request : requests) request.done(*degraded_);
}

Result<void> Controller::check_changeable() const {
  if (failed_) return *failed_;
  if (degraded_) return *degraded_;
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
  enqueue([proposal =
               std::move(proposal)](const ClusterImage& image) { return cluster::decide(image, proposal); },
          std::move(done));
}

void Controller::enqueue(MaybeDecide decide, Decided done) {
  if (stopping_) return done(Error{ErrorCode::kShuttingDown, "the node is stopping", 1000});
  if (auto changeable = check_changeable(); !changeable) return done(std::move(changeable).error());
  requests_.push_back({std::move(decide), std::move(done)});
  decide_next();
}

void Controller::decide_next() {
  while (!deciding_ && !requests_.empty() && image_.applied >= replay_until_ && !failed_) {
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
    deciding_ = true;
    deciding_done_ = std::move(request.done);
    auto batch = batch_of(**record);
    if (!batch) {
      deciding_ = false;
      std::exchange(deciding_done_, nullptr)(std::move(batch).error());
      continue;
    }
    log_.produce(std::move(*batch), 1, partition::Acks::kAll, kLogTimeout,
                 [alive = alive_](Result<partition::ProduceAck> ack) {
                   if (*alive != nullptr) (*alive)->on_logged(std::move(ack));
                 });
  }
}

void Controller::on_logged(Result<partition::ProduceAck> ack) {
  auto done = std::exchange(deciding_done_, nullptr);
  if (!ack) {
    deciding_ = false;
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
  if (writing_ || dirty_.empty()) return;
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
              self->writing_ = false;
              if (!*written) return self->fail(written->error());
              if (self->stop_done_) return std::exchange(self->stop_done_, nullptr)();
              if (!self->degraded_ &&
                  applied.value() - self->log_.watermarks().log_start.value() >= kTrimRecordsMin) {
                self->log_.trim(applied, [](const Result<model::Offset>&) {});
              }
              self->write_behind();
            });
}

void Controller::stop(UniqueFunction<void()> done) {
  stopping_ = true;
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
