#include "forebay/producer.h"

#include <string>
#include <utility>
#include <vector>

#include "client/core/options_check.h"
#include "client/producer_core.h"

namespace forebay {
namespace {

constexpr std::size_t kBatchBytesMin = 1024;
constexpr std::size_t kBatchBytesMax = 8U << 20;
constexpr std::uint32_t kInFlightMax = 64;
// A broker recognizes so many of a producer's last batches in a partition.
constexpr std::uint32_t kInFlightIdempotentMax = 5;
constexpr std::chrono::milliseconds kLingerMax{60'000};

Error bad_option(const char* what) {
  return Error{ErrorCode::kInvalidArgument, std::string("producer option ") + what};
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<ByteSpan> bytes_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}
std::optional<ByteSpan> bytes_of(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

// The public record as the batch builder takes it. `headers` is room for the list and must live as long.
template <typename PublicRecord>
model::NewRecord new_record(const PublicRecord& record, std::vector<model::HeaderView>& headers) {
  headers.clear();
  for (const auto& header : record.headers) headers.push_back({header.name, bytes_of(header.value)});
  return {.key = bytes_of(record.key),
          .value = bytes_of(record.value),
          .headers = headers,
          .timestamp = model::Timestamp(record.event_time_ms ? *record.event_time_ms : now_ms())};
}

Error negative_partition(std::int32_t partition) {
  return Error{ErrorCode::kInvalidArgument, "partition " + std::to_string(partition) + " is negative"};
}

}  // namespace

namespace client {

Result<void> check_producer_options(const ProducerOptions& options) {
  const std::chrono::milliseconds zero{0};
  if (options.batch_bytes_max < kBatchBytesMin || options.batch_bytes_max > kBatchBytesMax) {
    return bad_option("batch_bytes_max must be 1 KiB to 8 MiB");
  }
  if (options.linger < zero || options.linger > kLingerMax) return bad_option("linger must be 0 to 60 s");
  if (options.in_flight_per_partition_max == 0 || options.in_flight_per_partition_max > kInFlightMax) {
    return bad_option("in_flight_per_partition_max must be 1 to 64");
  }
  if (options.idempotent.value_or(false) && options.acks != Acks::kAll) {
    return bad_option("idempotent needs acks = all: set one of them otherwise");
  }
  if (client::is_idempotent(options) && options.in_flight_per_partition_max > kInFlightIdempotentMax) {
    return bad_option("in_flight_per_partition_max must be 1 to 5, or idempotent must be false");
  }
  if (options.in_flight_bytes_max == 0) return bad_option("in_flight_bytes_max must be more than 0");
  if (options.buffer_bytes_max < options.batch_bytes_max) {
    return bad_option("buffer_bytes_max must be at least batch_bytes_max");
  }
  if (options.block_timeout < zero) return bad_option("block_timeout must not be negative");
  if (options.delivery_timeout <= zero) return bad_option("delivery_timeout must be more than 0");
  if (options.delivery_timeout <= options.linger)
    return bad_option("delivery_timeout must be more than linger");
  if (options.retry_delay <= zero || options.retry_delay_max < options.retry_delay) {
    return bad_option("retry_delay must be more than 0, and retry_delay_max at least as much");
  }
  if (options.metadata_age_max <= zero) return bad_option("metadata_age_max must be more than 0");
  return {};
}

}  // namespace client

Result<std::unique_ptr<Producer>> Producer::create(ClientOptions client, ProducerOptions options) {
  if (auto checked = client::check_client_options(client); !checked) return std::move(checked).error();
  if (auto checked = client::check_producer_options(options); !checked) return std::move(checked).error();
  return std::unique_ptr<Producer>(new Producer(std::make_shared<Core>(client, options)));
}

Producer::Producer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Producer::~Producer() {
  [[maybe_unused]] const auto left = core_->close(std::chrono::milliseconds(0));  // answered with kCancelled
}

void Producer::send_to(std::string_view topic, std::int32_t partition, const Record& record,
                       AckCallback callback) {
  std::vector<model::HeaderView> headers;
  client::Answer answer(client::AckFunction(std::move(callback)));
  auto sent = core_->submit(topic, partition, new_record(record, headers), answer);
  if (!sent) std::get<client::AckFunction>(answer)(std::move(sent).error());
}

std::future<Result<Ack>> Producer::send_to(std::string_view topic, std::int32_t partition,
                                           const Record& record) {
  std::vector<model::HeaderView> headers;
  std::promise<Result<Ack>> promise;
  auto future = promise.get_future();
  client::Answer answer(client::AckFunction(
      [promise = std::move(promise)](const Result<Ack>& result) mutable { promise.set_value(result); }));
  auto sent = core_->submit(topic, partition, new_record(record, headers), answer);
  if (!sent) std::get<client::AckFunction>(answer)(std::move(sent).error());
  return future;
}

std::future<Result<Ack>> Producer::send(std::string_view topic, const Record& record) {
  return send_to(topic, kByKey, record);
}
void Producer::send(std::string_view topic, const Record& record, AckCallback callback) {
  send_to(topic, kByKey, record, std::move(callback));
}

std::future<Result<Ack>> Producer::send(std::string_view topic, std::int32_t partition,
                                        const Record& record) {
  if (partition >= 0) return send_to(topic, partition, record);
  std::promise<Result<Ack>> refused;
  refused.set_value(negative_partition(partition));
  return refused.get_future();
}
void Producer::send(std::string_view topic, std::int32_t partition, const Record& record,
                    AckCallback callback) {
  if (partition < 0) {
    callback(negative_partition(partition));
  } else {
    send_to(topic, partition, record, std::move(callback));
  }
}

Result<void> Producer::send_token(std::string_view topic, std::int32_t partition, const RecordView& record,
                                  std::uint64_t token) {
  if (core_->options().sink == nullptr)
    return Error{ErrorCode::kInvalidArgument, "ProducerOptions::sink is not set"};
  thread_local std::vector<model::HeaderView> headers;
  client::Answer answer(token);
  return core_->submit(topic, partition, new_record(record, headers), answer);
}

Result<void> Producer::send_at(const std::string& topic, std::int32_t partition, const RecordView& record,
                               const SourcePlace& place, SendAnswer answer) {
  if (std::holds_alternative<std::uint64_t>(answer) && core_->options().sink == nullptr)
    return Error{ErrorCode::kInvalidArgument, "ProducerOptions::sink is not set"};
  std::vector<model::HeaderView> headers;
  client::Answer internal(std::uint64_t{0});
  if (auto* token = std::get_if<std::uint64_t>(&answer)) {
    internal = *token;
  } else {
    internal = client::AckFunction(std::move(std::get<AckCallback>(answer)));
  }
  return core_->submit(topic, partition, new_record(record, headers), internal, place);
}

Result<void> Producer::flush(std::chrono::milliseconds timeout) { return core_->flush(timeout); }
Result<void> Producer::close(std::chrono::milliseconds timeout) { return core_->close(timeout); }
Producer::Stats Producer::stats() const { return core_->stats(); }

}  // namespace forebay
