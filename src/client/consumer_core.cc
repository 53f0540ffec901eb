#include "client/consumer_core.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <random>
#include <utility>

#include "forebay/v1/log.grpc.pb.h"

namespace forebay {
namespace {

using client::ReadAhead;
using client::RpcError;
using std::chrono::milliseconds;

// "For ever" must not overflow when it is added to now.
constexpr milliseconds kPollMax = std::chrono::hours(24 * 365);

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) ^ device();
}

v1::OffsetPoint point_of(OffsetSpec::Kind kind) {
  switch (kind) {
    case OffsetSpec::Kind::kStart:
    case OffsetSpec::Kind::kOffset:  // only the list of partitions is asked for
      return v1::START;
    case OffsetSpec::Kind::kEnd:
      return v1::END;
    case OffsetSpec::Kind::kEventTime:
      return v1::EVENT_TIME;
    case OffsetSpec::Kind::kAppendTime:
      return v1::APPEND_TIME;
  }
  return v1::START;
}

// Of one partition, and not mended by asking again.
bool is_damage(const RpcError& error) {
  return error.from_broker &&
         (error.error.code == ErrorCode::kDataLoss || error.error.code == ErrorCode::kStorageFailed);
}

bool is_of(const ConsumedBatch& batch, const TopicPartition& partition) {
  return batch.partition() == partition.partition && batch.topic() == partition.topic;
}

}  // namespace

Consumer::Core::Core(const ClientOptions& client, const ConsumerOptions& options)
    : client_(client),
      options_(options),
      caller_(client),
      ahead_({options.prefetch_bytes_max,
              options.response_bytes_max,
              options.auto_reset,
              {client.reconnect_delay, client.reconnect_delay_max}},
             client.servers, random_seed()) {}

// --- assignment ---

Result<std::map<std::int32_t, Result<std::int64_t>>> Consumer::Core::look_up(
    const std::string& topic, const std::vector<std::int32_t>& partitions, OffsetSpec spec) {
  v1::ListOffsetsRequest request;
  request.set_topic(topic);
  request.mutable_partitions()->Add(partitions.begin(), partitions.end());
  request.set_point(point_of(spec.kind));
  request.set_time_ms(spec.value);
  v1::ListOffsetsResponse response;
  auto failed = caller_.call(
      [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
          client::UnaryCaller::Deadline deadline) -> std::optional<RpcError> {
        grpc::ClientContext context;
        context.set_deadline(deadline);
        response.Clear();
        const grpc::Status status = v1::Log::NewStub(channel)->ListOffsets(&context, request, &response);
        if (!status.ok()) return client::rpc_error_of(status, server);
        for (const auto& offset : response.offsets()) {
          if (!offset.has_error()) continue;
          auto error = client::rpc_error_of(offset.error());
          if (!is_damage(error)) return error;  // not yet: asked again
        }
        return std::nullopt;
      },
      client::UnaryCaller::Repeat::kAlways);
  if (failed) return std::move(failed->error);
  std::map<std::int32_t, Result<std::int64_t>> offsets;
  for (const auto& found : response.offsets()) {
    if (spec.kind == OffsetSpec::Kind::kOffset) {
      offsets[found.partition()] = spec.value;
    } else if (found.has_error()) {
      offsets[found.partition()] = client::rpc_error_of(found.error()).error;
    } else {
      offsets[found.partition()] = found.has_offset() ? found.offset() : found.log_end();
    }
  }
  for (const std::int32_t partition : partitions) {
    if (!offsets.contains(partition)) {
      return Error{ErrorCode::kUnknownPartition,
                   "topic '" + topic + "' has no partition " + std::to_string(partition)};
    }
  }
  return offsets;
}

Result<void> Consumer::Core::assign(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                    OffsetSpec from) {
  if (from.kind == OffsetSpec::Kind::kOffset && from.value < 0) {
    return Error{ErrorCode::kInvalidArgument, "offset " + std::to_string(from.value) + " is negative"};
  }
  for (const std::int32_t partition : partitions) {
    if (partition < 0)
      return Error{ErrorCode::kInvalidArgument, "partition " + std::to_string(partition) + " is negative"};
  }
  std::map<std::int32_t, Result<std::int64_t>> offsets;
  if (from.kind == OffsetSpec::Kind::kOffset && !partitions.empty()) {
    for (const std::int32_t partition : partitions) offsets[partition] = from.value;
  } else {
    FOREBAY_TRY(offsets, look_up(topic, partitions, from));
  }
  const bool all_damaged =
      !offsets.empty() &&
      std::none_of(offsets.begin(), offsets.end(), [](const auto& one) { return one.second.has_value(); });
  if (all_damaged) return offsets.begin()->second.error();
  Lock lock(mutex_);
  for (const auto& [partition, offset] : offsets) {
    const TopicPartition id{topic, partition};
    drop_decoded(id);
    ahead_.assign(id, offset.value_or(0));
    if (!offset) ahead_.fail(id, 0, offset.error());
  }
  pump(lock);
  return {};
}

void Consumer::Core::unassign(const std::string& topic, const std::vector<std::int32_t>& partitions) {
  Lock lock(mutex_);
  for (const TopicPartition& id : ahead_.assignment()) {
    const bool named = partitions.empty() ||
                       std::find(partitions.begin(), partitions.end(), id.partition) != partitions.end();
    if (id.topic != topic || !named) continue;
    drop_decoded(id);
    ahead_.unassign(id);
  }
  pump(lock);
}

std::vector<TopicPartition> Consumer::Core::assignment() const {
  const Lock lock(mutex_);
  return ahead_.assignment();
}

Result<void> Consumer::Core::check_assigned(const TopicPartition& partition) const {
  const Lock lock(mutex_);
  if (ahead_.is_assigned(partition)) return {};
  return Error{ErrorCode::kInvalidArgument, partition.to_string() + " is not assigned"};
}

Result<void> Consumer::Core::seek(const TopicPartition& partition, OffsetSpec to) {
  FOREBAY_CHECK(check_assigned(partition));
  return assign(partition.topic, {partition.partition}, to);
}

Result<void> Consumer::Core::set_paused(const TopicPartition& partition, bool paused) {
  FOREBAY_CHECK(check_assigned(partition));
  const Lock lock(mutex_);
  ahead_.set_paused(partition, paused);
  return {};
}

void Consumer::Core::drop_decoded(const TopicPartition& partition) {
  std::erase_if(decoded_, [&](const Decoded& decoded) { return is_of(decoded.batch, partition); });
  if (rest_ && is_of(rest_->batch, partition)) rest_.reset();
}

// --- handing out ---

Result<bool> Consumer::Core::next_delivery(Clock::time_point deadline) {
  Lock lock(mutex_);
  while (true) {
    if (auto taken = ahead_.take()) {
      pump(lock);  // there is room now
      lock.unlock();
      if (auto* failure = std::get_if<PartitionFailure>(&*taken)) return std::move(failure->error);
      return decode(std::move(std::get<ReadAhead::Delivery>(*taken)));
    }
    pump(lock);
    if (std::exchange(woken_, false) || Clock::now() >= deadline) return false;
    const auto retry = ahead_.next_deadline();
    changed_.wait_until(lock, retry ? std::min(*retry, deadline) : deadline);
  }
}

// Puts the delivery's batches into decoded_. A batch that is wrong stops the partition there, after those
// before it.
Result<bool> Consumer::Core::decode(ReadAhead::Delivery delivery) {
  std::int64_t begin = delivery.begin;
  for (const client::FetchedBatch& fetched : delivery.batches) {
    auto batch =
        ConsumedBatchAccess::decode(delivery.partition, fetched, begin, options_.decompressed_bytes_max);
    if (!batch) {
      pass_to(delivery.partition, begin);
      const Lock lock(mutex_);
      ahead_.fail(delivery.partition, begin, batch.error());
      return true;
    }
    begin = fetched.end_offset;
    if (batch->record_count() > 0) decoded_.push_back({std::move(*batch), begin});
  }
  pass_to(delivery.partition, delivery.end);
  return true;
}

// Offsets without records are passed together with the last record before them.
void Consumer::Core::pass_to(const TopicPartition& partition, std::int64_t offset) {
  for (auto last = decoded_.rbegin(); last != decoded_.rend(); ++last) {
    if (!is_of(last->batch, partition)) continue;
    last->end = offset;
    return;
  }
  if (rest_ && is_of(rest_->batch, partition)) {
    rest_->end = offset;
  } else {
    move_position(partition, offset);
  }
}

void Consumer::Core::move_position(const TopicPartition& partition, std::int64_t offset) {
  const Lock lock(mutex_);
  ahead_.moved(partition, offset);
}

std::optional<Consumer::Core::Decoded> Consumer::Core::take_decoded() {
  const Lock lock(mutex_);
  for (auto at = decoded_.begin(); at != decoded_.end(); ++at) {
    if (ahead_.is_paused({at->batch.topic(), at->batch.partition()})) continue;
    Decoded decoded = std::move(*at);
    decoded_.erase(at);
    return decoded;
  }
  return std::nullopt;
}

// What poll() has left of a batch becomes a batch again, the next one of its partition.
void Consumer::Core::put_rest_back() {
  if (!rest_) return;
  const TopicPartition id{rest_->batch.topic(), rest_->batch.partition()};
  const Lock lock(mutex_);
  decoded_.push_front({ConsumedBatchAccess::from(rest_->batch, ahead_.progress(id).position), rest_->end});
  rest_.reset();
}

bool Consumer::Core::rest_is_paused() const {
  if (!rest_) return false;
  const Lock lock(mutex_);
  return ahead_.is_paused({rest_->batch.topic(), rest_->batch.partition()});
}

Result<std::vector<ConsumedBatch>> Consumer::Core::poll_batches(milliseconds timeout) {
  const auto deadline = Clock::now() + std::min(timeout, kPollMax);
  put_rest_back();
  std::vector<ConsumedBatch> out;
  while (true) {
    while (auto decoded = take_decoded()) {
      move_position({decoded->batch.topic(), decoded->batch.partition()}, decoded->end);
      out.push_back(std::move(decoded->batch));
    }
    if (!out.empty()) return out;
    FOREBAY_TRY(const bool more, next_delivery(deadline));
    if (!more) return out;
  }
}

Result<std::vector<Record>> Consumer::Core::poll(milliseconds timeout) {
  const auto deadline = Clock::now() + std::min(timeout, kPollMax);
  std::vector<Record> out;
  if (rest_is_paused()) put_rest_back();
  while (true) {
    if (rest_) {
      const TopicPartition id{rest_->batch.topic(), rest_->batch.partition()};
      RecordView view;
      bool more = true;
      while (out.size() < options_.poll_records_max && (more = rest_->cursor.next(view))) {
        out.push_back(ConsumedBatchAccess::owned(rest_->batch, view));
      }
      if (!more) {
        move_position(id, rest_->end);
        rest_.reset();
      } else {
        if (!out.empty()) move_position(id, out.back().offset + 1);
        return out;
      }
    }
    if (auto decoded = take_decoded()) {
      auto cursor = decoded->batch.records();
      rest_.emplace(Rest{decoded->batch, std::move(cursor), decoded->end});
      continue;
    }
    if (!out.empty()) return out;
    FOREBAY_TRY(const bool more, next_delivery(deadline));
    if (!more) return out;
  }
}

// --- streams ---

void Consumer::Core::pump(Lock& lock) {
  while (!closing_) {
    auto work = ahead_.next_work(Clock::now());
    if (!work) return;
    if (const auto* subscribe_work = std::get_if<ReadAhead::Subscribe>(&*work)) {
      subscribe(*subscribe_work);
      continue;
    }
    const bool fetch = std::holds_alternative<ReadAhead::Fetch>(*work);
    const auto id =
        fetch ? std::get<ReadAhead::Fetch>(*work).stream : std::get<ReadAhead::Cancel>(*work).stream;
    const auto found = streams_.find(id);
    if (found == streams_.end() || found->second.stream == nullptr) continue;  // it has ended by itself
    auto stream = found->second.stream;
    lock.unlock();
    if (fetch) {
      stream->fetch();
    } else {
      stream->cancel();
    }
    stream.reset();  // without the lock: see on_destroyed()
    lock.lock();
  }
}

// With the lock held: a stream calls back on other threads only.
void Consumer::Core::subscribe(const ReadAhead::Subscribe& work) {
  Connection& connection = connections_[work.node];
  if (connection.channel == nullptr) connection.channel = client::open_channel(work.address);
  auto stream = client::SubscribeStream::open(
      connection.channel, work.address, work.stream,
      {.partition = work.partition, .offset = work.offset, .response_bytes_max = options_.response_bytes_max},
      shared_from_this());
  streams_.emplace(work.stream, Open{std::move(stream), connection.channel, work.node});
  // Not before it has a stream: only then does it keep what the one before kept.
  connection.keeper = connection.channel;
}

void Consumer::Core::on_response(std::uint64_t stream, client::FetchedResponse response) {
  if (!response.leader.empty()) caller_.learn(response.leader);
  if (response.error && !response.error->error.leader.empty()) caller_.learn(response.error->error.leader);
  Lock lock(mutex_);
  ahead_.received(stream, std::move(response), Clock::now());
  pump(lock);
  changed_.notify_one();
}

void Consumer::Core::on_ended(std::uint64_t stream, const std::optional<RpcError>& error) {
  if (error && !error->error.leader.empty()) caller_.learn(error->error.leader);
  Lock lock(mutex_);
  const auto found = streams_.find(stream);
  if (found != streams_.end()) {
    const bool server_is_gone =
        error && (error->error.code == ErrorCode::kShuttingDown ||
                  (!error->from_broker && error->error.code != ErrorCode::kCancelled));
    Connection& connection = connections_[found->second.node];
    if (server_is_gone && connection.channel == found->second.channel) connection.channel.reset();
    found->second.stream.reset();
  }
  ahead_.ended(stream, error, Clock::now());
  pump(lock);
  changed_.notify_all();
}

void Consumer::Core::on_destroyed(std::uint64_t stream) {
  const Lock lock(mutex_);
  streams_.erase(stream);
  changed_.notify_all();
}

void Consumer::Core::wake() {
  const Lock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void Consumer::Core::close() {
  Lock lock(mutex_);
  closing_ = true;
  std::vector<std::shared_ptr<client::SubscribeStream>> running;
  for (const auto& [id, entry] : streams_) {
    if (entry.stream != nullptr) running.push_back(entry.stream);
  }
  lock.unlock();
  for (const auto& stream : running) stream->cancel();
  running.clear();
  lock.lock();
  changed_.wait(lock, [&] { return streams_.empty(); });
  const auto connections = std::exchange(connections_, {});
  lock.unlock();
}

// --- looking ---

std::vector<PartitionFailure> Consumer::Core::failures() const {
  const Lock lock(mutex_);
  return ahead_.failures();
}

Result<PartitionProgress> Consumer::Core::progress(const TopicPartition& partition) const {
  FOREBAY_CHECK(check_assigned(partition));
  const Lock lock(mutex_);
  return ahead_.progress(partition);
}

Result<std::vector<std::int64_t>> Consumer::Core::end_offsets() {
  std::map<std::string, std::vector<std::int32_t>> by_topic;
  for (const TopicPartition& id : assignment()) by_topic[id.topic].push_back(id.partition);
  std::vector<std::int64_t> ends;
  for (const auto& [topic, partitions] :
       by_topic) {  // the order of assignment(): by topic, then by partition
    FOREBAY_TRY(const auto found, look_up(topic, partitions, OffsetSpec::end()));
    for (const std::int32_t partition : partitions) {
      FOREBAY_TRY(const std::int64_t end, found.at(partition));
      // A node that was the leader once may still answer by what it knew then.
      FOREBAY_TRY(const PartitionProgress known, progress({topic, partition}));
      ends.push_back(std::max(end, known.high_watermark));
    }
  }
  return ends;
}

}  // namespace forebay
