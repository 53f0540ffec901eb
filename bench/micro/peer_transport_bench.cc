// Messages between shards of two nodes over loopback, as replication sends them: a header and one piece one
// way, a small answer for each the other way, as much under way as the queue has room for. cpu_s_per_GB is
// the whole process's: both ends and the kernel's copies. turns_per_message tells how far messages share
// turns.
#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "io/real_peer_transport.h"
#include "runtime/shard.h"
#include "runtime/system_clock.h"
#include "telemetry/log.h"

namespace forebay::io {

namespace {

constexpr std::uint64_t kBytesPerIteration = 256U << 20;
constexpr std::uint64_t kMessagesPerIteration = 200'000;  // at most: small ones take long
constexpr std::size_t kHeaderBytes = 80;

double process_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class Leader final : public PeerTransportListener {
 public:
  Leader(PeerTransport& transport, std::size_t piece_bytes)
      : transport_(transport), piece_(SharedBytes::take(std::string(piece_bytes, 'x'))) {}
  void begin(std::uint64_t messages, std::promise<void>& done) {
    to_send_ = to_answer_ = messages;
    done_ = &done;
    send();
  }
  [[nodiscard]] std::promise<void>& session() { return session_; }

  void on_session(const PeerShard& peer, const PeerHello&) override {
    peer_ = peer;
    session_.set_value();
  }
  void on_session_end(const PeerShard&, const Error&) override {
    if (to_answer_ > 0) std::abort();
  }
  void on_unreachable(model::NodeId, const Error&) override {}
  void on_message(const PeerShard&, PeerMessage) override {
    if (--to_answer_ == 0) done_->set_value();
  }
  void on_room(const PeerShard&) override { send(); }

 private:
  void send() {
    for (; to_send_ > 0 && transport_.room(peer_) >= peer_room_wanted(piece_.size() + kHeaderBytes);
         --to_send_) {
      if (!transport_.send(peer_, {std::string(kHeaderBytes, 'h'), {piece_}})) std::abort();
    }
  }
  PeerTransport& transport_;
  const SharedBytes piece_;
  PeerShard peer_;
  std::uint64_t to_send_ = 0;
  std::uint64_t to_answer_ = 0;
  std::promise<void>* done_ = nullptr;
  std::promise<void> session_;
};

class Follower final : public PeerTransportListener {
 public:
  explicit Follower(PeerTransport& transport) : transport_(transport) {}
  void on_session(const PeerShard&, const PeerHello&) override {}
  void on_session_end(const PeerShard&, const Error&) override {}
  void on_unreachable(model::NodeId, const Error&) override {}
  void on_message(const PeerShard& peer, PeerMessage message) override {
    benchmark::DoNotOptimize(message.pieces[0].data());
    static_cast<void>(transport_.send(peer, {std::string(kHeaderBytes, 'a'), {}}));
  }
  void on_room(const PeerShard&) override {}

 private:
  PeerTransport& transport_;
};

template <typename F>
void run_on(runtime::Shard& shard, F task) {
  std::promise<void> done;
  shard.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

std::unique_ptr<PeerNetwork> network_of(runtime::Shard& shard, runtime::Rng& rng) {
  auto network = PeerNetwork::listen({"127.0.0.1", 0}, {&shard}, rng);
  if (!network) std::abort();
  return *std::move(network);
}

void peer_messages(benchmark::State& state) {
  telemetry::set_log_level(telemetry::Level::kError);
  const auto piece_bytes = static_cast<std::size_t>(state.range(0));
  const std::uint64_t messages = std::min(kMessagesPerIteration, kBytesPerIteration / piece_bytes);
  runtime::SystemRng rng;
  runtime::Shard leader_shard("leader");
  runtime::Shard follower_shard("follower");
  auto follower_network = network_of(follower_shard, rng);
  auto leader_network = network_of(leader_shard, rng);
  Leader leader(leader_network->of_shard(0), piece_bytes);
  Follower follower(follower_network->of_shard(0));
  leader_shard.start();
  follower_shard.start();
  run_on(follower_shard, [&] {
    follower_network->of_shard(0).set_listener(&follower);
    follower_network->of_shard(0).set_hello({{}, model::NodeId(1), {}, 1, 1});
  });
  run_on(leader_shard, [&] {
    PeerTransport& transport = leader_network->of_shard(0);
    transport.set_listener(&leader);
    transport.set_hello({{}, model::NodeId(2), {}, 1, 1});
    transport.set_peers({{model::NodeId(1), follower_network->address()}});
  });
  leader.session().get_future().wait();
  const auto pass = [&] {
    std::promise<void> done;
    leader_shard.post([&] { leader.begin(messages, done); });
    done.get_future().wait();
  };
  pass();
  const double cpu_before = process_cpu_seconds();
  const std::uint64_t turns_before = leader_shard.stats().turns;
  for (auto _ : state) pass();
  const double cpu = process_cpu_seconds() - cpu_before;
  const auto count = static_cast<double>(messages) * static_cast<double>(state.iterations());
  state.counters["cpu_s_per_GB"] = cpu / (count * static_cast<double>(piece_bytes) / 1e9);
  state.counters["messages_per_s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["turns_per_message"] =
      static_cast<double>(leader_shard.stats().turns - turns_before) / count;
  state.SetBytesProcessed(static_cast<std::int64_t>(count) * state.range(0));
  leader_network.reset();
  follower_network.reset();
}

BENCHMARK(peer_messages)
    ->Arg(100)
    ->Arg(4 << 10)
    ->Arg(16 << 10)
    ->Arg(64 << 10)
    ->Arg(256 << 10)
    ->Arg(1 << 20)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

}  // namespace forebay::io
