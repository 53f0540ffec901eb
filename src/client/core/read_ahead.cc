#include "client/core/read_ahead.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"

namespace forebay::client {
namespace {

// What waiting mends: a broker that is away, restarts, or is not ready yet. Of what gRPC itself says, only
// "no such service" and "no such message" are final.
bool is_passing(const RpcError& error) {
  if (error.from_broker) return is_retryable(error.error.code) || error.error.code == ErrorCode::kCancelled;
  return error.error.code != ErrorCode::kUnsupported && error.error.code != ErrorCode::kInvalidArgument;
}

RpcError broken_promise(std::string what) {
  RpcError error;
  error.error = Error{ErrorCode::kInternal, std::move(what)};
  return error;
}

}  // namespace

ReadAhead::ReadAhead(const Limits& limits, std::vector<std::string> servers, std::uint64_t seed)
    : limits_(limits),
      rng_(seed),
      nodes_(std::move(servers), limits.reconnect),
      connections_(nodes_.size()) {}

// --- what the caller wants ---

void ReadAhead::assign(const TopicPartition& partition, std::int64_t offset) {
  Reader& reader = readers_[partition];
  drop_stream(reader);
  drop_queue(reader);
  const bool paused = reader.paused;
  const bool known = reader.high_watermark > 0;
  const Nodes::Id node = known ? reader.node : nodes_.first();
  reader = Reader{};
  reader.node = node;
  reader.paused = paused;
  reader.position = offset;
  reader.fetch_from = offset;
}

void ReadAhead::unassign(const TopicPartition& partition) {
  const auto found = readers_.find(partition);
  if (found == readers_.end()) return;
  drop_stream(found->second);
  drop_queue(found->second);
  readers_.erase(found);
}

void ReadAhead::set_paused(const TopicPartition& partition, bool paused) {
  readers_.at(partition).paused = paused;
}

void ReadAhead::fail(const TopicPartition& partition, std::int64_t offset, const Error& error) {
  const auto found = readers_.find(partition);
  if (found == readers_.end()) return;
  Reader& reader = found->second;
  drop_stream(reader);
  drop_queue(reader);
  reader.fetch_from = offset;
  reader.failure = RpcError{error, false, std::nullopt, std::nullopt};
  reader.failure_told = false;
}

void ReadAhead::moved(const TopicPartition& partition, std::int64_t offset) {
  const auto found = readers_.find(partition);
  if (found != readers_.end()) found->second.position = offset;
}

std::vector<TopicPartition> ReadAhead::assignment() const {
  std::vector<TopicPartition> out;
  for (const auto& [partition, reader] : readers_) out.push_back(partition);
  return out;
}

PartitionProgress ReadAhead::progress(const TopicPartition& partition) const {
  const Reader& reader = readers_.at(partition);
  return {reader.position, reader.log_start, reader.high_watermark};
}

std::vector<PartitionFailure> ReadAhead::failures() const {
  std::vector<PartitionFailure> out;
  for (const auto& [partition, reader] : readers_) {
    if (reader.failure) {
      out.push_back(failure_of(partition, reader));
    } else if (reader.trouble) {
      out.push_back({partition, reader.position, *reader.trouble, std::nullopt, std::nullopt});
    }
  }
  return out;
}

PartitionFailure ReadAhead::failure_of(const TopicPartition& partition, const Reader& reader) const {
  PartitionFailure out{partition, reader.position, reader.failure->error, reader.failure->log_start,
                       reader.failure->log_end};
  out.error.context =
      partition.to_string() + " at offset " + std::to_string(reader.position) + ": " + out.error.context;
  return out;
}

// --- what to do ---

bool ReadAhead::may_fetch(const Reader& reader) const {
  if (reader.queue.empty()) return true;
  return queued_bytes_ + (fetching_more_ + 1) * limits_.response_bytes_max <= limits_.prefetch_bytes_max;
}

std::optional<ReadAhead::Work> ReadAhead::next_work(TimePoint now) {
  if (!cancels_.empty()) {
    const StreamId stream = cancels_.front();
    cancels_.pop_front();
    return Cancel{stream};
  }
  if (readers_.empty()) return std::nullopt;
  // From the one behind the last that was served, once around.
  auto at = readers_.upper_bound(last_served_);
  for (std::size_t left = readers_.size(); left > 0; --left, ++at) {
    if (at == readers_.end()) at = readers_.begin();
    auto& [partition, reader] = *at;
    const bool subscribe = wants_stream(reader) && now >= reader.not_before;
    const bool fetch = reader.stream && !reader.fetching;
    if ((!subscribe && !fetch) || !may_fetch(reader)) continue;
    last_served_ = partition;
    reader.fetching = true;
    if (!reader.queue.empty()) {
      reader.fetching_more = true;
      ++fetching_more_;
    }
    if (fetch) return Fetch{*reader.stream};
    reader.stream = next_stream_++;
    streams_.emplace(*reader.stream, Stream{partition, reader.node, connections_[reader.node]});
    return Subscribe{*reader.stream, partition, reader.fetch_from, reader.node, nodes_.address(reader.node)};
  }
  return std::nullopt;
}

std::optional<ReadAhead::TimePoint> ReadAhead::next_deadline() const {
  std::optional<TimePoint> earliest;
  for (const auto& [partition, reader] : readers_) {
    if (wants_stream(reader) && may_fetch(reader) && (!earliest || reader.not_before < *earliest))
      earliest = reader.not_before;
  }
  return earliest;
}

std::optional<std::variant<ReadAhead::Delivery, PartitionFailure>> ReadAhead::take() {
  auto at = readers_.upper_bound(last_taken_);
  for (std::size_t left = readers_.size(); left > 0; --left, ++at) {
    if (at == readers_.end()) at = readers_.begin();
    auto& [partition, reader] = *at;
    if (reader.paused) continue;
    if (!reader.queue.empty()) {
      Queued queued = std::move(reader.queue.front());
      reader.queue.pop_front();
      queued_bytes_ -= queued.bytes;
      last_taken_ = partition;
      return Delivery{partition, queued.begin, queued.end, std::move(queued.batches)};
    }
    if (reader.failure && !reader.failure_told) {
      reader.failure_told = true;
      last_taken_ = partition;
      return failure_of(partition, reader);
    }
  }
  return std::nullopt;
}

// --- what happened ---

void ReadAhead::received(StreamId stream, FetchedResponse response, TimePoint now) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;  // cancelled meanwhile
  Reader& reader = readers_.at(found->second.partition);
  FOREBAY_ASSERT(reader.fetching);
  fetch_over(reader);
  if (response.error) {
    ended(stream, response.error, now);
    return;
  }
  reader.failures = 0;
  reader.trouble.reset();
  nodes_.works(found->second.node);
  reader.log_start = std::max(reader.log_start, response.log_start);
  reader.high_watermark = std::max(reader.high_watermark, response.high_watermark);
  const std::string leader = std::move(response.leader);
  if (auto broken = accept(reader, response)) {
    drop_stream(reader);
    stand_still(reader, std::move(*broken));
  } else if (!leader.empty() && follow(reader, leader, now)) {
    drop_stream(reader);
  }
}

bool ReadAhead::follow(Reader& reader, std::string_view leader, TimePoint now) {
  const auto node = nodes_.learn(leader);
  connections_.resize(nodes_.size());
  if (!node || *node == reader.node || !nodes_.is_worth_going(*node, now)) return false;
  reader.node = *node;
  return true;
}

// Queues the response. Returns: what is wrong with it.
std::optional<RpcError> ReadAhead::accept(Reader& reader, FetchedResponse& response) {
  std::int64_t expected = reader.fetch_from;
  std::erase_if(response.batches, [&](const FetchedBatch& batch) { return batch.end_offset <= expected; });
  for (const FetchedBatch& batch : response.batches) {
    if (batch.begin_offset > expected || batch.end_offset <= batch.begin_offset) {
      return broken_promise("the broker sent offsets " + std::to_string(batch.begin_offset) + " to " +
                            std::to_string(batch.end_offset) + " where " + std::to_string(expected) +
                            " comes next");
    }
    expected = std::max(expected, batch.end_offset);
  }
  expected = std::max(expected, response.next_offset);
  const std::int64_t begin = std::exchange(reader.fetch_from, expected);
  if (begin == expected) return std::nullopt;  // it only told the watermarks
  queued_bytes_ += response.size_bytes;
  reader.queue.push_back({begin, expected, std::move(response.batches), response.size_bytes});
  return std::nullopt;
}

void ReadAhead::ended(StreamId stream, const std::optional<RpcError>& error, TimePoint now) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  const Stream from = found->second;
  Reader& reader = readers_.at(from.partition);
  drop_stream(reader);
  if (!error) {
    retry_later(reader, Error{ErrorCode::kUnavailable, "the broker ended the subscription"}, now);
    return;
  }
  if (error->error.code == ErrorCode::kOffsetOutOfRange && limits_.auto_reset != AutoReset::kNone) {
    const auto& target = limits_.auto_reset == AutoReset::kEarliest ? error->log_start : error->log_end;
    if (target) {
      reader.fetch_from = *target;
      if (reader.queue.empty()) reader.position = *target;
      reader.log_start = error->log_start.value_or(0);  // it may be another log by now
      reader.high_watermark = error->log_end.value_or(0);
      retry_later(reader, error->error, now);
      return;
    }
  }
  if (is_passing(*error)) {
    redirect(reader, from, *error, now);
  } else {
    stand_still(reader, *error);
  }
}

// To the leader that was named, to another node when this one does not do. Only a first hint is followed at
// once: two nodes may each take the other for the leader.
void ReadAhead::redirect(Reader& reader, const Stream& from, const RpcError& error, TimePoint now) {
  const bool node_is_gone = !error.from_broker || error.error.code == ErrorCode::kShuttingDown;
  if (node_is_gone && from.connection == connections_[from.node]) {  // the first of its streams to notice
    ++connections_[from.node];
    nodes_.failed(from.node, now, rng_);
  }
  const bool told = !error.error.leader.empty() && follow(reader, error.error.leader, now);
  if (!told && reader.node == from.node && (node_is_gone || may_do_elsewhere(error.error.code)))
    reader.node = nodes_.next(reader.node, now);
  const bool at_once =
      reader.node != from.node && reader.failures == 0 && now >= nodes_.connect_at(reader.node);
  retry_later(reader, error.error, now);
  if (at_once) reader.not_before = now + std::chrono::milliseconds(error.error.retry_after_ms);
}

void ReadAhead::retry_later(Reader& reader, const Error& error, TimePoint now) {
  ++reader.failures;
  reader.trouble = error;
  const auto wait =
      std::max<std::chrono::nanoseconds>(backoff_delay(limits_.reconnect, reader.failures, rng_),
                                         std::chrono::milliseconds(error.retry_after_ms));
  reader.not_before = now + wait;
}

void ReadAhead::stand_still(Reader& reader, RpcError failure) {
  reader.failure = std::move(failure);
  reader.failure_told = false;
}

void ReadAhead::drop_stream(Reader& reader) {
  if (!reader.stream) return;
  cancels_.push_back(*reader.stream);
  streams_.erase(*reader.stream);
  reader.stream.reset();
  fetch_over(reader);
}

void ReadAhead::fetch_over(Reader& reader) {
  reader.fetching = false;
  if (std::exchange(reader.fetching_more, false)) --fetching_more_;
}

void ReadAhead::drop_queue(Reader& reader) {
  for (const Queued& queued : reader.queue) queued_bytes_ -= queued.bytes;
  reader.queue.clear();
}

}  // namespace forebay::client
