// torture_load: clients of a torture run, until SIGTERM; all add lines to a history. By itself: producers,
// readers and listers. --member: one member of a consumer group. --named: one named producer. --final: one
// full read of all partitions, and a last look at the groups.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "torture/load/clients.h"
#include "torture/load/group_member.h"
#include "torture/load/group_watch.h"
#include "torture/load/named_source.h"
#include "torture/load/session_producer.h"

namespace {

using namespace forebay;           // NOLINT: a program of one file
using namespace forebay::torture;  // NOLINT

struct Options {
  std::string run;
  std::string history;
  std::vector<std::string> servers;
  std::string topic;
  std::uint32_t partitions = 1;
  std::vector<std::uint32_t> only;  // these partitions; empty: all
  double rate = 3'000;              // records a second, all producers of one try together
  std::uint32_t producers = 2;      // of each partition
  double session_rate = 0;          // the same of producers of the SDK
  std::uint32_t sessions = 0;       // of them
  std::uint32_t readers = 2;
  std::uint32_t batch_records_max = 15;
  std::size_t value_bytes = 120;
  bool final_read = false;
  double final_seconds = 60;
  std::vector<std::string> groups;  // that are looked at
  GroupMemberOptions member;        // its name: empty: this is not a member
  std::uint32_t session_ms = 6'000;
  NamedSourceOptions named;  // its name: empty: this is none
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
  app.add_option("--sessions", options.sessions, "idempotent producers of the SDK, each to all partitions");
  app.add_option("--session-rate", options.session_rate, "records a second, of all of them");
  app.add_option("--groups", options.groups, "consumer groups whose committed offsets are watched")
      ->delimiter(',');
  app.add_option("--member", options.member.name, "be one member of a group, of this name in the history");
  app.add_option("--group", options.member.group, "the member's group");
  app.add_option("--instance", options.member.instance_id, "the member is static, with this instance id");
  app.add_option("--assignor", options.member.assignor, "that the member asks for");
  app.add_option("--session-ms", options.session_ms, "session timeout of the member");
  app.add_flag("--pattern", options.member.by_pattern,
               "the member subscribes to what is named like the topic");
  app.add_option("--named", options.named.name, "be one named producer, of this name");
  app.add_option("--number", options.named.number, "of the named producer's values");
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

int report(const Result<void>& done) {
  if (done) return 0;
  std::fprintf(stderr, "torture_load: %s\n", done.error().to_string().c_str());
  return 1;
}

Result<void> read_finally(LoadWorld& world, const Options& options) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(static_cast<std::int64_t>(options.final_seconds * 1000));
  for (const ClientPlace& place : places(options)) FOREBAY_CHECK(read_all(world, place, deadline));
  return look_at_groups({options.servers, options.groups}, world.history, deadline);
}

using SessionProducers = std::vector<std::unique_ptr<SessionProducer>>;

// Every other one gives records up soon.
constexpr Milliseconds kPatience[] = {Milliseconds(120'000), Milliseconds(2'000)};

Result<SessionProducers> make_sessions(LoadWorld& world, const Options& options, std::uint32_t first_number) {
  SessionProducers made;
  const double burst = (1.0 + options.batch_records_max) / 2;
  for (std::uint32_t i = 0; i < options.sessions; ++i) {
    SessionProducer::Work work{.topic = options.topic,
                               .partitions = options.partitions,
                               .pause = Milliseconds(static_cast<std::int64_t>(options.sessions * burst /
                                                                               options.session_rate * 1000)),
                               .records_max = options.batch_records_max,
                               .value_bytes = options.value_bytes,
                               .delivery_timeout = kPatience[i % std::size(kPatience)]};
    FOREBAY_TRY(auto one, SessionProducer::create(world, first_number + i, std::move(work)));
    made.push_back(std::move(one));
  }
  return made;
}

Result<void> load(LoadWorld& world, const Options& options, const sigset_t& signals) {
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
  FOREBAY_TRY(SessionProducers sessions, make_sessions(world, options, number));
  for (auto& session : sessions) session->start(Milliseconds(1));
  for (std::size_t i = 0; i < clients.size(); ++i)
    clients[i]->start(Milliseconds(static_cast<std::int64_t>(i)));
  std::thread agenda([&world] { world.agenda.run(); });
  std::thread lag([&world] { monitor(world); });
  std::thread watch([&] { watch_groups({options.servers, options.groups}, world.history, world.stopping); });

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
  watch.join();
  for (auto& session : sessions) FOREBAY_CHECK(session->close());
  return {};
}

Result<void> run(Options& options, HistoryWriter& history, const sigset_t& signals) {
  if (!options.member.name.empty()) {
    GroupMemberOptions& member = options.member;
    member.run = options.run;
    member.servers = options.servers;
    member.topic = options.topic;
    member.session_timeout = Milliseconds(options.session_ms);
    return run_group_member(member, history, signals);
  }
  if (!options.named.name.empty()) {
    NamedSourceOptions& named = options.named;
    named.run = options.run;
    named.servers = options.servers;
    named.topic = options.topic;
    named.partitions = options.partitions;
    named.rate = options.rate;
    named.value_bytes = options.value_bytes;
    return run_named_source(named, history, signals);
  }
  ClusterStub cluster(options.servers);
  Agenda agenda;
  LoadWorld world{.run = options.run, .cluster = cluster, .history = history, .agenda = agenda};
  return options.final_read ? read_finally(world, options) : load(world, options, signals);
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

  const bool may_be_killed = !options.member.name.empty() || !options.named.name.empty();
  auto history = HistoryWriter::open(
      options.history, may_be_killed ? HistoryWriter::Flush::kEachLine : HistoryWriter::Flush::kLater);
  if (!history) return report(history.error());
  const int status = report(run(options, **history, signals));
  return std::max(status, report((*history)->close()));
}
