// node drain, node undrain, node ready-to-stop: what comes before and after the stop of one node of several.
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

// Leaders hand over once a second.
constexpr std::chrono::milliseconds kAskAgainAfter{500};

struct StopOptions {
  std::uint32_t node = 0;
  std::optional<std::chrono::milliseconds> wait;
};

std::size_t led(const NodeStopCheck& check) {
  std::size_t count = 0;
  for (const StopObstacle& obstacle : check.obstacles) count += obstacle.leads ? 1 : 0;
  return count;
}

std::string partitions_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " partition" : " partitions");
}

Value obstacle_value(const StopObstacle& obstacle) {
  return Value::object()
      .set("topic", obstacle.topic)
      .set("partition", obstacle.partition)
      .set("leads", obstacle.leads)
      .set("reason", obstacle.reason);
}

// The verdict, and what stands against it; of a drain only what the node still leads.
void print(Session& session, std::uint32_t node, const NodeStopCheck& check, bool led_only) {
  Value obstacles = Value::array();
  for (const StopObstacle& obstacle : check.obstacles) {
    if (obstacle.leads || !led_only) obstacles.push(obstacle_value(obstacle));
  }
  const bool any = !obstacles.items().empty();
  Value value = Value::object();
  value.set("node", node).set("alive", check.alive).set("drained", check.drained).set("leads", led(check));
  if (!led_only) value.set("ready", check.ready());
  value.set("obstacles", std::move(obstacles));
  if (session.is_text() && !any) return;
  session.print(value,
                {{{"obstacles", "", {{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"WHY", "reason"}}}},
                 View::Repeat::kNo});
}

// --- ready-to-stop

ExitCode run_ready_to_stop(Session& session, const StopOptions& options) {
  const auto deadline =
      std::chrono::steady_clock::now() + options.wait.value_or(std::chrono::milliseconds(0));
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  while (true) {
    const auto check = (*admin)->check_node_stop(options.node);
    if (!check) return session.fail(check.error());
    if (check->ready() || std::chrono::steady_clock::now() >= deadline) {
      if (session.is_text()) {
        session.out().write("node " + std::to_string(options.node) +
                            (check->ready() ? " may be stopped\n" : " should not be stopped now\n"));
      }
      print(session, options.node, *check, false);
      return check->ready() ? ExitCode::kOk : ExitCode::kFailure;
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

// --- drain

ExitCode wait_drained(Session& session, Admin& admin, const StopOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + *options.wait;
  std::optional<std::size_t> told;
  while (true) {
    const auto check = admin.check_node_stop(options.node);
    if (!check) return session.fail(check.error());
    const std::size_t left = led(*check);
    if (told != left)
      session.note("node " + std::to_string(options.node) + " leads " + partitions_text(left));
    told = left;
    if (left == 0 || std::chrono::steady_clock::now() >= deadline) {
      print(session, options.node, *check, true);
      if (left == 0) return ExitCode::kOk;
      return session.fail(ExitCode::kFailure, "node " + std::to_string(options.node) +
                                                  " is drained and leads " + partitions_text(left) +
                                                  " still; wait longer, or see why above");
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

ExitCode run_drain(Session& session, const StopOptions& options) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  if (const auto drained = (*admin)->drain_node(options.node); !drained) return session.fail(drained.error());
  if (options.wait) return wait_drained(session, **admin, options);
  const auto check = (*admin)->check_node_stop(options.node);
  if (!check) return session.fail(check.error());
  session.note("node " + std::to_string(options.node) + " is drained; it leads " +
               partitions_text(led(*check)) + ", which others take over within seconds");
  print(session, options.node, *check, true);
  return ExitCode::kOk;
}

ExitCode run_undrain(Session& session, const StopOptions& options) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto undrained = (*admin)->undrain_node(options.node);
  if (!undrained) return session.fail(undrained.error());
  if (session.is_text()) {
    session.note("node " + std::to_string(options.node) +
                 " is no longer drained; it gets its leaderships back");
  } else {
    session.print(Value::object().set("node", options.node).set("drained", false), {});
  }
  return ExitCode::kOk;
}

Command stop_command(const std::string& verb, const std::string& summary,
                     const std::shared_ptr<StopOptions>& options) {
  Command command;
  command.noun = "node";
  command.verb = verb;
  command.summary = summary;
  command.positionals = {{"NODE", "the node's id", set_count_from_one(&options->node), Option::Repeats::kNo,
                          Option::Need::kRequired, Completes::kNothing}};
  return command;
}

}  // namespace

void add_node_stop_commands(std::vector<Command>& commands) {
  auto draining = std::make_shared<StopOptions>();
  Command drain = stop_command(
      "drain", "let a node lead nothing and get no new replicas, before it is stopped", draining);
  drain.examples = {{"forebay node drain 2 --wait 2m", "then: forebay node ready-to-stop 2, and stop it"},
                    {"forebay node drain 2", "without waiting"}};
  drain.options = {{"--wait", "DURATION",
                    "until it leads nothing, at most this long; exit 1 when it still does",
                    set_duration(&draining->wait, std::chrono::seconds(1))}};
  drain.json_shape =
      "{\"node\": n, \"alive\": bool, \"drained\": bool, \"leads\": n,\n"
      " \"obstacles\": [{\"topic\": text, \"partition\": n, \"leads\": bool, \"reason\": text}]}";
  drain.notes =
      "Leadership goes to replicas that are in sync and not drained; what nobody else can lead stays, and "
      "is\n"
      "listed with why. The controller's role goes too. It stays drained, also across restarts, until\n"
      "forebay node undrain.";
  drain.run = [draining](Session& session) { return run_drain(session, *draining); };
  commands.push_back(std::move(drain));

  auto undraining = std::make_shared<StopOptions>();
  Command undrain = stop_command("undrain", "let a node lead and get replicas again", undraining);
  undrain.examples = {{"forebay node undrain 2", ""}};
  undrain.json_shape = "{\"node\": n, \"drained\": false}";
  undrain.run = [undraining](Session& session) { return run_undrain(session, *undraining); };
  commands.push_back(std::move(undrain));

  auto stopping = std::make_shared<StopOptions>();
  Command ready = stop_command("ready-to-stop",
                               "may this node be stopped now? exit 1 and the reasons when not", stopping);
  ready.examples = {
      {"forebay node ready-to-stop 2", ""},
      {"forebay node ready-to-stop 2 --wait 5m && systemctl stop forebayd", "on the node itself"},
      {"forebay node ready-to-stop 2 -o json", ""}};
  ready.options = {{"--wait", "DURATION", "ask again until it may, at most this long",
                    set_duration(&stopping->wait, std::chrono::seconds(1))}};
  ready.json_shape =
      "{\"node\": n, \"alive\": bool, \"drained\": bool, \"leads\": n, \"ready\": bool,\n"
      " \"obstacles\": [{\"topic\": text, \"partition\": n, \"leads\": bool, \"reason\": text}]}";
  ready.notes =
      "It may be stopped when it leads nothing, and every partition with a replica on it keeps a majority "
      "of\n"
      "voters that are in sync without it. What the leaders of the partitions say counts; what no leader "
      "says\n"
      "counts as not in sync.";
  ready.run = [stopping](Session& session) { return run_ready_to_stop(session, *stopping); };
  commands.push_back(std::move(ready));
}

}  // namespace forebay::cli
