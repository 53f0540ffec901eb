// node describe, node log-level, node move-rate.
#include <memory>

#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/verbs.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

ExitCode run_describe(Session& session) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto node = (*admin)->describe_node();
  if (!node) return session.fail(node.error());
  Value warnings = Value::array();
  for (const std::string& warning : node->warnings) warnings.push(warning);
  Value value = Value::object();
  value.set("id", node->id)
      .set("version", node->version)
      .set("cluster_id", node->cluster_id)
      .set("disk_id", node->disk_id)
      .set("api_address", node->api_address)
      .set("peer_address", node->peer_address)
      .set("http_address", node->http_address)
      .set("data_dir", node->data_dir)
      .set("uptime_ms", node->uptime_ms)
      .set("shards", node->shards)
      .set("io_engine", node->io_engine)
      .set("boot_epoch", node->boot_epoch)
      .set("topics", node->topics)
      .set("partitions", node->partitions)
      .set("disk",
           Value::object()
               .set("total_bytes", node->disk_total_bytes)
               .set("available_bytes", node->disk_available_bytes)
               .set("reserve_bytes", node->disk_reserve_bytes)
               .set("low_since", node->disk_low_since_ms ? Value(iso_ms(*node->disk_low_since_ms)) : Value())
               .set("journal_bytes", node->journal_bytes))
      .set("memory", Value::object()
                         .set("resident_bytes", node->memory_bytes)
                         .set("limit_bytes", node->memory_limit_bytes))
      .set("move_bytes_per_second", node->move_bytes_per_second)
      .set("journal_rounds", node->journal_rounds)
      .set("warnings", std::move(warnings));
  const View view{{{"",
                    "",
                    {{"node", "id"},
                     {"version", "version"},
                     {"cluster", "cluster_id"},
                     {"API", "api_address"},
                     {"peers", "peer_address"},
                     {"HTTP", "http_address"},
                     {"data", "data_dir"},
                     {"up for", "uptime_ms", Show::kDurationMs},
                     {"topics", "topics"},
                     {"partitions", "partitions"},
                     {"shards", "shards"},
                     {"I/O engine", "io_engine"},
                     {"disk free", "disk.available_bytes", Show::kBytes},
                     {"disk total", "disk.total_bytes", Show::kBytes},
                     {"disk reserve", "disk.reserve_bytes", Show::kBytes},
                     {"journal", "disk.journal_bytes", Show::kBytes},
                     {"memory", "memory.resident_bytes", Show::kBytes},
                     {"memory limit", "memory.limit_bytes", Show::kBytesLimit},
                     {"moves per second", "move_bytes_per_second", Show::kBytesLimit, Column::In::kWide},
                     {"disk id", "disk_id", Show::kPlain, Column::In::kWide},
                     {"boot epoch", "boot_epoch", Show::kPlain, Column::In::kWide},
                     {"journal rounds", "journal_rounds", Show::kPlain, Column::In::kWide}}}},
                  View::Repeat::kNo};
  session.print(value, view);
  if (session.is_text()) {
    for (const std::string& warning : node->warnings) session.warn(warning);
  }
  return ExitCode::kOk;
}

ExitCode run_log_level(Session& session, const std::string& level) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto previous = (*admin)->set_log_level(level);
  if (!previous) return session.fail(previous.error());
  if (session.is_text()) {
    session.note("log level " + level + "; it was " + *previous);
  } else {
    session.print(Value::object().set("level", level).set("previous", *previous), {});
  }
  return ExitCode::kOk;
}

ExitCode run_move_rate(Session& session, std::uint64_t bytes_per_second) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto previous = (*admin)->set_move_rate(bytes_per_second);
  if (!previous) return session.fail(previous.error());
  if (session.is_text()) {
    const auto text = [](std::uint64_t rate) {
      return rate == 0 ? std::string("no bound") : config::format_bytes(rate) + " a second";
    };
    session.note("new replicas are filled with " + text(bytes_per_second) + "; it was " + text(*previous));
  } else {
    session.print(Value::object().set("move_bytes_per_second", bytes_per_second).set("previous", *previous),
                  {});
  }
  return ExitCode::kOk;
}

}  // namespace

void add_node_commands(std::vector<Command>& commands) {
  Command describe;
  describe.noun = "node";
  describe.verb = "describe";
  describe.summary = "addresses, disk, memory and version of a node";
  describe.examples = {{"forebay node describe", "the first node of --server that answers"},
                       {"forebay node describe --server 10.0.0.7:7400 -o json", ""}};
  describe.json_shape =
      "{\"id\": n, \"version\": text, \"cluster_id\": text, \"disk_id\": text, \"api_address\": text,\n"
      " \"peer_address\": text, \"http_address\": text, \"data_dir\": text, \"uptime_ms\": n, \"shards\": "
      "n,\n"
      " \"io_engine\": text, \"boot_epoch\": n, \"topics\": n, \"partitions\": n,\n"
      " \"disk\": {\"total_bytes\": n, \"available_bytes\": n, \"reserve_bytes\": n,\n"
      "          \"low_since\": time or null, \"journal_bytes\": n},\n"
      " \"memory\": {\"resident_bytes\": n, \"limit_bytes\": n},\n"
      " \"move_bytes_per_second\": n, \"journal_rounds\": n, \"warnings\": "
      "[text]}";
  describe.run = [](Session& session) { return run_describe(session); };
  commands.push_back(std::move(describe));

  auto level = std::make_shared<std::string>();
  Command log_level;
  log_level.noun = "node";
  log_level.verb = "log-level";
  log_level.summary = "change how much a node writes to its log, while it runs";
  log_level.examples = {{"forebay node log-level debug", ""}};
  log_level.positionals = {{"LEVEL",
                            "error, warn, info or debug",
                            set_text(level.get()),
                            Option::Repeats::kNo,
                            Option::Need::kRequired,
                            Completes::kChoice,
                            {"error", "warn", "info", "debug"}}};
  log_level.json_shape = "{\"level\": text, \"previous\": text}";
  log_level.run = [level](Session& session) { return run_log_level(session, *level); };
  commands.push_back(std::move(log_level));

  auto rate = std::make_shared<std::uint64_t>(0);
  Command move_rate;
  move_rate.noun = "node";
  move_rate.verb = "move-rate";
  move_rate.summary = "change how fast a node fills new replicas, while it runs";
  move_rate.examples = {{"forebay node move-rate 0", "as fast as it goes"},
                        {"forebay node move-rate 200MiB --server 10.0.0.7:7400", "of that node"}};
  move_rate.positionals = {{"BYTES", "a second; 0: as fast as it goes", set_bytes(rate.get()),
                            Option::Repeats::kNo, Option::Need::kRequired, Completes::kNothing}};
  move_rate.json_shape = "{\"move_bytes_per_second\": n, \"previous\": n}";
  move_rate.notes =
      "Of the first node of --server that answers, as a leader of partitions, until it stops:\n"
      "cluster.move_bytes_per_second in its configuration is what it starts with. What the node has\n"
      "in memory it sends as fast as it goes: only what it reads from its disk is bounded.";
  move_rate.run = [rate](Session& session) { return run_move_rate(session, *rate); };
  commands.push_back(std::move(move_rate));
}

}  // namespace forebay::cli
