// forebayd: one node of Forebay.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "daemon/node.h"
#include "daemon/pid_file.h"
#include "io/standard_descriptors.h"
#include "telemetry/log.h"

namespace {

using forebay::telemetry::log_error;
using forebay::telemetry::log_info;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

struct Flags {
  std::string config_file;
  bool hints = false;
  forebay::config::KeyValues settings;
};

// Each flag is a setting under its short name; --set reaches all others.
void declare(CLI::App& app, Flags& flags) {
  const auto setting = [&app, &flags](const char* flag, const char* key, const char* value_name,
                                      const char* help) {
    app.add_option_function<std::string>(
           flag, [&flags, key](const std::string& value) { flags.settings.emplace_back(key, value); }, help)
        ->type_name(value_name);
  };
  setting("--data-dir", "node.data_dir", "DIR", "where the data is (./forebay-data)");
  setting("--api", "api.listen", "HOST:PORT", "gRPC API (127.0.0.1:7400)");
  setting("--peer", "peer.listen", "HOST:PORT", "address for other nodes (127.0.0.1:7401)");
  setting("--http", "http.listen", "HOST:PORT", "health and metrics (127.0.0.1:7402)");
  setting("--pid-file", "node.pid_file", "FILE", "holds the process id while it runs (none)");
  app.add_option(
         "--config", flags.config_file,
         "YAML file with everything else; config/forebay.yaml documents every key (or in FOREBAYD_CONFIG)")
      ->type_name("FILE");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&flags](const std::vector<std::string>& pairs) {
           for (const std::string& pair : pairs) {
             const auto equals = pair.find('=');
             if (equals == std::string::npos)
               throw CLI::ValidationError("--set", "expected KEY=VALUE, found '" + pair + "'");
             flags.settings.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
           }
         },
         "set any configuration key; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--hints", flags.hints, "say what to try next once the node is ready");
  app.set_version_flag("--version", std::string("forebayd ") + FOREBAY_VERSION);
}

// Blocked in every thread, so that only main's sigwait sees them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Connections and segments need descriptors; the soft limit is often 1024 for reasons of programs that use
// select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void print_hints(const forebay::daemon::Listening& listening) {
  const std::string server = listening.api == "127.0.0.1:7400" ? "" : " --server " + listening.api;
  std::printf(
      "\nForebay is ready.\n"
      "  gRPC API  %s\n"
      "  HTTP      http://%s/readyz\n\n"
      "Try, in another terminal:\n"
      "  build/release/bin/forebay topic create hello --partitions 3%s\n"
      "  echo 'first event' | build/release/bin/forebay produce hello --format lines%s\n"
      "  build/release/bin/forebay consume hello --until-end%s\n\n"
      "Ctrl-C stops it; the data stays.\n",
      listening.api.c_str(), listening.http.c_str(), server.c_str(), server.c_str(), server.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (!forebay::io::standard_descriptors_are_reserved()) return kExitFailure;
  Flags flags;
  CLI::App app("forebayd: one node of Forebay, a replicated log broker");
  declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }

  const sigset_t signals = block_stop_signals();
  raise_descriptor_limit();
  if (const char* file = std::getenv("FOREBAYD_CONFIG"); file != nullptr && flags.config_file.empty())
    flags.config_file = file;
  const auto settings = forebay::config::load_from_process(flags.config_file, flags.settings);
  if (!settings) {
    std::fprintf(stderr, "%s\n", settings.error().context.c_str());
    return kExitUsage;
  }
  forebay::telemetry::set_log_level(settings->log.level);

  forebay::daemon::PidFile pid_file;  // goes last: whoever waits for that may use the directory then
  auto node = forebay::daemon::Node::start(*settings);
  if (!node) {
    log_error("node cannot start", {{"error", node.error().to_string()}});
    return kExitFailure;
  }
  auto written = forebay::daemon::PidFile::write(settings->node.pid_file);
  if (!written) {
    log_error("node cannot start", {{"error", written.error().to_string()}});
    return kExitFailure;
  }
  pid_file = std::move(*written);
  if (flags.hints) {
    if (const auto ready = (*node)->wait_ready(std::chrono::seconds(60)); ready) {
      print_hints((*node)->listening());
    } else {
      log_error("node is not ready", {{"error", ready.error().to_string()}});
    }
  }

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log_info("stopping", {{"signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"}});
  if (const auto stopped = (*node)->stop(settings->shutdown.timeout); !stopped) {
    log_error("not stopped cleanly", {{"error", stopped.error().to_string()}});
    std::fflush(nullptr);
    _exit(kExitFailure);  // threads may hang on a dead disk: destructors would wait for them
  }
  log_info("stopped");
  return 0;
}
