// The log over the real file system: append -> journal -> durable, with segments written behind; and replay
// of what was written, from the segments. Directory: FOREBAY_BENCH_DIR or /tmp. cpu_s_per_gb is the whole
// process's.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "io/real_file_system.h"
#include "log/shard_logs.h"
#include "model/batch_builder.h"
#include "node_bench.h"
#include "runtime/shard.h"
#include "runtime/system_clock.h"
#include "runtime/thread_blocking_pool.h"

namespace forebay::log {
namespace {

using bench::CountingRng;
using bench::percentile;
using bench::process_cpu_seconds;
using Clock = std::chrono::steady_clock;

// One record of random bytes, so that nothing on the way gains from zeros.
std::vector<std::byte> make_batch(std::size_t bytes) {
  std::string value(bytes, '\0');
  std::uint64_t state = 42;
  for (char& c : value) c = static_cast<char>((state = state * 6364136223846793005ULL + 1) >> 56);
  model::BatchBuilder builder;
  model::NewRecord record;
  record.value = as_bytes(value);
  record.timestamp = model::Timestamp(1);
  static_cast<void>(builder.append(record));
  return builder.build(model::Codec::kNone).value();
}

class Node {
 public:
  explicit Node(std::uint64_t cache_bytes_max) {
    path_ = bench::scratch_directory("append");
    const auto engine = io::probe_io_engine(path_, io::EngineChoice::kAuto, io::DirectChoice::kAuto).value();
    fs_ = io::make_real_file_system(shard_, engine).value();
    config_.data_dir = path_;
    config_.cache_bytes_max = cache_bytes_max;
    config_.scrub_bytes_per_second = 0;
    directory_ = open_data_directory(*fs_, path_, rng_).value();
    Recovered recovered = recover(*fs_, rng_, {path_, 1, config_.journal, clock_.now()}).value();
    logs_ = make_shard_logs(config_, std::move(recovered.shards[0]), recovered.epoch, *fs_, shard_, pool_,
                            clock_, rng_);
    shard_.start();
  }
  ~Node() {
    on_shard([this] { logs_.reset(); });
    shard_.stop_and_join();
    pool_.shutdown();
    fs_.reset();
    std::filesystem::remove_all(path_);
  }

  template <typename F>
  void on_shard(F work) {
    std::promise<void> done;
    shard_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  void create(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::promise<Log*> created;
      shard_.post([&] {
        logs_->create(partition(i), "bench", {}, [&](Result<Log*> log) { created.set_value(*log); });
      });
      logs_open_.push_back(created.get_future().get());
    }
    on_shard([this] {
      for (std::size_t i = 0; i < logs_open_.size(); ++i) {
        logs_open_[i]->on_flushed([this, i](model::LogPosition flushed) { on_flushed(i, flushed); });
      }
      ends_.resize(logs_open_.size());
    });
  }

  // `frames` frames of these bytes over all logs in turn, `window` of them on their way at any time.
  void append(std::size_t frames, std::size_t window, std::size_t payload_bytes,
              std::vector<double>* latencies) {
    std::promise<void> done;
    shard_.post([&] {
      if (batch_.size() < payload_bytes) batch_ = make_batch(payload_bytes);
      latencies_ = latencies;
      left_to_add_ = frames;
      left_to_land_ = frames;
      done_ = &done;
      for (std::size_t i = 0; i < window; ++i) add_one();
    });
    done.get_future().wait();
  }

  // Everything of log 0, from the beginning, as one consumer asks for it. Returns: payload bytes.
  std::uint64_t replay(std::size_t bytes_max) {
    std::promise<std::uint64_t> done;
    std::uint64_t bytes = 0;
    shard_.post([&] { read_on(model::Offset(0), bytes_max, bytes, done); });
    return done.get_future().get();
  }

  [[nodiscard]] ShardLogsStats stats() {
    ShardLogsStats out;
    on_shard([&] { out = logs_->stats(); });
    return out;
  }
  void flush() {
    on_shard([this] {
      for (Log* log : logs_open_) log->roll();
    });
    while (stats().pinned_bytes > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  static model::TopicPartition partition(std::size_t i) {
    model::TopicPartition id;
    id.topic.bytes.fill(7);
    id.partition = model::PartitionIndex(static_cast<std::int32_t>(i));
    return id;
  }
  void add_one() {
    if (left_to_add_ == 0) return;
    if (!logs_->accepts_appends()) {
      ++refused_;
      shard_.schedule_after(std::chrono::microseconds(500), [this] { add_one(); });
      return;
    }
    --left_to_add_;
    const std::size_t i = next_++ % logs_open_.size();
    Log& log = *logs_open_[i];
    std::vector<std::byte> batch = batch_;  // as it comes from the network: its own memory
    model::set_base_offset(batch, log.end().next_offset);
    const model::BatchHeader head = model::read_batch_header(batch.data());
    FrameHeader header;
    header.partition = log.id();
    header.begin = log.end();
    header.end = header.begin.after_records(1);
    header.term = model::Term(1);
    header.append_time = model::Timestamp(1);
    header.payload_bytes = static_cast<std::uint32_t>(batch.size());
    header.payload_crc = head.crc;
    if (latencies_ != nullptr) ends_[i].added.push_back(Clock::now());
    log.append(std::make_shared<const Frame>(Frame{header, SharedBytes::take(std::move(batch))}));
  }
  void on_flushed(std::size_t i, model::LogPosition flushed) {
    std::size_t landed = 0;
    for (; ends_[i].durable < flushed.next_offset.value(); ++ends_[i].durable) {
      ++landed;
      if (latencies_ != nullptr) {
        latencies_->push_back(
            std::chrono::duration<double, std::micro>(Clock::now() - ends_[i].added.front()).count());
        ends_[i].added.pop_front();
      }
    }
    left_to_land_ -= landed;
    for (; landed > 0; --landed) add_one();
    if (left_to_land_ == 0 && done_ != nullptr) std::exchange(done_, nullptr)->set_value();
  }
  void read_on(model::Offset from, std::size_t bytes_max, std::uint64_t& bytes,
               std::promise<std::uint64_t>& done) {
    Log& log = *logs_open_[0];
    const model::Offset end = log.flushed().next_offset;
    if (from == end) return done.set_value(bytes);
    log.read({from, end, bytes_max}, [&, bytes_max](Result<ReadResult> result) {
      for (const FramePtr& frame : result.value().frames) bytes += frame->payload.size();
      shard_.post(
          [this, next = result->next, bytes_max, &bytes, &done] { read_on(next, bytes_max, bytes, done); });
    });
  }

  struct Progress {
    std::int64_t durable = 0;
    std::deque<Clock::time_point> added;
  };
  std::string path_;
  ShardLogsConfig config_;
  runtime::Shard shard_{"bench"};
  runtime::ThreadBlockingPool pool_{2};
  runtime::SystemWallClock clock_;
  CountingRng rng_;
  std::unique_ptr<io::FileSystem> fs_;
  DataDirectory directory_;
  std::unique_ptr<ShardLogs> logs_;
  std::vector<Log*> logs_open_;
  std::vector<Progress> ends_;
  std::vector<std::byte> batch_;
  std::vector<double>* latencies_ = nullptr;
  std::size_t left_to_add_ = 0, left_to_land_ = 0, next_ = 0, refused_ = 0;
  std::promise<void>* done_ = nullptr;
};

// Arguments: payload bytes of a frame, frames on their way at any time, logs, frames a run.
void append_path(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  const auto window = static_cast<std::size_t>(state.range(1));
  const auto frames = static_cast<std::size_t>(state.range(3));
  Node node(64U << 20);
  node.create(static_cast<std::size_t>(state.range(2)));
  std::vector<double> latencies;
  std::uint64_t landed = 0;
  double cpu = 0;
  for (auto _ : state) {
    const double before = process_cpu_seconds();
    node.append(frames, window, payload, &latencies);
    cpu += process_cpu_seconds() - before;
    landed += frames;
  }
  const ShardLogsStats stats = node.stats();
  const double gigabytes = static_cast<double>(landed * payload) / 1e9;
  state.SetBytesProcessed(static_cast<std::int64_t>(landed * payload));
  state.SetItemsProcessed(static_cast<std::int64_t>(landed));
  state.counters["cpu_s_per_gb"] = cpu / gigabytes;
  state.counters["p50_us"] = percentile(latencies, 0.5);
  state.counters["p99_us"] = percentile(latencies, 0.99);
  state.counters["syncs"] = static_cast<double>(stats.segment_syncs);
  state.counters["segment_mb"] = static_cast<double>(stats.segment_bytes_written) / 1e6;
}
BENCHMARK(append_path)
    ->Args({1 << 10, 64, 1, 20000})
    ->Args({64 << 10, 16, 1, 8000})
    ->Args({64 << 10, 64, 1, 16000})
    ->Args({256 << 10, 16, 1, 4000})
    ->Args({1 << 10, 64, 1000, 20000})
    ->Iterations(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Arguments: payload bytes of a frame, bytes a read asks for, MiB in all.
void replay(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  const auto total = static_cast<std::size_t>(state.range(2)) << 20;
  Node node(0);
  node.create(1);
  node.append(total / payload, 32, payload, nullptr);
  node.flush();
  std::uint64_t bytes = 0;
  double cpu = 0;
  for (auto _ : state) {
    const double before = process_cpu_seconds();
    bytes += node.replay(static_cast<std::size_t>(state.range(1)));
    cpu += process_cpu_seconds() - before;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["cpu_s_per_gb"] = cpu / (static_cast<double>(bytes) / 1e9);
  state.counters["disk_reads"] = static_cast<double>(node.stats().disk_reads);
}
BENCHMARK(replay)
    ->Args({64 << 10, 1 << 20, 1024})
    ->Args({256 << 10, 1 << 20, 1024})
    ->Args({16 << 10, 1 << 20, 512})
    ->Args({1 << 10, 1 << 20, 128})
    ->Args({64 << 10, 256 << 10, 512})
    ->Iterations(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forebay::log
