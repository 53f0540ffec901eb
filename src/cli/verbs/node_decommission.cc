// node decommission: a node leaves the cluster for good, alive or dead.
#include <algorithm>
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kAskAgainAfter{500};
constexpr const char* kRemoved = "removed";

struct DecommissionOptions {
  std::uint32_t node = 0;
  std::optional<std::chrono::milliseconds> wait;
  bool cancel = false;
  bool dry_run = false;
  bool allow_fewer_racks = false;

  [[nodiscard]] std::string name() const { return "node " + std::to_string(node); }
  [[nodiscard]] Validate validation() const { return dry_run ? Validate::kOnly : Validate::kAndApply; }
};

std::string replicas_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " replica" : " replicas");
}

bool contains(const std::vector<std::uint32_t>& nodes, std::uint32_t node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

struct Progress {
  std::string state;  // of the node; empty: it is not decommissioned
  bool alive = false;
  std::size_t replicas_left = 0;  // that are to be there still, or on their way
  std::size_t under_way = 0;
  std::uint64_t bytes_left = 0;  // of those under way, as far as their leaders know
  std::string waits_for;
  [[nodiscard]] bool is_over() const { return state == kRemoved; }
};

void count(const PartitionReplicas& partition, std::uint32_t node, Progress& progress) {
  const MoveStatus& move = partition.move;
  const bool to_leave = contains(move.target, node);
  const bool on_its_way = !to_leave && move.moving && contains(move.leaving, node);
  if (!to_leave && !on_its_way) return;
  ++progress.replicas_left;
  if (!on_its_way) return;
  ++progress.under_way;
  for (const ReplicaStatus& replica : partition.replicas) {
    if (replica.state == "being added") progress.bytes_left += replica.lag_bytes.value_or(0);
  }
  const std::string why = partition.leader == 0 ? "a leader that can be reached" : partition.waits_for;
  if (!why.empty() && progress.waits_for.empty())
    progress.waits_for = partition.topic + '/' + std::to_string(partition.partition) + " waits for " + why;
}

Result<Progress> look(Admin& admin, std::uint32_t node) {
  FOREBAY_TRY(const auto cluster, admin.describe_cluster());
  Progress progress;
  const auto at = std::find_if(cluster.nodes.begin(), cluster.nodes.end(),
                               [node](const ClusterNode& one) { return one.id == node; });
  if (at != cluster.nodes.end()) {
    progress.state = at->decommission;
    progress.alive = at->alive;
  }
  if (at == cluster.nodes.end() || !at->registered) {
    progress.state = kRemoved;
    return progress;
  }
  FOREBAY_TRY(const auto partitions, admin.list_partitions({}, Admin::Internal::kShow));
  for (const PartitionReplicas& partition : partitions) count(partition, node, progress);
  if (progress.waits_for.empty()) progress.waits_for = at->waits_for;
  return progress;
}

void print(Session& session, const DecommissionOptions& options, const Progress& progress) {
  const Value value = Value::object()
                          .set("node", options.node)
                          .set("state", progress.state.empty() ? Value() : Value(progress.state))
                          .set("alive", progress.alive)
                          .set("replicas_left", std::uint64_t{progress.replicas_left})
                          .set("under_way", std::uint64_t{progress.under_way})
                          .set("bytes_left", progress.bytes_left)
                          .set("waits_for", progress.waits_for.empty() ? Value() : Value(progress.waits_for));
  if (session.is_text() && progress.is_over()) {
    session.note(options.name() + " is no member of the cluster" +
                 (progress.alive ? "; it still runs: stop it" : ""));
    return;
  }
  session.print(value, {{{"",
                          "",
                          {{"node", "node"},
                           {"state", "state"},
                           {"alive", "alive"},
                           {"replicas left", "replicas_left"},
                           {"under way", "under_way"},
                           {"bytes left", "bytes_left", Show::kBytes},
                           {"waits for", "waits_for"}}}},
                        View::Repeat::kNo});
}

// Who is asked may be the one that goes, and not answer any more: others may, until the time is over.
bool is_transient(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimedOut ||
         error.code == ErrorCode::kNotYet || error.code == ErrorCode::kShuttingDown;
}

ExitCode verdict(Session& session, const DecommissionOptions& options, const Progress& progress) {
  print(session, options, progress);
  if (progress.is_over()) return ExitCode::kOk;
  if (progress.state.empty())
    return session.fail(ExitCode::kFailure, options.name() + " stays: somebody has cancelled it");
  return session.fail(ExitCode::kFailure, options.name() +
                                              " is not out of the cluster yet; it goes on: wait longer, with "
                                              "the same command, or see above what it waits for");
}

ExitCode wait_removed(Session& session, Admin& admin, const DecommissionOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + *options.wait;
  std::optional<std::size_t> told;
  while (true) {
    const auto progress = look(admin, options.node);
    const bool late = std::chrono::steady_clock::now() >= deadline;
    if (!progress && (late || !is_transient(progress.error()))) return session.fail(progress.error());
    if (progress && (late || progress->is_over() || progress->state.empty()))
      return verdict(session, options, *progress);
    if (progress && told != progress->replicas_left) {
      session.note(options.name() + " has " + replicas_text(progress->replicas_left) + " left");
      told = progress->replicas_left;
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

ExitCode tell_plan(Session& session, const DecommissionOptions& options, const Decommissioned& decided) {
  Value gains = Value::array();
  for (const auto& [node, count] : decided.gains)
    gains.push(Value::object().set("node", node).set("replicas", count));
  if (session.is_text()) {
    session.note(options.name() + " could be decommissioned; " + replicas_text(decided.replicas) +
                 " would move to others");
    if (decided.gains.empty()) return ExitCode::kOk;
  }
  session.print(Value::object()
                    .set("node", options.node)
                    .set("dry_run", true)
                    .set("replicas", decided.replicas)
                    .set("gains", std::move(gains)),
                {{{"gains", "", {{"NODE", "node"}, {"GETS REPLICAS", "replicas"}}}}, View::Repeat::kNo});
  return ExitCode::kOk;
}

ExitCode run_cancel(Session& session, Admin& admin, const DecommissionOptions& options) {
  const auto kept = admin.keep_node(options.node, options.validation());
  if (!kept) return session.fail(kept.error());
  if (session.is_text()) {
    session.note(options.name() + (options.dry_run ? " would stay" : " stays") +
                 ", with what it still has; what is on its way to others goes on");
  } else {
    session.print(
        Value::object().set("node", options.node).set("cancelled", true).set("dry_run", options.dry_run), {});
  }
  return ExitCode::kOk;
}

ExitCode run_decommission(Session& session, const DecommissionOptions& options) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  if (options.cancel) return run_cancel(session, **admin, options);
  const DecommissionSpec spec{options.node, options.allow_fewer_racks};
  // Refused, or decided long ago: nobody is asked about that.
  const auto plan = (*admin)->decommission_node(spec, Validate::kOnly);
  if (!plan) return session.fail(plan.error());
  if (options.dry_run) return tell_plan(session, options, *plan);
  const auto before = look(**admin, options.node);
  if (!before) return session.fail(before.error());
  if (before->state.empty()) {
    if (const auto refused =
            session.confirm("Move " + replicas_text(plan->replicas) + " from " + options.name() +
                            " to others and take it out of the cluster, so "
                            "that its data directory never comes back?"))
      return *refused;
    const auto decided = (*admin)->decommission_node(spec);
    if (!decided) return session.fail(decided.error());
  }
  if (options.wait) return wait_removed(session, **admin, options);
  const auto progress = look(**admin, options.node);
  if (!progress) return session.fail(progress.error());
  print(session, options, *progress);
  return ExitCode::kOk;
}

}  // namespace

void add_node_decommission_command(std::vector<Command>& commands) {
  auto options = std::make_shared<DecommissionOptions>();
  Command command;
  command.noun = "node";
  command.verb = "decommission";
  command.summary = "take a node out of the cluster for good, alive or dead; asks first";
  command.examples = {{"forebay node decommission 4 --dry-run", "could it be, and who would get what?"},
                      {"forebay node decommission 4 --yes --wait 2h", "then stop it, when it still runs"},
                      {"forebay node decommission 4", "once more: how far it is"},
                      {"forebay node decommission 4 --cancel", "keep it"}};
  command.positionals = {{"NODE", "the node's id", set_count_from_one(&options->node), Option::Repeats::kNo,
                          Option::Need::kRequired, Completes::kNothing}};
  command.options = {
      {"--wait", "DURATION", "until it is out of the cluster, at most this long; exit 1 when it is not",
       set_duration(&options->wait, std::chrono::seconds(1))},
      {"--dry-run", "", "check and show, change nothing", set_flag(&options->dry_run)},
      {"--allow-fewer-racks", "", "also when copies that are on different racks end on the same",
       set_flag(&options->allow_fewer_racks)},
      {"--cancel", "", "it stays, with what it still has", set_flag(&options->cancel)}};
  command.json_shape =
      "{\"node\": n, \"state\": text or null, \"alive\": bool, \"replicas_left\": n, \"under_way\": n, "
      "\"bytes_left\": n,\n"
      " \"waits_for\": text or null}\n"
      "with --dry-run: {\"node\": n, \"dry_run\": true, \"replicas\": n, \"gains\": [{\"node\": n, "
      "\"replicas\": n}]}\n"
      "with --cancel: {\"node\": n, \"cancelled\": true, \"dry_run\": bool}";
  command.notes =
      "Its replicas move to others by rack and load, cluster.moves_max at a time; producers and consumers go "
      "on.\n"
      "A node that runs is waited for until it has removed its data, a dead one is not. Then it is no member "
      "any\n"
      "more, and its data directory is refused for ever. Refused, with the topics, when too few nodes or "
      "racks\n"
      "would be left, or partitions have no majority. The controller carries it out, whatever this command "
      "does.";
  command.run = [options](Session& session) { return run_decommission(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
