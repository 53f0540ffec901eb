#include "sim/cluster_clients.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "model/batch_builder.h"
#include "model/record_iterator.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kHopMax = 100us;  // between a client and a node, one way
constexpr Duration kRetryMax = 40ms;
constexpr Duration kLastPauseMax = 50ms;  // of readers, when nobody sends any more

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

struct Outgoing {
  std::optional<std::string> key;
  std::optional<std::string> value;  // none: a tombstone
  std::int64_t timestamp = 1'000;
};

std::string batch_of(const std::vector<Outgoing>& records, const model::BatchOptions& options) {
  model::BatchBuilder builder(options);
  for (const Outgoing& one : records) {
    model::NewRecord record{.timestamp = model::Timestamp(one.timestamp)};
    if (one.key) record.key = as_bytes(*one.key);
    if (one.value) record.value = as_bytes(*one.value);
    FOREBAY_ASSERT(builder.append(record));
  }
  const auto batch = *builder.build(model::Codec::kNone);
  return std::string(as_text(batch));
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
      trim_asked_(partitions) {}

ClusterClients::~ClusterClients() = default;

void ClusterClients::start() {
  for (std::uint32_t producer = 0; producer < options_.producers; ++producer) produce_next(producer);
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

template <typename T>
void ClusterClients::call(std::uint32_t node, std::uint32_t partition,
                          std::function<void(partition::Partition&, partition::Done<T>)> work,
                          Answer<T> then) {
  auto waits = std::make_shared<bool>(true);
  const auto answer = [this, waits, then](Result<T> result, model::Term term) {
    after(kHopMax, [waits, then, result = std::move(result), term]() mutable {
      if (std::exchange(*waits, false)) then(std::move(result), term);
    });
  };
  ClusterNode& there = *nodes_[node];
  if (!there.is_up()) return answer(Error{ErrorCode::kUnavailable, "the node is down"}, {});
  const auto patience = Duration(
      static_cast<std::int64_t>(rng_.between(static_cast<std::uint64_t>(options_.patience_min.count()),
                                             static_cast<std::uint64_t>(options_.patience_max.count()))));
  SimExecutor& executor = there.machine().executor();
  const auto hop =
      Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(kHopMax.count()) + 1)));
  // Dies with the process: then only patience ends the wait.
  scheduler_.add_event(hop, &executor, &executor, [&there, partition, work = std::move(work), answer] {
    partition::Partition* const found = there.find(partition);
    if (found == nullptr) return answer(Error{ErrorCode::kNotYet, "not open"}, {});
    work(*found, [answer, &there, partition](Result<T> result) {
      const partition::Partition* still = there.find(partition);
      answer(std::move(result), still == nullptr ? model::Term{} : still->term());
    });
  });
  scheduler_.add_event(patience, &executor_, &executor_, [waits, then] {
    if (std::exchange(*waits, false)) then(Error{ErrorCode::kTimedOut, "no answer"}, {});
  });
}

std::uint32_t ClusterClients::leader_for(std::uint32_t partition) {
  // Now and then somebody knows no better.
  if (rng_.one_in(50)) return static_cast<std::uint32_t>(rng_.below(nodes_.size()));
  return believed_leader_[partition];
}

void ClusterClients::learn(std::uint32_t partition, std::uint32_t asked, const Error& error) {
  if (error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kDiskFull) return;
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

void ClusterClients::produce_next(std::uint32_t producer) {
  after(options_.pause_max, [this, producer] {
    if (!producing_) return;
    const auto partition = static_cast<std::uint32_t>(rng_.below(partitions_));
    if (options_.trims_one_in > 0 && rng_.one_in(options_.trims_one_in)) return trim(producer, partition);
    if (options_.listings_one_in > 0 && rng_.one_in(options_.listings_one_in))
      return list(producer, partition);
    produce(producer, partition);
  });
}

void ClusterClients::produce(std::uint32_t producer, std::uint32_t partition) {
  Request request{.producer = producer, .partition = partition, .first = history_.sent.size()};
  request.count = static_cast<std::int32_t>(rng_.between(1, options_.records_max));
  std::vector<Outgoing> records;
  for (std::int32_t i = 0; i < request.count; ++i) {
    const bool large = options_.large_bytes > 0 && i == 0 && rng_.one_in(16);
    const std::uint64_t filler = rng_.below((large ? options_.large_bytes : options_.filler_bytes_max) + 1);
    request.values.push_back(next_value_);
    Outgoing& record = records.emplace_back();
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
        {.value = next_value_++, .process = producer, .partition = partition, .invoked = now()});
  }
  model::BatchOptions stamp;
  if (options_.idempotent) {
    const Session& session = sessions_[{producer, partition}];
    stamp.producer_id = model::ProducerId(producer);
    stamp.producer_epoch = model::ProducerEpoch(session.epoch);
    stamp.base_sequence = session.next_sequence;
  }
  request.batch = batch_of(records, stamp);
  send(std::make_shared<const Request>(std::move(request)));
}

void ClusterClients::send(const std::shared_ptr<const Request>& request) {
  const std::uint32_t node = leader_for(request->partition);
  ++waiting_;
  call<partition::ProduceAck>(
      node, request->partition,
      [this, request, node](partition::Partition& there, partition::Done<partition::ProduceAck> done) {
        there.produce(
            request->batch, request->count, partition::Acks::kAll, 2s,
            [this, request, node, done = std::move(done)](Result<partition::ProduceAck> ack) mutable {
              // What was trimmed is on no disk any more.
              const bool trimmed = ack && ack->duplicate && ack->base_offset < ack->log_start;
              if (ack && !options_.early_acks && !trimmed)
                on_ack_(
                    {.node = node, .partition = request->partition, .ack = *ack, .values = request->values});
              done(std::move(ack));
            });
      },
      [this, request, node](const Result<partition::ProduceAck>& ack, model::Term) {
        on_produced(request, node, ack);
      });
}

// Returns: whether an idempotent producer is to send the same again.
bool ClusterClients::settle(const Request& request, const Result<partition::ProduceAck>& ack) {
  Session& session = sessions_[{request.producer, request.partition}];
  if (ack) {
    stats_.copies += ack->duplicate ? 1 : 0;
    session.next_sequence += request.count;
    return false;
  }
  switch (ack.error().code) {
    case ErrorCode::kOutOfOrderSequence:
    case ErrorCode::kUnknownProducer:
    case ErrorCode::kEarlyAckLost:
    case ErrorCode::kProducerFenced:
      ++stats_.sessions_lost;
      session = {.epoch = static_cast<std::int16_t>(session.epoch + 1), .next_sequence = 0};
      return false;
    default:
      return producing_;
  }
}

void ClusterClients::on_produced(const std::shared_ptr<const Request>& request, std::uint32_t node,
                                 const Result<partition::ProduceAck>& ack) {
  --waiting_;
  const std::uint32_t producer = request->producer;
  const std::uint32_t partition = request->partition;
  const auto count = static_cast<std::size_t>(request->count);
  if (!ack) {
    trace("client " + std::to_string(producer) + ": partition " + std::to_string(partition) + " on node " +
          std::to_string(node + 1) + ": " + ack.error().to_string());
    learn(partition, node, ack.error());
  }
  if (options_.idempotent && settle(*request, ack)) {
    ++stats_.sent_again;
    ++waiting_;  // also between two tries: what it sends may still come
    return after(kRetryMax, [this, request] {
      --waiting_;
      send(request);
    });
  }
  for (std::size_t i = 0; i < count; ++i) {
    SentRecord& record = history_.sent[request->first + i];
    record.finished = now();
    if (ack && options_.early_acks) {
      record.outcome = Outcome::kInfo;
    } else if (ack) {
      record.outcome = Outcome::kOk;
      record.offset = ack->base_offset.value() + static_cast<std::int64_t>(i);
    } else if (!is_unknown(ack.error().code) && !options_.idempotent) {
      record.outcome = Outcome::kFail;
    }
  }
  if (ack) {
    (options_.early_acks ? stats_.acked_early : stats_.acked) += count;
    trace("client " + std::to_string(producer) + ": " + std::to_string(count) + " acked at " +
          std::to_string(ack->base_offset.value()) + " of partition " + std::to_string(partition));
    return produce_next(producer);
  }
  (is_unknown(ack.error().code) ? stats_.unknown : stats_.refused) += count;
  after(kRetryMax, [this, producer] { produce_next(producer); });
}

void ClusterClients::trim(std::uint32_t producer, std::uint32_t partition) {
  const std::int64_t bound = trim_bound_(partition);
  if (bound == 0) return produce_next(producer);
  const auto to = static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(bound) + 1));
  trim_asked_[partition] = std::max(trim_asked_[partition], to);
  ++waiting_;
  const std::uint32_t node = leader_for(partition);
  call<model::Offset>(
      node, partition,
      [to](partition::Partition& there, partition::Done<model::Offset> done) {
        there.trim(model::Offset(to), std::move(done));
      },
      [this, producer, partition, node](const Result<model::Offset>& trimmed, model::Term) {
        --waiting_;
        if (trimmed) {
          ++stats_.trims;
        } else {
          learn(partition, node, trimmed.error());
        }
        produce_next(producer);
      });
}

void ClusterClients::list(std::uint32_t producer, std::uint32_t partition) {
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
      [this, producer, partition, node, invoked = now()](const Result<model::Offset>& latest, model::Term) {
        --waiting_;
        if (latest) {
          ++stats_.listings;
          history_.listings.push_back(
              {.partition = partition, .invoked = invoked, .finished = now(), .latest = latest->value()});
        } else {
          learn(partition, node, latest.error());
        }
        produce_next(producer);
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
    return after(kRetryMax, [this, reader] { read_next(reader); });
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
