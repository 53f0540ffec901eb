// doctor: what commonly stands between a client and a healthy node, checked from here.
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "base/result.h"
#include "cli/disk_probe.h"
#include "cli/network_probe.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"
#include "config/address.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kProbeTimeoutMax{5'000};
constexpr std::chrono::milliseconds kSlowSync{10};
constexpr std::int64_t kSkewWarnMs = 1'000;
constexpr std::uint64_t kOpenFilesWanted = 4096;

struct DoctorOptions {
  std::optional<std::string> data_dir;
};

class Examination {
 public:
  Examination(Session& session, const DoctorOptions& options) : session_(session), options_(options) {}

  ExitCode run() {
    for (const std::string& server : session_.globals().servers) check_server(server);
    if (options_.data_dir) check_disk(*options_.data_dir);
    check_own_open_files();
    const Value value = Value::object().set("ok", failures_ == 0).set("checks", checks_);
    session_.print(value, {{{"checks",
                             "",
                             {{"STATUS", "status"},
                              {"CHECK", "check"},
                              {"WHERE", "where"},
                              {"FOUND", "found"},
                              {"FIX", "fix"}}}},
                           View::Repeat::kNo});
    return failures_ == 0 ? ExitCode::kOk : ExitCode::kFailure;
  }

 private:
  void add(std::string_view status, std::string_view check, std::string_view where, std::string found,
           std::string_view fix) {
    checks_.push(Value::object()
                     .set("check", check)
                     .set("where", where)
                     .set("status", status)
                     .set("found", std::move(found))
                     .set("fix", fix.empty() ? Value() : Value(fix)));
  }
  void ok(std::string_view check, std::string_view where, std::string found) {
    add("ok", check, where, std::move(found), "");
  }
  void warn(std::string_view check, std::string_view where, std::string found, std::string_view fix) {
    add("warn", check, where, std::move(found), fix);
  }
  void fail(std::string_view check, std::string_view where, std::string found, std::string_view fix) {
    ++failures_;
    add("fail", check, where, std::move(found), fix);
  }
  [[nodiscard]] std::chrono::milliseconds probe_timeout() const {
    return std::min(session_.timeout(), kProbeTimeoutMax);
  }

  bool check_connection(std::string_view check, const std::string& text, std::string_view fix) {
    const auto address = config::parse_address(text);
    if (!address) {
      fail(check, text, address.error().context, fix);
      return false;
    }
    const auto took = probe_tcp(*address, probe_timeout());
    if (!took) {
      fail(check, text, took.error().to_string(), fix);
      return false;
    }
    ok(check, text, "connected in " + config::format_duration(*took));
    return true;
  }

  void check_server(const std::string& server) {
    if (!check_connection("server reachable", server, "is forebayd running there, and the port open?"))
      return;
    ClientOptions client = session_.client_options();
    client.servers = {server};
    auto admin = Admin::create(client);
    if (!admin) {
      fail("API answers", server, admin.error().to_string(), "");
      return;
    }
    const auto begin = std::chrono::steady_clock::now();
    const std::int64_t asked_ms = now_ms();
    const auto node = (*admin)->describe_node();
    const std::int64_t answered_ms = now_ms();
    if (!node) {
      fail("API answers", server, node.error().to_string(), "does another program listen there?");
      return;
    }
    ok("API answers", server,
       "node " + std::to_string(node->id) + " in " +
           config::format_duration(std::chrono::steady_clock::now() - begin));
    check_advertised(*node);
    check_version(server, *node);
    check_clock(server, *node, asked_ms, answered_ms);
    check_engine(server, *node);
    check_space(server, *node);
    check_node_open_files(*node);
    // The node's directory is here when it is this machine's: the same path alone would prove little.
    struct stat status {};
    const std::string boot = node->data_dir + "/BOOT";
    const auto address = config::parse_address(server);
    const bool local = address && (address->host == "localhost" || address->host.starts_with("127.") ||
                                   address->host == "::1");
    if (!options_.data_dir && local && ::stat(boot.c_str(), &status) == 0) check_disk(node->data_dir);
  }

  // A client that comes in by one address is sent on to the advertised one: both must work from here.
  void check_advertised(const NodeDescription& node) {
    const auto check_one = [&](std::string_view check, const std::string& text) {
      if (text.empty()) return;
      const auto address = config::parse_address(text);
      if (address && is_wildcard(*address)) {
        ok(check, text, "any address: clients are sent to the one they dialled");
        return;
      }
      check_connection(check, text, "set the node's address to one that clients can reach");
    };
    check_one("advertised API address", node.api_address);
    check_one("HTTP address", node.http_address);
  }

  void check_version(const std::string& server, const NodeDescription& node) {
    if (node.version == FOREBAY_VERSION) {
      ok("version", server, node.version);
    } else {
      warn("version", server, "node " + node.version + ", this program " FOREBAY_VERSION,
           "use the same version");
    }
  }

  void check_clock(const std::string& server, const NodeDescription& node, std::int64_t asked_ms,
                   std::int64_t answered_ms) {
    if (node.wall_time_ms == 0) return;  // a node that does not say
    // The node read its clock somewhere between question and answer.
    std::int64_t skew = 0;
    if (node.wall_time_ms < asked_ms) skew = node.wall_time_ms - asked_ms;
    if (node.wall_time_ms > answered_ms) skew = node.wall_time_ms - answered_ms;
    const std::string found = config::format_duration(std::chrono::milliseconds(std::abs(skew))) +
                              (skew < 0   ? " behind this machine"
                               : skew > 0 ? " ahead of this machine"
                                          : " apart");
    if (std::abs(skew) > kSkewWarnMs) {
      warn("clock", server, found, "synchronise the clocks (chrony, systemd-timesyncd)");
    } else {
      ok("clock", server, found);
    }
  }

  void check_engine(const std::string& server, const NodeDescription& node) {
    if (node.io_engine.starts_with("io_uring")) {
      ok("I/O engine", server, node.io_engine);
    } else {
      warn("I/O engine", server, node.io_engine,
           "allow io_uring and O_DIRECT: kernel 5.11, no seccomp filter, no tmpfs");
    }
  }

  void check_space(const std::string& server, const NodeDescription& node) {
    const std::string found = config::format_bytes(node.disk_available_bytes) + " free of " +
                              config::format_bytes(node.disk_total_bytes) + ", reserve " +
                              config::format_bytes(node.disk_reserve_bytes);
    if (node.disk_available_bytes < node.disk_reserve_bytes) {
      fail("disk space", server, found, "produce is refused: trim, shorten retention, or add space");
    } else {
      ok("disk space", server, found);
    }
  }

  void check_node_open_files(const NodeDescription& node) {
    auto address = config::parse_address(node.http_address);
    if (!address) return;
    if (is_wildcard(*address)) address->host = "127.0.0.1";
    const auto metrics = http_get(*address, "/metrics", probe_timeout());
    if (!metrics) {
      warn("node's open files", node.http_address, metrics.error().to_string(), "");
      return;
    }
    const auto metric = [&](const std::string& name) {
      const std::size_t at = metrics->find("\n" + name + ' ');
      return at == std::string::npos ? std::nan("")
                                     : std::strtod(metrics->c_str() + at + name.size() + 2, nullptr);
    };
    const double open = metric("process_open_fds");
    const double most = metric("process_max_fds");
    if (std::isnan(open) || std::isnan(most)) return;
    const std::string found = std::to_string(static_cast<std::uint64_t>(open)) + " open, at most " +
                              std::to_string(static_cast<std::uint64_t>(most));
    if (most < static_cast<double>(kOpenFilesWanted) || open > most * 0.8) {
      warn("node's open files", node.http_address, found, "raise LimitNOFILE of the service (or ulimit -n)");
    } else {
      ok("node's open files", node.http_address, found);
    }
  }

  void check_own_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const std::string found = "at most " + std::to_string(limit.rlim_cur);
    if (limit.rlim_cur < 1024) {
      warn("own open files", "here", found, "ulimit -n 4096");
    } else {
      ok("own open files", "here", found);
    }
  }

  void check_disk(const std::string& directory) {
    const auto speed = probe_sync_speed(directory);
    if (!speed) {
      fail("disk sync", directory, speed.error().to_string(),
           "name the data directory with --data-dir, as its owner");
      return;
    }
    const std::string found =
        "p50 " + config::format_duration(speed->p50) + ", p99 " + config::format_duration(speed->p99);
    if (speed->p50 > kSlowSync) {
      warn("disk sync", directory, found, "every acknowledgement waits for it: use a faster disk");
    } else {
      ok("disk sync", directory, found);
    }
  }

  Session& session_;
  const DoctorOptions& options_;
  Value checks_ = Value::array();
  std::size_t failures_ = 0;
};

}  // namespace

void add_doctor_command(std::vector<Command>& commands) {
  auto options = std::make_shared<DoctorOptions>();
  Command command;
  command.noun = "doctor";
  command.summary = "check addresses, clocks, disk speed, versions and limits from here";
  command.examples = {{"forebay doctor", ""},
                      {"forebay doctor --server 10.0.0.7:7400,10.0.0.8:7400 -o json", ""},
                      {"forebay doctor --data-dir /var/lib/forebay", "how fast does this disk sync?"}};
  command.options = {{"--data-dir", "DIR", "measure durable writes there (default: a local node's own)",
                      set_text(&options->data_dir)}};
  command.options.back().completes = Completes::kFile;
  command.notes = "Exit 1 when a check failed; warnings do not count.";
  command.json_shape =
      "{\"ok\": bool, \"checks\": [{\"check\": text, \"where\": text, \"status\": \"ok\" or \"warn\" or "
      "\"fail\",\n"
      "                         \"found\": text, \"fix\": text or null}]}";
  command.run = [options](Session& session) { return Examination(session, *options).run(); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
