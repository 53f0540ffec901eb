#include "sim/cluster_clients.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "model/batch_builder.h"
#include "model/record_iterator.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kLivesOneIn = 12;  // batches of a named producer
constexpr Duration kLastPauseMax = 50ms;   // of readers, when nobody sends any more

// What the product says of a request that may have happened; everything else never did.
bool is_unknown(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTimedOut:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      return true;
    default:
      return false;
  }
}

bool is_of_a_session(ErrorCode code) {
  return code == ErrorCode::kOutOfOrderSequence || code == ErrorCode::kUnknownProducer ||
         code == ErrorCode::kEarlyAckLost || code == ErrorCode::kProducerFenced;
}

char filler_of(std::uint64_t value) { return static_cast<char>('a' + value % 26); }

// Nothing: it is not one of ours, or damaged.
std::optional<std::uint64_t> parse_value(std::string_view text, std::uint32_t partition) {
  std::uint64_t value = 0;
  std::uint32_t of = 0;
  const char* const end = text.data() + text.size();
  auto at = std::from_chars(text.data(), end, value);
  if (at.ec != std::errc{} || at.ptr == end || *at.ptr != '/') return std::nullopt;
  at = std::from_chars(at.ptr + 1, end, of);
  if (at.ec != std::errc{} || of != partition || at.ptr == end || *at.ptr != '/') return std::nullopt;
  const bool whole = std::all_of(at.ptr + 1, end, [value](char c) { return c == filler_of(value); });
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string record_value(std::uint64_t value, std::uint32_t partition, std::size_t filler) {
  return std::to_string(value) + "/" + std::to_string(partition) + "/" +
         std::string(filler, filler_of(value));
}

std::string batch_of(const std::vector<ClientItem>& items, const model::BatchOptions& options) {
  model::BatchBuilder builder(options);
  for (const ClientItem& item : items) {
    model::NewRecord record{.timestamp = model::Timestamp(item.record.timestamp)};
    if (item.record.key) record.key = as_bytes(*item.record.key);
    if (item.record.value) record.value = as_bytes(*item.record.value);
    FOREBAY_ASSERT(builder.append(record));
  }
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
}

partition::ProduceInput ProduceRequest::input() const {
  return {batch, count, partition::Acks::kAll, kRequestTimeout, position};
}

std::vector<SeenRecord> records_in(const std::vector<log::FramePtr>& frames, std::uint32_t partition,
                                   model::Offset from) {
  std::vector<SeenRecord> seen;
  std::vector<std::byte> scratch;
  for (const log::FramePtr& frame : frames) {
    if (frame->header.kind != log::FrameKind::kRecords) continue;
    const auto view = model::RecordBatchView::parse(frame->payload.span());
    const auto visited =
        view ? model::for_each_record(
                   *view, 1U << 24, scratch,
                   [&](const model::RecordView& record) {
                     if (record.offset < from) return;
                     const auto number = static_cast<std::uint64_t>(record.timestamp.value());
                     const auto value = record.value ? parse_value(as_text(*record.value), partition)
                                                     : std::optional(number);
                     const bool sound = value && (!record.key || *value == number);
                     seen.push_back({record.offset.value(), value.value_or(0), sound});
                   })
             : Result<void>(view.error());
    if (!visited) seen.push_back({frame->header.begin.next_offset.value(), 0, false});
  }
  return seen;
}

ClientOptions ClientOptions::draw(SimRng& rng) {
  ClientOptions options;
  options.producers = static_cast<std::uint32_t>(rng.between(1, 4));
  options.readers = static_cast<std::uint32_t>(rng.between(1, 2));
  options.pause_max = std::chrono::milliseconds(rng.one_in(5) ? rng.between(1, 10) : rng.between(30, 500));
  options.patience_max = options.patience_min + std::chrono::milliseconds(rng.between(1, 4000));
  options.records_max = static_cast<std::uint32_t>(rng.between(1, 6));
  options.filler_bytes_max = rng.between(1, 600);
  if (rng.one_in(3)) options.large_bytes = rng.between(1000, 10'000);
  if (rng.one_in(3)) {
    options.trims_one_in = static_cast<std::uint32_t>(rng.between(10, 60));
    options.trims_past_the_absent = !rng.one_in(4);
  }
  return options;
}

ClusterClients::ClusterClients(SimScheduler& scheduler, std::vector<std::unique_ptr<ClusterNode>>& nodes,
                               std::uint32_t partitions, const ClientOptions& options, OnAck on_ack,
                               TrimBound trim_bound)
    : scheduler_(scheduler),
      nodes_(nodes),
      partitions_(partitions),
      options_(options),
      on_ack_(std::move(on_ack)),
      trim_bound_(std::move(trim_bound)),
      rng_(scheduler.fork_rng()),
      executor_(scheduler),
      believed_leader_(partitions),
      trim_asked_(partitions),
      sent_(partitions) {}

ClusterClients::~ClusterClients() = default;

void ClusterClients::start() {
  for (std::uint32_t producer = 0; producer < options_.producers; ++producer)
    produce_next(begin_life(producer));
  for (std::uint32_t reader = 0; reader < options_.readers; ++reader) {
    for (std::uint32_t partition = 0; partition < partitions_; ++partition)
      readers_.push_back({.partition = partition, .session = next_session_++});
  }
  for (std::size_t reader = 0; reader < readers_.size(); ++reader) read_next(reader);
}

HistoryTime ClusterClients::now() const {
  return static_cast<HistoryTime>(scheduler_.now().time_since_epoch().count());
}

void ClusterClients::after(Duration most, Task task) {
  const auto delay =
      Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.count()) + 1)));
  scheduler_.add_event(delay, &executor_, &executor_, std::move(task));
}

std::uint32_t ClusterClients::leader_for(std::uint32_t partition) {
  // Now and then somebody knows no better.
  if (rng_.one_in(50)) return static_cast<std::uint32_t>(rng_.below(nodes_.size()));
  return believed_leader_[partition];
}

void ClusterClients::learn(std::uint32_t partition, std::uint32_t asked, const Error& error) {
  if (error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kDiskFull) return;
  if (is_of_a_session(error.code)) return;           // who leads has said so
  if (believed_leader_[partition] != asked) return;  // somebody has learnt meanwhile
  ++stats_.leader_changes_seen;
  const partition::Partition* const there = nodes_[asked]->find(partition);
  if (const auto hint = there == nullptr ? std::nullopt : there->leader();
      error.code == ErrorCode::kNotLeader && hint && *hint != nodes_[asked]->id()) {
    believed_leader_[partition] = hint->value() - 1;
  } else {
    believed_leader_[partition] = static_cast<std::uint32_t>(rng_.below(nodes_.size()));
  }
}

// --- producers

void ClusterClients::produce_next(Life& life) {
  after(options_.pause_max, [this, &life] {
    if (!producing_ || life.over) return;
    const auto partition = static_cast<std::uint32_t>(rng_.below(partitions_));
    if (options_.trims_one_in > 0 && rng_.one_in(options_.trims_one_in)) return trim(life, partition);
    if (options_.listings_one_in > 0 && rng_.one_in(options_.listings_one_in)) return list(life, partition);
    if (options_.forgets_one_in > 0 && rng_.one_in(options_.forgets_one_in)) return forget(life, partition);
    produce(life, partition);
  });
}

ClusterClients::Item ClusterClients::new_item(const Life& life, std::uint32_t partition, bool may_be_large) {
  const bool large = options_.large_bytes > 0 && may_be_large && rng_.one_in(16);
  const std::uint64_t filler = rng_.below((large ? options_.large_bytes : options_.filler_bytes_max) + 1);
  Item item{.sent = history_.sent.size()};
  OutgoingRecord& record = item.record;
  record.value = record_value(next_value_, partition, filler);
  if (options_.keys > 0) {
    record.key = "key" + std::to_string(rng_.below(options_.keys));
    record.timestamp = static_cast<std::int64_t>(next_value_);
    if (rng_.one_in(options_.tombstones_one_in)) {
      record.value.reset();
      ++stats_.tombstones_sent;
    }
  }
  history_.sent.push_back(
      {.value = next_value_++, .process = life.producer, .partition = partition, .invoked = now()});
  return item;
}

void ClusterClients::produce(Life& life, std::uint32_t partition) {
  if (life.named && life.sessions[partition].fence != Session::Fence::kStands) return fence(life, partition);
  if (life.named && is_newest(life) && rng_.one_in(kLivesOneIn)) produce_next(begin_life(life.producer));
  const Session& session = life.sessions[partition];
  // A batch with sequence 0 that came before the late first one would be a first one itself.
  const bool begins_late = options_.late_sequences && session.in_flight.contains(0);
  if (options_.idempotent && (begins_late || session.unanswered() >= options_.in_flight_max))
    return produce_next(life);
  const auto request = std::make_shared<Request>();
  request->life = &life;
  request->partition = partition;
  request->count = static_cast<std::int32_t>(rng_.between(1, options_.records_max));
  model::BatchOptions options;
  if (options_.idempotent) {
    number(*request, options);
  } else {
    for (std::int32_t i = 0; i < request->count; ++i)
      request->items.push_back(new_item(life, partition, i == 0));
  }
  request->batch = batch_of(request->items, options);
  sent_[partition].push_back(request);
  send(request);
  if (options_.in_flight_max > 1) produce_next(life);
}

void ClusterClients::send(const RequestPtr& request) {
  const std::uint32_t node = leader_for(request->partition);
  const auto& in_flight = request->life->sessions[request->partition].in_flight;
  const bool followed = !in_flight.empty() && *in_flight.begin() < request->number;
  ++waiting_;
  call<partition::ProduceAck>(
      node, request->partition,
      [this, request, node](partition::Partition& there, partition::Done<partition::ProduceAck> done) {
        partition::Done<partition::ProduceAck> seen = [this, request, node, done = std::move(done)](
                                                          Result<partition::ProduceAck> ack) mutable {
          // What was trimmed is on no disk any more.
          const bool trimmed = ack && ack->duplicate && ack->base_offset < ack->log_start;
          if (ack && !options_.early_acks && !trimmed)
            on_ack_(
                {.node = node, .partition = request->partition, .ack = *ack, .values = values_of(*request)});
          done(std::move(ack));
        };
        if (request->first && options_.late_sequences) return begin_late(there, request, std::move(seen));
        there.produce(request->input(), std::move(seen));
      },
      [this, request, node, followed](const Result<partition::ProduceAck>& ack, model::Term) {
        on_produced(request, node, followed, ack);
      });
}

std::vector<std::uint64_t> ClusterClients::values_of(const Request& request) const {
  std::vector<std::uint64_t> values;
  for (const Item& item : request.items) values.push_back(history_.sent[item.sent].value);
  return values;
}

void ClusterClients::on_produced(const RequestPtr& request, std::uint32_t node, bool followed,
                                 const Result<partition::ProduceAck>& ack) {
  --waiting_;
  Life& life = *request->life;
  const std::uint32_t partition = request->partition;
  if (!ack) {
    trace("client " + std::to_string(life.producer) + ": partition " + std::to_string(partition) +
          " on node " + std::to_string(node + 1) + ": " + ack.error().to_string());
    learn(partition, node, ack.error());
  }
  if (options_.idempotent && settle(*request, followed, ack)) {
    ++stats_.sent_again;
    ++waiting_;  // also between two tries: what it sends may still come
    return after(kClientRetryMax, [this, request] {
      --waiting_;
      send(request);
    });
  }
  note_outcome(*request, ack);
  if (options_.in_flight_max > 1) return;  // it has gone on already
  if (ack) return produce_next(life);
  after(kClientRetryMax, [this, &life] { produce_next(life); });
}

void ClusterClients::note_outcome(const Request& request, const Result<partition::ProduceAck>& ack) {
  const auto count = static_cast<std::size_t>(request.count);
  for (std::size_t i = 0; i < count; ++i) {
    SentRecord& record = history_.sent[request.items[i].sent];
    // Of a source, another life has learnt already what became of it.
    if (record.outcome == Outcome::kOk) continue;
    record.finished = now();
    if (ack && options_.early_acks) {
      record.outcome = Outcome::kInfo;
    } else if (ack) {
      record.outcome = Outcome::kOk;
      record.offset = ack->base_offset.value() + static_cast<std::int64_t>(i);
    } else if (!is_unknown(ack.error().code) && (!options_.idempotent || request.gap)) {
      record.outcome = Outcome::kFail;
    }
  }
  if (ack) {
    (options_.early_acks ? stats_.acked_early : stats_.acked) += count;
    trace("client " + std::to_string(request.life->producer) + ": " + std::to_string(count) + " acked at " +
          std::to_string(ack->base_offset.value()) + " of partition " + std::to_string(request.partition));
    return;
  }
  (is_unknown(ack.error().code) ? stats_.unknown : stats_.refused) += count;
}

void ClusterClients::trim(Life& life, std::uint32_t partition) {
  const std::int64_t bound = trim_bound_(partition);
  if (bound == 0) return produce_next(life);
  const auto to = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(bound) + 1));
  trim_asked_[partition] = std::max(trim_asked_[partition], to);
  ++waiting_;
  const std::uint32_t node = leader_for(partition);
  call<model::Offset>(
      node, partition,
      [to](partition::Partition& there, partition::Done<model::Offset> done) {
        there.trim(model::Offset(to), std::move(done));
      },
      [this, &life, partition, node](const Result<model::Offset>& trimmed, model::Term) {
        --waiting_;
        if (trimmed) {
          ++stats_.trims;
        } else {
          learn(partition, node, trimmed.error());
        }
        produce_next(life);
      });
}

void ClusterClients::list(Life& life, std::uint32_t partition) {
  ++waiting_;
  const std::uint32_t node = leader_for(partition);
  call<model::Offset>(
      node, partition,
      [](partition::Partition& there, partition::Done<model::Offset> done) {
        there.group().read_barrier([done = std::move(done)](Result<model::LogPosition> commit) mutable {
          if (!commit) return done(std::move(commit).error());
          done(commit->next_offset);
        });
      },
      [this, &life, partition, node, invoked = now()](const Result<model::Offset>& latest, model::Term) {
        --waiting_;
        if (latest) {
          ++stats_.listings;
          history_.listings.push_back(
              {.partition = partition, .invoked = invoked, .finished = now(), .latest = latest->value()});
        } else {
          learn(partition, node, latest.error());
        }
        produce_next(life);
      });
}

// --- readers

// When nothing new comes, the slowest reader too has to be done within the bounds of the world.
void ClusterClients::read_next(std::size_t reader) {
  after(producing_ ? options_.pause_max : std::min(options_.pause_max, kLastPauseMax), [this, reader] {
    if (!reading_) return;
    const Reader& one = readers_[reader];
    partition::FetchInput input;
    input.from = model::Offset(one.position);
    input.bytes_max = rng_.between(1, 4000);
    input.wait_max = std::chrono::milliseconds(rng_.below(400));
    const std::uint32_t node = leader_for(one.partition);
    ++stats_.polls;
    call<partition::FetchOutput>(
        node, one.partition,
        [input](partition::Partition& there, partition::Done<partition::FetchOutput> done) {
          there.fetch(input, std::move(done));
        },
        [this, reader, session = one.session, node, invoked = now()](
            const Result<partition::FetchOutput>& output, model::Term term) {
          on_read(reader, session, node, invoked, output, term);
        });
  });
}

void ClusterClients::begin_again(std::uint32_t partition, std::int64_t from) {
  for (Reader& reader : readers_) {
    if (reader.partition != partition) continue;
    reader.position = std::min(reader.position, from);
    reader.session = next_session_++;
  }
}

void ClusterClients::on_read(std::size_t reader, std::uint32_t session, std::uint32_t node,
                             HistoryTime invoked, const Result<partition::FetchOutput>& output,
                             model::Term term) {
  Reader& one = readers_[reader];
  if (session != one.session) return read_next(reader);  // asked before a loss was accepted
  if (!output) {
    if (output.error().code == ErrorCode::kOffsetOutOfRange) {
      const partition::Partition* const there = nodes_[node]->find(one.partition);
      const std::int64_t start = there == nullptr ? 0 : there->watermarks().log_start.value();
      if (one.position < start) {
        one.position = start;
        one.session = next_session_++;
      }
    }
    learn(one.partition, node, output.error());
    return after(kClientRetryMax, [this, reader] { read_next(reader); });
  }
  // As the SDK does by the leader epoch: who has heard of a later leader does not believe an earlier one.
  if (term < one.term) {
    ++stats_.stale_answers;
    learn(one.partition, node, Error{ErrorCode::kNotLeader, "stale"});
    return read_next(reader);
  }
  one.term = term;
  Poll poll{.session = one.session,
            .partition = one.partition,
            .invoked = invoked,
            .finished = now(),
            .position = one.position,
            .next = output->next.value(),
            .high_watermark = output->marks.high_watermark.value(),
            .log_start = output->marks.log_start.value()};
  poll.records = records_in(output->frames, one.partition, model::Offset(one.position));
  stats_.records_read += poll.records.size();
  one.position = poll.next;
  history_.polls.push_back(std::move(poll));
  read_next(reader);
}

bool ClusterClients::all_read(std::uint32_t partition, std::int64_t end) const {
  return std::all_of(readers_.begin(), readers_.end(), [partition, end](const Reader& reader) {
    return reader.partition != partition || reader.position >= end;
  });
}

}  // namespace forebay::sim
