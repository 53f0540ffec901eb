// torture_load: producers, readers and listers against a cluster, until SIGTERM; or (--final) one full read
// of all partitions. Both add lines to a history.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "torture/load/clients.h"

namespace {

using namespace forebay::torture;  // NOLINT: a program of one file

struct Options {
  std::string run;
  std::string history;
  std::vector<std::string> servers;
  std::string topic;
  std::uint32_t partitions = 1;
  std::vector<std::uint32_t> only;  // these partitions; empty: all
  double rate = 3'000;              // records a second, all producers together
  std::uint32_t producers = 2;      // of each partition
  std::uint32_t readers = 2;
  std::uint32_t batch_records_max = 15;
  std::size_t value_bytes = 120;
  bool final_read = false;
  double final_seconds = 60;
};

int usage(CLI::App& app, const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }

void declare(CLI::App& app, Options& options) {
  app.add_option("--run", options.run, "name of the run: a part of every value")->required();
  app.add_option("--history", options.history, "file to add lines to")->required();
  app.add_option("--servers", options.servers, "addresses of the nodes")->delimiter(',')->required();
  app.add_option("--topic", options.topic)->required();
  app.add_option("--partitions", options.partitions, "partitions of the topic");
  app.add_option("--only", options.only, "use these partitions only")->delimiter(',');
  app.add_option("--rate", options.rate, "records a second");
  app.add_option("--producers", options.producers, "producers of each partition");
  app.add_option("--readers", options.readers, "readers of each partition");
  app.add_option("--batch-records", options.batch_records_max, "records of a batch at most");
  app.add_option("--value-bytes", options.value_bytes, "size of a value, about");
  app.add_flag("--final", options.final_read, "read everything once, and end");
  app.add_option("--final-seconds", options.final_seconds, "how long that may take");
}

std::vector<ClientPlace> places(const Options& options) {
  std::vector<ClientPlace> found;
  for (std::uint32_t partition = 0; partition < options.partitions; ++partition) {
    const bool wanted =
        options.only.empty() || std::count(options.only.begin(), options.only.end(), partition) != 0;
    if (wanted) found.push_back({options.topic, partition});
  }
  return found;
}

// How late this process's timers are: what bounds on reaction times have to be forgiven.
void monitor(LoadWorld& world) {
  constexpr auto kStep = std::chrono::milliseconds(10);
  constexpr auto kSample = std::chrono::milliseconds(500);
  auto sampled = std::chrono::steady_clock::now();
  std::chrono::nanoseconds worst{};
  while (!world.stopping) {
    const auto before = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(kStep);
    const auto now = std::chrono::steady_clock::now();
    worst = std::max(worst, std::chrono::duration_cast<std::chrono::nanoseconds>(now - before - kStep));
    if (now - sampled < kSample) continue;
    world.history.line("monitor info sample - - lag_us=" + std::to_string(worst.count() / 1000));
    worst = {};
    sampled = now;
  }
}

int read_finally(LoadWorld& world, const Options& options) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(static_cast<std::int64_t>(options.final_seconds * 1000));
  for (const ClientPlace& place : places(options)) {
    if (const auto read = read_all(world, place, deadline); !read) {
      std::fprintf(stderr, "torture_load: %s\n", read.error().to_string().c_str());
      return 1;
    }
  }
  return 0;
}

int load(LoadWorld& world, const Options& options, const sigset_t& signals) {
  std::vector<std::unique_ptr<LoadClient>> clients;
  const std::vector<ClientPlace> all = places(options);
  const double producers = static_cast<double>(all.size() * options.producers);
  const double batch = (1.0 + options.batch_records_max) / 2;
  const ProducingClient::Pace pace{
      .pause = Milliseconds(static_cast<std::int64_t>(producers * batch / options.rate * 1000)),
      .records_max = options.batch_records_max,
      .value_bytes = options.value_bytes};
  std::uint32_t number = 0;
  for (const ClientPlace& place : all) {
    for (std::uint32_t i = 0; i < options.producers; ++i)
      clients.push_back(std::make_unique<ProducingClient>(world, number++, place, pace));
    for (std::uint32_t i = 0; i < options.readers; ++i)
      clients.push_back(std::make_unique<PollingClient>(world, number++, place));
    if (options.readers != 0) clients.push_back(std::make_unique<ListingClient>(world, number++, place));
  }
  for (std::size_t i = 0; i < clients.size(); ++i)
    clients[i]->start(Milliseconds(static_cast<std::int64_t>(i)));
  std::thread agenda([&world] { world.agenda.run(); });
  std::thread lag([&world] { monitor(world); });

  int number_of_signal = 0;
  sigwait(&signals, &number_of_signal);
  world.stopping = true;
  // Every call has a deadline.
  const auto wait_for_calls = [&world] {
    while (world.calls != 0) std::this_thread::sleep_for(Milliseconds(10));
  };
  wait_for_calls();
  world.agenda.stop();
  agenda.join();
  wait_for_calls();  // one that had just been begun
  lag.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("torture_load: clients of a torture run");
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(app, error);
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto history = HistoryWriter::open(options.history);
  if (!history) {
    std::fprintf(stderr, "torture_load: %s\n", history.error().to_string().c_str());
    return 1;
  }
  ClusterStub cluster(options.servers);
  Agenda agenda;
  LoadWorld world{.run = options.run, .cluster = cluster, .history = **history, .agenda = agenda};
  int status = options.final_read ? read_finally(world, options) : load(world, options, signals);
  if (const auto closed = (*history)->close(); !closed) {
    std::fprintf(stderr, "torture_load: %s\n", closed.error().to_string().c_str());
    status = 1;
  }
  return status;
}
