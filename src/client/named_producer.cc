#include "forebay/named_producer.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <limits>
#include <set>
#include <thread>
#include <utility>

#include "base/murmur2.h"
#include "client/connection.h"
#include "client/core/backoff.h"
#include "client/core/options_check.h"
#include "client/core/resume_plan.h"
#include "client/producer_core.h"
#include "forebay/v1/log.grpc.pb.h"

namespace forebay {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kNameBytesMax = 249;
// A record needs all partitions to say where they stand; one that has no leader yet will have one soon.
constexpr client::BackoffRange kFenceAgain{milliseconds(50), milliseconds(1'000)};

Error bad_option(std::string what) {
  return Error{ErrorCode::kInvalidArgument, "named producer option " + std::move(what)};
}

Result<void> check(const NamedProducerOptions& options) {
  const bool good_name = !options.name.empty() && options.name.size() <= kNameBytesMax &&
                         std::all_of(options.name.begin(), options.name.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                         });
  if (!good_name) return bad_option("name must be 1 to 249 of a-z A-Z 0-9 . _ -");
  if (options.topic.empty()) return bad_option("topic must not be empty");
  if (options.source.size() > client::kSourceIdentityBytesMax)
    return bad_option("source must be at most " + std::to_string(client::kSourceIdentityBytesMax) + " bytes");
  if (!client::is_idempotent(options.producer))
    return bad_option("producer: acks must be all, and idempotent not false");
  return {};
}

// Both calls may be repeated: the last answer counts.
template <typename Method, typename Request, typename Response>
Result<void> call(client::UnaryCaller& caller, Method method, const Request& request, Response& response,
                  milliseconds timeout) {
  auto failed = caller.call(
      [&](const std::shared_ptr<grpc::Channel>& channel, const std::string& server,
          client::UnaryCaller::Deadline deadline) -> std::optional<client::RpcError> {
        grpc::ClientContext context;
        context.set_deadline(deadline);
        response.Clear();
        const auto stub = v1::Log::NewStub(channel);
        const grpc::Status status = (stub.get()->*method)(&context, request, &response);
        if (status.ok()) return std::nullopt;
        return client::rpc_error_of(status, server);
      },
      client::UnaryCaller::Repeat::kAlways, timeout);
  if (!failed) return {};
  if (failed->error.code == ErrorCode::kUnsupported)
    failed->error.context += "; this broker knows no named producers: upgrade it";
  return std::move(failed->error);
}

// Until every partition has answered.
Result<v1::FenceProducerResponse> fence(client::UnaryCaller& caller, const v1::FenceProducerRequest& request,
                                        steady_clock::time_point deadline) {
  client::JitterRng rng(request.producer_id() >= 0 ? static_cast<std::uint64_t>(request.producer_id()) : 0);
  for (std::uint32_t failures = 1;; ++failures) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    v1::FenceProducerResponse response;
    FOREBAY_CHECK(
        call(caller, &v1::Log::Stub::FenceProducer, request, response, std::max(left, milliseconds(1))));
    const auto failed = std::find_if(response.partitions().begin(), response.partitions().end(),
                                     [](const auto& one) { return one.has_error(); });
    if (failed == response.partitions().end()) return response;
    Error error = client::rpc_error_of(failed->error()).error;
    error.context = "partition " + std::to_string(failed->partition()) + ": " + error.context;
    const auto wait = std::max<std::chrono::nanoseconds>(client::backoff_delay(kFenceAgain, failures, rng),
                                                         milliseconds(error.retry_after_ms));
    if (!is_retryable(error.code) || steady_clock::now() + wait >= deadline) return error;
    std::this_thread::sleep_for(wait);
  }
}

// `previous`: of the id that the name had before, or nothing. A partition that has something of this id had
// all that counted of the one before.
std::vector<client::StoredPosition> stored_in(const v1::FenceProducerResponse& response,
                                              const v1::FenceProducerResponse& previous) {
  std::vector<client::StoredPosition> stored;
  const auto add = [&stored](const v1::PartitionFenced& one) {
    if (one.has_position())
      stored.push_back({one.partition(), one.position().source(), one.position().position()});
  };
  std::set<std::int32_t> known;
  for (const v1::PartitionFenced& one : response.partitions()) {
    if (one.has_last_epoch()) known.insert(one.partition());
    add(one);
  }
  for (const v1::PartitionFenced& one : previous.partitions()) {
    if (!known.contains(one.partition())) add(one);
  }
  return stored;
}

struct Fenced {
  v1::FenceProducerResponse now, previous;
};

// All sessions before this one.
Result<Fenced> fence_all(client::UnaryCaller& caller, const std::string& topic,
                         const v1::InitProducerResponse& identity, steady_clock::time_point deadline) {
  Fenced fenced;
  v1::FenceProducerRequest request;
  request.set_topic(topic);
  request.set_producer_id(identity.producer_id());
  request.set_epoch(identity.epoch());
  FOREBAY_TRY(fenced.now, fence(caller, request, deadline));
  if (!identity.has_previous_producer_id()) return fenced;
  request.set_producer_id(identity.previous_producer_id());
  request.set_epoch(std::numeric_limits<std::int16_t>::max());
  FOREBAY_TRY(fenced.previous, fence(caller, request, deadline));
  return fenced;
}

}  // namespace

Result<std::unique_ptr<NamedProducer>> NamedProducer::resume(ClientOptions client,
                                                             NamedProducerOptions options) {
  FOREBAY_CHECK(client::check_client_options(client));
  FOREBAY_CHECK(check(options));
  FOREBAY_CHECK(client::check_producer_options(options.producer));
  const auto deadline = steady_clock::now() + client.request_timeout;
  client::UnaryCaller caller(client);
  v1::InitProducerRequest init;
  init.set_name(options.name);
  init.set_client_id(client.client_id);
  v1::InitProducerResponse identity;
  FOREBAY_CHECK(call(caller, &v1::Log::Stub::InitProducer, init, identity, client.request_timeout));
  FOREBAY_TRY(const Fenced fenced, fence_all(caller, options.topic, identity, deadline));
  const auto partition_count = static_cast<std::int32_t>(fenced.now.topic_partitions());
  if (partition_count <= 0 || fenced.now.partitions_size() != partition_count) {
    return Error{ErrorCode::kInternal, "the broker names " + std::to_string(fenced.now.partitions_size()) +
                                           " of " + std::to_string(partition_count) +
                                           " partitions of topic '" + options.topic + "'"};
  }
  auto plan = client::plan_resume(stored_in(fenced.now, fenced.previous), partition_count, options.source,
                                  options.is_same_source);
  if (!plan) {
    Error error = std::move(plan).error();
    error.context = "name '" + options.name + "', topic '" + options.topic + "': " + error.context;
    return error;
  }
  std::unique_ptr<NamedProducer> made(new NamedProducer());
  made->topic_ = options.topic;
  made->stored_ = std::move(plan->stored);
  made->start_after_ = plan->start_after;
  made->furthest_ = plan->furthest;
  made->producer_ = std::unique_ptr<Producer>(new Producer(std::make_shared<Producer::Core>(
      client, options.producer,
      client::NamedSession{{identity.producer_id(), static_cast<std::int16_t>(identity.epoch())},
                           options.name,
                           client::encode_source(plan->identity, partition_count)})));
  return made;
}

NamedProducer::~NamedProducer() = default;

Result<std::optional<std::int32_t>> NamedProducer::place(std::uint64_t position, std::int32_t partition,
                                                         const RecordView& record) const {
  if (last_ && position <= *last_) {
    return Error{ErrorCode::kInvalidArgument, "position " + std::to_string(position) +
                                                  " does not come after that of the record before, " +
                                                  std::to_string(*last_)};
  }
  const auto count = static_cast<std::int32_t>(stored_.size());
  if (partition >= count) {
    return Error{ErrorCode::kUnknownPartition, "partition " + std::to_string(partition) + ": topic '" +
                                                   topic_ + "' has " + std::to_string(count)};
  }
  if (partition < 0) {
    partition = record.key ? partition_for_key(as_bytes(*record.key), count)
                           : client::partition_for_position(position, count);
  }
  const auto& stored = stored_[static_cast<std::size_t>(partition)];
  if (stored && position <= stored->position) return std::optional<std::int32_t>();
  return std::optional<std::int32_t>(partition);
}

Result<bool> NamedProducer::send_token(const SourcePlace& at, std::int32_t partition,
                                       const RecordView& record, std::uint64_t token) {
  FOREBAY_TRY(const auto to, place(at.position, partition, record));
  if (to) FOREBAY_CHECK(producer_->send_at(topic_, *to, record, at, token));
  last_ = at.position;
  return to.has_value();
}

Result<bool> NamedProducer::send(const SourcePlace& at, const RecordView& record, AckCallback callback) {
  FOREBAY_TRY(const auto to, place(at.position, Producer::kByKey, record));
  if (to) FOREBAY_CHECK(producer_->send_at(topic_, *to, record, at, std::move(callback)));
  last_ = at.position;
  return to.has_value();
}

}  // namespace forebay
