#include "client/producer_core.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/murmur2.h"
#include "client/completion_thread.h"
#include "client/core/options_check.h"
#include "forebay/v1/log.grpc.pb.h"

namespace forebay {
namespace {

using client::SendQueue;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A broker answers a request at its timeout at the latest; a stream that is silent for so much longer is
// dead.
constexpr milliseconds kAnswerSlack{5'000};
// A refresh of the partition count must not keep the alarm from ringing for long.
constexpr milliseconds kRefreshTimeout{1'000};
// Of one question for an identity; close() may have to wait for it.
constexpr milliseconds kSessionTimeout{3'000};
// Between two looks at a topic because of a partition that it does not have.
constexpr milliseconds kLookAgainAfter{100};
constexpr std::int64_t kRequestTimeoutMsMax = 24 * 3600 * 1000;
constexpr std::size_t kRecordOverheadBytes = 128;

// Set while this thread delivers answers: waiting for room there would keep away the very answers that make
// room.
thread_local bool delivering = false;

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) ^ device();
}

model::Codec codec_of(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return model::Codec::kNone;
    case Compression::kGzip:
      return model::Codec::kGzip;
    case Compression::kSnappy:
      return model::Codec::kSnappy;
    case Compression::kLz4:
      return model::Codec::kLz4;
    case Compression::kZstd:
      return model::Codec::kZstd;
  }
  return model::Codec::kNone;
}

// "For ever" must not overflow when it is added to now.
milliseconds bounded(milliseconds timeout) {
  return std::min(timeout, milliseconds(std::chrono::hours(24 * 365)));
}

SendQueue::Limits limits_of(const ClientOptions& client, const ProducerOptions& options, bool named) {
  return {.batch_bytes_max = options.batch_bytes_max,
          .linger = options.linger,
          .in_flight_per_lane_max = options.in_flight_per_partition_max,
          .in_flight_bytes_max = options.in_flight_bytes_max,
          .buffer_bytes_max = options.buffer_bytes_max,
          .delivery_timeout = bounded(options.delivery_timeout),
          .answer_timeout = bounded(client.request_timeout) + kAnswerSlack,
          .retry = {options.retry_delay, options.retry_delay_max},
          .reconnect = {client.reconnect_delay, client.reconnect_delay_max},
          .codec = codec_of(options.compression),
          .retry_unknown = options.retry_unknown_outcome,
          .idempotent = client::is_idempotent(options),
          .stop_on_failure = named};
}

ClientOptions patient(ClientOptions client, const ProducerOptions& options) {
  client.connect_timeout = std::max(client.connect_timeout, options.block_timeout);
  return client;
}

Error closed_error() { return Error{ErrorCode::kCancelled, "the producer is closed"}; }

std::size_t size_estimate(const model::NewRecord& record) {
  return kRecordOverheadBytes + (record.key ? record.key->size() : 0) +
         (record.value ? record.value->size() : 0);
}

}  // namespace

class Producer::Core::Link final : public client::ProduceStream::Listener {
 public:
  Link(std::shared_ptr<Core> core, NodeId node) : core_(std::move(core)), node_(node) {}

 private:
  void on_ack(std::uint64_t correlation, const client::StoredBatch& stored,
              std::string_view leader) override {
    core_->on_ack(correlation, stored, leader);
  }
  void on_refusal(std::uint64_t correlation, const Error& error) override {
    core_->on_refusal(correlation, error);
  }
  void on_write_done() override { core_->on_write_done(node_); }
  void on_closed(const Error& error, bool connected) override { core_->on_closed(node_, error, connected); }
  void on_destroyed() override { core_->on_destroyed(); }

  const std::shared_ptr<Core> core_;
  const NodeId node_;
};

Producer::Core::Core(const ClientOptions& client, const ProducerOptions& options,
                     std::optional<client::NamedSession> named)
    : client_(client),
      options_(options),
      named_(std::move(named)),
      caller_(patient(client, options)),
      queue_(limits_of(client, options, named_.has_value()), client.servers, random_seed()),
      stream_thread_(std::make_unique<client::CompletionThread>()),
      session_thread_(client::is_idempotent(options) && !named_
                          ? std::make_unique<client::AlarmThread>([this] { begin_session(); })
                          : nullptr),
      alarm_([this] { on_alarm(); }) {
  if (named_) queue_.session_begun(named_->identity, steady_clock::now());
}

Producer::Core::~Core() = default;

// --- records in ---

Result<void> Producer::Core::submit(std::string_view topic, std::int32_t partition,
                                    const model::NewRecord& record, client::Answer& answer,
                                    std::optional<SourcePlace> position) {
  const TimePoint begin = steady_clock::now();
  const TimePoint deadline = begin + bounded(options_.block_timeout);
  Lock lock(mutex_);
  if (closed_) return closed_error();
  const std::size_t size = size_estimate(record);
  if (!queue_.has_room(size)) {
    if (auto room = wait_for_room(size, lock, deadline); !room) return room;
  }
  FOREBAY_TRY(Topic * known, topic_of(topic, partition, lock, begin, deadline));
  if (partition < 0) partition = choose_partition(topic, *known, record);
  SendQueue::Lane& lane = lane_of(topic, *known, partition);
  if (auto appended = queue_.append(lane, record, answer, begin, position); !appended) return appended;
  if (!record.key) known->keyless_batch = SendQueue::open_batch_of(lane);
  if (queue_.may_have_work()) {
    pump(lock);
  } else {
    arm_alarm();
  }
  return {};
}

Result<void> Producer::Core::wait_for_room(std::size_t bytes, Lock& lock, TimePoint deadline) {
  const auto full = [&](const char* what) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string(what) + ": " + std::to_string(queue_.stats().buffered_bytes) + " of " +
                     std::to_string(options_.buffer_bytes_max) + " bytes wait for the broker"};
  };
  if (options_.when_full == WhenFull::kFail || delivering) return full("the buffer is full");
  ++waiting_for_room_;
  bool in_time = true;
  while (in_time && !closed_ && !queue_.has_room(bytes)) {
    queue_.set_pressure(true, steady_clock::now());  // what lingers leaves now
    pump(lock);
    if (closed_ || queue_.has_room(bytes)) break;
    in_time = room_.wait_until(lock, deadline) == std::cv_status::no_timeout;
  }
  if (--waiting_for_room_ == 0) queue_.set_pressure(false, steady_clock::now());
  if (closed_) return closed_error();
  if (!queue_.has_room(bytes)) return full("no room came in the buffer");
  return {};
}

std::int32_t Producer::Core::choose_partition(std::string_view name, Topic& topic,
                                              const model::NewRecord& record) {
  if (record.key) return partition_for_key(*record.key, topic.partition_count);
  // Stay while the batch is open and has room, then go to the next partition.
  const SendQueue::Lane& lane = lane_of(name, topic, topic.keyless_partition);
  const std::uint64_t open = SendQueue::open_batch_of(lane);
  if (open == 0 || open != topic.keyless_batch || !queue_.fits_open_batch(lane, record)) {
    topic.keyless_partition = (topic.keyless_partition + 1) % topic.partition_count;
  }
  return topic.keyless_partition;
}

SendQueue::Lane& Producer::Core::lane_of(std::string_view name, Topic& topic, std::int32_t partition) {
  const auto index = static_cast<std::size_t>(partition);
  if (index >= topic.lanes.size()) topic.lanes.resize(index + 1);
  auto*& lane = topic.lanes[index];
  if (lane == nullptr) {
    lane = &queue_.lane(std::string(name), partition);
    queue_.set_topic_limit(*lane, topic.batch_bytes_max);
  }
  return *lane;
}

// --- partitions of a topic ---

Result<Producer::Core::Topic*> Producer::Core::topic_of(std::string_view name, std::int32_t partition,
                                                        Lock& lock, TimePoint now, TimePoint deadline) {
  auto found = topics_.find(name);
  if (found == topics_.end() || found->second.partition_count == 0) {
    FOREBAY_CHECK(look_up(name, lock, deadline));
    found = topics_.find(name);
  }
  Topic* topic = &found->second;
  if (partition >= topic->partition_count && now - topic->looked_up_at > kLookAgainAfter) {
    FOREBAY_CHECK(look_up(name, lock, deadline));
    topic = &topics_.find(name)->second;
  }
  if (partition >= topic->partition_count) {
    return Error{ErrorCode::kUnknownPartition, "partition " + std::to_string(partition) + ": topic '" +
                                                   std::string(name) + "' has " +
                                                   std::to_string(topic->partition_count)};
  }
  if (now - topic->looked_up_at > options_.metadata_age_max && !topic->refresh_wanted) {
    topic->refresh_wanted = true;
    alarm_.set(now);
  }
  return topic;
}

// One thread asks, the others wait for it. The broker's answer is taken without the lock.
Result<void> Producer::Core::look_up(std::string_view name, Lock& lock, TimePoint deadline) {
  const std::string topic_name(name);
  while (topics_[topic_name].looking_up) {
    if (delivered_.wait_until(lock, deadline) == std::cv_status::timeout) {
      return Error{ErrorCode::kTimedOut, "the partitions of topic '" + topic_name + "' are not known yet"};
    }
    if (closed_) return closed_error();
    if (topics_[topic_name].partition_count > 0) return {};
  }
  topics_[topic_name].looking_up = true;
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  ++performing_;
  lock.unlock();
  auto facts = ask_about(topic_name, std::max(left, milliseconds(1)));
  lock.lock();
  --performing_;
  Topic& topic = topics_[topic_name];
  topic.looking_up = false;
  delivered_.notify_all();
  if (!facts) {
    if (topic.partition_count == 0 && topic.lanes.empty()) topics_.erase(topic_name);
    return std::move(facts).error();
  }
  topic.looked_up_at = steady_clock::now();
  learn(topic, *facts);
  if (closed_) return closed_error();
  return {};
}

void Producer::Core::learn(Topic& topic, const TopicFacts& facts) {
  topic.partition_count = facts.partition_count;
  topic.keyless_partition %= topic.partition_count;
  if (topic.batch_bytes_max == facts.batch_bytes_max) return;
  topic.batch_bytes_max = facts.batch_bytes_max;
  for (SendQueue::Lane* lane : topic.lanes) {
    if (lane != nullptr) queue_.set_topic_limit(*lane, topic.batch_bytes_max);
  }
}

// The ends of its partitions say how many there are. Of all questions that do, only this one is answered
// without the disk, also right after a start.
Result<Producer::Core::TopicFacts> Producer::Core::ask_about(const std::string& name, milliseconds timeout) {
  v1::ListOffsetsRequest request;
  request.set_topic(name);
  request.set_point(v1::END);
  v1::ListOffsetsResponse response;
  auto failed = caller_.call(
      [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
          client::UnaryCaller::Deadline deadline) -> std::optional<client::RpcError> {
        grpc::ClientContext context;
        context.set_deadline(deadline);
        response.Clear();
        const grpc::Status status = v1::Log::NewStub(channel)->ListOffsets(&context, request, &response);
        if (status.ok()) return std::nullopt;
        return client::rpc_error_of(status, server);
      },
      client::UnaryCaller::Repeat::kAlways, timeout);
  if (failed) return std::move(failed->error);
  if (response.offsets_size() == 0) {
    return Error{ErrorCode::kInternal, "the broker says that topic '" + name + "' has no partitions"};
  }
  return TopicFacts{response.offsets_size(), response.offsets(0).batch_bytes_max()};
}

void Producer::Core::refresh_topics(Lock& lock) {
  std::vector<std::string> stale;
  for (auto& [name, topic] : topics_) {
    if (topic.refresh_wanted) stale.push_back(name);
  }
  for (const std::string& name : stale) {
    lock.unlock();
    auto facts = ask_about(name, kRefreshTimeout);
    lock.lock();
    Topic& topic = topics_[name];
    topic.refresh_wanted = false;
    topic.looked_up_at = steady_clock::now();  // also after a failure: not more often than that
    if (facts) learn(topic, *facts);
  }
}

// --- doing what the queue says ---

void Producer::Core::pump(Lock& lock) {
  while (true) {
    deliver_finished(lock);
    auto work = queue_.next_work(steady_clock::now());
    if (!work) break;
    perform(std::move(*work), lock);
  }
  arm_alarm();
}

void Producer::Core::perform(SendQueue::Work work, Lock& lock) {
  ++performing_;
  if (auto* encode = std::get_if<SendQueue::Encode>(&work)) {
    lock.unlock();
    auto built = encode->builder->build(codec_of(options_.compression));
    Result<SharedBytes> bytes = built ? Result<SharedBytes>(SharedBytes::take(std::move(*built)))
                                      : Result<SharedBytes>(std::move(built).error());
    lock.lock();
    queue_.encoded(encode->batch, std::move(bytes), steady_clock::now());
    if (waiting_for_room_ > 0) room_.notify_all();  // compressed, it takes less
  } else if (const auto* send = std::get_if<SendQueue::Send>(&work)) {
    auto stream = open_[send->node].stream;
    lock.unlock();
    if (stream != nullptr)
      stream->send({.correlation = send->correlation,
                    .topic = *send->topic,
                    .partition = send->partition,
                    .acks = options_.acks,
                    .timeout_ms = static_cast<std::uint32_t>(
                        std::min<std::int64_t>(client_.request_timeout.count(), kRequestTimeoutMsMax)),
                    .retry_round = send->retry_round,
                    .destination_crc = send->destination_crc,
                    .source = named_ ? std::string_view(named_->source) : std::string_view(),
                    .position = send->position,
                    .batch_bytes = send->batch.size()},
                   send->batch);
    stream.reset();  // without the lock: see on_destroyed()
    lock.lock();
  } else if (const auto* connect = std::get_if<SendQueue::Connect>(&work)) {
    // Under the lock: whoever finds the queue's stream up must find the stream. It calls back on other
    // threads only.
    Open& open = open_[connect->node];
    open.stream = client::ProduceStream::open(connect->address, client_.client_id, *stream_thread_,
                                              std::make_shared<Link>(shared_from_this(), connect->node));
    open.channel = open.stream->channel();
    ++streams_;
  } else if (std::holds_alternative<SendQueue::BeginSession>(work)) {
    session_thread_->set(steady_clock::now());
  } else {
    auto stream = open_[std::get<SendQueue::Cancel>(work).node].stream;
    lock.unlock();
    if (stream != nullptr) stream->cancel();
    stream.reset();
    lock.lock();
  }
  --performing_;
  if (closed_) delivered_.notify_all();
}

void Producer::Core::deliver_finished(Lock& lock) {
  auto finished = queue_.take_finished();
  const auto losses = queue_.take_losses();
  if (finished.empty() && losses.empty()) return;
  ++performing_;
  lock.unlock();
  {
    const bool nested = std::exchange(delivering, true);
    for (auto& batch : finished) deliver(batch);
    for (const auto& loss : losses) {
      if (options_.on_early_ack_loss) options_.on_early_ack_loss({*loss.topic, loss.partition, loss.records});
    }
    delivering = nested;
  }
  lock.lock();
  for (const auto& batch : finished) queue_.delivered(batch.id);
  --performing_;
  delivered_.notify_all();
  if (waiting_for_room_ > 0) room_.notify_all();
}

void Producer::Core::deliver(SendQueue::Finished& finished) {
  if (!finished.answers.tokens.empty()) options_.sink->on_acks(finished.answers.tokens, finished.result);
  if (!finished.result) {
    for (auto& function : finished.answers.functions) function(finished.result);
    return;
  }
  Ack ack = *finished.result;
  for (auto& function : finished.answers.functions) {
    function(ack);
    ++ack.offset;
  }
}

void Producer::Core::arm_alarm() {
  const auto deadline = queue_.next_deadline();
  if (!deadline || (armed_ && *armed_ <= *deadline)) return;
  armed_ = deadline;
  alarm_.set(*deadline);
}

void Producer::Core::on_alarm() {
  Lock lock(mutex_);
  armed_.reset();
  refresh_topics(lock);
  queue_.on_time(steady_clock::now());
  pump(lock);
}

// On its thread. To ask twice costs no more than a number.
void Producer::Core::begin_session() {
  v1::InitProducerRequest request;
  request.set_client_id(client_.client_id);
  v1::InitProducerResponse response;
  auto failed = caller_.call(
      [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
          client::UnaryCaller::Deadline deadline) -> std::optional<client::RpcError> {
        grpc::ClientContext context;
        context.set_deadline(deadline);
        response.Clear();
        const grpc::Status status = v1::Log::NewStub(channel)->InitProducer(&context, request, &response);
        if (status.ok()) return std::nullopt;
        return client::rpc_error_of(status, server);
      },
      client::UnaryCaller::Repeat::kAlways, std::min(client_.request_timeout, kSessionTimeout));
  Lock lock(mutex_);
  if (!failed) {
    queue_.session_begun({response.producer_id(), static_cast<std::int16_t>(response.epoch())},
                         steady_clock::now());
  } else {
    Error error = std::move(failed->error);
    if (error.code == ErrorCode::kUnsupported)
      error.context +=
          "; this broker knows no producer ids: upgrade it, or set ProducerOptions::idempotent to false";
    queue_.session_failed(error, steady_clock::now());
  }
  pump(lock);
}

void Producer::Core::on_ack(std::uint64_t correlation, const client::StoredBatch& stored,
                            std::string_view leader) {
  if (!leader.empty()) caller_.learn(leader);
  Lock lock(mutex_);
  queue_.acked(correlation, stored, leader, steady_clock::now());
  pump(lock);
}

void Producer::Core::on_refusal(std::uint64_t correlation, const Error& error) {
  if (!error.leader.empty()) caller_.learn(error.leader);
  Lock lock(mutex_);
  if (error.code == ErrorCode::kUnknownPartition || error.code == ErrorCode::kUnknownTopic ||
      error.code == ErrorCode::kRecordTooLarge) {
    for (auto& [name, topic] : topics_)
      topic.refresh_wanted = true;  // rare: the topic was deleted, or made again, or takes less than before
    alarm_.set(steady_clock::now());
  }
  queue_.refused(correlation, error, steady_clock::now());
  pump(lock);
}

void Producer::Core::on_write_done(NodeId node) {
  Lock lock(mutex_);
  queue_.write_done(node);
  pump(lock);
}

void Producer::Core::on_closed(NodeId node, const Error& error, bool connected) {
  Lock lock(mutex_);
  open_[node].stream.reset();
  queue_.stream_closed(node, connected, error, steady_clock::now());
  pump(lock);
  delivered_.notify_all();
}

void Producer::Core::on_destroyed() {
  const Lock lock(mutex_);
  --streams_;
  delivered_.notify_all();
}

// --- flush and close ---

Result<void> Producer::Core::flush(milliseconds timeout) {
  const TimePoint deadline = steady_clock::now() + bounded(timeout);
  Lock lock(mutex_);
  const std::uint64_t mark = queue_.flush(steady_clock::now());
  pump(lock);
  const bool flushed = delivered_.wait_until(lock, deadline, [&] { return queue_.is_flushed(mark); });
  if (flushed) return {};
  return Error{ErrorCode::kTimedOut, "records are still unanswered; they stay under way"};
}

Result<void> Producer::Core::close(milliseconds timeout) {
  {
    Lock lock(mutex_);
    if (std::exchange(closed_, true)) {  // somebody else does it, or has done it
      delivered_.wait(lock, [&] { return close_done_; });
      return {};
    }
    room_.notify_all();
    delivered_.notify_all();
  }
  auto flushed = flush(timeout);
  {
    Lock lock(mutex_);
    queue_.fail_all(Error{ErrorCode::kCancelled, "the producer was closed before the broker answered"});
    pump(lock);
    std::vector<std::shared_ptr<client::ProduceStream>> streams;
    for (const auto& [node, open] : open_) {
      if (open.stream != nullptr) streams.push_back(open.stream);
    }
    lock.unlock();
    for (const auto& stream : streams) stream->cancel();
    streams.clear();
    lock.lock();
    delivered_.wait(lock, [&] { return streams_ == 0 && performing_ == 0; });
    pump(lock);
    const auto channels = std::exchange(open_, {});
    lock.unlock();
  }
  if (session_thread_ != nullptr) session_thread_->stop();
  stream_thread_->stop();
  alarm_.stop();
  const Lock lock(mutex_);
  close_done_ = true;
  delivered_.notify_all();
  return flushed;
}

Producer::Stats Producer::Core::stats() const {
  const Lock lock(mutex_);
  return queue_.stats();
}

}  // namespace forebay
