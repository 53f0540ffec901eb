// The journal over the real file system: from add_frame to on_frames_durable, with segments that are flushed
// at once. Directory: FOREBAY_BENCH_DIR or /tmp. cpu_s_per_gb is the whole process's. Recovery: of a ring
// full of frames that no segment has.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "io/real_file_system.h"
#include "log/recovery.h"
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

// One node's journal, and frames of one size for it. Everything on the shard but the calls said otherwise.
class Node final : public JournalOwner {
 public:
  explicit Node(bool flush_segments) : flush_segments_(flush_segments) {
    path_ = bench::scratch_directory("journal");
    engine_ = io::probe_io_engine(path_, io::EngineChoice::kAuto, io::DirectChoice::kAuto).value();
    fs_ = io::make_real_file_system(*shard_, engine_).value();
    start();
    shard_->start();
  }
  ~Node() override {
    std::promise<void> gone;
    shard_->post([&] {
      journal_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
    shard_->stop_and_join();
    pool_.shutdown();
    fs_.reset();
    std::filesystem::remove_all(path_);
  }

  // From the bench's thread: `frames` frames over `logs` logs, `window` of them waiting at any time.
  void run(std::size_t frames, std::size_t logs, std::size_t window, std::size_t payload_bytes,
           std::vector<double>* latencies) {
    std::promise<void> done;
    shard_->post([&] {
      if (payload_.size() != payload_bytes) {
        payload_ = SharedBytes::take(std::vector<std::byte>(payload_bytes, std::byte{7}));
        payload_crc_ = crc32c(payload_.span().subspan(kBatchPrefixBytes));
      }
      while (logs_.size() < logs) {
        TopicPlace place;
        place.id.partition = model::PartitionIndex(static_cast<std::int32_t>(logs_.size()));
        place.slot = journal_->open(place.id);
        journal_->add_record(place.slot, CreateReplica{}, {});
        logs_.push_back(place);
      }
      latencies_ = latencies;
      left_to_add_ = frames;
      left_to_land_ = frames;
      done_ = &done;
      for (std::size_t i = 0; i < window; ++i) add_one();
    });
    done.get_future().wait();
  }
  [[nodiscard]] JournalStats stats() {
    std::promise<JournalStats> stats;
    shard_->post([&] { stats.set_value(journal_->stats()); });
    return stats.get_future().get();
  }
  // Ends this life without a clean stop and recovers. Returns: seconds of recover(), and what it found.
  std::pair<double, std::size_t> recover_again() {
    std::promise<void> gone;
    shard_->post([&] {
      journal_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
    const auto begin = Clock::now();
    RecoveryOptions options{path_, 1, config_, clock_.now()};
    const Recovered recovered = recover(*fs_, rng_, options).value();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::size_t frames = 0;
    for (const RecoveredPartition& partition : recovered.shards[0].partitions)
      frames += partition.tail.size();
    return {seconds, frames};
  }
  [[nodiscard]] const io::IoEngine& engine() const { return engine_; }

  void on_frames_durable(LogSlot slot, model::LogEpoch, model::LogPosition end) override {
    TopicPlace& place = logs_[slot.value()];
    const auto now = Clock::now();
    const std::size_t landed = static_cast<std::size_t>(end.next_offset.value() - place.durable);
    place.durable = end.next_offset.value();
    if (latencies_ != nullptr)
      latencies_->push_back(std::chrono::duration<double, std::micro>(now - place.added).count());
    if (flush_segments_) journal_->segment_flushed(slot, end);
    left_to_land_ -= landed;
    landed_ += landed;
  }
  void on_round_end() override {
    for (std::size_t landed = std::exchange(landed_, 0); landed > 0; --landed) add_one();
    if (left_to_land_ == 0 && done_ != nullptr) std::exchange(done_, nullptr)->set_value();
  }
  void on_space_wanted(std::span<const std::pair<LogSlot, model::LogPosition>>) override {}
  std::vector<PartitionCheckpoint> checkpoint() override {
    std::vector<PartitionCheckpoint> all;
    for (const TopicPlace& place : logs_) {
      PartitionCheckpoint state;
      state.id = place.id;
      if (flush_segments_) state.segment_end = {model::Offset(place.durable), 0};
      all.push_back(std::move(state));
    }
    return all;
  }
  void on_journal_failed(const Error&) override { ::abort(); }

 private:
  struct TopicPlace {
    model::TopicPartition id;
    LogSlot slot;
    std::int64_t added_end = 0;
    std::int64_t durable = 0;
    Clock::time_point added;
  };

  void start() {
    const DataDirectory made = open_data_directory(*fs_, path_, rng_).value();
    RecoveryOptions options{path_, 1, config_, clock_.now()};
    Recovered recovered = recover(*fs_, rng_, options).value();
    journal_ = make_journal(recovered.shards[0].seed, config_, *fs_, *shard_, pool_, clock_, *this);
  }
  void add_one() {
    if (left_to_add_ == 0) return;
    --left_to_add_;
    TopicPlace& place = logs_[next_log_++ % logs_.size()];
    FrameHeader header;
    header.partition = place.id;
    header.begin = {model::Offset(place.added_end), 0};
    header.end = {model::Offset(++place.added_end), 0};
    header.payload_bytes = static_cast<std::uint32_t>(payload_.size());
    header.payload_crc = payload_crc_;
    place.added = Clock::now();
    journal_->add_frame(place.slot, {}, std::make_shared<const Frame>(Frame{header, payload_}));
  }

  const bool flush_segments_;
  std::string path_;
  JournalConfig config_;
  std::unique_ptr<runtime::Shard> shard_ = std::make_unique<runtime::Shard>("bench");
  runtime::ThreadBlockingPool pool_{2};
  runtime::SystemWallClock clock_;
  CountingRng rng_;
  io::IoEngine engine_;
  std::unique_ptr<io::FileSystem> fs_;
  std::unique_ptr<Journal> journal_;
  std::vector<TopicPlace> logs_;
  SharedBytes payload_;
  std::uint32_t payload_crc_ = 0;
  std::vector<double>* latencies_ = nullptr;
  std::size_t left_to_add_ = 0, left_to_land_ = 0, landed_ = 0, next_log_ = 0;
  std::promise<void>* done_ = nullptr;
};

// Arguments: payload bytes of a frame, frames waiting at any time, logs.
void journal_rounds(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  const auto window = static_cast<std::size_t>(state.range(1));
  const auto logs = static_cast<std::size_t>(state.range(2));
  Node node(true);
  const std::size_t frames_max = window == 1 ? 3000 : 40000;
  const std::size_t frames =
      std::clamp<std::size_t>((std::size_t{1} << 30) / payload, 500, frames_max) / window * window;
  node.run(frames / 10 + window, logs, window, payload, nullptr);
  std::vector<double> latencies;
  std::uint64_t bytes = 0;
  double cpu = 0;
  std::uint64_t rounds = 0;
  for (auto _ : state) {
    const double cpu_before = process_cpu_seconds();
    const std::uint64_t rounds_before = node.stats().rounds;
    node.run(frames, logs, window, payload, &latencies);
    rounds += node.stats().rounds - rounds_before;
    cpu += process_cpu_seconds() - cpu_before;
    bytes += frames * payload;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.SetLabel(node.engine().to_string());
  state.counters["p50_us"] = percentile(latencies, 0.5);
  state.counters["p99_us"] = percentile(latencies, 0.99);
  state.counters["cpu_s_per_gb"] = cpu / (static_cast<double>(bytes) / 1e9);
  state.counters["frames_per_round"] = static_cast<double>(frames) * static_cast<double>(state.iterations()) /
                                       static_cast<double>(std::max<std::uint64_t>(rounds, 1));
}
BENCHMARK(journal_rounds)
    ->Args({200, 1, 1})
    ->Args({64 << 10, 1, 1})
    ->Args({64 << 10, 16, 4})
    ->Args({1 << 20, 2, 1})
    ->Args({200, 1000, 1000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

// Arguments: payload bytes of a frame. What the ring takes before it asks for segments.
void recovery_of_a_full_ring(benchmark::State& state) {
  const auto payload = static_cast<std::size_t>(state.range(0));
  Node node(false);
  const std::size_t frames = (std::size_t{400} << 20) / (payload + 300);
  node.run(frames, 100, 64, payload, nullptr);
  double seconds = 0;
  for (auto _ : state) {
    const auto [took, found] = node.recover_again();
    if (found != frames) state.SkipWithError("frames are missing");
    seconds += took;
    state.SetIterationTime(took);
  }
  state.SetBytesProcessed(
      static_cast<std::int64_t>(frames * payload * static_cast<std::size_t>(state.iterations())));
}
BENCHMARK(recovery_of_a_full_ring)
    ->Arg(64 << 10)
    ->Arg(1 << 10)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(1);

}  // namespace
}  // namespace forebay::log
