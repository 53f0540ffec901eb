// perf produce: how fast records can be sent, and how long an acknowledgement takes.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "base/result.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/verbs/perf_report.h"
#include "cli/verbs/verbs.h"
#include "forebay/producer.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::uint32_t kProducersMax = 256;
constexpr std::chrono::milliseconds kBlockTimeout{500};  // how late an interrupt may be noticed
constexpr std::chrono::milliseconds kCloseGrace{5'000};
constexpr std::size_t kRunDigits = 8;

struct PerfProduceOptions {
  std::string topic;
  std::uint64_t records = 1'000'000;
  std::uint64_t size_bytes = 1024;
  std::optional<std::uint64_t> rate;
  std::string acks = "all";
  std::string compression = "none";
  std::uint32_t producers = 1;
  std::optional<std::chrono::milliseconds> linger;
  std::optional<std::int32_t> partition;
  std::uint64_t keys = 0;
  std::uint64_t batch_bytes = 0;
  std::string value_file;  // empty: made up
  std::string value;       // its content
  bool single = false;
  bool not_idempotent = false;
};

std::size_t digits_of(std::uint64_t number) { return std::to_string(number).size(); }

// The longest "RUN-NUMBER " of a run.
std::size_t prefix_bytes(std::uint64_t records) { return kRunDigits + 1 + digits_of(records) + 1; }

// Values that begin with "RUN-NUMBER " and go on with text that does not repeat within 64 KiB. The number is
// written into that text in place: the SDK copies the bytes anyway, so making a value costs a few bytes, not
// its size. Or one that is given, for all.
class ValueSource {
 public:
  ValueSource(std::uint32_t run, std::uint64_t size_bytes, std::string_view given)
      : size_bytes_(size_bytes), given_(given) {
    char digits[kRunDigits + 1];
    std::snprintf(digits, sizeof(digits), "%08x", run);
    run_.assign(digits, kRunDigits);
    text_.resize(kPoolBytes + size_bytes);
    std::minstd_rand random(run);
    for (char& c : text_) c = static_cast<char>('a' + random() % 26);
  }
  [[nodiscard]] std::string_view make(std::uint64_t number) {
    if (!given_.empty()) return given_;
    char* const begin = text_.data() + at_;
    at_ = (at_ + kStride) % kPoolBytes;
    std::memcpy(begin, run_.data(), kRunDigits);
    begin[kRunDigits] = '-';
    char* const end = std::to_chars(begin + kRunDigits + 1, begin + kRunDigits + 24, number).ptr;
    *end = ' ';
    return {begin, static_cast<std::size_t>(size_bytes_)};
  }

 private:
  static constexpr std::size_t kPoolBytes = 64 * 1024;
  static constexpr std::size_t kStride = 1021;  // a prime: every place is used
  std::uint64_t size_bytes_;
  std::string_view given_;
  std::string run_;
  std::string text_;
  std::size_t at_ = 0;
};

// Answers of one producer. A token is the moment the record should have left, in ns since `start`.
class LatencySink : public AckSink {
 public:
  explicit LatencySink(Clock::time_point start) : start_(start) {}

  void on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) override {
    const nanoseconds now = Clock::now() - start_;
    {
      const std::lock_guard lock(mutex_);
      answered_ += tokens.size();
      if (result) {
        for (const std::uint64_t token : tokens)
          latency_.record(now - nanoseconds(static_cast<std::int64_t>(token)));
        last_ack_ = std::max(last_ack_, now);
      } else {
        failed_ += tokens.size();
        if (!first_error_) first_error_ = result.error();
      }
      acked_shown_.store(latency_.count(), std::memory_order_relaxed);
    }
    changed_.notify_one();
  }
  void refused(const Error& error) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    if (!first_error_) first_error_ = error;
  }
  // Until `count` sends are answered. False: interrupted.
  bool wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    while (answered_ < count) {
      if (interrupted()) return false;
      changed_.wait_for(lock, kBlockTimeout);
    }
    return true;
  }
  [[nodiscard]] std::uint64_t acked() const { return acked_shown_.load(std::memory_order_relaxed); }

  // Only when the producer is closed.
  [[nodiscard]] const telemetry::LatencyHistogram& latency() const { return latency_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] nanoseconds last_ack() const { return last_ack_; }
  [[nodiscard]] const std::optional<Error>& first_error() const { return first_error_; }

 private:
  Clock::time_point start_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t answered_ = 0;
  std::uint64_t failed_ = 0;
  telemetry::LatencyHistogram latency_;
  nanoseconds last_ack_{0};
  std::optional<Error> first_error_;
  std::atomic<std::uint64_t> acked_shown_{0};
};

// One producer with its thread. Of the run's records it sends every `stride`th, beginning with `first`.
class Worker {
 public:
  Worker(const PerfProduceOptions& options, std::uint32_t run, std::uint64_t first, std::uint64_t stride,
         Clock::time_point start)
      : options_(options),
        first_(first),
        stride_(stride),
        start_(start),
        sink_(start),
        values_(run, options.size_bytes, options.value) {}

  Result<void> open(const ClientOptions& client, ProducerOptions producer_options,
                    std::chrono::milliseconds close_timeout) {
    close_timeout_ = close_timeout;
    producer_options.sink = &sink_;
    FOREBAY_TRY(producer_, Producer::create(client, producer_options));
    return {};
  }
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void join() { thread_.join(); }
  [[nodiscard]] bool finished() const { return finished_.load(); }
  [[nodiscard]] const LatencySink& sink() const { return sink_; }
  [[nodiscard]] std::uint64_t key_bytes() const { return key_bytes_; }

 private:
  void run() {
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // a sleep that ends 50 us late would count as latency
    std::uint64_t sent = 0;
    for (std::uint64_t number = first_; number < options_.records && !interrupted(); number += stride_) {
      nanoseconds due = Clock::now() - start_;
      if (options_.rate) {
        due = nanoseconds(static_cast<std::int64_t>(static_cast<double>(number) * 1e9 /
                                                    static_cast<double>(*options_.rate)));
        std::this_thread::sleep_until(start_ + due);
      }
      if (!send(number, due)) break;
      ++sent;
      if (options_.single && !sink_.wait_for(sent)) break;
    }
    // When it returns every answer has reached the sink; what it could not wait for counts as failed there.
    static_cast<void>(producer_->close(interrupted() ? kCloseGrace : close_timeout_));
    finished_.store(true);
  }

  // False: the record was refused for a reason that will not pass.
  bool send(std::uint64_t number, nanoseconds due) {
    RecordView record;
    record.value = values_.make(number);
    if (options_.keys != 0) {
      const auto end = std::to_chars(key_, key_ + sizeof(key_), number % options_.keys).ptr;
      record.key = std::string_view(key_, static_cast<std::size_t>(end - key_));
    }
    for (;;) {
      const auto sent = producer_->send_token(options_.topic, options_.partition.value_or(-1), record,
                                              static_cast<std::uint64_t>(due.count()));
      if (sent) break;
      if (sent.error().code != ErrorCode::kResourceExhausted || interrupted()) {
        sink_.refused(sent.error());
        return false;
      }
    }
    if (record.key) key_bytes_ += record.key->size();
    return true;
  }

  const PerfProduceOptions& options_;
  std::uint64_t first_;
  std::uint64_t stride_;
  Clock::time_point start_;
  LatencySink sink_;
  ValueSource values_;
  std::chrono::milliseconds close_timeout_{0};
  std::unique_ptr<Producer> producer_;
  std::thread thread_;
  std::atomic<bool> finished_{false};
  char key_[24] = {};
  std::uint64_t key_bytes_ = 0;
};

std::uint32_t run_number() {
  std::random_device device;
  return device();
}

Result<void> check(const PerfProduceOptions& options) {
  const auto refuse = [](std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; };
  if (options.records == 0) return refuse("--records: at least 1");
  if (options.rate && *options.rate == 0) return refuse("--rate: at least 1");
  if (options.producers == 0 || options.producers > kProducersMax) {
    return refuse("--producers: 1 to " + std::to_string(kProducersMax));
  }
  if (!options.value_file.empty() && options.value.empty())
    return refuse("--value: '" + options.value_file + "' cannot be read, or is empty");
  const std::size_t least = prefix_bytes(options.records);
  if (options.value.empty() && options.size_bytes < least) {
    return refuse("--size: at least " + std::to_string(least) +
                  " bytes with this many records, because each value begins with RUN-NUMBER");
  }
  if (options.size_bytes > 8ULL * 1024 * 1024) return refuse("--size: at most 8MiB");
  FOREBAY_CHECK(parse_acks(options.acks));
  FOREBAY_CHECK(parse_compression(options.compression));
  return {};
}

ProducerOptions producer_options(const Session& session, const PerfProduceOptions& options) {
  ProducerOptions result;
  result.acks = *parse_acks(options.acks);
  result.compression = *parse_compression(options.compression);
  result.linger = options.linger.value_or(std::chrono::milliseconds(0));
  result.block_timeout = kBlockTimeout;
  if (options.not_idempotent) result.idempotent = false;
  if (options.batch_bytes != 0) result.batch_bytes_max = static_cast<std::size_t>(options.batch_bytes);
  if (session.globals().timeout) result.delivery_timeout = *session.globals().timeout;
  return result;
}

// What cannot be read stays empty.
std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

ExitCode run_perf_produce(Session& session, const PerfProduceOptions& options) {
  session.about(options.topic);
  const auto checked = check(options);
  if (!checked) return session.fail(ExitCode::kUsage, checked.error().context);
  // Fail before a thread is made when the topic is not there, and let the first record not pay for the look.
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto topic = (*admin)->list_offsets(options.topic, {}, OffsetSpec::end());
  if (!topic) return session.fail(topic.error());

  const std::uint32_t run = run_number();
  const ProducerOptions settings = producer_options(session, options);
  const GracefulInterrupt graceful;
  const auto start = Clock::now();
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::uint32_t i = 0; i < options.producers; ++i) {
    workers.push_back(std::make_unique<Worker>(options, run, i, options.producers, start));
    const auto opened =
        workers.back()->open(session.client_options(), settings, settings.delivery_timeout + kCloseGrace);
    if (!opened) return session.fail(opened.error());
  }
  char digits[kRunDigits + 1];
  std::snprintf(digits, sizeof(digits), "%08x", run);
  session.detail(std::string("run ") + digits);
  for (const auto& worker : workers) worker->start();
  {
    Progress progress(session, options.records, "record");
    while (!std::all_of(workers.begin(), workers.end(), [](const auto& w) { return w->finished(); })) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      std::uint64_t acked = 0;
      for (const auto& worker : workers) acked += worker->sink().acked();
      progress.update(acked);
    }
  }
  telemetry::LatencyHistogram latency;
  PerfResult result;
  std::optional<Error> first_error;
  for (const auto& worker : workers) {
    worker->join();
    latency.merge(worker->sink().latency());
    result.failed += worker->sink().failed();
    result.bytes += worker->key_bytes();
    result.took = std::max(result.took, worker->sink().last_ack());
    if (!first_error) first_error = worker->sink().first_error();
  }
  result.records = latency.count();
  result.bytes += result.records * options.size_bytes;
  result.latency = &latency;
  print_perf(session, result);
  ExitCode code = first_error ? session.fail(*first_error) : ExitCode::kOk;
  if (interrupted()) code = ExitCode::kInterrupted;
  return code != ExitCode::kOk && code != ExitCode::kInterrupted && result.records != 0 ? ExitCode::kPartial
                                                                                        : code;
}

}  // namespace

void add_perf_produce_command(std::vector<Command>& commands) {
  auto options = std::make_shared<PerfProduceOptions>();
  Command command;
  command.noun = "perf";
  command.verb = "produce";
  command.summary = "send made-up records and measure throughput and latency";
  command.examples = {
      {"forebay perf produce --topic bench --records 5M --size 1KiB", "as fast as it goes"},
      {"forebay perf produce --topic bench --records 100k --size 1KiB --rate 5k", "latency at a rate"},
      {"forebay perf produce --topic bench --records 10k --size 100 --single", "one at a time"}};
  command.options = {
      {"-t,--topic", "TOPIC", "where to send", set_text(&options->topic), Option::Repeats::kNo,
       Option::Need::kRequired, Completes::kTopic},
      {"-n,--records", "N", "how many (default 1M)", set_count(&options->records)},
      {"--size", "SIZE", "bytes of each value (default 1KiB)", set_bytes(&options->size_bytes)},
      {"--value", "FILE", "every value is the content of FILE: a real record, or one that a schema allows",
       set_text(&options->value_file)},
      {"--rate", "R", "records per second, all producers together (default: no limit)",
       set_count(&options->rate)},
      {"--acks", "ACKS", "all, leader or none (default all)", set_text(&options->acks)},
      {"--compression", "CODEC", "none, gzip, snappy, lz4 or zstd (default none)",
       set_text(&options->compression)},
      {"--producers", "P", "this many producers, each with its own connection (default 1)",
       set_count(&options->producers)},
      {"--linger", "MS", "wait this long for more records before a send (default 0)",
       set_duration(&options->linger, std::chrono::milliseconds(1))},
      {"--batch", "SIZE", "close a batch at this size (default: the SDK's)",
       set_bytes(&options->batch_bytes)},
      {"--keys", "N", "give the records N different keys (default: none)", set_count(&options->keys)},
      {"--partition", "P", "send to this partition", set_partition(&options->partition)},
      {"--not-idempotent", "", "without producer ids, to compare: a retry may store a record twice",
       set_flag(&options->not_idempotent)},
      {"--single", "", "each producer waits for each acknowledgement before the next send",
       set_flag(&options->single)}};
  command.notes =
      "With --rate, latency is measured from the moment at which a record should have been sent, so that "
      "stalls\n"
      "count. Each value begins with RUN-NUMBER and a space: eight hexadecimal digits of the run (shown with "
      "-v) and\n"
      "the record's number, from 0.";
  command.json_shape = kPerfShape;
  command.run = [options](Session& session) {
    if (!options->value_file.empty()) {
      options->value = content_of(options->value_file);
      options->size_bytes = options->value.size();
    }
    return run_perf_produce(session, *options);
  };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
