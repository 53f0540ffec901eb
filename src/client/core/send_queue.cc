#include "client/core/send_queue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "client/core/send_queue_lane.h"

namespace forebay::client {
namespace {

// Beside the 64 MiB that a message may have; larger things belong into an object store.
constexpr std::size_t kRecordBytesMax = 32U << 20;
// Data that does not compress grows by less than this part.
constexpr std::size_t kCompressionSlack = 16;

std::size_t payload_bytes(const model::NewRecord& record) {
  std::size_t bytes = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& header : record.headers)
    bytes += header.name.size() + (header.value ? header.value->size() : 0);
  return bytes;
}

}  // namespace

Error stopped_by(const Error& error) {
  return Error{
      ErrorCode::kCancelled,
      "the named producer has stopped, so that no position passes a record that failed; resume with a new "
      "one; the failure was " +
          error.to_string()};
}

SendQueue::SendQueue(const Limits& limits, std::vector<std::string> servers, std::uint64_t seed)
    : limits_(limits),
      rng_(seed),
      nodes_(std::move(servers), limits.reconnect),
      links_(nodes_.size()),
      session_(limits.reconnect) {}
SendQueue::~SendQueue() = default;

SendQueue::Lane& SendQueue::lane(const std::string& topic, std::int32_t partition) {
  const auto found = lanes_.try_emplace(topic).first;
  auto& slot = found->second[partition];
  if (slot == nullptr)
    slot = std::make_unique<Lane>(found->first, partition, nodes_.first(), limits_.batch_bytes_max);
  return *slot;
}

void SendQueue::set_topic_limit(Lane& lane, std::size_t batch_bytes_max) {
  lane.topic_bytes_max = batch_bytes_max;
  lane.batch_bytes_max = limits_.batch_bytes_max;
  if (batch_bytes_max == 0) return;
  const std::size_t slack = limits_.codec == model::Codec::kNone ? 0 : batch_bytes_max / kCompressionSlack;
  lane.batch_bytes_max = std::min(lane.batch_bytes_max, batch_bytes_max - slack);
}

std::uint64_t SendQueue::open_batch_of(const Lane& lane) { return lane.open == nullptr ? 0 : lane.open->id; }

bool SendQueue::fits_open_batch(const Lane& lane, const model::NewRecord& record) const {
  return lane.open->builder.size_bytes_with(record) <= lane.batch_bytes_max;
}

// --- records in ---

void SendQueue::set_pressure(bool on, TimePoint now) {
  if (on && !pressure_) {
    pressure_ = true;
    for_each_lane([&](Lane& lane) { offer(lane, now); });
  }
  pressure_ = on;
}

Result<void> SendQueue::append(Lane& lane, const model::NewRecord& record, Answer& answer, TimePoint now,
                               std::optional<SourcePlace> position) {
  if (stop_) return *stop_;
  FOREBAY_ASSERT(!failed_);
  const bool token = std::holds_alternative<std::uint64_t>(answer);
  if (lane.open != nullptr) {
    const bool other_kind =
        token ? !lane.open->answers.functions.empty() : !lane.open->answers.tokens.empty();
    if (other_kind || lane.open->builder.size_bytes_with(record) > lane.batch_bytes_max) close_batch(lane);
  }
  const std::size_t payload = payload_bytes(record);
  const std::size_t payload_max = std::min(kRecordBytesMax, limits_.buffer_bytes_max);
  if (payload > payload_max) {
    return Error{ErrorCode::kRecordTooLarge, "a record of " + std::to_string(payload) +
                                                 " bytes; this producer sends at most " +
                                                 std::to_string(payload_max)};
  }
  const bool opened = lane.open == nullptr;
  // What fits behind other records is small enough. Of compressed records the broker knows better.
  if (opened && lane.topic_bytes_max != 0 && limits_.codec == model::Codec::kNone) {
    const std::size_t size = empty_builder_.size_bytes_with(record);
    if (size > lane.topic_bytes_max) {
      return Error{ErrorCode::kRecordTooLarge,
                   "a record of " + std::to_string(size) + " bytes; topic '" + *lane.topic +
                       "' takes at most " + std::to_string(lane.topic_bytes_max) + " (max.message.bytes)"};
    }
  }
  if (opened) open_batch(lane, now);
  Batch& batch = *lane.open;
  if (auto added = batch.builder.append(record); !added) return added;  // cannot happen below the bound above
  batch.position = position;
  if (token) {
    batch.answers.tokens.push_back(std::get<std::uint64_t>(answer));
  } else {
    batch.answers.functions.push_back(std::move(std::get<AckFunction>(answer)));
  }
  const std::size_t size = batch.builder.size_bytes();
  if (size > batch.charged_bytes) {
    buffered_bytes_ += size - batch.charged_bytes;
    batch.charged_bytes = size;
  }
  if (size >= lane.batch_bytes_max) {
    close_batch(lane);
  } else if (opened) {
    offer(lane, now);
  }
  return {};
}

void SendQueue::open_batch(Lane& lane, TimePoint now) {
  lane.open = std::make_unique<Batch>();
  Batch& batch = *lane.open;
  batch.lane = &lane;
  batch.id = next_id_++;
  batch.opened_at = now;
  batch.charged_bytes = std::min(lane.last_batch_bytes, lane.batch_bytes_max);
  if (!builders_.empty()) {
    batch.builder = std::move(builders_.back());
    builders_.pop_back();
  }
  batch.builder.reserve(batch.charged_bytes);
  buffered_bytes_ += batch.charged_bytes;
  live_.insert(live_.end(), batch.id);
  wake_by(now + limits_.delivery_timeout);
}

void SendQueue::close_batch(Lane& lane) {
  Batch& batch = *lane.open;
  batch.state = Batch::State::kEncoding;
  // Follows the lane's rate both ways, but a single small batch does not make the next one start small.
  lane.last_batch_bytes = std::max(batch.builder.size_bytes(), lane.last_batch_bytes / 2);
  lane.queue.push_back(std::move(lane.open));
  encodings_.push_back(&batch);
}

// --- what to do ---

bool SendQueue::can_write(const Lane& lane, TimePoint now) const {
  return !lane.recovering && !lane.going_to && now >= lane.not_before &&
         lane.in_flight < limits_.in_flight_per_lane_max && lane.queue.size() > lane.in_flight &&
         lane.queue[lane.in_flight]->state == Batch::State::kReady && may_send_next(lane);
}

bool SendQueue::can_close(const Lane& lane, TimePoint now) const {
  if (lane.open == nullptr || lane.recovering || lane.broken || lane.going_to || now < lane.not_before ||
      lane.in_flight >= limits_.in_flight_per_lane_max || lane.queue.size() > lane.in_flight) {
    return false;
  }
  return pressure_ || lane.open->id < flush_mark_ || now >= lane.open->opened_at + limits_.linger;
}

// Lists the lane where it can be found, if it has something to send; or sees to it that on_time() does.
void SendQueue::offer(Lane& lane, TimePoint now) {
  if (lane.broken) begin_sequences_anew(lane);
  Link& link = links_[lane.node];
  if (can_write(lane, now)) {
    if (!std::exchange(lane.in_full, true)) link.full.push_back(&lane);
  } else if (can_close(lane, now)) {
    if (!std::exchange(lane.in_partial, true)) link.partial.push_back(&lane);
    if (lane.queue.empty() && !std::exchange(lane.in_idle, true)) link.idle.push_back(&lane);
  } else {
    if (now < lane.not_before) wake_by(lane.not_before);
    if (lane.open != nullptr && now < lane.open->opened_at + limits_.linger) {
      wake_by(lane.open->opened_at + limits_.linger);
    }
    return;
  }
  if (!link.up) link.connect_wanted = true;
}

std::optional<SendQueue::Work> SendQueue::next_work(TimePoint now) {
  for (Nodes::Id node = 0; node < links_.size(); ++node) {
    if (std::exchange(links_[node].cancel_wanted, false) && links_[node].up) return Cancel{node};
  }
  if (stop_ && !failed_) fail_all(*stop_);
  if (wants_session()) {
    session_.asked();
    return BeginSession{};
  }
  while (true) {
    while (!encodings_.empty() && may_encode()) {
      Batch& batch = *encodings_.front();
      encodings_.pop_front();
      if (batch.finished) {
        Lane& lane = *batch.lane;
        forget(lane, batch);
        offer(lane, now);
        continue;
      }
      batch.encoding_begun = true;
      ++batch.lane->encoding;
      stamp(*batch.lane, batch);
      return Encode{&batch, &batch.builder};
    }
    if (failed_) return std::nullopt;
    const auto count = static_cast<Nodes::Id>(links_.size());
    const auto to_encode = encodings_.size();
    for (Nodes::Id step = 0; step < count && encodings_.size() == to_encode; ++step) {
      const Nodes::Id node = (turn_ + step) % count;
      auto work = work_of(node, now);
      if (!work) continue;
      turn_ = (node + 1) % count;
      return work;
    }
    if (encodings_.size() == to_encode) return std::nullopt;
  }
}

// May close batches instead: they are to be encoded first.
std::optional<SendQueue::Work> SendQueue::work_of(Nodes::Id node, TimePoint now) {
  Link& link = links_[node];
  if (!link.has_lanes()) return std::nullopt;
  if (!link.up) {
    link.connect_wanted = false;
    if (now < nodes_.connect_at(node)) {
      wake_by(nodes_.connect_at(node));
      return std::nullopt;
    }
    link.up = true;
    ++stats_.connects;
    return Connect{node, nodes_.address(node)};
  }
  if (link.writing) return std::nullopt;
  if (auto work = next_write(link, now)) return work;
  close_partials(link, now);
  return std::nullopt;
}

std::optional<SendQueue::Work> SendQueue::next_write(Link& link, TimePoint now) {
  while (!link.full.empty()) {
    Lane& lane = *link.full.front();
    if (can_write(lane, now)) {
      Batch& batch = *lane.queue[lane.in_flight];
      if (link.in_flight > 0 && link.in_flight_bytes + batch.bytes.size() > limits_.in_flight_bytes_max)
        return std::nullopt;
      link.full.pop_front();
      lane.in_full = false;
      Work work = start_write(lane, batch, now);
      offer(lane, now);  // behind the others
      return work;
    }
    link.full.pop_front();
    lane.in_full = false;
    offer(lane, now);  // whatever changed: it may have an unfilled batch
  }
  return std::nullopt;
}

SendQueue::Work SendQueue::start_write(Lane& lane, Batch& batch, TimePoint now) {
  batch.state = Batch::State::kInFlight;
  batch.correlation = next_correlation_++;
  batch.sent_at = now;
  if (!std::exchange(batch.counted, true)) ++requests_out_;
  if (batch.tries++ > 0) ++stats_.batches_retried;
  ++stats_.batches_sent;
  stats_.bytes_sent += batch.bytes.size();
  ++lane.in_flight;
  Link& link = links_[lane.node];
  ++link.in_flight;
  link.in_flight_bytes += batch.bytes.size();
  in_flight_bytes_ += batch.bytes.size();
  in_flight_.emplace(batch.correlation, &batch);
  link.writing = true;
  wake_by(now + limits_.answer_timeout);
  return Send{lane.node,  lane.topic,  lane.partition,        batch.correlation,
              lane.round, batch.bytes, batch.destination_crc, batch.position};
}

// Whether it may leave although others are under way. Requires: can_close(lane).
bool SendQueue::may_leave_unfilled(const Lane& lane, TimePoint now) const {
  if (eager_room()) return true;
  if (requests_out_ >= kRequestsMax || in_flight_bytes_ >= limits_.in_flight_bytes_max) return false;
  return now >= lane.open->opened_at + limits_.linger + kUnfilledWaitMax;
}

void SendQueue::close_partials(Link& link, TimePoint now) {
  if (!may_encode()) return;  // they would only wait, and gather nothing
  const auto close = [this](Lane& lane) {
    lane.open->counted = true;
    ++requests_out_;
    close_batch(lane);
  };
  while (!link.idle.empty() && light_load()) {
    Lane& lane = *link.idle.front();
    link.idle.pop_front();
    lane.in_idle = false;
    if (can_close(lane, now) && lane.queue.empty()) close(lane);
  }
  while (!link.partial.empty()) {  // the longest waiting first
    Lane& lane = *link.partial.front();
    const bool can = can_close(lane, now);
    if (can && !may_leave_unfilled(lane, now)) return;
    link.partial.pop_front();
    lane.in_partial = false;
    if (can) {
      close(lane);
    } else {
      offer(lane, now);
    }
  }
}

std::vector<SendQueue::Finished> SendQueue::take_finished() {
  if (stop_ && !failed_) fail_all(*stop_);
  return std::exchange(finished_, {});
}

// --- what happened ---

void SendQueue::encoded(Batch* batch, Result<SharedBytes> bytes, TimePoint now) {
  Lane& lane = *batch->lane;
  --lane.encoding;
  if (builders_.size() < kBuildersMax) builders_.push_back(std::move(batch->builder));
  if (!batch->finished && !bytes) finish(*batch, std::move(bytes).error());
  if (batch->finished) {
    forget(lane, *batch);
  } else {
    take_bytes(lane, *batch, std::move(bytes).value());
    batch->state = Batch::State::kReady;
  }
  offer(lane, now);
}

void SendQueue::take_bytes(Lane& lane, Batch& batch, SharedBytes bytes) {
  batch.bytes = std::move(bytes);
  batch.destination_crc =
      model::destination_crc(*lane.topic, model::PartitionIndex(lane.partition), batch.bytes.span());
  buffered_bytes_ -= batch.charged_bytes;
  batch.charged_bytes = batch.bytes.retained_bytes();
  buffered_bytes_ += batch.charged_bytes;
}

void SendQueue::on_time(TimePoint now) {
  deadline_.reset();
  if (const auto ask_at = session_.on_time(now)) wake_by(*ask_at);
  for_each_lane([&](Lane& lane) {
    expire(lane, now);
    offer(lane, now);
  });
  for (const auto& [correlation, batch] : in_flight_) {
    const TimePoint due = batch->sent_at + limits_.answer_timeout;
    if (due <= now)
      links_[batch->lane->node].cancel_wanted = true;
    else
      wake_by(due);
  }
  for (Nodes::Id node = 0; node < links_.size(); ++node) {
    if (links_[node].up || !links_[node].has_lanes()) continue;
    if (now >= nodes_.connect_at(node))
      links_[node].connect_wanted = true;
    else
      wake_by(nodes_.connect_at(node));
  }
}

void SendQueue::expire(Lane& lane, TimePoint now) {
  std::vector<Batch*> expired;
  for (const auto& batch : lane.queue) {
    if (now < batch->opened_at + limits_.delivery_timeout) {
      wake_by(batch->opened_at + limits_.delivery_timeout);
      break;  // those behind it are younger
    }
    if (!batch->finished) expired.push_back(batch.get());
  }
  for (Batch* batch : expired) {
    finish(*batch, timed_out());
    const bool waits = batch->state == Batch::State::kEncoding && !batch->encoding_begun;
    if (waits) std::erase(encodings_, batch);  // for an identity, maybe for long
    if (waits || batch->state == Batch::State::kReady)
      forget(lane, *batch);  // others are tidied up when they come back
  }
  if (lane.open == nullptr) return;
  const TimePoint due = lane.open->opened_at + limits_.delivery_timeout;
  if (now < due) {
    wake_by(due);
  } else {
    finish(*lane.open, timed_out());
    lane.open.reset();
  }
}

Error SendQueue::timed_out() const {
  std::string context =
      "not acknowledged within " +
      std::to_string(
          std::chrono::duration_cast<std::chrono::milliseconds>(limits_.delivery_timeout).count()) +
      " ms";
  if (last_error_) context += "; the last failure was " + last_error_->to_string();
  return Error{ErrorCode::kTimedOut, std::move(context)};
}

// Hands the answers over. The batch itself stays until forget().
void SendQueue::finish(Batch& batch, Result<Ack> result) {
  if (std::exchange(batch.finished, true)) return;
  if (limits_.stop_on_failure && !result && !stop_) stop_ = stopped_by(result.error());
  buffered_bytes_ -= batch.charged_bytes;
  (result ? stats_.records_acked : stats_.records_failed) += batch.answers.size();
  finished_.push_back({batch.id, std::move(batch.answers), std::move(result)});
}

// Requires: finished, closed, not in flight, and nobody works on its builder.
void SendQueue::forget(Lane& lane, Batch& batch, Outcome outcome) {
  FOREBAY_ASSERT(batch.finished && batch.state != Batch::State::kInFlight);
  if (batch.sequence && outcome == Outcome::kGivenUp) lane.broken = true;
  if (batch.counted) --requests_out_;
  const auto found = std::find_if(lane.queue.begin(), lane.queue.end(),
                                  [&](const auto& entry) { return entry.get() == &batch; });
  FOREBAY_ASSERT(found != lane.queue.end());
  lane.queue.erase(found);
}

void SendQueue::leave_flight(Batch& batch) {
  in_flight_.erase(batch.correlation);
  in_flight_bytes_ -= batch.bytes.size();
  Link& link = links_[batch.lane->node];
  link.in_flight_bytes -= batch.bytes.size();
  --link.in_flight;
  --batch.lane->in_flight;
  batch.state = Batch::State::kReady;
  batch.counted = false;
  --requests_out_;
}

// --- flush and close ---

std::uint64_t SendQueue::flush(TimePoint now) {
  flush_mark_ = next_id_;
  for_each_lane([&](Lane& lane) { offer(lane, now); });
  return flush_mark_;
}

void SendQueue::fail_all(const Error& error) {
  failed_ = true;
  for_each_lane([&](Lane& lane) {
    if (lane.open != nullptr) {
      finish(*lane.open, error);
      lane.open.reset();
    }
    for (const auto& batch : lane.queue) finish(*batch, error);
  });
}

Producer::Stats SendQueue::stats() const {
  Producer::Stats stats = stats_;
  stats.buffered_bytes = buffered_bytes_;
  return stats;
}

}  // namespace forebay::client
