#include "torture/load/session_producer.h"

#include "torture/record_value.h"

namespace forebay::torture {
namespace {

constexpr Milliseconds kCloseTimeout{20'000};
// Beyond it bursts are refused: what waits through a long fault stays little.
constexpr std::size_t kBufferBytes = 4 << 20;
constexpr std::size_t kBatchBytes = 16 << 10;
// The values of each partition are a range of their own, so that runs of them are long.
constexpr int kPartitionShift = 24;

}  // namespace

SessionProducer::SessionProducer(LoadWorld& world, std::uint32_t number, Work work)
    : world_(world),
      number_(number),
      work_(std::move(work)),
      random_(std::hash<std::string>{}(world.run) + number),
      lines_(world.history, "s" + std::to_string(number), work_.topic) {
  for (std::uint64_t partition = 0; partition < work_.partitions; ++partition)
    next_values_.push_back(first_value_of(number_) + (partition << kPartitionShift));
}

Result<std::unique_ptr<SessionProducer>> SessionProducer::create(LoadWorld& world, std::uint32_t number,
                                                                 Work work) {
  std::unique_ptr<SessionProducer> made(new SessionProducer(world, number, std::move(work)));
  ProducerOptions options;
  options.batch_bytes_max = kBatchBytes;
  options.buffer_bytes_max = kBufferBytes;
  options.when_full = WhenFull::kFail;
  options.delivery_timeout = made->work_.delivery_timeout;
  options.sink = &made->lines_;
  FOREBAY_TRY(made->producer_, Producer::create(ClientOptions{.servers = world.cluster.servers()}, options));
  return made;
}

void SessionProducer::start(Milliseconds delay) {
  world_.agenda.after(delay, [this] { send_burst(); });
}

void SessionProducer::send_burst() {
  if (world_.stopping) return;
  const auto partition = static_cast<std::uint32_t>(random_() % work_.partitions);
  const std::uint64_t count = 1 + random_() % work_.records_max;
  const std::uint64_t first = next_values_[partition];
  next_values_[partition] += count;
  lines_.invoked(partition, first, count, "session");
  for (std::uint64_t value = first; value < first + count; ++value) {
    const std::string text = make_record_value(
        {.run = world_.run, .topic = work_.topic, .partition = partition}, value, work_.value_bytes);
    const auto sent = producer_->send_token(work_.topic, static_cast<std::int32_t>(partition),
                                            RecordView{.value = text}, value);
    if (!sent) lines_.refused(value, sent.error());
  }
  world_.agenda.after(work_.pause, [this] { send_burst(); });
}

Result<void> SessionProducer::close() { return producer_->close(kCloseTimeout); }

}  // namespace forebay::torture
