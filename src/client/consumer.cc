#include "forebay/consumer.h"

#include <string>
#include <utility>

#include "client/consumer_core.h"
#include "client/core/options_check.h"

namespace forebay {
namespace {

constexpr std::size_t kResponseBytesMin = 1024;
constexpr std::size_t kResponseBytesMax = 8U << 20;

Error bad_option(const char* what) {
  return Error{ErrorCode::kInvalidArgument, std::string("consumer option ") + what};
}

Result<void> check(const ConsumerOptions& options) {
  if (options.response_bytes_max < kResponseBytesMin || options.response_bytes_max > kResponseBytesMax) {
    return bad_option("response_bytes_max must be 1 KiB to 8 MiB");
  }
  if (options.poll_records_max == 0) return bad_option("poll_records_max must be at least 1");
  if (options.decompressed_bytes_max == 0) return bad_option("decompressed_bytes_max must be at least 1");
  return {};
}

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::create(ClientOptions client, ConsumerOptions options) {
  if (auto checked = client::check_client_options(client); !checked) return std::move(checked).error();
  if (auto checked = check(options); !checked) return std::move(checked).error();
  return std::unique_ptr<Consumer>(new Consumer(std::make_shared<Core>(client, options)));
}

Consumer::Consumer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Consumer::~Consumer() { core_->close(); }

Result<void> Consumer::assign(std::string_view topic, std::vector<std::int32_t> partitions, OffsetSpec from) {
  return core_->assign(std::string(topic), partitions, from);
}
void Consumer::unassign(std::string_view topic, const std::vector<std::int32_t>& partitions) {
  core_->unassign(std::string(topic), partitions);
}
std::vector<TopicPartition> Consumer::assignment() const { return core_->assignment(); }
Result<void> Consumer::seek(const TopicPartition& partition, OffsetSpec to) {
  return core_->seek(partition, to);
}
Result<void> Consumer::pause(const TopicPartition& partition) { return core_->set_paused(partition, true); }
Result<void> Consumer::resume(const TopicPartition& partition) { return core_->set_paused(partition, false); }
Result<std::vector<Record>> Consumer::poll(std::chrono::milliseconds timeout) { return core_->poll(timeout); }
Result<std::vector<ConsumedBatch>> Consumer::poll_batches(std::chrono::milliseconds timeout) {
  return core_->poll_batches(timeout);
}
std::vector<PartitionFailure> Consumer::failures() const { return core_->failures(); }
Result<PartitionProgress> Consumer::progress(const TopicPartition& partition) const {
  return core_->progress(partition);
}
Result<std::int64_t> Consumer::position(const TopicPartition& partition) const {
  auto progress = core_->progress(partition);
  if (!progress) return std::move(progress).error();
  return progress->position;
}
Result<std::vector<std::int64_t>> Consumer::end_offsets() { return core_->end_offsets(); }
void Consumer::wake() { core_->wake(); }

}  // namespace forebay
