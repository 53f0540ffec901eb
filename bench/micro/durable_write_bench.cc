// Durable writes through the real file system, from the call on the shard to the completion there: what a
// journal round waits for. Into a file that is already written, one in flight, like the journal. Directory:
// FOREBAY_BENCH_DIR or /tmp. cpu_us is the whole process's, threads of the engine included.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "io/real_file_system.h"
#include "runtime/shard.h"

namespace forebay::io {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kFileBytes = 128 << 20;
constexpr std::size_t kFillBytes = 1 << 20;
constexpr int kWritesPerIteration = 200;

double process_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// A zero-filled file on the engine that was asked for.
class Target {
 public:
  Target(EngineChoice engine, DirectChoice direct)
      : path_(directory() + "/forebay-bench-" + std::to_string(::getpid())) {
    engine_ = probe_io_engine(directory(), engine, direct).value();
    fs_ = make_real_file_system(shard_, engine_).value();
    if (fs_->exists(path_)) static_cast<void>(fs_->remove_file(path_).has_value());
    file_ = fs_->open(path_, OpenMode::kCreate, Caching::kDirect).value();
    const AlignedBuffer zeros(kFillBytes);
    for (std::uint64_t at = 0; at < kFileBytes; at += kFillBytes) {
      if (!file_->write_now(at, zeros.span())) ::abort();
    }
    if (!file_->sync_now()) ::abort();
    shard_.start();
  }
  ~Target() {
    shard_.stop_and_join();
    file_.reset();
    static_cast<void>(fs_->remove_file(path_).has_value());
  }

  // `count` durable writes, each begun by the completion of the one before; their latencies in microseconds.
  void write_chain(const AlignedBuffer& data, int count, std::vector<double>& latencies) {
    std::promise<void> done;
    std::function<void()> next = [&] {
      const std::uint64_t at = position_;
      position_ = position_ + 2 * data.size() > kFileBytes ? 0 : position_ + data.size();
      file_->write(at, data.span(), WriteMode::kDurable, [&, start = Clock::now()](Result<void> result) {
        if (!result) ::abort();
        latencies.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
        if (--count > 0) return next();
        done.set_value();
      });
    };
    shard_.post([&] { next(); });
    done.get_future().wait();
  }
  [[nodiscard]] const IoEngine& engine() const { return engine_; }

 private:
  static std::string directory() {
    const char* wanted = ::getenv("FOREBAY_BENCH_DIR");
    return wanted != nullptr ? wanted : "/tmp";
  }

  std::string path_;
  runtime::Shard shard_{"bench"};
  IoEngine engine_;
  std::unique_ptr<FileSystem> fs_;
  std::unique_ptr<File> file_;
  std::uint64_t position_ = 0;
};

void durable_write(benchmark::State& state, EngineChoice engine, DirectChoice direct) {
  Target target(engine, direct);
  AlignedBuffer data(static_cast<std::size_t>(state.range(0)));
  std::fill_n(data.data(), data.size(), std::byte{'a'});
  std::vector<double> latencies;
  target.write_chain(data, kWritesPerIteration, latencies);  // the first pass over the file
  latencies.clear();
  const double cpu_before = process_cpu_us();
  for (auto _ : state) target.write_chain(data, kWritesPerIteration, latencies);
  const double cpu = process_cpu_us() - cpu_before;
  std::sort(latencies.begin(), latencies.end());
  const auto writes = static_cast<double>(latencies.size());
  state.counters["p50_us"] = latencies[latencies.size() / 2];
  state.counters["p99_us"] = latencies[latencies.size() * 99 / 100];
  state.counters["cpu_us"] = cpu / writes;
  state.SetBytesProcessed(static_cast<std::int64_t>(writes) * state.range(0));
  state.SetLabel(target.engine().to_string());
}

BENCHMARK_CAPTURE(durable_write, auto, EngineChoice::kAuto, DirectChoice::kAuto) -> Arg(4 << 10)
    -> Arg(64 << 10) -> Arg(1 << 20) -> UseRealTime();
BENCHMARK_CAPTURE(durable_write, helper_threads, EngineChoice::kPosix, DirectChoice::kAuto)
    ->Arg(64 << 10)
    ->UseRealTime();
BENCHMARK_CAPTURE(durable_write, page_cache, EngineChoice::kPosix, DirectChoice::kNever)
    ->Arg(64 << 10)
    ->UseRealTime();

}  // namespace

}  // namespace forebay::io
